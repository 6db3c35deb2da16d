//! Log-format strings (manual 8.2.6): text, `%aliases` and `%[expressions]`, bound at load.

use super::{Ctx, Expr};
use crate::keyword::{Meta, Needs};

/// A bound format string. Built by `LogFormat::bind` in this folder.
pub struct LogFormat {
    pub(super) items: Box<[Item]>,
    pub(super) needs: Needs,
    pub(super) text: Box<str>,
}

/// A piece of a format string.
#[allow(dead_code)] // The binder, which makes them, comes next.
pub(super) enum Item {
    /// Literal text.
    Text(Box<[u8]>),
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
    /// Appends the value; quoting and the like is done around it by the caller.
    pub render: fn(&Ctx<'_>, Flags, &mut Vec<u8>),
}

bitflags::bitflags! {
    /// The flags between `%{` and `}`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Flags: u8 {
        /// `+Q`: between double quotes.
        const QUOTE = 1;
        /// `+X`: addresses and numbers in hexadecimal.
        const HEX = 2;
        /// `+E`: escape as in RFC 5424 structured data.
        const ESCAPE = 4;
        /// `+M`-like: the mandatory `-` for an empty value is not wanted (formats outside logs).
        const RAW = 8;
    }
}

impl LogFormat {
    /// Appends the formatted text.
    pub fn render(&self, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
        for item in &self.items {
            match item {
                Item::Text(text) => out.extend_from_slice(text),
                Item::Alias(alias, flags) => (alias.render)(ctx, *flags, out),
                Item::Expr(expr, _) => {
                    expr.with_value(ctx, |value| value.write_to(out));
                }
            }
        }
    }

    /// The text, if it holds no variable part.
    pub fn literal(&self) -> Option<&[u8]> {
        match &*self.items {
            [] => Some(b""),
            [Item::Text(text)] => Some(text),
            _ => None,
        }
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
