//! Server slots (`maxconn` of servers) and the queue of streams that wait for one.
//!
//! A slot is taken by compare-and-swap on the server's count; only when all are taken does a stream enter the queue of its
//! backend. A release wakes the stream that has waited longest, which then competes for the slot again.

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
    waiters: Mutex<VecDeque<(u64, Waker)>>,
}

/// A stream's place at a server; given back when dropped.
pub struct Slot {
    server: Arc<ServerState>,
    queue: Arc<Queue>,
}

/// A place in the queue; left when dropped.
pub struct Ticket {
    queue: Arc<Queue>,
    number: u64,
}

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

    /// Enters at the end.
    pub fn enter(self: &Arc<Self>) -> Ticket {
        Ticket { queue: self.clone(), number: self.tickets.fetch_add(1, Relaxed) }
    }

    /// Wakes the stream that has waited longest, if any waits.
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

    /// Wakes the first who came after `number`.
    fn wake_after(&self, number: u64) {
        let mut waiters = self.lock();
        let at = waiters.partition_point(|(other, _)| *other <= number);
        if let Some((_, waker)) = waiters.remove(at) {
            drop(waiters);
            self.waiting.fetch_sub(1, SeqCst);
            waker.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(u64, Waker)>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Asks to be woken at the next release; those who came earlier go first. Try to take a slot once more afterwards: one may have
    /// become free before. True if it was woken since the last call; who then finds no slot must [`Ticket::pass_on`].
    pub fn enlist(&self, cx: &Context<'_>) -> bool {
        let mut waiters = self.queue.lock();
        match waiters.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, waker)) => {
                waker.clone_from(cx.waker());
                false
            }
            None => {
                let at = waiters.partition_point(|(number, _)| *number < self.number);
                waiters.insert(at, (self.number, cx.waker().clone()));
                self.queue.waiting.fetch_add(1, SeqCst);
                true
            }
        }
    }

    /// Lets the next one try: what became free was of no use here.
    pub fn pass_on(&self) {
        self.queue.wake_after(self.number);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut waiters = self.queue.lock();
        match waiters.iter().position(|(number, _)| *number == self.number) {
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
