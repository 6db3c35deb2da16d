//! Log lines (manual chapter 8): what is logged of a stream, at which level and where it goes.
//!
//! | file | does |
//! |---|---|
//! | `mod` | decides, renders and hands the line to the frontend's targets |
//! | `compose` | one target's line: level filter, sample, header, longest length |
//! | `lines` | a core's lines that wait to be sent, and when they are |
//! | `sink` | datagrams and descriptors |
//! | `herald` | messages about servers, proxies and the process |
//!
//! How the fields of a line are written is `expr::log_format`'s; facts are filled by the rest of the engine.

pub mod compose;
pub mod herald;
pub mod lines;
pub mod sink;

use super::core::Core;
use super::live::Local;
use crate::expr::{ConnFacts, Ctx, Endpoint, StreamFacts};
use crate::ir::{Mode, Proxy};
use compose::{ERR, INFO};

/// Logs the end of a stream, or its middle with `option logasap`, as the frontend's `log-format` and `log` lines say. Frontends
/// without a format log a stream when it begins: see [`opened`].
pub fn stream(core: &Core, local: &Local, frontend: &Proxy, ctx: &Ctx<'_>) {
    let Some(usual) = &frontend.log_formats.stream else { return };
    let Some(level) = Options::of(frontend).level(ctx.stream) else { return };
    let format = match &frontend.log_formats.error {
        Some(format) if Options::of(frontend).is_refused(ctx.stream) => format,
        _ => usual,
    };
    let mut text = core.lines.text.take();
    text.clear();
    format.render(ctx, &mut text);
    local.live.view.proxy(frontend.id).logged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    with_structured(core, frontend, ctx, |structured| send(core, local, frontend, level, structured, &text));
    core.lines.text.replace(text);
}

/// Logs the beginning of a stream where the frontend has no format (8.2.1): when the request has arrived in HTTP mode, when the
/// connection has in TCP mode. Options that choose what is logged do not apply.
pub fn opened(core: &Core, local: &Local, frontend: &Proxy, conn: &ConnFacts) {
    if frontend.logs.is_empty() || frontend.log_formats.stream.is_some() {
        return;
    }
    let mode = if frontend.mode == Mode::Http { "HTTP" } else { "TCP" };
    let (src, dst) = (shown(conn.src, conn), shown(conn.dst, conn));
    let text = format!("Connect from {src} to {dst} ({}/{mode})", frontend.name);
    send(core, local, frontend, INFO, b"", text.as_bytes());
}

/// Logs a connection that ended before a stream began (8.2.5), with one of the messages listed at `fc_err_str`. `nothing_came`
/// is true where `option dontlognull` keeps silent. `ctx` is what `error-log-format` is rendered on.
pub fn refused(core: &Core, local: &Local, frontend: &Proxy, ctx: &Ctx<'_>, message: &str, nothing_came: bool) {
    if frontend.logs.is_empty() || (frontend.log_formats.stream.is_none() && frontend.log_formats.error.is_none()) {
        return;
    }
    if nothing_came && frontend.dont_log_null {
        return;
    }
    let level = if frontend.log_separate_errors { ERR } else { INFO };
    let mut text = core.lines.text.take();
    text.clear();
    if let Some(format) = &frontend.log_formats.error {
        format.render(ctx, &mut text);
    } else {
        let conn = ctx.conn;
        let name = &*conn.bind_name;
        let listener = conn.bind.0 + 1;
        text.extend_from_slice(format!("{} [", shown(conn.src, conn)).as_bytes());
        crate::expr::log_format::write_date(conn.accepted_us, &mut text);
        let place = match name == format!("sock-{listener}") {
            true => format!("] {}/{listener}: {message}", frontend.name),
            false => format!("] {}/{name}: {message}", frontend.name),
        };
        text.extend_from_slice(place.as_bytes());
    }
    with_structured(core, frontend, ctx, |structured| send(core, local, frontend, level, structured, &text));
    core.lines.text.replace(text);
}

/// Renders `log-format-sd` for `send`.
fn with_structured(core: &Core, frontend: &Proxy, ctx: &Ctx<'_>, send: impl FnOnce(&[u8])) {
    let Some(format) = &frontend.log_formats.structured else { return send(b"") };
    let mut structured = core.lines.structured.take();
    structured.clear();
    format.render(ctx, &mut structured);
    send(&structured);
    core.lines.structured.replace(structured);
}

/// Hands a line to every target of a frontend.
fn send(core: &Core, local: &Local, frontend: &Proxy, level: u8, structured: &[u8], text: &[u8]) {
    let outlets = local.outlets.get_or_init(|| core.lines.open(&local.live, &core.shared.writers));
    let outlets = outlets.get(frontend.id.index()).map_or(&[][..], Vec::as_slice);
    let at = core.unix_us();
    for ((target, outlet), seen) in frontend.logs.iter().zip(outlets).zip(local.live.samples(frontend.id)) {
        if let Some(level) = compose::wanted(target, seen, level) {
            core.lines.submit(&outlet.sink, |out| compose::line(out, &outlet.header, level, at, structured, text));
        }
    }
}

/// `address:port`; of a UNIX socket `unix:` and the number of the listener.
fn shown(end: Endpoint, conn: &ConnFacts) -> String {
    match end {
        Endpoint::Ip(addr) => format!("{}:{}", addr.ip(), addr.port()),
        Endpoint::Unix => format!("unix:{}", conn.bind.0 + 1),
        Endpoint::Unknown => "-:-".to_owned(),
    }
}

/// What a frontend wants to see.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    http: bool,
    dont_log_null: bool,
    dont_log_normal: bool,
    separate_errors: bool,
}

impl Options {
    fn of(frontend: &Proxy) -> Options {
        Options {
            http: frontend.mode == Mode::Http,
            dont_log_null: frontend.dont_log_null,
            dont_log_normal: frontend.dont_log_normal,
            separate_errors: frontend.log_separate_errors,
        }
    }

    /// The level to log a stream at, if it is to be logged.
    fn level(self, facts: &StreamFacts) -> Option<u8> {
        let failed = facts.has_failed(self.http);
        if self.dont_log_normal && !failed || self.dont_log_null && facts.bytes_in == 0 {
            return None;
        }
        match facts.log_level {
            Some(level) => Some(level).filter(|level| *level <= compose::DEBUG),
            None => Some(if failed && self.separate_errors { ERR } else { INFO }),
        }
    }

    /// The connection failed before its request was understood: `error-log-format` applies.
    fn is_refused(self, facts: &StreamFacts) -> bool {
        self.http && facts.request_ms.is_none() && facts.has_failed(self.http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Termination;

    fn facts(change: impl FnOnce(&mut StreamFacts)) -> StreamFacts {
        let mut facts = StreamFacts { bytes_in: 40, request_ms: Some(1), status: 200, ..StreamFacts::default() };
        change(&mut facts);
        facts
    }

    fn ended(cause: u8, phase: u8) -> Termination {
        Termination { cause, phase }
    }

    /// What HAProxy 2.8 logs with `option dontlog-normal`, and at level err with `option log-separate-errors`.
    #[test]
    fn errors_timeouts_retries_and_5xx_are_not_normal() {
        let options = Options { http: true, separate_errors: true, ..Options::default() };
        let normal = [facts(|_| {}), facts(|f| f.status = 404), facts(|f| f.termination = ended(b'L', b'R'))];
        let failed = [
            facts(|f| f.status = 500),
            facts(|f| f.retries = 1),
            facts(|f| f.redispatched = true),
            facts(|f| f.termination = ended(b'P', b'R')),
            facts(|f| f.termination = ended(b'C', b'D')),
            facts(|f| f.termination = ended(b's', b'H')),
        ];
        let quiet = Options { dont_log_normal: true, ..options };
        for facts in &normal {
            assert_eq!((options.level(facts), quiet.level(facts)), (Some(INFO), None), "{facts:?}");
        }
        for facts in &failed {
            assert_eq!((options.level(facts), quiet.level(facts)), (Some(ERR), Some(ERR)), "{facts:?}");
        }
        let tcp = Options { http: false, ..options };
        assert_eq!(tcp.level(&failed[0]), Some(INFO));
    }

    #[test]
    fn nothing_received_is_not_logged_with_dontlognull() {
        let options = Options { http: true, dont_log_null: true, ..Options::default() };
        assert_eq!(options.level(&facts(|f| f.bytes_in = 0)), None);
        assert_eq!(options.level(&facts(|_| {})), Some(INFO));
    }

    #[test]
    fn a_rule_sets_the_level_or_silence() {
        let options = Options { http: true, separate_errors: true, ..Options::default() };
        let warned = facts(|f| {
            f.log_level = Some(4);
            f.status = 500;
        });
        assert_eq!(options.level(&warned), Some(4));
        assert_eq!(options.level(&facts(|f| f.log_level = Some(8))), None);
    }

    #[test]
    fn only_what_never_became_a_request_uses_the_error_format() {
        let options = Options { http: true, ..Options::default() };
        let refused = facts(|f| {
            f.request_ms = None;
            f.termination = ended(b'P', b'R');
        });
        assert!(options.is_refused(&refused));
        assert!(!options.is_refused(&facts(|f| f.status = 503)));
    }
}
