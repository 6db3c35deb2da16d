//! The life of one request: reads its head, has it processed, and closes the books whatever happened.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::After;
use super::reply;
use super::rules::{self, Decision, Why};
use super::{attempt, captured, cookie};
use crate::engine::buffer::Room;
use crate::engine::fault::{Fault, Phase};
use crate::engine::finish;
use crate::engine::framing::Arrived;
use crate::engine::live::Live;
use crate::engine::log;
use crate::engine::session::Session;
use crate::engine::sticky;
use crate::engine::stream::Stream;
use crate::expr::CapturedHeader;
use crate::http::list::Cookie;
use crate::http::{ChunkDecoder, ChunkStep, Framing, HeadFlags, Msg, ParseOptions, Parsed, parse_request};
use crate::ir::{ConnectionMode, Proxy};
use crate::state::Stat;

/// Serves the request whose first bytes have arrived. `since` is when the connection began to wait for it.
pub(super) async fn serve(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>, since: u64) -> After {
    begin(s, st, since);
    sticky::request(s);
    let after = match read_head(s, st, frontend).await {
        Ok(()) => process(s, st, frontend).await,
        Err(fault) => reply::fail(s, st, frontend, None, fault, Phase::Request).await,
    };
    finish::finish(s, st, frontend);
    s.upgraded = None;
    after
}

/// Starts the facts of a stream, and counts it: HAProxy counts what never becomes a request too.
pub(super) fn begin(s: &mut Session, st: &mut Stream, since: u64) {
    let now_us = s.core.tick_us();
    s.watch_at = None;
    s.facts.requests += 1;
    s.facts.restore_ends();
    s.count(Stat::Requests, 1);
    s.frontend_state().req_rate.tick(now_us / 1000);
    let facts = &mut st.facts;
    facts.number = s.core.next_number();
    facts.began_ms = since;
    facts.began_us = s.core.unix_us() - (now_us as i64 - since as i64 * 1000);
    facts.first_byte_ms = Some(now_us / 1000);
    facts.first_byte_us = s.core.unix_us();
}

async fn process(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>) -> After {
    received(s, st, frontend);
    log::opened(&s.core, &s.local, frontend, &s.facts);
    // The core's own count of references: that of `Live` would be fought for by all cores.
    let local = s.local.clone();
    let live = &local.live;
    match rules::decide(s, st, frontend, live).await {
        Ok(Decision::Forward(id)) => attempt::forward(s, st, frontend, live.proxy(id).0, live).await,
        Ok(Decision::Answer(answer, backend)) => {
            if answer.why == Why::Denied {
                // HAProxy looks at the cookie of a request that it denies.
                cookie::read(s, st, live, backend.as_ref().unwrap_or(frontend));
            }
            reply::answer(s, st, frontend, backend.as_ref(), answer).await
        }
        Err((fault, backend, phase)) => reply::fail(s, st, frontend, backend.as_ref(), fault, phase).await,
    }
}

async fn read_head(s: &mut Session, st: &mut Stream, frontend: &Proxy) -> Result<(), Fault> {
    let global = &s.local.live.ir.global;
    let limit = global.bufsize.saturating_sub(global.maxrewrite);
    let options = ParseOptions {
        max_fields: global.maxhdr.saturating_sub(1),
        accept_unsafe: frontend.unsafe_requests,
        ..ParseOptions::default()
    };
    let timeouts = &frontend.timeouts;
    // The time for the head runs from its first byte, or on a new connection from the end of its handshakes.
    let start =
        if s.facts.requests == 1 { s.facts.accepted_ms + u64::from(s.facts.handshake_ms) } else { s.core.now_ms() };
    let whole = timeouts.http_request.map(|timeout| start + timeout);
    loop {
        match parse_request(s.buf.data_mut(), &mut st.req, &options) {
            Ok(Parsed::Complete) if st.req.len <= limit => return check_chunks(s, st, frontend),
            Ok(Parsed::Partial) if s.buf.len() < limit => {}
            Ok(Parsed::Complete | Parsed::Partial) => {
                return Err(Fault::BadRequest(if st.req.has_start_line() { 431 } else { 414 }));
            }
            Ok(Parsed::Preface) => return Err(Fault::BadRequest(400)),
            Err(error) => {
                captured::request(s, frontend, error.pos, &error.kind);
                return Err(Fault::BadRequest(error.status()));
            }
        }
        let deadline = whole.or_else(|| timeouts.client.map(|timeout| s.core.now_ms() + timeout));
        fill(s, deadline).await?;
    }
}

/// Looks at the chunks that came with the head: a request whose body is malformed from the start is refused like one with a bad head,
/// before any rule or server sees it.
fn check_chunks(s: &Session, st: &Stream, frontend: &Proxy) -> Result<(), Fault> {
    if st.req.body != Framing::Chunked {
        return Ok(());
    }
    let body = s.buf.data().get(st.req.len..).unwrap_or_default();
    let (mut decoder, mut at) = (ChunkDecoder::new(), 0);
    loop {
        match decoder.next(body, &mut at) {
            Ok(ChunkStep::Bytes(_)) => {}
            Ok(ChunkStep::More | ChunkStep::Trailers) => return Ok(()),
            Err(error) => {
                captured::request(s, frontend, st.req.len + at, &error);
                return Err(Fault::BadRequest(400));
            }
        }
    }
}

/// Waits for more from the client.
pub(super) async fn fill(s: &mut Session, deadline: Option<u64>) -> Result<(), Fault> {
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Ok(1..)) => {
            s.core.tick_us();
            Poll::Ready(Ok(()))
        }
        Poll::Ready(_) => Poll::Ready(Err(Fault::ClientAbort)),
        Poll::Pending => {
            if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
                return Poll::Ready(Err(Fault::ClientTimeout));
            }
            s.slot.arm(cx, deadline);
            Poll::Pending
        }
    })
    .await
}

/// Records a complete request head in facts and counters.
fn received(s: &mut Session, st: &mut Stream, frontend: &Proxy) {
    let now = s.core.now_ms();
    let facts = &mut st.facts;
    facts.request_ms = Some(now);
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    let (method, target) = (msg.method(), msg.target());
    facts.method_len = method.len() as u16;
    facts.target_len = target.len() as u32;
    let line = &mut facts.request_line;
    line.extend_from_slice(method);
    line.push(b' ');
    line.extend_from_slice(target);
    line.push(b' ');
    line.extend_from_slice(&st.req.version.text());
    facts.bytes_in = msg.received_size();
    if let Some(wanted) = &frontend.capture_cookie {
        facts.req_cookie = captured_cookie(msg.cookies(), wanted, s.local.live.ir.global.cookielen);
    }
    for (name, len) in &frontend.capture_req {
        let value = name.as_ref().and_then(|name| msg.nth_value(name, -1));
        facts.req_captures.push(value.map(|value| value.get(..*len).unwrap_or(value).into()));
    }
    facts.res_captures.resize(frontend.capture_res.len());
}

/// The first cookie that `capture cookie` wants to see, as `name=value`.
pub(super) fn captured_cookie<'a>(
    cookies: impl Iterator<Item = Cookie<'a>>,
    (prefix, len): &(Box<[u8]>, usize),
    limit: usize,
) -> CapturedHeader {
    let mut pairs = cookies.map(|cookie| [cookie.name, cookie.value].join(&b'='));
    let mut pair = pairs.find(|pair| pair.starts_with(prefix))?;
    pair.truncate(limit.min(*len));
    Some(pair.into())
}

/// Copies the request head if one of the proxies wants to read it after it has left the buffer.
pub(super) fn keep_head(s: &Session, st: &mut Stream, live: &Live, proxies: &[&Proxy]) {
    let keeps = |proxy: &&Proxy| live.proxies.get(proxy.id.index()).is_some_and(|live| live.keeps_request);
    if st.kept.is_empty() && proxies.iter().any(keeps) {
        st.kept.extend_from_slice(s.buf.data().get(..st.req.len).unwrap_or_default());
    }
}

/// Whether the client's connection may be used again after this request.
pub(super) fn client_keeps(s: &Session, st: &Stream, frontend: &Proxy) -> bool {
    st.req.keep_alive() && frontend.connection != ConnectionMode::Close && !s.is_ending()
}

/// Whether the request's body lies in the buffer as a whole. Takes the payload out of chunks, for rules that look at it.
pub(super) fn body_is_buffered(s: &Session, st: &mut Stream) -> bool {
    match st.req.body {
        Framing::None => true,
        Framing::Length(len) => len <= s.buf.len().saturating_sub(st.req.len) as u64,
        _ => arrived(s, st).whole.is_some(),
    }
}

/// What has arrived of a request that is still in the buffer.
pub(super) fn arrived(s: &Session, st: &mut Stream) -> Arrived {
    let behind = s.buf.data().get(st.req.len..).unwrap_or_default();
    st.req_payload.clear();
    Arrived::of(st.req.body, behind, &mut st.req_payload)
}

/// Whether the client waits for a `100 Continue` before it sends the body.
pub(super) fn expects_continue(st: &Stream) -> bool {
    st.req.flags.contains(HeadFlags::EXPECT_100)
}
