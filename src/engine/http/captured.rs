//! Keeps what was refused as malformed, for `show errors`. Nothing here is on the way of messages that are well-formed.

use crate::base::clock;
use crate::engine::session::Session;
use crate::expr::Endpoint;
use crate::http::ParseError;
use crate::ir::{Proxy, Server};
use crate::state::captured::{Captured, Party};

/// The request at hand is malformed at that byte.
#[cold]
pub(super) fn request(s: &Session, frontend: &Proxy, position: usize, why: &dyn std::fmt::Display) {
    let view = &s.local.live.view;
    let captured = captured(s, frontend, s.buf.data(), position, why);
    captured.keep(&view.proxy(frontend.id).errors.request, &view.process.captured);
}

/// What a server has answered with is malformed.
#[cold]
pub(super) fn response(s: &Session, parties: (&Proxy, &Proxy, Option<&Server>), bytes: &[u8], error: &ParseError) {
    let (frontend, backend, server) = parties;
    let view = &s.local.live.view;
    let captured = Captured {
        backend: Some(party(backend)),
        server: server.map(|server| Party { name: (*server.name).into(), number: server.id }),
        ..captured(s, frontend, bytes, error.pos, &error.kind)
    };
    captured.keep(&view.proxy(backend.id).errors.response, &view.process.captured);
}

fn captured(s: &Session, frontend: &Proxy, bytes: &[u8], position: usize, why: &dyn std::fmt::Display) -> Captured {
    let room = s.local.live.ir.global.bufsize;
    Captured {
        at_us: clock::unix_us(),
        number: 0,
        src: match s.facts.src {
            Endpoint::Ip(addr) => addr.to_string().into(),
            Endpoint::Unix => "unix".into(),
            Endpoint::Unknown => "unknown".into(),
        },
        frontend: party(frontend),
        backend: None,
        server: None,
        bytes: bytes.get(..room).unwrap_or(bytes).into(),
        room,
        position,
        why: why.to_string().into(),
    }
}

fn party(proxy: &Proxy) -> Party {
    Party { name: (*proxy.name).into(), number: proxy.uuid }
}
