//! `option ...` without families of their own (manual 4.2): TCP keep-alive, what HTTP/1 accepts, connection modes.

use super::ProxyDraft;
use crate::diag::Diagnostic;
use crate::ir::ConnectionMode;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{Draft, Prefix};

/// One of the connection modes.
macro_rules! mode {
    ($name:literal, $doc:literal, $shown:literal, $mode:expr) => {
        Setting {
            meta: Meta::new(
                concat!("option ", $name),
                concat!("[no] option ", $name),
                $doc,
                &[(concat!("option ", $name), $shown)],
            ),
            sections: Sections::D_PROXY,
            apply: |_, draft, _| {
                connection(draft, $mode);
                Ok(())
            },
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    mode!(
        "httpclose",
        "Closes the client's and the server's connection after each response.",
        "connection close",
        ConnectionMode::Close
    ),
    mode!(
        "http-server-close",
        "Closes the server's connection after each response and keeps the client's.",
        "connection server-close",
        ConnectionMode::ServerClose
    ),
    mode!(
        "http-keep-alive",
        "Keeps connections on both sides after a response, which is the default.",
        "",
        ConnectionMode::KeepAlive
    ),
    flag!(
        "http-pretend-keepalive",
        Sections::D_BE,
        "Sends no 'Connection: close' to servers whose connection will be closed after the response.",
        "pretend-keepalive",
        pretend_keepalive
    ),
    flag!(
        "prefer-last-server",
        Sections::D_BE,
        "Sends a request to the server to which its client has a connection of its own ('http-reuse never').",
        "prefer-last-server",
        choosing.prefer_last
    ),
    flag!(
        "checkcache",
        Sections::D_BE,
        "Answers 502 instead of a response that sets a cookie and may be kept by caches.",
        "checkcache",
        check_cache
    ),
    flag!(
        "http-buffer-request",
        Sections::D_PROXY,
        "Waits for the body of a request, as far as it fits into a buffer, before a server is chosen.",
        "buffer-request",
        buffer_request
    ),
    flag!(
        "http-no-delay",
        Sections::D_PROXY,
        "Sends every piece of a body at once instead of joining small ones.",
        "no-delay",
        no_delay
    ),
    flag!(
        "http-ignore-probes",
        Sections::D_FE,
        "Closes connections that never sent a byte without an answer and without a log line.",
        "ignore-probes",
        ignore_probes
    ),
    flag!(
        "http-use-proxy-header",
        Sections::D_FE,
        "Lets 'Proxy-Connection' stand for 'Connection'.",
        "use-proxy-header",
        use_proxy_header
    ),
    flag!(
        "accept-unsafe-violations-in-http-request",
        Sections::D_FE,
        "Lets characters pass in requests that RFC 9112 forbids.",
        "unsafe-requests",
        unsafe_requests
    ),
    flag!(
        "accept-unsafe-violations-in-http-response",
        Sections::D_BE,
        "Lets characters pass in responses that RFC 9112 forbids.",
        "unsafe-responses",
        unsafe_responses
    ),
    Setting {
        meta: Meta::new(
            "option accept-invalid-http-request",
            "[no] option accept-invalid-http-request",
            "Is the old name of 'option accept-unsafe-violations-in-http-request'.",
            &[("option accept-invalid-http-request", "unsafe-requests")],
        ),
        sections: Sections::D_FE,
        apply: |_, draft, scope| {
            draft.out.unsafe_requests = old_name(draft, scope, "accept-unsafe-violations-in-http-request");
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option accept-invalid-http-response",
            "[no] option accept-invalid-http-response",
            "Is the old name of 'option accept-unsafe-violations-in-http-response'.",
            &[("option accept-invalid-http-response", "unsafe-responses")],
        ),
        sections: Sections::D_BE,
        apply: |_, draft, scope| {
            draft.out.unsafe_responses = old_name(draft, scope, "accept-unsafe-violations-in-http-response");
            Ok(())
        },
    },
    Setting {
        meta: Meta::new(
            "option abortonclose",
            "[no] option abortonclose",
            "Gives up a request that no server has got yet when its client closes. It is the default in HTTP mode.",
            &[("option abortonclose", "abortonclose")],
        ),
        sections: Sections::D_PROXY,
        apply: |_, draft, _| {
            draft.abort_on_close = match std::mem::take(draft.prefix()) {
                Prefix::None => Some(true),
                Prefix::No => Some(false),
                Prefix::Default => None,
            };
            Ok(())
        },
    },
    flag!(
        "clitcpka",
        Sections::D_FE,
        "Lets the kernel probe idle connections of clients.",
        "client-keepalive",
        sockets.client_keepalive
    ),
    flag!(
        "srvtcpka",
        Sections::D_BE,
        "Lets the kernel probe idle connections to servers.",
        "server-keepalive",
        sockets.server_keepalive
    ),
    Setting {
        meta: Meta::new(
            "option tcpka",
            "[no] option tcpka",
            "Lets the kernel probe idle connections on both sides.",
            &[("option tcpka", "keepalive")],
        ),
        sections: Sections::D_PROXY,
        apply: |_, draft, _| {
            let on = draft.flag(false);
            draft.out.sockets.client_keepalive = on;
            draft.out.sockets.server_keepalive = on;
            Ok(())
        },
    },
    flag!(
        "nolinger",
        Sections::D_PROXY,
        "Takes back what has not arrived when a connection is closed: of clients in a frontend, of servers in a backend.",
        "nolinger",
        sockets.no_linger
    ),
    flag!(
        "independent-streams",
        Sections::D_PROXY,
        "What is sent to a server does not prolong the time that it may be silent in a tunnel; in a frontend it changes nothing, as in \
         HAProxy 2.8.",
        "independent-streams",
        sockets.independent_streams
    ),
    flag!(
        "idle-close-on-response",
        Sections::D_FE,
        "Keeps idle connections of clients open while the process stops, until their next response.",
        "idle-close-on-response",
        keeps_idle_clients
    ),
    flag!(
        "socket-stats",
        Sections::D_FE,
        "Counts each listener by itself on the statistics page.",
        "socket-stats",
        socket_stats
    ),
];

/// The last option given wins; `no` takes back its own option only.
fn connection(draft: &mut ProxyDraft, mode: ConnectionMode) {
    match std::mem::take(draft.prefix()) {
        Prefix::None => draft.out.connection = mode,
        _ if draft.out.connection == mode => draft.out.connection = ConnectionMode::KeepAlive,
        _ => {}
    }
}

fn old_name(draft: &mut ProxyDraft, scope: &Scope<'_>, new: &str) -> bool {
    let on = draft.flag(false);
    let old = new.replace("unsafe-violations-in", "invalid");
    let text = format!("option '{old}' is deprecated. please use 'option {new}' if absolutely needed.");
    scope.diags.push(Diagnostic::warning("deprecated", text).at(draft.line));
    on
}

/// A directive whose arguments do not matter.
pub(super) fn skip(words: &mut Words<'_>, draft: &mut ProxyDraft, _: &Scope<'_>) -> Result<()> {
    draft.flag(false);
    words.take_rest();
    Ok(())
}
