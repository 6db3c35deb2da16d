//! The run-time state of the agent of a server (manual 5.2 `agent-check`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::Relaxed};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::server::CheckResult;

/// What an agent has said, and what the runtime socket says of it.
#[derive(Default)]
pub struct AgentState {
    /// It has said that the server is down.
    pub down: AtomicBool,
    /// Nobody asks it (`disable agent`).
    pub off: AtomicBool,
    /// It is being asked.
    pub asking: AtomicBool,
    /// Its last answer.
    pub result: ArcSwap<CheckResult>,
    /// Where it is, if somebody has changed that; port 0 is as configured.
    pub addr: ArcSwapOption<IpAddr>,
    /// See `addr`.
    pub port: AtomicU16,
    /// What it is told, if somebody has changed that.
    pub send: ArcSwapOption<Box<[u8]>>,
}

impl AgentState {
    /// Its word keeps the server down.
    pub fn keeps_down(&self) -> bool {
        self.down.load(Relaxed) && !self.off.load(Relaxed)
    }
}
