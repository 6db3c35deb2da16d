//! `Watch`: whose timeout counts while a message moves. Inactivity timeouts start anew with every progress.

use std::task::{Context, Poll};

use super::fault::Fault;
use super::session::Session;

/// The inactivity timeouts of both sides.
pub struct Watch {
    client_ms: Option<u64>,
    server_ms: Option<u64>,
    client_by: Option<u64>,
    server_by: Option<u64>,
    seen: Option<u32>,
}

/// Who is to act next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client has to send or take something.
    Client,
    /// The server has to send or take something.
    Server,
    /// Anybody may: the sooner timeout counts.
    Either,
}

impl Watch {
    /// Starts now, with timeouts in milliseconds.
    pub fn new(s: &Session, client_ms: Option<u64>, server_ms: Option<u64>) -> Self {
        let now = s.core.now_ms();
        let by = |timeout: Option<u64>| timeout.map(|timeout| now + timeout);
        Watch { client_ms, server_ms, client_by: by(client_ms), server_by: by(server_ms), seen: None }
    }

    /// Changes the timeouts, which start now.
    pub fn change(&mut self, s: &Session, client_ms: Option<u64>, server_ms: Option<u64>) {
        *self = Watch::new(s, client_ms, server_ms);
    }

    /// Pending while there is time; else the fault of who let it pass. `progress` differs from the value before if anything moved.
    #[inline]
    pub fn poll<T>(&mut self, s: &mut Session, progress: u32, side: Side, cx: &Context<'_>) -> Poll<Result<T, Fault>> {
        self.poll_until(s, progress, side, None, cx)
    }

    /// As [`Watch::poll`]; wakes at `until` too, whatever that means to the caller.
    #[inline]
    pub fn poll_until<T>(
        &mut self,
        s: &mut Session,
        progress: u32,
        side: Side,
        until: Option<u64>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, Fault>> {
        if s.seat.is_ended() {
            return Poll::Ready(Err(Fault::Killed));
        }
        if self.seen.is_some_and(|seen| seen != progress) {
            let now = s.core.tick_ms();
            self.client_by = self.client_ms.map(|timeout| now + timeout);
            self.server_by = self.server_ms.map(|timeout| now + timeout);
        }
        self.seen = Some(progress);
        let sooner = match (self.client_by, self.server_by) {
            (Some(client), Some(server)) => client <= server,
            (client, _) => client.is_some(),
        };
        let client = side == Side::Client || side == Side::Either && sooner;
        let by = if client { self.client_by } else { self.server_by };
        if s.slot.has_fired() && by.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Err(if client { Fault::ClientTimeout } else { Fault::ServerTimeout }));
        }
        s.arm(cx, [by, until].into_iter().flatten().min());
        Poll::Pending
    }
}
