//! Who is connected to a core: what the runtime socket lists (`show sess`) and ends (`shutdown session`, `shutdown sessions server`).

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Message, Shared};
use crate::base::id::{CoreId, ProxyId, ServerId};
use crate::expr::{ConnFacts, Endpoint};
use crate::state::ServerState;
use crate::sys;

/// The client connections of one core.
#[derive(Default)]
pub struct Roster {
    seats: RefCell<Vec<Option<Rc<Seat>>>>,
    free: RefCell<Vec<u32>>,
}

/// What is known of a connection from outside its task.
pub struct Seat {
    number: u64,
    at: u32,
    /// The place of its deadline, by which it is woken.
    slot: usize,
    src: Endpoint,
    frontend: Cell<ProxyId>,
    server: RefCell<Option<(ProxyId, ServerId, Arc<ServerState>)>>,
    /// When its stream began, on the monotonic clock in milliseconds; 0 while it waits for a request.
    stream_ms: Cell<u64>,
    streams: Cell<u32>,
    /// Why it is to end, as the log says it; 0 while it is not.
    ended: Cell<u8>,
    /// The client's socket, open as long as the seat is taken.
    socket: RawFd,
}

/// A connection's place in the roster; left when dropped.
pub struct Seated {
    core: Rc<Core>,
    seat: Rc<Seat>,
}

/// A stream as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Identifies the connection as long as it lives.
    pub number: u64,
    /// The core that serves it.
    pub core: CoreId,
    /// The client's address.
    pub src: Endpoint,
    /// The frontend.
    pub frontend: ProxyId,
    /// The server, once there is one.
    pub server: Option<(ProxyId, ServerId)>,
    /// Milliseconds since the stream began.
    pub age_ms: u64,
    /// Streams on this connection so far.
    pub streams: u32,
}

/// Which streams are to end.
#[derive(Clone)]
pub enum Target {
    /// Of the connection with this number.
    Number(u64),
    /// At this server.
    Server(Arc<ServerState>),
}

/// Why streams are ended: the first character of their termination state (manual 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// An administrator has ended them.
    Killed = b'K',
    /// Their server has gone down.
    Down = b'D',
    /// They are at a backup server, and another has come up.
    Up = b'U',
}

impl Roster {
    /// Takes a place for a connection whose deadline lies in `slot`.
    pub fn sit(core: &Rc<Core>, facts: &ConnFacts, slot: usize, socket: RawFd) -> Seated {
        let roster = &core.roster;
        let mut seats = roster.seats.borrow_mut();
        let at = roster.free.borrow_mut().pop().unwrap_or(seats.len() as u32);
        let seat = Rc::new(Seat {
            number: core.next_connection(),
            at,
            slot,
            src: facts.src,
            frontend: Cell::new(facts.frontend),
            server: RefCell::default(),
            stream_ms: Cell::new(0),
            streams: Cell::new(0),
            ended: Cell::new(0),
            socket,
        });
        match seats.get_mut(at as usize) {
            Some(place) => *place = Some(seat.clone()),
            None => seats.push(Some(seat.clone())),
        }
        drop(seats);
        Seated { core: core.clone(), seat }
    }

    /// The streams of this core.
    pub fn list(core: &Core) -> Vec<Listed> {
        let now = core.tick_ms();
        let seats = core.roster.seats.borrow();
        let active = seats.iter().flatten().filter(|seat| seat.stream_ms.get() > 0);
        active
            .map(|seat| Listed {
                number: seat.number,
                core: core.id,
                src: seat.src,
                frontend: seat.frontend.get(),
                server: seat.server.borrow().as_ref().map(|(proxy, server, _)| (*proxy, *server)),
                age_ms: now.saturating_sub(seat.stream_ms.get()),
                streams: seat.streams.get(),
            })
            .collect()
    }

    /// Ends what is meant; tells how many streams that were. They end with `cause` in their log lines. Whoever does not look up in
    /// time finds its client gone.
    pub fn end(core: &Rc<Core>, target: &Target, cause: Cause) -> usize {
        let meant: Vec<Rc<Seat>> = {
            let seats = core.roster.seats.borrow();
            seats.iter().flatten().filter(|seat| seat.is_meant(target)).cloned().collect()
        };
        for seat in &meant {
            seat.ended.set(cause as u8);
            core.timers.wake(seat.slot);
        }
        let (count, core) = (meant.len(), core.clone());
        if count > 0 {
            tokio::task::spawn_local(async move {
                tokio::time::sleep(PATIENCE).await;
                let left = meant.iter().filter(|seat| seat.ended.get() != 0 && seat.is_in(&core.roster));
                left.for_each(|seat| sys::socket::cut(seat.socket));
            });
        }
        count
    }
}

impl Shared {
    /// Ends streams wherever they are.
    pub fn end_streams(&self, ends: &[(Target, Cause)]) {
        for (core, (target, cause)) in self.cores.iter().flat_map(|core| ends.iter().map(move |end| (core, end))) {
            let (target, cause) = (target.clone(), *cause);
            // A core that has ended has no streams.
            let _ = core.inbox.send(Message::Run(Box::new(move |core| _ = Roster::end(core, &target, cause))));
        }
    }
}

impl Seat {
    fn is_meant(&self, target: &Target) -> bool {
        let active = self.stream_ms.get() > 0;
        match target {
            Target::Number(number) => active && self.number == *number,
            Target::Server(state) => {
                active && self.server.borrow().as_ref().is_some_and(|(_, _, server)| Arc::ptr_eq(server, state))
            }
        }
    }

    fn is_in(&self, roster: &Roster) -> bool {
        let seats = roster.seats.borrow();
        seats.get(self.at as usize).and_then(Option::as_ref).is_some_and(|seat| seat.number == self.number)
    }
}

impl Seated {
    /// A stream begins.
    pub fn begin(&self, frontend: ProxyId) {
        let seat = &self.seat;
        seat.frontend.set(frontend);
        seat.stream_ms.set(self.core.now_ms().max(1));
        seat.streams.set(seat.streams.get() + 1);
    }

    /// The stream goes to a server.
    pub fn goes_to(&self, backend: ProxyId, server: ServerId, state: &Arc<ServerState>) {
        *self.seat.server.borrow_mut() = Some((backend, server, state.clone()));
    }

    /// The stream has ended; what was asked of it does not concern the next one.
    pub fn end(&self) {
        self.seat.stream_ms.set(0);
        self.seat.ended.set(0);
        *self.seat.server.borrow_mut() = None;
    }

    /// Makes the client's connection one whose end the client does not learn of; see [`sys::socket::silence`].
    pub fn silence(&self, ttl: u8) {
        sys::socket::silence(self.seat.socket, ttl);
    }

    /// Somebody wants it to end.
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.seat.ended.get() != 0
    }

    /// Why, as the log says it.
    pub fn cause(&self) -> Option<u8> {
        Some(self.seat.ended.get()).filter(|cause| *cause != 0)
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let roster = &self.core.roster;
        if let Some(place) = roster.seats.borrow_mut().get_mut(self.seat.at as usize) {
            *place = None;
        }
        roster.free.borrow_mut().push(self.seat.at);
    }
}

/// Streams that were asked to end have so long to do so by themselves.
const PATIENCE: Duration = Duration::from_millis(100);
