//! `compression` (manual 4.2, 9.2): whether a message is compressed, in which coding, and what its head says then.

use crate::engine::session::Session;
use crate::engine::squeeze::Squeeze;
use crate::engine::stream::Stream;
use crate::http::list::has_token;
use crate::http::{Framing, Head, HeaderName, Msg, MsgMut};
use crate::ir::{Coding, Compression, Proxy};
use crate::state::Stat;

/// What was decided about the messages of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Codings {
    /// What the client wants its response in.
    wanted: Option<Coding>,
    /// What the response is compressed with.
    response: Option<Coding>,
    /// It would have been compressed if the process had not been at a limit.
    bypassed: bool,
}

/// The proxies of a stream that compress: the backend's lists count before the frontend's.
#[derive(Clone, Copy)]
struct Pair<'a>([Option<&'a Compression>; 2]);

impl<'a> Pair<'a> {
    fn of(frontend: &'a Proxy, backend: &'a Proxy) -> Option<Self> {
        let pair = [backend.compression.as_deref(), frontend.compression.as_deref()];
        pair.iter().any(Option::is_some).then_some(Pair(pair))
    }

    fn any(self, flag: fn(&Compression) -> bool) -> bool {
        self.0.into_iter().flatten().any(flag)
    }

    /// The list of the backend, else of the frontend.
    fn list<T>(self, list: fn(&'a Compression) -> &'a [T]) -> &'a [T] {
        self.0.into_iter().flatten().map(list).find(|list| !list.is_empty()).unwrap_or_default()
    }

    fn size(self, size: fn(&Compression) -> u64) -> u64 {
        self.0.into_iter().flatten().map(size).find(|size| *size != 0).unwrap_or(0)
    }
}

/// Notes what the client accepts, and hides it from servers where the proxy alone is to compress.
pub(super) fn note(s: &Session, st: &mut Stream, frontend: &Proxy, backend: &Proxy) {
    let Some(pair) = Pair::of(frontend, backend) else { return };
    let codings = pair.list(|compression| &compression.codings);
    let raw = s.buf.data();
    let msg = Msg { raw, head: &st.req };
    if !pair.any(|compression| compression.responses) || codings.is_empty() || cannot_read(msg) {
        return;
    }
    let named = accepted(msg, codings);
    st.codings.wanted = named.or_else(|| codings.contains(&Coding::Identity).then_some(Coding::Identity));
    if named.is_some() && pair.any(|compression| compression.offload) {
        MsgMut { raw, head: &mut st.req }.del(&HeaderName::ACCEPT_ENCODING);
    }
}

/// Whether the request is compressed, and with what; its head says so then.
pub(super) fn request(s: &Session, st: &mut Stream, frontend: &Proxy, backend: &Proxy) -> Option<Box<Squeeze>> {
    let pair = Pair::of(frontend, backend)?;
    let coding = pair.0.into_iter().flatten().find_map(|compression| compression.request_coding)?;
    let raw = s.buf.data();
    let fits = pair.any(|compression| compression.requests)
        && st.req.version.is_11()
        && is_eligible(
            Msg { raw, head: &st.req },
            pair.list(|compression| &compression.request_types),
            pair.size(|compression| compression.request_min_size),
        );
    let live = &s.local.live;
    if !fits || !s.core.may_compress(&live.ir.global, &live.view.process) {
        return None;
    }
    describe(raw, &mut st.req, coding);
    Some(Squeeze::new(coding, &live.ir.global, &live.view.process))
}

/// Decides about the response as the server sent it: rules see the decision, and cannot change it.
pub(super) fn judge(s: &Session, st: &mut Stream, frontend: &Proxy, backend: &Proxy, raw: &[u8]) {
    let Some(coding) = st.codings.wanted else { return };
    let Some(pair) = Pair::of(frontend, backend) else { return };
    let msg = Msg { raw, head: &st.res };
    let fits = st.req.version.is_11()
        && st.res.version.is_11()
        && !st.wants_head_only()
        && matches!(st.res.status, 200..=203)
        && !msg.elements(&HeaderName::CACHE_CONTROL).any(|value| value.eq_ignore_ascii_case(b"no-transform"))
        && is_eligible(msg, pair.list(|compression| &compression.types), pair.size(|compression| compression.min_size));
    if !fits {
        return;
    }
    let live = &s.local.live;
    if coding == Coding::Identity || s.core.may_compress(&live.ir.global, &live.view.process) {
        st.codings.response = Some(coding);
        st.facts.compressed = Some(coding.name());
    } else {
        st.codings.bypassed = true;
    }
}

/// Lets the head of the response say that it is compressed. What compresses the body, if it is.
pub(super) fn response(s: &Session, st: &mut Stream, raw: &[u8]) -> Option<Box<Squeeze>> {
    let coding = st.codings.response?;
    describe(raw, &mut st.res, coding);
    let live = &s.local.live;
    Some(Squeeze::new(coding, &live.ir.global, &live.view.process))
}

/// Compresses the body of an answer of our own, behind its head in `Stream::answer`.
pub(super) fn whole(s: &Session, st: &mut Stream, mut squeeze: Box<Squeeze>, body: &[u8]) {
    squeeze.feed(body);
    squeeze.finish(&mut st.answer);
    count(s, st, Some(&squeeze), body.len() as u64);
}

/// Counts a response that was compressed, or was not for want of something; `size` is what it was before.
pub(super) fn count(s: &Session, st: &Stream, squeeze: Option<&Squeeze>, size: u64) {
    let add = |stat, n| {
        s.count(stat, n);
        if let Some(backend) = &st.backend {
            backend.state().be.add(s.core.id, stat, n);
        }
    };
    match squeeze {
        Some(squeeze) if squeeze.compresses() => {
            add(Stat::CompressedIn, size);
            add(Stat::CompressedOut, squeeze.given);
        }
        Some(_) => add(Stat::CompressionBypassed, size),
        None if st.codings.bypassed => return add(Stat::CompressionBypassed, size),
        None => return,
    }
    add(Stat::CompressedResponses, 1);
}

/// What requests and responses have in common: a body that is worth it, of a wanted type, that nobody has encoded and whose
/// validator can be made weak.
fn is_eligible(msg: Msg<'_>, types: &[Box<[u8]>], least: u64) -> bool {
    let has_body = match msg.head.body {
        Framing::Length(length) => length >= least,
        framing => framing == Framing::Chunked,
    };
    let mut validators = msg.values(&HeaderName::ETAG);
    let valid = validators.next().is_none_or(is_validator) && validators.next().is_none();
    has_body
        && valid
        && !msg.has(&HeaderName::CONTENT_ENCODING)
        && is_wanted(msg.value(&HeaderName::CONTENT_TYPE), types)
}

/// `"..."` or `W/"..."` (RFC 9110, 8.8.3).
fn is_validator(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"W/").unwrap_or(value);
    value.len() >= 2 && value.starts_with(b"\"") && value.ends_with(b"\"")
}

fn is_wanted(content_type: Option<&[u8]>, types: &[Box<[u8]>]) -> bool {
    let begins = |with: &[u8]| {
        content_type.and_then(|value| value.get(..with.len())).is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    !begins(b"multipart") && (types.is_empty() || types.iter().any(|with| begins(with)))
}

/// The coding that the client likes best; of those it likes as much the one it names first, or the last of the file.
fn accepted(msg: Msg<'_>, codings: &[Coding]) -> Option<Coding> {
    let (mut best, mut found) = (0, None);
    for element in msg.elements(&HeaderName::ACCEPT_ENCODING) {
        let end = element.iter().position(|byte| b"; \t".contains(byte)).unwrap_or(element.len());
        let (token, params) = element.split_at(end);
        let quality = quality(params);
        for coding in codings.iter().rev() {
            let named = token == b"*" || token.eq_ignore_ascii_case(coding.token().as_bytes());
            if named && quality > best {
                (best, found) = (quality, Some(*coding));
            }
        }
    }
    found
}

/// The `q` among the parameters of an element, in thousandths (RFC 9110, 12.4.2).
fn quality(params: &[u8]) -> u32 {
    let mut params = params.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let Some(text) = params.find_map(|param| param.strip_prefix(b"q=")) else { return 1000 };
    let mut digits = text.iter().copied();
    let Some(whole @ (b'0' | b'1')) = digits.next() else { return 1000 };
    if whole == b'1' || digits.next() != Some(b'.') {
        return u32::from(whole - b'0') * 1000;
    }
    let thousandths = digits.map_while(|digit| char::from(digit).to_digit(10)).chain(std::iter::repeat(0));
    thousandths.take(3).fold(0, |sum, digit| sum * 10 + digit)
}

/// Old browsers claim to understand compression and do not (manual 4.2): `Mozilla/4` that is no MSIE 6 with XP SP2 and no MSIE 7 or 8.
fn cannot_read(msg: Msg<'_>) -> bool {
    let Some(agent) = msg.value(&HeaderName::USER_AGENT).filter(|agent| agent.starts_with(b"Mozilla/4")) else {
        return false;
    };
    let msie = agent.get(25..).is_some_and(|rest| rest.starts_with(b"MSIE ")) && agent.len() >= 31;
    let version = agent.get(30).copied().unwrap_or_default();
    !msie || version < b'6' || (version == b'6' && !agent.windows(3).any(|part| part == b"SV1"))
}

/// Fields of a compressed message: its validator is weak, its length not known, and caches learn what it depends on.
fn describe(raw: &[u8], head: &mut Head, coding: Coding) {
    let mut msg = MsgMut { raw, head };
    let strong = msg.read().named(&HeaderName::ETAG).next().filter(|field| !field.value.starts_with(b"W/"));
    if let Some(index) = strong.map(|field| field.index) {
        msg.splice_value(index, 0, 0, b"W/");
    }
    if msg.head.body != Framing::Chunked {
        msg.del(&HeaderName::CONTENT_LENGTH);
        msg.add(&HeaderName::TRANSFER_ENCODING, b"chunked");
    }
    let reader = msg.read();
    let told = reader.values(&HeaderName::VARY).any(|value| has_token(value, b"accept-encoding"));
    let last = reader.named(&HeaderName::VARY).next_back().map(|field| (field.index, field.value.len()));
    match last {
        _ if told => {}
        None => msg.add(&HeaderName::VARY, b"Accept-Encoding"),
        Some((index, 0)) => msg.set_value(index, b"Accept-Encoding"),
        Some((index, end)) => msg.splice_value(index, end, 0, b",Accept-Encoding"),
    }
    if coding != Coding::Identity {
        msg.add(&HeaderName::CONTENT_ENCODING, coding.token().as_bytes());
    }
    head.body = Framing::Chunked;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{ParseOptions, parse_request};

    fn accept(value: &str, codings: &[Coding]) -> Option<Coding> {
        let mut raw = format!("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {value}\r\n\r\n").into_bytes();
        let mut head = Head::default();
        parse_request(&mut raw, &mut head, &ParseOptions::default()).expect("a request");
        accepted(Msg { raw: &raw, head: &head }, codings)
    }

    #[test]
    fn the_client_chooses_the_coding() {
        let two = &[Coding::Gzip, Coding::Deflate];
        for (value, coding) in [
            ("gzip, deflate", Some(Coding::Gzip)),
            ("deflate, gzip", Some(Coding::Deflate)),
            ("*", Some(Coding::Deflate)),
            ("gzip;q=0.5, *;q=0.8", Some(Coding::Deflate)),
            ("gzip;q=0, *", Some(Coding::Deflate)),
            ("GZIP ; q=0.001", Some(Coding::Gzip)),
            ("gzip;x=0; q=0", None),
            ("gzip;q = 0", Some(Coding::Gzip)),
            ("x-gzip, br", None),
            ("", None),
        ] {
            assert_eq!(accept(value, two), coding, "{value}");
        }
        assert_eq!(accept("deflate", &[Coding::Deflate, Coding::RawDeflate]), Some(Coding::RawDeflate));
    }

    #[test]
    fn only_whole_validators_count() {
        assert!(is_validator(b"\"a\"") && is_validator(b"W/\"a\"") && is_validator(b"\"\""));
        assert!(!is_validator(b"") && !is_validator(b"\"") && !is_validator(b"a") && !is_validator(b"w/\"a\""));
    }

    #[test]
    fn types_are_beginnings() {
        let types = &[b"text/".as_slice().into()];
        assert!(is_wanted(Some(b"TEXT/plain"), types) && is_wanted(None, &[]));
        assert!(!is_wanted(Some(b"image/png"), types) && !is_wanted(None, types));
        assert!(!is_wanted(Some(b"Multipart/mixed"), &[]));
    }
}
