//! One entry of a stick table: its key, its numbers, and who tracks it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Layout;
use super::layout::Cell;
use crate::base::stick::DataType;

/// A key and what is stored with it.
pub struct Entry {
    key: Box<[u8]>,
    /// When it was last used.
    touched_ms: AtomicU64,
    /// How many connections or requests track it: as long as there is one, it stays.
    trackers: AtomicU32,
    data: Mutex<Data>,
    /// Where it stands in its shard's order; changed under the shard's lock only.
    pub(super) queued_ms: AtomicU64,
    /// Tells entries apart that were queued in the same millisecond.
    pub(super) serial: u64,
}

struct Data {
    cells: Box<[u64]>,
    server: Option<Arc<str>>,
}

impl Entry {
    pub(super) fn new(key: &[u8], cells: usize, now_ms: u64, serial: u64) -> Entry {
        Entry {
            key: key.into(),
            touched_ms: AtomicU64::new(now_ms),
            trackers: AtomicU32::new(0),
            data: Mutex::new(Data { cells: vec![0; cells].into(), server: None }),
            queued_ms: AtomicU64::new(now_ms),
            serial,
        }
    }

    /// The key as the table keeps it.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// When it was last used, on the clock of the process.
    pub fn touched_ms(&self) -> u64 {
        self.touched_ms.load(Relaxed)
    }

    /// How many track it (`use` in `show table`).
    pub fn trackers(&self) -> u32 {
        self.trackers.load(Relaxed)
    }

    /// Begins its life anew.
    pub fn touch(&self, now_ms: u64) {
        self.touched_ms.fetch_max(now_ms, Relaxed);
    }

    pub(super) fn hold(&self) {
        self.trackers.fetch_add(1, Relaxed);
    }

    pub(super) fn let_go(&self) {
        self.trackers.fetch_sub(1, Relaxed);
    }

    /// Its numbers, to be read or changed. Held for a moment only.
    pub(super) fn open<'a>(&'a self, layout: &'a Layout, now_ms: u64) -> Opened<'a> {
        Opened { layout, data: self.data.lock().unwrap_or_else(PoisonError::into_inner), now_ms }
    }
}

/// The numbers of an entry, for as long as nobody else may change them.
pub struct Opened<'a> {
    layout: &'a Layout,
    data: MutexGuard<'a, Data>,
    now_ms: u64,
}

impl Opened<'_> {
    /// A number, or a rate at this moment; `None` if the table does not store it.
    pub fn value(&self, data: DataType, element: u16) -> Option<u64> {
        let cell = self.layout.find(data, element)?;
        match cell {
            Cell::Number(at) => self.data.cells.get(at).copied(),
            Cell::Rate { at, period_ms } => {
                let rate = self.data.cells.get(at..at + 3)?;
                Some(rate_now(rate, period_ms, self.now_ms))
            }
        }
    }

    /// Adds to a number, or events to a rate, and yields the new value. Nothing happens if the table does not store it.
    pub fn add(&mut self, data: DataType, element: u16, n: u64) -> Option<u64> {
        match self.layout.find(data, element)? {
            Cell::Number(at) => {
                let cell = self.data.cells.get_mut(at)?;
                *cell = cell.wrapping_add(n) & widest(data);
                Some(*cell)
            }
            Cell::Rate { at, period_ms } => {
                let now = self.now_ms;
                let rate = self.data.cells.get_mut(at..at + 3)?;
                add_to_rate(rate, n, period_ms, now, widest(data));
                Some(rate_now(rate, period_ms, now))
            }
        }
    }

    /// Takes from a number, not below zero.
    pub fn subtract(&mut self, data: DataType, n: u64) {
        if let Some(Cell::Number(at)) = self.layout.find(data, 0)
            && let Some(cell) = self.data.cells.get_mut(at)
        {
            *cell = cell.saturating_sub(n);
        }
    }

    /// Sets a number, or what a rate is now; yields the value before.
    pub fn set(&mut self, data: DataType, element: u16, value: u64) -> Option<u64> {
        let before = self.value(data, element)?;
        match self.layout.find(data, element)? {
            Cell::Number(at) => *self.data.cells.get_mut(at)? = value,
            Cell::Rate { at, .. } => {
                // The period starts now, with this many events.
                let now = self.now_ms;
                self.data.cells.get_mut(at..at + 3)?.copy_from_slice(&[now, value, 0]);
            }
        }
        Some(before)
    }

    /// The server that is remembered, by `srvkey`.
    pub fn server(&self) -> Option<&Arc<str>> {
        self.data.server.as_ref()
    }

    /// Remembers a server.
    pub fn set_server(&mut self, number: u32, key: Arc<str>) {
        self.set(DataType::ServerId, 0, u64::from(number));
        self.data.server = Some(key);
    }
}

/// The largest number of a type: all but byte counts have 32 bits (manual 11.1) and start again from zero.
fn widest(data: DataType) -> u64 {
    match data {
        DataType::BytesInCnt | DataType::BytesOutCnt => u64::MAX,
        _ => u64::from(u32::MAX),
    }
}

/// A rate is three cells: when the period began, events in it, events in the one before.
fn add_to_rate(rate: &mut [u64], n: u64, period_ms: u64, now_ms: u64, widest: u64) {
    let [start, now, before] = rate else { return };
    let elapsed = now_ms.saturating_sub(*start);
    if elapsed >= period_ms {
        let next = elapsed < 2 * period_ms;
        *before = if next { *now } else { 0 };
        *start = if next { *start + period_ms } else { now_ms };
        *now = 0;
    }
    *now = now.wrapping_add(n) & widest;
}

/// Events in the last period, taking from the one before the part that has not gone by. A single event of the one before is not
/// cut into parts: it counts until a whole period has passed without another.
fn rate_now(rate: &[u64], period_ms: u64, now_ms: u64) -> u64 {
    let &[start, now, before] = rate else { return 0 };
    let elapsed = now_ms.saturating_sub(start);
    let (now, before, elapsed) = match elapsed {
        e if e < period_ms => (now, before, e),
        e if e < 2 * period_ms => (0, now, e - period_ms),
        _ => return 0,
    };
    if now == 0 && before <= 1 {
        return before;
    }
    let part = u128::from(before) * u128::from(period_ms - elapsed) / u128::from(period_ms.max(1));
    now + part as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HAProxy 2.8 shows `http_req_rate(2s)` after five requests.
    #[test]
    fn a_rate_slides_over_two_periods() {
        let mut rate = [0; 3];
        for at in [10_000, 10_010, 10_020, 10_030, 10_040] {
            add_to_rate(&mut rate, 1, 2_000, at, u64::MAX);
        }
        let seen = [10_040, 11_900, 12_170, 12_575, 12_990, 13_610, 14_000].map(|at| rate_now(&rate, 2_000, at));
        assert_eq!(seen, [5, 5, 4, 3, 2, 0, 0]);
    }

    #[test]
    fn a_single_event_counts_until_a_period_without_events_is_over() {
        let mut rate = [0; 3];
        add_to_rate(&mut rate, 1, 2_000, 5_000, u64::MAX);
        assert_eq!([5_000, 8_999, 9_000].map(|at| rate_now(&rate, 2_000, at)), [1, 1, 0]);
    }

    #[test]
    fn periods_follow_each_other_without_a_gap() {
        let mut rate = [0; 3];
        add_to_rate(&mut rate, 4, 1_000, 1_000, u64::MAX);
        add_to_rate(&mut rate, 2, 1_000, 2_500, u64::MAX);
        assert_eq!(rate, [2_000, 2, 4]);
        assert_eq!(rate_now(&rate, 1_000, 2_500), 4, "2 and half of 4");
        add_to_rate(&mut rate, 1, 1_000, 9_000, u64::MAX);
        assert_eq!(rate, [9_000, 1, 0]);
    }
}
