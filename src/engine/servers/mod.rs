//! Changes of servers' states, whoever asks for them: health checks, the statistics page, the runtime socket. Each change is
//! counted, published to the balancer and told to the world in HAProxy's words.

mod agent;
mod observed;
mod tracked;

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::check::outcome::Outcome;
use super::check::score;
use super::live::Live;
use super::log::compose::{ALERT, EMERG, NOTICE, WARNING};
use super::log::herald::Herald;
use super::ramp;
use super::roster::{Cause, Target};
pub use agent::reported;
pub use observed::{Event, observed};
pub use tracked::settle;

use crate::base::clock;
use crate::base::id::{ProxyId, ServerId};
use crate::diag::Severity;
use crate::ir::{Check, LogTo, PortSpec, Proxy, Server};
use crate::state::{Admin, Change, CheckResult, Health, ProxyState, Reception, ServerSetup, ServerState, Stat};

/// A server of one configuration.
pub type Place = (ProxyId, ServerId);

/// Streams that are to end because of a change, and why.
pub type Ends = Vec<(Target, Cause)>;

/// Does what an administrator asks for. Unknown places are ignored: the configuration may have changed meanwhile.
pub fn change(herald: &Herald, live: &Live, place: Place, change: Change) -> Ends {
    let mut ends = make(herald, live, place, change);
    ends.extend(tracked::follow(herald, live, place));
    ends
}

fn make(herald: &Herald, live: &Live, place: Place, change: Change) -> Ends {
    let Some(scene) = Scene::open(herald, live, place) else { return Ends::new() };
    let _held = scene.hold();
    let before = scene.operation();
    match change {
        // It is that of the server it tracks.
        Change::Health(_) if scene.line.track.is_some() => {}
        Change::Health(health) => {
            scene.set_score(health);
            scene.turn(health, ", changed from CLI");
        }
        Change::Admin(admin) => scene.admin(admin),
        Change::Weight(weight) => {
            scene.around(|| {
                scene.state.weight.store(weight, Relaxed);
                None
            });
        }
        Change::Agent(up) => scene.set_agent(up),
        Change::MaxConn(limit) => scene.set_maxconn(limit),
        Change::Addr(addr) => {
            scene.around(|| {
                scene.state.addr.store(Some(Arc::new(addr)));
                scene.state.unresolved.swap(false, Relaxed).then(|| scene.resolves())
            });
        }
        Change::Checks(on) => scene.state.checks_off.store(!on, Relaxed),
        Change::Tls(on) => scene.state.tls_off.store(!on, Relaxed),
        Change::CheckAddr(addr) => scene.state.check_addr.store(Some(Arc::new(addr))),
        Change::CheckPort(port) => scene.state.check_port.store(port, Relaxed),
        // Streams belong to the cores: `Engine::end_streams`.
        Change::Kill => {}
    }
    scene.ends(before)
}

/// Takes the result of a health check into account. It counts for nothing while the server is in maintenance.
pub fn checked(herald: &Herald, live: &Live, place: Place, outcome: &Outcome) -> Ends {
    let mut ends = check(herald, live, place, outcome);
    ends.extend(tracked::follow(herald, live, place));
    ends
}

fn check(herald: &Herald, live: &Live, place: Place, outcome: &Outcome) -> Ends {
    let Some(scene) = Scene::open(herald, live, place) else { return Ends::new() };
    let Some(check) = &scene.line.check else { return Ends::new() };
    let _held = scene.hold();
    let state = scene.state;
    if state.in_maintenance() {
        return Ends::new();
    }
    let operation = scene.operation();
    let from = state.check_score.load(Relaxed);
    scene.judge(check, outcome, from);
    scene.ends(operation)
}

/// What name servers tell of a server.
pub enum News<'a> {
    /// Its address, and who has told it.
    Address { ip: IpAddr, by: &'a str },
    /// The host and the port that records of a service give it.
    Host(&'a str, u16),
    /// Those records do not give it a host any more.
    Nameless,
    /// It has no address any more, and why.
    Lost(&'a str),
}

/// Takes into account what name servers tell: whether the server has left an address, and which streams end.
pub fn resolved(herald: &Herald, live: &Live, place: Place, news: &News<'_>) -> (bool, Ends) {
    let (moved, mut ends) = learn(herald, live, place, news);
    ends.extend(tracked::follow(herald, live, place));
    (moved, ends)
}

fn learn(herald: &Herald, live: &Live, place: Place, news: &News<'_>) -> (bool, Ends) {
    let Some(scene) = Scene::open(herald, live, place) else { return (false, Ends::new()) };
    let _held = scene.hold();
    let before = scene.operation();
    let moved = match news {
        News::Address { ip, by } => scene.move_to(*ip, by),
        News::Host(name, port) => {
            scene.state.service_port.store(*port, Relaxed);
            scene.state.fqdn.store(Some(Arc::new((*name).into())));
            scene.state.renamed.store(true, Relaxed);
            let place = format!("{}/{}", scene.proxy.name, scene.line.name);
            scene.tell(NOTICE, &format!("{place} changed its FQDN from (null) to {name} by 'SRV record'"));
            false
        }
        News::Nameless => {
            scene.state.service_port.store(0, Relaxed);
            scene.state.fqdn.store(None);
            false
        }
        News::Lost(why) => scene.lose_address(why),
    };
    (moved, scene.ends(before))
}

/// Tells of every proxy that it has stopped (SIGUSR1).
pub fn announce_stop(herald: &Herald, live: &Live) {
    let runs = |id| live.view.proxy(id).reception() != Reception::Stopped;
    for proxy in live.ir.proxies.iter().filter(|proxy| !proxy.disabled && runs(proxy.id)) {
        announce_reception(herald, live, proxy, Reception::Stopped);
    }
}

/// Sends a line about the process itself to every log target, once.
pub fn announce(herald: &Herald, live: &Live, alarming: bool, text: &str) {
    let mut told: Vec<&LogTo> = Vec::new();
    for proxy in live.ir.proxies.iter().filter(|proxy| !proxy.disabled) {
        if proxy.logs.iter().any(|target| !told.contains(&&target.to)) {
            told.extend(proxy.logs.iter().map(|target| &target.to));
            herald.log(live, proxy, if alarming { ALERT } else { NOTICE }, text);
        }
    }
}

/// Tells whether a proxy listens from now on.
pub fn announce_reception(herald: &Herald, live: &Live, proxy: &Proxy, reception: Reception) {
    let (kind, name) = (if proxy.backend { "proxy" } else { "frontend" }, &proxy.name);
    let text = match reception {
        Reception::Open => format!("Resumed {kind} {name}."),
        Reception::Paused => format!("Paused {kind} {name}."),
        Reception::Stopped => {
            let state = live.view.proxy(proxy.id);
            let (fe, be) = (state.fe.sum(Stat::Connections), state.be.sum(Stat::Sessions));
            format!("Proxy {name} stopped (cumulated conns: FE: {fe}, BE: {be}).")
        }
    };
    herald.tell(live, proxy, Severity::Warning, WARNING, &text);
}

/// Tells the states of all servers and proxies (SIGHUP, management.txt chapter 12).
pub fn dump(herald: &Herald, live: &Live) {
    for proxy in live.ir.proxies.iter().filter(|proxy| !proxy.disabled) {
        let state = live.view.proxy(proxy.id);
        let tell = |text: String| herald.tell(live, proxy, Severity::Warning, NOTICE, &text);
        tell(format!("SIGHUP received, dumping servers states for proxy {}.", proxy.name));
        for (line, server) in proxy.servers.iter().zip(&state.servers) {
            let up = if server.running() { "UP" } else { "DOWN" };
            let (current, queued) = (server.current.load(Relaxed), server.queued.load(Relaxed));
            let total = server.counters.sum(Stat::Sessions);
            let name = format!("{}/{}", proxy.name, line.name);
            tell(format!("SIGHUP: Server {name} is {up}. Conn: {current} act, {queued} pend, {total} tot."));
        }
        let (fe, be) = (state.fe_current.load(Relaxed), state.be_current.load(Relaxed));
        let (fe_total, be_total) = (state.fe.sum(Stat::Connections), state.be.sum(Stat::Sessions));
        let queued = state.queued.load(Relaxed);
        tell(format!(
            "SIGHUP: Proxy {} {}. Conn: act(FE+BE): {fe}+{be}, {queued} pend ({queued} unass), \
             tot(FE+BE): {fe_total}+{be_total}.",
            proxy.name,
            availability(proxy, state)
        ));
    }
}

fn availability(proxy: &Proxy, state: &ProxyState) -> String {
    if proxy.servers.is_empty() {
        return "has no servers".to_owned();
    }
    let count = |backup: bool| {
        let servers = proxy.servers.iter().zip(&state.servers);
        servers.filter(|(line, server)| line.backup == backup && server.usable()).count()
    };
    match (count(false), count(true)) {
        (0, 0) => "has no server available !".to_owned(),
        (active, backup) => format!("has {active} active servers and {backup} backup servers available"),
    }
}

/// A server and what stands around it.
struct Scene<'a> {
    herald: &'a Herald,
    live: &'a Live,
    proxy: &'a Arc<Proxy>,
    proxy_state: &'a Arc<ProxyState>,
    line: &'a Server,
    state: &'a Arc<ServerState>,
}

/// What is said of a change, at which level.
struct Said {
    level: u8,
    text: String,
}

impl<'a> Scene<'a> {
    fn open(herald: &'a Herald, live: &'a Live, (proxy, server): Place) -> Option<Scene<'a>> {
        live.ir.proxies.get(proxy.index())?;
        let (line, state) = live.server(proxy, server)?;
        let (proxy, proxy_state) = live.proxy(proxy);
        Some(Scene { herald, live, proxy, proxy_state, line, state })
    }

    fn hold(&self) -> MutexGuard<'a, ()> {
        self.proxy_state.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_maxconn(&self, limit: u32) {
        let setup = ServerSetup { maxconn: limit, ..**self.state.setup.load() };
        self.state.setup.store(Arc::new(setup));
        self.state.limit.store(limit, Relaxed);
        self.live.servers_changed(self.proxy.id);
    }

    /// Takes an outcome into account that moves the checks' counter on from `score`.
    fn judge(&self, check: &Check, outcome: &Outcome, score: u32) {
        let state = self.state;
        let before = state.check.load().status;
        let health = state.health();
        // An agent's word does not count as a check.
        let old = match self.agent_keeps_down() {
            true => score,
            false => score::fit(score, health, check.rise, check.fall),
        };
        let new = score::next(old, health, check.rise, check.fall, outcome.verdict());
        state.check_score.store(new, Relaxed);
        if outcome.verdict() == score::Verdict::Failed && health != Health::Down {
            state.check_fails.fetch_add(1, Relaxed);
        }
        state.check.store(Arc::new(outcome.result.clone()));
        let reason = reason(&outcome.result);
        let told = self.proxy.log_health_checks && (new != old || before != outcome.result.status);
        if told {
            self.tell(NOTICE, &self.check_report(outcome, new, &reason));
        }
        let turned = match self.agent_keeps_down() {
            true => Health::Down,
            false => score::health(new, health, check.rise, outcome.verdict()),
        };
        self.turn(turned, if self.proxy.log_health_checks { "" } else { &reason });
    }

    /// Health changes; `why` follows the verb. Nothing is said where it does not change.
    fn turn(&self, health: Health, why: &str) {
        let old = self.state.health();
        if old == health {
            return;
        }
        self.around(|| {
            self.state.set_health(health);
            let verb = match health {
                Health::Down => "is DOWN",
                Health::Up => "is UP",
                Health::Stopping => "is stopping",
            };
            let serious = health == Health::Down && old == Health::Up && self.state.admin() == Admin::Ready;
            let level = if serious { ALERT } else { NOTICE };
            Some(Said { level, text: format!("{} {verb}{why}. {}", self.name(), self.tail()) })
        });
    }

    fn admin(&self, admin: Admin) {
        let old = self.state.admin();
        if old == admin {
            return;
        }
        let name = self.name();
        let health = self.state.health();
        self.around(|| {
            self.state.set_admin(admin);
            let said = |text| Some(Said { level: NOTICE, text });
            match (old, admin) {
                (_, Admin::Maint) => {
                    self.state.check_score.store(0, Relaxed);
                    if self.state.inherited() == Admin::Maint {
                        return None;
                    }
                    if health == Health::Down {
                        return said(format!("{name} was DOWN and now enters maintenance."));
                    }
                    let running = health == Health::Up && old == Admin::Ready;
                    let text = format!("{name} is going DOWN for maintenance. {}", self.tail());
                    Some(Said { level: if running { ALERT } else { NOTICE }, text })
                }
                (Admin::Maint, _) => {
                    // What it was before does not count any more: it begins anew.
                    let (health, score) = self.anew();
                    self.state.set_health(health);
                    self.state.check_score.store(score, Relaxed);
                    let up = if health == Health::Down { "DOWN" } else { "UP" };
                    if self.state.unresolved.load(Relaxed) || self.state.inherited() == Admin::Maint {
                        return said(format!("{name} is leaving forced maintenance but remains in maintenance."));
                    }
                    let ready = if admin == Admin::Drain { "DRAIN" } else { "READY" };
                    said(format!("{name} is {up}/{ready} (leaving forced maintenance)."))
                }
                (_, Admin::Drain) if self.drained_by().is_some() => {
                    said(format!("{name} remains in forced drain mode."))
                }
                (_, Admin::Drain) => said(format!("{name} enters drain state. {}", self.tail())),
                (_, Admin::Ready) if self.drained_by().is_some() => {
                    let by = self.drained_by().unwrap_or_default();
                    said(format!("{name} remains in drain mode via {by}."))
                }
                (_, Admin::Ready) => {
                    let up = if health == Health::Down { "DOWN" } else { "UP" };
                    said(format!("{name} is {up} (leaving forced drain)."))
                }
            }
        });
        if (old, admin) == (Admin::Maint, Admin::Drain) {
            self.tell(NOTICE, &format!("{name} remains in forced drain mode."));
        }
    }

    /// The server has this address now. Whether it has left another.
    fn move_to(&self, ip: IpAddr, by: &str) -> bool {
        let old = self.state.addr.load_full();
        let fixed = if let PortSpec::Fixed(port) = self.line.port { port } else { 0 };
        let port = match self.state.service_port.load(Relaxed) {
            0 => old.as_deref().map_or(fixed, SocketAddr::port),
            told => told,
        };
        let addr = SocketAddr::new(ip, port);
        let was_unresolved = self.state.unresolved.load(Relaxed);
        if old.as_deref() == Some(&addr) && !was_unresolved {
            return false;
        }
        if old.as_deref().map(SocketAddr::ip) != Some(ip) {
            let from = old.as_deref().map_or_else(|| "(none)".to_owned(), |old| old.ip().to_string());
            let place = format!("{}/{}", self.proxy.name, self.line.name);
            self.tell(NOTICE, &format!("{place} changed its IP from {from} to {ip} by {by}."));
        }
        self.around(|| {
            self.state.addr.store(Some(Arc::new(addr)));
            self.state.unresolved.swap(false, Relaxed).then(|| self.resolves())
        });
        if was_unresolved {
            let name = self.name();
            self.tell(NOTICE, &format!("{name} administratively READY thanks to valid DNS answer."));
        }
        old.is_some()
    }

    /// The server has an address again: it begins anew, unless an administrator keeps it in maintenance.
    fn resolves(&self) -> Said {
        let fqdn = self.state.fqdn.load();
        let name = format!("{} ('{}')", self.name(), fqdn.as_deref().map_or("", |name| name));
        if self.state.admin() == Admin::Maint {
            return Said { level: NOTICE, text: format!("{name} resolves again but remains in maintenance.") };
        }
        let (health, score) = self.anew();
        self.state.set_health(health);
        self.state.check_score.store(score, Relaxed);
        let up = if health == Health::Down { "DOWN" } else { "UP" };
        let ready = if self.state.admin() == Admin::Drain { "DRAIN" } else { "READY" };
        Said { level: NOTICE, text: format!("{name} is {up}/{ready} (resolves again).") }
    }

    /// The server has no address any more. Whether it has left one.
    fn lose_address(&self, why: &str) -> bool {
        if self.state.unresolved.load(Relaxed) {
            return false;
        }
        let (health, admin) = (self.state.health(), self.state.admin());
        let mut had = false;
        self.around(|| {
            self.state.unresolved.store(true, Relaxed);
            had = self.state.addr.swap(None).is_some();
            self.state.check_score.store(0, Relaxed);
            let name = self.name();
            match (admin, health) {
                (Admin::Maint, _) => None,
                (_, Health::Down) => {
                    Some(Said { level: NOTICE, text: format!("{name} was DOWN and now enters maintenance ({why}).") })
                }
                _ => {
                    let level = if health == Health::Up && admin == Admin::Ready { ALERT } else { NOTICE };
                    Some(Said { level, text: format!("{name} is going DOWN for maintenance ({why}). {}", self.tail()) })
                }
            }
        });
        had
    }

    /// The checks' counter as if they had found this.
    fn set_score(&self, health: Health) {
        let Some(check) = &self.line.check else { return };
        let score = if health == Health::Down { 0 } else { check.rise + check.fall - 1 };
        self.state.check_score.store(score, Relaxed);
    }

    /// Makes a change, counts what it means for the server and the backend, publishes it and says it.
    fn around(&self, change: impl FnOnce() -> Option<Said>) {
        let now = clock::unix_us() / 1_000_000;
        let (was, usable) = (self.operation(), self.proxy_state.usable_servers());
        let said = change();
        let is = self.operation();
        if was != is {
            let since = self.state.changed_at.swap(now, Relaxed);
            match (was, is) {
                (Health::Down, _) => {
                    add_seconds(&self.state.down_seconds, since, now);
                    ramp::begin(self.line, self.state);
                }
                (_, Health::Down) => _ = self.state.downs.fetch_add(1, Relaxed),
                _ => {}
            }
        }
        let left = self.proxy_state.usable_servers();
        if (usable == 0) != (left == 0) {
            let since = self.proxy_state.changed_at.swap(now, Relaxed);
            match left {
                0 => _ = self.proxy_state.downs.fetch_add(1, Relaxed),
                _ => add_seconds(&self.proxy_state.down_seconds, since, now),
            }
        }
        self.live.servers_changed(self.proxy.id);
        if let Some(said) = said {
            self.tell(said.level, &said.text);
        }
        if usable > 0 && left == 0 {
            let kind = if self.proxy.frontend { "proxy" } else { "backend" };
            let name = &self.proxy.name;
            self.herald.warn(Severity::Alert, &format!("{kind} '{name}' has no server available!"));
            self.herald.log(self.live, self.proxy, EMERG, &format!("{kind} {name} has no server available!"));
        }
    }

    /// The streams that end now that the server went down or came up (manual 5.2 `on-marked-down`, `on-marked-up`).
    fn ends(&self, before: Health) -> Ends {
        let target = |state: &Arc<ServerState>| Target::Server(state.clone());
        match (before == Health::Down, self.operation() == Health::Down) {
            (false, true) if self.line.ends_streams_when_down => vec![(target(self.state), Cause::Down)],
            (true, false) if self.line.ends_backups_when_up && !self.line.backup && self.state.usable() => {
                let pairs = self.proxy.servers.iter().zip(&self.proxy_state.servers);
                pairs.filter(|(line, _)| line.backup).map(|(_, state)| (target(state), Cause::Up)).collect()
            }
            _ => Ends::new(),
        }
    }

    fn operation(&self) -> Health {
        operation(self.state)
    }

    fn name(&self) -> String {
        let backup = if self.line.backup { "Backup " } else { "" };
        format!("{backup}Server {}/{}", self.proxy.name, self.line.name)
    }

    fn tail(&self) -> String {
        tail(self.proxy, self.proxy_state, self.state)
    }

    /// A line of `option log-health-checks`.
    fn check_report(&self, outcome: &Outcome, score: u32, reason: &str) -> String {
        let backup = if self.line.backup { "backup " } else { "" };
        let verdict = match outcome.verdict() {
            score::Verdict::Passed => "succeeded",
            score::Verdict::Conditional => "conditionally succeeded",
            score::Verdict::Failed => "failed",
        };
        let place = format!("{backup}server {}/{}", self.proxy.name, self.line.name);
        let mut text = format!("Health check for {place} {verdict}{reason}, status: ");
        if let Some(check) = &self.line.check {
            let shown = match score.checked_sub(check.rise) {
                Some(above) => write!(text, "{}/{} UP.", above + 1, check.fall),
                None => write!(text, "{score}/{} DOWN.", check.rise),
            };
            // Writing to a String cannot fail.
            shown.unwrap_or_default();
        }
        text
    }

    fn tell(&self, level: u8, text: &str) {
        self.herald.tell(self.live, self.proxy, Severity::Warning, level, text);
    }
}

/// Health with the administrator's word: in maintenance a server is as good as down.
fn operation(state: &ServerState) -> Health {
    if state.in_maintenance() { Health::Down } else { state.health() }
}

/// How many servers and sessions are left when this server has changed.
pub(super) fn tail(proxy: &Proxy, all: &ProxyState, state: &ServerState) -> String {
    let count = |backup: bool| {
        let pairs = proxy.servers.iter().zip(&all.servers);
        pairs.filter(|(line, state)| line.backup == backup && state.usable()).count()
    };
    let (active, backup) = (count(false), count(true));
    let on_backup = if active == 0 && backup > 0 { " Running on backup." } else { "" };
    let queued = state.queued.load(Relaxed);
    match operation(state) {
        Health::Down => {
            let current = state.current.load(Relaxed);
            format!(
                "{active} active and {backup} backup servers left.{on_backup} {current} sessions active, 0 requeued, \
                 {queued} remaining in queue."
            )
        }
        _ => format!(
            "{active} active and {backup} backup servers online.{on_backup} 0 sessions requeued, {queued} total in queue."
        ),
    }
}

/// `, reason: Layer7 wrong status, code: 500, info: "Bad", check duration: 1ms`
fn reason(result: &CheckResult) -> String {
    let mut text = format!(", reason: {}", result.description());
    let mut write = |part: std::fmt::Arguments<'_>| text.write_fmt(part).unwrap_or_default();
    if result.has_code() {
        write(format_args!(", code: {}", result.code));
    }
    if !result.detail.is_empty() {
        write(format_args!(", info: \"{}\"", result.detail));
    }
    // Streams are no check that takes its time.
    if result.status != "HANA" {
        write(format_args!(", check duration: {}ms", result.duration_ms));
    }
    text
}

fn add_seconds(to: &std::sync::atomic::AtomicU64, since: i64, now: i64) {
    to.fetch_add(u64::try_from(now - since).unwrap_or(0), Relaxed);
}
