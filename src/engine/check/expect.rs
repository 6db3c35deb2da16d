//! Whether the answer to an HTTP check is a good one (manual 4.2 `http-check expect`): no I/O, no clock.

use super::outcome::Outcome;
use super::response::Response;
use crate::base::hex::{from_hex, upper_hex};
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, LogFormat};
use crate::http::Msg;
use crate::http::list::Elements;
use crate::ir::check::{Comparison, TextMatch};
use crate::ir::{Expect, ExpectMatch};

/// What an answer is worth so far.
pub(super) enum Judgement {
    /// It is what was expected.
    Pass,
    /// More of it must come.
    More,
    /// It is not what was expected.
    Fail(Outcome),
}

/// Judges an answer whose head is complete. Without `expect`, statuses from 200 to 399 are good. `step` is the place of the rule
/// among the steps of the check, from 0.
pub(super) fn judge(expect: Option<&Expect>, response: &Response, ctx: &Ctx<'_>, step: usize) -> Judgement {
    let Some(msg) = response.msg() else { return Judgement::More };
    let Some(expect) = expect else { return status(None, (200..400).contains(&msg.status()), msg, ctx, step) };
    match &expect.what {
        ExpectMatch::Status(ranges) => {
            let found = ranges.iter().any(|(low, high)| (*low..=*high).contains(&msg.status()));
            status(Some(expect), found != expect.negate, msg, ctx, step)
        }
        ExpectMatch::StatusRegex(regex) => {
            let found = regex.is_match(msg.status().to_string().as_bytes());
            status(Some(expect), found != expect.negate, msg, ctx, step)
        }
        ExpectMatch::Header { name, value, full } => {
            let value = value.as_ref().map(|value| &value.how);
            let found = msg.fields().any(|field| {
                is_name(&name.how, field.name, ctx)
                    && value.is_none_or(|value| is_value(value, field.value, *full, ctx))
            });
            status(Some(expect), found != expect.negate, msg, ctx, step)
        }
        ExpectMatch::Body(text) => body(expect, response, ctx, text.len(), |body| contains(body, text)),
        ExpectMatch::BodyRegex(regex) => body(expect, response, ctx, usize::MAX, |body| regex.is_match(body)),
        ExpectMatch::BodyFormat(format) => {
            let mut text = Vec::new();
            format.render(ctx, &mut text);
            body(expect, response, ctx, text.len(), |body| contains(body, &text))
        }
        // What only generic checks may ask for is asked of the body too.
        ExpectMatch::Binary(bytes) => body(expect, response, ctx, bytes.len(), |body| contains(body, bytes)),
        ExpectMatch::BinaryRegex(regex) => {
            body(expect, response, ctx, usize::MAX, |body| regex.is_match(upper_hex(body).as_bytes()))
        }
        ExpectMatch::BinaryFormat(format) => {
            let bytes = from_hex(&rendered(Some(format), ctx)).unwrap_or_default();
            body(expect, response, ctx, bytes.len(), |body| contains(body, &bytes))
        }
    }
}

/// The outcome of a check whose last rule found what it expected.
pub(super) fn passed(expect: Option<&Expect>, response: &Response, ctx: &Ctx<'_>) -> Outcome {
    let status = expect.and_then(|expect| expect.ok_status).unwrap_or("L7OK");
    let code = code(expect, response.msg().map_or(0, |msg| msg.status()), ctx);
    Outcome::new(status, code, rendered(expect.and_then(|expect| expect.on_success.as_ref()), ctx))
}

fn status(expect: Option<&Expect>, good: bool, msg: Msg<'_>, ctx: &Ctx<'_>, step: usize) -> Judgement {
    if good {
        return Judgement::Pass;
    }
    let reason = msg.reason();
    match reason.is_empty() {
        false => fail(expect, "L7STS", msg.status(), reason, ctx),
        true => {
            let text = format!("TCPCHK did not match content(status codes) at step {step}");
            fail(expect, "L7STS", msg.status(), text.as_bytes(), ctx)
        }
    }
}

/// A pattern of `text` bytes in the body; `found` looks for it.
fn body(
    expect: &Expect,
    response: &Response,
    ctx: &Ctx<'_>,
    text: usize,
    found: impl FnOnce(&[u8]) -> bool,
) -> Judgement {
    let code = response.msg().map_or(0, |msg| msg.status());
    let body = response.body();
    let more = !response.is_whole();
    if more && body.len() < expect.min_recv.unwrap_or(1).min(text) {
        return Judgement::More;
    }
    if body.is_empty() && more {
        return Judgement::More;
    }
    if body.is_empty() {
        return fail(Some(expect), "L7RSP", code, b"HTTP content check could not find a response body", ctx);
    }
    match (found(body), expect.negate) {
        (true, false) => Judgement::Pass,
        (true, true) => fail(Some(expect), "L7RSP", code, b"HTTP check matched unwanted content", ctx),
        (false, _) if more => Judgement::More,
        (false, true) => Judgement::Pass,
        (false, false) => fail(Some(expect), "L7RSP", code, b"HTTP content check did not match", ctx),
    }
}

pub(super) fn fail(
    expect: Option<&Expect>,
    status: &'static str,
    code: u16,
    detail: &[u8],
    ctx: &Ctx<'_>,
) -> Judgement {
    let status = expect.and_then(|expect| expect.error_status).unwrap_or(status);
    let mut text = match expect.and_then(|expect| expect.on_error.as_ref()) {
        Some(format) => rendered(Some(format), ctx),
        None => detail.to_vec(),
    };
    if let Some(comment) = expect.and_then(|expect| expect.comment.as_ref()) {
        text.extend_from_slice(format!(" comment: {comment}").as_bytes());
    }
    Judgement::Fail(Outcome::new(status, self::code(expect, code, ctx), text))
}

/// The code to be told: that of the answer, unless `status-code` says another.
pub(super) fn code(expect: Option<&Expect>, own: u16, ctx: &Ctx<'_>) -> u16 {
    // What servers say is bytes, which read as a number here.
    let number = |value: Value<'_>| match value.cast(Type::Str)?.cast(Type::Int)? {
        Value::Int(number) => Some(number),
        _ => None,
    };
    let told = expect.and_then(|expect| expect.status_code.as_ref()).and_then(|code| code.with_value(ctx, number)?);
    told.map_or(own, |code| u16::try_from(code).unwrap_or_default())
}

pub(super) fn rendered(format: Option<&LogFormat>, ctx: &Ctx<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(format) = format {
        format.render(ctx, &mut text);
    }
    text
}

/// Names of fields are in lower case and compared without case.
fn is_name(how: &TextMatch, name: &[u8], ctx: &Ctx<'_>) -> bool {
    let lower = |text: &[u8]| text.to_ascii_lowercase();
    match how {
        TextMatch::Str(text) => name.eq_ignore_ascii_case(text),
        TextMatch::Beg(text) => name.starts_with(&lower(text)),
        TextMatch::End(text) => name.ends_with(&lower(text)),
        TextMatch::Sub(text) => contains(name, &lower(text)),
        TextMatch::Reg(regex) => regex.is_match(name),
        TextMatch::Format(how, format) => compare(*how, name, &lower(&rendered(Some(format), ctx))),
    }
}

fn is_value(how: &TextMatch, value: &[u8], full: bool, ctx: &Ctx<'_>) -> bool {
    let made = match how {
        TextMatch::Format(_, format) => rendered(Some(format), ctx),
        _ => Vec::new(),
    };
    let fits = |value: &[u8]| match how {
        TextMatch::Str(text) => *value == **text,
        TextMatch::Beg(text) => value.starts_with(text),
        TextMatch::End(text) => value.ends_with(text),
        TextMatch::Sub(text) => contains(value, text),
        TextMatch::Reg(regex) => regex.is_match(value),
        TextMatch::Format(how, _) => compare(*how, value, &made),
    };
    if full { fits(value) } else { Elements::new(value).any(|element| fits(element.bytes)) }
}

fn compare(how: Comparison, text: &[u8], part: &[u8]) -> bool {
    match how {
        Comparison::Str => text == part,
        Comparison::Beg => text.starts_with(part),
        Comparison::End => text.ends_with(part),
        Comparison::Sub => contains(text, part),
    }
}

pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
