//! What can only be checked when all proxies are known: modes that fit, timeouts, numbers.

use super::names::Plan;
use super::table::sentence;
use crate::base::id::ProxyId;
use crate::diag::{Diagnostic, Diagnostics, Lead, Span};
use crate::ir::{Mode, Proxy, proxy::BackendTo};

/// Gives every proxy without `id` the next free number, counting from 2 as HAProxy does, and finds numbers used twice.
pub(super) fn number(proxies: &mut [Proxy], diags: &Diagnostics, plan: &Plan<'_>) {
    let mut used: Vec<(u32, usize)> = Vec::new();
    for (at, proxy) in proxies.iter().enumerate().filter(|(_, proxy)| proxy.uuid > 0) {
        if let Some((_, first)) = used.iter().find(|(uuid, _)| *uuid == proxy.uuid) {
            let Some(first) = proxies.get(*first) else { continue };
            let text = format!(
                "{} {} reuses same custom id as {} {} (declared at {}).",
                word(proxy),
                proxy.name,
                word(first),
                first.name,
                first.place
            );
            diags.push(*sentence(span(plan, proxy), "duplicate-id", text));
        }
        used.push((proxy.uuid, at));
    }
    let mut next = 2;
    for proxy in proxies {
        while used.iter().any(|(uuid, _)| *uuid == next) {
            next += 1;
        }
        if proxy.uuid == 0 {
            proxy.number(next);
        }
        // One with an `id` leaves a gap, as in HAProxy: the others keep their numbers when it gets one.
        next += 1;
    }
}

/// Warnings and errors about proxies and the backends they use.
pub(super) fn across(proxies: &[Proxy], plan: &Plan<'_>, diags: &Diagnostics) {
    let broken = diags.has_alerts();
    for proxy in proxies.iter().filter(|proxy| !proxy.disabled) {
        if proxy.frontend {
            backends(proxy, proxies, plan, diags);
        }
        // What is missing may stand on a line that could not be read.
        if !broken {
            listeners(proxy, plan, diags);
            timeouts(proxy, plan, diags);
        }
    }
}

/// An HTTP frontend needs HTTP backends.
fn backends(proxy: &Proxy, proxies: &[Proxy], plan: &Plan<'_>, diags: &Diagnostics) {
    let check = |id: ProxyId, how: &str| {
        let Some(to) = proxies.get(id.index()).filter(|to| proxy.mode == Mode::Http && to.mode == Mode::Tcp) else {
            return;
        };
        let text = format!(
            "http {} ({}) tries to use incompatible tcp {} ({}) {how} (see 'mode').",
            name(proxy),
            proxy.place,
            name(to),
            to.place
        );
        let error = Diagnostic::alert("mode-mismatch", text).at(span(plan, proxy)).lead(Lead::Config);
        diags.push(error.place(span(plan, to), "write 'mode http' here, or in the defaults"));
    };
    if let Some(id) = proxy.default_backend {
        check(id, "as its default backend");
    }
    let mut seen = Vec::new();
    for choice in &proxy.use_backend {
        if let BackendTo::Fixed(id) = choice.to
            && !seen.contains(&id)
        {
            seen.push(id);
            check(id, "in a 'use_backend' rule");
        }
    }
}

fn listeners(proxy: &Proxy, plan: &Plan<'_>, diags: &Diagnostics) {
    if proxy.frontend && !proxy.backend && proxy.binds.is_empty() {
        let text =
            format!("{} has no 'bind' directive. Please declare it as a backend if this was intended.", name(proxy));
        diags.push(Diagnostic::warning("no-bind", text).at(span(plan, proxy)).lead(Lead::Config));
    }
}

/// Without timeouts connections stay for ever when a peer vanishes.
fn timeouts(proxy: &Proxy, plan: &Plan<'_>, diags: &Diagnostics) {
    let times = &proxy.timeouts;
    let client = proxy.frontend && times.client.is_none();
    let server = proxy.backend && (times.connect.is_none() || times.server.is_none()) && !proxy.servers.is_empty();
    if client || server {
        let text = format!(
            "missing timeouts for {}.\n   | While not properly invalid, you will certainly encounter various problems\n   \
             | with such a configuration. To fix this, please ensure that all following\n   \
             | timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
            name(proxy)
        );
        diags.push(Diagnostic::warning("missing-timeouts", text).at(span(plan, proxy)).lead(Lead::Bare));
    }
}

/// `frontend 'web'` and the like.
fn name(proxy: &Proxy) -> String {
    format!("{} '{}'", word(proxy), proxy.name)
}

fn word(proxy: &Proxy) -> &'static str {
    match (proxy.frontend, proxy.backend) {
        (true, false) => "frontend",
        (false, true) => "backend",
        _ => "proxy",
    }
}

fn span(plan: &Plan<'_>, proxy: &Proxy) -> Span {
    plan.names.proxies.get(proxy.id.index()).map_or(Span::nowhere(), |name| name.span)
}
