//! Agents of servers (management.txt 9.3 `enable agent`, `disable agent`, `set server ... agent`).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::server::port;
use super::{Answer, Done, Found, Shell};
use crate::state::Change;

pub(super) fn disable(found: &Found<'_>) -> Answer {
    if found.line.agent.is_some() {
        found.state.agent.off.store(true, Relaxed);
    }
    Answer::done()
}

pub(super) fn enable(found: &Found<'_>) -> Done {
    if found.line.agent.is_none() {
        return Err(Answer::error("Agent was not configured on this server, cannot enable."));
    }
    found.state.agent.off.store(false, Relaxed);
    Ok(Answer::done())
}

/// `up`, `down`
pub(super) fn set(shell: &Shell<'_>, found: &Found<'_>, word: Option<&str>) -> Done {
    asked(found, "agent checks are not enabled on this server.")?;
    let up = match word {
        Some("up") => true,
        Some("down") => false,
        _ => return Err(Answer::error("'set server <srv> agent' expects 'up' or 'down'.")),
    };
    found.change(shell, Change::Agent(up));
    Ok(Answer::done())
}

/// What it is told from now on.
pub(super) fn set_send(found: &Found<'_>, text: Option<&str>) -> Done {
    asked(found, "agent checks are not enabled on this server.")?;
    let text: Box<[u8]> = text.unwrap_or_default().as_bytes().into();
    found.state.agent.send.store(Some(Arc::new(text)));
    Ok(Answer::done())
}

/// `<address> [port <port>]`
pub(super) fn set_addr(found: &Found<'_>, words: &[&str]) -> Done {
    asked(found, "agent checks are not enabled on this server")?;
    let Some(text) = words.first() else {
        return Err(Answer::error("set server <b>/<s> agent-addr requires an address and optionally a port."));
    };
    let Ok(ip) = text.parse::<IpAddr>() else { return Err(Answer::error(format!("invalid addr '{text}'"))) };
    if let ["port", port, ..] = words.get(1..).unwrap_or_default() {
        set_port(found, Some(port))?;
    }
    found.state.agent.addr.store(Some(Arc::new(ip)));
    Ok(Answer::done())
}

pub(super) fn set_port(found: &Found<'_>, text: Option<&str>) -> Done {
    asked(found, "agent checks are not enabled on this server")?;
    let Some(text) = text else { return Err(Answer::error("set server <b>/<s> agent-port requires a port.")) };
    // 0 is as configured.
    found.state.agent.port.store(port(text)?, Relaxed);
    Ok(Answer::done())
}

fn asked(found: &Found<'_>, otherwise: &str) -> Result<(), Answer> {
    match found.line.agent.is_some() && !found.state.agent.off.load(Relaxed) {
        true => Ok(()),
        false => Err(Answer::error(otherwise)),
    }
}
