//! Keywords as data (design chapter 4): `Meta`, table entries of directives, the `Words` cursor, the `Scope` of names, lookup.
//!
//! One static table entry per keyword stands in the file of its family. This module owns what all families share; it knows
//! neither fetches nor actions, whose entry types live beside them and embed a [`Meta`].

use crate::diag::{Diagnostic, Span};

pub mod known;
mod scope;
mod words;

pub use scope::{
    Defined, ErrorGroup, FileRef, Hook, Hosts, Interned, Names, Needs, ProxyName, STICK_COUNTERS, Scope, SectionName,
    Text, VarNames, VarScope, VarSlot, VarTable, WITHOUT_EFFECT, process_variable,
};
pub use words::{Error, Result, Words, error_at};

/// What the reference, the suggestions, `-dK` and the table tests read of a keyword.
#[derive(Debug)]
pub struct Meta {
    /// The keyword as written, e.g. `req.hdr` or `set-header`.
    pub name: &'static str,
    /// The arguments, e.g. `req.hdr([<name>[,<occ>]])` or `set-header <name> <fmt>`.
    pub usage: &'static str,
    /// One or more full sentences with units and errors.
    pub doc: &'static str,
    /// Configuration text and what it yields; each runs as a test. Never empty for a supported keyword.
    pub examples: &'static [Example],
    /// Whether hydroxy does what the manual says of this keyword.
    pub status: Status,
    /// HAProxy 3.4 allows it only behind `expose-experimental-directives`.
    pub experimental: bool,
}

/// (configuration text, what it yields); the family says in its table test what "yields" means there.
pub type Example = (&'static str, &'static str);

/// How hydroxy treats a keyword that HAProxy 3.4 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Behaves as the manual says.
    Supported,
    /// Accepted without effect, because no client, server or log could see a difference; with the reason.
    Accepted(&'static str),
    /// Refused for good; with the reason and the replacement, if any.
    Rejected(&'static str),
    /// Known to HAProxy 3.4, not supported yet: an error at load.
    NotYet,
}

impl Meta {
    /// A supported keyword.
    pub const fn new(name: &'static str, usage: &'static str, doc: &'static str, examples: &'static [Example]) -> Self {
        Meta { name, usage, doc, examples, status: Status::Supported, experimental: false }
    }

    /// A keyword that is accepted without effect, for the reason given.
    pub const fn accepted(name: &'static str, usage: &'static str, why: &'static str) -> Self {
        Meta { name, usage, doc: why, examples: &[], status: Status::Accepted(why), experimental: false }
    }

    /// A keyword that is refused for good, for the reason given.
    pub const fn rejected(name: &'static str, usage: &'static str, why: &'static str) -> Self {
        Meta { name, usage, doc: why, examples: &[], status: Status::Rejected(why), experimental: false }
    }

    /// The same, allowed only behind `expose-experimental-directives`.
    pub const fn experimental(self) -> Self {
        Meta { experimental: true, ..self }
    }

    /// The error for a keyword that may not be used.
    pub fn refusal(&self, span: Span) -> Option<Error> {
        let name = self.name;
        let found = match self.status {
            Status::Supported | Status::Accepted(_) => return None,
            Status::Rejected(why) => Diagnostic::alert("rejected", format!("'{name}' is not supported: {why}")),
            Status::NotYet => {
                let text = format!("'{name}' is known to HAProxy 3.4, not supported by hydroxy yet");
                Diagnostic::alert("not-yet", text)
            }
        };
        Some(Box::new(found.at(span)))
    }
}

bitflags::bitflags! {
    /// The sections in which a directive is allowed (manual matrix 4.1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Sections: u16 {
        /// `global`
        const GLOBAL = 1;
        /// `defaults`
        const DEFAULTS = 2;
        /// `frontend`
        const FRONTEND = 4;
        /// `backend`
        const BACKEND = 8;
        /// `listen`
        const LISTEN = 16;
        /// `userlist`
        const USERLIST = 32;
        /// `resolvers`
        const RESOLVERS = 64;
        /// `peers`
        const PEERS = 128;
        /// `http-errors`
        const HTTP_ERRORS = 256;
        /// frontend, listen
        const FE = 4 | 16;
        /// backend, listen
        const BE = 8 | 16;
        /// frontend, backend, listen
        const PROXY = 4 | 8 | 16;
        /// defaults, frontend, listen
        const D_FE = 2 | 4 | 16;
        /// defaults, backend, listen
        const D_BE = 2 | 8 | 16;
        /// defaults, frontend, backend, listen
        const D_PROXY = 2 | 4 | 8 | 16;
    }
}

/// One directive of a section, `bind` line or `server` line. `D` is the draft it writes to.
pub struct Setting<D: 'static> {
    /// Name, usage, documentation, examples, status.
    pub meta: Meta,
    /// Where it may stand.
    pub sections: Sections,
    /// Reads the arguments from the cursor and records them in the draft. The caller checks for left-over words.
    pub apply: fn(&mut Words<'_>, &mut D, &Scope<'_>) -> Result<()>,
}
