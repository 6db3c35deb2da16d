//! The table of log aliases (manual 8.2.6), one file per family, and the search by name.

mod connection;
mod date;
mod http;
mod stream;
mod timer;

pub(super) use date::local_with_millis as write_date;

use super::{Alias, Flags};
use crate::expr::Ctx;
use crate::keyword::{Example, Meta, Needs};

/// All aliases. `%o`, which only passes its flags on, is the parser's.
pub static FAMILIES: &[&[Alias]] =
    &[date::ALIASES, timer::ALIASES, connection::ALIASES, stream::ALIASES, http::ALIASES];

/// `%o`, for the reference.
pub static PARSERS: Meta = Meta::new(
    "o",
    "%{<flags>}o",
    "Writes nothing; its flags hold for all that follows, for instance `+Q` for quotes.",
    &[("%{+Q}o %HM", "\"GET\"")],
);

/// The alias of that name, without `%`.
pub fn find(name: &str) -> Option<&'static Alias> {
    all().find(|alias| alias.meta.name == name)
}

/// Every alias.
pub fn all() -> impl Iterator<Item = &'static Alias> {
    FAMILIES.iter().copied().flatten()
}

type Render = fn(&Ctx<'_>, Flags, &mut Vec<u8>);

/// An entry that may stand in any proxy. `usage` is the alias as written.
const fn any(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    examples: &'static [Example],
    needs: Needs,
    render: Render,
) -> Alias {
    Alias { meta: Meta::new(name, usage, doc, examples), needs, http: false, render }
}

/// The entry, for proxies of `mode http` only.
const fn http_only(alias: Alias) -> Alias {
    Alias { http: true, ..alias }
}
