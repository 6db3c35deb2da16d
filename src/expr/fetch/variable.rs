//! Variables (manual 2.8 and 7.3.2).

use super::{Fetch, FetchFn};
use crate::base::value::{Type, Value};
use crate::expr::{Seen, args};
use crate::keyword::{Meta, Needs, Result, Scope, VarScope, Words};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
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
    ),
    Fetch::new(
        Meta::new(
            "dump_all_vars",
            "dump_all_vars([<scope>][,<prefix>][,<delimiter>])",
            "All variables of a scope (sess, txn, req, res or proc; all of these without one) whose names begin with the prefix, each \
         as `name=value`, in the order in which the configuration names them.",
            &[
                ("dump_all_vars(sess)", "sess.n=12"),
                ("dump_all_vars(txn,,;)", "txn.host=\"example.com\""),
                ("dump_all_vars(txn,none)", ""),
            ],
        ),
        Type::Str,
        Needs::INTERNAL,
        dump,
    ),
];

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

/// In the order in which all of them are listed.
const SCOPES: [(&str, VarScope); 5] = [
    ("sess", VarScope::Sess),
    ("txn", VarScope::Txn),
    ("req", VarScope::Req),
    ("res", VarScope::Res),
    ("proc", VarScope::Proc),
];

fn dump(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<FetchFn> {
    let wanted = match args::opt_word(words) {
        None => &SCOPES[..],
        Some(word) => {
            let at = SCOPES.iter().position(|(name, _)| *name == word.as_str());
            let at = at.ok_or_else(|| {
                args::error(
                    word.span,
                    format!("invalid scope '{}', must be one of: sess, txn, req, res, proc", word.as_str()),
                )
            })?;
            &SCOPES[at..=at]
        }
    };
    let prefix = args::opt_word(words).map_or("", |word| word.as_str()).to_owned();
    let delimiter = args::opt_word(words).map_or(", ", |word| word.as_str()).to_owned();
    let table = scope.vars.table();
    Ok(Box::new(move |ctx, _, visit| {
        let mut text = Vec::new();
        for (scope, kind) in wanted {
            table.each(*kind, |var, name| {
                let Some(value) = ctx.variable(var).filter(|_| name.starts_with(&prefix)) else { return };
                if !text.is_empty() {
                    text.extend_from_slice(delimiter.as_bytes());
                }
                text.extend_from_slice(format!("{scope}.{name}=").as_bytes());
                write_value(&mut text, &value);
            });
        }
        if !text.is_empty() {
            visit(Value::string(text));
        }
        Seen::All
    }))
}

/// As `dump_all_vars` shows a value (manual 7.3.2).
fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Bin(bytes) => {
            out.push(b'x');
            bytes.iter().for_each(|byte| out.extend_from_slice(format!("{byte:02x}").as_bytes()));
        }
        Value::Str(text) | Value::Meth(text) => {
            out.push(b'"');
            for byte in text.iter() {
                match byte {
                    b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    8 => out.extend_from_slice(b"\\b"),
                    0 => out.extend_from_slice(b"\\0"),
                    byte => out.push(*byte),
                }
            }
            out.push(b'"');
        }
        value => value.write_to(out),
    }
}
