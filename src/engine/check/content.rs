//! Whether what a TCP server has said so far is what `tcp-check expect` wants (manual 4.2): no I/O, no clock.

use super::expect::{Judgement, code, contains, fail, rendered};
use super::outcome::Outcome;
use crate::base::hex::{from_hex, upper_hex};
use crate::expr::Ctx;
use crate::ir::{Expect, ExpectMatch};

/// What has been heard since something was last sent.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) bytes: &'a [u8],
    /// Nothing more will come, or nothing more would be kept.
    pub(super) whole: bool,
}

/// Judges what was heard. Without `min-recv` only the end proves that something is not there. `step` is the number of the rule.
pub(super) fn judge(expect: &Expect, heard: Heard<'_>, ctx: &Ctx<'_>, step: usize) -> Judgement {
    let Heard { bytes, whole } = heard;
    let bad = |text: &str| fail(Some(expect), "L7RSP", 0, text.as_bytes(), ctx);
    if bytes.is_empty() {
        return if whole { bad(&format!("TCPCHK got an empty response at step {step}")) } else { Judgement::More };
    }
    let Some(wanted) = Wanted::of(&expect.what, ctx) else {
        return bad("Failed to parse hexastring resulting of eval of a log-format string");
    };
    let least = wanted.length().max(expect.min_recv.unwrap_or(0));
    if bytes.len() < least && !whole {
        return Judgement::More;
    }
    let found = wanted.is_in(bytes);
    match (found == expect.negate, found) {
        (false, true) => Judgement::Pass,
        // More could still hold it.
        (_, false) if !whole && expect.min_recv.is_none() => Judgement::More,
        (false, false) => Judgement::Pass,
        (true, true) => bad(&format!("TCPCHK matched unwanted content {} at step {step}", named(&expect.what))),
        (true, false) => bad(&format!("TCPCHK did not match content {} at step {step}", named(&expect.what))),
    }
}

/// The end of a check whose last rule was that one.
pub(super) fn passed(expect: &Expect, ctx: &Ctx<'_>) -> Outcome {
    let status = expect.ok_status.unwrap_or("L7OK");
    let text = match &expect.on_success {
        Some(format) => rendered(Some(format), ctx),
        None => b"(tcp-check)".to_vec(),
    };
    Outcome::new(status, code(Some(expect), 0, ctx), text)
}

/// How a rule is named when its time is over.
pub(super) fn title(what: &ExpectMatch) -> String {
    match what {
        ExpectMatch::Body(text) => format!("string '{}'", String::from_utf8_lossy(text)),
        ExpectMatch::Binary(bytes) => format!("binary '{}'", upper_hex(bytes)),
        other => named(other).trim_matches(['(', ')']).to_owned(),
    }
}

fn named(what: &ExpectMatch) -> String {
    match what {
        ExpectMatch::Body(text) => format!("'{}'", String::from_utf8_lossy(text)),
        ExpectMatch::Binary(_) => "(binary)".to_owned(),
        ExpectMatch::BinaryRegex(_) => "(binary regex)".to_owned(),
        ExpectMatch::BodyFormat(_) => "(log-format string)".to_owned(),
        ExpectMatch::BinaryFormat(_) => "(log-format binary)".to_owned(),
        ExpectMatch::BodyRegex(_)
        | ExpectMatch::Status(_)
        | ExpectMatch::StatusRegex(_)
        | ExpectMatch::Header { .. } => "(regex)".to_owned(),
    }
}

/// What is looked for, made for this check.
enum Wanted<'a> {
    Bytes(&'a [u8]),
    Made(Vec<u8>),
    Regex(&'a regex::bytes::Regex),
    HexRegex(&'a regex::bytes::Regex),
    /// Rules of HTTP find nothing in raw bytes.
    Nothing,
}

impl<'a> Wanted<'a> {
    /// `None` where a format makes no hexadecimal digits.
    fn of(what: &'a ExpectMatch, ctx: &Ctx<'_>) -> Option<Wanted<'a>> {
        Some(match what {
            ExpectMatch::Body(text) => Wanted::Bytes(text),
            ExpectMatch::Binary(bytes) => Wanted::Bytes(bytes),
            ExpectMatch::BodyRegex(regex) => Wanted::Regex(regex),
            ExpectMatch::BinaryRegex(regex) => Wanted::HexRegex(regex),
            ExpectMatch::BodyFormat(format) => Wanted::Made(rendered(Some(format), ctx)),
            ExpectMatch::BinaryFormat(format) => Wanted::Made(from_hex(&rendered(Some(format), ctx)).ok()?),
            ExpectMatch::Status(_) | ExpectMatch::StatusRegex(_) | ExpectMatch::Header { .. } => Wanted::Nothing,
        })
    }

    fn length(&self) -> usize {
        match self {
            Wanted::Bytes(text) => text.len(),
            Wanted::Made(text) => text.len(),
            Wanted::Regex(_) | Wanted::HexRegex(_) | Wanted::Nothing => 0,
        }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        match self {
            Wanted::Bytes(text) => contains(bytes, text),
            Wanted::Made(text) => contains(bytes, text),
            Wanted::Regex(regex) => regex.is_match(bytes),
            Wanted::HexRegex(regex) => regex.is_match(upper_hex(bytes).as_bytes()),
            Wanted::Nothing => false,
        }
    }
}
