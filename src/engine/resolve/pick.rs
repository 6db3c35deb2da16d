//! Which of several addresses a server takes (manual 5.2 `resolve-prefer`, `resolve-net`, `resolve-opts`).

use std::net::IpAddr;

use crate::base::addr::IpFamily;
use crate::base::ipnet::IpNet;

/// What decides between addresses.
pub(super) struct Wish<'a> {
    /// The preferred kind.
    pub(super) prefer: Option<IpFamily>,
    /// The preferred networks.
    pub(super) nets: &'a [IpNet],
    /// The address it has.
    pub(super) current: Option<IpAddr>,
    /// Addresses of other servers of the same name in the backend.
    pub(super) taken: &'a [IpAddr],
    /// It may have one of those.
    pub(super) shares: bool,
}

/// The best address: kind before network, network before one of its own, and in doubt the one it has.
pub(super) fn pick(addresses: &[IpAddr], wish: &Wish<'_>) -> Option<IpAddr> {
    let free = addresses.iter().filter(|ip| wish.shares || !wish.taken.contains(ip));
    let mut best: Option<([bool; 4], IpAddr)> = None;
    for ip in free {
        let score = [
            wish.prefer.is_some_and(|family| family.fits(*ip)),
            wish.nets.iter().any(|net| net.contains(*ip)),
            !wish.taken.contains(ip),
            wish.current == Some(*ip),
        ];
        // Of equal ones the first.
        if best.is_none_or(|(other, _)| score > other) {
            best = Some((score, *ip));
        }
    }
    best.map(|(_, ip)| ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn wish<'a>(current: Option<IpAddr>, taken: &'a [IpAddr]) -> Wish<'a> {
        Wish { prefer: Some(IpFamily::V4), nets: &[], current, taken, shares: false }
    }

    #[test]
    fn the_present_address_stays_while_it_is_in_the_answer() {
        let all = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(pick(&all, &wish(None, &[])), Some(all[0]));
        assert_eq!(pick(&all, &wish(Some(all[1]), &[])), Some(all[1]));
        assert_eq!(pick(&all, &wish(Some(ip("10.0.0.3")), &[])), Some(all[0]));
        assert_eq!(pick(&[], &wish(Some(all[1]), &[])), None);
    }

    #[test]
    fn the_preferred_kind_and_network_win() {
        let all = [ip("2001:db8::1"), ip("192.0.2.1"), ip("10.0.0.1")];
        assert_eq!(pick(&all, &wish(Some(all[0]), &[])), Some(all[1]));
        let nets = [IpNet::parse(b"10.0.0.0/8").unwrap()];
        let near = Wish { nets: &nets, ..wish(Some(all[1]), &[]) };
        assert_eq!(pick(&all, &near), Some(all[2]));
        let v6 = Wish { prefer: Some(IpFamily::V6), ..near };
        assert_eq!(pick(&all, &v6), Some(all[0]));
    }

    #[test]
    fn servers_of_one_name_share_an_address_only_if_they_may() {
        let all = [ip("10.0.0.1"), ip("10.0.0.2")];
        assert_eq!(pick(&all, &wish(None, &all[..1])), Some(all[1]));
        assert_eq!(pick(&all, &wish(None, &all)), None);
        let shares = Wish { shares: true, ..wish(None, &all) };
        assert_eq!(pick(&all, &shares), Some(all[0]));
        let prefers_its_own = Wish { shares: true, ..wish(None, &all[..1]) };
        assert_eq!(pick(&all, &prefers_its_own), Some(all[1]));
    }
}
