//! Actions on header fields: add-header, del-header, replace-header, replace-value, set-header.

use super::words::{exactly, regex};
use crate::diag::{Diagnostic, Word};
use crate::expr::{Dir, LogFormat};
use crate::http::{HeaderName, MsgMut};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::pattern::regex::Regex;
use crate::rules::rewrite::{self, Replacement};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "add-header",
            "add-header <name> <fmt>",
            "Appends a header field. Fields of the same name stay.",
            &[
                ("add-header X-Forwarded-Proto https", "+x-forwarded-proto: https"),
                ("add-header accept %[src]", "+accept: 192.0.2.7"),
            ],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| {
            let (name, value) = name_and_format(words, scope)?;
            Ok(write(name, value, false, |msg, name, text| msg.add(name, text)))
        },
    },
    Action {
        meta: Meta::new(
            "set-header",
            "set-header <name> <fmt>",
            "Removes the header fields of that name and appends one. The value is made before, so that it may hold the old one.",
            &[
                ("set-header X-Real-IP %[src]", "+x-real-ip: 192.0.2.7"),
                ("set-header user-agent %[req.hdr(user-agent)]!", "-user-agent: curl/8.5.0 +user-agent: curl/8.5.0!"),
                ("set-header Host other.example", "-host: example.com +host: other.example"),
            ],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| {
            let (name, value) = name_and_format(words, scope)?;
            Ok(write(name, value, true, |msg, name, text| msg.set(name, text)))
        },
    },
    Action {
        meta: Meta::new(
            "del-header",
            "del-header <name> [ -m <meth> ]",
            "Removes the header fields of that name, or with -m those whose name begins (beg) or ends (end) with it, contains it \
             (sub) or matches it as a regular expression (reg).",
            &[
                ("del-header accept", "-accept: text/html, */*;q=0.1"),
                ("del-header x-l -m beg", "-x-list: a, b ,c -x-list: d"),
                ("del-header ^(accept|user-agent)$ -m reg", "-user-agent: curl/8.5.0 -accept: text/html, */*;q=0.1"),
            ],
        ),
        hooks: Hooks::HTTP,
        bind: del_header,
    },
    Action {
        meta: Meta::new(
            "replace-header",
            "replace-header <name> <match-regex> <replace-fmt>",
            "Replaces each whole value of the header fields of that name that the expression matches. \\1 to \\9 stand for groups.",
            &[
                (
                    "replace-header User-Agent curl/(.*) \"like curl \\\\1\"",
                    "-user-agent: curl/8.5.0 +user-agent: like curl 8.5.0",
                ),
                ("replace-header User-Agent nomatch x", ""),
            ],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| {
            let (name, regex, by) = name_regex_format(words, scope)?;
            Ok(rewrite(name, by, move |msg, name, by| {
                msg.replace_values(name, |value, out| rewrite::apply(&regex, by, value, out))
            }))
        },
    },
    Action {
        meta: Meta::new(
            "replace-value",
            "replace-value <name> <match-regex> <replace-fmt>",
            "As replace-header, for each comma-separated value of the fields instead of whole fields.",
            &[("replace-value X-List ^[bd]$ <\\\\0>", "-x-list: a, b ,c -x-list: d +x-list: a,<b>,c +x-list: <d>")],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| {
            let (name, regex, by) = name_regex_format(words, scope)?;
            Ok(rewrite(name, by, move |msg, name, by| {
                msg.replace_elements(name, |value, out| rewrite::apply(&regex, by, value, out))
            }))
        },
    },
];

/// `replaces` tells a `Host` that takes the place of the old one, which an absolute target must follow.
fn write(name: HeaderName, value: LogFormat, replaces: bool, edit: fn(&mut MsgMut<'_>, &HeaderName, &[u8])) -> Bound {
    Bound::new(value.needs(), move |txn| {
        txn.with_text(&value, |txn, text| {
            let request = txn.dir == Dir::Request;
            if let Some(mut msg) = txn.message() {
                edit(&mut msg, &name, text);
                if replaces && request && name == HeaderName::HOST {
                    rewrite::target_follows_host(&mut msg, text);
                }
            }
        });
        Verdict::Next
    })
}

fn rewrite(
    name: HeaderName,
    by: Replacement,
    edit: impl Fn(&mut MsgMut<'_>, &HeaderName, &rewrite::Ready<'_>) + Send + Sync + 'static,
) -> Bound {
    Bound::new(by.needs(), move |txn| {
        by.ready(txn, |txn, by| {
            let request = txn.dir == Dir::Request;
            if let Some(mut msg) = txn.message() {
                edit(&mut msg, &name, by);
                if request && name == HeaderName::HOST {
                    let host = msg.read().host().unwrap_or_default().to_vec();
                    rewrite::target_follows_host(&mut msg, &host);
                }
            }
        });
        Verdict::Next
    })
}

fn del_header(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let Some(word) = words.next_word().filter(|word| !word.is_empty()) else {
        return Err(words.error_last("expects at least 1 argument"));
    };
    if !words.take("-m") {
        let name = header_name(word, scope);
        return Ok(Bound::new(Needs::empty(), move |txn| {
            if let Some(mut msg) = txn.message() {
                msg.del(&name);
            }
            Verdict::Next
        }));
    }
    let Some(method) = words.next_word() else { return Err(words.error_here("-m flag expects exactly 1 argument")) };
    let part = word.as_bytes().to_ascii_lowercase();
    Ok(match method.as_str() {
        "str" => delete(move |name| name == part),
        "beg" => delete(move |name| name.starts_with(&part)),
        "end" => delete(move |name| name.ends_with(&part)),
        "sub" => {
            let finder = memchr::memmem::Finder::new(&part).into_owned();
            delete(move |name| finder.find(name).is_some())
        }
        "reg" => {
            let regex = regex(word)?;
            delete(move |name| regex.is_match(name))
        }
        other => {
            let error = words.error_last(format!("-m with unsupported matching method '{other}'"));
            return Err(Box::new(error.help("the methods are str, beg, end, sub and reg")));
        }
    })
}

/// Deletes the fields whose name, in lower case, the test accepts.
fn delete(test: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Bound {
    Bound::new(Needs::empty(), move |txn| {
        if let Some(mut msg) = txn.message() {
            msg.del_where(|field| test(field.name));
        }
        Verdict::Next
    })
}

fn name_and_format(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<(HeaderName, LogFormat)> {
    let [name, format] = exactly(words, "expects exactly 2 arguments")?;
    Ok((header_name(name, scope), LogFormat::bind(format, scope)?))
}

fn name_regex_format(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<(HeaderName, Regex, Replacement)> {
    let [name, pattern, format] = exactly(words, "expects exactly 3 arguments")?;
    Ok((header_name(name, scope), regex(pattern)?, Replacement::bind(format, scope)?))
}

/// Prepares a name; bytes that no header name may hold are worth a warning, as in HAProxy.
pub(super) fn header_name(word: &Word, scope: &Scope<'_>) -> HeaderName {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if let Some(at) = word.as_bytes().iter().position(|byte| !token(byte)) {
        let bad = char::from(word.as_bytes()[at]);
        let message = format!("header name '{}' contains forbidden character '{bad}'.", word.as_str());
        scope.diags.push(Diagnostic::warning("header-name", message).at(word.part(at..at + 1)));
    }
    HeaderName::new(word.as_bytes())
}
