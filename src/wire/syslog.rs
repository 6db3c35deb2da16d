//! Syslog lines: the header in front of a message in each of HAProxy's formats, and where a line is cut (manual 4.2 `log`).
//!
//! Facilities, severities and formats have their names here. What is logged, sampling and sending are left to others.

use jiff::Timestamp;
use jiff::tz::Offset;

/// What stands in front of a message (`log ... format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `local`: RFC 3164 without host name.
    Local,
    /// `rfc3164`: the default with `log-send-hostname`.
    Rfc3164,
    /// `rfc5424`.
    Rfc5424,
    /// `priority`: facility and severity only, `<N>`.
    Priority,
    /// `short`: severity only, for descriptors under systemd.
    Short,
    /// `timed`: severity and ISO date.
    Timed,
    /// `iso`: ISO date only.
    Iso,
    /// `raw`: nothing.
    Raw,
}

impl Format {
    /// Every format with its name.
    pub const NAMES: [(&str, Format); 8] = [
        ("local", Format::Local),
        ("rfc3164", Format::Rfc3164),
        ("rfc5424", Format::Rfc5424),
        ("priority", Format::Priority),
        ("short", Format::Short),
        ("timed", Format::Timed),
        ("iso", Format::Iso),
        ("raw", Format::Raw),
    ];

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    fn has_facility(self) -> bool {
        matches!(self, Format::Local | Format::Rfc3164 | Format::Rfc5424 | Format::Priority)
    }

    fn has_severity(self) -> bool {
        !matches!(self, Format::Iso | Format::Raw)
    }
}

/// A second as log headers write it, in local time; work it out once per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `Nov 22 19:28:11`
    rfc3164: [u8; 15],
    /// `2026-11-22T19:28:11`
    iso: [u8; 19],
    /// `+00:00`
    offset: [u8; 6],
}

impl Stamp {
    /// The second `unix` (since the epoch) in a zone that is `east` seconds east of UTC.
    pub fn new(unix: i64, east: i32) -> Stamp {
        let offset = Offset::from_seconds(east).unwrap_or(Offset::UTC);
        let time = offset.to_datetime(Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH));
        let mut stamp = Stamp { rfc3164: *b"Jan  0 00:00:00", iso: *b"0000-00-00T00:00:00", offset: *b"+00:00" };
        let month = MONTHS[(time.month() as usize).saturating_sub(1) % 12];
        stamp.rfc3164[..3].copy_from_slice(month.as_bytes());
        digits(&mut stamp.rfc3164[4..6], time.day() as u32);
        if stamp.rfc3164[4] == b'0' {
            stamp.rfc3164[4] = b' ';
        }
        digits(&mut stamp.iso[..4], time.year() as u32);
        digits(&mut stamp.iso[5..7], time.month() as u32);
        digits(&mut stamp.iso[8..10], time.day() as u32);
        for (at, value) in [(0, time.hour()), (3, time.minute()), (6, time.second())] {
            digits(&mut stamp.rfc3164[7 + at..9 + at], value as u32);
            digits(&mut stamp.iso[11 + at..13 + at], value as u32);
        }
        let minutes = (offset.seconds() / 60).unsigned_abs();
        if offset.seconds() < 0 {
            stamp.offset[0] = b'-';
        }
        digits(&mut stamp.offset[1..3], minutes / 60);
        digits(&mut stamp.offset[4..6], minutes % 60);
        stamp
    }
}

/// The parts of a header that do not change from line to line.
#[derive(Clone, Debug)]
pub struct Header {
    format: Format,
    facility: u8,
    /// What follows the date: host name, tag and process id, with the spaces around them.
    identity: Box<[u8]>,
    max_len: usize,
}

impl Header {
    /// `facility` is 0 to 23. `host` is what `log-send-hostname` gives, and `max_len` what `len` says (of a whole line).
    pub fn new(format: Format, facility: u8, host: Option<&str>, tag: &str, pid: u32, max_len: usize) -> Header {
        let identity = match format {
            Format::Local => format!(" {tag}[{pid}]: "),
            Format::Rfc3164 => format!(" {} {tag}[{pid}]: ", host.unwrap_or("localhost")),
            Format::Rfc5424 => format!(" {} {tag} {pid} - ", host.unwrap_or("-")),
            Format::Timed | Format::Iso => " ".to_owned(),
            Format::Priority | Format::Short | Format::Raw => String::new(),
        };
        Header { format, facility, identity: identity.into_bytes().into(), max_len }
    }

    /// Appends the header of a line of a severity (0 to 7); `micros` is the part of the second that has passed.
    /// `structured` is what `log-format-sd` gave, for RFC 5424; nothing is written as `-`.
    pub fn write(&self, severity: u8, stamp: &Stamp, micros: u32, structured: &[u8], out: &mut Vec<u8>) {
        if self.format.has_severity() {
            let facility = if self.format.has_facility() { self.facility } else { 0 };
            out.push(b'<');
            out.extend_from_slice(itoa::Buffer::new().format(u32::from(facility) * 8 + u32::from(severity)).as_bytes());
            out.push(b'>');
        }
        match self.format {
            Format::Local | Format::Rfc3164 => out.extend_from_slice(&stamp.rfc3164),
            Format::Rfc5424 => {
                out.extend_from_slice(b"1 ");
                write_iso(stamp, micros, out);
            }
            Format::Timed | Format::Iso => write_iso(stamp, micros, out),
            Format::Priority | Format::Short | Format::Raw => {}
        }
        out.extend_from_slice(&self.identity);
        if self.format == Format::Rfc5424 {
            out.extend_from_slice(if structured.is_empty() { b"-" } else { structured });
            out.push(b' ');
        }
    }

    /// Ends the line that began at `start`: cuts it so that it is no longer than `len` with its line feed, and adds that.
    pub fn finish(&self, start: usize, out: &mut Vec<u8>) {
        out.truncate(start + self.max_len.saturating_sub(1));
        out.push(b'\n');
    }
}

/// The severity with which a line is sent, if it is: only those at least as severe as `level` are, and those more severe
/// than `min_level` are sent as that. Severities count from 0, the most severe.
pub fn sent_as(severity: u8, level: u8, min_level: u8) -> Option<u8> {
    (severity <= level).then(|| severity.max(min_level))
}

fn write_iso(stamp: &Stamp, micros: u32, out: &mut Vec<u8>) {
    let mut fraction = *b".000000";
    digits(&mut fraction[1..], micros);
    out.extend_from_slice(&stamp.iso);
    out.extend_from_slice(&fraction);
    out.extend_from_slice(&stamp.offset);
}

fn digits(out: &mut [u8], mut number: u32) {
    for digit in out.iter_mut().rev() {
        // A decimal digit is below 10.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Facilities by number (RFC 5424, table 1; the names are those of the manual).
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Severities by number (RFC 5424, table 2), most severe first.
pub const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 19:28:11 UTC.
    const SECOND: i64 = 1_795_375_691;
    const LOCAL0: u8 = 16;
    const INFO: u8 = 6;

    fn line(header: &Header, structured: &str, message: &str) -> String {
        let mut out = b"earlier\n".to_vec();
        header.write(INFO, &Stamp::new(SECOND, 0), 128_251, structured.as_bytes(), &mut out);
        out.extend_from_slice(message.as_bytes());
        header.finish(8, &mut out);
        String::from_utf8(out.split_off(8)).unwrap()
    }

    #[test]
    fn headers_are_byte_for_byte_those_of_the_reference() {
        for (format, expected) in [
            ("local", "<134>Nov 22 19:28:11 haproxy[27699]: MSG\n"),
            ("rfc3164", "<134>Nov 22 19:28:11 localhost haproxy[27699]: MSG\n"),
            ("rfc5424", "<134>1 2026-11-22T19:28:11.128251+00:00 - haproxy 27699 - - MSG\n"),
            ("priority", "<134>MSG\n"),
            ("short", "<6>MSG\n"),
            ("timed", "<6>2026-11-22T19:28:11.128251+00:00 MSG\n"),
            ("iso", "2026-11-22T19:28:11.128251+00:00 MSG\n"),
            ("raw", "MSG\n"),
        ] {
            let format = Format::from_name(format).unwrap();
            assert_eq!(line(&Header::new(format, LOCAL0, None, "haproxy", 27699, 1024), "", "MSG"), expected);
        }
    }

    #[test]
    fn a_host_name_shows_where_the_format_has_one() {
        let with =
            |format| line(&Header::new(format, LOCAL0, Some("my.host"), "mytag", 1, 1024), "[ex@1 a=\"b\"]", "MSG");
        assert_eq!(with(Format::Local), "<134>Nov 22 19:28:11 mytag[1]: MSG\n");
        assert_eq!(with(Format::Rfc3164), "<134>Nov 22 19:28:11 my.host mytag[1]: MSG\n");
        assert_eq!(
            with(Format::Rfc5424),
            "<134>1 2026-11-22T19:28:11.128251+00:00 my.host mytag 1 - [ex@1 a=\"b\"] MSG\n"
        );
    }

    #[test]
    fn lines_are_cut_with_their_line_feed() {
        let message = "abcdefghij".repeat(30);
        let local = line(&Header::new(Format::Local, LOCAL0, None, "haproxy", 28156, 80), "", &message);
        assert_eq!(
            (local.len(), &local[..42], &local[72..]),
            (80, "<134>Nov 22 19:28:11 haproxy[28156]: abcde", "fghijab\n")
        );
        let raw = line(&Header::new(Format::Raw, LOCAL0, None, "haproxy", 1, 100), "", &message);
        assert_eq!(raw.len(), 100);
        assert_eq!(line(&Header::new(Format::Raw, LOCAL0, None, "haproxy", 1, 80), "", &message[..79]).len(), 80);
        assert_eq!(line(&Header::new(Format::Raw, LOCAL0, None, "haproxy", 1, 80), "", &message[..78]).len(), 79);
    }

    #[test]
    fn severities_are_filtered_and_capped() {
        assert_eq!(sent_as(6, 7, 0), Some(6));
        assert_eq!(sent_as(6, 3, 0), None);
        assert_eq!(sent_as(6, 6, 3), Some(6));
        assert_eq!(sent_as(6, 7, 7), Some(7));
        assert_eq!(sent_as(0, 7, 5), Some(5));
    }

    #[test]
    fn dates_are_local() {
        let stamp = Stamp::new(0, -12_600);
        assert_eq!(&stamp.rfc3164, b"Dec 31 20:30:00");
        assert_eq!((&stamp.iso, &stamp.offset), (b"1969-12-31T20:30:00", b"-03:30"));
        assert_eq!(&Stamp::new(951_782_400, 3_600).rfc3164, b"Feb 29 01:00:00");
        assert_eq!(&Stamp::new(1_000_000_000 - 9 * 86_400, 0).rfc3164, b"Aug 31 01:46:40");
        assert_eq!(&Stamp::new(1_000_000_000 - 8 * 86_400, 0).rfc3164, b"Sep  1 01:46:40");
        // Beyond what a date can say, and a zone beyond what there is.
        Stamp::new(i64::MAX, i32::MIN);
    }

    #[test]
    fn names_have_their_numbers() {
        assert_eq!((FACILITIES[16], FACILITIES[15], LEVELS[3]), ("local0", "cron2", "err"));
        assert_eq!(Format::from_name("json"), None);
    }
}
