//! Following the engine while the proxy runs: events, polling in a swarm, and what happens when the engine is away.
//!
//! Whatever goes wrong, the last good state stays: a configuration is only ever replaced by one made of complete answers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::client::{Engine, Fault, Place};
use super::debounce::Debounce;
use super::docker::{Container, SwarmService, SwarmTask};
use super::event::Event;
use super::found::{Answers, find};
use super::generate::{Addressing, Generated, generate};
use super::mode::{Mode, Reason};
use super::picture::{Effect, Picture};
use super::reach::{ask, has_links};
use super::service::Environment;
use crate::diag::Severity;
use crate::lower::Files;

/// Tells the user something.
pub type Say = Arc<dyn Fn(Severity, &str) + Send + Sync>;

/// What is known at the start: where services come from, and how to ask.
pub struct Source {
    /// The proxy's own environment.
    pub env: Environment,
    /// Where services come from.
    pub mode: Mode,
    /// Where the engine is.
    pub place: Option<Place>,
    /// The engine, if it is there.
    pub engine: Option<Engine>,
    /// The proxy's own container.
    pub own: Container,
    /// How servers are addressed.
    pub addressing: Addressing,
    /// Reads what variables name.
    pub files: Arc<dyn Files + Send + Sync>,
    /// Tells the user.
    pub say: Say,
}

/// A configuration that follows another.
#[derive(Clone, Debug)]
pub struct Change {
    /// The configuration.
    pub generated: Generated,
    /// What happened.
    pub why: String,
    /// Somebody asked for it; it is used even if nothing differs.
    pub forced: bool,
}

/// Makes configurations of what it sees.
pub struct Watch {
    source: Source,
    picture: Picture,
    swarm: (Vec<SwarmService>, Vec<SwarmTask>),
    last: Generated,
    said: Vec<String>,
    /// The engine failed to answer; it was said.
    failing: bool,
}

impl Watch {
    /// Nothing has been seen yet.
    pub fn new(source: Source) -> Watch {
        let picture = Picture::default();
        Watch {
            source,
            picture,
            swarm: Default::default(),
            last: Generated::default(),
            said: Vec::new(),
            failing: false,
        }
    }

    /// The first configuration. An engine that does not answer now is asked again later.
    pub async fn first(&mut self) -> Generated {
        if let Some(engine) = self.source.engine.clone() {
            for pause in [0, 500, 1000] {
                sleep(Duration::from_millis(pause)).await;
                match self.look_once(&engine).await {
                    Ok(()) => break,
                    Err(fault) => self.fails(&fault),
                }
            }
        }
        self.last = self.generate();
        self.last.clone()
    }

    async fn look_once(&mut self, engine: &Engine) -> Result<(), Fault> {
        let asked = Instant::now();
        match self.source.mode {
            Mode::Swarm { .. } => self.swarm = patient(engine.swarm()).await?,
            Mode::Compose { .. } => {
                let running = patient(engine.running(self.project().as_deref())).await?;
                self.picture.see(running, asked);
            }
            Mode::Legacy(_) | Mode::Cloud => {}
        }
        self.works();
        Ok(())
    }

    /// The project that answers may be restricted to.
    fn project(&self) -> Option<String> {
        let others = self.source.env.get("ADDITIONAL_SERVICES").is_some_and(|list| !list.trim().is_empty());
        match &self.source.mode {
            Mode::Compose { project } if !others => Some(project.clone()),
            _ => None,
        }
    }

    fn generate(&mut self) -> Generated {
        let Source { env, mode, own, addressing, files, .. } = &self.source;
        let running = self.picture.serving();
        let answers = match mode {
            Mode::Compose { .. } => Answers::Containers { own, running: &running },
            Mode::Swarm { .. } => Answers::Swarm { own, services: &self.swarm.0, tasks: &self.swarm.1 },
            Mode::Legacy(_) | Mode::Cloud => Answers::None,
        };
        let found = find(mode, env, answers);
        let generated = generate(env, &found.services, *addressing, &|path| files.read(path));
        for note in found.notes.iter().chain(&generated.notes) {
            // Each is said once, not with every event.
            if !self.said.contains(&note.text) {
                self.said.push(note.text.clone());
                let severity = if note.error { Severity::Alert } else { Severity::Warning };
                (self.source.say)(severity, &note.text);
            }
        }
        generated
    }

    /// Passes on the configuration of what is seen now, if it is another one.
    fn publish(&mut self, out: &UnboundedSender<Change>, why: &str, forced: bool) {
        let generated = self.generate();
        let same = generated.text == self.last.text
            && generated.files == self.last.files
            && generated.servers == self.last.servers;
        if same && !forced {
            return;
        }
        self.last = generated.clone();
        // Who no longer listens is about to end.
        let _ = out.send(Change { generated, why: why.to_owned(), forced });
    }

    /// Watches until nobody listens any more. `again` asks for a fresh look (SIGUSR1).
    pub async fn run(mut self, out: UnboundedSender<Change>, mut again: UnboundedReceiver<()>) {
        self.wait_for_engine(&out, &mut again).await;
        match (self.source.mode.clone(), self.source.engine.clone()) {
            (Mode::Compose { .. }, Some(engine)) => self.follow(engine, &out, &mut again).await,
            (Mode::Swarm { .. }, Some(engine)) => self.poll(&engine, &out, &mut again).await,
            _ => {
                while again.recv().await.is_some() {
                    self.publish(&out, USER_RELOAD, true);
                }
            }
        }
    }

    /// An engine that was away at the start, and without which there is nothing to serve, is waited for.
    async fn wait_for_engine(&mut self, out: &UnboundedSender<Change>, again: &mut UnboundedReceiver<()>) {
        let links = has_links(&self.source.env);
        let Some(place) = self.source.place.clone().filter(|place| place.exists() && !links) else { return };
        let mut pause = FIRST_PAUSE;
        while matches!(self.source.mode, Mode::Legacy(Reason::NoEngine(_))) {
            match timeout(pause, again.recv()).await {
                Ok(Some(())) => self.publish(out, USER_RELOAD, true),
                Ok(None) => return,
                Err(_) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    let (engine, own) = ask(&place, &self.source.env).await;
                    self.source.mode = Mode::decide(&self.source.env, own.as_ref().map_err(Clone::clone));
                    (self.source.engine, self.source.own) = (engine, own.unwrap_or_default());
                    if self.source.engine.is_some() {
                        (self.source.say)(Severity::Notice, &self.source.mode.announcement());
                    }
                }
            }
        }
    }

    /// Follows streams of events, one after the other.
    async fn follow(&mut self, mut engine: Engine, out: &UnboundedSender<Change>, again: &mut UnboundedReceiver<()>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let lost = self.follow_stream(&engine, out, again).await;
            if out.is_closed() {
                return;
            }
            self.fails(&lost);
            if began.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            engine = loop {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                let Some(place) = &self.source.place else { return };
                if let Ok(connected) = patient(Engine::connect(place)).await {
                    break connected;
                }
            };
        }
    }

    /// Follows one stream of events; tells why it ended.
    async fn follow_stream(
        &mut self,
        engine: &Engine,
        out: &UnboundedSender<Change>,
        again: &mut UnboundedReceiver<()>,
    ) -> Fault {
        let project = self.project();
        // What happens from the look on is told by the stream, even if it opens later.
        let mut events = engine.events(unix_seconds(), project.as_deref()).fuse();
        let mut round = Round::new(engine, project.as_deref());
        round.look("Docker events followed");
        loop {
            let due = round.due();
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some(Ok(event)) => self.hear(event, &mut events, out, &mut round.debounce),
                    Some(Err(fault)) => return fault,
                    None => return Fault::Failed("the engine has closed the stream of events".to_owned()),
                },
                (asked, answer) = round.answer() => match answer {
                    Ok(running) => {
                        self.works();
                        self.picture.see(running, asked);
                        let (why, forced) = round.seen();
                        self.publish(out, &why, forced);
                    }
                    Err(fault) => {
                        self.fails(&fault);
                        round.try_again();
                    }
                },
                () = until(due) => round.look_for_events(),
                asked = again.recv() => match asked {
                    Some(()) => round.look_for_user(),
                    None => return Fault::Gone,
                },
                () = sleep(RESYNC) => round.look("Regular look at the containers"),
            }
        }
    }

    /// Takes in an event and those that have come with it. Containers leave at once.
    fn hear(
        &mut self,
        event: Event,
        more: &mut (impl Stream<Item = Result<Event, Fault>> + Unpin),
        out: &UnboundedSender<Change>,
        debounce: &mut Debounce,
    ) {
        let mut next = Some(event);
        let mut changed = None;
        while let Some(event) = next {
            if event.id != self.source.own.id {
                match self.picture.hear(&event, Instant::now()) {
                    Effect::None => {}
                    Effect::Now => changed = Some(event.to_string()),
                    Effect::Look => debounce.note(Instant::now(), &event.to_string()),
                }
            }
            // An error is the last that a stream says; its end is met again.
            next = more.next().now_or_never().flatten().and_then(Result::ok);
        }
        if let Some(why) = changed {
            self.publish(out, &why, false);
        }
    }

    /// A swarm tells a worker nothing, and a manager not of tasks: it is asked regularly.
    async fn poll(&mut self, engine: &Engine, out: &UnboundedSender<Change>, again: &mut UnboundedReceiver<()>) {
        let seconds = self.source.env.get("SWARM_MODE_POLLING_INTERVAL").and_then(|text| text.trim().parse().ok());
        let interval = Duration::from_secs(seconds.filter(|seconds| *seconds > 0).unwrap_or(5));
        loop {
            let forced = match timeout(interval, again.recv()).await {
                Ok(Some(())) => true,
                Ok(None) => return,
                Err(_) => false,
            };
            match self.look_once(engine).await {
                Ok(()) if forced => self.publish(out, USER_RELOAD, true),
                Ok(()) => self.publish(out, "Tasks of the swarm have changed", false),
                Err(fault) => self.fails(&fault),
            }
        }
    }

    fn fails(&mut self, fault: &Fault) {
        if !std::mem::replace(&mut self.failing, true) {
            (self.source.say)(Severity::Warning, &format!("Docker API error, keeping the last good state: {fault}"));
        }
    }

    fn works(&mut self) {
        if std::mem::replace(&mut self.failing, false) {
            (self.source.say)(Severity::Notice, "Docker API answers again");
        }
    }
}

type Answer = (Instant, Result<Vec<Container>, Fault>);

/// Looks at the containers while one stream of events lasts; at most one look is under way.
struct Round<'a> {
    engine: &'a Engine,
    project: Option<&'a str>,
    looking: Option<Pin<Box<dyn Future<Output = Answer> + Send + 'a>>>,
    why: String,
    /// The user waits for an answer.
    forced: bool,
    debounce: Debounce,
    retry: Option<Instant>,
    pause: Duration,
}

impl<'a> Round<'a> {
    fn new(engine: &'a Engine, project: Option<&'a str>) -> Round<'a> {
        let debounce = Debounce::default();
        Round {
            engine,
            project,
            looking: None,
            why: String::new(),
            forced: false,
            debounce,
            retry: None,
            pause: FIRST_PAUSE,
        }
    }

    fn look(&mut self, why: &str) {
        if self.looking.is_none() {
            why.clone_into(&mut self.why);
            self.retry = None;
            let (engine, project) = (self.engine, self.project);
            self.looking = Some(Box::pin(async move { (Instant::now(), patient(engine.running(project)).await) }));
        }
    }

    fn look_for_events(&mut self) {
        let why = self.debounce.take().unwrap_or_else(|| self.why.clone());
        self.look(&why);
    }

    fn look_for_user(&mut self) {
        // One that is under way may have asked before what the user did.
        self.looking = None;
        self.forced = true;
        self.look(USER_RELOAD);
    }

    /// The answer to the look that is under way, if there is one.
    async fn answer(&mut self) -> Answer {
        match &mut self.looking {
            Some(looking) => {
                let answer = looking.await;
                self.looking = None;
                answer
            }
            None => std::future::pending().await,
        }
    }

    /// When the next look is to begin: after a failure, or after events.
    fn due(&self) -> Option<Instant> {
        self.retry.or(self.debounce.due()).filter(|_| self.looking.is_none())
    }

    fn seen(&mut self) -> (String, bool) {
        self.pause = FIRST_PAUSE;
        (std::mem::take(&mut self.why), std::mem::take(&mut self.forced))
    }

    fn try_again(&mut self) {
        self.retry = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// An engine that hangs is as good as one that fails.
async fn patient<T>(question: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = |_| Fault::Failed("the engine does not answer in time".to_owned());
    timeout(PATIENCE, question).await.map_err(late)?
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const USER_RELOAD: &str = "User reload";
/// Between attempts to reach an engine that has gone; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For all that belongs to one question.
const PATIENCE: Duration = Duration::from_secs(15);
/// Events may be lost on the way from a distant engine, and so may the news that it has gone.
const RESYNC: Duration = Duration::from_secs(60);
