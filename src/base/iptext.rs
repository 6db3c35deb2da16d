//! IP addresses as text without an allocation, and IPv4 without the formatting machinery: each request writes several of them.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

/// The text of an address.
#[derive(Clone, Copy)]
pub struct IpText {
    bytes: [u8; LONGEST],
    len: usize,
}

impl IpText {
    /// The text of this address.
    #[inline]
    pub fn of(ip: IpAddr) -> IpText {
        let mut text = IpText { bytes: [0; LONGEST], len: 0 };
        match ip {
            IpAddr::V4(ip) => text.write_v4(ip),
            IpAddr::V6(ip) => {
                let mut rest = &mut text.bytes[..];
                // It fits, so writing cannot fail.
                write!(rest, "{ip}").unwrap_or_default();
                text.len = LONGEST - rest.len();
            }
        }
        text
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[inline]
    fn write_v4(&mut self, ip: Ipv4Addr) {
        for (at, octet) in ip.octets().into_iter().enumerate() {
            if at > 0 {
                self.push(b'.');
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// Eight groups of four digits and the colons between them.
const LONGEST: usize = 39;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_standard_library_does() {
        for text in
            ["1.2.3.4", "255.255.255.255", "10.0.99.100", "0.0.0.0", "::1", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"]
        {
            let ip: IpAddr = text.parse().expect("an address");
            assert_eq!(IpText::of(ip).as_bytes(), text.as_bytes());
        }
        for octet in 0..=255 {
            let ip = Ipv4Addr::new(octet, 0, octet, octet);
            assert_eq!(IpText::of(ip.into()).as_bytes(), ip.to_string().as_bytes());
        }
    }
}
