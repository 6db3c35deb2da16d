//! Actions of releases up to 2.0 on whole lines: `reqrep`, `rspdel`, `reqdeny` and their relatives.
//!
//! A regular expression is applied to the start line and, unless that matched, to each header line `Name: value`. These
//! releases kept names as they came; here they are lower case, so that an expression that minds case is tried on
//! `Accept-Encoding: x` and then on `accept-encoding: x`.

use super::words::exactly;
use crate::diag::Diagnostic;
use crate::expr::Dir;
use crate::http::MsgMut;
use crate::keyword::{Example, Meta, Needs, Result, Words};
use crate::pattern::regex::{Groups, Regex, Template};
use crate::rules::{Action, Bound, Final, Hooks, Txn, Verdict};

macro_rules! line {
    ($name:literal, $usage:literal, $doc:literal, $hooks:expr, $bind:expr, $example:expr) => {
        Action {
            meta: Meta::new($name, concat!($name, " ", $usage), $doc, {
                const E: &[Example] = &[$example];
                E
            }),
            hooks: $hooks,
            bind: $bind,
        }
    };
}

/// The actions, by the directive of those releases. They have no name in rule sets.
pub static OLD_LINES: &[Action] = &[
    line!(
        "reqrep",
        "<search> <string>",
        "Replaces request lines.",
        Hooks::HTTP_REQ,
        |w, _| replace(w, false),
        ("reqrep ^User-Agent:\\ curl/(.*) User-Agent:\\ c\\1", "-user-agent: curl/8.5.0 +user-agent: c8.5.0")
    ),
    line!(
        "reqirep",
        "<search> <string>",
        "As reqrep, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| replace(w, true),
        ("reqirep ^user-AGENT:\\ CURL/(.*) X-Agent:\\ \\1", "-user-agent: curl/8.5.0 +x-agent: 8.5.0")
    ),
    line!(
        "reqdel",
        "<search>",
        "Removes request lines.",
        Hooks::HTTP_REQ,
        |w, _| delete(w, false),
        ("reqdel ^X-List:\\ d", "-x-list: d")
    ),
    line!(
        "reqidel",
        "<search>",
        "As reqdel, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| delete(w, true),
        ("reqidel ^x-list:\\ D", "-x-list: d")
    ),
    line!(
        "reqdeny",
        "<search>",
        "Answers 403 if a line matches.",
        Hooks::HTTP_REQ,
        |w, _| end(w, false, Final::Deny(403)),
        ("reqdeny ^User-Agent:\\ curl", "deny 403")
    ),
    line!(
        "reqideny",
        "<search>",
        "As reqdeny, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| end(w, true, Final::Deny(403)),
        ("reqideny ^USER-AGENT:\\ curl", "deny 403")
    ),
    line!(
        "reqtarpit",
        "<search>",
        "Answers 500 after a while if a line matches.",
        Hooks::HTTP_REQ,
        |w, _| end(w, false, Final::Tarpit(500)),
        ("reqtarpit ^User-Agent:\\ curl", "tarpit 500")
    ),
    line!(
        "reqitarpit",
        "<search>",
        "As reqtarpit, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| end(w, true, Final::Tarpit(500)),
        ("reqitarpit ^USER-AGENT:\\ curl", "tarpit 500")
    ),
    line!(
        "reqallow",
        "<search>",
        "Lets requests pass all later tests of lines if one matches.",
        Hooks::HTTP_REQ,
        |w, _| allow(w, false),
        ("reqallow ^User-Agent:\\ curl", "")
    ),
    line!(
        "reqiallow",
        "<search>",
        "As reqallow, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| allow(w, true),
        ("reqiallow ^USER-AGENT:\\ curl", "")
    ),
    line!(
        "reqpass",
        "<search>",
        "Skips the later tests and changes of lines if one matches.",
        Hooks::HTTP_REQ,
        |w, _| end(w, false, Final::Accept),
        ("reqpass ^User-Agent:\\ curl", "accept")
    ),
    line!(
        "reqipass",
        "<search>",
        "As reqpass, ignoring case.",
        Hooks::HTTP_REQ,
        |w, _| end(w, true, Final::Accept),
        ("reqipass ^USER-AGENT:\\ curl", "accept")
    ),
    line!(
        "rsprep",
        "<search> <string>",
        "Replaces response lines.",
        Hooks::HTTP_RES,
        |w, _| replace(w, false),
        ("rsprep ^Content-Type:\\ (.*) Content-Type:\\ x\\1", "-content-type: text/plain +content-type: xtext/plain")
    ),
    line!(
        "rspirep",
        "<search> <string>",
        "As rsprep, ignoring case.",
        Hooks::HTTP_RES,
        |w, _| replace(w, true),
        ("rspirep ^CONTENT-TYPE:\\ (.*) X-Type:\\ \\1", "-content-type: text/plain +x-type: text/plain")
    ),
    line!(
        "rspdel",
        "<search>",
        "Removes response lines.",
        Hooks::HTTP_RES,
        |w, _| delete(w, false),
        ("rspdel ^Content-Type:", "-content-type: text/plain")
    ),
    line!(
        "rspidel",
        "<search>",
        "As rspdel, ignoring case.",
        Hooks::HTTP_RES,
        |w, _| delete(w, true),
        ("rspidel ^CONTENT-TYPE:", "-content-type: text/plain")
    ),
    line!(
        "rspdeny",
        "<search>",
        "Answers 502 if a line matches.",
        Hooks::HTTP_RES,
        |w, _| end(w, false, Final::Deny(502)),
        ("rspdeny ^Content-Type:", "deny 502")
    ),
    line!(
        "rspideny",
        "<search>",
        "As rspdeny, ignoring case.",
        Hooks::HTTP_RES,
        |w, _| end(w, true, Final::Deny(502)),
        ("rspideny ^CONTENT-TYPE:", "deny 502")
    ),
];

/// A regular expression on lines.
struct Search {
    regex: Regex,
    /// Ignores case: one spelling of a name is enough.
    fold: bool,
}

impl Search {
    fn bind(word: &crate::diag::Word, fold: bool) -> Result<Search> {
        let regex = Regex::new(word.as_bytes(), fold).map_err(|error| {
            let message = format!("regular expression '{}' : {error}", word.as_str());
            Box::new(Diagnostic::alert("regex", message).at(word.span))
        })?;
        Ok(Search { regex, fold })
    }

    /// Finds the expression in a header line, which is left in `line`.
    fn in_field(&self, name: &[u8], value: &[u8], line: &mut Vec<u8>, groups: &mut Groups) -> bool {
        line.clear();
        line.extend_from_slice(name);
        line.extend_from_slice(b": ");
        line.extend_from_slice(value);
        if self.fold {
            return self.regex.captures(line, 0, groups);
        }
        let mut first = true;
        for byte in line.iter_mut().take(name.len()) {
            if first {
                byte.make_ascii_uppercase();
            }
            first = *byte == b'-';
        }
        if self.regex.captures(line, 0, groups) {
            return true;
        }
        line.iter_mut().take(name.len()).for_each(u8::make_ascii_lowercase);
        self.regex.captures(line, 0, groups)
    }

    /// Whether the start line or a header line matches.
    fn matches(&self, msg: &MsgMut<'_>, dir: Dir) -> bool {
        let (mut line, mut groups) = (Vec::new(), Groups::new());
        start_line(msg, dir, &mut line);
        self.regex.is_match(&line)
            || msg.read().fields().any(|field| self.in_field(field.name, field.value, &mut line, &mut groups))
    }
}

/// Writes the start line as it was received.
fn start_line(msg: &MsgMut<'_>, dir: Dir, out: &mut Vec<u8>) {
    let msg = msg.read();
    match dir {
        Dir::Request => {
            for part in [msg.method(), b" ", msg.target(), b" ", &msg.version().text()] {
                out.extend_from_slice(part);
            }
        }
        Dir::Response => {
            let status = msg.status().to_string();
            for part in [&msg.version().text()[..], b" ", status.as_bytes(), b" ", msg.reason()] {
                out.extend_from_slice(part);
            }
        }
    }
}

fn replace(words: &mut Words<'_>, fold: bool) -> Result<Bound> {
    let [search, string] = exactly(words, "expects <search> and <replace> as arguments.")?;
    let search = Search::bind(search, fold)?;
    let template = Template::new(string.as_bytes());
    Ok(Bound::new(Needs::empty(), move |txn| {
        let dir = txn.dir;
        let Some(mut msg) = txn.message() else { return Verdict::Next };
        let (mut line, mut text, mut groups) = (Vec::new(), Vec::new(), Groups::new());
        start_line(&msg, dir, &mut line);
        if search.regex.captures(&line, 0, &mut groups) {
            template.expand(&line, &groups, &mut text);
            return write_start(&mut msg, dir, &text);
        }
        // Fields that a replacement adds are behind the last one and not looked at.
        for index in 0..msg.head.fields.len() {
            let Some(field) = msg.read().fields().find(|field| field.index == index) else { continue };
            if !search.in_field(field.name, field.value, &mut line, &mut groups) {
                continue;
            }
            text.clear();
            template.expand(&line, &groups, &mut text);
            let mut lines = lines_of(&text);
            if let Some((name, value)) = lines.next().and_then(name_and_value) {
                msg.set_line(index, name, value);
            }
            add_fields(&mut msg, lines);
        }
        Verdict::Next
    }))
}

/// Takes a new start line, and the fields that a text of several lines has behind it.
fn write_start(msg: &mut MsgMut<'_>, dir: Dir, text: &[u8]) -> Verdict {
    let mut lines = lines_of(text);
    let first = lines.next().unwrap_or_default();
    let mut parts = first.splitn(3, |byte| *byte == b' ');
    let (one, two, three) = (parts.next(), parts.next(), parts.next());
    match dir {
        Dir::Request => {
            let (Some(method), Some(target)) = (one, two) else { return Verdict::Done(Final::Deny(400)) };
            if method.is_empty() || target.is_empty() {
                return Verdict::Done(Final::Deny(400));
            }
            if msg.read().method() != method {
                msg.set_method(method);
            }
            if msg.read().target() != target {
                msg.set_target(target);
            }
        }
        Dir::Response => {
            let status = two.and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse().ok());
            let Some(status) = status.filter(|status| (100..=599).contains(status)) else {
                return Verdict::Done(Final::Deny(502));
            };
            msg.set_status(status, Some(three.unwrap_or_default()));
        }
    }
    add_fields(msg, lines);
    Verdict::Next
}

fn add_fields<'a>(msg: &mut MsgMut<'_>, lines: impl Iterator<Item = &'a [u8]>) {
    for (name, value) in lines.filter_map(name_and_value) {
        msg.add_named(name, value);
    }
}

fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

/// The parts of a header line; none for a line that is no header.
fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (!name.is_empty() && name.iter().all(token)).then(|| (name, value.trim_ascii()))
}

/// A start line cannot be removed.
fn delete(words: &mut Words<'_>, fold: bool) -> Result<Bound> {
    let search = only(words, fold)?;
    Ok(Bound::new(Needs::empty(), move |txn| {
        if let Some(mut msg) = txn.message() {
            let (mut line, mut groups) = (Vec::new(), Groups::new());
            msg.del_where(|field| search.in_field(field.name, field.value, &mut line, &mut groups));
        }
        Verdict::Next
    }))
}

fn end(words: &mut Words<'_>, fold: bool, outcome: Final) -> Result<Bound> {
    let search = only(words, fold)?;
    Ok(Bound::new(Needs::empty(), move |txn| {
        let allowed = txn.stream.lines_allowed && outcome != Final::Accept;
        if !allowed && found(&search, txn) { Verdict::Done(outcome) } else { Verdict::Next }
    }))
}

fn allow(words: &mut Words<'_>, fold: bool) -> Result<Bound> {
    let search = only(words, fold)?;
    Ok(Bound::new(Needs::empty(), move |txn| {
        if found(&search, txn) {
            txn.stream.lines_allowed = true;
        }
        Verdict::Next
    }))
}

fn found(search: &Search, txn: &mut Txn<'_>) -> bool {
    let dir = txn.dir;
    txn.message().is_some_and(|msg| search.matches(&msg, dir))
}

fn only(words: &mut Words<'_>, fold: bool) -> Result<Search> {
    let [search] = exactly(words, "expects <regex> as an argument.")?;
    Search::bind(search, fold)
}
