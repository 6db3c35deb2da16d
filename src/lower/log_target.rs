//! `log` lines (manual 3.1 and 4.2 `log`), shared by `global` and the proxies. Host names are resolved when all is read.

use super::files::Reader;
use super::table::{not_yet, sentence};
use super::values::Shared;
use crate::base::addr::{Accepts, Address, Host, Ports, Transport};
use crate::diag::{Span, Word};
use crate::ir::{LogFormatName, LogTarget, LogTo};
use crate::keyword::{Result, Words};
use crate::wire::syslog::{FACILITIES, LEVELS};

/// A `log` line whose target may still be a host name.
#[derive(Clone, Debug)]
pub(super) struct LogDraft {
    address: Address,
    span: Span,
    max_len: usize,
    format: Option<LogFormatName>,
    sample: Option<(Vec<(u32, u32)>, u32)>,
    facility: u8,
    level: u8,
    min_level: u8,
}

impl LogDraft {
    /// Reads everything behind `log`. `global_allowed` changes only the wording of what is missing.
    pub(super) fn read(words: &mut Words<'_>, shared: &Shared, global_allowed: bool) -> Result<LogDraft> {
        let or_global = if global_allowed { "or global as arguments" } else { " as arguments" };
        let missing = |span| sentence(span, "missing", format!("log : expects <address> and <facility> {or_global}"));
        let target = words.next_word().ok_or_else(|| missing(words.end()))?;
        if words.is_empty() {
            return Err(missing(words.end()));
        }
        let mut draft = LogDraft::new(read_target(target, shared)?, target.span);
        draft.read_options(words)?;
        let facility = words.next_word().ok_or_else(|| missing(words.end()))?;
        draft.facility = position(&FACILITIES, facility, "log facility")?;
        if let Some(level) = words.next_word() {
            draft.level = position(&LEVELS, level, "optional log level")?;
        }
        if let Some(level) = words.next_word() {
            draft.min_level = position(&LEVELS, level, "optional minimum log level")?;
        }
        match words.peek() {
            None => Ok(draft),
            Some(word) => {
                Err(sentence(word.span, "left-over", format!("log : cannot handle unexpected argument '{word}'")))
            }
        }
    }

    fn new(address: Address, span: Span) -> LogDraft {
        LogDraft { address, span, max_len: 1024, format: None, sample: None, facility: 0, level: 7, min_level: 0 }
    }

    fn read_options(&mut self, words: &mut Words<'_>) -> Result<()> {
        loop {
            if words.take("len") {
                self.max_len = read_length(words)?;
            } else if words.take("format") {
                self.format = Some(read_format(words)?);
            } else if words.take("sample") {
                self.sample = Some(read_sample(words)?);
            } else if words.take("profile") {
                return Err(not_yet(words.span(), "'log ... profile'"));
            } else {
                return Ok(());
            }
        }
    }

    /// The target with its name resolved; the error is the whole message.
    pub(super) fn finish(&self, reader: &Reader<'_>, send_hostname: bool) -> Result<LogTarget> {
        let default = if send_hostname { LogFormatName::Rfc3164 } else { LogFormatName::Local };
        Ok(LogTarget {
            to: self.resolve(reader)?,
            max_len: self.max_len,
            format: self.format.unwrap_or(default),
            sample: self.sample.clone(),
            facility: self.facility,
            level: self.level,
            min_level: self.min_level,
        })
    }

    fn resolve(&self, reader: &Reader<'_>) -> Result<LogTo> {
        let port = match self.address.ports {
            Ports::One(port) => port,
            _ => SYSLOG_PORT,
        };
        match &self.address.host {
            Host::Ip(ip) => Ok(LogTo::Udp((*ip, port).into())),
            Host::Name { name, .. } => match reader.resolve(name) {
                Some(ip) => Ok(LogTo::Udp((ip, port).into())),
                None => {
                    Err(sentence(self.span, "resolve", format!("log : invalid address: '{name}' does not resolve")))
                }
            },
            Host::Unix(path) => Ok(LogTo::Unix(path.into())),
            Host::Stdout => Ok(LogTo::Fd(1)),
            Host::Stderr => Ok(LogTo::Fd(2)),
            Host::Fd(fd) => Ok(LogTo::Fd(*fd)),
            _ => Err(other_target(self.span)),
        }
    }
}

fn read_target(word: &Word, shared: &Shared) -> Result<Address> {
    let address = shared
        .address(word, &Accepts::LOG)
        .map_err(|error| sentence(error.span.unwrap_or(word.span), "address", format!("log : {}", error.message)))?;
    let stream = matches!(address.transport, Transport::Stream | Transport::Mptcp | Transport::Quic);
    let known = matches!(
        address.host,
        Host::Ip(_) | Host::Name { .. } | Host::Unix(_) | Host::Stdout | Host::Stderr | Host::Fd(_)
    );
    if known && (!stream || matches!(address.host, Host::Fd(_))) { Ok(address) } else { Err(other_target(word.span)) }
}

fn other_target(span: Span) -> crate::keyword::Error {
    let error = not_yet(span, "this log target");
    Box::new(error.help("log to a UDP address, a UNIX datagram socket, stdout or stderr"))
}

fn read_length(words: &mut Words<'_>) -> Result<usize> {
    let found = words.next_word();
    let length = found.and_then(|word| word.as_str().parse().ok()).filter(|length| (80..=65535).contains(length));
    length.ok_or_else(|| {
        let (text, span) = found.map_or(("", words.end()), |word| (word.as_str(), word.span));
        sentence(span, "range", format!("log : invalid log length '{text}', must be between 80 and 65535"))
    })
}

fn read_format(words: &mut Words<'_>) -> Result<LogFormatName> {
    let found = words.next_word();
    let (text, span) = found.map_or(("", words.end()), |word| (word.as_str(), word.span));
    LogFormatName::from_name(text).ok_or_else(|| {
        let error = sentence(span, "unknown", format!("log : unknown log format '{text}'"));
        let names = LogFormatName::NAMES.map(|(name, _)| name).join(", ");
        Box::new(error.help(format!("formats are {names}")))
    })
}

/// `sample <low>[-<high>][,...]:<size>`.
fn read_sample(words: &mut Words<'_>) -> Result<(Vec<(u32, u32)>, u32)> {
    let word = words.next_word();
    let (text, span) = word.map_or(("", words.end()), |word| (word.as_str(), word.span));
    parse_sample(text).ok_or_else(|| {
        let message = format!("log : invalid sample '{text}', expects <ranges>:<size> such as 1,3-5:10");
        sentence(span, "bad-sample", message)
    })
}

fn parse_sample(text: &str) -> Option<(Vec<(u32, u32)>, u32)> {
    let (ranges, size) = text.split_once(':')?;
    let size: u32 = size.parse().ok().filter(|&size| size > 0)?;
    let range = |one: &str| {
        let (low, high) = one.split_once('-').unwrap_or((one, one));
        let (low, high) = (low.parse::<u32>().ok()?, high.parse::<u32>().ok()?);
        (low >= 1 && low <= high && high <= size).then_some((low, high))
    };
    let mut ranges = ranges.split(',').map(range).collect::<Option<Vec<_>>>()?;
    ranges.sort_unstable();
    let overlap = ranges.windows(2).any(|pair| matches!(pair, [left, right] if left.1 >= right.0));
    (!overlap).then_some((ranges, size))
}

fn position(names: &[&str], word: &Word, what: &str) -> Result<u8> {
    match names.iter().position(|name| *name == word.as_str()) {
        // Both lists are shorter than 25.
        Some(at) => Ok(at as u8),
        None => {
            let error = sentence(word.span, "unknown", format!("log : unknown {what} '{word}'"));
            Err(Box::new(error.help(format!("expected one of {}", names.join(", ")))))
        }
    }
}

const SYSLOG_PORT: u16 = 514;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sorted_and_within_their_size() {
        assert_eq!(parse_sample("1:4"), Some((vec![(1, 1)], 4)));
        assert_eq!(parse_sample("3-4,1:10"), Some((vec![(1, 1), (3, 4)], 10)));
        for bad in ["", "1", "0:4", "5:4", "3-2:4", "1-3,2:4", "a:4", "1:0", "1:"] {
            assert_eq!(parse_sample(bad), None, "{bad}");
        }
    }
}
