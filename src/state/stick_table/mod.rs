//! Stick tables (manual chapter 11): entries by key, what is counted in them, and how long they stay.
//!
//! A table is cut into shards with a lock each, held for single steps only. Nothing here reads a clock.

mod entry;
mod layout;
mod shard;
#[cfg(test)]
mod tests;
mod tracked;

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layout::Layout;
use shard::Shard;

pub use entry::{Entry, Opened};
pub use tracked::{Tracked, Tracking};

use crate::base::stick::{KeyType, TableSpec};
use crate::base::value::Value;

/// One stick table.
pub struct Table {
    spec: TableSpec,
    layout: Layout,
    shards: Box<[Mutex<Shard>]>,
    used: AtomicU32,
    hasher: std::hash::RandomState,
}

impl Table {
    /// An empty table.
    pub fn new(spec: TableSpec) -> Table {
        // A small table drops exactly its oldest entry when it is full; a large one the oldest of a part.
        let shards = (spec.size as usize / ENTRIES_PER_SHARD).clamp(1, SHARDS);
        Table {
            layout: Layout::new(&spec),
            spec,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            used: AtomicU32::new(0),
            hasher: std::hash::RandomState::new(),
        }
    }

    /// As declared.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// The key that a value stands for here; `None` if it is none of the table's type.
    pub fn key<'v>(&self, value: Value<'v>) -> Option<Cow<'v, [u8]>> {
        let len = self.spec.len;
        Some(match (self.spec.key, value.cast(self.spec.key.value_type())?) {
            (_, Value::Ipv4(ip)) => Cow::Owned(ip.octets().to_vec()),
            (_, Value::Ipv6(ip)) => Cow::Owned(ip.octets().to_vec()),
            // Integers have 32 bits in a table.
            (_, Value::Int(n)) => Cow::Owned((n as u32).to_be_bytes().to_vec()),
            (KeyType::Binary, Value::Bin(bytes)) => {
                let mut bytes = cut(bytes, len);
                if bytes.len() < len {
                    bytes.to_mut().resize(len, 0);
                }
                bytes
            }
            (_, Value::Str(text)) => cut(text, len),
            _ => return None,
        })
    }

    /// What a key is, as a value.
    pub fn value_of<'k>(&self, key: &'k [u8]) -> Value<'k> {
        match self.spec.key {
            KeyType::Ipv4 => Value::Ipv4(<[u8; 4]>::try_from(key).unwrap_or_default().into()),
            KeyType::Ipv6 => Value::Ipv6(<[u8; 16]>::try_from(key).unwrap_or_default().into()),
            KeyType::Integer => Value::Int(i64::from(u32::from_be_bytes(key.try_into().unwrap_or_default()))),
            KeyType::String => Value::Str(Cow::Borrowed(key)),
            KeyType::Binary => Value::Bin(Cow::Borrowed(key)),
        }
    }

    /// The entry of a key, if there is one. Its life is not prolonged.
    pub fn find(&self, key: &[u8], now_ms: u64) -> Option<Arc<Entry>> {
        let shard = self.shard(key);
        shard.find(key).filter(|entry| self.lives(entry, now_ms)).cloned()
    }

    /// The entry of a key, which is made if there is none; its life begins anew. `None` if the table is full.
    pub fn obtain(&self, key: &[u8], now_ms: u64) -> Option<Arc<Entry>> {
        self.take(key, now_ms, |_| {})
    }

    /// As `obtain`, for someone who tracks it.
    fn hold(&self, key: &[u8], now_ms: u64) -> Option<Arc<Entry>> {
        self.take(key, now_ms, Entry::hold)
    }

    /// Its numbers, for a moment.
    pub fn open<'a>(&'a self, entry: &'a Entry, now_ms: u64) -> Opened<'a> {
        entry.open(&self.layout, now_ms)
    }

    /// How many entries there are.
    pub fn used(&self, now_ms: u64) -> u32 {
        self.sweep(now_ms);
        self.used.load(Relaxed)
    }

    /// How many more entries there may be.
    pub fn available(&self, now_ms: u64) -> u32 {
        self.spec.size.saturating_sub(self.used(now_ms))
    }

    /// After how many milliseconds an entry ends, if it is not used; 0 in a table whose entries do not expire.
    pub fn expires_in(&self, entry: &Entry, now_ms: u64) -> u64 {
        self.spec.expire_ms.map_or(0, |expire| (entry.touched_ms() + expire).saturating_sub(now_ms))
    }

    /// All entries at this moment, in no order.
    pub fn entries(&self, now_ms: u64) -> Vec<Arc<Entry>> {
        self.sweep(now_ms);
        self.shards.iter().flat_map(|shard| lock(shard).entries().cloned().collect::<Vec<_>>()).collect()
    }

    /// Drops an entry, unless it is tracked. Whether it is gone.
    pub fn remove(&self, entry: &Entry) -> bool {
        let mut shard = self.shard(entry.key());
        let present = shard.find(entry.key()).is_some_and(|found| std::ptr::eq(&**found, entry));
        if entry.trackers() > 0 || !present {
            return !present;
        }
        shard.remove(entry);
        self.used.fetch_sub(1, Relaxed);
        true
    }

    /// Drops what has expired.
    pub fn sweep(&self, now_ms: u64) {
        for shard in &self.shards {
            self.expire(&mut lock(shard), now_ms);
        }
    }

    fn take(&self, key: &[u8], now_ms: u64, with: impl Fn(&Entry)) -> Option<Arc<Entry>> {
        let live = |shard: &Shard| {
            let entry = shard.find(key).filter(|entry| self.lives(entry, now_ms))?;
            entry.touch(now_ms);
            with(entry);
            Some(entry.clone())
        };
        if let Some(entry) = live(&self.shard(key)) {
            return Some(entry);
        }
        if !self.reserve(key, now_ms) {
            return None;
        }
        let mut shard = self.shard(key);
        self.expire(&mut shard, now_ms);
        if let Some(entry) = live(&shard) {
            // Another core was faster.
            self.used.fetch_sub(1, Relaxed);
            return Some(entry);
        }
        let entry = shard.insert(key, self.layout.cells(), now_ms);
        with(&entry);
        Some(entry)
    }

    /// Counts one more entry; if the table is full, makes room first.
    fn reserve(&self, key: &[u8], now_ms: u64) -> bool {
        let one_more = || self.used.fetch_update(Relaxed, Relaxed, |used| (used < self.spec.size).then_some(used + 1));
        loop {
            if one_more().is_ok() {
                return true;
            }
            if !self.make_room(key, now_ms) {
                return false;
            }
        }
    }

    /// Drops what has expired, or the oldest entry, beginning with the key's own shard.
    fn make_room(&self, key: &[u8], now_ms: u64) -> bool {
        let first = self.place(key);
        let (before, after) = self.shards.split_at(first);
        after.iter().chain(before).any(|shard| {
            let mut shard = lock(shard);
            if self.expire(&mut shard, now_ms) > 0 {
                return true;
            }
            let dropped = if self.spec.nopurge { 0 } else { shard.drop_oldest() };
            self.used.fetch_sub(dropped, Relaxed);
            dropped > 0
        })
    }

    fn expire(&self, shard: &mut Shard, now_ms: u64) -> u32 {
        let before = self.spec.expire_ms.and_then(|expire| now_ms.checked_sub(expire));
        let dropped = before.map_or(0, |before| shard.expire(before, now_ms));
        self.used.fetch_sub(dropped, Relaxed);
        dropped
    }

    fn lives(&self, entry: &Entry, now_ms: u64) -> bool {
        let expire = self.spec.expire_ms;
        entry.trackers() > 0 || expire.is_none_or(|expire| entry.touched_ms() + expire > now_ms)
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        // `place` yields an index within the shards, of which there is at least one.
        lock(&self.shards[self.place(key)])
    }

    fn place(&self, key: &[u8]) -> usize {
        self.hasher.hash_one(key) as usize % self.shards.len()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cut(bytes: Cow<'_, [u8]>, len: usize) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..len).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(len);
            Cow::Owned(bytes)
        }
    }
}

const SHARDS: usize = 64;
/// With fewer entries than this a table has one shard.
const ENTRIES_PER_SHARD: usize = 64;
