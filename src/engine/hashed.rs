//! The key of algorithms that choose by what a request says (manual 4.2 `balance uri`, `url_param`, `hdr`, `rdp-cookie`, `hash`).

use super::hooks::{self, Stage};
use super::live::Live;
use super::session::Session;
use super::stream::Stream;
use crate::balance::hash;
use crate::base::value::{Type, Value};
use crate::http::Msg;
use crate::ir::{Balance, HashFunction, HashOn, KeyPart, Proxy};

/// Whether the algorithm of a backend looks into the body of this request (`balance url_param ... check_post`).
pub fn looks_at_body(backend: &Proxy, s: &Session, st: &Stream) -> bool {
    let Balance::Hash(on) = &backend.balance else { return false };
    on.posted.is_some() && Msg { raw: s.buf.data(), head: &st.req }.method() == b"POST"
}

/// Works out the key of a stream that was given to a backend, if that asks for one.
#[inline]
pub fn note(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, stage: Stage<'_>) {
    if let Balance::Hash(on) = &backend.balance {
        st.hash_key = key(s, st, live, backend, on, stage);
    }
}

fn key(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, on: &HashOn, stage: Stage<'_>) -> Option<u64> {
    let txn = hooks::txn(s, st, live, stage);
    let ctx = txn.ctx();
    let by_value = |value: Value<'_>| match value.cast(Type::Bin)? {
        Value::Bin(bytes) => hash::key(backend.choosing.hash_type, part(&bytes, on.part)?),
        _ => None,
    };
    let by_number = |value: Value<'_>| match value.cast(Type::Str)? {
        Value::Str(text) => hash::key(backend.choosing.hash_type, &text),
        _ => None,
    };
    let numbers = backend.choosing.hash_type.function == HashFunction::None;
    let found = |expr: &crate::expr::Expr| match numbers {
        true => expr.with_value(&ctx, by_number).flatten(),
        false => expr.with_value(&ctx, by_value).flatten(),
    };
    found(&on.key).or_else(|| found(on.posted.as_ref()?))
}

/// What counts of a key; an empty field is as good as none.
fn part(key: &[u8], part: KeyPart) -> Option<&[u8]> {
    Some(match part {
        KeyPart::Field | KeyPart::Domain if key.is_empty() => return None,
        KeyPart::Whole | KeyPart::Field => key,
        KeyPart::Uri { len, depth, query } => beginning(key, len, depth, query),
        KeyPart::Domain => domain(key),
    })
}

/// The beginning of a URI: a slash beyond the depth ends it, and so does the query string unless that is wanted.
fn beginning(uri: &[u8], len: Option<u32>, depth: Option<u32>, query: bool) -> &[u8] {
    let most = len.map_or(uri.len(), |len| uri.len().min(len as usize));
    let uri = uri.get(..most).unwrap_or(uri);
    let mut slashes = 0;
    let ends = |byte: &u8| {
        slashes += u32::from(*byte == b'/');
        depth.is_some_and(|depth| slashes > depth) || (*byte == b'?' && !query)
    };
    let end = uri.iter().position(ends).unwrap_or(uri.len());
    uri.get(..end).unwrap_or(uri)
}

/// The main domain of a host name: what stands between its last two dots, at least one byte; all where nothing stands before a dot.
/// (Found by asking HAProxy 2.8, which does not look for a port either.)
fn domain(host: &[u8]) -> &[u8] {
    let dot = |name: &[u8]| name.iter().rposition(|byte| *byte == b'.');
    let before = dot(host).and_then(|last| host.get(..last)).unwrap_or_default();
    let Some((_, earlier)) = before.split_last() else { return host };
    let start = dot(earlier).map_or(0, |dot| dot + 1);
    before.get(start..).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_counts_as_far_as_it_is_asked_for() {
        let of = |len, depth, query| {
            let part = beginning(b"/a/bc/d?e=/f", len, depth, query);
            std::str::from_utf8(part).unwrap().to_owned()
        };
        assert_eq!(of(None, None, false), "/a/bc/d");
        assert_eq!(of(None, None, true), "/a/bc/d?e=/f");
        assert_eq!(of(Some(4), None, false), "/a/b");
        assert_eq!(of(None, Some(2), false), "/a/bc");
        assert_eq!(of(Some(3), Some(2), false), "/a/");
    }

    #[test]
    fn a_main_domain_stands_between_the_last_two_dots() {
        for (host, main) in [
            ("haproxy.1wt.eu", "1wt"),
            ("1wt.eu:80", "1wt"),
            ("localhost:80", "localhost:80"),
            ("1wt.eu.", "eu"),
            (".eu", ".eu"),
            ("1wt..eu", "1wt."),
            ("..", "."),
            ("a:b.c", "a:b"),
            ("", ""),
        ] {
            assert_eq!(domain(host.as_bytes()), main.as_bytes(), "{host}");
        }
    }
}
