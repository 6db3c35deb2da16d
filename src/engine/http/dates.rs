//! The dates of a persistence cookie (`maxidle`, `maxlife`): behind the value follow, each after a `|`, when it was sent last and
//! when first, in units of four seconds, rounded up, as five digits of base 64.

use crate::engine::persist::Persist;
use crate::ir::Cookie;

/// The dates of a cookie's value from its first `|` on: when it was sent last, and first.
pub(super) fn read(rest: &[u8]) -> (Option<u32>, Option<u32>) {
    let mut dates = rest.split(|byte| *byte == b'|').skip(1).map(date);
    (dates.next().flatten(), dates.next().flatten())
}

/// Appends a `|` and a date in Unix time.
pub(super) fn write(text: &mut Vec<u8>, at: i64) {
    text.push(b'|');
    text.extend([24, 18, 12, 6, 0].map(|shift| DIGITS[((at + 3) >> 2 >> shift) as usize & 63]));
}

/// Whether a date is too old, or further in the future than clocks of one place differ.
pub(super) fn is_over(date: Option<u32>, limit: Option<u32>, now: i64) -> bool {
    let (Some(date), Some(limit)) = (date, limit) else { return false };
    let age = now - i64::from(date);
    age > i64::from(limit) || age < -DAY
}

/// Whether a valid cookie has to be sent anew: its dates are not those that the backend wants, or time has passed.
pub(super) fn is_stale(persist: &Persist, cookie: &Cookie, now: i64) -> bool {
    (cookie.max_idle.is_some() && persist.seen_at.is_none())
        || persist.seen_at.is_some_and(|at| i64::from(at) < now)
        || cookie.max_life.is_some() != persist.since.is_some()
}

fn date(text: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte);
    let value = text.get(..5)?.iter().try_fold(0, |value: u64, byte| Some(value << 6 | digit(byte)? as u64))?;
    u32::try_from(value << 2).ok().filter(|at| *at > 0)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let mut text = Vec::new();
        write(&mut text, 1_795_641_593);
        write(&mut text, 1_795_641_000);
        assert_eq!(String::from_utf8_lossy(&text), "|awdQ/|awdOq");
        assert_eq!(read(&text), (Some(1_795_641_596), Some(1_795_641_000)));
        for (bad, dates) in [("", (None, None)), ("|", (None, None)), ("|abc", (None, None)), ("|!!!!!", (None, None))]
        {
            assert_eq!(read(bad.as_bytes()), dates, "{bad}");
        }
        assert_eq!(read(b"||awdQ/"), (None, Some(1_795_641_596)));
    }

    #[test]
    fn old_dates_and_those_of_the_next_days_are_over() {
        assert!(!is_over(Some(1000), Some(100), 1100));
        assert!(is_over(Some(1000), Some(100), 1101));
        assert!(!is_over(Some(87_400), Some(100), 1000));
        assert!(is_over(Some(87_401), Some(100), 1000));
        assert!(!is_over(None, Some(100), 1000) && !is_over(Some(1), None, 1000));
    }
}
