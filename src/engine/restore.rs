//! The beginning of servers whose state an earlier process has written down (manual 4.2 `load-server-state-from-file`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::servers::{self, tail};
use crate::base::clock;
use crate::ir::{Ir, Proxy, Saved, SavedAgent, SavedCheck, Server};
use crate::state::agent::AgentState;
use crate::state::{Admin, CheckResult, Health, ProxyState, ServerState, View};

/// Gives the servers of a process that starts what they had. What becomes of them is returned in HAProxy's words.
pub fn restore(ir: &Ir, view: &View) -> Vec<String> {
    let now = clock::unix_us() / 1_000_000;
    let mut said = Vec::new();
    for (proxy, state) in ir.proxies.iter().zip(&view.proxies).filter(|(proxy, _)| !proxy.disabled) {
        for (line, server) in proxy.servers.iter().zip(&state.servers) {
            if let Some(saved) = &line.saved {
                give(line, server, saved, now);
                said.extend(sentence(proxy, state, line, server, saved));
            }
        }
        let fell = |line: &Arc<Server>| line.saved.as_ref().is_some_and(|saved| saved.health == Health::Down);
        if state.usable_servers() == 0 && proxy.servers.iter().any(fell) {
            state.downs.store(1, Relaxed);
        }
    }
    servers::settle(ir, view);
    said
}

fn give(line: &Server, state: &ServerState, saved: &Saved, now: i64) {
    state.set_health(saved.health);
    state.set_admin(saved.admin);
    state.changed_at.store(now.saturating_sub(saved.seconds), Relaxed);
    state.tls_off.store(saved.tls_off && line.tls.is_some(), Relaxed);
    if let Some(weight) = saved.weight {
        state.weight.store(weight, Relaxed);
    }
    if let (Some(check), Some(was)) = (&line.check, &saved.check) {
        let best = check.rise + check.fall - 1;
        let score = match saved.health {
            _ if saved.admin == Admin::Maint => 0,
            Health::Down => 0,
            Health::Up => best,
            Health::Stopping => Some(was.counter).filter(|at| (check.rise..best).contains(at)).unwrap_or(check.rise),
        };
        state.check_score.store(score, Relaxed);
        state.downs.store(u64::from(saved.health == Health::Down), Relaxed);
        give_check(state, was);
    }
    if let Some(was) = &saved.agent {
        give_agent(&state.agent, was);
    }
    give_address(line, state, saved);
}

fn give_agent(agent: &AgentState, was: &SavedAgent) {
    agent.off.store(was.off, Relaxed);
    agent.port.store(was.port, Relaxed);
    if let Some(addr) = was.addr {
        agent.addr.store(Some(Arc::new(addr)));
    }
}

fn give_check(state: &ServerState, was: &SavedCheck) {
    state.check.store(Arc::new(CheckResult { status: was.status, ..CheckResult::default() }));
    state.checks_off.store(was.paused, Relaxed);
    state.check_port.store(was.port, Relaxed);
    if let Some(addr) = was.addr {
        state.check_addr.store(Some(Arc::new(addr)));
    }
}

fn give_address(line: &Server, state: &ServerState, saved: &Saved) {
    let service = line.resolve.as_ref().is_some_and(|resolve| resolve.is_service());
    if let Some(name) = &saved.name {
        state.fqdn.store(Some(Arc::new(name.clone())));
        state.renamed.store(!service, Relaxed);
    }
    if service {
        state.service_port.store(saved.port.unwrap_or(0), Relaxed);
    }
    let present = state.addr.load().as_deref().copied();
    let ip = saved.addr.or(present.map(|addr| addr.ip()));
    let port = saved.port.or(present.map(|addr| addr.port()));
    if let Some(ip) = ip {
        state.addr.store(Some(Arc::new(SocketAddr::new(ip, port.unwrap_or(0)))));
        state.unresolved.store(false, Relaxed);
    }
}

/// What is said of a server that does not begin as its line says.
fn sentence(proxy: &Proxy, all: &ProxyState, line: &Server, state: &ServerState, saved: &Saved) -> Option<String> {
    let backup = if line.backup { "Backup " } else { "" };
    let name = format!("{backup}Server {}/{}", proxy.name, line.name);
    let tail = || tail(proxy, all, state);
    match (saved.health, line.disabled) {
        (_, true) if saved.admin != Admin::Maint => Some(format!("{name} is UP/READY (leaving forced maintenance).")),
        (Health::Down, false) => Some(format!("{name} is DOWN, changed from server-state after a reload. {}", tail())),
        (Health::Stopping, false) => {
            Some(format!("{name} is stopping, changed from server-state after a reload. {}", tail()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ServerId;

    #[test]
    fn checks_go_on_with_what_they_knew() {
        let state = ServerState::new(ServerId(0), "one", 1, 0);
        let was = SavedCheck { status: "L7STS", counter: 4, paused: true, port: 81, addr: Some([127, 0, 0, 3].into()) };
        give_check(&state, &was);
        assert_eq!((state.check.load().status, state.checks_off.load(Relaxed)), ("L7STS", true));
        assert_eq!(state.check_port.load(Relaxed), 81);
        assert_eq!(state.check_addr.load().as_deref(), Some(&[127, 0, 0, 3].into()));
    }
}
