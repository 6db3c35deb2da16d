//! The backend, the server and the connection to it (manual 7.3.3).

use std::sync::atomic::Ordering::Relaxed;

use super::connection::timer;
use super::{Fetch, int, one, plain};
use crate::base::value::{Type, Value};
use crate::expr::Ctx;
use crate::keyword::{Meta, Needs};
use crate::state::{ProxyState, ServerState};

pub(super) static FETCHES: &[Fetch] = &[
    plain!(
        "bc.timer.connect",
        Int,
        SERVER,
        "Milliseconds that the connection to the server took; -1 without one.",
        &[("bc.timer.connect", "3")],
        |ctx| timer(ctx.connect_time())
    ),
    plain!(
        "bc_be_queue",
        Int,
        SERVER,
        "How many streams left the backend's queue before this one.",
        &[("bc_be_queue", "3")],
        |ctx| int(ctx.stream.backend_queue)
    ),
    plain!(
        "bc_dst",
        Addr,
        SERVER,
        "The server's address of the connection to it.",
        &[("bc_dst", "10.0.0.11")],
        |ctx| { ctx.stream.server_dst.ip().map(Value::addr) }
    ),
    plain!(
        "bc_dst_port",
        Int,
        SERVER,
        "The server's port of the connection to it.",
        &[("bc_dst_port", "8080")],
        |ctx| { int(ctx.stream.server_dst.port()?) }
    ),
    plain!(
        "bc_http_major",
        Int,
        SERVER,
        "The major version of HTTP on the connection to the server.",
        &[("bc_http_major", "1")],
        |ctx| {
            ctx.stream.connect_ms?;
            int(1_u32)
        }
    ),
    plain!(
        "bc_reused",
        Bool,
        SERVER,
        "Whether the connection to the server had served other requests before.",
        &[("bc_reused", "1")],
        |ctx| Some(Value::Bool(ctx.stream.reused))
    ),
    plain!("bc_src", Addr, SERVER, "Our address of the connection to the server.", &[("bc_src", "10.0.0.1")], |ctx| {
        ctx.stream.server_src.ip().map(Value::addr)
    }),
    plain!(
        "bc_src_port",
        Int,
        SERVER,
        "Our port of the connection to the server.",
        &[("bc_src_port", "33000")],
        |ctx| { int(ctx.stream.server_src.port()?) }
    ),
    plain!(
        "bc_srv_queue",
        Int,
        SERVER,
        "How many streams left the server's queue before this one.",
        &[("bc_srv_queue", "2")],
        |ctx| int(ctx.stream.server_queue)
    ),
    plain!(
        "be_id",
        Int,
        BACKEND,
        "The number of the backend, of the frontend without one.",
        &[("be_id", "3")],
        |ctx| { int(backend(ctx)?.number.load(Relaxed)) }
    ),
    plain!(
        "be_name",
        Str,
        BACKEND,
        "The name of the backend, of the frontend without one.",
        &[("be_name", "app")],
        |ctx| { Some(Value::str(backend(ctx)?.name.as_bytes())) }
    ),
    plain!(
        "req.timer.queue",
        Int,
        SERVER,
        "Milliseconds spent in queues for a connection; -1 before the end of it.",
        &[("req.timer.queue", "5")],
        |ctx| timer(ctx.queue_time())
    ),
    plain!(
        "res.timer.data",
        Int,
        RES_KEPT,
        "Milliseconds since the end of the response's head, or of the whole transfer in logs.",
        &[("res.timer.data", "40")],
        |ctx| timer(ctx.data_time(ctx.stream.response_ms.is_none()))
    ),
    plain!(
        "res.timer.hdr",
        Int,
        RES_HEAD,
        "Milliseconds from the connection to the server to the end of the response's head.",
        &[("res.timer.hdr", "42")],
        |ctx| timer(ctx.response_time())
    ),
    plain!("srv_id", Int, SERVER, "The number of the server.", &[("srv_id", "1")], |ctx| {
        int(server(ctx)?.setup.load().number)
    }),
    plain!("srv_name", Str, SERVER, "The name of the server.", &[("srv_name", "s1")], |ctx| {
        Some(Value::str(server(ctx)?.name.as_bytes()))
    }),
    plain!(
        "txn.conn_retries",
        Int,
        SERVER,
        "How often the connection to the server was tried again.",
        &[("txn.conn_retries", "1")],
        |ctx| int(ctx.stream.retries)
    ),
    plain!(
        "txn.redispatched",
        Bool,
        SERVER,
        "Whether the stream went to another server than the first chosen.",
        &[("txn.redispatched", "0")],
        |ctx| Some(Value::Bool(ctx.stream.redispatched))
    ),
];

fn backend<'a>(ctx: &Ctx<'a>) -> Option<&'a ProxyState> {
    let id = ctx.stream.backend.unwrap_or(ctx.conn.frontend);
    ctx.view.proxies.get(id.index()).map(|proxy| &**proxy)
}

fn server<'a>(ctx: &Ctx<'a>) -> Option<&'a ServerState> {
    ctx.view.server(ctx.stream.backend?, ctx.stream.server?).map(|server| &**server)
}
