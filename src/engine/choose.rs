//! Which server gets a stream: `use-server` rules, then the backend's algorithm.

use std::sync::atomic::Ordering::Relaxed;

use super::hooks::{self, Stage};
use super::live::Live;
use super::session::Session;
use super::stream::Stream;
use crate::base::id::ServerId;
use crate::ir::Proxy;
use crate::ir::proxy::ServerTo;

/// The server for this stream; `avoid` is one that has just failed. `None` if none is usable.
pub fn choose(
    s: &mut Session,
    st: &mut Stream,
    live: &Live,
    backend: &Proxy,
    avoid: Option<ServerId>,
    stage: Stage<'_>,
) -> Option<ServerId> {
    if avoid.is_none()
        && let Some(server) = by_rule(s, st, live, backend, stage)
    {
        return Some(server);
    }
    let pick = |avoid, free| round_robin(live, backend, avoid, free);
    pick(avoid, true).or_else(|| pick(None, true)).or_else(|| pick(None, false))
}

fn by_rule(s: &mut Session, st: &mut Stream, live: &Live, backend: &Proxy, stage: Stage<'_>) -> Option<ServerId> {
    if backend.use_server.is_empty() {
        return None;
    }
    let txn = hooks::txn(s, st, live, stage);
    let ctx = txn.ctx();
    let rule = backend.use_server.iter().find(|rule| rule.cond.as_ref().is_none_or(|cond| cond.holds(&ctx)))?;
    let server = match &rule.to {
        ServerTo::Fixed(id) => *id,
        ServerTo::Dynamic(format) => {
            let mut name = Vec::new();
            format.render(&ctx, &mut name);
            let at = backend.servers.iter().position(|server| server.name.as_bytes() == name)?;
            ServerId(at as u32)
        }
    };
    live.view.server(backend.id, server)?.running().then_some(server)
}

/// Active servers in turn, else the first backup server; only those with a free place if `free`.
fn round_robin(live: &Live, backend: &Proxy, avoid: Option<ServerId>, free: bool) -> Option<ServerId> {
    let states = &live.view.proxy(backend.id).servers;
    let fits = |id: ServerId, backup: bool| {
        let (server, state) = (backend.servers.get(id.index()), states.get(id.index()));
        let (Some(server), Some(state)) = (server, state) else { return false };
        let full = || server.maxconn.is_some_and(|max| state.current.load(Relaxed) >= max);
        Some(id) != avoid && server.backup == backup && state.usable() && !(free && full())
    };
    let count = backend.servers.len();
    if count > 0 {
        let start = live.proxies.get(backend.id.index()).map_or(0, |proxy| proxy.turn.fetch_add(1, Relaxed));
        let ids = (0..count).map(|at| ServerId(((start + at) % count) as u32));
        if let Some(id) = ids.into_iter().find(|id| fits(*id, false)) {
            return Some(id);
        }
    }
    (0..count as u32).map(ServerId).find(|id| fits(*id, true))
}
