//! How values are written into formatted text: quotes, escapes, hexadecimal, encoding of unsafe bytes (manual 8.6).

use std::net::IpAddr;

use super::Flags;
use crate::base::hex;
use crate::base::iptext::IpText;
use crate::base::value::Value;
use crate::expr::Endpoint;

/// Nothing to show: `""`, `-` or nothing.
pub(super) fn empty(out: &mut Vec<u8>, flags: Flags) {
    if flags.contains(Flags::QUOTE) {
        out.extend_from_slice(b"\"\"");
    } else if flags.contains(Flags::LOG) {
        out.push(b'-');
    }
}

/// A string; an empty one is shown as `empty` does.
pub(super) fn text(out: &mut Vec<u8>, flags: Flags, text: &[u8]) {
    if text.is_empty() {
        return empty(out, flags);
    }
    let log = flags.contains(Flags::LOG);
    quoted(out, flags, |out| encoded(out, flags, text, b'#', |byte| log && is_control(byte)));
}

/// A string that may be missing.
pub(super) fn maybe(out: &mut Vec<u8>, flags: Flags, found: Option<&[u8]>) {
    text(out, flags, found.unwrap_or_default());
}

/// Part of a request line: `"`, `#` and what is not printable are encoded.
pub(super) fn request(out: &mut Vec<u8>, flags: Flags, text: &[u8]) {
    quoted(out, flags, |out| encoded(out, flags, text, b'#', |byte| is_no_text(byte) || matches!(byte, b'"' | b'#')));
}

/// A captured header: as a request line, and `{`, `|`, `}` are encoded too. No quotes around it.
pub(super) fn header(out: &mut Vec<u8>, flags: Flags, text: &[u8]) {
    let is_unsafe = |byte| is_no_text(byte) || matches!(byte, b'"' | b'#' | b'{' | b'|' | b'}');
    encoded(out, flags, text, b'#', is_unsafe);
}

/// The quotes around what `inner` writes, where the flags ask for them.
pub(super) fn quoted(out: &mut Vec<u8>, flags: Flags, inner: impl FnOnce(&mut Vec<u8>)) {
    let quote = flags.contains(Flags::QUOTE);
    if quote {
        out.push(b'"');
    }
    inner(out);
    if quote {
        out.push(b'"');
    }
}

/// A decimal number. Numbers of aliases are never quoted.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, number: impl Into<u64>) {
    match number.into() {
        // Most are times and queue lengths.
        digit @ 0..10 => out.push(b'0' + digit as u8),
        number => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
}

/// A number that `+X` turns into at least four hexadecimal digits (ports, `%rt`, `%lc`, `%Ts`).
pub(super) fn counter(out: &mut Vec<u8>, flags: Flags, n: u64) {
    if flags.contains(Flags::HEX) {
        hex(out, n, 4);
    } else {
        number(out, n);
    }
}

/// Upper-case hexadecimal with at least `width` digits.
pub(super) fn hex(out: &mut Vec<u8>, n: u64, width: usize) {
    let digits = (16 - n.leading_zeros() as usize / 4).max(width).max(1);
    out.extend((0..digits).rev().map(|at| hex::DIGITS[(n >> (at * 4)) as usize & 15]));
}

/// The address of an end of a connection: `unix` for a UNIX socket.
pub(super) fn address(out: &mut Vec<u8>, flags: Flags, end: &Endpoint) {
    match end {
        Endpoint::Unknown => empty(out, flags),
        Endpoint::Unix => text(out, flags, b"unix"),
        Endpoint::Ip(addr) => quoted(out, flags, |out| ip(out, flags, addr.ip())),
    }
}

/// The port of an end of a connection; UNIX sockets show the number of their listener, counting from 1.
pub(super) fn port(out: &mut Vec<u8>, flags: Flags, end: &Endpoint, listener: u32) {
    match end {
        Endpoint::Unknown => empty(out, flags),
        Endpoint::Unix => number(out, listener),
        Endpoint::Ip(addr) => counter(out, flags, u64::from(addr.port())),
    }
}

/// One value of an expression.
pub(super) fn value(out: &mut Vec<u8>, flags: Flags, value: &Value<'_>) {
    match value {
        Value::Str(bytes) | Value::Meth(bytes) => sample(out, flags, bytes),
        Value::Bin(bytes) if flags.contains(Flags::BIN) => out.extend_from_slice(bytes),
        Value::Bin(bytes) => sample(out, flags, bytes.split(|byte| *byte == 0).next().unwrap_or_default()),
        number => quoted(out, flags, |out| number.write_to(out)),
    }
}

fn sample(out: &mut Vec<u8>, flags: Flags, bytes: &[u8]) {
    if !flags.contains(Flags::HTTP) {
        return text(out, flags, bytes);
    }
    encoded(out, flags, bytes, b'%', |byte| is_control(byte) && byte != b'\t');
}

fn ip(out: &mut Vec<u8>, flags: Flags, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) if flags.contains(Flags::HEX) => hex(out, u64::from(u32::from(ip)), 8),
        IpAddr::V6(ip) if flags.contains(Flags::HEX) => {
            hex(out, (u128::from(ip) >> 64) as u64, 16);
            hex(out, u128::from(ip) as u64, 16);
        }
        ip => out.extend_from_slice(IpText::of(ip).as_bytes()),
    }
}

/// Text with its unsafe bytes as two digits behind `mark`. What lies between them is copied at once.
#[inline]
fn encoded(out: &mut Vec<u8>, flags: Flags, text: &[u8], mark: u8, is_unsafe: impl Fn(u8) -> bool) {
    let escape = flags.contains(Flags::ESCAPE);
    let is_odd = |byte: &u8| is_unsafe(*byte) || escape && matches!(byte, b'"' | b'\\' | b']');
    let mut rest = text;
    while let Some(at) = rest.iter().position(is_odd) {
        let (plain, odd) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = odd.split_first() else { break };
        if is_unsafe(byte) {
            out.push(mark);
            out.extend_from_slice(&hex::digits(byte));
        } else {
            out.extend_from_slice(&[b'\\', byte]);
        }
        rest = behind;
    }
    out.extend_from_slice(rest);
}

fn is_no_text(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~')
}

fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}
