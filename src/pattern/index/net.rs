//! IP networks: the narrowest network that holds an address, in both families (manual 7.1.6).

use std::net::IpAddr;

use super::segments::Segments;
use super::{Filter, NONE};
use crate::base::ipnet::{IpNet, embedded_ipv4, v6_mask};

/// A set of networks.
#[derive(Debug)]
pub(in crate::pattern) struct Nets {
    v4: Family<u32>,
    v6: Family<u128>,
    /// IPv4 networks whose masks have holes, with address and mask, in order of declaration.
    masks: Box<[(u32, u32, u32)]>,
    /// Prefix length of every network, 0 for masks with holes.
    lens: Box<[u8]>,
}

/// The networks of one family. They nest or are disjoint, so each has at most one narrowest network around it.
#[derive(Debug)]
struct Family<K> {
    segments: Segments<K>,
    /// For each network, ordered by pattern: the network around it, or its next duplicate.
    around: Box<[(u32, u32)]>,
}

/// A network as an interval: ends included.
struct Interval<K> {
    first: K,
    last: K,
    pattern: u32,
}

impl Nets {
    /// Indexes the networks.
    pub fn new(nets: &[IpNet]) -> Nets {
        let (mut v4, mut v6, mut masks) = (Vec::new(), Vec::new(), Vec::new());
        for (net, pattern) in nets.iter().zip(0..) {
            match *net {
                IpNet::V4 { addr, mask } if net.prefix_len().is_none() => masks.push((addr, mask, pattern)),
                IpNet::V4 { addr, mask } => v4.push(Interval { first: addr, last: addr | !mask, pattern }),
                IpNet::V6 { addr, len } => v6.push(Interval { first: addr, last: addr | !v6_mask(len), pattern }),
            }
        }
        let lens = nets.iter().map(|net| net.prefix_len().unwrap_or(0)).collect();
        Nets {
            v4: Family::new(v4, |k| k.checked_add(1)),
            v6: Family::new(v6, |k| k.checked_add(1)),
            masks: masks.into(),
            lens,
        }
    }

    /// The narrowest network and how well it fits: larger is better. The address's own family is searched first, then
    /// the other as far as the address has a counterpart there, then masks with holes.
    #[inline]
    pub fn find(&self, ip: IpAddr, filter: &impl Filter) -> Option<(u32, u32)> {
        let (at, rank) = self.ranked(ip, filter)?;
        Some((at, (rank as u32) << 8 | u32::from(self.lens[at as usize])))
    }

    #[inline]
    fn ranked(&self, ip: IpAddr, filter: &impl Filter) -> Option<(u32, Rank)> {
        let (v4, v6) = match ip {
            IpAddr::V4(ip) => (Some(ip.to_bits()), ip.to_ipv6_mapped().to_bits()),
            IpAddr::V6(ip) => (embedded_ipv4(ip).map(|ip| ip.to_bits()), ip.to_bits()),
        };
        let in_v4 = || v4.and_then(|ip| self.v4.find(ip, filter));
        let in_v6 = || self.v6.find(v6, filter);
        let found = match ip {
            IpAddr::V4(_) => {
                in_v4().map(|at| (at, Rank::OwnFamily)).or_else(|| in_v6().map(|at| (at, Rank::OtherFamily)))
            }
            IpAddr::V6(_) => {
                in_v6().map(|at| (at, Rank::OwnFamily)).or_else(|| in_v4().map(|at| (at, Rank::OtherFamily)))
            }
        };
        found.or_else(|| {
            let mut masks = self.masks.iter().filter(|(addr, mask, _)| v4.is_some_and(|ip| ip & mask == *addr));
            masks.find(|(.., at)| filter.keeps(*at)).map(|(.., at)| (*at, Rank::Mask))
        })
    }
}

/// How an address was found; the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// By a mask with holes.
    Mask,
    /// As its counterpart in the other family.
    OtherFamily,
    /// As it is.
    OwnFamily,
}

impl<K: Ord + Copy> Family<K> {
    fn new(mut intervals: Vec<Interval<K>>, after: fn(K) -> Option<K>) -> Family<K> {
        // Outer networks before inner ones; of equal ones the first declared comes last, which makes it the innermost.
        intervals
            .sort_unstable_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)).then(b.pattern.cmp(&a.pattern)));
        let mut cuts = Vec::with_capacity(intervals.len() * 2);
        let mut around = Vec::with_capacity(intervals.len());
        let mut open: Vec<&Interval<K>> = Vec::new();
        let close = |open: &mut Vec<&Interval<K>>, cuts: &mut Vec<(K, u32)>, ended: &dyn Fn(K) -> bool| {
            while let Some(inner) = open.pop_if(|inner| ended(inner.last)) {
                let outer = open.last().map_or(NONE, |outer| outer.pattern);
                cuts.extend(after(inner.last).map(|next| (next, outer)));
            }
        };
        for interval in &intervals {
            close(&mut open, &mut cuts, &|last| last < interval.first);
            around.push((interval.pattern, open.last().map_or(NONE, |outer| outer.pattern)));
            cuts.push((interval.first, interval.pattern));
            open.push(interval);
        }
        close(&mut open, &mut cuts, &|_| true);
        around.sort_unstable();
        Family { segments: Segments::new(cuts.into_iter()), around: around.into() }
    }

    #[inline]
    fn find(&self, key: K, filter: &impl Filter) -> Option<u32> {
        let mut found = self.segments.at(key);
        while found != NONE && !filter.keeps(found) {
            // Every pattern of a segment is listed, so the search succeeds.
            found = self.around.binary_search_by_key(&found, |(at, _)| *at).map_or(NONE, |i| self.around[i].1);
        }
        (found != NONE).then_some(found)
    }
}
