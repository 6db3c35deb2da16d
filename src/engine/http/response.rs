//! The response head: the rules run, the head is sent with what has arrived of the body, and both bodies are seen to their end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::attempt::{self, Exchange};
use super::request::{captured_cookie, client_keeps};
use super::rules::{Answer, Why};
use super::wait::{Place, Waiting};
use super::{After, cacheable, compress, cookie, exchange, reply};
use crate::engine::connect;
use crate::engine::fault::Phase;
use crate::engine::finish;
use crate::engine::flow::Flow;
use crate::engine::framing::Arrived;
use crate::engine::hooks::{self, Stage};
use crate::engine::live::Live;
use crate::engine::log::compose::ALERT;
use crate::engine::pool::Upstream;
use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::engine::tunnel::{self, Limits};
use crate::engine::{stick, sticky};
use crate::expr::Termination;
use crate::http::{Framing, Msg, MsgMut, OutOptions, write_response};
use crate::ir::Proxy;
use crate::keyword::Needs;
use crate::rules::{Cursor, Final, RuleSet, Verdict};
use crate::state::Stat;

/// What becomes of a response.
pub(super) enum Judgement {
    /// It goes to the client.
    Deliver,
    /// A rule decided what goes there instead.
    Replace(Final),
    /// Nothing goes there.
    Drop,
    /// A rule lets the response wait: see [`wait::go_on`](super::wait::go_on).
    Wait(Box<Waiting>),
}

/// Runs the rules on the response whose head lies in the server connection's buffer.
pub(super) fn judge(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    live: &Arc<Live>,
    exchange: &mut Exchange,
) -> Judgement {
    s.vars.begin_response();
    st.facts.server_status = st.res.status;
    sticky::response(s, st);
    exchange.slot.server().counters.answered(s.core.id, st.res.status);
    st.facts.bytes_out += Msg { raw: exchange.upstream.buf.data(), head: &st.res }.received_size();
    exchange.upstream.private |= asks_for_login(Msg { raw: exchange.upstream.buf.data(), head: &st.res });
    capture(s, st, frontend, exchange.upstream.buf.data());
    if !content_passes(s, st, backend, live, exchange) {
        st.facts.status = st.res.status;
        finish::deny_response(s, st);
        return Judgement::Drop;
    }
    stick::response(s, st, live, backend, exchange.upstream.buf.data());
    compress::judge(s, st, frontend, backend, exchange.upstream.buf.data());
    rules(s, st, frontend, backend, live, exchange, Place::default())
}

/// Sends the response. Tells whether the connection to the server may live on, too.
pub(super) async fn deliver(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    exchange: &mut Exchange,
) -> (After, bool) {
    st.facts.status = st.res.status;
    let keep_client = client_keeps(s, st, frontend);
    let mut head = std::mem::take(&mut st.answer);
    head.clear();
    let options = OutOptions { keep_alive: keep_client, peer: st.req.version, head_only: st.wants_head_only() };
    let received = st.res.body;
    let squeeze = compress::response(s, st, exchange.upstream.buf.data());
    let msg = Msg { raw: exchange.upstream.buf.data(), head: &st.res };
    st.facts.bytes_to_client += msg.size();
    let sent = write_response(msg, &mut head, &options);
    let case = frontend.adjust_client.then(|| s.local.live.ir.global.case_map.clone());
    if let Some(case) = &case {
        case.adjust(&mut head);
    }
    let current = exchange.slot.server().current.load(Relaxed);
    // A line written now tells what has arrived, with the beginning of the body.
    let arrived = exchange.upstream.buf.len().saturating_sub(st.res.len) as u64;
    st.facts.bytes_out += arrived;
    finish::log_early(s, st, frontend, Some(exchange.upstream.buf.data()), current);
    st.facts.bytes_out -= arrived;
    exchange.upstream.buf.consume(st.res.len);
    // A body that a rule asked the server for with another method is not for a client that wants the head only.
    let unwanted = options.head_only && received != Framing::None;
    let dropped = !unwanted || drop_unwanted(st, &mut exchange.upstream);
    let keep_server = exchange.keep && st.res.keep_alive() && dropped;
    let mut down = match squeeze {
        Some(squeeze) => Flow::squeezed(head, received, squeeze),
        None => Flow::new(head, if unwanted { Framing::None } else { received }, sent.framing),
    };
    if case.is_some() || frontend.drop_response_trailers {
        down.change_trailers(frontend.drop_response_trailers, case);
    }
    st.phase = Phase::Data;
    if sent.framing == Framing::Tunnel {
        return (Box::pin(through_tunnel(s, st, frontend, backend, exchange, down)).await, false);
    }
    down.join(&mut exchange.upstream.buf, SMALL_BODY);
    exchange.upstream.buf.release();
    let ended = exchange::run(s, exchange, &mut down, keep_server, backend, st.idle_timeouts(frontend, backend)).await;
    bodies(st, &exchange.up, &down);
    compress::count(s, st, down.squeeze(), down.received());
    let after = match ended {
        Ok(()) if keep_client && !sent.close => After::Next,
        Ok(()) => After::Close,
        Err(fault) => {
            let phase = if down.wants_more() { Phase::Data } else { Phase::Last };
            finish::record(s, st, fault, phase);
            After::Drop
        }
    };
    st.answer = down.into_lead();
    (after, ended.is_ok() && keep_server && !exchange.up.was_discarded())
}

/// Whether the response begins a login that belongs to its connection and not to the requests on it (4.2 `http-reuse`).
fn asks_for_login(msg: Msg<'_>) -> bool {
    let name: &[u8] = match msg.status() {
        401 => b"www-authenticate",
        407 => b"proxy-authenticate",
        _ => return false,
    };
    let begins =
        |value: &[u8], scheme: &[u8]| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let is_login = |value: &[u8]| begins(value, b"NTLM") || begins(value, b"Nego");
    msg.fields().any(|field| field.name == name && is_login(field.value))
}

/// Drops a body that the client does not want, if all of it has arrived. The connection can be used again then.
fn drop_unwanted(st: &mut Stream, upstream: &mut Upstream) -> bool {
    st.res_payload.clear();
    let arrived = Arrived::of(st.res.body, upstream.buf.data(), &mut st.res_payload);
    st.facts.bytes_out += arrived.counted;
    st.facts.bytes_to_client += arrived.counted;
    let Some(len) = arrived.whole else { return false };
    upstream.buf.consume(len);
    true
}

/// Adds the bodies to the byte counts.
fn bodies(st: &mut Stream, up: &Flow, down: &Flow) {
    let facts = &mut st.facts;
    let sent = |flow: &Flow| flow.squeeze().map_or_else(|| flow.received(), |squeeze| squeeze.given);
    facts.bytes_in += up.received();
    facts.bytes_to_server += sent(up);
    facts.bytes_out += down.received();
    facts.bytes_to_client += sent(down);
}

/// Gives back what the exchange used; the connection to the server lives on if `keep`.
pub(super) fn done(s: &mut Session, st: &mut Stream, backend: &Proxy, exchange: Exchange, keep: bool) {
    let Exchange { server, upstream, up, slot, .. } = exchange;
    if st.facts.server_tcp.is_some() {
        st.facts.server_tcp = upstream.io.plain().tcp_info();
    }
    st.out = up.into_lead();
    st.facts.counts[3] = slot.server().current.load(Relaxed);
    if keep && upstream.buf.is_empty() {
        connect::keep(s, backend, server, upstream);
    }
}

async fn through_tunnel(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Proxy,
    backend: &Proxy,
    exchange: &mut Exchange,
    mut down: Flow,
) -> After {
    let limits = Limits::of(&st.facts, &frontend.timeouts, backend);
    let Exchange { upstream, up, .. } = exchange;
    *up = Flow::new(Vec::new(), Framing::Tunnel, Framing::Tunnel);
    let ended = tunnel::run(s, upstream, up, &mut down, limits).await;
    bodies(st, up, &down);
    if let Err(fault) = ended {
        finish::record(s, st, fault, Phase::Data);
    }
    After::Drop
}

fn capture(s: &Session, st: &mut Stream, frontend: &Proxy, raw: &[u8]) {
    if let Some(wanted) = &frontend.capture_cookie {
        let msg = Msg { raw, head: &st.res };
        st.facts.res_cookie = captured_cookie(msg.first_set_cookies(), wanted, s.local.live.ir.global.cookielen);
        MsgMut::new(raw, &mut st.res).tidy_set_cookies();
    }
    let msg = Msg { raw, head: &st.res };
    for (slot, (name, len)) in frontend.capture_res.iter().enumerate() {
        if let Some(value) = name.as_ref().and_then(|name| msg.nth_value(name, -1)) {
            st.facts.res_captures.set(slot, value.get(..*len).unwrap_or(value).into());
        }
    }
}

/// Runs `tcp-response content`. False if a rule refuses the response.
fn content_passes(s: &mut Session, st: &mut Stream, backend: &Proxy, live: &Live, exchange: &mut Exchange) -> bool {
    if backend.tcp_res_content.is_empty() {
        return true;
    }
    let raw = exchange.upstream.buf.data();
    // Without a delay these rules are over before the response has come.
    let response = backend.res_inspect_delay_ms.map(|_| raw);
    let stage = Stage { response, ..Stage::response(st, raw) };
    match hooks::run(&backend.tcp_res_content, &mut Cursor::default(), s, st, live, stage) {
        Verdict::Done(Final::Reject) => return false,
        Verdict::Done(Final::Close) => exchange.keep = false,
        _ => {}
    }
    true
}

/// Runs `http-response` from a place on, and `http-after-response`, the backend's rules first.
pub(super) fn rules(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    live: &Arc<Live>,
    exchange: &Exchange,
    mut place: Place,
) -> Judgement {
    let proxies = || [backend].into_iter().filter(|backend| backend.id != frontend.id).chain([frontend]);
    let raw = exchange.upstream.buf.data();
    if st.res.body == Framing::Chunked && proxies().any(|proxy| looks_at_body(&proxy.http_res)) {
        let body = raw.get(st.res.len..).unwrap_or_default();
        st.res_payload.clear();
        Arrived::of(Framing::Chunked, body, &mut st.res_payload);
    }
    for proxy in proxies().filter(|proxy| !proxy.http_res.is_empty()).skip(place.sets) {
        let stage = Stage::response(st, raw);
        match hooks::run(&proxy.http_res, &mut place.cursor, s, st, live, stage) {
            Verdict::Next | Verdict::Done(Final::Accept) | Verdict::Wait(_) | Verdict::Resolve => {}
            Verdict::Pause(ms) => return Judgement::Wait(Waiting { ms, body: None, place }.into()),
            Verdict::Gather { ms, at_least } => {
                return Judgement::Wait(Waiting { ms, body: Some(at_least), place }.into());
            }
            Verdict::Done(decided) => return Judgement::Replace(decided),
        }
        place = Place { sets: place.sets + 1, cursor: Cursor::default() };
    }
    let exposes = backend.check_cache && cacheable::exposes_cookie(Msg { raw, head: &st.res }, st.req.method);
    cookie::answer(s, st, live, backend, exchange.server, raw);
    if exposes {
        let server = backend.servers.get(exchange.server.index()).map_or("", |server| &server.name);
        let text = format!("Blocking cacheable cookie in response from instance {}, server {server}.", backend.name);
        s.core.shared.herald.log(live, backend, ALERT, &text);
        return Judgement::Replace(Final::Deny(502));
    }
    for proxy in proxies().filter(|proxy| !proxy.http_after.is_empty()) {
        let stage = Stage::response(st, raw);
        hooks::run(&proxy.http_after, &mut Cursor::default(), s, st, live, stage);
    }
    Judgement::Deliver
}

fn looks_at_body(rules: &RuleSet) -> bool {
    rules.needs.contains(Needs::RES_BODY)
}

/// Forgets a response that is replaced.
pub(super) fn give_up(s: &mut Session, st: &mut Stream, backend: &Proxy, exchange: Exchange) {
    // The server's body counts as far as it has arrived.
    let buffered = exchange.upstream.buf.len().saturating_sub(st.res.len) as u64;
    if let Framing::Length(body) = st.res.body {
        st.facts.bytes_out += body.min(buffered);
    }
    st.facts.bytes_in += exchange.up.received();
    attempt::set_aside(s, st, backend, exchange);
}

/// Sends what a rule decided instead of the server's response.
pub(super) async fn replace(
    s: &mut Session,
    st: &mut Stream,
    frontend: &Arc<Proxy>,
    backend: &Arc<Proxy>,
    decided: Final,
) -> After {
    if decided == Final::Reject {
        // `silent-drop`: the server's answer is logged, and nobody gets it.
        s.count(Stat::DeniedRequests, 1);
        if let Some(backend) = &st.backend {
            backend.state().be.inc(s.core.id, Stat::DeniedRequests);
        }
        st.facts.status = st.res.status;
        st.facts.termination = Termination { cause: b'P', phase: b'R' };
        return After::Drop;
    }
    let (status, meant, denied) = match decided {
        Final::Deny(status) | Final::Tarpit(status) | Final::Challenge(status) => (Some(status), None, true),
        Final::DenyReply(status) | Final::TarpitReply(status) => (None, Some(status), true),
        Final::ReplyStatus(status) => (Some(status), None, false),
        Final::Reply(status) => (None, Some(status), false),
        // The others are no outcomes of these rules.
        Final::Accept | Final::Reject | Final::Close | Final::SwitchToHttp | Final::Malformed | Final::Metrics => {
            (None, None, false)
        }
    };
    if denied {
        s.count(Stat::DeniedResponses, 1);
        finish::count_at_server(s, st, Stat::DeniedResponses);
    }
    let why = if denied { Why::DeniedResponse } else { Why::InterceptedResponse };
    reply::answer(s, st, frontend, Some(backend), Answer { status, meant, why }).await
}

/// Bodies up to this size are copied behind the head; it costs less than a second write.
const SMALL_BODY: usize = 2048;
