//! A core's lines that wait to be sent: at 32 lines of a destination, when the core has nothing else to do, or after 10 ms.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::compose;
use super::sink::{Pushed, Sink, Writers};
use crate::engine::live::Live;
use crate::ir::{LogTarget, LogTo, Proxy};
use crate::state::Process;
use crate::wire::syslog::Header;

/// One core's destinations.
#[derive(Default)]
pub struct Lines {
    sinks: RefCell<Vec<Rc<Sink>>>,
    /// Room for the text of a line.
    pub(super) text: Cell<Vec<u8>>,
    /// Room for structured data.
    pub(super) structured: Cell<Vec<u8>>,
    /// Lines have begun to wait.
    stirred: Notify,
}

/// A target of a proxy as a core sees it.
pub struct Outlet {
    pub(super) sink: Rc<Sink>,
    pub(super) header: Header,
}

/// The outlets of all proxies, by proxy and `log` line.
pub type Outlets = Vec<Vec<Outlet>>;

impl Lines {
    /// The destinations of all proxies, by proxy and `log` line. Equal ones are shared, also between configurations.
    pub(super) fn open(&self, live: &Live, writers: &Writers) -> Outlets {
        let open = |proxy: &Proxy, target: &LogTarget| Outlet {
            sink: self.sink(&target.to, writers, &live.view.process),
            header: compose::header(live, proxy, target),
        };
        let proxies = live.ir.proxies.iter();
        proxies.map(|proxy| proxy.logs.iter().map(|target| open(proxy, target)).collect()).collect()
    }

    fn sink(&self, to: &LogTo, writers: &Writers, process: &Arc<Process>) -> Rc<Sink> {
        let mut sinks = self.sinks.borrow_mut();
        if let Some(known) = sinks.iter().find(|sink| sink.to() == to) {
            return known.clone();
        }
        let sink = Rc::new(Sink::open(to, writers, process));
        sinks.push(sink.clone());
        sink
    }

    /// Takes the line that `write` appends.
    #[inline]
    pub(super) fn submit(&self, sink: &Rc<Sink>, write: impl FnOnce(&mut Vec<u8>)) {
        match sink.push(write) {
            Pushed::More => {}
            Pushed::Full => sink.flush(),
            Pushed::First => WAITING.with_borrow_mut(|waiting| {
                if waiting.is_empty() {
                    self.stirred.notify_one();
                }
                waiting.push(sink.clone());
            }),
        }
    }

    /// Runs for the life of the core: sends what a busy core has not found the time for.
    pub async fn flush_in_time(&self) {
        loop {
            self.stirred.notified().await;
            tokio::time::sleep(LONGEST).await;
            flush();
        }
    }
}

/// Sends all lines that wait on this thread. Called whenever the runtime is about to sleep, and before it ends.
pub fn flush() {
    WAITING.with_borrow_mut(|waiting| waiting.drain(..).for_each(|sink| sink.flush()));
}

thread_local! {
    /// The destinations that have something to send. The runtime's hook can reach it only by the thread.
    static WAITING: RefCell<Vec<Rc<Sink>>> = const { RefCell::new(Vec::new()) };
}

/// The longest a line waits.
const LONGEST: Duration = Duration::from_millis(10);
