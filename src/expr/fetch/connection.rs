//! The client's connection (manual 7.3.3): addresses, listener, frontend, dates, times and byte counts.

use std::sync::atomic::Ordering::Relaxed;

use super::clock::Unit;
use super::{Fetch, FetchFn, int, one, plain};
use crate::base::value::{Type, Value};
use crate::expr::{Bind, ConnFacts, Ctx, Endpoint};
use crate::keyword::{Example, Meta, Needs};
use crate::state::BindState;

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "accept_date",
            "accept_date([<unit>])",
            "When the connection was accepted, or was ready for this request: seconds of Unix time, or with `ms` or `us` \
             milliseconds or microseconds.",
            &[("accept_date", "1700000000"), ("accept_date(ms)", "1700000000000")],
        ),
        Type::Int,
        Needs::CLIENT_L4,
        |words, _| {
            let unit = Unit::bind(words)?;
            Ok(one(move |ctx| {
                let began = if ctx.stream.began_us > 0 { ctx.stream.began_us } else { ctx.conn.accepted_us };
                Some(Value::Int(unit.of(began)))
            }))
        },
    ),
    plain!(
        "bytes_in",
        Int,
        REQ_KEPT,
        "Bytes received from the client in this stream.",
        &[("bytes_in", "412")],
        |ctx| { int(ctx.stream.bytes_in) }
    ),
    plain!(
        "bytes_out",
        Int,
        RES_KEPT,
        "Bytes received from the server in this stream, or made here.",
        &[("bytes_out", "180")],
        |ctx| { int(ctx.stream.bytes_out) }
    ),
    address("dst", "The address that the client connected to, as rules see it.", &[("dst", "203.0.113.5")], |_, _| {
        Ok(ip(|conn| conn.dst))
    }),
    plain!(
        "dst_conn",
        Int,
        CLIENT_L4,
        "How many connections the listener has, this one included.",
        &[("dst_conn", "5")],
        |ctx| int(listener(ctx)?.current.load(Relaxed))
    ),
    local("dst_is_local", "Whether `dst` is an address of this machine.", &[("dst_is_local", "0")], |_, _| {
        Ok(is_local(|conn| conn.dst))
    }),
    port("dst_port", "The port that the client connected to, as rules see it.", &[("dst_port", "443")], |_, _| {
        Ok(port_of(|conn| conn.dst))
    }),
    plain!(
        "fc.timer.handshake",
        Int,
        CLIENT_L4,
        "Milliseconds that the handshakes of the connection took (PROXY protocol, TLS).",
        &[("fc.timer.handshake", "8")],
        |ctx| int(ctx.handshake_time())
    ),
    plain!(
        "fc.timer.total",
        Int,
        CLIENT_L4,
        "Milliseconds since the accept, or until the end of the stream in logs.",
        &[("fc.timer.total", "140")],
        |ctx| int(ctx.total_time())
    ),
    address("fc_dst", "The local address of the connection itself.", &[("fc_dst", "10.0.0.1")], |_, _| {
        Ok(ip(|conn| conn.real_dst))
    }),
    local("fc_dst_is_local", "Whether `fc_dst` is an address of this machine.", &[("fc_dst_is_local", "0")], |_, _| {
        Ok(is_local(|conn| conn.real_dst))
    }),
    port("fc_dst_port", "The local port of the connection itself.", &[("fc_dst_port", "8443")], |_, _| {
        Ok(port_of(|conn| conn.real_dst))
    }),
    plain!(
        "fc_http_major",
        Int,
        CLIENT_L4,
        "The major version of HTTP on the client's connection, whatever stands in the request.",
        &[("fc_http_major", "1")],
        |ctx| {
            let alpn = ctx.conn.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
            int(if alpn == Some(b"h2") { 2_u32 } else { 1 })
        }
    ),
    plain!(
        "fc_rcvd_proxy",
        Bool,
        CLIENT_L4,
        "Whether the client sent a PROXY header.",
        &[("fc_rcvd_proxy", "1")],
        |ctx| { Some(Value::Bool(ctx.conn.rcvd_proxy)) }
    ),
    address("fc_src", "The peer's address of the connection itself.", &[("fc_src", "10.0.0.9")], |_, _| {
        Ok(ip(|conn| conn.real_src))
    }),
    local("fc_src_is_local", "Whether `fc_src` is an address of this machine.", &[("fc_src_is_local", "0")], |_, _| {
        Ok(is_local(|conn| conn.real_src))
    }),
    port("fc_src_port", "The peer's port of the connection itself.", &[("fc_src_port", "40000")], |_, _| {
        Ok(port_of(|conn| conn.real_src))
    }),
    plain!("fe_id", Int, CLIENT_L4, "The number of the frontend.", &[("fe_id", "2")], |ctx| {
        int(ctx.view.proxies.get(ctx.conn.frontend.index())?.number.load(Relaxed))
    }),
    plain!("fe_name", Str, CLIENT_L4, "The name of the frontend.", &[("fe_name", "web")], |ctx| {
        Some(Value::str(ctx.view.proxies.get(ctx.conn.frontend.index())?.name.as_bytes()))
    }),
    plain!(
        "req.bytes_in",
        Int,
        REQ_KEPT,
        "Bytes received from the client in this stream.",
        &[("req.bytes_in", "412")],
        |ctx| int(ctx.stream.bytes_in)
    ),
    plain!(
        "req.bytes_out",
        Int,
        REQ_KEPT,
        "Bytes sent to the server in this stream.",
        &[("req.bytes_out", "440")],
        |ctx| int(ctx.stream.bytes_to_server)
    ),
    plain!(
        "req.timer.hdr",
        Int,
        REQ_HEAD,
        "Milliseconds from the first byte of the request to the end of its head.",
        &[("req.timer.hdr", "30")],
        |ctx| timer(ctx.request_time())
    ),
    plain!(
        "req.timer.idle",
        Int,
        REQ_HEAD,
        "Milliseconds from the end of the handshakes to the first byte of the request.",
        &[("req.timer.idle", "12")],
        |ctx| int(ctx.idle_time())
    ),
    plain!(
        "req.timer.tq",
        Int,
        REQ_HEAD,
        "Milliseconds from the accept, or the end of the previous response, to the end of the request's head.",
        &[("req.timer.tq", "50")],
        |ctx| timer(ctx.whole_request_time())
    ),
    Fetch::new(
        Meta::new(
            "request_date",
            "request_date([<unit>])",
            "When the first byte of the request came: seconds of Unix time, or with `ms` or `us` milliseconds or microseconds.",
            &[("request_date", "1700000000"), ("request_date(ms)", "1700000000020")],
        ),
        Type::Int,
        Needs::REQ_KEPT,
        |words, _| {
            let unit = Unit::bind(words)?;
            Ok(one(move |ctx| {
                ctx.stream.first_byte_ms?;
                Some(Value::Int(unit.of(ctx.stream.first_byte_us)))
            }))
        },
    ),
    plain!(
        "res.bytes_in",
        Int,
        RES_KEPT,
        "Bytes received from the server in this stream, or made here.",
        &[("res.bytes_in", "180")],
        |ctx| int(ctx.stream.bytes_out)
    ),
    plain!(
        "res.bytes_out",
        Int,
        RES_KEPT,
        "Bytes sent to the client in this stream.",
        &[("res.bytes_out", "190")],
        |ctx| int(ctx.stream.bytes_to_client)
    ),
    plain!("so_id", Int, CLIENT_L4, "The number of the listener.", &[("so_id", "1")], |ctx| {
        int(listener(ctx)?.number.load(Relaxed))
    }),
    plain!("so_name", Str, CLIENT_L4, "The name of the listener (`bind ... name`).", &[("so_name", "public")], |ctx| {
        Some(Value::str(ctx.conn.bind_name.as_bytes()))
    }),
    address(
        "src",
        "The client's address, as rules see it.",
        &[("src", "192.0.2.1"), ("src 192.0.2.0/24 ::1", "true")],
        |_, _| Ok(ip(|conn| conn.src)),
    ),
    local("src_is_local", "Whether `src` is an address of this machine.", &[("src_is_local", "0")], |_, _| {
        Ok(is_local(|conn| conn.src))
    }),
    port(
        "src_port",
        "The client's port, as rules see it.",
        &[("src_port", "58100"), ("src_port 1024:", "true")],
        |_, _| Ok(port_of(|conn| conn.src)),
    ),
    plain!(
        "txn.timer.total",
        Int,
        REQ_KEPT,
        "Milliseconds from the first byte of the request to now, or to the end in logs.",
        &[("txn.timer.total", "120")],
        |ctx| int(ctx.active_time())
    ),
    plain!(
        "txn.timer.user",
        Int,
        REQ_KEPT,
        "Milliseconds since the accept without the idle time before the request.",
        &[("txn.timer.user", "128")],
        |ctx| int(ctx.user_time())
    ),
];

type Examples = &'static [Example];

const fn address(name: &'static str, doc: &'static str, examples: Examples, bind: Bind) -> Fetch {
    Fetch::new(Meta::new(name, name, doc, examples), Type::Addr, Needs::CLIENT_L4, bind)
}

const fn port(name: &'static str, doc: &'static str, examples: Examples, bind: Bind) -> Fetch {
    Fetch::new(Meta::new(name, name, doc, examples), Type::Int, Needs::CLIENT_L4, bind)
}

const fn local(name: &'static str, doc: &'static str, examples: Examples, bind: Bind) -> Fetch {
    Fetch::new(Meta::new(name, name, doc, examples), Type::Bool, Needs::CLIENT_L4, bind)
}

fn ip(end: fn(&ConnFacts) -> Endpoint) -> FetchFn {
    one(move |ctx| end(ctx.conn).ip().map(Value::addr))
}

fn port_of(end: fn(&ConnFacts) -> Endpoint) -> FetchFn {
    one(move |ctx| end(ctx.conn).port().map(|port| Value::Int(i64::from(port))))
}

fn is_local(end: fn(&ConnFacts) -> Endpoint) -> FetchFn {
    one(move |ctx| {
        let is_local = ctx.view.process.is_local_address.get()?;
        Some(Value::Bool(is_local(end(ctx.conn).ip()?.to_canonical())))
    })
}

fn listener<'a>(ctx: &Ctx<'a>) -> Option<&'a BindState> {
    let proxy = ctx.view.proxies.get(ctx.conn.frontend.index())?;
    proxy.binds.get(ctx.conn.bind.index()).map(|bind| &**bind)
}

/// A time as logs print it: -1 where the stage was not reached.
pub(super) fn timer(ms: Option<u64>) -> Option<Value<'static>> {
    Some(Value::Int(ms.map_or(-1, |ms| ms as i64)))
}
