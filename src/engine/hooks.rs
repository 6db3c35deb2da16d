//! Running rule sets on a session and its stream: builds the context that actions and expressions see.

use std::sync::Arc;

use super::live::Live;
use super::resolve::Resolver;
use super::session::Session;
use super::stream::{RequestAt, Sniffed, Stream};
use crate::expr::{Dir, Part, Payload};
use crate::http::{Framing, Head};
use crate::ir::Proxy;
use crate::rules::{Cursor, Final, Half, Lookup, RuleSet, Txn, Verdict};

/// What a rule set is run on, besides the session and the stream.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The direction being processed.
    pub dir: Dir,
    /// Where the request head's bytes are.
    pub request: Request,
    /// The bytes that the response head lies in, if there is one.
    pub response: Option<&'a [u8]>,
    /// Nothing more will come for a rule that waits.
    pub last: bool,
    /// The bodies, as far as buffered, are whole.
    pub complete: bool,
}

/// Where the request head's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// There is no request, or its head is gone.
    Gone,
    /// At the start of the session's buffer, the body behind it.
    Buffered,
    /// In `Stream::kept`.
    Kept,
    /// The session's buffer holds a TCP stream; if it begins like an HTTP request, its head is in `Stream::kept`.
    Raw,
}

impl Stage<'_> {
    /// The request, with its head still buffered.
    pub const REQUEST: Stage<'static> =
        Stage { dir: Dir::Request, request: Request::Buffered, response: None, last: true, complete: false };
    /// A TCP stream of which more may come.
    pub const RAW: Stage<'static> =
        Stage { dir: Dir::Request, request: Request::Raw, response: None, last: false, complete: false };
    /// The connection alone.
    pub const CONNECTION: Stage<'static> =
        Stage { dir: Dir::Request, request: Request::Gone, response: None, last: true, complete: false };
}

impl<'a> Stage<'a> {
    /// A response whose head lies in `raw`; the request as far as it was kept.
    pub fn response(st: &Stream, raw: &'a [u8]) -> Self {
        let request = match (st.request, st.kept.is_empty()) {
            (RequestAt::Raw, _) => Request::Raw,
            (RequestAt::Buffer, _) => Request::Buffered,
            (_, false) => Request::Kept,
            (_, true) => Request::Gone,
        };
        Stage { dir: Dir::Response, request, response: Some(raw), last: true, complete: false }
    }
}

/// The transaction as actions see it.
#[inline]
pub fn txn<'a>(s: &'a mut Session, st: &'a mut Stream, live: &'a Live, stage: Stage<'a>) -> Txn<'a> {
    if stage.request == Request::Raw {
        return raw_txn(s, st, live, stage);
    }
    let raw = match stage.request {
        Request::Gone | Request::Raw => None,
        Request::Buffered => Some(s.buf.data()),
        Request::Kept => Some(st.kept.as_slice()),
    };
    let req_body = body(&st.req, raw, &st.req_payload);
    let res_body = body(&st.res, stage.response, &st.res_payload);
    let payload = |bytes| Payload { bytes, complete: stage.complete, part: Part::Body };
    Txn {
        now_ms: s.core.now_ms(),
        wall_us: s.core.unix_us(),
        conn: &mut s.facts,
        stream: &mut st.facts,
        req: raw.map(|raw| Half { raw, head: &mut st.req }),
        res: stage.response.map(|raw| Half { raw, head: &mut st.res }),
        req_bytes: payload(req_body),
        res_bytes: payload(res_body),
        vars: &mut s.vars,
        view: &live.view,
        dir: stage.dir,
        last: stage.last,
        reply: &mut st.reply,
        lookup: &mut st.lookup,
        scratch: &mut st.scratch,
    }
}

/// What has arrived of a body, without what follows it. Chunks were taken apart by who runs rules that look at them.
#[inline]
fn body<'a>(head: &Head, raw: Option<&'a [u8]>, payload: &'a [u8]) -> &'a [u8] {
    let behind = raw.and_then(|raw| raw.get(head.len..)).unwrap_or_default();
    match head.body {
        Framing::None => &[],
        Framing::Length(len) => usize::try_from(len).ok().and_then(|len| behind.get(..len)).unwrap_or(behind),
        Framing::Chunked => payload,
        Framing::UntilClose | Framing::Tunnel => behind,
    }
}

/// The transaction of a TCP stream, whose bytes are what rules look at.
fn raw_txn<'a>(s: &'a mut Session, st: &'a mut Stream, live: &'a Live, stage: Stage<'a>) -> Txn<'a> {
    let part = if st.sniffed == Sniffed::Beginning { Part::Beginning } else { Part::Stream };
    let req = (st.sniffed == Sniffed::Head).then_some(Half { raw: &st.kept, head: &mut st.req });
    Txn {
        now_ms: s.core.now_ms(),
        wall_us: s.core.unix_us(),
        conn: &mut s.facts,
        stream: &mut st.facts,
        req,
        res: None,
        req_bytes: Payload { bytes: s.buf.data(), complete: stage.complete, part },
        res_bytes: Payload { bytes: stage.response.unwrap_or_default(), complete: stage.complete, part: Part::Stream },
        vars: &mut s.vars,
        view: &live.view,
        dir: stage.dir,
        last: stage.last,
        reply: &mut st.reply,
        lookup: &mut st.lookup,
        scratch: &mut st.scratch,
    }
}

/// Runs a rule set from `cursor` on.
#[inline]
pub fn run(
    rules: &RuleSet,
    cursor: &mut Cursor,
    s: &mut Session,
    st: &mut Stream,
    live: &Live,
    stage: Stage<'_>,
) -> Verdict {
    let verdict = rules.run(cursor, &mut txn(s, st, live, stage));
    if let (Verdict::Done(Final::Reject), Some(ttl)) = (&verdict, s.facts.silent_drop) {
        s.seat.silence(ttl);
    }
    if let Some(rare) = &mut s.facts.rare {
        let marks = std::mem::take(&mut rare.marks);
        // A system that refuses lets the packets go as they are.
        let _ = s.io.plain().mark(marks);
    }
    verdict
}

/// Finds the address that a rule waits for ([`Verdict::Resolve`]); then the rule set can go on.
pub async fn resolve(s: &mut Session, st: &mut Stream, live: &Arc<Live>) {
    if let Lookup::Wanted(wanted) = std::mem::take(&mut st.lookup) {
        let found = Resolver::find(&s.core.shared, live, wanted.clone()).await;
        s.core.tick_us();
        st.lookup = Lookup::Found(wanted, found);
    }
}

/// Makes the unique id of the stream, if nothing has asked for it before (`unique-id-format`).
pub fn name(s: &mut Session, st: &mut Stream, frontend: &Proxy, live: &Live, stage: Stage<'_>) {
    if frontend.unique_id.is_some() {
        let txn = txn(s, st, live, stage);
        let ctx = txn.ctx();
        ctx.stream.unique_id.get(&ctx);
    }
}

/// Runs `tcp-request connection` or `session` rules: whether the connection may stay.
pub fn connection_accepted(s: &mut Session, rules: &RuleSet) -> bool {
    let live = s.local.live.clone();
    let mut stream = s.core.stream();
    let verdict = run(rules, &mut Cursor::default(), s, &mut stream, &live, Stage::CONNECTION);
    s.core.recycle(stream);
    !matches!(verdict, Verdict::Done(Final::Reject | Final::Deny(_)))
}
