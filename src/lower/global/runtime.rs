//! `global`: the runtime socket (`stats ...` in manual 3.1) and `unix-bind`.

use super::GlobalDraft;
use crate::ir::RuntimeSocket;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::bind::{BindDraft, expand};
use crate::lower::files::Reader;
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::{integer, millis, on_off};

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "stats socket",
            "stats socket <address> [<bind option> ...]",
            "Answers runtime commands on a UNIX socket or an address.",
            &[(
                "stats socket /run/hydroxy.sock mode 600 level admin",
                "stats socket /run/hydroxy.sock level 3 mode 600",
            )],
        ),
        sections: Sections::GLOBAL,
        apply: stats_socket,
    },
    Setting {
        meta: Meta::new(
            "stats timeout",
            "stats timeout <time>",
            "Closes a runtime connection that has been idle for so long. The default is 10 seconds.",
            &[("stats timeout 30s", "stats timeout 30000")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, scope| {
            draft.out.stats_timeout = Some(millis(words, scope, "stats timeout")?);
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "stats maxconn",
            "stats maxconn <number>",
            "Sets how many runtime connections are served at once. The default is 10.",
            &[("stats maxconn 4", "stats maxconn 4")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| {
            draft.out.stats_maxconn = Some(integer(words, 1, i32::MAX as u32)?);
            Ok(())
        },
    },
    Setting {
        meta: Meta::accepted(
            "stats calculate-max-counters",
            "stats calculate-max-counters { on | off }",
            "maxima are always counted; they cost nothing measurable",
        ),
        sections: Sections::GLOBAL,
        apply: |words, _, _| on_off(words).map(|_| ()),
    },
    Setting {
        meta: Meta::new(
            "unix-bind",
            "unix-bind [prefix <prefix>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
            "Sets what UNIX sockets of 'bind' lines have where the line does not say otherwise.",
            &[("unix-bind mode 660", "")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, draft, _| draft.unix_bind.read(words),
    },
];

fn stats_socket(words: &mut Words<'_>, draft: &mut GlobalDraft, scope: &Scope<'_>) -> Result<()> {
    let Some(word) = words.next_word() else {
        let message = "'stats socket' in global section expects an address or a path to a UNIX socket";
        return Err(sentence(words.end(), "missing", message));
    };
    let mut bind = BindDraft::new(word.clone(), draft.shared.clone());
    bind.read_addresses()?;
    bind.read_options(words, scope, "'stats socket' : ")?;
    if bind.ssl {
        return Err(not_yet(word.span, "'ssl' on 'stats socket'"));
    }
    draft.sockets.push(bind);
    Ok(())
}

/// One entry per address of the line.
pub(in crate::lower) fn finish_socket(bind: BindDraft, reader: &Reader<'_>) -> Result<Vec<RuntimeSocket>> {
    let owner = bind.unix.resolve(reader)?;
    let mut out = Vec::new();
    for (addr, multipath) in expand(&bind, reader, "")? {
        if multipath {
            return Err(not_yet(bind.word.span, "MPTCP for runtime commands"));
        }
        out.push(RuntimeSocket {
            addr,
            level: bind.level.unwrap_or(LEVEL_OPERATOR),
            severity_output: bind.severity_output.unwrap_or("none"),
            mode: owner.mode,
            uid: owner.uid,
            gid: owner.gid,
            expose_fd: bind.expose_fd,
        });
    }
    Ok(out)
}

/// `level operator` is the default (management.txt 9.3).
const LEVEL_OPERATOR: u8 = 2;
