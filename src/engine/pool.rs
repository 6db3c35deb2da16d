//! Connections to servers: in use (`Upstream`) and idle (`Pool`, one per server).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffer::Buf;
use super::live::Live;
use crate::base::id::CoreId;
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
    /// The pool's when it was opened.
    pub era: u32,
    /// The server was told that there will be no more requests.
    pub half_closed: bool,
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

/// Which idle connections a request may use.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Where they must lead.
    pub target: &'a Target,
    /// The name they were opened for.
    pub name: Option<&'a [u8]>,
    /// Only those that have served more than one request (`http-reuse aggressive`).
    pub proven: bool,
    /// It may be one of another core.
    pub shared: bool,
}

/// The idle connections to one server. Each core has a list of its own, last in first out, whose lock is hardly ever taken by
/// others: only a core that has none left looks at their lists, so that no more connections are opened than are needed at once.
pub struct Pool {
    lists: Box<[List]>,
    /// Goes up when connections that were opened before are of no use any more; `CLOSED` at the end.
    era: AtomicU32,
}

const CLOSED: u32 = 0;

/// Aligned, so that no two cores write to the same line of the cache.
#[derive(Default)]
#[repr(align(64))]
struct List(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Boxed, since a connection is handed on several times for each request.
    #[allow(clippy::vec_box)]
    idle: Vec<Box<Upstream>>,
    /// The fewest that lay here since the last purge: nobody needed those.
    unused: usize,
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
            era: 0,
            half_closed: false,
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

impl Wish<'_> {
    fn fits(&self, one: &Upstream) -> bool {
        one.name.as_deref() == self.name && one.target == *self.target && (!self.proven || one.requests > 1)
    }
}

impl Pool {
    /// A pool for so many cores.
    pub fn new(cores: usize) -> Self {
        let lists = (0..cores.max(1)).map(|_| List::default()).collect();
        Pool { lists, era: AtomicU32::new(CLOSED + 1) }
    }

    /// To be noted by a connection that is about to be opened.
    pub fn era(&self) -> u32 {
        self.era.load(Relaxed)
    }

    /// Takes the idle connection that `core` used last among those that fit and are alive; else one of another core, which
    /// belongs to this core then. Call it on the core's thread.
    pub fn take(&self, core: CoreId, wish: &Wish<'_>) -> Option<Box<Upstream>> {
        let own = self.lists.get(core.index())?;
        while let Some(mut one) = own.pop(wish) {
            if !one.io.is_stale() {
                return Some(one);
            }
        }
        let (before, behind) = self.lists.split_at(core.index());
        // The next one first, so that cores do not all ask the same.
        for list in behind.iter().skip(1).chain(before).filter(|_| wish.shared) {
            while let Some(mut one) = list.pop(wish) {
                if one.io.move_here().is_ok() && !one.io.is_stale() {
                    return Some(one);
                }
            }
        }
        None
    }

    /// Keeps a connection whose response is complete, for the core whose thread this is; closes it if it was opened before the
    /// last [`Pool::clear`].
    pub fn put(&self, core: CoreId, mut one: Box<Upstream>) {
        let Some(mut held) = self.lists.get(core.index()).map(List::held) else { return };
        // Under the lock, so that what is put after the era has changed is seen by whoever clears the list.
        if one.era != self.era() || one.era == CLOSED {
            return;
        }
        one.buf.clear();
        one.state.idle.fetch_add(1, Relaxed);
        one.state.used.fetch_sub(1, Relaxed);
        held.idle.push(one);
    }

    /// Closes what the server has closed, and half of those that nobody needed since the last purge if `purge` is set, among those
    /// of the core whose thread this is.
    pub fn tidy(&self, core: CoreId, purge: bool) {
        let Some(list) = self.lists.get(core.index()) else { return };
        let mut held = list.held();
        let held = &mut *held;
        let mut excess = if purge { held.unused.div_ceil(2) } else { 0 };
        // The oldest lie in front.
        held.idle.retain_mut(|one| {
            let drop = excess > 0 || one.io.is_stale();
            excess = excess.saturating_sub(1);
            if drop {
                leave(one);
            }
            !drop
        });
        if purge || held.unused > held.idle.len() {
            held.unused = held.idle.len();
        }
    }

    /// Closes all of them, and those in use when they come back.
    pub fn clear(&self) {
        // A closed pool stays so.
        let _ = self.era.fetch_update(Relaxed, Relaxed, |era| (era != CLOSED).then(|| era.wrapping_add(1).max(1)));
        self.drain();
    }

    /// Closes all of them, and whatever is put here later: no stream will ask for it.
    pub fn close(&self) {
        self.era.store(CLOSED, Relaxed);
        self.drain();
    }

    fn drain(&self) {
        for list in &self.lists {
            let mut held = list.held();
            held.unused = 0;
            held.idle.drain(..).for_each(|one| leave(&one));
        }
    }

    /// How many each core has.
    pub fn counts(&self) -> impl Iterator<Item = usize> {
        self.lists.iter().map(|list| list.held().idle.len())
    }

    /// Whether a core has none.
    pub fn has_none(&self, core: CoreId) -> bool {
        self.lists.get(core.index()).is_none_or(|list| list.held().idle.is_empty())
    }
}

impl List {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the last one that fits.
    fn pop(&self, wish: &Wish<'_>) -> Option<Box<Upstream>> {
        let mut held = self.held();
        let at = held.idle.iter().rposition(|one| wish.fits(one))?;
        let one = held.idle.remove(at);
        held.unused = held.unused.min(held.idle.len());
        leave(&one);
        Some(one)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.drain();
    }
}

/// Counts a connection that leaves a pool as used again; dropping it then counts it out.
fn leave(one: &Upstream) {
    one.state.idle.fetch_sub(1, Relaxed);
    one.state.take_into_use();
}
