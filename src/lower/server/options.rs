//! `server` options of traffic and state (manual 5.2).

use super::ServerDraft;
use crate::ir::HashKey;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::{integer, limit, millis, text};

type Apply = fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

/// A word without arguments.
macro_rules! flag {
    ($name:literal, $doc:literal, $example:expr, $field:ident = $value:expr) => {
        entry(Meta::new($name, $name, $doc, &[$example]), |_, draft, _| {
            draft.$field = $value;
            Ok(())
        })
    };
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    entry(
        Meta::new(
            "weight",
            "weight <weight>",
            "Sets the server's share of the load relative to the others, 0 to 256. The default is 1; 0 gets no new clients.",
            &[("server a 127.0.0.1:80 weight 10", "weight 10")],
        ),
        |words, draft, _| {
            let word = words.expect("an integer as argument.")?;
            let weight = word.as_str().parse().ok().filter(|weight| *weight <= 256);
            draft.weight = weight.ok_or_else(|| {
                let name = draft.name.as_ref().map_or("default-server", |name| name.as_str());
                let message = format!("weight of server {name} is not within 0 and 256 ({word}).");
                sentence(word.span, "range", message)
            })?;
            Ok(())
        },
    ),
    flag!(
        "backup",
        "Uses the server only when no other one is up.",
        ("server a 127.0.0.1:80 backup", "backup"),
        backup = true
    ),
    flag!(
        "no-backup",
        "Takes back a 'backup' of 'default-server'.",
        ("server a 127.0.0.1:80 no-backup", "server a"),
        backup = false
    ),
    flag!(
        "non-stick",
        "Stick tables do not remember the server.",
        ("server a 127.0.0.1:80 non-stick", "non-stick"),
        non_stick = true
    ),
    flag!(
        "stick",
        "Takes back a 'non-stick' of 'default-server'.",
        ("server a 127.0.0.1:80 stick", "server a"),
        non_stick = false
    ),
    flag!(
        "disabled",
        "Starts the server in maintenance.",
        ("server a 127.0.0.1:80 disabled", "disabled"),
        disabled = true
    ),
    flag!(
        "enabled",
        "Takes back a 'disabled' of 'default-server'.",
        ("server a 127.0.0.1:80 enabled", "server a"),
        disabled = false
    ),
    entry(
        Meta::new(
            "maxconn",
            "maxconn <number>",
            "Sets how many requests the server gets at once; more of them wait in the queue. 0 is unlimited.",
            &[("server a 127.0.0.1:80 maxconn 50", "maxconn 50")],
        ),
        |words, draft, _| {
            draft.maxconn = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "maxqueue",
            "maxqueue <number>",
            "Sets how many requests may wait for this very server; more of them go to others. 0 is unlimited.",
            &[("server a 127.0.0.1:80 maxconn 50 maxqueue 10", "maxqueue 10")],
        ),
        |words, draft, _| {
            draft.maxqueue = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "minconn",
            "minconn <number>",
            "Lets the limit of the server follow the load of the backend, from this number up to 'maxconn', which it reaches at 'fullconn'.",
            &[("server a 127.0.0.1:80 minconn 10 maxconn 50", "maxconn 50 minconn 10")],
        ),
        |words, draft, _| {
            draft.minconn = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "slowstart",
            "slowstart <time>",
            "Gives a server that has come up its full weight and 'maxconn' bit by bit over this time.",
            &[("server a 127.0.0.1:80 check slowstart 30s", "slowstart 30000")],
        ),
        |words, draft, scope| {
            draft.slowstart_ms = Some(millis(words, scope, "slowstart")?).filter(|ms| *ms > 0);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "hash-key",
            "hash-key { id | id32 | addr | addr-port }",
            "Sets what the server's places on the ring of 'hash-type consistent' follow from. The default is its id.",
            &[("server a 127.0.0.1:80 hash-key addr", "hash-key addr")],
        ),
        hash_key,
    ),
    entry(
        Meta::new(
            "pool-max-conn",
            "pool-max-conn <number>",
            "Sets how many idle connections are kept; -1 is unlimited, 0 turns reuse off.",
            &[("server a 127.0.0.1:80 pool-max-conn 10", "pool-max-conn 10")],
        ),
        |words, draft, _| {
            draft.pool_max = u32::try_from(integer(words, -1, i64::from(i32::MAX))?).ok();
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "pool-low-conn",
            "pool-low-conn <max>",
            "With fewer idle connections than this, threads leave each other theirs. The default is 0.",
            &[("server a 127.0.0.1:80 pool-low-conn 4", "pool-low-conn 4")],
        ),
        |words, draft, _| {
            draft.pool_low = integer(words, 0, i64::from(i32::MAX))? as u32;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "pool-purge-delay",
            "pool-purge-delay <time>",
            "Closes part of the idle connections at this interval. The default is 5 seconds; 0 keeps none.",
            &[("server a 127.0.0.1:80 pool-purge-delay 1s", "pool-purge-delay 1000")],
        ),
        |words, draft, scope| {
            draft.pool_purge_ms = millis(words, scope, "pool-purge-delay")?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "max-reuse",
            "max-reuse <number>",
            "Sets how often a connection is used again before it is closed; -1 is unlimited.",
            &[("server a 127.0.0.1:80 max-reuse 100", "max-reuse 100")],
        ),
        |words, draft, _| {
            draft.max_reuse = u32::try_from(integer(words, -1, i64::from(i32::MAX))?).ok();
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "id",
            "id <number>",
            "Sets the server's number in statistics. By default servers are counted.",
            &[("server a 127.0.0.1:80 id 7", "id 7")],
        ),
        id,
    ),
    entry(
        Meta::new(
            "redir",
            "redir <prefix>",
            "Answers GET and HEAD by a redirect to this prefix and the request's target instead of forwarding them.",
            &[("server a 127.0.0.1:80 redir http://a.example.org", "redir http://a.example.org")],
        ),
        |words, draft, _| {
            draft.redir = Some(text(words, "<prefix> as argument.")?.into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "cookie",
            "cookie <value>",
            "Sets the value by which a persistence cookie names this server.",
            &[("server a 127.0.0.1:80 cookie s1", "cookie s1")],
        ),
        |words, draft, _| {
            draft.cookie = Some(text(words, "<value> as argument.")?.into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-ut",
            "tcp-ut <time>",
            "Lets the kernel end a connection whose server has not acknowledged data for so long.",
            &[("server a 127.0.0.1:80 tcp-ut 30s", "tcp-ut 30000")],
        ),
        |words, draft, scope| {
            draft.user_timeout_ms = millis(words, scope, "tcp-ut")? as u32;
            Ok(())
        },
    ),
    flag!(
        "tfo",
        "Sends data within the first packet of a connection (TCP Fast Open).",
        ("server a 127.0.0.1:80 tfo", "tfo"),
        fast_open = true
    ),
    flag!(
        "no-tfo",
        "Takes back a 'tfo' of 'default-server'.",
        ("server a 127.0.0.1:80 no-tfo", "server a"),
        fast_open = false
    ),
    entry(
        Meta::new(
            "on-marked-down",
            "on-marked-down shutdown-sessions",
            "Ends the streams at the server when it goes down. They are logged with 'D'.",
            &[("server a 127.0.0.1:80 check on-marked-down shutdown-sessions", "on-marked-down shutdown-sessions")],
        ),
        |words, draft, _| {
            only(words, "on-marked-down", "shutdown-sessions")?;
            draft.ends_streams_when_down = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "on-marked-up",
            "on-marked-up shutdown-backup-sessions",
            "Ends the streams at backup servers when the server comes up. They are logged with 'U'.",
            &[(
                "server a 127.0.0.1:80 check on-marked-up shutdown-backup-sessions",
                "on-marked-up shutdown-backup-sessions",
            )],
        ),
        |words, draft, _| {
            only(words, "on-marked-up", "shutdown-backup-sessions")?;
            draft.ends_backups_when_up = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "proto",
            "proto <name>",
            "Forces the protocol spoken with the server. Only 'h1' is supported yet.",
            &[("server a 127.0.0.1:80 proto h1", "server a")],
        ),
        |words, _, _| protocol(words, "proto"),
    ),
    entry(
        Meta::new(
            "ws",
            "ws { auto | h1 | h2 }",
            "Sets the protocol for WebSocket streams. HTTP/1.1 is used in any case, so 'h2' is not supported yet.",
            &[("server a 127.0.0.1:80 ws h1", "server a")],
        ),
        |words, _, _| {
            let word = words.expect("'auto', 'h1' or 'h2'.")?;
            match word.as_str() {
                "auto" | "h1" => Ok(()),
                "h2" => Err(not_yet(word.span, "'ws h2'")),
                _ => Err(sentence(word.span, "unknown", "'ws' : has to be 'auto', 'h1' or 'h2'.")),
            }
        },
    ),
];

const fn accepted(name: &'static str, usage: &'static str, why: &'static str) -> Setting<ServerDraft> {
    entry(Meta::accepted(name, usage, why), |words, _, _| text(words, "a value").map(|_| ()))
}

const fn accepted_word(name: &'static str, why: &'static str) -> Setting<ServerDraft> {
    entry(Meta::accepted(name, name, why), |_, _, _| Ok(()))
}

pub(super) static ACCEPTED: &[Setting<ServerDraft>] = &[
    accepted("log-bufsize", "log-bufsize <bufsize>", "it sizes buffers of log servers only"),
    accepted("shard", "shard <shard>", "it counts for peers only, which are refused themselves"),
    accepted("guid", "guid <string>", "it names objects for a file that does not exist yet"),
    accepted_word("no-check-reuse-pool", "it takes back an option that is refused itself"),
];

fn id(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    if draft.name.is_none() {
        let span = words.last().map_or(words.end(), |word| word.span);
        return Err(sentence(span, "place", "'id' option is not accepted in default-server sections"));
    }
    let span = words.span();
    let found: Option<u32> = words.expect("an integer argument.")?.as_str().parse().ok().filter(|id| *id > 0);
    draft.id = Some(found.ok_or_else(|| sentence(span, "range", "'id' : custom id has to be > 0."))?);
    Ok(())
}

fn hash_key(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    let word = words.expect("'id', 'id32', 'addr' or 'addr-port'.")?;
    draft.hash_key = match word.as_str() {
        "id" => HashKey::Id,
        "id32" => HashKey::Id32,
        "addr" => HashKey::Addr,
        "addr-port" => HashKey::AddrPort,
        "guid" => return Err(not_yet(word.span, "'hash-key guid'")),
        _ => {
            let message = format!("'hash-key' has to be 'id', 'id32', 'addr' or 'addr-port' but got '{word}'.");
            return Err(sentence(word.span, "unknown", message));
        }
    };
    Ok(())
}

/// The one action that an option knows.
fn only(words: &mut Words<'_>, option: &str, action: &str) -> Result<()> {
    let span = words.span();
    let found = words.next_word().map_or("", |word| word.as_str());
    if found == action {
        return Ok(());
    }
    Err(sentence(span, "unknown", format!("'{option}' expects '{action}' but got '{found}'.")))
}

/// `proto` and `check-proto`.
pub(super) fn protocol(words: &mut Words<'_>, keyword: &str) -> Result<()> {
    let word = words.expect("a protocol name.")?;
    match word.as_str() {
        "h1" | "none" => Ok(()),
        "h2" | "fcgi" | "spop" | "quic" => Err(not_yet(word.span, &format!("'{keyword} {word}'"))),
        _ => Err(sentence(word.span, "unknown", format!("'{keyword}' :  unknown MUX protocol '{word}'."))),
    }
}
