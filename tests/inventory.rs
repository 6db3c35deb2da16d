//! No word of HAProxy 3.4 is unknown: each line of the inventory is written where it may stand, and what the loader says of it
//! must agree with its status in the tables.
//!
//! Runtime commands are tested beside their table, since they need no configuration.

mod support;

use hydroxy::app::reference::{Keyword, keywords};
use hydroxy::diag::Diagnostic;
use hydroxy::keyword::Status;
use hydroxy::keyword::known::Class;
use hydroxy::lower::Memory;
use support::{load, stand_ins};

const NOT_YET: &str = "known to HAProxy 3.4, not supported by hydroxy yet";

#[test]
fn every_word_of_the_inventory_is_known_where_it_may_stand() {
    let mut files = stand_ins();
    let mut wrong = Vec::new();
    for keyword in keywords().iter().filter(|keyword| keyword.known.is_some()) {
        let options = if keyword.class == Class::Other { keyword.name } else { "" };
        files = files.with("list.txt", format!("site.pem [{options}]\n"));
        for text in configurations(keyword) {
            if let Err(why) = judge(keyword, &text, &files) {
                wrong.push(format!("{:?} '{}' is {:?}: {why}\n{text}", keyword.class, keyword.name, keyword.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{} words:\n{}", wrong.len(), wrong.join("\n"));
}

/// A word is not yet supported if and only if the loader says so, with the chapter; it is never unknown.
fn judge(keyword: &Keyword, text: &str, files: &Memory) -> Result<(), String> {
    let loaded = load("test.cfg", text, files);
    // The word is quoted or stands in front of its arguments: `timeout client` begins with `timeout`.
    let of_it = |found: &&Diagnostic| found.message.contains(&format!("'{}'", shown(keyword)));
    let not_yet = loaded.diags.iter().filter(|found| found.message.contains(NOT_YET)).find(of_it);
    let phrases = UNKNOWN.map(|phrase| format!("{phrase} '{}'", last_word(keyword)));
    let unknown = loaded.diags.iter().find(|found| phrases.iter().any(|phrase| found.message.contains(phrase)));
    match (keyword.status, not_yet, unknown) {
        (_, _, Some(found)) => Err(format!("it reads as unknown: {}", found.message)),
        (Status::NotYet, Some(found), _) if names_chapter(found) => Ok(()),
        (Status::NotYet, Some(found), _) => Err(format!("without the chapter: {}", found.message)),
        (Status::NotYet, None, _) => Err(format!("the loader does not say so: {}", loaded.findings)),
        (_, Some(found), _) => Err(format!("the loader says: {}", found.message)),
        _ => Ok(()),
    }
}

fn names_chapter(found: &Diagnostic) -> bool {
    found.helps().chain([found.message.as_str()]).any(|text| text.contains("see ") && text.contains(".txt, chapter "))
}

/// What stands before a word that the loader does not know.
const UNKNOWN: [&str; 7] = [
    "unknown keyword",
    "unknown fetch method",
    "unknown converter",
    "unknown option",
    "unknown stats parameter",
    "no such format alias",
    "got",
];

/// As messages name it.
fn shown(keyword: &Keyword) -> &str {
    match keyword.class {
        // The action itself is not supported, which says enough.
        Class::Service if keyword.status == Status::NotYet => "use-service",
        // So it is with sections.
        Class::Other if !keyword.place.contains("crt-list") => keyword.place.split(',').next().unwrap_or_default(),
        _ => keyword.name,
    }
}

fn last_word(keyword: &Keyword) -> &'static str {
    keyword.name.split(' ').next_back().unwrap_or_default()
}

/// The word where it may stand.
fn configurations(keyword: &Keyword) -> Vec<String> {
    let name = keyword.name;
    let places = keyword.place.split(',');
    match keyword.class {
        // Not a section but a file.
        Class::Section if name == "crt-list" => vec![in_certificate_list()],
        Class::Section => vec![format!("{name} x\n")],
        Class::Global => vec![format!("global\n {name}\n")],
        Class::Proxy => places.map(|place| format!("{}\n {name}\n", opened(place))).collect(),
        Class::Bind => vec![format!("frontend f\n bind :80 {name}\n")],
        Class::Server => vec![format!("backend b\n server s 127.0.0.1:80 {name}\n")],
        Class::Other if keyword.place.contains("crt-list") => vec![in_certificate_list()],
        Class::Other => places.map(|place| format!("{}\n {name}\n", opened(place))).collect(),
        Class::Action => places.filter(|place| *place != "quic-initial").map(|place| rule(place, name)).collect(),
        Class::Fetch => vec![in_expression(name)],
        Class::Converter => vec![in_expression(&format!("str(a),{name}"))],
        Class::Acl => vec![format!("frontend f\n mode http\n acl a {name} x\n")],
        Class::Alias => vec![format!("frontend f\n mode http\n log-format %{name}\n")],
        Class::Filter => vec![format!("frontend f\n filter {name}\n")],
        Class::Service => vec![format!("frontend f\n mode http\n http-request use-service {name}\n")],
        Class::Cli => Vec::new(),
    }
}

/// The list itself is in a file, see `files`.
fn in_certificate_list() -> String {
    "frontend f\n bind :443 ssl crt-list list.txt\n".to_owned()
}

fn in_expression(text: &str) -> String {
    format!("frontend f\n mode http\n http-request set-var(txn.x) {text}\n")
}

fn opened(section: &str) -> String {
    match section {
        "defaults" | "crt-store" | "traces" => section.to_owned(),
        _ => format!("{section} x"),
    }
}

fn rule(place: &str, action: &str) -> String {
    let section = if place.contains("response") { "backend b" } else { "frontend f" };
    format!("{section}\n mode http\n {place} {action}\n")
}
