//! Request line and status line (RFC 9112, 3 and 4).

use super::scan::{TOKEN, is_blank, target_len, text_len};
use super::{ErrorKind, ParseError, ParseOptions, refuse};
use crate::http::{Head, HeadFlags, Method, Slice, Version};
use std::ops::Range;

/// Outcome of a start line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    Partial,
    /// `Head::resume` is the start of the first field line.
    Complete,
    /// An HTTP/0.9 request let through: this many bytes are the whole head.
    Simple(usize),
    /// The HTTP/2 preface.
    Preface,
}

/// Reads the request line. Empty lines before it are skipped (RFC 9112, 2.2), blanks may be several.
pub(super) fn request(raw: &[u8], head: &mut Head, opts: &ParseOptions) -> Result<Line, ParseError> {
    let Some(start) = after_empty_lines(raw)? else { return Ok(Line::Partial) };
    let Some(method_end) = token_end(raw, start) else { return Ok(Line::Partial) };
    if method_end == start || !is_blank(raw[method_end]) {
        return Err(refuse(ErrorKind::Method, method_end));
    }
    let Some(target) = after_blanks(raw, method_end) else { return Ok(Line::Partial) };
    let Some(target_end) = target_end(raw, target, head, opts)? else { return Ok(Line::Partial) };
    if target_end == target {
        return Err(refuse(ErrorKind::Target, target));
    }
    head.method = Method::of(&raw[start..method_end]);
    head.method_text = Slice::raw(start, method_end - start);
    head.target = Slice::raw(target, target_end - target);
    let Some(version) = after_blanks(raw, target_end) else { return Ok(Line::Partial) };
    if matches!(raw[version], b'\r' | b'\n') {
        return simple(raw, head, version, opts);
    }
    let Some((version_end, next)) = line_end(raw, version)? else { return Ok(Line::Partial) };
    if raw.get(version..version_end) == Some(b"HTTP/2.0") && &raw[start..target_end] == b"PRI *" {
        return Ok(Line::Preface);
    }
    head.version = self::version(&raw[version..version_end], version, head, opts)?;
    let is_plain = target == method_end + 1 && version == target_end + 1 && raw[method_end] == b' ';
    finish(raw, head, start..version_end, next, is_plain && raw[target_end] == b' ');
    Ok(Line::Complete)
}

/// Reads the status line. HAProxy accepts empty lines before it too, and several blanks.
pub(super) fn response(raw: &[u8], head: &mut Head, opts: &ParseOptions) -> Result<Line, ParseError> {
    let Some(start) = after_empty_lines(raw)? else { return Ok(Line::Partial) };
    let Some(version_end) = version_end(raw, start) else { return Ok(Line::Partial) };
    head.version = version(&raw[start..version_end], start, head, opts)?;
    let Some(status) = after_blanks(raw, version_end) else { return Ok(Line::Partial) };
    let digits = raw[status..].iter().take_while(|b| b.is_ascii_digit()).count();
    let Some(&after) = raw.get(status + digits) else { return Ok(Line::Partial) };
    head.status = self::status(&raw[status..status + digits], after, opts)
        .ok_or_else(|| refuse(ErrorKind::Status, status + digits))?;
    if digits != 3 {
        head.flags |= HeadFlags::VIOLATION;
    }
    let Some(reason) = after_blanks(raw, status + digits) else { return Ok(Line::Partial) };
    let mut end = reason;
    loop {
        end += text_len(&raw[end..]);
        match raw.get(end) {
            None => return Ok(Line::Partial),
            Some(b'\r' | b'\n') => break,
            Some(b'\t' | 0x80..) => {}
            Some(_) if opts.accept_unsafe => head.flags |= HeadFlags::VIOLATION,
            Some(_) => return Err(refuse(ErrorKind::Reason, end)),
        }
        end += 1;
    }
    let Some((end, next)) = line_end(raw, end)? else { return Ok(Line::Partial) };
    let is_plain = status == version_end + 1 && reason == status + 4 && reason < end;
    let is_plain = is_plain && raw[version_end] == b' ' && raw[status + 3] == b' ';
    head.reason = if reason < end {
        Slice::raw(reason, end - reason)
    } else {
        head.store(crate::http::status::reason(head.status).as_bytes())
    };
    finish(raw, head, start..end, next, is_plain);
    Ok(Line::Complete)
}

/// Notes where the fields start, and whether the line can be forwarded as it is: single spaces, CR LF, HTTP/1.0 or 1.1.
#[inline]
fn finish(raw: &[u8], head: &mut Head, line: Range<usize>, next: usize, is_plain: bool) {
    head.resume = next as u32;
    head.flags |= HeadFlags::START_LINE;
    let is_known = head.version == Version::HTTP_11 || head.version == Version::HTTP_10;
    if is_plain && is_known && raw[line.end] == b'\r' {
        head.line = Slice::raw(line.start, line.len());
    }
}

/// An HTTP/0.9 request: only GET, and only where violations are accepted. It becomes an HTTP/1.0 request without fields, as
/// HAProxy forwards it; whatever follows on the connection is not read.
fn simple(raw: &[u8], head: &mut Head, at: usize, opts: &ParseOptions) -> Result<Line, ParseError> {
    let Some((_, next)) = line_end(raw, at)? else { return Ok(Line::Partial) };
    if !opts.accept_unsafe || head.method != Method::Get {
        return Err(refuse(ErrorKind::Version, at));
    }
    head.version = Version::HTTP_10;
    head.flags |= HeadFlags::START_LINE | HeadFlags::VIOLATION | HeadFlags::CLOSE;
    Ok(Line::Simple(next))
}

/// The end of the target. A `#` and bytes from 128 on are refused unless violations are accepted; control characters always.
#[inline]
fn target_end(raw: &[u8], start: usize, head: &mut Head, opts: &ParseOptions) -> Result<Option<usize>, ParseError> {
    let mut end = start;
    loop {
        end += target_len(&raw[end..]);
        match raw.get(end) {
            None => return Ok(None),
            Some(b' ' | b'\t' | b'\r' | b'\n') => return Ok(Some(end)),
            Some(b'#' | 0x80..) if opts.accept_unsafe => head.flags |= HeadFlags::VIOLATION,
            Some(_) => return Err(refuse(ErrorKind::TargetByte, end)),
        }
        end += 1;
    }
}

/// `HTTP/1.x`, one digit each; versions above 1.1 are read as they are and treated as 1.1. Where violations are accepted,
/// also another name in capitals and more digits, which count as 1.0 unless they say 1.1.
#[inline]
fn version(text: &[u8], pos: usize, head: &mut Head, opts: &ParseOptions) -> Result<Version, ParseError> {
    match *text {
        [b'H', b'T', b'T', b'P', b'/', major @ b'1'..=b'9', b'.', minor @ b'0'..=b'9'] => {
            return Ok(Version { major: major - b'0', minor: minor - b'0' });
        }
        _ if !opts.accept_unsafe => return Err(refuse(ErrorKind::Version, pos)),
        _ => {}
    }
    let name = text.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let (numbers, is_valid) = match text[name..].split_first() {
        Some((b'/', rest)) => (rest, name > 0 && rest.iter().all(|b| b.is_ascii_digit() || *b == b'.')),
        _ => (&text[..0], false),
    };
    if !is_valid || !numbers.first().is_some_and(u8::is_ascii_digit) {
        return Err(refuse(ErrorKind::Version, pos));
    }
    head.flags |= HeadFlags::VIOLATION;
    Ok(if numbers == b"1.1" { Version::HTTP_11 } else { Version::HTTP_10 })
}

/// Three digits from 100; where violations are accepted, anything that fits 16 bits.
fn status(digits: &[u8], after: u8, opts: &ParseOptions) -> Option<u16> {
    if !matches!(after, b' ' | b'\t' | b'\r' | b'\n') {
        return None;
    }
    let number = digits.iter().try_fold(0_u16, |n, d| n.checked_mul(10)?.checked_add(u16::from(d - b'0')))?;
    (number >= 100 && (digits.len() == 3 || opts.accept_unsafe)).then_some(number)
}

/// Skips empty lines, CRLF or LF; None if nothing else is there yet.
#[inline]
fn after_empty_lines(raw: &[u8]) -> Result<Option<usize>, ParseError> {
    let mut at = 0;
    loop {
        match (raw.get(at), raw.get(at + 1)) {
            (None, _) | (Some(b'\r'), None) => return Ok(None),
            (Some(b'\r'), Some(b'\n')) => at += 2,
            (Some(b'\r'), Some(_)) => return Err(refuse(ErrorKind::BareCr, at)),
            (Some(b'\n'), _) => at += 1,
            _ => return Ok(Some(at)),
        }
    }
}

/// The first byte that cannot stand in a token; None if there is none yet.
#[inline]
fn token_end(raw: &[u8], start: usize) -> Option<usize> {
    if raw[start..].starts_with(b"GET ") {
        return Some(start + 3);
    }
    let len = raw[start..].iter().position(|&b| TOKEN[usize::from(b)] == 0)?;
    Some(start + len)
}

/// Where the version of a status line ends.
#[inline]
fn version_end(raw: &[u8], start: usize) -> Option<usize> {
    if raw[start..].starts_with(b"HTTP/1.1 ") {
        return Some(start + 8);
    }
    let len = raw[start..].iter().position(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))?;
    Some(start + len)
}

/// The first byte that is no blank; None if there is none yet.
#[inline]
fn after_blanks(raw: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while is_blank(*raw.get(at)?) {
        at += 1;
    }
    Some(at)
}

/// From `start` to the line end: where the line's text ends and where the next line starts; None if there is no end yet.
#[inline]
fn line_end(raw: &[u8], start: usize) -> Result<Option<(usize, usize)>, ParseError> {
    if raw[start..].starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some((start + 8, start + 10)));
    }
    for (at, &byte) in raw.iter().enumerate().skip(start) {
        match byte {
            b'\n' => return Ok(Some((at, at + 1))),
            b'\r' => {
                return match raw.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => Ok(Some((at, at + 2))),
                    Some(_) => Err(refuse(ErrorKind::BareCr, at)),
                };
            }
            _ => {}
        }
    }
    Ok(None)
}
