//! Words of releases 1.x to 2.0 that HAProxy dropped. Where today's spelling means the same, the line runs as if it were
//! written so, with a warning that shows it; else the error says what to write instead.

use super::table::sentence;
use crate::diag::{Diagnostic, Span, Word};
use crate::keyword::known::Class;
use crate::keyword::{Error, Example, Meta, Sections};
use crate::rules::action::OLD_LINES;

mod lines;

/// A line with a dropped word, and what it means.
pub(super) struct Rewritten {
    pub(super) means: Means,
    pub(super) warning: Diagnostic,
}

/// What a line with a dropped word means.
pub(super) enum Means {
    /// Nothing any more.
    Nothing,
    /// A line in today's spelling.
    Line(Vec<Word>),
    /// A rule that ran before or behind those of today; the words begin with the rule set or with the dropped word.
    Rule(OldList, Vec<Word>),
}

/// The places of old rules, beside `http-request` and `http-response`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldList {
    /// `block`, `monitor-net`: before all others.
    First,
    /// `reqrep`, `rspdel`: on whole lines.
    Lines,
    /// `reqadd`, `rspadd`: behind those.
    Added,
}

/// The dropped words that HAProxy 3.4 still lists, for the reference.
pub(super) static LISTED: &[(Class, Sections, Meta)] = &[
    (Class::Global, Sections::GLOBAL, Meta::accepted("nbproc", "nbproc <number>", "one process serves all cores")),
    (
        Class::Proxy,
        Sections::D_FE,
        Meta::new("clitimeout", "clitimeout <timeout>", "Is read as 'timeout client', with a warning.", TIMEOUT_CLIENT),
    ),
    (
        Class::Proxy,
        Sections::D_BE,
        Meta::new(
            "contimeout",
            "contimeout <timeout>",
            "Is read as 'timeout connect', with a warning.",
            TIMEOUT_CONNECT,
        ),
    ),
    (
        Class::Proxy,
        Sections::D_BE,
        Meta::new("srvtimeout", "srvtimeout <timeout>", "Is read as 'timeout server', with a warning.", TIMEOUT_SERVER),
    ),
];

const TIMEOUT_CLIENT: &[Example] = &[("clitimeout 7s", "timeout client 7000")];
const TIMEOUT_CONNECT: &[Example] = &[("contimeout 7s", "timeout connect 7000")];
const TIMEOUT_SERVER: &[Example] = &[("srvtimeout 7s", "timeout server 7000")];

/// What a line that begins with a dropped word means; `http` is the mode of the proxy.
pub(super) fn rewrite(words: &[Word], http: bool) -> Option<Rewritten> {
    let (first, rest) = words.split_first()?;
    if let Some(found) = on_lines(words) {
        return Some(found);
    }
    let name = first.as_str();
    let (modern, kept) = match (name, rest.first().map(Word::as_str)) {
        ("clitimeout", _) => (words_at("timeout client", first), rest),
        ("srvtimeout", _) => (words_at("timeout server", first), rest),
        ("contimeout", _) => (words_at("timeout connect", first), rest),
        ("timeout", Some("clitimeout")) => (words_at("timeout client", first), rest.get(1..)?),
        ("timeout", Some("srvtimeout")) => (words_at("timeout server", first), rest.get(1..)?),
        ("timeout", Some("contimeout")) => (words_at("timeout connect", first), rest.get(1..)?),
        ("redispatch", _) => (words_at("option redispatch", first), rest),
        ("block", _) => (words_at("http-request deny", first), rest),
        ("monitor-net", Some(_)) => (monitor_net(first, rest.first()?, http), rest.get(1..)?),
        ("reqadd", Some(_)) => (header(first, rest, "http-request add-header")?, rest.get(1..)?),
        ("rspadd", Some(_)) => (header(first, rest, "http-response add-header")?, rest.get(1..)?),
        ("reqsetbe" | "reqisetbe", Some(_)) => (lines::modern(words)?.words, &[][..]),
        ("option", Some("forceclose")) => (words_at("option httpclose", first), rest.get(1..)?),
        ("option", Some("tcpsplice")) => (words_at("option splice-auto", first), rest.get(1..)?),
        ("option", Some("independant-streams")) => (words_at("option independent-streams", first), rest.get(1..)?),
        ("option", Some("http-use-htx" | "http-tunnel")) => (Vec::new(), &[][..]),
        ("nbproc" | "bind-process" | "debug" | "grace", _) => (Vec::new(), &[][..]),
        ("stats", Some("bind-process")) => (Vec::new(), &[][..]),
        _ => return None,
    };
    let modern: Vec<Word> = modern.into_iter().chain(kept.iter().cloned()).collect();
    let two = matches!(name, "option" | "stats" | "timeout");
    let old = if two { format!("{name} {}", rest.first()?) } else { name.to_owned() };
    if modern.is_empty() {
        let text = format!("'{old}' has no effect any more.");
        let warning = Diagnostic::warning("legacy", text).at(span_of(words));
        return Some(Rewritten { means: Means::Nothing, warning: warning.help("remove the line: HAProxy refuses it") });
    }
    let warning = read_today(&old, words).help(format!("write: {}", line_of(&modern)));
    let means = match name {
        "block" => Means::Rule(OldList::First, modern),
        "monitor-net" if http => Means::Rule(OldList::First, modern),
        "reqadd" | "rspadd" => Means::Rule(OldList::Added, modern),
        _ => Means::Line(modern),
    };
    Some(Rewritten { means, warning })
}

/// `reqrep` and its relatives, which run as they ran; today's words are shown where there are any.
fn on_lines(words: &[Word]) -> Option<Rewritten> {
    let first = words.first()?;
    let action = OLD_LINES.iter().find(|action| action.meta.name == first.as_str())?;
    let help = match lines::modern(words) {
        Some(modern) if modern.exact => format!("write: {}", line_of(&modern.words)),
        Some(modern) => format!("near to it is: {}", line_of(&modern.words)),
        None => REMOVED.iter().find(|(name, _)| *name == action.meta.name)?.1.to_owned(),
    };
    let warning = Diagnostic::warning(
        "legacy",
        format!("'{first}' is not supported anymore since HAProxy 2.1 and runs as it ran before."),
    );
    let warning = warning.at(span_of(words)).help(help);
    Some(Rewritten { means: Means::Rule(OldList::Lines, words.to_vec()), warning })
}

fn read_today(old: &str, words: &[Word]) -> Diagnostic {
    let text = format!("'{old}' is not supported anymore since HAProxy 2.1 and read in today's spelling.");
    Diagnostic::warning("legacy", text).at(span_of(words))
}

fn span_of(words: &[Word]) -> Span {
    let first = words.first().map_or_else(Span::nowhere, |word| word.span);
    words.iter().fold(first, |span, word| span.to(word.span))
}

/// Connections from there were answered at once; in TCP mode they were closed.
fn monitor_net(first: &Word, net: &Word, http: bool) -> Vec<Word> {
    let text = if http { "http-request return status 200 if { src" } else { "tcp-request connection reject if { src" };
    let mut words = words_at(text, first);
    words.extend([net.clone(), Word::new("}", net.span)]);
    words
}

/// The error for a dropped word that has no direct successor.
pub(super) fn removed(word: &Word) -> Option<Error> {
    let (_, instead) = REMOVED.iter().find(|(name, _)| *name == word.as_str())?;
    let since = if word.as_str() == "appsession" { "1.6" } else { "2.1" };
    let message = format!("The '{word}' directive is not supported anymore since HAProxy {since}. {instead}");
    Some(sentence(word.span, "removed", message))
}

fn words_at(text: &str, at: &Word) -> Vec<Word> {
    text.split(' ').map(|word| Word::new(word, at.span)).collect()
}

/// `Name: value` as two words; what is a format string today was plain text then.
fn header(first: &Word, rest: &[Word], action: &str) -> Option<Vec<Word>> {
    let line = rest.first()?;
    let (name, value) = line.as_str().split_once(':')?;
    let mut words = words_at(action, first);
    words.push(Word::new(name.trim(), line.span));
    words.push(Word::new(value.trim().replace('%', "%%"), line.span));
    Some(words)
}

/// The error for a dropped option.
pub(super) fn removed_option(word: &Word) -> Option<Error> {
    let (name, why) = ("http_proxy", HTTP_PROXY);
    (word.as_str() == name).then(|| {
        let message = format!("option '{name}' is not supported any more since HAProxy 2.5. {why}");
        sentence(word.span, "removed", message)
    })
}

const HTTP_PROXY: &str = "It forwarded to whatever address a request named, for anybody who could reach it. Name the servers in a \
                          backend, or take a forward proxy.";

/// Words as a line to copy.
fn line_of(words: &[Word]) -> String {
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word as it has to be written.
fn quoted(word: &Word) -> String {
    let text = word.as_str();
    let plain = !text.is_empty() && !text.contains([' ', '\t', '"', '\'', '\\', '#', '$']);
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

const REMOVED: [(&str, &str); 24] = [
    ("reqadd", "Use 'http-request add-header' instead."),
    ("rspadd", "Use 'http-response add-header' instead."),
    ("reqdel", "Use 'http-request del-header' instead."),
    ("reqidel", "Use 'http-request del-header' instead."),
    ("rspdel", "Use 'http-response del-header' instead."),
    ("rspidel", "Use 'http-response del-header' instead."),
    ("reqrep", "Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead."),
    ("reqirep", "Use 'http-request replace-header' instead."),
    ("rsprep", "Use 'http-response replace-header' instead."),
    ("rspirep", "Use 'http-response replace-header' instead."),
    ("reqallow", "Use 'http-request allow' instead."),
    ("reqiallow", "Use 'http-request allow' instead."),
    ("reqpass", "Use 'http-request allow' instead."),
    ("reqipass", "Use 'http-request allow' instead."),
    ("reqdeny", "Use 'http-request deny' instead."),
    ("reqideny", "Use 'http-request deny' instead."),
    ("rspdeny", "Use 'http-response deny' instead."),
    ("rspideny", "Use 'http-response deny' instead."),
    ("reqtarpit", "Use 'http-request tarpit' instead."),
    ("reqitarpit", "Use 'http-request tarpit' instead."),
    ("reqsetbe", "Use 'use_backend' instead."),
    ("reqisetbe", "Use 'use_backend' instead."),
    ("appsession", "Use 'cookie' or 'stick on' instead."),
    ("monitor-net", "Use 'http-request return status 200 if { src ... }' instead."),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(line: &[&str]) -> Option<String> {
        let words: Vec<Word> = line.iter().map(|word| Word::new(*word, Span::nowhere())).collect();
        rewrite(&words, true).map(|found| match found.means {
            Means::Nothing => String::new(),
            Means::Line(words) => line_of(&words),
            Means::Rule(list, words) => format!("{list:?}: {}", line_of(&words)),
        })
    }

    #[test]
    fn old_lines_read_in_todays_spelling() {
        assert_eq!(modern(&["clitimeout", "5000"]).as_deref(), Some("timeout client 5000"));
        assert_eq!(modern(&["timeout", "srvtimeout", "5000"]).as_deref(), Some("timeout server 5000"));
        assert_eq!(
            modern(&["reqadd", "X-Proto: https 100%", "if", "a"]).as_deref(),
            Some("Added: http-request add-header X-Proto 'https 100%%' if a")
        );
        assert_eq!(modern(&["block", "if", "a"]).as_deref(), Some("First: http-request deny if a"));
        assert_eq!(
            modern(&["monitor-net", "10.0.0.0/8"]).as_deref(),
            Some("First: http-request return status 200 if { src 10.0.0.0/8 }")
        );
        assert_eq!(modern(&["rspidel", "^Server:.*"]).as_deref(), Some("Lines: rspidel ^Server:.*"));
        assert_eq!(modern(&["option", "forceclose"]).as_deref(), Some("option httpclose"));
        assert_eq!(modern(&["nbproc", "4"]).as_deref(), Some(""));
        assert_eq!(modern(&["reqisetbe", "^.*x", "b"]), None);
    }

    #[test]
    fn the_page_of_old_syntax_names_every_word() {
        let page = include_str!("../../../docs/old-syntax.md");
        let lines = OLD_LINES.iter().map(|action| action.meta.name);
        let listed = LISTED.iter().map(|(_, _, meta)| meta.name);
        for name in lines.chain(listed).chain(REMOVED.iter().map(|(name, _)| *name)) {
            let named = [format!("`{name}`"), format!("`{name} ")].iter().any(|text| page.contains(text));
            assert!(named, "{name}");
        }
    }
}
