//! One core: a thread with its own runtime, timers and recycled memory. Nothing in it is shared; other threads talk to it through its
//! inbox.

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::check::Watches;
use super::live::{Live, Local};
use super::log::herald::Herald;
use super::log::lines::Lines;
use super::log::sink::Writers;
use super::permit::{Permit, Permits};
use super::resolve::Resolver;
use super::roster::Roster;
use super::service::Service;
use super::squeeze;
use super::stream::Stream;
use super::timer::Timers;
use crate::base::clock;
use crate::base::id::{BindId, CoreId, ProxyId};
use crate::ir::Global;
use crate::state::Process;
use crate::sys::process::thread_cpu_us;

/// What all cores of an engine share.
pub struct Shared {
    /// By `CoreId`.
    pub cores: Vec<CorePort>,
    /// Connection limits.
    pub permits: Permits,
    /// Answers requests for the statistics page.
    pub service: Option<Arc<dyn Service>>,
    /// Numbers streams (`%rt`).
    pub streams: AtomicU64,
    /// Numbers client connections.
    pub connections: AtomicU64,
    /// The configuration for whoever is on no core.
    pub live: ArcSwap<Live>,
    /// The threads that write log lines to descriptors.
    pub writers: Arc<Writers>,
    /// Messages about servers and proxies.
    pub herald: Herald,
    /// Finds addresses of names.
    pub resolver: Resolver,
}

/// How other threads reach a core.
pub struct CorePort {
    /// Its inbox.
    pub inbox: UnboundedSender<Message>,
    /// Client connections it serves.
    pub load: AtomicU32,
}

/// Something to run on a core's thread.
pub type Work = Box<dyn FnOnce(&Rc<Core>) + Send>;

/// What a core is told.
pub enum Message {
    /// Serve this connection, which another core accepted.
    Connection(Arrival),
    /// Use this configuration for new connections and requests, and have these listeners.
    Swap(Arc<Live>, Vec<ListenerPlan>),
    /// Have these listeners.
    Listen(Vec<ListenerPlan>),
    /// Run this on the core.
    Run(Work),
    /// Close the listeners, finish what runs, then end.
    StopSoftly,
    /// End now.
    StopNow,
}

/// A listener that a core should have.
pub struct ListenerPlan {
    /// Tells the same socket in two configurations: its listener and which of the listener's copies it is.
    pub key: (usize, usize),
    /// A copy of the socket for this core.
    pub socket: OwnedFd,
    /// The frontend.
    pub proxy: ProxyId,
    /// Its line.
    pub bind: BindId,
    /// Only this core accepts here, for all.
    pub alone: bool,
}

/// An accepted connection before it is served.
pub struct Arrival {
    /// The socket, non-blocking.
    pub fd: OwnedFd,
    /// The client's address; `None` for UNIX sockets.
    pub peer: Option<std::net::SocketAddr>,
    /// The frontend.
    pub frontend: ProxyId,
    /// The listener.
    pub bind: BindId,
    /// The connection's place among the limits.
    pub permit: Permit,
    /// The configuration it was accepted under.
    pub live: Arc<Live>,
}

/// A core's own data, reached through `Rc` by all its tasks.
pub struct Core {
    /// Which core this is.
    pub id: CoreId,
    /// What all cores share.
    pub shared: Arc<Shared>,
    /// Deadlines.
    pub timers: Rc<Timers>,
    /// A session ended while the core is stopping.
    pub session_ended: Notify,
    /// Log lines that wait to be sent.
    pub lines: Lines,
    /// Its client connections.
    pub roster: Roster,
    /// The tasks that check servers; they end when dropped.
    pub checks: RefCell<Watches>,
    local: RefCell<Rc<Local>>,
    /// Boxed, since a session hands its stream on between functions.
    #[allow(clippy::vec_box)]
    streams: RefCell<Vec<Box<Stream>>>,
    now_us: Cell<u64>,
    unix_offset_us: Cell<i64>,
    random: Cell<u64>,
    stopping: Cell<bool>,
    busy: Cell<Busy>,
}

/// How much of a processor the thread took lately.
#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    percent: u32,
    /// When that was seen, and how much processor time the thread had taken then, in microseconds.
    at_us: u64,
    used_us: u64,
}

impl Core {
    /// A core that starts with `live`.
    pub fn new(id: CoreId, shared: Arc<Shared>, live: Arc<Live>) -> Rc<Self> {
        let core = Core {
            id,
            shared,
            timers: Rc::default(),
            session_ended: Notify::new(),
            lines: Lines::default(),
            roster: Roster::default(),
            checks: RefCell::default(),
            local: RefCell::new(Rc::new(Local::new(live))),
            streams: RefCell::default(),
            now_us: Cell::new(clock::mono_us()),
            unix_offset_us: Cell::new(0),
            random: Cell::new(clock::unix_us() as u64 ^ (u64::from(id.0) << 32) | 1),
            stopping: Cell::new(false),
            busy: Cell::default(),
        };
        core.set_clock();
        Rc::new(core)
    }

    /// The configuration for new connections and requests.
    #[inline]
    pub fn local(&self) -> Rc<Local> {
        self.local.borrow().clone()
    }

    /// Whether `local` is still the present configuration.
    #[inline]
    pub fn is_current(&self, local: &Rc<Local>) -> bool {
        Rc::ptr_eq(&self.local.borrow(), local)
    }

    /// Takes a new configuration. Idle clients are woken to take it too, so that nothing of the old one is kept for them.
    pub fn swap(&self, live: Arc<Live>) {
        *self.local.borrow_mut() = Rc::new(Local::new(live));
        self.timers.wake_all();
    }

    /// Whether the limits allow one more compressor (`maxcomprate`, `maxzlibmem`, `maxcompcpuusage`).
    pub fn may_compress(&self, global: &Global, process: &Process) -> bool {
        squeeze::allowed(global, process, self.now_ms())
            && (global.compression_cpu >= 100 || self.busy_percent() <= global.compression_cpu)
    }

    /// How much of a processor this thread took in the last second or more.
    fn busy_percent(&self) -> u32 {
        let before = self.busy.get();
        let now = self.now_us.get();
        let passed = now.saturating_sub(before.at_us);
        if passed < 1_000_000 {
            return before.percent;
        }
        let used_us = thread_cpu_us();
        let percent = used_us.saturating_sub(before.used_us) * 100 / passed;
        self.busy.set(Busy { percent: percent.min(100) as u32, at_us: now, used_us });
        percent.min(100) as u32
    }

    /// Reads the clock: microseconds on the monotonic clock. Call it when something arrives.
    #[inline]
    pub fn tick_us(&self) -> u64 {
        let now = clock::mono_us();
        self.now_us.set(now);
        now
    }

    /// Reads the clock: milliseconds on the monotonic clock.
    #[inline]
    pub fn tick_ms(&self) -> u64 {
        self.tick_us() / 1000
    }

    /// The last reading of the clock, in milliseconds.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.now_us.get() / 1000
    }

    /// Unix time in microseconds at the last reading of the clock.
    #[inline]
    pub fn unix_us(&self) -> i64 {
        self.now_us.get() as i64 + self.unix_offset_us.get()
    }

    /// Follows changes of the system's time; called every second.
    pub fn set_clock(&self) {
        let mono = self.tick_us();
        self.unix_offset_us.set(clock::unix_us() - mono as i64);
    }

    /// A pseudo-random number (xorshift64*), good enough to spread load.
    #[inline]
    pub fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A stream with empty contents; give it back with [`Core::recycle`].
    #[inline]
    pub fn stream(&self) -> Box<Stream> {
        self.streams.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a stream back for the next request.
    #[inline]
    pub fn recycle(&self, mut stream: Box<Stream>) {
        stream.clear();
        let mut streams = self.streams.borrow_mut();
        if streams.len() < KEPT_STREAMS {
            streams.push(stream);
        }
    }

    /// The number of the next stream of the process.
    #[inline]
    pub fn next_number(&self) -> u64 {
        self.shared.streams.fetch_add(1, Relaxed)
    }

    /// The number of the next client connection of the process.
    #[inline]
    pub fn next_connection(&self) -> u64 {
        self.shared.connections.fetch_add(1, Relaxed)
    }

    /// Client connections of this core.
    pub fn load(&self) -> Option<&AtomicU32> {
        self.shared.cores.get(self.id.index()).map(|port| &port.load)
    }

    /// Whether connections should end as soon as their request is answered.
    #[inline]
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Begins the soft stop: wakes every session, so that idle ones end.
    pub fn begin_stop(&self) {
        self.stopping.set(true);
        self.timers.wake_all();
    }
}

/// Streams kept for reuse: what a busy core has in flight.
const KEPT_STREAMS: usize = 256;
