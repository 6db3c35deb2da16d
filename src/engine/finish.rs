//! The end of a stream: the fault that ended it, its times, its counters, its log line.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::fault::{Fault, Phase};
use super::hooks::{self, Stage};
use super::log;
use super::session::Session;
use super::sticky;
use super::stream::{RequestAt, Stream};
use crate::base::id::CoreId;
use crate::expr::Termination;
use crate::ir::Proxy;
use crate::state::{Counters, Stat, Times};

/// Records a fault in facts and counters; the first one counts. Returns the status to answer with.
pub fn record(s: &Session, st: &mut Stream, fault: Fault, phase: Phase) -> u16 {
    let meaning = fault.meaning(phase);
    if st.facts.termination == Termination::default() {
        st.facts.termination = meaning.termination;
        if fault == Fault::Killed {
            st.facts.termination.cause = s.seat.cause().unwrap_or(meaning.termination.cause);
        }
        sticky::fault(s, st, fault, phase);
        if let Some(stat) = meaning.frontend {
            s.count(stat, 1);
        }
        if let (Some(stat), Some(backend)) = (meaning.backend, &st.backend) {
            count_at(&backend.state().be, s.core.id, stat, fault);
        }
        if let (Some(stat), Some(backend), Some(server)) = (meaning.server, st.facts.backend, st.facts.server)
            && let Some(state) = s.local.live.view.server(backend, server)
        {
            count_at(&state.counters, s.core.id, stat, fault);
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

/// An abort of the server is a response error too (management.txt 9.1).
fn count_at(counters: &Counters, core: CoreId, stat: Stat, fault: Fault) {
    counters.inc(core, stat);
    if stat == Stat::ServerAborts && fault == Fault::ServerAbort {
        counters.inc(core, Stat::ResponseErrors);
    }
}

/// Logs the stream while it lasts, if `option logasap` says so: in HTTP when the response begins, in TCP when the server is
/// connected. `current` is how many streams the server has.
pub fn log_early(s: &mut Session, st: &mut Stream, frontend: &Proxy, response: Option<&[u8]>, current: u32) {
    if !frontend.log_asap || frontend.logs.is_empty() {
        return;
    }
    let live = s.local.live.clone();
    let backend = st.backend.as_ref().map_or(0, |backend| backend.state().be_current.load(Relaxed));
    let process = live.view.process.connections.load(Relaxed);
    st.facts.counts = [process, s.frontend_state().fe_current.load(Relaxed), backend, current];
    (st.logged, st.facts.logged_early) = (true, true);
    let stage = Stage { response, ..Stage::response(st, &[]) };
    let (core, local) = (s.core.clone(), s.local.clone());
    log::stream(&core, &local, frontend, &hooks::txn(s, st, &live, stage).ctx());
}

/// Closes the books of a stream.
pub fn finish(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>) {
    let now = s.core.tick_ms();
    st.facts.end_ms = Some(now);
    let http = st.request != RequestAt::Raw;
    if !http {
        (st.facts.bytes_to_server, st.facts.bytes_to_client) = (st.facts.bytes_in, st.facts.bytes_out);
    }
    count(s, st, frontend, now, http);
    sticky::ended(s, st);
    let (core, local) = (s.core.clone(), s.local.clone());
    let live = &local.live;
    let facts = &mut st.facts;
    facts.counts[0] = live.view.process.connections.load(Relaxed);
    facts.counts[1] = s.frontend_state().fe_current.load(Relaxed);
    // The stream itself has left the backend and the server when its line is written (manual 8.2.3).
    let left = |current: u32| current.saturating_sub(1);
    facts.counts[2] = st.backend.as_ref().map_or(0, |backend| left(backend.state().be_current.load(Relaxed)));
    facts.counts[3] = left(facts.counts[3]);
    st.backend = None;
    if frontend.logs.is_empty() || st.logged {
        st.facts.tracked.stop(now);
        return;
    }
    st.facts.logged_early = frontend.log_asap;
    let stage = Stage { response: None, complete: true, ..Stage::response(st, &[]) };
    log::stream(&core, &local, frontend, &hooks::txn(s, st, live, stage).ctx());
    st.facts.tracked.stop(now);
}

fn count(s: &Session, st: &Stream, frontend: &Proxy, now: u64, http: bool) {
    let core = s.core.id;
    let facts = &st.facts;
    s.count(Stat::BytesIn, facts.bytes_in);
    s.count(Stat::BytesOut, facts.bytes_out);
    s.count(Stat::RequestBytesOut, facts.bytes_to_server);
    s.count(Stat::ResponseBytesOut, facts.bytes_to_client);
    // A request without an answer counts among the other statuses.
    if http {
        s.frontend_state().fe.response(core, facts.status);
    }
    let count_bytes = |be: &Counters| {
        be.add(core, Stat::BytesIn, facts.bytes_in);
        be.add(core, Stat::BytesOut, facts.bytes_out);
        be.add(core, Stat::RequestBytesOut, facts.bytes_to_server);
        be.add(core, Stat::ResponseBytesOut, facts.bytes_to_client);
    };
    let Some(backend) = &st.backend else {
        // What a `listen` section answers itself passes its backend as well.
        if frontend.backend {
            count_bytes(&s.frontend_state().be);
        }
        return;
    };
    let be = &backend.state().be;
    count_bytes(be);
    be.inc(core, Stat::Requests);
    if http {
        be.response(core, facts.status);
    }
    let (Some(id), Some(server)) = (facts.backend, facts.server) else { return };
    let Some(state) = s.local.live.view.server(id, server) else { return };
    state.counters.add(core, Stat::BytesIn, facts.bytes_in);
    state.counters.add(core, Stat::BytesOut, facts.bytes_out);
    state.counters.add(core, Stat::RequestBytesOut, facts.bytes_to_server);
    state.counters.add(core, Stat::ResponseBytesOut, facts.bytes_to_client);
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
