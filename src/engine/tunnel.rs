//! Tunnels: bytes in both directions until both have ended. For upgraded connections and CONNECT; TCP mode uses the same.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::buffer::Room;
use super::fault::Fault;
use super::flow::{Broken, Flow, Waits};
use super::pool::Upstream;
use super::session::Session;
use super::watch::{Side, Watch};
use crate::expr::StreamFacts;
use crate::ir::{Proxy, Timeouts};

/// Inactivity timeouts of a tunnel, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// While both directions are open: client and server.
    pub open: (Option<u64>, Option<u64>),
    /// After one direction has ended: client and server.
    pub half: (Option<u64>, Option<u64>),
    /// The server's counts from what it has sent, whatever is sent to it (4.2 `option independent-streams`).
    pub independent: bool,
}

impl Limits {
    /// `timeout tunnel`, else `client` and `server`; `client-fin` and `server-fin` after a half-close.
    pub fn of(facts: &StreamFacts, frontend: &Timeouts, proxy: &Proxy) -> Self {
        let backend = &proxy.timeouts;
        let tunnel = facts.timeout(|set| set.tunnel, backend.tunnel);
        let client = facts.timeout(|set| set.client, frontend.client);
        let server = facts.timeout(|set| set.server, backend.server);
        let open = (tunnel.or(client), tunnel.or(server));
        let half = (frontend.client_fin.or(open.0), backend.server_fin.or(open.1));
        Limits { open, half, independent: proxy.sockets.independent_streams }
    }
}

/// How long a server may be silent, if what is sent to it does not count.
struct Silence {
    timeout_ms: Option<u64>,
    /// When that is over.
    by: Option<u64>,
    /// The reads so far.
    heard: u16,
}

impl Silence {
    fn new(s: &Session, timeout_ms: Option<u64>) -> Self {
        Silence { timeout_ms, by: timeout_ms.map(|timeout| s.core.now_ms() + timeout), heard: 0 }
    }

    /// Whether it is over.
    fn is_over(&mut self, s: &Session, reads: u16) -> bool {
        let now = s.core.tick_ms();
        if reads != self.heard {
            self.heard = reads;
            self.by = self.timeout_ms.map(|timeout| now + timeout);
        }
        self.by.is_some_and(|by| now >= by)
    }
}

/// Moves both directions to their ends; `up` and `down` may begin with bytes of their own. A direction that ends is closed at the
/// other side too.
pub async fn run(
    s: &mut Session,
    upstream: &mut Upstream,
    up: &mut Flow,
    down: &mut Flow,
    limits: Limits,
) -> Result<(), Fault> {
    let mut watch = Watch::new(s, limits.open.0, limits.open.1);
    // Boxed, since hardly any tunnel has it.
    let mut silence = limits.independent.then(|| Box::new(Silence::new(s, limits.open.1)));
    let (mut up_closed, mut down_closed) = (false, false);
    poll_fn(|cx| {
        let before = up_closed || down_closed;
        if !up_closed {
            up_closed = poll_up(s, upstream, up, cx)?;
        }
        if !down_closed {
            match down.poll(&mut upstream.io, &mut upstream.buf, &mut s.io, cx) {
                Poll::Ready(Ok(())) => down_closed = s.io.poll_shutdown(cx).is_ready(),
                Poll::Ready(Err(broken)) => {
                    return Poll::Ready(Err(fault(&broken, Fault::ServerAbort, Fault::ClientAbort)));
                }
                Poll::Pending => {}
            }
        }
        if up_closed && down_closed {
            return Poll::Ready(Ok(()));
        }
        if !before && (up_closed || down_closed) {
            watch.change(s, limits.half.0, limits.half.1);
        }
        let waits = |flow: &Flow, closed: bool, for_what: Waits| !closed && flow.waits == for_what;
        let client = waits(up, up_closed, Waits::Source) || waits(down, down_closed, Waits::Sink);
        let server = waits(up, up_closed, Waits::Sink) || waits(down, down_closed, Waits::Source);
        let side = match (client, server) {
            (true, false) => Side::Client,
            (false, true) => Side::Server,
            _ => Side::Either,
        };
        let progress = up.progress.wrapping_add(down.progress);
        let Some(silence) = silence.as_mut().filter(|_| !down_closed) else {
            return watch.poll(s, progress, side, cx);
        };
        if silence.is_over(s, down.reads) {
            return Poll::Ready(Err(Fault::ServerTimeout));
        }
        watch.poll_until(s, progress, side, silence.by, cx)
    })
    .await
}

/// Waits for more from the server, which is not passed on, while the client's bytes are. False if there will be no more by
/// `until`.
pub async fn first_bytes(
    s: &mut Session,
    upstream: &mut Upstream,
    up: &mut Flow,
    limits: Limits,
    until: Option<u64>,
) -> Result<bool, Fault> {
    let mut watch = Watch::new(s, limits.open.0, limits.open.1);
    let mut up_closed = false;
    poll_fn(|cx| {
        match upstream.buf.poll_fill(&mut upstream.io, Room::Head, cx) {
            Poll::Ready(Ok(read)) => return Poll::Ready(Ok(read > 0)),
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::ServerAbort)),
            Poll::Pending => {}
        }
        if !up_closed {
            up_closed = poll_up(s, upstream, up, cx)?;
        }
        if s.slot.has_fired() && until.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Ok(false));
        }
        watch.poll_until(s, up.progress, Side::Server, until, cx)
    })
    .await
}

/// Moves the client's direction. True when it has ended, and the server knows.
fn poll_up(s: &mut Session, upstream: &mut Upstream, up: &mut Flow, cx: &mut Context<'_>) -> Result<bool, Fault> {
    match up.poll(&mut s.io, &mut s.buf, &mut upstream.io, cx) {
        // Whether the server could be told does not matter.
        Poll::Ready(Ok(())) => Ok(upstream.io.poll_shutdown(cx).is_ready()),
        Poll::Ready(Err(broken)) => Err(fault(&broken, Fault::ClientAbort, Fault::ServerAbort)),
        Poll::Pending => Ok(false),
    }
}

fn fault(broken: &Broken, source: Fault, sink: Fault) -> Fault {
    match broken {
        Broken::Source(_) | Broken::Early | Broken::Malformed => source,
        Broken::Sink(_) => sink,
    }
}
