//! Server slots (`maxconn` of servers) and the queue of streams that wait for one.
//!
//! A slot is taken by compare-and-swap on the server's count; only when all are taken does a stream enter the queue of its
//! backend. A release wakes the first of the queue: of the lowest class (`set-priority-class`), who has waited longest, as far as
//! `set-priority-offset` does not say otherwise. It then competes for the slot again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use super::permit::{enter, raise};
use crate::base::id::CoreId;
use crate::state::{ServerState, Stat};

/// The streams of one backend that wait for a slot.
#[derive(Default)]
pub struct Queue {
    waiting: AtomicUsize,
    tickets: AtomicU64,
    waiters: Mutex<VecDeque<(Rank, Waker)>>,
}

/// A stream's place at a server; given back when dropped.
pub struct Slot {
    server: Arc<ServerState>,
    queue: Arc<Queue>,
}

/// A place in the queue; left when dropped.
pub struct Ticket {
    queue: Arc<Queue>,
    rank: Rank,
}

/// The order of those who wait: class and time, which rules may set, then who came first.
type Rank = (i32, i64, u64);

impl Slot {
    /// Takes a slot if the server has one left.
    #[inline]
    pub fn take(server: &Arc<ServerState>, queue: &Arc<Queue>) -> Option<Slot> {
        let limit = server.limit.load(Relaxed);
        if !enter(&server.current, (limit > 0).then_some(limit)) {
            return None;
        }
        raise(&server.current_max, server.current.load(Relaxed));
        Some(Slot { server: server.clone(), queue: queue.clone() })
    }

    /// The server.
    pub fn server(&self) -> &Arc<ServerState> {
        &self.server
    }

    /// Counts the stream at its server.
    pub fn count(&self, core: CoreId, now_ms: u64, unix_us: i64) {
        self.server.counters.inc(core, Stat::Sessions);
        self.server.rate.tick(now_ms);
        self.server.last_session.store(unix_us / 1_000_000, Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.server.current.fetch_sub(1, SeqCst);
        self.queue.wake_one();
    }
}

impl Queue {
    /// Streams that wait.
    pub fn len(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Enters behind those of a lower class, and behind those of the same class who came before `at_ms`.
    pub fn enter(self: &Arc<Self>, class: i32, at_ms: i64) -> Ticket {
        Ticket { queue: self.clone(), rank: (class, at_ms, self.tickets.fetch_add(1, Relaxed)) }
    }

    /// Wakes the first of those that wait, if any waits.
    pub fn wake_one(&self) {
        if self.waiting.load(SeqCst) == 0 {
            return;
        }
        let first = self.lock().pop_front();
        if let Some((_, waker)) = first {
            self.waiting.fetch_sub(1, SeqCst);
            waker.wake();
        }
    }

    /// Wakes everybody: servers have changed.
    pub fn wake_all(&self) {
        let waiters = std::mem::take(&mut *self.lock());
        self.waiting.fetch_sub(waiters.len(), SeqCst);
        waiters.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Wakes the first who stands behind `rank`.
    fn wake_after(&self, rank: Rank) {
        let mut waiters = self.lock();
        let at = waiters.partition_point(|(other, _)| *other <= rank);
        if let Some((_, waker)) = waiters.remove(at) {
            drop(waiters);
            self.waiting.fetch_sub(1, SeqCst);
            waker.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Rank, Waker)>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Asks to be woken at the next release; those who came earlier go first. Try to take a slot once more afterwards: one may have
    /// become free before. True if it was woken since the last call; who then finds no slot must [`Ticket::pass_on`].
    pub fn enlist(&self, cx: &Context<'_>) -> bool {
        let mut waiters = self.queue.lock();
        match waiters.iter_mut().find(|(rank, _)| *rank == self.rank) {
            Some((_, waker)) => {
                waker.clone_from(cx.waker());
                false
            }
            None => {
                let at = waiters.partition_point(|(rank, _)| *rank < self.rank);
                waiters.insert(at, (self.rank, cx.waker().clone()));
                self.queue.waiting.fetch_add(1, SeqCst);
                true
            }
        }
    }

    /// Lets the next one try: what became free was of no use here.
    pub fn pass_on(&self) {
        self.queue.wake_after(self.rank);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiters = self.queue.lock();
        match waiters.iter().position(|(rank, _)| *rank == self.rank) {
            Some(at) => {
                waiters.remove(at);
                self.queue.waiting.fetch_sub(1, SeqCst);
            }
            // It was woken: if it goes away without using the chance, the next one gets it.
            None => {
                drop(waiters);
                self.queue.wake_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::base::id::ServerId;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[test]
    fn lower_classes_and_earlier_times_go_first() {
        let queue = Arc::new(Queue::default());
        let ranks = [(0, 10), (0, 10), (5, 0), (-1, 99), (0, 3)];
        let waiting = ranks.map(|(class, at)| {
            let (ticket, woken) = (queue.enter(class, at), Arc::new(Woken::default()));
            ticket.enlist(&Context::from_waker(&Waker::from(woken.clone())));
            (ticket, woken)
        });
        let mut order = Vec::new();
        for _ in ranks {
            queue.wake_one();
            order.extend(waiting.iter().position(|(_, woken)| woken.0.swap(false, Relaxed)));
        }
        assert_eq!(order, [3, 4, 0, 1, 2]);
    }

    struct Unpark(std::thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// A slot, as a stream gets it: at once, or by waiting for others to give theirs back.
    fn obtain(server: &Arc<ServerState>, queue: &Arc<Queue>, until: Instant) -> Slot {
        if let Some(slot) = Slot::take(server, queue) {
            return slot;
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let ticket = queue.enter(0, 0);
        loop {
            let woken = ticket.enlist(&Context::from_waker(&waker));
            match Slot::take(server, queue) {
                Some(slot) => return slot,
                None if woken => ticket.pass_on(),
                None => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "a release was not noticed");
            std::thread::park_timeout(left);
        }
    }

    /// A release that comes while a stream is on its way to sleep wakes it. Two threads hand one slot to each other, so that no later
    /// release makes good for one that was lost.
    #[test]
    fn no_release_is_lost_between_cores() {
        let server = Arc::new(ServerState::new(ServerId(0), "a", 1, 0));
        server.limit.store(1, Relaxed);
        let (queue, round) = (Arc::new(Queue::default()), AtomicUsize::new(0));
        let until = Instant::now() + Duration::from_secs(20);
        let play = &|me: usize| {
            let mut slot = (me == 0).then(|| obtain(&server, &queue, until));
            for at in 0..20_000 {
                if at % 2 == me {
                    round.store(at + 1, SeqCst);
                    (0..at % 256).for_each(|_| std::hint::spin_loop());
                    drop(slot.take());
                } else {
                    while round.load(SeqCst) <= at && Instant::now() < until {
                        std::thread::yield_now();
                    }
                    slot = Some(obtain(&server, &queue, until));
                }
            }
        };
        std::thread::scope(|scope| (0..2).for_each(|me| drop(scope.spawn(move || play(me)))));
        assert_eq!((queue.len(), queue.lock().len(), server.current.load(SeqCst)), (0, 0, 0));
    }
}
