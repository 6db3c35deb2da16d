//! The run-time state of a server: what checks, the runtime socket and streams change.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Notify;

use super::agent::AgentState;
use super::counters::{Counters, Rate};
use crate::base::id::ServerId;

/// Whether a server may take traffic, as checks (or the lack of them) see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// Down.
    Down = 0,
    /// Up.
    Up = 1,
    /// Up but asks for no new sessions (`http-check disable-on-404`): NOLB.
    Stopping = 2,
}

/// The administrator's word, which goes above health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Admin {
    /// Ready.
    Ready = 0,
    /// No new sessions but persistent ones.
    Drain = 1,
    /// Maintenance: as good as removed.
    Maint = 2,
}

impl Admin {
    fn of(number: u8) -> Admin {
        match number {
            0 => Admin::Ready,
            1 => Admin::Drain,
            _ => Admin::Maint,
        }
    }
}

/// A change of a server's state that somebody asks for: the statistics page, the runtime socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `ready`, `drain`, `maint`.
    Admin(Admin),
    /// `hrunn`, `hnolb`, `hdown`.
    Health(Health),
    /// `set weight`, 0 to 256.
    Weight(u32),
    /// `enable health`, `disable health`.
    Checks(bool),
    /// `set server ... agent`: it is up.
    Agent(bool),
    /// `set maxconn server`; 0 is unlimited.
    MaxConn(u32),
    /// `set server ... addr`.
    Addr(SocketAddr),
    /// `set server ... check-addr`.
    CheckAddr(IpAddr),
    /// `set server ... check-port`.
    CheckPort(u16),
    /// `set server ... ssl`
    Tls(bool),
    /// `shutdown sessions server`.
    Kill,
}

/// The last health check, for the stats page and `show servers state`.
#[derive(Clone, Debug, Default)]
pub struct CheckResult {
    /// Short status as in `check_status`: `L4OK`, `L7STS`, `L4CON`, `INI`...
    pub status: &'static str,
    /// `check_code`: the layer 5-7 code, 0 when there is none.
    pub code: u16,
    /// `check_duration` in milliseconds.
    pub duration_ms: u64,
    /// `check_desc`-like text of what went wrong, or the beginning of what was received.
    pub detail: String,
}

impl CheckResult {
    /// HAProxy's sentence for the status (management.txt 9.1, `check_desc`).
    pub fn description(&self) -> &'static str {
        match self.status {
            "" | "INI" => "Initializing",
            "SOCKERR" => "Socket error",
            "CHECKED" => "No status change",
            "HANA" => "Health analyze",
            "L4OK" => "Layer4 check passed",
            "L4TOUT" => "Layer4 timeout",
            "L4CON" => "Layer4 connection problem",
            "L6OK" => "Layer6 check passed",
            "L6TOUT" => "Layer6 timeout",
            "L6RSP" => "Layer6 invalid response",
            "L7OK" => "Layer7 check passed",
            "L7OKC" => "Layer7 check conditionally passed",
            "L7TOUT" => "Layer7 timeout",
            "L7RSP" => "Layer7 invalid response",
            "L7STS" => "Layer7 wrong status",
            _ => "Unknown",
        }
    }

    /// The number of the status in `show servers state`; 1 is `INI`.
    pub fn number(&self) -> u8 {
        let at = NUMBERED.iter().position(|status| !status.is_empty() && *status == self.status);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(1)
    }

    /// The status with that number; those that no check here has are as good as none.
    pub fn status_of_number(number: i64) -> &'static str {
        usize::try_from(number).ok().and_then(|at| NUMBERED.get(at)).copied().unwrap_or_default()
    }

    /// Whether `code` says something: only statuses about what was answered have one.
    pub fn has_code(&self) -> bool {
        matches!(self.status, "L7OK" | "L7OKC" | "L7STS")
    }
}

/// No core.
pub const NO_CORE: u32 = u32::MAX;

/// The statuses of checks by their numbers in `show servers state`.
const NUMBERED: [&str; 18] = [
    "", "INI", "", "CHECKED", "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT",
    "L7RSP", "", "L7OK", "L7OKC", "L7STS",
];

/// What the configuration says of a server and expressions may ask for.
#[derive(Clone, Copy, Debug)]
pub struct ServerSetup {
    /// `id`, by default the position counting from 1 (`srv_id`).
    pub number: u32,
    /// `weight` (`srv_iweight`).
    pub weight: u32,
    /// `backup`
    pub backup: bool,
    /// `maxconn`; 0 is unlimited.
    pub maxconn: u32,
    /// `maxqueue`; 0 is unlimited.
    pub maxqueue: u32,
}

impl Default for ServerSetup {
    fn default() -> Self {
        ServerSetup { number: 1, weight: 1, backup: false, maxconn: 0, maxqueue: 0 }
    }
}

/// One server. Shared between configurations by (proxy name, server name).
pub struct ServerState {
    /// Index in its proxy.
    pub id: ServerId,
    /// Name, as in the file.
    pub name: String,
    /// The address in use (`None`: not resolved).
    pub addr: ArcSwapOption<SocketAddr>,
    /// The host's name that it goes by at present, if it has one (`srv_fqdn`).
    pub fqdn: ArcSwapOption<Box<str>>,
    /// The port that the records of a service tell; 0 where none did.
    pub service_port: AtomicU16,
    /// Its name was given by the records of a service.
    pub renamed: AtomicBool,
    /// It has no address: as good as in maintenance, until name servers tell one.
    pub unresolved: AtomicBool,
    health: AtomicU8,
    admin: AtomicU8,
    /// What administrators say of the server that it tracks.
    inherited: AtomicU8,
    /// The check counter: 0..rise-1 down, rise..rise+fall-1 up.
    pub check_score: AtomicU32,
    /// Effective weight, 0 to 256.
    pub weight: AtomicU32,
    /// What the configuration says of it.
    pub setup: ArcSwap<ServerSetup>,
    /// Streams being served (`scur`); what `maxconn` counts.
    pub current: AtomicU32,
    /// Its `maxconn` at present, which may follow the load (`minconn`) and the time (`slowstart`); 0 is unlimited.
    pub limit: AtomicU32,
    /// When it came up and began to start slowly, on the monotonic clock in milliseconds; 0 when it is at full speed.
    pub warming_since: AtomicU64,
    /// How far it has come with that, in percent.
    pub warmth: AtomicU32,
    /// Highest `current` (`smax`).
    pub current_max: AtomicU32,
    /// Streams waiting in this server's own queue (`qcur`).
    pub queued: AtomicU32,
    /// Highest `queued` (`qmax`).
    pub queued_max: AtomicU32,
    /// Connections kept idle for reuse.
    pub idle: AtomicU32,
    /// Connections in use (`used_conn_cur`).
    pub used: AtomicU32,
    /// Most connections in use since the last purge, and how many are needed by the experience of the time before (`need_conn_est`).
    pub used_max: AtomicU32,
    /// See `used_max`.
    pub needed: AtomicU32,
    /// Sessions per second.
    pub rate: Rate,
    /// Counters.
    pub counters: Counters,
    /// Failed checks (`chkfail`).
    pub check_fails: AtomicU64,
    /// Its agent.
    pub agent: AgentState,
    /// Errors in a row that streams have met, as far as `observe` counts them.
    pub errors: AtomicU32,
    /// Rings when the next check is to come at `fastinter`.
    pub hurry: Notify,
    /// How often they were too many (`hanafail`).
    pub errors_exceeded: AtomicU64,
    /// UP to DOWN transitions (`chkdown`).
    pub downs: AtomicU64,
    /// Seconds spent down before the present state (`downtime`).
    pub down_seconds: AtomicU64,
    /// Unix time in seconds of the last change of state (`lastchg`).
    pub changed_at: AtomicI64,
    /// Unix time in seconds of the last session, -1 before the first (`lastsess`).
    pub last_session: AtomicI64,
    /// Last check.
    pub check: ArcSwap<CheckResult>,
    /// A check is being made (`* ` before its status).
    pub checking: AtomicBool,
    /// TLS is not spoken although it is configured (`set server ... ssl off`).
    pub tls_off: AtomicBool,
    /// Checks are suspended (`disable health`).
    pub checks_off: AtomicBool,
    /// The core that checks it; `NO_CORE` where none does.
    pub check_core: AtomicU32,
    /// Where checks connect, if somebody has changed that; port 0 is as configured.
    pub check_addr: ArcSwapOption<IpAddr>,
    /// See `check_addr`.
    pub check_port: AtomicU16,
}

impl ServerState {
    /// A fresh state; `now` is Unix time in seconds.
    pub fn new(id: ServerId, name: &str, cores: usize, now: i64) -> Self {
        ServerState {
            id,
            name: name.to_owned(),
            addr: ArcSwapOption::empty(),
            fqdn: ArcSwapOption::empty(),
            service_port: AtomicU16::new(0),
            renamed: AtomicBool::new(false),
            unresolved: AtomicBool::new(false),
            health: AtomicU8::new(Health::Up as u8),
            admin: AtomicU8::new(Admin::Ready as u8),
            inherited: AtomicU8::new(Admin::Ready as u8),
            check_score: AtomicU32::new(0),
            weight: AtomicU32::new(1),
            setup: ArcSwap::from_pointee(ServerSetup { number: id.0 + 1, ..ServerSetup::default() }),
            current: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            warming_since: AtomicU64::new(0),
            warmth: AtomicU32::new(100),
            current_max: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            queued_max: AtomicU32::new(0),
            idle: AtomicU32::new(0),
            used: AtomicU32::new(0),
            used_max: AtomicU32::new(0),
            needed: AtomicU32::new(0),
            rate: Rate::default(),
            counters: Counters::new(cores),
            check_fails: AtomicU64::new(0),
            agent: AgentState::default(),
            errors: AtomicU32::new(0),
            hurry: Notify::new(),
            errors_exceeded: AtomicU64::new(0),
            downs: AtomicU64::new(0),
            down_seconds: AtomicU64::new(0),
            changed_at: AtomicI64::new(now),
            last_session: AtomicI64::new(-1),
            check: ArcSwap::default(),
            checking: AtomicBool::new(false),
            tls_off: AtomicBool::new(false),
            checks_off: AtomicBool::new(false),
            check_core: AtomicU32::new(NO_CORE),
            check_addr: ArcSwapOption::empty(),
            check_port: AtomicU16::new(0),
        }
    }

    /// What checks say.
    pub fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            0 => Health::Down,
            1 => Health::Up,
            _ => Health::Stopping,
        }
    }

    /// Records what checks say; the caller republishes the balancer's table.
    pub fn set_health(&self, health: Health) {
        self.health.store(health as u8, Relaxed);
    }

    /// What the administrator says.
    pub fn admin(&self) -> Admin {
        Admin::of(self.admin.load(Relaxed))
    }

    /// What is said of the server that this one tracks.
    pub fn inherited(&self) -> Admin {
        Admin::of(self.inherited.load(Relaxed))
    }

    /// Records what is said of the server that this one tracks; the caller republishes the balancer's table.
    pub fn set_inherited(&self, admin: Admin) {
        self.inherited.store(admin as u8, Relaxed);
    }

    /// It gets no new sessions but persistent ones, by its own administrator's word or that of the server it tracks.
    pub fn drains(&self) -> bool {
        self.admin() == Admin::Drain || self.inherited() == Admin::Drain
    }

    /// Records what the administrator says; the caller republishes the balancer's table.
    pub fn set_admin(&self, admin: Admin) {
        self.admin.store(admin as u8, Relaxed);
    }

    /// Sets the maxima back to what is there now, with `all` the counters to zero.
    pub fn clear(&self, all: bool) {
        for (max, now) in
            [(&self.current_max, &self.current), (&self.queued_max, &self.queued), (&self.used_max, &self.used)]
        {
            max.store(now.load(Relaxed), Relaxed);
        }
        self.rate.clear_max();
        self.counters.clear_maxima(all);
        if all {
            for count in [&self.check_fails, &self.errors_exceeded, &self.downs, &self.down_seconds] {
                count.store(0, Relaxed);
            }
        }
    }

    /// In maintenance, by the administrator's word, that of the server it tracks, or for want of an address.
    #[inline]
    pub fn in_maintenance(&self) -> bool {
        self.admin() == Admin::Maint || self.inherited() == Admin::Maint || self.unresolved.load(Relaxed)
    }

    /// May take sessions that the balancer gives out.
    pub fn usable(&self) -> bool {
        self.health() == Health::Up
            && self.admin() == Admin::Ready
            && self.inherited() == Admin::Ready
            && !self.unresolved.load(Relaxed)
            && self.weight.load(Relaxed) > 0
    }

    /// Its share of the load in sixteenths of what its weight says, so that a light server can start slowly too.
    pub fn share(&self) -> u32 {
        let full = self.weight.load(Relaxed) * 16;
        match self.warmth.load(Relaxed) {
            100.. => full,
            percent => (full * percent / 100).max(1).min(full),
        }
    }

    /// Counts a connection that comes into use.
    #[inline]
    pub fn take_into_use(&self) {
        let used = self.used.fetch_add(1, Relaxed) + 1;
        if used > self.used_max.load(Relaxed) {
            self.used_max.fetch_max(used, Relaxed);
        }
    }

    /// Whether a connection that falls idle is worth keeping: HAProxy keeps as many as were needed at once lately, with those in use.
    #[inline]
    pub fn has_use_for_idle(&self) -> bool {
        let used = self.used.load(Relaxed);
        let needed = used.max(self.used_max.load(Relaxed)).max(self.needed.load(Relaxed));
        used + self.idle.load(Relaxed) <= needed
    }

    /// Forgets half of the experience that is older than a purge.
    pub fn estimate_need(&self) {
        let recent = self.used_max.swap(self.used.load(Relaxed), Relaxed);
        self.needed.store((self.needed.load(Relaxed) + recent).div_ceil(2).max(recent), Relaxed);
    }

    /// Counts as running for `nbsrv` and for persistence: up, or up and draining.
    pub fn running(&self) -> bool {
        self.health() != Health::Down && !self.in_maintenance()
    }
}
