//! The run-time state of a proxy and the view of all of them that one configuration has.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};

use arc_swap::ArcSwapOption;

use super::captured::LastErrors;
use super::counters::{Counters, Rate};
use super::resolvers::ResolversState;
use super::server::ServerState;
use super::stick_table::Table;
use super::variables::{Limits, Variables};
use crate::base::id::{ProxyId, ServerId, TableId};
use crate::base::tcp_info::TcpInfo;

/// One frontend, backend or listen section as one configuration sees it. Its totals are shared between configurations by name, and so
/// is each server's and listener's state.
pub struct ProxyState {
    /// What does not depend on which servers and listeners there are.
    pub totals: Arc<ProxyTotals>,
    /// Servers in order of their ids.
    pub servers: Vec<Arc<ServerState>>,
    /// Listeners in order of their ids.
    pub binds: Vec<Arc<BindState>>,
}

/// The counters and states of a proxy itself.
pub struct ProxyTotals {
    /// As in the file.
    pub name: String,
    /// `id`, or the number that the configuration gives it (`fe_id`, `be_id`); 0 until then.
    pub number: AtomicU32,
    /// `option allbackups`: without active servers all backup servers are used, not the first only.
    pub all_backups: AtomicBool,
    /// `maxconn` of the frontend at present; 0 follows the process.
    pub maxconn: AtomicU32,
    reception: AtomicU8,
    /// Frontend side: current sessions (`scur`), their maximum (`smax`).
    pub fe_current: AtomicU32,
    /// See `fe_current`.
    pub fe_current_max: AtomicU32,
    /// Backend side: current streams and their maximum.
    pub be_current: AtomicU32,
    /// How many of them make the backend a full one (`fullconn`).
    pub full: AtomicU32,
    /// See `be_current`.
    pub be_current_max: AtomicU32,
    /// Streams waiting in the backend's queue and the maximum.
    pub queued: AtomicU32,
    /// See `queued`.
    pub queued_max: AtomicU32,
    /// Frontend counters.
    pub fe: Counters,
    /// Backend counters.
    pub be: Counters,
    /// Frontend sessions per second (`rate`).
    pub fe_rate: Rate,
    /// Frontend connections per second (`conn_rate`).
    pub conn_rate: Rate,
    /// Frontend requests per second (`req_rate`).
    pub req_rate: Rate,
    /// Backend sessions per second.
    pub be_rate: Rate,
    /// Log lines sent so far (`%lc`).
    pub logged: AtomicU64,
    /// The last malformed messages.
    pub errors: LastErrors,
    /// What the runtime socket has said of dynamic cookies.
    pub dynamic_cookie: DynamicCookie,
    /// Held while a server's state changes, so that counts and messages fit each other.
    pub changing: Mutex<()>,
    /// Unix time in seconds of the backend's last change between up and down.
    pub changed_at: AtomicI64,
    /// UP to DOWN transitions of the backend.
    pub downs: AtomicU64,
    /// Seconds the backend spent down.
    pub down_seconds: AtomicU64,
    /// Unix time in seconds of the backend's last session, -1 before the first.
    pub last_session: AtomicI64,
}

/// Changes of `cookie ... dynamic` and `dynamic-cookie-key` while the process runs.
#[derive(Default)]
pub struct DynamicCookie {
    /// On or off; `None` is as configured.
    pub on: ArcSwapOption<bool>,
    /// The key; `None` is as configured.
    pub key: ArcSwapOption<Box<str>>,
}

/// Whether a frontend takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reception {
    /// It does.
    Open = 0,
    /// Not at present (`disable frontend`).
    Paused = 1,
    /// Never again (`shutdown frontend`).
    Stopped = 2,
}

/// One `bind` listener's counters (`option socket-stats`).
pub struct BindState {
    /// The name given by `name`, else `sock-N`.
    pub name: String,
    /// `id`, by default the position counting from 1 (`so_id`).
    pub number: AtomicU32,
    /// Current connections, for `bind ... maxconn`.
    pub current: AtomicU32,
    /// Highest `current`.
    pub current_max: AtomicU32,
    /// Counters.
    pub counters: Counters,
}

/// What one loaded configuration sees of the shared state; indexed by its dense ids.
#[derive(Default)]
pub struct View {
    /// In order of `ProxyId`.
    pub proxies: Vec<Arc<ProxyState>>,
    /// Stick tables in order of `TableId`.
    pub tables: Vec<Arc<Table>>,
    /// `resolvers` sections in their order.
    pub resolvers: Vec<Arc<ResolversState>>,
    /// Process-wide state.
    pub process: Arc<Process>,
    /// What variables may take (`tune.vars`); nothing is counted without.
    pub variable_limits: Option<Box<Limits>>,
}

/// A stream of the process itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

/// Process-wide counters (`show info`).
#[derive(Default)]
pub struct Process {
    /// The name of this machine (`%H`, `hostname`), set once at start.
    pub hostname: OnceLock<Box<str>>,
    /// When the process began to work, in milliseconds on its monotonic clock (`uptime`), set once at start.
    pub started_ms: OnceLock<u64>,
    /// Asks the system whether an address is the machine's own (`dst_is_local`), set once at start: addresses come and go.
    pub is_local_address: OnceLock<fn(IpAddr) -> bool>,
    /// Asks the system about a TCP socket (`fc_rtt`), set once at start.
    pub tcp_info: OnceLock<fn(i32) -> Option<TcpInfo>>,
    /// Writes to the standard output or error (`debug`, `filter trace`), set once at start.
    pub output: OnceLock<fn(Output, &[u8])>,
    /// Process-wide variables.
    pub variables: Variables,
    /// `maxconn` of the process at present (`Maxconn`).
    pub maxconn: AtomicU32,
    /// The most that `maxconn` may be set to: what the process started with.
    pub hard_maxconn: AtomicU32,
    /// Times a connection had to wait for `maxconn` of the process (`MaxconnReached`).
    pub maxconn_reached: AtomicU64,
    /// `set rate-limit connections global`; 0 is unlimited.
    pub connection_rate_limit: AtomicU32,
    /// `set rate-limit sessions global`; 0 is unlimited.
    pub session_rate_limit: AtomicU32,
    /// `set rate-limit ssl-sessions global`; 0 is unlimited.
    pub tls_rate_limit: AtomicU32,
    /// `maxcomprate`, `set rate-limit http-compression global`, in bytes per second; 0 is unlimited.
    pub compression_rate_limit: AtomicU32,
    /// Bytes per second given to compressors (`CompressBpsIn`).
    pub compressed_in: Rate,
    /// Bytes per second that compressors made of them (`CompressBpsOut`).
    pub compressed_out: Rate,
    /// Bytes that compressors take.
    pub compressor_memory: AtomicU64,
    /// The process has been asked to finish (`stopping`).
    pub stopping: AtomicBool,
    /// Current client connections (`CurrConns`, `actconn`).
    pub connections: AtomicU32,
    /// Connections since start (`CumConns`).
    pub connections_total: AtomicU64,
    /// Requests since start (`CumReq`).
    pub requests_total: AtomicU64,
    /// Current client TLS connections.
    pub tls_connections: AtomicU32,
    /// TLS connections since start, client side.
    pub tls_connections_total: AtomicU64,
    /// Connections per second.
    pub connection_rate: Rate,
    /// Sessions per second.
    pub session_rate: Rate,
    /// TLS handshakes per second.
    pub tls_rate: Rate,
    /// Log lines dropped because their target did not keep up (`DroppedLogs`).
    pub dropped_logs: AtomicU64,
    /// Malformed messages so far.
    pub captured: AtomicU64,
    /// Tasks that panicked; each cost its own connection only.
    pub panics: AtomicU64,
}

impl std::ops::Deref for ProxyState {
    type Target = ProxyTotals;

    fn deref(&self) -> &ProxyTotals {
        &self.totals
    }
}

impl Process {
    /// Writes to the standard output or error.
    pub fn print(&self, output: Output, text: &[u8]) {
        if let Some(write) = self.output.get() {
            write(output, text);
        }
    }

    /// Forgets the highest rates (`clear counters`).
    pub fn clear_maxima(&self) {
        for rate in [&self.connection_rate, &self.session_rate, &self.tls_rate] {
            rate.clear_max();
        }
    }
}

impl View {
    /// The proxy's state. Ids come from the same configuration as the view, so it exists.
    pub fn proxy(&self, id: ProxyId) -> &Arc<ProxyState> {
        &self.proxies[id.index()]
    }

    /// The stick table, if the id is of this view.
    pub fn table(&self, id: TableId) -> Option<&Arc<Table>> {
        self.tables.get(id.index())
    }

    /// The server's state, if both ids are of this view.
    pub fn server(&self, proxy: ProxyId, server: ServerId) -> Option<&Arc<ServerState>> {
        self.proxies.get(proxy.index())?.servers.get(server.index())
    }
}

impl ProxyState {
    /// A fresh state for `cores` cores; `now` is Unix time in seconds.
    pub fn new(name: &str, servers: &[&str], binds: &[String], cores: usize, now: i64) -> Self {
        let server = |(at, name): (usize, &&str)| Arc::new(ServerState::new(ServerId(at as u32), name, cores, now));
        let bind = |(number, name): (u32, &String)| {
            Arc::new(BindState {
                name: name.clone(),
                number: AtomicU32::new(number),
                current: AtomicU32::new(0),
                current_max: AtomicU32::new(0),
                counters: Counters::new(cores),
            })
        };
        let totals = ProxyTotals {
            name: name.to_owned(),
            number: AtomicU32::new(0),
            all_backups: AtomicBool::new(false),
            maxconn: AtomicU32::new(0),
            reception: AtomicU8::new(Reception::Open as u8),
            fe_current: AtomicU32::new(0),
            fe_current_max: AtomicU32::new(0),
            be_current: AtomicU32::new(0),
            full: AtomicU32::new(0),
            be_current_max: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            queued_max: AtomicU32::new(0),
            fe: Counters::new(cores),
            be: Counters::new(cores),
            fe_rate: Rate::default(),
            conn_rate: Rate::default(),
            req_rate: Rate::default(),
            be_rate: Rate::default(),
            logged: AtomicU64::new(0),
            errors: LastErrors::default(),
            dynamic_cookie: DynamicCookie::default(),
            changing: Mutex::default(),
            changed_at: AtomicI64::new(now),
            downs: AtomicU64::new(0),
            down_seconds: AtomicU64::new(0),
            last_session: AtomicI64::new(-1),
        };
        ProxyState {
            totals: Arc::new(totals),
            servers: servers.iter().enumerate().map(server).collect(),
            binds: (1..).zip(binds).map(bind).collect(),
        }
    }

    /// Whether the frontend takes connections.
    pub fn reception(&self) -> Reception {
        match self.reception.load(Relaxed) {
            0 => Reception::Open,
            1 => Reception::Paused,
            _ => Reception::Stopped,
        }
    }

    /// Records whether the frontend takes connections; the caller sees to its sockets.
    pub fn set_reception(&self, reception: Reception) {
        self.reception.store(reception as u8, Relaxed);
    }

    /// Sets the maxima back to what is there now (`clear counters`), with `all` the counters to zero.
    pub fn clear(&self, all: bool) {
        for (max, now) in [
            (&self.fe_current_max, &self.fe_current),
            (&self.be_current_max, &self.be_current),
            (&self.queued_max, &self.queued),
        ] {
            max.store(now.load(Relaxed), Relaxed);
        }
        for rate in [&self.fe_rate, &self.conn_rate, &self.req_rate, &self.be_rate] {
            rate.clear_max();
        }
        for counters in [&self.fe, &self.be] {
            counters.clear_maxima(all);
        }
        if all {
            self.downs.store(0, Relaxed);
            self.down_seconds.store(0, Relaxed);
        }
        self.servers.iter().for_each(|server| server.clear(all));
        for bind in &self.binds {
            bind.current_max.store(bind.current.load(Relaxed), Relaxed);
            bind.counters.clear_maxima(all);
        }
    }

    /// Servers that run and may take sessions (`nbsrv`): the active ones, or without any the backup servers that stand in.
    pub fn usable_servers(&self) -> usize {
        let count = |backup: bool| {
            self.servers.iter().filter(|server| server.usable() && server.setup.load().backup == backup).count()
        };
        match (count(false), self.all_backups.load(Relaxed)) {
            (0, true) => count(true),
            (0, false) => count(true).min(1),
            (active, _) => active,
        }
    }
}
