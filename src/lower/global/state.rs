//! `global`: where the state of servers is read from that an earlier process had (manual 3.1 `server-state-file`).

use super::GlobalDraft;
use crate::diag::{Diagnostic, Diagnostics};
use crate::keyword::{Meta, Result, Sections, Setting, Words};
use crate::lower::table::sentence;

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "server-state-file",
            "server-state-file <file>",
            "Names the file with the answer to 'show servers state' of an earlier process. Backends with \
             'load-server-state-from-file global' begin with what it says.",
            &[("server-state-file servers.state", "")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| {
            let new = path(words, "server-state-file", "one argument: a file path.")?;
            set(&mut draft.state_file, new, "server-state-file", words, scope.diags)
        },
    },
    Setting {
        meta: Meta::new(
            "server-state-base",
            "server-state-base <directory>",
            "Stands in front of the names of state files that do not start with a '/'.",
            &[("server-state-base /var/lib/hydroxy", "")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| {
            let new = path(words, "server-state-base", "one argument: a directory path.")?;
            set(&mut draft.state_base, new, "server-state-base", words, scope.diags)
        },
    },
];

fn path(words: &mut Words<'_>, keyword: &str, what: &str) -> Result<String> {
    match words.next_word() {
        Some(word) => Ok(word.as_str().to_owned()),
        None => Err(sentence(words.end(), "missing", format!("'{keyword}' expects {what}"))),
    }
}

/// The first one counts, as in HAProxy.
fn set(
    slot: &mut Option<String>,
    new: String,
    keyword: &str,
    words: &mut Words<'_>,
    diags: &Diagnostics,
) -> Result<()> {
    match slot {
        Some(_) => {
            let text = format!("'{keyword}' already specified. Continuing.");
            diags.push(Diagnostic::warning("twice", text).at(words.span()));
        }
        None => *slot = Some(new),
    }
    Ok(())
}
