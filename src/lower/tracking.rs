//! `track` (manual 5.2): finds the servers that others track, once all proxies are known.

use std::sync::Arc;

use crate::base::id::{ProxyId, ServerId};
use crate::diag::{Diagnostic, Diagnostics, Lead};
use crate::ir::{Proxy, Server};

type Place = (ProxyId, ServerId);

/// Links servers with those that they track; those that cannot be tracked are errors.
pub(super) fn link(proxies: &mut [Proxy], diags: &Diagnostics) {
    let mut links: Vec<(Place, Place)> = Vec::new();
    for proxy in proxies.iter() {
        for (at, line) in proxy.servers.iter().enumerate().filter(|(_, line)| line.track.is_some()) {
            match parent(proxy, line, proxies) {
                Ok(parent) => links.push(((proxy.id, ServerId(at as u32)), parent)),
                Err(text) => complain(proxy, line, text, diags),
            }
        }
    }
    for (tracker, parent) in &links {
        let shown = name(proxies, *parent);
        if let Some(line) = server_mut(proxies, *tracker)
            && let Some(track) = &mut line.track
        {
            (track.place, track.shown) = (Some(*parent), shown.into());
        }
        if let Some(line) = server_mut(proxies, *parent) {
            line.trackers.insert(0, *tracker);
        }
        // Both are known by their places from now on.
        for (proxy, server) in [*tracker, *parent] {
            let proxy = &mut proxies[proxy.index()];
            proxy.fixed_servers = proxy.fixed_servers.max(server.index() + 1);
        }
    }
    let broken: Vec<(Place, String)> =
        links.iter().filter_map(|(tracker, _)| Some((*tracker, unfit(proxies, *tracker)?))).collect();
    if broken.is_empty() {
        count(proxies, &links);
    }
    for ((proxy, server), text) in broken {
        let proxy = &proxies[proxy.index()];
        if let Some(line) = proxy.servers.get(server.index()) {
            complain(proxy, line, text, diags);
        }
    }
}

/// No chain is a loop any more.
fn count(proxies: &mut [Proxy], links: &[(Place, Place)]) {
    for (tracker, parent) in links {
        let mut at = *parent;
        while let Some(next) = track_of(proxies, at) {
            at = next;
        }
        let counts = server(proxies, at).and_then(|line| line.check.as_ref()).map(|check| (check.rise, check.fall));
        if let Some(track) = server_mut(proxies, *tracker).and_then(|line| line.track.as_mut()) {
            track.counts = counts;
        }
    }
}

fn parent(proxy: &Proxy, line: &Server, proxies: &[Proxy]) -> Result<Place, String> {
    let Some(track) = &line.track else { return Err(String::new()) };
    let owner = match &track.backend {
        None => proxy,
        Some(name) => proxies
            .iter()
            .find(|proxy| proxy.backend && *proxy.name == **name)
            .ok_or_else(|| format!("unable to find required proxy '{name}' for tracking."))?,
    };
    let at = owner.servers.iter().position(|server| *server.name == *track.server);
    let at = at.ok_or_else(|| format!("unable to find required server '{}' for tracking.", track.server))?;
    Ok((owner.id, ServerId(at as u32)))
}

/// Why a chain does not lead to a server that has a state of its own, or its members do not understand each other.
fn unfit(proxies: &[Proxy], tracker: Place) -> Option<String> {
    let first = track_of(proxies, tracker)?;
    let mut at = first;
    let mut seen = vec![tracker];
    loop {
        if seen.contains(&at) {
            return Some(format!(
                "unable to track {} as it belongs to a tracking chain looping back to {}.",
                name(proxies, first),
                name(proxies, at)
            ));
        }
        seen.push(at);
        match track_of(proxies, at) {
            Some(next) => at = next,
            None => break,
        }
    }
    let line = server(proxies, at)?;
    let has_state = line.check.is_some() || line.agent.is_some() || line.track.is_some();
    if !has_state {
        let name = name(proxies, at);
        return Some(format!("unable to use {name} for tracking as it does not have any check nor agent enabled."));
    }
    let on_404 = |place: Place| proxies.get(place.0.index()).map(|proxy| proxy.choosing.leaves_on_404);
    (on_404(tracker) != on_404(first))
        .then(|| format!("unable to use {} for tracking: disable-on-404 option inconsistency.", name(proxies, first)))
}

fn server(proxies: &[Proxy], (proxy, server): Place) -> Option<&Server> {
    proxies.get(proxy.index())?.servers.get(server.index()).map(|line| &**line)
}

fn server_mut(proxies: &mut [Proxy], (proxy, server): Place) -> Option<&mut Server> {
    proxies.get_mut(proxy.index())?.servers.get_mut(server.index()).and_then(Arc::get_mut)
}

fn track_of(proxies: &[Proxy], place: Place) -> Option<Place> {
    server(proxies, place)?.track.as_ref()?.place
}

fn name(proxies: &[Proxy], place: Place) -> String {
    let proxy = proxies.get(place.0.index()).map_or("", |proxy| &*proxy.name);
    format!("{proxy}/{}", server(proxies, place).map_or("", |line| &line.name))
}

fn complain(proxy: &Proxy, line: &Server, text: String, diags: &Diagnostics) {
    let text = format!("'server {}/{}' : {text}", proxy.name, line.name);
    let error = Diagnostic::alert("track", text).lead(Lead::Place);
    diags.push(match &line.track {
        Some(track) => error.at(track.line),
        None => error,
    });
}
