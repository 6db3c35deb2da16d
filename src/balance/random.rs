//! `random(draws)`: the least loaded of a few servers drawn by weight.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::ring::within_share;
use super::{Load, Loads, Member};

/// Servers to draw from.
#[derive(Debug)]
pub(super) struct Random {
    members: Box<[Member]>,
    /// The sum of the weights up to and with each member.
    sums: Box<[u32]>,
    draws: u32,
    /// `hash-balance-factor`; 0 is no bound.
    factor: u32,
    /// Stands in for random numbers that were not given.
    seed: AtomicU64,
}

impl Random {
    /// For members that are not empty.
    pub fn new(members: &[Member], draws: u32, factor: u32) -> Random {
        let sums = members.iter().scan(0u32, |sum, member| {
            *sum += member.weight;
            Some(*sum)
        });
        let (sums, draws) = (sums.collect(), draws.max(1));
        Random { members: members.into(), sums, draws, factor, seed: AtomicU64::new(0) }
    }

    /// The least loaded of the servers drawn. If all of them are full, the least loaded of all that are not: HAProxy would
    /// let the request wait, although a server is free.
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, random: Option<u64>, avoid: Option<usize>) -> Option<usize> {
        let mut random = random.unwrap_or_else(|| mixed(self.seed.fetch_add(1, Relaxed)));
        let drawn = (0..self.draws).map(|_| {
            random = mixed(random);
            self.draw(random)
        });
        let others = || self.members.iter().filter(|member| avoid != Some(member.server));
        let takes = |member: &&Member| {
            let (server, load) = (member.server, loads.load(member.server));
            avoid != Some(server) && (self.factor == 0 || within_share(&self.members, loads, server, load, self.factor))
        };
        best(loads, drawn.filter(takes)).or_else(|| best(loads, others())).or_else(|| best(loads, self.members.iter()))
    }

    fn draw(&self, random: u64) -> &Member {
        let total = self.sums.last().copied().unwrap_or(1);
        // The upper half of a 32 by 32 bit product is a fair number below `total`, so a sum is above it.
        let at = (((random >> 32) * u64::from(total)) >> 32) as u32;
        &self.members[self.sums.partition_point(|sum| *sum <= at)]
    }
}

/// The member with the least load for its weight that is not full; then the least busy lately; then the first.
fn best<'m, L: Loads + ?Sized>(loads: &L, members: impl Iterator<Item = &'m Member>) -> Option<usize> {
    let loaded = members.map(|member| (member, loads.load(member.server))).filter(|(_, load)| !load.is_full());
    let less = |(a, a_load): &(&Member, Load), (b, b_load): &(&Member, Load)| {
        let weighted = |number: u32, other: &Member| u64::from(number) * u64::from(other.weight);
        let by_load = weighted(a_load.total(), b).cmp(&weighted(b_load.total(), a));
        by_load.then_with(|| weighted(a_load.rate, b).cmp(&weighted(b_load.rate, a)))
    };
    loaded.min_by(less).map(|(member, _)| member.server)
}

/// splitmix64: consecutive numbers become unrelated ones.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
