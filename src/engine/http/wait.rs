//! Rules of responses that wait (manual 4.3, `pause`, `wait-for-body`): the server may go on meanwhile, and then the rules do.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::attempt::Exchange;
use super::response::{self, Judgement};
use super::{After, reply};
use crate::engine::buffer::Room;
use crate::engine::fault::Fault;
use crate::engine::framing::Arrived;
use crate::engine::live::Live;
use crate::engine::session::Session;
use crate::engine::stream::Stream;
use crate::http::Framing;
use crate::ir::Proxy;
use crate::rules::Cursor;

/// What a rule waits for.
pub(super) struct Waiting {
    /// How long, in milliseconds.
    pub ms: u64,
    /// So many bytes of the body end the wait, all of it if this is 0; nothing does where there is no number.
    pub body: Option<u64>,
    /// Where the rules go on.
    pub place: Place,
}

/// Where the rules of a response stand.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// So many rule sets are over.
    pub sets: usize,
    /// The place in the next one.
    pub cursor: Cursor,
}

/// Waits, runs the rules behind the one that waited, and sees the exchange to its end. Few responses wait: the room is not part of the
/// future of each request.
pub(super) fn go_on<'a>(
    s: &'a mut Session,
    st: &'a mut Stream,
    frontend: &'a Arc<Proxy>,
    backend: &'a Arc<Proxy>,
    live: &'a Arc<Live>,
    mut exchange: Exchange,
    mut waiting: Box<Waiting>,
) -> Pin<Box<dyn Future<Output = After> + 'a>> {
    Box::pin(async move {
        let judgement = loop {
            match waiting.body {
                None => s.pause(waiting.ms).await,
                Some(at_least) => {
                    if let Err(fault) = gather(s, st, &mut exchange, waiting.ms, at_least).await {
                        let phase = st.phase;
                        response::give_up(s, st, backend, exchange);
                        return reply::fail(s, st, frontend, Some(backend), fault, phase).await;
                    }
                }
            }
            match response::rules(s, st, frontend, backend, live, &exchange, waiting.place) {
                Judgement::Wait(more) => waiting = more,
                judgement => break judgement,
            }
        };
        match judgement {
            Judgement::Deliver => {
                let (after, keep) = response::deliver(s, st, frontend, backend, &mut exchange).await;
                response::done(s, st, backend, exchange, keep);
                after
            }
            Judgement::Replace(decided) => {
                response::give_up(s, st, backend, exchange);
                response::replace(s, st, frontend, backend, decided).await
            }
            Judgement::Drop | Judgement::Wait(_) => After::Drop,
        }
    })
}

/// Waits for the body of a response, for so many bytes of it, or until the buffer is full. The rest of the request goes up meanwhile.
async fn gather(
    s: &mut Session,
    st: &mut Stream,
    exchange: &mut Exchange,
    ms: u64,
    at_least: u64,
) -> Result<(), Fault> {
    let until = s.core.tick_ms() + ms;
    let limit = s.local.live.ir.global.bufsize;
    let Exchange { upstream, up, .. } = exchange;
    poll_fn(|cx| {
        loop {
            if upstream.buf.len() >= limit || is_enough(st, upstream.buf.data(), at_least) {
                return Poll::Ready(Ok(()));
            }
            if !up.is_done()
                && matches!(up.poll_or_discard(&mut s.io, &mut s.buf, &mut upstream.io, cx), Poll::Ready(Err(_)))
            {
                return Poll::Ready(Err(Fault::ClientAbort));
            }
            match upstream.buf.poll_fill(&mut upstream.io, Room::Head, cx) {
                Poll::Ready(Ok(1..)) => {}
                // The forwarding that follows finds out whether it ended too early.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if s.core.tick_ms() >= until => return Poll::Ready(Err(Fault::ServerTimeout)),
                Poll::Pending => break,
            }
        }
        s.arm(cx, Some(until));
        Poll::Pending
    })
    .await
}

fn is_enough(st: &mut Stream, raw: &[u8], at_least: u64) -> bool {
    let body = raw.get(st.res.len..).unwrap_or_default();
    let (arrived, whole) = match st.res.body {
        Framing::None | Framing::Tunnel => return true,
        Framing::Length(len) => (body.len() as u64, body.len() as u64 >= len),
        Framing::UntilClose => (body.len() as u64, false),
        Framing::Chunked => {
            st.res_payload.clear();
            let whole = Arrived::of(Framing::Chunked, body, &mut st.res_payload).whole.is_some();
            (st.res_payload.len() as u64, whole)
        }
    };
    whole || at_least > 0 && arrived >= at_least
}
