//! What is known of the stream as a whole: bytes, status, counts, queues, termination.

use std::sync::atomic::Ordering::Relaxed;

use super::super::{Alias, Flags, encode};
use super::any;
use crate::keyword::Needs;

pub(super) static ALIASES: &[Alias] = &[
    any(
        "B",
        "%B",
        "Bytes sent to the client; `+` in front with `option logasap`.",
        &[("%B", "2750")],
        Needs::LOG,
        |ctx, _, out| {
            if ctx.stream.logged_early {
                out.push(b'+');
            }
            encode::number(out, ctx.stream.bytes_out);
        },
    ),
    any("U", "%U", "Bytes received from the client.", &[("%U", "97")], Needs::LOG, |ctx, _, out| {
        encode::number(out, ctx.stream.bytes_in);
    }),
    any(
        "ST",
        "%ST",
        "Status sent to the client: -1 without a response, 0 in TCP.",
        &[("%ST", "200")],
        Needs::LOG,
        |ctx, flags, out| match ctx.stream.status {
            0 if !flags.contains(Flags::TCP) => out.extend_from_slice(b"-1"),
            status => encode::number(out, status),
        },
    ),
    any("H", "%H", "Name of this machine.", &[("%H", "proxy1")], Needs::INTERNAL, |ctx, flags, out| {
        encode::maybe(out, flags, ctx.view.process.hostname.get().map(|name| name.as_bytes()));
    }),
    any(
        "ID",
        "%ID",
        "The unique id of the request (`unique-id-format`).",
        &[("%ID", "C0000207:C048")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::maybe(out, flags, ctx.stream.unique_id.get(ctx));
        },
    ),
    any(
        "OG",
        "%OG",
        "When the line was made: `txn_close`, `txn_response` and so on.",
        &[("%OG", "txn_close")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::text(out, flags, ctx.stream.log_origin.unwrap_or("unspec").as_bytes());
        },
    ),
    any("ac", "%ac", "Connections of the process.", &[("%ac", "4")], Needs::LOG, |ctx, _, out| {
        encode::number(out, ctx.stream.counts[0]);
    }),
    any("fc", "%fc", "Connections of the frontend.", &[("%fc", "3")], Needs::LOG, |ctx, _, out| {
        encode::number(out, ctx.stream.counts[1]);
    }),
    any("bc", "%bc", "Connections of the backend.", &[("%bc", "2")], Needs::LOG, |ctx, _, out| {
        encode::number(out, ctx.stream.counts[2]);
    }),
    any("sc", "%sc", "Connections of the server.", &[("%sc", "1")], Needs::LOG, |ctx, _, out| {
        encode::number(out, ctx.stream.counts[3]);
    }),
    any(
        "sq",
        "%sq",
        "Requests that were before this one in the server's queue.",
        &[("%sq", "6")],
        Needs::LOG,
        |ctx, _, out| {
            encode::number(out, ctx.stream.server_queue);
        },
    ),
    any(
        "bq",
        "%bq",
        "Requests that were before this one in the backend's queue.",
        &[("%bq", "5")],
        Needs::LOG,
        |ctx, _, out| {
            encode::number(out, ctx.stream.backend_queue);
        },
    ),
    any(
        "rc",
        "%rc",
        "Retries of the connection to the server; `+` in front after a redispatch.",
        &[("%rc", "+2")],
        Needs::LOG,
        |ctx, _, out| {
            if ctx.stream.redispatched {
                out.push(b'+');
            }
            encode::number(out, ctx.stream.retries);
        },
    ),
    any(
        "rt",
        "%rt",
        "Number of the request (HTTP) or session (TCP) in the process.",
        &[("%rt", "53"), ("%{+X}rt", "0035")],
        Needs::INTERNAL,
        |ctx, flags, out| encode::counter(out, flags, ctx.stream.number),
    ),
    any(
        "lc",
        "%lc",
        "Log lines of the frontend so far.",
        &[("%lc", "12"), ("%{+X}lc", "000C")],
        Needs::LOG,
        |ctx, flags, out| {
            encode::counter(out, flags, ctx.view.proxy(ctx.conn.frontend).logged.load(Relaxed));
        },
    ),
    any("pid", "%pid", "Process id.", &[("%pid", "4711")], Needs::INTERNAL, |_, flags, out| {
        encode::counter(out, flags, u64::from(std::process::id()));
    }),
    any(
        "ts",
        "%ts",
        "How the stream ended: two characters (manual 8.5).",
        &[("%ts", "cD")],
        Needs::LOG,
        |ctx, _, out| {
            out.extend_from_slice(&[ctx.stream.termination.cause, ctx.stream.termination.phase]);
        },
    ),
    any(
        "tsc",
        "%tsc",
        "How the stream ended, with the two characters of cookie persistence.",
        &[("%tsc", "cDVN")],
        Needs::LOG,
        |ctx, _, out| {
            let shown = |flag: u8| if flag == 0 { b'-' } else { flag };
            let [found, done] = ctx.stream.cookie_flags;
            out.extend_from_slice(&[
                ctx.stream.termination.cause,
                ctx.stream.termination.phase,
                shown(found),
                shown(done),
            ]);
        },
    ),
];
