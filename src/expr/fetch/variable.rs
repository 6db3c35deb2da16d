//! Variables (manual 2.8 and 7.3.2).

use super::{Fetch, FetchFn};
use crate::base::value::{Type, Value};
use crate::expr::{Seen, args};
use crate::keyword::{Meta, Needs, Result, Scope, Words};

pub(super) static FETCHES: &[Fetch] = &[Fetch::new(
    Meta::new(
        "var",
        "var(<var-name>[,<default>])",
        "The value of a variable in the type it was stored with; the default as text, or nothing, if it is not set.",
        &[
            ("var(txn.host)", "example.com"),
            ("var(sess.n) -m int gt 10", "true"),
            ("var(req.none,unset)", "unset"),
            ("var(txn.none)", ""),
        ],
    ),
    Type::Any,
    Needs::INTERNAL,
    var,
)];

fn var(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<FetchFn> {
    let variable = args::variable(words, scope)?;
    let default: Option<Box<[u8]>> = words.next_word().map(|word| word.as_bytes().into());
    Ok(Box::new(move |ctx, _, visit| {
        match (ctx.variable(variable), &default) {
            (Some(value), _) => drop(visit(value)),
            (None, Some(default)) => drop(visit(Value::str(default))),
            (None, None) => {}
        }
        Seen::All
    }))
}
