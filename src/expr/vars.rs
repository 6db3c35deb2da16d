//! Variables (manual 2.8), resolved to slots at load.

use std::cell::{OnceCell, RefCell};

use super::Ctx;
use crate::base::value::Value;
use crate::keyword::{VarScope, VarSlot};
use crate::state::View;
use crate::state::variables::{self, Share};

impl Ctx<'_> {
    /// The value of a variable, whether it is the stream's or the process's.
    pub fn variable(&self, var: VarSlot) -> Option<Value<'_>> {
        match var.scope {
            VarScope::Proc => self.view.process.variables.value(var.slot),
            _ => self.vars.value(var),
        }
    }
}

/// The variables of one stream. `proc` variables live in the shared state and are not kept here.
#[derive(Debug, Default)]
pub struct Vars {
    /// Most streams set none; an idle connection should not have the room for them.
    scopes: OnceCell<Box<Scopes>>,
}

#[derive(Debug, Default)]
struct Scopes {
    sess: Slots,
    txn: Slots,
    req: Slots,
    res: Slots,
    /// Those of a health check.
    check: Slots,
    /// What converters have set or forgotten since: they see the variables while others read them.
    late: RefCell<Vec<(VarSlot, Option<Value<'static>>)>>,
    /// What all of them take of the memory for the variables of the process, where that is limited.
    share: Option<Share>,
}

type Slots = Vec<Option<Value<'static>>>;

impl Vars {
    /// The value, if it is set.
    pub fn value(&self, var: VarSlot) -> Option<Value<'_>> {
        let scopes = self.scopes.get()?;
        // The list is not borrowed while a converter runs, since its values are handed out as copies.
        if let Some((_, late)) = scopes.late.borrow().iter().rfind(|(late, _)| *late == var) {
            return late.clone();
        }
        scopes.of(var.scope)?.get(var.slot as usize)?.as_ref().map(Value::borrowed)
    }

    /// Sets a variable.
    pub fn set(&mut self, var: VarSlot, value: Value<'_>) {
        self.put(var, Some(value.into_owned()));
    }

    /// Forgets a variable.
    pub fn unset(&mut self, var: VarSlot) {
        if self.scopes.get().is_some() {
            self.put(var, None);
        }
    }

    /// Sets a variable here or, for `proc`, in the process. Where that would take more memory than `tune.vars` allows, it stays
    /// as it is.
    pub fn set_anywhere(&mut self, view: &View, var: VarSlot, value: Value<'_>) {
        if !self.admits(view, var, &value) {
            return;
        }
        match var.scope {
            VarScope::Proc => view.process.variables.set(var.slot, value),
            _ => {
                self.set(var, value);
                self.account(view);
            }
        }
    }

    /// Forgets a variable here or, for `proc`, in the process.
    pub fn unset_anywhere(&mut self, view: &View, var: VarSlot) {
        match var.scope {
            VarScope::Proc => view.process.variables.unset(var.slot),
            _ => self.unset(var),
        }
        self.weigh();
    }

    /// As [`Vars::set_anywhere`], for a converter, before which others may be reading.
    pub fn set_late(&self, view: &View, var: VarSlot, value: Value<'_>) {
        if !self.admits(view, var, &value) {
            return;
        }
        match var.scope {
            VarScope::Proc => view.process.variables.set(var.slot, value),
            _ => self.put_late(var, Some(value.into_owned())),
        }
    }

    /// As [`Vars::unset_anywhere`], for a converter.
    pub fn unset_late(&self, view: &View, var: VarSlot) {
        match var.scope {
            VarScope::Proc => view.process.variables.unset(var.slot),
            _ => self.put_late(var, None),
        }
    }

    /// The response has come: variables of the request's processing end (manual 2.8).
    pub fn begin_response(&mut self) {
        if let Some(scopes) = self.settled() {
            scopes.req.clear();
            self.weigh();
        }
    }

    /// A new request on the same connection: only session variables live on.
    pub fn next_request(&mut self) {
        if let Some(scopes) = self.settled() {
            scopes.txn.clear();
            scopes.req.clear();
            scopes.res.clear();
            self.weigh();
        }
    }

    fn put(&mut self, var: VarSlot, value: Option<Value<'static>>) {
        self.scopes.get_or_init(Default::default);
        if let Some(scopes) = self.settled() {
            scopes.put(var, value);
        }
    }

    fn put_late(&self, var: VarSlot, value: Option<Value<'static>>) {
        self.scopes.get_or_init(Default::default).late.borrow_mut().push((var, value));
    }

    /// The scopes, with what converters did in its place.
    fn settled(&mut self) -> Option<&mut Scopes> {
        let scopes = self.scopes.get_mut()?;
        for (var, value) in std::mem::take(scopes.late.get_mut()) {
            scopes.put(var, value);
        }
        Some(scopes)
    }

    /// Whether `tune.vars` leaves room for the value.
    fn admits(&self, view: &View, var: VarSlot, value: &Value<'_>) -> bool {
        let Some(limits) = &view.variable_limits else { return true };
        let old = match var.scope {
            VarScope::Proc => view.process.variables.value(var.slot).map_or(0, |value| variables::size(&value)),
            _ => self.value(var).map_or(0, |value| variables::size(&value)),
        };
        let more = variables::size(value).saturating_sub(old);
        let held = |scopes: &[VarScope]| scopes.iter().map(|scope| self.bytes(*scope)).sum::<u64>();
        let (req, res) = (held(&[VarScope::Req]), held(&[VarScope::Res]));
        let (txn, sess) = (held(&[VarScope::Txn]), held(&[VarScope::Sess]));
        let fits = |held: u64, limit: u64| held.saturating_add(more) <= limit;
        let here = match var.scope {
            VarScope::Req => fits(req, limits.reqres),
            VarScope::Res => fits(res, limits.reqres),
            VarScope::Check => fits(held(&[VarScope::Check]), limits.check),
            VarScope::Txn | VarScope::Sess | VarScope::Proc => true,
        };
        let in_stream = matches!(var.scope, VarScope::Req | VarScope::Res | VarScope::Txn);
        here && (!in_stream || fits(req + res + txn, limits.txn))
            && (!(in_stream || var.scope == VarScope::Sess) || fits(req + res + txn + sess, limits.sess))
            && (limits.process == u64::MAX || fits(view.process.variables.bytes(), limits.process))
    }

    /// What the variables of a scope take.
    fn bytes(&self, scope: VarScope) -> u64 {
        let Some(scopes) = self.scopes.get() else { return 0 };
        let late = scopes.late.borrow();
        let kept = scopes
            .of(scope)
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(slot, _)| !late.iter().any(|(var, _)| var.scope == scope && var.slot as usize == *slot));
        let changed = late
            .iter()
            .enumerate()
            .filter(|(at, (var, _))| var.scope == scope && !late.iter().skip(at + 1).any(|(later, _)| later == var));
        let sizes = kept.map(|(_, value)| value).chain(changed.map(|(_, (_, value))| value));
        sizes.flatten().map(variables::size).sum()
    }

    /// Where the memory of all variables is limited, begins to count these.
    fn account(&mut self, view: &View) {
        let limited = view.variable_limits.as_ref().is_some_and(|limits| limits.process < u64::MAX);
        if let Some(scopes) = self.scopes.get_mut().filter(|scopes| limited && scopes.share.is_none()) {
            scopes.share = Some(view.process.variables.share());
        }
        self.weigh();
    }

    /// Tells the process what these take now, where it counts.
    fn weigh(&mut self) {
        if self.scopes.get().is_none_or(|scopes| scopes.share.is_none()) {
            return;
        }
        let bytes = [VarScope::Sess, VarScope::Txn, VarScope::Req, VarScope::Res, VarScope::Check];
        let bytes = bytes.iter().map(|scope| self.bytes(*scope)).sum();
        if let Some(share) = self.scopes.get_mut().and_then(|scopes| scopes.share.as_mut()) {
            share.set(bytes);
        }
    }
}

impl Scopes {
    fn of(&self, scope: VarScope) -> Option<&Slots> {
        match scope {
            VarScope::Sess => Some(&self.sess),
            VarScope::Txn => Some(&self.txn),
            VarScope::Req => Some(&self.req),
            VarScope::Res => Some(&self.res),
            VarScope::Check => Some(&self.check),
            VarScope::Proc => None,
        }
    }

    fn put(&mut self, var: VarSlot, value: Option<Value<'static>>) {
        let slots = match var.scope {
            VarScope::Sess => &mut self.sess,
            VarScope::Txn => &mut self.txn,
            VarScope::Req => &mut self.req,
            VarScope::Res => &mut self.res,
            VarScope::Check => &mut self.check,
            VarScope::Proc => return,
        };
        let at = var.slot as usize;
        if slots.len() <= at && value.is_some() {
            slots.resize(at + 1, None);
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::variables::Limits;

    const OF_TXN: VarSlot = VarSlot { scope: VarScope::Txn, slot: 0 };
    const OF_REQ: VarSlot = VarSlot { scope: VarScope::Req, slot: 0 };
    const OF_SESS: VarSlot = VarSlot { scope: VarScope::Sess, slot: 3 };

    fn text(vars: &Vars, var: VarSlot) -> Option<String> {
        let mut text = Vec::new();
        vars.value(var)?.write_to(&mut text);
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn limited(limits: Limits) -> View {
        View { variable_limits: Some(Box::new(limits)), ..View::default() }
    }

    #[test]
    fn what_converters_set_is_seen_at_once_and_ends_with_its_scope() {
        let (view, mut vars) = (View::default(), Vars::default());
        vars.set_late(&view, OF_REQ, Value::str(b"a"));
        vars.set_late(&view, OF_TXN, Value::Int(1));
        vars.set_late(&view, OF_REQ, Value::str(b"b"));
        assert_eq!(text(&vars, OF_REQ).as_deref(), Some("b"));
        vars.set(OF_TXN, Value::Int(2));
        assert_eq!(text(&vars, OF_TXN).as_deref(), Some("2"));
        vars.unset_late(&view, OF_TXN);
        assert_eq!(text(&vars, OF_TXN), None);
        vars.begin_response();
        assert_eq!(text(&vars, OF_REQ), None);
    }

    #[test]
    fn what_is_too_much_is_not_set() {
        let view = limited(Limits { txn: 200, reqres: 150, ..Limits::NONE });
        let mut vars = Vars::default();
        vars.set_anywhere(&view, OF_TXN, Value::str(&[b'a'; 121]));
        assert_eq!(text(&vars, OF_TXN), None);
        vars.set_anywhere(&view, OF_TXN, Value::str(&[b'a'; 40]));
        vars.set_anywhere(&view, OF_REQ, Value::Int(5));
        assert_eq!(text(&vars, OF_REQ).as_deref(), Some("5"));
        // What was there stays.
        vars.set_anywhere(&view, OF_REQ, Value::str(b"a"));
        assert_eq!(text(&vars, OF_REQ).as_deref(), Some("5"));
        vars.unset_anywhere(&view, OF_TXN);
        vars.set_anywhere(&view, OF_REQ, Value::str(&[b'a'; 71]));
        assert_eq!(text(&vars, OF_REQ).as_deref(), Some("5"), "the limit of its own scope");
    }

    #[test]
    fn all_streams_share_the_memory_of_the_process() {
        let view = limited(Limits { process: 250, ..Limits::NONE });
        let (mut one, mut other) = (Vars::default(), Vars::default());
        view.process.variables.set(0, Value::Int(1));
        one.set_anywhere(&view, OF_SESS, Value::Int(1));
        other.set_anywhere(&view, OF_SESS, Value::str(b"more than ten"));
        assert_eq!(text(&other, OF_SESS), None);
        one.next_request();
        other.set_anywhere(&view, OF_SESS, Value::str(b"ten"));
        assert_eq!(text(&other, OF_SESS).as_deref(), Some("ten"));
        drop((one, other));
        assert_eq!(view.process.variables.bytes(), 80);
    }
}
