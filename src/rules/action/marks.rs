//! Actions on the packets of connections (manual 4.4): marks for the packet filter and the TOS field, of the client's connection or of
//! the one to the server.

use super::words::exactly;
use crate::base::value::{Type, Value};
use crate::expr::{Expr, Marks};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Txn, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "set-bc-mark",
            "set-bc-mark { <mark> | <expr> }",
            "Marks the packets of the connection to the server for the system's packet filter: a number, decimal or with 0x hexadecimal, \
             or an expression that yields one.",
            &[("set-bc-mark 0x10", "server mark 16"), ("set-bc-mark int(5)", "server mark 5")],
        ),
        hooks: TO_SERVER,
        bind: |words, scope| bind(words, scope, |txn, number| server(txn).mark = Some(number as u32)),
    },
    Action {
        meta: Meta::new(
            "set-bc-tos",
            "set-bc-tos { <tos> | <expr> }",
            "Sets the TOS field of the packets of the connection to the server: a number, decimal or with 0x hexadecimal, or an \
             expression that yields one.",
            &[("set-bc-tos 0x2e", "server tos 46")],
        ),
        hooks: TO_SERVER,
        bind: |words, scope| bind(words, scope, |txn, number| server(txn).tos = Some(number as u8)),
    },
    Action {
        meta: Meta::new(
            "set-fc-mark",
            "set-fc-mark { <mark> | <expr> }",
            "Marks the packets to the client for the system's packet filter: a number, decimal or with 0x hexadecimal, or an expression \
             that yields one.",
            &[("set-fc-mark 0x10", "client mark 16"), ("set-fc-mark int(5)", "client mark 5")],
        ),
        hooks: TO_CLIENT,
        bind: |words, scope| bind(words, scope, |txn, number| client(txn).mark = Some(number as u32)),
    },
    Action {
        meta: Meta::new(
            "set-fc-tos",
            "set-fc-tos { <tos> | <expr> }",
            "Sets the TOS field of the packets to the client: a number, decimal or with 0x hexadecimal, or an expression that yields one.",
            &[("set-fc-tos 46", "client tos 46")],
        ),
        hooks: TO_CLIENT,
        bind: |words, scope| bind(words, scope, |txn, number| client(txn).tos = Some(number as u8)),
    },
    Action {
        meta: Meta::new(
            "set-mark",
            "set-mark <mark>",
            "Is the old name of 'set-fc-mark', for numbers only.",
            &[("set-mark 16", "client mark 16")],
        ),
        hooks: TO_CLIENT,
        bind: |words, _| Ok(fixed(only_number(words)?, |txn, number| client(txn).mark = Some(number as u32))),
    },
    Action {
        meta: Meta::new(
            "set-tos",
            "set-tos <tos>",
            "Is the old name of 'set-fc-tos', for numbers only.",
            &[("set-tos 0x2e", "client tos 46")],
        ),
        hooks: TO_CLIENT,
        bind: |words, _| Ok(fixed(only_number(words)?, |txn, number| client(txn).tos = Some(number as u8))),
    },
];

/// Numbers are cut to the size of their field, as HAProxy does.
type Store = fn(&mut Txn<'_>, i64);

fn server<'a>(txn: &'a mut Txn<'_>) -> &'a mut Marks {
    &mut txn.stream.overrides_mut().server_marks
}

fn client<'a>(txn: &'a mut Txn<'_>) -> &'a mut Marks {
    &mut txn.conn.rare_mut().marks
}

fn bind(words: &mut Words<'_>, scope: &Scope<'_>, store: Store) -> Result<Bound> {
    let word = words.next_word().filter(|word| !word.is_empty());
    let Some(word) = word else { return Err(words.error_here(MISSING)) };
    if word.as_str().starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(fixed(number(words, word.as_str())?, store));
    }
    let expr = Expr::bind_str(word, scope)?;
    Ok(Bound::new(expr.needs(), move |txn| {
        let found = expr.with_value(&txn.ctx(), |value| value.cast(Type::Int).map(Value::into_owned)).flatten();
        if let Some(Value::Int(number)) = found {
            store(txn, number);
        }
        Verdict::Next
    }))
}

fn fixed(number: i64, store: Store) -> Bound {
    Bound::new(Needs::empty(), move |txn| {
        store(txn, number);
        Verdict::Next
    })
}

fn only_number(words: &mut Words<'_>) -> Result<i64> {
    let [word] = exactly(words, MISSING)?;
    number(words, word.as_str())
}

fn number(words: &Words<'_>, text: &str) -> Result<i64> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = hex.map_or((text, 10), |digits| (digits, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let rest = digits.get(end..).unwrap_or_default();
    let found = i64::from_str_radix(digits.get(..end).unwrap_or_default(), radix).ok();
    found.filter(|_| rest.is_empty()).ok_or_else(|| {
        let at = if rest.is_empty() { text } else { rest };
        words.error_last(format!("invalid character starting at '{at}' (integer/hex value expected)"))
    })
}

const MISSING: &str = "expects exactly 1 argument (integer/hex value)";
const TO_SERVER: Hooks = Hooks::TCP_REQ_CONT.union(Hooks::HTTP_REQ);
const TO_CLIENT: Hooks = Hooks::TCP_REQ_CONN
    .union(Hooks::TCP_REQ_SESS)
    .union(Hooks::TCP_REQ_CONT)
    .union(Hooks::TCP_RES_CONT)
    .union(Hooks::HTTP_REQ)
    .union(Hooks::HTTP_RES);
