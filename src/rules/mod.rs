//! Rule sets (manual chapter 4, `http-request` and relatives): actions bound at load, evaluated by a resumable cursor.
//!
//! Evaluation is synchronous and does no I/O: a verdict tells the engine what to wait for or to do. The tables of actions
//! stand in `action/`, one file per family.

pub mod action;
mod bind;
pub mod error_file;
mod rewrite;
#[cfg(test)]
mod tests;
pub mod txn;

pub use txn::{Half, Lookup, Txn, Wanted};

use crate::expr::{Cond, Tri};
use crate::keyword::{Meta, Needs, Result, Scope, Words};

/// What an action does to a stream; no I/O, no clock.
pub type ActionFn = Box<dyn Fn(&mut Txn<'_>) -> Verdict + Send + Sync>;

bitflags::bitflags! {
    /// The rule sets in which an action may stand.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Hooks: u16 {
        /// `tcp-request connection`
        const TCP_REQ_CONN = 1;
        /// `tcp-request session`
        const TCP_REQ_SESS = 2;
        /// `tcp-request content`
        const TCP_REQ_CONT = 4;
        /// `tcp-response content`
        const TCP_RES_CONT = 8;
        /// `http-request`
        const HTTP_REQ = 16;
        /// `http-response`
        const HTTP_RES = 32;
        /// `http-after-response`
        const HTTP_AFTER = 64;
        /// All TCP hooks.
        const TCP = 1 | 2 | 4 | 8;
        /// All HTTP hooks.
        const HTTP = 16 | 32 | 64;
        /// Every hook.
        const ALL = 127;
    }
}

/// A table entry of an action.
pub struct Action {
    /// Name, usage, documentation, examples, status.
    pub meta: Meta,
    /// Where it may stand.
    pub hooks: Hooks,
    /// Reads the words between the action's name and `if`/`unless`; must leave those. For `name(args)` actions such as
    /// `set-var(txn.x)`, the first word of the cursor is the text between the parentheses.
    pub bind: fn(&mut Words<'_>, &Scope<'_>) -> Result<Bound>,
}

/// A bound action.
pub struct Bound {
    /// What it does.
    pub run: ActionFn,
    /// What its expressions read.
    pub needs: Needs,
}

impl Bound {
    /// An action whose expressions read `needs`.
    pub fn new(needs: Needs, run: impl Fn(&mut Txn<'_>) -> Verdict + Send + Sync + 'static) -> Bound {
        Bound { run: Box::new(run), needs }
    }
}

/// What to do after a rule (or a rule set, where `Next` means that its end was reached).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Next,
    /// Stop this rule set: the outcome is known.
    Done(Final),
    /// Not decidable yet: call again with the same cursor when more of this has arrived, or with `last` set.
    Wait(Needs),
    /// Find the address that `txn.lookup` wants, put it there, and call again with the same cursor.
    Resolve,
    /// Let so many milliseconds pass and call again with the same cursor.
    Pause(u64),
    /// Wait until the body, or so many bytes of it if the number is not 0, has arrived, but not longer than the time; then call again
    /// with the same cursor.
    Gather {
        /// The time in milliseconds.
        ms: u64,
        /// The bytes that are enough.
        at_least: u64,
    },
}

/// The outcome of a rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {
    /// `allow`, `accept`: no further rule of this set is looked at.
    Accept,
    /// Answer with this status, from the proxy's error files or defaults; `txn.reply` holds extra header lines (each ended by
    /// CRLF), for example of `auth`. Counted as a denied request (or response).
    Deny(u16),
    /// As `Deny`, after `timeout tarpit`.
    Tarpit(u16),
    /// `auth`: answer 401 or 407 with the header lines in `txn.reply`; not counted as denied.
    Challenge(u16),
    /// Answer with the complete raw response in `txn.reply` (`return`, `redirect`); counted as intercepted. The status is the one that
    /// is logged, whatever a file says.
    Reply(u16),
    /// As `Reply` for a `deny` that carries its own response; counted as denied.
    DenyReply(u16),
    /// As `DenyReply`, after `timeout tarpit`.
    TarpitReply(u16),
    /// As `Reply`, with the proxy's error file (or the default page) for this status: `return ... default-errorfiles`.
    ReplyStatus(u16),
    /// `use-service prometheus-exporter`: answer with the metrics of the process.
    Metrics,
    /// `reject`: close the connection without an answer.
    Reject,
    /// The request is malformed: answer 400, counted as an error of the client.
    Malformed,
    /// `close` of a response: close the connection to the server.
    Close,
    /// `switch-mode http`: what follows on a TCP connection is HTTP. On one that is HTTP already, as `Accept`.
    SwitchToHttp,
}

/// One rule.
pub struct Rule {
    /// The condition; none means always.
    pub cond: Option<Cond>,
    /// What it does.
    pub action: ActionFn,
    /// What its condition and its action read.
    pub needs: Needs,
    /// The action's name, for diagnostics and `explain`.
    pub name: &'static str,
    /// File and line as `file:line`, for `explain`.
    pub place: Box<str>,
    /// The rule as text, normalised, for IR snapshots.
    pub text: Box<str>,
}

/// The rules of one hook of one proxy, in order.
#[derive(Default)]
pub struct RuleSet {
    /// In order of evaluation.
    pub rules: Box<[Rule]>,
    /// The union of what their expressions read.
    pub needs: Needs,
    /// Where the parts behind the first begin: an `allow` ends its part only, so that `redirect` still runs.
    parts: Box<[usize]>,
}

/// Where an evaluation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    at: usize,
}

impl RuleSet {
    /// The rules of one hook, in order.
    pub fn new(rules: Vec<Rule>) -> RuleSet {
        RuleSet::in_parts(vec![rules])
    }

    /// The rules of one hook in parts that run behind each other, each up to its own `allow`.
    pub fn in_parts(parts: Vec<Vec<Rule>>) -> RuleSet {
        let mut starts = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            if !rules.is_empty() {
                starts.push(rules.len());
            }
            rules.extend(part);
        }
        let needs = rules.iter().fold(Needs::empty(), |needs, rule| needs | rule.needs);
        RuleSet { rules: rules.into_boxed_slice(), needs, parts: starts.into_boxed_slice() }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Where the part behind that rule's begins.
    fn part_behind(&self, at: usize) -> Option<usize> {
        self.parts.iter().copied().find(|start| *start > at)
    }

    /// Evaluates from the cursor on, until a verdict other than `Next` or the end.
    pub fn run(&self, cursor: &mut Cursor, txn: &mut Txn<'_>) -> Verdict {
        while let Some(rule) = self.rules.get(cursor.at) {
            let holds = match &rule.cond {
                None => Tri::Pass,
                Some(cond) => cond.eval(&txn.ctx()),
            };
            match holds {
                Tri::Fail => {}
                Tri::Miss => return Verdict::Wait(self.needs),
                Tri::Pass => match (rule.action)(txn) {
                    Verdict::Next => {}
                    Verdict::Wait(needs) => return Verdict::Wait(needs),
                    Verdict::Resolve => return Verdict::Resolve,
                    Verdict::Done(Final::Accept) if let Some(next) = self.part_behind(cursor.at) => {
                        cursor.at = next;
                        continue;
                    }
                    done @ (Verdict::Done(_) | Verdict::Pause(_) | Verdict::Gather { .. }) => {
                        cursor.at += 1;
                        return done;
                    }
                },
            }
            cursor.at += 1;
        }
        Verdict::Next
    }
}
