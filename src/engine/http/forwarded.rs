//! `option forwardfor` and `option originalto`: the client's and the original destination's address as request headers.

use std::net::IpAddr;

use crate::base::iptext::IpText;
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
    MsgMut { raw, head: &mut st.req }.add(&first.header, IpText::of(ip).as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

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
