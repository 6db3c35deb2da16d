//! Actions that let a stream wait (manual 4.3): pause, wait-for-body.

use crate::base::value::{Type, Value};
use crate::base::{duration, size};
use crate::expr::Expr;
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "pause",
            "pause { <timeout> | <expr> }",
            "Lets the request or response wait: for a time, or for the milliseconds that an expression yields; one that yields no positive \
             number changes nothing.",
            &[("pause 5s", "pause 5000 ms"), ("pause int(100)", "pause 100 ms"), ("pause int(-1)", "")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: pause,
    },
    Action {
        meta: Meta::new(
            "wait-for-body",
            "wait-for-body time <time> [at-least <bytes>]",
            "Lets the request or response wait until its body, or so many bytes of it, or as much as a buffer holds, has arrived. After the \
             time the answer is a 408, for a response a 504.",
            &[
                ("wait-for-body time 1s", "body within 1000 ms"),
                ("wait-for-body time 1s at-least 1k", "1024 bytes of the body within 1000 ms"),
            ],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: wait_for_body,
    },
];

fn pause(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let Some(word) = words.next_word().filter(|word| !word.is_empty() && !matches!(word.as_str(), "if" | "unless"))
    else {
        return Err(words.error_here("expects exactly 1 argument: a time or an expression"));
    };
    if word.as_str().starts_with(|first: char| first.is_ascii_digit()) {
        let ms =
            duration::millis(word.as_str()).map_err(|error| words.error_last(error.message(word.as_str(), "pause")))?;
        return Ok(Bound::new(Needs::empty(), move |_| Verdict::Pause(ms.into())));
    }
    let expr = Expr::bind_str(word, scope)?;
    Ok(Bound::new(expr.needs(), move |txn| {
        let ms = expr.with_value(&txn.ctx(), |value| match value.cast(Type::Int) {
            Some(Value::Int(ms)) => u64::try_from(ms).ok().filter(|ms| *ms > 0),
            _ => None,
        });
        ms.flatten().map_or(Verdict::Next, Verdict::Pause)
    }))
}

fn wait_for_body(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    let (mut time, mut at_least) = (None, 0);
    while let name @ ("time" | "at-least") = words.peek_str() {
        words.next_word();
        let Some(word) = words.next_word().filter(|word| !word.is_empty()) else {
            return Err(words.error_here(format!("missing argument for '{name}'")));
        };
        let text = word.as_str();
        if name == "time" {
            let ms = duration::millis(text).map_err(|error| words.error_last(error.message(text, "wait-for-body")))?;
            time = Some(ms);
        } else {
            at_least = size::parse(text).map_err(|error| words.error_last(format!("{error} in '{text}'")))?;
        }
    }
    let Some(ms) = time else { return Err(words.error_here("expects time <time> [ at-least <bytes> ]")) };
    Ok(Bound::new(Needs::empty(), move |_| Verdict::Gather { ms: ms.into(), at_least }))
}
