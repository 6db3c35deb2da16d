//! Dates of log lines: `22/Nov/2026:18:27:11 +0000` in local time and in UTC, computed once per second and thread.

use std::cell::Cell;

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::expr::timezone;

/// Both writings of one second. The first 20 bytes are the date without the offset.
#[derive(Clone, Copy)]
pub(super) struct Second {
    second: i64,
    pub(super) local: [u8; LEN],
    pub(super) utc: [u8; LEN],
}

/// The dates of a second since the epoch.
pub(super) fn of(second: i64) -> Second {
    CACHE.with(|cache| {
        // A line shows the times of accept and of the request, which may lie seconds apart: a few recent ones are kept.
        let slot = &cache[second as usize % SLOTS];
        let mut found = slot.get();
        if found.second != second {
            found = compute(second);
            slot.set(found);
        }
        found
    })
}

/// Length of a date with its offset.
pub(super) const LEN: usize = 26;
/// Length of a date without its offset.
pub(super) const SHORT: usize = 20;

fn compute(second: i64) -> Second {
    let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    let offset = timezone::local().to_offset(at);
    Second { second, local: write(at, offset), utc: write(at, Offset::UTC) }
}

fn write(at: Timestamp, offset: Offset) -> [u8; LEN] {
    let time = offset.to_datetime(at);
    let mut out = *b"00/Jan/0000:00:00:00 +0000";
    let month = (time.month() as usize).wrapping_sub(1).min(11) * 3;
    digits(&mut out[0..2], time.day() as u32);
    out[3..6].copy_from_slice(&MONTHS[month..month + 3]);
    digits(&mut out[7..11], time.year() as u32);
    digits(&mut out[12..14], time.hour() as u32);
    digits(&mut out[15..17], time.minute() as u32);
    digits(&mut out[18..20], time.second() as u32);
    let east = offset.seconds() / 60;
    out[21] = if east < 0 { b'-' } else { b'+' };
    digits(&mut out[22..26], east.unsigned_abs() / 60 * 100 + east.unsigned_abs() % 60);
    out
}

fn digits(out: &mut [u8], mut n: u32) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

const SLOTS: usize = 8;
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
/// No event happens in this second, so that an unused slot never matches.
const NEVER: Second = Second { second: i64::MIN, local: [0; LEN], utc: [0; LEN] };

thread_local! {
    static CACHE: [Cell<Second>; SLOTS] = const { [const { Cell::new(NEVER) }; SLOTS] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_written_with_its_offset() {
        let at = Timestamp::from_second(1_795_372_031).unwrap();
        assert_eq!(&write(at, Offset::UTC), b"22/Nov/2026:18:27:11 +0000");
        assert_eq!(&write(at, Offset::from_seconds(-(3 * 3600 + 1800)).unwrap()), b"22/Nov/2026:14:57:11 -0330");
        assert_eq!(&write(at, Offset::from_seconds(19_800).unwrap()), b"22/Nov/2026:23:57:11 +0530");
    }

    #[test]
    fn the_cache_never_mixes_seconds() {
        for second in (0..200).chain((0..200).rev()).map(|n| 1_795_372_000 + n) {
            assert_eq!(of(second).utc, compute(second).utc);
        }
    }
}
