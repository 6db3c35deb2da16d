//! Regular expressions as HAProxy writes them: PCRE syntax over bytes (manual 7.1.4).
//!
//! Expressions run on the `regex` crate, whose time is linear in the sample. What it cannot express (look-around, back
//! references, atomic groups) runs on `fancy-regex`, which backtracks but gives up after a bounded number of steps; an
//! expression that gives up does not match, as with PCRE's match limit.

mod class;
mod expand;
mod pcre;
mod set;

use std::borrow::Cow;

use smallvec::SmallVec;

pub use expand::{Template, expand};
pub(super) use set::RegexIndex;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// It is not well-formed.
    #[error("{why} (at byte {at})")]
    Syntax {
        /// Offset in the expression.
        at: usize,
        /// What is wrong there.
        why: &'static str,
    },
    /// PCRE can, the engines here cannot.
    #[error("{what} is not supported (at byte {at})")]
    Unsupported {
        /// Offset in the expression.
        at: usize,
        /// The construct.
        what: &'static str,
    },
    /// The engine's own words.
    #[error("{0}")]
    Engine(String),
}

/// Where the groups of a match lie; group 0 is the whole match, groups that took no part are `None`.
pub type Groups = SmallVec<[Option<(usize, usize)>; 10]>;

/// One expression.
#[derive(Clone, Debug)]
pub struct Regex {
    engine: Engine,
    /// It uses `$`, which also matches before a final line feed.
    before_final_newline: bool,
}

#[derive(Clone, Debug)]
enum Engine {
    Linear(regex::bytes::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl Regex {
    /// Compiles an expression; `fold` ignores ASCII case.
    pub fn new(pattern: &[u8], fold: bool) -> Result<Regex, RegexError> {
        Regex::compile(&pcre::translate(pattern)?, fold)
    }

    fn compile(translated: &pcre::Translated, fold: bool) -> Result<Regex, RegexError> {
        let engine = if translated.backtracks {
            let text =
                if fold { Cow::Owned(format!("(?i:{})", translated.text)) } else { Cow::Borrowed(&translated.text) };
            let built = fancy_regex::Regex::new(&text).map_err(|why| RegexError::Engine(why.to_string()))?;
            Engine::Backtracking(Box::new(built))
        } else {
            let mut builder = regex::bytes::RegexBuilder::new(&translated.text);
            let built = builder.unicode(false).case_insensitive(fold).size_limit(SIZE_LIMIT).build();
            Engine::Linear(built.map_err(|why| RegexError::Engine(why.to_string()))?)
        };
        Ok(Regex { engine, before_final_newline: translated.dollar })
    }

    /// Whether the expression matches anywhere in the sample.
    pub fn is_match(&self, sample: &[u8]) -> bool {
        let matches = |sample: &[u8]| match &self.engine {
            Engine::Linear(regex) => regex.is_match(sample),
            Engine::Backtracking(regex) => regex.is_match(&as_text(sample)).unwrap_or(false),
        };
        matches(sample) || self.without_newline(sample).is_some_and(matches)
    }

    /// Finds the first match at or after `start` and where its groups lie. `start` must not exceed the sample's length.
    pub fn captures(&self, sample: &[u8], start: usize, groups: &mut Groups) -> bool {
        let mut found = self.captures_in(sample, start, groups);
        if let Some(shorter) = self.without_newline(sample) {
            let mut other = Groups::new();
            let begins = |groups: &Groups| groups.first().copied().flatten().map(|(begin, _)| begin);
            if self.captures_in(shorter, start, &mut other) && !(found && begins(groups) <= begins(&other)) {
                *groups = other;
                found = true;
            }
        }
        found
    }

    fn captures_in(&self, sample: &[u8], start: usize, groups: &mut Groups) -> bool {
        groups.clear();
        match &self.engine {
            _ if start > sample.len() => false,
            Engine::Linear(regex) => {
                let mut found = regex.capture_locations();
                let matched = regex.captures_read_at(&mut found, sample, start).is_some();
                if matched {
                    groups.extend((0..found.len()).map(|group| found.get(group)));
                }
                matched
            }
            Engine::Backtracking(regex) => backtrack(regex, sample, start, groups),
        }
    }

    /// How many groups the expression has, with group 0.
    pub fn group_count(&self) -> usize {
        match &self.engine {
            Engine::Linear(regex) => regex.captures_len(),
            Engine::Backtracking(regex) => regex.captures_len(),
        }
    }

    /// For `$`: what it may see of a sample that ends with a line feed.
    fn without_newline<'s>(&self, sample: &'s [u8]) -> Option<&'s [u8]> {
        if self.before_final_newline { sample.strip_suffix(b"\n") } else { None }
    }
}

/// The sample as text whose character numbers are the sample's bytes: one character per byte.
fn as_text(sample: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(sample) {
        Ok(text) if sample.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(sample.iter().map(|byte| char::from(*byte)).collect()),
    }
}

fn backtrack(regex: &fancy_regex::Regex, sample: &[u8], start: usize, groups: &mut Groups) -> bool {
    let text = as_text(sample);
    let wide = matches!(text, Cow::Owned(_));
    // In wide text, bytes from 0x80 on take two bytes.
    let from = if wide { start + sample[..start].iter().filter(|byte| !byte.is_ascii()).count() } else { start };
    let Ok(Some(found)) = regex.captures_from_pos(&text, from) else { return false };
    let back = |at: usize| if wide { text[..at].chars().count() } else { at };
    groups.extend((0..found.len()).map(|group| found.get(group).map(|m| (back(m.start()), back(m.end())))));
    true
}

/// Compiled size in bytes up to which an expression, or a set of them, is accepted.
const SIZE_LIMIT: usize = 256 << 20;

#[cfg(test)]
mod tests;
