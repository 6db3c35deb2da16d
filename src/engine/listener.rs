//! Accepting: one task per core and listening socket. Takes a permit, accepts, and hands the connection to this core or, when
//! this core has clearly more connections than another, to that one.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::unix::AsyncFd;

use super::core::{Arrival, Core, Message};
use super::permit::Permit;
use super::session;
use crate::base::id::{BindId, ProxyId};
use crate::state::Rate;
use crate::sys;

/// One listening socket on one core.
pub struct Listener {
    core: Rc<Core>,
    socket: AsyncFd<OwnedFd>,
    /// The line it belongs to in the present configuration; changes with a reload.
    place: Rc<Cell<(ProxyId, BindId)>>,
    /// No other core accepts here.
    alone: bool,
}

impl Listener {
    /// Registers a socket with the core's runtime.
    pub fn new(core: Rc<Core>, socket: OwnedFd, place: Rc<Cell<(ProxyId, BindId)>>, alone: bool) -> io::Result<Self> {
        Ok(Listener { core, socket: sys::socket::watch(socket)?, place, alone })
    }

    /// Accepts for ever. Dropping the future closes this copy of the socket only.
    pub async fn run(self) {
        loop {
            match self.accept_some().await {
                Ok(()) => {}
                Err(error) if is_exhausted(&error) => tokio::time::sleep(EXHAUSTED_PAUSE).await,
                // The connection was gone before it was accepted.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Accepts what is there, up to `BATCH` connections.
    async fn accept_some(&self) -> io::Result<()> {
        let mut ready = self.socket.readable().await?;
        for _ in 0..BATCH {
            let (frontend, bind) = self.place.get();
            self.within_rate(frontend, bind).await;
            let live = || self.core.local().live.clone();
            let permit = match Permit::take(&self.core.shared, &self.core.local().live, frontend, bind) {
                Some(permit) => permit,
                None => Permit::wait(&self.core.shared, live, frontend, bind).await,
            };
            match sys::socket::accept(self.socket.as_fd()) {
                Ok((fd, peer)) => {
                    self.serve(Arrival { fd, peer, frontend, bind, permit, live: live() });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// `rate-limit sessions` and `set rate-limit`: waits until the rates of the frontend and of the process are below their limits.
    async fn within_rate(&self, frontend: ProxyId, bind: BindId) {
        while self.is_too_fast(frontend, bind) {
            tokio::time::sleep(RATE_PAUSE).await;
        }
    }

    fn is_too_fast(&self, frontend: ProxyId, bind: BindId) -> bool {
        let local = self.core.local();
        let (proxy, state) = local.live.proxy(frontend);
        let process = &local.live.view.process;
        let reached = |rate: &Rate, limit: u32| limit > 0 && rate.per_second(self.core.tick_ms()) >= limit;
        reached(&state.fe_rate, proxy.rate_limit.unwrap_or(0))
            || reached(&process.connection_rate, process.connection_rate_limit.load(Relaxed))
            || reached(&process.session_rate, process.session_rate_limit.load(Relaxed))
            || process.tls_rate_limit.load(Relaxed) > 0
                && proxy.binds.get(bind.index()).is_some_and(|bind| bind.tls.is_some())
                && reached(&process.tls_rate, process.tls_rate_limit.load(Relaxed))
    }

    fn serve(&self, arrival: Arrival) {
        match self.lighter_core() {
            None => session::spawn(&self.core, arrival),
            Some(other) => {
                if let Some(port) = self.core.shared.cores.get(other)
                    && let Err(back) = port.inbox.send(Message::Connection(arrival))
                    && let Message::Connection(arrival) = back.0
                {
                    session::spawn(&self.core, arrival);
                }
            }
        }
    }

    /// The lesser loaded of two random cores, if this core has more than 1.25 times its connections and 8; where only this core
    /// accepts, if it has more connections at all.
    fn lighter_core(&self) -> Option<usize> {
        let cores = &self.core.shared.cores;
        if cores.len() < 2 {
            return None;
        }
        let load = |at: usize| cores.get(at).map_or(u32::MAX, |core| core.load.load(Relaxed));
        let own = load(self.core.id.index());
        if own <= 8 && !self.alone {
            return None;
        }
        let random = self.core.random() as usize;
        let (a, b) = (random % cores.len(), (random >> 32) % cores.len());
        let other = if load(a) <= load(b) { a } else { b };
        let margin = if self.alone { load(other) } else { load(other).saturating_mul(5) / 4 + 8 };
        (own > margin).then_some(other)
    }
}

/// Descriptors or memory have run out: accepting again at once would only spin.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Connections accepted before other tasks get their turn.
const BATCH: usize = 32;
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
const RATE_PAUSE: Duration = Duration::from_millis(5);
