//! Where a stream goes: the backend by `use_backend` rules, the server by persistence, then the backend's algorithm.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::hooks::{self, Stage};
use super::live::Live;
use super::persist;
use super::session::Session;
use super::stream::Stream;
use crate::balance::{Load, Loads, ServerView, hash};
use crate::base::id::{ProxyId, ServerId};
use crate::ir::proxy::BackendTo;
use crate::ir::{Balance, Proxy};
use crate::state::{ProxyState, ServerState};

/// Where a stream is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To this server, which may be full: then into its queue.
    Server(ServerId),
    /// The same, as a cookie, a `use-server` rule or `option prefer-last-server` says: the algorithm has had no part in it.
    Named(ServerId),
    /// All servers are full: into the backend's queue.
    Full,
    /// No server is usable.
    Nobody,
}

/// The backend for this stream: the first `use_backend` rule that holds, `default_backend`, or a listen section itself.
pub fn backend(s: &mut Session, st: &mut Stream, frontend: &Proxy, live: &Live, stage: Stage<'_>) -> Option<ProxyId> {
    for choice in &frontend.use_backend {
        let txn = hooks::txn(s, st, live, stage);
        if choice.cond.as_ref().is_some_and(|cond| !cond.holds(&txn.ctx())) {
            continue;
        }
        match &choice.to {
            BackendTo::Fixed(id) => return Some(*id),
            BackendTo::Dynamic(format) => {
                let mut name = Vec::with_capacity(64);
                format.render(&txn.ctx(), &mut name);
                if let Some(id) = live.ir.backends.get(name.as_slice()) {
                    return Some(*id);
                }
            }
        }
    }
    frontend.default_backend.or(frontend.backend.then_some(frontend.id))
}

/// The server for this stream; those to `avoid` have failed, the last one just now.
#[inline]
pub fn choose(s: &Session, st: &mut Stream, live: &Live, backend: &Proxy, avoid: &[ServerId]) -> Choice {
    if avoid.is_empty()
        && let Some(server) = persist::bound_to(st, live, backend)
    {
        return Choice::Named(server);
    }
    if avoid.is_empty()
        && let Some(server) = last(s, live, backend)
    {
        return Choice::Named(server);
    }
    let Some(proxy) = live.proxies.get(backend.id.index()) else { return Choice::Nobody };
    let key = match backend.balance {
        Balance::Source => s.facts.src.ip().map(hash::source),
        Balance::Random(_) => Some(s.core.random()),
        _ => None,
    };
    let state = live.view.proxy(backend.id);
    let balancer = proxy.balancer.load();
    let last = avoid.last().map(|server| server.index());
    let pick = |failed| balancer.pick(&BackendLoads { backend, state, failed }, key, last);
    // Several servers may end at the same time; only where nobody else is left one of them is asked again.
    match pick(avoid).or_else(|| if avoid.is_empty() { None } else { pick(&[]) }) {
        Some(server) => Choice::Server(ServerId(server as u32)),
        None if balancer.active() > 0 => Choice::Full,
        None => Choice::Nobody,
    }
}

/// What the balancer needs to know of a backend's servers.
pub fn server_views(backend: &Proxy, state: &ProxyState) -> Vec<ServerView> {
    let view = |(server, state): (&Arc<crate::ir::Server>, &Arc<ServerState>)| ServerView {
        id: server.id,
        weight: state.weight.load(Relaxed),
        usable: state.usable(),
        backup: server.backup,
    };
    backend.servers.iter().zip(&state.servers).map(view).collect()
}

/// Loads read from the servers' states at the moment of choice.
struct BackendLoads<'a> {
    backend: &'a Proxy,
    state: &'a ProxyState,
    /// Servers that are as good as full.
    failed: &'a [ServerId],
}

impl Loads for BackendLoads<'_> {
    #[inline]
    fn load(&self, server: usize) -> Load {
        let (Some(line), Some(state)) = (self.backend.servers.get(server), self.state.servers.get(server)) else {
            return Load::default();
        };
        if !self.failed.is_empty() && self.failed.contains(&ServerId(server as u32)) {
            return FULL;
        }
        Load {
            served: state.current.load(Relaxed),
            queued: state.queued.load(Relaxed),
            limit: state.limit.load(Relaxed),
            queue_limit: line.maxqueue.unwrap_or(0),
            rate: 0,
        }
    }
}

/// The server to which this client has a connection of its own, if it may take a request at once. Algorithms that choose by the
/// client or the request know better (manual 4.2 `option prefer-last-server`). A login (NTLM) is worth something at its server only.
fn last(s: &Session, live: &Live, backend: &Proxy) -> Option<ServerId> {
    let own = s.own.as_ref()?;
    let preferred = backend.prefer_last && !matches!(backend.balance, Balance::Source);
    if !own.private && !preferred {
        return None;
    }
    let last = &own.state;
    let known = live.view.server(backend.id, last.id).is_some_and(|state| Arc::ptr_eq(state, last));
    let limit = last.limit.load(Relaxed);
    let has_room = limit == 0 || last.current.load(Relaxed) < limit;
    (known && has_room && last.usable()).then_some(last.id)
}

const FULL: Load = Load { served: 1, queued: 1, limit: 1, queue_limit: 1, rate: 0 };
