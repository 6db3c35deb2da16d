//! `-dK`: the supported and accepted keywords, class by class, in the format of HAProxy's dump (management.txt chapter 3).
//!
//! Argument counts, types and matrices come from the inventory. Beside the words that HAProxy registers, older ones such as
//! `mode` are listed too.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Keyword, keywords};
use crate::keyword::known::Class;
use crate::keyword::{Hook, Status};
use crate::rules::action;

/// Prints what the classes behind `-dK` name, separated by commas. HAProxy overlooks classes that it does not know.
pub fn text(classes: &str) -> String {
    let known = usable();
    classes.split(',').map(|class| of_class(class, &known)).collect()
}

fn of_class(name: &str, keywords: &[Keyword]) -> String {
    match name {
        "help" => help(),
        "all" => CLASSES.iter().filter(|(name, _)| *name != "all").map(|(name, _)| of_class(name, keywords)).collect(),
        "acl" => list("ACL keywords", lines(keywords, Class::Acl, |name, signature| format!("{name} = {signature}"))),
        "cfg" => list("configuration keywords", configuration(keywords)),
        "cli" => list("CLI keywords", lines(keywords, Class::Cli, |name, signature| format!("{name} {signature} "))),
        "cnv" => {
            list("sample converter functions", lines(keywords, Class::Converter, |name, types| name.to_owned() + types))
        }
        "flt" => list("filter names", lines(keywords, Class::Filter, |name, group| format!("{name} {group}"))),
        "smp" => list("sample fetch functions", LEGEND.iter().map(|line| (*line).to_owned()).chain(fetches(keywords))),
        "svc" => list("service names", lines(keywords, Class::Service, |name, _| name.to_owned())),
        _ => String::new(),
    }
}

/// What may be written in a configuration.
fn usable() -> Vec<Keyword> {
    let mut all = keywords();
    all.retain(|keyword| matches!(keyword.status, Status::Supported | Status::Accepted(_)));
    all.sort_by_key(|keyword| keyword.name);
    all
}

fn help() -> String {
    let mut out = "# List of supported keyword classes:\n".to_owned();
    for (name, what) in CLASSES {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name}: {what}");
    }
    out
}

fn list(what: &str, lines: impl IntoIterator<Item = String>) -> String {
    let mut out = format!("# List of registered {what}:\n");
    for line in lines {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn of(keywords: &[Keyword], class: Class) -> impl Iterator<Item = &Keyword> {
    keywords.iter().filter(move |keyword| keyword.class == class)
}

fn signature(keyword: &Keyword) -> &'static str {
    keyword.known.map_or("", |known| known.signature)
}

/// One line per keyword of a class that HAProxy has too, from its name and signature.
fn lines<'k>(
    keywords: &'k [Keyword],
    class: Class,
    line: impl Fn(&str, &str) -> String + 'k,
) -> impl Iterator<Item = String> + 'k {
    of(keywords, class)
        .filter(|keyword| keyword.known.is_some())
        .map(move |keyword| line(keyword.name, signature(keyword)))
}

/// A fetch behind the matrix of the places that have what it reads.
fn fetches(keywords: &[Keyword]) -> impl Iterator<Item = String> {
    lines(keywords, Class::Fetch, |name, signature| {
        let (types, matrix) = signature.rsplit_once(" [").unwrap_or((signature, ""));
        let mut line = "[".to_owned();
        for mark in matrix.trim_end_matches(']').chars() {
            line.extend([' ', mark]);
        }
        line + " ] " + name + types
    })
}

/// The directives by section, those of all kinds of proxies under `listen`.
fn configuration(keywords: &[Keyword]) -> Vec<String> {
    let mut out = Vec::new();
    section(&mut out, "global", first_words(keywords, Class::Global));
    section(&mut out, "listen", proxy(keywords));
    for name in OTHER {
        let here = of(keywords, Class::Other).filter(|keyword| keyword.place.split(',').any(|place| place == *name));
        let line = |keyword: &Keyword| match *name {
            "crt-list" => counted(keyword.name, signature(keyword)),
            _ => keyword.name.to_owned(),
        };
        section(&mut out, name, here.map(line));
    }
    out
}

fn section(out: &mut Vec<String>, name: &str, lines: impl IntoIterator<Item = String>) {
    let before = out.len();
    out.push(name.to_owned());
    out.extend(lines.into_iter().map(|line| format!("\t{line}")));
    if out.len() == before + 1 {
        out.pop();
    }
}

/// The first words of directives, each once.
fn first_words(keywords: &[Keyword], class: Class) -> BTreeSet<String> {
    let first = |keyword: &Keyword| keyword.name.split(' ').next().unwrap_or_default().to_owned();
    of(keywords, class).map(first).collect()
}

fn proxy(keywords: &[Keyword]) -> Vec<String> {
    let mut words = first_words(keywords, Class::Proxy);
    // HAProxy lists options by name, see below.
    words.remove("option");
    let mut out: Vec<String> = words.into_iter().collect();
    let (tls, plain): (Vec<_>, Vec<_>) =
        of(keywords, Class::Bind).partition(|keyword| signature(keyword).starts_with("ssl"));
    out.extend(plain.iter().map(|keyword| format!("bind <addr> {}", counted(keyword.name, signature(keyword)))));
    out.extend(tls.iter().map(|keyword| {
        let count = signature(keyword).trim_start_matches("ssl").trim_start();
        format!("bind <addr> ssl {}", counted(keyword.name, count))
    }));
    let servers = of(keywords, Class::Server);
    out.extend(servers.map(|keyword| format!("server <name> <addr> {}", counted(keyword.name, signature(keyword)))));
    out.extend(of(keywords, Class::Proxy).filter(|keyword| keyword.name.starts_with("option ")).map(option));
    for hook in Hook::RULES {
        let here =
            of(keywords, Class::Action).filter(|keyword| keyword.place.split(',').any(|place| place == hook.name()));
        let lines: BTreeSet<String> =
            here.map(|keyword| format!("{} {}", hook.name(), starred(keyword.name))).collect();
        out.extend(lines);
    }
    out
}

/// A name and how many arguments follow, such as `alpn +1`.
fn counted(name: &str, count: &str) -> String {
    if count.is_empty() { name.to_owned() } else { format!("{name} {count}") }
}

/// An option and what it applies to: as HAProxy says, else by the sections it stands in.
fn option(keyword: &Keyword) -> String {
    let name = keyword.name;
    match signature(keyword).split_once('[') {
        Some((_, sides)) => format!("{name} [{sides}"),
        None => {
            let has = |section: &str| keyword.place.split(',').any(|place| place == section);
            let side = |section, mark| if has(section) { mark } else { "" };
            format!("{name} [{}{} ]", side("frontend", " FE"), side("backend", " BE"))
        }
    }
}

/// The star stands for what follows the name without a blank: arguments in parentheses, the number of `track-sc0`.
fn starred(name: &str) -> String {
    if name.starts_with("track-sc") {
        return "track-sc*".to_owned();
    }
    let parentheses = action::all().any(|action| action.meta.name == name && action.takes_parentheses());
    if parentheses { format!("{name}*") } else { name.to_owned() }
}

/// The sections that HAProxy lists behind `listen`.
const OTHER: &[&str] = &["userlist", "peers", "crt-list", "crt-store", "traces", "acme"];

const CLASSES: [(&str, &str); 8] = [
    ("all", "list all keywords"),
    ("acl", "ACL keywords"),
    ("cfg", "configuration keywords"),
    ("cli", "CLI keywords"),
    ("cnv", "sample converter keywords"),
    ("flt", "filter names"),
    ("smp", "sample fetch functions"),
    ("svc", "service names"),
];

/// The meaning of the columns in front of a fetch.
const LEGEND: [&str; 24] = [
    "#                       _.---------------------- frontend tcp-request connection rule",
    "#                      / _.--------------------- frontend tcp-request session rule",
    "#                     / / _.-------------------- frontend tcp-request content rule",
    "#                    / / / _.------------------- frontend http-request header rule",
    "#                   / / / / _.------------------ frontend http-request body rule",
    "#                  / / / / / _.----------------- frontend use-backend rule",
    "#                 / / / / / / _.---------------- backend tcp-request content rule",
    "#                / / / / / / / _.--------------- backend http-request header rule",
    "#               / / / / / / / / _.-------------- backend http-request body rule",
    "#              / / / / / / / / / _.------------- backend use-server, balance or stick-match rule",
    "#             / / / / / / / / / / _.------------ server source selection",
    "#            / / / / / / / / / / / _.----------- backend tcp-response content rule",
    "#           / / / / / / / / / / / / _.---------- backend http-response header rule",
    "#          / / / / / / / / / / / / / _.--------- backend http-response body rule",
    "#         / / / / / / / / / / / / / / _.-------- backend stick-store rule",
    "#        / / / / / / / / / / / / / / / _.------- frontend tcp-response content rule",
    "#       / / / / / / / / / / / / / / / / _.------ frontend http-response header rule",
    "#      / / / / / / / / / / / / / / / / / _.----- frontend http-response body rule",
    "#     / / / / / / / / / / / / / / / / / / _.---- logs",
    "#    / / / / / / / / / / / / / / / / / / / _.--- backend tcp-check rule",
    "#   / / / / / / / / / / / / / / / / / / / / _.-- configuration parser",
    "#  / / / / / / / / / / / / / / / / / / / / / _.- CLI parser",
    "# / / / / / / / / / / / / / / / / / / / / / /  ",
    "# | | | | | | | | | | | | | | | | | | | | | | ",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(classes: &str) -> Vec<String> {
        text(classes).lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_look_as_haproxy_writes_them() {
        let all = dump("all");
        for line in [
            "# List of registered ACL keywords:",
            "path_beg = path -m beg",
            "global",
            "\tmaxconn",
            "\tstats",
            "listen",
            "\tbind <addr> accept-proxy",
            "\tbind <addr> maxconn +1",
            "\tbind <addr> ssl crt +1",
            "\tserver <name> <addr> weight +1",
            "\toption http-ignore-probes [ FE HTTP ]",
            "\toption allbackups [ BE ]",
            "\thttp-request set-var*",
            "\thttp-request deny",
            "userlist",
            "\tuser",
            "# List of registered CLI keywords:",
            "show info [WORKER] ",
            "# List of registered sample converter functions:",
            "base64: str => bin",
            "# List of registered filter names:",
            "# List of registered sample fetch functions:",
            "#                       _.---------------------- frontend tcp-request connection rule",
            "# | | | | | | | | | | | | | | | | | | | | | | ",
            "[ . . Y Y Y Y Y Y Y Y Y . . . . . . . . . . . ] path: str",
            "# List of registered service names:",
        ] {
            assert!(all.iter().any(|found| found == line), "{line:?} is not in\n{}", all.join("\n"));
        }
    }

    #[test]
    fn what_is_not_supported_is_not_listed() {
        let not_yet = keywords().into_iter().find(|one| one.class == Class::Fetch && one.status == Status::NotYet);
        if let Some(keyword) = not_yet {
            assert!(!text("smp").lines().any(|line| line.ends_with(&format!(
                "] {}{}",
                keyword.name,
                signature(&keyword)
            ))));
        }
    }

    #[test]
    fn classes_are_printed_in_their_order_and_unknown_ones_are_overlooked() {
        assert!(text("").is_empty() && text("nonsense").is_empty());
        assert_eq!(text("svc,zsort,svc"), text("svc").repeat(2));
        assert_eq!(dump("help").len(), 9);
        assert!(text("help,acl").starts_with("# List of supported keyword classes:\nall: list all keywords\nacl: "));
    }
}
