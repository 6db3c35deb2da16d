//! Exact matches: a hash table over the patterns' bytes.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::RandomState;

use super::{Chains, Filter, NONE, equal};
use crate::pattern::pool::Pool;

/// A set of strings, compared as a whole.
#[derive(Debug)]
pub(in crate::pattern) struct Exact {
    keys: Arc<Pool>,
    fold: bool,
    hasher: RandomState,
    /// Open addressing with linear probing: the upper half of the hash and the pattern's number. A power of two.
    slots: Box<[(u32, u32)]>,
    duplicates: Chains,
}

impl Exact {
    /// Indexes the keys; `fold` ignores ASCII case.
    pub fn new(keys: Arc<Pool>, fold: bool) -> Exact {
        let size = (keys.len() * 2).next_power_of_two().max(8);
        let mut exact = Exact {
            hasher: RandomState::new(),
            slots: vec![(0, NONE); size].into(),
            duplicates: Chains::default(),
            fold,
            keys: Arc::clone(&keys),
        };
        for (at, key) in keys.iter().enumerate() {
            exact.insert(at as u32, key);
        }
        exact
    }

    /// The first pattern equal to the key.
    #[inline]
    pub fn find(&self, key: &[u8], filter: &impl Filter) -> Option<u32> {
        let (slot, _) = self.probe(key);
        let found = self.slots[slot].1;
        if found == NONE { None } else { self.duplicates.first(found, filter) }
    }

    fn insert(&mut self, at: u32, key: &[u8]) {
        let (slot, tag) = self.probe(key);
        match self.slots[slot].1 {
            NONE => self.slots[slot] = (tag, at),
            first => self.duplicates.append(first, at),
        }
    }

    /// The slot that holds the key or is free for it. There is one, since the table is at most half full.
    #[inline]
    fn probe(&self, key: &[u8]) -> (usize, u32) {
        let hash = self.hash(key);
        let tag = (hash >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (known, at) = self.slots[slot];
            if at == NONE || (known == tag && equal(self.keys.at(at as usize), key, self.fold)) {
                return (slot, tag);
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        if !self.fold {
            return self.hasher.hash_one(key);
        }
        // Texts that differ in case only have the same words once the bit that tells letters apart is set. A few others
        // have them too, which costs a comparison.
        let mut hasher = self.hasher.build_hasher();
        let (words, rest) = key.as_chunks::<8>();
        words.iter().for_each(|word| hasher.write_u64(u64::from_ne_bytes(*word) | CASE));
        let rest = rest.iter().fold(key.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        hasher.write_u64(rest | CASE >> 8);
        hasher.finish()
    }
}

/// In each byte of a word, the bit that tells upper from lower case.
const CASE: u64 = 0x2020_2020_2020_2020;
