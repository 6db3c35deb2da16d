//! All listening sockets of the process: those of `bind` lines and the runtime sockets. They are opened at the start, by a reload that
//! names new addresses, or come from another process.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::load::Voice;
use crate::admin::cli::Level;
use crate::admin::cli::console::SeverityOutput;
use crate::admin::descriptors::Exposed;
use crate::admin::socket;
use crate::diag::Severity;
use crate::engine::{BindFailure, Sockets};
use crate::ir::{Bind, BindAddr, Ir};
use crate::net::listen::{Listening, OpenError};

/// Opens the sockets of a line, of that many copies and with that backlog.
pub type Opener<'a> = &'a mut dyn FnMut(&Bind, usize, i32) -> Result<Listening, OpenError>;

/// The open listening sockets of a configuration.
#[derive(Clone, Default)]
pub struct Listeners {
    /// Of `bind` lines.
    pub engine: Sockets,
    /// Of `stats socket` lines.
    pub runtime: Runtime,
}

/// The open runtime sockets, in order of the lines.
#[derive(Clone, Default)]
pub struct Runtime(Vec<Arc<Listening>>);

/// Why a configuration's sockets are not open.
pub enum Failure {
    /// Of `bind` lines.
    Binds(Vec<BindFailure>),
    /// Of a `stats socket` line.
    Runtime(String),
}

impl Listeners {
    /// The sockets of a configuration; those that are open for the same address are kept.
    pub fn again(&self, ir: &Ir, threads: usize, open: Opener<'_>) -> Result<Listeners, Failure> {
        let engine = self.engine.again(ir, threads, open).map_err(Failure::Binds)?;
        Ok(Listeners { engine, runtime: self.runtime.again(ir, open).map_err(Failure::Runtime)? })
    }

    /// Whether anything listens at all; a process that does not is of no use.
    pub fn is_empty(&self) -> bool {
        self.engine.iter().next().is_none() && self.runtime.0.is_empty()
    }

    /// The sockets that another configuration's listeners do not have, in the order in which they were opened.
    pub fn those_not_of(&self, old: &Listeners) -> Vec<&OwnedFd> {
        let fresh = |listening: &&Arc<Listening>| {
            let mut all = old.engine.iter().map(|(_, _, kept)| kept).chain(&old.runtime.0);
            !all.any(|kept| Arc::ptr_eq(kept, listening))
        };
        let all = self.engine.iter().map(|(_, _, listening)| listening).chain(&self.runtime.0);
        all.filter(fresh).flat_map(|listening| &listening.sockets).collect()
    }

    /// What another process may take over (`expose-fd listeners`).
    pub fn exposed(&self, ir: &Ir) -> Vec<Exposed> {
        let lines = self.engine.iter().map(|(proxy, bind, listening)| {
            let line = ir.proxies.get(proxy.index()).and_then(|proxy| proxy.binds.get(bind.index()));
            (line.and_then(|line| line.interface.clone()).unwrap_or_default(), listening)
        });
        let runtime = self.runtime.0.iter().map(|listening| (String::new(), listening));
        let copy = |(interface, listening): (String, &Arc<Listening>)| {
            let copies = listening.sockets.iter().filter_map(|socket| socket.try_clone().ok());
            copies.map(|socket| Exposed { socket, interface: interface.clone() }).collect::<Vec<_>>()
        };
        lines.chain(runtime).flat_map(copy).collect()
    }
}

impl Runtime {
    /// The runtime sockets of a configuration; those that are open for the same address are kept.
    pub fn again(&self, ir: &Ir, open: Opener<'_>) -> Result<Runtime, String> {
        let mut all = Vec::new();
        for line in &ir.global.runtime_sockets {
            if let Some(kept) = self.0.iter().find(|kept| kept.addr == line.addr) {
                all.push(kept.clone());
                continue;
            }
            let bind = Bind { unix_mode: line.mode, uid: line.uid, gid: line.gid, ..Bind::plain(line.addr.clone()) };
            let opened = open(&bind, 1, RUNTIME_BACKLOG);
            let opened = opened.map_err(|error| format!("Binding [{}] for proxy GLOBAL: {error}", line.addr))?;
            all.push(Arc::new(opened));
        }
        Ok(Runtime(all))
    }

    /// Copies for the thread that serves them.
    pub fn to_serve(&self, ir: &Ir) -> Vec<socket::Listening> {
        let lines = ir.global.runtime_sockets.iter().zip(&self.0);
        lines
            .filter_map(|(line, listening)| {
                let level = level(line.level);
                let socket = listening.sockets.first()?.try_clone().ok()?;
                let severity = SeverityOutput::from_name(line.severity_output).unwrap_or(SeverityOutput::None);
                Some(socket::Listening { socket, level, severity, expose: line.expose_fd })
            })
            .collect()
    }
}

/// The rights that `level` gives.
pub fn level(number: u8) -> Level {
    match number {
        1 => Level::User,
        2 => Level::Operator,
        _ => Level::Admin,
    }
}

/// Says which sockets could not be opened, in HAProxy's words.
pub fn say(failure: &Failure, ir: &Ir, voice: &mut Voice) {
    match failure {
        Failure::Runtime(why) => voice.say(Severity::Alert, why),
        Failure::Binds(failures) => {
            for failure in failures {
                let proxy = ir.proxy(failure.proxy);
                let line = proxy.binds.get(failure.bind.index());
                let place = line.map_or("", |line| &*line.place);
                let at = line.map(|line| address(&line.addr)).unwrap_or_default();
                let kind = if proxy.backend { "proxy" } else { "frontend" };
                let text = format!("Binding [{place}] for {kind} {}: {} for [{at}]", proxy.name, failure.error);
                voice.say(Severity::Alert, &text);
            }
        }
    }
}

fn address(addr: &BindAddr) -> String {
    match addr {
        BindAddr::Ip { addr, .. } => format!("{}:{}", addr.ip(), addr.port()),
        other => other.to_string(),
    }
}

/// Connections that wait on a runtime socket, as HAProxy's default `stats maxconn`.
const RUNTIME_BACKLOG: i32 = 10;
