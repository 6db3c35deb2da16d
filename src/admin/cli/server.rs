//! The state of one server: what an administrator says of it, its weight, address and limits (management.txt 9.3 `set server`).

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Command, Done, Found, Level, Severity, Shell, flat};
use crate::ir::{PortSpec, ServerAddr};
use crate::keyword::Meta;
use crate::state::{Admin, Change, Health};

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "set server",
            "set server <bk>/<srv> [opts]",
            "change a server's state, weight, address or ssl",
            &[("set server be/s1 state drain", ""), ("set server be/s1 weight 50%", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_server(shell, words)),
    },
    Command {
        meta: Meta::new(
            "set weight",
            "set weight <bk>/<srv>  (DEPRECATED)",
            "change a server's weight (use 'set server' instead)",
            &[("set weight be/s1 10", "")],
        ),
        level: Level::Admin,
        run: |shell, words| {
            flat(shell.server(words).and_then(|found| set_weight(shell, &found, words.get(1).copied())))
        },
    },
    Command {
        meta: Meta::new(
            "get weight",
            "get weight <bk>/<srv>",
            "report a server's current weight",
            &[("get weight be/s1", "1 (initial 1)")],
        ),
        level: Level::User,
        run: |shell, words| flat(shell.server(words).map(|found| weight_line(&found))),
    },
    Command {
        meta: Meta::new(
            "set maxconn server",
            "set maxconn server <bk>/<srv>",
            "change a server's maxconn setting",
            &[("set maxconn server be/s1 10", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_maxconn(shell, words)),
    },
    Command {
        meta: Meta::new(
            "disable server",
            "disable server (DEPRECATED)",
            "disable a server for maintenance (use 'set server' instead)",
            &[("disable server be/s1", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(change(shell, words, Change::Admin(Admin::Maint))),
    },
    Command {
        meta: Meta::new(
            "enable server",
            "enable server  (DEPRECATED)",
            "enable a disabled server (use 'set server' instead)",
            &[("enable server be/s1", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(change(shell, words, Change::Admin(Admin::Ready))),
    },
    Command {
        meta: Meta::new("disable health", "disable health", "disable health checks", &[("disable health be/s1", "")]),
        level: Level::Admin,
        run: |shell, words| flat(change(shell, words, Change::Checks(false))),
    },
    Command {
        meta: Meta::new("enable health", "enable health", "enable health checks", &[("enable health be/s2", "")]),
        level: Level::Admin,
        run: |shell, words| flat(enable_health(shell, words)),
    },
    Command {
        meta: Meta::new("disable agent", "disable agent", "disable agent checks", &[("disable agent be/s1", "")]),
        level: Level::Admin,
        run: |shell, words| flat(shell.server(words).map(|found| super::agent::disable(&found))),
    },
    Command {
        meta: Meta::new(
            "enable agent",
            "enable agent",
            "enable agent checks",
            &[("enable agent be/s1", "Agent was not configured on this server, cannot enable.")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(shell.server(words).and_then(|found| super::agent::enable(&found))),
    },
];

fn change(shell: &Shell<'_>, words: &[&str], change: Change) -> Done {
    shell.server(words)?.change(shell, change);
    Ok(Answer::done())
}

fn enable_health(shell: &Shell<'_>, words: &[&str]) -> Done {
    let found = shell.server(words)?;
    if found.line.check.is_none() {
        return Err(Answer::error("Health check was not configured on this server, cannot enable."));
    }
    found.change(shell, Change::Checks(true));
    Ok(Answer::done())
}

fn set_server(shell: &Shell<'_>, words: &[&str]) -> Done {
    let found = shell.server(words)?;
    let argument = words.get(2).copied();
    match words.get(1).copied().unwrap_or_default() {
        "weight" => set_weight(shell, &found, argument),
        "state" => {
            let admin = match argument {
                Some("ready") => Admin::Ready,
                Some("drain") => Admin::Drain,
                Some("maint") => Admin::Maint,
                _ => return Err(Answer::error("'set server <srv> state' expects 'ready', 'drain' and 'maint'.")),
            };
            found.change(shell, Change::Admin(admin));
            Ok(Answer::done())
        }
        "health" if found.line.track.is_some() => Err(Answer::error("cannot change health on a tracking server.")),
        "health" => {
            let health = match argument {
                Some("up") => Health::Up,
                Some("stopping") => Health::Stopping,
                Some("down") => Health::Down,
                _ => return Err(Answer::error("'set server <srv> health' expects 'up', 'stopping', or 'down'.")),
            };
            found.change(shell, Change::Health(health));
            Ok(Answer::done())
        }
        "addr" => set_addr(shell, &found, words.get(2..).unwrap_or_default()),
        "check-addr" => set_check_addr(shell, &found, words.get(2..).unwrap_or_default()),
        "check-port" => set_check_port(shell, &found, argument),
        "agent" => super::agent::set(shell, &found, argument),
        "agent-send" => super::agent::set_send(&found, argument),
        "agent-addr" => super::agent::set_addr(&found, words.get(2..).unwrap_or_default()),
        "agent-port" => super::agent::set_port(&found, argument),
        "fqdn" => set_fqdn(shell, &found, argument),
        "ssl" => set_tls(shell, &found, argument),
        _ => Err(Answer::error(
            "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
             check-addr | check-port | fqdn | health | ssl | state | weight",
        )),
    }
}

/// TLS can be left off and put on again where the configuration has settings for it.
fn set_tls(shell: &Shell<'_>, found: &Found<'_>, wanted: Option<&str>) -> Done {
    if found.line.tls.is_none() {
        let message = "'set server <srv> ssl' cannot be set.  default-server should define ssl settings";
        return Err(Answer::error(message));
    }
    let on = match wanted {
        Some("on") => true,
        Some("off") => false,
        _ => return Err(Answer::error("'set server <srv> ssl' expects 'on' or 'off'.")),
    };
    found.change(shell, Change::Tls(on));
    Ok(Answer::message(Severity::Notice, "server ssl setting updated."))
}

/// An absolute weight, or percents of the configured one.
fn set_weight(shell: &Shell<'_>, found: &Found<'_>, weight: Option<&str>) -> Done {
    let Some(text) = weight else { return Err(Answer::error("Require <weight> or <weight%>.")) };
    let (number, relative) = match text.strip_suffix('%') {
        Some(number) => (number, true),
        None => (text, false),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Err(Answer::error("Empty weight string empty or preceded by garbage"));
    }
    let Ok(number) = number.parse::<i64>() else { return Err(Answer::error("Trailing garbage in weight string")) };
    let weight = match relative {
        false if (0..=HEAVIEST).contains(&number) => number,
        false => return Err(Answer::error("Absolute weight can only be between 0 and 256 inclusive.")),
        true if number < 0 => return Err(Answer::error("Relative weight must be positive.")),
        true => (i64::from(found.line.weight) * number / 100).min(HEAVIEST),
    };
    found.change(shell, Change::Weight(weight as u32));
    Ok(Answer::done())
}

fn weight_line(found: &Found<'_>) -> Answer {
    Answer::data(format!("{} (initial {})\n", found.state.weight.load(Relaxed), found.line.weight))
}

fn set_maxconn(shell: &Shell<'_>, words: &[&str]) -> Done {
    let found = shell.server(words)?;
    let Some(text) = words.get(1) else { return Err(Answer::error("Require <maxconn>.")) };
    match text.parse::<u32>() {
        Ok(limit) => found.change(shell, Change::MaxConn(limit)),
        Err(_) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(Answer::error("Trailing garbage in maxconn string"));
        }
        Err(_) => return Err(Answer::error("maxconn string empty or preceded by garbage")),
    }
    Ok(Answer::done())
}

/// `<address> [port <port>]`: says what changed, as HAProxy does.
fn set_addr(shell: &Shell<'_>, found: &Found<'_>, words: &[&str]) -> Done {
    const BY: &str = " by 'stats socket command'";
    let Some(text) = words.first() else {
        return Err(Answer::error("set server <b>/<s> addr requires an address and optionally a port."));
    };
    let Ok(ip) = text.parse::<IpAddr>() else { return Err(Answer::error(format!("Invalid addr '{text}'{BY}"))) };
    let old = found.state.addr.load().as_deref().copied();
    let mut said = match old.map(|old| old.ip()) {
        Some(old) if old == ip => "no need to change the addr".to_owned(),
        Some(old) => format!("IP changed from '{old}' to '{ip}'"),
        None => format!("IP changed from '(none)' to '{ip}'"),
    };
    let fixed = if let PortSpec::Fixed(port) = found.line.port { port } else { 0 };
    let mut port = old.map_or(fixed, |old| old.port());
    if let ["port", text, ..] = words.get(1..).unwrap_or_default() {
        if text.starts_with(['+', '-']) {
            let message = format!("{said}, port maps can only be given in the configuration{BY}");
            return Err(Answer::error(message));
        }
        let Ok(new) = text.parse::<u16>() else {
            return Err(Answer::error(format!("{said}, problem converting port '{text}' to an int{BY}")));
        };
        said.push_str(&match new == port {
            true => ", no need to change the port".to_owned(),
            false => format!(", port changed from '{port}' to '{new}'"),
        });
        port = new;
    }
    if matches!(found.line.addr, ServerAddr::Unix(_) | ServerAddr::Abstract(_) | ServerAddr::Client) {
        return Err(Answer::error(format!("the address of this server cannot be changed{BY}")));
    }
    found.change(shell, Change::Addr(SocketAddr::new(ip, port)));
    Ok(Answer::message(Severity::Warning, format!("{said}{BY}")))
}

/// Name servers are asked for this name from now on; the address stays until they answer.
fn set_fqdn(shell: &Shell<'_>, found: &Found<'_>, name: Option<&str>) -> Done {
    let Some(name) = name else { return Err(Answer::error("set server <b>/<s> fqdn requires a FQDN.")) };
    match &found.line.resolve {
        None => return Err(Answer::error("set server <b>/<s> fqdn failed because no resolution is configured.")),
        Some(resolve) if resolve.is_service() => {
            return Err(Answer::error("set server <b>/<s> fqdn failed because SRV resolution is configured."));
        }
        Some(_) => {}
    }
    let place = format!("{}/{}", found.proxy.name, found.line.name);
    let old = found.state.fqdn.load_full();
    let old = old.as_deref().map_or("(null)", |old| old);
    if old.eq_ignore_ascii_case(name) {
        return Ok(Answer::message(Severity::Warning, "no need to change the FDQN by 'stats socket command'"));
    }
    let text = format!("{place} changed its FQDN from {old} to {name} by 'stats socket command'");
    if let Some(engine) = shell.engine {
        engine.rename(found.proxy.id, found.id, name);
    }
    Ok(Answer::message(Severity::Warning, text))
}

fn set_check_addr(shell: &Shell<'_>, found: &Found<'_>, words: &[&str]) -> Done {
    let Some(text) = words.first() else {
        return Err(Answer::error("set server <b>/<s> check-addr requires an address and optionally a port."));
    };
    if found.line.check.is_none() {
        return Err(Answer::error("health checks are not enabled on this server"));
    }
    let Ok(ip) = text.parse() else { return Err(Answer::error(format!("invalid addr '{text}'"))) };
    if let ["port", port, ..] = words.get(1..).unwrap_or_default() {
        set_check_port(shell, found, Some(port))?;
    }
    found.change(shell, Change::CheckAddr(ip));
    Ok(Answer::done())
}

fn set_check_port(shell: &Shell<'_>, found: &Found<'_>, text: Option<&str>) -> Done {
    let Some(text) = text else { return Err(Answer::error("set server <b>/<s> check-port requires a port.")) };
    if found.line.check.is_none() {
        return Err(Answer::error("health checks are not enabled on this server"));
    }
    // 0 is as configured.
    found.change(shell, Change::CheckPort(port(text)?));
    Ok(Answer::done())
}

/// A port as `set server` takes it.
pub(super) fn port(text: &str) -> Result<u16, Answer> {
    match text.parse::<i64>() {
        Ok(port) => u16::try_from(port).map_err(|_| Answer::error("provided port is invalid")),
        Err(_) => Err(Answer::error("provided port is not an integer")),
    }
}

const HEAVIEST: i64 = 256;
