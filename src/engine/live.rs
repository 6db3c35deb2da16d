//! A loaded configuration made ready to run: what all cores share of it (`Live`) and what each core keeps for it (`Local`).

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use arc_swap::ArcSwap;

use super::choose::{method, server_views};
use super::log::lines::Outlets;
use super::pool::Pool;
use super::queue::Queue;
use super::ramp;
use crate::balance::Balancer;
use crate::base::id::{BindId, ProxyId, ServerId};
use crate::ir::proxy::StickWhen;
use crate::ir::{Bind, Ir, Mode, PortSpec, Proxy, Server, ServerAddr, ServerTls};
use crate::keyword::Needs;
use crate::net::connect::Target;
use crate::net::tls::{Acceptor, Connector};
use crate::state::{ProxyState, ServerState, View};

/// A configuration and what is derived from it for all cores. Immutable but for atomics.
pub struct Live {
    /// The configuration.
    pub ir: Arc<Ir>,
    /// Its counters and states, shared with earlier configurations by name.
    pub view: Arc<View>,
    /// In order of `ProxyId`.
    pub proxies: Vec<LiveProxy>,
}

/// How large the process is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Threads that serve; at least one.
    pub cores: usize,
    /// The connections that it may hold where the configuration does not say.
    pub maxconn: u32,
}

/// One proxy's run-time parts.
pub struct LiveProxy {
    /// Chooses servers; published anew whenever a server's state or weight changes.
    pub balancer: ArcSwap<Balancer>,
    /// Streams that wait for a server.
    pub queue: Arc<Queue>,
    /// Lines that the proxy's log targets with `sample` have seen, in their order.
    samples: Box<[AtomicU32]>,
    /// TLS with clients, per `bind` line.
    acceptors: Box<[Option<Arc<Acceptor>>]>,
    /// Idle connections, per server.
    pools: Box<[Arc<Pool>]>,
    /// TLS with servers, per server: for traffic, and for checks where those have settings of their own.
    connectors: Box<[Arc<Connectors>]>,
    /// Something that runs after the request was sent reads its head: it must be kept.
    pub keeps_request: bool,
    /// Somebody wants to know what the kernel knows of connections to servers.
    pub asks_kernel: bool,
    /// In TCP mode: rules ask for an HTTP request.
    pub sniffs: bool,
    /// Some server's limit or weight follows the load or the time.
    pub ramps: bool,
}

/// A core's part of a configuration.
pub struct Local {
    /// The shared part.
    pub live: Arc<Live>,
    /// Where log lines go; opened with the first line.
    pub(super) outlets: OnceCell<Outlets>,
}

impl Live {
    /// Makes a configuration ready.
    pub fn new(ir: Arc<Ir>, view: Arc<View>, scale: Scale) -> Arc<Self> {
        Arc::new(Live::made(ir, view, scale, None))
    }

    /// Makes a configuration ready that follows `before`: streams that wait for a server go on waiting in the same queue, and idle
    /// connections to servers that are reached in the same way stay open.
    pub fn again(ir: Arc<Ir>, view: Arc<View>, scale: Scale, before: &Live) -> Arc<Self> {
        let mut live = Live::made(ir, view, scale, Some(before));
        let mut kept = HashSet::new();
        for ((proxy, state), new) in live.ir.proxies.iter().zip(&live.view.proxies).zip(&mut live.proxies) {
            if let Some(at) = before.position(proxy)
                && let (Some(line), Some(old), Some(had)) =
                    (before.ir.proxies.get(at), before.proxies.get(at), before.view.proxies.get(at))
            {
                new.queue = old.queue.clone();
                new.keep_pools((proxy, state), old, (line, had));
                kept.extend(new.pools.iter().map(Arc::as_ptr));
            }
        }
        let pools = before.proxies.iter().flat_map(|proxy| &proxy.pools);
        pools.filter(|pool| !kept.contains(&Arc::as_ptr(pool))).for_each(|pool| pool.close());
        // Whoever waits tries again: limits and servers may be others.
        live.proxies.iter().for_each(|proxy| proxy.queue.wake_all());
        Arc::new(live)
    }

    fn made(ir: Arc<Ir>, view: Arc<View>, scale: Scale, before: Option<&Live>) -> Self {
        let maxconn = ir.global.maxconn.unwrap_or(scale.maxconn);
        view.process.hard_maxconn.store(maxconn, Relaxed);
        ramp::set_full(&ir, &view, maxconn);
        let old = |proxy: &Proxy| before?.place(proxy);
        let pairs = ir.proxies.iter().zip(&view.proxies);
        let proxies = pairs.map(|(proxy, state)| LiveProxy::new(proxy, state, scale.cores, old(proxy))).collect();
        Live { ir, view, proxies }
    }

    fn position(&self, proxy: &Proxy) -> Option<usize> {
        self.ir.proxies.iter().position(|old| old.name == proxy.name)
    }

    /// The proxy of the same name here.
    fn place(&self, proxy: &Proxy) -> Option<(&Proxy, &LiveProxy)> {
        let at = self.position(proxy)?;
        Some((self.ir.proxies.get(at)?, self.proxies.get(at)?))
    }

    /// The proxy and its state.
    pub fn proxy(&self, id: ProxyId) -> (&Arc<Proxy>, &Arc<ProxyState>) {
        (self.ir.proxy(id), self.view.proxy(id))
    }

    /// The idle connections to a server.
    pub fn pool(&self, proxy: ProxyId, server: ServerId) -> Option<&Pool> {
        Some(self.proxies.get(proxy.index())?.pools.get(server.index())?)
    }

    /// What the proxy's log targets have seen, in their order.
    pub(super) fn samples(&self, id: ProxyId) -> &[AtomicU32] {
        self.proxies.get(id.index()).map_or(&[], |proxy| &proxy.samples)
    }

    /// The server and its state. Ids come from this configuration, so `None` does not happen.
    pub fn server(&self, proxy: ProxyId, server: ServerId) -> Option<(&Server, &Arc<ServerState>)> {
        Some((self.ir.proxy(proxy).servers.get(server.index())?, self.view.server(proxy, server)?))
    }
}

impl Live {
    /// To be called after a server's health, administrative state or weight has changed: the balancer takes it into account, and
    /// streams that wait for a server try again.
    pub fn servers_changed(&self, id: ProxyId) {
        let (proxy, state) = self.proxy(id);
        let Some(live) = self.proxies.get(id.index()) else { return };
        let views = server_views(proxy, state);
        live.balancer.rcu(|balancer| balancer.rebuild(method(proxy), &views));
        live.queue.wake_all();
    }
}

impl LiveProxy {
    /// What the proxy had before it, with the same `bind` and `server` lines, goes on: making TLS ready takes time, and it knows
    /// sessions.
    fn new(proxy: &Proxy, state: &ProxyState, cores: usize, before: Option<(&Proxy, &LiveProxy)>) -> Self {
        let formats = [&proxy.log_formats.stream, &proxy.log_formats.error, &proxy.log_formats.structured];
        let needs = formats.into_iter().flatten().fold(Needs::empty(), |needs, format| needs | format.needs());
        let stick = |response| {
            let rules = proxy.stick.iter().filter(move |rule| (rule.when == StickWhen::StoreResponse) == response);
            rules.fold(Needs::empty(), |needs, rule| needs | rule.needs())
        };
        let errors = proxy.errors.iter().fold(Needs::empty(), |needs, error| needs | error.needs());
        let needs = needs | errors | proxy.http_res.needs | proxy.http_after.needs | stick(true);
        let asks_kernel = needs | proxy.tcp_res_content.needs;
        let retries = proxy.retries > 0 && !proxy.servers.is_empty();
        let sni = proxy.servers.iter().any(|server| server.tls.as_ref().is_some_and(|tls| tls.sni.is_some()));
        let balancer = Balancer::new(method(proxy), &server_views(proxy, state));
        let rules = proxy.use_backend.iter().filter_map(|choice| choice.cond.as_ref());
        let rules = rules.chain(proxy.use_server.iter().filter_map(|choice| choice.cond.as_ref()));
        let asks = rules.fold(proxy.tcp_req_content.needs | stick(false), |needs, cond| needs | cond.needs());
        let acceptors = proxy.binds.iter().map(|bind| {
            let old = before.and_then(|(old, live)| same(&old.binds, bind, &live.acceptors));
            old.unwrap_or_else(|| acceptor(bind).map(Arc::new))
        });
        let connectors = proxy.servers.iter().map(|server| {
            let old = before.and_then(|(old, live)| same(&old.servers, server, &live.connectors));
            old.unwrap_or_else(|| Arc::new(Connectors::new(server)))
        });
        LiveProxy {
            balancer: ArcSwap::from_pointee(balancer),
            queue: Arc::default(),
            acceptors: acceptors.collect(),
            connectors: connectors.collect(),
            pools: proxy.servers.iter().map(|_| Arc::new(Pool::new(cores))).collect(),
            samples: proxy.logs.iter().map(|_| AtomicU32::new(0)).collect(),
            keeps_request: (retries && sni) || needs.contains(Needs::REQ_HEAD),
            asks_kernel: asks_kernel.contains(Needs::SERVER_SOCKET),
            ramps: ramp::wanted(proxy),
            sniffs: proxy.mode == Mode::Tcp && asks.intersects(Needs::REQ_HEAD | Needs::REQ_KEPT),
        }
    }
}

impl LiveProxy {
    /// Keeps the idle connections to servers that were there before and are reached in the same way.
    fn keep_pools(&mut self, (proxy, state): Lines<'_>, old: &LiveProxy, (line, had): Lines<'_>) {
        let names: HashMap<&str, usize> =
            line.servers.iter().enumerate().map(|(at, server)| (&*server.name, at)).collect();
        for ((server, state), pool) in proxy.servers.iter().zip(&state.servers).zip(&mut self.pools) {
            let at = names.get(&*server.name).copied().filter(|at| {
                let same = had.servers.get(*at).is_some_and(|had| Arc::ptr_eq(had, state));
                same && line.servers.get(*at).is_some_and(|line| server.is_reached_like(line))
            });
            if let Some(old) = at.and_then(|at| old.pools.get(at)) {
                *pool = old.clone();
            }
        }
    }

    /// TLS with the clients of a `bind` line.
    pub fn acceptor(&self, bind: BindId) -> Option<&Acceptor> {
        self.acceptors.get(bind.index())?.as_deref()
    }

    /// TLS with a server.
    pub fn connector(&self, server: ServerId) -> Option<&Connector> {
        self.connectors.get(server.index())?.traffic.as_ref()
    }

    /// TLS with a server that is checked.
    pub fn check_connector(&self, server: ServerId) -> Option<&Connector> {
        let connectors = self.connectors.get(server.index())?;
        connectors.checks.as_ref().or(connectors.traffic.as_ref())
    }
}

/// A proxy and its state.
type Lines<'a> = (&'a Proxy, &'a ProxyState);

/// TLS with one server.
struct Connectors {
    traffic: Option<Connector>,
    checks: Option<Connector>,
}

impl Connectors {
    fn new(server: &Server) -> Self {
        let make = |tls: &ServerTls| {
            let made = Connector::new(tls);
            // Everything was checked at load; without a connector connections to the server fail.
            made.map_err(|error| tracing::error!("[{}] : TLS cannot be spoken: {error}", server.place)).ok()
        };
        let own = server.check.as_ref().and_then(|check| check.own_tls.as_deref());
        Connectors { traffic: server.tls.as_ref().and_then(make), checks: own.and_then(make) }
    }
}

/// What was made for the very same line.
fn same<L, T: Clone>(lines: &[Arc<L>], line: &Arc<L>, made: &[T]) -> Option<T> {
    let at = lines.iter().position(|old| Arc::ptr_eq(old, line))?;
    made.get(at).cloned()
}

fn acceptor(bind: &Bind) -> Option<Acceptor> {
    let made = Acceptor::new(bind.tls.as_ref()?);
    // Everything was checked at load; without an acceptor the line's connections are closed.
    made.map_err(|error| tracing::error!("[{}] : TLS cannot be served: {error}", bind.place)).ok()
}

impl Local {
    /// The core's part of `live`.
    pub fn new(live: Arc<Live>) -> Self {
        Local { live, outlets: OnceCell::new() }
    }
}

/// Where to connect for a server; `client_dst` is the address the client connected to. `None` while the address is not known.
pub fn target(server: &Server, state: &ServerState, client_dst: Option<SocketAddr>) -> Option<Target> {
    match &server.addr {
        ServerAddr::Unix(path) => Some(Target::Unix(path.clone())),
        ServerAddr::Abstract(name) => Some(Target::Abstract(name.clone())),
        ServerAddr::Client => {
            let ip = client_dst?.ip();
            Some(Target::Ip(SocketAddr::new(ip, port(server.port, client_dst)?)))
        }
        ServerAddr::Ip(_) | ServerAddr::Unresolved(_) => {
            let addr = state.addr.load();
            let addr = addr.as_deref()?;
            match server.port {
                // The state holds the port in use, which the runtime socket may have changed.
                PortSpec::Fixed(_) => Some(Target::Ip(*addr)),
                spec @ PortSpec::Offset(_) => Some(Target::Ip(SocketAddr::new(addr.ip(), port(spec, client_dst)?))),
            }
        }
    }
}

fn port(spec: PortSpec, client_dst: Option<SocketAddr>) -> Option<u16> {
    match spec {
        PortSpec::Fixed(port) => Some(port),
        PortSpec::Offset(offset) => u16::try_from(i32::from(client_dst?.port()) + offset).ok(),
    }
}
