//! The converter bytes: a part of a binary sample.

use super::{Operand, part};
use crate::base::value::{Type, Value};
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Scope, Words};

pub(super) static CONVERTERS: &[Convert] = &[Convert::new(
    Meta::new(
        "bytes",
        "bytes(<offset>[,<length>])",
        "The bytes from an offset on, at most as many as the length says; both are numbers or variables. Outside the input, nothing.",
        &[
            ("str(abcdef),bytes(1)", "bcdef"),
            ("str(abcdef),bytes(1,3)", "bcd"),
            ("str(abcdef),bytes(4,10)", "ef"),
            ("str(abcdef),bytes(6)", ""),
            ("str(abcdefg),bytes(txn.old)", "fg"),
        ],
    ),
    Type::Bin,
    Type::Bin,
    bind,
)];

fn bind(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<ConvertFn> {
    let offset = Operand::of(args::word(words, "integer")?, scope)?;
    let length = args::opt_word(words).map(|word| Operand::of(word, scope)).transpose()?;
    Ok(Box::new(move |ctx, value| {
        let Value::Bin(bytes) = value else { return None };
        let start = offset.value(ctx).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < bytes.len());
        let length = match length {
            None => Some(usize::MAX),
            Some(length) => length.value(ctx).and_then(|length| usize::try_from(length).ok()),
        };
        let range = match (start, length) {
            (Some(start), Some(length)) => start..start.saturating_add(length).min(bytes.len()),
            _ => 0..0,
        };
        Some(Value::Bin(part(bytes, range)))
    }))
}
