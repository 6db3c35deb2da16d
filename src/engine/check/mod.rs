//! Health checks of servers (manual 5.2 `check`, 4.2 `http-check`, `tcp-check`): one task per checked server, on the core that its
//! place among all of them gives.
//!
//! | file | does |
//! |---|---|
//! | `mod` | the tasks: when a check is made |
//! | `agent` | asks a server's agent |
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

mod agent;
mod content;
mod dialog;
mod expect;
pub mod outcome;
mod probe;
mod request;
mod response;
pub mod score;
mod tcp;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::core::Core;
use super::live::Live;
use super::ramp;
use super::servers::{self, Place};
use crate::base::id::{CoreId, ServerId};
use crate::engine::resolve::Resolver;
use crate::ir::{Ir, Server};
use crate::state::server::NO_CORE;
use crate::state::{ServerState, View};
use probe::Probe;

/// The checks that a core makes.
#[derive(Default)]
pub struct Watches(Vec<Watch>);

/// What a server is watched for: checks, or its agent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Health,
    Agent,
}

/// One server's checks.
struct Watch {
    purpose: Purpose,
    line: Arc<Server>,
    state: Arc<ServerState>,
    at: Rc<RefCell<At>>,
    task: JoinHandle<()>,
}

/// Where a server stands in the present configuration.
#[derive(Clone)]
struct At {
    live: Arc<Live>,
    place: Place,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes the checks that this core makes those of its present configuration. Servers whose lines are the very same go on as they
/// are: the runtime socket changes other servers, or certificates.
pub fn arrange(core: &Rc<Core>) {
    let live = core.local().live.clone();
    let checked = checked(&live);
    let smallest = checked.iter().map(|found| found.inter_ms).filter(|ms| *ms >= score::COUNTS_FOR_SPREAD_MS).min();
    let mut before = std::mem::take(&mut core.checks.borrow_mut().0);
    let mut watches = Vec::new();
    for (at, found) in checked.iter().enumerate().filter(|(_, found)| found.is_checked_by(core.id)) {
        let present = At { live: live.clone(), place: found.place };
        let same = |watch: &Watch| {
            let same = Arc::ptr_eq(&watch.line, found.line) && Arc::ptr_eq(&watch.state, found.state);
            same && watch.purpose == found.purpose
        };
        if let Some(kept) = before.iter().position(same) {
            let kept = before.swap_remove(kept);
            *kept.at.borrow_mut() = present;
            watches.push(kept);
            continue;
        }
        let bound = live.ir.global.max_spread_checks;
        let delay = score::first_delay(at, checked.len(), found.first_ms, smallest.unwrap_or(0), bound);
        let place = Rc::new(RefCell::new(present));
        let task = tokio::task::spawn_local(watch(core.clone(), place.clone(), found.purpose, delay));
        let purpose = found.purpose;
        watches.push(Watch { purpose, line: found.line.clone(), state: found.state.clone(), at: place, task });
    }
    // What is left of those before ends here.
    core.checks.borrow_mut().0 = watches;
}

/// A server that is checked.
struct Checked<'l> {
    place: Place,
    line: &'l Arc<Server>,
    state: &'l Arc<ServerState>,
    purpose: Purpose,
    /// The usual interval.
    inter_ms: u64,
    /// The interval while nothing is known.
    first_ms: u64,
}

impl Checked<'_> {
    fn is_checked_by(&self, core: CoreId) -> bool {
        self.state.check_core.load(Relaxed) == core.0
    }
}

/// All checked servers, in order of the configuration.
fn checked(live: &Live) -> Vec<Checked<'_>> {
    let mut found = Vec::new();
    for proxy in live.ir.proxies.iter().filter(|proxy| proxy.backend && !proxy.disabled) {
        let pairs = proxy.servers.iter().zip(&live.view.proxy(proxy.id).servers);
        for ((line, state), at) in pairs.zip(0..) {
            let place = (proxy.id, ServerId(at));
            let mut add = |purpose, inter_ms, first_ms| {
                found.push(Checked { place, line, state, purpose, inter_ms, first_ms });
            };
            if let Some(check) = &line.check {
                add(Purpose::Health, check.inter_ms, check.fastinter_ms.unwrap_or(check.inter_ms));
            }
            if let Some(agent) = &line.agent {
                add(Purpose::Agent, agent.inter_ms, agent.inter_ms);
            }
        }
    }
    found
}

/// Gives every checked server that has none a core that checks it, each core the next one.
pub(super) fn assign(ir: &Ir, view: &View, cores: usize) {
    let proxies = ir.proxies.iter().zip(&view.proxies).filter(|(proxy, _)| proxy.backend && !proxy.disabled);
    let servers = proxies.flat_map(|(proxy, state)| proxy.servers.iter().zip(&state.servers));
    let checked: Vec<_> =
        servers.filter(|(line, _)| line.check.is_some() || line.agent.is_some()).map(|(_, state)| state).collect();
    let is_new = |state: &&&Arc<ServerState>| state.check_core.load(Relaxed) == NO_CORE;
    let new: Vec<_> = checked.iter().filter(is_new).collect();
    let old = checked.len() - new.len();
    for (state, number) in new.into_iter().zip(old..) {
        state.check_core.store((number % cores.max(1)) as u32, Relaxed);
    }
}

/// Checks a server for ever, wherever it stands in the configuration of the moment.
async fn watch(core: Rc<Core>, at: Rc<RefCell<At>>, purpose: Purpose, delay_ms: u64) {
    let mut pause = Some(delay_ms);
    while let Some(ms) = pause {
        match purpose {
            Purpose::Health => {
                wait(&at, ms).await;
                pause = check_once(&core, &at).await;
            }
            Purpose::Agent => {
                sleep(Duration::from_millis(ms)).await;
                pause = agent::ask_once(&core, &at).await;
            }
        }
    }
}

/// Waits for the next check, no longer than `fastinter` once streams have met too many errors.
async fn wait(at: &RefCell<At>, ms: u64) {
    let end = Instant::now() + Duration::from_millis(ms);
    let At { live, place } = at.borrow().clone();
    let server = live.server(place.0, place.1);
    let fast = server.and_then(|(line, state)| Some((line.check.as_ref()?.fastinter_ms?, state)));
    let Some((fast, state)) = fast else { return sleep_until(end).await };
    if timeout_at(end, state.hurry.notified()).await.is_ok() {
        sleep_until(end.min(Instant::now() + Duration::from_millis(fast))).await;
    }
}

/// Makes a check unless checks are suspended: milliseconds until the next.
async fn check_once(core: &Rc<Core>, at: &RefCell<At>) -> Option<u64> {
    let At { live, place } = at.borrow().clone();
    let (server, state) = live.server(place.0, place.1)?;
    let check = server.check.as_ref()?;
    let paused = state.in_maintenance() || state.checks_off.load(Relaxed);
    if !paused && let Some(probe) = Probe::new(core, &live, place) {
        let running = Running::new(state);
        let outcome = Box::pin(probe.run()).await;
        drop(running);
        // The configuration may be another one by now.
        let At { live, place } = at.borrow().clone();
        let ends = servers::checked(&core.shared.herald, &live, place, &outcome);
        core.shared.end_streams(&ends);
        if outcome.result.status == "L4TOUT" && server.resolve.is_some() {
            Resolver::suspect(&core.shared, place);
        }
    }
    let At { live, place } = at.borrow().clone();
    ramp::follow(&live, live.ir.proxy(place.0), core.now_ms());
    let interval = score::interval(check, state.check_score.load(Relaxed));
    Some(score::spread(interval, live.ir.global.spread_checks, core.random()))
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
