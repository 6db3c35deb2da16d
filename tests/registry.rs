//! The promises of all keyword tables at once: unique names, documentation in sentences, examples that load in a whole
//! configuration. What an example yields is tested beside each table.

mod support;

use std::collections::HashSet;

use hydroxy::app::reference::{Entry, entries, keywords};
use hydroxy::diag::Severity;
use hydroxy::keyword::Status;
use hydroxy::keyword::known::{self, Class};
use hydroxy::lower::Memory;
use support::{load, stand_ins};

#[test]
fn names_are_unique_and_known() {
    let mut seen = HashSet::new();
    let mut wrong = Vec::new();
    for entry in entries() {
        // An action has an entry for each form of its arguments.
        let place = if entry.class == Class::Action { entry.place.clone() } else { "".into() };
        if !seen.insert((entry.class, entry.meta.name, place)) {
            wrong.push(format!("{:?} '{}' stands twice", entry.class, entry.meta.name));
        }
    }
    for keyword in keywords().iter().filter(|keyword| keyword.known.is_none()) {
        // HAProxy lists `stats` and `http-check`, not all that follows.
        let group = keyword.name.split_once(' ').is_some_and(|(first, _)| known::find(keyword.class, first).is_some());
        if !group && !BEYOND.contains(&(keyword.class, keyword.name)) {
            wrong.push(format!("{:?} '{}' is not in the inventory of HAProxy 3.4", keyword.class, keyword.name));
        }
    }
    report(&wrong);
}

#[test]
fn entries_are_documented() {
    let mut wrong = Vec::new();
    for entry in entries() {
        let (meta, class) = (entry.meta, entry.class);
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{class:?} '{}': {what}", meta.name));
            }
        };
        let usage = meta.usage.trim_start_matches("[no] ").trim_start_matches('%');
        // Flags stand between the sign and the name.
        must(usage.starts_with(meta.name) || class == Class::Alias, "the usage does not begin with the name");
        must(!meta.doc.contains("  "), "two blanks in the documentation");
        match meta.status {
            Status::Supported => {
                must(!meta.examples.is_empty(), "no example");
                // Help of runtime commands is a list, not prose.
                if class != Class::Cli {
                    must(
                        meta.doc.starts_with(|c: char| c.is_uppercase() || c == '`'),
                        "the documentation is no sentence",
                    );
                    must(meta.doc.ends_with('.'), "the documentation is no sentence");
                }
            }
            Status::Accepted(why) | Status::Rejected(why) => {
                must(why.len() > 10 && !why.ends_with('.'), "the reason is no clause");
            }
            Status::NotYet => {}
        }
    }
    report(&wrong);
}

#[test]
fn examples_load_in_a_whole_configuration() {
    let mut files = stand_ins().with("list.txt", "site.pem\n");
    let mut wrong = Vec::new();
    for entry in entries() {
        files = maps(files, entry.meta.name);
        for (text, yields) in entry.meta.examples {
            let tries = configurations(&entry, text, yields);
            let mut failures = tries.iter().filter_map(|text| failure(text, &files));
            // An expression is available in some of the places only.
            let works = tries.is_empty() || failures.by_ref().count() < tries.len();
            if !works {
                let first = tries.iter().find_map(|text| failure(text, &files)).unwrap_or_default();
                wrong.push(format!("{:?} '{}': {text}\n{first}", entry.class, entry.meta.name));
            }
        }
    }
    report(&wrong);
}

/// Files with keys that fit the method of a map converter, and values of each type.
fn maps(files: Memory, converter: &str) -> Memory {
    let key = match converter {
        "map_ip" => "10.0.0.0/8",
        name if name.starts_with("map_ip_") => "10.0.0.0/8",
        name if name.starts_with("map_int") => "5",
        _ => "b",
    };
    let line = |value: &str| format!("{key} {value}\n");
    files.with("/map", line("text")).with("/ints", line("5")).with("/ips", line("192.0.2.5"))
}

/// The errors of a configuration.
fn failure(text: &str, files: &Memory) -> Option<String> {
    let loaded = load("example.cfg", text, files);
    loaded.diags.iter().any(|found| found.severity == Severity::Alert).then_some(loaded.findings)
}

/// Whole configurations with an example in the places where it may stand; none for what is tested beside its table.
fn configurations(entry: &Entry, text: &str, yields: &str) -> Vec<String> {
    let lines: Vec<String> = match entry.class {
        Class::Section => return vec![format!("{text}\n")],
        Class::Action => entry.place.split(',').map(|place| format!("{place} {text}")).collect(),
        // Examples of ACLs stand between braces.
        Class::Fetch if matches!(yields, "true" | "false") || text.contains(' ') => {
            PLACES.iter().map(|place| format!("{place} accept if {{ {text} }}")).collect()
        }
        Class::Fetch | Class::Converter => {
            let rules = ["http-request", "http-response", "tcp-request content", "tcp-response content"];
            // The example is the expression; a configuration takes its quotes as its own.
            let word = format!("'{}'", text.replace('\'', "'\\''"));
            rules.iter().map(|place| format!("{place} set-var(txn.x) {word}")).collect()
        }
        Class::Alias => vec![format!("log-format '{text}'")],
        _ => return Vec::new(),
    };
    lines.iter().map(|line| format!("{AROUND}{line}\n")).collect()
}

const PLACES: [&str; 4] =
    ["tcp-request content", "tcp-response content", "tcp-request connection", "tcp-request session"];

/// The names that examples use.
const AROUND: &str = "\
global
 expose-experimental-directives
defaults
 mode http
 timeout client 1s
 timeout connect 1s
 timeout server 1s
userlist staff
 user anna insecure-password secret
userlist users
 user anna insecure-password secret
backend app
 server s1 127.0.0.1:81
 server s2 127.0.0.1:82
 server s 127.0.0.1:83 check
backend be
 server s1 127.0.0.1:81
 server s2 127.0.0.1:82
backend lists
 stick-table type ip size 1k store gpc(2),gpc_rate(2,10s),gpt(2)
backend updated
 stick-table type ip size 1k store conn_cnt
frontend web
 bind :81
listen www
 bind :80
 stick-table type ip size 1k store gpc0,gpt0,conn_cnt
 server s1 127.0.0.1:81
 server s2 127.0.0.1:82
 log 127.0.0.1 local0
 declare capture request len 10
 declare capture response len 10
 acl is_cart path_end cart.php
";

/// Words that are in no dump or matrix of HAProxy 3.4: of older releases, of the manual's text, or our own.
const BEYOND: &[(Class, &str)] = &[
    (Class::Proxy, "option accept-invalid-http-request"),
    (Class::Proxy, "option accept-invalid-http-response"),
    (Class::Bind, "ssl"),
    (Class::Other, "errorfile"),
];

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} entries:\n{}", wrong.len(), wrong.join("\n"));
}
