//! A word of the configuration as the tokenizer leaves it: resolved text, and the way back to the source.

use super::span::Span;
use std::fmt;
use std::ops::Range;

/// One word: quotes, escapes and environment variables are resolved; the span shows what was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    text: Text,
    pub span: Span,
    /// Where text and source drift apart; empty when the word reads as it was written.
    steps: Box<[Step]>,
    /// At least one part stood between quotes, or an escape was resolved: an empty quoted word is an empty argument.
    pub quoted: bool,
    /// At least one part comes from an environment variable.
    pub expanded: bool,
}

/// From `text` bytes of the resolved word on, the source continues at column `source` of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub text: u32,
    pub source: u32,
    /// How many bytes of source an escape or a variable takes, whatever its value; 0 where both run in parallel.
    pub width: u32,
}

#[derive(Clone, PartialEq, Eq)]
enum Text {
    Utf8(Box<str>),
    Bytes { bytes: Box<[u8]>, lossy: Box<str> },
}

impl Word {
    /// A word that reads as it was written.
    pub fn new(text: impl Into<Vec<u8>>, span: Span) -> Word {
        Word::resolved(text.into(), span, Vec::new())
    }

    /// A word whose text differs from its source; `steps` are in ascending order of `text`.
    pub fn resolved(text: Vec<u8>, span: Span, steps: Vec<Step>) -> Word {
        let text = match String::from_utf8(text) {
            Ok(text) => Text::Utf8(text.into_boxed_str()),
            Err(error) => Text::Bytes {
                lossy: String::from_utf8_lossy(error.as_bytes()).into_owned().into_boxed_str(),
                bytes: error.into_bytes().into_boxed_slice(),
            },
        };
        Word { text, span, steps: steps.into_boxed_slice(), quoted: false, expanded: false }
    }

    /// The text. Bytes that are not UTF-8 read as U+FFFD: use [`Word::as_bytes`] where such bytes must survive.
    pub fn as_str(&self) -> &str {
        match &self.text {
            Text::Utf8(text) => text,
            Text::Bytes { lossy, .. } => lossy,
        }
    }

    /// The exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.text {
            Text::Utf8(text) => text.as_bytes(),
            Text::Bytes { bytes, .. } => bytes,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    pub fn is_utf8(&self) -> bool {
        matches!(self.text, Text::Utf8(_))
    }

    /// Where bytes `range` of the text were written. Text from a variable maps to the whole variable.
    pub fn part(&self, range: Range<usize>) -> Span {
        let length = self.as_bytes().len();
        if range.start == 0 && range.end >= length {
            return self.span;
        }
        let (start, _) = self.columns(range.start);
        let end = if range.end <= range.start { start } else { self.columns(range.end - 1).1 };
        Span { start: start.min(self.span.end), end: end.clamp(start, self.span.end.max(start)), ..self.span }
    }

    /// First column of what byte `at` of the text was written as, and the column behind it.
    fn columns(&self, at: usize) -> (u32, u32) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let behind = self.steps.partition_point(|step| step.text <= at);
        match behind.checked_sub(1).and_then(|index| self.steps.get(index)) {
            Some(step) if step.width > 0 => (step.source, step.source.saturating_add(step.width)),
            step => {
                let (text, source) = step.map_or((0, self.span.start), |step| (step.text, step.source));
                let column = source.saturating_add(at - text);
                (column, column.saturating_add(1))
            }
        }
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{}:{}-{}", bstr(self.as_bytes()), self.span.line, self.span.start, self.span.end)
    }
}

/// Readable form of any bytes for test output.
fn bstr(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::SourceMap;
    use super::*;

    #[test]
    fn a_plain_word_maps_byte_by_byte() {
        let file = SourceMap::new().add("a", *b"  alpha,beta");
        let word = Word::new("alpha,beta", Span::new(file, 1, 2..12));
        assert_eq!(word.part(6..10).columns(), 8..12);
        assert_eq!(word.part(0..10), word.span);
        assert_eq!(word.part(10..10).columns(), 12..12);
    }

    #[test]
    fn a_resolved_word_maps_through_its_steps() {
        // Source: a\ b"c d" starting at column 0; text: "a bc d".
        let file = SourceMap::new().add("a", *br#"a\ b"c d""#);
        let step = |text, source, width| Step { text, source, width };
        let steps = vec![step(1, 1, 2), step(2, 4, 0)];
        let word = Word::resolved(b"a bc d".to_vec(), Span::new(file, 1, 0..9), steps);
        assert_eq!(word.part(1..2).columns(), 1..3);
        assert_eq!(word.part(3..6).columns(), 5..8);
    }

    #[test]
    fn bytes_survive_beside_the_readable_text() {
        let word = Word::new(*b"caf\xe9", Span::nowhere());
        assert_eq!(word.as_bytes(), b"caf\xe9");
        assert_eq!(word.as_str(), "caf\u{fffd}");
        assert!(!word.is_utf8());
        assert!(word != "caf\u{fffd}");
    }

    #[test]
    fn any_range_is_answered() {
        let word = Word::new("ab", Span::nowhere());
        for (start, end) in [(0, 0), (5, 9), (1, 0), (usize::MAX - 1, usize::MAX)] {
            let span = word.part(start..end);
            assert!(span.start <= span.end);
        }
    }
}
