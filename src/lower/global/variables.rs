//! `global`: variables of the process and the memory of variables (manual 3.1, 3.2).

use super::GlobalDraft;
use crate::base::clock;
use crate::diag::Word;
use crate::expr::outside_streams;
use crate::ir::global::Assigned;
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, VarScope, Words};
use crate::lower::table::sentence;
use crate::lower::values::bytes;
use crate::rules::action::Assignment;
use crate::state::variables::{Limits, size};

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "set-var",
            "set-var <var-name> <expr>",
            "Sets a variable of the process while the configuration is read. A reload sets it again.",
            &[("set-var proc.prio int(100),add(1)", "set-var proc.prio int 101")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| assign(words, draft, scope, "set-var", "sample expression", Assignment::bind),
    },
    Setting {
        meta: Meta::new(
            "set-var-fmt",
            "set-var-fmt <var-name> <fmt>",
            "Sets a variable of the process to a formatted text while the configuration is read. A reload sets it again.",
            &[("set-var-fmt proc.place \"node %[str(a)]\"", "set-var proc.place str node a")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| {
            assign(words, draft, scope, "set-var-fmt", "format string", Assignment::bind_format)
        },
    },
    Setting {
        meta: Meta::new(
            "tune.vars.global-max-size",
            "tune.vars.global-max-size <size>",
            "Bounds the memory of all variables together; 0 sets no limit. A variable takes 80 bytes and its text; one that does \
             not fit stays as it is.",
            &[("tune.vars.global-max-size 1m", "tune.vars process 1048576")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.process = size.min(limits.process)),
    },
    Setting {
        meta: Meta::new(
            "tune.vars.proc-max-size",
            "tune.vars.proc-max-size <size>",
            "Bounds the memory of the variables of the process and of all that belongs to its sessions, which are all variables.",
            &[("tune.vars.proc-max-size 1m", "tune.vars process 1048576")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.process = size.min(limits.process)),
    },
    Setting {
        meta: Meta::new(
            "tune.vars.sess-max-size",
            "tune.vars.sess-max-size <size>",
            "Bounds the memory of the variables of a session, with those of its transaction.",
            &[("tune.vars.sess-max-size 1k", "tune.vars sess 1024")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.sess = size),
    },
    Setting {
        meta: Meta::new(
            "tune.vars.txn-max-size",
            "tune.vars.txn-max-size <size>",
            "Bounds the memory of the variables of a transaction, with those of its request and response.",
            &[("tune.vars.txn-max-size 1k", "tune.vars txn 1024")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.txn = size),
    },
    Setting {
        meta: Meta::new(
            "tune.vars.reqres-max-size",
            "tune.vars.reqres-max-size <size>",
            "Bounds the memory of the variables of a request's processing, and of those of a response's.",
            &[("tune.vars.reqres-max-size 1k", "tune.vars reqres 1024")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.reqres = size),
    },
    Setting {
        meta: Meta::new(
            "tune.vars.check-max-size",
            "tune.vars.check-max-size <size>",
            "Bounds the memory of the variables of a health check.",
            &[("tune.vars.check-max-size 1k", "tune.vars check 1024")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| set_limit(words, draft, |limits, size| limits.check = size),
    },
];

type Bind = fn(&mut Words<'_>, &Scope<'_>) -> Result<Assignment>;

/// Sets the variable at once, so that the next line can read it.
fn assign(
    words: &mut Words<'_>,
    draft: &mut GlobalDraft,
    scope: &Scope<'_>,
    directive: &str,
    what: &str,
    bind: Bind,
) -> Result<()> {
    let all = words.take_rest();
    let [name, _, ..] = all else {
        let text = format!("'{directive}' requires a process-wide variable name ('proc.<name>') and a {what}.");
        return Err(sentence(words.span(), "missing-argument", text));
    };
    let scope = scope.at(Hook::Internal);
    let mut words = Words::new(all, words.end());
    let assignment = bind(&mut words, &scope)?;
    if assignment.var().scope != VarScope::Proc {
        let text = format!(
            "'{directive}': cannot set variable '{}', only scope 'proc' is permitted in the global section.",
            name.as_str()
        );
        return Err(sentence(name.span, "bad-argument", text));
    }
    words.finish()?;
    let (view, now_us, now_ms) = (&draft.view, clock::unix_us(), clock::mono_ms());
    let Some(value) = outside_streams(view, now_us, now_ms, |ctx| assignment.value(ctx)) else { return Ok(()) };
    let limit = draft.out.variable_limits.map_or(u64::MAX, |limits| limits.process);
    if view.process.variables.bytes().saturating_add(size(&value)) > limit {
        return Err(full(name, directive, limit));
    }
    let slot = assignment.var().slot;
    view.process.variables.set(slot, value.borrowed());
    draft.out.variables.push(Assigned { name: name.as_str().into(), slot, value });
    Ok(())
}

fn full(name: &Word, directive: &str, limit: u64) -> crate::keyword::Error {
    let text =
        format!("'{directive}': the variable '{}' does not fit into the {limit} bytes of 'tune.vars'.", name.as_str());
    sentence(name.span, "range", text)
}

fn set_limit(words: &mut Words<'_>, draft: &mut GlobalDraft, store: fn(&mut Limits, u64)) -> Result<()> {
    let size = bytes(words)?;
    let limits = draft.out.variable_limits.get_or_insert(Limits::NONE);
    store(limits, if size == 0 { u64::MAX } else { size });
    Ok(())
}
