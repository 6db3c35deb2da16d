//! Arguments that many directives share: integers, times, sizes, names, addresses. Each reads one word and says what it
//! expected in HAProxy's words; the table code puts the directive's name in front.

use std::fmt::Display;
use std::rc::Rc;
use std::str::FromStr;

use super::compat::Compat;
use super::table::sentence;
use crate::base::addr::{Accepts, Address};
use crate::base::duration::{self, DurationError};
use crate::base::size;
use crate::config::Env;
use crate::diag::{Diagnostic, SourceMap, Span, Word};
use crate::keyword::{Result, Scope, Words, error_at};

/// What all drafts of one configuration know.
pub(super) struct Shared {
    /// Variables that stand unquoted in addresses.
    pub(super) env: Env,
    /// Whose defaults count.
    pub(super) compat: Compat,
    /// For `file:line`.
    pub(super) sources: SourceMap,
}

/// Drafts outlive no load, and a load is one thread.
pub(super) type SharedRef = Rc<Shared>;

impl Shared {
    /// `file:line` of a span.
    pub(super) fn place(&self, span: Span) -> Box<str> {
        format!("{}:{}", self.sources.name(span.file), span.line).into()
    }

    /// Reads an address of the given kind.
    pub(super) fn address(&self, word: &Word, accepts: &Accepts) -> Result<Address> {
        accepts.parse(word.as_str(), |name| self.variable(name)).map_err(|error| error_at(word.span, error.to_string()))
    }

    /// Reads a comma-separated list of addresses.
    pub(super) fn addresses(&self, word: &Word, accepts: &Accepts) -> Result<Vec<Address>> {
        let all = accepts.parse_list(word.as_str(), |name| self.variable(name));
        all.map_err(|error| error_at(word.span, error.to_string()))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.env.value(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

/// The next word as text.
pub(super) fn text<'a>(words: &mut Words<'a>, what: &str) -> Result<&'a str> {
    words.expect(what).map(Word::as_str)
}

/// The next word as a whole number within a range.
pub(super) fn integer<T>(words: &mut Words<'_>, low: T, high: T) -> Result<T>
where
    T: FromStr + PartialOrd + Display,
{
    let word = words.expect("an integer argument.")?;
    let found: T = word
        .as_str()
        .parse()
        .map_err(|_| error_at(word.span, format!("expects an integer between {low} and {high}, found '{word}'.")))?;
    if found < low || found > high {
        return Err(error_at(word.span, format!("expects an integer between {low} and {high}, found '{word}'.")));
    }
    Ok(found)
}

/// The next word as a number that HAProxy reads as 32 bits and of which 0 means "no limit".
pub(super) fn limit(words: &mut Words<'_>) -> Result<Option<u32>> {
    Ok(Some(integer(words, 0, i32::MAX as u32)?).filter(|&n| n > 0))
}

/// The next word as a time in milliseconds.
pub(super) fn millis(words: &mut Words<'_>, scope: &Scope<'_>, keyword: &str) -> Result<u64> {
    time(words, scope, keyword, duration::Unit::Millisecond)
}

/// The next word as a time in milliseconds; a number without unit is seconds.
pub(super) fn millis_from_seconds(words: &mut Words<'_>, scope: &Scope<'_>, keyword: &str) -> Result<u64> {
    time(words, scope, keyword, duration::Unit::Second)
}

fn time(words: &mut Words<'_>, scope: &Scope<'_>, keyword: &str, default: duration::Unit) -> Result<u64> {
    let Some(word) = words.next_word() else {
        return Err(sentence(
            words.end(),
            "missing",
            format!("'{keyword}' expects an integer value (in milliseconds)"),
        ));
    };
    match duration::parse(word.as_str(), default, duration::Unit::Millisecond) {
        Ok(ms) => Ok(u64::from(ms)),
        // HAProxy ignores what stands behind a unit.
        Err(DurationError::Unexpected { at, found }) if with_unit(word.as_str(), at) => {
            let text = format!(
                "unexpected character '{found}' after the timer value '{word}', only (us=microseconds,ms=milliseconds,\
                 s=seconds,m=minutes,h=hours,d=days) are supported."
            );
            let warning = Diagnostic::warning("bad-time", text).at(word.part(at..word.as_bytes().len()));
            scope.diags.push(warning.help("write one number and one unit: the rest is ignored"));
            let head = word.as_str().get(..at).unwrap_or_default();
            Ok(u64::from(duration::parse(head, default, duration::Unit::Millisecond).unwrap_or_default()))
        }
        Err(error) => {
            let help = "write a number and one of the units us, ms, s, m, h, d, as in 30s";
            let error = sentence(word.span, "bad-time", error.message(word.as_str(), keyword));
            Err(Box::new(error.help(help)))
        }
    }
}

/// Whether the first `at` bytes end with a unit.
fn with_unit(text: &str, at: usize) -> bool {
    text.get(..at)
        .is_some_and(|head| head.starts_with(|c: char| c.is_ascii_digit()) && head.ends_with(char::is_alphabetic))
}

/// A time that waits for ever when it is 0.
pub(super) fn timeout(words: &mut Words<'_>, scope: &Scope<'_>, keyword: &str) -> Result<Option<u64>> {
    Ok(Some(millis(words, scope, keyword)?).filter(|&ms| ms > 0))
}

/// The next word as a size in bytes.
pub(super) fn bytes(words: &mut Words<'_>) -> Result<u64> {
    let word = words.expect("a size such as 16k.")?;
    size::parse(word.as_str()).map_err(|error| error_at(word.span, format!("{error} in '{word}'")))
}

/// The next word is one of those given; its position.
pub(super) fn choice(words: &mut Words<'_>, names: &[&str]) -> Result<usize> {
    let list = || names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let Some(word) = words.next_word() else {
        return Err(words.error_here(format!("expects one of {}.", list())));
    };
    names
        .iter()
        .position(|name| *name == word.as_str())
        .ok_or_else(|| error_at(word.span, format!("expects one of {}, found '{word}'.", list())))
}

/// `on` or `off`.
pub(super) fn on_off(words: &mut Words<'_>) -> Result<bool> {
    Ok(choice(words, &["on", "off"])? == 0)
}

/// The first character that proxy, server, ACL and userlist names must not have.
pub(super) fn invalid_char(name: &str) -> Option<char> {
    name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.' | ':'))
}
