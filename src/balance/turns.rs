//! Taking turns: an order of servers worked out in advance, and one counter that every core advances.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Loads;

/// An order in which servers serve again and again.
#[derive(Debug)]
pub(super) struct Turns {
    /// Servers in order: what comes once, then what repeats.
    order: Box<[u32]>,
    repeats_from: usize,
    /// How many turns have been given out, counted as places of `order`.
    turn: AtomicU64,
}

/// An order: the first time from the beginning, afterwards from `repeats_from`, which is within it.
pub(super) struct Order {
    pub servers: Vec<u32>,
    pub repeats_from: usize,
}

impl Turns {
    /// Starts with an order that is not empty; after an older one, with the server whose turn it was there.
    pub fn new(order: Order, old: Option<&Turns>) -> Turns {
        let mut turns =
            Turns { order: order.servers.into(), repeats_from: order.repeats_from, turn: AtomicU64::new(0) };
        if let Some(old) = old {
            turns.turn = AtomicU64::new(turns.continued(old));
        }
        turns
    }

    /// The next server that is not full.
    #[inline]
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, avoid: Option<usize>) -> Option<usize> {
        let server = self.next();
        if avoid != Some(server) && !loads.load(server).is_full() {
            return Some(server);
        }
        self.pick_other(loads, avoid)
    }

    #[cold]
    fn pick_other<L: Loads + ?Sized>(&self, loads: &L, avoid: Option<usize>) -> Option<usize> {
        let free = |server: usize| !loads.load(server).is_full();
        let wanted = |server: usize| avoid != Some(server) && free(server);
        // A few more turns keep the order fair among those that are left. Then whoever is free; places of the order
        // repeat servers, but all of them are looked at only when most servers are full.
        let turns = self.order.len().min(MOST_TURNS);
        let by_turn = (0..turns).map(|_| self.next()).find(|server| wanted(*server));
        let anyone = || self.order.iter().map(|server| *server as usize).find(|server| wanted(*server));
        by_turn.or_else(anyone).or_else(|| avoid.filter(|server| self.has(*server) && free(*server)))
    }

    #[inline]
    fn next(&self) -> usize {
        self.at(self.turn.fetch_add(1, Relaxed)) as usize
    }

    /// Who serves at a turn.
    #[inline]
    fn at(&self, turn: u64) -> u32 {
        let len = self.order.len() as u64;
        if turn < len {
            return self.order[turn as usize];
        }
        let repeats_from = self.repeats_from as u64;
        // Below the length, as the remainder is below the length of what repeats.
        self.order[(repeats_from + (turn - repeats_from) % (len - repeats_from)) as usize]
    }

    fn has(&self, server: usize) -> bool {
        self.order.iter().any(|known| *known as usize == server)
    }

    /// The turn at which to go on after `old`.
    fn continued(&self, old: &Turns) -> u64 {
        let turn = old.turn.load(Relaxed);
        if turn == 0 || (old.order == self.order && old.repeats_from == self.repeats_from) {
            return turn;
        }
        let repeating = &self.order[self.repeats_from..];
        let next = (turn..).take(old.order.len()).map(|turn| old.at(turn));
        let place = next.filter_map(|server| repeating.iter().position(|known| *known == server)).next();
        (self.repeats_from + place.unwrap_or(0)) as u64
    }
}

/// After this many full servers, turns no longer matter.
const MOST_TURNS: usize = 64;
