//! Actions that end a rule set without an answer of their own: accept, allow, close, reject.

use crate::keyword::{Meta, Needs};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

/// placeholder
pub static LITERAL_REDIRECT: Action = Action {
    meta: Meta { name: "redirect", usage: "redirect", doc: "", examples: &[], status: crate::keyword::Status::NotYet },
    hooks: Hooks::empty(),
    bind: |words, _| Err(words.error_here("not supported yet")),
};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new("allow", "allow", "Ends the rule set; the message passes.", &[("allow", "accept")]),
        hooks: Hooks::HTTP,
        bind: |_, _| Ok(Bound::new(Needs::empty(), |_| Verdict::Done(Final::Accept))),
    },
    Action {
        meta: Meta::new(
            "accept",
            "accept",
            "Ends the rule set; the connection or the bytes pass.",
            &[("accept", "accept")],
        ),
        hooks: Hooks::TCP,
        bind: |_, _| Ok(Bound::new(Needs::empty(), |_| Verdict::Done(Final::Accept))),
    },
];
