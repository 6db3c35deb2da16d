//! `hydroxy docker`: in place of the image `dockercloud/haproxy`. Discovery makes configurations of the containers around; they are
//! served in this process, and each change is swapped in.
//!
//! | file | does |
//! |---|---|
//! | `mod` | the command, and the way from discovery to the worker |
//! | `start` | finds the engine, the own container and the mode |
//! | `entry` | the image's entry point and health check |
//! | `files` | what a configuration names: made of variables, or on the disk |
//! | `fit` | what a generated configuration cannot have where it runs |
//! | `voice` | the log lines on standard output |

pub mod entry;
mod files;
mod fit;
mod start;
mod voice;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::feed::{self, Fed, Feed, Resting, Told};
use super::load::{self, Voice};
use super::options::Options;
use super::run;
use crate::diag::{Diagnostic, Severity};
use crate::discovery::{
    self, Addressing, Change, Environment, Generated, Mode, Place, Placed, Say, Source, Watch, difference, resting,
};
use crate::engine::Engine;
use crate::ir::Ir;
use crate::lower::{Compat, Files};
use files::Kept;

/// Balances over the containers that this one is linked to, as dockercloud/haproxy did.
#[derive(Debug, Default, Parser)]
#[command(name = "hydroxy docker")]
pub struct Arguments {
    /// Prints the generated configuration and exits. Servers have the names of containers there, as in the file that
    /// dockercloud/haproxy wrote.
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: servers have addresses, as in the process that runs.
    #[arg(long, requires = "dry_run")]
    addresses: bool,
}

/// Whether a start without any configuration file is meant for this: an engine's socket or the variables of links are there.
pub fn is_meant() -> bool {
    start::is_meant(&environment())
}

/// Runs the command; the value is the exit code.
pub fn run(arguments: &Arguments) -> i32 {
    let env = environment();
    let say: Say = if arguments.dry_run { voice::on_stderr() } else { voice::on_stdout() };
    if Mode::is_cloud(&env) {
        say(Severity::Alert, CLOUD);
        return 1;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(Severity::Alert, &format!("cannot start: {error}"));
            return 1;
        }
    };
    let kept = Arc::new(Kept::default());
    let named = arguments.dry_run && !arguments.addresses;
    let addressing = if named { Addressing::Names } else { Addressing::Addresses };
    let starting = async {
        let source = start::find(env, addressing, kept.clone(), say.clone()).await;
        let stage = Stage::new(&source, kept);
        let mut watch = Watch::new(source);
        let first = watch.first().await;
        (stage, watch, first)
    };
    let started = runtime.block_on(async {
        tokio::select! {
            started = starting => Some(started),
            () = told_to_end() => None,
        }
    });
    let Some((stage, watch, first)) = started else { return 128 + libc::SIGTERM };
    if arguments.dry_run {
        print!("{}", first.text);
        return 0;
    }
    serve(stage, watch, first, runtime)
}

/// The first process of a container gets no signal that it does not ask for, and an engine that hangs may hold up the start.
async fn told_to_end() {
    match signal(SignalKind::terminate()) {
        Ok(mut ends) => _ = ends.recv().await,
        Err(_) => std::future::pending().await,
    }
}

/// Serves the first configuration, with a thread that watches for others.
fn serve(mut stage: Stage, watch: Watch, first: Generated, runtime: tokio::runtime::Runtime) -> i32 {
    let (changes, heard) = unbounded_channel();
    let (again, asked) = unbounded_channel();
    let (out, configurations) = unbounded_channel();
    let say = stage.say.clone();
    let mut ir = match stage.load(&first) {
        Ok(ir) => ir,
        Err(why) => {
            say(Severity::Alert, &format!("Config check failed. NOT launching haproxy: {why}"));
            return 1;
        }
    };
    let mut options = stage.options.clone();
    options.kept_group = fit::rights(&mut ir.global, stage.place.as_ref(), &say);
    say(Severity::Notice, &format!("Launching HAProxy: {}", summary(&first.servers)));
    let rests = resting(&first.servers);
    stage.serves(first.servers);
    let ready = move |engine: &Engine| feed::rest(engine, &Resting::new(), &rests);
    let voice = say.clone();
    let watching = std::thread::Builder::new().name("docker".into()).spawn(move || {
        let following = async move {
            tokio::join!(watch.run(changes, asked), stage.pass_on(heard, out));
        };
        // What is served goes on being served; somebody must hear that nothing new will come.
        if std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(following))).is_err() {
            voice(Severity::Alert, "containers are not followed any more: this is a fault of hydroxy, restart it");
        }
    });
    if let Err(error) = watching {
        say(Severity::Alert, &format!("cannot start: {error}"));
        return 1;
    }
    let mut voice = Voice::new(true, false);
    let code = run::run_fed(ir, &options, &mut voice, Some(Feed { configurations, again }), ready);
    if code != 0 {
        say(Severity::Alert, &format!("HAProxy cannot start: {}", voice.said().trim_end()));
    }
    code
}

/// Prepares what discovery makes for the worker.
struct Stage {
    place: Option<Place>,
    kept: Arc<Kept>,
    say: Say,
    fit: fit::Fit,
    /// What was said once.
    told: BTreeSet<String>,
    options: Options,
    /// The servers of the last configuration that was accepted.
    served: Arc<Mutex<Vec<Placed>>>,
    debug: bool,
}

impl Stage {
    fn new(source: &Source, kept: Arc<Kept>) -> Stage {
        Stage {
            place: source.place.clone().filter(Place::exists),
            kept,
            say: source.say.clone(),
            fit: fit::Fit::default(),
            told: BTreeSet::new(),
            options: Options { foreground: true, ..Options::default() },
            served: Arc::default(),
            debug: source.env.contains_key("DEBUG"),
        }
    }

    fn serves(&self, servers: Vec<Placed>) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = servers;
    }

    /// Checks a configuration; what is refused of it is left out and said.
    fn load(&mut self, generated: &Generated) -> Result<Ir, String> {
        let mut fitting = generated.clone();
        self.fit.lines(&mut fitting.lines, &generated.servers, &self.say);
        let options = &self.options;
        let how = |inputs, files: &dyn Files| load::lowered(options, Compat::default(), inputs, files);
        let salvaged = discovery::load(&fitting, NAME, &*self.kept, &how);
        for refused in &salvaged.refused {
            let text = refused.to_string();
            // Not again with every event.
            if self.told.insert(text.clone()) {
                (self.say)(Severity::Alert, &text);
            }
        }
        if self.debug {
            (self.say)(Severity::Notice, &format!("HAProxy configuration:\n{}", salvaged.text));
        }
        let alert = |found: &&Diagnostic| found.severity == Severity::Alert;
        let why = salvaged.loaded.diags.iter().find(alert).map_or("no reason is known", |found| &found.message);
        salvaged.loaded.ir.ok_or_else(|| why.to_owned())
    }

    /// Passes changes on until nobody makes any or nobody listens.
    async fn pass_on(mut self, mut changes: UnboundedReceiver<Change>, out: UnboundedSender<Fed>) {
        while let Some(change) = changes.recv().await {
            let (say, served) = (self.say.clone(), self.served.clone());
            match self.load(&change.generated) {
                Ok(ir) => {
                    let rests = resting(&change.generated.servers);
                    let told: Told = Box::new(move |result| report(&say, &served, change, result));
                    if out.send(Fed { ir: Arc::new(ir), resting: rests, told }).is_err() {
                        return;
                    }
                }
                Err(why) => report(&say, &served, change, Err(why)),
            }
        }
    }
}

/// The one line about a change.
fn report(say: &Say, served: &Mutex<Vec<Placed>>, change: Change, result: Result<(), String>) {
    let Change { generated, why, forced } = change;
    if let Err(error) = result {
        return say(
            Severity::Alert,
            &format!("{why}: Config check failed. NOT reloading haproxy: {}", error.trim_end()),
        );
    }
    let mut served = served.lock().unwrap_or_else(PoisonError::into_inner);
    let what = difference(&served, &generated.servers);
    *served = generated.servers;
    let what = match what.as_str() {
        "" if forced => "HAProxy configuration reloaded, the servers are the same",
        "" => "HAProxy configuration changed, the servers are the same",
        what => what,
    };
    say(Severity::Notice, &format!("{why}: {what}"));
}

/// How many servers each backend has.
fn summary(servers: &[Placed]) -> String {
    match difference(&[], servers).as_str() {
        "" => "no servers yet".to_owned(),
        text => text.to_owned(),
    }
}

fn environment() -> Environment {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// The name of the generated configuration in messages.
const NAME: &str = "/haproxy.cfg";
const CLOUD: &str = "DOCKERCLOUD_CONTAINER_API_URI, DOCKERCLOUD_SERVICE_API_URI and DOCKERCLOUD_AUTH are set, but Docker Cloud was \
     switched off in 2018: there is nobody to ask. Remove these variables; with /var/run/docker.sock mounted the linked \
     services are found by the local engine.";
