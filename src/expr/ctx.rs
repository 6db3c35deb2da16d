//! What an expression may look at: shared borrows of facts, heads, bytes, variables and state, and the time.

use super::facts::{ConnFacts, StreamFacts};
use super::vars::Vars;
use crate::base::id::{CoreId, ProxyId};
use crate::http::Msg;
use crate::state::View;

/// The direction being processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// From the client.
    Request,
    /// From the server.
    Response,
}

/// Raw bytes of one direction: what `req.payload`, `req.len`, `req.ssl_sni` and in HTTP `req.body` read.
#[derive(Clone, Copy, Default)]
pub struct Payload<'a> {
    /// What is buffered, from the first byte of the content (in HTTP: of the body).
    pub bytes: &'a [u8],
    /// Nothing more will come: end of stream, full buffer, or end of the inspection delay.
    pub complete: bool,
    /// What they are part of.
    pub part: Part,
}

/// What raw bytes are part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The body of an HTTP message.
    #[default]
    Body,
    /// A TCP stream, from its first byte on.
    Stream,
    /// A TCP stream that may still turn out to begin with the head of an HTTP request.
    Beginning,
}

impl Payload<'_> {
    /// Whether the head of a request may still come.
    pub fn may_become_head(&self) -> bool {
        self.part == Part::Beginning && !self.complete
    }
}

/// The context of one evaluation.
pub struct Ctx<'a> {
    /// Milliseconds on the monotonic clock of the process.
    pub now_ms: u64,
    /// Unix time in microseconds.
    pub wall_us: i64,
    /// The client's connection.
    pub conn: &'a ConnFacts,
    /// The stream: identity, choices made, timers, log facts.
    pub stream: &'a StreamFacts,
    /// The request head, while it is there.
    pub req: Option<Msg<'a>>,
    /// The response head, while it is there.
    pub res: Option<Msg<'a>>,
    /// Request bytes.
    pub req_bytes: Payload<'a>,
    /// Response bytes.
    pub res_bytes: Payload<'a>,
    /// Variables of the session, transaction, request and response.
    pub vars: &'a Vars,
    /// Counters and states.
    pub view: &'a View,
    /// The direction being processed.
    pub dir: Dir,
    /// Last evaluation: a test that would miss fails instead.
    pub last: bool,
}

/// Runs `run` where no client is: while the configuration is read, or for a command of the runtime socket.
pub fn outside_streams<R>(view: &View, wall_us: i64, now_ms: u64, run: impl FnOnce(&Ctx<'_>) -> R) -> R {
    let (stream, vars) = (StreamFacts::default(), Vars::default());
    let conn = ConnFacts::without_client(CoreId(0), ProxyId(0), wall_us, now_ms);
    run(&Ctx {
        now_ms,
        wall_us,
        conn: &conn,
        stream: &stream,
        req: None,
        res: None,
        req_bytes: Payload::default(),
        res_bytes: Payload::default(),
        vars: &vars,
        view,
        dir: Dir::Request,
        last: true,
    })
}
