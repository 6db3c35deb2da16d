//! What the running process tells of itself: the statistics page for the engine, the commands for the runtime socket.

use std::sync::{Arc, OnceLock, RwLock, Weak};

use crate::admin::cli::{self, After, Level, Shell};
use crate::admin::stats::page::{self, Change, Process};
use crate::admin::stats::rows::At;
use crate::base::clock;
use crate::base::id::{ProxyId, ServerId};
use crate::engine::{Call, Engine, Service};
use crate::ir::Ir;
use crate::state::View;

/// The running configuration and facts of the process, shared by everything that shows them.
pub struct Status {
    current: RwLock<(Arc<Ir>, Arc<View>)>,
    started_ms: u64,
    threads: usize,
    hostname: String,
    engine: OnceLock<Weak<Engine>>,
}

impl Status {
    /// For a configuration that is about to run on that many threads.
    pub fn new(ir: Arc<Ir>, view: Arc<View>, threads: usize, hostname: String) -> Arc<Status> {
        let current = RwLock::new((ir, view));
        Arc::new(Status { current, started_ms: clock::mono_ms(), threads, hostname, engine: OnceLock::new() })
    }

    /// Tells which engine carries out changes; once it runs.
    pub fn attach(&self, engine: &Arc<Engine>) {
        // There is one engine in a process.
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// The name of this machine.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// Runs a line of runtime commands.
    pub fn command(&self, level: Level, line: &str) -> (String, After) {
        let (ir, view) = self.current();
        let process = self.process();
        let mut shell = Shell { ir: &ir, view: &view, process: &process, at: at(), level, changes: Vec::new() };
        let answer = cli::run(&mut shell, line);
        self.apply(&shell.changes);
        answer
    }

    fn process(&self) -> Process {
        Process {
            uptime: (clock::mono_ms() - self.started_ms) / 1000,
            pid: std::process::id(),
            threads: self.threads,
            hostname: self.hostname.clone(),
        }
    }

    fn apply(&self, changes: &[(ProxyId, ServerId, Change)]) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else { return };
        for &(proxy, server, change) in changes {
            engine.change(proxy, server, change);
        }
    }

    fn current(&self) -> (Arc<Ir>, Arc<View>) {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
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
}

fn at() -> At {
    At { now_ms: clock::mono_ms(), now: clock::unix_us() / 1_000_000 }
}
