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
        |ctx, _, out| total(out, ctx, ctx.active_time()),
    )),
    any("Tc", "%Tc", "Time to connect to the server.", &[("%Tc", "3")], Needs::LOG, |ctx, _, out| {
        timer(out, ctx.connect_time());
    }),
    any("Td", "%Td", "Time of the data transfer.", &[("%Td", "40")], Needs::LOG, |ctx, flags, out| {
        timer(out, ctx.data_time(flags.contains(Flags::TCP)));
    }),
    any(
        "Th",
        "%Th",
        "Time of the handshakes (PROXY protocol, TLS); 0 from the second request of a connection on.",
        &[("%Th", "2")],
        Needs::LOG,
        |ctx, _, out| timer(out, Some(ctx.handshake_time())),
    ),
    http_only(any("Ti", "%Ti", "Idle time before the request.", &[("%Ti", "21")], Needs::LOG, |ctx, _, out| {
        timer(out, Some(ctx.idle_time()));
    })),
    http_only(any("Tq", "%Tq", "Sum of Th, Ti and TR.", &[("%Tq", "33")], Needs::LOG, |ctx, _, out| {
        timer(out, ctx.whole_request_time());
    })),
    http_only(any(
        "TR",
        "%TR",
        "Time to receive the head of the request from its first byte on.",
        &[("%TR", "10")],
        Needs::LOG,
        |ctx, _, out| timer(out, ctx.request_time()),
    )),
    http_only(any(
        "Tr",
        "%Tr",
        "Time from the connection to the server to the end of its response head.",
        &[("%Tr", "20")],
        Needs::LOG,
        |ctx, _, out| timer(out, ctx.response_time()),
    )),
    any(
        "Tt",
        "%Tt",
        "Time from the accept to the end of both sides; `+` in front with `option logasap`.",
        &[("%Tt", "100")],
        Needs::LOG,
        |ctx, _, out| total(out, ctx, ctx.total_time()),
    ),
    any(
        "Tu",
        "%Tu",
        "Time as the client sees it: Tt without Ti; `+` in front with `option logasap`.",
        &[("%Tu", "79")],
        Needs::LOG,
        |ctx, _, out| total(out, ctx, ctx.user_time()),
    ),
    any("Tw", "%Tw", "Time spent in queues.", &[("%Tw", "4")], Needs::LOG, |ctx, _, out| {
        timer(out, ctx.queue_time());
    }),
];

fn timer(out: &mut Vec<u8>, ms: Option<u64>) {
    match ms {
        Some(ms) => encode::number(out, ms),
        None => out.extend_from_slice(b"-1"),
    }
}

fn total(out: &mut Vec<u8>, ctx: &Ctx<'_>, ms: u64) {
    if ctx.stream.logged_early {
        out.push(b'+');
    }
    encode::number(out, ms);
}
