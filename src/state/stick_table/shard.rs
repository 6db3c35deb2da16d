//! A part of a table under one lock: the entries by key, and the order in which they grow old.
//!
//! The order is lazy: using an entry does not move it. What is found at the front and was used since goes back to where it belongs,
//! so an entry is moved once per life at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::entry::Entry;

/// Entries by key, and by when they were last used.
#[derive(Default)]
pub(super) struct Shard {
    entries: HashMap<Box<[u8]>, Arc<Entry>>,
    order: BTreeMap<(u64, u64), Arc<Entry>>,
    serial: u64,
}

impl Shard {
    pub(super) fn find(&self, key: &[u8]) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    pub(super) fn insert(&mut self, key: &[u8], cells: usize, now_ms: u64) -> Arc<Entry> {
        self.serial += 1;
        let entry = Arc::new(Entry::new(key, cells, now_ms, self.serial));
        self.order.insert((now_ms, self.serial), entry.clone());
        self.entries.insert(key.into(), entry.clone());
        entry
    }

    pub(super) fn remove(&mut self, entry: &Entry) {
        self.order.remove(&(entry.queued_ms.load(Relaxed), entry.serial));
        self.entries.remove(entry.key());
    }

    /// Drops entries that nobody tracks and that were last used at `before_ms` or earlier. How many.
    pub(super) fn expire(&mut self, before_ms: u64, now_ms: u64) -> u32 {
        let mut dropped = 0;
        while let Some((&(queued, _), entry)) = self.order.first_key_value()
            && queued <= before_ms
        {
            let entry = entry.clone();
            if entry.trackers() > 0 {
                // The end of its tracking, which is yet to come, will use it.
                self.requeue(&entry, now_ms);
            } else if entry.touched_ms() > before_ms {
                self.requeue(&entry, entry.touched_ms());
            } else {
                self.remove(&entry);
                dropped += 1;
            }
        }
        dropped
    }

    /// Drops the entry that was not used for the longest time and that nobody tracks.
    pub(super) fn drop_oldest(&mut self) -> u32 {
        // Every entry is looked at twice at most: once where it was queued, once where it belongs.
        for _ in 0..2 * self.order.len() {
            let Some((&(queued, _), entry)) = self.order.first_key_value() else { return 0 };
            let entry = entry.clone();
            let (last, touched) = (self.order.last_key_value().map_or(queued, |(key, _)| key.0), entry.touched_ms());
            if entry.trackers() > 0 {
                self.requeue(&entry, last.max(touched).max(queued + 1));
            } else if touched > queued {
                self.requeue(&entry, touched);
            } else {
                self.remove(&entry);
                return 1;
            }
        }
        0
    }

    fn requeue(&mut self, entry: &Arc<Entry>, at_ms: u64) {
        self.order.remove(&(entry.queued_ms.load(Relaxed), entry.serial));
        entry.queued_ms.store(at_ms, Relaxed);
        self.order.insert((at_ms, entry.serial), entry.clone());
    }
}
