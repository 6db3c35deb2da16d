//! The supervisor of master-worker mode (`-W`, `-Ws`, management.txt chapters 4 and 9.4): one thread, no runtime. It reads the
//! configuration, opens the sockets and keeps them, and gives both to the worker, which may live in a chroot without rights. A reload
//! changes the running worker; where a process cannot change (threads, identity, limits), another one takes the sockets over.

mod children;
mod cli;
pub mod commands;
mod notify;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bundle::{Bundle, Recorder};
use super::identity::{self, Background};
use super::limits::{self, Limits};
use super::link::{self, Kind};
use super::listeners::{self, Listeners};
use super::load::{self, Outcome, Voice};
use super::options::Options;
use super::run::{self, Prepared};
use super::takeover;
use super::worker::{self, Start};
use crate::diag::Severity;
use crate::ir::Ir;
use crate::lower::Disk;
use crate::net::listen;
use crate::sys::poll::{self, Interest};
use crate::sys::process::{self, Side};
use crate::sys::signals::Signals;
use children::{Child, Shape};
use cli::{Client, Door};
use notify::Notifier;

/// A configuration and what is open for it.
#[derive(Clone)]
struct Setup {
    ir: Arc<Ir>,
    listeners: Listeners,
    threads: usize,
    limits: Limits,
}

/// A configuration that a worker is about to serve.
struct Pending {
    setup: Setup,
    /// The worker before this one, if another process takes over.
    replaced: Option<Child>,
}

struct Supervisor<'a> {
    options: &'a Options,
    voice: Voice,
    signals: Signals,
    notifier: Notifier,
    doors: Vec<Door>,
    clients: Vec<Client>,
    setup: Setup,
    current: Option<Child>,
    former: Vec<Child>,
    pending: Option<Pending>,
    background: Option<Background>,
    in_background: bool,
    started: Instant,
    reloads: u32,
    failed_reloads: u32,
    last_failed: bool,
    startup_log: String,
    ending: bool,
    exit_code: i32,
}

/// Supervises until the last worker has ended; the value is the exit code.
pub fn run(ir: Ir, options: &Options, mut voice: Voice) -> i32 {
    match start(Arc::new(ir), options, &mut voice) {
        Ok((setup, doors, signals, background)) => {
            let in_background = background.is_some();
            let mut supervisor = Supervisor {
                options,
                startup_log: voice.said().to_owned(),
                voice,
                signals,
                notifier: Notifier::new(options.systemd),
                doors,
                clients: Vec::new(),
                setup,
                current: None,
                former: Vec::new(),
                pending: None,
                background,
                in_background,
                started: Instant::now(),
                reloads: 0,
                failed_reloads: 0,
                last_failed: false,
                ending: false,
                exit_code: 0,
            };
            supervisor.supervise()
        }
        Err(code) => code,
    }
}

type Started = (Setup, Vec<Door>, Signals, Option<Background>);

fn start(ir: Arc<Ir>, options: &Options, voice: &mut Voice) -> Result<Started, i32> {
    let Prepared { listeners, threads, limits } = run::prepare(&ir, options, voice)?;
    let doors = commands::open_doors(options, voice)?;
    identity::warn_of_root(&ir.global, voice);
    let mut say = |what: &str, error: io::Error| {
        voice.say_main(Severity::Alert, &format!("{what}: {error}"));
        1
    };
    let background = identity::in_background(&ir.global, options).then(identity::go_to_background);
    let background = background.transpose().map_err(|error| say("Cannot fork", error))?;
    let signals = Signals::block(&HANDLED).map_err(|error| say("Cannot handle signals", error))?;
    if let Some(path) = &ir.global.pidfile {
        identity::write_pid(path, voice);
    }
    takeover::send_away_the_old(options);
    Ok((Setup { ir, listeners, threads, limits }, doors, signals, background))
}

impl Supervisor<'_> {
    fn supervise(&mut self) -> i32 {
        match self.fork(self.setup.clone()) {
            Ok(child) => self.current = Some(child),
            Err(error) => {
                self.voice.say_main(Severity::Alert, &format!("Cannot fork: {error}"));
                return 1;
            }
        }
        while self.current.is_some() || !self.former.is_empty() || (!self.ending && self.keeps_going()) {
            if let Err(error) = self.turn() {
                self.voice.say(Severity::Alert, &format!("the supervisor cannot wait: {error}"));
                self.exit_code = 1;
                self.signal_all(libc::SIGTERM);
            }
        }
        let text = format!("All workers exited. Exiting... ({})", self.exit_code);
        self.voice.say(Severity::Warning, &text);
        self.exit_code
    }

    /// `no-exit-on-failure`: without a worker it waits for a reload that brings one.
    fn keeps_going(&self) -> bool {
        self.setup.ir.global.no_exit_on_failure && self.exit_code != 0
    }

    /// Starts a worker; the child does not come back.
    fn fork(&mut self, setup: Setup) -> io::Result<Child> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(PATIENCE))?;
        match process::fork()? {
            Side::Parent(pid) => {
                self.voice.say(Severity::Notice, &format!("New worker ({pid}) forked"));
                let shape = Shape::new(&setup.ir, setup.threads, setup.limits.descriptors);
                Ok(Child { pid, stream: ours, shape, started: Instant::now(), reloads: 0, ready: false, silent: false })
            }
            Side::Child => {
                drop(ours);
                // What is the supervisor's own must not stay open here: clients would wait for an end that does not come.
                self.doors.clear();
                self.clients.clear();
                self.former.clear();
                self.current = None;
                self.background = None;
                self.pending = None;
                self.setup.listeners = Listeners::default();
                std::process::exit(self.work(setup, theirs));
            }
        }
    }

    fn work(&self, setup: Setup, supervisor: UnixStream) -> i32 {
        let mut voice = Voice::new(self.options.quiet, false);
        if let Err(why) = identity::give_up_rights(&setup.ir.global, None) {
            voice.say_main(Severity::Alert, &why);
            return 1;
        }
        let start = Start {
            facts: worker::facts(setup.threads, setup.limits, &self.voice),
            ir: setup.ir,
            listeners: setup.listeners,
            threads: setup.threads,
            limits: setup.limits,
            quiet: self.options.quiet || self.in_background,
            options: self.options.clone(),
            supervisor: Some(supervisor),
            feed: None,
        };
        match worker::serve(start, |_| {}) {
            Ok(end) => end.exit(),
            Err(error) => {
                voice.say(Severity::Alert, &format!("cannot start: {error}"));
                1
            }
        }
    }

    /// Waits for something and deals with all that has come.
    fn turn(&mut self) -> io::Result<()> {
        self.clients.retain(|client| !client.is_over());
        let children = || self.current.iter().chain(&self.former).filter(|child| !child.silent);
        let mut fds: Vec<(BorrowedFd<'_>, Interest)> = vec![(self.signals.as_fd(), Interest::Read)];
        fds.extend(self.doors.iter().map(|door| (door.socket.as_fd(), Interest::Read)));
        fds.extend(children().map(|child| (child.stream.as_fd(), Interest::Read)));
        let clients: Vec<usize> = (0..self.clients.len()).filter(|at| self.clients[*at].interest().is_some()).collect();
        fds.extend(self.clients.iter().filter_map(Client::interest));
        let (doors, speaking) = (self.doors.len(), children().map(|child| child.pid).collect::<Vec<_>>());
        let ready = match poll::wait(&fds, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        let is_ready = |at: usize| ready.get(at).copied().unwrap_or(false);
        let gone: Vec<usize> = clients
            .iter()
            .enumerate()
            .filter(|(place, _)| is_ready(1 + doors + speaking.len() + place))
            .filter_map(|(_, at)| (!self.clients.get_mut(*at)?.advance()).then_some(*at))
            .collect();
        gone.into_iter().rev().for_each(|at| drop(self.clients.remove(at)));
        for at in (0..doors).filter(|at| is_ready(1 + at)) {
            let client = self.doors.get(at).and_then(Door::accept);
            self.clients.extend(client);
        }
        for (_, pid) in speaking.iter().enumerate().filter(|(at, _)| is_ready(1 + doors + at)) {
            self.hear(*pid);
        }
        while let Some(signal) = self.signals.next() {
            self.on_signal(signal);
        }
        self.run_commands();
        Ok(())
    }

    fn on_signal(&mut self, signal: i32) {
        match signal {
            libc::SIGCHLD => {
                while let Some((pid, code)) = process::reap() {
                    self.bury(pid, code);
                }
            }
            libc::SIGUSR2 | libc::SIGHUP => {
                self.reload(false);
            }
            libc::SIGTERM | libc::SIGINT | libc::SIGUSR1 => {
                if !self.ending {
                    self.voice.say(Severity::Warning, "Exiting Master process...");
                    self.notifier.stopping();
                }
                self.signal_all(signal);
            }
            // Pausing is the workers' business; QUIT means nothing here.
            libc::SIGTTOU | libc::SIGTTIN => self.current.iter().for_each(|child| child.signal(signal)),
            _ => {}
        }
    }

    /// Begins the end.
    fn signal_all(&mut self, signal: i32) {
        self.ending = true;
        self.doors.clear();
        self.current.iter().chain(&self.former).for_each(|child| child.signal(signal));
    }

    /// A worker has ended.
    fn bury(&mut self, pid: i32, code: i32) {
        let is_current = self.current.as_ref().is_some_and(|child| child.pid == pid);
        let is_new = is_current && self.pending.as_ref().is_some_and(|pending| pending.replaced.is_some());
        let place = if is_current { "Current" } else { "Former" };
        let severity = if code == 0 { Severity::Warning } else { Severity::Alert };
        let text = format!("{place} worker ({pid}) exited with code {code} ({})", children::cause(code));
        self.voice.say(severity, &text);
        self.former.retain(|child| child.pid != pid);
        if is_new {
            // It could not start: the one before serves on.
            self.current = self.pending.take().and_then(|pending| pending.replaced);
            return self.reload_failed(&format!("{text}\n"));
        }
        if is_current {
            self.current = None;
            if self.pending.take().is_some() {
                self.reload_failed(&format!("{text}\n"));
            }
        }
        // Who is told to end by a signal has not failed.
        let failed = !matches!(code, 0 | SIGTERM_CODE | SIGINT_CODE);
        if is_current || failed {
            self.exit_code = if code == SIGTERM_CODE { 0 } else { code };
        }
        if failed && !self.ending && !self.setup.ir.global.no_exit_on_failure {
            self.voice.say(Severity::Alert, "exit-on-failure: killing every processes with SIGTERM");
            self.signal_all(libc::SIGTERM);
        }
    }

    /// A worker says something.
    fn hear(&mut self, pid: i32) {
        let all = self.current.iter_mut().chain(&mut self.former);
        let Some(child) = all.into_iter().find(|child| child.pid == pid) else { return };
        let frame = link::receive(&child.stream).ok().flatten();
        let is_current = self.current.as_ref().is_some_and(|child| child.pid == pid);
        match frame {
            // Its end follows.
            None => self.silence(pid),
            Some(frame) if is_current => match frame.kind {
                Kind::Ready => self.worker_is_ready(),
                Kind::Done => self.reload_done(),
                Kind::Failed => {
                    self.pending = None;
                    self.reload_failed(&String::from_utf8_lossy(&frame.bytes));
                }
                Kind::Reload | Kind::Talk => {}
            },
            Some(_) => {}
        }
    }

    fn silence(&mut self, pid: i32) {
        let all = self.current.iter_mut().chain(&mut self.former);
        all.filter(|child| child.pid == pid).for_each(|child| child.silent = true);
    }

    fn worker_is_ready(&mut self) {
        if let Some(child) = &mut self.current {
            child.ready = true;
        }
        if let Some(background) = self.background.take() {
            // Nobody is left to hear of a parent that has gone.
            let _ = background.is_ready();
        }
        if self.pending.is_some() {
            return self.reload_done();
        }
        self.voice.say(Severity::Notice, "Loading success.");
        self.startup_log = self.voice.said().to_owned();
        self.notifier.ready("Ready.");
    }

    /// Reads the configuration again and gives it to the worker. `hard` ends a worker that is replaced at once.
    fn reload(&mut self, hard: bool) -> bool {
        if self.ending || self.pending.is_some() {
            return false;
        }
        self.notifier.reloading();
        self.voice.forget();
        self.voice.say(Severity::Notice, "Reloading HAProxy");
        let mut voice = Voice::new(self.options.quiet || self.in_background, self.options.diagnostic);
        let result =
            self.read_again(&mut voice).and_then(|(setup, bundle)| self.give(setup, &bundle, hard, &mut voice));
        self.startup_log = voice.said().to_owned();
        if result.is_err() {
            self.reload_failed("");
        }
        true
    }

    /// The error has been said.
    fn read_again(&self, voice: &mut Voice) -> Result<(Setup, Bundle), ()> {
        let recorder = Recorder::new(&Disk);
        let Outcome::Good(ir, _) = load::load(self.options, &recorder, voice) else { return Err(()) };
        let ir = Arc::new(*ir);
        let threads = run::threads(&ir.global);
        let limits = limits::set(&ir, threads, voice).ok_or(())?;
        let listeners = self.setup.listeners.again(&ir, threads, &mut listen::open);
        let listeners = listeners.map_err(|failure| listeners::say(&failure, &ir, voice))?;
        Ok((Setup { ir, listeners, threads, limits }, recorder.into_bundle()))
    }

    fn give(&mut self, setup: Setup, bundle: &Bundle, hard: bool, voice: &mut Voice) -> Result<(), ()> {
        let shape = Shape::new(&setup.ir, setup.threads, setup.limits.descriptors);
        let same = self.current.as_ref().filter(|child| child.shape == shape && child.ready && !hard);
        let failed =
            |error: io::Error, voice: &mut Voice| voice.say(Severity::Alert, &format!("Cannot reload: {error}"));
        let replaced = match same {
            Some(child) => {
                let fresh = setup.listeners.those_not_of(&self.setup.listeners);
                let fds: Vec<_> = fresh.iter().map(AsFd::as_fd).collect();
                let sent = link::send(&child.stream, Kind::Reload, &bundle.encode(), &fds);
                sent.map_err(|error| failed(error, voice))?;
                None
            }
            None => {
                let child = self.fork(setup.clone()).map_err(|error| failed(error, voice))?;
                let before = self.current.replace(child);
                if let Some(before) = before.as_ref().filter(|_| hard) {
                    before.signal(libc::SIGTERM);
                }
                before
            }
        };
        self.pending = Some(Pending { setup, replaced });
        Ok(())
    }

    fn reload_done(&mut self) {
        let Some(pending) = self.pending.take() else { return };
        self.setup = pending.setup;
        let most = self.setup.ir.global.max_reloads.unwrap_or(DEFAULT_MAX_RELOADS);
        for child in &mut self.former {
            child.reloads += 1;
            if child.reloads > most {
                child.signal(libc::SIGTERM);
            }
        }
        if let Some(mut replaced) = pending.replaced {
            replaced.reloads += 1;
            replaced.signal(libc::SIGUSR1);
            self.former.push(replaced);
        }
        self.finish_reload(true, Severity::Notice, "Loading success.");
    }

    /// Nothing has changed; `why` is added to what was said.
    fn reload_failed(&mut self, why: &str) {
        self.startup_log.push_str(why);
        self.failed_reloads += 1;
        self.finish_reload(false, Severity::Warning, "Loading failure!");
    }

    fn finish_reload(&mut self, success: bool, severity: Severity, text: &str) {
        self.last_failed = !success;
        self.reloads += u32::from(success);
        let before = self.voice.said().len();
        self.voice.say(severity, text);
        self.startup_log.push_str(self.voice.said().get(before..).unwrap_or_default());
        self.notifier.ready(if success { "Ready." } else { "Reload failed!" });
        let answer = format!("Success={}\n--\n{}", u8::from(success), self.startup_log);
        for client in self.clients.iter_mut().filter(|client| client.waits) {
            client.waits = false;
            client.answer(&answer);
            client.close();
        }
    }
}

const HANDLED: [i32; 9] = [
    libc::SIGCHLD,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGHUP,
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTTOU,
    libc::SIGTTIN,
];
/// How a shell counts the end by these signals.
const SIGTERM_CODE: i32 = 128 + libc::SIGTERM;
const SIGINT_CODE: i32 = 128 + libc::SIGINT;
/// `mworker-max-reloads` by default.
const DEFAULT_MAX_RELOADS: u32 = 50;
/// How long a worker may take to accept a bundle.
const PATIENCE: Duration = Duration::from_secs(10);
