//! From a request head to a decision: monitor, rules of the frontend, choice of the backend, rules of the backend, statistics.

use std::sync::Arc;

use super::cookie;
use super::request::{self, body_is_buffered};
use crate::base::id::ProxyId;
use crate::engine::choose;
use crate::engine::fault::{Fault, Phase};
use crate::engine::hashed;
use crate::engine::hooks::{self, Stage};
use crate::engine::live::Live;
use crate::engine::service::Call;
use crate::engine::session::Session;
use crate::engine::stream::{Occupied, Stream};
use crate::expr::UniqueId;
use crate::http::{Framing, Msg, MsgMut};
use crate::ir::{Mode, Proxy, RestrictNames, Stats};
use crate::keyword::Needs;
use crate::rules::{Cursor, Final, RuleSet, Verdict};
use crate::state::Stat;

/// What to do with a request.
pub(super) enum Decision {
    /// Send it to a server of this backend.
    Forward(ProxyId),
    /// Answer it ourselves, on behalf of this backend if one was chosen.
    Answer(Answer, Option<Arc<Proxy>>),
}

/// An answer of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// This status from the proxy's error files or the built-in ones, with the extra header lines in `Stream::reply`; `None` means
    /// that `Stream::reply` is the complete raw response.
    pub status: Option<u16>,
    /// The status that is logged for a complete response of a rule, whatever a file made of it.
    pub meant: Option<u16>,
    /// Why we answer.
    pub why: Why,
}

/// Why we answer: decides what is counted and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// `deny`.
    Denied,
    /// The request is malformed in the eyes of a rule.
    Malformed,
    /// `tarpit`: only after `timeout tarpit`.
    Tarpit,
    /// `auth`.
    Challenge,
    /// `return`, `redirect`.
    Intercepted,
    /// `monitor-uri`.
    Monitor,
    /// The statistics page.
    Statistics,
    /// `use-service prometheus-exporter`.
    Metrics,
    /// The server has `redir`.
    Redirected,
    /// `http-response deny`.
    DeniedResponse,
    /// `http-response return`.
    InterceptedResponse,
}

type Failure = (Fault, Option<Arc<Proxy>>, Phase);

/// Decides what to do with the request in the session's buffer.
pub(super) async fn decide(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    live: &Arc<Live>,
) -> Result<Decision, Failure> {
    let early = |fault| (fault, None, Phase::Request);
    if let Some(answer) = plain_monitor(s, st, frontend, live) {
        return Ok(Decision::Answer(answer, None));
    }
    // What a TCP frontend has asked for already stays.
    if st.facts.unique_id.made().is_none() {
        st.facts.unique_id = UniqueId::of(frontend.unique_id.as_ref());
    }
    if frontend.backend {
        cookie::watch(st, frontend);
    }
    if s.upgraded.is_none()
        && !frontend.tcp_req_content.is_empty()
        && let Some(answer) = Box::pin(content(s, st, frontend, live)).await.map_err(early)?
    {
        return Ok(Decision::Answer(answer, None));
    }
    if let Some(answer) = rules_of(s, st, frontend, live).await.map_err(early)? {
        return Ok(Decision::Answer(answer, None));
    }
    let chosen = s.upgraded.as_ref().and_then(|upgraded| upgraded.backend);
    let Some(id) = chosen.or_else(|| choose::backend(s, st, frontend, live, Stage::REQUEST)) else {
        return Err((Fault::NoServer, None, Phase::Connect));
    };
    let (backend, state) = live.proxy(id);
    st.facts.backend = Some(id);
    cookie::watch(st, backend);
    st.backend = Some(Occupied::enter(s.core.id, state, s.core.now_ms(), s.core.unix_us()));
    if backend.mode != Mode::Http {
        // A TCP frontend whose connection is HTTP now may choose a TCP backend, which cannot serve it (4.4, `switch-mode`).
        return Err((Fault::Misrouted, Some(backend.clone()), Phase::Request));
    }
    if id != frontend.id {
        let late = |fault| (fault, Some(backend.clone()), Phase::Request);
        if !backend.tcp_req_content.is_empty()
            && let Some(answer) = Box::pin(content(s, st, backend, live)).await.map_err(late)?
        {
            return Ok(Decision::Answer(answer, Some(backend.clone())));
        }
        if let Some(answer) = rules_of(s, st, backend, live).await.map_err(late)? {
            return Ok(Decision::Answer(answer, Some(backend.clone())));
        }
    }
    hooks::name(s, st, frontend, live, Stage::REQUEST);
    if let (Some(header), Some(id)) = (&frontend.unique_id_header, st.facts.unique_id.made()) {
        MsgMut { raw: s.buf.data(), head: &mut st.req }.add(header, id);
    }
    Ok(Decision::Forward(id))
}

/// The `tcp-request content` rules of one proxy.
async fn content(s: &mut Session, st: &mut Stream, proxy: &Proxy, live: &Arc<Live>) -> Result<Option<Answer>, Fault> {
    let until = proxy.inspect_delay_ms.map(|delay| s.core.now_ms() + delay);
    run(s, st, &proxy.tcp_req_content, live, until, false).await
}

/// The HTTP rules of one proxy, frontend or backend, and its statistics page.
async fn rules_of(s: &mut Session, st: &mut Stream, proxy: &Proxy, live: &Arc<Live>) -> Result<Option<Answer>, Fault> {
    let until = proxy.timeouts.http_request.or(proxy.timeouts.client).map(|timeout| s.core.now_ms() + timeout);
    if proxy.buffer_request || hashed::looks_at_body(proxy, s, st) {
        while wait_body(s, st, until).await.map_err(|fault| incomplete(st, fault))? {}
    }
    if !proxy.http_req.is_empty()
        && let Some(answer) = run(s, st, &proxy.http_req, live, until, true).await?
    {
        return Ok(Some(answer));
    }
    if proxy.restrict_names != RestrictNames::Preserve && restrict(s, st, proxy.restrict_names) {
        st.reply.clear();
        return Ok(Some(Answer { status: Some(403), meant: None, why: Why::Denied }));
    }
    match &proxy.stats {
        Some(stats) if asks_for(s, st, stats) => statistics(s, st, proxy, stats, live, until).await.map(Some),
        _ => Ok(None),
    }
}

/// `option http-restrict-req-hdr-names`: deletes fields whose names could be mixed up behind us, or says that there are some.
#[cold]
fn restrict(s: &Session, st: &mut Stream, how: RestrictNames) -> bool {
    let raw = s.buf.data();
    let odd = |name: &[u8]| !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if how == RestrictNames::Reject {
        return Msg { raw, head: &st.req }.fields().any(|field| odd(field.name));
    }
    MsgMut { raw, head: &mut st.req }.del_where(|field| odd(field.name));
    false
}

/// Runs one rule set; waits for the body where a rule wants to see it.
async fn run(
    s: &mut Session,
    st: &mut Stream,
    rules: &RuleSet,
    live: &Arc<Live>,
    until: Option<u64>,
    always_last: bool,
) -> Result<Option<Answer>, Fault> {
    let mut cursor = Cursor::default();
    let mut more = true;
    loop {
        let looks = st.req.body != Framing::Chunked || rules.needs.contains(Needs::REQ_BODY);
        let complete = !more || looks && body_is_buffered(s, st);
        let stage = Stage { last: always_last || complete, complete, ..Stage::REQUEST };
        let verdict = hooks::run(rules, &mut cursor, s, st, live, stage);
        if !st.facts.hints.is_empty() {
            Box::pin(hint(s, st)).await?;
        }
        match verdict {
            Verdict::Next | Verdict::Done(Final::Accept | Final::SwitchToHttp) => return Ok(None),
            Verdict::Done(Final::Reject) => {
                // Logged like a request that never was.
                st.facts.request_ms = None;
                return Err(Fault::Rejected);
            }
            Verdict::Done(Final::Metrics) => return Ok(Some(metrics(s, st))),
            Verdict::Done(decided) => return Ok(Some(answer(decided))),
            // A rule that still waits when nothing more can come is passed over with all that follow.
            Verdict::Resolve => hooks::resolve(s, st, live).await,
            Verdict::Pause(ms) => Box::pin(s.pause(ms)).await,
            Verdict::Gather { ms, at_least } => {
                Box::pin(gather(s, st, ms, at_least)).await.map_err(|fault| incomplete(st, fault))?;
            }
            Verdict::Wait(_) if complete => return Ok(None),
            Verdict::Wait(_) => {
                more = match wait_body(s, st, until).await {
                    Ok(more) => more,
                    Err(Fault::ClientTimeout) if !always_last => false,
                    Err(fault) => return Err(incomplete(st, fault)),
                }
            }
        }
    }
}

/// Sends what `early-hint` rules have collected.
async fn hint(s: &mut Session, st: &mut Stream) -> Result<(), Fault> {
    let hints = std::mem::take(&mut st.facts.hints);
    if !st.req.version.is_11() {
        return Ok(());
    }
    let size = std::mem::take(&mut st.facts.hint_bytes);
    st.facts.bytes_out += size;
    st.facts.bytes_to_client += size;
    super::reply::write_all(s, &hints).await
}

fn answer(decided: Final) -> Answer {
    let (status, meant, why) = match decided {
        Final::Deny(status) => (Some(status), None, Why::Denied),
        Final::Tarpit(status) => (Some(status), None, Why::Tarpit),
        Final::Challenge(status) => (Some(status), None, Why::Challenge),
        Final::ReplyStatus(status) => (Some(status), None, Why::Intercepted),
        Final::DenyReply(status) => (None, Some(status), Why::Denied),
        Final::TarpitReply(status) => (None, Some(status), Why::Tarpit),
        Final::Reply(status) => (None, Some(status), Why::Intercepted),
        Final::Malformed => (Some(400), None, Why::Malformed),
        // The others are no answers.
        Final::Accept | Final::Reject | Final::Close | Final::SwitchToHttp | Final::Metrics => {
            (None, None, Why::Intercepted)
        }
    };
    Answer { status, meant, why }
}

/// Waits for more of the body. False if it is complete, or the buffer is full.
async fn wait_body(s: &mut Session, st: &mut Stream, until: Option<u64>) -> Result<bool, Fault> {
    if body_is_buffered(s, st) || s.buf.len() >= s.local.live.ir.global.bufsize {
        return Ok(false);
    }
    if request::expects_continue(st) && s.buf.len() == st.req.len && !st.continued {
        st.continued = true;
        super::reply::write_all(s, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    request::fill(s, until).await?;
    Ok(true)
}

/// `wait-for-body`: waits for the body or for so many bytes of it.
async fn gather(s: &mut Session, st: &mut Stream, ms: u64, at_least: u64) -> Result<(), Fault> {
    let until = s.core.tick_ms() + ms;
    while (at_least == 0 || body_bytes(s, st) < at_least) && wait_body(s, st, Some(until)).await? {}
    Ok(())
}

/// How much of the body has arrived, without what holds chunks together.
fn body_bytes(s: &Session, st: &mut Stream) -> u64 {
    if st.req.body == Framing::Chunked {
        request::arrived(s, st);
        return st.req_payload.len() as u64;
    }
    s.buf.len().saturating_sub(st.req.len) as u64
}

/// A request whose body was waited for in vain has not been received, as the log tells it.
fn incomplete(st: &mut Stream, fault: Fault) -> Fault {
    if fault == Fault::ClientTimeout {
        st.facts.request_ms = None;
    }
    fault
}

/// `monitor-uri`: answered before any rule, and neither counted as a request to a backend nor logged.
fn plain_monitor(s: &mut Session, st: &mut Stream, frontend: &Proxy, live: &Live) -> Option<Answer> {
    let uri = frontend.monitor_uri.as_deref()?;
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    let asked = if uri.starts_with(b"/") { msg.path_and_query().unwrap_or_default() } else { msg.target() };
    if asked != uri {
        return None;
    }
    let txn = hooks::txn(s, st, live, Stage::REQUEST);
    let fails = frontend.monitor_fail.iter().any(|cond| cond.holds(&txn.ctx()));
    Some(Answer { status: Some(if fails { 503 } else { 200 }), meant: None, why: Why::Monitor })
}

fn asks_for(s: &Session, st: &Stream, stats: &Stats) -> bool {
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    msg.path_and_query().is_some_and(|target| target.starts_with(stats.uri.as_bytes()))
        && s.core.shared.service.is_some()
}

async fn statistics(
    s: &mut Session,
    st: &mut Stream,
    proxy: &Proxy,
    stats: &Stats,
    live: &Arc<Live>,
    until: Option<u64>,
) -> Result<Answer, Fault> {
    while wait_body(s, st, until).await? {}
    if let Some(answer) = run(s, st, &stats.rules, live, until, true).await? {
        return Ok(answer);
    }
    let core = s.core.clone();
    let mut page = std::mem::take(&mut st.reply);
    page.clear();
    if let Some(service) = &core.shared.service {
        let txn = hooks::txn(s, st, live, Stage { complete: true, ..Stage::REQUEST });
        let ctx = txn.ctx();
        let body = if st_has_body(&ctx) { ctx.req_bytes.bytes } else { &[] };
        service.answer(&Call { ir: &live.ir, proxy: proxy.id, core: core.id, ctx, body }, &mut page);
    }
    st.reply = page;
    s.count(Stat::Intercepted, 1);
    Ok(Answer { status: None, meant: None, why: Why::Statistics })
}

/// The metrics that the request asks for.
fn metrics(s: &mut Session, st: &mut Stream) -> Answer {
    let core = s.core.clone();
    s.count(Stat::Intercepted, 1);
    st.reply.clear();
    let msg = Msg { raw: s.buf.data(), head: &st.req };
    let known = core.shared.service.as_ref().is_some_and(|service| service.metrics(msg.target(), &mut st.reply));
    // The service is there at once, like a server that answers without delay.
    let now = Some(s.core.now_ms());
    (st.facts.queue_ms, st.facts.connect_ms, st.facts.response_ms) = (now, now, now);
    Answer { status: (!known).then_some(400), meant: None, why: Why::Metrics }
}

fn st_has_body(ctx: &crate::expr::Ctx<'_>) -> bool {
    ctx.req.is_some_and(|msg| msg.head.body != Framing::None)
}
