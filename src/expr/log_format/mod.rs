//! Log-format strings (manual 8.2.6): text, `%aliases` and `%[expressions]`, bound at load.
//!
//! The same language serves logs and the `<fmt>` arguments of rules, but what an empty value, a quote or a control character
//! becomes depends on the place: see [`Style`]. Where lines go, and when, is not decided here.

pub mod alias;
mod bind;
mod date;
mod encode;
#[cfg(test)]
mod tests;

use super::{Ctx, Expr};
use crate::base::value::Value;
use crate::keyword::{Hook, Meta, Needs};

/// A moment in local time with milliseconds, from Unix time in microseconds: `26/Nov/2026:03:14:02.153`.
pub fn moment(us: i64) -> String {
    let second = date::of(us.div_euclid(1_000_000));
    let date = second.local.get(..date::SHORT).unwrap_or_default();
    format!("{}.{:03}", String::from_utf8_lossy(date), us.rem_euclid(1_000_000) / 1000)
}

/// A bound format string. Built by [`LogFormat::bind`].
pub struct LogFormat {
    items: Box<[Item]>,
    needs: Needs,
    text: Box<str>,
}

/// A piece of a format string.
enum Item {
    /// Literal text.
    Text(Box<[u8]>),
    /// Literal text of one byte: most of what stands between aliases.
    Byte(u8),
    /// A blank of a log line: written unless the line is empty so far or a blank was written just before.
    Blank,
    /// A `%alias`.
    Alias(&'static Alias, Flags),
    /// An `%[expression]`.
    Expr(Expr, Flags),
}

/// A table entry of a log alias (manual 8.2.6).
pub struct Alias {
    /// Name without `%`, usage, documentation, examples, status.
    pub meta: Meta,
    /// What must be there.
    pub needs: Needs,
    /// Only in proxies of `mode http`.
    pub http: bool,
    /// Appends the value, quoted, escaped and in the base that the flags ask for.
    pub render: fn(&Ctx<'_>, Flags, &mut Vec<u8>),
}

/// Where the result goes; it decides on empty values, blanks, quotes and control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A log line: an empty value is `-`, blanks are merged, control characters are written as `#` and two digits (8.6).
    Log,
    /// A header field, a target or a body: control characters are percent-encoded; expressions are never quoted.
    Http,
    /// `unique-id-format`: as `Http`, and blanks are merged.
    UniqueId,
    /// The value of a variable: bytes as they are.
    Text,
}

bitflags::bitflags! {
    /// The flags between `%{` and `}`, and what the place of the format string adds to them.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Flags: u8 {
        /// `+Q`: between double quotes.
        const QUOTE = 1;
        /// `+X`: addresses, ports and counters in hexadecimal.
        const HEX = 2;
        /// `+E`: `"`, `\` and `]` behind a backslash, as RFC 5424 structured data wants.
        const ESCAPE = 4;
        /// `%{+bin}o`: bytes of binary samples are kept, NUL included.
        const BIN = 8;
        /// The text is a log line: see `Style::Log`.
        const LOG = 16;
        /// The text goes into an HTTP message: see `Style::Http`.
        const HTTP = 32;
        /// The proxy is in `mode tcp`.
        const TCP = 64;
    }
}

impl Style {
    /// The style of format strings bound for a hook, unless the directive says otherwise.
    pub fn of(hook: Hook) -> Style {
        match hook {
            Hook::Log => Style::Log,
            _ => Style::Http,
        }
    }
}

/// Appends a time as `%t` writes it: in local time with milliseconds. `us` is Unix time in microseconds.
pub fn write_date(us: i64, out: &mut Vec<u8>) {
    alias::write_date(us, out);
}

impl LogFormat {
    /// Appends the formatted text.
    pub fn render(&self, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
        let mut blank = true;
        for item in &self.items {
            let before = out.len();
            match item {
                Item::Text(text) => out.extend_from_slice(text),
                Item::Byte(byte) => out.push(*byte),
                Item::Blank => {
                    if !blank {
                        out.push(b' ');
                        blank = true;
                    }
                    continue;
                }
                Item::Alias(alias, flags) => (alias.render)(ctx, *flags, out),
                Item::Expr(expr, flags) => {
                    let seen = expr.with_value(ctx, |value| encode::value(out, *flags, &value));
                    if seen.is_none() {
                        encode::empty(out, *flags);
                    }
                }
            }
            blank &= out.len() == before;
        }
    }

    /// The text, if it holds no variable part.
    pub fn literal(&self) -> Option<&[u8]> {
        match &*self.items {
            [] => Some(b""),
            [Item::Text(text)] => Some(text),
            [Item::Byte(byte)] => Some(std::slice::from_ref(byte)),
            _ => None,
        }
    }

    /// The text as a value: what `set-var-fmt` stores.
    pub fn value(&self, ctx: &Ctx<'_>) -> Value<'static> {
        let mut out = Vec::with_capacity(64);
        self.render(ctx, &mut out);
        Value::string(out)
    }

    /// What must be there when it is rendered.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
