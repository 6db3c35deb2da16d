//! Running rule sets on a session and its stream: builds the context that actions and expressions see.

use super::live::Live;
use super::session::Session;
use super::stream::{RequestAt, Stream};
use crate::expr::{Dir, Payload};
use crate::rules::{Cursor, Final, Half, RuleSet, Txn, Verdict};

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
}

impl Stage<'_> {
    /// The request, with its head still buffered.
    pub const REQUEST: Stage<'static> =
        Stage { dir: Dir::Request, request: Request::Buffered, response: None, last: true, complete: false };
    /// The connection alone.
    pub const CONNECTION: Stage<'static> =
        Stage { dir: Dir::Request, request: Request::Gone, response: None, last: true, complete: false };
}

impl<'a> Stage<'a> {
    /// A response whose head lies in `raw`; the request as far as it was kept.
    pub fn response(st: &Stream, raw: &'a [u8]) -> Self {
        let request = match (st.request, st.kept.is_empty()) {
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
    let raw = match stage.request {
        Request::Gone => None,
        Request::Buffered => Some(s.buf.data()),
        Request::Kept => Some(st.kept.as_slice()),
    };
    let req_body = raw.and_then(|raw| raw.get(st.req.len..)).unwrap_or_default();
    let res_body = stage.response.and_then(|raw| raw.get(st.res.len..)).unwrap_or_default();
    Txn {
        now_ms: s.core.now_ms(),
        wall_us: s.core.unix_us(),
        conn: &mut s.facts,
        stream: &mut st.facts,
        req: raw.map(|raw| Half { raw, head: &mut st.req }),
        res: stage.response.map(|raw| Half { raw, head: &mut st.res }),
        req_bytes: Payload { bytes: req_body, complete: stage.complete },
        res_bytes: Payload { bytes: res_body, complete: stage.complete },
        vars: &mut s.vars,
        view: &live.view,
        dir: stage.dir,
        last: stage.last,
        reply: &mut st.reply,
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
    rules.run(cursor, &mut txn(s, st, live, stage))
}

/// Runs `tcp-request connection` or `session` rules: whether the connection may stay.
pub fn connection_accepted(s: &mut Session, rules: &RuleSet) -> bool {
    let live = s.local.live.clone();
    let mut stream = s.core.stream();
    let verdict = run(rules, &mut Cursor::default(), s, &mut stream, &live, Stage::CONNECTION);
    s.core.recycle(stream);
    !matches!(verdict, Verdict::Done(Final::Reject | Final::Deny(_)))
}
