//! What `show stat` shows: one row per frontend, listener, server and backend, made from the configuration and its run-time state.

use std::sync::atomic::Ordering::Relaxed;

use super::columns::{COLUMNS, CORE, col};
use crate::engine::persist;
use crate::ir::{Balance, BindAddr, Ir, Mode, PortSpec, Proxy, Server, ServerAddr};
use crate::state::{Admin, BindState, Counters, Health, Process, ProxyState, Reception, ServerState, Stat, View};

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cell {
    /// Not applicable.
    #[default]
    Empty,
    /// A number.
    Num(i64),
    /// Text.
    Text(String),
}

/// What a row describes; the number is the `type` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0
    Frontend = 0,
    /// 1
    Backend = 1,
    /// 2
    Server = 2,
    /// 3
    Listener = 3,
}

/// One line of the statistics.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it describes.
    pub kind: Kind,
    /// In order of [`COLUMNS`].
    pub cells: Vec<Cell>,
    /// The server's colour class on the page.
    pub class: &'static str,
}

/// When the statistics are taken.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Milliseconds on the monotonic clock that rates are counted with.
    pub now_ms: u64,
    /// Unix time in seconds.
    pub now: i64,
    /// Unix time in microseconds.
    pub now_us: i64,
}

impl Row {
    fn new(kind: Kind, proxy: &Proxy, name: &str) -> Row {
        let mut row = Row { kind, cells: vec![Cell::Empty; COLUMNS.len()], class: "" };
        row.text(const { col("pxname") }, &proxy.name);
        row.text(const { col("svname") }, name);
        row.num(const { col("pid") }, 1);
        row.num(const { col("iid") }, i64::from(proxy.uuid));
        row.num(const { col("sid") }, 0);
        row.num(const { col("type") }, kind as i64);
        row.text(const { col("mode") }, if proxy.mode == Mode::Http { "http" } else { "tcp" });
        row.text(CORE, "-");
        row
    }

    fn num(&mut self, at: usize, value: impl TryInto<i64>) {
        self.cells[at] = Cell::Num(value.try_into().unwrap_or(i64::MAX));
    }

    fn text(&mut self, at: usize, value: &str) {
        self.cells[at] = Cell::Text(value.to_owned());
    }

    /// The value as text; empty where it does not apply.
    pub fn show(&self, at: usize) -> String {
        match self.cells.get(at) {
            None | Some(Cell::Empty) => String::new(),
            Some(Cell::Num(value)) => value.to_string(),
            Some(Cell::Text(value)) => value.clone(),
        }
    }

    /// The number, 0 where it does not apply.
    pub fn number(&self, at: usize) -> i64 {
        match self.cells.get(at) {
            Some(Cell::Num(value)) => *value,
            _ => 0,
        }
    }

    /// Whether the row is of a server that is not to be shown.
    fn is_hidden(&self, up: bool, no_maint: bool) -> bool {
        let status = self.show(const { col("status") });
        let maint = status.starts_with("MAINT");
        self.kind == Kind::Server && (up && (maint || status.starts_with("DOWN")) || no_maint && maint)
    }

    fn sums(&mut self, counters: &Counters, columns: &[(usize, Stat)]) {
        for &(at, stat) in columns {
            self.num(at, counters.sum(stat));
        }
    }
}

/// Leaves out servers: `up` hides those that are down or in maintenance, `no_maint` the latter. Backends then tell how many of their
/// servers are up.
pub fn hide(rows: &mut Vec<Row>, up: bool, no_maint: bool) {
    if !up && !no_maint {
        return;
    }
    let proxy = const { col("iid") };
    let servers: Vec<i64> = rows.iter().filter(|row| row.kind == Kind::Server).map(|row| row.number(proxy)).collect();
    for row in rows.iter_mut().filter(|row| row.kind == Kind::Backend) {
        let all = servers.iter().filter(|id| **id == row.number(proxy)).count();
        let usable = row.number(const { col("act") }) + row.number(const { col("bck") });
        let text = format!("{} ({usable}/{all})", row.show(const { col("status") }));
        row.text(const { col("status") }, &text);
    }
    rows.retain(|row| !row.is_hidden(up, no_maint));
}

/// All rows of the proxies that pass `shown`, in file order.
pub fn rows(ir: &Ir, view: &View, at: At, shown: impl Fn(&Proxy) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for proxy in ir.proxies.iter().filter(|proxy| !proxy.disabled && shown(proxy)) {
        let Some(state) = view.proxies.get(proxy.id.index()) else { continue };
        if proxy.frontend {
            rows.push(frontend(&view.process, proxy, state, at));
            if proxy.socket_stats {
                rows.extend(state.binds.iter().enumerate().map(|(index, bind)| listener(proxy, bind, index)));
            }
        }
        if proxy.backend {
            for (server, own) in proxy.servers.iter().zip(&state.servers) {
                let leader = leader(ir, view, (server, own));
                rows.push(self::server(proxy, state, (server, own), leader, at));
            }
            rows.push(backend(proxy, state, at));
        }
    }
    rows
}

fn frontend(process: &Process, proxy: &Proxy, state: &ProxyState, at: At) -> Row {
    let mut row = Row::new(Kind::Frontend, proxy, "FRONTEND");
    row.class = "frontend";
    row.num(const { col("scur") }, state.fe_current.load(Relaxed));
    row.num(const { col("smax") }, state.fe_current_max.load(Relaxed));
    let own = state.maxconn.load(Relaxed);
    row.num(const { col("slim") }, if own > 0 { own } else { process.maxconn.load(Relaxed) });
    row.sums(&state.fe, TRAFFIC);
    row.sums(&state.fe, FRONTEND);
    row.sums(&state.fe, COMPRESSION);
    let status = match state.reception() {
        Reception::Open => "OPEN",
        Reception::Paused => "PAUSED",
        Reception::Stopped => "STOP",
    };
    row.text(const { col("status") }, status);
    row.num(const { col("rate") }, state.fe_rate.per_second(at.now_ms));
    row.num(const { col("rate_lim") }, proxy.rate_limit.unwrap_or(0));
    row.num(const { col("rate_max") }, state.fe_rate.max());
    row.num(const { col("req_rate") }, state.req_rate.per_second(at.now_ms));
    row.num(const { col("req_rate_max") }, state.req_rate.max());
    row.num(const { col("conn_rate") }, state.conn_rate.per_second(at.now_ms));
    row.num(const { col("conn_rate_max") }, state.conn_rate.max());
    zeros(&mut row, &["h2sess", "h3sess", "req_other", "h2req", "h3req"]);
    let http = proxy.mode == Mode::Http;
    let sessions = state.fe.sum(Stat::Sessions);
    let requests = state.fe.sum(Stat::Requests);
    let over_http = if http { sessions } else { state.fe.sum(Stat::Upgrades) };
    row.num(const { col("sess_other") }, sessions.saturating_sub(over_http));
    row.num(const { col("h1sess") }, over_http);
    row.num(const { col("h1req") }, requests);
    if http {
        row.sums(&state.fe, RESPONSES);
        row.sums(&state.fe, &[(const { col("intercepted") }, Stat::Intercepted)]);
        zeros(&mut row, &["cache_lookups", "cache_hits"]);
    }
    modules(&mut row, COLUMNS.len());
    row.num(const { col("ssl_sess") }, state.fe.sum(Stat::TlsSessions));
    row.num(const { col("ssl_reused_sess") }, state.fe.sum(Stat::TlsResumed));
    row.num(const { col("ssl_failed_handshake") }, state.fe.sum(Stat::TlsFailures));
    if http {
        row.num(const { col("h1_open_connections") }, state.fe_current.load(Relaxed));
        row.num(const { col("h1_total_connections") }, state.fe.sum(Stat::Connections));
        row.num(const { col("h1_total_streams") }, requests);
        row.num(const { col("h1_bytes_in") }, state.fe.sum(Stat::BytesIn));
        row.num(const { col("h1_bytes_out") }, state.fe.sum(Stat::ResponseBytesOut));
    }
    row
}

fn listener(proxy: &Proxy, bind: &BindState, index: usize) -> Row {
    let mut row = Row::new(Kind::Listener, proxy, &bind.name);
    row.class = "socket";
    let line = proxy.binds.get(index);
    let id = line.and_then(|line| line.id).map_or(index as i64 + 1, i64::from);
    row.num(const { col("sid") }, id);
    row.num(const { col("scur") }, bind.current.load(Relaxed));
    row.num(const { col("smax") }, bind.current_max.load(Relaxed));
    row.num(const { col("slim") }, line.and_then(|line| line.maxconn).unwrap_or(0));
    row.sums(&bind.counters, TRAFFIC);
    row.sums(&bind.counters, LISTENER);
    row.text(const { col("status") }, "OPEN");
    let (addr, proto) = match line.map(|line| &line.addr) {
        Some(BindAddr::Ip { addr, .. }) if addr.is_ipv6() => (addr.to_string(), "tcpv6"),
        Some(BindAddr::Ip { addr, .. }) => (addr.to_string(), "tcpv4"),
        Some(BindAddr::Unix(_) | BindAddr::Abstract(_)) => ("unix".to_owned(), "unix_stream"),
        Some(BindAddr::Fd(_)) | None => (String::new(), ""),
    };
    row.text(const { col("addr") }, &addr);
    row.text(const { col("proto") }, proto);
    modules(&mut row, TLS_MODULE);
    row
}

/// A server's line and state.
type Pair<'a> = (&'a Server, &'a ServerState);

/// The server whose state is taken over at the end of a chain of `track`.
fn leader<'a>(ir: &'a Ir, view: &'a View, mut at: Pair<'a>) -> Pair<'a> {
    while let Some((proxy, server)) = at.0.track.as_ref().and_then(|track| track.place)
        && let (Some(line), Some(state)) = (ir.proxy(proxy).servers.get(server.index()), view.server(proxy, server))
    {
        at = (line, state);
    }
    at
}

fn server(proxy: &Proxy, all: &ProxyState, (server, state): Pair<'_>, leader: Pair<'_>, at: At) -> Row {
    let mut row = Row::new(Kind::Server, proxy, &server.name);
    row.num(const { col("sid") }, server.id);
    row.num(const { col("qcur") }, state.queued.load(Relaxed));
    row.num(const { col("qmax") }, state.queued_max.load(Relaxed));
    row.num(const { col("scur") }, state.current.load(Relaxed));
    row.num(const { col("smax") }, state.current_max.load(Relaxed));
    let limit = state.setup.load().maxconn;
    if limit > 0 {
        row.num(const { col("slim") }, limit);
    }
    if let Some(limit) = server.maxqueue {
        row.num(const { col("qlimit") }, limit);
    }
    row.sums(&state.counters, TRAFFIC);
    row.sums(&state.counters, SERVER);
    if proxy.mode == Mode::Http {
        row.sums(&state.counters, RESPONSES);
        row.sums(&state.counters, &[(const { col("req_tot") }, Stat::Requests)]);
    }
    let (status, class) = status((server, state), leader);
    row.text(const { col("status") }, &status);
    row.class = class;
    let weight = state.weight.load(Relaxed);
    row.num(const { col("weight") }, state.share().div_ceil(16));
    row.num(const { col("uweight") }, weight);
    row.num(const { col("act") }, i64::from(!server.backup));
    row.num(const { col("bck") }, i64::from(server.backup));
    row.num(const { col("lastchg") }, at.now - state.changed_at.load(Relaxed));
    row.num(const { col("rate") }, state.rate.per_second(at.now_ms));
    row.num(const { col("rate_max") }, state.rate.max());
    row.num(const { col("lastsess") }, ago(state.last_session.load(Relaxed), at));
    if server.check.is_some() && !state.checks_off.load(Relaxed) {
        failures(&mut row, state, at);
        if server.observe.is_some() {
            row.num(const { col("hanafail") }, state.errors_exceeded.load(Relaxed));
        }
        if !state.in_maintenance() {
            check(&mut row, server, state);
        }
    }
    if server.agent.is_some() && !state.agent.off.load(Relaxed) {
        agent(&mut row, state);
    }
    if let Some(track) = &server.track {
        row.text(const { col("tracked") }, &track.shown);
    }
    row.text(const { col("addr") }, &address(server, state));
    if let Some(cookie) = persist::cookie_of(proxy, &all.dynamic_cookie, server, state) {
        row.text(const { col("cookie") }, &String::from_utf8_lossy(cookie.bytes()));
    }
    times(&mut row, &state.counters);
    let idle = state.idle.load(Relaxed);
    let used = state.used.load(Relaxed);
    row.num(const { col("srv_icur") }, idle);
    row.num(const { col("idle_conn_cur") }, idle);
    row.num(const { col("used_conn_cur") }, used);
    row.num(const { col("need_conn_est") }, state.needed.load(Relaxed).max(state.used_max.load(Relaxed)));
    if let Some(limit) = server.pool_max {
        row.num(const { col("src_ilim") }, limit);
    }
    zeros(&mut row, &["safe_conn_cur", "srid", "priv_idle_cur"]);
    modules(&mut row, TLS_MODULE);
    row
}

fn failures(row: &mut Row, state: &ServerState, at: At) {
    let down = if state.health() == Health::Down { at.now - state.changed_at.load(Relaxed) } else { 0 };
    row.num(const { col("chkfail") }, state.check_fails.load(Relaxed));
    row.num(const { col("chkdown") }, state.downs.load(Relaxed));
    row.num(const { col("downtime") }, state.down_seconds.load(Relaxed) as i64 + down);
}

fn check(row: &mut Row, server: &Server, state: &ServerState) {
    let (Some(check), result) = (&server.check, state.check.load()) else { return };
    row.text(const { col("check_status") }, if result.status.is_empty() { "INI" } else { result.status });
    if result.has_code() {
        row.num(const { col("check_code") }, result.code);
    }
    row.num(const { col("check_duration") }, result.duration_ms);
    row.text(const { col("check_desc") }, result.description());
    if !result.detail.is_empty() {
        row.text(const { col("last_chk") }, &result.detail);
    }
    row.num(const { col("check_rise") }, check.rise);
    row.num(const { col("check_fall") }, check.fall);
    row.num(const { col("check_health") }, state.check_score.load(Relaxed));
}

fn agent(row: &mut Row, state: &ServerState) {
    let result = state.agent.result.load();
    row.text(const { col("agent_status") }, if result.status.is_empty() { "INI" } else { result.status });
    if result.has_code() {
        row.num(const { col("agent_code") }, result.code);
    }
    row.num(const { col("agent_duration") }, result.duration_ms);
    row.text(const { col("agent_desc") }, result.description());
    if !result.detail.is_empty() {
        row.text(const { col("last_agt") }, &result.detail);
    }
    row.num(const { col("agent_rise") }, 1);
    row.num(const { col("agent_fall") }, 1);
    row.num(const { col("agent_health") }, u8::from(!state.agent.down.load(Relaxed)));
}

fn backend(proxy: &Proxy, state: &ProxyState, at: At) -> Row {
    let mut row = Row::new(Kind::Backend, proxy, "BACKEND");
    row.class = "backend";
    if let Some(cookie) = &proxy.persist.cookie {
        row.text(const { col("cookie") }, &cookie.name);
    }
    row.num(const { col("qcur") }, state.queued.load(Relaxed));
    row.num(const { col("qmax") }, state.queued_max.load(Relaxed));
    row.num(const { col("scur") }, state.be_current.load(Relaxed));
    row.num(const { col("smax") }, state.be_current_max.load(Relaxed));
    row.num(const { col("slim") }, state.full.load(Relaxed));
    row.sums(&state.be, TRAFFIC);
    row.sums(&state.be, SERVER);
    row.sums(&state.be, &[(const { col("dreq") }, Stat::DeniedRequests)]);
    let usable = |backup: bool| {
        let pairs = proxy.servers.iter().zip(&state.servers);
        pairs.filter(|(server, state)| server.backup == backup && state.usable()).collect::<Vec<_>>()
    };
    let (active, backup) = (usable(false), usable(true));
    let up = proxy.servers.is_empty() || !active.is_empty() || !backup.is_empty();
    row.text(const { col("status") }, if up { "UP" } else { "DOWN" });
    let taking = if active.is_empty() { &backup } else { &active };
    let weight: i64 = taking.iter().map(|(_, state)| i64::from(state.weight.load(Relaxed))).sum();
    row.num(const { col("weight") }, weight);
    row.num(const { col("uweight") }, weight);
    row.num(const { col("act") }, active.len() as i64);
    row.num(const { col("bck") }, backup.len() as i64);
    let changed = at.now - state.changed_at.load(Relaxed);
    row.num(const { col("chkdown") }, state.downs.load(Relaxed));
    row.num(const { col("lastchg") }, changed);
    if !proxy.servers.is_empty() {
        row.num(const { col("downtime") }, state.down_seconds.load(Relaxed) as i64 + if up { 0 } else { changed });
    }
    row.num(const { col("rate") }, state.be_rate.per_second(at.now_ms));
    row.num(const { col("rate_max") }, state.be_rate.max());
    row.num(const { col("lastsess") }, ago(state.last_session.load(Relaxed), at));
    row.text(const { col("algo") }, algorithm(&proxy.balance));
    times(&mut row, &state.be);
    row.sums(&state.be, COMPRESSION);
    zeros(&mut row, &["agg_server_status", "agg_server_check_status", "agg_check_status"]);
    if proxy.mode == Mode::Http {
        row.sums(&state.be, RESPONSES);
        row.sums(&state.be, &[(const { col("req_tot") }, Stat::Requests)]);
        zeros(&mut row, &["cache_lookups", "cache_hits"]);
    }
    modules(&mut row, COLUMNS.len());
    if proxy.mode == Mode::Http {
        let open =
            state.servers.iter().map(|server| server.idle.load(Relaxed) + server.used.load(Relaxed)).sum::<u32>();
        row.num(const { col("h1_open_connections") }, open);
        row.sums(&state.be, BACKEND_H1);
    }
    row
}

/// The status text and the colour class of a server.
fn status((server, state): Pair<'_>, leader: Pair<'_>) -> (String, &'static str) {
    let pick = |active: &'static str, backup: &'static str| if server.backup { backup } else { active };
    if let Some(track) = server.track.as_ref().filter(|_| state.inherited() == Admin::Maint) {
        return (format!("MAINT (via {})", track.shown), "maintain");
    }
    if state.admin() == Admin::Maint {
        return ("MAINT".to_owned(), "maintain");
    }
    if state.unresolved.load(Relaxed) {
        return ("MAINT (resolution)".to_owned(), "maintain");
    }
    let is_asked = |(server, state): Pair<'_>| server.agent.is_some() && !state.agent.off.load(Relaxed);
    if is_asked(leader) && state.health() == Health::Down && leader.1.agent.keeps_down() {
        return ("DOWN (agent)".to_owned(), pick("active_down", "backup_down"));
    }
    if is_asked(leader) && state.health() != Health::Down && state.drains() {
        return ("DRAIN (agent)".to_owned(), pick("active_draining", "backup_draining"));
    }
    let own = server.check.as_ref().filter(|_| !state.checks_off.load(Relaxed)).map(|check| (check.rise, check.fall));
    let Some((rise, fall)) = own.or(server.track.as_ref().and_then(|track| track.counts)) else {
        return match (state.drains(), state.health()) {
            // The runtime socket or a server that it tracks may say so.
            (_, Health::Down) => ("DOWN".to_owned(), pick("active_down", "backup_down")),
            (true, _) => ("DRAIN".to_owned(), pick("active_draining", "backup_draining")),
            (_, Health::Stopping) => ("NOLB".to_owned(), pick("active_nolb", "backup_nolb")),
            _ if server.track.is_some() => ("UP".to_owned(), pick("active_up", "backup_up")),
            _ => ("no check".to_owned(), pick("active_no_check", "backup_no_check")),
        };
    };
    let score = state.check_score.load(Relaxed);
    let going = score > 0 && score < rise + fall - 1;
    let count = if going { format!(" {}/{fall}", (score + 1).saturating_sub(rise)) } else { String::new() };
    match state.health() {
        Health::Down if score > 0 => {
            // Beyond `rise` where the agent of a server that tracks another keeps it down.
            let count = score.checked_sub(rise).map_or((score, rise), |above| (above + 1, fall));
            (format!("DOWN {}/{}", count.0, count.1), pick("active_going_up", "backup_going_up"))
        }
        Health::Down => ("DOWN".to_owned(), pick("active_down", "backup_down")),
        _ if state.drains() || state.weight.load(Relaxed) == 0 && !is_asked((server, state)) => {
            (format!("DRAIN{count}"), pick("active_draining", "backup_draining"))
        }
        Health::Stopping => (format!("NOLB{count}"), pick("active_nolb", "backup_nolb")),
        Health::Up if going => (format!("UP{count}"), pick("active_going_down", "backup_going_down")),
        Health::Up => ("UP".to_owned(), pick("active_up", "backup_up")),
    }
}

fn address(server: &Server, state: &ServerState) -> String {
    if let Some(addr) = state.addr.load().as_deref() {
        return addr.to_string();
    }
    let port = match server.port {
        PortSpec::Fixed(port) => port.to_string(),
        PortSpec::Offset(offset) => format!("{offset:+}"),
    };
    match &server.addr {
        ServerAddr::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        ServerAddr::Ip(ip) => format!("{ip}:{port}"),
        ServerAddr::Unix(_) | ServerAddr::Abstract(_) => "unix".to_owned(),
        ServerAddr::Unresolved(_) | ServerAddr::Client => String::new(),
    }
}

fn algorithm(balance: &Balance) -> &str {
    match balance {
        Balance::RoundRobin => "roundrobin",
        Balance::StaticRr => "static-rr",
        Balance::LeastConn => "leastconn",
        Balance::First => "first",
        Balance::Source => "source",
        Balance::Hash(on) => on.text.split([' ', '(']).next().unwrap_or_default(),
        // The release has no name for it.
        Balance::Random(_) => "unknown",
    }
}

fn times(row: &mut Row, counters: &Counters) {
    let (average, max) = (counters.average_times(), counters.max_times());
    for (at, value) in [
        (const { col("qtime") }, average.queue),
        (const { col("ctime") }, average.connect),
        (const { col("rtime") }, average.response),
        (const { col("ttime") }, average.total),
        (const { col("qtime_max") }, max.queue),
        (const { col("ctime_max") }, max.connect),
        (const { col("rtime_max") }, max.response),
        (const { col("ttime_max") }, max.total),
    ] {
        row.num(at, value);
    }
}

fn ago(second: i64, at: At) -> i64 {
    if second < 0 { -1 } else { (at.now - second).max(0) }
}

fn zeros(row: &mut Row, names: &[&str]) {
    for name in names {
        if let Some(at) = COLUMNS.iter().position(|column| column == name) {
            row.num(at, 0);
        }
    }
}

/// The columns of modules whose protocols are not spoken: nothing was counted.
fn modules(row: &mut Row, end: usize) {
    for at in CORE + 1..end {
        row.num(at, 0);
    }
}

/// Where the columns of the TLS module end.
const TLS_MODULE: usize = col("ssl_failed_ocsp_staple") + 1;
const TRAFFIC: &[(usize, Stat)] = &[
    (col("stot"), Stat::Sessions),
    (col("bin"), Stat::BytesIn),
    (col("bout"), Stat::BytesOut),
    (col("dresp"), Stat::DeniedResponses),
    (col("wrew"), Stat::FailedRewrites),
    (col("eint"), Stat::InternalErrors),
    (col("reqbin"), Stat::BytesIn),
    (col("reqbout"), Stat::RequestBytesOut),
    (col("resbin"), Stat::BytesOut),
    (col("resbout"), Stat::ResponseBytesOut),
];
/// Of a backend, bytes in are those that servers send.
const BACKEND_H1: &[(usize, Stat)] = &[
    (col("h1_total_connections"), Stat::Connects),
    (col("h1_total_streams"), Stat::Chosen),
    (col("h1_bytes_in"), Stat::BytesOut),
    (col("h1_bytes_out"), Stat::BytesIn),
];
const LISTENER: &[(usize, Stat)] = &[
    (col("dreq"), Stat::DeniedRequests),
    (col("ereq"), Stat::RequestErrors),
    (col("dcon"), Stat::DeniedConnections),
    (col("dses"), Stat::DeniedSessions),
];
/// What compressors did.
const COMPRESSION: &[(usize, Stat)] = &[
    (const { col("comp_in") }, Stat::CompressedIn),
    (const { col("comp_out") }, Stat::CompressedOut),
    (const { col("comp_byp") }, Stat::CompressionBypassed),
    (const { col("comp_rsp") }, Stat::CompressedResponses),
];

const FRONTEND: &[(usize, Stat)] = &[
    (col("dreq"), Stat::DeniedRequests),
    (col("ereq"), Stat::RequestErrors),
    (col("dcon"), Stat::DeniedConnections),
    (col("dses"), Stat::DeniedSessions),
    (col("conn_tot"), Stat::Connections),
    (col("req_tot"), Stat::Requests),
];
const SERVER: &[(usize, Stat)] = &[
    (col("econ"), Stat::ConnectErrors),
    (col("eresp"), Stat::ResponseErrors),
    (col("wretr"), Stat::Retries),
    (col("wredis"), Stat::Redispatches),
    (col("lbtot"), Stat::Chosen),
    (col("cli_abrt"), Stat::ClientAborts),
    (col("srv_abrt"), Stat::ServerAborts),
    (col("connect"), Stat::Connects),
    (col("reuse"), Stat::Reuses),
];
const RESPONSES: &[(usize, Stat)] = &[
    (col("hrsp_1xx"), Stat::Responses1xx),
    (col("hrsp_2xx"), Stat::Responses2xx),
    (col("hrsp_3xx"), Stat::Responses3xx),
    (col("hrsp_4xx"), Stat::Responses4xx),
    (col("hrsp_5xx"), Stat::Responses5xx),
    (col("hrsp_other"), Stat::ResponsesOther),
];
