//! The static map of `static-rr` and of map-based hashes: each server stands in it as often as its weight says.
//!
//! Place after place, a server earns its share `w/t`; whoever has the most whole shares outstanding takes the place, the first
//! declared among equals. (Fitted to what HAProxy 2.6 and 2.8 do for 120 sets of weights.)

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::turns::Order;
use super::{Loads, Member, Preference, reduced_weights};

/// A map from hashes to servers.
#[derive(Debug)]
pub(super) struct Map(Box<[u32]>, Preference);

impl Map {
    /// For members that are not empty.
    pub fn new(members: &[Member], preference: Preference) -> Map {
        Map(order(members).servers.into(), preference)
    }

    /// The server of a key, or the next other one in the map if that is to be avoided or has no room (`hash-preserve-affinity`).
    #[inline]
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, key: u64, avoid: Option<usize>) -> Option<usize> {
        let place = (key % self.0.len() as u64) as usize;
        let server = self.0[place] as usize;
        let takes = |server: usize| self.1 == Preference::Always || self.1.allows(loads.load(server));
        if avoid != Some(server) && takes(server) {
            return Some(server);
        }
        let others = || {
            let all = self.0[place..].iter().chain(&self.0[..place]).map(|other| *other as usize);
            all.filter(|other| *other != server && avoid != Some(*other))
        };
        others().find(|other| takes(*other)).or_else(|| others().next_back()).or(Some(server))
    }

    /// The map as an order to take turns in.
    pub fn as_order(&self) -> Order {
        Order { servers: self.0.to_vec(), repeats_from: 0 }
    }
}

/// The places of the map in order.
pub(super) fn order(members: &[Member]) -> Order {
    let weights = reduced_weights(members);
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    // Servers by whole shares outstanding, most first, then by declaration.
    let mut outstanding: BTreeSet<(Reverse<i64>, usize)> = (0..members.len()).map(|at| (Reverse(0), at)).collect();
    let mut shares = vec![0i64; members.len()];
    // When each server earns its next whole share, and which one that is.
    let earned_at = |share: u64, member: usize| (share * total).div_ceil(u64::from(weights[member]));
    let mut earnings: BinaryHeap<Reverse<(u64, usize, u64)>> =
        (0..members.len()).map(|member| Reverse((earned_at(1, member), member, 1))).collect();
    let mut servers = Vec::with_capacity(total as usize);
    let mut change = |outstanding: &mut BTreeSet<(Reverse<i64>, usize)>, member: usize, by: i64| {
        outstanding.remove(&(Reverse(shares[member]), member));
        shares[member] += by;
        outstanding.insert((Reverse(shares[member]), member));
    };
    for place in 1..=total {
        while let Some(Reverse((_, member, share))) = earnings.peek().copied().filter(|Reverse((at, ..))| *at <= place)
        {
            earnings.pop();
            earnings.push(Reverse((earned_at(share + 1, member), member, share + 1)));
            change(&mut outstanding, member, 1);
        }
        let Some(&(_, member)) = outstanding.first() else { break };
        change(&mut outstanding, member, -1);
        servers.push(members[member].server as u32);
    }
    Order { servers, repeats_from: 0 }
}
