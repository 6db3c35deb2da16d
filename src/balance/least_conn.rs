//! `leastconn`: the server with the fewest requests for its weight, waiting ones included.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Load, Loads, Member};

/// Servers compared by load.
#[derive(Debug)]
pub(super) struct LeastConn {
    members: Box<[Member]>,
    /// By server: when it was last chosen, so that equals take turns.
    chosen_at: Box<[AtomicU64]>,
    clock: AtomicU64,
}

impl LeastConn {
    /// For `servers` servers of which some are members; equals go on taking turns where `old` left off.
    pub fn new(members: &[Member], servers: usize, old: Option<&LeastConn>) -> LeastConn {
        let before = |server: usize| old.and_then(|old| old.chosen_at.get(server)).map_or(0, |at| at.load(Relaxed));
        LeastConn {
            members: members.into(),
            chosen_at: (0..servers).map(|server| AtomicU64::new(before(server))).collect(),
            clock: AtomicU64::new(old.map_or(0, |old| old.clock.load(Relaxed))),
        }
    }

    /// The least loaded server that has room, in its queue too if `maxqueue` bounds that.
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, avoid: Option<usize>) -> Option<usize> {
        let mut best: Option<(&Member, u64, u64)> = None;
        let mut avoided = None;
        for member in &self.members {
            let load = loads.load(member.server);
            if !has_room(load) {
                continue;
            }
            if avoid == Some(member.server) {
                avoided = avoid;
                continue;
            }
            let count = counted(load);
            let chosen_at = self.chosen_at[member.server].load(Relaxed);
            let better = best.is_none_or(|(than, than_count, than_chosen_at)| {
                let (mine, theirs) = (count * u64::from(than.weight), than_count * u64::from(member.weight));
                (mine, chosen_at) < (theirs, than_chosen_at)
            });
            if better {
                best = Some((member, count, chosen_at));
            }
        }
        let server = best.map(|(member, ..)| member.server).or(avoided)?;
        self.chosen_at[server].store(self.clock.fetch_add(1, Relaxed) + 1, Relaxed);
        Some(server)
    }
}

fn has_room(load: Load) -> bool {
    load.limit == 0 || load.total() < load.limit.saturating_add(load.queue_limit)
}

/// What is divided by the weight: the load with the request to come, but idle servers are all alike, whatever their weight.
/// (So HAProxy does; the manual only says "lowest number of connections".)
fn counted(load: Load) -> u64 {
    match load.total() {
        0 => 0,
        total => u64::from(total) + 1,
    }
}
