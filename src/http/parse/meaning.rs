//! What the fields mean for framing and connection: Content-Length, Transfer-Encoding, Connection, Host, Upgrade and their
//! combinations (RFC 9112, 3.2, 6, 9; RFC 9110, 7). Single fields are judged as they are read, combinations when the head is
//! complete.

use super::{Answering, ErrorKind, ParseError, ParseOptions, refuse};
use crate::http::list::{Elements, trim};
use crate::http::uri::{self, Target};
use crate::http::{Field, FieldFlags, Framing, Head, HeadFlags, HeaderId, Kind, Method, Slice};

/// The fields that `field` must see.
pub(super) const NAMES: u64 = HeaderId::Connection.bit()
    | HeaderId::ContentLength.bit()
    | HeaderId::Expect.bit()
    | HeaderId::Host.bit()
    | HeaderId::SecWebsocketAccept.bit()
    | HeaderId::SecWebsocketKey.bit()
    | HeaderId::Te.bit()
    | HeaderId::TransferEncoding.bit()
    | HeaderId::Upgrade.bit();

/// Judges one field and keeps it, unless it only repeats an earlier one.
pub(super) fn field(raw: &[u8], head: &mut Head, mut field: Field, opts: &ParseOptions) -> Result<(), ParseError> {
    let value = field.value.of(raw, &[]);
    let pos = field.value.start();
    if crate::http::edit::SPECIAL & field.id.bit() != 0 {
        field.flags |= FieldFlags::SPECIAL;
    }
    let is_new = match field.id {
        HeaderId::ContentLength => content_length(raw, head, &mut field)?,
        HeaderId::Host if head.kind == Kind::Request => host(value, pos, raw, head)?,
        HeaderId::TransferEncoding => transfer_encoding(value, pos, head, opts).map(|()| true)?,
        id => {
            head.flags |= facts(id, value);
            true
        }
    };
    if is_new {
        head.fields.push(field);
    }
    Ok(())
}

/// What a field says by itself.
fn facts(id: HeaderId, value: &[u8]) -> HeadFlags {
    match id {
        HeaderId::Connection => connection(value),
        HeaderId::Upgrade => upgrade(value),
        HeaderId::Te if Elements::new(value).any(|e| is_trailers(e.bytes)) => HeadFlags::TE_TRAILERS,
        HeaderId::Expect if value.eq_ignore_ascii_case(b"100-continue") => HeadFlags::EXPECT_100,
        HeaderId::SecWebsocketKey if is_base64(value, 24) => HeadFlags::WEBSOCKET_KEY,
        HeaderId::SecWebsocketAccept if !value.is_empty() => HeadFlags::WEBSOCKET_ACCEPT,
        _ => HeadFlags::empty(),
    }
}

/// The whole request: target against Host, framing, upgrade.
pub(super) fn request(raw: &[u8], head: &mut Head, opts: &ParseOptions) -> Result<(), ParseError> {
    let first = head.target.of(raw, &head.extra).first();
    if first != Some(&b'/') || head.method == Method::Connect {
        target(raw, head, opts)?;
    }
    finish_upgrade(head);
    if !head.version.is_11() {
        head.flags.remove(HeadFlags::EXPECT_100);
    }
    if head.flags.contains(HeadFlags::WEBSOCKET) && !head.flags.contains(HeadFlags::WEBSOCKET_KEY) {
        violation(head, opts, ErrorKind::WebSocketKey, head.len)?;
    }
    if !head.flags.intersects(HeadFlags::HAS_CONTENT_LENGTH | HeadFlags::HAS_TRANSFER_ENCODING) {
        return Ok(());
    }
    transfer_against_length(head, opts);
    if head.flags.contains(HeadFlags::OTHER_CODING) {
        let chunked = head.flags.contains(HeadFlags::CHUNKED);
        let kind = if chunked { ErrorKind::UnknownCoding } else { ErrorKind::TransferEncoding };
        return Err(refuse(kind, head.len));
    }
    head.body = length_framing(head, Framing::None);
    if head.method == Method::Connect {
        // A CONNECT has no content (RFC 9110, 9.3.6): what follows the head belongs to the tunnel.
        drop_fields(head, &[HeaderId::ContentLength, HeaderId::TransferEncoding]);
        head.body = Framing::None;
        head.flags |= HeadFlags::INSECURE_FRAMING;
    }
    let is_bodiless = matches!(head.method, Method::Get | Method::Head | Method::Delete);
    if head.body != Framing::None && is_bodiless && !head.version.is_11() && !opts.payload_with_any_method {
        return Err(refuse(ErrorKind::UnexpectedBody, head.len));
    }
    Ok(())
}

/// The whole response: framing by status and request (RFC 9112, 6.3).
pub(super) fn response(
    raw: &[u8],
    head: &mut Head,
    answering: Answering,
    opts: &ParseOptions,
) -> Result<(), ParseError> {
    debug_assert!(head.len <= raw.len());
    finish_upgrade(head);
    transfer_against_length(head, opts);
    if head.flags.contains(HeadFlags::OTHER_CODING) {
        return Err(refuse(ErrorKind::UnknownCoding, head.len));
    }
    let tunnel = answering.method == Method::Connect && matches!(head.status, 200..=299);
    match head.status {
        101 if !answering.upgrade || !head.flags.contains(HeadFlags::UPGRADE) => {
            return Err(refuse(ErrorKind::UnexpectedUpgrade, head.len));
        }
        101 => {
            if head.flags.contains(HeadFlags::WEBSOCKET) && !head.flags.contains(HeadFlags::WEBSOCKET_ACCEPT) {
                violation(head, opts, ErrorKind::WebSocketKey, head.len)?;
            }
            head.body = Framing::Tunnel;
        }
        _ if tunnel => head.body = Framing::Tunnel,
        100..=199 | 204 => head.body = Framing::None,
        304 => head.flags |= HeadFlags::BODILESS,
        _ if answering.method == Method::Head => head.flags |= HeadFlags::BODILESS,
        _ => {
            head.body = length_framing(head, Framing::UntilClose);
            return Ok(());
        }
    }
    if !head.flags.contains(HeadFlags::BODILESS) {
        drop_fields(head, &[HeaderId::ContentLength, HeaderId::TransferEncoding]);
    }
    Ok(())
}

/// Flags of the tokens of one `Connection` value.
pub(crate) fn connection(value: &[u8]) -> HeadFlags {
    match value {
        b"keep-alive" | b"Keep-Alive" => return HeadFlags::KEEP_ALIVE,
        b"close" | b"Close" => return HeadFlags::CLOSE,
        _ => {}
    }
    let mut flags = HeadFlags::empty();
    for element in Elements::new(value) {
        match element.bytes.len() {
            5 if element.bytes.eq_ignore_ascii_case(b"close") => flags |= HeadFlags::CLOSE,
            10 if element.bytes.eq_ignore_ascii_case(b"keep-alive") => flags |= HeadFlags::KEEP_ALIVE,
            7 if element.bytes.eq_ignore_ascii_case(b"upgrade") => flags |= HeadFlags::CONN_UPGRADE,
            _ => {}
        }
    }
    flags
}

/// Whether a protocol named in `Upgrade` cannot be forwarded: HTTP/2 belongs to one connection, HAProxy takes it out.
pub(crate) fn is_h2(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(b"h2") || protocol.eq_ignore_ascii_case(b"h2c")
}

/// Whether an element of `TE` is `trailers`, the only one a proxy may forward.
pub(crate) fn is_trailers(element: &[u8]) -> bool {
    let name = element.split(|&b| b == b';').next().unwrap_or_default();
    trim(name).1 == b"trailers"
}

fn upgrade(value: &[u8]) -> HeadFlags {
    let mut flags = HeadFlags::empty();
    for element in Elements::new(value).filter(|e| !e.bytes.is_empty() && !is_h2(e.bytes)) {
        flags |= HeadFlags::UPGRADE;
        if element.bytes.eq_ignore_ascii_case(b"websocket") {
            flags |= HeadFlags::WEBSOCKET;
        }
    }
    flags
}

/// An `Upgrade` field counts only if `Connection` lists it.
#[inline]
fn finish_upgrade(head: &mut Head) {
    if head.flags.intersects(HeadFlags::UPGRADE) && !head.flags.contains(HeadFlags::CONN_UPGRADE) {
        head.flags.remove(HeadFlags::UPGRADE | HeadFlags::WEBSOCKET);
    }
}

/// A list of equal numbers counts as one, and so do equal fields: false for a repetition. The text that goes on is one number
/// without leading zeros.
fn content_length(raw: &[u8], head: &mut Head, field: &mut Field) -> Result<bool, ParseError> {
    let value = field.value.of(raw, &[]);
    if let [b'1'..=b'9', ..] = value
        && value.len() < 19
        && let Some(length) = number(value)
        && !head.flags.contains(HeadFlags::HAS_CONTENT_LENGTH)
    {
        head.flags |= HeadFlags::HAS_CONTENT_LENGTH;
        head.content_length = length;
        return Ok(true);
    }
    let wrong = |kind| Err(refuse(kind, field.value.start()));
    let mut first: Option<(u64, usize, usize)> = None;
    let mut at = 0;
    for part in value.split(|&b| b == b',') {
        let (lead, digits) = trim(part);
        let Some(number) = number(digits) else { return wrong(ErrorKind::ContentLength) };
        match first {
            Some((other, ..)) if other != number => return wrong(ErrorKind::ContentLengths),
            Some(_) => {}
            None => {
                let zeros = digits.iter().take_while(|&&b| b == b'0').count().min(digits.len() - 1);
                first = Some((number, at + lead + zeros, digits.len() - zeros));
            }
        }
        at += part.len() + 1;
    }
    let Some((number, from, len)) = first else { return wrong(ErrorKind::ContentLength) };
    if head.flags.contains(HeadFlags::HAS_CONTENT_LENGTH) {
        return if head.content_length == number { Ok(false) } else { wrong(ErrorKind::ContentLengths) };
    }
    head.flags |= HeadFlags::HAS_CONTENT_LENGTH;
    head.content_length = number;
    if len != value.len() {
        field.value = field.value.sub(from, len);
        field.flags.remove(FieldFlags::CLEAN);
    }
    Ok(true)
}

/// A decimal number below 2^63.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |n, &b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })?;
    (number <= i64::MAX as u64).then_some(number)
}

/// `chunked` must come last and once. Servers may break that where violations are accepted.
fn transfer_encoding(value: &[u8], pos: usize, head: &mut Head, opts: &ParseOptions) -> Result<(), ParseError> {
    let lenient = opts.accept_unsafe && head.kind == Kind::Response;
    head.flags |= HeadFlags::HAS_TRANSFER_ENCODING;
    for element in Elements::new(value) {
        let is_chunked = element.bytes.eq_ignore_ascii_case(b"chunked");
        let is_wrong = element.bytes.is_empty() || head.flags.contains(HeadFlags::CHUNKED);
        match (is_wrong, is_chunked) {
            (true, _) if lenient && (is_chunked || element.bytes.is_empty()) => head.flags |= HeadFlags::VIOLATION,
            (true, _) => return Err(refuse(ErrorKind::TransferEncoding, pos + element.start)),
            (false, true) => head.flags |= HeadFlags::CHUNKED,
            (false, false) => head.flags |= HeadFlags::OTHER_CODING,
        }
    }
    Ok(())
}

/// Transfer-Encoding overrides Content-Length, and who sends both, or sends it in HTTP/1.0, is not to be trusted with another
/// message on the connection (RFC 9112, 6.1).
fn transfer_against_length(head: &mut Head, opts: &ParseOptions) {
    if !head.flags.contains(HeadFlags::HAS_TRANSFER_ENCODING) {
        return;
    }
    if head.flags.contains(HeadFlags::HAS_CONTENT_LENGTH) {
        drop_fields(head, &[HeaderId::ContentLength]);
        head.flags.remove(HeadFlags::HAS_CONTENT_LENGTH);
        if !opts.keep_insecure_framing {
            head.flags |= HeadFlags::INSECURE_FRAMING;
        }
    }
    if !head.version.is_11() {
        head.flags |= HeadFlags::INSECURE_FRAMING;
    }
}

/// The framing that the two fields give, or `otherwise` if there are none.
#[inline]
fn length_framing(head: &Head, otherwise: Framing) -> Framing {
    if head.flags.contains(HeadFlags::CHUNKED) {
        Framing::Chunked
    } else if head.flags.contains(HeadFlags::HAS_CONTENT_LENGTH) {
        match head.content_length {
            0 => Framing::None,
            length => Framing::Length(length),
        }
    } else {
        otherwise
    }
}

fn drop_fields(head: &mut Head, ids: &[HeaderId]) {
    for field in head.fields.iter_mut().filter(|f| ids.contains(&f.id)) {
        field.flags |= FieldFlags::DEAD;
    }
}

/// A second Host must be equal, and is then left out: false.
fn host(value: &[u8], pos: usize, raw: &[u8], head: &mut Head) -> Result<bool, ParseError> {
    if head.flags.contains(HeadFlags::HAS_HOST) {
        let first = head.fields.iter().find(|f| f.id == HeaderId::Host).map(|f| f.value.of(raw, &[]));
        return match first {
            Some(first) if first.eq_ignore_ascii_case(value) => Ok(false),
            _ => Err(refuse(ErrorKind::Hosts, pos)),
        };
    }
    if !is_host(value) {
        return Err(refuse(ErrorKind::Host, pos));
    }
    head.flags |= HeadFlags::HAS_HOST;
    Ok(true)
}

/// Whether this can be a host with a port: an IPv6 address in brackets or a name; the characters HAProxy 2.8 lets pass.
fn is_host(value: &[u8]) -> bool {
    let (address, rest) = match value.first() {
        Some(b'[') => match memchr::memchr(b']', value) {
            Some(end) => (&value[1..end], &value[end + 1..]),
            None => return false,
        },
        _ => (&value[..0], value),
    };
    let is_address = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'%' | b'-' | b'_' | b'~');
    let is_name = |b: &u8| HOST[usize::from(*b)];
    let rest_fits = address.is_empty() || rest.is_empty() || rest[0] == b':';
    address.iter().all(is_address) && rest_fits && rest.iter().all(is_name)
}

/// For every byte: whether it may stand in a host name with a port.
static HOST: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0x21;
    while byte < 0x7f {
        table[byte as usize] = !matches!(byte, b'#' | b',' | b'/' | b'?' | b'@' | b'[' | b'\\' | b']');
        byte += 1;
    }
    table
};

/// A target that is no path: `*`, `http://...`, or the authority of a CONNECT. The authority must agree with Host; its default
/// port is taken out and a missing path is put in, as HAProxy does.
#[cold]
fn target(raw: &[u8], head: &mut Head, opts: &ParseOptions) -> Result<(), ParseError> {
    let text = head.target.of(raw, &[]);
    let pos = head.target.start();
    if head.method == Method::Connect {
        let is_valid = is_host(text) && uri::host_port(text).1.is_some_and(|p| number(p).is_some());
        head.flags |= HeadFlags::AUTHORITY;
        if !is_valid {
            violation(head, opts, ErrorKind::Authority, pos)?;
        }
        return same_host(raw, head, opts, text, &[80, 443]);
    }
    if text == b"*" {
        return Ok(());
    }
    let parts = Target::split(text);
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(refuse(ErrorKind::Target, pos));
    };
    let (host, port) = uri::host_port(authority);
    let after_user = &authority[memchr::memrchr(b'@', authority).map_or(0, |at| at + 1)..];
    let has_two_ports = !host.starts_with(b"[") && host.contains(&b':');
    if !is_host(after_user) || has_two_ports || (parts.path.is_none() && parts.query.is_some()) {
        return Err(refuse(ErrorKind::Authority, pos));
    }
    head.flags |= HeadFlags::AUTHORITY;
    let default = uri::default_port(scheme);
    if !host.is_empty() {
        same_host(raw, head, opts, after_user, &[default])?;
    }
    let drop_port = port.is_some_and(|p| p.is_empty() || number(p) == Some(u64::from(default)));
    let add_path = parts.path.is_none() && head.method != Method::Options;
    if drop_port || add_path {
        let end = parts.path_at - if drop_port { port.map_or(0, |p| p.len() + 1) } else { 0 };
        let path = parts.path.map_or(&text[..0], |_| &text[parts.path_at..]);
        let slash: &[u8] = if add_path { b"/" } else { b"" };
        let whole = [&text[..end], slash, path].concat();
        head.target = head.store(&whole);
        head.line = Slice::EMPTY;
    }
    Ok(())
}

/// Whether Host names what the authority names; a port that is one of `defaults` may be left out on either side.
fn same_host(
    raw: &[u8],
    head: &Head,
    opts: &ParseOptions,
    authority: &[u8],
    defaults: &[u16],
) -> Result<(), ParseError> {
    let Some(field) = head.fields.iter().find(|f| f.id == HeaderId::Host && f.is_live()) else { return Ok(()) };
    if opts.accept_unsafe {
        return Ok(());
    }
    let (host, port) = uri::host_port(field.value.of(raw, &[]));
    let (other_host, other_port) = uri::host_port(authority);
    let given = |port: Option<&[u8]>| port.filter(|p| !p.is_empty()).map(|p| number(p).unwrap_or(u64::MAX));
    let is_default = |port: u64| defaults.iter().any(|&d| u64::from(d) == port);
    let same_port = match (given(port), given(other_port)) {
        (Some(a), Some(b)) => a == b,
        (Some(only), None) | (None, Some(only)) => is_default(only),
        (None, None) => true,
    };
    if same_port && host.eq_ignore_ascii_case(other_host) {
        Ok(())
    } else {
        Err(refuse(ErrorKind::HostMismatch, field.value.start()))
    }
}

/// Refuses, unless violations are accepted: then only noted.
fn violation(head: &mut Head, opts: &ParseOptions, kind: ErrorKind, pos: usize) -> Result<(), ParseError> {
    if !opts.accept_unsafe {
        return Err(refuse(kind, pos));
    }
    head.flags |= HeadFlags::VIOLATION;
    Ok(())
}

/// Whether the text is that many base64 characters, padding included.
fn is_base64(text: &[u8], len: usize) -> bool {
    let body = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    text.len() == len && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
