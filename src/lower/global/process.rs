//! `global`: process management (manual 3.1): identity, daemon, limits of the process, names.

use super::GlobalDraft;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{Draft, not_yet, sentence};
use crate::lower::values::{choice, integer, limit, millis, on_off, text};

const fn entry(
    meta: Meta,
    apply: fn(&mut Words<'_>, &mut GlobalDraft, &Scope<'_>) -> Result<()>,
) -> Setting<GlobalDraft> {
    Setting { meta, sections: Sections::GLOBAL, apply }
}

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    Setting {
        meta: Meta::new(
            "expose-experimental-directives",
            "expose-experimental-directives",
            "Allows words behind it that HAProxy calls experimental, such as the action `normalize-uri`.",
            &[("expose-experimental-directives", "")],
        ),
        sections: Sections::GLOBAL,
        apply: |words, _, scope| {
            // The first line of several counts.
            scope.names.experimental.get_or_init(|| words.span());
            Ok(())
        },
    },
    entry(
        Meta::new(
            "maxconn",
            "maxconn <number>",
            "Sets how many client connections the whole process serves at once. The command line's -n wins.",
            &[("maxconn 4000", "maxconn 4000")],
        ),
        |words, draft, _| {
            draft.out.maxconn = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "nbthread",
            "nbthread <number>",
            "Sets the number of threads, 1 to 256. The default is one per core.",
            &[("nbthread 2", "nbthread 2")],
        ),
        |words, draft, _| {
            draft.out.threads = Some(integer(words, 1, 256)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "thread-hard-limit",
            "thread-hard-limit <number>",
            "Caps the number of threads, whether it was configured or detected.",
            &[("thread-hard-limit 2", "")],
        ),
        |words, draft, _| {
            let limit = integer(words, 1, 4096)?;
            draft.thread_limit = Some(limit);
            draft.out.thread_limit = Some(limit);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "daemon",
            "daemon",
            "Puts the process into the background, as -D does. The command line's -db wins.",
            &[("daemon", "daemon")],
        ),
        |_, draft, _| {
            draft.out.daemon = draft.flag(false);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "master-worker",
            "master-worker [no-exit-on-failure]",
            "Runs a supervising process above the worker, as -W does.",
            &[("master-worker", "master-worker")],
        ),
        |words, draft, _| {
            draft.out.no_exit_on_failure = words.take("no-exit-on-failure");
            draft.out.master_worker = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "mworker-max-reloads",
            "mworker-max-reloads <number>",
            "Ends a worker that has outlived more than so many reloads. The default is 50.",
            &[("mworker-max-reloads 5", "mworker-max-reloads 5")],
        ),
        |words, draft, _| {
            draft.out.max_reloads = Some(integer(words, 0, i32::MAX as u32)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "pidfile",
            "pidfile <file>",
            "Names the file that gets the process id. The command line's -p wins.",
            &[("pidfile /run/hydroxy.pid", "pidfile /run/hydroxy.pid")],
        ),
        |words, draft, _| {
            draft.out.pidfile = Some(text(words, "a file name as an argument.")?.into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "user",
            "user <name>",
            "Changes the process's user to the one of that name once everything is open.",
            &[("user nobody", "uid 65534")],
        ),
        |words, draft, _| {
            draft.user = Some(words.expect("a user name.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "group",
            "group <name>",
            "Changes the process's group to the one of that name once everything is open.",
            &[("group nogroup", "gid 65534")],
        ),
        |words, draft, _| {
            draft.group = Some(words.expect("a group name.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new("uid", "uid <number>", "Changes the process's user to that id.", &[("uid 99", "uid 99")]),
        |words, draft, _| {
            draft.out.uid = Some(integer(words, 0, u32::MAX)?);
            draft.user = None;
            Ok(())
        },
    ),
    entry(
        Meta::new("gid", "gid <number>", "Changes the process's group to that id.", &[("gid 99", "gid 99")]),
        |words, draft, _| {
            draft.out.gid = Some(integer(words, 0, u32::MAX)?);
            draft.group = None;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "chroot",
            "chroot { <directory> | auto }",
            "Jails the process into a directory once everything is open; 'auto' makes an empty one without a name.",
            &[("chroot /var/empty", "chroot /var/empty")],
        ),
        |words, draft, _| {
            let word = words.expect("a directory as an argument.")?;
            draft.out.chroot = Some(word.as_str().into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ulimit-n",
            "ulimit-n <number>",
            "Sets the process's limit of file descriptors. By default it follows from maxconn.",
            &[("ulimit-n 65536", "ulimit-n 65536")],
        ),
        |words, draft, _| {
            draft.out.ulimit_n = Some(integer(words, 1, u64::from(u32::MAX))?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "fd-hard-limit",
            "fd-hard-limit <number>",
            "Bounds the file descriptors that are taken where neither maxconn nor ulimit-n says how many.",
            &[("fd-hard-limit 50000", "fd-hard-limit 50000")],
        ),
        |words, draft, _| {
            draft.out.fd_hard_limit = Some(integer(words, 1, u64::from(u32::MAX))?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "maxconnrate",
            "maxconnrate <number>",
            "Bounds how many connections are accepted per second by all frontends together.",
            &[("maxconnrate 500", "maxconnrate 500")],
        ),
        |words, draft, _| rate(words, &mut draft.out.rate_limits[0]),
    ),
    entry(
        Meta::new(
            "maxsessrate",
            "maxsessrate <number>",
            "Bounds how many sessions begin per second in all frontends together.",
            &[("maxsessrate 500", "maxsessrate 500")],
        ),
        |words, draft, _| rate(words, &mut draft.out.rate_limits[1]),
    ),
    entry(
        Meta::new(
            "maxsslrate",
            "maxsslrate <number>",
            "Bounds how many connections per second are accepted for TLS by all frontends together.",
            &[("maxsslrate 500", "maxsslrate 500")],
        ),
        |words, draft, _| rate(words, &mut draft.out.rate_limits[2]),
    ),
    entry(
        Meta::new(
            "harden.reject-privileged-ports.tcp",
            "harden.reject-privileged-ports.tcp { on | off }",
            "Closes connections of clients whose port is below 1024 (RFC 6335).",
            &[("harden.reject-privileged-ports.tcp on", "reject-privileged-ports")],
        ),
        |words, draft, _| {
            draft.out.rejects_privileged_ports = on_off(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "pp2-never-send-local",
            "pp2-never-send-local",
            "Lets PROXY protocol headers of version 2 of health checks look like those of clients, as releases before 2.2 did.",
            &[("pp2-never-send-local", "pp2-never-send-local")],
        ),
        |_, draft, _| {
            draft.out.checks_as_clients = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "set-dumpable",
            "set-dumpable [ on | off | libs ]",
            "Lets the kernel write a core when the process crashes, although its user has changed.",
            &[("set-dumpable", "set-dumpable true")],
        ),
        set_dumpable,
    ),
    entry(
        Meta::new(
            "strict-limits",
            "strict-limits",
            "Stops the start when a limit of the process cannot be set. It is the default; 'no strict-limits' only warns.",
            &[("no strict-limits", "strict-limits false")],
        ),
        |_, draft, _| {
            draft.out.strict_limits = draft.flag(true);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.renice.runtime",
            "tune.renice.runtime <number>",
            "Sets the scheduling priority of the process, -20 to 19; lower numbers come first.",
            &[("tune.renice.runtime 10", "tune.renice.runtime 10")],
        ),
        |words, draft, _| {
            draft.out.renice = Some(integer(words, -20, 19)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "noreuseport",
            "noreuseport",
            "Listens without SO_REUSEPORT, as -dR does: no other process can listen at the same address meanwhile.",
            &[("noreuseport", "noreuseport")],
        ),
        |_, draft, _| {
            draft.out.no_reuse_port = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "hard-stop-after",
            "hard-stop-after <time>",
            "Sets how long a process may go on after SIGUSR1 before it closes what is still open.",
            &[("hard-stop-after 30s", "hard-stop-after 30000")],
        ),
        |words, draft, scope| {
            draft.out.hard_stop_after = Some(millis(words, scope, "hard-stop-after")?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "grace",
            "grace <time>",
            "Sets how long listeners stay open after SIGUSR1 while 'stopping' is true already.",
            &[("grace 10s", "grace 10000")],
        ),
        |words, draft, scope| {
            draft.out.grace = Some(millis(words, scope, "grace")?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "node",
            "node <name>",
            "Names this machine on the statistics page and in 'show info'. The default is the host name.",
            &[("node edge-1", "node edge-1")],
        ),
        node,
    ),
    entry(
        Meta::new(
            "description",
            "description <text>",
            "Describes this instance on the statistics page and in 'show info'.",
            &[("description edge of the shop", "description edge of the shop")],
        ),
        |words, draft, _| {
            draft.out.description = Some(joined(words)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "localpeer",
            "localpeer <name>",
            "Names this process among its peers. The command line's -L wins; the default is the host name.",
            &[("localpeer edge-1", "localpeer edge-1")],
        ),
        |words, draft, _| {
            draft.out.localpeer = Some(text(words, "a name as an argument.")?.to_owned());
            Ok(())
        },
    ),
    entry(
        Meta::new("quiet", "quiet", "Prints no messages during the start, as -q does.", &[("quiet", "quiet")]),
        |_, draft, _| {
            draft.out.quiet = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "zero-warning",
            "zero-warning",
            "Refuses a configuration that has warnings, as -dW does.",
            &[("zero-warning", "zero-warning")],
        ),
        |_, draft, _| {
            draft.out.zero_warning = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "default-path",
            "default-path { current | config | parent | origin <path> }",
            "Sets where relative paths of files that the configuration names start.",
            &[("default-path origin /etc/hydroxy", "")],
        ),
        default_path,
    ),
    environment("setenv", "setenv <name> <value>", "Sets an environment variable for the lines that follow."),
    environment("presetenv", "presetenv <name> <value>", "Sets an environment variable unless it exists."),
    environment("resetenv", "resetenv [<name> ...]", "Removes all environment variables but those named."),
    environment("unsetenv", "unsetenv [<name> ...]", "Removes environment variables."),
];

/// So many per second; 0 is unlimited.
fn rate(words: &mut Words<'_>, store: &mut u32) -> Result<()> {
    *store = limit(words)?.unwrap_or(0);
    Ok(())
}

/// `libs` would keep libraries in memory for the core: there are none, the program is linked statically but for the C library.
fn set_dumpable(words: &mut Words<'_>, draft: &mut GlobalDraft, _: &Scope<'_>) -> Result<()> {
    let wanted = words.is_empty() || choice(words, &["on", "off", "libs"])? != 1;
    draft.out.dumpable = draft.flag(wanted);
    Ok(())
}

/// The configuration reader has applied it before this table sees it.
const fn environment(name: &'static str, usage: &'static str, doc: &'static str) -> Setting<GlobalDraft> {
    entry(Meta::new(name, usage, doc, &[("setenv COLOUR green", "")]), |words, _, _| {
        words.take_rest();
        Ok(())
    })
}

/// `config` and `parent` are relative to the file of this line.
fn default_path(words: &mut Words<'_>, draft: &mut GlobalDraft, _: &Scope<'_>) -> Result<()> {
    let span = words.span();
    let sources = &draft.shared.sources;
    let directory = |name: &str| match name.rsplit_once('/') {
        Some((directory, _)) => directory.to_owned(),
        None => ".".to_owned(),
    };
    let here = directory(sources.name(span.file));
    let path = match choice(words, &["current", "config", "parent", "origin"])? {
        0 => String::new(),
        3 => text(words, "a directory.")?.to_owned(),
        // Each file would have a base of its own.
        _ if sources.files().any(|file| directory(sources.name(file)) != here) => {
            return Err(not_yet(span, "'default-path' with configuration files of several directories"));
        }
        1 => here,
        _ => format!("{here}/.."),
    };
    draft.default_path = path;
    Ok(())
}

fn node(words: &mut Words<'_>, draft: &mut GlobalDraft, _: &Scope<'_>) -> Result<()> {
    let word = words.next_word();
    let span = words.last().map_or(words.end(), |word| word.span);
    let name = word.map_or("", |word| word.as_str());
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || !name.chars().all(valid) {
        let message = "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), \
                       hyphen(-) or underscode(_).";
        return Err(sentence(span, "bad-name", message));
    }
    draft.out.node = Some(name.to_owned());
    Ok(())
}

/// All words that are left, joined by single spaces.
pub(in crate::lower) fn joined(words: &mut Words<'_>) -> Result<String> {
    if words.is_empty() {
        return Err(words.error_here("expects a string argument."));
    }
    let all: Vec<&str> = words.take_rest().iter().map(|word| word.as_str()).collect();
    Ok(all.join(" "))
}
