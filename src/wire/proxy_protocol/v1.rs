//! Version 1: a line of text (proxy-protocol.txt 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{Addresses, Header, HeaderError, Progress, Tlvs};

pub(super) fn parse(bytes: &[u8]) -> Result<Progress<Header<'_>>, HeaderError> {
    let compared = bytes.len().min(START.len());
    if bytes[..compared] != START[..compared] {
        return Err(HeaderError::NotProxy);
    }
    let seen = &bytes[..bytes.len().min(LONGEST)];
    let Some(end) = memchr::memchr2(b'\r', b'\n', seen) else {
        return if seen.len() == LONGEST { Err(HeaderError::Line) } else { Ok(Progress::Partial) };
    };
    match seen[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if seen.len() < LONGEST => return Ok(Progress::Partial),
        _ => return Err(HeaderError::Line),
    }
    let addresses = words(&seen[START.len()..end])?;
    Ok(Progress::Done(Header { version: 1, local: false, addresses, tlvs: Tlvs::default(), len: end + 2 }))
}

/// Reads what follows `PROXY` and a space.
fn words(line: &[u8]) -> Result<Addresses<'static>, HeaderError> {
    // Anything may follow UNKNOWN, even what is not text.
    if line.strip_prefix(b"UNKNOWN").is_some_and(|rest| matches!(rest, [] | [b' ', ..])) {
        return Ok(Addresses::Unknown);
    }
    let mut words = std::str::from_utf8(line).map_err(|_| HeaderError::Words)?.split(' ');
    let addresses = match words.next() {
        Some("TCP4") => inet::<Ipv4Addr>(&mut words),
        Some("TCP6") => inet::<Ipv6Addr>(&mut words),
        _ => None,
    };
    addresses.filter(|_| words.next().is_none()).ok_or(HeaderError::Words)
}

fn inet<'w, A: FromStr + Into<IpAddr>>(words: &mut impl Iterator<Item = &'w str>) -> Option<Addresses<'static>> {
    // The standard library refuses leading zeroes in IPv4 addresses, as the specification does.
    let mut addr = || words.next()?.parse::<A>().ok().map(Into::into);
    let (src, dst) = (addr()?, addr()?);
    let mut port = || port(words.next()?);
    let (src, dst) = (SocketAddr::new(src, port()?), SocketAddr::new(dst, port()?));
    Some(Addresses::Inet { src, dst, datagram: false })
}

fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| plain)
}

const START: &[u8] = b"PROXY ";
/// The longest line with its CRLF.
const LONGEST: usize = 107;
