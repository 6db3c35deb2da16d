//! Entries that a connection or a request tracks (`track-sc0` and its like): the sticky counters.

use std::fmt;
use std::sync::Arc;

use super::Table;
use super::entry::{Entry, Opened};
use crate::base::stick::DataType;

/// The sticky counters of a connection or of a request, by number. Takes one word where none is tracked.
#[derive(Debug, Default)]
pub struct Tracked(Option<Box<Counters>>);

#[derive(Debug, Default)]
struct Counters {
    by_number: Vec<Option<Tracking>>,
}

impl Tracked {
    /// Whether nothing is tracked.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What a counter tracks.
    pub fn counter(&self, number: u8) -> Option<&Tracking> {
        self.0.as_ref()?.by_number.get(usize::from(number))?.as_ref()
    }

    /// All that is tracked.
    pub fn iter(&self) -> impl Iterator<Item = &Tracking> {
        self.0.iter().flat_map(|counters| counters.by_number.iter().flatten())
    }

    /// Lets a counter track an entry.
    pub fn set(&mut self, number: u8, tracking: Tracking) {
        let counters = &mut self.0.get_or_insert_default().by_number;
        let at = usize::from(number);
        if counters.len() <= at {
            counters.resize_with(at + 1, || None);
        }
        // The line above made room.
        counters[at] = Some(tracking);
    }

    /// Counts events in everything tracked.
    #[inline]
    pub fn count(&self, now_ms: u64, events: &[(DataType, u64)]) {
        for tracking in self.iter() {
            tracking.count(now_ms, events);
        }
    }

    /// Ends all tracking: the lives of the entries begin anew.
    #[inline]
    pub fn stop(&mut self, now_ms: u64) {
        if let Some(counters) = self.0.take() {
            for tracking in counters.by_number.iter().flatten() {
                tracking.entry.touch(now_ms);
            }
        }
    }
}

/// An entry that is tracked, which therefore stays.
pub struct Tracking {
    table: Arc<Table>,
    entry: Arc<Entry>,
}

impl Tracking {
    /// Tracks the entry of a key, which is made if there is none; `None` if the table is full. A connection is counted.
    pub fn start(table: &Arc<Table>, key: &[u8], now_ms: u64) -> Option<Tracking> {
        let entry = table.hold(key, now_ms)?;
        let tracking = Tracking { table: table.clone(), entry };
        tracking.count(now_ms, &[(DataType::ConnCur, 1), (DataType::ConnCnt, 1), (DataType::ConnRate, 1)]);
        Some(tracking)
    }

    /// The table of the entry.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The entry.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Its numbers.
    pub fn open(&self, now_ms: u64) -> Opened<'_> {
        self.table.open(&self.entry, now_ms)
    }

    /// Counts a response: 4xx is an error of the client, 5xx but 501 and 505 a failure of the server (manual 11.1).
    pub fn count_response(&self, now_ms: u64, status: u16) {
        match status {
            400..=499 => self.count(now_ms, &[(DataType::HttpErrCnt, 1), (DataType::HttpErrRate, 1)]),
            501 | 505 => {}
            500..=599 => self.count(now_ms, &[(DataType::HttpFailCnt, 1), (DataType::HttpFailRate, 1)]),
            _ => {}
        }
    }

    /// Counts events, as far as the table stores them.
    pub fn count(&self, now_ms: u64, events: &[(DataType, u64)]) {
        let mut open = self.open(now_ms);
        for (data, n) in events {
            let n =
                if data.is_byte_rate() { n.div_ceil(u64::from(self.table.spec().brates_factor.max(1))) } else { *n };
            open.add(*data, 0, n);
        }
        drop(open);
        self.entry.touch(now_ms);
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        // Taking from a number needs no clock.
        self.open(0).subtract(DataType::ConnCur, 1);
        self.entry.let_go();
    }
}

impl fmt::Debug for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracking").field(&self.table.spec().name).finish()
    }
}
