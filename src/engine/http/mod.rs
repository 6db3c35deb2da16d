//! HTTP/1 on a client connection: one request after the other.
//!
//! | file | does |
//! |---|---|
//! | `mod` | waits for requests, decides whether the connection lives on, closes it |
//! | `request` | reads the head, fills the facts, waits for a body that rules want to see |
//! | `rules` | runs the rule sets of frontend and backend, chooses the backend |
//! | `reply` | sends answers of our own: rules, errors, services |
//! | `forwarded`, `via` | tell the server where the request comes from |
//! | `cookie`, `dates`, `cacheable` | reads, cuts and sets the persistence cookie |
//! | `compress` | decides which messages are compressed |
//! | `attempt` | gets a connection to a server, sends the request, waits for the response head, retries |
//! | `redir` | sends the client to the server (`redir`) |
//! | `response` | runs the response rules, sends the head |
//! | `captured` | keeps what was malformed |
//! | `wait` | lets a response wait where a rule says so |
//! | `exchange` | moves both bodies until they end |
//!
//! While no request is there, a connection holds no buffer and no `Stream`.

mod attempt;
mod cacheable;
mod captured;
pub(super) mod compress;
mod cookie;
mod dates;
mod exchange;
mod forwarded;
mod named;
mod redir;
mod reply;
mod request;
mod response;
mod rules;
mod via;
mod wait;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::buffer::Room;
use super::fault::{Fault, Phase};
use super::finish;
use super::session::Session;
use super::stream::Stream;
use crate::ir::{Proxy, Timeouts};

/// What becomes of the client's connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It waits for the next request.
    Next,
    /// It is closed; the request was read to its end.
    Close,
    /// It is closed in a way that lets the response arrive although the client still sends.
    Linger,
    /// It is gone or to be dropped without ceremony.
    Drop,
}

/// Serves the connection until it ends.
pub(super) async fn serve(s: &mut Session, frontend: &Arc<Proxy>) {
    let mut frontend = frontend.clone();
    let mut since = s.facts.accepted_ms;
    loop {
        let woken = if s.buf.is_empty() { wait(s, deadline(&frontend.timeouts, s, since)).await } else { Woken::Data };
        s.refresh();
        if !Arc::ptr_eq(&frontend, s.local.live.ir.proxy(s.frontend())) {
            frontend = s.local.live.ir.proxy(s.frontend()).clone();
        }
        if woken == Woken::Reloaded {
            continue;
        }
        let mut stream = s.core.stream();
        s.seat.begin(s.frontend());
        let after = match woken {
            Woken::Data => Box::pin(request::serve(s, &mut stream, &frontend, since)).await,
            Woken::Closed => {
                Box::pin(without_request(s, &mut stream, &frontend, since, Fault::ClientAbort)).await;
                After::Drop
            }
            Woken::TimedOut => {
                Box::pin(without_request(s, &mut stream, &frontend, since, Fault::ClientTimeout)).await;
                After::Close
            }
            Woken::Stopping | Woken::Reloaded => After::Close,
        };
        s.core.recycle(stream);
        s.seat.end();
        match after {
            After::Next => {
                s.vars.next_request();
                since = s.core.now_ms();
            }
            After::Close => return close(s, false).await,
            After::Linger => return close(s, true).await,
            After::Drop => return,
        }
    }
}

/// What ends the wait for a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    Data,
    Closed,
    TimedOut,
    Stopping,
    /// There is another configuration.
    Reloaded,
}

/// Waits for the first bytes of a request, holding no memory.
async fn wait(s: &mut Session, deadline: Option<u64>) -> Woken {
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Ok(1..)) => Poll::Ready(Woken::Data),
        Poll::Ready(_) => Poll::Ready(Woken::Closed),
        Poll::Pending if s.is_behind() => Poll::Ready(Woken::Reloaded),
        Poll::Pending if s.is_ending() && s.facts.requests > 0 && !keeps_idle(s) => Poll::Ready(Woken::Stopping),
        Poll::Pending => {
            if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
                return Poll::Ready(Woken::TimedOut);
            }
            s.slot.arm(cx, deadline);
            Poll::Pending
        }
    })
    .await
}

/// The client is to learn from its next response that the connection ends (`option idle-close-on-response`).
fn keeps_idle(s: &Session) -> bool {
    s.local.live.ir.proxy(s.frontend()).keeps_idle_clients
}

/// Until when a request must begin: `timeout http-keep-alive` after a response, else `timeout http-request`, else `timeout client`.
fn deadline(timeouts: &Timeouts, s: &Session, since: u64) -> Option<u64> {
    let between = if s.facts.requests > 0 { timeouts.http_keep_alive } else { None };
    // The time for handshakes was another.
    let since = if s.facts.requests > 0 { since } else { since + u64::from(s.facts.handshake_ms) };
    between.or(timeouts.http_request).or(timeouts.client).map(|timeout| since + timeout)
}

/// The connection ended without a request. Between requests that is ordinary; before the first it is reported, unless
/// `option http-ignore-probes` says otherwise.
async fn without_request(s: &mut Session, st: &mut Stream, frontend: &Arc<Proxy>, since: u64, fault: Fault) {
    if s.facts.requests > 0 || frontend.ignore_probes {
        return;
    }
    request::begin(s, st, since);
    st.facts.first_byte_ms = None;
    reply::fail(s, st, frontend, None, fault, Phase::Request).await;
    finish::finish(s, st, frontend);
}

/// Ends our direction. If the client still sends, waits a moment for it to end its own: data that arrives at a closed socket would
/// make the system send a reset, which can destroy the response on its way.
async fn close(s: &mut Session, linger: bool) {
    if !linger && !s.io.is_tls() {
        return;
    }
    let give_up = s.core.tick_ms() + LINGER_MS;
    let mut ended = false;
    s.buf.clear();
    poll_fn(|cx| {
        if !ended {
            match if linger { s.io.poll_shutdown(cx) } else { s.io.poll_say_end(cx) } {
                Poll::Ready(Ok(())) => ended = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        if ended && !linger {
            return Poll::Ready(());
        }
        if ended {
            while let Poll::Ready(read) = s.buf.poll_fill(&mut s.io, Room::Head, cx) {
                if !matches!(read, Ok(1..)) {
                    return Poll::Ready(());
                }
                s.buf.clear();
            }
        }
        if s.slot.has_fired() && s.core.tick_ms() >= give_up {
            return Poll::Ready(());
        }
        s.slot.arm(cx, Some(give_up));
        Poll::Pending
    })
    .await;
}

const LINGER_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// The future of a request is allocated and moved for each; what only some requests need is boxed.
    #[test]
    fn the_future_of_a_request_is_small() {
        fn size<'a, F: Future>(_: impl FnOnce(&'a mut Session, &'a mut Stream, &'a Arc<Proxy>, u64) -> F) -> usize {
            size_of::<F>()
        }
        let future = size(request::serve);
        assert!(future <= 1024, "{future} bytes");
    }
}
