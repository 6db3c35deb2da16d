//! `Sessions`: TLS sessions with clients that can be resumed, as many as `tune.ssl.cachesize` has by default. The oldest give way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use rustls::server::StoresServerSessions;

/// A store in parts, so that cores seldom wait for one another.
pub(super) struct Sessions {
    parts: [Mutex<Part>; PARTS],
    /// How many each part keeps.
    each: usize,
}

#[derive(Default)]
struct Part {
    /// The number of a session tells it from a later one of the same key.
    sessions: HashMap<Vec<u8>, (u64, Vec<u8>), ahash::RandomState>,
    /// In order of arrival; those taken meanwhile are still here.
    order: VecDeque<(u64, Vec<u8>)>,
    next: u64,
}

impl Sessions {
    pub(super) fn new(capacity: usize) -> Self {
        Sessions { parts: Default::default(), each: (capacity / PARTS).max(1) }
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
        self.with(&key.clone(), |part| {
            let number = part.next;
            part.next += 1;
            part.order.push_back((number, key.clone()));
            part.sessions.insert(key, (number, value));
            while part.order.len() > self.each
                && let Some((number, oldest)) = part.order.pop_front()
            {
                if part.sessions.get(&oldest).is_some_and(|(kept, _)| *kept == number) {
                    part.sessions.remove(&oldest);
                }
            }
        });
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(key, |part| part.sessions.get(key).map(|(_, value)| value.clone()))
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(key, |part| part.sessions.remove(key).map(|(_, value)| value))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

const PARTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way() {
        let sessions = Sessions::new(2 * PARTS);
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
}
