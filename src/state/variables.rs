//! `proc` variables (manual 2.8), which all connections and configurations of the process share.

use std::sync::{PoisonError, RwLock};

use crate::base::value::Value;

/// Variables by slot. The slots of `proc` variables are the same in every configuration of the process.
#[derive(Default)]
pub struct Variables {
    values: RwLock<Vec<Option<Value<'static>>>>,
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
}
