//! `roundrobin`: the order in which weighted servers take turns, as smooth as it gets.
//!
//! A server of weight `w` among a total of `t` is due every `t/w` turns, counted in whole turns and a remainder. At each turn
//! the server that has been due longest serves. A server that has not served yet steps in, heaviest first, as soon as no
//! other is due. Of two that are due at the same turn, the one that gains more by waiting less, measured by remainder
//! minus weight, comes first, then the one that has been waiting longer. The order repeats itself from its second round on.
//! (Fitted to what HAProxy 2.6 and 2.8 do for 120 sets of weights; the manual only promises smoothness.)

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::turns::Order;
use super::{Member, reduced_weights};

/// When a server is due: turn, remainder minus weight, since when it waits, which.
type Due = Reverse<(u64, i64, u64, usize)>;

/// The order of two rounds, of which the second repeats.
pub(super) fn order(members: &[Member]) -> Order {
    let weights = reduced_weights(members);
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let mut fresh: Vec<usize> = (0..members.len()).collect();
    // Stable: equal weights stay in order of declaration. The next one is taken from the end.
    fresh.sort_by_key(|at| Reverse(weights[*at]));
    fresh.reverse();
    let mut due: BinaryHeap<Due> = BinaryHeap::new();
    let mut servers = Vec::with_capacity(total as usize * 2);
    for turn in 0..total * 2 {
        let waiting = due.peek().is_some_and(|Reverse((at, ..))| *at <= turn);
        let newcomer = if waiting { None } else { fresh.pop() };
        let (at, remainder, member) = match newcomer {
            Some(member) => (turn, 0, member),
            None => match due.pop() {
                Some(Reverse((at, lag, _, member))) => (at, (lag + i64::from(weights[member])) as u64, member),
                None => break,
            },
        };
        let weight = u64::from(weights[member]);
        let remainder = remainder + total % weight;
        let next = at + total / weight + remainder / weight;
        due.push(Reverse((next, (remainder % weight) as i64 - weight as i64, turn, member)));
        servers.push(members[member].server as u32);
    }
    Order { repeats_from: servers.len() / 2, servers }
}
