//! A place at a server: the choice of one that has room, or the wait in the backend's queue until one has.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use super::choose::{Choice, choose};
use super::fault::Fault;
use super::live::Live;
use super::permit::raise;
use super::queue::{Queue, Slot};
use super::ramp;
use super::retry::Retries;
use super::session::{Patience, Session};
use super::stream::Stream;
use crate::base::id::ServerId;
use crate::ir::Proxy;
use crate::state::{ProxyState, Stat};

/// Where a stream wants a place.
pub struct Search<'a> {
    /// The backend.
    pub backend: &'a Proxy,
    /// Its configuration.
    pub live: &'a Live,
    /// Whether the client's going away ends the search.
    pub patience: Patience,
}

/// Chooses a server and waits for a place there.
pub async fn find(
    s: &mut Session,
    st: &mut Stream,
    search: &Search<'_>,
    retries: &Retries,
) -> Result<(ServerId, Slot), Fault> {
    let Search { backend, live, .. } = search;
    let queue = live.proxies.get(backend.id.index()).map(|proxy| &proxy.queue).ok_or(Fault::Internal)?;
    if let Some(Picked { id, slot, balanced }) = pick(s, st, search, retries, queue)? {
        if balanced {
            live.view.proxy(backend.id).be.inc(s.core.id, Stat::Chosen);
            slot.server().counters.inc(s.core.id, Stat::Chosen);
        }
        return Ok((id, slot));
    }
    // Whom the queue assigns was not chosen by the algorithm, as HAProxy counts.
    Box::pin(wait(s, st, search, retries, queue)).await
}

/// A server and the place there.
struct Picked {
    id: ServerId,
    slot: Slot,
    /// The algorithm of the backend has chosen it.
    balanced: bool,
}

/// A place that is free now.
fn pick(
    s: &mut Session,
    st: &mut Stream,
    search: &Search<'_>,
    retries: &Retries,
    queue: &Arc<Queue>,
) -> Result<Option<Picked>, Fault> {
    let Search { backend, live, .. } = search;
    ramp::follow(live, backend, s.core.now_ms());
    let (id, balanced) = match retries.same {
        Some(same) => (same, false),
        None => match choose(s, st, live, backend, &retries.avoid) {
            Choice::Server(id) => (id, true),
            Choice::Named(id) => (id, false),
            Choice::Full => return Ok(None),
            Choice::Nobody => return Err(Fault::NoServer),
        },
    };
    let (_, state) = live.server(backend.id, id).ok_or(Fault::NoServer)?;
    Ok(Slot::take(state, queue).map(|slot| Picked { id, slot, balanced }))
}

async fn wait(
    s: &mut Session,
    st: &mut Stream,
    search: &Search<'_>,
    retries: &Retries,
    queue: &Arc<Queue>,
) -> Result<(ServerId, Slot), Fault> {
    let Search { backend, live, patience, .. } = search;
    let timeout = st.facts.timeout(|set| set.queue, backend.timeouts.queue.or(backend.timeouts.connect));
    let (class, offset) = st.facts.overrides.as_ref().map_or((0, 0), |set| (set.priority_class, set.priority_offset));
    let deadline = timeout.map(|timeout| s.core.tick_ms() + timeout);
    let queued = Queued::enter(live.view.proxy(backend.id));
    let ticket = queue.enter(class, s.core.now_ms() as i64 + i64::from(offset));
    let placed = poll_fn(|cx| {
        let woken = ticket.enlist(cx);
        match pick(s, st, search, retries, queue) {
            Ok(Some(Picked { id, slot, .. })) => return Poll::Ready(Ok((id, slot))),
            Ok(None) if woken => ticket.pass_on(),
            Ok(None) => {}
            Err(fault) => return Poll::Ready(Err(fault)),
        }
        if s.poll_client_left(*patience, cx) {
            return Poll::Ready(Err(Fault::ClientAbort));
        }
        if s.seat.is_ended() {
            return Poll::Ready(Err(Fault::Killed));
        }
        if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Err(Fault::QueueTimeout));
        }
        s.arm(cx, deadline);
        Poll::Pending
    })
    .await;
    drop(ticket);
    st.facts.backend_queue = queued.before;
    st.facts.queue_ms = Some(s.core.tick_ms());
    placed
}

/// Counts a stream among those that wait, for as long as it lives.
struct Queued {
    state: Arc<ProxyState>,
    /// How many were in the queue with this one when it entered (`%bq`).
    before: u32,
}

impl Queued {
    fn enter(state: &Arc<ProxyState>) -> Self {
        let before = state.queued.fetch_add(1, Relaxed) + 1;
        raise(&state.queued_max, before);
        Queued { state: state.clone(), before }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.state.queued.fetch_sub(1, Relaxed);
    }
}
