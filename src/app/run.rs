//! Running a loaded configuration: sockets, privileges, signals, the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::load::Voice;
use super::options::Options;
use super::service::Status;
use crate::admin::cli::Level;
use crate::admin::cli::console::SeverityOutput;
use crate::admin::socket::{self, Limits, Listening};
use crate::admin::stats::page::Process;
use crate::base::clock;
use crate::diag::Severity;
use crate::engine::{self, Engine, Sockets};
use crate::ir::{Bind, Global, Ir};
use crate::net;
use crate::sys;

/// Runs until a signal ends it; the value is the exit code. `ready` is called when all sockets are open.
pub fn run(ir: Ir, options: &Options, voice: &mut Voice, ready: impl FnOnce(&Engine)) -> i32 {
    let ir = Arc::new(ir);
    let threads = threads(&ir.global);
    let Some(maxconn) = raise_limits(&ir.global, voice) else { return 1 };
    let sockets = match Sockets::open(&ir, threads) {
        Ok(sockets) => sockets,
        Err(failures) => {
            for failure in failures {
                let proxy = ir.proxy(failure.proxy);
                let place = proxy.binds.get(failure.bind.index()).map_or("", |bind| &*bind.place);
                let text = format!("Binding [{place}] for {} {}: {}", kind(proxy.backend), proxy.name, failure.error);
                voice.say(Severity::Alert, &text);
            }
            voice.say(Severity::Alert, "Some protocols failed to start their listeners! Exiting.");
            return 1;
        }
    };
    let deaf = ir.proxies.iter().all(|proxy| proxy.disabled || proxy.binds.is_empty());
    if deaf && ir.global.runtime_sockets.is_empty() {
        voice.say(Severity::Alert, "No enabled listener found (check for 'bind' directives) ! Exiting.");
        return 2;
    }
    let runtime_sockets = match open_runtime_sockets(&ir) {
        Ok(sockets) => sockets,
        Err(why) => {
            voice.say(Severity::Alert, &why);
            return 1;
        }
    };
    if let Err(why) = become_service(&ir.global, options) {
        voice.say(Severity::Alert, &why);
        return 1;
    }
    let quiet = options.quiet || in_background(&ir.global, options);
    let facts = facts(threads, voice);
    match serve(ir, maxconn, quiet, sockets, runtime_sockets, facts, ready) {
        Ok(()) => 0,
        Err(error) => {
            voice.say(Severity::Alert, &format!("cannot start: {error}"));
            1
        }
    }
}

fn serve(
    ir: Arc<Ir>,
    maxconn: u32,
    quiet: bool,
    sockets: Sockets,
    runtime_sockets: Vec<Listening>,
    facts: Process,
    ready: impl FnOnce(&Engine),
) -> io::Result<()> {
    // Signals are taken from here on, so that none of the threads started below ends the process by its default action.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let threads = facts.threads;
    let view = engine::view(&ir, threads, None);
    // The name is set once; a second configuration would find it there.
    let _ = view.process.hostname.set(facts.hostname.as_str().into());
    let status = Status::new(ir.clone(), view.clone(), facts);
    let limits = Limits {
        idle: Duration::from_millis(ir.global.stats_timeout.unwrap_or(10_000)),
        connections: ir.global.stats_maxconn.map_or(10, |most| most as usize),
    };
    let hard_stop = ir.global.hard_stop_after.map(Duration::from_millis);
    let options = engine::Options { cores: threads, maxconn, service: Some(status.clone()), quiet };
    let engine = Arc::new(engine::start(ir, view, sockets, options)?);
    status.attach(&engine);
    socket::serve(runtime_sockets, limits, status)?;
    ready(&engine);
    runtime.block_on(async {
        if signals.next().await == Signal::Finish {
            engine.stop_softly();
            tokio::select! {
                () = ended(&engine) => {}
                () = signals.until_now() => {}
                () = after(hard_stop) => {}
            }
        }
    });
    engine.stop_now();
    engine.join();
    Ok(())
}

/// What the process tells of itself.
fn facts(threads: usize, voice: &Voice) -> Process {
    Process {
        uptime: Duration::ZERO,
        started_us: clock::unix_us(),
        boot_ms: clock::mono_ms().saturating_sub(clock::ORIGIN_MS),
        pid: std::process::id(),
        threads,
        hostname: crate::lower::Files::hostname(&crate::lower::Disk),
        // Asking for none changes nothing.
        descriptors: sys::process::raise_descriptor_limit(Some(0)).unwrap_or(0),
        warnings: voice.warnings(),
        startup_logs: voice.said().into(),
    }
}

/// Looks often enough that nobody waits for the end of a soft stop.
async fn ended(engine: &Engine) {
    while !engine.has_ended() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn after(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// SIGUSR1: finish what runs.
    Finish,
    /// SIGTERM, SIGINT: now.
    Now,
}

struct Signals {
    usr1: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
    hup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            usr1: signal(SignalKind::user_defined1())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.usr1.recv() => return Signal::Finish,
                _ = self.term.recv() => return Signal::Now,
                _ = self.int.recv() => return Signal::Now,
                // HAProxy dumps its servers' states to the log; a terminal that goes away must not end the process.
                _ = self.hup.recv() => {}
            }
        }
    }

    async fn until_now(&mut self) {
        while self.next().await != Signal::Now {}
    }
}

fn threads(global: &Global) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    global.threads.unwrap_or_else(cores).max(1)
}

fn kind(backend: bool) -> &'static str {
    if backend { "proxy" } else { "frontend" }
}

/// Raises the limit of descriptors to what `maxconn` (or `ulimit-n`) takes; says how many connections fit.
fn raise_limits(global: &Global, voice: &mut Voice) -> Option<u32> {
    let wanted = global.ulimit_n.or(global.maxconn.map(|connections| u64::from(connections) * 2 + SPARE));
    let limit = match sys::process::raise_descriptor_limit(wanted) {
        Ok(limit) => limit,
        Err(error) => {
            voice.say(Severity::Alert, &format!("cannot read the limit of descriptors: {error}"));
            return None;
        }
    };
    if let Some(wanted) = wanted
        && limit < wanted
    {
        let text = format!(
            "Cannot raise FD limit to {wanted}, limit is {limit}. This will limit the number of connections; \
             raise it with 'ulimit -n' or LimitNOFILE, or lower 'maxconn'."
        );
        voice.say(Severity::Warning, &text);
    }
    let fits = limit.saturating_sub(SPARE) / 2;
    Some(u32::try_from(fits).unwrap_or(u32::MAX).clamp(100, MOST_CONNECTIONS))
}

fn open_runtime_sockets(ir: &Ir) -> Result<Vec<Listening>, String> {
    let mut open = Vec::new();
    for socket in &ir.global.runtime_sockets {
        let bind =
            Bind { unix_mode: socket.mode, uid: socket.uid, gid: socket.gid, ..Bind::plain(socket.addr.clone()) };
        let listening = net::listen::open(&bind, 1, RUNTIME_BACKLOG)
            .map_err(|error| format!("Binding [{}] for proxy GLOBAL: {error}", socket.addr))?;
        let level = match socket.level {
            1 => Level::User,
            2 => Level::Operator,
            _ => Level::Admin,
        };
        let severity = SeverityOutput::from_name(socket.severity_output).unwrap_or(SeverityOutput::None);
        open.extend(listening.sockets.into_iter().map(|socket| Listening { socket, level, severity }));
    }
    Ok(open)
}

fn in_background(global: &Global, options: &Options) -> bool {
    (options.daemon || global.daemon) && !options.debug && !options.foreground
}

/// Goes to the background, writes the pid, gives up root, as far as asked for.
fn become_service(global: &Global, options: &Options) -> Result<(), String> {
    if in_background(global, options) {
        sys::process::daemonize().map_err(|error| format!("cannot go to the background: {error}"))?;
    }
    if let Some(path) = &global.pidfile {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|error| format!("Cannot create pidfile {}: {error}", path.display()))?;
    }
    if let Some(root) = &global.chroot {
        sys::process::chroot(root).map_err(|error| format!("Cannot chroot({}): {error}", root.display()))?;
    }
    sys::process::change_identity(global.uid, global.gid).map_err(|error| {
        format!("Cannot set uid {:?} or gid {:?}: {error}", global.uid.unwrap_or(0), global.gid.unwrap_or(0))
    })
}

/// Connections that wait on a runtime socket, as HAProxy's default `stats maxconn`.
const RUNTIME_BACKLOG: i32 = 10;
/// Descriptors that connections cannot use: listeners, logs, checks, files.
const SPARE: u64 = 256;
/// Where no `maxconn` is given, this many connections are enough for one process.
const MOST_CONNECTIONS: u32 = 1_000_000;
