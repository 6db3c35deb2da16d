//! Actions on the addresses of the client's connection as rules, logs and servers see them: set-src, set-dst and their ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::base::value::{Type, Value};
use crate::expr::{Endpoint, Expr};
use crate::keyword::{Hook, Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Txn, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "expect-netscaler-cip",
            "expect-netscaler-cip layer4",
            "Expects a NetScaler Client IP header before anything else, as `accept-netscaler-cip` of the bind line does. Without that \
             word the number that begins it is 0.",
            &[("expect-netscaler-cip layer4", "expects a NetScaler header")],
        ),
        hooks: Hooks::TCP_REQ_CONN,
        bind: |words, _| {
            layer4(words)?;
            Ok(Bound::new(Needs::empty(), |txn| {
                txn.conn.expects_netscaler = true;
                Verdict::Next
            }))
        },
    },
    Action {
        meta: Meta::new(
            "expect-proxy layer4",
            "expect-proxy layer4",
            "Expects a PROXY header before anything else, as `accept-proxy` of the bind line does.",
            &[("expect-proxy layer4", "expects a PROXY header")],
        ),
        hooks: Hooks::TCP_REQ_CONN,
        bind: expect_proxy,
    },
    Action {
        meta: Meta::new(
            "set-dst",
            "set-dst <expr>",
            "Changes the address that the client connected to. The port stays. A value that is no address changes nothing.",
            &[("set-dst str(203.0.113.9)", "dst 203.0.113.9:443"), ("set-dst str(nonsense)", "")],
        ),
        hooks: HOOKS,
        bind: |words, scope| set(words, scope, Type::Addr, |txn, value| set_ip(&mut txn.conn.dst, value)),
    },
    Action {
        meta: Meta::new(
            "set-dst-port",
            "set-dst-port <expr>",
            "Changes the port that the client connected to. The address stays.",
            &[("set-dst-port int(4000)", "dst 198.51.100.1:4000")],
        ),
        hooks: HOOKS,
        bind: |words, scope| set(words, scope, Type::Int, |txn, value| set_port(&mut txn.conn.dst, value)),
    },
    Action {
        meta: Meta::new(
            "set-src",
            "set-src <expr>",
            "Changes the client's address, which later rules, logs and `option forwardfor` see. The port stays.",
            &[("set-src req.hdr(x-forwarded-for)", "src 203.0.113.5:49224"), ("set-src str(::1)", "src [::1]:49224")],
        ),
        hooks: HOOKS,
        bind: |words, scope| set(words, scope, Type::Addr, |txn, value| set_ip(&mut txn.conn.src, value)),
    },
    Action {
        meta: Meta::new(
            "set-src-port",
            "set-src-port <expr>",
            "Changes the client's port. The address stays.",
            &[("set-src-port int(70000)", "src 192.0.2.7:4464")],
        ),
        hooks: HOOKS,
        bind: |words, scope| set(words, scope, Type::Int, |txn, value| set_port(&mut txn.conn.src, value)),
    },
];

fn expect_proxy(words: &mut Words<'_>, _: &Scope<'_>) -> Result<Bound> {
    layer4(words)?;
    Ok(Bound::new(Needs::empty(), |txn| {
        txn.conn.expects_proxy = true;
        Verdict::Next
    }))
}

fn layer4(words: &mut Words<'_>) -> Result<()> {
    let layer = words.next_word().map_or("", |word| word.as_str());
    if layer != "layer4" {
        return Err(words.error_last(format!("only supports 'layer4' (got '{layer}')")));
    }
    Ok(())
}

fn set(words: &mut Words<'_>, scope: &Scope<'_>, kind: Type, store: fn(&mut Txn<'_>, &Value<'_>)) -> Result<Bound> {
    let Some(word) = words.next_word().filter(|word| !word.is_empty()) else {
        return Err(words.error_here("missing fetch method"));
    };
    let expr = Expr::bind_str(word, scope)?;
    let for_connection = matches!(scope.hook, Hook::TcpRequestConnection | Hook::TcpRequestSession);
    Ok(Bound::new(expr.needs(), move |txn| {
        let found = expr.with_value(&txn.ctx(), |value| value.cast(kind).map(Value::into_owned)).flatten();
        if let Some(value) = found {
            let (src, dst) = (txn.conn.src, txn.conn.dst);
            if !for_connection {
                txn.conn.rare_mut().ends_before.get_or_insert((src, dst));
            }
            store(txn, &value);
        }
        Verdict::Next
    }))
}

/// Keeps the port where there is one.
fn set_ip(end: &mut Endpoint, value: &Value<'_>) {
    let ip = match value {
        Value::Ipv4(ip) => IpAddr::V4(*ip),
        Value::Ipv6(ip) => IpAddr::V6(*ip),
        _ => return,
    };
    *end = Endpoint::Ip(SocketAddr::new(ip, end.port().unwrap_or(0)));
}

/// Keeps the address where there is one. A number out of range is cut to 16 bits, as HAProxy does.
fn set_port(end: &mut Endpoint, value: &Value<'_>) {
    let Value::Int(port) = value else { return };
    *end = Endpoint::Ip(SocketAddr::new(end.ip().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), *port as u16));
}

const HOOKS: Hooks = Hooks::TCP_REQ_CONN.union(Hooks::TCP_REQ_SESS).union(Hooks::TCP_REQ_CONT).union(Hooks::HTTP_REQ);
