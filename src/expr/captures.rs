//! The capture slots of a frontend (manual 8.8): `capture request header`, `declare capture` and `capture ... len` take them in
//! the order of the file; `%hr`, `capture.req.hdr` and `capture ... id` name them by number.

use std::sync::{Arc, Mutex, PoisonError};

use super::Dir;
use crate::base::id::ProxyId;
use crate::diag::Span;
use crate::keyword::Scope;

/// The slots of one proxy, by direction: the longest text that each holds, in bytes.
#[derive(Debug, Default)]
pub struct CaptureSlots {
    req: Mutex<Vec<usize>>,
    res: Mutex<Vec<usize>>,
    /// Slots that rules name, and where.
    wanted: Mutex<Vec<(Dir, usize, Span)>>,
}

impl CaptureSlots {
    /// The slots of a proxy, shared by all that is bound with scopes of the same configuration.
    pub fn of(proxy: ProxyId, scope: &Scope<'_>) -> Arc<CaptureSlots> {
        let made =
            scope.intern(&format!("capture slots of proxy {}", proxy.0), || Ok::<_, ()>(CaptureSlots::default()));
        // Making them cannot fail.
        made.unwrap_or_default()
    }

    /// Takes the next slot for texts of up to `len` bytes and returns its number.
    pub fn declare(&self, dir: Dir, len: usize) -> usize {
        let mut lens = self.lens(dir);
        lens.push(len);
        lens.len() - 1
    }

    /// The longest text of each slot.
    pub fn all(&self, dir: Dir) -> Vec<usize> {
        self.lens(dir).clone()
    }

    /// A rule names a slot, which may be declared behind it.
    pub fn want(&self, dir: Dir, slot: usize, span: Span) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).push((dir, slot, span));
    }

    /// The slots that were named but not declared.
    pub fn missing(&self) -> Vec<(Dir, usize, Span)> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wanted.into_iter().filter(|(dir, slot, _)| *slot >= self.lens(*dir).len()).collect()
    }

    fn lens(&self, dir: Dir) -> std::sync::MutexGuard<'_, Vec<usize>> {
        let lens = match dir {
            Dir::Request => &self.req,
            Dir::Response => &self.res,
        };
        // A panic while pushing leaves the list whole.
        lens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
