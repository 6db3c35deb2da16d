//! `show info`, `show version`: the process.

use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Command, Level, Severity, Shell};
use crate::admin::stats::tags::Field;
use crate::keyword::Meta;
use crate::state::{Rate, Stat};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show info",
            "show info [desc|json|typed|float]*",
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
        run: |_, _| Answer::message(Severity::Info, format!("{RELEASE}\n")),
    },
];

fn show_info(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let asked = |name: &str| words.contains(&name);
    let (desc, float) = (asked("desc"), asked("float"));
    let known = fields().iter().filter_map(|field| Some((field, value(shell, field.name, float)?)));
    let mut out = String::new();
    if asked("json") {
        out.push('[');
        for (at, (field, value)) in known.enumerate() {
            if at > 0 {
                out.push(',');
            }
            field.json("", &value, &mut out);
        }
        out.push_str("]\n");
        return Answer::data(out);
    }
    for (field, value) in known {
        // Writing to a String cannot fail.
        if asked("typed") {
            let _ = write!(out, "{}.{}.1:", field.at, field.name);
            field.typed(&value, desc, &mut out);
        } else if desc {
            let _ = writeln!(out, "{}: {value}:\"{}\"", field.name, field.doc);
        } else {
            let _ = writeln!(out, "{}: {value}", field.name);
        }
    }
    Answer::data(out)
}

/// The fields of the release in its order; the numbers before them are their positions.
fn fields() -> &'static [Field] {
    static FIELDS: OnceLock<Vec<Field>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let field = |line: &'static str| {
            let (at, rest) = line.split_once('\t')?;
            Field::parse(at.parse().ok()?, rest)
        };
        include_str!("info.tsv").lines().filter_map(field).collect()
    })
}

/// The description of a field.
pub fn process_doc(name: &str) -> Option<&'static str> {
    fields().iter().find(|field| field.name == name).map(|field| field.doc)
}

/// A field of `show info` as it is shown there.
pub fn process_value(shell: &Shell<'_>, name: &str) -> Option<String> {
    value(shell, name, false)
}

/// What is known of a field. There are none of the memory pools, pipes and tasks that other fields tell of.
fn value(shell: &Shell<'_>, name: &str, float: bool) -> Option<String> {
    text(shell, name).or_else(|| time(shell, name, float)).or_else(|| rate(shell, name)).or_else(|| number(shell, name))
}

fn text(shell: &Shell<'_>, name: &str) -> Option<String> {
    let global = &shell.ir.global;
    Some(match name {
        "Name" => "HAProxy".to_owned(),
        "Version" => RELEASE.to_owned(),
        "Release_date" => "2026/06/03".to_owned(),
        "node" => global.node.clone().unwrap_or_else(|| shell.process.hostname.clone()),
        "description" => global.description.clone().unwrap_or_default(),
        "Build info" => format!("{RELEASE}-hydroxy-{}", env!("CARGO_PKG_VERSION")),
        "Tainted" => "0".to_owned(),
        _ => return None,
    })
}

fn time(shell: &Shell<'_>, name: &str, float: bool) -> Option<String> {
    let up = shell.process.uptime;
    let seconds = up.as_secs();
    let started = shell.process.started_us;
    Some(match name {
        "Uptime" => {
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
            format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
        }
        "Uptime_sec" if float => format!("{:.6}", up.as_secs_f64()),
        "Uptime_sec" => seconds.to_string(),
        "Start_time_sec" if float => format!("{}.{:06}", started / 1_000_000, started % 1_000_000),
        "Start_time_sec" => (started / 1_000_000).to_string(),
        "BootTime_ms" => shell.process.boot_ms.to_string(),
        _ => return None,
    })
}

fn rate(shell: &Shell<'_>, name: &str) -> Option<String> {
    let process = &shell.view.process;
    let now = |rate: &Rate| rate.per_second(shell.at.now_ms);
    let number = match name {
        "ConnRate" => now(&process.connection_rate),
        "ConnRateLimit" => process.connection_rate_limit.load(Relaxed),
        "MaxConnRate" => process.connection_rate.max(),
        "SessRate" => now(&process.session_rate),
        "SessRateLimit" => process.session_rate_limit.load(Relaxed),
        "MaxSessRate" => process.session_rate.max(),
        "SslRate" => now(&process.tls_rate),
        "SslRateLimit" => process.tls_rate_limit.load(Relaxed),
        "CompressBpsIn" => now(&process.compressed_in),
        "CompressBpsOut" => now(&process.compressed_out),
        "CompressBpsRateLim" => process.compression_rate_limit.load(Relaxed),
        "MaxSslRate" => process.tls_rate.max(),
        _ => return None,
    };
    Some(number.to_string())
}

fn number(shell: &Shell<'_>, name: &str) -> Option<String> {
    let process = &shell.view.process;
    let facts = shell.process;
    let sum = |stat: Stat| shell.view.proxies.iter().map(|proxy| proxy.fe.sum(stat)).sum::<u64>();
    let listeners = || {
        let open = shell.ir.proxies.iter().filter(|proxy| !proxy.disabled);
        open.map(|proxy| proxy.binds.len() as u64).sum::<u64>()
    };
    let connections = u64::from(process.connections.load(Relaxed));
    let maxconn = u64::from(process.maxconn.load(Relaxed));
    let number = match name {
        "Nbthread" => facts.threads as u64,
        "Nbproc" | "Process_num" | "NbThreadGroups" => 1,
        "Pid" => facts.pid.into(),
        "Ulimit-n" | "Maxsock" => facts.descriptors,
        "Maxconn" | "Hard_maxconn" => maxconn,
        "CurrConns" => connections,
        "CumConns" => process.connections_total.load(Relaxed),
        "CumReq" => process.requests_total.load(Relaxed).max(sum(Stat::Requests)),
        "CurrSslConns" => process.tls_connections.load(Relaxed).into(),
        "CumSslConns" => process.tls_connections_total.load(Relaxed),
        "Jobs" => connections + listeners(),
        "Listeners" => listeners(),
        "DroppedLogs" => process.dropped_logs.load(Relaxed),
        "TotalBytesOut" => sum(Stat::ResponseBytesOut),
        "TotalWarnings" => facts.warnings.into(),
        "MaxconnReached" => process.maxconn_reached.load(Relaxed),
        "CumStreams" => shell.engine.map_or(0, crate::engine::Engine::streams_total),
        "Stopping" | "Unstoppable Jobs" | "ActivePeers" | "ConnectedPeers" | "BusyPolling" => 0,
        "MaxZlibMemUsage" => shell.ir.global.compression_memory,
        "ZlibMemUsage" => process.compressor_memory.load(Relaxed),
        "Memmax_MB" | "Memmax_bytes" | "MaxSslConns" | "FailedResolutions" | "DebugCommandsIssued" => 0,
        _ => return None,
    };
    Some(number.to_string())
}

/// The release whose language is spoken.
const RELEASE: &str = "3.4.0";
