//! A set of patterns of one matching method: built, searched, listed and changed.
//!
//! A set is an indexed base that clones share, a second, small base with what was added since, and the numbers of what
//! was removed. A change therefore costs the small base only; when that has grown, both are merged. The caller decides
//! how a changed clone replaces the one in use.

mod base;
mod build;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use super::kind::MatchKind;
use super::regex::Groups;
use base::{Base, Sample, Score};

pub use build::{Builder, PatternError, PatternFault};

/// Patterns of one method, each with a value (`()` for plain ACLs).
#[derive(Clone, Debug)]
pub struct PatternSet<V> {
    kind: MatchKind,
    fold: bool,
    base: Arc<Base<V>>,
    /// What was added since `base` was built.
    recent: Arc<Base<V>>,
    has_recent: bool,
    /// Serial numbers of removed patterns, in order.
    removed: Vec<u32>,
    /// Values set since, by serial number, in order.
    changed: Vec<(u32, V)>,
    next_serial: u32,
}

/// A pattern, as found or listed.
#[derive(Debug)]
pub struct Hit<'s, V> {
    /// Identifies the pattern in this set and its clones; later patterns have higher numbers.
    pub serial: u32,
    /// As it was written.
    pub text: &'s [u8],
    /// Its value.
    pub value: &'s V,
}

impl<V> PatternSet<V> {
    /// Builds a set from patterns and their values; `fold` is `-i`.
    pub fn build<'p>(
        kind: MatchKind,
        fold: bool,
        patterns: impl IntoIterator<Item = (&'p [u8], V)>,
    ) -> Result<PatternSet<V>, PatternError> {
        let mut builder = Builder::new(kind, fold);
        for (text, value) in patterns {
            builder.push(text, value)?;
        }
        builder.finish()
    }

    /// The matching method.
    pub fn kind(&self) -> MatchKind {
        self.kind
    }

    /// `-i`: case does not matter.
    pub fn folds(&self) -> bool {
        self.fold
    }

    /// How many patterns.
    pub fn len(&self) -> usize {
        self.base.len() + self.recent.len() - self.removed.len()
    }

    /// There are no patterns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any pattern matches these bytes. For `found` that is always so; integers and addresses have their own.
    #[inline]
    pub fn matches(&self, sample: &[u8]) -> bool {
        if self.is_plain() { self.base.any(sample) } else { self.best(Sample::Bytes(sample)).is_some() }
    }

    /// Whether any pattern matches the integer; for `bool`, whether it is not zero.
    #[inline]
    pub fn matches_int(&self, value: i64) -> bool {
        match self.kind {
            MatchKind::Bool => value != 0,
            _ if self.is_plain() => self.base.any_int(value),
            _ => self.best(Sample::Int(value)).is_some(),
        }
    }

    /// Whether any pattern matches the address.
    #[inline]
    pub fn matches_ip(&self, ip: IpAddr) -> bool {
        if self.is_plain() { self.base.any_ip(ip) } else { self.best(Sample::Ip(ip)).is_some() }
    }

    /// The value of the pattern that wins for these bytes: the longest for `beg`, else the first declared.
    pub fn lookup(&self, sample: &[u8]) -> Option<&V> {
        self.find(sample).map(|hit| hit.value)
    }

    /// The value of the first range that holds the integer.
    pub fn lookup_int(&self, value: i64) -> Option<&V> {
        self.find_int(value).map(|hit| hit.value)
    }

    /// The value of the narrowest network around the address.
    pub fn lookup_ip(&self, ip: IpAddr) -> Option<&V> {
        self.find_ip(ip).map(|hit| hit.value)
    }

    /// The pattern that wins for these bytes; see [`PatternSet::lookup`].
    pub fn find(&self, sample: &[u8]) -> Option<Hit<'_, V>> {
        self.hit(self.best(Sample::Bytes(sample)))
    }

    /// The first range that holds the integer.
    pub fn find_int(&self, value: i64) -> Option<Hit<'_, V>> {
        self.hit(self.best(Sample::Int(value)))
    }

    /// The narrowest network around the address.
    pub fn find_ip(&self, ip: IpAddr) -> Option<Hit<'_, V>> {
        self.hit(self.best(Sample::Ip(ip)))
    }

    /// The regular expression that wins and, in `groups`, where its groups lie in the sample.
    pub fn captures(&self, sample: &[u8], groups: &mut Groups) -> Option<Hit<'_, V>> {
        let (which, at) = self.best(Sample::Bytes(sample))?;
        self.part(which).captures(at, sample, groups).then(|| self.hit(Some((which, at))))?
    }

    /// The patterns in order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = Hit<'_, V>> {
        let all = |which: Which| (0..self.part(which).len() as u32).map(move |at| (which, at));
        let all = all(Which::Base).chain(all(Which::Recent));
        all.filter(|(which, at)| self.keeps(self.part(*which).serial(*at))).filter_map(|found| self.hit(Some(found)))
    }

    /// Removes the pattern with that number; false if there is none.
    pub fn remove(&mut self, serial: u32) -> bool {
        let known = [&self.base, &self.recent].iter().any(|base| base.has_serial(serial));
        match self.removed.binary_search(&serial) {
            Err(place) if known => {
                self.removed.insert(place, serial);
                true
            }
            _ => false,
        }
    }

    /// Removes every pattern written like this and tells how many there were.
    pub fn remove_text(&mut self, text: &[u8]) -> usize {
        let serials = self.written(text);
        serials.into_iter().filter(|serial| self.remove(*serial)).count()
    }

    /// Gives a pattern another value; false if there is no pattern with that number.
    pub fn set(&mut self, serial: u32, value: V) -> bool {
        let known = [&self.base, &self.recent].iter().any(|base| base.has_serial(serial)) && self.keeps(serial);
        if known {
            match self.changed.binary_search_by_key(&serial, |(at, _)| *at) {
                Ok(place) => self.changed[place].1 = value,
                Err(place) => self.changed.insert(place, (serial, value)),
            }
        }
        known
    }

    /// The numbers of the patterns written like this, in order.
    pub fn written(&self, text: &[u8]) -> Vec<u32> {
        if self.kind != MatchKind::Str || self.fold {
            return self.iter().filter(|hit| hit.text == text).map(|hit| hit.serial).collect();
        }
        let mut found = Vec::new();
        for base in [&self.base, &self.recent] {
            let next = |found: &[u32]| {
                let fresh = |at: u32| self.keeps(base.serial(at)) && found.binary_search(&base.serial(at)).is_err();
                base.find(Sample::Bytes(text), &fresh).map(|(at, _)| base.serial(at))
            };
            while let Some(serial) = next(&found) {
                found.push(serial);
            }
        }
        found
    }

    /// Removes all patterns.
    pub fn clear(&mut self) {
        *self = Builder::empty(self.kind, self.fold, self.next_serial);
    }

    /// The base tells everything.
    #[inline]
    fn is_plain(&self) -> bool {
        self.removed.is_empty() && !self.has_recent
    }

    fn part(&self, which: Which) -> &Base<V> {
        match which {
            Which::Base => &self.base,
            Which::Recent => &self.recent,
        }
    }

    #[inline]
    fn keeps(&self, serial: u32) -> bool {
        self.removed.is_empty() || self.removed.binary_search(&serial).is_err()
    }

    fn best(&self, sample: Sample<'_>) -> Option<(Which, u32)> {
        let find = |which: Which| {
            let base = self.part(which);
            base.find(sample, &|at: u32| self.keeps(base.serial(at)))
        };
        let old = find(Which::Base);
        if !self.has_recent {
            return old.map(|(at, _)| (Which::Base, at));
        }
        match (old, find(Which::Recent)) {
            (Some((at, score)), new) if new.is_none_or(|(_, new): (u32, Score)| new <= score) => {
                Some((Which::Base, at))
            }
            (_, new) => new.map(|(at, _)| (Which::Recent, at)),
        }
    }

    fn hit(&self, found: Option<(Which, u32)>) -> Option<Hit<'_, V>> {
        let (which, at) = found?;
        let base = self.part(which);
        let (serial, text, value) = base.entry(at)?;
        let changed =
            self.changed.binary_search_by_key(&serial, |(at, _)| *at).ok().map(|place| &self.changed[place].1);
        Some(Hit { serial, text, value: changed.unwrap_or(value) })
    }
}

impl<V: Clone> PatternSet<V> {
    /// Adds a pattern behind the others and tells its number.
    pub fn add(&mut self, text: &[u8], value: V) -> Result<u32, PatternError> {
        let serial = self.next_serial;
        let mut builder = Builder::new(self.kind, self.fold);
        self.collect(Which::Recent, &mut builder)?;
        builder.push_numbered(text, value, serial)?;
        self.recent = Arc::new(builder.base()?);
        self.has_recent = true;
        self.next_serial += 1;
        // Those of the small base were left out of the new one.
        self.removed.retain(|serial| self.base.has_serial(*serial));
        if self.recent.len() > self.most_recent() {
            self.compact()?;
        }
        Ok(serial)
    }

    /// Merges what was added and removed into one index. Searches are then as fast as in a set built at once.
    pub fn compact(&mut self) -> Result<(), PatternError> {
        let mut builder = Builder::new(self.kind, self.fold);
        self.collect(Which::Base, &mut builder)?;
        self.collect(Which::Recent, &mut builder)?;
        let mut merged = Builder::empty(self.kind, self.fold, self.next_serial);
        merged.base = Arc::new(builder.base()?);
        *self = merged;
        Ok(())
    }

    /// Whether enough has been removed or changed that [`PatternSet::compact`] pays.
    pub fn wants_compaction(&self) -> bool {
        self.removed.len().max(self.changed.len()) > self.most_recent()
    }

    /// Pushes what is left of a base.
    fn collect(&self, which: Which, builder: &mut Builder<V>) -> Result<(), PatternError> {
        let base = self.part(which);
        for at in 0..base.len() as u32 {
            // Numbers in the range have entries.
            let Some(hit) = self.hit(Some((which, at))) else { continue };
            if self.keeps(hit.serial) {
                builder.copy(base, at, hit.text, hit.serial, hit.value.clone())?;
            }
        }
        Ok(())
    }

    /// How large the small base may get: rebuilding it at each addition and the big one now and then should cost alike.
    fn most_recent(&self) -> usize {
        if self.kind == MatchKind::Reg { 16 } else { self.base.len().isqrt().clamp(64, 1024) }
    }
}

/// One of the two bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Base,
    Recent,
}
