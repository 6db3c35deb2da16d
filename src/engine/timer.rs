//! Deadlines of one core. A connection owns one slot and stores its next deadline there when it has to wait: one store, no list.
//!
//! A sweep over the slots (contiguous numbers) every 100 ms wakes whose deadline has passed. Deadlines sooner than that bring the
//! sweep forward, so that they are met to the millisecond.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::base::clock;

/// The deadlines of one core.
#[derive(Default)]
pub struct Timers {
    slots: RefCell<Slots>,
    /// When the sweeper means to wake up, in milliseconds.
    next: Cell<u64>,
    sweeper: RefCell<Option<Waker>>,
}

#[derive(Default)]
struct Slots {
    /// Milliseconds of the monotonic clock; `NEVER`, or `FIRED` after the sweep has woken the owner.
    deadlines: Vec<u64>,
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

/// One connection's place for a deadline; free again when dropped.
pub struct Slot {
    timers: Rc<Timers>,
    at: usize,
}

impl Timers {
    /// Takes a slot without a deadline.
    pub fn slot(self: &Rc<Self>) -> Slot {
        let mut slots = self.slots.borrow_mut();
        let at = match slots.free.pop() {
            Some(at) => at as usize,
            None => {
                slots.deadlines.push(NEVER);
                slots.wakers.push(None);
                slots.deadlines.len() - 1
            }
        };
        Slot { timers: self.clone(), at }
    }

    /// Runs for the life of the core.
    pub async fn sweep_for_ever(self: Rc<Self>) {
        loop {
            let now = clock::mono_ms();
            let next = self.sweep(now);
            self.next.set(next);
            let sleep = tokio::time::sleep(Duration::from_millis(next.saturating_sub(now)));
            tokio::pin!(sleep);
            poll_fn(|cx| {
                *self.sweeper.borrow_mut() = Some(cx.waker().clone());
                match self.next.get() < next {
                    true => Poll::Ready(()),
                    false => sleep.as_mut().poll(cx),
                }
            })
            .await;
        }
    }

    /// Wakes every owner of a slot that waits, without counting its deadline as passed.
    pub fn wake_all(&self) {
        let wakers: Vec<Waker> = self.slots.borrow().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Wakes the owner of a slot if it waits, without counting its deadline as passed.
    pub fn wake(&self, slot: usize) {
        let waker = self.slots.borrow().wakers.get(slot).cloned().flatten();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes whose deadline has passed at `now`; says when to sweep again.
    fn sweep(&self, now: u64) -> u64 {
        let mut next = now + SWEEP_MS;
        let mut due = Vec::new();
        let mut slots = self.slots.borrow_mut();
        let Slots { deadlines, wakers, .. } = &mut *slots;
        // A thousand slots are scanned in less than a microsecond; many near deadlines must not make this the main work.
        let soonest = now + deadlines.len() as u64 / 1000;
        for (deadline, waker) in deadlines.iter_mut().zip(wakers) {
            if *deadline <= now {
                if *deadline != FIRED {
                    *deadline = FIRED;
                    due.extend(waker.take());
                }
            } else {
                next = next.min(soonest.max(*deadline));
            }
        }
        drop(slots);
        due.into_iter().for_each(Waker::wake);
        next
    }
}

impl Slot {
    /// Its place, for [`Timers::wake`].
    pub fn place(&self) -> usize {
        self.at
    }

    /// Wakes this task at `deadline` (milliseconds of the monotonic clock); `None` is never. Replaces the deadline before.
    #[inline]
    pub fn arm(&self, cx: &Context<'_>, deadline: Option<u64>) {
        let deadline = deadline.unwrap_or(NEVER).max(FIRED + 1);
        let mut slots = self.timers.slots.borrow_mut();
        if let Some(place) = slots.deadlines.get_mut(self.at) {
            *place = deadline;
        }
        if let Some(waker) = slots.wakers.get_mut(self.at)
            && !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        drop(slots);
        if deadline < self.timers.next.get() {
            self.timers.next.set(deadline);
            if let Some(sweeper) = self.timers.sweeper.borrow_mut().take() {
                sweeper.wake();
            }
        }
    }

    /// Whether the deadline that was set last has passed.
    #[inline]
    pub fn has_fired(&self) -> bool {
        self.timers.slots.borrow().deadlines.get(self.at) == Some(&FIRED)
    }

    /// Waits until `deadline`.
    pub async fn sleep_until(&self, deadline: u64) {
        poll_fn(|cx| {
            if clock::mono_ms() >= deadline {
                return Poll::Ready(());
            }
            self.arm(cx, Some(deadline));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut slots = self.timers.slots.borrow_mut();
        if let Some(deadline) = slots.deadlines.get_mut(self.at) {
            *deadline = NEVER;
        }
        if let Some(waker) = slots.wakers.get_mut(self.at) {
            *waker = None;
        }
        slots.free.push(self.at as u32);
    }
}

const NEVER: u64 = u64::MAX;
const FIRED: u64 = 0;
const SWEEP_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_fires_what_is_due_and_plans_the_next() {
        let timers = Rc::new(Timers::default());
        let (early, late, idle) = (timers.slot(), timers.slot(), timers.slot());
        let cx = Context::from_waker(Waker::noop());
        early.arm(&cx, Some(1000));
        late.arm(&cx, Some(1030));
        idle.arm(&cx, None);
        assert_eq!(timers.sweep(1000), 1030);
        assert!(early.has_fired() && !late.has_fired() && !idle.has_fired());
        assert_eq!(timers.sweep(1040), 1140);
        assert!(late.has_fired() && !idle.has_fired());
        early.arm(&cx, Some(2000));
        assert!(!early.has_fired());
    }

    #[test]
    fn slots_are_used_again() {
        let timers = Rc::new(Timers::default());
        drop(timers.slot());
        let slot = timers.slot();
        assert_eq!(slot.at, 0);
        assert!(!slot.has_fired());
    }
}
