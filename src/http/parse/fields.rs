//! Field lines (RFC 9112, 5): one pass over each line, joining folded ones, up to the empty line.

use super::scan::{is_blank, name_len, short_name, text_len};
use super::{ErrorKind, ParseError, ParseOptions, meaning, refuse};
use crate::http::name::NameWords;
use crate::http::{Field, FieldFlags, Head, HeadFlags, HeaderId, Kind, Slice};
use std::ops::Range;

/// Reads field lines from `Head::resume` on; answers the length of the head with its empty line, or None if more is needed.
pub(super) fn parse(raw: &mut [u8], head: &mut Head, opts: &ParseOptions) -> Result<Option<usize>, ParseError> {
    let mut at = head.resume as usize;
    loop {
        match raw.get(at) {
            Some(b'\r') => match raw.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => return Ok(Some(at + 2)),
                Some(_) => return Err(refuse(ErrorKind::BareCr, at)),
            },
            Some(b'\n') => return Ok(Some(at + 1)),
            None => return Ok(None),
            Some(_) => {}
        }
        let Some(next) = line(raw, at, head, opts)? else { return Ok(None) };
        head.resume = next as u32;
        at = next;
    }
}

/// Reads one field with its continuation lines; answers where the next line starts, None if the line is not complete.
#[inline]
fn line(raw: &mut [u8], start: usize, head: &mut Head, opts: &ParseOptions) -> Result<Option<usize>, ParseError> {
    if let Some(name) = short_name(&raw[start..])
        && name.len() > 0
    {
        let colon = start + name.len();
        let Some(value) = value(raw, colon + 1, head, opts)? else { return Ok(None) };
        name.write(&mut raw[start..]);
        return add(raw, start..colon, name.id(), value, head, opts);
    }
    unusual_line(raw, start, head, opts)
}

/// A line whose name is long or has rare characters, or that stands at the end of the buffer, or is no field.
#[inline(never)]
fn unusual_line(
    raw: &mut [u8],
    start: usize,
    head: &mut Head,
    opts: &ParseOptions,
) -> Result<Option<usize>, ParseError> {
    let mut words = NameWords::default();
    let len = name_len(&raw[start..], &mut words);
    let colon = start + len;
    match raw.get(colon) {
        None => return Ok(None),
        Some(b':') if colon > start => {}
        Some(_) => return bad_name(raw, start, colon, head, opts),
    }
    let Some(value) = value(raw, colon + 1, head, opts)? else { return Ok(None) };
    words.write(&mut raw[start..], len);
    add(raw, start..colon, words.id(len), value, head, opts)
}

/// Adds the field to the head; answers where the next line starts.
#[inline(always)]
fn add(
    raw: &[u8],
    name: Range<usize>,
    id: HeaderId,
    value: Value,
    head: &mut Head,
    opts: &ParseOptions,
) -> Result<Option<usize>, ParseError> {
    let flags = if value.is_clean { FieldFlags::CLEAN } else { FieldFlags::empty() };
    if head.fields.len() >= opts.max_fields {
        return Err(refuse(ErrorKind::TooManyFields, name.start));
    }
    head.seen |= id.bit();
    let (name, text) = (Slice::raw(name.start, name.len()), Slice::raw(value.start, value.end - value.start));
    if meaning::NAMES & id.bit() == 0 || head.kind == Kind::Trailers {
        head.fields.push(Field { name, value: text, id, flags });
    } else {
        meaning::field(raw, head, Field { name, value: text, id, flags }, opts)?;
    }
    Ok(Some(value.next))
}

/// Where a value stands, without the blanks around it, and where the line after it starts.
struct Value {
    start: usize,
    end: usize,
    next: usize,
    /// One space is before it, CR LF behind it: see `FieldFlags::CLEAN`.
    is_clean: bool,
}

/// Reads a value from behind the colon. Continuation lines are joined by overwriting the line ends with spaces
/// (RFC 9112, 5.2), which does no harm if the same bytes are read again.
#[inline(always)]
fn value(raw: &mut [u8], start: usize, head: &mut Head, opts: &ParseOptions) -> Result<Option<Value>, ParseError> {
    let mut at = start;
    loop {
        at += text_len(&raw[at..]);
        let (end, next) = match raw.get(at) {
            None => return Ok(None),
            Some(b'\r') => match raw.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => (at, at + 2),
                Some(_) => return Err(refuse(ErrorKind::BareCr, at)),
            },
            Some(b'\n') => (at, at + 1),
            Some(b'\t' | 0x80..) => {
                at += 1;
                continue;
            }
            Some(_) if opts.accept_unsafe => {
                head.flags |= HeadFlags::VIOLATION;
                at += 1;
                continue;
            }
            Some(_) => return Err(refuse(ErrorKind::FieldValue, at)),
        };
        match raw.get(next) {
            None => return Ok(None),
            Some(b' ' | b'\t') => {
                raw[end..next].fill(b' ');
                at = next;
            }
            Some(_) => return Ok(Some(trimmed(raw, start, end, next))),
        }
    }
}

/// Takes the blanks off both ends of `start..end`.
#[inline(always)]
fn trimmed(raw: &[u8], start: usize, end: usize, next: usize) -> Value {
    match raw[start..end] {
        [b' ', first, .., last] if !is_blank(first) && !is_blank(last) => {
            Value { start: start + 1, end, next, is_clean: next == end + 2 }
        }
        _ => trimmed_slowly(raw, start, end, next),
    }
}

#[cold]
fn trimmed_slowly(raw: &[u8], from: usize, mut end: usize, next: usize) -> Value {
    let mut start = from;
    while start < end && is_blank(raw[start]) {
        start += 1;
    }
    while start < end && is_blank(raw[end - 1]) {
        end -= 1;
    }
    let is_clean = start == from + 1 && raw[from] == b' ' && next == end + 2 && raw[end] == b'\r';
    Value { start, end, next, is_clean }
}

/// A name that is no token. Where violations are accepted, the whole field is left out (manual:
/// `accept-unsafe-violations-in-http-request`), unless there is no name or no colon at all.
#[cold]
fn bad_name(
    raw: &mut [u8],
    start: usize,
    bad: usize,
    head: &mut Head,
    opts: &ParseOptions,
) -> Result<Option<usize>, ParseError> {
    if is_blank(raw[start]) {
        return Err(refuse(ErrorKind::Fold, start));
    }
    let Some(colon) = raw[start..].iter().position(|b| matches!(b, b':' | b'\r' | b'\n')) else { return Ok(None) };
    if !opts.accept_unsafe || colon == 0 || raw[start + colon] != b':' {
        return Err(refuse(ErrorKind::FieldName, bad));
    }
    head.flags |= HeadFlags::VIOLATION;
    Ok(value(raw, start + colon + 1, head, opts)?.map(|v| v.next))
}
