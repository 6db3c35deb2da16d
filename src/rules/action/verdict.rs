//! Actions that end a rule set without an answer: accept, allow, close, reject.

use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "accept",
            "accept",
            "Ends the rule set: the connection, the request or the response passes.",
            &[("accept", "accept")],
        ),
        hooks: Hooks::TCP,
        bind: |_, _| Ok(end(Final::Accept)),
    },
    Action {
        meta: Meta::new("allow", "allow", "Ends the rule set: the message passes.", &[("allow", "accept")]),
        hooks: Hooks::HTTP,
        bind: |_, _| Ok(end(Final::Accept)),
    },
    Action {
        meta: Meta::new(
            "close",
            "close",
            "Ends the rule set and closes the connection to the server.",
            &[("close", "close")],
        ),
        hooks: Hooks::TCP_RES_CONT,
        bind: |_, _| Ok(end(Final::Close)),
    },
    Action {
        meta: Meta::new(
            "reject",
            "reject",
            "Ends the rule set and closes the connection without an answer.",
            &[("reject", "reject")],
        ),
        hooks: Hooks::TCP.union(Hooks::HTTP_REQ),
        bind: |_, _| Ok(end(Final::Reject)),
    },
    Action {
        meta: Meta::new(
            "silent-drop",
            "silent-drop [rst-ttl <ttl>]",
            "Closes the connection in such a way that the client does not learn of it, as far as privileges allow. With a TTL, \
             a reset is sent that only devices so near see.",
            &[("silent-drop", "reject"), ("silent-drop rst-ttl 3", "reject")],
        ),
        hooks: Hooks::TCP.union(Hooks::HTTP_REQ).union(Hooks::HTTP_RES),
        bind: silent_drop,
    },
    Action {
        meta: Meta::new(
            "switch-mode",
            "switch-mode http [proto <name>]",
            "Ends the rule set: what the client sends is HTTP, and the HTTP rules of the frontend run.",
            &[("switch-mode http", "switch to http"), ("switch-mode http proto h1", "switch to http")],
        ),
        hooks: Hooks::TCP_REQ_CONT,
        bind: switch_mode,
    },
];

fn silent_drop(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    let mut ttl = 0;
    if words.take("rst-ttl") {
        let Some(word) = words.next_word() else { return Err(words.error_here("missing rst-ttl value")) };
        let valid = word.as_str().parse::<u8>().ok().filter(|ttl| *ttl > 0);
        ttl = valid.ok_or_else(|| words.error_last("valid rst-ttl values are [1-255]"))?;
    }
    Ok(Bound::new(Needs::empty(), move |txn| {
        txn.conn.silent_drop = Some(ttl);
        Verdict::Done(Final::Reject)
    }))
}

fn switch_mode(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let Some(mode) = words.next_word() else { return Err(words.error_here("expects a mode as argument")) };
    if mode.as_str() != "http" {
        return Err(words.error_last(format!("expects a valid mode (got '{}')", mode.as_str())));
    }
    if words.take("proto") {
        let Some(proto) = words.next_word() else {
            return Err(words.error_here("'proto' expects a protocol as argument"));
        };
        match proto.as_str() {
            "h1" => {}
            "h2" => return Err(words.error_last("'proto h2' is known to HAProxy 3.4, not supported by hydroxy yet")),
            other => {
                let message = format!("'proto' expects a valid MUX protocol, if specified (got '{other}')");
                return Err(words.error_last(message));
            }
        }
    }
    match scope.proxy.and_then(|id| scope.names.proxies.get(id.index())) {
        Some(proxy) if !proxy.frontend => {
            Err(words.error_here(format!("not allowed because backend '{}' has no frontend capability", proxy.name)))
        }
        _ => Ok(end(Final::SwitchToHttp)),
    }
}

fn end(outcome: Final) -> Bound {
    Bound::new(Needs::empty(), move |_| Verdict::Done(outcome))
}
