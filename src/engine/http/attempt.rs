//! Getting a response: chooses a server, connects, sends the request, waits for the head of the response, and tries again where
//! `retries`, `retry-on` and `option redispatch` allow it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use super::{After, forwarded, reply, request, response};
use crate::base::id::ServerId;
use crate::engine::buffer::Room;
use crate::engine::choose::{Choice, choose};
use crate::engine::connect::{self, Wanted};
use crate::engine::fault::{Fault, Phase};
use crate::engine::flow::{Broken, Flow, Waits};
use crate::engine::hooks::{Request, Stage};
use crate::engine::live::Live;
use crate::engine::permit::raise;
use crate::engine::pool::Upstream;
use crate::engine::queue::{Queue, Slot};
use crate::engine::session::Session;
use crate::engine::stream::{RequestAt, Stream};
use crate::engine::watch::{Side, Watch};
use crate::http::{
    Answering, Framing, Msg, OutOptions, ParseOptions, Parsed, Version, parse_response, write_request, write_response,
};
use crate::ir::proxy::RetryOn;
use crate::ir::{Balance, ConnectionMode, Proxy};
use crate::state::{ProxyState, Stat};

/// A request that was sent and the beginning of its response.
pub(super) struct Exchange {
    /// The server.
    pub(super) server: ServerId,
    /// The connection to it; the response head lies in its buffer.
    pub(super) upstream: Upstream,
    /// What is left of the request.
    pub(super) up: Flow,
    /// The place at the server.
    pub(super) slot: Slot,
    /// The connection may be used again if both messages end well.
    pub(super) keep: bool,
}

/// Forwards the request in the session's buffer and its response.
pub(super) async fn forward(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    live: &Arc<Live>,
) -> After {
    forwarded::add(s, st, frontend, backend);
    request::keep_head(s, st, live, &[frontend, backend]);
    let mut tries = Tries::default();
    loop {
        match attempt(s, st, frontend, backend, live, &mut tries).await {
            Ok(exchange) => {
                if tries.wants_again(backend, st.res.status) {
                    tries.count(s, st, backend, exchange.server);
                    st.out = exchange.up.into_lead();
                    continue;
                }
                return response::deliver(s, st, frontend, backend, live, exchange).await;
            }
            Err(failed) => {
                if !tries.again(s, st, backend, &failed).await {
                    if failed.silent {
                        reply::record(s, st, failed.fault, st.phase);
                        return After::Drop;
                    }
                    let phase = st.phase;
                    return reply::fail(s, st, frontend, Some(backend), failed.fault, phase).await;
                }
            }
        }
    }
}

/// How an attempt failed.
struct Failed {
    fault: Fault,
    server: Option<ServerId>,
    /// The idle connection turned out to be dead: another one may be tried at once, without counting.
    stale: bool,
    /// The client is to repeat the request itself: it is not told anything.
    silent: bool,
}

/// What was tried so far.
#[derive(Default)]
struct Tries {
    /// Retries counted.
    retries: u32,
    /// The server to try again.
    same: Option<ServerId>,
    /// The server not to try again.
    avoid: Option<ServerId>,
    /// An idle connection was dead: take a new one now.
    fresh: bool,
    /// The request was sent as a whole and can be sent again.
    replayable: bool,
    /// The head was written to `Stream::out`, and is no longer in the session's buffer.
    serialized: bool,
    /// Something of the body has gone, so there is no way back.
    committed: bool,
}

impl Tries {
    /// Whether to try once more after a failure; waits before it where HAProxy does.
    async fn again(&mut self, s: &mut Session, st: &mut Stream, backend: &Proxy, failed: &Failed) -> bool {
        if self.committed || (self.serialized && !self.replayable) {
            return false;
        }
        if failed.stale {
            self.fresh = true;
            self.same = failed.server;
            return true;
        }
        let (Some(server), Some(condition)) = (failed.server, condition(failed.fault, st.phase)) else { return false };
        if self.retries >= backend.retries || !backend.retry_on.intersects(condition) {
            return false;
        }
        self.count(s, st, backend, server);
        let waits = self.same.is_some() && matches!(failed.fault, Fault::Refused | Fault::Resource);
        if waits {
            let pause = backend.timeouts.connect.unwrap_or(TURN_AROUND_MS).min(TURN_AROUND_MS);
            let until = s.core.tick_ms() + pause;
            s.slot.sleep_until(until).await;
            s.core.tick_us();
        }
        true
    }

    /// Whether the status of a response asks for another try (`retry-on`).
    fn wants_again(&self, backend: &Proxy, status: u16) -> bool {
        self.replayable
            && !self.committed
            && self.retries < backend.retries
            && condition_of_status(status).is_some_and(|condition| backend.retry_on.intersects(condition))
    }

    /// Counts a retry and decides whether it goes to the same server.
    fn count(&mut self, s: &Session, st: &mut Stream, backend: &Proxy, server: ServerId) {
        self.retries += 1;
        st.facts.retries = self.retries;
        let live = &s.local.live;
        let core = s.core.id;
        let redispatch = match backend.redispatch {
            Some(every @ 1..) => self.retries.is_multiple_of(every as u32),
            Some(back @ ..=-1) => self.retries == (backend.retries + 1).saturating_sub(back.unsigned_abs()),
            _ => false,
        };
        let others = live.view.proxy(backend.id).usable_servers() > 1;
        let (stat, state) = (live.view.proxy(backend.id), live.view.server(backend.id, server));
        if others && (redispatch || takes_turns(&backend.balance)) {
            st.facts.redispatched = true;
            (self.same, self.avoid) = (None, Some(server));
            stat.be.inc(core, Stat::Redispatches);
            if let Some(state) = state {
                state.counters.inc(core, Stat::Redispatches);
            }
        } else {
            (self.same, self.avoid) = (Some(server), None);
            stat.be.inc(core, Stat::Retries);
            if let Some(state) = state {
                state.counters.inc(core, Stat::Retries);
            }
        }
    }
}

async fn attempt(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    live: &Arc<Live>,
    tries: &mut Tries,
) -> Result<Exchange, Failed> {
    let none = |fault| Failed { fault, server: None, stale: false, silent: false };
    st.phase = Phase::Queue;
    let (id, slot) = place(s, st, backend, live, tries).await.map_err(none)?;
    let (server, state) = live.server(backend.id, id).ok_or(none(Fault::NoServer))?;
    st.facts.queue_ms = Some(s.core.now_ms());
    st.facts.server = Some(id);
    st.phase = Phase::Connect;
    let keep = backend.connection == ConnectionMode::KeepAlive && frontend.connection != ConnectionMode::ServerClose;
    let wanted = Wanted { backend, id, server, state, reuse: keep && !tries.fresh, abort: backend.abort_on_close };
    let failed = |fault, stale, silent| Failed { fault, server: Some(id), stale, silent };
    let mut upstream = connect::obtain(s, &wanted).await.map_err(|fault| failed(fault, false, false))?;
    slot.count(s.core.id, s.core.now_ms(), s.core.unix_us());
    let facts = &mut st.facts;
    facts.connect_ms = Some(s.core.now_ms());
    facts.reused = upstream.requests > 1;
    (facts.server_src, facts.server_dst) = (upstream.src, upstream.dst);
    st.phase = Phase::Headers;
    let mut up = send(s, st, backend, keep, tries);
    let result = loop {
        let result = converse(s, st, &mut upstream, &mut up, frontend, backend).await;
        if result.is_err() || !matches!(st.res.status, 100 | 102..=199) {
            break result;
        }
        if let Err(fault) = pass_informational(s, st, &mut upstream).await {
            break Err(fault);
        }
        tries.committed = true;
    };
    tries.committed |= !tries.replayable && up.moved > 0;
    let up_moved = up.moved;
    if up.is_done() && !up.was_abandoned() {
        st.request = RequestAt::Gone;
    }
    match result {
        Ok(()) => Ok(Exchange { server: id, upstream, up, slot, keep }),
        Err(fault) => {
            let untouched = upstream.buf.is_empty() && matches!(fault, Fault::ServerAbort);
            let reused = upstream.requests > 1;
            let repeatable = st.req.method.is_idempotent() || up_moved == 0;
            if tries.replayable {
                st.out = up.into_lead();
            }
            let stale = reused && untouched && repeatable;
            Err(failed(fault, stale, reused && untouched && s.facts.requests > 1))
        }
    }
}

/// Chooses a server and waits for a place there.
async fn place(
    s: &mut Session,
    st: &mut Stream,
    backend: &Proxy,
    live: &Live,
    tries: &Tries,
) -> Result<(ServerId, Slot), Fault> {
    let queue = live.proxies.get(backend.id.index()).map(|proxy| proxy.queue.clone()).ok_or(Fault::Internal)?;
    let request = match (tries.serialized, st.kept.is_empty()) {
        (false, _) => Request::Buffered,
        (true, false) => Request::Kept,
        (true, true) => Request::Gone,
    };
    let stage = Stage { request, ..Stage::REQUEST };
    let pick = |s: &mut Session, st: &mut Stream| {
        let id = match tries.same {
            Some(same) => same,
            None => match choose(s, st, live, backend, tries.avoid, stage) {
                Choice::Server(id) => id,
                Choice::Full => return Ok(None),
                Choice::Nobody => return Err(Fault::NoServer),
            },
        };
        let (server, state) = live.server(backend.id, id).ok_or(Fault::NoServer)?;
        Ok(Slot::take(state, server.maxconn, &queue).map(|slot| (id, slot)))
    };
    let (id, slot) = match pick(s, st)? {
        Some(place) => place,
        None => Box::pin(wait_for_place(s, st, backend, live, &queue, pick)).await?,
    };
    if tries.same.is_none() {
        count_choice(s, live, backend, id);
    }
    Ok((id, slot))
}

fn count_choice(s: &Session, live: &Live, backend: &Proxy, id: ServerId) {
    live.view.proxy(backend.id).be.inc(s.core.id, Stat::Chosen);
    if let Some(state) = live.view.server(backend.id, id) {
        state.counters.inc(s.core.id, Stat::Chosen);
    }
}

async fn wait_for_place(
    s: &mut Session,
    st: &mut Stream,
    backend: &Proxy,
    live: &Live,
    queue: &Arc<Queue>,
    pick: impl Fn(&mut Session, &mut Stream) -> Result<Option<(ServerId, Slot)>, Fault>,
) -> Result<(ServerId, Slot), Fault> {
    let timeout = backend.timeouts.queue.or(backend.timeouts.connect);
    let deadline = timeout.map(|timeout| s.core.tick_ms() + timeout);
    st.facts.backend_queue = queue.len() as u32;
    let queued = Queued::enter(live.view.proxy(backend.id));
    let ticket = queue.enter();
    let placed = poll_fn(|cx| {
        let woken = ticket.enlist(cx);
        match pick(s, st) {
            Ok(Some(place)) => return Poll::Ready(Ok(place)),
            Ok(None) if woken => ticket.pass_on(),
            Ok(None) => {}
            Err(fault) => return Poll::Ready(Err(fault)),
        }
        if backend.abort_on_close && s.poll_client_gone(cx) {
            return Poll::Ready(Err(Fault::ClientAbort));
        }
        if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Err(Fault::QueueTimeout));
        }
        s.arm(cx, deadline);
        Poll::Pending
    })
    .await;
    drop((ticket, queued));
    s.core.tick_us();
    placed
}

/// Counts a stream among those that wait, for as long as it lives.
struct Queued {
    state: Arc<ProxyState>,
}

impl Queued {
    fn enter(state: &Arc<ProxyState>) -> Self {
        raise(&state.queued_max, state.queued.fetch_add(1, Relaxed) + 1);
        Queued { state: state.clone() }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.state.queued.fetch_sub(1, Relaxed);
    }
}

/// Makes the request ready for the server; on a retry, ready once more.
fn send(s: &mut Session, st: &mut Stream, backend: &Proxy, keep: bool, tries: &mut Tries) -> Flow {
    let mut lead = std::mem::take(&mut st.out);
    if tries.serialized {
        return Flow::new(lead, Framing::None, Framing::None);
    }
    lead.clear();
    let options = OutOptions { keep_alive: keep, peer: Version::HTTP_11 };
    let sent = write_request(Msg { raw: s.buf.data(), head: &st.req }, &mut lead, &options);
    s.buf.consume(st.req.len);
    let mut up = Flow::new(lead, st.req.body, sent.framing);
    let copied = if backend.retry_on == RetryOn::CONN_FAILURE { SMALL_BODY } else { s.local.live.ir.global.bufsize };
    tries.replayable = up.join(&mut s.buf, copied);
    st.request = if tries.replayable { RequestAt::Gone } else { RequestAt::Leaving };
    tries.serialized = true;
    s.buf.release();
    up
}

/// Passes a response such as `100 Continue` on to clients that know it; the final one follows.
async fn pass_informational(s: &mut Session, st: &mut Stream, upstream: &mut Upstream) -> Result<(), Fault> {
    let mut text = std::mem::take(&mut st.answer);
    text.clear();
    if st.req.version.is_11() && !(st.continued && st.res.status == 100) {
        let options = OutOptions { keep_alive: true, peer: st.req.version };
        write_response(Msg { raw: upstream.buf.data(), head: &st.res }, &mut text, &options);
        reply::write_all(s, &text).await?;
    }
    upstream.buf.consume(st.res.len);
    st.answer = text;
    Ok(())
}

/// Sends the request and waits for the head of the response, which is then parsed in `Stream::res`.
async fn converse(
    s: &mut Session,
    st: &mut Stream,
    upstream: &mut Upstream,
    up: &mut Flow,
    frontend: &Proxy,
    backend: &Proxy,
) -> Result<(), Fault> {
    let answering = Answering::to(&st.req);
    let global = &s.local.live.ir.global;
    let limit = global.bufsize;
    let options = ParseOptions {
        max_fields: global.maxhdr.saturating_sub(1),
        accept_unsafe: backend.unsafe_responses,
        ..ParseOptions::default()
    };
    st.res.clear();
    let mut watch = Watch::new(s, frontend.timeouts.client, backend.timeouts.server);
    let (mut server_gone, mut told_server, mut look) = (false, false, !upstream.buf.is_empty());
    poll_fn(|cx| {
        if !up.is_done() {
            match up.poll(&mut s.io, &mut s.buf, &mut upstream.io, cx) {
                Poll::Ready(Err(Broken::Sink(_))) => {
                    // The server takes no more; it may have answered before.
                    up.abandon();
                    server_gone = true;
                }
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(fault_of_request(&broken))),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            if std::mem::take(&mut look) {
                match parse_response(upstream.buf.data_mut(), &mut st.res, answering, &options) {
                    Ok(Parsed::Complete) => return Poll::Ready(Ok(())),
                    Ok(Parsed::Partial) if upstream.buf.len() < limit => {}
                    _ => return Poll::Ready(Err(Fault::BadResponse)),
                }
            }
            match upstream.buf.poll_fill(&mut upstream.io, Room::Head, cx) {
                Poll::Ready(Ok(1..)) => {
                    st.facts.response_ms = Some(s.core.tick_ms());
                    look = true;
                }
                Poll::Ready(_) => {
                    let fault = if s.ended && backend.abort_on_close { Fault::ClientAbort } else { Fault::ServerAbort };
                    return Poll::Ready(Err(fault));
                }
                Poll::Pending => break,
            }
        }
        if server_gone && upstream.buf.is_empty() {
            return Poll::Ready(Err(Fault::ServerAbort));
        }
        if up.is_done() && backend.abort_on_close && s.poll_client_gone(cx) && !told_server {
            if s.broken {
                return Poll::Ready(Err(Fault::ClientAbort));
            }
            // The server decides whether it still answers a client that has ended its direction.
            told_server = upstream.io.poll_shutdown(cx).is_ready();
        }
        let waits_for_client = !up.is_done() && up.waits == Waits::Source;
        let side = if waits_for_client { Side::Client } else { Side::Server };
        watch.poll(s, up.progress, side, cx)
    })
    .await
}

/// What a broken request means. Failures of the destination are told by the response.
fn fault_of_request(broken: &Broken) -> Fault {
    match broken {
        Broken::Malformed => Fault::BadRequest(400),
        Broken::Source(_) | Broken::Early => Fault::ClientAbort,
        Broken::Sink(_) => Fault::ServerAbort,
    }
}

/// The `retry-on` condition that a fault fulfils.
fn condition(fault: Fault, phase: Phase) -> Option<RetryOn> {
    match (fault, phase) {
        (Fault::Refused | Fault::ConnectTimeout | Fault::Resource, _) => Some(RetryOn::CONN_FAILURE),
        (Fault::ServerAbort, Phase::Headers) => Some(RetryOn::EMPTY_RESPONSE),
        (Fault::BadResponse, Phase::Headers) => Some(RetryOn::JUNK_RESPONSE),
        (Fault::ServerTimeout, Phase::Headers) => Some(RetryOn::RESPONSE_TIMEOUT),
        _ => None,
    }
}

fn condition_of_status(status: u16) -> Option<RetryOn> {
    Some(match status {
        401 => RetryOn::S401,
        403 => RetryOn::S403,
        404 => RetryOn::S404,
        408 => RetryOn::S408,
        421 => RetryOn::S421,
        425 => RetryOn::S425,
        429 => RetryOn::S429,
        500 => RetryOn::S500,
        501 => RetryOn::S501,
        502 => RetryOn::S502,
        503 => RetryOn::S503,
        504 => RetryOn::S504,
        _ => return None,
    })
}

/// Algorithms that do not care which server gets a stream: a failed one is left at once where there are others.
fn takes_turns(balance: &Balance) -> bool {
    matches!(balance, Balance::RoundRobin | Balance::StaticRr)
}

/// Bodies up to this size travel with the head, and can be sent again.
const SMALL_BODY: usize = 2048;
/// The pause before the same server is tried again.
const TURN_AROUND_MS: u64 = 1000;
