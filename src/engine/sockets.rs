//! The open listening sockets of a configuration, and which of them each core accepts on. They outlive configurations: a socket at
//! an address that the next one names too stays as it is, with the connections that wait in it.

use std::io;
use std::sync::Arc;

use super::core::ListenerPlan;
use crate::base::id::{BindId, ProxyId};
use crate::ir::{Bind, Ir, Proxy};
use crate::net::listen::{self, Listening, OpenError};
use crate::state::{Reception, View};

/// The open listening sockets of a configuration.
#[derive(Clone, Default)]
pub struct Sockets {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    proxy: ProxyId,
    bind: BindId,
    backlog: i32,
    listening: Arc<Listening>,
}

/// A `bind` line whose socket could not be opened.
#[derive(Debug)]
pub struct BindFailure {
    /// The proxy.
    pub proxy: ProxyId,
    /// The line.
    pub bind: BindId,
    /// What failed.
    pub error: OpenError,
}

/// Opens the sockets of a line, of that many copies and with that backlog.
pub type Opener<'a> = &'a mut dyn FnMut(&Bind, usize, i32) -> Result<Listening, OpenError>;

impl Sockets {
    /// Opens the sockets of all listeners, for that many cores.
    pub fn open(ir: &Ir, cores: usize) -> Result<Self, Vec<BindFailure>> {
        Sockets::default().again(ir, cores, &mut listen::open)
    }

    /// The sockets of another configuration: those at the same address are kept, the others come from `open`.
    pub fn again(&self, ir: &Ir, cores: usize, open: Opener<'_>) -> Result<Self, Vec<BindFailure>> {
        let (mut entries, mut failures) = (Vec::new(), Vec::new());
        let mut left: Vec<&Entry> = self.entries.iter().collect();
        for proxy in ir.proxies.iter().filter(|proxy| proxy.frontend && !proxy.disabled) {
            for (at, line) in proxy.binds.iter().enumerate() {
                let bind = BindId(at as u32);
                let backlog = backlog(proxy, line.backlog);
                // Several lines may name one address; each keeps a socket of its own.
                let copies = if ir.global.no_reuse_port { 0 } else { cores };
                let kept = left.iter().position(|entry| entry.listening.addr == line.addr);
                let listening = match kept {
                    Some(at) => Ok(left.remove(at).listening.clone()),
                    None => open(line, copies, backlog).map(Arc::new),
                };
                match listening {
                    Ok(listening) => entries.push(Entry { proxy: proxy.id, bind, backlog, listening }),
                    Err(error) => failures.push(BindFailure { proxy: proxy.id, bind, error }),
                }
            }
        }
        if failures.is_empty() { Ok(Sockets { entries }) } else { Err(failures) }
    }

    /// The address of a listener, with the port that the system chose for port 0.
    pub fn local_addr(&self, proxy: ProxyId, bind: BindId) -> Option<std::net::SocketAddr> {
        self.entries.iter().find(|entry| entry.proxy == proxy && entry.bind == bind)?.listening.local
    }

    /// All listeners, with the line each belongs to.
    pub fn iter(&self) -> impl Iterator<Item = (ProxyId, BindId, &Arc<Listening>)> {
        self.entries.iter().map(|entry| (entry.proxy, entry.bind, &entry.listening))
    }

    /// Stops listening for a frontend without closing.
    pub(super) fn pause(&self, proxy: ProxyId) -> io::Result<()> {
        self.of(proxy).try_for_each(|entry| entry.listening.pause())
    }

    /// Listens for a frontend again.
    pub(super) fn resume(&self, proxy: ProxyId) -> io::Result<()> {
        self.of(proxy).try_for_each(|entry| entry.listening.resume(entry.backlog))
    }

    /// Closes the sockets of a frontend.
    pub(super) fn close(&mut self, proxy: ProxyId) {
        self.entries.retain(|entry| entry.proxy != proxy);
    }

    /// What a core accepts on: everywhere but at frontends that are not open. A socket that others left behind may be one more than
    /// there are cores.
    pub(super) fn plans(&self, core: usize, cores: usize, view: &View) -> io::Result<Vec<ListenerPlan>> {
        let mut plans = Vec::new();
        for entry in self.entries.iter().filter(|entry| view.proxy(entry.proxy).reception() == Reception::Open) {
            let alone = entry.listening.sockets.len() == 1;
            for (at, socket) in entry.listening.sockets.iter().enumerate().filter(|(at, _)| at % cores == core) {
                plans.push(ListenerPlan {
                    key: (Arc::as_ptr(&entry.listening) as usize, at),
                    socket: socket.try_clone()?,
                    proxy: entry.proxy,
                    bind: entry.bind,
                    alone,
                });
            }
        }
        Ok(plans)
    }

    fn of(&self, proxy: ProxyId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.proxy == proxy)
    }
}

/// `backlog` of the line, of the proxy, else `maxconn`, else what the system allows.
fn backlog(proxy: &Proxy, line: Option<u32>) -> i32 {
    let wanted = line.or(proxy.backlog).or(proxy.maxconn).unwrap_or(DEFAULT_BACKLOG);
    i32::try_from(wanted).unwrap_or(i32::MAX)
}

/// The kernel cuts it to net.core.somaxconn.
const DEFAULT_BACKLOG: u32 = 65_535;
