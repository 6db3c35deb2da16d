//! Servers that take over the state of another one (manual 5.2 `track`).

use std::sync::atomic::Ordering::Relaxed;

use super::{Ends, Place, Said, Scene};
use crate::engine::live::Live;
use crate::engine::log::compose::{ALERT, NOTICE};
use crate::engine::log::herald::Herald;
use crate::ir::{Ir, Server};
use crate::state::{Admin, Health, ServerState, View};

/// Lets all that track a server take over what it is now, and those that track them. Whoever has changed it has let go of it: the
/// last one to come here finds the last state.
pub(super) fn follow(herald: &Herald, live: &Live, place: Place) -> Ends {
    let Some((line, state)) = live.server(place.0, place.1) else { return Ends::new() };
    let mut ends = Ends::new();
    for tracker in &line.trackers {
        let Some(scene) = Scene::open(herald, live, *tracker) else { continue };
        {
            let _held = scene.hold();
            let before = scene.operation();
            scene.take_after(state);
            ends.extend(scene.ends(before));
        }
        ends.extend(follow(herald, live, *tracker));
    }
    ends
}

/// Gives servers that track others their state at the beginning, without a word.
pub fn settle(ir: &Ir, view: &View) {
    // A chain is at most as long as there are servers; each round settles one more link of all.
    let trackers = || ir.proxies.iter().flat_map(|proxy| proxy.servers.iter().zip(&view.proxy(proxy.id).servers));
    loop {
        let mut changed = false;
        for (line, state) in trackers() {
            let place = line.track.as_ref().and_then(|track| track.place);
            let Some(parent) = place.and_then(|(proxy, server)| view.server(proxy, server)) else { continue };
            let (inherited, health) = (passed_on(parent), health(line, state, parent));
            state.check_score.store(parent.check_score.load(Relaxed), Relaxed);
            if inherited != state.inherited() || health != state.health() {
                state.set_inherited(inherited);
                state.set_health(health);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// A server that tracks another is down where its own agent says so, too.
fn health(line: &Server, state: &ServerState, parent: &ServerState) -> Health {
    if line.agent.is_some() && state.agent.keeps_down() { Health::Down } else { parent.health() }
}

/// The administrator's word that those who track a server inherit.
fn passed_on(parent: &ServerState) -> Admin {
    match parent.in_maintenance() {
        true => Admin::Maint,
        false if parent.drains() => Admin::Drain,
        false => Admin::Ready,
    }
}

impl Scene<'_> {
    fn take_after(&self, parent: &ServerState) {
        let via = self.via();
        let (old, new) = (self.state.inherited(), passed_on(parent));
        let health = health(self.line, self.state, parent);
        self.state.check_score.store(parent.check_score.load(Relaxed), Relaxed);
        if old != new {
            self.around(|| {
                self.state.set_inherited(new);
                self.inherit(old, new, health, &via)
            });
            if old == Admin::Maint && new == Admin::Drain && self.state.admin() != Admin::Maint {
                self.tell(NOTICE, &format!("{} remains in drain mode{via}.", self.name()));
            }
        }
        if !self.state.in_maintenance() {
            self.turn(health, &via);
        }
    }

    /// Whom it tracks, as it is told; empty if nobody.
    pub(super) fn via(&self) -> String {
        self.line.track.as_ref().map_or_else(String::new, |track| format!(" via {}", track.shown))
    }

    /// Health and the checks' counter that it takes over, if it tracks another server.
    pub(super) fn taken_over(&self) -> Option<(Health, u32)> {
        let (proxy, server) = self.line.track.as_ref()?.place?;
        let (_, parent) = self.live.server(proxy, server)?;
        Some((health(self.line, self.state, parent), parent.check_score.load(Relaxed)))
    }

    /// By whom the server is kept draining, if not by its own administrator.
    pub(super) fn drained_by(&self) -> Option<&str> {
        let track = self.line.track.as_ref().filter(|_| self.state.inherited() == Admin::Drain);
        track.map(|track| &*track.shown)
    }

    /// What is said of an inherited word; one that the server's own administrator has said too changes nothing.
    fn inherit(&self, old: Admin, new: Admin, health: Health, via: &str) -> Option<Said> {
        let name = self.name();
        let own = self.state.admin();
        let notice = |text| Some(Said { level: NOTICE, text });
        match (old, new) {
            (_, Admin::Maint) if own == Admin::Maint || self.state.unresolved.load(Relaxed) => None,
            (_, Admin::Maint) if self.state.health() == Health::Down => {
                notice(format!("{name} was DOWN and now enters maintenance{via}."))
            }
            (_, Admin::Maint) => {
                let running = self.state.health() == Health::Up && own == Admin::Ready && old == Admin::Ready;
                let text = format!("{name} is going DOWN for maintenance{via}. {}", self.tail());
                Some(Said { level: if running { ALERT } else { NOTICE }, text })
            }
            (Admin::Maint, _) if own == Admin::Maint => notice(format!("{name} remains in forced maintenance.")),
            (Admin::Maint, _) => {
                self.state.set_health(health);
                let up = if health == Health::Down { "DOWN" } else { "UP" };
                let ready = if self.state.drains() { "DRAIN" } else { "READY" };
                notice(format!("{name} is {up}/{ready} (leaving maintenance)."))
            }
            _ if own == Admin::Maint => None,
            _ if own == Admin::Drain => notice(format!("{name} remains in forced drain mode.")),
            (_, Admin::Drain) => notice(format!("{name} enters drain state{via}. {}", self.tail())),
            (_, Admin::Ready) => {
                let up = if self.state.health() == Health::Down { "DOWN" } else { "UP" };
                notice(format!("{name} is {up} (leaving drain){via}."))
            }
        }
    }
}
