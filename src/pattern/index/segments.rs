//! Ranges of numbers: the number line cut into segments, each with the pattern that wins there.

use std::collections::BTreeSet;

use super::{Filter, NONE};
use crate::pattern::int::IntRange;

/// A map from the whole line of `K` to patterns, constant between cuts.
#[derive(Debug)]
pub(in crate::pattern) struct Segments<K> {
    /// Where each segment starts; nothing is found below the first.
    starts: Box<[K]>,
    winners: Box<[u32]>,
}

impl<K: Ord + Copy> Segments<K> {
    /// From (start, winner from there on), ordered by start; of two with the same start the later counts.
    pub fn new(cuts: impl Iterator<Item = (K, u32)>) -> Segments<K> {
        let (mut starts, mut winners) = (Vec::<K>::new(), Vec::<u32>::new());
        for (start, winner) in cuts {
            if starts.last() == Some(&start) {
                starts.pop();
                winners.pop();
            }
            if winners.last().copied().unwrap_or(NONE) != winner {
                starts.push(start);
                winners.push(winner);
            }
        }
        Segments { starts: starts.into(), winners: winners.into() }
    }

    /// The pattern that wins at `key`, or [`NONE`].
    #[inline]
    pub fn at(&self, key: K) -> u32 {
        match self.starts.partition_point(|start| *start <= key) {
            0 => NONE,
            after => self.winners[after - 1],
        }
    }
}

/// Integer ranges; they may overlap, and the first declared wins.
#[derive(Debug)]
pub(in crate::pattern) struct Ranges {
    segments: Segments<i64>,
    ranges: Box<[IntRange]>,
}

impl Ranges {
    /// Indexes the ranges.
    pub fn new(ranges: Box<[IntRange]>) -> Ranges {
        // At each cut a range begins (true) or has ended.
        let mut events: Vec<(i64, bool, u32)> = Vec::with_capacity(ranges.len() * 2);
        for (range, at) in ranges.iter().zip(0..) {
            events.push((range.lo, true, at));
            events.extend(range.hi.checked_add(1).map(|after| (after, false, at)));
        }
        events.sort_unstable();
        let mut open = BTreeSet::new();
        let cuts = events.into_iter().map(|(start, begins, at)| {
            if begins {
                open.insert(at);
            } else {
                open.remove(&at);
            }
            (start, open.first().copied().unwrap_or(NONE))
        });
        Ranges { segments: Segments::new(cuts), ranges }
    }

    /// The first range that contains the value.
    #[inline]
    pub fn find(&self, value: i64, filter: &impl Filter) -> Option<u32> {
        let winner = self.segments.at(value);
        if winner == NONE {
            None
        } else if filter.keeps(winner) {
            Some(winner)
        } else {
            // Only until the set is rebuilt after the removal.
            let rest = (winner + 1..).zip(&self.ranges[winner as usize + 1..]);
            rest.filter(|(at, range)| range.contains(value) && filter.keeps(*at)).map(|(at, _)| at).next()
        }
    }
}
