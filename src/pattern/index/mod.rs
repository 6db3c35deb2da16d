//! The data structures behind a set, one per family of matching methods.
//!
//! An index maps a sample to the number of the best pattern: the first in order of declaration, but the longest prefix for
//! `beg` and the narrowest network for `ip` (manual, `map`: "the first of the finest match"). Every search takes a
//! filter, since patterns removed at run time stay in the index until it is rebuilt.

mod exact;
mod few;
mod net;
mod sections;
mod segments;
mod substring;
mod trie;

pub(super) use exact::Exact;
pub(super) use few::{Compare, Few};
pub(super) use net::Nets;
pub(super) use sections::{DIR, DOM, Sections};
pub(super) use segments::Ranges;
pub(super) use substring::Substrings;
pub(super) use trie::Affixes;

/// No pattern.
pub(super) const NONE: u32 = u32::MAX;

/// Which patterns may be found. Implemented by closures; a trait so that no index needs a generic per search.
pub(super) trait Filter {
    /// Pattern `at` has not been removed.
    fn keeps(&self, at: u32) -> bool;
}

impl<F: Fn(u32) -> bool> Filter for F {
    #[inline]
    fn keeps(&self, at: u32) -> bool {
        self(at)
    }
}

/// Links every pattern to the next equal one, so that removing the first uncovers the second. Empty without duplicates.
#[derive(Debug, Default)]
pub(super) struct Chains(std::collections::HashMap<u32, u32>);

impl Chains {
    /// `later` equals `first` and comes after everything chained to it so far.
    pub fn append(&mut self, first: u32, later: u32) {
        let mut last = first;
        while let Some(next) = self.0.get(&last) {
            last = *next;
        }
        self.0.insert(last, later);
    }

    /// The first of the equal patterns that the filter keeps.
    #[inline]
    pub fn first(&self, first: u32, filter: &impl Filter) -> Option<u32> {
        if filter.keeps(first) {
            return Some(first);
        }
        std::iter::successors(Some(first), |at| self.0.get(at).copied()).find(|at| filter.keeps(*at))
    }
}

/// Compares as the set does: ASCII case counts or does not.
#[inline]
pub(super) fn equal(a: &[u8], b: &[u8], fold: bool) -> bool {
    if fold { a.eq_ignore_ascii_case(b) } else { a == b }
}

/// The byte as the set compares it.
#[inline]
pub(super) fn folded(byte: u8, fold: bool) -> u8 {
    if fold { byte.to_ascii_lowercase() } else { byte }
}
