//! `Stream`: everything that belongs to one request and its response, and lives only as long. Recycled by the core, so that a
//! request allocates nothing after the first.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::fault::Phase;
use super::http::compress::Codings;
use super::permit::raise;
use super::persist::Persist;
use super::stick::Remember;
use crate::base::id::CoreId;
use crate::expr::StreamFacts;
use crate::http::{Answering, Head, Method};
use crate::ir::Proxy;
use crate::rules::Lookup;
use crate::state::{ProxyState, Stat};

/// One request and its response.
#[derive(Default)]
pub struct Stream {
    /// What logs and rules may ask.
    pub facts: StreamFacts,
    /// The request head; its bytes lie in the session's buffer.
    pub req: Head,
    /// The response head; its bytes lie in the server connection's buffer, or in `reply`.
    pub res: Head,
    /// The request head as received, where something that runs later wants to read it.
    pub kept: Vec<u8>,
    /// The backend's count of this stream.
    pub backend: Option<Occupied>,
    /// The server that it is bound to, and how.
    pub persist: Persist,
    /// The hash by which its server is chosen (`balance hash` and relatives).
    pub hash_key: Option<u64>,
    /// The keys of stick tables under which its server is to be remembered.
    pub remember: Vec<Remember>,
    /// What has arrived of the payload of a chunked request, if rules look at it.
    pub req_payload: Vec<u8>,
    /// The same for a chunked response.
    pub res_payload: Vec<u8>,
    /// Which of its messages are compressed.
    pub codings: Codings,
    /// How far it has come.
    pub phase: Phase,
    /// Where the request is.
    pub request: RequestAt,
    /// What a TCP stream looks like.
    pub sniffed: Sniffed,
    /// Its log line has been written (`option logasap`).
    pub logged: bool,
    /// We have sent `100 Continue` ourselves.
    pub continued: bool,
    /// The request head as sent to the server, and the body's beginning if it travelled along: what a retry sends again.
    pub out: Vec<u8>,
    /// The response head as sent to the client.
    pub answer: Vec<u8>,
    /// Where actions write an answer of their own.
    pub reply: Vec<u8>,
    /// The address that a rule waits for.
    pub lookup: Lookup,
    /// Room for actions.
    pub scratch: Vec<u8>,
}

/// Where the bytes of the request are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestAt {
    /// The head is at the start of the session's buffer, with what has arrived of the body behind it.
    #[default]
    Buffer,
    /// The head has left the buffer, the rest of the body is on its way.
    Leaving,
    /// All of it has left the buffer.
    Gone,
    /// There is none: this is TCP.
    Raw,
}

/// What a TCP stream looks like to rules that ask for an HTTP request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sniffed {
    /// Nobody asks, or it is no HTTP request.
    #[default]
    Other,
    /// It may still become one.
    Beginning,
    /// It begins with the head in `Stream::req`, which lies in `Stream::kept`.
    Head,
}

/// A stream's place in the count of its backend, given back when dropped.
pub struct Occupied {
    state: Arc<ProxyState>,
}

impl Occupied {
    /// Counts a stream that was given to a backend.
    pub fn enter(core: CoreId, state: &Arc<ProxyState>, now_ms: u64, unix_us: i64) -> Self {
        let now = state.be_current.fetch_add(1, Relaxed) + 1;
        raise(&state.be_current_max, now);
        state.be.inc(core, Stat::Sessions);
        state.be_rate.tick(now_ms);
        state.last_session.store(unix_us / 1_000_000, Relaxed);
        Occupied { state: state.clone() }
    }

    /// The backend's state.
    pub fn state(&self) -> &Arc<ProxyState> {
        &self.state
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.state.be_current.fetch_sub(1, Relaxed);
    }
}

impl Stream {
    /// Gives back the memory for texts of messages: a stream in TCP mode may last for days and has none. The head that rules have
    /// found in it stays.
    pub fn shed(&mut self) {
        for text in self.texts() {
            *text = Vec::new();
        }
        self.kept.shrink_to_fit();
    }

    /// How long the client and the server may be silent, in milliseconds.
    #[inline]
    pub fn idle_timeouts(&self, frontend: &Proxy, backend: &Proxy) -> (Option<u64>, Option<u64>) {
        let client = self.facts.timeout(|set| set.client, frontend.timeouts.client);
        (client, self.facts.timeout(|set| set.server, backend.timeouts.server))
    }

    /// Whether the client asked with HEAD, whatever rules made of that: it gets no body.
    pub fn wants_head_only(&self) -> bool {
        self.facts.request_line.starts_with(b"HEAD ")
    }

    /// To what a response of our own answers: the request as the client sent it.
    pub fn answering_client(&self) -> Answering {
        let method = match self.req.method {
            _ if self.wants_head_only() => Method::Head,
            Method::Head => Method::Get,
            method => method,
        };
        Answering { method, ..Answering::to(&self.req) }
    }

    fn texts(&mut self) -> [&mut Vec<u8>; 6] {
        let Stream { out, answer, reply, scratch, req_payload, res_payload, .. } = self;
        [out, answer, reply, scratch, req_payload, res_payload]
    }

    /// Empties it; keeps the memory.
    pub fn clear(&mut self) {
        let old = &mut self.facts;
        old.request_line.clear();
        old.req_captures.clear();
        old.res_captures.clear();
        *old = StreamFacts {
            request_line: std::mem::take(&mut old.request_line),
            req_captures: std::mem::take(&mut old.req_captures),
            res_captures: std::mem::take(&mut old.res_captures),
            ..StreamFacts::default()
        };
        self.req.clear();
        self.res.clear();
        self.backend = None;
        self.persist = Persist::default();
        self.remember.clear();
        self.codings = Codings::default();
        self.phase = Phase::default();
        self.request = RequestAt::Buffer;
        self.sniffed = Sniffed::Other;
        self.lookup = Lookup::None;
        self.logged = false;
        self.continued = false;
        self.kept.clear();
        self.kept.shrink_to(KEPT_BYTES);
        for text in self.texts() {
            text.clear();
            text.shrink_to(KEPT_BYTES);
        }
    }
}

/// Rare large messages must not make every recycled stream large.
const KEPT_BYTES: usize = 16 * 1024;
