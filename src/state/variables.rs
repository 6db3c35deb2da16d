//! `proc` variables (manual 2.8), which all connections and configurations of the process share, and the memory that variables of
//! all kinds may take (`tune.vars`, manual 3.2).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use crate::base::value::Value;

/// Variables by slot. The slots of `proc` variables are the same in every configuration of the process.
#[derive(Default)]
pub struct Variables {
    values: RwLock<Vec<Option<Value<'static>>>>,
    /// What the variables of connections take, where that is counted.
    shares: Arc<AtomicU64>,
}

/// How many bytes variables may take; what a stream has counts as part of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `tune.vars.global-max-size`, `tune.vars.proc-max-size`: all of them.
    pub process: u64,
    /// `tune.vars.sess-max-size`
    pub sess: u64,
    /// `tune.vars.txn-max-size`
    pub txn: u64,
    /// `tune.vars.reqres-max-size`
    pub reqres: u64,
    /// `tune.vars.check-max-size`
    pub check: u64,
}

/// What the variables of one connection take of the memory of all.
#[derive(Debug)]
pub struct Share {
    all: Arc<AtomicU64>,
    own: u64,
}

/// What HAProxy counts for a variable besides its text.
const OVERHEAD: u64 = 80;

/// What a variable with that value takes.
pub fn size(value: &Value<'_>) -> u64 {
    match value {
        Value::Str(text) | Value::Bin(text) | Value::Meth(text) => OVERHEAD + text.len() as u64,
        _ => OVERHEAD,
    }
}

impl Limits {
    /// No limit.
    pub const NONE: Limits =
        Limits { process: u64::MAX, sess: u64::MAX, txn: u64::MAX, reqres: u64::MAX, check: u64::MAX };
}

impl Variables {
    /// The value of the variable, if it is set.
    pub fn value(&self, slot: u32) -> Option<Value<'static>> {
        self.values.read().unwrap_or_else(PoisonError::into_inner).get(slot as usize)?.clone()
    }

    /// Sets a variable.
    pub fn set(&self, slot: u32, value: Value<'_>) {
        let mut values = self.values.write().unwrap_or_else(PoisonError::into_inner);
        let at = slot as usize;
        if values.len() <= at {
            values.resize(at + 1, None);
        }
        values[at] = Some(value.into_owned());
    }

    /// Forgets a variable.
    pub fn unset(&self, slot: u32) {
        if let Some(value) = self.values.write().unwrap_or_else(PoisonError::into_inner).get_mut(slot as usize) {
            *value = None;
        }
    }

    /// What these and the counted variables of connections take.
    pub fn bytes(&self) -> u64 {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values.iter().flatten().map(size).sum::<u64>() + self.shares.load(Relaxed)
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { all: self.shares.clone(), own: 0 }
    }
}

impl Share {
    /// What is taken now.
    pub fn set(&mut self, bytes: u64) {
        self.all.fetch_add(bytes, Relaxed);
        self.all.fetch_sub(self.own, Relaxed);
        self.own = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Relaxed);
    }
}
