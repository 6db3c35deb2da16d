//! `timeout ...` (manual 4.2) and the delays of content inspection. 0 waits for ever.

use super::ProxyDraft;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::timeout;

/// One `timeout <name>` directive; `$field` is in [`crate::ir::Timeouts`].
macro_rules! timeout {
    ($name:literal, $sections:expr, $field:ident, $doc:literal) => {
        Setting {
            meta: Meta::new(
                concat!("timeout ", $name),
                concat!("timeout ", $name, " <time>"),
                $doc,
                &[(concat!("timeout ", $name, " 30s"), concat!("timeout ", $name, " 30000"))],
            ),
            sections: $sections,
            apply: |words, draft, scope| read(words, scope, concat!("timeout ", $name), &mut draft.out.timeouts.$field),
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    timeout!(
        "client",
        Sections::D_FE,
        client,
        "Closes a client's connection on which nothing came or went for so long."
    ),
    timeout!(
        "client-fin",
        Sections::D_FE,
        client_fin,
        "Replaces 'timeout client' once the client has closed its direction."
    ),
    timeout!("client-hs", Sections::D_FE, client_hs, "Sets how long a client's TLS handshake may take."),
    timeout!("connect", Sections::D_BE, connect, "Sets how long a connection to a server may take."),
    timeout!(
        "check",
        Sections::D_BE,
        check,
        "Sets how long a health check may take once connected; without it, the interval counts."
    ),
    timeout!(
        "http-request",
        Sections::D_PROXY,
        http_request,
        "Sets how long a client may take to send a whole request head."
    ),
    timeout!(
        "http-keep-alive",
        Sections::D_PROXY,
        http_keep_alive,
        "Sets how long a client's connection may be idle between requests."
    ),
    timeout!(
        "queue",
        Sections::D_BE,
        queue,
        "Sets how long a request may wait for a server; the default is 'timeout connect'."
    ),
    timeout!(
        "server",
        Sections::D_BE,
        server,
        "Closes a server's connection on which nothing came or went for so long."
    ),
    timeout!(
        "server-fin",
        Sections::D_BE,
        server_fin,
        "Replaces 'timeout server' once the server has closed its direction."
    ),
    timeout!(
        "tarpit",
        Sections::D_PROXY,
        tarpit,
        "Sets how long a tarpitted request is held; the default is 'timeout connect'."
    ),
    timeout!(
        "tunnel",
        Sections::D_BE,
        tunnel,
        "Replaces the client's and server's timeouts in tunnels, such as WebSocket's."
    ),
    Setting {
        meta: Meta::new(
            "tcp-request inspect-delay",
            "tcp-request inspect-delay <time>",
            "Sets how long 'tcp-request content' rules may wait for data before they decide with what is there.",
            &[("tcp-request inspect-delay 5s", "inspect-delay 5000")],
        ),
        sections: Sections::D_PROXY,
        apply: |words, draft, scope| {
            inspect(words, scope, "tcp-request inspect-delay", &mut draft.out.inspect_delay_ms)
        },
    },
    Setting {
        meta: Meta::new(
            "tcp-response inspect-delay",
            "tcp-response inspect-delay <time>",
            "Sets how long 'tcp-response content' rules may wait for data before they decide with what is there.",
            &[("tcp-response inspect-delay 5s", "res-inspect-delay 5000")],
        ),
        sections: Sections::D_BE,
        apply: |words, draft, scope| {
            inspect(words, scope, "tcp-response inspect-delay", &mut draft.out.res_inspect_delay_ms)
        },
    },
];

fn read(words: &mut Words<'_>, scope: &Scope<'_>, name: &str, slot: &mut Option<u64>) -> Result<()> {
    *slot = timeout(words, scope, name)?;
    match (words.peek(), words.last()) {
        (Some(extra), Some(value)) => {
            let message = format!("'{name}' : unexpected extra argument '{extra}' after value '{value}'.");
            Err(sentence(extra.span, "left-over", message))
        }
        _ => Ok(()),
    }
}

fn inspect(words: &mut Words<'_>, scope: &Scope<'_>, name: &str, slot: &mut Option<u64>) -> Result<()> {
    if words.is_empty() {
        return Err(words.error_here("expects a positive delay in milliseconds."));
    }
    *slot = timeout(words, scope, name)?;
    Ok(())
}
