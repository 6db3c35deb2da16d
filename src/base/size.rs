//! Sizes as HAProxy writes them (manual 2.6): an integer with `k`, `m` or `g`, powers of 1024.

use std::fmt;

/// Why a text is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeError {
    /// Nothing there.
    Empty,
    /// A character that is neither digit nor unit, and the byte at which it stands.
    Unexpected { found: char, at: usize },
    /// Does not fit into 64 bits.
    Overflow,
}

/// A size in bytes (or in whatever the keyword counts). Units are case insensitive; decimals are not allowed.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let mut suffix = suffix.char_indices();
    let unit = suffix.next();
    if number.is_empty() {
        return Err(unit.map_or(SizeError::Empty, |(_, found)| SizeError::Unexpected { found, at: 0 }));
    }
    let shift = match unit.map(|(_, unit)| unit) {
        None => 0,
        Some('k' | 'K') => 10,
        Some('m' | 'M') => 20,
        Some('g' | 'G') => 30,
        Some(found) => return Err(SizeError::Unexpected { found, at: digits }),
    };
    if let Some((at, found)) = suffix.next() {
        return Err(SizeError::Unexpected { found, at: digits + at });
    }
    let number: u64 = number.parse().map_err(|_| SizeError::Overflow)?;
    number.checked_mul(1 << shift).ok_or(SizeError::Overflow)
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SizeError::Empty => f.write_str("missing size"),
            SizeError::Unexpected { found, .. } => write!(f, "unexpected character '{found}'"),
            SizeError::Overflow => f.write_str("size overflow"),
        }
    }
}

impl std::error::Error for SizeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024_in_either_case() {
        for (text, bytes) in [("0", 0), ("10", 10), ("10k", 10_240), ("1M", 1 << 20), ("4g", 4 << 30)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_where() {
        let unexpected = |found, at| Err(SizeError::Unexpected { found, at });
        assert_eq!(parse(""), Err(SizeError::Empty));
        assert_eq!(parse("1t"), unexpected('t', 1));
        assert_eq!(parse("1.5k"), unexpected('.', 1));
        assert_eq!(parse("10kb"), unexpected('b', 3));
        assert_eq!(parse("-1"), unexpected('-', 0));
        assert_eq!(parse("10k\u{e9}"), unexpected('\u{e9}', 3));
        assert_eq!(parse("99999999999999999999"), Err(SizeError::Overflow));
        assert_eq!(parse("18446744073709551615g"), Err(SizeError::Overflow));
    }
}
