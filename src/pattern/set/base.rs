//! An immutable part of a set: texts, values and the index over them.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::index::{Affixes, Compare, DIR, DOM, Exact, Few, Filter, Nets, Ranges, Sections, Substrings};
use super::super::int::IntRange;
use super::super::kind::MatchKind;
use super::super::pool::Pool;
use super::super::regex::{Groups, RegexIndex};
use super::build::PatternFault;
use crate::base::ipnet::IpNet;

/// Patterns by number, and their index.
#[derive(Debug)]
pub(super) struct Base<V> {
    texts: Arc<Pool>,
    pub(super) parsed: Parsed,
    values: Box<[V]>,
    /// Ascending.
    serials: Box<[u32]>,
    index: Index,
}

/// What the texts mean, for methods that do not compare them as they are.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The texts themselves.
    Texts,
    /// `int`, `len` and versions.
    Ranges(Vec<IntRange>),
    /// `ip`
    Nets(Vec<IpNet>),
    /// `bin`
    Bytes(Pool),
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) enum Sample<'s> {
    Bytes(&'s [u8]),
    Int(i64),
    Ip(IpAddr),
}

/// How well a pattern fits, where that decides between two bases; the older base wins a draw.
pub(super) type Score = u32;

#[derive(Debug)]
enum Index {
    /// No patterns, or none that count.
    Nothing,
    /// `found`.
    Anything,
    Few(Few),
    /// `true` if a NUL ends the sample (manual 7.1.3).
    Exact(Exact, bool),
    Prefixes(Affixes),
    Suffixes(Affixes),
    Sections(Sections),
    Substrings(Substrings),
    /// `int`.
    Ranges(Ranges),
    /// `len`.
    Lengths(Ranges),
    Nets(Nets),
    Regexes(Box<RegexIndex>),
}

impl<V> Base<V> {
    /// Indexes patterns; `values` and `serials` have as many members as there are texts. The error names the pattern.
    pub fn new(
        kind: MatchKind,
        fold: bool,
        texts: Pool,
        parsed: Parsed,
        values: Vec<V>,
        serials: Vec<u32>,
    ) -> Result<Base<V>, (usize, PatternFault)> {
        let texts = Arc::new(texts);
        let index = Index::new(kind, fold, &texts, &parsed)?;
        Ok(Base { texts, parsed, values: values.into(), serials: serials.into(), index })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The serial number of pattern `at`, which must exist.
    #[inline]
    pub fn serial(&self, at: u32) -> u32 {
        self.serials[at as usize]
    }

    pub fn has_serial(&self, serial: u32) -> bool {
        self.serials.binary_search(&serial).is_ok()
    }

    /// Serial number, text and value of pattern `at`.
    pub fn entry(&self, at: u32) -> Option<(u32, &[u8], &V)> {
        let value = self.values.get(at as usize)?;
        Some((self.serial(at), self.texts.at(at as usize), value))
    }

    /// Whether any pattern matches the bytes; right only while none has been removed.
    #[inline]
    pub fn any(&self, sample: &[u8]) -> bool {
        match &self.index {
            Index::Nothing => false,
            Index::Anything => true,
            Index::Few(index) => index.find(sample, &all).is_some(),
            Index::Substrings(index) => index.any(sample),
            Index::Regexes(index) => index.any(sample),
            _ => self.find(Sample::Bytes(sample), &all).is_some(),
        }
    }

    /// Whether any pattern matches the integer; right only while none has been removed.
    #[inline]
    pub fn any_int(&self, value: i64) -> bool {
        match &self.index {
            Index::Ranges(index) | Index::Lengths(index) => index.find(value, &all).is_some(),
            _ => matches!(self.index, Index::Anything),
        }
    }

    /// Whether any pattern matches the address; right only while none has been removed.
    #[inline]
    pub fn any_ip(&self, ip: IpAddr) -> bool {
        match &self.index {
            Index::Nets(index) => index.find(ip, &all).is_some(),
            _ => matches!(self.index, Index::Anything),
        }
    }

    /// The pattern that wins among those the filter keeps.
    #[inline]
    pub fn find(&self, sample: Sample<'_>, filter: &impl Filter) -> Option<(u32, Score)> {
        let plain = |at| (at, 0);
        match (&self.index, sample) {
            (Index::Few(index), Sample::Bytes(text)) => index.find(text, filter).map(|at| (at, self.length(at))),
            (Index::Exact(index, ends_at_nul), Sample::Bytes(text)) => {
                whole(text, *ends_at_nul, |text| index.find(text, filter)).map(plain)
            }
            (Index::Prefixes(index), Sample::Bytes(text)) => index.find(text, filter).map(|at| (at, self.length(at))),
            (Index::Suffixes(index), Sample::Bytes(text)) => index.find(text, filter).map(plain),
            (Index::Sections(index), Sample::Bytes(text)) => index.find(text, filter).map(plain),
            (Index::Substrings(index), Sample::Bytes(text)) => index.find(text, filter).map(plain),
            (Index::Regexes(index), Sample::Bytes(text)) => index.find(text, filter).map(plain),
            (Index::Lengths(index), Sample::Bytes(text)) => index.find(text.len() as i64, filter).map(plain),
            (Index::Ranges(index) | Index::Lengths(index), Sample::Int(value)) => index.find(value, filter).map(plain),
            (Index::Nets(index), Sample::Ip(ip)) => index.find(ip, filter),
            (Index::Anything, _) if self.len() > 0 => Some((0, 0)),
            _ => None,
        }
    }

    /// Where the groups of pattern `at`, a regular expression, lie.
    pub fn captures(&self, at: u32, sample: &[u8], groups: &mut Groups) -> bool {
        match &self.index {
            Index::Regexes(index) => index.captures(at, self.texts.at(at as usize), sample, groups),
            _ => false,
        }
    }

    /// Only prefixes are compared by length; other methods that share their index all have the same right to win.
    fn length(&self, at: u32) -> Score {
        if self.longest_wins() { self.texts.at(at as usize).len() as u32 } else { 0 }
    }

    fn longest_wins(&self) -> bool {
        match &self.index {
            Index::Prefixes(_) => true,
            Index::Few(few) => few.compares(Compare::Beginning),
            _ => false,
        }
    }
}

impl Index {
    fn new(kind: MatchKind, fold: bool, texts: &Arc<Pool>, parsed: &Parsed) -> Result<Index, (usize, PatternFault)> {
        let few = |compare| Index::Few(Few::new(texts, compare, fold));
        let is_few = texts.len() <= Few::MOST;
        let last = texts.len().saturating_sub(1);
        Ok(match (kind, parsed) {
            (MatchKind::Found, _) => Index::Anything,
            _ if texts.len() == 0 => Index::Nothing,
            (MatchKind::Len, Parsed::Ranges(ranges)) => Index::Lengths(Ranges::new(ranges.as_slice().into())),
            (_, Parsed::Ranges(ranges)) => Index::Ranges(Ranges::new(ranges.as_slice().into())),
            (_, Parsed::Nets(nets)) => Index::Nets(Nets::new(nets)),
            (_, Parsed::Bytes(keys)) => Index::Exact(Exact::new(Arc::new(keys.clone()), false), false),
            (MatchKind::Str, _) if is_few => few(if fold { Compare::Whole } else { Compare::ToNul }),
            (MatchKind::Beg, _) if is_few => few(Compare::Beginning),
            (MatchKind::End, _) if is_few => few(Compare::End),
            (MatchKind::Str, _) => Index::Exact(Exact::new(Arc::clone(texts), fold), !fold),
            (MatchKind::Beg, _) => Index::Prefixes(Affixes::new(texts, fold, false)),
            (MatchKind::End, _) => Index::Suffixes(Affixes::new(texts, fold, true)),
            (MatchKind::Dir, _) => Index::Sections(Sections::new(texts, fold, &DIR)),
            (MatchKind::Dom, _) => Index::Sections(Sections::new(texts, fold, &DOM)),
            (MatchKind::Sub, _) => {
                Index::Substrings(Substrings::new(texts, fold).ok_or((last, PatternFault::TooMany))?)
            }
            (MatchKind::Reg, _) => {
                let index = RegexIndex::new(texts, fold).map_err(|(at, why)| (at, PatternFault::Regex(why)))?;
                Index::Regexes(Box::new(index))
            }
            _ => Index::Nothing,
        })
    }
}

fn all(_: u32) -> bool {
    true
}

/// Searches the whole sample and, if it may end at a NUL byte, what stands before the first one.
#[inline]
fn whole(sample: &[u8], ends_at_nul: bool, find: impl Fn(&[u8]) -> Option<u32>) -> Option<u32> {
    find(sample).or_else(|| {
        let nul = if ends_at_nul { memchr::memchr(0, sample) } else { None };
        nul.and_then(|nul| find(&sample[..nul]))
    })
}
