//! Sample fetches (manual 7.3), one file per family, each with its table on top.
//!
//! Here stand the list of families, the lookup, and the few shapes that the closures of most fetches have.

mod auth;
mod body;
mod capture;
mod certificate;
mod clock;
mod conn_error;
mod connection;
mod constant;
mod cookie;
#[cfg(test)]
pub(in crate::expr) mod fixture;
mod header;
mod hello;
mod payload;
mod process;
mod proxy_header;
mod request;
mod server;
mod sticky;
mod tcp_info;
mod tls;
mod variable;

pub use certificate::{common_name, signature_algorithm};

use super::{Ctx, Dir, Fetch, FetchFn, Seen, args};
use crate::base::value::Value;
use crate::http::Msg;
use crate::keyword::{Needs, Words};

/// Every table of fetches.
pub static FAMILIES: &[&[Fetch]] = &[
    auth::FETCHES,
    body::FETCHES,
    capture::FETCHES,
    clock::FETCHES,
    conn_error::FETCHES,
    connection::FETCHES,
    constant::FETCHES,
    cookie::FETCHES,
    header::FETCHES,
    payload::FETCHES,
    process::FETCHES,
    proxy_header::FETCHES,
    request::FETCHES,
    server::FETCHES,
    sticky::VALUES,
    sticky::ELEMENTS,
    sticky::COUNTERS,
    sticky::TABLES,
    tcp_info::FETCHES,
    tls::FETCHES,
    hello::FETCHES,
    variable::FETCHES,
];

/// A table entry of a fetch without arguments that yields at most one value: name, type, what it needs, documentation,
/// examples, closure.
macro_rules! plain {
    ($name:literal, $out:ident, $needs:ident, $doc:literal, $examples:expr, $read:expr $(,)?) => {
        Fetch::new(Meta::new($name, $name, $doc, $examples), Type::$out, Needs::$needs, |_, _| Ok(one($read)))
    };
}
use plain;

/// The fetch of that name.
pub fn find(name: &str) -> Option<&'static Fetch> {
    all().find(|fetch| fetch.meta.name == name)
}

/// Every fetch.
pub fn all() -> impl Iterator<Item = &'static Fetch> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// A fetch that yields at most one value.
fn one<F>(fetch: F) -> FetchFn
where
    F: for<'a, 'c> Fn(&'a Ctx<'c>) -> Option<Value<'a>> + Send + Sync + 'static,
{
    Box::new(move |ctx, _, visit| {
        if let Some(value) = fetch(ctx) {
            visit(value);
        }
        Seen::All
    })
}

/// A fetch that yields always the same value.
fn always(value: Value<'static>) -> FetchFn {
    Box::new(move |_, _, visit| {
        visit(value.borrowed());
        Seen::All
    })
}

/// An integer; what counts something fits into 63 bits.
fn int(value: impl Into<u64>) -> Option<Value<'static>> {
    Some(Value::Int(value.into() as i64))
}

/// The message that a fetch reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The request.
    Request,
    /// The response.
    Response,
    /// The one being processed.
    Current,
}

impl Side {
    fn message<'a>(self, ctx: &Ctx<'a>) -> Option<Msg<'a>> {
        if self.is_response(ctx) { ctx.res } else { ctx.req }
    }

    fn is_response(self, ctx: &Ctx<'_>) -> bool {
        self == Side::Response || (self == Side::Current && ctx.dir == Dir::Response)
    }

    const fn needs(self) -> Needs {
        match self {
            Side::Request => Needs::REQ_HEAD,
            Side::Response => Needs::RES_HEAD,
            Side::Current => Needs::REQ_HEAD.union(Needs::RES_HEAD),
        }
    }
}

/// An argument of which only the first character counts; a comma if it is left out.
fn delimiter(words: &mut Words<'_>) -> u8 {
    args::opt_word(words).and_then(|word| word.as_bytes().first().copied()).unwrap_or(b',')
}

fn join_names<'m>(names: impl Iterator<Item = &'m [u8]>, delimiter: u8) -> Value<'static> {
    let mut text = Vec::with_capacity(128);
    for (at, name) in names.enumerate() {
        if at > 0 {
            text.push(delimiter);
        }
        text.extend_from_slice(name);
    }
    Value::string(text)
}

#[cfg(test)]
mod tests {
    use super::fixture::Fixture;
    use super::*;
    use crate::keyword::Status;
    use crate::keyword::known::{self, Class};

    #[test]
    fn every_example_yields_what_it_says() {
        let fixture = Fixture::new();
        let mut wrong = Vec::new();
        for Fetch { meta, .. } in all() {
            assert!(meta.status != Status::Supported || !meta.examples.is_empty(), "{}", meta.name);
            wrong.extend(meta.examples.iter().filter_map(|example| fixture.check(meta.name, example).err()));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn names_are_unique_and_known_and_docs_are_sentences() {
        let mut seen = std::collections::HashSet::new();
        for fetch in all() {
            let Fetch { meta, .. } = fetch;
            assert!(seen.insert(meta.name), "'{}' stands twice", meta.name);
            assert!(
                known::find(Class::Fetch, meta.name).is_some() || meta.name == "nbproc",
                "'{}' is unknown",
                meta.name
            );
            assert!(meta.usage.starts_with(meta.name), "usage of '{}': {}", meta.name, meta.usage);
            assert!(meta.doc.ends_with('.') && meta.doc.starts_with(char::is_uppercase), "doc of '{}'", meta.name);
        }
    }

    /// The types that HAProxy 3.4 gives in its dump.
    #[test]
    fn types_are_those_of_the_reference() {
        for fetch in all() {
            let Some(known) = known::find(Class::Fetch, fetch.meta.name) else { continue };
            let out = known.signature.rsplit(": ").next().and_then(|text| text.split(' ').next());
            assert_eq!(Some(fetch.out.name()), out, "{}", fetch.meta.name);
        }
    }
}
