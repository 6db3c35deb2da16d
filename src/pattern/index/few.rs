//! Up to four strings, compared one after the other: quicker than hashing or walking a trie.

use super::{Filter, equal};
use crate::pattern::pool::Pool;

/// How the few strings are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pattern) enum Compare {
    /// The whole sample.
    Whole,
    /// Its beginning; the longest pattern wins.
    Beginning,
    /// Its end.
    End,
}

/// A few strings.
#[derive(Debug)]
pub(in crate::pattern) struct Few {
    /// With the number of the pattern, in the order in which they win.
    keys: Box<[(Box<[u8]>, u32)]>,
    compare: Compare,
    fold: bool,
}

impl Few {
    /// More than this many are better off with an index.
    pub const MOST: usize = 4;

    /// Keeps the keys in the order in which they are to be tried.
    pub fn new(keys: &Pool, compare: Compare, fold: bool) -> Few {
        let mut keys: Vec<(Box<[u8]>, u32)> = keys.iter().zip(0..).map(|(key, at)| (key.into(), at)).collect();
        if compare == Compare::Beginning {
            // Stable, so that the first of two equal patterns stays the first.
            keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        }
        Few { keys: keys.into(), compare, fold }
    }

    /// Whether this is how the strings are compared.
    pub fn compares(&self, compare: Compare) -> bool {
        self.compare == compare
    }

    /// The pattern that wins.
    #[inline]
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        let fits = |key: &[u8]| match self.compare {
            Compare::Whole => key.len() == sample.len() && equal(sample, key, self.fold),
            Compare::Beginning => sample.get(..key.len()).is_some_and(|part| equal(part, key, self.fold)),
            Compare::End => sample.len() >= key.len() && equal(&sample[sample.len() - key.len()..], key, self.fold),
        };
        self.keys.iter().find(|(key, at)| fits(key) && filter.keeps(*at)).map(|(_, at)| *at)
    }
}
