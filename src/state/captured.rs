//! The last messages that were refused because they are malformed, of each proxy (management.txt 9.3 `show errors`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwapOption;

/// A refused message with what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// When: Unix time in microseconds.
    pub at_us: i64,
    /// How many were captured before it.
    pub number: u64,
    /// The client's address.
    pub src: Box<str>,
    /// Who received the request.
    pub frontend: Party,
    /// Who was to answer it, if that was known.
    pub backend: Option<Party>,
    /// The server that was asked.
    pub server: Option<Party>,
    /// What had arrived.
    pub bytes: Box<[u8]>,
    /// How much fits the buffer.
    pub room: usize,
    /// Where it is wrong.
    pub position: usize,
    /// What is wrong there.
    pub why: Box<str>,
}

/// A proxy or a server: name and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Name.
    pub name: Box<str>,
    /// `id`
    pub number: u32,
}

/// The last of each kind.
#[derive(Default)]
pub struct LastErrors {
    /// Of a frontend.
    pub request: ArcSwapOption<Captured>,
    /// Of a backend.
    pub response: ArcSwapOption<Captured>,
}

impl Captured {
    /// Keeps it as the last one, with the number that `count` gives it.
    pub fn keep(mut self, slot: &ArcSwapOption<Captured>, count: &AtomicU64) {
        self.number = count.fetch_add(1, Relaxed);
        slot.store(Some(Arc::new(self)));
    }

    /// Whether it has to do with the proxy of that number.
    pub fn concerns(&self, number: u32) -> bool {
        self.frontend.number == number || self.backend.as_ref().is_some_and(|backend| backend.number == number)
    }
}
