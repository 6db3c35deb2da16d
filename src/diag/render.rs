//! Draws diagnostics: HAProxy's line first, then an excerpt as rustc draws it. Writing them out is the caller's business.

use super::diagnostic::{Diagnostic, Lead, Note, Severity};
use super::span::{SourceMap, Span};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Snippet};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

/// How diagnostics look. Every text it returns ends with a newline.
#[derive(Debug, Clone)]
pub struct Renderer {
    pid: u32,
    excerpts: bool,
    colour: bool,
}

impl Renderer {
    /// `pid` is shown in parentheses as HAProxy does.
    pub fn new(pid: u32) -> Renderer {
        Renderer { pid, excerpts: true, colour: false }
    }

    /// Without excerpts the output is HAProxy's.
    #[must_use]
    pub fn excerpts(mut self, yes: bool) -> Renderer {
        self.excerpts = yes;
        self
    }

    /// Colours the excerpt with ANSI sequences; HAProxy's line stays plain.
    #[must_use]
    pub fn colour(mut self, yes: bool) -> Renderer {
        self.colour = yes;
        self
    }

    /// A line of any part of the program in HAProxy's form: `[NOTICE]   (7) : text`.
    pub fn line(&self, severity: Severity, text: &str) -> String {
        let tag = match severity {
            Severity::Alert => "[ALERT]",
            Severity::Warning => "[WARNING]",
            Severity::Notice => "[NOTICE]",
            Severity::Diag => "[DIAG]",
        };
        format!("{tag:<11}({}) : {text}\n", self.pid)
    }

    /// HAProxy's line and, where the place is known, the excerpt below it.
    pub fn render(&self, found: &Diagnostic, sources: &SourceMap) -> String {
        let mut out = self.line(found.severity, &headline(found, sources));
        // A message that explains itself, such as that of `.notice`, needs no drawing.
        let silent = found.severity < Severity::Warning && found.label.is_none() && found.notes.is_empty();
        if self.excerpts && !silent {
            out.push_str(&self.excerpt(found, sources));
        }
        out
    }

    /// All of them, one after the other.
    pub fn render_all<'d>(&self, all: impl IntoIterator<Item = &'d Diagnostic>, sources: &SourceMap) -> String {
        all.into_iter().map(|found| self.render(found, sources)).collect()
    }

    fn excerpt(&self, found: &Diagnostic, sources: &SourceMap) -> String {
        let level = level(found.severity);
        let label = found.label.as_deref().map(quoting);
        let mut elements: Vec<Element<'_>> = Vec::new();
        if let Some(span) = found.span {
            elements.extend(snippet(sources, span, AnnotationKind::Primary, label.as_deref()));
        }
        for note in &found.notes {
            match note {
                Note::Help(text) => elements.push(Level::HELP.message(quoting(text)).into()),
                Note::Note(text) => elements.push(Level::NOTE.message(quoting(text)).into()),
                Note::Place(span, text) => {
                    elements.extend(snippet(sources, *span, AnnotationKind::Context, Some(text)));
                }
            }
        }
        if elements.is_empty() {
            return String::new();
        }
        let renderer = match self.colour {
            true => annotate_snippets::Renderer::styled(),
            false => annotate_snippets::Renderer::plain(),
        };
        let report = [Group::with_level(level).elements(elements)];
        let mut out = renderer.decor_style(DecorStyle::Ascii).render(&report);
        out.push('\n');
        out
    }
}

/// Everything of HAProxy's line behind the process id.
fn headline(found: &Diagnostic, sources: &SourceMap) -> String {
    let mut out = String::new();
    let at = found.span.map(|span| format!("[{}:{}]", sources.name(span.file), span.line));
    let result = match (found.lead, at) {
        (Lead::Bare, _) => Ok(()),
        (Lead::Parsing, Some(at)) => write!(out, "config : parsing {at} : "),
        (Lead::ParsingTight, Some(at)) => write!(out, "config : parsing {at}: "),
        (Lead::ParsingCapital, Some(at)) => write!(out, "config : Parsing {at}: "),
        (Lead::Place, Some(at)) => write!(out, "config : {at} : "),
        (_, None) | (Lead::Config, _) => write!(out, "config : "),
    };
    debug_assert!(result.is_ok(), "writing to a String cannot fail");
    out.push_str(&quoting(&found.message));
    out
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Alert => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice | Severity::Diag => Level::NOTE,
    }
}

/// The place and its line with the span underlined; nothing for a span that points nowhere.
fn snippet<'a>(
    sources: &'a SourceMap,
    span: Span,
    kind: AnnotationKind,
    label: Option<&'a str>,
) -> Option<Element<'a>> {
    let line = sources.line(span.file, span.line)?;
    let (text, columns) = visible(line, span.columns());
    let mark: Annotation<'a> = kind.span(columns).label(label);
    Some(Snippet::source(text).path(sources.name(span.file)).line_start(span.line as usize).annotation(mark).into())
}

/// The line as printable text and the span within it. The drawing crate trims long lines to the terminal's width; only
/// monstrous ones are cut here, at their end, and a monstrous span is shortened, so that columns stay true.
fn visible(line: &[u8], columns: Range<usize>) -> (String, Range<usize>) {
    let start = columns.start.min(line.len());
    let end = columns.end.clamp(start, line.len()).min(start + LONGEST_SPAN);
    let to = line.len().min(end + LONGEST_SPAN);
    let [before, inside, behind] =
        [0..start, start..end, end..to].map(|range| printable(line.get(range).unwrap_or_default()));
    let span = before.len()..before.len() + inside.len();
    (before + &inside + &behind, span)
}

/// Text of ours that may quote the file: as `printable`, but with the lines that it has.
fn quoting(text: &str) -> Cow<'_, str> {
    let moves = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(moves) {
        true => text.replace(moves, "\u{fffd}").into(),
        false => text.into(),
    }
}

/// Lossy text; control characters other than the tab would move the cursor of a terminal.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(|c: char| c.is_control() && c != '\t', "\u{fffd}")
}

/// More bytes than a terminal shows in one line.
const LONGEST_SPAN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(text: &[u8], found: impl FnOnce(super::super::FileId) -> Diagnostic) -> String {
        let mut sources = SourceMap::new();
        let file = sources.add("bad.cfg", text);
        Renderer::new(5852).render(&found(file), &sources)
    }

    fn check(name: &str, drawn: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/diag"));
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name, drawn));
    }

    #[test]
    fn the_line_is_haproxys_and_the_excerpt_follows() {
        let drawn = draw(b"global\n    maxcon 100\n", |file| {
            Diagnostic::alert(
                "unknown-keyword",
                "unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
            )
            .at(Span::new(file, 2, 4..10))
            .label("no such keyword in a 'global' section")
            .help("write 'maxconn'")
        });
        check("unknown_keyword", &drawn);
    }

    #[test]
    fn another_place_is_shown_too() {
        let drawn = draw(b"frontend a\nfrontend b\nbackend a\n", |file| {
            Diagnostic::alert("same-name", "backend 'a' has the same name as frontend 'a' declared at bad.cfg:1.")
                .lead(Lead::ParsingCapital)
                .at(Span::new(file, 3, 8..9))
                .place(Span::new(file, 1, 9..10), "the frontend")
        });
        check("two_places", &drawn);
    }

    #[test]
    fn without_a_place_there_is_no_excerpt() {
        let drawn = draw(b"", |_| Diagnostic::warning("w", "missing timeouts for frontend 'f'.").lead(Lead::Bare));
        assert_eq!(drawn, "[WARNING]  (5852) : missing timeouts for frontend 'f'.\n");
        let drawn = draw(b"", |_| Diagnostic::notice("n", "hello"));
        assert_eq!(drawn, "[NOTICE]   (5852) : config : hello\n");
    }

    #[test]
    fn tabs_control_bytes_and_long_lines_are_drawn() {
        let mut line = b"\tacl x \x1b[31m caf\xe9 -m reg ".to_vec();
        line.extend(std::iter::repeat_n(b'a', 3000));
        let drawn = draw(&line, |file| Diagnostic::alert("w", "message").at(Span::new(file, 1, 14..17)).label("here"));
        check("long_line", &drawn);
        let drawn = draw(&line, |file| Diagnostic::alert("w", "message").at(Span::new(file, 1, 2000..2900)));
        check("long_span", &drawn);
        line.extend(std::iter::repeat_n(b'\xe9', 1 << 20));
        let drawn = draw(&line, |file| Diagnostic::alert("w", "message").at(Span::new(file, 1, 900_000..900_002)));
        assert!(drawn.len() < 2000 && drawn.contains("bad.cfg:1:900001"), "{drawn}");
    }

    #[test]
    fn a_span_outside_its_line_is_harmless() {
        for (start, end) in [(0, 0), (3, 3), (9, 20), (2, 1)] {
            let drawn = draw(b"abc\n", |file| Diagnostic::alert("w", "message").at(Span::new(file, 1, start..end)));
            assert!(drawn.contains("bad.cfg:1"), "{drawn}");
        }
    }
}
