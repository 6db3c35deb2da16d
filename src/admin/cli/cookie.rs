//! Dynamic cookies of a backend: `enable dynamic-cookie backend`, `set dynamic-cookie-key backend`.

use std::sync::Arc;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::keyword::Meta;
use crate::state::DynamicCookie;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "enable dynamic-cookie backend",
            "enable dynamic-cookie backend <bk>",
            "enable dynamic cookies on a specific backend",
            &[("enable dynamic-cookie backend be", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(switch(shell, words, true)),
    },
    Command {
        meta: Meta::new(
            "disable dynamic-cookie backend",
            "disable dynamic-cookie backend <bk>",
            "disable dynamic cookies on a specific backend",
            &[("disable dynamic-cookie backend be", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(switch(shell, words, false)),
    },
    Command {
        meta: Meta::new(
            "set dynamic-cookie-key backend",
            "set dynamic-cookie-key backend <bk> <k>",
            "change a backend secret key for dynamic cookies",
            &[("set dynamic-cookie-key backend be secret", "")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(set_key(shell, words)),
    },
];

/// What may be changed of the backend in the first word.
fn of<'a>(shell: &Shell<'a>, words: &[&str]) -> Result<&'a DynamicCookie, Answer> {
    let Some(name) = words.first() else { return Err(Answer::error("A backend name is expected.")) };
    let backend = shell.proxy(name, |proxy| proxy.backend).ok_or_else(|| Answer::error("No such backend."))?;
    Ok(&shell.view.proxy(backend.id).dynamic_cookie)
}

fn switch(shell: &Shell<'_>, words: &[&str], on: bool) -> Done {
    of(shell, words)?.on.store(Some(Arc::new(on)));
    Ok(Answer::done())
}

fn set_key(shell: &Shell<'_>, words: &[&str]) -> Done {
    let cookie = of(shell, words)?;
    let Some(key) = words.get(1) else { return Err(Answer::error("String value expected.")) };
    cookie.key.store(Some(Arc::new((*key).into())));
    Ok(Answer::done())
}
