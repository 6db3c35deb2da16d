//! The serializer: a head as HTTP/1 bytes. Copies the longest runs of unedited fields at once; decides what stays on this
//! connection (hop-by-hop fields) and how the body is framed on the wire. The rules are HAProxy's, observed on 2.8.

use super::list::Elements;
use super::parse::{connection_flags, is_h2, is_trailers};
use super::{Field, FieldFlags, Framing, HeadFlags, HeaderId, HeaderName, Kind, Msg, Slice, Version};

/// Where bytes go.
pub trait Out {
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What the connection that receives the message is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOptions {
    /// Our side wants to use the connection again after this message.
    pub keep_alive: bool,
    /// What the receiver speaks: the version of the client's request; for a request to a server 1.1 unless known better.
    pub peer: Version,
    /// The receiver asked with HEAD: whatever the server was asked, no body follows.
    pub head_only: bool,
}

impl Default for OutOptions {
    fn default() -> OutOptions {
        OutOptions { keep_alive: true, peer: Version::HTTP_11, head_only: false }
    }
}

/// What the written head promised: the body and the connection must be treated like that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// How the body goes on the wire. `Chunked` although the message came with another framing means: encode; another framing
    /// although it came chunked means: decode.
    pub framing: Framing,
    /// The connection closes after the message.
    pub close: bool,
}

/// Writes a request head for a server.
#[inline]
pub fn write_request(msg: Msg<'_>, out: &mut impl Out, opts: &OutOptions) -> Sent {
    let framing = msg.head.body;
    // Chunked does not exist in HTTP/1.0: who sends it must not say 1.0 (RFC 9112, 6.1).
    let is_11 = msg.head.version.is_11() || framing == Framing::Chunked;
    let mut writer = Writer::new(msg, out, framing);
    writer.request_line(is_11);
    writer.fields();
    writer.framing_fields();
    let close = !opts.keep_alive || writer.close;
    if close && is_11 && !writer.close {
        writer.add(b"connection: close\r\n");
    } else if !close && !is_11 && !msg.head.flags.contains(HeadFlags::UPGRADE) {
        writer.add(b"connection: keep-alive\r\n");
    }
    writer.finish();
    Sent { framing, close }
}

/// Writes a response head for a client.
#[inline]
pub fn write_response(msg: Msg<'_>, out: &mut impl Out, opts: &OutOptions) -> Sent {
    let framing = response_framing(msg, opts);
    let is_11 = msg.head.version.is_11() || framing == Framing::Chunked;
    let mut writer = Writer::new(msg, out, framing);
    writer.status_line(is_11);
    writer.fields();
    if matches!(msg.head.status, 100..=199) {
        writer.finish();
        return Sent { framing, close: false };
    }
    writer.framing_fields();
    let ends = framing == Framing::UntilClose && !opts.head_only || lacks_body(msg, opts);
    let close = !opts.keep_alive || ends || writer.close;
    match (close, is_11) {
        (true, true) if !writer.close && framing != Framing::Tunnel => writer.add(b"connection: close\r\n"),
        (false, true) if opts.peer.is_11() => {}
        (false, _) if framing != Framing::Tunnel => writer.add(b"connection: keep-alive\r\n"),
        _ => {}
    }
    writer.finish();
    let bodiless = opts.head_only && framing != Framing::Tunnel;
    Sent { framing: if bodiless { Framing::None } else { framing }, close }
}

/// Whether the head announces a body that will not come: a rule asked the server with HEAD, the client with another method.
fn lacks_body(msg: Msg<'_>, opts: &OutOptions) -> bool {
    !opts.head_only
        && msg.head.body == Framing::None
        && !matches!(msg.head.status, 204 | 304)
        && (msg.has(&HeaderName::TRANSFER_ENCODING)
            || msg.value(&HeaderName::CONTENT_LENGTH).is_some_and(|len| len != b"0"))
}

/// Writes the trailer section of a chunked body with the empty line at its end.
pub fn write_trailers(msg: Msg<'_>, out: &mut impl Out) {
    let mut writer = Writer::new(msg, out, Framing::None);
    for field in msg.head.fields.iter().filter(|f| f.is_live()) {
        writer.field(field);
    }
    writer.finish();
}

/// How the body of a response goes to this client: HTTP/1.0 knows no chunks, and a length that a rule deleted leaves chunks.
fn response_framing(msg: Msg<'_>, opts: &OutOptions) -> Framing {
    let head = msg.head;
    match head.body {
        Framing::Chunked if !opts.peer.is_11() => Framing::UntilClose,
        Framing::Length(_)
            if head.flags.contains(HeadFlags::HAS_CONTENT_LENGTH) && !msg.has(&HeaderName::CONTENT_LENGTH) =>
        {
            if opts.peer.is_11() { Framing::Chunked } else { Framing::UntilClose }
        }
        framing => framing,
    }
}

struct Writer<'a, O: Out> {
    msg: Msg<'a>,
    out: &'a mut O,
    framing: Framing,
    /// Bytes of one store that are copied together when the next ones do not follow directly.
    run: Slice,
    /// A field for the framing was written.
    framed: bool,
    te_written: bool,
    /// A rule asked for `connection: close`, and it was written.
    close: bool,
}

impl<'a, O: Out> Writer<'a, O> {
    #[inline]
    fn new(msg: Msg<'a>, out: &'a mut O, framing: Framing) -> Writer<'a, O> {
        Writer { msg, out, framing, run: Slice::EMPTY, framed: false, te_written: false, close: false }
    }

    #[inline]
    fn request_line(&mut self, is_11: bool) {
        let head = self.msg.head;
        if !head.line.is_empty() && is_11 == head.version.is_11() {
            self.run = head.line.through(head.line, 2);
            return;
        }
        self.out.put(self.msg.method());
        self.out.put(b" ");
        self.out.put(self.msg.target());
        self.out.put(if is_11 { b" HTTP/1.1\r\n" } else { b" HTTP/1.0\r\n" });
    }

    #[inline]
    fn status_line(&mut self, is_11: bool) {
        let head = self.msg.head;
        if !head.line.is_empty() && is_11 == head.version.is_11() {
            self.run = head.line.through(head.line, 2);
            return;
        }
        self.out.put(if is_11 { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
        self.out.put(itoa::Buffer::new().format(head.status).as_bytes());
        self.out.put(b" ");
        self.out.put(self.msg.reason());
        self.out.put(b"\r\n");
    }

    #[inline]
    fn fields(&mut self) {
        for field in &self.msg.head.fields {
            if field.flags == FieldFlags::CLEAN {
                self.clean(field);
            } else if field.is_live() {
                self.unusual(field);
            }
        }
    }

    /// A field whose bytes can be copied with those of its neighbours.
    #[inline]
    fn clean(&mut self, field: &Field) {
        if self.run.touches(field.name) {
            self.run = self.run.through(field.value, 2);
        } else {
            self.flush();
            self.run = field.name.through(field.value, 2);
        }
    }

    #[inline]
    fn flush(&mut self) {
        if !self.run.is_empty() {
            self.out.put(self.msg.bytes(self.run));
        }
    }

    /// Any field, whatever its name, as it is.
    fn field(&mut self, field: &Field) {
        if field.flags.contains(FieldFlags::CLEAN) {
            self.clean(field);
        } else {
            self.line(self.msg.bytes(field.name), self.msg.bytes(field.value));
        }
    }

    /// A line of its own.
    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.stop_run();
        self.out.put(name);
        self.out.put(b": ");
        self.out.put(value);
        self.out.put(b"\r\n");
    }

    /// Complete lines that are not part of the message.
    fn add(&mut self, lines: &[u8]) {
        self.stop_run();
        self.out.put(lines);
    }

    fn stop_run(&mut self) {
        self.flush();
        self.run = Slice::EMPTY;
    }

    /// A field that is not clean or that concerns this connection only.
    fn unusual(&mut self, field: &Field) {
        if !field.flags.contains(FieldFlags::SPECIAL) {
            return self.field(field);
        }
        match field.id {
            HeaderId::Connection => self.connection(field),
            HeaderId::Upgrade => self.upgrade(field),
            HeaderId::Te => self.te(field),
            HeaderId::ContentLength => self.content_length(field),
            HeaderId::TransferEncoding => self.transfer_encoding(field),
            _ => self.field(field),
        }
    }

    /// `close` and `keep-alive` belong to the connection the message came from, unless a rule wrote `close`. Other tokens go on.
    fn connection(&mut self, field: &Field) {
        let value = self.msg.bytes(field.value);
        let by_rule = field.name.in_extra();
        if !by_rule && (value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close")) {
            return;
        }
        let head = self.msg.head;
        let upgrade = head.kind == Kind::Response || head.flags.contains(HeadFlags::UPGRADE) || by_rule;
        self.close |= by_rule && connection_flags(value).contains(HeadFlags::CLOSE);
        self.list(b"connection", value, |token| {
            !(token.is_empty()
                || token.eq_ignore_ascii_case(b"close") && !by_rule
                || token.eq_ignore_ascii_case(b"keep-alive")
                || token.eq_ignore_ascii_case(b"upgrade") && !upgrade)
        });
    }

    /// HTTP/2 cannot be negotiated through us; other protocols only together with `Connection: upgrade`.
    fn upgrade(&mut self, field: &Field) {
        let head = self.msg.head;
        let goes_on = head.kind == Kind::Response || head.flags.contains(HeadFlags::UPGRADE) || field.name.in_extra();
        if goes_on {
            self.list(b"upgrade", self.msg.bytes(field.value), |protocol| !protocol.is_empty() && !is_h2(protocol));
        }
    }

    /// Of `TE` only `trailers` concerns the next hop (RFC 9110, 10.1.4).
    fn te(&mut self, field: &Field) {
        let has_trailers = || Elements::new(self.msg.bytes(field.value)).any(|e| is_trailers(e.bytes));
        if self.msg.head.kind == Kind::Request && !self.te_written && has_trailers() {
            self.te_written = true;
            self.add(b"te: trailers\r\n");
        }
    }

    /// Goes on if it says what the framing is, or describes a body that is not sent.
    fn content_length(&mut self, field: &Field) {
        let said = self.msg.bytes(field.value);
        let is_true = match self.framing {
            Framing::Length(length) => said == itoa::Buffer::new().format(length).as_bytes(),
            Framing::None => said == b"0" || self.bodiless(),
            _ => false,
        };
        if is_true && !self.framed {
            self.framed = true;
            self.field(field);
        }
    }

    /// Framing fields describe a body that is not sent.
    fn bodiless(&self) -> bool {
        self.msg.head.flags.contains(HeadFlags::BODILESS) || self.msg.head.status == 304
    }

    fn transfer_encoding(&mut self, field: &Field) {
        let goes_on = self.framing == Framing::Chunked || self.bodiless();
        if !goes_on || self.framed {
            return;
        }
        self.framed = true;
        if self.msg.bytes(field.value) == b"chunked" {
            self.field(field);
        } else {
            self.add(b"transfer-encoding: chunked\r\n");
        }
    }

    /// The elements of a list that pass: as one copied line if all do, no line if none does.
    fn list(&mut self, name: &[u8], value: &[u8], passes: impl Fn(&[u8]) -> bool) {
        let mut kept = Elements::new(value).map(|e| e.bytes).filter(|token| passes(token));
        let Some(first) = kept.next() else { return };
        self.flush();
        self.run = Slice::EMPTY;
        self.out.put(name);
        self.out.put(b": ");
        self.out.put(first);
        for token in kept {
            self.out.put(b", ");
            self.out.put(token);
        }
        self.out.put(b"\r\n");
    }

    /// The framing, if no field of the message said it.
    #[inline]
    fn framing_fields(&mut self) {
        if self.framed {
            return;
        }
        let head = self.msg.head;
        match self.framing {
            Framing::Chunked => self.add(b"transfer-encoding: chunked\r\n"),
            Framing::Length(length) => {
                self.add(b"content-length: ");
                self.out.put(itoa::Buffer::new().format(length).as_bytes());
                self.out.put(b"\r\n");
            }
            Framing::None if head.kind == Kind::Response && !self.bodiless() && head.status != 204 => {
                self.add(b"content-length: 0\r\n");
            }
            _ => {}
        }
    }

    /// The empty line; copied with the last run if it follows directly in the receive buffer.
    #[inline]
    fn finish(&mut self) {
        let end = self.run.end();
        let is_raw = !self.run.is_empty() && !self.run.in_extra();
        if is_raw && end + 2 == self.msg.head.len && self.msg.raw.get(end..end + 2) == Some(b"\r\n") {
            self.run = self.run.through(self.run, 2);
            self.flush();
        } else {
            self.flush();
            self.out.put(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answering, Head, MsgMut, ParseOptions, parse_request, parse_response};

    /// Counts how often bytes are handed over.
    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl Out for Pieces {
        fn put(&mut self, bytes: &[u8]) {
            self.0.push(bytes.to_vec());
        }
    }

    fn request(text: &str, edit: impl FnOnce(&mut MsgMut<'_>), opts: OutOptions) -> (Pieces, Sent) {
        let (mut raw, mut head, mut out) = (text.as_bytes().to_vec(), Head::new(), Pieces::default());
        parse_request(&mut raw, &mut head, &ParseOptions::default()).unwrap();
        edit(&mut MsgMut::new(&raw, &mut head));
        let sent = write_request(Msg::new(&raw, &head), &mut out, &opts);
        (out, sent)
    }

    fn response(text: &str, edit: impl FnOnce(&mut MsgMut<'_>), opts: OutOptions) -> (String, Sent) {
        let (mut raw, mut head, mut out) = (text.as_bytes().to_vec(), Head::new(), Vec::new());
        parse_response(&mut raw, &mut head, Answering::default(), &ParseOptions::default()).unwrap();
        edit(&mut MsgMut::new(&raw, &mut head));
        let sent = write_response(Msg::new(&raw, &head), &mut out, &opts);
        (shown(&out), sent)
    }

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace("\r\n", "|")
    }

    fn keep(peer: Version) -> OutOptions {
        OutOptions { keep_alive: true, peer, head_only: false }
    }

    fn close(peer: Version) -> OutOptions {
        OutOptions { keep_alive: false, peer, head_only: false }
    }

    const OLD: Version = Version::HTTP_10;
    const NEW: Version = Version::HTTP_11;

    #[test]
    fn an_unedited_message_is_copied_at_once() {
        let text = "GET / HTTP/1.1\r\nhost: a\r\nX: y\r\n\r\n";
        let (out, sent) = request(text, |_| {}, keep(NEW));
        assert_eq!(out.0, [b"GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n".to_vec()]);
        assert_eq!(sent, Sent { framing: Framing::None, close: false });
        let text = "GET / HTTP/1.1\r\nhost: a\r\na: b\r\nX: y\r\nc: d\r\ne: f\r\n\r\n";
        let edit = |m: &mut MsgMut<'_>| {
            m.del(&HeaderName::new("x"));
            m.add(&HeaderName::new("n"), b"1");
            m.add(&HeaderName::new("m"), b"2");
        };
        let (out, _) = request(text, edit, keep(NEW));
        let pieces: Vec<String> = out.0.iter().map(|p| shown(p)).collect();
        assert_eq!(pieces, ["GET / HTTP/1.1|host: a|a: b|", "c: d|e: f|", "n: 1|m: 2|", "|"]);
    }

    #[test]
    fn requests_say_what_happens_to_the_connection() {
        let of = |text: &str, opts| {
            let (out, sent) = request(text, |_| {}, opts);
            (shown(&out.0.concat()).replace("GET / ", ""), sent.close)
        };
        let (new, old) = ("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n");
        assert_eq!(of(new, keep(NEW)), ("HTTP/1.1||".into(), false));
        assert_eq!(of(new, close(NEW)), ("HTTP/1.1|connection: close||".into(), true));
        assert_eq!(of(old, keep(NEW)), ("HTTP/1.0|connection: keep-alive||".into(), false));
        assert_eq!(of(old, close(NEW)), ("HTTP/1.0||".into(), true));
        // HAProxy 2.8 forwards this as HTTP/1.0, where chunked does not exist.
        let text = "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        let (out, sent) = request(text, |_| {}, keep(NEW));
        assert_eq!(shown(&out.0.concat()), "POST / HTTP/1.1|transfer-encoding: chunked||");
        assert_eq!(sent, Sent { framing: Framing::Chunked, close: false });
    }

    /// What HAProxy 2.8 sends for the same messages; HTTP/1.0 clients get no chunks, which they cannot know.
    #[test]
    fn responses_fit_message_and_client() {
        let of = |text: &str, opts| {
            let (out, sent) = response(text, |_| {}, opts);
            (out.replace(" 200 OK", ""), sent.framing, sent.close)
        };
        let five = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let length = Framing::Length(5);
        assert_eq!(of(five, keep(NEW)), ("HTTP/1.1|content-length: 5||".into(), length, false));
        assert_eq!(of(five, close(NEW)), ("HTTP/1.1|content-length: 5|connection: close||".into(), length, true));
        assert_eq!(of(five, keep(OLD)), ("HTTP/1.1|content-length: 5|connection: keep-alive||".into(), length, false));
        assert_eq!(of(five, close(OLD)), ("HTTP/1.1|content-length: 5|connection: close||".into(), length, true));
        let old = "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(of(old, keep(NEW)), ("HTTP/1.0|content-length: 5|connection: keep-alive||".into(), length, false));
        assert_eq!(of(old, close(NEW)), ("HTTP/1.0|content-length: 5||".into(), length, true));
        let endless = "HTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(of(endless, keep(NEW)), ("HTTP/1.1|connection: close||".into(), Framing::UntilClose, true));
        let endless = "HTTP/1.0 200 OK\r\n\r\n";
        assert_eq!(of(endless, keep(NEW)), ("HTTP/1.0||".into(), Framing::UntilClose, true));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n";
        assert_eq!(of(chunked, keep(NEW)), ("HTTP/1.1|transfer-encoding: chunked||".into(), Framing::Chunked, false));
        assert_eq!(of(chunked, keep(OLD)), ("HTTP/1.1|connection: close||".into(), Framing::UntilClose, true));
    }

    #[test]
    fn rules_cannot_lie_about_the_framing_but_can_close() {
        let five = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let (out, sent) = response(five, |m| m.set(&HeaderName::CONTENT_LENGTH, b"3"), keep(NEW));
        assert_eq!((out.as_str(), sent.framing), ("HTTP/1.1 200 OK|content-length: 5||", Framing::Length(5)));
        let (out, sent) = response(five, |m| m.set(&HeaderName::TRANSFER_ENCODING, b"chunked"), keep(NEW));
        assert_eq!((out.as_str(), sent.framing), ("HTTP/1.1 200 OK|content-length: 5||", Framing::Length(5)));
        let delete = |m: &mut MsgMut<'_>| assert_eq!(m.del(&HeaderName::CONTENT_LENGTH), 1);
        let (out, sent) = response(five, delete, keep(NEW));
        assert_eq!((out.as_str(), sent.framing), ("HTTP/1.1 200 OK|transfer-encoding: chunked||", Framing::Chunked));
        let (out, sent) = response(five, delete, keep(OLD));
        assert_eq!((out.as_str(), sent.framing), ("HTTP/1.1 200 OK|connection: close||", Framing::UntilClose));
        let (out, sent) = response(five, |m| m.set(&HeaderName::CONNECTION, b"close"), keep(NEW));
        assert_eq!((out.as_str(), sent.close), ("HTTP/1.1 200 OK|content-length: 5|connection: close||", true));
        let (out, sent) = response(five, |m| m.set(&HeaderName::CONNECTION, b"foo, keep-alive"), keep(NEW));
        assert_eq!((out.as_str(), sent.close), ("HTTP/1.1 200 OK|content-length: 5|connection: foo||", false));
        let (out, _) = response(five, |m| m.set_status(404, None), keep(NEW));
        assert_eq!(out, "HTTP/1.1 404 Not Found|content-length: 5||");
    }

    #[test]
    fn a_head_made_here_is_written_like_a_received_one() {
        let mut head = Head { kind: Kind::Response, ..Head::default() };
        let mut msg = MsgMut::new(b"", &mut head);
        msg.set_status(302, None);
        msg.add(&HeaderName::LOCATION, b"/x");
        let mut out = Vec::new();
        write_response(Msg::new(b"", &head), &mut out, &keep(NEW));
        assert_eq!(shown(&out), "HTTP/1.1 302 Found|location: /x|content-length: 0||");
        head.body = Framing::Length(7);
        out.clear();
        write_response(Msg::new(b"", &head), &mut out, &keep(NEW));
        assert_eq!(shown(&out), "HTTP/1.1 302 Found|location: /x|content-length: 7||");
    }

    #[test]
    fn host_and_absolute_target_stay_together() {
        let text = "GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n";
        let (out, _) = request(text, |m| m.set(&HeaderName::HOST, b"b:7"), keep(NEW));
        assert_eq!(shown(&out.0.concat()), "GET http://b:7/x HTTP/1.1|host: b:7||");
        let (out, _) = request(text, |m| m.set_target(b"http://u@c/"), keep(NEW));
        assert_eq!(shown(&out.0.concat()), "GET http://u@c/ HTTP/1.1|host: c||");
        let (out, _) = request(text, |m| m.set_target(b"/"), keep(NEW));
        assert_eq!(shown(&out.0.concat()), "GET / HTTP/1.1|host: a||");
    }
}
