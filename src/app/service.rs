//! What the running process tells of itself: the statistics page for the engine, the commands for the runtime socket.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::admin::cli::console::{self, SeverityOutput, Wait};
use crate::admin::cli::{self, Certificates, Console, Level, Loader, Reply, Shell};
use crate::admin::metrics;
use crate::admin::socket::Interpreter;
use crate::admin::stats::page::{self, Change, Process};
use crate::admin::stats::rows::At;
use crate::base::clock;
use crate::base::id::{ProxyId, ServerId};
use crate::engine::{Call, Engine, Service};
use crate::ir::Ir;
use crate::state::View;

/// The running configuration and facts of the process, shared by everything that shows them.
pub struct Status {
    first: (Arc<Ir>, Arc<View>),
    lines: Box<dyn Loader>,
    certs: Certificates,
    started_ms: u64,
    facts: Process,
    engine: OnceLock<Weak<Engine>>,
}

impl Status {
    /// For a configuration that is about to run; `facts` were true a moment ago.
    pub fn new(ir: Arc<Ir>, view: Arc<View>, facts: Process, lines: Box<dyn Loader>) -> Arc<Status> {
        Arc::new(Status {
            first: (ir, view),
            lines,
            certs: Certificates::default(),
            started_ms: clock::mono_ms(),
            facts,
            engine: OnceLock::new(),
        })
    }

    /// Tells which engine carries out changes; once it runs.
    pub fn attach(&self, engine: &Arc<Engine>) {
        // There is one engine in a process.
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    fn process(&self) -> Process {
        let uptime = Duration::from_millis(clock::mono_ms() - self.started_ms);
        Process { uptime, ..self.facts.clone() }
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get().and_then(Weak::upgrade)
    }

    /// Lets a command work on what is there now.
    fn with_shell<T>(&self, console: &mut Console, payload: Option<&str>, work: impl FnOnce(&mut Shell<'_>) -> T) -> T {
        let (ir, view) = self.current();
        let (process, engine) = (self.process(), self.engine());
        let engine = engine.as_deref();
        work(&mut Shell {
            engine,
            lines: Some(&*self.lines),
            certs: &self.certs,
            ir: &ir,
            view: &view,
            process: &process,
            at: at(),
            console,
            payload,
        })
    }

    fn apply(&self, changes: &[(ProxyId, ServerId, Change)]) {
        let Some(engine) = self.engine() else { return };
        for &(proxy, server, change) in changes {
            engine.change(proxy, server, change);
        }
    }

    fn current(&self) -> (Arc<Ir>, Arc<View>) {
        self.engine().map_or_else(|| self.first.clone(), |engine| engine.current())
    }
}

impl Interpreter for Status {
    fn run(&self, console: &mut Console, command: &str, payload: Option<&str>) -> Reply {
        self.with_shell(console, payload, |shell| cli::run(shell, command))
    }

    fn has_come(&self, console: &mut Console, wait: &Wait) -> Result<bool, String> {
        self.with_shell(console, None, |shell| console::has_come(shell, wait))
    }

    fn uptime(&self) -> u64 {
        (clock::mono_ms() - self.started_ms) / 1000
    }
}

impl Service for Status {
    fn answer(&self, call: &Call<'_>, out: &mut Vec<u8>) {
        let Some(proxy) = call.ir.proxies.get(call.proxy.index()) else { return };
        let (Some(stats), Some(head)) = (&proxy.stats, call.ctx.req) else { return };
        let request = page::Request {
            method: head.method(),
            target: head.target(),
            authorization: head.values(&crate::http::HeaderName::new(b"authorization")).next(),
            body: call.body,
            admin: stats.admin.iter().any(|condition| condition.holds(&call.ctx)),
        };
        let answer = page::answer(call.ir, call.ctx.view, stats, &request, at(), &self.process());
        out.extend_from_slice(&answer.response);
        self.apply(&answer.changes);
    }

    fn metrics(&self, target: &[u8], out: &mut Vec<u8>) -> bool {
        let mut console = Console::new(Level::User, SeverityOutput::None, Duration::ZERO);
        let answer = self.with_shell(&mut console, None, |shell| metrics::answer(shell, target));
        match answer {
            Some(answer) => {
                out.extend_from_slice(&answer);
                true
            }
            None => false,
        }
    }
}

fn at() -> At {
    let now_us = clock::unix_us();
    At { now_ms: clock::mono_ms(), now: now_us / 1_000_000, now_us }
}
