//! Timers (manual 8.4), all in milliseconds, -1 where the stage was not reached.

use super::super::{Alias, Flags, encode};
use super::{any, http_only};
use crate::expr::Ctx;
use crate::keyword::Needs;

pub(super) static ALIASES: &[Alias] = &[
    http_only(any(
        "Ta",
        "%Ta",
        "Active time of the request, from its first byte to the last byte of the response; `+` in front with `option logasap`.",
        &[("%Ta", "77")],
        Needs::LOG,
        |ctx, _, out| total(out, ctx, Some(end(ctx).saturating_sub(first_byte(ctx)))),
    )),
    any("Tc", "%Tc", "Time to connect to the server.", &[("%Tc", "3")], Needs::LOG, |ctx, _, out| {
        timer(out, span(ctx.stream.queue_ms, ctx.stream.connect_ms));
    }),
    any("Td", "%Td", "Time of the data transfer.", &[("%Td", "40")], Needs::LOG, |ctx, flags, out| {
        let from = if flags.contains(Flags::TCP) { ctx.stream.connect_ms } else { ctx.stream.response_ms };
        timer(out, span(from, Some(end(ctx))));
    }),
    any(
        "Th",
        "%Th",
        "Time of the handshakes (PROXY protocol, TLS); 0 from the second request of a connection on.",
        &[("%Th", "2")],
        Needs::LOG,
        |ctx, _, out| timer(out, Some(handshake(ctx))),
    ),
    http_only(any("Ti", "%Ti", "Idle time before the request.", &[("%Ti", "21")], Needs::LOG, |ctx, _, out| {
        timer(out, Some(idle(ctx)));
    })),
    http_only(any("Tq", "%Tq", "Sum of Th, Ti and TR.", &[("%Tq", "33")], Needs::LOG, |ctx, _, out| {
        timer(out, span(Some(ctx.stream.began_ms), ctx.stream.request_ms));
    })),
    http_only(any(
        "TR",
        "%TR",
        "Time to receive the head of the request from its first byte on.",
        &[("%TR", "10")],
        Needs::LOG,
        |ctx, _, out| timer(out, span(Some(first_byte(ctx)), ctx.stream.request_ms)),
    )),
    http_only(any(
        "Tr",
        "%Tr",
        "Time from the connection to the server to the end of its response head.",
        &[("%Tr", "20")],
        Needs::LOG,
        |ctx, _, out| timer(out, span(ctx.stream.connect_ms, ctx.stream.response_ms)),
    )),
    any(
        "Tt",
        "%Tt",
        "Time from the accept to the end of both sides; `+` in front with `option logasap`.",
        &[("%Tt", "100")],
        Needs::LOG,
        |ctx, _, out| total(out, ctx, Some(end(ctx).saturating_sub(ctx.stream.began_ms))),
    ),
    any(
        "Tu",
        "%Tu",
        "Time as the client sees it: Tt without Ti; `+` in front with `option logasap`.",
        &[("%Tu", "79")],
        Needs::LOG,
        |ctx, _, out| {
            let whole = end(ctx).saturating_sub(ctx.stream.began_ms);
            total(out, ctx, Some(whole.saturating_sub(idle(ctx))));
        },
    ),
    any("Tw", "%Tw", "Time spent in queues.", &[("%Tw", "4")], Needs::LOG, |ctx, _, out| {
        let from = ctx.stream.request_ms.unwrap_or(ctx.stream.began_ms + handshake(ctx));
        timer(out, span(Some(from), ctx.stream.queue_ms));
    }),
];

fn timer(out: &mut Vec<u8>, ms: Option<u64>) {
    match ms {
        Some(ms) => encode::number(out, ms),
        None => out.extend_from_slice(b"-1"),
    }
}

fn total(out: &mut Vec<u8>, ctx: &Ctx<'_>, ms: Option<u64>) {
    if ctx.stream.logged_early {
        out.push(b'+');
    }
    timer(out, ms);
}

fn span(from: Option<u64>, to: Option<u64>) -> Option<u64> {
    Some(to?.saturating_sub(from?))
}

/// The end of the stream, or now.
fn end(ctx: &Ctx<'_>) -> u64 {
    ctx.stream.end_ms.unwrap_or(ctx.now_ms)
}

/// The handshake belongs to the first request of the connection.
fn handshake(ctx: &Ctx<'_>) -> u64 {
    if ctx.stream.began_ms == ctx.conn.accepted_ms { ctx.conn.handshake_ms } else { 0 }
}

/// When the request began to arrive. Without a byte there was no idle time: the whole wait counts as active.
fn first_byte(ctx: &Ctx<'_>) -> u64 {
    ctx.stream.first_byte_ms.unwrap_or(ctx.stream.began_ms + handshake(ctx))
}

fn idle(ctx: &Ctx<'_>) -> u64 {
    first_byte(ctx).saturating_sub(ctx.stream.began_ms + handshake(ctx))
}
