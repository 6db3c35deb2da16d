//! A connection to a server for a stream: an idle one where `http-reuse` allows, else a new one with its handshakes.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use super::fault::Fault;
use super::hooks::{self, Stage};
use super::live::{self, Live};
use super::pool::{Personal, Pool, Upstream, Wish};
use super::servers::{self, Event, Place};
use super::session::{Patience, Session};
use super::stream::Stream;
use crate::base::id::{ProxyId, ServerId};
use crate::base::value::{Type, Value};
use crate::expr::{ConnError, Endpoint, Marks};
use crate::ir::check::Observe;
use crate::ir::{Foreign, Proxy, Reuse, Server};
use crate::net::connect::{self, Target};
use crate::net::io::Io;
use crate::state::{Admin, ServerState, Stat};

/// What a connection is wanted for.
pub struct Wanted<'a> {
    /// The backend.
    pub backend: &'a Proxy,
    /// The server's id.
    pub id: ServerId,
    /// The server.
    pub server: &'a Server,
    /// Its state.
    pub state: &'a Arc<ServerState>,
    /// An idle connection may be used.
    pub reuse: bool,
    /// Whether the client's going away ends the attempt.
    pub patience: Patience,
    /// The name to ask the server for within TLS (`sni`); see [`server_name`].
    pub name: Option<Box<[u8]>>,
    /// What the server is told first (`send-proxy`); see [`super::preamble`].
    pub preamble: Option<Box<[u8]>>,
    /// What the connection has that others of the server have not; see [`personal`].
    pub personal: Option<Box<Personal>>,
    /// How long connecting may take, in milliseconds.
    pub connect_timeout: Option<u64>,
}

/// What a stream's connection to a server has for itself.
pub fn personal(
    s: &mut Session,
    st: &mut Stream,
    live: &Live,
    server: &Server,
    stage: Stage<'_>,
) -> Option<Box<Personal>> {
    let marks = st.facts.overrides.as_ref().map_or_else(Marks::default, |set| set.server_marks);
    let personal = Personal { foreign: foreign(s, st, live, server, stage), marks };
    (personal != Personal::default()).then(|| Box::new(personal))
}

/// The name to ask a server for within TLS: what its `sni` expression yields now.
pub fn server_name(
    s: &mut Session,
    st: &mut Stream,
    live: &Live,
    server: &Server,
    stage: Stage<'_>,
) -> Option<Box<[u8]>> {
    let sni = server.tls.as_ref()?.sni.as_ref()?;
    let txn = hooks::txn(s, st, live, stage);
    let mut name = Vec::new();
    sni.with_value(&txn.ctx(), |value| value.write_to(&mut name));
    Some(name.into_boxed_slice()).filter(|name| !name.is_empty())
}

/// The address that a server is to see instead of ours: what its `usesrc` says now. Where that is none, ours is seen.
fn foreign(s: &mut Session, st: &mut Stream, live: &Live, server: &Server, stage: Stage<'_>) -> Option<SocketAddr> {
    let ip = match server.source.as_ref()?.foreign.as_ref()? {
        Foreign::Addr(addr) => return Some(*addr),
        Foreign::Client => match s.facts.src {
            Endpoint::Ip(addr) => return Some(addr),
            _ => return None,
        },
        Foreign::ClientIp => s.facts.src.ip()?,
        Foreign::Field(expr) => {
            let txn = hooks::txn(s, st, live, stage);
            match expr.with_value(&txn.ctx(), |value| value.cast(Type::Addr).map(Value::into_owned)).flatten()? {
                Value::Ipv4(ip) => ip.into(),
                Value::Ipv6(ip) => ip.into(),
                _ => return None,
            }
        }
    };
    Some(SocketAddr::new(ip, 0))
}

/// Why there is no connection.
pub struct Unreached {
    /// What it means for the stream.
    pub fault: Fault,
    /// What is wrong with the connection (`bc_err`).
    pub error: ConnError,
}

impl From<Fault> for Unreached {
    fn from(fault: Fault) -> Self {
        Unreached { fault, error: ConnError::None }
    }
}

impl Unreached {
    fn socket(error: &io::Error) -> Self {
        Unreached { fault: fault_of(error), error: named(error) }
    }

    fn tls(error: &io::Error) -> Self {
        use rustls::{CertificateError, Error};
        let error_of = match error.get_ref().and_then(|why| why.downcast_ref()) {
            Some(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => ConnError::SslMismatch,
            _ if error.raw_os_error().is_some() => ConnError::SslAbort,
            _ => ConnError::SslHandshake,
        };
        Unreached { fault: fault_of(error), error: error_of }
    }
}

/// A connection that is ready for a request; counts it.
pub async fn obtain(s: &mut Session, wanted: &Wanted<'_>) -> Result<Box<Upstream>, Unreached> {
    let target = live::target(wanted.server, wanted.state, s.client_dst()).ok_or(Fault::NoServer)?;
    s.seat.goes_to(wanted.backend.id, wanted.id, wanted.state);
    if wanted.reuse
        && let Some(mut idle) = idle(s, wanted, &target)
    {
        idle.requests += 1;
        wanted.state.counters.inc(s.core.id, Stat::Reuses);
        backend_state(s, wanted.backend.id, Stat::Reuses);
        return Ok(idle);
    }
    wanted.state.counters.inc(s.core.id, Stat::Connects);
    backend_state(s, wanted.backend.id, Stat::Connects);
    let era = s.local.live.pool(wanted.backend.id, wanted.id).map_or(0, Pool::era);
    // Connecting is rare and its future large.
    let opened = Box::pin(open(s, wanted, &target)).await;
    s.core.tick_us();
    if let Some(observe) = &wanted.server.observe {
        let event = opened.as_ref().map_or_else(|why| Event::of_connect(why.fault), |_| Some(Event::Connected));
        observed(s, (wanted.backend.id, wanted.id), observe, event);
    }
    let io = opened?;
    let mut upstream = Upstream::new(io, wanted.state.clone(), target, wanted.name.clone());
    upstream.requests = 1;
    upstream.era = era;
    upstream.personal.clone_from(&wanted.personal);
    Ok(upstream)
}

/// Counts what was met at an observed server, if it says anything about it.
pub fn observed(s: &Session, place: Place, observe: &Observe, event: Option<Event>) {
    if let Some(event) = event {
        servers::observed(&s.core, &s.local.live, place, observe, event);
    }
}

/// Keeps a connection whose response is complete for other requests, or for this session only.
pub fn keep(s: &mut Session, backend: &Proxy, server: ServerId, upstream: Box<Upstream>) {
    let Some(line) = backend.servers.get(server.index()) else { return };
    if line.max_reuse.is_some_and(|max| upstream.requests > max) {
        return;
    }
    let limit = if line.pool_purge_ms == 0 { 0 } else { line.pool_max.unwrap_or(u32::MAX) };
    // With `pool-max-conn 0` or `pool-purge-delay 0` there are no idle connections, not even for their own client.
    if limit == 0 || upstream.half_closed {
        return;
    }
    // Nobody would use it.
    if upstream.state.admin() == Admin::Maint {
        return;
    }
    let private =
        backend.reuse == Reuse::Never || line.send_proxy.is_some() || upstream.private || upstream.is_personal();
    if private {
        s.own = Some(upstream);
        return;
    }
    let idle = upstream.state.idle.load(Relaxed);
    if idle < limit
        && let Some(pool) = s.local.live.pool(backend.id, server)
        && (idle < line.pool_low
            || upstream.state.has_use_for_idle()
            // What lies at other cores is of no use to this one.
            || (!s.local.live.ir.global.shares_idle && pool.has_none(s.core.id)))
    {
        pool.put(s.core.id, upstream);
    }
}

/// An idle connection that the stream may use.
fn idle(s: &mut Session, wanted: &Wanted<'_>, target: &Target) -> Option<Box<Upstream>> {
    if let Some(mut own) = s.own.take()
        && Arc::ptr_eq(&own.state, wanted.state)
        && own.target == *target
        && own.name == wanted.name
        && own.personal == wanted.personal
        && !own.io.is_stale()
    {
        return Some(own);
    }
    let first = s.facts.requests <= 1;
    let proven = match wanted.backend.reuse {
        Reuse::Never => return None,
        Reuse::Safe if first => return None,
        Reuse::Aggressive => first,
        Reuse::Safe | Reuse::Always => false,
    };
    if wanted.server.send_proxy.is_some() || wanted.personal.is_some() {
        return None;
    }
    let live = &s.local.live;
    let shared = live.ir.global.shares_idle && wanted.state.idle.load(Relaxed) >= wanted.server.pool_low.max(1);
    let wish = Wish { target, name: wanted.name.as_deref(), proven, shared };
    live.pool(wanted.backend.id, wanted.id)?.take(s.core.id, &wish)
}

async fn open(s: &mut Session, wanted: &Wanted<'_>, target: &Target) -> Result<Io, Unreached> {
    let options = connect::Options {
        source: wanted.server.source.as_deref(),
        foreign: wanted.personal.as_ref().and_then(|personal| personal.foreign),
        fast_open: wanted.server.fast_open,
        multipath: wanted.server.multipath,
        keepalive: wanted.backend.sockets.server_keepalive.then_some(wanted.backend.sockets.server_probes),
        user_timeout_ms: wanted.server.user_timeout_ms,
        marks: wanted.personal.as_ref().map_or_else(Marks::default, |personal| personal.marks),
        no_linger: wanted.backend.sockets.no_linger,
        sizes: s.local.live.ir.global.server_sockets,
    };
    let deadline = wanted.connect_timeout.map(|timeout| s.core.tick_ms() + timeout);
    let connected = within(s, connect::connect(target, options), deadline, wanted.patience).await?;
    let mut io = Io::Plain(connected.map_err(|error| Unreached::socket(&error))?);
    if let Some(header) = &wanted.preamble {
        let sent = within(s, write_all(&mut io, header), deadline, wanted.patience).await?;
        sent.map_err(|error| Unreached::socket(&error))?;
    }
    if wanted.server.tls.is_some() && !wanted.state.tls_off.load(Relaxed) {
        io = secure(s, wanted, io, deadline).await?;
    }
    Ok(io)
}

/// The handshake with the server, which belongs to the connection and its time.
async fn secure(s: &mut Session, wanted: &Wanted<'_>, mut io: Io, deadline: Option<u64>) -> Result<Io, Unreached> {
    let live = s.local.live.clone();
    let connector = live.proxies.get(wanted.backend.id.index()).and_then(|proxy| proxy.connector(wanted.id));
    let (Some(connector), Some(plain)) = (connector, io.take_plain()) else { return Err(Fault::Internal.into()) };
    let mut tls = connector.begin(plain, wanted.name.as_deref()).map_err(|error| Unreached::tls(&error))?;
    let done = within(s, poll_fn(|cx| tls.poll_handshake(cx)), deadline, wanted.patience).await?;
    done.map_err(|error| Unreached::tls(&error))?;
    Ok(Io::Connected(Box::new(tls)))
}

async fn write_all(io: &mut Io, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| io.poll_write(cx, bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Runs a step of connecting within its deadline, and only as long as the client stays.
async fn within<T>(
    s: &mut Session,
    step: impl Future<Output = T>,
    deadline: Option<u64>,
    patience: Patience,
) -> Result<T, Fault> {
    let mut step = std::pin::pin!(step);
    poll_fn(|cx| {
        if let Poll::Ready(done) = step.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        if s.poll_client_left(patience, cx) {
            return Poll::Ready(Err(Fault::ClientAbort));
        }
        if s.seat.is_ended() {
            return Poll::Ready(Err(Fault::Killed));
        }
        if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
            return Poll::Ready(Err(Fault::ConnectTimeout));
        }
        s.arm(cx, deadline);
        Poll::Pending
    })
    .await
}

fn fault_of(error: &io::Error) -> Fault {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL | libc::EADDRINUSE) => {
            Fault::Resource
        }
        Some(libc::ETIMEDOUT) => Fault::ConnectTimeout,
        _ => Fault::Refused,
    }
}

/// In the words of the manual's list.
fn named(error: &io::Error) -> ConnError {
    match error.raw_os_error() {
        Some(libc::EMFILE) => ConnError::ProcFdlim,
        Some(libc::ENFILE) => ConnError::SysFdlim,
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT) => ConnError::Noproto,
        Some(libc::EADDRNOTAVAIL) => ConnError::CantBind,
        Some(libc::EAGAIN) => ConnError::FreePorts,
        Some(libc::EADDRINUSE) => ConnError::AddrInuse,
        Some(libc::ECONNREFUSED) => ConnError::Erefused,
        Some(libc::ECONNRESET) => ConnError::Ereset,
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => ConnError::Eunreach,
        Some(libc::ENOMEM) => ConnError::Enomem,
        Some(libc::ENOBUFS) => ConnError::Enobufs,
        Some(libc::EINVAL) => ConnError::Einval,
        Some(libc::EPIPE) => ConnError::Epipe,
        _ => ConnError::SockErr,
    }
}

fn backend_state(s: &Session, backend: ProxyId, stat: Stat) {
    s.local.live.view.proxy(backend).be.inc(s.core.id, stat);
}
