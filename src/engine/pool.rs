//! Connections to servers: in use (`Upstream`) and idle (`Pool`, one per server and core, last in first out).

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::buffer::Buf;
use super::live::Live;
use crate::expr::{Endpoint, Marks, StreamFacts};
use crate::ir::Proxy;
use crate::net::connect::Target;
use crate::net::io::Io;
use crate::state::ServerState;

/// A connection to a server. Counted as used in the server's state as long as it is not in a pool.
pub struct Upstream {
    /// The stream.
    pub io: Io,
    /// Received and not consumed.
    pub buf: Buf,
    /// The server.
    pub state: Arc<ServerState>,
    /// Where it was connected to: a server's address may change.
    pub target: Target,
    /// The name it was opened for (`sni`); only requests with the same name may use it.
    pub name: Option<Box<[u8]>>,
    /// Requests sent on it, with the present one.
    pub requests: u32,
    /// It carries the login of its client (NTLM, Negotiate): no other client may use it (4.2 `http-reuse`).
    pub private: bool,
    /// The server was told that there will be no more requests.
    pub half_closed: bool,
    /// It was opened since its core had none left: it will be needed there again, whatever lies idle at other cores.
    pub was_missed: bool,
    /// What it has that others have not: no other client may use it.
    pub personal: Option<Box<Personal>>,
    /// Our address.
    pub src: Endpoint,
    /// The server's address.
    pub dst: Endpoint,
}

/// What makes a connection one of its client's own. It is rare, and boxed for the sake of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Personal {
    /// The address that the server is to see (`usesrc`).
    pub foreign: Option<SocketAddr>,
    /// What the packets to the server carry (`set-bc-mark`).
    pub marks: Marks,
}

/// Which idle connections a request may use (`http-reuse`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Only those that have served more than one request.
    Proven,
    /// Any.
    Any,
}

/// The idle connections of one core to one server.
#[derive(Default)]
pub struct Pool {
    /// Boxed, since a connection is handed on several times for each request.
    #[allow(clippy::vec_box)]
    idle: RefCell<Vec<Box<Upstream>>>,
    /// The fewest that lay here since the last purge: nobody needed those.
    unused: Cell<usize>,
}

impl Upstream {
    /// Counts a new connection.
    pub fn new(io: Io, state: Arc<ServerState>, target: Target, name: Option<Box<[u8]>>) -> Box<Self> {
        let endpoint = |addr: Option<std::net::SocketAddr>| addr.map_or(Endpoint::Unix, Endpoint::Ip);
        let (src, dst) = (
            endpoint(io.plain().local_addr()),
            match &target {
                Target::Ip(addr) => Endpoint::Ip(*addr),
                _ => Endpoint::Unix,
            },
        );
        state.take_into_use();
        Box::new(Upstream {
            io,
            buf: Buf::default(),
            state,
            target,
            name,
            requests: 0,
            private: false,
            half_closed: false,
            was_missed: false,
            personal: None,
            src,
            dst,
        })
    }
}

impl Upstream {
    /// It was opened for one client: it shows an address or carries marks that are not everybody's.
    pub fn is_personal(&self) -> bool {
        self.personal.is_some()
    }

    /// Asks the kernel about the connection, where a rule or a log of one of the proxies wants to know (`bc_rtt`).
    #[inline]
    pub fn ask_kernel(&self, facts: &mut StreamFacts, live: &Live, proxies: [&Proxy; 2]) {
        let asks = |proxy: &&Proxy| live.proxies.get(proxy.id.index()).is_some_and(|live| live.asks_kernel);
        if proxies.iter().any(asks) {
            facts.server_tcp = self.io.plain().tcp_info();
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.state.used.fetch_sub(1, Relaxed);
    }
}

impl Pool {
    /// Takes the idle connection that was used last among those that fit and are alive.
    pub fn take(&self, choice: Choice, target: &Target, name: Option<&[u8]>) -> Option<Box<Upstream>> {
        let mut idle = self.idle.borrow_mut();
        loop {
            let at = idle.iter().rposition(|one| {
                one.name.as_deref() == name && one.target == *target && (choice == Choice::Any || one.requests > 1)
            })?;
            let mut one = idle.remove(at);
            self.unused.set(self.unused.get().min(idle.len()));
            leave(&one);
            if !one.io.is_stale() {
                return Some(one);
            }
        }
    }

    /// Keeps a connection whose response is complete.
    pub fn put(&self, mut one: Box<Upstream>) {
        one.buf.clear();
        one.state.idle.fetch_add(1, Relaxed);
        one.state.used.fetch_sub(1, Relaxed);
        self.idle.borrow_mut().push(one);
    }

    /// Closes what the server has closed, and half of those that nobody needed since the last purge if `purge` is set.
    pub fn tidy(&self, purge: bool) {
        let mut idle = self.idle.borrow_mut();
        let mut excess = if purge { self.unused.get().div_ceil(2) } else { 0 };
        // The oldest lie in front.
        idle.retain_mut(|one| {
            let drop = excess > 0 || one.io.is_stale();
            excess = excess.saturating_sub(1);
            if drop {
                leave(one);
            }
            !drop
        });
        if purge || self.unused.get() > idle.len() {
            self.unused.set(idle.len());
        }
    }

    /// Closes all of them.
    pub fn clear(&self) {
        self.idle.borrow_mut().drain(..).for_each(|one| leave(&one));
        self.unused.set(0);
    }

    /// Takes over all connections of another pool to the same server.
    pub fn take_over(&self, other: &Pool) {
        self.idle.borrow_mut().append(&mut other.idle.borrow_mut());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.idle.borrow().iter().for_each(|one| leave(one));
    }
}

/// Counts a connection that leaves a pool as used again; dropping it then counts it out.
fn leave(one: &Upstream) {
    one.state.idle.fetch_sub(1, Relaxed);
    one.state.take_into_use();
}
