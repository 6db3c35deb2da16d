//! Actions on lists of patterns (manual 4.4): add-acl, del-acl, set-map, del-map. Everybody who searches the list sees the change
//! at once, also the runtime socket.

use std::sync::{Arc, OnceLock};

use super::words::exactly;
use crate::expr::{Lists, LogFormat};
use crate::keyword::{Meta, Needs, Result, Scope, Words};
use crate::rules::{Action, Bound, Hooks, Txn, Verdict};
use crate::state::patterns::{PatternRef, Which};

pub(super) static ACTIONS: &[Action] = &[
    Action {
        meta: Meta::new(
            "add-acl",
            "add-acl(<file-name>) <key fmt>",
            "Adds a pattern to the list of that file, unless it is there.",
            &[("add-acl(/list) %[src]", "")],
        ),
        hooks: Hooks::HTTP_REQ.union(Hooks::HTTP_RES),
        bind: |words, scope| edit(words, scope, false, |list, key| list.include(key)),
    },
    Action {
        meta: Meta::new(
            "del-acl",
            "del-acl(<file-name>) <key fmt>",
            "Removes a pattern from the list of that file.",
            &[("del-acl(/list) %[src]", "")],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| edit(words, scope, false, remove),
    },
    Action {
        meta: Meta::new(
            "del-map",
            "del-map(<map-name>) <key fmt>",
            "Removes a key from a map.",
            &[("del-map(/map) %[src]", "")],
        ),
        hooks: Hooks::HTTP,
        bind: |words, scope| edit(words, scope, true, remove),
    },
    Action {
        meta: Meta::new(
            "set-map",
            "set-map(<map-name>) <key fmt> <value fmt>",
            "Gives a key of a map another value, or adds the key. A value that the map cannot hold changes nothing.",
            &[("set-map(/map) %[src] %[path]", "")],
        ),
        hooks: Hooks::HTTP,
        bind: set_map,
    },
];

fn edit(words: &mut Words<'_>, scope: &Scope<'_>, is_map: bool, change: fn(&PatternRef, &[u8])) -> Result<Bound> {
    let [name, key] = exactly(words, "expects exactly 1 arguments")?;
    let list = Lists::edit(scope, name.as_str(), is_map, name.span);
    let key = LogFormat::bind(key, scope)?;
    Ok(bound(key.needs(), list, move |list, txn| txn.with_text(&key, |_, key| change(list, key))))
}

fn set_map(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<Bound> {
    let [name, key, value] = exactly(words, "expects exactly 2 arguments")?;
    let list = Lists::edit(scope, name.as_str(), true, name.span);
    let (key, value) = (LogFormat::bind(key, scope)?, LogFormat::bind(value, scope)?);
    Ok(bound(key.needs() | value.needs(), list, move |list, txn| {
        let mut text = Vec::new();
        value.render(&txn.ctx(), &mut text);
        txn.with_text(&key, |_, key| list.assign(key, &text));
    }))
}

/// Where the list is found once the whole configuration is bound.
type Place = Arc<OnceLock<Arc<PatternRef>>>;

fn bound(needs: Needs, list: Place, run: impl Fn(&PatternRef, &mut Txn<'_>) + Send + Sync + 'static) -> Bound {
    Bound::new(needs, move |txn| {
        if let Some(list) = list.get() {
            run(list, txn);
        }
        Verdict::Next
    })
}

/// What is not there need not be removed.
fn remove(list: &PatternRef, key: &[u8]) {
    let _ = list.remove(Which::Key(key));
}
