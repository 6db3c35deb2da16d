//! Files, positions in them, and values that remember theirs. Reading files from disk is not done here.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

/// A text known to a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(NonZeroU32);

/// A range of bytes within one line of a text.
///
/// The configuration language has no continuation lines, so one line number and two columns always suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    /// Line number, the first line is 1; 0 for a span that points nowhere.
    pub line: u32,
    /// First byte, counted from the start of the line.
    pub start: u32,
    /// Byte after the last one, counted from the start of the line.
    pub end: u32,
}

/// A value and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// Owns the names and the bytes of all texts that were read.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    name: Arc<str>,
    text: Arc<[u8]>,
    /// Offset of the first byte of each line.
    lines: Vec<usize>,
}

impl Span {
    pub fn new(file: FileId, line: u32, columns: Range<usize>) -> Span {
        Span { file, line, start: column(columns.start), end: column(columns.end) }
    }

    /// A span for words that no file contains, for instance in tests. No excerpt is drawn for it.
    pub fn nowhere() -> Span {
        Span { file: FileId(NonZeroU32::MAX), line: 0, start: 0, end: 0 }
    }

    /// The smallest span that covers both. A span of another line is ignored: an excerpt shows one line.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if (self.file, self.line) != (other.file, other.line) {
            return self;
        }
        Span { start: self.start.min(other.start), end: self.end.max(other.end), ..self }
    }

    /// The empty span right behind this one: where something is missing.
    #[must_use]
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }

    /// The columns as indices into the line.
    pub fn columns(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, span: self.span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl SourceMap {
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Takes a text in and hands out its id. The same name may be added twice; each call is another text.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<[u8]>>) -> FileId {
        let text = text.into();
        let starts = memchr::memchr_iter(b'\n', &text).map(|at| at + 1).filter(|&at| at < text.len());
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(Source { name: name.into(), text, lines });
        let count = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        FileId(NonZeroU32::new(count).unwrap_or(NonZeroU32::MAX))
    }

    /// The name given to [`SourceMap::add`], usually a path as the user wrote it; `?` for a span that points nowhere.
    pub fn name(&self, file: FileId) -> &str {
        self.source(file).map_or("?", |source| &source.name)
    }

    /// All bytes of a text.
    pub fn text(&self, file: FileId) -> &[u8] {
        self.source(file).map_or(&[], |source| &source.text)
    }

    /// The bytes of one line (numbered from 1) without its line end; `None` if there is no such line.
    pub fn line(&self, file: FileId, line: u32) -> Option<&[u8]> {
        let source = self.source(file)?;
        let index = (line as usize).checked_sub(1)?;
        let start = *source.lines.get(index)?;
        let end = source.lines.get(index + 1).copied().unwrap_or(source.text.len());
        let line = source.text.get(start..end)?;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The ids of all texts in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        (1..=u32::try_from(self.files.len()).unwrap_or(u32::MAX)).filter_map(|id| NonZeroU32::new(id).map(FileId))
    }

    fn source(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.0.get() as usize - 1)
    }
}

/// Columns beyond 4 GiB are cut: only an excerpt would be wrong there.
fn column(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends() {
        let mut sources = SourceMap::new();
        let file = sources.add("a.cfg", *b"one\r\n\ntwo");
        assert_eq!(sources.line(file, 1), Some(&b"one"[..]));
        assert_eq!(sources.line(file, 2), Some(&b""[..]));
        assert_eq!(sources.line(file, 3), Some(&b"two"[..]));
        assert_eq!(sources.line(file, 4), None);
        assert_eq!(sources.line(file, 0), None);
    }

    #[test]
    fn a_final_newline_does_not_open_a_line() {
        let mut sources = SourceMap::new();
        let file = sources.add("a.cfg", *b"one\n");
        assert_eq!(sources.line(file, 2), None);
        assert_eq!(sources.files().collect::<Vec<_>>(), [file]);
    }

    #[test]
    fn a_span_that_points_nowhere_is_harmless() {
        let sources = SourceMap::new();
        assert_eq!(sources.name(Span::nowhere().file), "?");
        assert_eq!(sources.line(Span::nowhere().file, 1), None);
    }

    #[test]
    fn joining_covers_both_on_one_line_only() {
        let mut sources = SourceMap::new();
        let file = sources.add("a.cfg", *b"one two\nthree\n");
        let (one, two, three) = (Span::new(file, 1, 0..3), Span::new(file, 1, 4..7), Span::new(file, 2, 0..5));
        assert_eq!(two.to(one).columns(), 0..7);
        assert_eq!(one.to(three), one);
        assert_eq!(one.after().columns(), 3..3);
    }
}
