//! The HTTP/1 parser: bytes of a receive buffer to a `Head`. One pass, resumable line by line; field names are put in lower
//! case in place and folded lines are joined in place, everything else stays as received. Owns what is refused and what is
//! normalised (RFC 9112, and the manual at `option accept-unsafe-violations-in-http-request`); sends no answers.

mod fields;
mod meaning;
mod scan;
mod start_line;
#[cfg(test)]
mod tests;

use super::{Head, HeadFlags, Kind, Method};
pub(super) use meaning::{connection as connection_flags, is_h2, is_trailers};

/// What the parser tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// Most field lines; `tune.http.maxhdr` counts the start line too, so this is one less.
    pub max_fields: usize,
    /// `option accept-unsafe-violations-in-http-request` or `-response`.
    pub accept_unsafe: bool,
    /// `h1-accept-payload-with-any-method`.
    pub payload_with_any_method: bool,
    /// `h1-do-not-close-on-insecure-transfer-encoding`.
    pub keep_insecure_framing: bool,
}

impl Default for ParseOptions {
    fn default() -> ParseOptions {
        ParseOptions {
            max_fields: 100,
            accept_unsafe: false,
            payload_with_any_method: false,
            keep_insecure_framing: false,
        }
    }
}

/// How far a parse came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// More bytes are needed. A full buffer means too large: `Head::has_start_line` tells 431 from 414.
    Partial,
    /// `Head::len` bytes were the head.
    Complete,
    /// The line `PRI * HTTP/2.0`: what follows is HTTP/2 with prior knowledge (RFC 9113, 3.4). Nothing was consumed.
    Preface,
}

/// To what a response answers: it decides whether there is a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Answering {
    pub method: Method,
    /// The request asked to leave HTTP (`HeadFlags::UPGRADE`), so that 101 is a possible answer.
    pub upgrade: bool,
}

impl Answering {
    /// For the response to this request.
    pub fn to(request: &Head) -> Answering {
        Answering { method: request.method, upgrade: request.flags.contains(HeadFlags::UPGRADE) }
    }
}

/// Why a message was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ErrorKind {
    #[error("the method is not a token")]
    Method,
    #[error("the request target has a character that is not allowed")]
    TargetByte,
    #[error("the request target is neither a path, an absolute URI, an authority nor '*'")]
    Target,
    #[error("the authority of the request target is not valid")]
    Authority,
    #[error("the protocol version is not HTTP/1.x")]
    Version,
    #[error("the status is not a number of three digits from 100")]
    Status,
    #[error("the reason phrase has a control character")]
    Reason,
    #[error("a field name is not a token directly followed by a colon")]
    FieldName,
    #[error("a line starts with a blank but continues no field")]
    Fold,
    #[error("a carriage return is not followed by a line feed")]
    BareCr,
    #[error("a field value has a control character")]
    FieldValue,
    #[error("more fields than tune.http.maxhdr allows")]
    TooManyFields,
    #[error("Content-Length is not a number below 2^63")]
    ContentLength,
    #[error("Content-Length is given twice with different values")]
    ContentLengths,
    #[error("the last transfer coding is not chunked, or chunked is applied twice")]
    TransferEncoding,
    #[error("a transfer coding besides chunked, which is not supported")]
    UnknownCoding,
    #[error("Host is given twice with different values")]
    Hosts,
    #[error("the Host field has a character that is not allowed")]
    Host,
    #[error("Host and the authority of the request target differ")]
    HostMismatch,
    #[error("an HTTP/1.0 GET, HEAD or DELETE with a body")]
    UnexpectedBody,
    #[error("a WebSocket handshake without a valid key")]
    WebSocketKey,
    #[error("the server switched protocols although nobody asked for it")]
    UnexpectedUpgrade,
}

/// A refused message: why and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind} (byte {pos})")]
pub struct ParseError {
    pub kind: ErrorKind,
    /// Offset in the message, for "show errors".
    pub pos: usize,
}

impl ParseError {
    /// The status that answers a request refused for this; any refused response is a 502.
    pub fn status(&self) -> u16 {
        match self.kind {
            ErrorKind::UnknownCoding => 422,
            ErrorKind::UnexpectedBody => 413,
            _ => 400,
        }
    }
}

/// Parses a request head. `raw` starts at the first byte of the message; call again with the same head when more has arrived:
/// parsing goes on at the first incomplete line. The head must be cleared before the next message.
#[inline]
pub fn parse_request(raw: &mut [u8], head: &mut Head, opts: &ParseOptions) -> Result<Parsed, ParseError> {
    if !line_may_be_complete(raw, head) {
        return Ok(Parsed::Partial);
    }
    if !head.has_start_line() {
        head.kind = Kind::Request;
        match start_line::request(raw, head, opts)? {
            start_line::Line::Partial => return Ok(partial(raw, head)),
            start_line::Line::Preface => return Ok(Parsed::Preface),
            start_line::Line::Simple(len) => {
                complete(head, len);
                meaning::request(raw, head, opts)?;
                return Ok(Parsed::Complete);
            }
            start_line::Line::Complete => {}
        }
    }
    match fields::parse(raw, head, opts)? {
        None => Ok(partial(raw, head)),
        Some(len) => {
            complete(head, len);
            meaning::request(raw, head, opts)?;
            Ok(Parsed::Complete)
        }
    }
}

/// Parses a response head; see `parse_request`.
#[inline]
pub fn parse_response(
    raw: &mut [u8],
    head: &mut Head,
    answering: Answering,
    opts: &ParseOptions,
) -> Result<Parsed, ParseError> {
    if !line_may_be_complete(raw, head) {
        return Ok(Parsed::Partial);
    }
    if !head.has_start_line() {
        head.kind = Kind::Response;
        if start_line::response(raw, head, opts)? == start_line::Line::Partial {
            return Ok(partial(raw, head));
        }
    }
    match fields::parse(raw, head, opts)? {
        None => Ok(partial(raw, head)),
        Some(len) => {
            complete(head, len);
            meaning::response(raw, head, answering, opts)?;
            Ok(Parsed::Complete)
        }
    }
}

/// Parses the trailer section after the last chunk, up to and with its empty line (`Head::len` bytes). The fields have no
/// meaning for framing or connection.
pub fn parse_trailers(raw: &mut [u8], head: &mut Head, opts: &ParseOptions) -> Result<Parsed, ParseError> {
    if !line_may_be_complete(raw, head) {
        return Ok(Parsed::Partial);
    }
    head.kind = Kind::Trailers;
    match fields::parse(raw, head, opts)? {
        None => Ok(partial(raw, head)),
        Some(len) => {
            complete(head, len);
            Ok(Parsed::Complete)
        }
    }
}

/// False when nothing can have become complete since the last call: the incomplete line still has no end. This keeps a head
/// that arrives byte by byte from being read again and again.
#[inline]
fn line_may_be_complete(raw: &[u8], head: &mut Head) -> bool {
    if head.scanned == 0 {
        return true;
    }
    let fresh = raw.get(head.scanned as usize..).unwrap_or_default();
    if memchr::memchr(b'\n', fresh).is_some() {
        return true;
    }
    head.scanned = raw.len() as u32;
    false
}

#[cold]
fn partial(raw: &[u8], head: &mut Head) -> Parsed {
    head.scanned = raw.len() as u32;
    Parsed::Partial
}

#[inline]
fn complete(head: &mut Head, len: usize) {
    head.len = len;
    head.flags |= HeadFlags::COMPLETE;
}

#[cold]
fn refuse(kind: ErrorKind, pos: usize) -> ParseError {
    ParseError { kind, pos }
}
