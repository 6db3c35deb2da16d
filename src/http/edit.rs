//! `MsgMut`: changes to a message head. Every new text goes to the arena of the head; the receive buffer stays as it is.

use super::cookie::CookieEdit;
use super::list::Cookie;
use super::msg::is_named;
use super::{Field, FieldFlags, FieldRef, Head, HeadFlags, HeaderId, HeaderName, Method, Msg, Slice};

/// A head that may be changed, together with the bytes it indexes.
pub struct MsgMut<'a> {
    pub raw: &'a [u8],
    pub head: &'a mut Head,
}

impl<'a> MsgMut<'a> {
    #[inline]
    pub fn new(raw: &'a [u8], head: &'a mut Head) -> MsgMut<'a> {
        MsgMut { raw, head }
    }

    /// The same message, to read.
    #[inline]
    pub fn read(&self) -> Msg<'_> {
        Msg { raw: self.raw, head: self.head }
    }

    /// Appends a field. Line ends and NUL in the value become spaces, so that a value can never make a second line.
    pub fn add(&mut self, name: &HeaderName, value: &[u8]) {
        let field = self.line(name.id(), name.as_bytes(), value);
        self.head.fields.push(field);
    }

    /// Appends a field whose name was not prepared (Lua, HTTP/2); it is lowered here.
    pub fn add_named(&mut self, name: &[u8], value: &[u8]) {
        let start = self.head.extra.len();
        self.head.extra.extend(name.iter().map(u8::to_ascii_lowercase));
        let id = HeaderId::of_lower(&self.head.extra[start..]);
        let field = self.finish_line(start, name.len(), id, value);
        self.head.fields.push(field);
    }

    /// Removes every field with this name and appends one. A new Host also goes into an absolute target.
    pub fn set(&mut self, name: &HeaderName, value: &[u8]) {
        self.del(name);
        self.add(name, value);
        if name.id() == HeaderId::Host {
            self.host_to_target();
        }
    }

    /// Removes every field with this name; says how many there were.
    pub fn del(&mut self, name: &HeaderName) -> usize {
        if !self.head.may_have(name) {
            return 0;
        }
        self.del_where(|f| name.is(f.id, f.name))
    }

    /// Removes every field that the matcher accepts; says how many there were.
    pub fn del_where(&mut self, mut matches: impl FnMut(FieldRef<'_>) -> bool) -> usize {
        let mut count = 0;
        let Head { fields, extra, .. } = &mut *self.head;
        for (index, field) in fields.iter_mut().enumerate().filter(|(_, f)| f.is_live()) {
            let seen = FieldRef {
                name: field.name.of(self.raw, extra),
                value: field.value.of(self.raw, extra),
                id: field.id,
                index,
            };
            if matches(seen) {
                field.flags.insert(FieldFlags::DEAD);
                count += 1;
            }
        }
        if count > 0 {
            self.head.touch();
        }
        count
    }

    /// Replaces the whole value of the field at this place (`FieldRef::index`); the field keeps its place in the order.
    pub fn set_value(&mut self, index: usize, value: &[u8]) {
        let Some(old) = self.head.fields.get(index).copied() else { return };
        self.put_value(index, old, value);
        if old.id == HeaderId::Host {
            self.host_to_target();
        }
    }

    /// Replaces name and value of the field at this place.
    pub fn set_line(&mut self, index: usize, name: &[u8], value: &[u8]) {
        if index >= self.head.fields.len() {
            return;
        }
        let start = self.head.extra.len();
        self.head.extra.extend(name.iter().map(u8::to_ascii_lowercase));
        let id = HeaderId::of_lower(&self.head.extra[start..]);
        self.head.fields[index] = self.finish_line(start, name.len(), id, value);
        if id == HeaderId::Host {
            self.host_to_target();
        }
    }

    fn put_value(&mut self, index: usize, old: Field, value: &[u8]) {
        let start = self.head.extra.len();
        self.copy(old.name);
        self.head.fields[index] = self.finish_line(start, old.name.len(), old.id, value);
    }

    /// Replaces `len` bytes of a value from its byte `from` on: one element of a list, one cookie.
    pub fn splice_value(&mut self, index: usize, from: usize, len: usize, text: &[u8]) {
        let Some(old) = self.head.fields.get(index).copied() else { return };
        let mut whole = std::mem::take(&mut self.head.scratch);
        let value = old.value.of(self.raw, &self.head.extra);
        let from = from.min(value.len());
        let end = from.saturating_add(len).min(value.len());
        whole.clear();
        whole.extend_from_slice(&value[..from]);
        whole.extend_from_slice(text);
        whole.extend_from_slice(&value[end..]);
        self.set_value(index, &whole);
        self.head.scratch = whole;
    }

    /// Replaces whole values of the fields with this name: `edit` gets the value, appends the new text and says whether it did.
    pub fn replace_values(&mut self, name: &HeaderName, mut edit: impl FnMut(&[u8], &mut Vec<u8>) -> bool) {
        let mut text = std::mem::take(&mut self.head.scratch);
        for index in 0..self.head.fields.len() {
            let field = self.head.fields[index];
            if !field.is_live() || !is_named(self.raw, self.head, &field, name) {
                continue;
            }
            text.clear();
            if edit(self.read().bytes(field.value), &mut text) {
                self.set_value(index, &text);
            }
        }
        self.head.scratch = text;
    }

    /// Replaces comma-separated elements of the fields with this name: `edit` gets each element, trimmed, appends the new text
    /// and says whether it did; what it appended otherwise is taken back. Blanks around a replaced element go with it.
    pub fn replace_elements(&mut self, name: &HeaderName, mut edit: impl FnMut(&[u8], &mut Vec<u8>) -> bool) {
        self.replace_values(name, |value, text| {
            let mut copied = 0;
            let mut changed = false;
            for element in super::list::Elements::new(value) {
                let blanks = value[copied..element.start].iter().rev().take_while(|byte| is_blank(**byte)).count();
                text.extend_from_slice(&value[copied..element.start - blanks]);
                let before = text.len();
                copied = element.start + element.bytes.len();
                if edit(element.bytes, text) {
                    changed = true;
                    copied += value[copied..].iter().take_while(|byte| is_blank(**byte)).count();
                } else {
                    text.truncate(before);
                    text.extend_from_slice(&value[element.start - blanks..copied]);
                }
            }
            text.extend_from_slice(&value[copied..]);
            changed
        });
    }

    /// Changes the cookies of a request; `Cookie` fields that become empty go.
    pub fn edit_cookies(&mut self, mut decide: impl FnMut(&Cookie<'_>) -> CookieEdit) {
        if !self.head.may_have(&HeaderName::COOKIE) {
            return;
        }
        let mut emptied = false;
        self.replace_values(&HeaderName::COOKIE, |value, text| {
            let changed = super::cookie::edit(value, text, &mut decide);
            emptied |= changed && text.is_empty();
            changed
        });
        if emptied {
            self.del_where(|f| f.id == HeaderId::Cookie && f.value.is_empty());
        }
    }

    /// Takes away the blanks around the `=` of each `Set-Cookie` field's first cookie, as HAProxy does when it looks for one.
    pub fn tidy_set_cookies(&mut self) {
        self.replace_values(&HeaderName::SET_COOKIE, |value, text| {
            let Some(cookie) = super::list::set_cookie(value) else { return false };
            let name_end = cookie.start + cookie.name.len();
            let rest = &value[name_end..];
            let Some(equals) = rest.iter().position(|byte| *byte == b'=') else { return false };
            let blanks = rest[equals + 1..].iter().take_while(|byte| is_blank(**byte)).count();
            if equals + blanks == 0 {
                return false;
            }
            text.extend_from_slice(&value[..name_end]);
            text.push(b'=');
            text.extend_from_slice(&rest[equals + 1 + blanks..]);
            true
        });
    }

    /// Replaces the method.
    pub fn set_method(&mut self, method: &[u8]) {
        self.head.method = Method::of(method);
        self.head.method_text = self.text(method);
    }

    /// Replaces the whole target. The authority of an absolute one also goes into Host, if there is one (as HAProxy does).
    pub fn set_target(&mut self, target: &[u8]) {
        self.put_target(target);
        let Some(authority) = super::uri::Target::split(target).authority else {
            self.head.flags.remove(HeadFlags::AUTHORITY);
            return;
        };
        self.head.flags |= HeadFlags::AUTHORITY;
        let start = authority.iter().rposition(|&b| b == b'@').map_or(0, |at| at + 1);
        if let Some(index) = self.head.fields.iter().position(|f| f.id == HeaderId::Host && f.is_live()) {
            self.put_value(index, self.head.fields[index], &authority[start..]);
        }
    }

    /// Puts the Host field into the authority of an absolute target.
    fn host_to_target(&mut self) {
        if !self.head.flags.contains(HeadFlags::AUTHORITY) || self.head.method == Method::Connect {
            return;
        }
        let msg = self.read();
        let (Some(scheme), Some(host)) = (msg.uri().scheme, msg.host()) else { return };
        let old = msg.uri().authority.map_or(0, <[u8]>::len);
        let from = scheme.len() + 3;
        let host = host.to_vec();
        self.splice_target(from, old, &[&host]);
    }

    fn put_target(&mut self, target: &[u8]) {
        let start = self.head.extra.len();
        push_target(&mut self.head.extra, target);
        self.head.target = Slice::extra(start, self.head.extra.len() - start);
        self.head.line = Slice::EMPTY;
        self.head.touch();
    }

    /// Replaces the path; scheme, authority and query stay.
    pub fn set_path(&mut self, path: &[u8]) {
        let uri = self.read().uri();
        let from = uri.path_at;
        let len = uri.path.map_or(0, <[u8]>::len);
        self.splice_target(from, len, &[path]);
    }

    /// Replaces path and query together; scheme and authority stay.
    pub fn set_path_and_query(&mut self, text: &[u8]) {
        let uri = self.read().uri();
        let from = uri.path_at;
        self.splice_target(from, usize::MAX, &[text]);
    }

    /// Replaces the query; an empty one also removes the question mark.
    pub fn set_query(&mut self, query: &[u8]) {
        let uri = self.read().uri();
        let from = uri.path_at + uri.path.map_or(0, <[u8]>::len);
        let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
        self.splice_target(from, usize::MAX, &[mark, query]);
    }

    /// Sets the status, with the usual reason unless one is given.
    pub fn set_status(&mut self, status: u16, reason: Option<&[u8]>) {
        self.head.status = status;
        let reason = reason.unwrap_or_else(|| super::status::reason(status).as_bytes());
        self.head.reason = self.text(reason);
    }

    fn splice_target(&mut self, from: usize, len: usize, texts: &[&[u8]]) {
        let old = self.head.target;
        let start = self.head.extra.len();
        let end = from.saturating_add(len).min(old.len());
        self.copy(old.sub(0, from));
        for text in texts {
            push_target(&mut self.head.extra, text);
        }
        self.copy(old.sub(end, old.len()));
        self.head.target = Slice::extra(start, self.head.extra.len() - start);
        self.head.line = Slice::EMPTY;
        self.head.touch();
    }

    /// Appends the bytes of a slice to the arena.
    fn copy(&mut self, slice: Slice) {
        if slice.in_extra() {
            self.head.extra.extend_from_within(slice.start()..slice.end());
        } else {
            self.head.extra.extend_from_slice(slice.of(self.raw, &[]));
        }
    }

    /// Stores text of a start line, without anything that could end it.
    fn text(&mut self, text: &[u8]) -> Slice {
        self.head.line = Slice::EMPTY;
        self.head.touch();
        let slice = self.head.store(text);
        clean(&mut self.head.extra[slice.start()..]);
        slice
    }

    fn line(&mut self, id: HeaderId, name: &[u8], value: &[u8]) -> Field {
        let start = self.head.extra.len();
        self.head.extra.extend_from_slice(name);
        self.finish_line(start, name.len(), id, value)
    }

    /// Completes a line in the arena whose name of `name_len` bytes was just written at `start`.
    fn finish_line(&mut self, start: usize, name_len: usize, id: HeaderId, value: &[u8]) -> Field {
        let extra = &mut self.head.extra;
        extra.extend_from_slice(b": ");
        let at = extra.len();
        extra.extend_from_slice(value);
        clean(&mut extra[at..]);
        extra.extend_from_slice(b"\r\n");
        self.head.touch();
        self.head.seen |= id.bit();
        let special = if SPECIAL & id.bit() != 0 { FieldFlags::SPECIAL } else { FieldFlags::empty() };
        Field {
            name: Slice::extra(start, name_len),
            value: Slice::extra(at, value.len()),
            id,
            flags: FieldFlags::CLEAN | special,
        }
    }
}

/// Fields that the serializer must look at: they belong to one connection or to the framing.
pub(super) const SPECIAL: u64 = HeaderId::Connection.bit()
    | HeaderId::Te.bit()
    | HeaderId::Upgrade.bit()
    | HeaderId::TransferEncoding.bit()
    | HeaderId::ContentLength.bit();

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A rule's text must not end the line it stands in (RFC 9110, 5.5: replace CR, LF and NUL by SP).
fn clean(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|b| matches!(b, b'\r' | b'\n' | 0)) {
        *byte = b' ';
    }
}

/// Appends text of a target with blanks and control characters percent-encoded: they would shift what follows in the request line.
fn push_target(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        if byte <= b' ' || byte == 0x7f {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let mut head = Head::new();
        let mut msg = MsgMut::new(b"", &mut head);
        msg.set_method(b"GET");
        msg.set_target(b"/a?b");
        for (name, value) in [("Host", "h"), ("X", "1, 2"), ("cookie", "c"), ("x", "3")] {
            msg.add_named(name.as_bytes(), value.as_bytes());
        }
        head
    }

    fn lines(head: &Head) -> String {
        let msg = Msg::new(b"", head);
        let text = |b| String::from_utf8_lossy(b).into_owned();
        msg.fields().map(|f| format!("{}={};", text(f.name), text(f.value))).collect()
    }

    #[test]
    fn fields_are_added_set_and_deleted() {
        let mut head = head();
        let x = HeaderName::new("X");
        let before = head.generation();
        MsgMut::new(b"", &mut head).add(&HeaderName::COOKIE, b"d");
        assert_eq!(lines(&head), "host=h;x=1, 2;cookie=c;x=3;cookie=d;");
        MsgMut::new(b"", &mut head).set(&x, b"new\r\nevil: 1");
        assert_eq!(lines(&head), "host=h;cookie=c;cookie=d;x=new  evil: 1;");
        assert_eq!(MsgMut::new(b"", &mut head).del(&HeaderName::new("nope")), 0);
        assert_eq!(MsgMut::new(b"", &mut head).del_where(|f| f.name.starts_with(b"c") && f.value == b"d"), 1);
        assert_eq!(lines(&head), "host=h;cookie=c;x=new  evil: 1;");
        assert_ne!(head.generation(), before);
    }

    #[test]
    fn values_and_elements_are_replaced_in_place() {
        let mut head = head();
        let x = HeaderName::new("x");
        let mut msg = MsgMut::new(b"", &mut head);
        msg.replace_elements(&x, |element, text| {
            text.extend_from_slice(b"<");
            text.extend_from_slice(element);
            text.extend_from_slice(b">");
            element != b"1"
        });
        // HAProxy 2.8 drops the blanks around what it replaces too.
        assert_eq!(lines(&head), "host=h;x=1,<2>;cookie=c;x=<3>;");
        let mut msg = MsgMut::new(b"", &mut head);
        msg.replace_values(&x, |value, text| {
            text.extend_from_slice(b"all");
            value == b"<3>"
        });
        let at = msg.read().named(&x).next().map(|f| f.index).unwrap();
        msg.splice_value(at, 2, 3, b"two");
        assert_eq!(lines(&head), "host=h;x=1,two;cookie=c;x=all;");
    }

    #[test]
    fn fields_without_cookies_go() {
        let mut head = Head::new();
        let mut msg = MsgMut::new(b"", &mut head);
        for value in ["a=1", "SRV=s1", "SRV=s2; b=2"] {
            msg.add(&HeaderName::COOKIE, value.as_bytes());
        }
        msg.edit_cookies(|cookie| if cookie.name == b"SRV" { CookieEdit::Remove } else { CookieEdit::Keep });
        assert_eq!(lines(&head), "cookie=a=1;cookie=b=2;");
    }

    #[test]
    fn targets_are_edited_by_part() {
        let mut head = head();
        let edit = |head: &mut Head, f: fn(&mut MsgMut<'_>)| {
            let mut msg = MsgMut::new(b"", head);
            f(&mut msg);
            String::from_utf8(msg.read().target().to_vec()).unwrap()
        };
        assert_eq!(edit(&mut head, |m| m.set_path(b"/x y")), "/x%20y?b");
        assert_eq!(edit(&mut head, |m| m.set_query(b"q=1")), "/x%20y?q=1");
        assert_eq!(edit(&mut head, |m| m.set_query(b"")), "/x%20y");
        assert_eq!(edit(&mut head, |m| m.set_target(b"http://h:1/p?q")), "http://h:1/p?q");
        assert_eq!(edit(&mut head, |m| m.set_path(b"/z")), "http://h:1/z?q");
        assert_eq!(edit(&mut head, |m| m.set_path_and_query(b"/k?l")), "http://h:1/k?l");
        assert_eq!(edit(&mut head, |m| m.set_target(b"http://h")), "http://h");
        assert_eq!(edit(&mut head, |m| m.set_path(b"/z")), "http://h/z");
        assert_eq!(Msg::new(b"", &head).path_and_query(), Some(&b"/z"[..]));
    }

    #[test]
    fn occurrences_count_from_both_ends() {
        let head = head();
        let msg = Msg::new(b"", &head);
        let x = HeaderName::new("x");
        let found: Vec<_> = [1, 3, 4, 0, -1, -3, -4].iter().map(|&n| msg.nth_element(&x, n)).collect();
        let text = |s: &'static str| Some(s.as_bytes());
        assert_eq!(found, [text("1"), text("3"), None, None, text("3"), text("1"), None]);
        assert_eq!(msg.nth_value(&x, -2), text("1, 2"));
        assert_eq!(msg.all_elements().count(), 5);
    }
}
