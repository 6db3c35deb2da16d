//! `option forwardfor` and `option originalto`: the client's and the original destination's address as request headers.

use std::net::IpAddr;

use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::http::{Msg, MsgMut};
use crate::ir::{Forwarded, Proxy};

/// Adds the headers that the frontend or the backend asks for; the backend's name of the header goes first.
pub(super) fn add(s: &Session, st: &mut Stream, frontend: &Proxy, backend: &Proxy) {
    add_one(s, st, [&backend.forwardfor, &frontend.forwardfor], s.facts.src.ip());
    add_one(s, st, [&backend.originalto, &frontend.originalto], s.facts.dst.ip());
}

fn add_one(s: &Session, st: &mut Stream, wanted: [&Option<Forwarded>; 2], ip: Option<IpAddr>) {
    let mut wanted = wanted.into_iter().flatten().peekable();
    let (Some(first), Some(ip)) = (wanted.peek().copied(), ip) else { return };
    if wanted.any(|one| one.except.is_some_and(|(net, bits)| is_within(ip, net, bits))) {
        return;
    }
    let raw = s.buf.data();
    if first.if_none && (Msg { raw, head: &st.req }).has(&first.header) {
        return;
    }
    let mut text = [0u8; 64];
    let value = write_ip(ip, &mut text);
    MsgMut { raw, head: &mut st.req }.add(&first.header, value);
}

fn is_within(ip: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            u32::from(ip) & mask == u32::from(net) & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            u128::from(ip) & mask == u128::from(net) & mask
        }
        _ => false,
    }
}

/// The text of an address; IPv4 without the formatting machinery, since this runs for each request.
fn write_ip(ip: IpAddr, text: &mut [u8; 64]) -> &[u8] {
    use std::io::Write;
    let mut len = 0;
    match ip {
        IpAddr::V4(ip) => {
            for (at, octet) in ip.octets().into_iter().enumerate() {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(octet).as_bytes();
                let dot = usize::from(at > 0);
                // Four octets and three dots take 15 bytes at most.
                if let Some(place) = text.get_mut(len..len + dot + digits.len()) {
                    place[..dot].fill(b'.');
                    place[dot..].copy_from_slice(digits);
                    len += place.len();
                }
            }
        }
        IpAddr::V6(ip) => {
            let mut rest = &mut text[..];
            // 39 bytes at most, so it cannot fail.
            let _ = write!(rest, "{ip}");
            len = 64 - rest.len();
        }
    }
    text.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_text() {
        for text in ["1.2.3.4", "255.255.255.255", "10.0.0.0", "::1", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"] {
            let ip = text.parse().expect("an address");
            assert_eq!(write_ip(ip, &mut [0; 64]), text.as_bytes());
        }
    }

    #[test]
    fn excepted_networks() {
        let net = "10.0.0.0".parse().expect("an address");
        let within = |ip: &str, bits| is_within(ip.parse().expect("an address"), net, bits);
        assert!(within("10.1.2.3", 8));
        assert!(!within("11.1.2.3", 8));
        assert!(within("11.1.2.3", 0));
        assert!(!within("::1", 0));
    }
}
