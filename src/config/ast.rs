//! What reading configuration files yields: sections of lines of words, with their places. No keyword is looked up here.

use super::env::Env;
use crate::diag::{SourceMap, Span, Word};
use std::fmt;

/// All files of one configuration. Complete even if there were errors: bad lines are left out.
#[derive(Debug, Clone, Default)]
pub struct Ast {
    pub sources: SourceMap,
    /// In the order they were read.
    pub sections: Vec<Section>,
    /// The environment behind the last line: what `setenv` and its relatives made of the one passed in.
    pub env: Env,
}

/// A section: the line that opens it and the lines up to the next one or to the end of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The section keyword and its arguments, such as `frontend web from base`.
    pub head: Line,
    pub lines: Vec<Line>,
}

/// A line with at least one word; no word is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub words: Vec<Word>,
    /// From the first to the last word.
    pub span: Span,
}

impl Section {
    /// The section keyword.
    pub fn kind(&self) -> &str {
        self.head.keyword().as_str()
    }

    /// The first argument, if any: the name of most sections.
    pub fn name(&self) -> Option<&Word> {
        self.head.words.get(1)
    }
}

impl Line {
    /// `None` without words.
    pub(super) fn new(words: Vec<Word>) -> Option<Line> {
        let (first, last) = (words.first()?, words.last()?);
        let span = first.span.to(last.span);
        Some(Line { words, span })
    }

    /// The first word.
    pub fn keyword(&self) -> &Word {
        // `new` makes no line without a word.
        &self.words[0]
    }

    /// All words behind the first.
    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Where a missing word would have stood.
    pub fn end(&self) -> Span {
        self.span.after()
    }
}

/// For snapshots: one line each, numbered, words separated by `|`.
impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "{}:{}", self.sources.name(section.head.span.file), section.head)?;
            for line in &section.lines {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.span.line)?;
        for (index, word) in self.words.iter().enumerate() {
            let separator = if index == 0 { " " } else { " | " };
            write!(f, "{separator}{}", word.as_bytes().escape_ascii())?;
        }
        Ok(())
    }
}
