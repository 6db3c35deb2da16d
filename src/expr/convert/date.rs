//! Converters between times since the epoch and dates: strftime(3) in the C locale, HTTP dates.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

use super::text;
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{BindConvert, Convert, ConvertFn, args, timezone};
use crate::keyword::{Meta, Result, Words};

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "http_date",
            "http_date([<offset>[,<unit>]])",
            "Seconds since 1970 (or with a unit, ms or us), plus an offset of the same unit, as a date of HTTP fields.",
            &[
                ("int(1795372031),http_date(10)", "Sun, 22 Nov 2026 18:27:21 GMT"),
                ("int(1795372031500),http_date(0,ms)", "Sun, 22 Nov 2026 18:27:11.500 GMT"),
                ("int(1795372031500000),http_date(1000000,us)", "Sun, 22 Nov 2026 18:27:12.500000 GMT"),
            ],
        ),
        Type::Int,
        Type::Str,
        |words, _| http_date(words),
    ),
    Convert::new(
        Meta::new(
            "date",
            "date",
            "The seconds since 1970 of a date of HTTP fields, in any of the three formats of RFC 9110 (5.6.7).",
            &[
                ("str(\"Sun, 06 Nov 1994 08:49:37 GMT\"),date", "784111777"),
                ("str(\"Sunday, 06-Nov-94 08:49:37 GMT\"),date", "784111777"),
                ("str(\"Sun Nov  6 08:49:37 1994\"),date", "784111777"),
                ("str(yesterday),date", ""),
            ],
        ),
        Type::Str,
        Type::Int,
        |_, _| text(|text| parse(std::str::from_utf8(&text).ok()?).map(Value::Int)),
    ),
    format(
        Meta::new(
            "utime",
            "utime(<format>[,<offset>])",
            "Seconds since 1970, plus an offset, as a date in UTC by a format of strftime(3).",
            &[
                ("int(1795372031),utime(%Y%m%d%H%M%S)", "20261122182711"),
                ("int(1795372031),utime(%Y-%m-%dT%TZ,3600)", "2026-11-22T19:27:11Z"),
                (
                    "int(1795372031),utime(\"%a %e %b %j %I %p %y %C %u %w %U %V %G %D %F %R %z %Z %s%%\")",
                    "Sun 22 Nov 326 06 PM 26 20 7 0 47 47 2026 11/22/26 2026-11-22 18:27 +0000 GMT 1795372031%",
                ),
                (
                    "int(1795372031),utime(\"%c|%x|%X|%r|%h|%k|%l|%P|%g|%W|%N|%q\")",
                    "Sun Nov 22 18:27:11 2026|11/22/26|18:27:11|06:27:11 PM|Nov|18| 6|pm|26|46|%N|%q",
                ),
            ],
        ),
        |words, _| strftime(words, 1, false, false),
    ),
    format(
        Meta::new(
            "ltime",
            "ltime(<format>[,<offset>])",
            "As utime, in local time.",
            &[("int(1795372031),ltime(%s)", "1795372031")],
        ),
        |words, _| strftime(words, 1, true, false),
    ),
    format(
        Meta::new(
            "ms_utime",
            "ms_utime(<format>[,<offset>])",
            "Milliseconds since 1970, plus an offset, as a date in UTC; %N are the nanoseconds, %3N their first three digits.",
            &[("int(1795372031503),ms_utime(\"%Y %3N %N %6N\")", "2026 503 503000000 503000")],
        ),
        |words, _| strftime(words, 1_000, false, true),
    ),
    format(
        Meta::new(
            "ms_ltime",
            "ms_ltime(<format>[,<offset>])",
            "As ms_utime, in local time.",
            &[("int(1795372031503),ms_ltime(%S.%3N)", "11.503")],
        ),
        |words, _| strftime(words, 1_000, true, true),
    ),
    format(
        Meta::new(
            "us_utime",
            "us_utime(<format>[,<offset>])",
            "Microseconds since 1970, plus an offset, as a date in UTC; %N are the nanoseconds, %6N their first six digits.",
            &[("int(1795372031503123),us_utime(%Y.%6N)", "2026.503123")],
        ),
        |words, _| strftime(words, 1_000_000, false, true),
    ),
    format(
        Meta::new(
            "us_ltime",
            "us_ltime(<format>[,<offset>])",
            "As us_utime, in local time.",
            &[("int(1795372031503123),us_ltime(%S.%6N)", "11.503123")],
        ),
        |words, _| strftime(words, 1_000_000, true, true),
    ),
];

const fn format(meta: Meta, bind: BindConvert) -> Convert {
    Convert::new(meta, Type::Int, Type::Str, bind)
}

fn http_date(words: &mut Words<'_>) -> Result<ConvertFn> {
    let offset = args::opt_int(words)?.unwrap_or(0);
    let (units, digits) = match args::opt_word(words).map_or("s", Word::as_str) {
        "s" => (1, 0),
        "ms" => (1_000, 3),
        "us" => (1_000_000, 6),
        other => return Err(words.error_last(format!("expects 's', 'ms' or 'us', got '{other}'"))),
    };
    super::int_or_nothing(move |n| {
        let time = Time::of(n.checked_add(offset)?, units, false)?;
        let mut out = Vec::with_capacity(36);
        time.write(b"%a, %d %b %Y %H:%M:%S", false, &mut out);
        if digits > 0 {
            out.push(b'.');
            time.nanoseconds(digits, &mut out);
        }
        out.extend_from_slice(b" GMT");
        Some(Value::string(out))
    })
}

fn strftime(words: &mut Words<'_>, units: i64, local: bool, nanoseconds: bool) -> Result<ConvertFn> {
    // Reads the zone now: later, its files may be out of reach.
    timezone::local();
    let format = args::opt_word(words).map(Word::as_bytes).unwrap_or_default().to_vec();
    let offset = args::opt_int(words)?.unwrap_or(0);
    super::int_or_nothing(move |n| {
        let time = Time::of(n.checked_add(offset)?, units, local)?;
        let mut out = Vec::with_capacity(format.len() + 24);
        time.write(&format, nanoseconds, &mut out);
        Some(Value::string(out))
    })
}

/// A moment, broken down.
struct Time {
    at: Timestamp,
    civil: DateTime,
    offset: Offset,
    /// Abbreviation of the zone.
    zone: String,
}

impl Time {
    /// A number of units, of which a second has so many, since the epoch; `None` beyond the year 9999.
    fn of(n: i64, units: i64, local: bool) -> Option<Time> {
        let nanos = n.rem_euclid(units) * (1_000_000_000 / units);
        let at = Timestamp::new(n.div_euclid(units), nanos as i32).ok()?;
        let (offset, zone) = if local {
            let info = timezone::local().to_offset_info(at);
            (info.offset(), info.abbreviation().to_owned())
        } else {
            (Offset::UTC, "GMT".to_owned())
        };
        Some(Time { at, civil: offset.to_datetime(at), offset, zone })
    }

    /// Appends the moment as strftime(3) writes it in the C locale; what it does not know stays as it is.
    fn write(&self, format: &[u8], nanoseconds: bool, out: &mut Vec<u8>) {
        let mut rest = format;
        while let [byte, more @ ..] = rest {
            rest = more;
            if *byte != b'%' {
                out.push(*byte);
                continue;
            }
            match rest {
                [b'N', more @ ..] if nanoseconds => {
                    self.nanoseconds(9, out);
                    rest = more;
                }
                [width @ b'1'..=b'9', b'N', more @ ..] if nanoseconds => {
                    self.nanoseconds(usize::from(width - b'0'), out);
                    rest = more;
                }
                // The C locale has no other digits or eras.
                [b'E' | b'O', specifier, more @ ..] if self.specifier(*specifier, out) => rest = more,
                [specifier, more @ ..] if self.specifier(*specifier, out) => rest = more,
                _ => out.push(b'%'),
            }
        }
    }

    /// Appends one conversion; false if it is not known.
    fn specifier(&self, specifier: u8, out: &mut Vec<u8>) -> bool {
        let time = &self.civil;
        let number = |out: &mut Vec<u8>, n: i64, width: usize, pad: u8| self::number(out, n, width, pad);
        let hour12 = match time.hour() % 12 {
            0 => 12,
            hour => i64::from(hour),
        };
        let (year, hour) = (i64::from(time.year()), i64::from(time.hour()));
        match specifier {
            b'a' => out.extend_from_slice(&self.weekday()[..3]),
            b'A' => out.extend_from_slice(self.weekday()),
            b'b' | b'h' => out.extend_from_slice(&self.month()[..3]),
            b'B' => out.extend_from_slice(self.month()),
            b'c' => self.write(b"%a %b %e %H:%M:%S %Y", false, out),
            b'C' => number(out, year.div_euclid(100), 2, b'0'),
            b'd' => number(out, i64::from(time.day()), 2, b'0'),
            b'D' | b'x' => self.write(b"%m/%d/%y", false, out),
            b'e' => number(out, i64::from(time.day()), 2, b' '),
            b'F' => self.write(b"%Y-%m-%d", false, out),
            b'g' => number(out, i64::from(time.date().iso_week_date().year()).rem_euclid(100), 2, b'0'),
            b'G' => number(out, i64::from(time.date().iso_week_date().year()), 1, b'0'),
            b'H' => number(out, hour, 2, b'0'),
            b'I' => number(out, hour12, 2, b'0'),
            b'j' => number(out, i64::from(time.date().day_of_year()), 3, b'0'),
            b'k' => number(out, hour, 2, b' '),
            b'l' => number(out, hour12, 2, b' '),
            b'm' => number(out, i64::from(time.month()), 2, b'0'),
            b'M' => number(out, i64::from(time.minute()), 2, b'0'),
            b'n' => out.push(b'\n'),
            b'p' => out.extend_from_slice(if hour < 12 { b"AM" } else { b"PM" }),
            b'P' => out.extend_from_slice(if hour < 12 { b"am" } else { b"pm" }),
            b'r' => self.write(b"%I:%M:%S %p", false, out),
            b'R' => self.write(b"%H:%M", false, out),
            b's' => number(out, self.at.as_second(), 1, b'0'),
            b'S' => number(out, i64::from(time.second()), 2, b'0'),
            b't' => out.push(b'\t'),
            b'T' | b'X' => self.write(b"%H:%M:%S", false, out),
            b'u' => number(out, i64::from(time.weekday().to_monday_one_offset()), 1, b'0'),
            b'U' => number(out, self.week(Weekday::Sunday), 2, b'0'),
            b'V' => number(out, i64::from(time.date().iso_week_date().week()), 2, b'0'),
            b'w' => number(out, i64::from(time.weekday().to_sunday_zero_offset()), 1, b'0'),
            b'W' => number(out, self.week(Weekday::Monday), 2, b'0'),
            b'y' => number(out, year.rem_euclid(100), 2, b'0'),
            b'Y' => number(out, year, 1, b'0'),
            b'z' => {
                let minutes = i64::from(self.offset.seconds() / 60);
                out.push(if minutes < 0 { b'-' } else { b'+' });
                number(out, minutes.abs() / 60 * 100 + minutes.abs() % 60, 4, b'0');
            }
            b'Z' => out.extend_from_slice(self.zone.as_bytes()),
            b'%' => out.push(b'%'),
            _ => return false,
        }
        true
    }

    /// The first digits of the fraction of the second.
    fn nanoseconds(&self, digits: usize, out: &mut Vec<u8>) {
        let start = out.len();
        number(out, i64::from(self.civil.subsec_nanosecond()), 9, b'0');
        out.truncate(start + digits);
    }

    /// The week of the year; days before the first such weekday are in week 0.
    fn week(&self, first: Weekday) -> i64 {
        let since = i64::from(self.civil.weekday().since(first));
        (i64::from(self.civil.date().day_of_year()) + 6 - since) / 7
    }

    fn weekday(&self) -> &'static [u8] {
        const NAMES: [&[u8]; 7] = [b"Sunday", b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday"];
        // The offset is 0 to 6.
        NAMES[self.civil.weekday().to_sunday_zero_offset() as usize]
    }

    fn month(&self) -> &'static [u8] {
        const NAMES: [&[u8]; 12] = [
            b"January",
            b"February",
            b"March",
            b"April",
            b"May",
            b"June",
            b"July",
            b"August",
            b"September",
            b"October",
            b"November",
            b"December",
        ];
        // The month is 1 to 12.
        NAMES[self.civil.month() as usize - 1]
    }
}

fn number(out: &mut Vec<u8>, n: i64, width: usize, pad: u8) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(n).as_bytes();
    out.extend(std::iter::repeat_n(pad, width.saturating_sub(digits.len())));
    out.extend_from_slice(digits);
}

/// Seconds since 1970 of an IMF-fixdate, an RFC 850 date or an asctime date (RFC 9110, 5.6.7).
fn parse(text: &str) -> Option<i64> {
    let parts: smallvec::SmallVec<[&str; 6]> = text.split_ascii_whitespace().collect();
    let (day, month, year, time) = match parts[..] {
        [weekday, day, month, year, time, "GMT"] if weekday.ends_with(',') => (day, month, full_year(year)?, time),
        [weekday, date, time, "GMT"] if weekday.ends_with(',') => {
            let mut date = date.split('-');
            let (day, month, year) = (date.next()?, date.next()?, date.next()?);
            // Two digits from 70 on are of the last century.
            let short: i16 = year.parse().ok().filter(|_| year.len() == 2)?;
            (day, month, if short < 70 { 2000 + short } else { 1900 + short }, time)
        }
        [_, month, day, time, year] => (day, month, full_year(year)?, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| *name == month)? as i8 + 1;
    let mut clock = time.split(':').map(|digits| digits.parse::<i8>().ok().filter(|_| digits.len() == 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let civil = DateTime::new(year, month, day.parse().ok()?, hour, minute, second.min(59), 0).ok()?;
    Some(Offset::UTC.to_timestamp(civil).ok()?.as_second())
}

fn full_year(text: &str) -> Option<i16> {
    text.parse().ok().filter(|_| text.len() == 4)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
