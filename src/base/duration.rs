//! Times as HAProxy writes them (manual 2.5): an integer and a unit. No clock is read here.

use std::fmt;

/// A unit of time; the default unit of a keyword is the one its number has without a suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationError {
    /// Nothing there.
    Empty,
    /// A character that is neither digit nor unit, and the byte at which it stands.
    Unexpected { found: char, at: usize },
    /// More than [`LONGEST_MS`].
    Overflow,
}

impl Unit {
    pub fn micros(self) -> u64 {
        match self {
            Unit::Microsecond => 1,
            Unit::Millisecond => 1_000,
            Unit::Second => 1_000_000,
            Unit::Minute => 60_000_000,
            Unit::Hour => 3_600_000_000,
            Unit::Day => 86_400_000_000,
        }
    }

    /// The unit of a suffix as the manual writes it; units are case sensitive.
    fn of(suffix: &str) -> Option<Unit> {
        Some(match suffix {
            "us" => Unit::Microsecond,
            "ms" => Unit::Millisecond,
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            "d" => Unit::Day,
            _ => return None,
        })
    }
}

/// A time in milliseconds; a number without a unit is milliseconds. Fractions of a millisecond round up.
pub fn millis(text: &str) -> Result<u32, DurationError> {
    parse(text, Unit::Millisecond, Unit::Millisecond)
}

/// A time in seconds; a number without a unit is seconds. Fractions of a second round up.
pub fn seconds(text: &str) -> Result<u32, DurationError> {
    parse(text, Unit::Second, Unit::Second)
}

/// A time in units of `result`, rounded up; `default` is the unit of a number without one.
///
/// The longest time is 2147483647 `result` units, as HAProxy's.
pub fn parse(text: &str, default: Unit, result: Unit) -> Result<u32, DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    if number.is_empty() {
        return Err(suffix
            .chars()
            .next()
            .map_or(DurationError::Empty, |found| DurationError::Unexpected { found, at: 0 }));
    }
    let unit = if suffix.is_empty() { default } else { Unit::of(suffix).ok_or_else(|| unexpected(suffix, digits))? };
    let number: u64 = number.parse().map_err(|_| DurationError::Overflow)?;
    let micros = number.checked_mul(unit.micros()).ok_or(DurationError::Overflow)?;
    u32::try_from(micros.div_ceil(result.micros()))
        .ok()
        .filter(|&time| time <= LONGEST_MS)
        .ok_or(DurationError::Overflow)
}

/// HAProxy keeps timers in signed 32-bit milliseconds: about 24.8 days.
pub const LONGEST_MS: u32 = 2_147_483_647;

/// The first character that no unit has there: `10min` fails at the `i`, `10x` at the `x`.
fn unexpected(suffix: &str, digits: usize) -> DurationError {
    let mut known = 0;
    for end in 1..=suffix.len() {
        if suffix.get(..end).is_some_and(|head| Unit::of(head).is_some()) {
            known = end;
        }
    }
    let found = suffix.get(known..).and_then(|rest| rest.chars().next()).unwrap_or('\u{fffd}');
    DurationError::Unexpected { found, at: digits + known }
}

/// In HAProxy's words, without the argument and the keyword, which the caller knows.
impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DurationError::Empty => f.write_str("missing time value"),
            DurationError::Unexpected { found, .. } => write!(f, "unexpected character '{found}'"),
            DurationError::Overflow => write!(f, "timer overflow (maximum value is {LONGEST_MS} ms or ~24.8 days)"),
        }
    }
}

impl std::error::Error for DurationError {}

impl DurationError {
    /// HAProxy's message for most keywords: `unexpected character 'x' in 'timeout client'` and relatives.
    pub fn message(&self, argument: &str, keyword: &str) -> String {
        match self {
            DurationError::Empty => format!("'{keyword}' expects an integer value (in milliseconds)"),
            DurationError::Unexpected { found, .. } => format!("unexpected character '{found}' in '{keyword}'"),
            DurationError::Overflow => format!(
                "timer overflow in argument '{argument}' to '{keyword}' (maximum value is {LONGEST_MS} ms or ~24.8 days)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, ms) in [
            ("0", 0),
            ("10", 10),
            ("1us", 1),
            ("1000us", 1),
            ("1001us", 2),
            ("250ms", 250),
            ("5s", 5_000),
            ("2m", 120_000),
            ("596h", 2_145_600_000),
            ("24d", 2_073_600_000),
            ("2147483647", LONGEST_MS),
        ] {
            assert_eq!(millis(text), Ok(ms), "{text}");
        }
        assert_eq!(seconds("30"), Ok(30));
        assert_eq!(seconds("1500ms"), Ok(2));
        assert_eq!(parse("1h", Unit::Second, Unit::Minute), Ok(60));
    }

    #[test]
    fn what_is_no_time_says_where() {
        let unexpected = |found, at| Err(DurationError::Unexpected { found, at });
        assert_eq!(millis(""), Err(DurationError::Empty));
        assert_eq!(millis("10x"), unexpected('x', 2));
        assert_eq!(millis("x"), unexpected('x', 0));
        assert_eq!(millis("1.5s"), unexpected('.', 1));
        assert_eq!(millis("10S"), unexpected('S', 2));
        assert_eq!(millis("10min"), unexpected('i', 3));
        assert_eq!(millis("10mss"), unexpected('s', 4));
        assert_eq!(millis("1d1h"), unexpected('1', 2));
        assert_eq!(millis("-1"), unexpected('-', 0));
        assert_eq!(millis("10\u{b5}s"), unexpected('\u{b5}', 2));
        assert_eq!(millis("10u"), unexpected('u', 2));
    }

    #[test]
    fn too_long_is_an_overflow() {
        for text in ["25d", "597h", "2147483648", "2147484s", "18446744073709551616", "99999999999999d"] {
            assert_eq!(millis(text), Err(DurationError::Overflow), "{text}");
        }
    }

    #[test]
    fn messages_are_haproxys() {
        assert_eq!(
            millis("10x").unwrap_err().message("10x", "timeout client"),
            "unexpected character 'x' in 'timeout client'"
        );
        assert_eq!(
            millis("25d").unwrap_err().message("25d", "timeout client"),
            "timer overflow in argument '25d' to 'timeout client' (maximum value is 2147483647 ms or ~24.8 days)"
        );
    }
}
