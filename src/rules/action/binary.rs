//! Actions on fields in the binary form of `req.hdrs_bin`: add-headers-bin, set-headers-bin, del-headers-bin.

use crate::base::value::{Type, Value};
use crate::base::varint;
use crate::diag::Word;
use crate::expr::Expr;
use crate::http::{HeaderName, MsgMut};
use crate::keyword::{Meta, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "add-headers-bin",
            "add-headers-bin <expr> [ prefix <str> ]",
            "Appends the fields that a binary string holds, as `req.hdrs_bin` writes them; those whose name begins so, if a prefix is \
             given. What is no field name is left out.",
            &[
                ("add-headers-bin bin(03782d6101310000)", "+x-a: 1"),
                ("add-headers-bin bin(03782d6101310000) prefix y", ""),
            ],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| write(words, scope, false),
    },
    Action {
        meta: Meta::new(
            "set-headers-bin",
            "set-headers-bin <expr> [ prefix <str> ]",
            "As add-headers-bin, and removes the fields of the same names first.",
            &[("set-headers-bin bin(06616363657074013100)", "-accept: text/html, */*;q=0.1 +accept: 1")],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| write(words, scope, true),
    },
    Action {
        meta: Meta::new(
            "del-headers-bin",
            "del-headers-bin <expr> [ -m { str | beg | end | sub } ]",
            "Removes the fields whose names a binary string holds, or whose names begin (beg) or end (end) so, or contain it (sub).",
            &[("del-headers-bin bin(0661636365707400)", "-accept: text/html, */*;q=0.1")],
        ),
        hooks: Hooks::HTTP,
        bind: delete,
    },
];

fn expression(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Expr> {
    match words.next_word().filter(|word| !word.is_empty()) {
        Some(word) => Expr::bind_str(word, scope),
        None => Err(words.error_here("missing fetch method")),
    }
}

fn write(words: &mut Words<'_>, scope: &Scope<'_>, replace: bool) -> Result<Bound> {
    let expr = expression(words, scope)?;
    let prefix = match words.take("prefix") {
        true => words.expect("a prefix")?.as_bytes().to_ascii_lowercase(),
        false => Vec::new(),
    };
    Ok(with_bytes(expr, move |msg, bytes| {
        let wanted =
            || Pairs(bytes).filter(|(name, _)| is_name(name) && name.to_ascii_lowercase().starts_with(&prefix));
        if replace {
            for (name, _) in wanted() {
                msg.del(&HeaderName::new(name));
            }
        }
        for (name, value) in wanted() {
            msg.add_named(name, value);
        }
    }))
}

fn delete(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let expr = expression(words, scope)?;
    let method = if words.take("-m") { words.next_word().map_or("", Word::as_str) } else { "str" };
    let fits: fn(&[u8], &[u8]) -> bool = match method {
        "str" => |name, part| name == part,
        "beg" => |name, part| name.starts_with(part),
        "end" => |name, part| name.ends_with(part),
        "sub" => |name, part| memchr::memmem::find(name, part).is_some(),
        other => return Err(words.error_last(format!("-m with unsupported matching method '{other}'"))),
    };
    Ok(with_bytes(expr, move |msg, bytes| {
        for part in Texts(bytes) {
            let part = part.to_ascii_lowercase();
            msg.del_where(|field| fits(field.name, &part));
        }
    }))
}

fn with_bytes(expr: Expr, edit: impl Fn(&mut MsgMut<'_>, &[u8]) + Send + Sync + 'static) -> Bound {
    Bound::new(expr.needs(), move |txn| {
        let found = expr.with_value(&txn.ctx(), |value| value.cast(Type::Bin).map(Value::into_owned)).flatten();
        if let (Some(Value::Bin(bytes)), Some(mut msg)) = (found, txn.message()) {
            edit(&mut msg, &bytes);
        }
        Verdict::Next
    })
}

/// Texts with their lengths in front, up to an empty one.
struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        text(&mut self.0).filter(|text| !text.is_empty())
    }
}

/// Names and values, up to an empty name.
struct Pairs<'a>(&'a [u8]);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = text(&mut self.0).filter(|name| !name.is_empty())?;
        Some((name, text(&mut self.0)?))
    }
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::decode(rest)?).ok()?;
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(text)
}

/// Only a token is a name (RFC 9110, 5.1): the fields were not looked at by a parser.
fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}
