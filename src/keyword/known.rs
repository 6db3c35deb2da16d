//! The inventory of every keyword of HAProxy 3.4, so that a keyword is never called unknown when it is only not supported.
//!
//! The data stands in `known-3.4.tsv` (class, name, where, signature, chapter of the manual), made from HAProxy's own dumps
//! (`-dKall`), its matrices 4.1 and 4.3 and its help. What is supported is said by the tables of the families, not here.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::words::Error;
use crate::diag::{Diagnostic, Span, suggest};

/// What a keyword is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A derivative that only ACLs take, such as `path_beg`.
    Acl,
    /// A rule's action.
    Action,
    /// A log-format alias, without `%`.
    Alias,
    /// An option of `bind`.
    Bind,
    /// A runtime command.
    Cli,
    /// A converter.
    Converter,
    /// A sample fetch.
    Fetch,
    /// A filter.
    Filter,
    /// A directive of `global`.
    Global,
    /// A directive of another section (`crt-list`, `acme`, ...).
    Other,
    /// A directive of `defaults`, `frontend`, `backend`, `listen`; two-word names such as `option httplog` are one entry.
    Proxy,
    /// A section.
    Section,
    /// An option of `server`.
    Server,
    /// A service of `use-service`.
    Service,
}

/// One keyword of HAProxy 3.4.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What it is.
    pub class: Class,
    /// As written, without arguments.
    pub name: &'static str,
    /// Sections or rule sets where it may stand, separated by commas, where the dumps tell.
    pub place: &'static str,
    /// Arguments and types, where the dumps tell.
    pub signature: &'static str,
    /// Chapter of configuration.txt, or `management 9.3`.
    pub chapter: &'static str,
}

impl Known {
    /// A runtime command that the supervisor's socket answers, and no worker's.
    pub fn is_for_master(&self) -> bool {
        self.class == Class::Cli && self.signature.contains("[MASTER]") && !self.signature.contains("[WORKER]")
    }

    /// Of a derivative that only ACLs take, the fetch it is made of.
    pub fn derived_from(&self) -> Option<&'static str> {
        self.signature.split_once(" -m ").map(|(fetch, _)| fetch)
    }

    /// A sentence for someone who wrote the name where a word of class `wanted` was expected.
    fn described(&self, wanted: Class, name: &str) -> String {
        match self.class {
            Class::Global | Class::Proxy | Class::Other => {
                let verb = if directive(wanted) { "belongs into" } else { "is a directive of" };
                let article = if self.class == Class::Global { "the" } else { "a" };
                format!("'{name}' {verb} {article} {} section", alternatives(self.place))
            }
            Class::Bind => format!("'{name}' is an option of 'bind' lines"),
            Class::Server => format!("'{name}' is an option of 'server' lines"),
            Class::Action => format!("'{name}' is an action of {}", self.place.replace(',', ", ")),
            Class::Fetch if wanted == Class::Converter => {
                format!("'{name}' is a fetch: it can only stand at the start of an expression")
            }
            Class::Fetch if wanted == Class::Alias => format!("'{name}' is a fetch: write '%[{name}]'"),
            Class::Fetch => format!("'{name}' is a fetch: it stands in expressions and conditions"),
            Class::Converter => format!("'{name}' is a converter: write it behind a fetch and a comma"),
            Class::Acl if wanted == Class::Converter => format!("'{name}' is for ACLs only"),
            Class::Acl => {
                let instead = self.derived_from().unwrap_or(name);
                format!("'{name}' is for ACLs only; here, write '{instead}' and a converter")
            }
            Class::Alias => format!("'{name}' is a log-format alias: write '%{name}' without brackets"),
            Class::Filter => format!("'{name}' is a filter: write 'filter {name}'"),
            Class::Service => format!("'{name}' is a service: write 'use-service {name}'"),
            Class::Section => format!("'{name}' opens a section"),
            Class::Cli => format!("'{name}' is a command of the runtime socket"),
        }
    }

    /// Where the manual speaks of it.
    pub fn manual(&self) -> String {
        match self.chapter.strip_prefix("management ") {
            Some(chapter) => format!("management.txt, chapter {chapter}"),
            None => format!("configuration.txt, chapter {}", self.chapter),
        }
    }
}

/// All keywords, sorted by class name and name.
pub fn all() -> &'static [Known] {
    &inventory().list
}

/// The keyword of that class and name.
pub fn find(class: Class, name: &str) -> Option<&'static Known> {
    inventory().index.get(&(class, name)).and_then(|&at| inventory().list.get(at))
}

/// The names of a class, for suggestions.
pub fn names(class: Class) -> impl Iterator<Item = &'static str> {
    all().iter().filter(move |known| known.class == class).map(|known| known.name)
}

/// The error for a keyword that HAProxy 3.4 knows and hydroxy does not support yet; `None` if HAProxy does not know it either.
pub fn not_yet(class: Class, name: &str, span: Span) -> Option<Error> {
    let known = find(class, name)?;
    let text = format!("'{name}' is known to HAProxy 3.4, not supported by hydroxy yet");
    let help = format!("see {}", known.manual());
    Some(Box::new(Diagnostic::alert("not-yet", text).at(span).label("not supported yet").help(help)))
}

/// What a name means elsewhere, for a place where it means nothing as a word of `class`: a directive of another section first,
/// then another kind of word.
pub fn elsewhere(class: Class, name: &str) -> Option<String> {
    if let Some(option) = find(Class::Proxy, &format!("option {name}")).filter(|_| directive(class)) {
        return Some(match class {
            Class::Proxy => format!("'{name}' is an option: write 'option {name}'"),
            _ => option.described(class, option.name),
        });
    }
    let expression = matches!(class, Class::Fetch | Class::Converter | Class::Alias);
    let nearer = if expression { EXPRESSIONS } else { &[] };
    let mut kinds = nearer.iter().chain(KINDS).filter(|kind| **kind != class);
    kinds.find_map(|kind| begun_by(*kind, name)).map(|known| known.described(class, name))
}

/// The keyword of that name, or for directives the first that has it as its first word.
fn begun_by(class: Class, name: &str) -> Option<&'static Known> {
    let begins = |known: &&Known| known.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
    let group = || all().iter().filter(|known| known.class == class && directive(class)).find(begins);
    find(class, name).or_else(group)
}

fn directive(class: Class) -> bool {
    matches!(class, Class::Global | Class::Proxy | Class::Other)
}

/// What stands in expressions, for words of expressions. Their names are too short to be meant elsewhere: of `mod`, `mode` is
/// nearer than the converter.
const EXPRESSIONS: &[Class] = &[Class::Fetch, Class::Converter, Class::Acl, Class::Alias];

/// In the order in which they are tried.
const KINDS: &[Class] = &[
    Class::Global,
    Class::Proxy,
    Class::Other,
    Class::Bind,
    Class::Server,
    Class::Action,
    Class::Filter,
    Class::Service,
];

/// A keyword of the same class that was probably meant.
pub fn similar(class: Class, name: &str) -> Option<&'static str> {
    suggest(name, names(class))
}

/// `'frontend' or 'listen'`.
fn alternatives(places: &str) -> String {
    let quoted: Vec<String> = places.split(',').map(|place| format!("'{place}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

struct Inventory {
    list: Vec<Known>,
    index: HashMap<(Class, &'static str), usize>,
}

fn inventory() -> &'static Inventory {
    static INVENTORY: OnceLock<Inventory> = OnceLock::new();
    INVENTORY.get_or_init(|| {
        let list: Vec<Known> = include_str!("known-3.4.tsv").lines().filter_map(parse).collect();
        let index = list.iter().enumerate().map(|(at, known)| ((known.class, known.name), at)).collect();
        Inventory { list, index }
    })
}

fn parse(line: &'static str) -> Option<Known> {
    let mut columns = line.split('\t');
    let class = class(columns.next()?)?;
    let mut column = || columns.next().unwrap_or("");
    Some(Known { class, name: column(), place: column(), signature: column(), chapter: column() })
}

fn class(name: &str) -> Option<Class> {
    Some(match name {
        "acl" => Class::Acl,
        "action" => Class::Action,
        "alias" => Class::Alias,
        "bind" => Class::Bind,
        "cli" => Class::Cli,
        "converter" => Class::Converter,
        "fetch" => Class::Fetch,
        "filter" => Class::Filter,
        "global" => Class::Global,
        "other" => Class::Other,
        "proxy" => Class::Proxy,
        "section" => Class::Section,
        "server" => Class::Server,
        "service" => Class::Service,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_inventory_is_read() {
        assert_eq!(all().len(), include_str!("known-3.4.tsv").lines().count());
        assert!(all().iter().all(|known| !known.name.is_empty() && !known.chapter.is_empty()));
    }

    #[test]
    fn a_name_means_something_elsewhere() {
        let told = |class, name| elsewhere(class, name).unwrap_or_default();
        assert_eq!(told(Class::Proxy, "nbthread"), "'nbthread' belongs into the 'global' section");
        assert_eq!(told(Class::Global, "use_backend"), "'use_backend' belongs into a 'frontend' or 'listen' section");
        assert_eq!(told(Class::Proxy, "httplog"), "'httplog' is an option: write 'option httplog'");
        assert_eq!(told(Class::Bind, "weight"), "'weight' is an option of 'server' lines");
        assert_eq!(told(Class::Fetch, "lower"), "'lower' is a converter: write it behind a fetch and a comma");
        assert_eq!(told(Class::Fetch, "ci"), "'ci' is a log-format alias: write '%ci' without brackets");
        assert_eq!(told(Class::Alias, "src"), "'src' is a fetch: write '%[src]'");
        assert_eq!(elsewhere(Class::Proxy, "nonsense"), None);
    }

    #[test]
    fn a_known_keyword_names_its_chapter() {
        let error = not_yet(Class::Proxy, "stick-table", Span::nowhere()).map(|error| format!("{error:?}"));
        let error = error.unwrap_or_default();
        assert!(error.contains("known to HAProxy 3.4, not supported by hydroxy yet"), "{error}");
        assert!(not_yet(Class::Proxy, "stick-tabel", Span::nowhere()).is_none());
        assert_eq!(similar(Class::Proxy, "stick-tabel"), Some("stick-table"));
    }
}
