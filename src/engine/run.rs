//! Starting, reconfiguring and stopping the cores.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::buffer;
use super::carry;
use super::check;
use super::core::{Arrival, Core, CorePort, ListenerPlan, Message, Shared};
use super::listener::Listener;
use super::live::{Live, Scale};
use super::log::herald::Herald;
use super::log::lines;
use super::log::sink::Writers;
use super::permit::{Permit, Permits};
use super::resolve::Resolver;
use super::roster::{self, Roster};
use super::servers;
use super::service::Service;
use super::session;
use super::sockets::{BindFailure, Opener, Sockets};
use crate::base::id::{BindId, CoreId, ProxyId, ServerId};
use crate::ir::Ir;
use crate::net::listen;
use crate::state::{Admin, Change, Health, Reception, View};
use crate::sys::{self, affinity};

/// How to run.
pub struct Options {
    /// Worker cores; at least one.
    pub cores: usize,
    /// The process's `maxconn` where the configuration has none.
    pub maxconn: u32,
    /// Answers requests for the statistics page.
    pub service: Option<Arc<dyn Service>>,
    /// Nothing is written on standard error (`-q`, `-D`).
    pub quiet: bool,
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    sockets: Mutex<Option<Sockets>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    maxconn: u32,
}

/// Starts the cores. The sockets stay open as long as the engine, so that none is lost in a reload.
pub fn start(ir: Arc<Ir>, view: Arc<View>, sockets: Sockets, options: Options) -> io::Result<Engine> {
    let cores = options.cores.max(1);
    let (ports, inboxes): (Vec<_>, Vec<_>) = (0..cores)
        .map(|_| {
            let (inbox, messages) = unbounded_channel();
            (CorePort { inbox, load: AtomicU32::new(0) }, messages)
        })
        .unzip();
    carry::begin_process(&ir, &view.process, options.maxconn);
    let live = Live::new(ir, view, Scale { cores, maxconn: options.maxconn });
    let writers = Arc::new(Writers::default());
    let shared = Arc::new(Shared {
        cores: ports,
        permits: Permits::default(),
        service: options.service,
        streams: AtomicU64::new(0),
        connections: AtomicU64::new(1),
        live: ArcSwap::new(live.clone()),
        herald: Herald::new(options.quiet, writers.clone()),
        resolver: Resolver::default(),
        writers,
    });
    Resolver::follow(&shared, &live);
    let mut threads = Vec::with_capacity(cores);
    for (at, inbox) in inboxes.into_iter().enumerate() {
        let (shared, live) = (shared.clone(), live.clone());
        let plans = sockets.plans(at, cores, &live.view)?;
        let thread = std::thread::Builder::new().name(format!("core{at}"));
        threads.push(thread.spawn(move || run_core(CoreId(at as u32), shared, live, plans, inbox))?);
    }
    Ok(Engine { shared, sockets: Mutex::new(Some(sockets)), threads: Mutex::new(threads), maxconn: options.maxconn })
}

impl Engine {
    /// Uses another configuration for new connections and requests. Nothing that runs is cut. Listeners at new addresses come from
    /// `open`; if one fails, nothing changes.
    pub fn swap(&self, ir: Arc<Ir>, open: Opener<'_>) -> Result<(), Vec<BindFailure>> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(&mut sockets, ir, open, true)
    }

    /// Changes servers or certificates of the present configuration. Nobody else does so meanwhile; what has been set at run time
    /// stays as it is.
    pub fn edit(&self, change: impl FnOnce(&Ir, &View) -> Result<Ir, String>) -> Result<(), String> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let (ir, view) = self.current();
        let ir = Arc::new(change(&ir, &view)?);
        // All listeners are there already.
        let result = self.take(&mut sockets, ir, &mut listen::open, false);
        result.map_err(|failed| format!("{} listeners cannot be kept", failed.len()))
    }

    /// With `anew` the process as a whole begins with what the configuration says, too.
    fn take(
        &self,
        sockets: &mut Option<Sockets>,
        ir: Arc<Ir>,
        open: Opener<'_>,
        anew: bool,
    ) -> Result<(), Vec<BindFailure>> {
        let Some(old) = sockets.as_ref() else { return Ok(()) };
        let cores = self.shared.cores.len();
        let new = old.again(&ir, cores, open)?;
        let before = self.shared.live.load();
        let view = carry::view(&ir, cores, Some((&before.ir, &before.view)));
        if anew {
            carry::begin_process(&ir, &view.process, self.maxconn);
        }
        let live = Live::again(ir, view, Scale { cores, maxconn: self.maxconn }, &before);
        self.shared.live.store(live.clone());
        Resolver::follow(&self.shared, &live);
        for (at, port) in self.shared.cores.iter().enumerate() {
            match new.plans(at, cores, &live.view) {
                // A core that has ended needs no configuration.
                Ok(plans) => drop(port.inbox.send(Message::Swap(live.clone(), plans))),
                Err(error) => {
                    tracing::error!("core {at} keeps its configuration, its sockets cannot be copied: {error}")
                }
            }
        }
        *sockets = Some(new);
        // Who waited for a connection of the old limits may go on under the new ones.
        self.shared.permits.poke();
        Ok(())
    }

    /// The present configuration and its state.
    pub fn current(&self) -> (Arc<Ir>, Arc<View>) {
        let live = self.shared.live.load();
        (live.ir.clone(), live.view.clone())
    }

    /// The open listening sockets; none when the engine is stopping.
    pub fn sockets(&self) -> Option<Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs something on a core's thread.
    pub fn run_on(&self, core: usize, work: impl FnOnce(&Rc<Core>) + Send + 'static) {
        if let Some(port) = self.shared.cores.get(core % self.shared.cores.len()) {
            let _ = port.inbox.send(Message::Run(Box::new(work)));
        }
    }

    /// The number of cores.
    pub fn cores(&self) -> usize {
        self.shared.cores.len()
    }

    /// The address of a listener, with the port that the system chose for port 0.
    pub fn local_addr(&self, proxy: ProxyId, bind: BindId) -> Option<std::net::SocketAddr> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.local_addr(proxy, bind)
    }

    /// Pauses all frontends that take connections (SIGTTOU), or opens those that are paused (SIGTTIN).
    pub fn receive_all(&self, reception: Reception) {
        let live = self.shared.live.load();
        for proxy in live.ir.proxies.iter().filter(|proxy| proxy.frontend && !proxy.disabled && !proxy.binds.is_empty())
        {
            let before = live.view.proxy(proxy.id).reception();
            if before != reception && before != Reception::Stopped {
                // A frontend whose sockets cannot be opened stays as it is.
                let _ = self.receive(proxy.id, reception);
            }
        }
    }

    /// Sends a line about the process to all log targets.
    pub fn announce(&self, alarming: bool, text: &str) {
        servers::announce(&self.shared.herald, &self.shared.live.load(), alarming, text);
    }

    /// Tells the states of all servers (SIGHUP).
    pub fn dump_servers(&self) {
        servers::dump(&self.shared.herald, &self.shared.live.load());
    }

    /// Closes the listeners and lets what runs finish (SIGUSR1).
    pub fn stop_softly(&self) {
        self.tell(|| Message::StopSoftly);
        servers::announce_stop(&self.shared.herald, &self.shared.live.load());
    }

    /// Changes the state of a server of the present configuration, as the statistics page and the runtime socket ask for.
    pub fn change(&self, proxy: ProxyId, server: ServerId, change: Change) {
        let live = self.shared.live.load();
        match (change, live.server(proxy, server)) {
            (Change::Kill, Some((_, state))) => self.end_streams(&roster::Target::Server(state.clone())),
            _ => {
                let ends = servers::change(&self.shared.herald, &live, (proxy, server), change);
                self.shared.end_streams(&ends);
            }
        }
        // Nobody will use connections to a server in maintenance, that is down, at another address, or with other security.
        let leaves = matches!(
            change,
            Change::Admin(Admin::Maint) | Change::Health(Health::Down) | Change::Addr(_) | Change::Tls(_)
        );
        if leaves && let Some(pool) = live.pool(proxy, server) {
            pool.clear();
        }
    }

    /// The server goes by another name from now on (`set server ... fqdn`).
    pub fn rename(&self, proxy: ProxyId, server: ServerId, name: &str) {
        let live = self.shared.live.load();
        if let Some((_, state)) = live.server(proxy, server) {
            state.fqdn.store(Some(Arc::new(name.into())));
            Resolver::rename(&self.shared, (proxy, server), name);
        }
    }

    /// Ends streams wherever they are.
    pub fn end_streams(&self, target: &roster::Target) {
        self.shared.end_streams(&[(target.clone(), roster::Cause::Killed)]);
    }

    /// The streams of all cores.
    pub fn streams(&self) -> Vec<roster::Listed> {
        self.ask(|core| Roster::list(core)).into_iter().flatten().collect()
    }

    /// How many connections to a server lie idle, by core.
    pub fn idle_connections(&self, proxy: ProxyId, server: ServerId) -> Vec<usize> {
        self.shared.live.load().pool(proxy, server).map(|pool| pool.counts().collect()).unwrap_or_default()
    }

    /// How many client connections each core serves.
    pub fn loads(&self) -> Vec<u32> {
        self.shared.cores.iter().map(|core| core.load.load(Relaxed)).collect()
    }

    /// Streams since the start (`CumStreams`).
    pub fn streams_total(&self) -> u64 {
        self.shared.streams.load(Relaxed)
    }

    /// A limit has changed: connections that wait for a permit, and streams that wait for a server, try again.
    pub fn limits_changed(&self) {
        self.shared.permits.poke();
    }

    /// Opens, pauses or closes the sockets of a frontend. What has been accepted goes on.
    pub fn receive(&self, proxy: ProxyId, reception: Reception) -> io::Result<()> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = sockets.as_mut() else { return Ok(()) };
        let live = self.shared.live.load();
        let (line, state) = live.proxy(proxy);
        if reception == Reception::Open {
            open.resume(proxy)?;
        }
        state.set_reception(reception);
        let cores = self.shared.cores.len();
        for (at, port) in self.shared.cores.iter().enumerate() {
            // A core that has ended listens to nobody.
            let _ = port.inbox.send(Message::Listen(open.plans(at, cores, &live.view)?));
        }
        servers::announce_reception(&self.shared.herald, &live, line, reception);
        match reception {
            Reception::Open => Ok(()),
            Reception::Paused => open.pause(proxy),
            Reception::Stopped => {
                open.close(proxy);
                Ok(())
            }
        }
    }

    /// Asks every core, in their order. Those that are too busy to answer in time are left out.
    fn ask<T: Send + 'static>(&self, question: impl Fn(&Rc<Core>) -> T + Clone + Send + 'static) -> Vec<T> {
        let (tell, told) = std::sync::mpsc::channel();
        for at in 0..self.cores() {
            let (tell, question) = (tell.clone(), question.clone());
            // Whoever asked may have given up.
            self.run_on(at, move |core| _ = tell.send((at, question(core))));
        }
        drop(tell);
        let until = Instant::now() + PATIENCE;
        let next = || told.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
        let mut answers: Vec<(usize, T)> = std::iter::from_fn(next).collect();
        answers.sort_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Ends at once (SIGTERM).
    pub fn stop_now(&self) {
        self.tell(|| Message::StopNow);
    }

    /// Waits until all cores have ended.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A core that panicked has ended, too.
            let _ = thread.join();
        }
        self.shared.writers.finish();
    }

    /// Whether all cores have ended.
    pub fn has_ended(&self) -> bool {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().all(JoinHandle::is_finished)
    }

    fn tell(&self, message: impl Fn() -> Message) {
        *self.sockets.lock().unwrap_or_else(PoisonError::into_inner) = None;
        for port in &self.shared.cores {
            let _ = port.inbox.send(message());
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop_now();
        self.join();
    }
}

fn run_core(
    id: CoreId,
    shared: Arc<Shared>,
    live: Arc<Live>,
    plans: Vec<ListenerPlan>,
    inbox: UnboundedReceiver<Message>,
) {
    let mut builder = Builder::new_current_thread();
    builder.enable_io().enable_time().on_thread_park(lines::flush);
    let runtime = builder.build_local(LocalOptions::default());
    match runtime {
        Ok(runtime) => runtime.block_on(async move {
            let core = Core::new(id, shared, live);
            core_main(&core, plans, inbox).await;
            lines::flush();
        }),
        Err(error) => tracing::error!("core {} cannot start: {error}", id.0),
    }
}

/// Where the thread of a core may run when `cpu-map` says nothing.
struct Home {
    cpus: Vec<u16>,
    /// It was placed elsewhere.
    left: Cell<bool>,
}

impl Home {
    /// Remembers where it may run, and places it.
    fn of(core: &Core) -> Home {
        let home = Home { cpus: affinity::current().unwrap_or_default(), left: Cell::new(false) };
        home.place(core);
        home
    }

    /// Follows `cpu-map`. A thread whose CPUs do not exist stays where it is.
    fn place(&self, core: &Core) {
        let local = core.local();
        let mapped = local.live.ir.global.cpu_map.cpus_of(core.id.0 as usize, core.shared.cores.len());
        let left = self.left.replace(mapped.is_some());
        let Some(cpus) = mapped.as_deref().or_else(|| left.then_some(self.cpus.as_slice())) else { return };
        if let Err(error) = affinity::pin(cpus) {
            tracing::debug!("core {} stays on its CPUs: {error}", core.id.0);
        }
    }
}

/// A listener's task on this core.
struct Running {
    key: (usize, usize),
    /// A copy of the socket, for what still waits in it at the end.
    socket: OwnedFd,
    place: Rc<Cell<(ProxyId, BindId)>>,
    task: tokio::task::JoinHandle<()>,
}

async fn core_main(core: &Rc<Core>, plans: Vec<ListenerPlan>, mut inbox: UnboundedReceiver<Message>) {
    buffer::set_head_size(core.local().live.ir.global.bufsize);
    let home = Home::of(core);
    tokio::task::spawn_local(core.timers.clone().sweep_for_ever());
    tokio::task::spawn_local(keep_house(core.clone()));
    let flusher = core.clone();
    tokio::task::spawn_local(async move { flusher.lines.flush_in_time().await });
    let mut listeners = Vec::new();
    arrange(core, &mut listeners, plans);
    check::arrange(core);
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Connection(arrival) => session::spawn(core, arrival),
            Message::Swap(live, plans) => {
                buffer::set_head_size(live.ir.global.bufsize);
                core.swap(live);
                home.place(core);
                check::arrange(core);
                arrange(core, &mut listeners, plans);
            }
            Message::Listen(plans) => arrange(core, &mut listeners, plans),
            Message::Run(work) => work(core),
            Message::StopSoftly => {
                listeners.iter().for_each(|running| accept_the_rest(core, running));
                arrange(core, &mut listeners, Vec::new());
                core.begin_stop();
                return finish(core, &mut inbox).await;
            }
            Message::StopNow => return,
        }
    }
}

/// Waits for the last session, or for the order to end at once.
async fn finish(core: &Rc<Core>, inbox: &mut UnboundedReceiver<Message>) {
    while core.load().is_some_and(|load| load.load(Relaxed) > 0) {
        tokio::select! {
            () = core.session_ended.notified() => {}
            message = inbox.recv() => match message {
                Some(Message::StopNow) | None => return,
                Some(Message::Connection(arrival)) => session::spawn(core, arrival),
                Some(Message::Run(work)) => work(core),
                Some(Message::Swap(..) | Message::Listen(_) | Message::StopSoftly) => {}
            },
        }
    }
}

/// Starts, moves and ends listeners, so that they are those of `plans`.
fn arrange(core: &Rc<Core>, listeners: &mut Vec<Running>, plans: Vec<ListenerPlan>) {
    listeners.retain(|running| {
        let stays = plans.iter().any(|plan| plan.key == running.key);
        if !stays {
            running.task.abort();
        }
        stays
    });
    for plan in plans {
        let place = (plan.proxy, plan.bind);
        if let Some(running) = listeners.iter().find(|running| running.key == plan.key) {
            running.place.set(place);
            continue;
        }
        let place = Rc::new(Cell::new(place));
        let started = plan.socket.try_clone().and_then(|socket| {
            let task = listen_on(core, plan.socket, place.clone(), plan.alone)?;
            Ok(Running { key: plan.key, socket, place, task })
        });
        match started {
            Ok(running) => listeners.push(running),
            Err(error) => tracing::error!("cannot register a listener: {error}"),
        }
    }
}

/// Takes the connections that wait in a socket about to be closed, which would reset them.
fn accept_the_rest(core: &Rc<Core>, running: &Running) {
    let live = core.local().live.clone();
    let (frontend, bind) = running.place.get();
    while let Some(permit) = Permit::take(&core.shared, &live, frontend, bind) {
        let Ok((fd, peer)) = sys::socket::accept(running.socket.as_fd()) else { return };
        session::spawn(core, Arrival { fd, peer, frontend, bind, permit, live: live.clone() });
    }
}

fn listen_on(
    core: &Rc<Core>,
    socket: OwnedFd,
    place: Rc<Cell<(ProxyId, BindId)>>,
    alone: bool,
) -> io::Result<tokio::task::JoinHandle<()>> {
    let listener = Listener::new(core.clone(), socket, place, alone)?;
    Ok(tokio::task::spawn_local(listener.run()))
}

/// Once a second: follows the system's time, closes idle connections to servers that died or that nobody needs.
async fn keep_house(core: Rc<Core>) {
    let mut seconds = 0u64;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
        core.set_clock();
        let local = core.local();
        for (proxy, servers) in local.live.ir.proxies.iter().map(|proxy| (proxy.id, &proxy.servers)) {
            for (at, server) in servers.iter().enumerate() {
                let id = ServerId(at as u32);
                let purge = seconds.is_multiple_of((server.pool_purge_ms / 1000).max(1));
                // The cores share the estimate: one of them keeps it.
                if purge
                    && core.id.index() == 0
                    && let Some(state) = local.live.view.server(proxy, id)
                {
                    state.estimate_need();
                }
                if let Some(pool) = local.live.pool(proxy, id) {
                    pool.tidy(core.id, purge);
                }
            }
        }
    }
}

/// How long a core may take to tell of its streams.
const PATIENCE: Duration = Duration::from_secs(1);
