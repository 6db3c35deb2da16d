//! Internal states (manual 7.3.2): the process, counters and loads of proxies and servers, the stream's own state.

use std::sync::atomic::Ordering::Relaxed;

use super::{Fetch, FetchFn, int, one, plain};
use crate::base::id::ProxyId;
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, Seen, Tri, acl, args};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::state::{ProxyState, ServerState};

/// A table entry about a backend: name, documentation, examples, closure.
macro_rules! backend {
    ($name:literal, $doc:literal, $examples:expr, $read:expr $(,)?) => {
        Fetch::new(
            Meta::new($name, concat!($name, "([<backend>])"), $doc, $examples),
            Type::Int,
            Needs::INTERNAL,
            |words, scope| Ok(of_proxy(args::backend(words, scope)?, $read)),
        )
    };
}

/// A table entry about a frontend: name, documentation, examples, closure.
macro_rules! frontend {
    ($name:literal, $doc:literal, $examples:expr, $read:expr $(,)?) => {
        Fetch::new(
            Meta::new($name, concat!($name, "([<frontend>])"), $doc, $examples),
            Type::Int,
            Needs::INTERNAL,
            |words, scope| Ok(of_proxy(args::frontend(words, scope)?, $read)),
        )
    };
}

/// A table entry about a server: name, type, documentation, examples, closure.
macro_rules! server {
    ($name:literal, $out:ident, $doc:literal, $examples:expr, $read:expr $(,)?) => {
        Fetch::new(
            Meta::new($name, concat!($name, "([<backend>/]<server>)"), $doc, $examples),
            Type::$out,
            Needs::INTERNAL,
            |words, scope| {
                let (proxy, server) = args::server(words, scope)?;
                Ok(one(move |ctx| {
                    let read: fn(&ServerState, &Ctx<'_>) -> Value<'static> = $read;
                    ctx.view.server(proxy, server).map(|server| read(server, ctx))
                }))
            },
        )
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "acl",
            "acl([!]<name>[,...])",
            "Whether all the ACLs named hold; `!` negates one.",
            &[("acl(is_cart)", "1"), ("acl(is_cart,!METH_GET)", "1"), ("acl(FALSE)", "0")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        acls,
    ),
    plain!("act_conn", Int, INTERNAL, "Connections of clients in the whole process.", &[("act_conn", "9")], |ctx| {
        int(ctx.view.process.connections.load(Relaxed))
    }),
    backend!(
        "avg_queue",
        "Streams queued in a backend per usable server, rounded up; twice their number if there is none.",
        &[("avg_queue(app)", "3")],
        |proxy, _| {
            let queued = i64::from(proxy.queued.load(Relaxed));
            let servers = proxy.usable_servers() as i64;
            if servers == 0 { queued * 2 } else { (queued + servers - 1) / servers }
        },
    ),
    backend!("be_conn", "Streams in a backend.", &[("be_conn(app)", "4")], |proxy, _| i64::from(
        proxy.be_current.load(Relaxed)
    )),
    backend!(
        "be_conn_free",
        "How many more streams the usable servers of a backend take, by their `maxconn`; -1 if one has no limit.",
        &[("be_conn_free(app)", "-1")],
        |proxy, _| {
            let has_active = proxy.servers.iter().any(|server| server.usable() && !server.setup.load().backup);
            let counts = |server: &&ServerState| server.usable() && (!has_active || !server.setup.load().backup);
            let servers = proxy.servers.iter().map(|server| &**server).filter(counts);
            sum(servers.map(free))
        },
    ),
    backend!(
        "be_sess_rate",
        "Streams that came to a backend within a second.",
        &[("be_sess_rate(app)", "0")],
        |proxy, ctx| i64::from(proxy.be_rate.per_second(ctx.now_ms)),
    ),
    backend!(
        "connslots",
        "How many more streams the servers of a backend take and queue, by `maxconn` and `maxqueue`; -1 if one has no limit.",
        &[("connslots(app)", "-1")],
        |proxy, _| {
            let slots = |server: &ServerState| {
                let setup = server.setup.load();
                if setup.maxconn == 0 || setup.maxqueue == 0 {
                    return None;
                }
                let used = i64::from(server.current.load(Relaxed)) + i64::from(server.queued.load(Relaxed));
                Some((i64::from(setup.maxconn) + i64::from(setup.maxqueue) - used).max(0))
            };
            sum(proxy.servers.iter().filter(|server| server.running()).map(|server| slots(server)))
        },
    ),
    frontend!("fe_conn", "Connections of a frontend.", &[("fe_conn(web)", "5")], |proxy, _| i64::from(
        proxy.fe_current.load(Relaxed)
    )),
    frontend!(
        "fe_req_rate",
        "HTTP requests that came to a frontend within a second.",
        &[("fe_req_rate(web)", "0")],
        |proxy, ctx| i64::from(proxy.req_rate.per_second(ctx.now_ms)),
    ),
    frontend!(
        "fe_sess_rate",
        "Sessions that came to a frontend within a second.",
        &[("fe_sess_rate(web)", "0")],
        |proxy, ctx| i64::from(proxy.fe_rate.per_second(ctx.now_ms)),
    ),
    backend!(
        "nbsrv",
        "Usable servers of a backend.",
        &[("nbsrv(app)", "2"), ("nbsrv(app) lt 2", "false")],
        |proxy, _| proxy.usable_servers() as i64,
    ),
    backend!("queue", "Streams queued in a backend, its servers included.", &[("queue(app)", "6")], |proxy, _| {
        i64::from(proxy.queued.load(Relaxed))
    }),
    server!("srv_conn", Int, "Streams on a server.", &[("srv_conn(app/s1)", "3")], |server, _| Value::Int(i64::from(
        server.current.load(Relaxed)
    ))),
    server!(
        "srv_conn_free",
        Int,
        "How many more streams a server takes, by its `maxconn`; -1 without a limit.",
        &[("srv_conn_free(app/s1)", "-1")],
        |server, _| Value::Int(free(server).unwrap_or(-1)),
    ),
    server!(
        "srv_is_up",
        Bool,
        "Whether a server is up and not in maintenance.",
        &[("srv_is_up(app/s1)", "1"), ("srv_is_up(s2)", "1")],
        |server, _| Value::Bool(server.running()),
    ),
    server!(
        "srv_iweight",
        Int,
        "The weight of a server as configured.",
        &[("srv_iweight(app/s1)", "1")],
        |server, _| Value::Int(i64::from(server.setup.load().weight)),
    ),
    server!("srv_queue", Int, "Streams in a server's own queue.", &[("srv_queue(app/s1)", "2")], |server, _| {
        Value::Int(i64::from(server.queued.load(Relaxed)))
    }),
    server!(
        "srv_sess_rate",
        Int,
        "Streams that came to a server within a second.",
        &[("srv_sess_rate(app/s1)", "0")],
        |server, ctx| Value::Int(i64::from(server.rate.per_second(ctx.now_ms))),
    ),
    server!(
        "srv_uweight",
        Int,
        "The weight of a server as seen by users.",
        &[("srv_uweight(app/s1)", "10")],
        |server, _| Value::Int(i64::from(server.weight.load(Relaxed)))
    ),
    server!("srv_weight", Int, "The weight of a server in effect.", &[("srv_weight(app/s1)", "10")], |server, _| {
        Value::Int(i64::from(server.weight.load(Relaxed)))
    }),
    plain!(
        "tgroup",
        Int,
        INTERNAL,
        "The number of the thread group, of which there is one.",
        &[("tgroup", "0")],
        |_| { int(0_u32) }
    ),
    plain!(
        "thread",
        Int,
        INTERNAL,
        "The number of the thread that serves the connection, from 0.",
        &[("thread", "0")],
        |ctx| { int(ctx.conn.core.0) }
    ),
    plain!(
        "txn.id32",
        Int,
        INTERNAL,
        "The lowest 32 bits of the number of the stream in the process.",
        &[("txn.id32", "77")],
        |ctx| int(ctx.stream.number as u32)
    ),
    plain!(
        "txn.sess_term_state",
        Str,
        INTERNAL,
        "The two characters that say how the stream ended (8.5), `--` before it has.",
        &[("txn.sess_term_state", "--")],
        |ctx| {
            let ended = ctx.stream.termination;
            Some(Value::string(vec![ended.cause, ended.phase]))
        }
    ),
    plain!("uptime", Int, INTERNAL, "Seconds since the process began to work.", &[("uptime", "61")], |ctx| {
        int(ctx.now_ms.saturating_sub(*ctx.view.process.started_ms.get()?) / 1000)
    }),
    Fetch::new(
        Meta::new(
            "wait_end",
            "wait_end",
            "True at the end of the inspection delay; until then a test of it is not decided.",
            &[("wait_end", "1")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        |_, _| {
            Ok(Box::new(|ctx, _, visit| {
                if !ctx.last {
                    return Seen::Partial;
                }
                visit(Value::Bool(true));
                Seen::All
            }))
        },
    ),
];

fn of_proxy(id: ProxyId, read: fn(&ProxyState, &Ctx<'_>) -> i64) -> FetchFn {
    one(move |ctx| ctx.view.proxies.get(id.index()).map(|proxy| Value::Int(read(proxy, ctx))))
}

/// Room below `maxconn`; none if that is unlimited.
fn free(server: &ServerState) -> Option<i64> {
    let maxconn = i64::from(server.setup.load().maxconn);
    (maxconn > 0).then(|| (maxconn - i64::from(server.current.load(Relaxed))).max(0))
}

/// The sum, or -1 if one is unlimited.
fn sum(parts: impl Iterator<Item = Option<i64>>) -> i64 {
    parts.sum::<Option<i64>>().unwrap_or(-1)
}

fn acls(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<FetchFn> {
    let mut terms = Vec::new();
    args::word(words, "string")?;
    words.back();
    while let Some(word) = words.next_word() {
        let name = word.as_str().trim_start_matches('!');
        let negate = (word.as_str().len() - name.len()) % 2 == 1;
        let Some(acl) = acl::named(name, word.span, scope) else {
            return Err(args::error(word.span, format!("ACL '{name}' not found")));
        };
        terms.push((negate, acl));
    }
    Ok(Box::new(move |ctx, _, visit| {
        let mut all = true;
        for (negate, acl) in &terms {
            match acl.eval(ctx) {
                Tri::Miss => return Seen::Partial,
                holds => all &= (holds == Tri::Pass) != *negate,
            }
        }
        visit(Value::Bool(all));
        Seen::All
    }))
}
