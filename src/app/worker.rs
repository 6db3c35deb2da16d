//! The process that serves: the engine, the runtime sockets, signals, and reloads while it runs. It stands alone or under a supervisor.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::bundle::Bundle;
use super::feed::{self, Fed, Feed, Resting};
use super::limits::Limits;
use super::link::{self, Frame, Kind};
use super::listeners::{self, Listeners, Runtime};
use super::load::{self, Outcome, Voice};
use super::options::Options;
use super::service::Status;
use super::signals::{Signal, Signals};
use crate::admin::socket;
use crate::admin::stats::page::Process;
use crate::base::clock;
use crate::diag::Severity;
use crate::engine::{self, Engine};
use crate::ir::{Bind, Ir};
use crate::lower::{Disk, Files};
use crate::net::listen::{self, Listening, OpenError};
use crate::state::Reception;
use crate::sys;

/// What a worker starts with.
pub struct Start {
    /// The configuration.
    pub ir: Arc<Ir>,
    /// Its open sockets.
    pub listeners: Listeners,
    /// Cores.
    pub threads: usize,
    /// What fits the limit of descriptors.
    pub limits: Limits,
    /// Nothing is written on standard error.
    pub quiet: bool,
    /// What the process tells of itself.
    pub facts: Process,
    /// The command line.
    pub options: Options,
    /// To the supervisor.
    pub supervisor: Option<UnixStream>,
    /// Where configurations come from, if not from files.
    pub feed: Option<Feed>,
}

/// How a worker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl End {
    /// Ends the process that way; by a signal it happens here.
    pub fn exit(self) -> i32 {
        match self {
            End::Code(code) => code,
            End::Signal(signal) => sys::process::die_by(signal),
        }
    }
}

/// Serves until a signal or the supervisor ends it. `ready` is called when the cores run.
pub fn serve(start: Start, ready: impl FnOnce(&Engine)) -> io::Result<End> {
    // Signals are taken from here on, so that none of the threads started below ends the process by its default action.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    sys::signals::unblock_all()?;
    let (frames, inbox) = unbounded_channel();
    let supervisor = start.supervisor.as_ref().map(UnixStream::try_clone).transpose()?;
    if let Some(stream) = &supervisor {
        let stream = stream.try_clone()?;
        std::thread::Builder::new().name("supervisor".into()).spawn(move || listen_to(&stream, &frames))?;
    }
    let mut worker = Worker::start(start)?;
    ready(&worker.engine);
    if let Some(stream) = &supervisor {
        link::send(stream, Kind::Ready, &[], &[])?;
    }
    let end = runtime.block_on(worker.run(signals, inbox));
    worker.engine.stop_now();
    worker.engine.join();
    Ok(end)
}

/// Passes on what the supervisor says; `None` when it has gone.
fn listen_to(stream: &UnixStream, frames: &UnboundedSender<Option<Frame>>) {
    loop {
        let frame = link::receive(stream).ok().flatten();
        let last = frame.is_none();
        if frames.send(frame).is_err() || last {
            return;
        }
    }
}

struct Worker {
    engine: Arc<Engine>,
    server: socket::Server,
    runtime_sockets: Arc<Mutex<Runtime>>,
    options: Options,
    supervisor: Option<UnixStream>,
    feed: Option<Feed>,
    /// The servers that the feed has taken out of service.
    resting: Resting,
    finishing: bool,
}

impl Worker {
    fn start(start: Start) -> io::Result<Worker> {
        let Start { ir, listeners, threads, limits, quiet, facts, options, supervisor, feed } = start;
        let view = engine::view(&ir, threads, None);
        let mut voice = Voice::after(&facts.startup_logs, quiet);
        for text in engine::restore(&ir, &view) {
            voice.say(Severity::Warning, &format!("config : {text}"));
        }
        let facts = Process { startup_logs: voice.said().into(), ..facts };
        // The name is set once; a second configuration would find it there.
        let _ = view.process.hostname.set(facts.hostname.as_str().into());
        let status = Status::new(ir.clone(), view.clone(), facts, Box::new(load::Lines(options.clone())));
        let how = engine::Options { cores: threads, maxconn: limits.maxconn, service: Some(status.clone()), quiet };
        let engine = Arc::new(engine::start(ir.clone(), view, listeners.engine, how)?);
        status.attach(&engine);
        let runtime_sockets = Arc::new(Mutex::new(listeners.runtime));
        let server = socket::serve(status.clone(), exposer(&engine, &runtime_sockets))?;
        let resting = Resting::new();
        let worker = Worker { engine, server, runtime_sockets, options, supervisor, feed, resting, finishing: false };
        worker.serve_runtime_sockets(&ir);
        Ok(worker)
    }

    fn serve_runtime_sockets(&self, ir: &Ir) {
        let limits = socket::Limits {
            idle: Duration::from_millis(ir.global.stats_timeout.unwrap_or(DEFAULT_STATS_TIMEOUT_MS)),
            connections: ir.global.stats_maxconn.map_or(10, |most| most as usize),
        };
        self.server.listen(lock(&self.runtime_sockets).to_serve(ir), limits);
    }

    async fn run(&mut self, mut signals: Signals, mut inbox: UnboundedReceiver<Option<Frame>>) -> End {
        let mut grace = Delay::default();
        let mut hard_stop = Delay::default();
        loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    // Who serves what a feed says is told by SIGUSR1 to ask it.
                    Signal::Finish | Signal::Reload if self.ask_again() => {}
                    Signal::Finish if !self.finishing => {
                        self.finishing = true;
                        let (ir, view) = self.engine.current();
                        view.process.stopping.store(true, Relaxed);
                        grace.set(Some(ir.global.grace.unwrap_or(0)));
                        hard_stop.set(ir.global.hard_stop_after);
                    }
                    Signal::Finish => {}
                    Signal::Now(number) => return End::Signal(number),
                    Signal::Reload => self.reload_from_disk(),
                    Signal::Dump => self.engine.dump_servers(),
                    Signal::Pause => self.engine.receive_all(Reception::Paused),
                    Signal::Resume => self.engine.receive_all(Reception::Open),
                },
                frame = inbox.recv(), if self.supervisor.is_some() => match frame.flatten() {
                    Some(frame) => self.obey(frame),
                    // Nobody would ever reload or stop this process.
                    None => return End::Code(1),
                },
                fed = next_of(&mut self.feed) => self.follow(fed),
                () = grace.over() => {
                    grace.set(None);
                    self.engine.stop_softly();
                }
                () = hard_stop.over() => return End::Code(0),
                () = ended(&self.engine), if self.finishing && !grace.is_set() => return End::Code(0),
            }
        }
    }

    fn obey(&mut self, frame: Frame) {
        match frame.kind {
            Kind::Reload => {
                let answer = match Bundle::decode(&frame.bytes) {
                    Some(bundle) => self.reload_from_bundle(&bundle, frame.fds),
                    None => Err("the supervisor's bundle cannot be read".to_owned()),
                };
                let (kind, text) = match &answer {
                    Ok(()) => (Kind::Done, ""),
                    Err(why) => (Kind::Failed, why.as_str()),
                };
                if let Some(stream) = &self.supervisor {
                    // A supervisor that has gone is noticed by the thread that listens to it.
                    let _ = link::send(stream, kind, text.as_bytes(), &[]);
                }
            }
            Kind::Talk => {
                let level = listeners::level(frame.bytes.first().copied().unwrap_or(1));
                for fd in frame.fds {
                    self.server.talk(UnixStream::from(fd), level);
                }
            }
            Kind::Ready | Kind::Done | Kind::Failed => {}
        }
    }

    /// The supervisor has checked the configuration and opened the sockets that are new, in the order in which they are asked for.
    fn reload_from_bundle(&mut self, bundle: &Bundle, fds: Vec<std::os::fd::OwnedFd>) -> Result<(), String> {
        let mut voice = Voice::new(true, false);
        let ir = match load::load(&self.options, bundle, &mut voice) {
            Outcome::Good(ir, _) => Arc::new(*ir),
            Outcome::Stop(_) => return Err(voice.said().to_owned()),
        };
        let mut fds = fds.into_iter();
        let mut open = |bind: &Bind, copies: usize, backlog: i32| -> Result<Listening, OpenError> {
            let copies = if bind.addr.is_shareable() { copies } else { 1 };
            listen::adopt(bind, fds.by_ref().take(copies).collect(), copies, backlog)
        };
        self.swap(ir, &mut open)
    }

    /// Without a supervisor the files are read here, as far as the process still may.
    fn reload_from_disk(&mut self) {
        if self.finishing {
            return;
        }
        let mut voice = Voice::new(self.options.quiet, self.options.diagnostic);
        voice.say(Severity::Notice, "Reloading HAProxy");
        let result = match load::load(&self.options, &Disk, &mut voice) {
            Outcome::Good(ir, _) => self.swap(Arc::new(*ir), &mut listen::open),
            Outcome::Stop(_) => Err(voice.said().to_owned()),
        };
        match result {
            Ok(()) => {
                voice.say(Severity::Notice, "Loading success.");
                self.engine.announce(false, "Configuration reloaded.");
            }
            Err(why) => {
                voice.say(Severity::Warning, "Loading failure!");
                for line in why.lines().filter(|line| line.starts_with("[ALERT]")) {
                    self.engine.announce(true, &format!("Reload failed, nothing has changed: {line}"));
                }
            }
        }
    }

    /// Whether there is a feed, which is asked then.
    fn ask_again(&self) -> bool {
        // A feed that has ended has nothing new to say.
        self.feed.as_ref().map(|feed| _ = feed.again.send(())).is_some()
    }

    /// Serves what the feed says.
    fn follow(&mut self, fed: Fed) {
        let done = self.swap(fed.ir, &mut listen::open);
        if done.is_ok() {
            feed::rest(&self.engine, &self.resting, &fed.resting);
            self.resting = fed.resting;
        }
        (fed.told)(done);
    }

    fn swap(&mut self, ir: Arc<Ir>, open: listeners::Opener<'_>) -> Result<(), String> {
        if let Err(failures) = self.engine.swap(ir.clone(), open) {
            let mut voice = Voice::new(true, false);
            listeners::say(&listeners::Failure::Binds(failures), &ir, &mut voice);
            return Err(voice.said().to_owned());
        }
        // The engine serves the new configuration already; a runtime socket that cannot be opened leaves the others as they were.
        let mut runtime = lock(&self.runtime_sockets);
        *runtime = runtime.again(&ir, open)?;
        drop(runtime);
        self.serve_runtime_sockets(&ir);
        Ok(())
    }
}

/// The newest of what the feed has said; those before it are of no interest any more.
async fn next_of(feed: &mut Option<Feed>) -> Fed {
    let Some(feed) = feed else { return std::future::pending().await };
    let Some(mut newest) = feed.configurations.recv().await else { return std::future::pending().await };
    while let Ok(newer) = feed.configurations.try_recv() {
        newest = newer;
    }
    newest
}

fn exposer(engine: &Arc<Engine>, runtime: &Arc<Mutex<Runtime>>) -> socket::Exposer {
    let (engine, runtime) = (Arc::downgrade(engine), runtime.clone());
    Arc::new(move || {
        let Some(engine) = engine.upgrade() else { return Vec::new() };
        let all = Listeners { engine: engine.sockets().unwrap_or_default(), runtime: lock(&runtime).clone() };
        all.exposed(&engine.current().0)
    })
}

/// What a process that starts now tells of itself.
pub fn facts(threads: usize, limits: Limits, voice: &Voice) -> Process {
    Process {
        uptime: Duration::ZERO,
        started_us: clock::unix_us(),
        boot_ms: clock::mono_ms().saturating_sub(clock::ORIGIN_MS),
        pid: std::process::id(),
        threads,
        hostname: Disk.hostname(),
        descriptors: limits.descriptors,
        warnings: voice.warnings(),
        startup_logs: voice.said().into(),
    }
}

fn lock(runtime: &Mutex<Runtime>) -> std::sync::MutexGuard<'_, Runtime> {
    runtime.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks often enough that nobody waits for the end of a soft stop.
async fn ended(engine: &Engine) {
    while !engine.has_ended() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A time that may come.
#[derive(Default)]
struct Delay(Option<tokio::time::Instant>);

impl Delay {
    fn set(&mut self, after_ms: Option<u64>) {
        self.0 = after_ms.map(|ms| tokio::time::Instant::now() + Duration::from_millis(ms));
    }

    fn is_set(&self) -> bool {
        self.0.is_some()
    }

    async fn over(&self) {
        match self.0 {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

/// `stats timeout` by default.
const DEFAULT_STATS_TIMEOUT_MS: u64 = 10_000;
