//! The pages that are generated from the tables: docs/keywords.md and the coverage block of the README.
//!
//! `tests/reference.rs` fails when a page is not what stands here; docs/testing.md says how to write them anew.

use std::fmt::Write;

use super::{Keyword, keywords};
use crate::keyword::known::Class;
use crate::keyword::{Meta, Status};

/// docs/keywords.md: one line per keyword, so that changes to different keywords merge.
pub fn keywords_page() -> String {
    let mut all = keywords();
    all.sort_by_key(|keyword| keyword.name);
    let mut out = INTRODUCTION.to_owned();
    for (class, title, _) in KINDS {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "\n## {title}\n\n| keyword | status | where | what it does | examples |\n|---|---|---|---|---|\n"
        );
        for keyword in all.iter().filter(|keyword| keyword.class == *class) {
            out.push_str(&row(keyword));
        }
    }
    out
}

/// What stands between the marks of the README.
pub fn coverage() -> String {
    let all = keywords();
    let mut out = "| kind | supported | accepted | rejected | not yet | HAProxy 3.4 has |\n|---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    let mut sum = Counts::default();
    for (class, _, kind) in KINDS {
        let counts = Counts::of(all.iter().filter(|keyword| keyword.class == *class && keyword.known.is_some()));
        counts.row(kind, &mut out);
        sum.add(counts);
    }
    sum.row("all", &mut out);
    out
}

/// A page with what stands between the marks `begin` and `end` exchanged; `None` without marks.
pub fn between_marks(page: &str, text: &str) -> Option<String> {
    let begin = page.find(BEGIN)?;
    let start = begin + page.get(begin..)?.find('\n')? + 1;
    let end = start + page.get(start..)?.find(END)?;
    Some(format!("{}{text}{}", page.get(..start)?, page.get(end..)?))
}

fn row(keyword: &Keyword) -> String {
    let usage = keyword.meta.map_or(keyword.name, |meta| meta.usage);
    let (status, text) = match keyword.status {
        Status::Supported => ("supported", sentence(keyword)),
        Status::Accepted(why) => ("accepted", format!("No effect: {why}.")),
        Status::Rejected(why) => ("rejected", format!("{why}.")),
        Status::NotYet => ("not yet", manual(keyword)),
    };
    let examples = keyword.meta.map_or(String::new(), examples);
    let place = keyword.place.replace(',', ", ");
    let percent = if keyword.class == Class::Alias && !usage.starts_with('%') { "%" } else { "" };
    format!("| {} | {status} | {place} | {} | {examples} |\n", code(&format!("{percent}{usage}")), plain(&text))
}

fn sentence(keyword: &Keyword) -> String {
    match (keyword.meta, keyword.known) {
        (Some(meta), _) => meta.doc.to_owned(),
        (None, Some(known)) if keyword.class == Class::Acl => {
            format!("In ACLs, the same as {}.", code(known.signature))
        }
        _ => "See the directives that begin with this word.".to_owned(),
    }
}

fn manual(keyword: &Keyword) -> String {
    keyword.known.map_or(String::new(), |known| format!("See {}.", known.manual()))
}

/// Up to two examples, and what they yield where that is short.
fn examples(meta: &'static Meta) -> String {
    let one = |(text, yields): &(&str, &str)| {
        let text = code(text);
        if yields.is_empty() || yields.len() > SHORT { text } else { format!("{text} → {}", code(yields)) }
    };
    meta.examples.iter().take(2).map(one).collect::<Vec<_>>().join("<br>")
}

/// Text in a cell of a table. Between backticks a bracket stands for itself.
fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(at, part)| if at % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`")
}

/// Code in a cell of a table. Backticks within need longer ones around.
fn code(text: &str) -> String {
    let text = text.replace('\n', "⏎").replace('\r', "").replace('\t', " ").replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    supported: usize,
    accepted: usize,
    rejected: usize,
    not_yet: usize,
}

impl Counts {
    fn of<'k>(keywords: impl Iterator<Item = &'k Keyword>) -> Counts {
        let mut counts = Counts::default();
        for keyword in keywords {
            *match keyword.status {
                Status::Supported => &mut counts.supported,
                Status::Accepted(_) => &mut counts.accepted,
                Status::Rejected(_) => &mut counts.rejected,
                Status::NotYet => &mut counts.not_yet,
            } += 1;
        }
        counts
    }

    fn add(&mut self, other: Counts) {
        self.supported += other.supported;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.not_yet += other.not_yet;
    }

    fn row(self, kind: &str, out: &mut String) {
        let Counts { supported, accepted, rejected, not_yet } = self;
        let total = supported + accepted + rejected + not_yet;
        let _ = writeln!(out, "| {kind} | {supported} | {accepted} | {rejected} | {not_yet} | {total} |");
    }
}

/// What an example yields is not shown if it is longer.
const SHORT: usize = 60;

const BEGIN: &str = "<!-- coverage:begin";
const END: &str = "<!-- coverage:end";

const INTRODUCTION: &str = "\
# Keywords

Every keyword of HAProxy 3.4 and what hydroxy does with it. This page is generated from the keyword tables, see
[testing.md](testing.md); do not edit it.

- **supported**: does what HAProxy's manual says.
- **accepted**: has no effect; the reason says why no client, server or log can see a difference. `-c -V` lists those of a file.
- **rejected**: refused for good: an error at load, or a warning where all else can run.
- **not yet**: an error at load that names the chapter of the manual.
";

/// Class, title of its chapter, name in the coverage.
const KINDS: &[(Class, &str, &str)] = &[
    (Class::Section, "Sections", "sections"),
    (Class::Global, "Directives of `global`", "`global` directives"),
    (Class::Proxy, "Directives of proxies", "proxy directives"),
    (Class::Bind, "Options of `bind`", "`bind` options"),
    (Class::Server, "Options of `server`", "`server` options"),
    (Class::Other, "Directives of other sections", "directives of other sections"),
    (Class::Action, "Actions of rules", "actions"),
    (Class::Fetch, "Sample fetches", "sample fetches"),
    (Class::Converter, "Converters", "converters"),
    (Class::Acl, "Keywords of ACLs only", "ACL keywords"),
    (Class::Alias, "Log-format aliases", "log-format aliases"),
    (Class::Filter, "Filters", "filters"),
    (Class::Service, "Services", "services"),
    (Class::Cli, "Runtime commands", "runtime commands"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_between_the_marks() {
        let page = "a\n<!-- coverage:begin (x) -->\nold\n<!-- coverage:end -->\nb\n";
        let new = between_marks(page, "new\n");
        assert_eq!(new.as_deref(), Some("a\n<!-- coverage:begin (x) -->\nnew\n<!-- coverage:end -->\nb\n"));
        assert_eq!(between_marks("no marks", "new"), None);
    }

    #[test]
    fn a_cell_holds_no_bar_and_no_line_end() {
        assert_eq!(code("a|b\nc"), "`a\\|b⏎c`");
        assert_eq!(plain("takes <n>\n or `<a>|b`"), "takes &lt;n> or `<a>\\|b`");
    }
}
