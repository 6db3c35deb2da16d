//! Words of releases 1.x to 2.0 that HAProxy dropped. Where today's spelling means the same, the line runs as if it were
//! written so, with a warning that shows it; else the error says what to write instead.

use super::table::sentence;
use crate::diag::{Diagnostic, Word};
use crate::keyword::known::Class;
use crate::keyword::{Error, Example, Meta, Sections};

/// A line in today's spelling; no words where the line has no meaning any more.
pub(super) struct Rewritten {
    pub(super) words: Vec<Word>,
    pub(super) warning: Diagnostic,
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

/// Today's spelling of a line that begins with a dropped word.
pub(super) fn rewrite(words: &[Word]) -> Option<Rewritten> {
    let (first, rest) = words.split_first()?;
    let name = first.as_str();
    let (modern, kept) = match (name, rest.first().map(Word::as_str)) {
        ("clitimeout", _) => (words_at("timeout client", first), rest),
        ("srvtimeout", _) => (words_at("timeout server", first), rest),
        ("contimeout", _) => (words_at("timeout connect", first), rest),
        ("redispatch", _) => (words_at("option redispatch", first), rest),
        ("block", _) => (words_at("http-request deny", first), rest),
        ("reqadd", Some(_)) => (header(first, rest, "http-request add-header")?, rest.get(1..)?),
        ("rspadd", Some(_)) => (header(first, rest, "http-response add-header")?, rest.get(1..)?),
        ("reqdel" | "reqidel", Some(_)) => (deleted(first, rest, "http-request del-header")?, rest.get(1..)?),
        ("rspdel" | "rspidel", Some(_)) => (deleted(first, rest, "http-response del-header")?, rest.get(1..)?),
        ("option", Some("forceclose")) => (words_at("option httpclose", first), rest.get(1..)?),
        ("option", Some("http-use-htx" | "http-tunnel")) => (Vec::new(), &[][..]),
        ("nbproc" | "bind-process" | "debug" | "grace", _) => (Vec::new(), &[][..]),
        ("stats", Some("bind-process")) => (Vec::new(), &[][..]),
        _ => return None,
    };
    let modern: Vec<Word> = modern.into_iter().chain(kept.iter().cloned()).collect();
    let old = if matches!(name, "option" | "stats") { format!("{name} {}", rest.first()?) } else { name.to_owned() };
    let span = words.iter().fold(first.span, |span, word| span.to(word.span));
    let warning = if modern.is_empty() {
        let text = format!("'{old}' has no effect any more.");
        Diagnostic::warning("legacy", text).at(span).help("remove the line: HAProxy refuses it")
    } else {
        let text = format!("'{old}' is not supported anymore since HAProxy 2.1 and read in today's spelling.");
        let line = modern.iter().map(quoted).collect::<Vec<_>>().join(" ");
        Diagnostic::warning("legacy", text).at(span).help(format!("write: {line}"))
    };
    Some(Rewritten { words: modern, warning })
}

/// The error for a dropped word that has no direct successor.
pub(super) fn removed(word: &Word) -> Option<Error> {
    let (_, instead) = REMOVED.iter().find(|(name, _)| *name == word.as_str())?;
    let message = format!("The '{word}' directive is not supported anymore since HAProxy 2.1. {instead}");
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

/// The name in a pattern such as `^X-Name:.*`; other patterns have no direct successor.
fn deleted(first: &Word, rest: &[Word], action: &str) -> Option<Vec<Word>> {
    let pattern = rest.first()?;
    let (name, behind) = pattern.as_str().strip_prefix('^')?.split_once(':')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain || name.is_empty() || !matches!(behind.trim(), "" | ".*" | "\\ .*" | "[ ]*.*") {
        return None;
    }
    let mut words = words_at(action, first);
    words.push(Word::new(name, pattern.span));
    Some(words)
}

/// A word as it has to be written.
fn quoted(word: &Word) -> String {
    let text = word.as_str();
    let plain = !text.is_empty() && !text.contains([' ', '\t', '"', '\'', '\\', '#', '$']);
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

const REMOVED: [(&str, &str); 22] = [
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
    ("appsession", "Use 'cookie' or 'stick on' instead."),
    ("monitor-net", "Use 'http-request return status 200 if { src ... }' instead."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    fn modern(line: &[&str]) -> Option<String> {
        let words: Vec<Word> = line.iter().map(|word| Word::new(*word, Span::nowhere())).collect();
        rewrite(&words).map(|found| found.words.iter().map(quoted).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn old_lines_read_in_todays_spelling() {
        assert_eq!(modern(&["clitimeout", "5000"]).as_deref(), Some("timeout client 5000"));
        assert_eq!(
            modern(&["reqadd", "X-Proto: https 100%", "if", "a"]).as_deref(),
            Some("http-request add-header X-Proto 'https 100%%' if a")
        );
        assert_eq!(modern(&["rspidel", "^Server:.*"]).as_deref(), Some("http-response del-header Server"));
        assert_eq!(modern(&["rspidel", "^Ser.*:.*"]), None);
        assert_eq!(modern(&["option", "forceclose"]).as_deref(), Some("option httpclose"));
        assert_eq!(modern(&["nbproc", "4"]).as_deref(), Some(""));
        assert_eq!(modern(&["reqrep", "a", "b"]), None);
    }
}
