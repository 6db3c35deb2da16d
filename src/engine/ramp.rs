//! Limits and weights that follow the load and the time: `minconn` with `fullconn`, and `slowstart` (manual 5.2, 4.2).
//!
//! [`follow`] is asked before each choice of a server, in backends that have such servers only, and after each health check.

use std::sync::atomic::Ordering::Relaxed;

use super::live::Live;
use crate::base::clock;
use crate::ir::proxy::BackendTo;
use crate::ir::{Ir, Proxy, Server};
use crate::state::{ProxyState, ServerState, View};

/// Whether some server of a backend has anything that follows.
pub fn wanted(backend: &Proxy) -> bool {
    backend.servers.iter().any(|line| line.minconn.is_some() || line.slowstart_ms.is_some())
}

/// A server came up: with `slowstart` it begins slowly.
pub fn begin(line: &Server, state: &ServerState) {
    if line.slowstart_ms.is_some() {
        state.warmth.store(0, Relaxed);
        state.warming_since.store(clock::mono_ms().max(1), Relaxed);
    }
}

/// Brings the limits and weights of a backend's servers up to date.
#[inline]
pub fn follow(live: &Live, backend: &Proxy, now_ms: u64) {
    if live.proxies.get(backend.id.index()).is_some_and(|proxy| proxy.ramps) {
        bring_up_to_date(live, backend, now_ms);
    }
}

fn bring_up_to_date(live: &Live, backend: &Proxy, now_ms: u64) {
    let proxy = live.view.proxy(backend.id);
    let mut grown = false;
    for (line, state) in backend.servers.iter().zip(&proxy.servers) {
        if let Some(all) = line.slowstart_ms {
            grown |= warm(state, all, now_ms);
        }
        let limit = limit(line, state, proxy);
        grown |= limit > state.limit.swap(limit, Relaxed);
    }
    if grown {
        live.servers_changed(backend.id);
    }
}

/// Whether the server has become warmer.
fn warm(state: &ServerState, all_ms: u64, now_ms: u64) -> bool {
    let since = state.warming_since.load(Relaxed);
    if since == 0 {
        return false;
    }
    // At most 100.
    let percent = (now_ms.saturating_sub(since) * 100 / all_ms.max(1)).min(100) as u32;
    if percent == 100 {
        state.warming_since.store(0, Relaxed);
    }
    state.warmth.swap(percent, Relaxed) != percent
}

/// How many a server may serve: with `minconn` as many parts of `maxconn` as there are parts of `fullconn` in the backend.
fn limit(line: &Server, state: &ServerState, proxy: &ProxyState) -> u32 {
    let most = state.setup.load().maxconn;
    let ramped = match line.minconn {
        Some(least) if least < most => {
            let (load, full) = (proxy.be_current.load(Relaxed), proxy.full.load(Relaxed));
            // Below `most`, as the load is below what is full.
            let part = (u64::from(load) * u64::from(most) / u64::from(full.max(1))) as u32;
            if load < full { part.max(least) } else { most }
        }
        _ => most,
    };
    match state.warmth.load(Relaxed) {
        percent @ 0..100 if ramped > 0 => (ramped * percent / 100).max(1),
        _ => ramped,
    }
}

/// Tells each backend when it is full: `fullconn`, else a tenth of what the frontends that may lead to it accept at once.
pub fn set_full(ir: &Ir, view: &View, maxconn: u32) {
    for (backend, state) in ir.proxies.iter().zip(&view.proxies).filter(|(proxy, _)| proxy.backend) {
        let leads = |frontend: &&std::sync::Arc<Proxy>| {
            let chosen = |to: &BackendTo| matches!(to, BackendTo::Fixed(id) if *id == backend.id);
            let default = if frontend.backend { Some(frontend.id) } else { None };
            frontend.frontend
                && !frontend.disabled
                && (frontend.default_backend.or(default) == Some(backend.id)
                    || frontend.use_backend.iter().any(|choice| chosen(&choice.to)))
        };
        let accepted = ir.proxies.iter().filter(leads).map(|frontend| frontend.maxconn.unwrap_or(maxconn));
        let tenth = accepted.fold(0u32, u32::saturating_add).div_ceil(10).max(1);
        state.full.store(backend.fullconn.unwrap_or(tenth), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ServerId;

    /// 1 % when it begins, the whole weight after `slowstart`.
    #[test]
    fn a_server_that_comes_up_gets_warmer_with_time() {
        let state = ServerState::new(ServerId(0), "a", 1, 0);
        state.weight.store(10, Relaxed);
        state.warming_since.store(1_000, Relaxed);
        let at = |now| (warm(&state, 2_000, now), state.share());
        assert_eq!(at(1_000), (true, 1));
        assert_eq!(at(1_500), (true, 40));
        assert_eq!(at(1_500), (false, 40));
        assert_eq!(at(3_100), (true, 160));
        assert_eq!(at(9_000), (false, 160));
    }
}
