//! Numbers the lists of patterns that all sections declare, as the runtime socket names them: those of one file are one list.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diag::{SourceMap, Span};
use crate::expr::{Declared, Edited, Noted};
use crate::pattern::{MatchKind, PatternSet};
use crate::state::patterns::{MapValue, Member, PatternList, PatternRef};

/// The lists in order of their numbers. Rules that change them learn where they are.
pub(super) fn number(noted: Noted, sources: &SourceMap) -> Vec<Arc<PatternRef>> {
    let Noted { mut declared, edited } = noted;
    for edited in &edited {
        if declared.iter().all(|one| one.path.as_deref() != Some(&*edited.path)) {
            declared.extend(unread(edited));
        }
    }
    declared.sort_by_key(|one| (one.span.file, one.span.line));
    let mut groups: Vec<Vec<Declared>> = Vec::new();
    let mut known: HashMap<(Option<Box<str>>, Option<Span>), usize> = HashMap::new();
    for one in declared {
        // The line of an ACL in a `defaults` section is bound once for each proxy.
        let key = (one.path.clone(), one.path.is_none().then_some(one.span));
        let at = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    let mut taken: Vec<u32> = groups.iter().filter_map(|group| forced(group)).collect();
    let mut next = 0;
    let mut lists: Vec<PatternRef> = Vec::with_capacity(groups.len());
    for group in groups {
        let id = forced(&group).unwrap_or_else(|| {
            while taken.contains(&next) {
                next += 1;
            }
            taken.push(next);
            next
        });
        let (path, users) = (group.first().and_then(|one| one.path.clone()), users(&group, sources));
        lists.push(PatternRef::new(id, path, users.into(), group.into_iter().map(|one| one.member)));
    }
    lists.sort_by_key(|list| list.id);
    let lists: Vec<Arc<PatternRef>> = lists.into_iter().map(Arc::new).collect();
    for edited in edited {
        if let Some(list) = lists.iter().find(|list| list.path.as_deref() == Some(&*edited.path)) {
            // Each rule has a place of its own, which nobody has filled before.
            let _ = edited.list.set(list.clone());
        }
    }
    lists
}

/// A list that rules fill and only the runtime socket reads.
fn unread(edited: &Edited) -> Option<Declared> {
    let (path, span) = (edited.path.clone(), edited.span);
    let member = match edited.is_map {
        true => {
            let set = PatternSet::build(MatchKind::Str, false, []).ok()?;
            Member::Map(Arc::new(PatternList::new(&path, set)), MapValue::Text)
        }
        false => {
            let set = PatternSet::build(MatchKind::Str, false, []).ok()?;
            Member::Acl(Arc::new(PatternList::new(&path, set)))
        }
    };
    let keyword = (!edited.is_map).then(|| "str".into());
    Some(Declared { path: Some(path), id: None, keyword, span, member })
}

/// `-u`
fn forced(group: &[Declared]) -> Option<u32> {
    group.iter().find_map(|one| one.id)
}

/// As HAProxy describes a list.
fn users(group: &[Declared], sources: &SourceMap) -> String {
    let place = |one: &Declared| format!("file '{}' line {}", sources.name(one.span.file), one.span.line);
    match group {
        [Declared { path: Some(path), .. }, ..] => {
            let user =
                |one: &Declared| format!("by {} at {}", if one.keyword.is_some() { "acl" } else { "map" }, place(one));
            let mut users: Vec<String> = group.iter().map(user).collect();
            users.dedup();
            format!("pattern loaded from file '{path}' used {}", users.join(", "))
        }
        [one, ..] => format!("acl '{}' {}", one.keyword.as_deref().unwrap_or_default(), place(one)),
        [] => String::new(),
    }
}
