//! Actions on the request line: set-method, set-path, set-pathq, set-query, set-uri, replace-path, replace-pathq, replace-uri.

use super::words::{exactly, regex};
use crate::expr::LogFormat;
use crate::http::{Invalid, Msg, MsgMut, Normalizer, normalize};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::rewrite::{self, Replacement};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "normalize-uri",
            "normalize-uri { fragment-encode | fragment-strip | path-merge-slashes | path-strip-dot | path-strip-dotdot [ full ] | \
             percent-decode-unreserved [ strict ] | percent-to-uppercase [ strict ] | query-sort-by-name }",
            "Normalises path and query in one respect. What is malformed is answered with 400 by `strict`, and left as it is else.",
            &[
                ("normalize-uri path-strip-dotdot", ""),
                ("normalize-uri query-sort-by-name", ""),
                ("normalize-uri percent-to-uppercase strict", ""),
            ],
        )
        .experimental(),
        hooks: Hooks::HTTP_REQ,
        bind: normalize_uri,
    },
    Action {
        meta: Meta::new(
            "set-method",
            "set-method <fmt>",
            "Replaces the method of the request.",
            &[("set-method POST", "-GET /a/b?c=d HTTP/1.1 +POST /a/b?c=d HTTP/1.1")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| set(words, scope, |msg, text| msg.set_method(text)),
    },
    Action {
        meta: Meta::new(
            "set-path",
            "set-path <fmt>",
            "Replaces the path; scheme, authority and query stay. A target without a path, such as `*`, is replaced.",
            &[("set-path /%[req.hdr(host)]%[path]", "-GET /a/b?c=d HTTP/1.1 +GET /example.com/a/b?c=d HTTP/1.1")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| {
            set(words, scope, |msg, text| match lacks_path(msg.read()) {
                true => msg.set_target(text),
                false => msg.set_path(text),
            })
        },
    },
    Action {
        meta: Meta::new(
            "set-pathq",
            "set-pathq <fmt>",
            "Replaces path and query.",
            &[("set-pathq /new", "-GET /a/b?c=d HTTP/1.1 +GET /new HTTP/1.1")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| {
            set(words, scope, |msg, text| match lacks_path(msg.read()) {
                true => msg.set_target(text),
                false => msg.set_path_and_query(text),
            })
        },
    },
    Action {
        meta: Meta::new(
            "set-query",
            "set-query <fmt>",
            "Replaces the query. A question mark that is there stays, even before an empty query.",
            &[
                ("set-query x=%[src]", "-GET /a/b?c=d HTTP/1.1 +GET /a/b?x=192.0.2.7 HTTP/1.1"),
                ("set-query %[req.hdr(none)]", "-GET /a/b?c=d HTTP/1.1 +GET /a/b? HTTP/1.1"),
            ],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| set(words, scope, set_query),
    },
    Action {
        meta: Meta::new(
            "set-uri",
            "set-uri <fmt>",
            "Replaces the whole target. An absolute one is sent as it is, and its authority becomes the Host.",
            &[
                ("set-uri /u?v", "-GET /a/b?c=d HTTP/1.1 +GET /u?v HTTP/1.1"),
                (
                    "set-uri http://other.example/u",
                    "-GET /a/b?c=d HTTP/1.1 -host: example.com +GET http://other.example/u HTTP/1.1 +host: other.example",
                ),
            ],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| {
            set(words, scope, |msg, text| {
                msg.set_target(text);
                rewrite::host_follows_target(msg);
            })
        },
    },
    Action {
        meta: Meta::new(
            "replace-path",
            "replace-path <match-regex> <replace-fmt>",
            "Replaces the path if the expression matches it; scheme, authority and query stay.",
            &[
                ("replace-path (.*) /foo\\\\1", "-GET /a/b?c=d HTTP/1.1 +GET /foo/a/b?c=d HTTP/1.1"),
                ("replace-path /a/(.*) /\\\\1", "-GET /a/b?c=d HTTP/1.1 +GET /b?c=d HTTP/1.1"),
                ("replace-path /nomatch /", ""),
            ],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| replace(words, scope, |msg| msg.path(), |msg, text| msg.set_path(text)),
    },
    Action {
        meta: Meta::new(
            "replace-pathq",
            "replace-pathq <match-regex> <replace-fmt>",
            "Replaces path and query if the expression matches them.",
            &[("replace-pathq ([^?]*)(\\?(.*))? \\\\1/foo\\\\2", "-GET /a/b?c=d HTTP/1.1 +GET /a/b/foo?c=d HTTP/1.1")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| {
            replace(words, scope, |msg| msg.path_and_query(), |msg, text| msg.set_path_and_query(text))
        },
    },
    Action {
        meta: Meta::new(
            "replace-uri",
            "replace-uri <match-regex> <replace-fmt>",
            "Replaces the whole target if the expression matches it.",
            &[("replace-uri ^/(.*) /x/\\\\1", "-GET /a/b?c=d HTTP/1.1 +GET /x/a/b?c=d HTTP/1.1")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |words, scope| {
            replace(
                words,
                scope,
                |msg| Some(msg.target()),
                |msg, text| {
                    msg.set_target(text);
                    rewrite::host_follows_target(msg);
                },
            )
        },
    },
];

fn set(words: &mut Words<'_>, scope: &Scope<'_>, edit: fn(&mut MsgMut<'_>, &[u8])) -> Result<Bound> {
    let message = "expects exactly 1 argument <format>";
    let [format] = exactly(words, message)?;
    if words.peek().is_some_and(|word| !matches!(word.as_str(), "if" | "unless")) {
        return Err(words.error_here(message));
    }
    let format = LogFormat::bind(format, scope)?;
    Ok(Bound::new(format.needs(), move |txn| {
        txn.with_text(&format, |txn, text| {
            if let Some(mut msg) = txn.message() {
                edit(&mut msg, text);
            }
        });
        Verdict::Next
    }))
}

fn replace(
    words: &mut Words<'_>,
    scope: &Scope<'_>,
    part: for<'m> fn(Msg<'m>) -> Option<&'m [u8]>,
    edit: fn(&mut MsgMut<'_>, &[u8]),
) -> Result<Bound> {
    let message = "expects exactly 2 arguments <match-regex> and <replace-format>";
    let [pattern, format] = exactly(words, message)?;
    if words.peek().is_some_and(|word| !matches!(word.as_str(), "if" | "unless")) {
        return Err(words.error_here(message));
    }
    let (regex, by) = (regex(pattern)?, Replacement::bind(format, scope)?);
    Ok(Bound::new(by.needs(), move |txn| {
        by.ready(txn, |txn, by| {
            let Some(mut msg) = txn.message() else { return };
            let Some(value) = part(msg.read()) else { return };
            let mut text = Vec::with_capacity(value.len() + 16);
            if rewrite::apply(&regex, by, value, &mut text) {
                edit(&mut msg, &text);
            }
        });
        Verdict::Next
    }))
}

fn normalize_uri(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    let Some(name) = words.next_word() else { return Err(words.error_here("missing argument <normalizer>")) };
    let mut option = |option: &str| match words.peek_str() {
        "" | "if" | "unless" => Ok(false),
        found if found == option => {
            words.next_word();
            Ok(true)
        }
        found => Err(words.error_here(format!("unknown argument '{found}' for '{}' normalizer", name.as_str()))),
    };
    let how = match name.as_str() {
        "fragment-encode" => Normalizer::FragmentEncode,
        "fragment-strip" => Normalizer::FragmentStrip,
        "path-merge-slashes" => Normalizer::PathMergeSlashes,
        "path-strip-dot" => Normalizer::PathStripDot,
        "path-strip-dotdot" => Normalizer::PathStripDotdot { full: option("full")? },
        "percent-decode-unreserved" => Normalizer::DecodeUnreserved { strict: option("strict")? },
        "percent-to-uppercase" => Normalizer::ToUppercase { strict: option("strict")? },
        "query-sort-by-name" => Normalizer::QuerySortByName,
        other => return Err(words.error_last(format!("unknown normalizer '{other}'"))),
    };
    Ok(Bound::new(Needs::REQ_HEAD, move |txn| {
        let Some(mut msg) = txn.message() else { return Verdict::Next };
        let Some(old) = msg.read().path_and_query() else { return Verdict::Next };
        match normalize(how, old) {
            Err(Invalid) => return Verdict::Done(Final::Malformed),
            Ok(new) if new != old => msg.set_path_and_query(&new),
            Ok(_) => {}
        }
        Verdict::Next
    }))
}

fn lacks_path(msg: Msg<'_>) -> bool {
    let uri = msg.uri();
    uri.path.is_none() && uri.authority.is_none()
}

fn set_query(msg: &mut MsgMut<'_>, text: &[u8]) {
    if !text.is_empty() || msg.read().query().is_none() {
        return msg.set_query(text);
    }
    let path = msg.read().path().unwrap_or_default();
    let kept = [path, b"?"].concat();
    msg.set_path_and_query(&kept);
}
