//! Dates and random values (manual 7.3.2). The time is that of the context.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use super::{Fetch, FetchFn, int, one, plain};
use crate::base::value::{Type, Value};
use crate::expr::args;
use crate::keyword::{Meta, Needs, Result, Scope, Words};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "date",
            "date([<offset>[,<unit>]])",
            "The time in seconds of Unix time plus an offset; with the unit `ms` or `us` both are milliseconds or microseconds.",
            &[("date", "1700000000"), ("date(3600)", "1700003600"), ("date(-1,ms)", "1700000000122")],
        ),
        Type::Int,
        Needs::INTERNAL,
        |words, _| {
            let offset = args::opt_int(words)?.unwrap_or(0);
            let unit = Unit::bind(words)?;
            Ok(one(move |ctx| Some(Value::Int(unit.of(ctx.wall_us).saturating_add(offset)))))
        },
    ),
    plain!(
        "date_us",
        Int,
        INTERNAL,
        "The microseconds of the second that `date` names.",
        &[("date_us", "123456")],
        |ctx| { int(ctx.wall_us.rem_euclid(1_000_000) as u64) }
    ),
    Fetch::new(
        Meta::new(
            "rand",
            "rand([<range>])",
            "A random number from 0 to below the range, which is 2^32 if left out. Not for secrets.",
            &[("rand(1)", "0"), ("rand(100) lt 100", "true")],
        ),
        Type::Int,
        Needs::INTERNAL,
        rand,
    ),
    Fetch::new(
        Meta::new(
            "uuid",
            "uuid([<version>])",
            "A UUID (RFC 9562) of version 4, random, or 7, which begins with the time.",
            &[("uuid -m len 36", "true"), ("uuid(7) -m beg 018bcfe5-687b-7", "true")],
        ),
        Type::Str,
        Needs::INTERNAL,
        uuid,
    ),
];

/// The unit of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl Unit {
    /// Reads `s`, `ms` or `us`; seconds if it is left out.
    pub fn bind(words: &mut Words<'_>) -> Result<Unit> {
        match args::opt_word(words) {
            None => Ok(Unit::Seconds),
            Some(word) => match word.as_str() {
                "s" => Ok(Unit::Seconds),
                "ms" => Ok(Unit::Milliseconds),
                "us" => Ok(Unit::Microseconds),
                other => Err(args::error(word.span, format!("expects 's', 'ms' or 'us', got '{other}'"))),
            },
        }
    }

    /// Microseconds in this unit.
    pub fn of(self, us: i64) -> i64 {
        match self {
            Unit::Seconds => us.div_euclid(1_000_000),
            Unit::Milliseconds => us.div_euclid(1000),
            Unit::Microseconds => us,
        }
    }
}

fn rand(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let range = match args::opt_int(words)? {
        None => 1 << 32,
        // Nothing is below 0: the only number is 0.
        Some(range) => u64::try_from(range).unwrap_or(0),
    };
    Ok(one(move |_| int(((u128::from(random()) * u128::from(range)) >> 64) as u64)))
}

fn uuid(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let version = match args::opt_int(words)? {
        None | Some(4) => 4,
        Some(7) => 7,
        Some(other) => return Err(words.error_last(format!("Unsupported UUID version: '{other}'"))),
    };
    Ok(Box::new(move |ctx, _, visit| {
        let bits = (u128::from(random()) << 64) | u128::from(random());
        let text = if version == 4 {
            uuid_text(bits, 4)
        } else {
            let ms = ctx.wall_us.div_euclid(1000) as u128;
            uuid_text((ms << 80) | (bits >> 48), 7)
        };
        visit(Value::str(&text));
        crate::expr::Seen::All
    }))
}

/// The text of a UUID with version and variant set (RFC 9562, 4).
fn uuid_text(bits: u128, version: u128) -> [u8; 36] {
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (version << 76) | (0b10 << 62);
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
    for (digit, at) in places.enumerate() {
        text[at] = HEX[(bits >> (124 - 4 * digit)) as usize & 15];
    }
    text
}

/// The next number of this thread's generator: xorshift64* seeded by the system (Vigna, 2016).
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<(u64, u64)> = Cell::new((RandomState::new().hash_one(1) | 1, RandomState::new().hash_one(2)));
    }
    STATE.with(|state| {
        let (mut x, weyl) = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        // A Weyl sequence on top makes the state 128 bits wide, so that two threads hardly ever meet.
        let weyl = weyl.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set((x, weyl));
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (weyl ^ (weyl >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    })
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_version_and_variant() {
        assert_eq!(&uuid_text(0, 4), b"00000000-0000-4000-8000-000000000000");
        assert_eq!(&uuid_text(u128::MAX, 7), b"ffffffff-ffff-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn random_numbers_differ() {
        let numbers: std::collections::HashSet<u64> = (0..1000).map(|_| random()).collect();
        assert_eq!(numbers.len(), 1000);
    }
}
