//! Dates: of the accept (reset for each request of a keep-alive connection) and of the first byte of the request.

use super::super::{Alias, Flags, date, encode};
use super::{any, http_only};
use crate::expr::Ctx;
use crate::keyword::Needs;

pub(super) static ALIASES: &[Alias] = &[
    any(
        "T",
        "%T",
        "Accept date in UTC with the zone.",
        &[("%T", "22/Nov/2026:18:27:11 +0000")],
        Needs::INTERNAL,
        |ctx, _, out| out.extend_from_slice(&date::of(seconds(accepted(ctx))).utc),
    ),
    any(
        "Tl",
        "%Tl",
        "Accept date in local time with the zone.",
        &[("%Tl", "22/Nov/2026:18:27:11 +0000")],
        Needs::INTERNAL,
        |ctx, _, out| out.extend_from_slice(&date::of(seconds(accepted(ctx))).local),
    ),
    any(
        "Ts",
        "%Ts",
        "Accept date as a UNIX timestamp in seconds; hexadecimal with +X.",
        &[("%Ts", "1795372031"), ("%{+X}Ts", "6B0333FF")],
        Needs::INTERNAL,
        |ctx, flags, out| encode::counter(out, flags, seconds(accepted(ctx)).unsigned_abs()),
    ),
    any(
        "t",
        "%t",
        "Accept date in local time with milliseconds.",
        &[("%t", "22/Nov/2026:18:27:11.503")],
        Needs::INTERNAL,
        |ctx, _, out| local_with_millis(accepted(ctx), out),
    ),
    any(
        "ms",
        "%ms",
        "Milliseconds of the accept date; hexadecimal with +X.",
        &[("%ms", "503"), ("%{+X}ms", "1F7")],
        Needs::INTERNAL,
        |ctx, flags, out| millis(accepted(ctx), flags, out),
    ),
    http_only(any(
        "tr",
        "%tr",
        "Date of the first byte of the request in local time with milliseconds.",
        &[("%tr", "22/Nov/2026:18:27:11.526")],
        Needs::INTERNAL,
        |ctx, _, out| local_with_millis(requested(ctx), out),
    )),
    http_only(any(
        "trg",
        "%trg",
        "Date of the first byte of the request in UTC with the zone.",
        &[("%trg", "22/Nov/2026:18:27:11 +0000")],
        Needs::INTERNAL,
        |ctx, _, out| out.extend_from_slice(&date::of(seconds(requested(ctx))).utc),
    )),
    http_only(any(
        "trl",
        "%trl",
        "Date of the first byte of the request in local time with the zone.",
        &[("%trl", "22/Nov/2026:18:27:11 +0000")],
        Needs::INTERNAL,
        |ctx, _, out| out.extend_from_slice(&date::of(seconds(requested(ctx))).local),
    )),
];

/// Microseconds since the epoch at which the stream began.
fn accepted(ctx: &Ctx<'_>) -> i64 {
    if ctx.stream.began_us != 0 { ctx.stream.began_us } else { ctx.conn.accepted_us }
}

/// Microseconds since the epoch at which the first byte of the request came, or the stream began.
fn requested(ctx: &Ctx<'_>) -> i64 {
    if ctx.stream.first_byte_us != 0 { ctx.stream.first_byte_us } else { accepted(ctx) }
}

fn seconds(us: i64) -> i64 {
    us.div_euclid(1_000_000)
}

pub(in crate::expr::log_format) fn local_with_millis(us: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&date::of(seconds(us)).local[..date::SHORT]);
    out.push(b'.');
    millis(us, Flags::empty(), out);
}

fn millis(us: i64, flags: Flags, out: &mut Vec<u8>) {
    let ms = (us.rem_euclid(1_000_000) / 1000) as u64;
    if flags.contains(Flags::HEX) {
        encode::hex(out, ms, 2);
    } else {
        out.extend([ms / 100, ms / 10 % 10, ms % 10].map(|digit| b'0' + digit as u8));
    }
}
