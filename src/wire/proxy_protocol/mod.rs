//! The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt, 2026/04/27): reading and writing headers.
//!
//! The reader is as strict as the specification wants it, also where HAProxy is not (leading zeroes, ports above 65535),
//! and as tolerant where it wants that (text after `UNKNOWN`, unspecified families). Whom to trust is decided elsewhere.

mod crc32c;
mod encode;
mod v1;
mod v2;

use std::net::SocketAddr;

use super::Progress;

pub use encode::{encode_v1, encode_v2, write_tlv};
pub use v2::{Tlv, Tlvs, tlv};

/// A header and its length on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// 1 or 2.
    pub version: u8,
    /// The connection was made by the proxy itself (`LOCAL`), for instance by a health check.
    pub local: bool,
    /// Whose connection it is; unknown means the addresses of the connection itself.
    pub addresses: Addresses<'a>,
    /// What follows the addresses; version 2 only. Checked: every TLV lies within the header.
    pub tlvs: Tlvs<'a>,
    /// How many bytes to skip.
    pub len: usize,
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// Not told: `UNKNOWN`, `LOCAL`, or an unspecified family or protocol.
    Unknown,
    /// IPv4 or IPv6.
    Inet {
        /// The client.
        src: SocketAddr,
        /// Where it connected to; of the same family as `src` when read.
        dst: SocketAddr,
        /// UDP instead of TCP.
        datagram: bool,
    },
    /// UNIX sockets; paths without the padding.
    Unix {
        /// The client.
        src: &'a [u8],
        /// Where it connected to.
        dst: &'a [u8],
        /// `SOCK_DGRAM`.
        datagram: bool,
    },
}

/// Why bytes are not a PROXY header; the connection must be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// They begin like neither version.
    #[error("it does not begin with a PROXY header")]
    NotProxy,
    /// Version 1: no end of line within 107 bytes, or one that is not CRLF.
    #[error("the PROXY line does not end with CRLF within 107 bytes")]
    Line,
    /// Version 1: the words are not as they must be.
    #[error("the PROXY line is malformed")]
    Words,
    /// Version 2: not version 2, or an unknown command, family or protocol.
    #[error("the PROXY header has an unknown version, command, family or protocol")]
    Kind,
    /// Version 2: longer than the reader accepts.
    #[error("the PROXY header is too long")]
    TooLong,
    /// Version 2: the addresses or a TLV reach beyond the header.
    #[error("the PROXY header is shorter than what it announces")]
    TooShort,
    /// Version 2: the CRC32c is wrong.
    #[error("the checksum of the PROXY header is wrong")]
    Checksum,
}

/// Reads the header at the beginning of a connection, which must not be longer than `limit` bytes.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Progress<Header<'_>>, HeaderError> {
    match bytes.first() {
        None => Ok(Progress::Partial),
        Some(b'P') => v1::parse(bytes),
        Some(_) => v2::parse(bytes, limit),
    }
}

#[cfg(test)]
mod tests;
