//! The NetScaler Client IP insertion protocol (HAProxy's netscaler-client-ip-insertion-protocol.txt): the headers of an IP packet
//! of the client, behind a number that both sides have agreed on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Progress;

/// A header and its length on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The client.
    pub src: SocketAddr,
    /// Where it connected to.
    pub dst: SocketAddr,
    /// How many bytes to skip.
    pub len: usize,
}

/// Why bytes are no header; the connection must be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Another number, or another protocol altogether.
    #[error("it does not begin with the number agreed on")]
    Magic,
    /// Neither TCP over IPv4 nor over IPv6.
    #[error("the packet is not of TCP over IPv4 or IPv6")]
    Protocol,
    /// The lengths do not fit each other, or exceed what the reader accepts.
    #[error("the header is shorter than the packet's own headers, or too long")]
    Length,
}

/// Reads the header at the beginning of a connection, which must not be longer than `limit` bytes.
pub fn parse(bytes: &[u8], magic: u32, limit: usize) -> Result<Progress<Header>, HeaderError> {
    let expected = magic.to_be_bytes();
    if bytes.iter().zip(&expected).any(|(found, wanted)| found != wanted) {
        return Err(HeaderError::Magic);
    }
    let Some(&first) = bytes.get(LEGACY) else { return Ok(Progress::Partial) };
    // Releases before 10.5 send the packet at once; later ones a type and a length before it. No packet begins with a zero.
    let (start, size) = match first >> 4 {
        0 => (STANDARD, number(bytes, 10, 2)),
        _ => (LEGACY, number(bytes, 4, 4)),
    };
    let Some(size) = size else { return Ok(Progress::Partial) };
    let len = start.checked_add(size).filter(|len| *len <= limit).ok_or(HeaderError::Length)?;
    let Some(packet) = bytes.get(start..len) else { return Ok(Progress::Partial) };
    let (src, dst) = addresses(packet)?;
    Ok(Progress::Done(Header { src, dst, len }))
}

/// Both ends, from the headers of IP and TCP.
fn addresses(packet: &[u8]) -> Result<(SocketAddr, SocketAddr), HeaderError> {
    let first = packet.first().copied().ok_or(HeaderError::Length)?;
    let octet = |at: usize| packet.get(at).copied().ok_or(HeaderError::Length);
    let (src, dst, tcp): (IpAddr, IpAddr, usize) = match first >> 4 {
        4 if octet(9)? == TCP => {
            let ip = |at| field::<4>(packet, at).map(Ipv4Addr::from);
            (ip(12)?.into(), ip(16)?.into(), usize::from(first & 15) * 4)
        }
        6 if octet(6)? == TCP => {
            let ip = |at| field::<16>(packet, at).map(Ipv6Addr::from);
            (ip(8)?.into(), ip(24)?.into(), 40)
        }
        _ => return Err(HeaderError::Protocol),
    };
    let port = |at| field::<2>(packet, at).map(u16::from_be_bytes);
    Ok((SocketAddr::new(src, port(tcp)?), SocketAddr::new(dst, port(tcp + 2)?)))
}

fn field<const N: usize>(packet: &[u8], at: usize) -> Result<[u8; N], HeaderError> {
    packet.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or(HeaderError::Length)
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    Some(bytes.get(at..at + len)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// Magic number and length.
const LEGACY: usize = 8;
/// Magic number, length, type and length of the packet's headers.
const STANDARD: usize = 12;
/// The protocol number of TCP.
const TCP: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: u32 = 0x1234_5678;

    fn packet(protocol: u8) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 7, 198, 51, 100, 9];
        packet.extend_from_slice(&[0x11, 0xd7, 1, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0]);
        packet
    }

    fn legacy(packet: &[u8]) -> Vec<u8> {
        [&MAGIC.to_be_bytes()[..], &(packet.len() as u32).to_be_bytes(), packet].concat()
    }

    fn standard(packet: &[u8]) -> Vec<u8> {
        let len = (packet.len() as u32 + 12).to_be_bytes();
        [&MAGIC.to_be_bytes()[..], &len, &[0, 1], &(packet.len() as u16).to_be_bytes(), packet].concat()
    }

    #[test]
    fn both_formats_tell_the_client() {
        let mut v6 = vec![0x60, 0, 0, 0, 0, 20, 6, 64];
        v6.extend_from_slice(&Ipv6Addr::from(1).octets());
        v6.extend_from_slice(&Ipv6Addr::from(2).octets());
        v6.extend_from_slice(&[0, 80, 1, 0xbb]);
        for (packet, src, dst) in [(packet(6), "192.0.2.7:4567", "198.51.100.9:443"), (v6, "[::1]:80", "[::2]:443")] {
            for bytes in [legacy(&packet), standard(&packet)] {
                let all = [&bytes[..], b"GET /"].concat();
                let found = parse(&all, MAGIC, 1024).unwrap().done().unwrap();
                assert_eq!(
                    (found.src.to_string(), found.dst.to_string(), found.len),
                    (src.into(), dst.into(), bytes.len())
                );
                for end in 0..bytes.len() {
                    assert_eq!(parse(&bytes[..end], MAGIC, 1024), Ok(Progress::Partial), "{end}");
                }
            }
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(parse(b"PROXY", MAGIC, 1024), Err(HeaderError::Magic));
        assert_eq!(parse(&legacy(&packet(17)), MAGIC, 1024), Err(HeaderError::Protocol));
        assert_eq!(parse(&legacy(&packet(6)[..20]), MAGIC, 1024), Err(HeaderError::Length));
        assert_eq!(parse(&legacy(&packet(6)), MAGIC, 40), Err(HeaderError::Length));
        assert_eq!(parse(&[&MAGIC.to_be_bytes()[..], &[0xff; 5]].concat(), MAGIC, 1024), Err(HeaderError::Length));
        assert_eq!(parse(&legacy(&[0x55; 40]), MAGIC, 1024), Err(HeaderError::Protocol));
    }
}
