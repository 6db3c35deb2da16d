//! Running a loaded configuration: limits, sockets, privileges, then the worker; or the supervisor above workers.

use std::sync::Arc;

use super::feed::Feed;
use super::identity;
use super::limits::{self, Limits};
use super::listeners::{self, Listeners};
use super::load::Voice;
use super::options::Options;
use super::takeover;
use super::worker::{self, Start};
use crate::diag::Severity;
use crate::engine::Engine;
use crate::ir::{Global, Ir};

/// Runs until a signal ends it; the value is the exit code. `ready` is called when the cores run.
pub fn run(ir: Ir, options: &Options, voice: &mut Voice, ready: impl FnOnce(&Engine)) -> i32 {
    run_fed(ir, options, voice, None, ready)
}

/// Runs a configuration and those that the feed says after it.
pub fn run_fed(ir: Ir, options: &Options, voice: &mut Voice, feed: Option<Feed>, ready: impl FnOnce(&Engine)) -> i32 {
    let ir = Arc::new(ir);
    let prepared = match prepare(&ir, options, voice) {
        Ok(prepared) => prepared,
        Err(code) => return code,
    };
    identity::warn_of_root(&ir.global, voice);
    let background = match identity::in_background(&ir.global, options).then(identity::go_to_background).transpose() {
        Ok(background) => background,
        Err(error) => {
            voice.say_main(Severity::Alert, &format!("Cannot fork: {error}"));
            return 1;
        }
    };
    if let Some(path) = &ir.global.pidfile {
        identity::write_pid(path, voice);
    }
    takeover::send_away_the_old(options);
    if let Err(why) = identity::give_up_rights(&ir.global, options.kept_group) {
        voice.say_main(Severity::Alert, &why);
        return 1;
    }
    let quiet = options.quiet || background.is_some();
    let start = Start { feed, ..prepared.start(ir, options, quiet, voice) };
    let served = worker::serve(start, |engine| {
        ready(engine);
        if let Some(background) = background {
            // Nobody is left to hear of a parent that has gone.
            let _ = background.is_ready();
        }
    });
    match served {
        Ok(end) => end.exit(),
        Err(error) => {
            voice.say(Severity::Alert, &format!("cannot start: {error}"));
            1
        }
    }
}

/// A configuration whose sockets are open.
pub struct Prepared {
    /// The sockets.
    pub listeners: Listeners,
    /// Cores.
    pub threads: usize,
    /// What fits the limit of descriptors.
    pub limits: Limits,
}

impl Prepared {
    fn start(self, ir: Arc<Ir>, options: &Options, quiet: bool, voice: &Voice) -> Start {
        let Prepared { listeners, threads, limits } = self;
        let facts = worker::facts(threads, limits, voice);
        Start { ir, listeners, threads, limits, quiet, facts, options: options.clone(), supervisor: None, feed: None }
    }
}

/// Sets the limits and opens the sockets. The error is the exit code; everything has been said.
pub fn prepare(ir: &Arc<Ir>, options: &Options, voice: &mut Voice) -> Result<Prepared, i32> {
    let threads = threads(&ir.global);
    let limits = limits::set(ir, threads, voice).ok_or(1)?;
    let listeners = takeover::open(ir, threads, options, voice).map_err(|failure| {
        listeners::say(&failure, ir, voice);
        voice.say_main(Severity::Alert, "Some protocols failed to start their listeners! Exiting.");
        1
    })?;
    if listeners.is_empty() {
        voice.say_main(Severity::Alert, "No enabled listener found (check for 'bind' directives) ! Exiting.");
        return Err(2);
    }
    Ok(Prepared { listeners, threads, limits })
}

/// `nbthread`, else one per core that the process may use, at most `thread-hard-limit`.
pub fn threads(global: &Global) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let limit = global.thread_limit.unwrap_or(usize::MAX);
    global.threads.unwrap_or_else(cores).clamp(1, limit.max(1))
}
