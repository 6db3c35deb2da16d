//! TLS sessions with clients that can be resumed, for as long as `tune.ssl.lifetime` says: [`Sessions`], which are kept here, and
//! [`Tickets`], which the clients keep.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustls::server::{ProducesTickets, StoresServerSessions};

/// A store in parts, so that cores seldom wait for one another.
pub(super) struct Sessions {
    parts: [Mutex<Part>; PARTS],
    /// How many each part keeps.
    each: usize,
    lifetime: Duration,
}

#[derive(Default)]
struct Part {
    /// The number of a session tells it from a later one of the same key.
    sessions: HashMap<Vec<u8>, Kept, ahash::RandomState>,
    /// In order of arrival; those taken meanwhile are still here.
    order: VecDeque<(u64, Vec<u8>)>,
    next: u64,
}

struct Kept {
    number: u64,
    since: Instant,
    value: Vec<u8>,
}

impl Sessions {
    /// Keeps `capacity` sessions, of which the oldest give way, for `lifetime` seconds.
    pub(super) fn new(capacity: usize, lifetime: u32) -> Self {
        let lifetime = Duration::from_secs(lifetime.into());
        Sessions { parts: Default::default(), each: capacity.div_ceil(PARTS), lifetime }
    }

    fn fresh(&self, kept: &Kept) -> bool {
        kept.since.elapsed() < self.lifetime
    }

    /// Keys are random, so that their first byte spreads them.
    fn with<R>(&self, key: &[u8], work: impl FnOnce(&mut Part) -> R) -> R {
        let at = usize::from(key.first().copied().unwrap_or_default()) % PARTS;
        work(&mut self.parts[at].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        if !self.can_cache() {
            return false;
        }
        let since = Instant::now();
        self.with(&key.clone(), |part| {
            let number = part.next;
            part.next += 1;
            part.order.push_back((number, key.clone()));
            part.sessions.insert(key, Kept { number, since, value });
            while part.order.len() > self.each
                && let Some((number, oldest)) = part.order.pop_front()
            {
                if part.sessions.get(&oldest).is_some_and(|kept| kept.number == number) {
                    part.sessions.remove(&oldest);
                }
            }
        });
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(key, |part| part.sessions.get(key).filter(|kept| self.fresh(kept)).map(|kept| kept.value.clone()))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(key, |part| part.sessions.remove(key).filter(|kept| self.fresh(kept)).map(|kept| kept.value))
    }

    fn can_cache(&self) -> bool {
        self.each > 0
    }
}

/// Tickets that say when they were made, so that they can be resumed for no longer than `tune.ssl.lifetime`.
#[derive(Debug)]
pub(super) struct Tickets {
    sealed: Arc<dyn ProducesTickets>,
    lifetime: u32,
}

impl Tickets {
    /// Lets `sealed` encrypt the tickets, which are valid for `lifetime` seconds.
    pub(super) fn new(sealed: Arc<dyn ProducesTickets>, lifetime: u32) -> Self {
        Tickets { sealed, lifetime }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealed.encrypt(&[&seconds().to_be_bytes(), plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let mut opened = self.sealed.decrypt(cipher)?;
        let (made, plain) = opened.split_first_chunk()?;
        let age = seconds().checked_sub(u64::from_be_bytes(*made))?;
        let length = plain.len();
        opened.drain(..opened.len() - length);
        (age < u64::from(self.lifetime)).then_some(opened)
    }
}

/// Since the epoch; a clock before it makes no difference between tickets.
fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;

    #[test]
    fn the_oldest_give_way() {
        let sessions = Sessions::new(2 * PARTS, 300);
        let key = |n: u8| vec![0, n];
        for n in 0..3 {
            assert!(sessions.put(key(n), vec![n]));
        }
        assert_eq!(sessions.get(&key(0)), None);
        assert_eq!(sessions.take(&key(1)), Some(vec![1]));
        assert_eq!(sessions.take(&key(1)), None);
        assert_eq!(sessions.get(&key(2)), Some(vec![2]));
        // The same key again is a new session, which the place of the old one does not end.
        sessions.put(key(2), vec![9]);
        sessions.put(key(4), vec![4]);
        assert_eq!(sessions.get(&key(2)), Some(vec![9]));
    }

    #[test]
    fn sessions_and_tickets_have_a_lifetime() {
        for (lifetime, resumed) in [(300, true), (0, false)] {
            let sessions = Sessions::new(PARTS, lifetime);
            assert!(sessions.put(vec![1], vec![2]));
            assert_eq!(sessions.get(&[1]).is_some(), resumed);
            assert_eq!(sessions.take(&[1]).is_some(), resumed);
            let tickets = Tickets::new(aws_lc_rs::Ticketer::new().expect("random bytes"), lifetime);
            let ticket = tickets.encrypt(b"session").expect("a ticket");
            assert_eq!(tickets.decrypt(&ticket), resumed.then(|| b"session".to_vec()));
            assert_eq!(tickets.lifetime(), lifetime);
            assert_eq!(tickets.decrypt(b"garbage"), None);
        }
    }

    #[test]
    fn a_cache_without_room_keeps_nothing() {
        let sessions = Sessions::new(0, 300);
        assert!(!sessions.can_cache());
        assert!(!sessions.put(vec![1], vec![2]));
        assert_eq!(sessions.get(&[1]), None);
    }
}
