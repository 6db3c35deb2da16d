//! What goes on from one configuration to the next: counters, states and run-time changes, found again by name (architecture, "The
//! life of a configuration").

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::check::{self, score};
use super::servers;
use crate::base::clock;
use crate::base::stick::TableSpec;
use crate::ir::{Ir, PortSpec, Proxy, Resolvers, Server, ServerAddr};
use crate::state::{Admin, Health, Output, Process, ProxyState, ResolversState, ServerSetup, ServerState, Table, View};

/// The shared state for a configuration: what the one before has under the same names goes on.
pub fn view(ir: &Ir, cores: usize, before: Option<(&Ir, &View)>) -> Arc<View> {
    let now = clock::unix_us() / 1_000_000;
    let proxies = ir
        .proxies
        .iter()
        .map(|proxy| {
            let old = before.and_then(|(ir, view)| {
                let at = ir.proxies.iter().position(|old| old.name == proxy.name)?;
                Some((ir.proxies.get(at)?, view.proxies.get(at)?))
            });
            Arc::new(proxy_state(proxy, cores, old, now))
        })
        .collect();
    let process = before.map_or_else(|| Arc::new(Process::default()), |(_, view)| view.process.clone());
    process.started_ms.get_or_init(clock::mono_ms);
    process.is_local_address.get_or_init(|| is_local_address);
    process.tcp_info.get_or_init(|| crate::sys::socket::tcp_info);
    process.output.get_or_init(|| print);
    let tables = ir.tables.iter().map(|spec| table(spec, before.map(|(_, view)| view))).collect();
    let resolvers = ir.resolvers.iter().map(|section| resolvers(section, before.map(|(_, view)| view))).collect();
    let view = View { proxies, tables, resolvers, process, variable_limits: ir.global.variable_limits.map(Box::new) };
    check::assign(ir, &view, cores);
    servers::settle(ir, &view);
    Arc::new(view)
}

/// What the configuration says of the process as a whole, which the runtime socket and rules may change later. A process that
/// HAProxy starts anew has these values, too. `maxconn` is what the process may hold where the configuration does not say.
pub(super) fn begin_process(ir: &Ir, process: &Process, maxconn: u32) {
    process.maxconn.store(ir.global.maxconn.unwrap_or(maxconn), Relaxed);
    process.compression_rate_limit.store(ir.global.compression_rate, Relaxed);
    let limits = [&process.connection_rate_limit, &process.session_rate_limit, &process.tls_rate_limit];
    limits.into_iter().zip(ir.global.rate_limits).for_each(|(limit, wanted)| limit.store(wanted, Relaxed));
    for assigned in &ir.global.variables {
        process.variables.set(assigned.slot, assigned.value.borrowed());
    }
}

/// What a stick table holds goes on if it is still declared the same way.
fn table(spec: &TableSpec, before: Option<&View>) -> Arc<Table> {
    let same = before.and_then(|before| before.tables.iter().find(|old| old.spec() == spec));
    same.map_or_else(|| Arc::new(Table::new(spec.clone())), Arc::clone)
}

/// What was counted of name servers goes on if their section still has the same ones.
fn resolvers(section: &Resolvers, before: Option<&View>) -> Arc<ResolversState> {
    let names = || section.servers.iter().map(|server| server.name.as_str());
    let same = before.and_then(|before| before.resolvers.iter().find(|old| old.is_of(&section.name, names())));
    same.map_or_else(|| Arc::new(ResolversState::new(&section.name, names())), Arc::clone)
}

fn proxy_state(proxy: &Proxy, cores: usize, old: Option<(&Arc<Proxy>, &Arc<ProxyState>)>, now: i64) -> ProxyState {
    let servers: Vec<&str> = proxy.servers.iter().map(|server| &*server.name).collect();
    let binds: Vec<String> = proxy.binds.iter().map(|bind| bind.name.to_string()).collect();
    let mut state = ProxyState::new(&proxy.name, &servers, &binds, cores, now);
    for (line, fresh) in proxy.servers.iter().zip(&state.servers) {
        begin(line, fresh);
    }
    if !state.servers.is_empty()
        && state.usable_servers() == 0
        && state.servers.iter().any(|server| server.unresolved.load(Relaxed))
    {
        state.downs.store(1, Relaxed);
    }
    if let Some((before, old)) = old {
        state.totals = old.totals.clone();
        for (line, slot) in proxy.servers.iter().zip(&mut state.servers) {
            let kept = before.servers.iter().zip(&old.servers).find(|(before, _)| before.name == line.name);
            if let Some((before, kept)) = kept {
                // The very same line has nothing new to say.
                if !Arc::ptr_eq(line, before) {
                    go_on(line, before, slot, kept);
                }
                *slot = kept.clone();
            }
        }
        for (line, slot) in proxy.binds.iter().zip(&mut state.binds) {
            let same = before.binds.iter().zip(&old.binds).find(|(before, _)| before.addr == line.addr);
            // The name shows in the statistics; a listener with another name counts anew.
            if let Some((_, kept)) = same.filter(|(_, kept)| kept.name == slot.name) {
                *slot = kept.clone();
            }
        }
    }
    if old.is_none_or(|(before, _)| !before.has_section_of(proxy)) {
        number(proxy, &state);
    }
    state
}

/// A server's state as its line begins it.
fn begin(line: &Server, state: &ServerState) {
    state.weight.store(line.weight, Relaxed);
    state.limit.store(line.maxconn.unwrap_or(0), Relaxed);
    if let Some(check) = &line.check {
        let (health, score) = score::begin(check);
        state.set_health(health);
        state.check_score.store(score, Relaxed);
    }
    state.setup.store(Arc::new(ServerSetup {
        number: line.id,
        weight: line.weight,
        backup: line.backup,
        maxconn: line.maxconn.unwrap_or(0),
        maxqueue: line.maxqueue.unwrap_or(0),
    }));
    if line.disabled || line.dynamic {
        state.set_admin(Admin::Maint);
    }
    if line.dynamic {
        state.checks_off.store(true, Relaxed);
        state.check_score.store(0, Relaxed);
    }
    let unresolved = matches!(line.addr, ServerAddr::Unresolved(_));
    state.unresolved.store(unresolved, Relaxed);
    // It goes down before it was ever up, as the statistics have it.
    state.downs.store(u64::from(unresolved), Relaxed);
    state.fqdn.store(line.host.clone().map(Arc::new));
    if let ServerAddr::Ip(ip) = line.addr {
        let port = if let PortSpec::Fixed(port) = line.port { port } else { 0 };
        state.addr.store(Some(Arc::new((ip, port).into())));
    }
}

/// What was changed at run time stays, unless the new line says something else than the old one did.
fn go_on(line: &Server, before: &Server, fresh: &ServerState, kept: &ServerState) {
    kept.setup.store(fresh.setup.load_full());
    if line.weight != before.weight {
        kept.weight.store(line.weight, Relaxed);
    }
    if line.maxconn != before.maxconn {
        kept.limit.store(line.maxconn.unwrap_or(0), Relaxed);
    }
    // What name servers told stays, as long as they are asked for the same name.
    let same_name = line.resolve.is_some() && line.resolve == before.resolve;
    if !same_name && (line.addr != before.addr || line.port != before.port) {
        kept.addr.store(fresh.addr.load_full());
        kept.fqdn.store(fresh.fqdn.load_full());
        kept.unresolved.store(fresh.unresolved.load(Relaxed), Relaxed);
        kept.renamed.store(false, Relaxed);
    }
    if line.disabled != before.disabled {
        kept.set_admin(fresh.admin());
    }
    if line.track.is_none() && before.track.is_some() {
        kept.set_inherited(Admin::Ready);
        kept.set_health(fresh.health());
    }
    if line.check.is_none() && before.check.is_some() {
        // Nobody would ever bring it up again.
        kept.set_health(Health::Up);
    }
    if line.agent.is_none() && before.agent.is_some() && kept.agent.down.swap(false, Relaxed) {
        kept.set_health(Health::Up);
    }
    if line.check.is_some() && before.check.is_none() {
        kept.set_health(fresh.health());
        kept.check_score.store(fresh.check_score.load(Relaxed), Relaxed);
    }
}

/// Tells the state what numbers the configuration gives.
fn number(proxy: &Proxy, state: &ProxyState) {
    state.number.store(proxy.uuid, Relaxed);
    state.dynamic_cookie.on.store(None);
    state.dynamic_cookie.key.store(None);
    state.maxconn.store(proxy.maxconn.unwrap_or(0), Relaxed);
    state.all_backups.store(proxy.choosing.all_backups, Relaxed);
    for ((at, bind), state) in (1..).zip(&proxy.binds).zip(&state.binds) {
        state.number.store(bind.id.unwrap_or(at), Relaxed);
    }
}

/// Only an address of the machine can be bound; nothing is sent.
fn is_local_address(ip: std::net::IpAddr) -> bool {
    ip.is_loopback() || (!ip.is_unspecified() && std::net::UdpSocket::bind((ip, 0)).is_ok())
}

/// What cannot be written is lost: nobody reads it.
fn print(output: Output, text: &[u8]) {
    let _ = match output {
        Output::Stdout => std::io::stdout().lock().write_all(text).and_then(|()| std::io::stdout().flush()),
        Output::Stderr => std::io::stderr().lock().write_all(text),
    };
}
