//! `first`: the first server, by id, that is not full.

use super::{Loads, Member, ServerView};

/// Servers in order of their ids.
#[derive(Debug)]
pub(super) struct First(Box<[usize]>);

impl First {
    /// Orders the members.
    pub fn new(members: &[Member], servers: &[ServerView]) -> First {
        let mut order: Vec<usize> = members.iter().map(|member| member.server).collect();
        order.sort_by_key(|server| servers[*server].id);
        First(order.into())
    }

    /// The first server that is not full; weights do not count.
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, avoid: Option<usize>) -> Option<usize> {
        let mut free = self.0.iter().copied().filter(|server| !loads.load(*server).is_full());
        match free.next() {
            avoided if avoided.is_some() && avoided == avoid => free.next().or(avoided),
            found => found,
        }
    }
}
