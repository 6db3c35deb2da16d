//! Backends and their servers as lists: `show backend`, `show servers state`, `show servers conn`.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Command, Level, Shell};
use crate::base::id::ServerId;
use crate::engine::Engine;
use crate::ir::{PortSpec, Proxy, Server, ServerAddr};
use crate::keyword::Meta;
use crate::state::{Admin, CheckResult, Health, ServerState};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show backend",
            "show backend",
            "list backends in the current running config",
            &[("show backend", "# name")],
        ),
        level: Level::User,
        run: |shell, _| {
            let backends = shell.ir.proxies.iter().filter(|proxy| proxy.backend && !proxy.disabled);
            Answer::data(backends.fold("# name\n".to_owned(), |out, proxy| out + &proxy.name + "\n"))
        },
    },
    Command {
        meta: Meta::new(
            "show servers state",
            "show servers state [<backend>]",
            "dump volatile server information (all or for a single backend)",
            &[("show servers state", "1")],
        ),
        level: Level::User,
        run: |shell, words| each(shell, words, format!("1\n{SERVERS_STATE}\n"), &state_line),
    },
    Command {
        meta: Meta::new(
            "show servers conn",
            "show servers conn [<backend>]",
            "dump server connections status (all or for a single backend)",
            &[("show servers conn", "# bkname/svname bkid/svid")],
        ),
        level: Level::User,
        run: show_servers_conn,
    },
];

type Line<'l> = &'l dyn Fn(&Shell<'_>, &Proxy, (ServerId, &Server), &ServerState, &mut String);

/// A line for each server of the backend that is named, or of all.
fn each(shell: &Shell<'_>, words: &[&str], mut out: String, line: Line<'_>) -> Answer {
    let named = match words.first().map(|name| shell.proxy(name, |proxy| proxy.backend)) {
        Some(None) => return Answer::error("Can't find backend."),
        Some(Some(proxy)) => Some(proxy.id),
        None => None,
    };
    let backends = shell.ir.proxies.iter().filter(|proxy| proxy.backend && !proxy.disabled);
    for proxy in backends.filter(|proxy| named.is_none_or(|id| id == proxy.id)) {
        let states = &shell.view.proxy(proxy.id).servers;
        for (at, (server, state)) in proxy.servers.iter().zip(states).enumerate() {
            line(shell, proxy, (ServerId(at as u32), server), state, &mut out);
        }
    }
    Answer::data(out)
}

fn show_servers_conn(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let engine = shell.engine;
    let header = format!("{SERVERS_CONN} idle_per_thr[{}]\n", engine.map_or(0, Engine::cores));
    each(shell, words, header, &|_, proxy, (id, server), state, out| {
        let (ip, port) = address(server, state);
        let (used, idle_now) = (state.used.load(Relaxed), state.idle.load(Relaxed));
        let used_max = state.used_max.load(Relaxed);
        let needed = state.needed.load(Relaxed).max(used_max);
        let limit = server.pool_max.map_or(-1, i64::from);
        // Writing to a String cannot fail. Connections that a session keeps for itself count as used.
        let _ = write!(
            out,
            "{}/{} {}/{} {ip} {port} - {} {} {used} {used_max} {needed} 0 {idle_now} 0 {limit} {idle_now}",
            proxy.name,
            server.name,
            proxy.uuid,
            server.id,
            server.pool_purge_ms,
            state.current.load(Relaxed),
        );
        for count in engine.map(|engine| engine.idle_connections(proxy.id, id)).unwrap_or_default() {
            let _ = write!(out, " {count}");
        }
        out.push('\n');
    })
}

fn state_line(
    shell: &Shell<'_>,
    proxy: &Proxy,
    (_, server): (ServerId, &Server),
    state: &ServerState,
    out: &mut String,
) {
    let op = match state.health() {
        _ if state.in_maintenance() => 0,
        Health::Down => 0,
        Health::Stopping => 3,
        Health::Up => 2,
    };
    let configured = if server.disabled { 4 } else { 0 };
    // A server that was added with a name that nobody resolves waits for nothing.
    let waits_for_name = state.unresolved.load(Relaxed) && (!server.dynamic || server.resolve.is_some());
    let admin = configured
        + match state.admin() {
            Admin::Ready => 0,
            Admin::Drain => 8,
            Admin::Maint => 1,
        }
        + match state.inherited() {
            Admin::Ready => 0,
            Admin::Drain => 16,
            Admin::Maint => 2,
        }
        + if waits_for_name { 32 } else { 0 }
        + if state.renamed.load(Relaxed) { 64 } else { 0 };
    let result = state.check.load();
    let check_result = match (server.check.is_some(), state.health(), result.status) {
        (false, ..) => 0,
        (_, _, "" | "INI") => 0,
        (_, Health::Stopping, _) => 4,
        (_, _, status) if status.ends_with("OK") => 3,
        _ => 2,
    };
    let (ip, port) = address(server, state);
    let fqdn = state.fqdn.load();
    let fqdn = fqdn.as_deref().map_or("-", |name| name);
    let service = server.resolve.as_ref().filter(|resolve| resolve.is_service());
    let service = service.map_or("-", |resolve| resolve.shown.as_str());
    let check = server.check.as_ref();
    let check_addr = state.check_addr.load().as_deref().copied().or(check.and_then(|check| check.addr));
    let agent = server.agent.as_ref();
    let agent_addr = state.agent.addr.load().as_deref().copied().or(agent.and_then(|agent| agent.addr));
    let line = format!(
        "{} {} {} {} {ip} {op} {admin} {weight} {} {} {} {check_result} {} {} {} {} {} {fqdn} {port} {service} {} {} {} {} {}",
        proxy.uuid,
        proxy.name,
        server.id,
        server.name,
        server.weight,
        (shell.at.now - state.changed_at.load(Relaxed)).max(0),
        check_status(&result, server),
        check.map_or(0, |_| state.check_score.load(Relaxed)),
        check_state(server, state),
        agent_state(server, state),
        u8::from(proxy.forced_id),
        u8::from(server.forced_id),
        u8::from(server.tls.is_some() && !state.tls_off.load(Relaxed)),
        Some(state.check_port.load(Relaxed))
            .filter(|port| *port > 0)
            .or(check.and_then(|check| check.port))
            .unwrap_or(0),
        check_addr.map_or("-".to_owned(), |addr| addr.to_string()),
        agent_addr.map_or("-".to_owned(), |addr| addr.to_string()),
        Some(state.agent.port.load(Relaxed)).filter(|port| *port > 0).or(agent.map(|agent| agent.port)).unwrap_or(0),
        weight = state.weight.load(Relaxed),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{line}");
}

/// The number of the last check's status; 1 where there was none.
fn check_status(result: &CheckResult, server: &Server) -> u8 {
    match result.status {
        _ if server.check.is_none() => 1,
        // Nothing has been said of a server that was added a moment ago.
        "" if server.dynamic => 1,
        "" | "INI" => 2,
        _ => result.number(),
    }
}

fn fixed(server: &Server) -> u16 {
    match server.port {
        PortSpec::Fixed(port) => port,
        PortSpec::Offset(_) => 0,
    }
}

/// Bits: configured 2, enabled 4, paused 8.
fn check_state(server: &Server, state: &ServerState) -> u8 {
    if server.check.is_none() {
        return if server.disabled { 8 } else { 0 };
    }
    let enabled = if state.checks_off.load(Relaxed) { 0 } else { 4 };
    // One that was added has not left its first maintenance yet.
    let begins = server.dynamic && state.check.load().status.is_empty();
    let paused = if state.in_maintenance() && !begins { 8 } else { 0 };
    2 | enabled | paused
}

/// Bits: running 1, configured 2, enabled 4, an agent 16.
fn agent_state(server: &Server, state: &ServerState) -> u8 {
    if server.agent.is_none() {
        return 0;
    }
    let enabled = if state.agent.off.load(Relaxed) { 0 } else { 4 };
    16 | enabled | 2 | u8::from(state.agent.asking.load(Relaxed))
}

/// The address and port in use; `-` where there is none.
fn address(server: &Server, state: &ServerState) -> (String, u16) {
    match (state.addr.load().as_deref(), &server.addr) {
        (Some(addr), _) => (addr.ip().to_string(), addr.port()),
        (None, ServerAddr::Ip(ip)) if !state.unresolved.load(Relaxed) => (ip.to_string(), fixed(server)),
        (None, _) => ("-".to_owned(), fixed(server).max(state.service_port.load(Relaxed))),
    }
}

const SERVERS_CONN: &str = "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur";
const SERVERS_STATE: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";
