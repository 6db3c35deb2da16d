//! Readers of arguments that several actions share.

use crate::diag::{Diagnostic, Word};
use crate::keyword::{Result, Words};
use crate::pattern::regex::Regex;

/// The next `N` words, none of them empty; `message` says how many were expected.
pub(super) fn exactly<'a, const N: usize>(words: &mut Words<'a>, message: &str) -> Result<[&'a Word; N]> {
    let found: Option<&[Word; N]> = words.rest().first_chunk();
    let Some(found) = found.filter(|found| found.iter().all(|word| !word.is_empty())) else {
        return Err(words.error_here(message));
    };
    for _ in 0..N {
        words.next_word();
    }
    Ok(found.each_ref())
}

/// A regular expression.
pub(super) fn regex(word: &Word) -> Result<Regex> {
    Regex::new(word.as_bytes(), false).map_err(|error| {
        let message = format!("regex '{}' is invalid (error={error})", word.as_str());
        Box::new(Diagnostic::alert("regex", message).at(word.span))
    })
}
