//! The parser of addresses: variables, then prefixes, then host and port.

use super::{Accepts, Address, AddressError, Host, IpFamily, Ports, Transport};
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{opt, value};
use nom::{IResult, Parser};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn address(
    accepts: &Accepts,
    written: &str,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Address, AddressError> {
    let text = expand(written, env);
    if text.is_empty() {
        return Err(AddressError::Empty { text: written.to_owned() });
    }
    let (transport, family, rest) = prefixes(&text);
    check_transport(accepts, transport, family, &text)?;
    let (host, ports) = match family {
        Family::Ip(family) => return internet(accepts, family, rest, &text, transport),
        Family::Unix => (Host::Unix(rest.to_owned()), Ports::None),
        Family::Abstract { zero_terminated } => {
            (Host::Abstract { name: rest.to_owned(), zero_terminated }, Ports::None)
        }
        Family::Fd if !accepts.descriptor => return Err(AddressError::DescriptorNotPermitted { text }),
        Family::Fd => (Host::Fd(descriptor(rest, &text)?), Ports::None),
        Family::SocketPair => (Host::SocketPair(descriptor(rest, &text)?), Ports::None),
        Family::ReverseHttp => (Host::ReverseHttp(rest.to_owned()), Ports::None),
        Family::Log(_) if !accepts.log_target => return Err(AddressError::LogTargetNotPermitted { text }),
        Family::Log(LogTarget::Ring) => (Host::Ring(rest.to_owned()), Ports::None),
        Family::Log(LogTarget::Backend) => (Host::LogBackend(rest.to_owned()), Ports::None),
        Family::Log(LogTarget::Stdout) => (Host::Stdout, Ports::None),
        Family::Log(LogTarget::Stderr) => (Host::Stderr, Ports::None),
    };
    Ok(Address { host, ports, transport })
}

/// `$NAME` and `${NAME}`; a variable that does not exist reads as nothing. There are no defaults in this old form.
fn expand(text: &str, env: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let braced = behind.starts_with('{');
        let behind = behind.strip_prefix('{').unwrap_or(behind);
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
        let (name, behind) = behind.split_at(end);
        out.push_str(&env(name).unwrap_or_default());
        rest = if braced { behind.strip_prefix('}').unwrap_or(behind) } else { behind };
    }
    out.push_str(rest);
    out
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Family {
    Ip(Option<IpFamily>),
    Unix,
    Abstract { zero_terminated: bool },
    Fd,
    SocketPair,
    ReverseHttp,
    Log(LogTarget),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum LogTarget {
    Ring,
    Backend,
    Stdout,
    Stderr,
}

/// Takes the prefixes off: transport, family, and what is left.
fn prefixes(text: &str) -> (Transport, Family, &str) {
    // Nothing here can fail: every parser is optional.
    let (rest, forced) = opt(socket_type).parse(text).unwrap_or((text, None));
    let (rest, (alias, family)) = match opt(family).parse(rest) {
        Ok((rest, Some(found))) => (rest, found),
        _ => (rest, (Transport::Default, bare(rest))),
    };
    (forced.unwrap_or(alias), family, rest)
}

/// Without a family prefix: a path, a standard stream, or something with IP.
fn bare(text: &str) -> Family {
    match text {
        "stdout" => Family::Log(LogTarget::Stdout),
        "stderr" => Family::Log(LogTarget::Stderr),
        _ if text.starts_with('/') => Family::Unix,
        _ => Family::Ip(None),
    }
}

/// Manual 2.9.2.
fn socket_type(text: &str) -> IResult<&str, Transport> {
    alt((
        value(Transport::Stream, tag("stream+")),
        value(Transport::Datagram, tag("dgram+")),
        value(Transport::Quic, tag("quic+")),
    ))
    .parse(text)
}

/// Manual 2.9.1 and 2.9.3.
fn family(text: &str) -> IResult<&str, (Transport, Family)> {
    let v4 = Family::Ip(Some(IpFamily::V4));
    let v6 = Family::Ip(Some(IpFamily::V6));
    let any = Family::Ip(None);
    alt((
        alt((
            value((Transport::Default, any), tag("ip@")),
            value((Transport::Default, v4), tag("ipv4@")),
            value((Transport::Default, v6), tag("ipv6@")),
            value((Transport::Default, Family::Unix), tag("unix@")),
            value((Transport::Default, Family::Abstract { zero_terminated: false }), tag("abns@")),
            value((Transport::Default, Family::Abstract { zero_terminated: true }), tag("abnsz@")),
            value((Transport::Default, Family::Fd), tag("fd@")),
            value((Transport::Default, Family::SocketPair), tag("sockpair@")),
            value((Transport::Default, Family::ReverseHttp), tag("rhttp@")),
            value((Transport::Default, Family::Log(LogTarget::Ring)), tag("ring@")),
            value((Transport::Default, Family::Log(LogTarget::Backend)), tag("backend@")),
        )),
        alt((
            value((Transport::Stream, any), tag("tcp@")),
            value((Transport::Stream, v4), tag("tcp4@")),
            value((Transport::Stream, v6), tag("tcp6@")),
            value((Transport::Mptcp, any), tag("mptcp@")),
            value((Transport::Mptcp, v4), tag("mptcp4@")),
            value((Transport::Mptcp, v6), tag("mptcp6@")),
            value((Transport::Datagram, any), tag("udp@")),
            value((Transport::Datagram, v4), tag("udp4@")),
            value((Transport::Datagram, v6), tag("udp6@")),
            value((Transport::Quic, v4), tag("quic4@")),
            value((Transport::Quic, v6), tag("quic6@")),
            value((Transport::Stream, Family::Unix), tag("uxst@")),
            value((Transport::Datagram, Family::Unix), tag("uxdg@")),
        )),
    ))
    .parse(text)
}

fn check_transport(accepts: &Accepts, transport: Transport, family: Family, text: &str) -> Result<(), AddressError> {
    if matches!(family, Family::Log(_)) {
        return Ok(());
    }
    // Quic is a stream to those who use it: `bind` and `server` take it where they take streams.
    let stream = match transport {
        Transport::Default => !accepts.datagram_default,
        Transport::Datagram => false,
        Transport::Stream | Transport::Quic | Transport::Mptcp => true,
    };
    match stream {
        true if !accepts.stream => Err(AddressError::StreamNotPermitted { text: text.to_owned() }),
        false if !accepts.datagram => Err(AddressError::DatagramNotPermitted { text: text.to_owned() }),
        _ => Ok(()),
    }
}

fn descriptor(number: &str, text: &str) -> Result<i32, AddressError> {
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { number.parse().ok() } else { None };
    parsed.ok_or_else(|| AddressError::InvalidDescriptor { number: number.to_owned(), text: text.to_owned() })
}

fn internet(
    accepts: &Accepts,
    family: Option<IpFamily>,
    rest: &str,
    text: &str,
    transport: Transport,
) -> Result<Address, AddressError> {
    let (host, port) = split_port(rest);
    let ports = port.map_or(Ok(Ports::None), |port| self::ports(port, text))?;
    check_ports(accepts, ports, port, text)?;
    let host = self::host(host, family)
        .ok_or_else(|| AddressError::InvalidAddress { host: host.to_owned(), text: text.to_owned() })?;
    if matches!(host, Host::Name { .. }) && !accepts.name {
        return Err(AddressError::NameNotPermitted { text: text.to_owned() });
    }
    Ok(Address { host, ports, transport })
}

/// The last colon separates the port, unless it stands inside brackets: `::1:80` is port 80 of `::1`.
fn split_port(rest: &str) -> (&str, Option<&str>) {
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    }
}

fn ports(port: &str, text: &str) -> Result<Ports, AddressError> {
    let Some(first) = port.chars().next() else { return Ok(Ports::None) };
    if matches!(first, '+' | '-') {
        let offset = number(port.get(1..).unwrap_or_default(), port, text)?;
        let offset = i32::try_from(offset).unwrap_or(i32::MAX);
        return Ok(Ports::Offset(if first == '-' { -offset } else { offset }));
    }
    if let Some((first, last)) = port.split_once('-') {
        let (low, high) = (number(first, port, text)?, number(last, port, text)?);
        let [low, high] = [narrow(low, first)?, narrow(high, last)?];
        return match (low, high) {
            (0, _) => Err(AddressError::InvalidPort { port: first.to_owned() }),
            (_, 0) => Err(AddressError::InvalidPort { port: last.to_owned() }),
            _ if low > high => Err(AddressError::InvalidRange { range: port.to_owned() }),
            _ => Ok(Ports::Range(low, high)),
        };
    }
    Ok(Ports::One(narrow(number(port, port, text)?, port)?))
}

/// Decimal digits only; `part` may be one end of the range `port`.
fn number(part: &str, port: &str, text: &str) -> Result<u64, AddressError> {
    if let Some(found) = part.chars().find(|c| !c.is_ascii_digit()) {
        let (port, text) = (port.to_owned(), text.to_owned());
        return Err(AddressError::InvalidPortCharacter { found, port, text });
    }
    part.parse().map_err(|_| AddressError::InvalidPort { port: part.to_owned() })
}

fn narrow(port: u64, written: &str) -> Result<u16, AddressError> {
    u16::try_from(port).map_err(|_| AddressError::InvalidPort { port: written.to_owned() })
}

fn check_ports(accepts: &Accepts, ports: Ports, port: Option<&str>, text: &str) -> Result<(), AddressError> {
    let text = || text.to_owned();
    match ports {
        Ports::None if accepts.port_required => Err(AddressError::MissingPort { text: text() }),
        Ports::One(0) if accepts.port_required => {
            Err(AddressError::InvalidPort { port: port.unwrap_or_default().to_owned() })
        }
        Ports::One(_) | Ports::Range(..) if !accepts.port => Err(AddressError::PortNotPermitted { text: text() }),
        Ports::Range(..) if !accepts.port_range => Err(AddressError::RangeNotPermitted { text: text() }),
        Ports::Offset(_) if !accepts.port_offset => Err(AddressError::OffsetNotPermitted { text: text() }),
        _ => Ok(()),
    }
}

fn host(text: &str, family: Option<IpFamily>) -> Option<Host> {
    if matches!(text, "" | "*") {
        return Some(Host::Ip(match family {
            Some(IpFamily::V6) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        }));
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        let fits = match family {
            None => true,
            Some(IpFamily::V4) => ip.is_ipv4(),
            Some(IpFamily::V6) => ip.is_ipv6(),
        };
        return fits.then_some(Host::Ip(ip));
    }
    // A single colon is what is left of `::` and a port that was read as part of the address: `:::80`.
    if bare == ":" && family != Some(IpFamily::V4) {
        return None;
    }
    is_name(text).then(|| Host::Name { name: text.to_owned(), family })
}

/// Characters of host names, and `_`, which containers and SRV records use.
fn is_name(text: &str) -> bool {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    !numeric && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
