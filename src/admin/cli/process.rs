//! The process around the proxies: environment, runtime sockets, messages of the start.

use std::fmt::Write;

use super::{Answer, Command, Level, Shell};
use crate::keyword::Meta;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show env",
            "show env [var]",
            "dump environment variables known to the process",
            &[("show env PATH", "PATH=")],
        ),
        level: Level::Operator,
        run: show_env,
    },
    Command {
        meta: Meta::new(
            "show cli sockets",
            "show cli sockets",
            "dump list of cli sockets",
            &[("show cli sockets", "# socket lvl processes")],
        ),
        level: Level::User,
        run: show_cli_sockets,
    },
    Command {
        meta: Meta::new(
            "show startup-logs",
            "show startup-logs",
            "report logs emitted during HAProxy startup",
            &[("show startup-logs", "")],
        ),
        level: Level::Operator,
        run: |shell, _| Answer::data(&*shell.process.startup_logs),
    },
    Command {
        meta: Meta::new(
            "show activity",
            "show activity [-1|0|thread_num]",
            "show per-thread activity stats (for support/developers)",
            &[("show activity", "thread_id: ")],
        ),
        level: Level::Operator,
        run: show_activity,
    },
    Command {
        meta: Meta::new("echo", "echo <text>", "print text to the output", &[("echo hello", "hello")]),
        level: Level::User,
        run: |_, words| Answer::data(format!("{}\n", words.join(" "))),
    },
];

/// The environment that the configuration has left, with what manual 2.3 lists for a worker.
fn show_env(shell: &mut Shell<'_>, words: &[&str]) -> Answer {
    let listed = shell.ir.global.environment.iter().filter(|(name, _)| name != "HAPROXY_MASTER_CLI");
    let wanted = words.first();
    let shown: String = listed
        .filter(|(name, _)| wanted.is_none_or(|wanted| name == wanted))
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    if shown.is_empty() && wanted.is_some() {
        return Answer::error("Variable not found");
    }
    Answer::data(shown)
}

fn show_cli_sockets(shell: &mut Shell<'_>, _: &[&str]) -> Answer {
    let mut out = "# socket lvl processes\n".to_owned();
    for socket in &shell.ir.global.runtime_sockets {
        let level = match socket.level {
            1 => Level::User,
            2 => Level::Operator,
            _ => Level::Admin,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{} {} all", socket.address(), level.name());
    }
    Answer::data(out)
}

/// What is known of it here: how the connections are spread over the threads.
fn show_activity(shell: &mut Shell<'_>, _: &[&str]) -> Answer {
    let loads = shell.engine.map(crate::engine::Engine::loads).unwrap_or_default();
    let (now_us, up) = (shell.at.now_us, shell.process.uptime);
    let listed: String = loads.iter().map(|load| format!("{load} ")).collect();
    Answer::data(format!(
        "thread_id: 1 (1..{})\ndate_now: {}.{:06}\nuptime_now: {:.6}\nconnections: {} [ {listed}]\n",
        loads.len(),
        now_us / 1_000_000,
        now_us % 1_000_000,
        up.as_secs_f64(),
        loads.iter().sum::<u32>(),
    ))
}
