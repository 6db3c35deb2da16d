//! Writing headers for `send-proxy` and `send-proxy-v2` (manual 5.2).

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use super::crc32c::crc32c;
use super::v2::{FIXED, PATH, SIGNATURE, Tlv, tlv};
use super::{Addresses, HeaderError};

/// Appends a version 1 line. Families other than IPv4 and IPv6 are `UNKNOWN`; mixed ones are written as IPv6.
pub fn encode_v1(addresses: &Addresses<'_>, out: &mut Vec<u8>) {
    let written = match *addresses {
        Addresses::Inet { src, dst, .. } => {
            let (src, dst) = same_family(src, dst);
            let family = if src.is_ipv4() { 4 } else { 6 };
            write!(out, "PROXY TCP{family} {} {} {} {}\r\n", src.ip(), dst.ip(), src.port(), dst.port())
        }
        _ => out.write_all(b"PROXY UNKNOWN\r\n"),
    };
    // Writing to a Vec cannot fail.
    written.unwrap_or_default();
}

/// Appends a version 2 header, with a CRC32c before the other TLVs, as HAProxy writes it, if `checksum` is set. With `local` it is a `LOCAL`
/// header without addresses, as health checks send it. Fails with [`HeaderError::TooLong`], and leaves `out` as it was, if
/// addresses and TLVs exceed 65,535 bytes or a path 108.
pub fn encode_v2(
    local: bool,
    addresses: &Addresses<'_>,
    tlvs: &[Tlv<'_>],
    checksum: bool,
    out: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    let start = out.len();
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[if local { 0x20 } else { 0x21 }, 0, 0, 0]);
    let done = write_body(local, addresses, tlvs, checksum, start, out);
    if done.is_err() {
        out.truncate(start);
    }
    done
}

fn write_body(
    local: bool,
    addresses: &Addresses<'_>,
    tlvs: &[Tlv<'_>],
    checksum: bool,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    if !local {
        out[start + 13] = write_addresses(addresses, out)?;
    }
    let sum_at = out.len() + 3;
    if checksum {
        write_tlv(Tlv { kind: tlv::CRC32C, value: &[0; 4] }, out)?;
    }
    for tlv in tlvs {
        write_tlv(*tlv, out)?;
    }
    let len = u16::try_from(out.len() - start - FIXED).map_err(|_| HeaderError::TooLong)?;
    out[start + 14..start + FIXED].copy_from_slice(&len.to_be_bytes());
    if checksum {
        let sum = crc32c(&[&out[start..]]);
        out[sum_at..sum_at + 4].copy_from_slice(&sum.to_be_bytes());
    }
    Ok(())
}

/// Appends the addresses and returns the byte that names their family and protocol.
fn write_addresses(addresses: &Addresses<'_>, out: &mut Vec<u8>) -> Result<u8, HeaderError> {
    let transport = |datagram: bool| if datagram { 2 } else { 1 };
    Ok(match *addresses {
        Addresses::Unknown => 0,
        Addresses::Inet { src, dst, datagram } => {
            let (src, dst) = same_family(src, dst);
            for address in [src, dst] {
                match address.ip() {
                    IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
                    IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
                }
            }
            out.extend_from_slice(&src.port().to_be_bytes());
            out.extend_from_slice(&dst.port().to_be_bytes());
            (if src.is_ipv4() { 0x10 } else { 0x20 }) | transport(datagram)
        }
        Addresses::Unix { src, dst, datagram } => {
            for path in [src, dst] {
                let padding = PATH.checked_sub(path.len()).ok_or(HeaderError::TooLong)?;
                out.extend_from_slice(path);
                out.extend(std::iter::repeat_n(0, padding));
            }
            0x30 | transport(datagram)
        }
    })
}

/// Appends a TLV; fails if its value exceeds 65,535 bytes.
pub fn write_tlv(tlv: Tlv<'_>, out: &mut Vec<u8>) -> Result<(), HeaderError> {
    let len = u16::try_from(tlv.value.len()).map_err(|_| HeaderError::TooLong)?;
    out.push(tlv.kind);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(tlv.value);
    Ok(())
}

/// A header has one family: an IPv4 address beside an IPv6 one is written as `::ffff:a.b.c.d`.
fn same_family(src: SocketAddr, dst: SocketAddr) -> (SocketAddr, SocketAddr) {
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    };
    if src.is_ipv4() == dst.is_ipv4() { (src, dst) } else { (mapped(src), mapped(dst)) }
}
