//! `show info`, `show version`: the process.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::{Command, Level, Shell};
use crate::keyword::Meta;
use crate::state::Stat;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show info",
            "show info",
            "report information about the running process",
            &[("show info", "Name: HAProxy")],
        ),
        level: Level::User,
        run: show_info,
    },
    Command {
        meta: Meta::new(
            "show version",
            "show version",
            "show version of the current process",
            &[("show version", "3.4.0")],
        ),
        level: Level::User,
        run: |_, _| format!("{RELEASE}\n"),
    },
];

fn show_info(shell: &mut Shell<'_>, words: &[&str]) -> String {
    if let Some(format) = words.first() {
        return format!(
            "'show info {format}' is known to HAProxy 3.4, not supported by hydroxy yet (management.txt, chapter 9.3).\n"
        );
    }
    let process = &shell.view.process;
    let now = shell.at.now_ms;
    let up = shell.process.uptime;
    let sum = |stat: Stat| shell.view.proxies.iter().map(|proxy| proxy.fe.sum(stat)).sum::<u64>();
    let listeners: usize = shell.ir.proxies.iter().filter(|proxy| !proxy.disabled).map(|proxy| proxy.binds.len()).sum();
    let maxconn = shell.ir.global.maxconn.unwrap_or(0);
    let lines: [(&str, String); 33] = [
        ("Name", "HAProxy".to_owned()),
        ("Version", RELEASE.to_owned()),
        ("Release_date", "2026/06/03".to_owned()),
        ("Nbthread", shell.process.threads.to_string()),
        ("Nbproc", "1".to_owned()),
        ("Process_num", "1".to_owned()),
        ("Pid", shell.process.pid.to_string()),
        ("Uptime", format!("{}d {}h{:02}m{:02}s", up / 86_400, up / 3600 % 24, up / 60 % 60, up % 60)),
        ("Uptime_sec", up.to_string()),
        ("Maxconn", maxconn.to_string()),
        ("Hard_maxconn", maxconn.to_string()),
        ("CurrConns", process.connections.load(Relaxed).to_string()),
        ("CumConns", process.connections_total.load(Relaxed).to_string()),
        ("CumReq", process.requests_total.load(Relaxed).max(sum(Stat::Requests)).to_string()),
        ("CurrSslConns", process.tls_connections.load(Relaxed).to_string()),
        ("CumSslConns", process.tls_connections_total.load(Relaxed).to_string()),
        ("ConnRate", process.connection_rate.per_second(now).to_string()),
        ("ConnRateLimit", "0".to_owned()),
        ("MaxConnRate", process.connection_rate.max().to_string()),
        ("SessRate", process.session_rate.per_second(now).to_string()),
        ("SessRateLimit", "0".to_owned()),
        ("MaxSessRate", process.session_rate.max().to_string()),
        ("SslRate", process.tls_rate.per_second(now).to_string()),
        ("SslRateLimit", "0".to_owned()),
        ("MaxSslRate", process.tls_rate.max().to_string()),
        ("node", shell.ir.global.node.clone().unwrap_or_else(|| shell.process.hostname.clone())),
        ("description", shell.ir.global.description.clone().unwrap_or_default()),
        ("Stopping", "0".to_owned()),
        ("Jobs", (process.connections.load(Relaxed) as usize + listeners).to_string()),
        ("Listeners", listeners.to_string()),
        ("DroppedLogs", process.dropped_logs.load(Relaxed).to_string()),
        ("TotalBytesOut", sum(Stat::ResponseBytesOut).to_string()),
        ("Build info", format!("{RELEASE}-hydroxy-{}", env!("CARGO_PKG_VERSION"))),
    ];
    let mut out = String::new();
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name}: {value}");
    }
    out
}

/// The release whose language is spoken.
const RELEASE: &str = "3.4.0";
