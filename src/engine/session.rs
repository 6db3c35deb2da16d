//! `Session`: one client connection, from accept to close, in one task. Runs the handshakes and the `tcp-request connection` and
//! `session` rules, then the protocol of the frontend's mode.
//!
//! The task's memory is what an idle keep-alive connection costs: what only a request needs lives in `Stream` and in boxed futures.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use tokio::net::UnixStream;

use super::buffer::{Buf, Room};
use super::core::{Arrival, Core, Message};
use super::handshake::{self, Secured};
use super::hooks;
use super::http;
use super::live::Local;
use super::permit::Permit;
use super::pool::Upstream;
use super::roster::{Roster, Seated};
use super::sticky;
use super::tcp;
use super::timer::Slot;
use crate::base::id::{BindId, ProxyId};
use crate::expr::{ConnError, ConnFacts, Endpoint, Vars};
use crate::ir::{BindAddr, Ir, Mode, Proxy, SocketSizes};
use crate::net::io::{Io, Plain};
use crate::net::tcp::Tcp;
use crate::net::{probes, sizes};
use crate::state::{ProxyState, Stat};

/// One client connection.
pub struct Session {
    /// The core that serves it.
    pub core: Rc<Core>,
    /// The configuration it runs under; a keep-alive connection takes a new one between requests.
    pub local: Rc<Local>,
    /// The stream to the client.
    pub io: Io,
    /// Received from the client and not consumed.
    pub buf: Buf,
    /// What rules and logs may ask of the connection.
    pub facts: ConnFacts,
    /// Variables; those of the session live on between requests.
    pub vars: Vars,
    /// The deadline.
    pub slot: Slot,
    /// A connection to a server that only this session may use (`http-reuse never`).
    pub own: Option<Box<Upstream>>,
    /// The client has ended its direction, or is gone.
    pub ended: bool,
    /// The client's connection has failed, not just ended.
    pub broken: bool,
    /// Its place among those that can be listed and ended.
    pub seat: Seated,
    /// The present configuration has no such frontend: the connection ends with the configuration it runs under.
    pub outlived: bool,
    /// From when on a client that is not known to the poller is watched while a server is at work.
    pub watch_at: Option<NonZeroU64>,
    /// The connection's place among those with TLS.
    pub secured: Option<Secured>,
    /// It began in TCP mode, and its first HTTP request has not been served yet.
    pub upgraded: Option<Upgraded>,
    permit: Permit,
    /// The last to go: whoever waits for the end of all sessions finds the permit given back.
    _counted: Counted,
}

/// What a client that goes away while it waits for a server means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Nothing: it is not looked at.
    Endless,
    /// The end, if it has failed or left nothing to send: half-closed connections are ordinary in TCP mode.
    WhileUseful,
    /// The end (`option abortonclose`).
    None,
}

impl Patience {
    /// As the backend's mode and `option abortonclose` say.
    pub fn of(backend: &Proxy) -> Patience {
        match (backend.abort_on_close, backend.mode) {
            (true, _) => Patience::None,
            (false, Mode::Tcp) => Patience::WhileUseful,
            (false, Mode::Http) => Patience::Endless,
        }
    }
}

/// A TCP connection that goes on as HTTP: its first request has passed the `tcp-request content` rules of the frontend.
pub struct Upgraded {
    /// The backend whose choice upgraded it.
    pub backend: Option<ProxyId>,
}

/// Starts the task of an accepted connection on this core.
pub fn spawn(core: &Rc<Core>, arrival: Arrival) {
    let newest = Arc::ptr_eq(&arrival.live, &core.shared.live.load());
    if newest && !Arc::ptr_eq(&arrival.live, &core.local().live) {
        // Another core was quicker to take the configuration, which lies in this one's inbox or is about to.
        if let Some(port) = core.shared.cores.get(core.id.index()) {
            let _ = port.inbox.send(Message::Connection(arrival));
        }
        return;
    }
    // Opened before the task begins, which then has no room for what only that needs.
    if let Some(mut session) = Session::open(core, arrival) {
        tokio::task::spawn_local(async move {
            session.run().await;
            session.facts.tracked.stop(session.core.now_ms());
        });
    }
}

impl Session {
    /// The frontend's id.
    #[inline]
    pub fn frontend(&self) -> ProxyId {
        self.facts.frontend
    }

    /// The frontend's state.
    #[inline]
    pub fn frontend_state(&self) -> &Arc<ProxyState> {
        self.permit.proxy()
    }

    /// Counts something at the frontend and at its listener.
    #[inline]
    pub fn count(&self, stat: Stat, n: u64) {
        self.permit.proxy().fe.add(self.core.id, stat, n);
        self.permit.bind().counters.add(self.core.id, stat, n);
    }

    /// The client's address as the configuration of servers sees it.
    pub fn client_dst(&self) -> Option<SocketAddr> {
        match self.facts.dst {
            Endpoint::Ip(addr) => Some(addr),
            _ => None,
        }
    }

    /// Looks after the client while a server is at work: keeps what it sends for later, and tells when it has gone. Registers the
    /// task to be woken by either.
    #[inline]
    pub fn poll_client_gone(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            if self.ended || self.buf.len() >= READ_AHEAD {
                return self.ended;
            }
            if self.io.is_new() && !self.may_register() {
                return false;
            }
            // Asking the poller costs less than a read, which would take a buffer.
            if self.io.poll_read_ready(cx).is_pending() {
                return false;
            }
            match self.buf.poll_fill(&mut self.io, Room::Head, cx) {
                Poll::Pending => return false,
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(end) => {
                    self.ended = true;
                    self.broken = end.is_err();
                }
            }
        }
    }

    /// Whether the client has left in a way that ends its wait for a server.
    #[inline]
    pub fn poll_client_left(&mut self, patience: Patience, cx: &mut Context<'_>) -> bool {
        patience != Patience::Endless
            && self.poll_client_gone(cx)
            && (patience == Patience::None || self.broken || self.buf.is_empty())
    }

    /// Lets so many milliseconds pass, or less if the client goes.
    pub async fn pause(&mut self, ms: u64) {
        let until = self.core.tick_ms() + ms;
        poll_fn(|cx| {
            if self.poll_client_gone(cx) || self.core.tick_ms() >= until {
                return Poll::Ready(());
            }
            self.arm(cx, Some(until));
            Poll::Pending
        })
        .await;
    }

    /// A client's connection that is not known to the poller is not watched at once: most responses come sooner than it would pay.
    fn may_register(&mut self) -> bool {
        let after = || NonZeroU64::MIN.saturating_add(self.core.now_ms() + WATCH_AFTER_MS);
        let at = self.watch_at.get_or_insert_with(after).get();
        self.slot.has_fired() && self.core.tick_ms() >= at
    }

    /// Stores the next deadline; see [`Slot::arm`]. Wakes earlier where the client is to be watched from then on.
    #[inline]
    pub fn arm(&mut self, cx: &Context<'_>, deadline: Option<u64>) {
        let deadline = match self.watch_at {
            Some(at) if self.io.is_new() => Some(deadline.map_or(at.get(), |deadline| deadline.min(at.get()))),
            _ => deadline,
        };
        self.slot.arm(cx, deadline);
    }

    fn open(core: &Rc<Core>, arrival: Arrival) -> Option<Self> {
        let local = core.local();
        // The arrival's ids belong to the configuration it was accepted under.
        let (frontend, bind_id) = match Arc::ptr_eq(&local.live, &arrival.live) {
            true => (arrival.frontend, arrival.bind),
            false => place_in(&local.live.ir, &arrival.live.ir, arrival.frontend, arrival.bind)?,
        };
        let bind = local.live.ir.proxy(frontend).binds.get(bind_id.index())?;
        if local.live.ir.global.rejects_privileged_ports && arrival.peer.is_some_and(|peer| peer.port() < 1024) {
            return None;
        }
        let socket = arrival.fd.as_raw_fd();
        let told = &local.live.ir.proxy(frontend).sockets;
        if told.client_keepalive {
            // A socket that refuses the option is served without probes.
            let _ = probes::apply(told.client_probes, arrival.fd.as_fd());
        }
        let sizes = local.live.ir.global.client_sockets;
        if sizes != SocketSizes::default() {
            sizes::apply(sizes, arrival.fd.as_fd());
        }
        let io = match arrival.peer {
            Some(_) => Plain::Tcp(Tcp::unregistered(arrival.fd.into())),
            None => Plain::Unix(unix(arrival.fd)?),
        };
        let now_us = core.tick_us();
        let src = arrival.peer.map_or(Endpoint::Unix, Endpoint::Ip);
        let dst = match &bind.addr {
            BindAddr::Ip { addr, .. } if !addr.ip().is_unspecified() && addr.port() != 0 && !bind.transparent => {
                Endpoint::Ip(*addr)
            }
            _ => io.local_addr().map_or(Endpoint::Unix, Endpoint::Ip),
        };
        let facts = ConnFacts {
            core: core.id,
            frontend,
            bind: bind_id,
            bind_name: bind.name.clone(),
            src,
            dst,
            real_src: src,
            real_dst: dst,
            socket,
            accepted_us: core.unix_us(),
            accepted_ms: now_us / 1000,
            handshake_ms: 0,
            tls: None,
            expects_proxy: false,
            expects_netscaler: false,
            silent_drop: None,
            rare: None,
            rcvd_proxy: false,
            error: ConnError::None,
            requests: 0,
            tracked: Default::default(),
        };
        let slot = core.timers.slot();
        Some(Session {
            seat: Roster::sit(core, &facts, slot.place(), socket),
            slot,
            core: core.clone(),
            local,
            io: Io::Plain(io),
            buf: Buf::default(),
            facts,
            vars: Vars::default(),
            own: None,
            ended: false,
            broken: false,
            outlived: false,
            watch_at: None,
            secured: None,
            upgraded: None,
            permit: arrival.permit,
            _counted: Counted::enter(core),
        })
    }

    /// Counts a refusal; `silent-drop` counts as that of a request, whatever it is.
    fn count_refused(&self, stat: Stat) {
        self.count(if self.facts.silent_drop.is_some() { Stat::DeniedRequests } else { stat }, 1);
    }

    async fn run(&mut self) {
        let proxy = self.local.live.ir.proxy(self.frontend()).clone();
        self.count_connection();
        if !proxy.tcp_req_conn.is_empty() && !hooks::connection_accepted(self, &proxy.tcp_req_conn) {
            self.count_refused(Stat::DeniedConnections);
            return;
        }
        let bind = proxy.binds.get(self.facts.bind.index());
        let expects = self.facts.expects_proxy || self.facts.expects_netscaler;
        if (expects || bind.is_some_and(|bind| bind.has_handshake()))
            && !Box::pin(handshake::perform(self, &proxy)).await
        {
            return;
        }
        if !proxy.tcp_req_sess.is_empty() && !hooks::connection_accepted(self, &proxy.tcp_req_sess) {
            self.count_refused(Stat::DeniedSessions);
            return;
        }
        self.count_session();
        match proxy.mode {
            Mode::Http => http::serve(self, &proxy).await,
            Mode::Tcp => {
                self.upgraded = Box::pin(tcp::serve(self, &proxy)).await;
                if self.upgraded.is_some() {
                    self.count(Stat::Upgrades, 1);
                    Box::pin(http::serve(self, &proxy)).await;
                }
            }
        }
    }

    fn count_connection(&self) {
        let now = self.core.now_ms();
        self.count(Stat::Connections, 1);
        self.permit.proxy().conn_rate.tick(now);
        let process = self.permit.process();
        process.connections_total.fetch_add(1, Relaxed);
        process.connection_rate.tick(now);
    }

    fn count_session(&self) {
        let now = self.core.now_ms();
        self.count(Stat::Sessions, 1);
        self.permit.proxy().fe_rate.tick(now);
        self.permit.process().session_rate.tick(now);
        sticky::session(self);
    }

    /// Takes the present configuration, if there is a newer one that has such a frontend; else the connection goes on under the one it
    /// has, but not for longer than what is being done takes.
    pub fn refresh(&mut self) {
        if self.outlived || self.core.is_current(&self.local) {
            return;
        }
        let local = self.core.local();
        let old = &self.local.live.ir;
        let Some((frontend, bind)) = place_in(&local.live.ir, old, self.frontend(), self.facts.bind) else {
            self.outlived = true;
            return;
        };
        self.facts.frontend = frontend;
        self.facts.bind = bind;
        self.own = None;
        self.local = local;
    }

    /// Whether an idle connection has reason to look at the configuration again.
    #[inline]
    pub fn is_behind(&self) -> bool {
        !self.outlived && !self.core.is_current(&self.local)
    }

    /// Whether the connection should end as soon as its request is answered.
    #[inline]
    pub fn is_ending(&self) -> bool {
        self.outlived || self.core.is_stopping()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.local.live.ir.proxy(self.facts.frontend).sockets.no_linger {
            self.io.plain().end_and_reset_on_close();
        }
        if std::thread::panicking() {
            self.permit.process().panics.fetch_add(1, Relaxed);
        }
    }
}

/// Counts the connection among the core's for as long as its session lives.
struct Counted {
    core: Rc<Core>,
}

impl Counted {
    fn enter(core: &Rc<Core>) -> Counted {
        if let Some(load) = core.load() {
            load.fetch_add(1, Relaxed);
        }
        Counted { core: core.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(load) = self.core.load() {
            load.fetch_sub(1, Relaxed);
        }
        if self.core.is_stopping() {
            self.core.session_ended.notify_one();
        }
    }
}

/// A frontend's line of `old` in another configuration: the line at the same address, else the one of the same name.
fn place_in(new: &Ir, old: &Ir, frontend: ProxyId, bind: BindId) -> Option<(ProxyId, BindId)> {
    let old = old.proxy(frontend);
    let proxy = new.proxies.iter().find(|proxy| proxy.frontend && !proxy.disabled && proxy.name == old.name)?;
    if proxy.mode != old.mode {
        return None;
    }
    let line = old.binds.get(bind.index())?;
    let same = proxy.binds.iter().position(|new| new.addr == line.addr);
    let at = same.or_else(|| proxy.binds.iter().position(|new| new.name == line.name))?;
    Some((proxy.id, BindId(at as u32)))
}

fn unix(fd: OwnedFd) -> Option<UnixStream> {
    UnixStream::from_std(fd.into()).ok()
}

/// How much of the next requests is read while one is served: enough to notice that the client has gone, where it does not pipeline
/// without end.
const READ_AHEAD: usize = 8 * 1024;
/// How long a server may take before the client is watched, if that costs a registration.
const WATCH_AFTER_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// The session and the future that waits for its next request are most of what an idle connection costs. Whatever is needed
    /// rarely, or by a request only, is boxed.
    #[test]
    fn an_idle_session_takes_little_room() {
        fn size<'a, F: Future>(_: impl FnOnce(&'a mut Session) -> F) -> usize {
            size_of::<F>()
        }
        let (session, future) = (size_of::<Session>(), size(Session::run));
        assert!(session <= 424 && future <= 240, "{session} and {future} bytes");
    }
}
