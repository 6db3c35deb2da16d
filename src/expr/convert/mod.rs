//! Converters (manual 7.3.1), one file per family, and what the families share.

mod address;
mod bytes;
mod date;
mod digest;
mod encoding;
mod forwarded;
mod hash;
mod json;
mod jwt;
mod keep;
mod language;
mod map;
mod number;
mod proxies;
mod regsub;
mod sticky;
mod string;
#[cfg(test)]
mod tests;
mod trace;
mod url;

use std::borrow::Cow;
use std::ops::Range;

use super::{Convert, ConvertFn, Ctx, args};
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::keyword::{Result, Scope, VarSlot, Words};

/// Every table of converters.
pub static FAMILIES: &[&[Convert]] = &[
    address::CONVERTERS,
    bytes::CONVERTERS,
    date::CONVERTERS,
    digest::CONVERTERS,
    encoding::CONVERTERS,
    forwarded::CONVERTERS,
    hash::CONVERTERS,
    json::CONVERTERS,
    jwt::CONVERTERS,
    keep::CONVERTERS,
    language::CONVERTERS,
    map::CONVERTERS,
    number::CONVERTERS,
    proxies::CONVERTERS,
    regsub::CONVERTERS,
    sticky::VALUES,
    sticky::ELEMENTS,
    sticky::ENTRIES,
    string::CONVERTERS,
    trace::CONVERTERS,
    url::CONVERTERS,
];

/// The converter of that name.
pub fn find(name: &str) -> Option<&'static Convert> {
    all().find(|convert| convert.meta.name == name)
}

/// Every converter.
pub fn all() -> impl Iterator<Item = &'static Convert> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// A converter of text.
fn text(change: impl for<'v> Fn(Cow<'v, [u8]>) -> Option<Value<'v>> + Send + Sync + 'static) -> Result<ConvertFn> {
    Ok(Box::new(move |_, value| match value {
        Value::Str(text) => change(text),
        _ => None,
    }))
}

/// A converter of bytes.
fn binary(change: impl for<'v> Fn(Cow<'v, [u8]>) -> Option<Value<'v>> + Send + Sync + 'static) -> Result<ConvertFn> {
    Ok(Box::new(move |_, value| match value {
        Value::Bin(bytes) => change(bytes),
        _ => None,
    }))
}

/// A converter of integers.
fn int(change: impl Fn(i64) -> Value<'static> + Send + Sync + 'static) -> Result<ConvertFn> {
    Ok(Box::new(move |_, value| match value {
        Value::Int(n) => Some(change(n)),
        _ => None,
    }))
}

/// A converter of integers that may yield nothing.
fn int_or_nothing(change: impl Fn(i64) -> Option<Value<'static>> + Send + Sync + 'static) -> Result<ConvertFn> {
    Ok(Box::new(move |_, value| match value {
        Value::Int(n) => change(n),
        _ => None,
    }))
}

/// A part of a text, without a copy where it is borrowed. The range lies within the text.
fn part(text: Cow<'_, [u8]>, range: Range<usize>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start.min(text.len()));
            Cow::Owned(text)
        }
    }
}

/// The value of a variable as text, empty if it is not set.
fn variable_text(ctx: &Ctx<'_>, var: VarSlot, out: &mut Vec<u8>) -> bool {
    let value = ctx.variable(var);
    if let Some(value) = &value {
        value.write_to(out);
    }
    value.is_some()
}

/// An argument that is a number or a variable; left out, it is zero.
#[derive(Clone, Copy)]
enum Operand {
    Number(i64),
    Variable(VarSlot),
}

impl Operand {
    fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Operand> {
        match args::opt_word(words) {
            None => Ok(Operand::Number(0)),
            Some(word) => Operand::of(word, scope),
        }
    }

    fn of(word: &Word, scope: &Scope<'_>) -> Result<Operand> {
        if let Ok(number) = word.as_str().parse() {
            return Ok(Operand::Number(number));
        }
        match args::variable_of(word, scope) {
            Ok(var) => Ok(Operand::Variable(var)),
            Err(error) => {
                let better = args::error(word.span, "expects an integer or a variable name");
                Err(Box::new(better.note(error.message)))
            }
        }
    }

    fn value(self, ctx: &Ctx<'_>) -> Option<i64> {
        match self {
            Operand::Number(number) => Some(number),
            Operand::Variable(var) => match ctx.variable(var)?.cast(Type::Int)? {
                Value::Int(number) => Some(number),
                _ => None,
            },
        }
    }
}
