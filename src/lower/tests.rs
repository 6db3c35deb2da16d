//! The tables keep their promises: every example loads and comes to what its entry says.

use std::collections::HashSet;

use super::*;
use crate::config::{Env, Facts, Input};
use crate::diag::{Renderer, Severity};
use crate::ir::dump;
use crate::keyword::known::Class;
use crate::keyword::{Sections, Status};

/// Loads a text with the files that examples name.
pub(super) fn load_text(text: &str) -> Loaded {
    load_with(text, Compat::default())
}

pub(super) fn load_with(text: &str, compat: Compat) -> Loaded {
    load_from(text, compat, &files())
}

/// Loads a text with those files.
pub(super) fn load_text_with(text: &str, files: &Memory) -> Loaded {
    load_from(text, Compat::default(), files)
}

fn load_from(text: &str, compat: Compat, files: &Memory) -> Loaded {
    load(LoadInput {
        inputs: vec![Input::new("test.cfg", text)],
        env: Env::new(),
        facts: Facts {
            version: "3.4.0",
            features: &[],
            openssl_version: None,
            ssl_library: "",
            awslc_api: None,
            enabled: &[],
        },
        compat,
        overrides: Overrides::default(),
        files,
    })
}

/// The findings without excerpts.
pub(super) fn findings(loaded: &Loaded) -> String {
    Renderer::new(1).excerpts(false).render_all(&loaded.diags, &loaded.sources)
}

fn files() -> Memory {
    let key = rcgen::generate_simple_self_signed(["a.example.org".to_owned(), "*.b.example.org".to_owned()]).unwrap();
    let pem = format!("{}{}", key.cert.pem(), key.signing_key.serialize_pem());
    Memory::default()
        .with("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        .with("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
        .with("/etc/resolv.conf", "nameserver 192.0.2.53\n")
        .with("names.txt", "# pairs\n x-a  X-A\n")
        .with("503.http", "HTTP/1.0 503 Service Unavailable\r\ncontent-type: text/plain\r\n\r\nsorry\n")
        .with("list.txt", "site.pem\n")
        .with("site.pem", pem)
}

/// A configuration in which a line of that entry makes sense.
fn around(entry: &Entry, line: &str) -> String {
    let times = "timeout client 1s\ntimeout connect 1s\ntimeout server 1s\n";
    let app = "backend app\nmode http\nserver s 127.0.0.1:80 check\n";
    let log = "log 127.0.0.9 local0\n";
    match entry.class {
        Class::Global => format!("global\n{line}\n"),
        Class::Bind if line.starts_with("stats socket") => format!("global\n{line}\n"),
        Class::Bind => format!("defaults\n{times}frontend f\nmode http\n{line}\n"),
        Class::Server if line.contains(" track ") => {
            format!("defaults\n{times}backend b\nmode http\n{line}\n{app}")
        }
        Class::Server => format!("defaults\n{times}backend b\nmode http\n{line}\n"),
        Class::Other if entry.sections == Sections::HTTP_ERRORS => {
            format!("http-errors s\n{line}\ndefaults\n{times}backend b\nmode http\nerrorfiles s\n")
        }
        Class::Other if entry.sections == Sections::RESOLVERS => format!("resolvers r\n{line}\n"),
        Class::Other => format!(
            "userlist u\nuser tiger insecure-password x\ngroup dogs\n{}\n",
            line.replace("tiger insecure", "lion insecure")
        ),
        _ if entry.sections.contains(Sections::LISTEN) => {
            let server = if line.starts_with("server a ") { "" } else { "server a 127.0.0.1:81 check\n" };
            let host = if line.starts_with("http-check") { "option httpchk\n" } else { "" };
            let site = "http-errors site\nerrorfile 503 503.http\nerrorfile 404 503.http\n";
            format!("{site}defaults\nmode http\n{times}{app}listen f\nbind :8080\n{log}{host}{server}{line}\n")
        }
        _ => format!("defaults\nmode http\n{times}frontend f\nbind :8080\n{log}{line}\n{app}"),
    }
}

#[test]
fn every_example_loads_and_comes_to_what_it_says() {
    let mut wrong = Vec::new();
    for entry in entries() {
        for (line, yields) in entry.meta.examples {
            let text = around(&entry, line);
            let loaded = load_text(&text);
            // Fetches that do not exist yet are no fault of the directive.
            let wanting = loaded.diags.iter().any(|found| found.message.contains("not supported by hydroxy yet"));
            let alerts = loaded.diags.iter().any(|found| found.severity == Severity::Alert);
            if wanting {
                continue;
            }
            if alerts {
                wrong.push(format!("'{}': {line}\n{}", entry.meta.name, findings(&loaded)));
                continue;
            }
            let dump = loaded.ir.as_ref().map(dump).unwrap_or_default();
            if !words_of(yields).all(|word| dump.contains(word)) {
                wrong.push(format!("'{}': {line}: expected '{yields}' in\n{dump}", entry.meta.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} examples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What an example yields must stand in the dump word by word.
fn words_of(yields: &str) -> impl Iterator<Item = &str> {
    yields.split(' ').filter(|word| !word.is_empty())
}

#[test]
fn entries_are_complete_and_names_are_unique() {
    let mut names = HashSet::new();
    for entry in entries() {
        let meta = entry.meta;
        assert!(names.insert((entry.class, meta.name)), "'{}' stands twice", meta.name);
        assert!(meta.usage.contains(meta.name.split(' ').next_back().unwrap_or_default()), "usage of '{}'", meta.name);
        match meta.status {
            Status::Supported => {
                assert!(!meta.examples.is_empty(), "'{}' has no example", meta.name);
                assert!(meta.doc.ends_with('.'), "the documentation of '{}' is no sentence", meta.name);
                let first = meta.doc.chars().next().unwrap_or(' ');
                assert!(first.is_uppercase(), "the documentation of '{}' is no sentence", meta.name);
            }
            Status::Accepted(why) | Status::Rejected(why) => assert!(why.len() > 10, "'{}' has no reason", meta.name),
            Status::NotYet => {}
        }
    }
}
