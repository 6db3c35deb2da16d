//! Answers of our own: what rules decided, errors, services. They pass the `http-after-response` rules like any response.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::request::{arrived, client_keeps};
use super::rules::{Answer, Why};
use super::{After, compress};
use crate::engine::fault::{Fault, Phase};
use crate::engine::finish;
use crate::engine::framing::Arrived;
use crate::engine::hooks::{self, Stage};
use crate::engine::session::Session;
use crate::engine::sticky;
use crate::engine::stream::{RequestAt, Stream};
use crate::expr::Termination;
use crate::http::status::{ERROR_PAGE_FIELDS, error_page, reason};
use crate::http::{Framing, HeadFlags, Msg, OutOptions, ParseOptions, Parsed, parse_response, write_response};
use crate::ir::{ErrorAnswer, Proxy};
use crate::rules::Cursor;
use crate::state::Stat;

/// Sends what rules decided.
pub(super) async fn answer(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: Option<&Arc<Proxy>>,
    answer: Answer,
) -> After {
    count(s, st, answer.why, backend.is_some());
    if answer.why == Why::Tarpit {
        tarpit(s, st, frontend, backend).await;
    }
    if let Some(status) = answer.status {
        if answer.why == Why::Monitor {
            st.facts.log_level = Some(SILENT);
            monitor(st, status);
        } else {
            error_reply(s, st, frontend, backend, status);
        }
    }
    if answer.why == Why::Statistics {
        compress::note(s, st, frontend, backend.unwrap_or(frontend));
    }
    send(s, st, frontend, backend, answer.status.or(answer.meant)).await
}

/// Ends a stream that failed before its response began: counts, and answers with the status that stands for the fault.
pub(super) async fn fail(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: Option<&Arc<Proxy>>,
    fault: Fault,
    phase: Phase,
) -> After {
    let meaning = finish::record(s, st, fault, phase);
    if meaning == 0 {
        return After::Drop;
    }
    st.reply.clear();
    if st.req.flags.contains(HeadFlags::COMPLETE) && !matches!(fault, Fault::BadRequest(_)) {
        error_reply(s, st, frontend, backend, meaning);
        return match send(s, st, frontend, backend, Some(meaning)).await {
            After::Linger if fault == Fault::ClientTimeout => After::Close,
            after => after,
        };
    }
    // Nothing is known that rules could look at: the error goes out as it is, and nothing can be formatted (4.2 `http-error`).
    st.facts.status = meaning;
    let raw = match frontend.errors.iter().find(|reply| reply.status == meaning).map(|reply| &reply.answer) {
        Some(ErrorAnswer::Raw(raw)) => raw,
        _ => error_page(meaning).map_or(&[][..], |page| page.bytes.as_bytes()),
    };
    match write_all(s, raw).await {
        // Who was silent has nothing on its way that could destroy the answer.
        Ok(()) if fault == Fault::ClientTimeout => After::Close,
        Ok(()) => After::Linger,
        Err(_) => After::Drop,
    }
}

fn count(s: &mut Session, st: &mut Stream, why: Why, in_backend: bool) {
    let (phase, cause) = match why {
        Why::Denied | Why::Tarpit | Why::Malformed => (b'R', b'P'),
        Why::Challenge | Why::Intercepted | Why::Monitor | Why::Statistics | Why::Metrics => (b'R', b'L'),
        Why::Redirected => (b'C', b'L'),
        Why::DeniedResponse => (b'H', b'P'),
        Why::InterceptedResponse => (b'H', b'L'),
    };
    st.facts.termination = Termination { cause, phase };
    match why {
        Why::Denied | Why::Tarpit => {
            s.count(Stat::DeniedRequests, 1);
            sticky::denied(s, st);
            if let Some(backend) = &st.backend {
                backend.state().be.inc(s.core.id, Stat::DeniedRequests);
            }
        }
        Why::Malformed => {
            st.facts.request_ms = None;
            s.count(Stat::RequestErrors, 1);
        }
        Why::Challenge => {
            s.count(Stat::Intercepted, 1);
            sticky::denied(s, st);
        }
        // What a backend answers is not the frontend's interception.
        Why::Intercepted if in_backend => {}
        Why::Intercepted | Why::Monitor => s.count(Stat::Intercepted, 1),
        Why::Redirected | Why::DeniedResponse | Why::InterceptedResponse => {}
        Why::Statistics => st.facts.applet = Some("<STATS>"),
        Why::Metrics => st.facts.applet = Some("<PROMEX>"),
    }
}

/// Keeps the client waiting for `timeout tarpit`, or until it goes. The time counts as queued, after a request that never was.
async fn tarpit(s: &mut Session, st: &mut Stream, frontend: &Proxy, backend: Option<&Arc<Proxy>>) {
    let timeouts = &backend.map_or(frontend, |backend| backend).timeouts;
    let wait = st.facts.timeout(|set| set.tarpit, timeouts.tarpit.or(timeouts.connect));
    s.pause(wait.unwrap_or(0)).await;
    st.facts.request_ms = None;
    st.facts.queue_ms = Some(s.core.tick_ms());
}

/// Writes the reply that stands for `status` to `Stream::reply`: configured for the backend, for the frontend, or built in, with the
/// header lines that a rule left there. An error file may be empty.
fn error_reply(s: &mut Session, st: &mut Stream, frontend: &Proxy, backend: Option<&Arc<Proxy>>, status: u16) {
    let configured = backend.into_iter().map(|backend| &**backend).chain([frontend]);
    let mut configured = configured.flat_map(|proxy| &proxy.errors).filter(|reply| reply.status == status);
    match configured.next().map(|reply| &reply.answer) {
        Some(ErrorAnswer::Raw(raw)) => {
            st.reply.clear();
            st.reply.extend_from_slice(raw);
            return;
        }
        Some(ErrorAnswer::Made(reply)) => {
            let local = s.local.clone();
            let stage = Stage { response: None, ..Stage::response(st, &[]) };
            reply.write(&mut hooks::txn(s, st, &local.live, stage));
            return;
        }
        None => {}
    }
    let extra = std::mem::take(&mut st.reply);
    let out = &mut st.reply;
    let (text, body, close) = match error_page(status) {
        Some(page) => (page.reason, page.body, page.close),
        None => (reason(status), "", false),
    };
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\ncontent-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in ERROR_PAGE_FIELDS {
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(&extra);
    out.extend_from_slice(if close { b"connection: close\r\n\r\n" } else { b"\r\n" });
    out.extend_from_slice(body.as_bytes());
}

/// The answer to a monitor request.
fn monitor(st: &mut Stream, status: u16) {
    st.reply.clear();
    if let Some(page) = error_page(status) {
        st.reply.extend_from_slice(page.bytes.as_bytes());
    }
}

/// Sends the complete raw response in `Stream::reply` after the `http-after-response` rules. It is counted and logged as `meant`,
/// whatever an error file or `errorloc` made of that.
async fn send(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: Option<&Arc<Proxy>>,
    meant: Option<u16>,
) -> After {
    let mut raw = std::mem::take(&mut st.reply);
    st.res.clear();
    if raw.is_empty() {
        // An empty error file: nothing is said, but the log tells of it.
        st.facts.status = meant.unwrap_or_default();
        st.reply = raw;
        return After::Drop;
    }
    let answering = st.answering_client();
    let parsed = parse_response(&mut raw, &mut st.res, answering, &ParseOptions::default());
    if !matches!(parsed, Ok(Parsed::Complete)) {
        // An error file that is no HTTP/1.1 response goes out as it is.
        st.facts.bytes_out += raw.len() as u64;
        let sent = write_all(s, &raw).await;
        st.reply = raw;
        return if sent.is_ok() { After::Linger } else { After::Drop };
    }
    let body = if st.res.body == Framing::None { 0 } else { raw.len().saturating_sub(st.res.len) as u64 };
    // HAProxy's own 204 has a length, which it counts and does not send.
    let unsent = if st.res.status == 204 { "content-length0".len() as u64 } else { 0 };
    let given = st.res.status;
    let live = s.local.live.clone();
    if st.facts.applet.is_some() {
        compress::judge(s, st, frontend, backend.unwrap_or(frontend), &raw);
    }
    let proxies = backend.into_iter().filter(|backend| backend.id != frontend.id).chain([frontend]);
    for proxy in proxies.filter(|proxy| !proxy.http_after.is_empty()) {
        // An answer cannot be denied any more: only the changes count.
        let stage = Stage::response(st, &raw);
        hooks::run(&proxy.http_after, &mut Cursor::default(), s, st, &live, stage);
    }
    st.facts.status = meant.filter(|_| st.res.status == given).unwrap_or(st.res.status);
    st.facts.bytes_out += Msg { raw: &raw, head: &st.res }.size() + body + unsent;
    let arrived = if st.request == RequestAt::Buffer { arrived(s, st) } else { Arrived::default() };
    let whole = arrived.whole.is_some() || st.request == RequestAt::Gone;
    st.facts.bytes_in += arrived.counted;
    // The version in a file says nothing of the connection; `close` does.
    let closes = st.res.flags.contains(HeadFlags::CLOSE) || st.res.body == Framing::UntilClose;
    let keep_alive = whole && client_keeps(s, st, frontend) && !closes;
    st.answer.clear();
    let options = OutOptions { keep_alive, peer: st.req.version, head_only: st.wants_head_only() };
    let squeeze = if st.facts.applet.is_some() { compress::response(s, st, &raw) } else { None };
    let msg = Msg { raw: &raw, head: &st.res };
    st.facts.bytes_to_client += msg.size() + body;
    let sent = write_response(msg, &mut st.answer, &options);
    if frontend.adjust_client {
        live.ir.global.case_map.adjust(&mut st.answer);
    }
    let body = if st.res.body == Framing::None { &[] } else { raw.get(st.res.len..).unwrap_or_default() };
    match squeeze {
        Some(squeeze) => compress::whole(s, st, squeeze, body),
        None => st.answer.extend_from_slice(body),
    }
    st.reply = raw;
    if let Some(body) = arrived.whole {
        super::request::keep_head(s, st, &live, &[frontend]);
        s.buf.consume(st.req.len + body);
        s.buf.release();
        st.request = RequestAt::Gone;
    }
    match write_all(s, &st.answer).await {
        Ok(()) if keep_alive && !sent.close => After::Next,
        Ok(()) if whole => After::Close,
        Ok(()) => After::Linger,
        Err(fault) => {
            finish::record(s, st, fault, Phase::Last);
            After::Drop
        }
    }
}

/// The log level that keeps a line back.
const SILENT: u8 = 8;

/// Writes everything to the client within `timeout client`.
pub(super) async fn write_all(s: &mut Session, bytes: &[u8]) -> Result<(), Fault> {
    let timeout = s.local.live.ir.proxy(s.frontend()).timeouts.client;
    let mut at = 0;
    let mut deadline = None;
    poll_fn(|cx| {
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let polled = if rest.is_empty() { s.io.poll_flush(cx).map_ok(|()| 0) } else { s.io.poll_write(cx, rest) };
            match polled {
                Poll::Ready(Ok(_)) if rest.is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(n @ 1..)) => {
                    at += n;
                    deadline = None;
                }
                Poll::Ready(_) => return Poll::Ready(Err(Fault::ClientAbort)),
                Poll::Pending => break,
            }
        }
        let until = *deadline.get_or_insert_with(|| timeout.map(|timeout| s.core.tick_ms() + timeout));
        if s.slot.has_fired() && until.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Err(Fault::ClientTimeout));
        }
        s.slot.arm(cx, until);
        Poll::Pending
    })
    .await
}
