//! Where a stream goes: the backend by `use_backend` rules, the server by persistence, then the backend's algorithm.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::hooks::{self, Stage};
use super::live::Live;
use super::persist;
use super::session::Session;
use super::stream::Stream;
use crate::balance::{Load, Loads, Method, ServerView, hash};
use crate::base::hash::{avalanche, sdbm};
use crate::base::id::{ProxyId, ServerId};
use crate::ir::proxy::BackendTo;
use crate::ir::{Balance, HashKey, Proxy, Server};
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
        Balance::Source => s.facts.src.ip().map(|ip| hash::source_key(backend.choosing.hash_type, ip)),
        Balance::Hash(_) => st.hash_key,
        Balance::Random(_) => Some(s.core.random()),
        _ => None,
    };
    let state = live.view.proxy(backend.id);
    let balancer = proxy.balancer.load();
    let last = avoid.last().map(|server| server.index());
    let pick = |failed| balancer.pick(&BackendLoads { backend, state, failed }, key, last);
    // Several servers may end at the same time; only where nobody else is left one of them is asked again. Where others are full
    // for the moment, the stream waits for those: a server that refuses has room all the time.
    match pick(avoid).or_else(|| if avoid.is_empty() || has_others(backend, state, avoid) { None } else { pick(&[]) }) {
        Some(server) => Choice::Server(ServerId(server as u32)),
        None if balancer.active() > 0 => Choice::Full,
        None => Choice::Nobody,
    }
}

/// Whether there are servers in use besides those that have failed.
fn has_others(backend: &Proxy, state: &ProxyState, failed: &[ServerId]) -> bool {
    let usable = |backup: bool| {
        let pairs = backend.servers.iter().zip(&state.servers).enumerate();
        pairs.filter(move |(_, (line, server))| line.backup == backup && server.usable())
    };
    let backups = usable(false).next().is_none();
    usable(backups).any(|(at, _)| !failed.iter().any(|id| id.index() == at))
}

/// How a backend wants its servers chosen.
pub fn method(backend: &Proxy) -> Method<'_> {
    Method {
        balance: &backend.balance,
        hash_type: backend.choosing.hash_type,
        factor: backend.choosing.factor,
        affinity: backend.choosing.affinity,
        all_backups: backend.choosing.all_backups,
    }
}

/// What the balancer needs to know of a backend's servers.
pub fn server_views(backend: &Proxy, state: &ProxyState) -> Vec<ServerView> {
    // Weights of static algorithms do not grow (manual 5.2 `slowstart`).
    let dynamic = backend.balances_dynamically();
    let view = |(server, state): (&Arc<Server>, &Arc<ServerState>)| ServerView {
        id: server.id,
        weight: if dynamic { state.share() } else { state.weight.load(Relaxed) * 16 },
        point: first_point(server, state),
        usable: state.usable(),
        backup: server.backup,
    };
    backend.servers.iter().zip(&state.servers).map(view).collect()
}

/// Where a server's points on the ring of consistent hashes begin (manual 5.2 `hash-key`). Those of ids are HAProxy 2.8's; those of
/// addresses are known of no release, so that they are the same among processes of this program only.
fn first_point(server: &Server, state: &ServerState) -> u32 {
    let by_id = server.id.wrapping_mul(4096);
    let addr = || state.addr.load().as_deref().copied();
    match server.hash_key {
        HashKey::Id => by_id,
        HashKey::Id32 => server.id,
        HashKey::Addr => addr().map_or(by_id, |addr| avalanche(sdbm(addr.ip().to_string().as_bytes()))),
        HashKey::AddrPort => addr().map_or(by_id, |addr| avalanche(sdbm(addr.to_string().as_bytes()))),
    }
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
    let preferred = backend.choosing.prefer_last && !backend.balance.is_by_hash();
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
