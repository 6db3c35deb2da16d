//! Actions on what the configuration says for all streams: set-timeout, set-retries, disable-l7-retry, set-priority-class,
//! set-priority-offset, wait-for-handshake.

use super::words::exactly;
use crate::base::duration;
use crate::base::value::{Type, Value};
use crate::expr::{Expr, Overrides};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "set-timeout",
            "set-timeout { client | connect | queue | server | tarpit | tunnel } { <timeout> | <expr> }",
            "Sets a timeout of this stream: a time, or an expression that yields milliseconds; one that yields no positive number \
             changes nothing.",
            &[("set-timeout server 5s", "server 5000 ms"), ("set-timeout tunnel int(100)", "tunnel 100 ms")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: set_timeout,
    },
    Action {
        meta: Meta::new(
            "set-retries",
            "set-retries { <int> | <expr> }",
            "Sets how often this stream tries again to reach a server, from 0 to 100.",
            &[("set-retries 3", "retries 3"), ("set-retries int(200)", "")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::TCP_REQ_CONT),
        bind: set_retries,
    },
    Action {
        meta: Meta::new(
            "disable-l7-retry",
            "disable-l7-retry",
            "Sends the request again only where the connection failed, whatever `retry-on` says.",
            &[("disable-l7-retry", "retries of connections only")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |_, _| {
            Ok(Bound::new(Needs::empty(), |txn| {
                txn.stream.overrides_mut().connect_retries_only = true;
                Verdict::Next
            }))
        },
    },
    Action {
        meta: Meta::new(
            "set-priority-class",
            "set-priority-class <expr>",
            "Sets the class of this stream in queues, from -2047 to 2047; lower ones go first.",
            &[("set-priority-class int(-5)", "priority -5 0"), ("set-priority-class int(9999)", "priority 2047 0")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::TCP_REQ_CONT),
        bind: |words, scope| number(words, scope, |set, value| set.priority_class = value.clamp(-2047, 2047) as i32),
    },
    Action {
        meta: Meta::new(
            "set-priority-offset",
            "set-priority-offset <expr>",
            "Lets this stream wait in queues as if it had come so many milliseconds later, from -524287 to 524287.",
            &[("set-priority-offset int(500)", "priority 0 500")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::TCP_REQ_CONT),
        bind: |words, scope| {
            number(words, scope, |set, value| set.priority_offset = value.clamp(-524_287, 524_287) as i32)
        },
    },
    Action {
        meta: Meta::new(
            "wait-for-handshake",
            "wait-for-handshake",
            "Waits for the end of the TLS handshake, which is always over: early data is not accepted.",
            &[("wait-for-handshake", "")],
        ),
        hooks: Hooks::HTTP_REQ,
        bind: |_, _| Ok(Bound::new(Needs::empty(), |_| Verdict::Next)),
    },
];

fn set_timeout(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let [name, value] = exactly(words, "expects exactly 2 arguments")?;
    let store: fn(&mut Overrides, u64) = match name.as_str() {
        "client" => |set, ms| set.client = Some(ms),
        "connect" => |set, ms| set.connect = Some(ms),
        "queue" => |set, ms| set.queue = Some(ms),
        "server" => |set, ms| set.server = Some(ms),
        "tarpit" => |set, ms| set.tarpit = Some(ms),
        "tunnel" => |set, ms| set.tunnel = Some(ms),
        other => {
            let known = "'client'/'connect'/'queue'/'server'/'tarpit'/'tunnel'";
            return Err(words.error_last(format!("'set-timeout' rule supports {known} (got '{other}')")));
        }
    };
    let section = scope.proxy.and_then(|id| scope.names.proxies.get(id.index()));
    let lacks = section.and_then(|proxy| match name.as_str() {
        "client" => (!proxy.frontend).then_some((proxy, "frontend")),
        "tarpit" => None,
        _ => (!proxy.backend).then_some((proxy, "backend")),
    });
    if let Some((proxy, side)) = lacks {
        return Err(words.error_last(format!("proxy '{}' has no {side} capability", proxy.name)));
    }
    if value.as_str().starts_with(|first: char| first.is_ascii_digit()) {
        let rule = format!("set-timeout {}", name.as_str());
        let ms =
            duration::millis(value.as_str()).map_err(|error| words.error_last(error.message(value.as_str(), &rule)))?;
        if ms == 0 {
            return Err(words.error_last(format!("null value is not valid for a '{rule}' rule")));
        }
        return Ok(Bound::new(Needs::empty(), move |txn| {
            store(txn.stream.overrides_mut(), ms.into());
            Verdict::Next
        }));
    }
    let expr = Expr::bind_str(value, scope)?;
    Ok(evaluated(expr, move |set, ms| {
        if let Some(ms) = u64::try_from(ms).ok().filter(|ms| *ms > 0) {
            store(set, ms);
        }
    }))
}

fn set_retries(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let section = scope.proxy.and_then(|id| scope.names.proxies.get(id.index()));
    if let Some(proxy) = section.filter(|proxy| !proxy.backend) {
        return Err(words.error_last(format!("proxy '{}' has no backend capability", proxy.name)));
    }
    let [value] = exactly(words, "expects exactly 1 argument (an integer or an expression)")?;
    let store = |set: &mut Overrides, count: i64| {
        if let Some(count) = u32::try_from(count).ok().filter(|count| *count <= 100) {
            set.retries = Some(count);
        }
    };
    let Ok(count) = value.as_str().parse::<i64>() else { return Ok(evaluated(Expr::bind_str(value, scope)?, store)) };
    if !(0..=100).contains(&count) {
        return Err(words.error_last(format!("expects an integer between 0 and 100, found '{count}'")));
    }
    Ok(Bound::new(Needs::empty(), move |txn| {
        store(txn.stream.overrides_mut(), count);
        Verdict::Next
    }))
}

fn number(words: &mut Words<'_>, scope: &Scope<'_>, store: fn(&mut Overrides, i64)) -> Result<Bound> {
    let Some(word) = words.next_word().filter(|word| !word.is_empty()) else {
        return Err(words.error_here("missing fetch method"));
    };
    Ok(evaluated(Expr::bind_str(word, scope)?, store))
}

/// What yields no number changes nothing.
fn evaluated(expr: Expr, store: impl Fn(&mut Overrides, i64) + Send + Sync + 'static) -> Bound {
    Bound::new(expr.needs(), move |txn| {
        let found = expr.with_value(&txn.ctx(), |value| value.cast(Type::Int).map(Value::into_owned)).flatten();
        if let Some(Value::Int(number)) = found {
            store(txn.stream.overrides_mut(), number);
        }
        Verdict::Next
    })
}
