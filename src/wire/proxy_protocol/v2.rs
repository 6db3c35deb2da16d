//! Version 2: a binary header (proxy-protocol.txt 2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::crc32c::crc32c;
use super::{Addresses, Header, HeaderError, Progress};

/// What every version 2 header begins with.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
pub(super) const FIXED: usize = 16;
/// The length of a UNIX address.
pub(super) const PATH: usize = 108;

/// Types of TLVs (2.2, the registered types).
pub mod tlv {
    /// The application protocol negotiated by TLS.
    pub const ALPN: u8 = 0x01;
    /// The host name the client asked for (SNI).
    pub const AUTHORITY: u8 = 0x02;
    /// CRC32c of the whole header.
    pub const CRC32C: u8 = 0x03;
    /// Padding.
    pub const NOOP: u8 = 0x04;
    /// An identifier of the connection.
    pub const UNIQUE_ID: u8 = 0x05;
    /// TLS facts; has TLVs of its own.
    pub const SSL: u8 = 0x20;
    /// Within `SSL`: the version of TLS.
    pub const SSL_VERSION: u8 = 0x21;
    /// Within `SSL`: the common name of the client's certificate.
    pub const SSL_CN: u8 = 0x22;
    /// Within `SSL`: the cipher suite.
    pub const SSL_CIPHER: u8 = 0x23;
    /// Within `SSL`: how the server's certificate is signed.
    pub const SSL_SIG_ALG: u8 = 0x24;
    /// Within `SSL`: the key of the server's certificate.
    pub const SSL_KEY_ALG: u8 = 0x25;
    /// The network namespace.
    pub const NETNS: u8 = 0x30;

    /// Flag of `SSL`: the client speaks TLS.
    pub const CLIENT_SSL: u8 = 1;
    /// Flag of `SSL`: it showed a certificate on this connection.
    pub const CLIENT_CERT_CONN: u8 = 2;
    /// Flag of `SSL`: it showed one at least once in this TLS session.
    pub const CLIENT_CERT_SESS: u8 = 4;
}

/// One type-length-value vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// See [`tlv`].
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

/// The TLVs of a header, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    /// TLVs as they stood in a header, for instance the inner ones of `SSL` behind its first five bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Tlvs(bytes)
    }

    /// The TLVs, as long as they lie within the bytes.
    pub fn iter(self) -> impl Iterator<Item = Tlv<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (tlv, after) = split(rest)?;
            rest = after;
            Some(tlv)
        })
    }

    /// The value of the first TLV of this type.
    pub fn find(self, kind: u8) -> Option<&'a [u8]> {
        self.iter().find(|tlv| tlv.kind == kind).map(|tlv| tlv.value)
    }

    /// As they stand in the header.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    fn are_complete(self) -> bool {
        let used: usize = self.iter().map(|tlv| 3 + tlv.value.len()).sum();
        used == self.0.len()
    }
}

fn split(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((Tlv { kind, value }, rest))
}

pub(super) fn parse(bytes: &[u8], limit: usize) -> Result<Progress<Header<'_>>, HeaderError> {
    let compared = bytes.len().min(SIGNATURE.len());
    if bytes[..compared] != SIGNATURE[..compared] {
        return Err(HeaderError::NotProxy);
    }
    let Some(&[version, kind, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        let version = bytes.get(SIGNATURE.len());
        return if version.is_none_or(|version| matches!(version, 0x20 | 0x21)) {
            Ok(Progress::Partial)
        } else {
            Err(HeaderError::Kind)
        };
    };
    let local = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err(HeaderError::Kind),
    };
    // What LOCAL says about addresses is ignored, the family included.
    if !local && (kind >> 4 > 3 || kind & 15 > 2) {
        return Err(HeaderError::Kind);
    }
    let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > limit {
        return Err(HeaderError::TooLong);
    }
    let Some(header) = bytes.get(..len) else { return Ok(Progress::Partial) };
    let (addresses, tlvs) = match (local, body(kind, &header[FIXED..])) {
        (false, found) => found?,
        // The real connection counts; what is told about it besides addresses stays (HAProxy keeps it).
        (true, found) => (Addresses::Unknown, found.map_or_else(|_| Tlvs::default(), |(_, tlvs)| tlvs)),
    };
    verify(header, tlvs)?;
    Ok(Progress::Done(Header { version: 2, local, addresses, tlvs, len }))
}

/// The addresses of a family and protocol, and the TLVs after them.
fn body(kind: u8, body: &[u8]) -> Result<(Addresses<'_>, Tlvs<'_>), HeaderError> {
    let datagram = kind & 15 == 2;
    let (addresses, rest) = match kind >> 4 {
        1 => inet::<4>(body, datagram, |octets| Ipv4Addr::from(octets).into()),
        2 => inet::<16>(body, datagram, |octets| Ipv6Addr::from(octets).into()),
        3 => unix(body, datagram),
        // Without a family there is no telling where addresses end, so what follows only counts if it is TLVs.
        _ => {
            let tlvs = Tlvs(body);
            return Ok((Addresses::Unknown, if tlvs.are_complete() { tlvs } else { Tlvs::default() }));
        }
    }
    .ok_or(HeaderError::TooShort)?;
    let tlvs = Tlvs(rest);
    if !tlvs.are_complete() {
        return Err(HeaderError::TooShort);
    }
    Ok((if kind & 15 == 0 { Addresses::Unknown } else { addresses }, tlvs))
}

fn inet<const N: usize>(
    body: &[u8],
    datagram: bool,
    address: fn([u8; N]) -> IpAddr,
) -> Option<(Addresses<'static>, &[u8])> {
    let (src, rest) = body.split_first_chunk::<N>()?;
    let (dst, rest) = rest.split_first_chunk::<N>()?;
    let (&[s0, s1, d0, d1], rest) = rest.split_first_chunk::<4>()?;
    let src = SocketAddr::new(address(*src), u16::from_be_bytes([s0, s1]));
    let dst = SocketAddr::new(address(*dst), u16::from_be_bytes([d0, d1]));
    Some((Addresses::Inet { src, dst, datagram }, rest))
}

fn unix(body: &[u8], datagram: bool) -> Option<(Addresses<'_>, &[u8])> {
    let (src, rest) = body.split_at_checked(PATH)?;
    let (dst, rest) = rest.split_at_checked(PATH)?;
    Some((Addresses::Unix { src: unpadded(src), dst: unpadded(dst), datagram }, rest))
}

fn unpadded(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)]
}

/// Checks the CRC32c, if there is one: it is computed with its own bytes as zeroes (2.2.3).
fn verify(header: &[u8], tlvs: Tlvs<'_>) -> Result<(), HeaderError> {
    let Some(sum) = tlvs.find(tlv::CRC32C) else { return Ok(()) };
    let given: [u8; 4] = sum.try_into().map_err(|_| HeaderError::Checksum)?;
    // The TLVs end the header, and the first CRC32C among them is that far from its end.
    let before: usize = tlvs.iter().take_while(|tlv| tlv.kind != tlv::CRC32C).map(|tlv| 3 + tlv.value.len()).sum();
    let at = header.len() - tlvs.as_bytes().len() + before + 3;
    let computed = crc32c(&[&header[..at], &[0; 4], &header[at + 4..]]);
    if computed == u32::from_be_bytes(given) { Ok(()) } else { Err(HeaderError::Checksum) }
}
