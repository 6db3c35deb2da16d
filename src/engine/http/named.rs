//! `http-send-name-header` (manual 4.2): a request tells each server to which it is sent by what name that is known here.

use std::ops::Range;

use memchr::memmem;

use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::http::{HeaderName, MsgMut};
use crate::ir::Proxy;

/// Puts the server's name into a request whose head is not written yet, in place of what the client or rules put there.
pub(super) fn set(s: &Session, st: &mut Stream, backend: &Proxy, server: &str) {
    if let Some(header) = &backend.name_header {
        MsgMut { raw: s.buf.data(), head: &mut st.req }.set(header, server.as_bytes());
    }
}

/// Puts the server's name into a head that was written for another attempt.
pub(super) fn renew(lead: &mut Vec<u8>, backend: &Proxy, server: &str) {
    if let Some(header) = &backend.name_header
        && let Some(value) = value_of(lead, header)
    {
        lead.splice(value, server.bytes());
    }
}

/// Where the value of a field lies in a head that we wrote: `name: value`, the name maybe in another case.
fn value_of(text: &[u8], header: &HeaderName) -> Option<Range<usize>> {
    let name = header.as_bytes();
    let mut ends = memmem::find_iter(text, b"\r\n").peekable();
    while let Some(end) = ends.next() {
        let start = end + 2;
        let line = text.get(start..*ends.peek()?)?;
        if line.is_empty() {
            return None;
        }
        let value = start + name.len() + 2;
        let named = line.get(..name.len()).is_some_and(|other| other.eq_ignore_ascii_case(name));
        if named && line.get(name.len()..name.len() + 2) == Some(b": ") {
            return Some(value..start + line.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_found_in_the_head_only() {
        let text = b"GET / HTTP/1.1\r\nx-server-too: a\r\nX-Server: one\r\n\r\nx-other: two\r\n";
        let found = |name: &str| value_of(text, &HeaderName::new(name)).map(|range| &text[range]);
        assert_eq!(found("x-server"), Some(&b"one"[..]));
        assert_eq!(found("x-other"), None);
        assert_eq!(found("x"), None);
    }
}
