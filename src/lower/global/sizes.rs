//! `global`: what is kept for each connection, by the kernel and for TLS (manual 3.2).

use super::GlobalDraft;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words, error_at};
use crate::lower::values::{bytes, integer, millis_from_seconds};

type Apply = fn(&mut Words<'_>, &mut GlobalDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<GlobalDraft> {
    Setting { meta, sections: Sections::GLOBAL, apply }
}

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    entry(
        Meta::new(
            "tune.ssl.cachesize",
            "tune.ssl.cachesize <number>",
            "Sets how many TLS sessions each 'bind' line remembers; 0 is none. The default is 20000.",
            &[("tune.ssl.cachesize 1000", "tune.ssl.cachesize 1000")],
        ),
        |words, draft, _| {
            draft.out.tls_sessions = integer(words, 0, 1 << 30)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.ssl.lifetime",
            "tune.ssl.lifetime <time>",
            "Sets how long a TLS session can be resumed; a number without unit is seconds. The default is 300.",
            &[("tune.ssl.lifetime 60", "tune.ssl.lifetime 60")],
        ),
        |words, draft, scope| {
            let ms = millis_from_seconds(words, scope, "tune.ssl.lifetime")?;
            draft.out.tls_lifetime = u32::try_from(ms / 1000).unwrap_or(u32::MAX);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.ssl.capture-buffer-size",
            "tune.ssl.capture-buffer-size <number>",
            "Keeps up to so many bytes of what a client's hello lists, for 'ssl_fc_cipherlist_bin' and its relatives.",
            &[("tune.ssl.capture-buffer-size 96", "tune.ssl.capture-buffer-size 96")],
        ),
        |words, draft, _| {
            draft.out.tls_capture = integer(words, 0, 1 << 16)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.ssl.capture-cipherlist-size",
            "tune.ssl.capture-cipherlist-size <number>",
            "Keeps up to so many bytes of what a client's hello lists, for 'ssl_fc_cipherlist_bin' and its relatives (the name before HAProxy 2.5).",
            &[("tune.ssl.capture-cipherlist-size 96", "tune.ssl.capture-buffer-size 96")],
        ),
        |words, draft, _| {
            draft.out.tls_capture = integer(words, 0, 1 << 16)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.ssl.maxrecord",
            "tune.ssl.maxrecord <size>",
            "Bounds the data of a TLS record at the beginning of a transfer: the first 64 kB after something was received. 0, the default, \
             is no bound.",
            &[("tune.ssl.maxrecord 1419", "tune.ssl.maxrecord 1419")],
        ),
        |words, draft, _| {
            draft.out.tls_records.first = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.ssl.hard-maxrecord",
            "tune.ssl.hard-maxrecord <size>",
            "Bounds the data of a TLS record. 0, the default, is no bound.",
            &[("tune.ssl.hard-maxrecord 4096", "tune.ssl.hard-maxrecord 4096")],
        ),
        |words, draft, _| {
            draft.out.tls_records.any = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.rcvbuf.client",
            "tune.rcvbuf.client <size>",
            "Sets the size of the kernel's buffer for what a connection from a client receives, in bytes. 0, the default, leaves it to the kernel.",
            &[("tune.rcvbuf.client 65536", "tune.rcvbuf.client 65536")],
        ),
        |words, draft, _| {
            draft.out.client_sockets.receive = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.sndbuf.client",
            "tune.sndbuf.client <size>",
            "Sets the size of the kernel's buffer for what a connection from a client sends, in bytes. 0, the default, leaves it to the kernel.",
            &[("tune.sndbuf.client 65536", "tune.sndbuf.client 65536")],
        ),
        |words, draft, _| {
            draft.out.client_sockets.send = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.notsent-lowat.client",
            "tune.notsent-lowat.client <size>",
            "Sets how many bytes may wait in the kernel to be sent to a client, beyond those on their way. 0, the default, is no bound.",
            &[("tune.notsent-lowat.client 16384", "tune.notsent-lowat.client 16384")],
        ),
        |words, draft, _| {
            draft.out.client_sockets.unsent = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.rcvbuf.server",
            "tune.rcvbuf.server <size>",
            "Sets the size of the kernel's buffer for what a connection to a server receives, in bytes. 0, the default, leaves it to the kernel.",
            &[("tune.rcvbuf.server 65536", "tune.rcvbuf.server 65536")],
        ),
        |words, draft, _| {
            draft.out.server_sockets.receive = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.sndbuf.server",
            "tune.sndbuf.server <size>",
            "Sets the size of the kernel's buffer for what a connection to a server sends, in bytes. 0, the default, leaves it to the kernel.",
            &[("tune.sndbuf.server 65536", "tune.sndbuf.server 65536")],
        ),
        |words, draft, _| {
            draft.out.server_sockets.send = size(words)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "tune.notsent-lowat.server",
            "tune.notsent-lowat.server <size>",
            "Sets how many bytes may wait in the kernel to be sent to a server, beyond those on their way. 0, the default, is no bound.",
            &[("tune.notsent-lowat.server 16384", "tune.notsent-lowat.server 16384")],
        ),
        |words, draft, _| {
            draft.out.server_sockets.unsent = size(words)?;
            Ok(())
        },
    ),
];

fn size(words: &mut Words<'_>) -> Result<u32> {
    let span = words.span();
    let size = bytes(words)?;
    u32::try_from(size)
        .ok()
        .filter(|size| *size <= i32::MAX as u32)
        .ok_or_else(|| error_at(span, format!("expects a size of less than 2g, found {size}.")))
}
