//! Lookup of directives in static tables: names of one to three words as a tree, sections, prefixes, left-over words.
//!
//! Which directives exist is said by the families in `global/`, `proxy/`, `bind/` and `server/`.

use std::collections::HashMap;

use crate::diag::{Diagnostic, Word};
use crate::keyword::{Error, Meta, Result, Scope, Sections, Setting, Words};

/// `no` or `default` in front of a directive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Neither.
    #[default]
    None,
    /// `no`
    No,
    /// `default`
    Default,
}

/// What a table writes to.
pub(super) trait Draft {
    /// The prefix of the line being applied. A directive that knows prefixes takes it; one that is left is an error.
    fn prefix(&mut self) -> &mut Prefix;

    /// The prefix as the new value of a flag whose documented default is `default`.
    fn flag(&mut self, default: bool) -> bool {
        match std::mem::take(self.prefix()) {
            Prefix::None => true,
            Prefix::No => false,
            Prefix::Default => default,
        }
    }
}

/// The directives of one kind of draft, by name.
pub(super) struct Table<D: 'static> {
    root: Node<D>,
}

struct Node<D: 'static> {
    setting: Option<&'static Setting<D>>,
    next: HashMap<&'static str, Node<D>>,
}

impl<D> Default for Node<D> {
    fn default() -> Self {
        Node { setting: None, next: HashMap::new() }
    }
}

/// What a line's first words name.
pub(super) enum Found<D: 'static> {
    /// The directive, and of how many words its name is.
    Setting(&'static Setting<D>, usize),
    /// Words that begin names, such as `timeout`, but not with this next word: how many, and which words could follow.
    Group(usize, Vec<&'static str>),
    /// Nothing known.
    Unknown,
}

impl<D> Table<D> {
    /// The union of the families; names are unique.
    pub(super) fn new(families: &[&'static [Setting<D>]]) -> Self {
        let mut root = Node::default();
        for setting in families.iter().flat_map(|family| family.iter()) {
            let mut node = &mut root;
            for word in setting.meta.name.split(' ') {
                node = node.next.entry(word).or_default();
            }
            debug_assert!(node.setting.is_none(), "'{}' stands in two tables", setting.meta.name);
            node.setting = Some(setting);
        }
        Table { root }
    }

    /// The longest name the words begin with.
    pub(super) fn find(&self, words: &[Word]) -> Found<D> {
        let mut node = &self.root;
        let mut best = None;
        for (at, word) in words.iter().enumerate() {
            let Some(next) = node.next.get(word.as_str()) else {
                // `set-var(check.x)`: what stands in parentheses is read by the directive.
                let base = word.as_str().split_once('(').and_then(|(base, _)| node.next.get(base));
                let setting = base.and_then(|node| node.setting).filter(|setting| takes_parentheses(&setting.meta));
                best = setting.map(|setting| (setting, at)).or(best);
                break;
            };
            node = next;
            if let Some(setting) = node.setting {
                best = Some((setting, at + 1));
            }
        }
        match best {
            Some((setting, count)) => Found::Setting(setting, count),
            None => self.group(words),
        }
    }

    fn group(&self, words: &[Word]) -> Found<D> {
        let mut node = &self.root;
        let mut depth = 0;
        while let Some(next) = words.get(depth).and_then(|word| node.next.get(word.as_str())) {
            node = next;
            depth += 1;
        }
        let mut names: Vec<&'static str> = node.next.keys().copied().collect();
        names.sort_unstable();
        if depth == 0 { Found::Unknown } else { Found::Group(depth, names) }
    }

    /// The first words of all names that `fits` allows, for suggestions.
    pub(super) fn names<'t>(
        &'t self,
        fits: impl Fn(&Setting<D>) -> bool + 't,
    ) -> impl Iterator<Item = &'static str> + 't {
        self.root.next.iter().filter(move |(_, node)| node.any(&fits)).map(|(name, _)| *name)
    }
}

impl<D> Node<D> {
    fn any(&self, fits: &dyn Fn(&Setting<D>) -> bool) -> bool {
        self.setting.is_some_and(fits) || self.next.values().any(|node| node.any(fits))
    }
}

/// Whether the name may be followed by an argument in parentheses; it stands in the first word that is handed over then.
fn takes_parentheses(meta: &Meta) -> bool {
    let behind = meta.usage.get(meta.name.len()..).unwrap_or_default();
    behind.starts_with('(') || behind.starts_with("[(")
}

/// Applies a directive to its arguments and refuses what is left over. `words` stand behind the name.
pub(super) fn apply<D: Draft>(
    setting: &'static Setting<D>,
    words: &mut Words<'_>,
    draft: &mut D,
    scope: &Scope<'_>,
) -> Result<()> {
    let name = setting.meta.name;
    (setting.apply)(words, draft, scope).map_err(|error| in_keyword(name, error))?;
    if std::mem::take(draft.prefix()) != Prefix::None {
        let option = name.strip_prefix("option ");
        let message = match option {
            Some(option) => format!("negation/default is not supported for option '{option}'."),
            None => format!("negation/default is not supported for '{name}'."),
        };
        return Err(Box::new(Diagnostic::alert("prefix", message).at(words.end())));
    }
    if name.starts_with("stats ") && setting.sections.intersects(Sections::PROXY) {
        ignored(name, words, scope);
        return Ok(());
    }
    left_over(name, words)
}

/// HAProxy has always ignored what stands behind the arguments of the `stats` family of proxies.
fn ignored(name: &str, words: &Words<'_>, scope: &Scope<'_>) {
    let Some(word) = words.peek() else { return };
    let text = format!("'{name}' ignores what stands behind its argument: '{word}'.");
    let found = Diagnostic::warning("left-over", text).at(word.span);
    scope.diags.push(found.help("blanks within an argument need quotes or backslashes"));
}

/// Left-over words are always an error.
fn left_over(name: &str, words: &Words<'_>) -> Result<()> {
    let Some(word) = words.peek() else { return Ok(()) };
    let message = format!("'{name}' cannot handle unexpected argument '{word}'.");
    Err(Box::new(Diagnostic::alert("left-over", message).at(word.span)))
}

/// Says once whose argument is wrong. Messages with a code of their own are complete sentences already.
pub(super) fn in_keyword(name: &str, error: Error) -> Error {
    if error.code != "bad-argument" {
        return error;
    }
    let verb = error.message.split(' ').next().unwrap_or_default();
    let separator = if VERBS.contains(&verb) { "" } else { ": " };
    Box::new(error.context(format!("'{name}' {separator}")))
}

/// The keyword and the line it stands on go before the message, which is complete then.
pub(super) fn in_option(name: &str, place: &str, error: Error) -> Error {
    let error = in_keyword(name, error).context(place);
    Box::new(Diagnostic { code: "bad-option", ..error })
}

/// A complete message at a place: the table adds nothing to it.
pub(super) fn sentence(span: crate::diag::Span, code: &'static str, message: impl Into<String>) -> Error {
    Box::new(Diagnostic::alert(code, message).at(span))
}

/// An argument that HAProxy knows and hydroxy does not support yet; the table adds nothing to it.
pub(super) fn not_yet(span: crate::diag::Span, what: &str) -> Error {
    sentence(span, "not-yet", format!("{what} is known to HAProxy 3.4, not supported by hydroxy yet"))
}

/// Messages that begin so go on behind the keyword: 'maxconn' expects ...
const VERBS: [&str; 8] = ["expects", "requires", "needs", "supports", "only", "cannot", "is", "already"];
