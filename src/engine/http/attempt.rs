//! Getting a response: chooses a server, connects, sends the request, waits for the head of the response, and tries again where
//! `retries`, `retry-on` and `option redispatch` allow it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::response::Judgement;
use super::{After, captured, compress, cookie, forwarded, named, redir, reply, request, response, via, wait};
use crate::base::id::ServerId;
use crate::engine::buffer::Room;
use crate::engine::connect::{self, Wanted};
use crate::engine::fault::{Fault, Phase};
use crate::engine::finish;
use crate::engine::flow::{Broken, Flow, Waits};
use crate::engine::hashed;
use crate::engine::hooks::{Request, Stage};
use crate::engine::live::Live;
use crate::engine::persist;
use crate::engine::place::{self, Search};
use crate::engine::pool::Upstream;
use crate::engine::preamble;
use crate::engine::queue::Slot;
use crate::engine::retry::Retries;
use crate::engine::servers::Event;
use crate::engine::session::{Patience, Session};
use crate::engine::stick;
use crate::engine::stream::{RequestAt, Stream};
use crate::engine::watch::{Side, Watch};
use crate::expr::ConnError;
use crate::http::{
    Answering, Framing, Msg, OutOptions, ParseOptions, Parsed, Version, parse_response, write_request, write_response,
};
use crate::ir::proxy::RetryOn;
use crate::ir::{ConnectionMode, Proxy};

/// A request that was sent and the beginning of its response.
pub(super) struct Exchange {
    /// The server.
    pub(super) server: ServerId,
    /// The connection to it; the response head lies in its buffer.
    pub(super) upstream: Box<Upstream>,
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
    via::add(s, st, backend, live);
    forwarded::add(s, st, frontend, backend);
    compress::note(s, st, frontend, backend);
    request::keep_head(s, st, live, &[frontend, backend]);
    persist::assign(s, st, live, backend, Stage::REQUEST);
    cookie::read(s, st, live, backend);
    stick::request(s, st, live, backend, Stage::REQUEST);
    hashed::note(s, st, live, backend, Stage { last: true, complete: true, ..Stage::REQUEST });
    let mut tries = Tries::default();
    // What is kept across one wait only shares its place in the future with the others: no wait within the `match`, and a block.
    let rest: Pin<Box<dyn Future<Output = After> + '_>> = {
        let mut exchange = loop {
            let failed = match attempt(s, st, frontend, backend, live, &mut tries).await {
                Ok(exchange) if tries.wants_again(st, backend) => {
                    tries.retries.count(s, st, backend, exchange.server);
                    st.facts.bytes_in += exchange.up.received();
                    set_aside(s, st, backend, exchange);
                    continue;
                }
                Ok(exchange) => break exchange,
                Err(failed) => failed,
            };
            if !tries.again(s, st, backend, &failed).await {
                if failed.redirects {
                    return Box::pin(redir::send(s, st, frontend, backend)).await;
                }
                if failed.silent {
                    finish::record(s, st, failed.fault, st.phase);
                    return After::Drop;
                }
                let phase = st.phase;
                return reply::fail(s, st, frontend, Some(backend), failed.fault, phase).await;
            }
        };
        exchange.upstream.ask_kernel(&mut st.facts, live, [frontend, backend]);
        match response::judge(s, st, frontend, backend, live, &mut exchange) {
            Judgement::Deliver => {
                // By reference: what an asynchronous function is given takes room in its future twice.
                let (after, keep) = response::deliver(s, st, frontend, backend, &mut exchange).await;
                response::done(s, st, backend, exchange, keep);
                return after;
            }
            Judgement::Replace(decided) => {
                response::give_up(s, st, backend, exchange);
                Box::pin(response::replace(s, st, frontend, backend, decided))
            }
            Judgement::Wait(waiting) => wait::go_on(s, st, frontend, backend, live, exchange, waiting),
            Judgement::Drop => return After::Drop,
        }
    };
    rest.await
}

/// Forgets a response that is not to be delivered. If all of it has arrived, the connection lives on.
pub(super) fn set_aside(s: &mut Session, st: &mut Stream, backend: &Proxy, exchange: Exchange) {
    let Exchange { server, mut upstream, up, keep, .. } = exchange;
    let whole = match st.res.body {
        Framing::None => Some(st.res.len),
        Framing::Length(body) => usize::try_from(body).ok().map(|body| st.res.len + body),
        _ => None,
    };
    let is_whole = whole == Some(upstream.buf.len());
    let sent = up.is_done() && !up.was_discarded();
    st.out = up.into_lead();
    if keep && sent && is_whole && st.res.keep_alive() {
        upstream.buf.clear();
        connect::keep(s, backend, server, upstream);
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
    /// The client is to ask elsewhere: the answer lies in `Stream::reply`.
    redirects: bool,
}

/// What was tried so far.
#[derive(Default)]
struct Tries {
    retries: Retries,
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
        if failed.redirects || self.committed || (self.serialized && !self.replayable) {
            return false;
        }
        if failed.stale {
            self.fresh = true;
            self.retries.same = failed.server;
            return true;
        }
        let Some(server) = failed.server else { return false };
        self.retries.again(s, st, backend, server, failed.fault).await
    }

    /// Whether the status of a response asks for another try (`retry-on`).
    fn wants_again(&self, st: &Stream, backend: &Proxy) -> bool {
        let status = st.res.status;
        self.replayable
            && !self.committed
            && condition_of_status(status).is_some_and(|condition| self.retries.allow(st, backend, condition))
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
    let none = |fault| Failed { fault, server: None, stale: false, silent: false, redirects: false };
    st.phase = Phase::Queue;
    let patience = Patience::of(backend);
    let search = Search { backend, live, patience };
    let (id, slot) = place::find(s, st, &search, &tries.retries).await.map_err(none)?;
    let (server, state) = live.server(backend.id, id).ok_or(none(Fault::NoServer))?;
    st.facts.queue_ms = Some(s.core.now_ms());
    st.facts.server = Some(id);
    st.phase = Phase::Connect;
    let keep = backend.connection == ConnectionMode::KeepAlive && frontend.connection != ConnectionMode::ServerClose;
    let name = connect::server_name(s, st, live, server, stage(st, tries));
    let preamble = preamble::of_stream(s, st, live, server, stage(st, tries));
    let connect_timeout = st.facts.timeout(|set| set.connect, backend.timeouts.connect);
    let personal = connect::personal(s, st, live, server, stage(st, tries));
    let reuse = keep && !tries.fresh;
    let wanted = Wanted { backend, id, server, state, reuse, name, preamble, personal, patience, connect_timeout };
    let failed = |fault, stale, silent| Failed { fault, server: Some(id), stale, silent, redirects: false };
    slot.count(s.core.id, s.core.now_ms(), s.core.unix_us());
    if !tries.serialized && server.redir.as_deref().is_some_and(|prefix| redir::prepare(s, st, prefix)) {
        return Err(Failed { redirects: true, ..failed(Fault::NoServer, false, false) });
    }
    let obtained = connect::obtain(s, &wanted).await;
    let mut upstream = obtained.map_err(|why| {
        st.facts.server_error = why.error;
        failed(why.fault, false, false)
    })?;
    let facts = &mut st.facts;
    facts.connect_ms = Some(s.core.now_ms());
    facts.server_error = ConnError::None;
    facts.reused = upstream.requests > 1;
    (facts.server_src, facts.server_dst) = (upstream.src, upstream.dst);
    st.phase = Phase::Headers;
    let mut up = send(s, st, frontend, backend, &upstream.state.name, keep, tries);
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
    if up.is_done() {
        st.request = RequestAt::Gone;
    }
    let untouched = upstream.buf.is_empty() && matches!(result, Err(Fault::ServerAbort));
    let reused = upstream.requests > 1;
    let repeatable = st.req.method.is_idempotent() || up_moved == 0;
    let stale = reused && untouched && repeatable;
    // Looked up once more: what is kept across a wait takes room.
    if let Some(observe) = backend.servers.get(id.index()).and_then(|server| server.observe.as_ref())
        && !stale
    {
        let failed = |fault| Event::of_response(fault, !upstream.buf.is_empty());
        let event = result.map_or_else(failed, |()| Some(Event::Answered(st.res.status)));
        connect::observed(s, (backend.id, id), observe, event);
    }
    match result {
        Ok(()) => Ok(Exchange { server: id, upstream, up, slot, keep }),
        Err(fault) => {
            st.facts.bytes_in += up.received();
            if tries.replayable {
                st.out = up.into_lead();
            }
            Err(failed(fault, stale, reused && untouched && s.facts.requests > 1))
        }
    }
}

/// What expressions of servers may look at: the request, if its head is still at hand.
fn stage(st: &Stream, tries: &Tries) -> Stage<'static> {
    let request = match (tries.serialized, st.kept.is_empty()) {
        (false, _) => Request::Buffered,
        (true, false) => Request::Kept,
        (true, true) => Request::Gone,
    };
    Stage { request, ..Stage::REQUEST }
}

/// Makes the request ready for the server of this name; on a retry, ready once more.
fn send(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Proxy,
    backend: &Proxy,
    server: &str,
    keep: bool,
    tries: &mut Tries,
) -> Flow {
    let mut lead = std::mem::take(&mut st.out);
    if tries.serialized {
        named::renew(&mut lead, backend, server);
        return Flow::new(lead, Framing::None, Framing::None);
    }
    lead.clear();
    let options =
        OutOptions { keep_alive: keep || backend.pretend_keepalive, peer: Version::HTTP_11, head_only: false };
    let received = st.req.body;
    let squeeze = compress::request(s, st, frontend, backend);
    named::set(s, st, backend, server);
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    st.facts.bytes_to_server += msg.size();
    let sent = write_request(msg, &mut lead, &options);
    s.buf.consume(st.req.len);
    let case = backend.adjust_server.then(|| s.local.live.ir.global.case_map.clone());
    if let Some(case) = &case {
        case.adjust(&mut lead);
    }
    let mut up = match squeeze {
        Some(squeeze) => Flow::squeezed(lead, received, squeeze),
        None => Flow::new(lead, received, sent.framing),
    };
    if case.is_some() || backend.drop_request_trailers {
        up.change_trailers(backend.drop_request_trailers, case);
    }
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
    st.facts.bytes_out += Msg { raw: upstream.buf.data(), head: &st.res }.received_size();
    upstream.state.counters.answered(s.core.id, st.res.status);
    if st.req.version.is_11() && !(st.continued && st.res.status == 100) {
        let options = OutOptions { keep_alive: true, peer: st.req.version, head_only: false };
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
    let (client, server) = st.idle_timeouts(frontend, backend);
    let mut watch = Watch::new(s, client, server);
    let (mut server_gone, mut look) = (false, !upstream.buf.is_empty());
    poll_fn(|cx| {
        if !up.is_done() {
            let polled = up.poll_or_discard(&mut s.io, &mut s.buf, &mut upstream.io, cx);
            // A server that takes no more may have answered before.
            server_gone |= up.was_discarded();
            match polled {
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(fault_of_request(&broken))),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            if std::mem::take(&mut look) {
                match parse_response(upstream.buf.data_mut(), &mut st.res, answering, &options) {
                    Ok(Parsed::Complete) => return Poll::Ready(Ok(())),
                    Ok(Parsed::Partial) if upstream.buf.len() < limit => {}
                    refused => {
                        if let Err(error) = refused {
                            let server = backend.servers.iter().find(|server| *server.name == *upstream.state.name);
                            let server = server.map(|server| &**server);
                            captured::response(s, (frontend, backend, server), upstream.buf.data(), &error);
                        }
                        st.facts.response_ms = None;
                        return Poll::Ready(Err(Fault::BadResponse));
                    }
                }
            }
            match upstream.buf.poll_fill(&mut upstream.io, Room::Head, cx) {
                Poll::Ready(Ok(1..)) => {
                    st.facts.response_ms = Some(s.core.tick_ms());
                    look = true;
                }
                Poll::Ready(_) => return Poll::Ready(Err(Fault::ServerAbort)),
                Poll::Pending => break,
            }
        }
        if server_gone && upstream.buf.is_empty() {
            return Poll::Ready(Err(Fault::ServerAbort));
        }
        if up.is_done() && s.poll_client_gone(cx) {
            if s.broken {
                // Nobody can take the response any more, whatever the option says.
                st.phase = Phase::Data;
                return Poll::Ready(Err(Fault::ClientAbort));
            }
            if backend.aborts_served {
                return Poll::Ready(Err(Fault::ClientAbort));
            }
            if backend.abort_on_close {
                // The server is told in the same way, and decides itself what to do (4.2 `option abortonclose`).
                let _ = upstream.io.poll_shutdown(cx);
                upstream.half_closed = true;
            }
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

/// Bodies up to this size travel with the head, and can be sent again.
const SMALL_BODY: usize = 2048;
