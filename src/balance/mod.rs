//! Server selection (manual 4.2 `balance`), pure: servers, loads and a key in, a server out. One file per algorithm.
//!
//! A [`Balancer`] is immutable but for atomics, so that all cores share one without a lock: the turn of round robin is one
//! counter, and its order is the same with one core and with many. Whenever a server's state or weight changes, the owner
//! of the state publishes a new one made by [`Balancer::rebuild`]. Cookies, stick tables, queues and retries are not
//! decided here.

mod first;
pub mod hash;
mod least_conn;
mod map;
mod random;
mod ring;
mod round_robin;
mod turns;

use crate::ir::{Affinity, Balance, HashType};
use first::First;
use least_conn::LeastConn;
use map::Map;
use random::Random;
use ring::Ring;
use turns::{Order, Turns};

/// What the balancer knows of a server. A server is named by its place in the backend, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// `id`: the order of `first`.
    pub id: u32,
    /// Effective weight, in sixteenths of what a line says; a server without weight gets no new sessions.
    pub weight: u32,
    /// The number of its first point on the ring of consistent hashes.
    pub point: u32,
    /// Up and ready.
    pub usable: bool,
    /// `backup`.
    pub backup: bool,
}

/// How busy a server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests (connections in TCP mode) it is serving.
    pub served: u32,
    /// Requests in its own queue.
    pub queued: u32,
    /// How many it may serve at a time (`maxconn`, or what `minconn` and slow start make of it); 0 is no limit.
    pub limit: u32,
    /// `maxqueue`; 0 is no limit.
    pub queue_limit: u32,
    /// Sessions in the last second; only `random` asks, between equals.
    pub rate: u32,
}

/// Where loads are read at the moment of selection: from atomics, by server.
pub trait Loads {
    /// The load of a server.
    fn load(&self, server: usize) -> Load;
}

impl Load {
    /// It serves as many as it may, or others wait for it already.
    fn is_full(self) -> bool {
        self.limit > 0 && (self.queued > 0 || self.served >= self.limit)
    }

    /// Everyone it has to serve.
    fn total(self) -> u32 {
        self.served.saturating_add(self.queued)
    }
}

/// How a backend wants its servers chosen.
#[derive(Clone, Copy)]
pub struct Method<'a> {
    /// `balance`
    pub balance: &'a Balance,
    /// `hash-type`
    pub hash_type: HashType,
    /// `hash-balance-factor`; 0 is no bound.
    pub factor: u32,
    /// `hash-preserve-affinity`
    pub affinity: Affinity,
    /// `option allbackups`
    pub all_backups: bool,
}

/// Which loads let a hash pass a server over.
type Preference = Affinity;

impl Preference {
    /// Whether a server with this load may take one more.
    fn allows(self, load: Load) -> bool {
        match self {
            Affinity::Always => true,
            Affinity::MaxConn => !load.is_full(),
            Affinity::MaxQueue => load.limit == 0 || load.queue_limit == 0 || load.queued < load.queue_limit,
        }
    }
}

/// Chooses servers for one backend.
#[derive(Debug)]
pub struct Balancer {
    algorithm: Algorithm,
    /// How many servers take part.
    active: usize,
}

#[derive(Debug)]
enum Algorithm {
    /// No server is usable.
    Nobody,
    /// The first backup server; it takes everything, whatever its load.
    Only(usize),
    Turns(Turns),
    LeastConn(LeastConn),
    First(First),
    Hash(Map, Turns),
    Ring(Ring, Turns),
    Random(Random),
}

/// A server that takes part.
#[derive(Clone, Copy, Debug)]
struct Member {
    server: usize,
    weight: u32,
}

impl Balancer {
    /// For servers in order of declaration.
    pub fn new(method: Method<'_>, servers: &[ServerView]) -> Balancer {
        Balancer::make(method, servers, None)
    }

    /// For changed servers of the same backend; whoever's turn it was is next, unless it has gone.
    pub fn rebuild(&self, method: Method<'_>, servers: &[ServerView]) -> Balancer {
        Balancer::make(method, servers, Some(&self.algorithm))
    }

    /// The server for the next request, or none. There is none if no server takes part (see [`Balancer::active`]), or if
    /// each is full, in which case the request belongs into the backend's queue. A chosen server may still be full where
    /// the algorithm insists on it (`source`, the first backup); then the request belongs into that server's queue.
    ///
    /// `key` is the hash of what is balanced on (see [`hash`]), and a random number for `random`. Without it servers take
    /// turns, as they do for `source` where there is no address. `avoid` is a server that just failed; it is
    /// chosen only if there is no other.
    #[inline]
    pub fn pick<L: Loads + ?Sized>(&self, loads: &L, key: Option<u64>, avoid: Option<usize>) -> Option<usize> {
        match &self.algorithm {
            Algorithm::Turns(turns) => turns.pick(loads, avoid),
            Algorithm::LeastConn(least) => least.pick(loads, avoid),
            Algorithm::First(first) => first.pick(loads, avoid),
            Algorithm::Hash(map, turns) => match key {
                Some(key) => map.pick(loads, key, avoid),
                None => turns.pick(loads, avoid),
            },
            Algorithm::Ring(ring, turns) => match key {
                // Keys have 32 bits.
                Some(key) => ring.pick(loads, key as u32, avoid),
                None => turns.pick(loads, avoid),
            },
            Algorithm::Random(random) => random.pick(loads, key, avoid),
            Algorithm::Only(server) => Some(*server),
            Algorithm::Nobody => None,
        }
    }

    /// How many servers take part: the usable ones, or backup servers when there are none.
    pub fn active(&self) -> usize {
        self.active
    }

    fn make(method: Method<'_>, servers: &[ServerView], old: Option<&Algorithm>) -> Balancer {
        let Method { balance, hash_type, factor, affinity, all_backups } = method;
        let members = members(servers, all_backups);
        let active = members.len();
        let turn = |order| Turns::new(order, old.and_then(Algorithm::turns));
        let algorithm = match (members.as_slice(), balance) {
            ([], _) => Algorithm::Nobody,
            ([only], _) if !all_backups && servers[only.server].backup => Algorithm::Only(only.server),
            (_, Balance::RoundRobin) => Algorithm::Turns(turn(round_robin::order(&members))),
            (_, Balance::StaticRr) => Algorithm::Turns(turn(map::order(&members))),
            (_, Balance::LeastConn) => {
                let old = if let Some(Algorithm::LeastConn(old)) = old { Some(old) } else { None };
                Algorithm::LeastConn(LeastConn::new(&members, servers.len(), old))
            }
            (_, Balance::First) => Algorithm::First(First::new(&members, servers)),
            (_, Balance::Source | Balance::Hash(_)) if hash_type.consistent => {
                let ring = Ring::new(&members, servers, factor, affinity);
                let turns = turn(Order { servers: ring.order(), repeats_from: 0 });
                Algorithm::Ring(ring, turns)
            }
            (_, Balance::Source | Balance::Hash(_)) => {
                let map = Map::new(&members, affinity);
                let turns = turn(map.as_order());
                Algorithm::Hash(map, turns)
            }
            (_, Balance::Random(draws)) => Algorithm::Random(Random::new(&members, *draws, factor)),
        };
        Balancer { algorithm, active }
    }
}

impl Algorithm {
    fn turns(&self) -> Option<&Turns> {
        match self {
            Algorithm::Turns(turns) | Algorithm::Hash(_, turns) | Algorithm::Ring(_, turns) => Some(turns),
            _ => None,
        }
    }
}

/// The servers that take part: all usable ones with a weight, else backup servers, of which only the first without
/// `all_backups`.
fn members(servers: &[ServerView], all_backups: bool) -> Vec<Member> {
    let usable = |backup: bool| {
        let servers = servers.iter().enumerate().filter(move |(_, server)| server.usable && server.backup == backup);
        servers.filter(|(_, server)| server.weight > 0).map(|(at, server)| Member { server: at, weight: server.weight })
    };
    let members: Vec<Member> = usable(false).collect();
    match (members.is_empty(), all_backups) {
        (false, _) => members,
        (true, true) => usable(true).collect(),
        (true, false) => usable(true).take(1).collect(),
    }
}

/// The members' weights without their common factor: orders and maps get no longer than they must.
fn reduced_weights(members: &[Member]) -> Vec<u32> {
    let gcd = members.iter().fold(0, |gcd, member| common_factor(gcd, member.weight)).max(1);
    members.iter().map(|member| member.weight / gcd).collect()
}

fn common_factor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_factor(b, a % b) }
}

#[cfg(test)]
mod tests;
