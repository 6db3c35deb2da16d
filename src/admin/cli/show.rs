//! `show stat`, `show servers state`, `show backend`: proxies and servers, and the commands that change a server's state.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::{Command, Level, Shell};
use crate::admin::stats::page::Change;
use crate::admin::stats::{csv, rows};
use crate::base::id::{ProxyId, ServerId};
use crate::ir::{PortSpec, Proxy, Server, ServerAddr};
use crate::keyword::Meta;
use crate::state::{Admin, Health, ServerState};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show stat",
            "show stat [<proxy> <type> <server>]",
            "report counters for each proxy and server",
            &[("show stat", "# pxname,svname,")],
        ),
        level: Level::User,
        run: show_stat,
    },
    Command {
        meta: Meta::new(
            "show servers state",
            "show servers state [<backend>]",
            "dump volatile server information (all or for a single backend)",
            &[("show servers state", "1")],
        ),
        level: Level::User,
        run: show_servers_state,
    },
    Command {
        meta: Meta::new(
            "show backend",
            "show backend",
            "list backends in the current running config",
            &[("show backend", "# name")],
        ),
        level: Level::User,
        run: |shell, _| {
            let names = shell.ir.proxies.iter().filter(|proxy| proxy.backend);
            names.fold("# name\n".to_owned(), |out, proxy| out + &proxy.name + "\n")
        },
    },
    Command {
        meta: Meta::new(
            "disable server",
            "disable server <bk>/<srv>",
            "set a server in maintenance mode",
            &[("disable server be/s1", "")],
        ),
        level: Level::Admin,
        run: |shell, words| change(shell, words, Change::Admin(Admin::Maint)),
    },
    Command {
        meta: Meta::new(
            "enable server",
            "enable server <bk>/<srv>",
            "set a server ready again after maintenance",
            &[("enable server be/s1", "")],
        ),
        level: Level::Admin,
        run: |shell, words| change(shell, words, Change::Admin(Admin::Ready)),
    },
];

fn show_stat(shell: &mut Shell<'_>, words: &[&str]) -> String {
    if let Some(format) = words.iter().find(|word| matches!(**word, "json" | "typed" | "desc" | "up" | "no-maint")) {
        return format!(
            "'show stat {format}' is known to HAProxy 3.4, not supported by hydroxy yet (management.txt, chapter 9.3).\n"
        );
    }
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
    let (proxy, kind, server) = (number(0).unwrap_or(-1), number(1).unwrap_or(-1), number(2).unwrap_or(-1));
    let mut rows = rows::rows(shell.ir, shell.view, shell.at, |found| proxy < 0 || i64::from(found.uuid) == proxy);
    let sid = const { crate::admin::stats::columns::col("sid") };
    // The type is a mask: 1 frontends, 2 backends, 4 servers, 8 listeners.
    let bit = |row: &rows::Row| 1_i64 << (row.kind as i64);
    rows.retain(|row| (kind < 0 || kind & bit(row) != 0) && (server < 0 || row.number(sid) == server));
    let mut out = Vec::new();
    csv::write(&rows, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn show_servers_state(shell: &mut Shell<'_>, words: &[&str]) -> String {
    let named = words.first();
    if let Some(name) = named
        && find_backend(shell, name).is_none()
    {
        return "Can't find backend.\n".to_owned();
    }
    let mut out = format!("1\n{SERVERS_STATE}\n");
    for proxy in shell.ir.proxies.iter().filter(|proxy| proxy.backend && named.is_none_or(|name| is_named(proxy, name)))
    {
        let Some(state) = shell.view.proxies.get(proxy.id.index()) else { continue };
        for (server, state) in proxy.servers.iter().zip(&state.servers) {
            server_line(shell, proxy, server, state, &mut out);
        }
    }
    out
}

fn server_line(shell: &Shell<'_>, proxy: &Proxy, server: &Server, state: &ServerState, out: &mut String) {
    let op = match (state.health(), state.admin()) {
        (Health::Down, _) | (_, Admin::Maint) => 0,
        (Health::Stopping, _) => 3,
        (Health::Up, _) => 2,
    };
    let admin = match state.admin() {
        Admin::Ready => 0,
        Admin::Drain => 8,
        Admin::Maint if server.disabled => 5,
        Admin::Maint => 1,
    };
    let result = state.check.load();
    let check_result = match (server.check.is_some(), state.health(), result.status) {
        (false, ..) => 0,
        (_, _, "" | "INI") => 0,
        (_, Health::Stopping, _) => 4,
        (_, _, status) if status.ends_with("OK") => 3,
        _ => 2,
    };
    let addr = state.addr.load();
    let (ip, port) = match (addr.as_deref(), &server.addr) {
        (Some(addr), _) => (addr.ip().to_string(), addr.port()),
        (None, ServerAddr::Ip(ip)) => (ip.to_string(), fixed(server)),
        (None, _) => ("-".to_owned(), fixed(server)),
    };
    let fqdn = match &server.addr {
        ServerAddr::Unresolved(name) => name.as_str(),
        _ => "-",
    };
    let check = server.check.as_ref();
    let line = format!(
        "{} {} {} {} {ip} {op} {admin} {weight} {} {} {} {check_result} {} {} 0 0 0 {fqdn} {port} - {} {} {} - 0",
        proxy.uuid,
        proxy.name,
        server.id,
        server.name,
        server.weight,
        (shell.at.now - state.changed_at.load(Relaxed)).max(0),
        check_status(result.status, server.check.is_some()),
        state.check_score.load(Relaxed),
        if check.is_some() { 6 } else { 0 },
        u8::from(server.tls.is_some()),
        check.and_then(|check| check.port).unwrap_or(0),
        check.and_then(|check| check.addr).map_or("-".to_owned(), |addr| addr.to_string()),
        weight = state.weight.load(Relaxed),
    );
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{line}");
}

/// The numbers of check statuses as `show servers state` writes them; 1 is "no check" or unknown.
fn check_status(status: &str, checked: bool) -> u8 {
    match status {
        _ if !checked => 1,
        "" | "INI" => 2,
        "SOCKERR" => 5,
        "L4OK" => 6,
        "L4TOUT" => 7,
        "L4CON" => 8,
        "L6OK" => 9,
        "L6TOUT" => 10,
        "L6RSP" => 11,
        "L7TOUT" => 12,
        "L7RSP" => 13,
        "L7OK" => 15,
        "L7OKC" => 16,
        "L7STS" => 17,
        _ => 1,
    }
}

fn fixed(server: &Server) -> u16 {
    match server.port {
        PortSpec::Fixed(port) => port,
        PortSpec::Offset(_) => 0,
    }
}

fn change(shell: &mut Shell<'_>, words: &[&str], change: Change) -> String {
    let Some((backend, server)) = words.first().and_then(|word| word.split_once('/')) else {
        return "Require 'backend/server'.\n".to_owned();
    };
    match find_server(shell, backend, server) {
        Some((proxy, server)) => shell.changes.push((proxy, server, change)),
        None if find_backend(shell, backend).is_none() => return "No such backend.\n".to_owned(),
        None => return "No such server.\n".to_owned(),
    }
    String::new()
}

fn find_server(shell: &Shell<'_>, backend: &str, name: &str) -> Option<(ProxyId, ServerId)> {
    let proxy = find_backend(shell, backend)?;
    let at = proxy.servers.iter().position(|server| *server.name == *name)?;
    Some((proxy.id, ServerId(u32::try_from(at).ok()?)))
}

fn find_backend<'a>(shell: &Shell<'a>, name: &str) -> Option<&'a Proxy> {
    shell.ir.proxies.iter().map(|proxy| &**proxy).find(|proxy| proxy.backend && is_named(proxy, name))
}

/// A backend is named by its name or by its id, bare or behind a `#`.
fn is_named(proxy: &Proxy, name: &str) -> bool {
    *proxy.name == *name || name.trim_start_matches('#').parse() == Ok(proxy.uuid)
}

const SERVERS_STATE: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";
