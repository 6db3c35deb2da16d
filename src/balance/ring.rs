//! The ring of consistent hashes (manual 4.2 `hash-type consistent`): each server stands on it at many points, and a key goes to
//! the server of the nearest one, so that a server that comes or goes moves only the keys around its own points.
//!
//! A server has 16 points for each unit of its weight, by default at the avalanche hashes of 4096 times its id and the numbers
//! that follow; half-way between two points the lower one counts. (Found by asking HAProxy 2.8 for the borders.)

use super::{Load, Loads, Member, Preference, ServerView};
use crate::base::hash::avalanche;

/// Servers around the circle of 32-bit keys.
#[derive(Debug)]
pub(super) struct Ring {
    /// Points in order, each with its server.
    points: Box<[(u32, u32)]>,
    members: Box<[Member]>,
    /// `hash-balance-factor`; 0 is no bound.
    factor: u32,
    preference: Preference,
}

impl Ring {
    /// For members that are not empty.
    pub fn new(members: &[Member], servers: &[ServerView], factor: u32, preference: Preference) -> Ring {
        let of = |member: &Member| {
            let (server, begin) = (member.server as u32, servers[member.server].point);
            (0..member.weight).map(move |number| (avalanche(begin.wrapping_add(number)), server))
        };
        let mut points: Vec<(u32, u32)> = members.iter().flat_map(of).collect();
        points.sort_unstable();
        Ring { points: points.into(), members: members.into(), factor, preference }
    }

    /// The servers in the order of their points, for requests without a key.
    pub fn order(&self) -> Vec<u32> {
        self.points.iter().map(|(_, server)| *server).collect()
    }

    /// The server of a key. If that is to be avoided, or has more than its share, the next one on the ring.
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, key: u32, avoid: Option<usize>) -> Option<usize> {
        let place = self.nearest(key);
        let first = self.server(place);
        if avoid != Some(first) && self.takes(loads, first) {
            return Some(first);
        }
        let others = || (1..self.points.len()).map(|more| self.server((place + more) % self.points.len()));
        let wanted = |server: &usize| avoid != Some(*server) && self.takes(loads, *server);
        let anyone = || match self.preference {
            Preference::Always => Some(first).filter(|server| avoid != Some(*server)),
            // Nobody has room: the last one before the first choice waits for it (`hash-preserve-affinity`).
            _ => others().rfind(|server| avoid != Some(*server) && *server != first),
        };
        let other = || others().find(|server| avoid != Some(*server));
        others().find(wanted).or_else(anyone).or_else(other).or(Some(first))
    }

    fn server(&self, place: usize) -> usize {
        self.points[place].1 as usize
    }

    /// The place of the point that is nearest to a key.
    fn nearest(&self, key: u32) -> usize {
        let after = self.points.partition_point(|(point, _)| *point < key) % self.points.len();
        let before = (after + self.points.len() - 1) % self.points.len();
        let (up, down) = (self.points[after].0.wrapping_sub(key), key.wrapping_sub(self.points[before].0));
        if up < down { after } else { before }
    }

    /// Whether the server may take one more.
    fn takes<L: Loads + ?Sized>(&self, loads: &L, server: usize) -> bool {
        let load = loads.load(server);
        self.preference.allows(load)
            && (self.factor == 0 || within_share(&self.members, loads, server, load, self.factor))
    }
}

/// Whether one more request leaves a server within `factor` percent of its share of all (manual 4.2 `hash-balance-factor`).
pub(super) fn within_share<L: Loads + ?Sized>(
    members: &[Member],
    loads: &L,
    server: usize,
    load: Load,
    factor: u32,
) -> bool {
    let served: u64 = members.iter().map(|member| u64::from(loads.load(member.server).served)).sum();
    let weights: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
    let weight = members.iter().find(|member| member.server == server).map_or(0, |member| u64::from(member.weight));
    let most = ((served + 1) * u64::from(factor) * weight).div_ceil(weights.max(1) * 100);
    u64::from(load.served) < most
}
