//! Up to four strings, compared one after the other: quicker than hashing or walking a trie.

use smallvec::SmallVec;

use super::{Filter, equal};
use crate::pattern::pool::Pool;

/// How the few strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pattern) enum Compare {
    /// The whole sample.
    Whole,
    /// The whole sample, which a NUL ends (manual 7.1.3).
    ToNul,
    /// Its beginning; the longest pattern wins.
    Beginning,
    /// Its end.
    End,
}

/// A few strings.
#[derive(Debug)]
pub(in crate::pattern) struct Few {
    /// In the order in which they win.
    keys: SmallVec<[Key; Few::MOST]>,
    bytes: Box<[u8]>,
    compare: Compare,
    fold: bool,
}

/// One string. Most samples differ from it in the first (for `End` the last) eight bytes, which are one number here.
#[derive(Debug)]
struct Key {
    head: u64,
    /// The bits of `head` that count.
    mask: u64,
    start: usize,
    len: usize,
    pattern: u32,
}

impl Few {
    /// More than this many are better off with an index.
    pub const MOST: usize = 4;

    /// Keeps the strings in the order in which they are to be tried.
    pub fn new(texts: &Pool, compare: Compare, fold: bool) -> Few {
        let mut bytes = Vec::new();
        let mut keys = SmallVec::<[Key; Few::MOST]>::new();
        for (text, pattern) in texts.iter().zip(0..) {
            let mask = if text.len() < 8 { (1 << (8 * text.len())) - 1 } else { u64::MAX };
            keys.push(Key { head: head(text, compare, fold), mask, start: bytes.len(), len: text.len(), pattern });
            bytes.extend_from_slice(text);
        }
        if compare == Compare::Beginning {
            // Stable, so that the first of two equal patterns stays the first.
            keys.sort_by_key(|key| std::cmp::Reverse(key.len));
        }
        Few { keys, bytes: bytes.into(), compare, fold }
    }

    /// Whether this is how the strings are compared.
    pub fn compares(&self, compare: Compare) -> bool {
        self.compare == compare
    }

    /// The pattern that wins.
    #[inline]
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        let head = head(sample, self.compare, self.fold);
        let fits = |key: &Key| (head ^ key.head) & key.mask == 0 && self.fits(key, sample);
        self.keys.iter().find(|key| fits(key) && filter.keeps(key.pattern)).map(|key| key.pattern)
    }

    #[inline]
    fn fits(&self, key: &Key, sample: &[u8]) -> bool {
        let Some(after) = sample.len().checked_sub(key.len) else { return false };
        let part = match self.compare {
            Compare::Whole if after > 0 => return false,
            // Within bounds, as the sample is longer than the key.
            Compare::ToNul if after > 0 && sample[key.len] != 0 => return false,
            Compare::End => &sample[after..],
            _ => &sample[..key.len],
        };
        equal(part, &self.bytes[key.start..key.start + key.len], self.fold)
    }
}

/// The eight bytes that are compared first; shorter texts are filled up with zeroes. Without case, a bit that tells
/// letters apart is lost, and some other bytes become alike, which the comparison that follows finds out.
#[inline]
fn head(text: &[u8], compare: Compare, fold: bool) -> u64 {
    let head = if compare == Compare::End {
        let short = || text.iter().fold(0, |head, byte| head << 8 | u64::from(*byte));
        text.last_chunk().map_or_else(short, |chunk| u64::from_be_bytes(*chunk))
    } else {
        let short = || text.iter().rfold(0, |head, byte| head << 8 | u64::from(*byte));
        text.first_chunk().map_or_else(short, |chunk| u64::from_le_bytes(*chunk))
    };
    if fold { head | 0x2020_2020_2020_2020 } else { head }
}
