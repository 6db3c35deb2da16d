//! One target's line: whether it is wanted, its header, the time in it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use jiff::Timestamp;

use crate::engine::live::Live;
use crate::expr::timezone;
use crate::ir::{LogTarget, Proxy};
use crate::wire::syslog::{Header, Stamp, sent_as};

/// Levels of syslog (RFC 5424, table 2).
pub const EMERG: u8 = 0;
/// See `EMERG`.
pub const ALERT: u8 = 1;
/// See `EMERG`.
pub const ERR: u8 = 3;
/// See `EMERG`.
pub const WARNING: u8 = 4;
/// See `EMERG`.
pub const NOTICE: u8 = 5;
/// See `EMERG`.
pub const INFO: u8 = 6;
/// See `EMERG`.
pub const DEBUG: u8 = 7;

/// The header of a proxy's lines for one of its targets: tag, process and host name do not change.
pub fn header(live: &Live, proxy: &Proxy, target: &LogTarget) -> Header {
    let global = &live.ir.global;
    let tag = proxy.log_tag.as_deref().or(global.log_tag.as_deref()).unwrap_or("haproxy");
    let machine = || live.view.process.hostname.get().map(|name| &**name);
    let host = match &global.log_send_hostname {
        None => None,
        Some(Some(name)) => Some(name.as_str()),
        Some(None) => machine(),
    };
    Header::new(target.format, target.facility, host, tag, std::process::id(), target.max_len)
}

/// The level to send a line of this level with, if the target takes it. `seen` counts the lines that came before, for `sample`.
#[inline]
pub fn wanted(target: &LogTarget, seen: &AtomicU32, level: u8) -> Option<u8> {
    let sent = sent_as(level, target.level, target.min_level)?;
    let Some((ranges, size)) = &target.sample else { return Some(sent) };
    let place = seen.fetch_add(1, Relaxed) % (*size).max(1) + 1;
    ranges.iter().any(|(low, high)| (*low..=*high).contains(&place)).then_some(sent)
}

/// Appends the whole line with the line feed that ends it. `at_us` is Unix time in microseconds; `structured` shows in RFC 5424
/// only.
#[inline]
pub fn line(out: &mut Vec<u8>, header: &Header, level: u8, at_us: i64, structured: &[u8], text: &[u8]) {
    let start = out.len();
    let micros = at_us.rem_euclid(1_000_000) as u32;
    header.write(level, &stamp(at_us.div_euclid(1_000_000)), micros, structured, out);
    out.extend_from_slice(text);
    header.finish(start, out);
}

/// The writing of a second since the epoch, worked out once per second and thread.
fn stamp(second: i64) -> Stamp {
    LAST.with(|last| match last.get() {
        Some((known, stamp)) if known == second => stamp,
        _ => {
            let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let stamp = Stamp::new(second, timezone::local().to_offset(at).seconds());
            last.set(Some((second, stamp)));
            stamp
        }
    })
}

thread_local! {
    static LAST: Cell<Option<(i64, Stamp)>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::LogTo;
    use crate::wire::syslog::Format;

    fn target() -> LogTarget {
        LogTarget {
            to: LogTo::Fd(1),
            max_len: 1024,
            format: Format::Raw,
            sample: None,
            facility: 16,
            level: 7,
            min_level: 0,
        }
    }

    #[test]
    fn severe_lines_are_capped_and_unimportant_ones_left_out() {
        let target = LogTarget { min_level: 5, level: 6, ..target() };
        let seen = AtomicU32::new(0);
        assert_eq!(wanted(&target, &seen, ALERT), Some(5));
        assert_eq!(wanted(&target, &seen, INFO), Some(6));
        assert_eq!(wanted(&target, &seen, DEBUG), None);
    }

    /// Lines that the level keeps back do not count.
    #[test]
    fn a_sample_takes_its_share() {
        let target = LogTarget { level: 6, sample: Some((vec![(1, 1), (3, 3)], 4)), ..target() };
        let seen = AtomicU32::new(0);
        assert_eq!(wanted(&target, &seen, DEBUG), None);
        let taken: Vec<u32> = (1..=9).filter(|_| wanted(&target, &seen, INFO).is_some()).collect();
        assert_eq!(taken, [1, 3, 5, 7, 9]);
    }

    #[test]
    fn a_line_carries_the_time_it_is_given() {
        let header = Header::new(Format::Iso, 16, None, "haproxy", 1, 1024);
        let mut out = Vec::new();
        line(&mut out, &header, INFO, 1_795_374_986_338_026, b"", b"one");
        line(&mut out, &header, INFO, 1_795_374_987_000_001, b"", b"two");
        let text = String::from_utf8_lossy(&out);
        let fractions: Vec<&str> = text.lines().filter_map(|line| line.get(17..26)).collect();
        assert_eq!(fractions, ["26.338026", "27.000001"]);
    }
}
