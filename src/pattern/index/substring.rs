//! Substrings: a single one by `memmem`, several by an Aho-Corasick automaton that reads the sample once.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind as Semantics};
use memchr::memmem::Finder;

use super::{Filter, NONE};
use crate::pattern::pool::Pool;

/// A set of substrings.
#[derive(Debug)]
pub(in crate::pattern) enum Substrings {
    /// The only one, which is pattern 0.
    One(Box<Finder<'static>>),
    /// Several. `any` only tells whether one occurs and may skip ahead; `each` reports every occurrence.
    Many {
        /// Leftmost-first, which allows prefilters.
        any: AhoCorasick,
        /// Standard semantics, which allow overlaps.
        each: AhoCorasick,
    },
}

impl Substrings {
    /// Indexes the keys; `None` if they are too many for an automaton.
    pub fn new(keys: &Pool, fold: bool) -> Option<Substrings> {
        if keys.len() == 1 && !fold {
            return Some(Substrings::One(Box::new(Finder::new(keys.at(0)).into_owned())));
        }
        let build = |semantics| {
            let mut builder = AhoCorasickBuilder::new();
            builder.match_kind(semantics).ascii_case_insensitive(fold).build(keys.iter()).ok()
        };
        Some(Substrings::Many { any: build(Semantics::LeftmostFirst)?, each: build(Semantics::Standard)? })
    }

    /// Whether any pattern occurs; right only while none has been removed.
    #[inline]
    pub fn any(&self, sample: &[u8]) -> bool {
        match self {
            Substrings::One(one) => one.find(sample).is_some(),
            Substrings::Many { any, .. } => any.is_match(sample),
        }
    }

    /// The first pattern, in order of declaration, that occurs.
    pub fn find(&self, sample: &[u8], filter: &impl Filter) -> Option<u32> {
        match self {
            Substrings::One(one) => (filter.keeps(0) && one.find(sample).is_some()).then_some(0),
            Substrings::Many { any, each } => {
                if !any.is_match(sample) {
                    return None;
                }
                let mut first = NONE;
                for found in each.find_overlapping_iter(sample) {
                    let at = found.pattern().as_u32();
                    if at < first && filter.keeps(at) {
                        first = at;
                        if at == 0 {
                            break;
                        }
                    }
                }
                (first != NONE).then_some(first)
            }
        }
    }
}
