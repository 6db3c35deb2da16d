//! `option forwarded`: an element of `Forwarded` (RFC 7239) for the request.

use std::net::IpAddr;

use crate::base::iptext::IpText;
use crate::base::value::Value;
use crate::engine::hooks::{self, Stage};
use crate::engine::live::Live;
use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::expr::{Ctx, Endpoint};
use crate::http::{HeaderName, Msg, MsgMut};
use crate::ir::{ForwardedField, NodePart, Proxy};

/// Adds the element that the backend asks for, to the last field if there is one.
pub(super) fn add(s: &mut Session, st: &mut Stream, backend: &Proxy, live: &Live) {
    let Some(wanted) = &backend.forwarded else { return };
    let mut text = Vec::with_capacity(64);
    write(wanted, &hooks::txn(s, st, live, Stage::REQUEST).ctx(), &mut text);
    let raw = s.buf.data();
    let name = HeaderName::new("forwarded");
    let last = Msg { raw, head: &st.req }.named(&name).next_back().map(|field| (field.index, field.value.len()));
    let mut msg = MsgMut { raw, head: &mut st.req };
    match last {
        None => msg.add(&name, &text),
        Some((index, end)) => msg.splice_value(index, end, 0, &[b",", &text[..]].concat()),
    }
}

fn write(wanted: &ForwardedField, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
    if wanted.proto {
        out.extend_from_slice(if ctx.conn.tls.is_some() { b"proto=https" } else { b"proto=http" });
    }
    if let Some(part) = &wanted.host {
        separate(out);
        out.extend_from_slice(b"host=\"");
        let mut host = Vec::new();
        match part {
            NodePart::Own => host.extend_from_slice(ctx.req.and_then(|msg| msg.host()).unwrap_or_default()),
            NodePart::Expr(expr) => {
                expr.with_value(ctx, |value| value.write_to(&mut host));
            }
        }
        if host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte)) {
            out.extend_from_slice(&host);
        }
        out.push(b'"');
    }
    node(b"by=", [&wanted.by_name, &wanted.by_port], &ctx.conn.dst, ctx, out);
    node(b"for=", [&wanted.for_name, &wanted.for_port], &ctx.conn.src, ctx, out);
}

fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b';');
    }
}

/// A node: its name, and its port if one is wanted and known. A token needs no quotes, and has them where a port could follow.
fn node(key: &[u8], [name, port]: [&Option<NodePart>; 2], end: &Endpoint, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
    let Some(name) = name else { return };
    separate(out);
    out.extend_from_slice(key);
    let mut text = Vec::with_capacity(32);
    let is_token = match name {
        NodePart::Own => end.ip().map(|ip| address(ip, &mut text)),
        NodePart::Expr(expr) => expr.with_value(ctx, |value| node_name(value, &mut text)).flatten(),
    };
    if is_token.is_none() {
        text.extend_from_slice(b"unknown");
    }
    let quoted = port.is_some() || is_token == Some(false);
    let port = port.as_ref().and_then(|port| match port {
        NodePart::Own => end.port().map(|port| port.to_string().into_bytes()),
        NodePart::Expr(expr) => expr
            .with_value(ctx, |value| {
                let mut port = Vec::new();
                value.write_to(&mut port);
                node_port(port)
            })
            .flatten(),
    });
    if let Some(port) = &port {
        text.push(b':');
        text.extend_from_slice(port);
    }
    if !quoted {
        return out.extend_from_slice(&text);
    }
    out.push(b'"');
    out.extend_from_slice(&text);
    out.push(b'"');
}

/// True if it is a token.
fn address(ip: IpAddr, out: &mut Vec<u8>) -> bool {
    let text = IpText::of(ip);
    match ip {
        IpAddr::V4(_) => out.extend_from_slice(text.as_bytes()),
        IpAddr::V6(_) => {
            for part in [b"[", text.as_bytes(), b"]"] {
                out.extend_from_slice(part);
            }
        }
    }
    ip.is_ipv4()
}

/// An address, or a name that hides it, which begins with an underscore (6.3). None for what cannot stand there.
fn node_name(value: Value<'_>, out: &mut Vec<u8>) -> Option<bool> {
    match value {
        Value::Ipv4(ip) => return Some(address(IpAddr::V4(ip), out)),
        Value::Ipv6(ip) => return Some(address(IpAddr::V6(ip), out)),
        _ => {}
    }
    let mut text = Vec::new();
    value.write_to(&mut text);
    let bare = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let ip = std::str::from_utf8(bare.unwrap_or(&text)).ok().and_then(|text| text.parse::<IpAddr>().ok());
    if let Some(ip) = ip.filter(|ip| ip.is_ipv6() == bare.is_some()) {
        return Some(address(ip, out));
    }
    if text == b"unknown" {
        return None;
    }
    out.extend_from_slice(&hidden(&text)?);
    Some(true)
}

fn node_port(text: Vec<u8>) -> Option<Vec<u8>> {
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<u16>().ok());
    match number {
        Some(1..) => Some(text),
        _ => hidden(&text),
    }
}

/// `_` and letters, digits, dots, underscores, hyphens.
fn hidden(text: &[u8]) -> Option<Vec<u8>> {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    if text.is_empty() || !text.iter().all(legal) {
        return None;
    }
    let whole = text.len() > 1 && text.starts_with(b"_");
    Some(if whole { text.to_vec() } else { [b"_", text].concat() })
}
