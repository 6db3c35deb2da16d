//! `Retries`: how often a stream has tried to reach a server, and which one is next (`retries`, `retry-on`, `option redispatch`).

use smallvec::SmallVec;

use super::fault::{Fault, Phase};
use super::session::Session;
use super::stream::Stream;
use crate::base::id::ServerId;
use crate::ir::Proxy;
use crate::ir::proxy::RetryOn;
use crate::state::Stat;

/// What was tried so far.
#[derive(Default)]
pub struct Retries {
    count: u32,
    /// The server to try again.
    pub same: Option<ServerId>,
    /// Servers not to try again as long as there is another, the last one at the end.
    pub avoid: SmallVec<[ServerId; 4]>,
}

impl Retries {
    /// Whether another try is left for something that happened (`retry-on`).
    pub fn allow(&self, st: &Stream, backend: &Proxy, condition: RetryOn) -> bool {
        let only_connects = st.facts.overrides.as_ref().is_some_and(|set| set.connect_retries_only);
        self.count < limit(st, backend)
            && backend.retry_on.intersects(condition)
            && (!only_connects || condition == RetryOn::CONN_FAILURE)
    }

    /// Whether to try once more after a failure at `server`; counts the retry, and waits before it where the same server is asked.
    pub async fn again(
        &mut self,
        s: &mut Session,
        st: &mut Stream,
        backend: &Proxy,
        server: ServerId,
        fault: Fault,
    ) -> bool {
        if !condition(fault, st.phase).is_some_and(|condition| self.allow(st, backend, condition)) {
            return false;
        }
        if matches!(fault, Fault::ServerAbort | Fault::BadResponse) {
            // An error also where the request is sent again.
            tally(s, backend, server, Stat::ResponseErrors);
        }
        self.count(s, st, backend, server);
        if self.same.is_some() && matches!(fault, Fault::Refused | Fault::Resource) {
            let pause = backend.timeouts.connect.unwrap_or(TURN_AROUND_MS).min(TURN_AROUND_MS);
            let until = s.core.tick_ms() + pause;
            s.slot.sleep_until(until).await;
            s.core.tick_us();
            self.leave_who_is_down(s, st, backend, server);
        }
        true
    }

    /// Counts a retry and decides whether it goes to the same server.
    pub fn count(&mut self, s: &Session, st: &mut Stream, backend: &Proxy, server: ServerId) {
        self.count += 1;
        st.facts.retries = self.count;
        let leaves = match backend.redispatch {
            Some(_) if is_down(s, backend, server) => true,
            // Algorithms that do not look at who asks for what leave a failed server at the first retry.
            Some(_) if st.persist.server.is_none() && !backend.balance.is_by_hash() => true,
            Some(every @ 1..) => self.count.is_multiple_of(every as u32),
            Some(back) => self.count == (limit(st, backend) + 1).saturating_sub(back.unsigned_abs()),
            None => false,
        };
        let stat = if leaves && may_leave(st, backend) && self.leave(s, st, backend, server) {
            // A request that is sent again has been retried as well.
            if st.phase == Phase::Headers {
                tally(s, backend, server, Stat::Retries);
            }
            Stat::Redispatches
        } else {
            self.same = Some(server);
            Stat::Retries
        };
        tally(s, backend, server, stat);
    }

    /// A server that was found to be down while the stream waited for it is not asked again.
    fn leave_who_is_down(&mut self, s: &Session, st: &mut Stream, backend: &Proxy, server: ServerId) {
        if may_leave(st, backend) && is_down(s, backend, server) && self.leave(s, st, backend, server) {
            tally(s, backend, server, Stat::Redispatches);
        }
    }

    /// Goes to another server, if there is one.
    fn leave(&mut self, s: &Session, st: &mut Stream, backend: &Proxy, server: ServerId) -> bool {
        let view = &s.local.live.view;
        let itself = view.server(backend.id, server).is_some_and(|state| state.usable());
        if view.proxy(backend.id).usable_servers() <= usize::from(itself) {
            return false;
        }
        st.facts.redispatched = true;
        st.unbind();
        self.same = None;
        self.avoid.push(server);
        true
    }
}

/// Whether `option redispatch` lets the stream go to another server.
fn may_leave(st: &Stream, backend: &Proxy) -> bool {
    backend.redispatch.is_some() && !st.persist.forced
}

fn is_down(s: &Session, backend: &Proxy, server: ServerId) -> bool {
    s.local.live.view.server(backend.id, server).is_none_or(|state| !state.running())
}

/// Counts what a stream does next for a server and its backend.
fn tally(s: &Session, backend: &Proxy, server: ServerId, stat: Stat) {
    let (view, core) = (&s.local.live.view, s.core.id);
    view.proxy(backend.id).be.inc(core, stat);
    if let Some(state) = view.server(backend.id, server) {
        state.counters.inc(core, stat);
    }
}

/// How often a stream may try again.
fn limit(st: &Stream, backend: &Proxy) -> u32 {
    st.facts.overrides.as_ref().and_then(|set| set.retries).unwrap_or(backend.retries)
}

/// The `retry-on` condition that a fault fulfils.
fn condition(fault: Fault, phase: Phase) -> Option<RetryOn> {
    match (fault, phase) {
        (Fault::Refused | Fault::ConnectTimeout | Fault::Resource, _) => Some(RetryOn::CONN_FAILURE),
        (Fault::ServerAbort, Phase::Headers) => Some(RetryOn::EMPTY_RESPONSE),
        (Fault::BadResponse, Phase::Headers) => Some(RetryOn::JUNK_RESPONSE),
        (Fault::ServerTimeout, Phase::Headers) => Some(RetryOn::RESPONSE_TIMEOUT),
        _ => None,
    }
}

/// The pause before the same server is tried again.
const TURN_AROUND_MS: u64 = 1000;
