//! Actions that end a rule set without an answer: accept, allow, close, reject.

use crate::keyword::{Meta, Needs};
use crate::rules::{Action, Bound, Final, Hooks, Verdict};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "accept",
            "accept",
            "Ends the rule set: the connection, the request or the response passes.",
            &[("accept", "accept")],
        ),
        hooks: Hooks::TCP,
        bind: |_, _| Ok(end(Final::Accept)),
    },
    Action {
        meta: Meta::new("allow", "allow", "Ends the rule set: the message passes.", &[("allow", "accept")]),
        hooks: Hooks::HTTP,
        bind: |_, _| Ok(end(Final::Accept)),
    },
    Action {
        meta: Meta::new(
            "close",
            "close",
            "Ends the rule set and closes the connection to the server.",
            &[("close", "close")],
        ),
        hooks: Hooks::TCP_RES_CONT,
        bind: |_, _| Ok(end(Final::Close)),
    },
    Action {
        meta: Meta::new(
            "reject",
            "reject",
            "Ends the rule set and closes the connection without an answer.",
            &[("reject", "reject")],
        ),
        hooks: Hooks::TCP.union(Hooks::HTTP_REQ),
        bind: |_, _| Ok(end(Final::Reject)),
    },
];

fn end(outcome: Final) -> Bound {
    Bound::new(Needs::empty(), move |_| Verdict::Done(outcome))
}
