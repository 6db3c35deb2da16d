//! The cursor over the words of a line (or the arguments of a keyword) that every `bind` and `apply` reads from.

use crate::diag::{Diagnostic, Span, Word};

/// What went wrong with a word, and where; the caller adds the file, line and keyword once.
pub type Error = Box<Diagnostic>;
/// The result of reading words.
pub type Result<T> = std::result::Result<T, Error>;

/// A cursor with spans. Left-over words are an error: see [`Words::finish`].
pub struct Words<'a> {
    words: &'a [Word],
    at: usize,
    /// Where to point when a word is missing: the end of the line or of the argument list.
    end: Span,
}

impl<'a> Words<'a> {
    /// A cursor over `words`; `end` is where a missing word would have stood.
    pub fn new(words: &'a [Word], end: Span) -> Self {
        Words { words, at: 0, end }
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    /// The text of the next word without taking it; `""` at the end.
    pub fn peek_str(&self) -> &'a str {
        self.peek().map_or("", |word| word.as_str())
    }

    /// Takes the next word.
    pub fn next_word(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Takes the next word or says what was expected there.
    pub fn expect(&mut self, what: &str) -> Result<&'a Word> {
        match self.next_word() {
            Some(word) => Ok(word),
            None => Err(self.error_here(format!("expects {what}"))),
        }
    }

    /// Takes the next word if it is `text`.
    pub fn take(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.as_str() == text);
        self.at += usize::from(found);
        found
    }

    /// Goes back by one word.
    pub fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// The words not taken yet.
    pub fn rest(&self) -> &'a [Word] {
        self.words.get(self.at..).unwrap_or(&[])
    }

    /// Takes all words that are left.
    pub fn take_rest(&mut self) -> &'a [Word] {
        let rest = self.rest();
        self.at = self.words.len();
        rest
    }

    /// How many words have been taken.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether all words are taken.
    pub fn is_empty(&self) -> bool {
        self.at >= self.words.len()
    }

    /// The word taken last, for error messages about it.
    pub fn last(&self) -> Option<&'a Word> {
        self.at.checked_sub(1).and_then(|at| self.words.get(at))
    }

    /// The span of the next word, or of the end of the line.
    pub fn span(&self) -> Span {
        self.peek().map_or(self.end, |word| word.span)
    }

    /// The span of the end of the line.
    pub fn end(&self) -> Span {
        self.end
    }

    /// An error about the next word (or the end of the line).
    pub fn error_here(&self, message: impl Into<String>) -> Error {
        error_at(self.span(), message)
    }

    /// An error about the word taken last.
    pub fn error_last(&self, message: impl Into<String>) -> Error {
        error_at(self.last().map_or(self.end, |word| word.span), message)
    }

    /// Every word must have been taken.
    pub fn finish(&self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(word) => Err(error_at(word.span, format!("unexpected word '{}'", word.as_str()))),
        }
    }
}

/// An error at a place; HAProxy's severity for it is an alert.
pub fn error_at(span: Span, message: impl Into<String>) -> Error {
    Box::new(Diagnostic::alert("bad-argument", message).at(span))
}
