//! What is known of the HTTP request and response: request line as received, captured headers and cookies.

use super::super::{Alias, Flags, encode};
use super::{any, http_only};
use crate::expr::{Captures, Ctx};
use crate::http::uri::Target;
use crate::keyword::Needs;

pub(super) static ALIASES: &[Alias] = &[
    http_only(any(
        "CC",
        "%CC",
        "Captured cookie of the request.",
        &[("%CC", "SESS=12")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::maybe(out, flags, ctx.stream.req_cookie.as_deref());
        },
    )),
    http_only(any(
        "CS",
        "%CS",
        "Captured cookie of the response.",
        &[("%CS", "-"), ("%{+Q}CS", "\"\"")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::maybe(out, flags, ctx.stream.res_cookie.as_deref());
        },
    )),
    http_only(any("HM", "%HM", "Method of the request.", &[("%HM", "GET")], Needs::REQ_KEPT, |ctx, flags, out| {
        part(out, flags, ctx, |line| line.method);
    })),
    http_only(any(
        "HP",
        "%HP",
        "Target of the request without the query.",
        &[("%HP", "/a/b%20c"), ("%{+Q}HP", "\"/a/b%20c\"")],
        Needs::REQ_KEPT,
        |ctx, flags, out| part(out, flags, ctx, |line| &line.target[..query_at(line.target)]),
    )),
    http_only(any(
        "HPO",
        "%HPO",
        "Path of the request without host and query.",
        &[("%HPO", "/a/b%20c")],
        Needs::REQ_KEPT,
        |ctx, flags, out| {
            part(out, flags, ctx, |line| Target::split(line.target).path.unwrap_or_default());
        },
    )),
    http_only(any(
        "HQ",
        "%HQ",
        "Query of the request with its question mark.",
        &[("%HQ", "?x=#221#22")],
        Needs::REQ_KEPT,
        |ctx, flags, out| {
            part(out, flags, ctx, |line| &line.target[query_at(line.target)..]);
        },
    )),
    http_only(any(
        "HU",
        "%HU",
        "Target of the request.",
        &[("%HU", "/a/b%20c?x=#221#22")],
        Needs::REQ_KEPT,
        |ctx, flags, out| {
            part(out, flags, ctx, |line| line.target);
        },
    )),
    http_only(any(
        "HV",
        "%HV",
        "Version of the request.",
        &[("%HV", "HTTP/1.1")],
        Needs::REQ_KEPT,
        |ctx, flags, out| {
            part(out, flags, ctx, |line| line.version);
        },
    )),
    any(
        "hr",
        "%hr",
        "Captured request headers between braces, separated by bars; nothing without captures.",
        &[("%hr", "{a#7Cb\\]|}"), ("%{+Q}hr", "\"{a#7Cb\\]|}\""), ("%{+E}hr", "{a#7Cb\\\\\\]|}")],
        Needs::LOG,
        |ctx, flags, out| braced(out, flags, &ctx.stream.req_captures),
    ),
    any(
        "hrl",
        "%hrl",
        "Captured request headers separated by blanks.",
        &[("%hrl", "a#7Cb\\] -"), ("%{+Q}hrl", "\"a#7Cb\\]\" \"\"")],
        Needs::LOG,
        |ctx, flags, out| listed(out, flags, &ctx.stream.req_captures),
    ),
    any(
        "hs",
        "%hs",
        "Captured response headers between braces.",
        &[("%hs", "{abc}")],
        Needs::LOG,
        |ctx, flags, out| {
            braced(out, flags, &ctx.stream.res_captures);
        },
    ),
    any(
        "hsl",
        "%hsl",
        "Captured response headers separated by blanks.",
        &[("%hsl", "abc")],
        Needs::LOG,
        |ctx, flags, out| {
            listed(out, flags, &ctx.stream.res_captures);
        },
    ),
    http_only(any(
        "r",
        "%r",
        "Request line as received; `<BADREQ>` if none was.",
        &[("%r", "GET /a/b%20c?x=#221#22 HTTP/1.1"), ("%{+Q}r", "\"GET /a/b%20c?x=#221#22 HTTP/1.1\"")],
        Needs::REQ_KEPT,
        |ctx, flags, out| {
            encode::request(out, flags, if ctx.stream.request_line.is_empty() { BAD } else { &ctx.stream.request_line })
        },
    )),
];

/// The kept request line in its parts.
struct Line<'a> {
    method: &'a [u8],
    target: &'a [u8],
    version: &'a [u8],
}

fn part(out: &mut Vec<u8>, flags: Flags, ctx: &Ctx<'_>, of: impl for<'l> Fn(&Line<'l>) -> &'l [u8]) {
    let stream = ctx.stream;
    let whole = &stream.request_line[..];
    if whole.is_empty() {
        return encode::request(out, flags, BAD);
    }
    let target_at = (usize::from(stream.method_len) + 1).min(whole.len());
    let target_end = target_at.saturating_add(stream.target_len as usize).min(whole.len());
    let line = Line {
        method: &whole[..usize::from(stream.method_len).min(whole.len())],
        target: &whole[target_at..target_end],
        version: whole.get(target_end + 1..).unwrap_or_default(),
    };
    encode::request(out, flags, of(&line));
}

fn query_at(target: &[u8]) -> usize {
    memchr::memchr(b'?', target).unwrap_or(target.len())
}

fn braced(out: &mut Vec<u8>, flags: Flags, captures: &Captures) {
    if captures.is_empty() {
        return;
    }
    encode::quoted(out, flags, |out| {
        out.push(b'{');
        for (at, value) in captures.values().enumerate() {
            if at > 0 {
                out.push(b'|');
            }
            encode::header(out, flags, &value);
        }
        out.push(b'}');
    });
}

fn listed(out: &mut Vec<u8>, flags: Flags, captures: &Captures) {
    for (at, value) in captures.values().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        match &*value {
            [] => encode::empty(out, flags),
            value => encode::quoted(out, flags, |out| encode::header(out, flags, value)),
        }
    }
}

/// What stands for a request line that could not be read.
const BAD: &[u8] = b"<BADREQ>";
