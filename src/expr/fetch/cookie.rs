//! Cookies that clients send and servers set (manual 7.3.6).

use super::{Fetch, FetchFn, Side, join_names, one};
use crate::base::value::{Type, Value};
use crate::expr::{Bind, Flow, Seen, Want, args};
use crate::http::Msg;
use crate::keyword::{Example, Meta, Result, Words};

/// A table entry: kind, name, arguments, message, `bind` for that message, examples.
macro_rules! cookie {
    ($kind:ident $name:literal $args:literal $side:ident $bind:ident $examples:expr) => {
        $kind($name, concat!($name, $args), Side::$side, |words, _| $bind(words, Side::$side), $examples)
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    cookie!(values "cook" "([<name>])" Request value &[("cook(lang)", "de")]),
    cookie!(counts "cook_cnt" "([<name>])" Request count &[("cook_cnt", "4")]),
    cookie!(numbers "cook_val" "([<name>])" Request number &[("cook_val(n)", "12")]),
    cookie!(values "cookie" "([<name>])" Current value &[("cookie(lang)", "de")]),
    cookie!(values "req.cook" "([<name>])" Request value &[("req.cook(lang)", "de"), ("req.cook", "abc"), ("req.cook(no)", "")]),
    cookie!(counts "req.cook_cnt" "([<name>])" Request count &[("req.cook_cnt(lang)", "2")]),
    cookie!(names "req.cook_names" "([<delim>])" Request all_names &[("req.cook_names", "sid,lang,n,lang")]),
    cookie!(numbers "req.cook_val" "([<name>])" Request number &[("req.cook_val(n)", "12")]),
    cookie!(values "res.cook" "([<name>])" Response value &[("res.cook(sid)", "xyz"), ("res.cook", "xyz")]),
    cookie!(counts "res.cook_cnt" "([<name>])" Response count &[("res.cook_cnt", "2")]),
    cookie!(names "res.cook_names" "([<delim>])" Response all_names &[("res.cook_names(+)", "sid+n")]),
    cookie!(numbers "res.cook_val" "([<name>])" Response number &[("res.cook_val(n)", "7")]),
    cookie!(values "scook" "([<name>])" Response value &[("scook(sid)", "xyz")]),
    cookie!(counts "scook_cnt" "([<name>])" Response count &[("scook_cnt(sid)", "1")]),
    cookie!(numbers "scook_val" "([<name>])" Response number &[("scook_val(n)", "7")]),
];

type Examples = &'static [Example];

const fn values(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "The value of the last cookie of that name, of the first cookie without a name. ACLs test every cookie of that name.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Str, side.needs(), bind)
}

const fn counts(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "How many cookies of that name there are, or cookies at all.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Int, side.needs(), bind)
}

const fn numbers(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "The value of a cookie as the integer it begins with, 0 without digits.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Int, side.needs(), bind)
}

const fn names(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "The names of all cookies in order, with a comma or the first character of the argument between them.";
    Fetch::new(Meta::new(name, usage, doc, examples), Type::Str, side.needs(), bind)
}

/// Calls `visit` with name and value of every cookie until it has enough.
fn each<'m>(msg: Msg<'m>, is_response: bool, visit: &mut dyn FnMut(&'m [u8], &'m [u8]) -> Flow) {
    let mut go = |cookie: crate::http::list::Cookie<'m>| visit(cookie.name, cookie.value) == Flow::Stop;
    if is_response {
        msg.set_cookies().any(&mut go);
    } else {
        msg.cookies().any(&mut go);
    }
}

fn fetch(words: &mut Words<'_>, side: Side, read: fn(&[u8]) -> Option<Value<'_>>) -> FetchFn {
    let name: Option<Box<[u8]>> = args::opt_word(words).map(|word| word.as_bytes().into());
    Box::new(move |ctx, want, visit| {
        let Some(msg) = side.message(ctx) else { return Seen::All };
        let mut last = None;
        each(msg, side.is_response(ctx), &mut |found, value| {
            if name.as_deref().is_some_and(|name| name != found) {
                return Flow::Continue;
            }
            match want {
                Want::Each => read(value).map_or(Flow::Continue, &mut *visit),
                Want::One => {
                    last = Some(value);
                    if name.is_some() { Flow::Continue } else { Flow::Stop }
                }
            }
        });
        if let Some(value) = last.and_then(read) {
            visit(value);
        }
        Seen::All
    })
}

fn value(words: &mut Words<'_>, side: Side) -> Result<FetchFn> {
    Ok(fetch(words, side, |text| Some(Value::str(text))))
}

fn number(words: &mut Words<'_>, side: Side) -> Result<FetchFn> {
    Ok(fetch(words, side, |text| Value::str(text).cast(Type::Int)))
}

fn count(words: &mut Words<'_>, side: Side) -> Result<FetchFn> {
    let name: Option<Box<[u8]>> = args::opt_word(words).map(|word| word.as_bytes().into());
    Ok(one(move |ctx| {
        let mut count = 0;
        each(side.message(ctx)?, side.is_response(ctx), &mut |found, _| {
            count += i64::from(name.as_deref().is_none_or(|name| name == found));
            Flow::Continue
        });
        Some(Value::Int(count))
    }))
}

fn all_names(words: &mut Words<'_>, side: Side) -> Result<FetchFn> {
    let delimiter = super::delimiter(words);
    Ok(one(move |ctx| {
        let msg = side.message(ctx)?;
        Some(match side {
            Side::Response => join_names(msg.set_cookies().map(|cookie| cookie.name), delimiter),
            _ => join_names(msg.cookies().map(|cookie| cookie.name), delimiter),
        })
    }))
}
