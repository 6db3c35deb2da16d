//! Asks the agent of a server (manual 5.2 `agent-check`): connects, says what `agent-send` says, reads a line.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::Outcome;
use super::probe::{Line, within};
use super::{At, score};
use crate::engine::core::Core;
use crate::engine::live::{self, Live};
use crate::engine::servers::{self, Place};
use crate::ir::{Agent, Server};
use crate::net::connect::{self, Options, Target};
use crate::net::io::Io;
use crate::state::ServerState;
use crate::wire::agent::{self, Report};

/// Asks unless nobody is to: milliseconds until the next time.
pub(super) async fn ask_once(core: &Rc<Core>, at: &RefCell<At>) -> Option<u64> {
    let At { live, place } = at.borrow().clone();
    let (server, state) = live.server(place.0, place.1)?;
    let agent = server.agent.as_ref()?;
    if !state.agent.off.load(Relaxed) {
        let begun = Instant::now();
        let asking = Asking::new(&state.agent.asking);
        let answer = Box::pin(ask(&live, place, server, state, agent)).await;
        drop(asking);
        // The configuration may be another one by now.
        let At { live, place } = at.borrow().clone();
        let took_ms = begun.elapsed().as_millis() as u64;
        let ends = servers::reported(&core.shared.herald, &live, place, &answer, took_ms);
        core.shared.end_streams(&ends);
    }
    Some(score::spread(agent.inter_ms, live.ir.global.spread_checks, core.random()))
}

/// Shows in the statistics that the agent is being asked.
struct Asking<'a>(&'a AtomicBool);

impl<'a> Asking<'a> {
    fn new(flag: &'a AtomicBool) -> Self {
        flag.store(true, Relaxed);
        Asking(flag)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

async fn ask(
    live: &Live,
    place: Place,
    server: &Server,
    state: &ServerState,
    agent: &Agent,
) -> Result<Report, Outcome> {
    let timeouts = &live.ir.proxy(place.0).timeouts;
    // Without `timeout check` the interval bounds all of it.
    let connect = match (timeouts.check, timeouts.connect) {
        (Some(_), Some(connect)) => agent.inter_ms.min(connect),
        _ => agent.inter_ms,
    };
    let begun = Instant::now();
    let mut deadline = begun + Duration::from_millis(connect);
    let target = target(server, state, agent).ok_or_else(|| Outcome::bare("SOCKERR"))?;
    let (source, multipath) = (server.source.as_deref(), server.multipath);
    let options = Options { source, multipath, ..Options::default() };
    let connected = within(deadline, "L4TOUT", connect::connect(&target, options)).await?;
    let plain = connected.map_err(|error| Outcome::not_connected(&error, false))?;
    plain.reset_on_close();
    if let Some(check) = timeouts.check {
        deadline = Instant::now() + Duration::from_millis(check);
    }
    let mut line = Line::new(Io::Plain(plain), deadline);
    let changed = state.agent.send.load();
    let send = changed.as_deref().map_or(&*agent.send, |send| send);
    if !send.is_empty() {
        line.send(send).await?;
    }
    read(&mut line, live.ir.global.bufsize, if send.is_empty() { 1 } else { 2 }).await
}

/// Reads a line; `step` is its place among the steps, for messages.
async fn read(line: &mut Line, limit: usize, step: u8) -> Result<Report, Outcome> {
    let mut heard = Vec::new();
    loop {
        if let Some(text) = agent::line(&heard) {
            return Ok(agent::parse(text));
        }
        let room = limit.saturating_sub(heard.len());
        if room == 0 || !line.hear(&mut heard, room, "L7TOUT").await? {
            return Err(match heard.is_empty() {
                true => Outcome::new("L7RSP", 0, format!("TCPCHK got an empty response at step {step}")),
                false => Outcome::new("CHECKED", 0, "Ignoring incomplete line from agent"),
            });
        }
    }
}

/// What the runtime socket has set goes above the server's line.
fn target(server: &Server, state: &ServerState, agent: &Agent) -> Option<Target> {
    let port = match state.agent.port.load(Relaxed) {
        0 => agent.port,
        port => port,
    };
    let ip = match state.agent.addr.load().as_deref().copied().or(agent.addr) {
        Some(ip) => ip,
        None => match live::target(server, state, None)? {
            Target::Ip(own) => own.ip(),
            _ => return None,
        },
    };
    Some(Target::Ip(SocketAddr::new(ip, port)))
}
