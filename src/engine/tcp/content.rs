//! `tcp-request content` and `tcp-response content` rules of TCP mode (manual 4.2): evaluated from the first one whenever more
//! data has arrived, and a last time when nothing more comes or `inspect-delay` is over.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use crate::engine::buffer::Room;
use crate::engine::fault::Fault;
use crate::engine::finish;
use crate::engine::flow::Flow;
use crate::engine::hooks::{self, Stage};
use crate::engine::live::Live;
use crate::engine::pool::Upstream;
use crate::engine::session::Session;
use crate::engine::stream::{Sniffed, Stream};
use crate::engine::tunnel::{self, Limits};
use crate::expr::Dir;
use crate::http::{ParseOptions, Parsed, parse_request};
use crate::ir::Proxy;
use crate::rules::{Cursor, Final, Verdict};

/// What the rules of a proxy came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// The stream goes on.
    Pass,
    /// What follows is HTTP.
    Http,
    /// No rule objects, but the client failed or said nothing for too long.
    Left(Fault),
}

/// A stage at which nothing more will come.
pub(super) fn last(stage: Stage<'_>) -> Stage<'_> {
    Stage { last: true, complete: true, ..stage }
}

/// Runs the `tcp-request content` rules of a proxy, waiting for data within its `inspect-delay` where a rule depends on it.
pub(super) async fn inspect(
    s: &mut Session,
    st: &mut Stream,
    proxy: &Proxy,
    frontend: &Proxy,
    live: &Arc<Live>,
) -> Result<Decided, Fault> {
    let sniffs = live.proxies.get(proxy.id.index()).is_some_and(|live| live.sniffs);
    if proxy.tcp_req_content.is_empty() && !sniffs {
        return Ok(Decided::Pass);
    }
    let limit = full(s);
    let until = proxy.inspect_delay_ms.map(|delay| s.core.now_ms() + delay);
    let mut left = None;
    let mut over = until.is_none();
    let mut cursor = Cursor::default();
    if over && s.buf.is_empty() {
        // What the client sends at once is seen, counted and logged although no `inspect-delay` waits for it. A new socket knows
        // that it can be read only after the runtime has looked.
        tokio::task::yield_now().await;
        left = take_what_is_there(s).await.err();
    }
    loop {
        if sniffs {
            sniff(s, st);
        }
        let whole = over || left.is_some() || s.ended || s.buf.len() >= limit;
        let stage = if whole { last(Stage::RAW) } else { Stage::RAW };
        match hooks::run(&proxy.tcp_req_content, &mut cursor, s, st, live, stage) {
            Verdict::Wait(_) if !whole => {
                cursor = Cursor::default();
                match fill(s, frontend, until).await {
                    Ok(true) => {}
                    Ok(false) => over = true,
                    Err(fault) => left = Some(fault),
                }
            }
            Verdict::Resolve => {
                hooks::resolve(s, st, live).await;
                left = take_what_is_there(s).await.err().or(left);
            }
            Verdict::Done(Final::Accept) | Verdict::Next | Verdict::Wait(_) => break,
            // No rule of TCP waits in these ways.
            Verdict::Pause(_) | Verdict::Gather { .. } => break,
            Verdict::Done(Final::SwitchToHttp) if left.is_none() => return Ok(Decided::Http),
            Verdict::Done(Final::SwitchToHttp) => break,
            Verdict::Done(_) => {
                st.facts.bytes_in = s.buf.len() as u64;
                return Err(Fault::Rejected);
            }
        }
    }
    Ok(left.map_or(Decided::Pass, Decided::Left))
}

/// Reads what has arrived meanwhile, so that the rules behind see it.
async fn take_what_is_there(s: &mut Session) -> Result<(), Fault> {
    if s.ended || s.buf.len() >= full(s) {
        return Ok(());
    }
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Err(_)) => {
            (s.ended, s.broken) = (true, true);
            Poll::Ready(Err(Fault::ClientAbort))
        }
        Poll::Ready(Ok(0)) => {
            s.ended = true;
            Poll::Ready(Ok(()))
        }
        Poll::Ready(Ok(_)) | Poll::Pending => Poll::Ready(Ok(())),
    })
    .await
}

/// Waits for more from the client, or its end. False if the delay is over.
async fn fill(s: &mut Session, frontend: &Proxy, until: Option<u64>) -> Result<bool, Fault> {
    let idle = frontend.timeouts.client.map(|timeout| s.core.tick_ms() + timeout);
    let deadline = [until, idle].into_iter().flatten().min();
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Ok(0)) => {
            s.ended = true;
            Poll::Ready(Ok(true))
        }
        Poll::Ready(Ok(_)) => {
            s.core.tick_us();
            Poll::Ready(Ok(true))
        }
        Poll::Ready(Err(_)) => {
            (s.ended, s.broken) = (true, true);
            Poll::Ready(Err(Fault::ClientAbort))
        }
        Poll::Pending if s.seat.is_ended() => Poll::Ready(Err(Fault::Killed)),
        Poll::Pending => {
            let now = s.core.tick_ms();
            if s.slot.has_fired() && until.is_some_and(|at| now >= at) {
                return Poll::Ready(Ok(false));
            }
            if s.slot.has_fired() && idle.is_some_and(|at| now >= at) {
                return Poll::Ready(Err(Fault::ClientTimeout));
            }
            s.slot.arm(cx, deadline);
            Poll::Pending
        }
    })
    .await
}

/// Looks whether the stream begins with the head of an HTTP request. The bytes themselves stay as they are.
fn sniff(s: &Session, st: &mut Stream) {
    if st.sniffed == Sniffed::Head {
        return;
    }
    st.kept.clear();
    st.kept.extend_from_slice(s.buf.data());
    let max_fields = s.local.live.ir.global.maxhdr.saturating_sub(1);
    let options = ParseOptions { max_fields, ..ParseOptions::default() };
    st.req.clear();
    st.sniffed = match parse_request(&mut st.kept, &mut st.req, &options) {
        Ok(Parsed::Complete) => Sniffed::Head,
        Ok(Parsed::Partial) => Sniffed::Beginning,
        Ok(Parsed::Preface) | Err(_) => Sniffed::Other,
    };
    if st.sniffed != Sniffed::Head {
        st.req.clear();
        st.kept.clear();
    }
}

/// Runs the `tcp-response content` rules of the backend, waiting within its `inspect-delay` for what the server sends. What the
/// client sends goes on meanwhile. False if a rule closes the connection to the server.
pub(super) async fn inspect_response(
    s: &mut Session,
    st: &mut Stream,
    backend: &Proxy,
    live: &Live,
    upstream: &mut Upstream,
    up: &mut Flow,
    limits: Limits,
) -> Result<bool, Fault> {
    if backend.tcp_res_content.is_empty() {
        return Ok(true);
    }
    let limit = full(s);
    let until = backend.res_inspect_delay_ms.map(|delay| s.core.now_ms() + delay);
    let mut whole = until.is_none();
    loop {
        let stage = Stage { dir: Dir::Response, response: Some(upstream.buf.data()), ..Stage::RAW };
        let stage = if whole { last(stage) } else { stage };
        match hooks::run(&backend.tcp_res_content, &mut Cursor::default(), s, st, live, stage) {
            Verdict::Wait(_) if !whole => {
                whole = !tunnel::first_bytes(s, upstream, up, limits, until).await? || upstream.buf.len() >= limit;
            }
            Verdict::Done(Final::Accept) | Verdict::Next | Verdict::Wait(_) | Verdict::Resolve => return Ok(true),
            Verdict::Pause(_) | Verdict::Gather { .. } => return Ok(true),
            Verdict::Done(decided) => {
                st.facts.bytes_out = upstream.buf.len() as u64;
                if decided == Final::Close {
                    upstream.io.plain().reset_on_close();
                    return Ok(false);
                }
                finish::deny_response(s, st);
                return Err(Fault::Rejected);
            }
        }
    }
}

/// A buffer with this much is full for rules: the rest is kept for rewriting (`tune.maxrewrite`).
fn full(s: &Session) -> usize {
    let global = &s.local.live.ir.global;
    global.bufsize.saturating_sub(global.maxrewrite)
}
