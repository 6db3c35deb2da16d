//! Health checks of servers (manual 5.2 `check`, 4.2 `http-check`, `tcp-check`): one task per checked server, on the core that its
//! place among all of them gives.
//!
//! | file | does |
//! |---|---|
//! | `mod` | the tasks: when a check is made |
//! | `probe` | one check: connects, asks, listens, within its time |
//! | `request` | the bytes of a request |
//! | `response` | an answer as far as it has come |
//! | `expect` | whether an HTTP answer is a good one |
//! | `dialog` | checks of known protocols: redis, SMTP and their like |
//! | `tcp` | the steps of `tcp-check` |
//! | `content` | whether what a TCP server has said is what `tcp-check expect` wants |
//! | `outcome` | what a check found, in HAProxy's words |
//! | `score` | `rise`, `fall` and the intervals |
//!
//! What a result means for the server, and who is told, is `engine::servers`' business.

mod content;
mod dialog;
mod expect;
pub mod outcome;
mod probe;
mod request;
mod response;
pub mod score;
mod tcp;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::JoinSet;

use super::core::Core;
use super::live::Live;
use super::ramp;
use super::servers::{self, Place};
use crate::base::id::ServerId;
use crate::engine::resolve::Resolver;
use crate::ir::Check;
use crate::state::ServerState;
use probe::Probe;

/// Starts the checks that this core makes under its present configuration, and ends those of the one before.
pub fn arrange(core: &Rc<Core>) {
    let live = core.local().live.clone();
    let checked = checked(&live);
    let smallest =
        checked.iter().map(|(_, check)| check.inter_ms).filter(|ms| *ms >= score::COUNTS_FOR_SPREAD_MS).min();
    let cores = core.shared.cores.len().max(1);
    let mut tasks = JoinSet::new();
    for (at, (place, check)) in checked.iter().enumerate().filter(|(at, _)| at % cores == core.id.index()) {
        let own = check.fastinter_ms.unwrap_or(check.inter_ms);
        let bound = live.ir.global.max_spread_checks;
        let delay = score::first_delay(at, checked.len(), own, smallest.unwrap_or(0), bound);
        tasks.spawn_local(watch(core.clone(), live.clone(), *place, delay));
    }
    // The tasks before end here.
    *core.checks.borrow_mut() = tasks;
}

/// All checked servers, in order of the configuration.
fn checked(live: &Live) -> Vec<(Place, &Check)> {
    let mut found = Vec::new();
    for proxy in live.ir.proxies.iter().filter(|proxy| proxy.backend && !proxy.disabled) {
        for (at, server) in proxy.servers.iter().enumerate() {
            found.extend(server.check.as_ref().map(|check| ((proxy.id, ServerId(at as u32)), check)));
        }
    }
    found
}

/// Checks a server for ever.
async fn watch(core: Rc<Core>, live: Arc<Live>, place: Place, delay_ms: u64) {
    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    let Some((server, state)) = live.server(place.0, place.1) else { return };
    let Some(check) = &server.check else { return };
    loop {
        let paused = state.in_maintenance() || state.checks_off.load(Relaxed);
        if !paused && let Some(probe) = Probe::new(&core, &live, place) {
            let running = Running::new(state);
            let outcome = Box::pin(probe.run()).await;
            drop(running);
            let ends = servers::checked(&core.shared.herald, &live, place, &outcome);
            core.shared.end_streams(&ends);
            if outcome.result.status == "L4TOUT" && server.resolve.is_some() {
                Resolver::suspect(&core.shared, place);
            }
        }
        ramp::follow(&live, live.ir.proxy(place.0), core.now_ms());
        let interval = score::interval(check, state.check_score.load(Relaxed));
        let interval = score::spread(interval, live.ir.global.spread_checks, core.random());
        tokio::time::sleep(Duration::from_millis(interval)).await;
    }
}

/// Shows in the statistics that a check is being made.
struct Running<'a>(&'a ServerState);

impl<'a> Running<'a> {
    fn new(state: &'a ServerState) -> Self {
        state.checking.store(true, Relaxed);
        Running(state)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.checking.store(false, Relaxed);
    }
}
