//! Keep-alive probes on idle connections (manual 4.2): `clitcpka-cnt`, `srvtcpka-idle` and relatives.

use super::ProxyDraft;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::values::{integer, millis_from_seconds};

/// How many probes may get no answer.
macro_rules! count {
    ($name:literal, $sections:expr, $doc:literal, $shown:literal, $field:ident) => {
        Setting {
            meta: Meta::new($name, concat!($name, " <count>"), $doc, &[(concat!($name, " 3"), $shown)]),
            sections: $sections,
            apply: |words, draft, _| {
                draft.out.sockets.$field.count = integer(words, 1, 127)?;
                Ok(())
            },
        }
    };
}

/// A time of the probes.
macro_rules! time {
    ($name:literal, $sections:expr, $doc:literal, $shown:literal, $field:ident . $time:ident) => {
        Setting {
            meta: Meta::new($name, concat!($name, " <time>"), $doc, &[(concat!($name, " 30s"), $shown)]),
            sections: $sections,
            apply: |words, draft, scope| {
                draft.out.sockets.$field.$time = seconds(words, scope, $name)?;
                Ok(())
            },
        }
    };
}

pub(super) static SETTINGS: &[Setting<ProxyDraft>] = &[
    count!(
        "clitcpka-cnt",
        Sections::D_FE,
        "Sets how many keep-alive probes a client may leave without an answer (see 'option clitcpka').",
        "client-probes count 3 idle 0 interval 0",
        client_probes
    ),
    time!(
        "clitcpka-idle",
        Sections::D_FE,
        "Sets how long a client's connection is idle before the first keep-alive probe, in seconds by default.",
        "client-probes count 0 idle 30 interval 0",
        client_probes.idle
    ),
    time!(
        "clitcpka-intvl",
        Sections::D_FE,
        "Sets the time between two keep-alive probes to a client, in seconds by default.",
        "client-probes count 0 idle 0 interval 30",
        client_probes.interval
    ),
    count!(
        "srvtcpka-cnt",
        Sections::D_BE,
        "Sets how many keep-alive probes a server may leave without an answer (see 'option srvtcpka').",
        "server-probes count 3 idle 0 interval 0",
        server_probes
    ),
    time!(
        "srvtcpka-idle",
        Sections::D_BE,
        "Sets how long a connection to a server is idle before the first keep-alive probe, in seconds by default.",
        "server-probes count 0 idle 30 interval 0",
        server_probes.idle
    ),
    time!(
        "srvtcpka-intvl",
        Sections::D_BE,
        "Sets the time between two keep-alive probes to a server, in seconds by default.",
        "server-probes count 0 idle 0 interval 30",
        server_probes.interval
    ),
];

/// The kernel takes up to 32767 seconds (tcp(7)).
fn seconds(words: &mut Words<'_>, scope: &Scope<'_>, keyword: &str) -> Result<u32> {
    let span = words.span();
    let seconds = millis_from_seconds(words, scope, keyword)? / 1000;
    let fits = u32::try_from(seconds).ok().filter(|seconds| *seconds <= 32767);
    fits.ok_or_else(|| sentence(span, "range", format!("'{keyword}' expects at most 32767 seconds, found {seconds}.")))
}
