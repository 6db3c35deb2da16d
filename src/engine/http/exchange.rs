//! Both bodies at once: the response goes down while the rest of the request still goes up, until the response is complete.

use std::future::poll_fn;
use std::task::Poll;

use super::attempt::Exchange;
use crate::engine::fault::Fault;
use crate::engine::flow::{Broken, Flow, Waits};
use crate::engine::session::Session;
use crate::engine::watch::{Side, Watch};
use crate::ir::Proxy;

/// Moves the bodies. The client is to send its request to the end although the response is complete, as HAProxy has it; if the
/// connection to the server does not live on (`keep`), the rest is dropped.
pub(super) async fn run(
    s: &mut Session,
    exchange: &mut Exchange,
    down: &mut Flow,
    keep: bool,
    backend: &Proxy,
    (client, server): (Option<u64>, Option<u64>),
) -> Result<(), Fault> {
    let Exchange { upstream, up, .. } = exchange;
    let mut watch = Watch::new(s, client, server);
    poll_fn(|cx| {
        match down.poll(&mut upstream.io, &mut upstream.buf, &mut s.io, cx) {
            Poll::Ready(Ok(())) if up.is_done() => return Poll::Ready(Ok(())),
            Poll::Ready(Ok(())) if !keep => up.discard(),
            Poll::Ready(Err(broken)) => return Poll::Ready(Err(fault_of_response(&broken))),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        if !up.is_done() {
            match up.poll_or_discard(&mut s.io, &mut s.buf, &mut upstream.io, cx) {
                Poll::Ready(Err(Broken::Malformed)) => return Poll::Ready(Err(Fault::BadRequest(400))),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::ClientAbort)),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if up.is_done() && down.is_done() {
                return Poll::Ready(Ok(()));
            }
        } else if s.poll_client_gone(cx) && (s.broken || backend.abort_on_close) {
            if s.broken || backend.aborts_served {
                return Poll::Ready(Err(Fault::ClientAbort));
            }
            let _ = upstream.io.poll_shutdown(cx);
            upstream.half_closed = true;
        }
        let waits_for_client = match down.is_done() {
            false => down.waits == Waits::Sink,
            true => up.waits == Waits::Source,
        };
        let side = if waits_for_client { Side::Client } else { Side::Server };
        watch.poll(s, up.progress.wrapping_add(down.progress), side, cx).map_err(|fault| match fault {
            // Nobody was there any more to take what the server did not send.
            Fault::ServerTimeout if s.ended => Fault::ClientAbort,
            fault => fault,
        })
    })
    .await
}

fn fault_of_response(broken: &Broken) -> Fault {
    match broken {
        Broken::Source(_) | Broken::Early => Fault::ServerAbort,
        Broken::Sink(_) => Fault::ClientAbort,
        Broken::Malformed => Fault::BadResponse,
    }
}
