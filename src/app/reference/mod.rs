//! Every keyword with its status, joined from the tables of all families and the inventory of HAProxy 3.4.
//!
//! From here come `-dK` (`dump`), docs/keywords.md and the coverage in the README (`page`), and the tests over all tables.

pub mod dump;
pub mod page;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::admin::{cli, descriptors};
use crate::app::supervisor;
use crate::expr::{convert, fetch, log_format::alias};
use crate::keyword::known::{self, Class, Known};
use crate::keyword::{Hook, Meta, Needs, Sections, Status};
use crate::lower;
use crate::rules::{self, Hooks};

/// One keyword, of HAProxy's or of ours.
#[derive(Clone, Debug)]
pub struct Keyword {
    /// What it is.
    pub class: Class,
    /// As written.
    pub name: &'static str,
    /// Sections or rule sets where it may stand, separated by commas; empty where the class says it all.
    pub place: Cow<'static, str>,
    /// What hydroxy does with it.
    pub status: Status,
    /// Its entry; none for what no table has yet, for ACL derivatives, and for first words such as `timeout`.
    pub meta: Option<&'static Meta>,
    /// Its line in the inventory; none for what only hydroxy or an older release has.
    pub known: Option<&'static Known>,
}

/// An entry of a table of any family.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub class: Class,
    /// Name, usage, documentation, examples, status.
    pub meta: &'static Meta,
    /// Where it may stand.
    pub place: Cow<'static, str>,
}

/// Every entry of every table, family by family.
pub fn entries() -> Vec<Entry> {
    let entry = |class, meta, place: String| Entry { class, meta, place: place.into() };
    let mut all: Vec<Entry> = Vec::new();
    all.extend(lower::sections().iter().map(|meta| entry(Class::Section, meta, String::new())));
    all.extend(lower::entries().map(|one| entry(one.class, one.meta, sections(one.class, one.sections))));
    all.extend(rules::action::all().map(|action| entry(Class::Action, &action.meta, hooks(action.hooks))));
    all.extend(fetch::all().map(|fetch| entry(Class::Fetch, &fetch.meta, offering(fetch.needs))));
    all.extend(convert::all().map(|convert| entry(Class::Converter, &convert.meta, String::new())));
    let aliases = alias::all().map(|alias| &alias.meta).chain([&alias::PARSERS]);
    all.extend(aliases.map(|meta| entry(Class::Alias, meta, String::new())));
    all.extend(cli::all().map(|command| entry(Class::Cli, &command.meta, String::new())));
    let masters = "the supervisor's socket";
    all.extend(supervisor::commands::METAS.iter().map(|meta| entry(Class::Cli, meta, masters.to_owned())));
    all.push(entry(Class::Cli, &descriptors::META, String::new()));
    all
}

/// Every keyword: the inventory in its order, then what only our tables have.
pub fn keywords() -> Vec<Keyword> {
    let entries = entries();
    let mut tables: HashMap<(Class, &str), Vec<&Entry>> = HashMap::new();
    for entry in &entries {
        tables.entry((entry.class, entry.meta.name)).or_default().push(entry);
    }
    let mut all: Vec<Keyword> = known::all().iter().map(|known| of_inventory(known, &tables, &entries)).collect();
    for entry in &entries {
        if known::find(entry.class, entry.meta.name).is_none() {
            let (class, name, status) = (entry.class, entry.meta.name, entry.meta.status);
            let place = entry.place.clone();
            all.push(Keyword { class, name, place, status, meta: Some(entry.meta), known: None });
        }
    }
    all
}

fn of_inventory(known: &'static Known, tables: &HashMap<(Class, &str), Vec<&Entry>>, entries: &[Entry]) -> Keyword {
    let (class, name) = (known.class, known.name);
    let found = tables.get(&(class, name)).and_then(|list| list.first());
    let fetch = || tables.get(&(Class::Fetch, known.derived_from()?)).and_then(|list| list.first());
    let status = match (found, class) {
        (Some(entry), _) => entry.meta.status,
        (None, Class::Filter) => filter(name, entries),
        (None, Class::Service) => service(name, entries),
        (None, Class::Acl) => fetch().map_or(Status::NotYet, |entry| entry.meta.status),
        (None, _) => first_word(class, name, entries),
    };
    let place = match found {
        Some(entry) if known.place.is_empty() => entry.place.clone(),
        _ => known.place.into(),
    };
    Keyword { class, name, place, status, meta: found.map(|entry| entry.meta), known: Some(known) }
}

/// The inventory has `timeout` beside `timeout client`: it is supported if anything is that begins with it.
fn first_word(class: Class, name: &str, entries: &[Entry]) -> Status {
    let begins = |entry: &&Entry| {
        entry.class == class && entry.meta.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))
    };
    let mut best = Status::NotYet;
    for entry in entries.iter().filter(begins) {
        match entry.meta.status {
            Status::Supported => return Status::Supported,
            status => best = status,
        }
    }
    best
}

/// A filter is what stands behind `filter`.
fn filter(name: &str, entries: &[Entry]) -> Status {
    let named = |entry: &&Entry| entry.class == Class::Proxy && entry.meta.name.strip_prefix("filter ") == Some(name);
    entries.iter().find(named).map_or(Status::NotYet, |entry| entry.meta.status)
}

/// A service is what stands behind `use-service`.
fn service(name: &str, entries: &[Entry]) -> Status {
    let named =
        |entry: &&Entry| entry.class == Class::Action && entry.meta.usage.strip_prefix("use-service ") == Some(name);
    entries.iter().find(named).map_or(Status::NotYet, |entry| entry.meta.status)
}

fn sections(class: Class, sections: Sections) -> String {
    if matches!(class, Class::Bind | Class::Server) {
        return String::new();
    }
    let names = sections.iter_names().filter(|(_, flag)| flag.bits().count_ones() == 1);
    names.map(|(name, _)| name.to_ascii_lowercase().replace('_', "-")).collect::<Vec<_>>().join(",")
}

fn hooks(hooks: Hooks) -> String {
    let names = Hook::RULES.iter().filter(|hook| hooks.contains(Hooks::of(**hook))).map(|hook| hook.name());
    names.collect::<Vec<_>>().join(",")
}

/// The places that have what a fetch reads; empty if all have.
fn offering(needs: Needs) -> String {
    if needs.contains(Needs::INTERNAL) {
        return String::new();
    }
    let places = Hook::RULES.iter().chain(&[Hook::UseBackend, Hook::UseServer, Hook::Log]);
    let names = places.filter(|hook| hook.offers().intersects(needs)).map(|hook| hook.name());
    names.collect::<Vec<_>>().join(",")
}
