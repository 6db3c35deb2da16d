//! TCP mode: one stream per connection, whose bytes pass as they are.
//!
//! | file | does |
//! |---|---|
//! | `mod` | the life of a stream: rules, backend, server, transfer, the closing of the books |
//! | `content` | runs `tcp-request content` and `tcp-response content` rules, waits for what they want to see |
//! | `attempt` | gets a connection to a server, retries |
//!
//! Without rules that wait for data nothing is read before the server is connected, and nothing keeps back what the server sends
//! first. An idle stream holds no buffer.

mod attempt;
mod content;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::choose;
use super::fault::{Fault, Phase};
use super::finish;
use super::flow::Flow;
use super::hooks::{self, Stage};
use super::live::Live;
use super::log;
use super::session::{Session, Upgraded};
use super::stick;
use super::stream::{Occupied, RequestAt, Stream};
use super::tunnel::{self, Limits};
use crate::expr::{Termination, UniqueId};
use crate::http::Framing;
use crate::ir::{Mode, Proxy};
use crate::state::Stat;
use attempt::Connected;
use content::Decided;

/// Serves the connection until it ends, or until it turns out to be HTTP.
pub(super) async fn serve(s: &mut Session, frontend: &Arc<Proxy>) -> Option<Upgraded> {
    let mut stream = s.core.stream();
    let upgraded = run(s, &mut stream, frontend).await;
    s.core.recycle(stream);
    upgraded
}

async fn run(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>) -> Option<Upgraded> {
    s.seat.begin(frontend.id);
    begin(s, st, frontend);
    log::opened(&s.core, &s.local, frontend, &s.facts);
    let live = s.local.live.clone();
    match process(s, st, frontend, &live).await {
        Ok(None) => {}
        // Nothing is closed: the same stream goes on.
        Ok(upgraded) => return upgraded,
        Err(fault) => record(s, st, fault),
    }
    finish::finish(s, st, frontend);
    s.seat.end();
    None
}

fn begin(s: &mut Session, st: &mut Stream, frontend: &Proxy) {
    s.core.tick_us();
    st.request = RequestAt::Raw;
    let facts = &mut st.facts;
    facts.number = s.core.next_number();
    (facts.began_ms, facts.began_us) = (s.facts.accepted_ms, s.facts.accepted_us);
    // Slots that rules may fill (`capture`).
    facts.req_captures.resize(frontend.capture_req.len());
    facts.res_captures.resize(frontend.capture_res.len());
    facts.unique_id = UniqueId::of(frontend.unique_id.as_ref());
}

async fn process(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    live: &Arc<Live>,
) -> Result<Option<Upgraded>, Fault> {
    let mut decided = content::inspect(s, st, frontend, frontend, live).await?;
    if decided == Decided::Http {
        return Ok(Some(Upgraded { backend: None }));
    }
    hooks::name(s, st, frontend, live, content::last(Stage::RAW));
    st.facts.bytes_in = s.buf.len() as u64;
    let Some(id) = choose::backend(s, st, frontend, live, content::last(Stage::RAW)) else {
        return Err(Fault::NoServer);
    };
    let (backend, state) = live.proxy(id);
    if backend.mode == Mode::Http && decided == Decided::Pass {
        return Ok(Some(Upgraded { backend: Some(id) }));
    }
    st.facts.backend = Some(id);
    st.backend = Some(Occupied::enter(s.core.id, state, s.core.now_ms(), s.core.unix_us()));
    if id != frontend.id && decided == Decided::Pass {
        decided = content::inspect(s, st, backend, frontend, live).await?;
    }
    if let Decided::Left(fault) = decided {
        return Err(fault);
    }
    st.facts.request_ms = Some(s.core.now_ms());
    let connected = attempt::connect(s, st, backend, live).await;
    // What came meanwhile counts, whether it has gone on or not.
    st.facts.bytes_in = s.buf.len() as u64;
    let mut connected = connected?;
    let moved = transfer(s, st, frontend, backend, live, &mut connected).await;
    st.facts.counts[3] = connected.slot.server().current.load(Relaxed);
    if matches!(moved, Err(Fault::ClientAbort)) {
        // The server learns that the client failed rather than ended.
        connected.upstream.io.plain().reset_on_close();
    }
    moved.map(|()| None)
}

/// Moves bytes both ways until both directions have ended, after the rules have looked at the server's first ones.
async fn transfer(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Proxy,
    backend: &Proxy,
    live: &Live,
    connected: &mut Connected,
) -> Result<(), Fault> {
    st.phase = Phase::Data;
    let limits = Limits::of(&st.facts, &frontend.timeouts, backend);
    let upstream = &mut connected.upstream;
    st.shed();
    let mut up = Flow::new(Vec::new(), Framing::Tunnel, Framing::Tunnel);
    let mut down = Flow::new(Vec::new(), Framing::Tunnel, Framing::Tunnel);
    upstream.ask_kernel(&mut st.facts, live, [frontend, backend]);
    let moved = match content::inspect_response(s, st, backend, live, upstream, &mut up, limits).await {
        Ok(true) => {
            stick::response(s, st, live, backend, upstream.buf.data());
            let current = connected.slot.server().current.load(Relaxed);
            finish::log_early(s, st, frontend, None, current);
            let moved = tunnel::run(s, upstream, &mut up, &mut down, limits).await;
            st.facts.bytes_out = down.moved;
            moved
        }
        ended => ended.map(|_| ()),
    };
    st.facts.bytes_in = up.moved + s.buf.len() as u64;
    upstream.ask_kernel(&mut st.facts, live, [frontend, backend]);
    moved
}

/// Records what ended the stream, with what only TCP mode counts.
fn record(s: &Session, st: &mut Stream, fault: Fault) {
    let phase = st.phase;
    if (fault, phase) == (Fault::Killed, Phase::Data) {
        // HAProxy neither counts nor tells how far a stream had come that somebody ended while bytes were passed on.
        st.facts.termination = Termination { cause: b'K', phase: b'-' };
        return;
    }
    finish::record(s, st, fault, phase);
    // A client that left while rules waited had passed those of the frontend, if there is a backend.
    if matches!((fault, phase), (Fault::ClientAbort | Fault::ClientTimeout, Phase::Request))
        && let Some(backend) = &st.backend
    {
        backend.state().be.inc(s.core.id, Stat::ClientAborts);
    }
}
