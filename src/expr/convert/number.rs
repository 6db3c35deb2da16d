//! Converters on integers: arithmetic, bits, tests. A result out of range is cut to 64 bits, as in HAProxy.

use super::{Operand, int};
use crate::base::value::{Type, Value};
use crate::expr::{BindConvert, Convert, ConvertFn};
use crate::keyword::{Meta, Result, Scope, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    two(
        Meta::new(
            "add",
            "add(<value>)",
            "Adds a number or the value of a variable.",
            &[
                ("int(5),add(3)", "8"),
                ("int(5),add(txn.old)", "10"),
                ("int(9223372036854775807),add(1)", "9223372036854775807"),
            ],
        ),
        |words, scope| with(words, scope, i64::saturating_add),
    ),
    two(
        Meta::new(
            "sub",
            "sub(<value>)",
            "Subtracts a number or the value of a variable.",
            &[("int(5),sub(3)", "2"), ("int(-9223372036854775808),sub(1)", "-9223372036854775808")],
        ),
        |words, scope| with(words, scope, i64::saturating_sub),
    ),
    two(
        Meta::new(
            "mul",
            "mul(<value>)",
            "Multiplies by a number or the value of a variable.",
            &[("int(5),mul(3)", "15"), ("int(9223372036854775807),mul(2)", "9223372036854775807")],
        ),
        |words, scope| with(words, scope, i64::saturating_mul),
    ),
    two(
        Meta::new(
            "div",
            "div(<value>)",
            "Divides by a number or the value of a variable and drops the rest; by zero it yields 2^63-1.",
            &[("int(-7),div(2)", "-3"), ("int(7),div(0)", "9223372036854775807")],
        ),
        |words, scope| with(words, scope, |a, b| a.checked_div(b).unwrap_or(i64::MAX)),
    ),
    two(
        Meta::new(
            "mod",
            "mod(<value>)",
            "The rest of a division by a number or the value of a variable; zero if that is zero.",
            &[("int(-7),mod(3)", "-1"), ("int(7),mod(0)", "0")],
        ),
        |words, scope| with(words, scope, |a, b| a.checked_rem(b).unwrap_or(0)),
    ),
    two(
        Meta::new(
            "and",
            "and(<value>)",
            "The bits that are also set in a number or the value of a variable.",
            &[("int(5),and(3)", "1")],
        ),
        |words, scope| with(words, scope, |a, b| a & b),
    ),
    two(
        Meta::new(
            "or",
            "or(<value>)",
            "The bits that are set here or in a number or the value of a variable.",
            &[("int(5),or(3)", "7")],
        ),
        |words, scope| with(words, scope, |a, b| a | b),
    ),
    two(
        Meta::new(
            "xor",
            "xor(<value>)",
            "The bits in which the number differs from another or from the value of a variable.",
            &[("int(5),xor(3)", "6")],
        ),
        |words, scope| with(words, scope, |a, b| a ^ b),
    ),
    two(
        Meta::new(
            "neg",
            "neg",
            "The number with the opposite sign.",
            &[("int(5),neg", "-5"), ("int(-9223372036854775808),neg", "9223372036854775807")],
        ),
        |_, _| int(|n| Value::Int(n.saturating_neg())),
    ),
    two(Meta::new("cpl", "cpl", "The number with all bits flipped.", &[("int(5),cpl", "-6")]), |_, _| {
        int(|n| Value::Int(!n))
    }),
    test(
        Meta::new("bool", "bool", "True if the number is not zero.", &[("int(2),bool", "1"), ("int(0),bool", "0")]),
        |_, _| int(|n| Value::Bool(n != 0)),
    ),
    test(
        Meta::new("not", "not", "True if the number is zero.", &[("int(0),not", "1"), ("bool(1),not", "0")]),
        |_, _| int(|n| Value::Bool(n == 0)),
    ),
    test(Meta::new("odd", "odd", "True if the number is odd.", &[("int(-3),odd", "1")]), |_, _| {
        int(|n| Value::Bool(n & 1 == 1))
    }),
    test(Meta::new("even", "even", "True if the number is even.", &[("int(4),even", "1")]), |_, _| {
        int(|n| Value::Bool(n & 1 == 0))
    }),
];

const fn two(meta: Meta, bind: BindConvert) -> Convert {
    Convert::new(meta, Type::Int, Type::Int, bind)
}

const fn test(meta: Meta, bind: BindConvert) -> Convert {
    Convert::new(meta, Type::Int, Type::Bool, bind)
}

fn with(words: &mut Words<'_>, scope: &Scope<'_>, compute: fn(i64, i64) -> i64) -> Result<ConvertFn> {
    let operand = Operand::bind(words, scope)?;
    Ok(Box::new(move |ctx, value| match value {
        Value::Int(n) => Some(Value::Int(compute(n, operand.value(ctx)?))),
        _ => None,
    }))
}
