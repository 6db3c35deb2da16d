//! Variables (manual 2.8), resolved to slots at load.

use super::Ctx;
use crate::base::value::Value;
use crate::keyword::{VarScope, VarSlot};
use crate::state::View;

impl Ctx<'_> {
    /// The value of a variable, whether it is the stream's or the process's.
    pub fn variable(&self, var: VarSlot) -> Option<Value<'_>> {
        match var.scope {
            VarScope::Proc => self.view.process.variables.value(var.slot),
            _ => self.vars.value(var).map(Value::borrowed),
        }
    }
}

/// The variables of one stream. `proc` variables live in the shared state and are not kept here.
#[derive(Debug, Default)]
pub struct Vars {
    /// Most streams set none; an idle connection should not have the room for them.
    scopes: Option<Box<Scopes>>,
}

#[derive(Debug, Default)]
struct Scopes {
    sess: Vec<Option<Value<'static>>>,
    txn: Vec<Option<Value<'static>>>,
    req: Vec<Option<Value<'static>>>,
    res: Vec<Option<Value<'static>>>,
    /// Those of a health check.
    check: Vec<Option<Value<'static>>>,
}

impl Vars {
    /// The value, if it is set.
    pub fn value(&self, var: VarSlot) -> Option<&Value<'static>> {
        self.scope(var.scope)?.get(var.slot as usize)?.as_ref()
    }

    /// Sets a variable.
    pub fn set(&mut self, var: VarSlot, value: Value<'_>) {
        let at = var.slot as usize;
        let Some(slots) = self.scope_mut(var.scope) else { return };
        if slots.len() <= at {
            slots.resize(at + 1, None);
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = Some(value.into_owned());
        }
    }

    /// Forgets a variable.
    pub fn unset(&mut self, var: VarSlot) {
        if let Some(slot) = self.scope_mut(var.scope).and_then(|slots| slots.get_mut(var.slot as usize)) {
            *slot = None;
        }
    }

    /// Sets a variable here or, for `proc`, in the process.
    pub fn set_anywhere(&mut self, view: &View, var: VarSlot, value: Value<'_>) {
        match var.scope {
            VarScope::Proc => view.process.variables.set(var.slot, value),
            _ => self.set(var, value),
        }
    }

    /// Forgets a variable here or, for `proc`, in the process.
    pub fn unset_anywhere(&mut self, view: &View, var: VarSlot) {
        match var.scope {
            VarScope::Proc => view.process.variables.unset(var.slot),
            _ => self.unset(var),
        }
    }

    /// The response has come: variables of the request's processing end (manual 2.8).
    pub fn begin_response(&mut self) {
        if let Some(scopes) = &mut self.scopes {
            scopes.req.clear();
        }
    }

    /// A new request on the same connection: only session variables live on.
    pub fn next_request(&mut self) {
        if let Some(scopes) = &mut self.scopes {
            scopes.txn.clear();
            scopes.req.clear();
            scopes.res.clear();
        }
    }

    fn scope(&self, scope: VarScope) -> Option<&Vec<Option<Value<'static>>>> {
        let scopes = self.scopes.as_ref()?;
        match scope {
            VarScope::Sess => Some(&scopes.sess),
            VarScope::Txn => Some(&scopes.txn),
            VarScope::Req => Some(&scopes.req),
            VarScope::Res => Some(&scopes.res),
            VarScope::Check => Some(&scopes.check),
            VarScope::Proc => None,
        }
    }

    fn scope_mut(&mut self, scope: VarScope) -> Option<&mut Vec<Option<Value<'static>>>> {
        let scopes = self.scopes.get_or_insert_default();
        match scope {
            VarScope::Sess => Some(&mut scopes.sess),
            VarScope::Txn => Some(&mut scopes.txn),
            VarScope::Req => Some(&mut scopes.req),
            VarScope::Res => Some(&mut scopes.res),
            VarScope::Check => Some(&mut scopes.check),
            VarScope::Proc => None,
        }
    }
}
