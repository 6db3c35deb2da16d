//! Lists of patterns that change at run time (manual 2.7): the files of `acl ... -f` and maps, and the patterns that stand in ACLs
//! themselves, as the runtime socket names them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;

use crate::pattern::{Builder, MatchKind, PatternError, PatternSet};

/// A list of patterns. As long as nobody changes it, reading it costs one load.
pub struct PatternList<V: 'static> {
    name: Box<str>,
    first: PatternSet<V>,
    is_changed: AtomicBool,
    changed: ArcSwapOption<PatternSet<V>>,
}

impl<V: 'static> PatternList<V> {
    /// A list with that name: a path, an identifier that begins with `virt@`, or nothing.
    pub fn new(name: &str, set: PatternSet<V>) -> Self {
        let (is_changed, changed) = (AtomicBool::new(false), ArcSwapOption::empty());
        PatternList { name: name.into(), first: set, is_changed, changed }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks at the patterns as they are now.
    #[inline]
    pub fn read<R>(&self, look: impl FnOnce(&PatternSet<V>) -> R) -> R {
        if !self.is_changed.load(Ordering::Acquire) {
            return look(&self.first);
        }
        look(self.changed.load().as_deref().unwrap_or(&self.first))
    }

    /// Replaces all patterns at once; who is searching sees the old ones or the new ones.
    pub fn replace(&self, set: PatternSet<V>) {
        self.changed.store(Some(Arc::new(set)));
        self.is_changed.store(true, Ordering::Release);
    }
}

impl<V: Clone + 'static> PatternList<V> {
    /// Changes a copy and uses it, unless that fails. Only one may do so at a time.
    fn edit<R>(&self, change: impl FnOnce(&mut PatternSet<V>) -> Result<R, PatternError>) -> Result<R, PatternError> {
        let mut set = self.read(PatternSet::clone);
        let result = change(&mut set)?;
        if set.wants_compaction() {
            set.compact()?;
        }
        self.replace(set);
        Ok(result)
    }
}

/// A map's patterns; the values are texts as written in the file.
pub type Map = PatternList<Box<[u8]>>;

/// What the values of a map must be for the converter that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapValue {
    /// Anything.
    Text,
    /// An integer.
    Int,
    /// An address.
    Ip,
}

/// A list in one of the forms that its users need.
#[derive(Clone)]
pub enum Member {
    /// For an ACL.
    Acl(Arc<PatternList<()>>),
    /// For a map converter.
    Map(Arc<Map>, MapValue),
}

/// What the runtime socket knows under one number: a file with all the lists made of it, or the patterns of one ACL.
pub struct PatternRef {
    /// Its number in this configuration.
    pub id: u32,
    /// The file.
    pub path: Option<Box<str>>,
    /// Who uses it, in words.
    pub users: Box<str>,
    members: Vec<Member>,
    versions: Mutex<Versions>,
}

/// Versions of a list: the one that is searched, and those being prepared.
#[derive(Default)]
struct Versions {
    current: u32,
    next: u32,
    drafts: BTreeMap<u32, Vec<Entry>>,
}

/// A key and its value; lists have empty ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Identifies it: `#0x...`.
    pub reference: u64,
    /// The pattern.
    pub key: Box<[u8]>,
    /// Its value.
    pub value: Box<[u8]>,
}

/// Why a list was not changed.
#[derive(Debug)]
pub enum EditError {
    /// The pattern cannot be used.
    Pattern(PatternError, MatchKind),
    /// The value cannot be used.
    Value,
    /// There is no such entry.
    Missing,
    /// There is no such version yet.
    Future,
    /// There is no such version any more.
    Range,
}

/// Which entries.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those written like this.
    Key(&'a [u8]),
    /// The one with that reference.
    Reference(u64),
}

/// A pattern or a value as written.
type Text = Box<[u8]>;

/// What a sample finds in one of the lists.
pub struct Found {
    /// The matching method.
    pub kind: MatchKind,
    /// `-i`
    pub fold: bool,
    /// For maps: what values are.
    pub map: Option<MapValue>,
    /// The pattern and its value.
    pub hit: Option<(Text, Text)>,
}

impl PatternRef {
    /// With its lists, of which there is at least one.
    pub fn new(
        id: u32,
        path: Option<Box<str>>,
        users: Box<str>,
        members: impl IntoIterator<Item = Member>,
    ) -> PatternRef {
        let mut distinct: Vec<Member> = Vec::new();
        for member in members {
            match distinct.iter_mut().find(|known| known.is_same(&member)) {
                Some(known) => known.restrict(&member),
                None => distinct.push(member),
            }
        }
        PatternRef { id, path, users, members: distinct, versions: Mutex::default() }
    }

    /// A map uses it.
    pub fn is_map(&self) -> bool {
        self.members.iter().any(|member| matches!(member, Member::Map(..)))
    }

    /// An ACL uses it.
    pub fn is_acl(&self) -> bool {
        self.members.iter().any(|member| matches!(member, Member::Acl(_)))
    }

    /// The version that is searched, the last one prepared, and how many entries the former has.
    pub fn summary(&self) -> (u32, u32, usize) {
        let versions = self.lock();
        let count = self.members.first().map_or(0, |member| match member {
            Member::Acl(list) => list.read(PatternSet::len),
            Member::Map(list, _) => list.read(PatternSet::len),
        });
        (versions.current, versions.next, count)
    }

    /// The entries of a version, by default of the one that is searched. A version that is not there has none.
    pub fn entries(&self, version: Option<u32>) -> Vec<Entry> {
        let versions = self.lock();
        match version.filter(|version| *version != versions.current) {
            Some(version) => versions.drafts.get(&version).cloned().unwrap_or_default(),
            None => self.live(),
        }
    }

    /// Adds an entry to a version.
    pub fn add(&self, version: Option<u32>, key: &[u8], value: &[u8]) -> Result<(), EditError> {
        let mut versions = self.lock();
        self.accept(value)?;
        let Some(version) = version.filter(|version| *version != versions.current) else {
            self.members.iter().try_for_each(|member| member.check(key))?;
            return self.members.iter().try_for_each(|member| member.add(key, value));
        };
        if version > versions.next {
            return Err(EditError::Future);
        }
        self.members.iter().try_for_each(|member| member.check(key))?;
        let draft = versions.drafts.get_mut(&version).ok_or(EditError::Range)?;
        let reference = u64::from(version) << 32 | draft.len() as u64;
        draft.push(Entry { reference, key: key.into(), value: value.into() });
        Ok(())
    }

    /// Removes entries.
    pub fn remove(&self, which: Which<'_>) -> Result<(), EditError> {
        let _held = self.lock();
        let counts: Vec<usize> = self.members.iter().map(|member| member.remove(which)).collect();
        if counts.iter().all(|count| *count == 0) { Err(EditError::Missing) } else { Ok(()) }
    }

    /// Gives entries another value.
    pub fn set(&self, which: Which<'_>, value: &[u8]) -> Result<(), EditError> {
        let _held = self.lock();
        let known = self.members.iter().any(|member| !member.serials(which).is_empty());
        if !known {
            return Err(EditError::Missing);
        }
        self.accept(value)?;
        self.members.iter().for_each(|member| member.set(which, value));
        Ok(())
    }

    /// Adds a pattern unless it is there; one that cannot be used is left out.
    pub fn include(&self, key: &[u8]) {
        let _held = self.lock();
        let check = self.members.iter().try_for_each(|member| member.check(key));
        let lacking = |member: &&Member| member.serials(Which::Key(key)).is_empty();
        if check.is_ok() {
            // They have been checked.
            let _ = self.members.iter().filter(lacking).try_for_each(|member| member.add(key, b""));
        }
    }

    /// Gives a key a value, as a new entry if there is none; what cannot be used is left out.
    pub fn assign(&self, key: &[u8], value: &[u8]) {
        let _held = self.lock();
        let check = self.members.iter().try_for_each(|member| member.check(key));
        if check.is_err() || self.accept(value).is_err() {
            return;
        }
        for member in &self.members {
            match member.value(key) {
                // A copy of the list for nothing would be a waste: rules do this for every request.
                Some(old) if *old == *value => {}
                Some(_) => member.set(Which::Key(key), value),
                // They have been checked.
                None => _ = member.add(key, value),
            }
        }
    }

    /// Removes all entries of a version.
    pub fn clear(&self, version: Option<u32>) {
        let mut versions = self.lock();
        match version.filter(|version| *version != versions.current) {
            Some(version) => _ = versions.drafts.get_mut(&version).map(Vec::clear),
            // Nothing cannot be a bad pattern.
            None => self.fill(&[]).unwrap_or_default(),
        }
    }

    /// A new version, empty.
    pub fn prepare(&self) -> u32 {
        let mut versions = self.lock();
        versions.next += 1;
        let next = versions.next;
        versions.drafts.insert(next, Vec::new());
        next
    }

    /// Searches a version from now on, and forgets those before it.
    pub fn commit(&self, version: u32) -> Result<(), EditError> {
        let mut versions = self.lock();
        if version <= versions.current || version > versions.next {
            return Err(EditError::Range);
        }
        let entries = versions.drafts.remove(&version).unwrap_or_default();
        self.fill(&entries)?;
        versions.current = version;
        versions.drafts.retain(|other, _| *other > version);
        Ok(())
    }

    /// What a sample, written as text, finds in each of the lists.
    pub fn find(&self, sample: &[u8]) -> Vec<Found> {
        self.members.iter().map(|member| member.find(sample)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(&self, value: &[u8]) -> Result<(), EditError> {
        let fits = |member: &Member| match member {
            Member::Map(_, kind) => kind.accepts(value),
            Member::Acl(_) => true,
        };
        if self.members.iter().all(fits) { Ok(()) } else { Err(EditError::Value) }
    }

    /// What maps hold, or lists where there is no map.
    fn live(&self) -> Vec<Entry> {
        let best = self.members.iter().find(|member| matches!(member, Member::Map(..)));
        best.or(self.members.first()).map(Member::entries).unwrap_or_default()
    }

    fn fill(&self, entries: &[Entry]) -> Result<(), EditError> {
        self.members.iter().try_for_each(|member| member.fill(entries))
    }
}

impl MapValue {
    /// Whether a value can be used.
    pub fn accepts(self, value: &[u8]) -> bool {
        let text = std::str::from_utf8(value).unwrap_or("");
        match self {
            MapValue::Text => true,
            MapValue::Int => text.parse::<i64>().is_ok(),
            MapValue::Ip => text.parse::<std::net::IpAddr>().is_ok(),
        }
    }
}

/// A reference is one more than a serial number, so that it is never zero.
fn entry(serial: u32, key: &[u8], value: &[u8]) -> Entry {
    Entry { reference: u64::from(serial) + 1, key: key.into(), value: value.into() }
}

impl Member {
    /// It is the same list.
    fn is_same(&self, other: &Member) -> bool {
        match (self, other) {
            (Member::Acl(one), Member::Acl(other)) => Arc::ptr_eq(one, other),
            (Member::Map(one, _), Member::Map(other, _)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Another user of the same map wants values of a certain kind.
    fn restrict(&mut self, other: &Member) {
        if let (Member::Map(_, mine), Member::Map(_, wanted)) = (self, other)
            && *mine == MapValue::Text
        {
            *mine = *wanted;
        }
    }

    fn form(&self) -> (MatchKind, bool) {
        match self {
            Member::Acl(list) => list.read(|set| (set.kind(), set.folds())),
            Member::Map(list, _) => list.read(|set| (set.kind(), set.folds())),
        }
    }

    fn entries(&self) -> Vec<Entry> {
        match self {
            Member::Acl(list) => list.read(|set| set.iter().map(|hit| entry(hit.serial, hit.text, b"")).collect()),
            Member::Map(list, _) => {
                list.read(|set| set.iter().map(|hit| entry(hit.serial, hit.text, hit.value)).collect())
            }
        }
    }

    fn check(&self, key: &[u8]) -> Result<(), EditError> {
        let (kind, fold) = self.form();
        let built = PatternSet::build(kind, fold, [(key, ())]);
        built.map(drop).map_err(|error| EditError::Pattern(error, kind))
    }

    fn add(&self, key: &[u8], value: &[u8]) -> Result<(), EditError> {
        let added = match self {
            Member::Acl(list) => list.edit(|set| set.add(key, ())),
            Member::Map(list, _) => list.edit(|set| set.add(key, value.into())),
        };
        added.map(drop).map_err(|error| EditError::Pattern(error, self.form().0))
    }

    fn serials(&self, which: Which<'_>) -> Vec<u32> {
        match which {
            Which::Key(key) => match self {
                Member::Acl(list) => list.read(|set| set.written(key)),
                Member::Map(list, _) => list.read(|set| set.written(key)),
            },
            Which::Reference(reference) => {
                let entries = self.entries().into_iter().filter(|entry| entry.reference == reference);
                entries.filter_map(|entry| u32::try_from(entry.reference - 1).ok()).collect()
            }
        }
    }

    /// The value of the entries written like this; lists have empty ones.
    fn value(&self, key: &[u8]) -> Option<Box<[u8]>> {
        let serials = self.serials(Which::Key(key));
        let first = serials.first()?;
        match self {
            Member::Acl(_) => Some(Box::default()),
            Member::Map(list, _) => list.read(|set| {
                let found = hit(set, key).filter(|(text, _)| **text == *key).map(|(_, value)| value);
                found.or_else(|| set.iter().find(|hit| hit.serial == *first).map(|hit| hit.value.clone()))
            }),
        }
    }

    fn remove(&self, which: Which<'_>) -> usize {
        let serials = self.serials(which);
        if serials.is_empty() {
            return 0;
        }
        // Removing cannot make a pattern bad.
        let _ = match self {
            Member::Acl(list) => list.edit(|set| Ok(serials.iter().filter(|serial| set.remove(**serial)).count())),
            Member::Map(list, _) => list.edit(|set| Ok(serials.iter().filter(|serial| set.remove(**serial)).count())),
        };
        serials.len()
    }

    fn set(&self, which: Which<'_>, value: &[u8]) {
        if let Member::Map(list, _) = self {
            let serials = self.serials(which);
            // A value cannot make a pattern bad.
            let _ = list.edit(|set| Ok(serials.iter().filter(|serial| set.set(**serial, value.into())).count()));
        }
    }

    fn fill(&self, entries: &[Entry]) -> Result<(), EditError> {
        let (kind, fold) = self.form();
        let bad = |error| EditError::Pattern(error, kind);
        match self {
            Member::Acl(list) => {
                let mut builder = Builder::new(kind, fold);
                entries.iter().try_for_each(|entry| builder.push(&entry.key, ())).map_err(bad)?;
                list.replace(builder.finish().map_err(bad)?);
            }
            Member::Map(list, _) => {
                let mut builder = Builder::new(kind, fold);
                let push = |entry: &Entry| builder.push(&entry.key, entry.value.clone());
                entries.iter().try_for_each(push).map_err(bad)?;
                list.replace(builder.finish().map_err(bad)?);
            }
        }
        Ok(())
    }

    fn find(&self, sample: &[u8]) -> Found {
        let (kind, fold) = self.form();
        let (map, hit) = match self {
            Member::Acl(list) => (None, list.read(|set| hit(set, sample).map(|(key, ())| (key, Box::default())))),
            Member::Map(list, value) => (Some(*value), list.read(|set| hit(set, sample))),
        };
        Found { kind, fold, map, hit }
    }
}

/// Finds a sample that is written as text.
fn hit<V: Clone>(set: &PatternSet<V>, sample: &[u8]) -> Option<(Box<[u8]>, V)> {
    let text = || std::str::from_utf8(sample).ok();
    let hit = match set.kind() {
        MatchKind::Int | MatchKind::Version => set.find_int(text()?.parse().ok()?),
        MatchKind::Ip => set.find_ip(text()?.parse().ok()?),
        _ => set.find(sample),
    }?;
    Some((hit.text.into(), hit.value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> (Arc<Map>, PatternRef) {
        let patterns: [(&[u8], Box<[u8]>); 2] = [(b"/a", (*b"1").into()), (b"/b", (*b"2").into())];
        let set = PatternSet::build(MatchKind::Str, false, patterns).expect("the patterns are good");
        let list = Arc::new(Map::new("m", set));
        let member = Member::Map(list.clone(), MapValue::Int);
        (list, PatternRef::new(0, Some("m".into()), "".into(), vec![member]))
    }

    fn value(list: &Map, key: &[u8]) -> Option<String> {
        list.read(|set| set.lookup(key).map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    #[test]
    fn changes_are_seen_at_once() {
        let (list, refs) = map();
        assert!(refs.add(None, b"/c", b"3").is_ok());
        assert!(refs.set(Which::Key(b"/a"), b"9").is_ok());
        assert!(refs.remove(Which::Key(b"/b")).is_ok());
        assert_eq!([&b"/a"[..], b"/b", b"/c"].map(|key| value(&list, key)), [Some("9".into()), None, Some("3".into())]);
        assert!(matches!(refs.add(None, b"/d", b"x"), Err(EditError::Value)));
        assert!(matches!(refs.remove(Which::Key(b"/b")), Err(EditError::Missing)));
        let first = refs.entries(None).first().map(|entry| entry.reference).unwrap_or_default();
        assert!(refs.remove(Which::Reference(first)).is_ok());
        assert_eq!(value(&list, b"/a"), None);
    }

    #[test]
    fn rules_add_what_is_not_there() {
        let (list, refs) = map();
        refs.assign(b"/a", b"7");
        refs.assign(b"/c", b"8");
        refs.assign(b"/c", b"no number");
        refs.assign(b"/c", b"8");
        assert_eq!([&b"/a"[..], b"/c"].map(|key| value(&list, key)), [Some("7".into()), Some("8".into())]);
        assert_eq!(refs.summary().2, 3);
        refs.include(b"/a");
        assert_eq!(refs.summary().2, 3, "it is there");
    }

    #[test]
    fn a_version_takes_effect_when_it_is_committed() {
        let (list, refs) = map();
        let version = refs.prepare();
        assert!(refs.add(Some(version), b"/z", b"5").is_ok());
        assert_eq!(value(&list, b"/z"), None);
        assert!(refs.commit(version).is_ok());
        assert_eq!((value(&list, b"/z"), value(&list, b"/a")), (Some("5".into()), None));
        assert!(matches!(refs.commit(version), Err(EditError::Range)));
        assert!(matches!(refs.add(Some(9), b"/z", b"5"), Err(EditError::Future)));
        assert_eq!(refs.summary(), (1, 1, 1));
    }
}
