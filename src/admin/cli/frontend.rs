//! Frontends and the limits of the process: `disable frontend`, `set maxconn`, `set rate-limit`.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::keyword::Meta;
use crate::state::Reception;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "disable frontend",
            "disable frontend <frontend>",
            "temporarily disable specific frontend",
            &[("disable frontend fe", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(receive(shell, words, Reception::Paused)),
    },
    Command {
        meta: Meta::new(
            "enable frontend",
            "enable frontend <frontend>",
            "re-enable specific frontend",
            &[("enable frontend fe", "All sockets are already enabled.")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(receive(shell, words, Reception::Open)),
    },
    Command {
        meta: Meta::new(
            "shutdown frontend",
            "shutdown frontend <frontend>",
            "stop a specific frontend",
            &[("shutdown frontend fe", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(receive(shell, words, Reception::Stopped)),
    },
    Command {
        meta: Meta::new(
            "set maxconn frontend",
            "set maxconn frontend <frontend> <value>",
            "change a frontend's maxconn setting",
            &[("set maxconn frontend fe 10", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_maxconn_frontend(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set maxconn global",
            "set maxconn global <value>",
            "change the per-process maxconn setting",
            &[("set maxconn global 10", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_maxconn_global(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set rate-limit",
            "set rate-limit <setting> <value>",
            "change a rate limiting value",
            &[("set rate-limit connections global 100", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_rate_limit(shell, words)),
    },
];

fn receive(shell: &Shell<'_>, words: &[&str], wanted: Reception) -> Done {
    let proxy = shell.frontend(words)?;
    let now = shell.view.proxy(proxy.id).reception();
    let refused = match (now, wanted) {
        (Reception::Stopped, Reception::Stopped) => "Frontend was already shut down.",
        (Reception::Stopped, Reception::Open) => "Frontend was previously shut down, cannot enable.",
        (Reception::Stopped, Reception::Paused) => "Frontend was previously shut down, cannot disable.",
        (Reception::Open, Reception::Open) => "All sockets are already enabled.",
        (Reception::Paused, Reception::Paused) => "All sockets are already disabled.",
        _ => "",
    };
    if !refused.is_empty() {
        return Err(Answer::error(refused));
    }
    if let Some(engine) = shell.engine
        && let Err(error) = engine.receive(proxy.id, wanted)
    {
        return Err(Answer::error(format!("Failed to change the frontend's sockets: {error}.")));
    }
    Ok(Answer::done())
}

fn set_maxconn_frontend(shell: &Shell<'_>, words: &[&str]) -> Done {
    let proxy = shell.frontend(words)?;
    let Some(value) = words.get(1) else { return Err(Answer::error("Integer value expected.")) };
    let limit = value.parse::<i64>().unwrap_or(0);
    let Ok(limit) = u32::try_from(limit) else { return Err(Answer::error("Value out of range.")) };
    shell.view.proxy(proxy.id).maxconn.store(limit, Relaxed);
    limits_changed(shell)
}

fn set_maxconn_global(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(value) = words.first() else { return Err(Answer::error("Expects an integer value.")) };
    let limit = value.parse::<u32>().unwrap_or(0);
    let process = &shell.view.process;
    // 0 restores what the process started with; it cannot have more descriptors than it asked for then.
    let most = process.hard_maxconn.load(Relaxed);
    if limit > most {
        return Err(Answer::error("Value out of range."));
    }
    process.maxconn.store(if limit == 0 { most } else { limit }, Relaxed);
    limits_changed(shell)
}

fn set_rate_limit(shell: &Shell<'_>, words: &[&str]) -> Done {
    let process = &shell.view.process;
    let limit: &AtomicU32 = match words {
        ["connections", "global", ..] => &process.connection_rate_limit,
        ["sessions", "global", ..] => &process.session_rate_limit,
        ["ssl-sessions", "global", ..] => &process.tls_rate_limit,
        ["http-compression", "global", ..] => &process.compression_rate_limit,
        _ => return Err(Answer::error(RATE_LIMITS)),
    };
    let Some(value) = words.get(2) else { return Err(Answer::error("Expects an integer value.")) };
    let value: u32 = value.parse().unwrap_or(0);
    let unit = if words.first() == Some(&"http-compression") { 1024 } else { 1 };
    limit.store(value.saturating_mul(unit), Relaxed);
    limits_changed(shell)
}

fn limits_changed(shell: &Shell<'_>) -> Done {
    if let Some(engine) = shell.engine {
        engine.limits_changed();
    }
    Ok(Answer::done())
}

const RATE_LIMITS: &str = "'set rate-limit' only supports :\n   \
     - 'connections global' to set the per-process maximum connection rate\n   \
     - 'sessions global' to set the per-process maximum session rate\n   \
     - 'ssl-sessions global' to set the per-process maximum SSL session rate\n   \
     - 'http-compression global' to set the per-process maximum compression speed in kB/s\n";
