//! The unique id of a stream (manual 4.2 `unique-id-format`): made when it is first asked for, so that it may say what rules have set
//! before.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::sync::Arc;

use super::ctx::Ctx;
use super::log_format::LogFormat;

/// A stream's id, or what it will be made of.
#[derive(Default)]
pub struct UniqueId {
    format: Option<Arc<LogFormat>>,
    made: OnceCell<Box<[u8]>>,
    /// It is being made: a format that names the id itself finds nothing.
    making: Cell<bool>,
}

impl UniqueId {
    /// One that will be made as `format` says; none without a format.
    pub fn of(format: Option<&Arc<LogFormat>>) -> Self {
        UniqueId { format: format.cloned(), ..UniqueId::default() }
    }

    /// The id, made now if it has not been; nothing without a format.
    pub fn get(&self, ctx: &Ctx<'_>) -> Option<&[u8]> {
        if let Some(format) = &self.format
            && self.made.get().is_none()
            && !self.making.replace(true)
        {
            let mut id = Vec::with_capacity(64);
            format.render(ctx, &mut id);
            self.making.set(false);
            // It cannot have been made meanwhile.
            let _ = self.made.set(id.into());
        }
        self.made()
    }

    /// The id, if it has been made.
    pub fn made(&self) -> Option<&[u8]> {
        self.made.get().map(|id| &**id)
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.made().map(String::from_utf8_lossy).fmt(f)
    }
}

impl From<&[u8]> for UniqueId {
    /// One that has been made.
    fn from(id: &[u8]) -> Self {
        UniqueId { format: None, made: OnceCell::from(Box::from(id)), making: Cell::new(false) }
    }
}
