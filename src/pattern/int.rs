//! Integer patterns: ranges, operators and dotted versions (manual 7.1.2).

/// Values from `lo` to `hi`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntRange {
    /// Smallest value.
    pub lo: i64,
    /// Largest value.
    pub hi: i64,
}

/// An operator that may stand before integer patterns and holds for all that follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntOp {
    /// `eq`
    #[default]
    Eq,
    /// `ge`
    Ge,
    /// `gt`
    Gt,
    /// `le`
    Le,
    /// `lt`
    Lt,
}

/// Why a text is not an integer pattern; the words are HAProxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntFault {
    /// Not a number.
    #[error("it is not a number")]
    Number,
    /// Neither side, more than two sides, or the wrong way round.
    #[error("it is not a valid number range; write LOW:HIGH, LOW: or :HIGH")]
    Range,
    /// The operator leaves nothing to match.
    #[error("no number is beyond it")]
    Empty,
}

impl IntOp {
    /// The operator of that name.
    pub fn from_name(name: &[u8]) -> Option<IntOp> {
        Some(match name {
            b"eq" => IntOp::Eq,
            b"ge" => IntOp::Ge,
            b"gt" => IntOp::Gt,
            b"le" => IntOp::Le,
            b"lt" => IntOp::Lt,
            _ => return None,
        })
    }
}

impl IntRange {
    /// Reads `N`, `LOW:HIGH`, `LOW:` or `:HIGH`. An operator only changes a single number.
    ///
    /// As with HAProxy, `-` may stand for the colon. Hence `-5` is `:5`, and a negative number can only stand after a colon.
    pub fn parse(text: &[u8], op: IntOp) -> Result<IntRange, IntFault> {
        read(text, op, number, i64::MIN)
    }

    /// The same for versions written `MAJOR.MINOR` or `MAJOR`; they compare as `MAJOR << 16 | MINOR`.
    pub fn parse_version(text: &[u8], op: IntOp) -> Result<IntRange, IntFault> {
        read(text, op, version, 0)
    }

    /// Whether the value lies in the range.
    pub fn contains(self, value: i64) -> bool {
        self.lo <= value && value <= self.hi
    }
}

fn read(text: &[u8], op: IntOp, one: fn(&[u8]) -> Option<i64>, least: i64) -> Result<IntRange, IntFault> {
    let Some(at) = text.iter().position(|byte| matches!(byte, b':' | b'-')) else {
        let value = one(text).ok_or(IntFault::Number)?;
        return op.range(value, least).ok_or(IntFault::Empty);
    };
    let side = |text: &[u8], open: i64| if text.is_empty() { Some(open) } else { one(text) };
    let (low, high) = (&text[..at], &text[at + 1..]);
    match (side(low, least), side(high, i64::MAX)) {
        (Some(lo), Some(hi)) if lo <= hi && text.len() > 1 => Ok(IntRange { lo, hi }),
        _ => Err(IntFault::Range),
    }
}

impl IntOp {
    fn range(self, value: i64, least: i64) -> Option<IntRange> {
        Some(match self {
            IntOp::Eq => IntRange { lo: value, hi: value },
            IntOp::Ge => IntRange { lo: value, hi: i64::MAX },
            IntOp::Gt => IntRange { lo: value.checked_add(1)?, hi: i64::MAX },
            IntOp::Le => IntRange { lo: least, hi: value },
            IntOp::Lt => IntRange { lo: least, hi: value.checked_sub(1).filter(|hi| *hi >= least)? },
        })
    }
}

fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    text.strip_prefix('-').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok())?
}

fn version(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let part = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
    Some(i64::from(part(major)?) << 16 | i64::from(part(minor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: i64 = i64::MAX;
    const MIN: i64 = i64::MIN;

    #[test]
    fn ranges_and_operators_read_as_the_reference_reads_them() {
        for (text, op, lo, hi) in [
            ("5", IntOp::Eq, 5, 5),
            ("-5", IntOp::Eq, MIN, 5),
            ("5:10", IntOp::Eq, 5, 10),
            ("5-10", IntOp::Eq, 5, 10),
            (":10", IntOp::Eq, MIN, 10),
            ("5:", IntOp::Gt, 5, MAX),
            (":-2", IntOp::Eq, MIN, -2),
            ("--5", IntOp::Eq, MIN, -5),
            ("010", IntOp::Eq, 10, 10),
            ("5", IntOp::Ge, 5, MAX),
            ("5", IntOp::Gt, 6, MAX),
            ("5", IntOp::Le, MIN, 5),
            ("0", IntOp::Lt, MIN, -1),
            ("1024:65535", IntOp::Lt, 1024, 65535),
        ] {
            assert_eq!(IntRange::parse(text.as_bytes(), op), Ok(IntRange { lo, hi }), "{text}");
        }
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for text in ["", "x", "5x", "0x10", "+5", "3.1", "9223372036854775808", "-", "-5:-1", " 5"] {
            assert!(IntRange::parse(text.as_bytes(), IntOp::Eq).is_err(), "{text}");
        }
        for text in [":", "10:5", "5::6", "a:b", "1.5:2"] {
            assert_eq!(IntRange::parse(text.as_bytes(), IntOp::Eq), Err(IntFault::Range), "{text}");
        }
        assert_eq!(IntRange::parse(b"9223372036854775807", IntOp::Gt), Err(IntFault::Empty));
    }

    #[test]
    fn versions_are_two_numbers() {
        let read = |text: &str, op| IntRange::parse_version(text.as_bytes(), op).map(|r| (r.lo, r.hi));
        assert_eq!(read("3.1", IntOp::Eq), Ok((0x30001, 0x30001)));
        assert_eq!(read("3:3.1", IntOp::Eq), Ok((0x30000, 0x30001)));
        assert_eq!(read("3.3", IntOp::Lt), Ok((0, 0x30002)));
        assert_eq!(read("3.x", IntOp::Eq), Err(IntFault::Number));
        assert_eq!(read("0", IntOp::Lt), Err(IntFault::Empty));
    }
}
