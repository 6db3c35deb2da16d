//! IP networks as HAProxy writes them in ACLs and maps (manual 7.1.6), and which addresses they match.
//!
//! Host names are not resolved here: a pattern that is not an address is an error, and whoever loads the configuration
//! may resolve it and try again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network, or a single address when the mask is full. The address has its host bits cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpNet {
    /// An IPv4 network; masks need not be contiguous (`192.168.0.5/255.255.0.255`).
    V4 {
        /// The address with the bits outside `mask` cleared.
        addr: u32,
        /// The mask.
        mask: u32,
    },
    /// An IPv6 network.
    V6 {
        /// The address with the bits after `len` cleared.
        addr: u128,
        /// Prefix length, 0 to 128.
        len: u8,
    },
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpNetError {
    /// The part before the slash is not an address; it may be a host name.
    #[error("it is not an IPv4 or IPv6 address")]
    Address,
    /// The part after the slash is no prefix length of that family and no IPv4 mask.
    #[error("its mask is neither a number of bits (0 to 32, or 0 to 128 for IPv6) nor an IPv4 mask")]
    Mask,
}

impl IpNet {
    /// Reads `ADDR`, `ADDR/BITS` or, for IPv4, `ADDR/MASK`. IPv4 addresses may be abbreviated (`10.12` is `10.0.0.12`).
    pub fn parse(text: &[u8]) -> Result<IpNet, IpNetError> {
        let text = std::str::from_utf8(text).map_err(|_| IpNetError::Address)?;
        let (addr, mask) = match text.split_once('/') {
            Some((addr, mask)) => (addr, Some(mask)),
            None => (text, None),
        };
        if let Some(addr) = parse_ipv4(addr) {
            let mask = mask.map_or(Some(u32::MAX), ipv4_mask).ok_or(IpNetError::Mask)?;
            return Ok(IpNet::V4 { addr: addr.to_bits() & mask, mask });
        }
        let addr: Ipv6Addr = addr.parse().map_err(|_| IpNetError::Address)?;
        let len = mask.map_or(Some(128), |mask| bits(mask, 128)).ok_or(IpNetError::Mask)?;
        Ok(IpNet::V6 { addr: addr.to_bits() & v6_mask(len), len })
    }

    /// Whether the network matches the address, across families as manual 7.1.6 says.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (*self, ip) {
            (IpNet::V4 { addr, mask }, IpAddr::V4(ip)) => ip.to_bits() & mask == addr,
            (IpNet::V4 { addr, mask }, IpAddr::V6(ip)) => {
                embedded_ipv4(ip).is_some_and(|ip| ip.to_bits() & mask == addr)
            }
            (IpNet::V6 { addr, len }, IpAddr::V6(ip)) => ip.to_bits() & v6_mask(len) == addr,
            (IpNet::V6 { addr, len }, IpAddr::V4(ip)) => ip.to_ipv6_mapped().to_bits() & v6_mask(len) == addr,
        }
    }

    /// The prefix length; none if the mask has holes.
    pub fn prefix_len(&self) -> Option<u8> {
        match *self {
            // At most 32, so it fits.
            IpNet::V4 { mask, .. } => {
                (mask.leading_ones() + mask.trailing_zeros() >= 32).then(|| mask.count_ones() as u8)
            }
            IpNet::V6 { len, .. } => Some(len),
        }
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.prefix_len()) {
            (IpNet::V4 { addr, .. }, Some(len)) => write!(f, "{}/{len}", Ipv4Addr::from_bits(addr)),
            (IpNet::V4 { addr, mask }, None) => {
                write!(f, "{}/{}", Ipv4Addr::from_bits(addr), Ipv4Addr::from_bits(mask))
            }
            (IpNet::V6 { addr, len }, _) => write!(f, "{}/{len}", Ipv6Addr::from_bits(addr)),
        }
    }
}

/// Reads an IPv4 address of one to four parts; the last part fills the remaining octets, as inet_aton() does, so that
/// `192.168.1` is `192.168.0.1`. A part with a leading zero is octal, as the C library reads it.
pub fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.splitn(4, '.').map(ipv4_part);
    let mut last = parts.next()??;
    let mut octets = 0u32;
    let mut room = 32;
    for part in parts {
        room -= 8;
        octets |= u32::from(u8::try_from(last).ok()?) << room;
        last = part?;
    }
    (u64::from(last) < 1 << room).then(|| Ipv4Addr::from_bits(octets | last))
}

/// The IPv4 address inside `::a.b.c.d`, `::ffff:a.b.c.d` or `2002:ab:cd::` (6to4).
pub fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    match (bits >> 112, bits >> 32) {
        (0x2002, _) => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        (_, 0 | 0xffff) => Some(Ipv4Addr::from_bits(bits as u32)),
        _ => None,
    }
}

/// The mask of an IPv6 prefix of `len` bits.
pub fn v6_mask(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0)
}

fn ipv4_part(text: &str) -> Option<u32> {
    let radix = if text.len() > 1 && text.starts_with('0') { 8 } else { 10 };
    // The check keeps out the sign that from_str_radix() would accept.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { u32::from_str_radix(text, radix).ok() } else { None }
}

fn ipv4_mask(text: &str) -> Option<u32> {
    match bits(text, 32) {
        Some(len) => Some(u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)),
        None => text.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits),
    }
}

fn bits(text: &str, most: u8) -> Option<u8> {
    text.parse::<u8>().ok().filter(|len| *len <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        IpNet::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_manuals_abbreviations_fill_in_zeroes_before_the_last_part() {
        for (short, long) in [
            ("192.168.1", "192.168.0.1/32"),
            ("10.12", "10.0.0.12/32"),
            ("127.1", "127.0.0.1/32"),
            ("192.168.1/22", "192.168.0.0/22"),
            ("10.12/8", "10.0.0.0/8"),
            ("127.0.0.1/8", "127.0.0.0/8"),
            ("10.256", "10.0.1.0/32"),
            ("167772161", "10.0.0.1/32"),
            ("010.1.2.3", "8.1.2.3/32"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("192.168.1.5/255.255.0.255", "192.168.0.5/255.255.0.255"),
            ("::1/64", "::/64"),
            ("::FFFF:1.2.3.4", "::ffff:1.2.3.4/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.1.2.3/08", "10.0.0.0/8"),
        ] {
            assert_eq!(net(short).to_string(), long, "{short}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.",
            "10..1",
            "10.1.",
            "256.1",
            "4294967296",
            "1.2.3.4.5",
            "10.300.1.1",
            "0x0a.1.2.3",
            "[::1]",
            "fe80::1%eth0",
            "localhost",
            "/8",
            " 10.0.0.1",
            "1.2.3.256",
            "10.16777216",
            "\u{e9}",
        ] {
            assert_eq!(IpNet::parse(text.as_bytes()), Err(IpNetError::Address), "{text}");
        }
        for text in
            ["10.1.2.3/33", "10.1.2.3/", "10.1.2.3/a", "2001:db8::/129", "fe80::/ffff::", "10.1.2.3/8/8", "::/0.0.0.0"]
        {
            assert_eq!(IpNet::parse(text.as_bytes()), Err(IpNetError::Mask), "{text}");
        }
        assert!(IpNet::parse(b"\xff").is_err());
    }

    #[test]
    fn families_meet_as_the_manual_says() {
        for (pattern, yes, no) in [
            (
                "10.0.0.0/8",
                &["10.1.2.3", "::ffff:10.1.2.3", "::10.1.2.3", "2002:a01:203::1"][..],
                &["11.0.0.0", "::1", "2001:db8::1"][..],
            ),
            ("::/0", &["10.1.2.3", "::1", "2001:db8::1"], &[]),
            ("0.0.0.0/0", &["10.1.2.3", "::", "::ffff:1.2.3.4", "2002::"], &["fe80::1", "2001:db8::1"]),
            ("::ffff:0:0/96", &["10.1.2.3", "::ffff:1.2.3.4"], &["::10.1.2.3", "2002:a01:203::"]),
            ("2002::/16", &["2002:a01:203::"], &["10.1.2.3"]),
            ("192.168.0.5/255.255.0.255", &["192.168.77.5"], &["192.168.5.0", "192.169.0.5"]),
        ] {
            for addr in yes {
                assert!(net(pattern).contains(ip(addr)), "{pattern} {addr}");
            }
            for addr in no {
                assert!(!net(pattern).contains(ip(addr)), "{pattern} {addr}");
            }
        }
    }
}
