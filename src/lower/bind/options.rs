//! `bind` options of the socket (manual 5.1).

use super::BindDraft;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::{choice, integer, limit, millis, text};

type Apply = fn(&mut Words<'_>, &mut BindDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<BindDraft> {
    Setting { meta, sections: Sections::FE, apply }
}

const fn accepted(name: &'static str, usage: &'static str, why: &'static str) -> Setting<BindDraft> {
    entry(Meta::accepted(name, usage, why), |words, _, _| text(words, "a value").map(|_| ()))
}

pub(super) static SETTINGS: &[Setting<BindDraft>] = &[
    entry(
        Meta::new(
            "accept-netscaler-cip",
            "accept-netscaler-cip <number>",
            "Expects a NetScaler Client IP header on every connection, which begins with this number.",
            &[("bind :8080 accept-netscaler-cip 305419896", "accept-netscaler-cip 305419896")],
        ),
        |words, draft, _| {
            draft.netscaler_magic = Some(integer(words, 1, u32::MAX)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "accept-proxy",
            "accept-proxy",
            "Expects a PROXY protocol header, version 1 or 2, on every connection.",
            &[("bind :8080 accept-proxy", "accept-proxy")],
        ),
        |_, draft, _| {
            draft.accept_proxy = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "backlog",
            "backlog <number>",
            "Asks the kernel to queue so many connections that were not accepted yet.",
            &[("bind :8080 backlog 500", "backlog 500")],
        ),
        |words, draft, _| {
            draft.backlog = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "defer-accept",
            "defer-accept",
            "Accepts a connection only once data has arrived.",
            &[("bind :8080 defer-accept", "defer-accept")],
        ),
        |_, draft, _| {
            draft.defer_accept = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "expose-fd",
            "expose-fd listeners",
            "Lets a runtime connection fetch the descriptors of all listeners.",
            &[("stats socket /run/h.sock expose-fd listeners level admin", "expose-fd")],
        ),
        |words, draft, _| {
            choice(words, &["listeners"])?;
            draft.expose_fd = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "gid",
            "gid <gid>",
            "Sets the group of a UNIX socket by number.",
            &[("bind /run/h gid 99", "gid 99")],
        ),
        |words, draft, _| draft.unix.read_one("gid", words).map(|_| ()),
    ),
    entry(
        Meta::new(
            "group",
            "group <group>",
            "Sets the group of a UNIX socket by name.",
            &[("bind /run/h group nogroup", "gid 65534")],
        ),
        |words, draft, _| draft.unix.read_one("group", words).map(|_| ()),
    ),
    entry(
        Meta::new(
            "id",
            "id <number>",
            "Sets the number of the listener in statistics. By default listeners are counted.",
            &[("bind :8080 id 7", "id 7")],
        ),
        |words, draft, _| {
            let span = words.span();
            let id = integer(words, 0, i32::MAX as u32)?;
            if id == 0 {
                return Err(sentence(span, "range", "'id' : custom id has to be > 0."));
            }
            draft.id = Some(id);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "interface",
            "interface <name>",
            "Accepts connections from this network interface only.",
            &[("bind :8080 interface lo", "interface lo")],
        ),
        |words, draft, _| {
            draft.interface = Some(text(words, "an interface name.")?.to_owned());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "level",
            "level { user | operator | admin }",
            "Sets which runtime commands a socket allows.",
            &[("stats socket /run/h.sock level admin", "level 3")],
        ),
        |words, draft, _| {
            let word = words.next_word();
            let text = word.map_or("", |word| word.as_str());
            let level = ["user", "operator", "admin"].iter().position(|name| *name == text);
            let message = || format!("only supports 'user', 'operator', and 'admin' (got '{text}')");
            // The position is below 3.
            draft.level = Some(level.ok_or_else(|| words.error_last(message()))? as u8 + 1);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "maxconn",
            "maxconn <number>",
            "Sets how many connections of this listener are served at once.",
            &[("bind :8080 maxconn 100", "maxconn 100")],
        ),
        |words, draft, _| {
            draft.maxconn = limit(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "mode",
            "mode <mode>",
            "Sets the permissions of a UNIX socket, in octal.",
            &[("bind /run/h mode 660", "mode 660")],
        ),
        |words, draft, _| draft.unix.read_one("mode", words).map(|_| ()),
    ),
    entry(
        Meta::new(
            "mss",
            "mss <number>",
            "Sets the largest TCP segment announced to clients; a negative number is relative to the path's.",
            &[("bind :8080 mss 1400", "mss 1400")],
        ),
        |words, draft, _| {
            draft.mss = Some(integer(words, -65535, 65535)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "name",
            "name <name>",
            "Names the listener on the statistics page and in logs.",
            &[("bind :8080 name plain", "name plain")],
        ),
        |words, draft, _| {
            draft.name = Some(text(words, "a name.")?.into());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tcp-ut",
            "tcp-ut <time>",
            "Lets the kernel end a connection whose client has not acknowledged data for so long.",
            &[("bind :8080 tcp-ut 30s", "tcp-ut 30000")],
        ),
        |words, draft, scope| {
            draft.user_timeout_ms = millis(words, scope, "tcp-ut")? as u32;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tfo",
            "tfo",
            "Accepts data within the first packet of a connection (TCP Fast Open).",
            &[("bind :8080 tfo", "tfo")],
        ),
        |_, draft, _| {
            draft.fast_open = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "transparent",
            "transparent",
            "Accepts connections to addresses that the machine does not own.",
            &[("bind :8080 transparent", "transparent")],
        ),
        |_, draft, _| {
            draft.transparent = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "uid",
            "uid <uid>",
            "Sets the owner of a UNIX socket by number.",
            &[("bind /run/h uid 99", "uid 99")],
        ),
        |words, draft, _| draft.unix.read_one("uid", words).map(|_| ()),
    ),
    entry(
        Meta::new(
            "user",
            "user <user>",
            "Sets the owner of a UNIX socket by name.",
            &[("bind /run/h user nobody", "uid 65534")],
        ),
        |words, draft, _| draft.unix.read_one("user", words).map(|_| ()),
    ),
    entry(
        Meta::new(
            "v4v6",
            "v4v6",
            "Lets an IPv6 listener accept IPv4 too, whatever the system's default is.",
            &[("bind :::8080 v4v6", "bind [::]:8080")],
        ),
        |_, draft, _| {
            draft.v6only = false;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "v6only",
            "v6only",
            "Keeps an IPv6 listener from accepting IPv4.",
            &[("bind :::8080 v6only", "v6only")],
        ),
        |_, draft, _| {
            draft.v6only = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "proto",
            "proto <name>",
            "Forces the protocol spoken by clients instead of negotiating it. Only 'h1' is supported yet.",
            &[("bind :8080 proto h1", "bind 0.0.0.0:8080")],
        ),
        |words, _, _| {
            let word = words.expect("a protocol name.")?;
            match word.as_str() {
                "h1" | "none" => Ok(()),
                "h2" | "fcgi" | "spop" => Err(not_yet(word.span, &format!("'proto {word}'"))),
                _ => Err(sentence(word.span, "unknown", format!("'proto' :  unknown MUX protocol '{word}'."))),
            }
        },
    ),
    accepted("label", "label <label>", "it is shown by commands that do not exist yet"),
    accepted("nice", "nice <nice>", "tasks have no priorities"),
    accepted("process", "process <set>", "threads share the listeners evenly"),
    accepted("shards", "shards { <number> | by-thread | by-group }", "every thread has a listener of its own"),
    accepted("thread", "thread <set>", "threads share the listeners evenly"),
    entry(
        Meta::new(
            "severity-output",
            "severity-output { none | number | string }",
            "Whether messages of a runtime socket begin with their severity.",
            &[("stats socket /run/h.sock severity-output number", "severity-output number")],
        ),
        |words, draft, _| {
            let text = words.next_word().map_or("", |word| word.as_str());
            let known = ["none", "number", "string"].into_iter().find(|name| *name == text);
            let message = || format!("'severity-output' expects 'none', 'number' or 'string' (got '{text}').");
            draft.severity_output = Some(known.ok_or_else(|| words.error_last(message()))?);
            Ok(())
        },
    ),
    accepted("guid-prefix", "guid-prefix <string>", "it names objects for a file that does not exist yet"),
];
