//! The end of a stream: the fault that ended it, its times, its counters, its log line.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::fault::{Fault, Phase};
use super::hooks::{self, Stage};
use super::log;
use super::session::Session;
use super::stream::Stream;
use crate::expr::Termination;
use crate::ir::Proxy;
use crate::state::{Stat, Times};

/// Records a fault in facts and counters; the first one counts. Returns the status to answer with.
pub fn record(s: &Session, st: &mut Stream, fault: Fault, phase: Phase) -> u16 {
    let meaning = fault.meaning(phase);
    if st.facts.termination == Termination::default() {
        st.facts.termination = meaning.termination;
        if let Some(stat) = meaning.frontend {
            s.count(stat, 1);
        }
        if let (Some(stat), Some(backend)) = (meaning.backend, &st.backend) {
            backend.state().be.inc(s.core.id, stat);
        }
        if let (Some(stat), Some(backend), Some(server)) = (meaning.server, st.facts.backend, st.facts.server)
            && let Some(state) = s.local.live.view.server(backend, server)
        {
            state.counters.inc(s.core.id, stat);
        }
    }
    meaning.status
}

/// Counts something at the stream's backend and server.
pub fn count_at_server(s: &Session, st: &Stream, stat: Stat) {
    if let Some(backend) = &st.backend {
        backend.state().be.inc(s.core.id, stat);
    }
    if let (Some(backend), Some(server)) = (st.facts.backend, st.facts.server)
        && let Some(state) = s.local.live.view.server(backend, server)
    {
        state.counters.inc(s.core.id, stat);
    }
}

/// Records that a rule refused what the server sent in TCP mode.
pub fn deny_response(s: &Session, st: &mut Stream) {
    st.facts.termination = Termination { cause: b'P', phase: b'D' };
    s.count(Stat::DeniedResponses, 1);
    count_at_server(s, st, Stat::DeniedResponses);
}

/// Closes the books of a stream.
pub fn finish(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>) {
    let now = s.core.tick_ms();
    st.facts.end_ms = Some(now);
    count(s, st, now);
    let live = s.local.live.clone();
    let facts = &mut st.facts;
    facts.counts[0] = live.view.process.connections.load(Relaxed);
    facts.counts[1] = s.frontend_state().fe_current.load(Relaxed);
    // The stream itself has left the backend and the server when its line is written (manual 8.2.3).
    let left = |current: u32| current.saturating_sub(1);
    facts.counts[2] = st.backend.as_ref().map_or(0, |backend| left(backend.state().be_current.load(Relaxed)));
    facts.counts[3] = left(facts.counts[3]);
    st.backend = None;
    if frontend.logs.is_empty() {
        return;
    }
    let stage = Stage { response: None, complete: true, ..Stage::response(st, &[]) };
    let (core, local) = (s.core.clone(), s.local.clone());
    log::stream(&core, &local, frontend, &hooks::txn(s, st, &live, stage).ctx());
}

fn count(s: &Session, st: &Stream, now: u64) {
    let core = s.core.id;
    let facts = &st.facts;
    s.count(Stat::BytesIn, facts.bytes_in);
    s.count(Stat::BytesOut, facts.bytes_out);
    if facts.status > 0 {
        s.frontend_state().fe.response(core, facts.status);
    }
    let Some(backend) = &st.backend else { return };
    let be = &backend.state().be;
    be.add(core, Stat::BytesIn, facts.bytes_in);
    be.add(core, Stat::BytesOut, facts.bytes_out);
    be.inc(core, Stat::Requests);
    if facts.status > 0 {
        be.response(core, facts.status);
    }
    let (Some(id), Some(server)) = (facts.backend, facts.server) else { return };
    let Some(state) = s.local.live.view.server(id, server) else { return };
    state.counters.add(core, Stat::BytesIn, facts.bytes_in);
    state.counters.add(core, Stat::BytesOut, facts.bytes_out);
    state.counters.inc(core, Stat::Requests);
    if let (Some(request), Some(queue), Some(connect), Some(response)) =
        (facts.request_ms, facts.queue_ms, facts.connect_ms, facts.response_ms)
    {
        let times = Times {
            queue: queue.saturating_sub(request),
            connect: connect.saturating_sub(queue),
            response: response.saturating_sub(connect),
            total: now.saturating_sub(facts.first_byte_ms.unwrap_or(facts.began_ms)),
        };
        be.timed(core, times);
        state.counters.timed(core, times);
    }
}
