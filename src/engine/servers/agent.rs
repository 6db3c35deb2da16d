//! What agents say of their servers (manual 5.2 `agent-check`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Ends, Place, Scene, reason};
use crate::engine::check::outcome::Outcome;
use crate::engine::check::score;
use crate::engine::live::Live;
use crate::engine::log::compose::NOTICE;
use crate::engine::log::herald::Herald;
use crate::state::{Admin, CheckResult, Health};
use crate::wire::agent::{Report, Weight, Wish};

/// Takes an agent's answer, or its silence, into account.
pub fn reported(herald: &Herald, live: &Live, place: Place, answer: &Result<Report, Outcome>, took_ms: u64) -> Ends {
    let mut ends = hear(herald, live, place, answer, took_ms);
    ends.extend(super::tracked::follow(herald, live, place));
    ends
}

fn hear(herald: &Herald, live: &Live, place: Place, answer: &Result<Report, Outcome>, took_ms: u64) -> Ends {
    let Some(scene) = Scene::open(herald, live, place) else { return Ends::new() };
    if scene.line.agent.is_none() || scene.state.agent.off.load(Relaxed) {
        return Ends::new();
    }
    let _held = scene.hold();
    let before = scene.operation();
    let was_down = scene.state.agent.down.load(Relaxed);
    if let Some(health) = answer.as_ref().ok().and_then(|report| report.health.as_ref()) {
        scene.state.agent.down.store(!health.up, Relaxed);
    }
    let mut result = match answer {
        Ok(report) => {
            scene.obey(report);
            said(report)
        }
        Err(outcome) => outcome.result.clone(),
    };
    result.duration_ms = took_ms;
    scene.hear(result, was_down);
    scene.ends(before)
}

/// What the statistics tell of an answer.
fn said(report: &Report) -> CheckResult {
    let wrong = report.wrong.as_deref();
    let (status, detail) = match &report.health {
        Some(health) => {
            let status = if health.up { "L7OK" } else { "L7STS" };
            (
                status,
                match wrong.unwrap_or(&report.remark) {
                    "" => format!("via agent : {}", health.word),
                    remark => format!("via agent : {} ({remark})", health.word),
                },
            )
        }
        None => ("CHECKED", wrong.map_or_else(String::new, |wrong| format!("agent reports an error : {wrong}"))),
    };
    // A line of a log must stay one.
    let detail = detail.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    CheckResult { status, code: 0, duration_ms: 0, detail }
}

impl Scene<'_> {
    /// Does what an agent asks for, other than to be up or down.
    fn obey(&self, report: &Report) {
        if let Some(weight) = report.weight {
            let weight = match weight {
                Weight::Absolute(weight) => weight,
                Weight::Percent(percent) => (u64::from(self.line.weight) * u64::from(percent) / 100).min(256) as u32,
            };
            if self.state.weight.load(Relaxed) != weight {
                self.around(|| {
                    self.state.weight.store(weight, Relaxed);
                    None
                });
            }
        }
        if let Some(limit) = report.maxconn {
            self.set_maxconn(limit);
        }
        if let Some(wish) = report.admin {
            self.admin(match wish {
                Wish::Ready => Admin::Ready,
                Wish::Drain => Admin::Drain,
                Wish::Maint => Admin::Maint,
            });
        }
    }

    /// Takes over what is known of the agent now; only its own words turn the server.
    fn hear(&self, result: CheckResult, was_down: bool) {
        let agent = &self.state.agent;
        let before = agent.result.load().status;
        let (status, reason) = (result.status, reason(&result));
        agent.result.store(Arc::new(result));
        let logs = self.proxy.log_health_checks;
        if logs && status != "CHECKED" && status != before {
            let backup = if self.line.backup { "backup " } else { "" };
            let verdict = if status == "L7OK" { "succeeded" } else { "failed" };
            let state = match (agent.down.load(Relaxed), self.state.weight.load(Relaxed)) {
                (true, _) => "0/1 DOWN",
                (false, 0) => "1/1 DRAIN",
                (false, _) => "1/1 UP",
            };
            let place = format!("{backup}server {}/{}", self.proxy.name, self.line.name);
            self.tell(NOTICE, &format!("Agent check for {place} {verdict}{reason}, status: {state}."));
        }
        // What it says of a server that tracks another is not told as a reason.
        let why = if logs || self.line.track.is_some() { "" } else { &reason };
        match status {
            "L7STS" => self.follow_agent(why),
            // Nothing else can bring up a server that is not checked, but was down in an earlier process.
            "L7OK" if was_down || (self.line.check.is_none() && self.state.health() == Health::Down) => {
                self.follow_agent(why)
            }
            _ => {}
        }
    }

    /// An administrator says what the agent is to have said.
    pub(super) fn set_agent(&self, up: bool) {
        self.state.agent.down.store(!up, Relaxed);
        self.follow_agent(", changed from CLI");
    }

    /// The server is down where its agent says so, else as its checks have it.
    fn follow_agent(&self, why: &str) {
        if self.state.in_maintenance() {
            return;
        }
        let checked = match &self.line.check {
            Some(check) if self.state.check_score.load(Relaxed) < check.rise => Health::Down,
            _ => Health::Up,
        };
        let health = match self.taken_over() {
            Some((health, _)) => health,
            None if self.agent_keeps_down() => Health::Down,
            None => checked,
        };
        self.turn(health, &format!("{why}{}", self.via()));
    }

    /// Checks alone cannot bring the server up.
    pub(super) fn agent_keeps_down(&self) -> bool {
        self.line.agent.is_some() && self.state.agent.keeps_down()
    }

    /// Health and the checks' counter of a server that begins anew.
    pub(super) fn anew(&self) -> (Health, u32) {
        if let Some(taken_over) = self.taken_over() {
            return taken_over;
        }
        let (health, score) = self.line.check.as_ref().map_or((Health::Up, 0), score::begin);
        (if self.agent_keeps_down() { Health::Down } else { health }, score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::agent::parse;

    /// Seen on HAProxy 2.8.
    #[test]
    fn answers_are_told_as_haproxy_does() {
        let told = |line: &str| {
            let result = said(&parse(line.as_bytes()));
            (result.status, result.detail)
        };
        assert_eq!(told("up"), ("L7OK", "via agent : up".to_owned()));
        assert_eq!(told("fail # broken x"), ("L7STS", "via agent : fail (broken x)".to_owned()));
        assert_eq!(told("up foo # hi"), ("L7OK", "via agent : up (foo)".to_owned()));
        assert_eq!(told("50% # hi"), ("CHECKED", String::new()));
        assert_eq!(told("nonsense"), ("CHECKED", "agent reports an error : nonsense".to_owned()));
    }
}
