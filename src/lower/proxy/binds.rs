//! `bind` lines of a proxy; their options stand in `lower::bind`.

use super::{ProxyDraft, kind_name};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::bind::BindDraft;
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[Setting {
    meta: Meta::new(
        "bind",
        "bind <address>[,...] [<option> ...]",
        "Listens on addresses, UNIX sockets or inherited descriptors.",
        &[("bind :8080", "bind 0.0.0.0:8080"), ("bind 127.0.0.1:8080-8081 name twins", "bind 127.0.0.1:8081")],
    ),
    sections: Sections::FE,
    apply: bind,
}];

fn bind(words: &mut Words<'_>, draft: &mut ProxyDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(word) = words.next_word() else {
        let message = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.";
        return Err(sentence(words.end(), "missing", message));
    };
    let mut bind = BindDraft::new(word.clone(), draft.shared.clone());
    bind.read_addresses()?;
    bind.read_options(words, scope, &format!("'bind {word}' in section '{}' : ", kind_name(draft.kind)))?;
    draft.binds.push(bind);
    Ok(())
}
