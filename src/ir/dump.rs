//! The configuration as stable text, for snapshots and for those who want to see what a file came to. One line a fact, in
//! the words of the configuration where it has some; what has its default is left out.

use std::fmt::{self, Display, Write};

use super::Ir;
use super::balance::{Affinity, Balance, HashType};
use super::bind_dump::{Listener, Socket, tls_common};
use super::check::CheckKind;
use super::check_dump::{Spoken, asked, health, observed};
use super::cpu::CpuMap;
use super::global::{Global, Password, Userlist};
use super::log::{LogFormatName, LogTarget, LogTo};
use super::proxy::{
    BackendTo, ConnectionMode, ErrorAnswer, ErrorReply, Forwarded, Mode, Proxy, RetryOn, Reuse, ServerTo, Timeouts,
};
use super::server::{PortSpec, ProxyProtocol, Server, ServerAddr, ServerTls, Verify};
use super::stats::Stats;
use crate::http::HeaderName;
use crate::keyword::STICK_COUNTERS;
use crate::rules::RuleSet;
use crate::state::variables::Limits;

/// The whole configuration.
pub fn dump(ir: &Ir) -> String {
    let mut out = Dump::default();
    out.line(0, "global");
    out.global(&ir.global);
    for list in &ir.userlists {
        out.userlist(list);
    }
    for proxy in &ir.proxies {
        out.proxy(proxy, ir);
    }
    out.text
}

#[derive(Default)]
struct Dump {
    text: String,
}

impl Dump {
    fn line(&mut self, depth: usize, what: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{:1$}{what}", "", depth * 4);
    }

    fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.line(1, name);
        }
    }

    fn value<T: Display>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.line(1, format_args!("{name} {value}"));
        }
    }

    fn variable_limits(&mut self, limits: &Limits) {
        for (name, limit) in [
            ("process", limits.process),
            ("sess", limits.sess),
            ("txn", limits.txn),
            ("reqres", limits.reqres),
            ("check", limits.check),
        ] {
            self.value(&format!("tune.vars {name}"), Some(limit).filter(|limit| *limit < u64::MAX));
        }
    }

    fn global(&mut self, global: &Global) {
        self.value("maxconn", global.maxconn);
        self.value("nbthread", global.threads);
        self.value("thread-hard-limit", global.thread_limit);
        self.flag("daemon", global.daemon);
        self.flag("master-worker", global.master_worker);
        self.flag("quiet", global.quiet);
        self.flag("zero-warning", global.zero_warning);
        self.flag("strict-limits false", !global.strict_limits);
        self.flag("noreuseport", global.no_reuse_port);
        self.value("pidfile", global.pidfile.as_ref().map(|path| path.display()));
        self.value("uid", global.uid);
        self.value("gid", global.gid);
        self.value("chroot", global.chroot.as_ref().map(|path| path.display()));
        self.value("ulimit-n", global.ulimit_n);
        self.value("fd-hard-limit", global.fd_hard_limit);
        self.value("mworker-max-reloads", global.max_reloads);
        self.flag("set-dumpable true", global.dumpable);
        self.flag("pp2-never-send-local", global.checks_as_clients);
        self.flag("reject-privileged-ports", global.rejects_privileged_ports);
        for (name, limit) in ["maxconnrate", "maxsessrate", "maxsslrate"].into_iter().zip(global.rate_limits) {
            self.value(name, Some(limit).filter(|limit| *limit > 0));
        }
        self.value("hard-stop-after", global.hard_stop_after);
        self.value("grace", global.grace);
        global.logs.iter().for_each(|log| self.log(log));
        let hostname = global.log_send_hostname.as_ref().map(|name| name.as_deref().unwrap_or("(own)"));
        self.value("log-send-hostname", hostname);
        self.value("log-tag", global.log_tag.as_ref());
        self.value("log-uri-len", Some(global.log_uri_len).filter(|len| *len != 1024));
        global.runtime_sockets.iter().for_each(|socket| self.line(1, Socket(socket)));
        self.value("stats timeout", global.stats_timeout);
        self.value("stats maxconn", global.stats_maxconn);
        self.value("node", global.node.as_ref());
        self.value("description", global.description.as_ref());
        for assigned in &global.variables {
            let (kind, text) = (assigned.value.kind().name(), assigned.value.printable());
            self.line(1, format_args!("set-var {} {kind} {text}", assigned.name));
        }
        global.variable_limits.iter().for_each(|limits| self.variable_limits(limits));
        self.value("tune.idle-pool.shared", (!global.shares_idle).then_some("off"));
        self.value("tune.bufsize", Some(global.bufsize).filter(|size| *size != 16384));
        self.value("tune.maxrewrite", Some(global.maxrewrite).filter(|size| *size != 1024));
        self.value("tune.http.cookielen", Some(global.cookielen).filter(|length| *length != 63));
        self.value("tune.stick-counters", Some(global.stick_counters).filter(|count| *count != STICK_COUNTERS));
        self.value("h1-case-adjust", Some(global.case_map.len()).filter(|count| *count > 0));
        self.value("maxcomprate", Some(global.compression_rate).filter(|rate| *rate != 0));
        self.value("maxcompcpuusage", Some(global.compression_cpu).filter(|percent| *percent != 100));
        self.value("maxzlibmem", Some(global.compression_memory).filter(|bytes| *bytes != 0));
        self.value("tune.comp.maxlevel", Some(global.compression_level).filter(|level| *level != 1));
        self.value("tune.zlib.windowsize", Some(global.compression_window).filter(|window| *window != 15));
        self.value("tune.http.maxhdr", Some(global.maxhdr).filter(|count| *count != 101));
        self.value("spread-checks", Some(global.spread_checks).filter(|percent| *percent != 0));
        self.value("max-spread-checks", global.max_spread_checks);
        self.tuning(global);
        self.value("localpeer", global.localpeer.as_ref());
    }

    fn tuning(&mut self, global: &Global) {
        self.value("tune.ssl.cachesize", Some(global.tls_sessions).filter(|count| *count != 20_000));
        self.value("tune.ssl.lifetime", Some(global.tls_lifetime).filter(|seconds| *seconds != 300));
        self.value("tune.ssl.capture-buffer-size", Some(global.tls_capture).filter(|size| *size != 0));
        let positive = |size: u32| Some(size).filter(|size| *size != 0);
        self.value("tune.ssl.maxrecord", positive(global.tls_records.first));
        self.value("tune.ssl.hard-maxrecord", positive(global.tls_records.any));
        for (side, sizes) in [("client", global.client_sockets), ("server", global.server_sockets)] {
            for (name, size) in [("rcvbuf", sizes.receive), ("sndbuf", sizes.send), ("notsent-lowat", sizes.unsent)] {
                self.value(&format!("tune.{name}.{side}"), positive(size));
            }
        }
        self.value("tune.renice.runtime", global.renice);
        self.cpu_map(&global.cpu_map);
    }

    fn cpu_map(&mut self, map: &CpuMap) {
        self.value("thread-groups", Some(map.groups).filter(|groups| *groups > 0));
        for (group, first, last) in &map.ranges {
            self.line(1, format_args!("thread-group {group} {first}-{last}"));
        }
        for pin in &map.pins {
            let auto = if pin.auto { "auto:" } else { "" };
            let threads = pin.threads.map(|set| format!("/{set:x}")).unwrap_or_default();
            let cpus: Vec<String> = pin.cpus.iter().map(u16::to_string).collect();
            self.line(1, format_args!("cpu-map {auto}{:x}{threads} {}", pin.groups, cpus.join(",")));
        }
    }

    fn userlist(&mut self, list: &Userlist) {
        self.line(0, format_args!("userlist {}", list.name));
        for group in &list.groups {
            self.line(1, format_args!("group {}", group.name));
        }
        for user in &list.users {
            let kind = match user.password {
                Password::Plain(_) => "plain",
                Password::Crypt(_) => "crypt",
                Password::None => "no-password",
            };
            let groups: Vec<&str> =
                user.groups.iter().filter_map(|at| list.groups.get(*at)).map(|group| group.name.as_str()).collect();
            self.line(1, format_args!("user {} {kind} groups [{}]", user.name, groups.join(",")));
        }
    }

    fn proxy(&mut self, proxy: &Proxy, ir: &Ir) {
        let kind = match (proxy.frontend, proxy.backend) {
            (true, true) => "listen",
            (true, false) => "frontend",
            _ => "backend",
        };
        self.line(0, format_args!("{kind} {}", proxy.name));
        self.line(1, format_args!("mode {}", if proxy.mode == Mode::Http { "http" } else { "tcp" }));
        self.line(1, format_args!("id {}", proxy.uuid));
        self.flag("disabled", proxy.disabled);
        self.value("description", proxy.description.as_ref());
        proxy.binds.iter().for_each(|bind| self.line(1, Listener(bind)));
        self.limits(proxy);
        self.sticky(proxy, ir);
        self.timeouts(&proxy.timeouts);
        self.http(proxy);
        self.rules(proxy, ir);
        self.logging(proxy);
        if proxy.backend {
            self.backend(proxy);
        }
        self.flag("case-adjust client", proxy.adjust_client);
        self.flag("case-adjust server", proxy.adjust_server);
        self.flag("drop-request-trailers", proxy.drop_request_trailers);
        self.flag("drop-response-trailers", proxy.drop_response_trailers);
        let restricts = Some(proxy.restrict_names).filter(|how| *how != super::RestrictNames::Preserve);
        self.value("restrict-names", restricts.map(|how| format!("{how:?}")));
        if let Some(field) = &proxy.forwarded {
            self.line(1, field);
        }
        if let Some(compression) = &proxy.compression {
            self.line(1, compression);
        }
        proxy.errors.iter().for_each(|error| self.line(1, Reply(error)));
        if let Some(stats) = &proxy.stats {
            self.stats(stats);
        }
    }

    fn limits(&mut self, proxy: &Proxy) {
        self.value("maxconn", proxy.maxconn);
        self.value("rate-limit sessions", proxy.rate_limit);
        self.value("backlog", proxy.backlog);
        self.value("fullconn", proxy.fullconn);
        self.flag("abortonclose", proxy.abort_on_close);
        self.flag("client-keepalive", proxy.sockets.client_keepalive);
        self.flag("server-keepalive", proxy.sockets.server_keepalive);
        self.value("client-probes", proxy.sockets.client_probes.shown());
        self.value("server-probes", proxy.sockets.server_probes.shown());
        self.flag("nolinger", proxy.sockets.no_linger);
        self.flag("independent-streams", proxy.sockets.independent_streams);
        self.flag("idle-close-on-response", proxy.keeps_idle_clients);
        self.flag("socket-stats", proxy.socket_stats);
    }

    fn sticky(&mut self, proxy: &Proxy, ir: &Ir) {
        if let Some(table) = proxy.table.and_then(|id| ir.tables.get(id.index())) {
            self.line(1, table);
        }
        for rule in &proxy.stick {
            let table = ir.tables.get(rule.table.index()).map_or("", |table| &table.name);
            let cond = rule.cond.as_ref().map_or(String::new(), |cond| format!(" {}", cond.text()));
            self.line(1, format_args!("stick {} {} table {table}{cond}", rule.when.name(), rule.key.text()));
        }
    }

    fn timeouts(&mut self, times: &Timeouts) {
        for (name, value) in [
            ("client", times.client),
            ("client-fin", times.client_fin),
            ("client-hs", times.client_hs),
            ("connect", times.connect),
            ("check", times.check),
            ("http-request", times.http_request),
            ("http-keep-alive", times.http_keep_alive),
            ("queue", times.queue),
            ("server", times.server),
            ("server-fin", times.server_fin),
            ("tarpit", times.tarpit),
            ("tunnel", times.tunnel),
        ] {
            self.value(&format!("timeout {name}"), value);
        }
    }

    fn http(&mut self, proxy: &Proxy) {
        let connection = match proxy.connection {
            ConnectionMode::KeepAlive => None,
            ConnectionMode::ServerClose => Some("server-close"),
            ConnectionMode::Close => Some("close"),
        };
        self.value("connection", connection);
        self.flag("pretend-keepalive", proxy.pretend_keepalive);
        self.flag("buffer-request", proxy.buffer_request);
        self.flag("no-delay", proxy.no_delay);
        self.flag("unsafe-requests", proxy.unsafe_requests);
        self.flag("unsafe-responses", proxy.unsafe_responses);
        self.flag("ignore-probes", proxy.ignore_probes);
        self.flag("use-proxy-header", proxy.use_proxy_header);
        self.value("forwardfor", proxy.forwardfor.as_ref().map(Added));
        self.value("originalto", proxy.originalto.as_ref().map(Added));
        self.value("monitor-uri", proxy.monitor_uri.as_ref().map(|uri| uri.escape_ascii().to_string()));
        for cond in &proxy.monitor_fail {
            self.line(1, format_args!("monitor fail {}", cond.text()));
        }
        if let Some((name, length)) = &proxy.capture_cookie {
            self.line(1, format_args!("capture cookie {} {length}", name.escape_ascii()));
        }
        for (direction, slots) in [("request", &proxy.capture_req), ("response", &proxy.capture_res)] {
            for (name, length) in slots {
                let name = name.as_ref().map_or("-".to_owned(), header);
                self.line(1, format_args!("capture {direction} {name} {length}"));
            }
        }
        self.value("unique-id", proxy.unique_id.as_ref().map(|format| format.text().to_owned()));
        self.value("unique-id-header", proxy.unique_id_header.as_ref().map(header));
    }

    fn rules(&mut self, proxy: &Proxy, ir: &Ir) {
        self.value("inspect-delay", proxy.inspect_delay_ms);
        self.value("res-inspect-delay", proxy.res_inspect_delay_ms);
        self.rule_set("tcp-request connection", &proxy.tcp_req_conn);
        self.rule_set("tcp-request session", &proxy.tcp_req_sess);
        self.rule_set("tcp-request content", &proxy.tcp_req_content);
        self.rule_set("tcp-response content", &proxy.tcp_res_content);
        self.rule_set("http-request", &proxy.http_req);
        self.rule_set("http-response", &proxy.http_res);
        self.rule_set("http-after-response", &proxy.http_after);
        for choice in &proxy.use_backend {
            let to = match &choice.to {
                BackendTo::Fixed(id) => ir.proxy(*id).name.to_string(),
                BackendTo::Dynamic(format) => format.text().to_owned(),
            };
            let cond = choice.cond.as_ref().map(|cond| format!(" {}", cond.text())).unwrap_or_default();
            self.line(1, format_args!("use_backend {to}{cond}"));
        }
        self.value("default_backend", proxy.default_backend.map(|id| ir.proxy(id).name.clone()));
    }

    fn rule_set(&mut self, name: &str, set: &RuleSet) {
        for rule in &set.rules {
            self.line(1, format_args!("{name} {}", rule.text));
        }
    }

    fn logging(&mut self, proxy: &Proxy) {
        proxy.logs.iter().for_each(|log| self.log(log));
        self.value("log-format", proxy.log_formats.stream.as_ref().map(|format| format.text().to_owned()));
        self.value("error-log-format", proxy.log_formats.error.as_ref().map(|format| format.text().to_owned()));
        self.value("log-format-sd", proxy.log_formats.structured.as_ref().map(|format| format.text().to_owned()));
        self.value("log-tag", proxy.log_tag.as_ref());
        self.flag("dontlognull", proxy.dont_log_null);
        self.flag("dontlog-normal", proxy.dont_log_normal);
        self.flag("log-separate-errors", proxy.log_separate_errors);
        self.flag("logasap", proxy.log_asap);
        self.flag("log-health-checks", proxy.log_health_checks);
    }

    fn log(&mut self, log: &LogTarget) {
        let to = match &log.to {
            LogTo::Udp(addr) => format!("udp {addr}"),
            LogTo::Unix(path) => format!("unix {}", path.display()),
            LogTo::Fd(fd) => format!("fd {fd}"),
        };
        let mut line = format!("log {to} facility {} level {}..{}", log.facility, log.min_level, log.level);
        if log.format != LogFormatName::Local {
            // Writing to a String cannot fail.
            let _ = write!(line, " format {:?}", log.format);
        }
        if log.max_len != 1024 {
            let _ = write!(line, " len {}", log.max_len);
        }
        if let Some((ranges, size)) = &log.sample {
            let _ = write!(line, " sample {ranges:?} of {size}");
        }
        self.line(1, line);
    }

    fn backend(&mut self, proxy: &Proxy) {
        self.flag("prefer-last-server", proxy.choosing.prefer_last);
        self.flag("checkcache", proxy.check_cache);
        self.value("http-send-name-header", proxy.name_header.as_ref().map(header));
        proxy.persist.lines().iter().for_each(|line| self.line(1, line));
        let balance = match proxy.balance {
            Balance::RoundRobin => "roundrobin".to_owned(),
            Balance::StaticRr => "static-rr".to_owned(),
            Balance::LeastConn => "leastconn".to_owned(),
            Balance::First => "first".to_owned(),
            Balance::Source => "source".to_owned(),
            Balance::Random(draws) => format!("random({draws})"),
            Balance::Hash(ref on) => on.text.to_string(),
        };
        self.line(1, format_args!("balance {balance}"));
        self.value("hash-type", Some(proxy.choosing.hash_type).filter(|kind| *kind != HashType::default()));
        self.value("hash-balance-factor", Some(proxy.choosing.factor).filter(|factor| *factor > 0));
        let affinity = Some(proxy.choosing.affinity).filter(|affinity| *affinity != Affinity::Always);
        self.value("hash-preserve-affinity", affinity.map(Affinity::name));
        self.flag("allbackups", proxy.choosing.all_backups);
        self.value("retries", Some(proxy.retries).filter(|retries| *retries != 3));
        if proxy.retry_on != RetryOn::CONN_FAILURE {
            let on = |(name, event): &(&'static str, RetryOn)| proxy.retry_on.contains(*event).then_some(*name);
            let names: Vec<&str> = RetryOn::NAMES.iter().filter_map(on).collect();
            self.line(1, format_args!("retry-on {}", names.join(" ")));
        }
        self.value("redispatch", proxy.redispatch);
        let reuse = match proxy.reuse {
            Reuse::Safe => None,
            Reuse::Never => Some("never"),
            Reuse::Aggressive => Some("aggressive"),
            Reuse::Always => Some("always"),
        };
        self.value("http-reuse", reuse);
        for choice in &proxy.use_server {
            let to = match &choice.to {
                ServerTo::Fixed(id) => {
                    proxy.servers.get(id.index()).map_or("?".to_owned(), |server| server.name.to_string())
                }
                ServerTo::Dynamic(format) => format.text().to_owned(),
            };
            let cond = choice.cond.as_ref().map(|cond| format!(" {}", cond.text())).unwrap_or_default();
            self.line(1, format_args!("use-server {to}{cond}"));
        }
        let mut shown = false;
        for server in &proxy.servers {
            match server.check.as_ref().map(|check| &check.kind).filter(|_| !shown) {
                Some(CheckKind::Http(steps)) => steps.iter().for_each(|step| self.line(1, step)),
                Some(CheckKind::Tcp(steps)) => steps.iter().for_each(|step| self.line(1, step)),
                Some(CheckKind::Dialog(dialog)) => self.line(1, Spoken(dialog)),
                Some(CheckKind::Connect) | None => continue,
            }
            shown = true;
        }
        proxy.servers.iter().for_each(|server| self.line(1, Target(server)));
    }

    fn stats(&mut self, stats: &Stats) {
        self.line(1, format_args!("stats uri {}", stats.uri));
        for (user, _) in &stats.auth {
            self.line(1, format_args!("stats auth {user}"));
        }
        self.line(1, format_args!("stats realm {}", stats.realm));
        for scope in &stats.scope {
            self.line(1, format_args!("stats scope {scope}"));
        }
        self.value("stats refresh", stats.refresh_ms);
        self.flag("stats hide-version", stats.hide_version);
        self.flag("stats show-legends", stats.show_legends);
        self.flag("stats show-modules", stats.show_modules);
        let own = |text: &Option<String>| text.clone().unwrap_or_else(|| "(global)".to_owned());
        self.value("stats show-desc", stats.show_desc.as_ref().map(own));
        self.value("stats show-node", stats.show_node.as_ref().map(own));
        for cond in &stats.admin {
            self.line(1, format_args!("stats admin {}", cond.text()));
        }
        self.rule_set("stats rule", &stats.rules);
    }
}

fn header(name: &HeaderName) -> String {
    name.as_bytes().escape_ascii().to_string()
}

/// `name value` for each value there is.
pub(super) fn options(f: &mut fmt::Formatter<'_>, all: &[(&str, Option<String>)]) -> fmt::Result {
    all.iter().try_for_each(|(name, value)| value.as_ref().map_or(Ok(()), |value| write!(f, " {name} {value}")))
}

/// The names of the flags that are on.
pub(super) fn flags(f: &mut fmt::Formatter<'_>, all: &[(&str, bool)]) -> fmt::Result {
    all.iter().filter(|(_, on)| *on).try_for_each(|(name, _)| write!(f, " {name}"))
}

struct Added<'a>(&'a Forwarded);

impl Display for Added<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&header(&self.0.header))?;
        if let Some((ip, bits)) = self.0.except {
            write!(f, " except {ip}/{bits}")?;
        }
        flags(f, &[("if-none", self.0.if_none)])
    }
}

struct Reply<'a>(&'a ErrorReply);

impl Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorAnswer::Raw(raw) = &self.0.answer else { return write!(f, "error {} made", self.0.status) };
        let first = raw.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        write!(f, "error {} {} bytes: {}", self.0.status, raw.len(), first.escape_ascii())
    }
}

struct Target<'a>(&'a Server);

impl Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.0;
        write!(f, "server {} ", server.name)?;
        match &server.addr {
            ServerAddr::Ip(std::net::IpAddr::V6(ip)) => write!(f, "[{ip}]")?,
            ServerAddr::Ip(ip) => write!(f, "{ip}")?,
            ServerAddr::Unix(path) => write!(f, "{}", path.display())?,
            ServerAddr::Abstract(name) => write!(f, "abns@{name}")?,
            ServerAddr::Unresolved(name) => write!(f, "unresolved {name}")?,
            ServerAddr::Client => f.write_str("*")?,
        }
        match server.port {
            PortSpec::Fixed(port) => write!(f, ":{port}")?,
            PortSpec::Offset(0) => {}
            PortSpec::Offset(offset) => write!(f, ":{offset:+}")?,
        }
        options(
            f,
            &[
                ("id", Some(server.id.to_string())),
                ("weight", Some(server.weight).filter(|weight| *weight != 1).map(|n| n.to_string())),
                ("maxconn", server.maxconn.map(|n| n.to_string())),
                ("minconn", server.minconn.map(|n| n.to_string())),
                ("maxqueue", server.maxqueue.map(|n| n.to_string())),
                ("slowstart", server.slowstart_ms.map(|n| n.to_string())),
                ("hash-key", server.hash_key.name().map(str::to_owned)),
                ("source", server.source.as_ref().map(|source| source.to_string())),
                ("track", server.track.as_ref().map(|track| track.shown.to_string())),
                ("tcp-ut", Some(server.user_timeout_ms).filter(|ms| *ms > 0).map(|n| n.to_string())),
                ("pool-max-conn", server.pool_max.map(|n| n.to_string())),
                ("pool-low-conn", Some(server.pool_low).filter(|low| *low > 0).map(|low| low.to_string())),
                ("pool-purge-delay", Some(server.pool_purge_ms).filter(|ms| *ms != 5000).map(|n| n.to_string())),
                ("max-reuse", server.max_reuse.map(|n| n.to_string())),
                ("redir", server.redir.as_deref().map(str::to_owned)),
                ("cookie", server.cookie.as_deref().map(str::to_owned)),
            ],
        )?;
        flags(
            f,
            &[
                ("backup", server.backup),
                ("disabled", server.disabled),
                ("tfo", server.fast_open),
                ("multipath", server.multipath),
            ],
        )?;
        flags(
            f,
            &[
                ("on-marked-down shutdown-sessions", server.ends_streams_when_down),
                ("on-marked-up shutdown-backup-sessions", server.ends_backups_when_up),
            ],
        )?;
        flags(f, &[("non-stick", server.non_stick)])?;
        server.send_proxy.as_ref().map_or(Ok(()), |protocol| send_proxy(f, protocol))?;
        server.tls.as_ref().map_or(Ok(()), |tls| server_tls(f, tls))?;
        server.check.as_ref().map_or(Ok(()), |check| health(f, check))?;
        server.agent.as_ref().map_or(Ok(()), |agent| asked(f, agent))?;
        server.observe.as_ref().map_or(Ok(()), |observe| observed(f, observe))
    }
}

fn send_proxy(f: &mut fmt::Formatter<'_>, protocol: &ProxyProtocol) -> fmt::Result {
    let ProxyProtocol::V2(v2) = protocol else { return f.write_str(" send-proxy") };
    f.write_str(" send-proxy-v2")?;
    let facts: Vec<&str> = v2.facts.names().collect();
    if !facts.is_empty() {
        write!(f, " {}", facts.join(","))?;
    }
    v2.tlvs.iter().try_for_each(|(kind, format)| write!(f, " tlv {kind:#04x} '{}'", format.text()))
}

fn server_tls(f: &mut fmt::Formatter<'_>, tls: &ServerTls) -> fmt::Result {
    f.write_str(if tls.verify == Verify::None { " ssl verify none" } else { " ssl verify required" })?;
    options(
        f,
        &[
            ("ca-file", tls.system_roots.then(|| "@system-ca".to_owned())),
            ("roots", Some(tls.roots.len()).filter(|count| *count > 0).map(|count| count.to_string())),
            ("verifyhost", tls.verify_host.clone()),
            ("sni", tls.sni.as_ref().map(|sni| sni.text().to_owned())),
            ("check-sni", tls.check_sni.clone()),
        ],
    )?;
    flags(f, &[("crt", tls.cert.is_some()), ("no-ssl-reuse", tls.no_reuse), ("no-tls-tickets", tls.no_tickets)])?;
    tls_common(f, &tls.alpn, &tls.suites, tls.versions)
}
