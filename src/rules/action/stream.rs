//! Actions on the stream's own settings: set-log-level, set-nice, set-status, strict-mode.

use super::header::header_name;
use super::reply::clean;
use super::words::exactly;
use crate::expr::LogFormat;
use crate::keyword::{Meta, Needs, Result, Scope, Status, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "early-hint",
            "early-hint <name> <fmt>",
            "Adds a field to a response 103 (RFC 8297) that a client of HTTP/1.1 gets before any other one.",
            &[(
                "early-hint Link </style.css>;rel=preload",
                "hint HTTP/1.1 103 Early Hints hint link: </style.css>;rel=preload hint ",
            )],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: early_hint,
    },
    Action {
        meta: Meta::new(
            "set-log-level",
            "set-log-level <level>",
            "Changes the level of this stream's log line: emerg, alert, crit, err, warning, notice, info, debug; silent logs nothing. \
             The last rule wins.",
            &[("set-log-level silent", "log level 8"), ("set-log-level err", "log level 3")],
        ),
        hooks: Hooks::TCP_REQ_CONT.union(Hooks::TCP_RES_CONT).union(Hooks::HTTP),
        bind: set_log_level,
    },
    Action {
        meta: Meta {
            name: "set-nice",
            usage: "set-nice <nice>",
            doc: "Sets the priority of this stream against others of the same process.",
            examples: &[("set-nice 100", "")],
            status: Status::Accepted(
                "streams of a core take turns: there is no queue of tasks that a priority could order",
            ),
            experimental: false,
        },
        hooks: Hooks::TCP_REQ_CONT.union(Hooks::TCP_RES_CONT).union(Hooks::HTTP_REQ).union(Hooks::HTTP_RES),
        bind: |words, _| {
            exactly::<1>(words, "expects exactly 1 argument (integer value)")?;
            Ok(nothing())
        },
    },
    Action {
        meta: Meta::new(
            "set-status",
            "set-status <status> [reason <str>]",
            "Replaces the status of the response (100 to 999) and its reason; without one, the reason is the usual one.",
            &[
                ("set-status 418", "-HTTP/1.1 200 OK +HTTP/1.1 418 I'm a teapot"),
                ("set-status 503 reason \"Slow Down\"", "-HTTP/1.1 200 OK +HTTP/1.1 503 Slow Down"),
                ("set-status 299", "-HTTP/1.1 200 OK +HTTP/1.1 299 Success"),
            ],
        ),
        hooks: Hooks::HTTP_RES.union(Hooks::HTTP_AFTER),
        bind: set_status,
    },
    Action {
        meta: Meta {
            name: "strict-mode",
            usage: "strict-mode { on | off }",
            doc: "Says whether a rewrite that fails for lack of room is an internal error.",
            examples: &[("strict-mode on", ""), ("strict-mode off", "")],
            status: Status::Accepted("a rewrite does not fail here: edited fields have room of their own"),
            experimental: false,
        },
        hooks: Hooks::HTTP,
        bind: |words, _| {
            let [word] = exactly(words, "expects exactly 1 arguments")?;
            match word.as_str() {
                "on" | "off" => Ok(nothing()),
                other => {
                    Err(words.error_last(format!("Unexpected value '{other}'. Only 'on' and 'off' are supported")))
                }
            }
        },
    },
];

fn nothing() -> Bound {
    Bound::new(Needs::empty(), |_| Verdict::Next)
}

/// The start line of a response 103 as HAProxy counts it: see `Msg::size`.
const EARLY_HINT_SIZE: u64 = 29 + "103Early Hints".len() as u64;

fn early_hint(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let [name, format] = exactly(words, "expects exactly 2 arguments")?;
    let (name, format) = (header_name(name, scope), LogFormat::bind(format, scope)?);
    Ok(Bound::new(format.needs(), move |txn| {
        txn.with_text(&format, |txn, text| {
            let hints = &mut txn.stream.hints;
            // Each rule makes a response of its own, as in HAProxy.
            hints.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\n");
            hints.extend_from_slice(name.as_bytes());
            hints.extend_from_slice(b": ");
            let start = hints.len();
            hints.extend_from_slice(text);
            clean(hints, start);
            hints.extend_from_slice(b"\r\n\r\n");
            txn.stream.hint_bytes += EARLY_HINT_SIZE + (name.as_bytes().len() + text.len()) as u64;
        });
        Verdict::Next
    }))
}

fn set_log_level(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    let message = "expects exactly 1 argument (log level name or 'silent')";
    let [word] = exactly(words, message)?;
    let Some(level) = LEVELS.iter().position(|level| *level == word.as_str()) else {
        return Err(Box::new(words.error_last(message).help(format!("the levels are {}", LEVELS.join(", ")))));
    };
    Ok(Bound::new(Needs::empty(), move |txn| {
        txn.stream.log_level = Some(level as u8);
        Verdict::Next
    }))
}

fn set_status(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    let message = "expects an integer status code between 100 and 999";
    let [word] = exactly(words, message)?;
    let status = word.as_str().parse::<u16>().ok().filter(|status| (100..=999).contains(status));
    let Some(status) = status else { return Err(words.error_last(message)) };
    let reason = if words.take("reason") {
        let [reason] = exactly(words, "'reason' expects a text as argument")?;
        Some(reason.as_bytes().to_vec())
    } else {
        None
    };
    Ok(Bound::new(Needs::empty(), move |txn| {
        if let Some(mut msg) = txn.message() {
            msg.set_status(status, reason.as_deref());
        }
        Verdict::Next
    }))
}

/// The index is the level of `StreamFacts::log_level`.
const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent"];
