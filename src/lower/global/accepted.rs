//! `global`: words that are accepted without effect, each with the reason why nobody could see a difference.

use super::GlobalDraft;
use crate::base::size;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words, error_at};
use crate::lower::table::Draft;
use crate::lower::values::{choice, millis, on_off};

type Look = fn(&mut Words<'_>, &mut GlobalDraft, &Scope<'_>) -> Result<()>;

const fn accepted(name: &'static str, usage: &'static str, why: &'static str, apply: Look) -> Setting<GlobalDraft> {
    Setting { meta: Meta::accepted(name, usage, why), sections: Sections::GLOBAL, apply }
}

/// A word that stands alone.
const fn alone(name: &'static str, usage: &'static str, why: &'static str) -> Setting<GlobalDraft> {
    accepted(name, usage, why, |_, draft, _| {
        draft.flag(false);
        Ok(())
    })
}

/// With a number, which may be a size such as 16k or negative.
const fn number(name: &'static str, usage: &'static str, why: &'static str) -> Setting<GlobalDraft> {
    accepted(name, usage, why, |words, _, _| {
        let word = words.expect("a number.")?;
        if word.as_str().parse::<i64>().is_ok() {
            return Ok(());
        }
        size::parse(word.as_str()).map(drop).map_err(|error| error_at(word.span, format!("{error} in '{word}'")))
    })
}

/// With a time: name, usage, reason.
macro_rules! time {
    ($name:literal, $usage:literal, $why:expr $(,)?) => {
        accepted($name, $usage, $why, |words, _, scope| millis(words, scope, $name).map(drop))
    };
}

/// With `on` or `off`.
const fn switch(name: &'static str, usage: &'static str, why: &'static str) -> Setting<GlobalDraft> {
    accepted(name, usage, why, |words, _, _| on_off(words).map(drop))
}

/// With one of some words: name, usage, reason, words.
macro_rules! one_of {
    ($name:literal, $usage:literal, $why:expr, $words:expr) => {
        accepted($name, $usage, $why, |words, _, _| choice(words, &$words).map(drop))
    };
}

/// With arguments that are not looked at: what they set does not exist here.
const fn entry(name: &'static str, usage: &'static str, why: &'static str) -> Setting<GlobalDraft> {
    accepted(name, usage, why, |words, draft, _| {
        draft.flag(false);
        words.expect("an argument.")?;
        words.take_rest();
        Ok(())
    })
}

/// Allowed only behind `expose-experimental-directives`.
const fn experimental(setting: Setting<GlobalDraft>) -> Setting<GlobalDraft> {
    Setting { meta: setting.meta.experimental(), ..setting }
}

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    alone("noepoll", "noepoll", POLL),
    alone("nopoll", "nopoll", POLL),
    alone("nokqueue", "nokqueue", POLL),
    alone("noevports", "noevports", POLL),
    alone("nosplice", "nosplice", SPLICE),
    alone("noktls", "noktls", "the kernel's TLS is not used"),
    alone("nogetaddrinfo", "nogetaddrinfo", "names are resolved by the system's resolver in any case"),
    alone("busy-polling", "busy-polling", POLL),
    number("maxpipes", "maxpipes <number>", SPLICE),
    alone("no-memory-trimming", "no-memory-trimming", MEMORY),
    alone("numa-cpu-mapping", "numa-cpu-mapping", CPU),
    entry("cpu-policy", "cpu-policy <policy>", CPU),
    entry("cpu-set", "cpu-set <directive>...", CPU),
    entry("cpu-affinity", "cpu-affinity <affinity>", CPU),
    number("max-threads-per-group", "max-threads-per-group <number>", CPU),
    number("tune.zlib.memlevel", "tune.zlib.memlevel <number>", COMP),
    entry("ssl-engine", "ssl-engine <name> [algo <list>]", OPENSSL),
    alone("ssl-mode-async", "ssl-mode-async", OPENSSL),
    entry("ssl-propquery", "ssl-propquery <query>", OPENSSL),
    entry("ssl-provider", "ssl-provider <name>", OPENSSL),
    entry("ssl-provider-path", "ssl-provider-path <path>", OPENSSL),
    entry("ssl-dh-param-file", "ssl-dh-param-file <file>", DH),
    number("tune.ssl.default-dh-param", "tune.ssl.default-dh-param <number>", DH),
    alone(
        "ssl-skip-self-issued-ca",
        "ssl-skip-self-issued-ca",
        "self-issued certificates at the end of a chain are sent as they stand in the file, which clients ignore",
    ),
    alone("insecure-fork-wanted", "insecure-fork-wanted", "forking is not blocked"),
    alone("insecure-setuid-wanted", "insecure-setuid-wanted", "programs with the setuid bit are never run"),
    alone("expose-deprecated-directives", "expose-deprecated-directives", "what is supported needs no permission"),
    alone("prealloc-fd", "prealloc-fd", "the kernel's table of descriptors grows by itself"),
    accepted(
        "profiling.tasks",
        "profiling.tasks { auto | on | off | lock | no-lock | memory | no-memory }*",
        "tasks are not profiled",
        |words, _, _| {
            choice(words, &PROFILING)?;
            while words.peek().is_some() {
                choice(words, &PROFILING)?;
            }
            Ok(())
        },
    ),
    switch("profiling.memory", "profiling.memory { on | off }", "memory is not profiled"),
    time!(
        "warn-blocked-traffic-after",
        "warn-blocked-traffic-after <time>",
        "there is no long-running code that could block traffic",
    ),
    experimental(time!(
        "force-cfg-parser-pause",
        "force-cfg-parser-pause <time>",
        "a debugging aid of HAProxy's developers",
    )),
    switch("debug.counters", "debug.counters { on | off }", "a debugging aid of HAProxy's developers"),
    entry("stress-level", "stress-level <level>", "a debugging aid of HAProxy's developers"),
    alone("h2-workaround-bogus-websocket-clients", "h2-workaround-bogus-websocket-clients", "HTTP/2 is not offered"),
    number("tune.buffers.limit", "tune.buffers.limit <number>", MEMORY),
    number("tune.buffers.reserve", "tune.buffers.reserve <number>", MEMORY),
    number("tune.memory.hot-size", "tune.memory.hot-size <size>", MEMORY),
    number("tune.pattern.cache-size", "tune.pattern.cache-size <number>", MEMORY),
    number("tune.pool-high-fd-ratio", "tune.pool-high-fd-ratio <number>", MEMORY),
    number("tune.pool-low-fd-ratio", "tune.pool-low-fd-ratio <number>", MEMORY),
    number("tune.fail-alloc", "tune.fail-alloc <number>", MEMORY),
    number("tune.bufsize.small", "tune.bufsize.small <size>", MEMORY),
    alone("tune.defaults.purge", "tune.defaults.purge", MEMORY),
    number("tune.maxaccept", "tune.maxaccept <number>", POLL),
    number("tune.maxpollevents", "tune.maxpollevents <number>", POLL),
    entry("tune.epoll.mask-events", "tune.epoll.mask-events <event>[,<event>...]", POLL),
    number("tune.events.max-events-at-once", "tune.events.max-events-at-once <number>", POLL),
    switch("tune.fd.edge-triggered", "tune.fd.edge-triggered { on | off }", POLL),
    number("tune.runqueue-depth", "tune.runqueue-depth <number>", POLL),
    switch("tune.sched.low-latency", "tune.sched.low-latency { on | off }", POLL),
    number("tune.max-rules-at-once", "tune.max-rules-at-once <number>", POLL),
    number("tune.max-checks-per-thread", "tune.max-checks-per-thread <number>", POLL),
    number("tune.recv_enough", "tune.recv_enough <number>", POLL),
    entry("tune.listener.default-shards", "tune.listener.default-shards <mode>", POLL),
    one_of!("tune.listener.multi-queue", "tune.listener.multi-queue { on | fair | off }", POLL, ["on", "fair", "off"]),
    entry("tune.takeover-other-tg-connections", "tune.takeover-other-tg-connections <value>", POLL),
    number("tune.renice.startup", "tune.renice.startup <number>", RENICE),
    number("tune.ring.queues", "tune.ring.queues <number>", POLL),
    number("tune.streams-elasticity", "tune.streams-elasticity <percent>", POLL),
    number("tune.pipesize", "tune.pipesize <number>", SPLICE),
    switch("tune.applet.zero-copy-forwarding", "tune.applet.zero-copy-forwarding { on | off }", SPLICE),
    alone("tune.disable-fast-forward", "tune.disable-fast-forward", SPLICE),
    alone("tune.disable-zero-copy-forwarding", "tune.disable-zero-copy-forwarding", SPLICE),
    switch("tune.h1.zero-copy-fwd-recv", "tune.h1.zero-copy-fwd-recv { on | off }", SPLICE),
    switch("tune.h1.zero-copy-fwd-send", "tune.h1.zero-copy-fwd-send { on | off }", SPLICE),
    switch("tune.h2.zero-copy-fwd-send", "tune.h2.zero-copy-fwd-send { on | off }", SPLICE),
    switch("tune.pt.zero-copy-forwarding", "tune.pt.zero-copy-forwarding { on | off }", SPLICE),
    switch("tune.quic.zero-copy-fwd-send", "tune.quic.zero-copy-fwd-send { on | off }", SPLICE),
    number("tune.rcvbuf.backend", "tune.rcvbuf.backend <number>", UDP),
    number("tune.rcvbuf.frontend", "tune.rcvbuf.frontend <number>", UDP),
    number("tune.sndbuf.backend", "tune.sndbuf.backend <number>", UDP),
    number("tune.sndbuf.frontend", "tune.sndbuf.frontend <number>", UDP),
    alone("tune.ssl.force-private-cache", "tune.ssl.force-private-cache", TLS),
    number("tune.ssl.ssl-ctx-cache-size", "tune.ssl.ssl-ctx-cache-size <number>", GENERATED),
    switch("ocsp-update.disable", "ocsp-update.disable { on | off }", OCSP),
    entry("ocsp-update.httpproxy", "ocsp-update.httpproxy <address>[:port]", OCSP),
    number("ocsp-update.maxdelay", "ocsp-update.maxdelay <number>", OCSP),
    number("ocsp-update.mindelay", "ocsp-update.mindelay <number>", OCSP),
    switch("httpclient.resolvers.disabled", "httpclient.resolvers.disabled { on | off }", CLIENT),
    entry("httpclient.resolvers.id", "httpclient.resolvers.id <resolvers>", CLIENT),
    one_of!("httpclient.resolvers.prefer", "httpclient.resolvers.prefer { ipv4 | ipv6 }", CLIENT, ["ipv4", "ipv6"]),
    number("httpclient.retries", "httpclient.retries <number>", CLIENT),
    entry("httpclient.ssl.ca-file", "httpclient.ssl.ca-file <cafile>", CLIENT),
    one_of!("httpclient.ssl.verify", "httpclient.ssl.verify [none|required]", CLIENT, ["none", "required"]),
    time!("httpclient.timeout.connect", "httpclient.timeout.connect <timeout>", CLIENT),
    number("tune.ssl.ocsp-update.maxdelay", "tune.ssl.ocsp-update.maxdelay <number>", OCSP),
    number("tune.ssl.ocsp-update.mindelay", "tune.ssl.ocsp-update.mindelay <number>", OCSP),
    time!("tune.idletimer", "tune.idletimer <time>", SPLICE),
    number("tune.h2.be.glitches-threshold", "tune.h2.be.glitches-threshold <number>", H2),
    number("tune.h2.be.initial-window-size", "tune.h2.be.initial-window-size <size>", H2),
    number("tune.h2.be.max-concurrent-streams", "tune.h2.be.max-concurrent-streams <number>", H2),
    number("tune.h2.be.max-frames-at-once", "tune.h2.be.max-frames-at-once <number>", H2),
    number("tune.h2.be.rxbuf", "tune.h2.be.rxbuf <size>", H2),
    number("tune.h2.fe.glitches-threshold", "tune.h2.fe.glitches-threshold <number>", H2),
    number("tune.h2.fe.initial-window-size", "tune.h2.fe.initial-window-size <size>", H2),
    number("tune.h2.fe.max-concurrent-streams", "tune.h2.fe.max-concurrent-streams <number>", H2),
    number("tune.h2.fe.max-frames-at-once", "tune.h2.fe.max-frames-at-once <number>", H2),
    number("tune.h2.fe.max-rst-at-once", "tune.h2.fe.max-rst-at-once <number>", H2),
    number("tune.h2.fe.max-total-streams", "tune.h2.fe.max-total-streams <number>", H2),
    number("tune.h2.fe.rxbuf", "tune.h2.fe.rxbuf <size>", H2),
    number("tune.h2.header-table-size", "tune.h2.header-table-size <number>", H2),
    number("tune.h2.initial-window-size", "tune.h2.initial-window-size <number>", H2),
    entry("tune.h2.log-errors", "tune.h2.log-errors <mode>", H2),
    number("tune.h2.max-concurrent-streams", "tune.h2.max-concurrent-streams <number>", H2),
    number("tune.h2.max-frame-size", "tune.h2.max-frame-size <number>", H2),
    one_of!(
        "tune.lua.bool-sample-conversion",
        "tune.lua.bool-sample-conversion { normal | pre-3.1-bug }",
        LUA,
        ["normal", "pre-3.1-bug"]
    ),
    time!("tune.lua.burst-timeout", "tune.lua.burst-timeout <time>", LUA),
    number("tune.lua.forced-yield", "tune.lua.forced-yield <number>", LUA),
    switch("tune.lua.log.loggers", "tune.lua.log.loggers { on | off }", LUA),
    one_of!("tune.lua.log.stderr", "tune.lua.log.stderr { on | auto | off }", LUA, ["on", "auto", "off"]),
    number("tune.lua.maxmem", "tune.lua.maxmem <number>", LUA),
    entry("tune.lua.openlibs", "tune.lua.openlibs <list>", LUA),
    time!("tune.lua.service-timeout", "tune.lua.service-timeout <time>", LUA),
    time!("tune.lua.session-timeout", "tune.lua.session-timeout <time>", LUA),
    time!("tune.lua.task-timeout", "tune.lua.task-timeout <time>", LUA),
    number("tune.peers.max-updates-at-once", "tune.peers.max-updates-at-once <number>", PEERS),
    number("tune.cli.max-payload-size", "tune.cli.max-payload-size <size>", CLI),
    entry("tune.quic.be.cc.cubic-min-losses", "tune.quic.be.cc.cubic-min-losses <value>", QUIC),
    entry("tune.quic.be.cc.hystart", "tune.quic.be.cc.hystart <value>", QUIC),
    entry("tune.quic.be.cc.max-frame-loss", "tune.quic.be.cc.max-frame-loss <value>", QUIC),
    entry("tune.quic.be.cc.max-win-size", "tune.quic.be.cc.max-win-size <value>", QUIC),
    entry("tune.quic.be.cc.reorder-ratio", "tune.quic.be.cc.reorder-ratio <value>", QUIC),
    entry("tune.quic.be.max-idle-timeout", "tune.quic.be.max-idle-timeout <value>", QUIC),
    entry("tune.quic.be.sec.glitches-threshold", "tune.quic.be.sec.glitches-threshold <value>", QUIC),
    entry("tune.quic.be.stream.data-ratio", "tune.quic.be.stream.data-ratio <value>", QUIC),
    entry("tune.quic.be.stream.max-concurrent", "tune.quic.be.stream.max-concurrent <value>", QUIC),
    entry("tune.quic.be.stream.rxbuf", "tune.quic.be.stream.rxbuf <value>", QUIC),
    entry("tune.quic.be.tx.pacing", "tune.quic.be.tx.pacing <value>", QUIC),
    entry("tune.quic.be.tx.udp-gso", "tune.quic.be.tx.udp-gso <value>", QUIC),
    entry("tune.quic.cc-hystart", "tune.quic.cc-hystart <value>", QUIC),
    entry("tune.quic.cc.cubic.min-losses", "tune.quic.cc.cubic.min-losses <value>", QUIC),
    alone("tune.quic.disable-tx-pacing", "tune.quic.disable-tx-pacing", QUIC),
    alone("tune.quic.disable-udp-gso", "tune.quic.disable-udp-gso", QUIC),
    entry("tune.quic.fe.cc.cubic-min-losses", "tune.quic.fe.cc.cubic-min-losses <value>", QUIC),
    entry("tune.quic.fe.cc.hystart", "tune.quic.fe.cc.hystart <value>", QUIC),
    entry("tune.quic.fe.cc.max-frame-loss", "tune.quic.fe.cc.max-frame-loss <value>", QUIC),
    entry("tune.quic.fe.cc.max-win-size", "tune.quic.fe.cc.max-win-size <value>", QUIC),
    entry("tune.quic.fe.cc.reorder-ratio", "tune.quic.fe.cc.reorder-ratio <value>", QUIC),
    entry("tune.quic.fe.max-idle-timeout", "tune.quic.fe.max-idle-timeout <value>", QUIC),
    entry("tune.quic.fe.sec.glitches-threshold", "tune.quic.fe.sec.glitches-threshold <value>", QUIC),
    entry("tune.quic.fe.sec.retry-threshold", "tune.quic.fe.sec.retry-threshold <value>", QUIC),
    entry("tune.quic.fe.sock-per-conn", "tune.quic.fe.sock-per-conn <value>", QUIC),
    entry("tune.quic.fe.stream.data-ratio", "tune.quic.fe.stream.data-ratio <value>", QUIC),
    entry("tune.quic.fe.stream.max-concurrent", "tune.quic.fe.stream.max-concurrent <value>", QUIC),
    entry("tune.quic.fe.stream.max-total", "tune.quic.fe.stream.max-total <value>", QUIC),
    entry("tune.quic.fe.stream.rxbuf", "tune.quic.fe.stream.rxbuf <value>", QUIC),
    entry("tune.quic.fe.tx.pacing", "tune.quic.fe.tx.pacing <value>", QUIC),
    entry("tune.quic.fe.tx.udp-gso", "tune.quic.fe.tx.udp-gso <value>", QUIC),
    entry("tune.quic.frontend.default-max-window-size", "tune.quic.frontend.default-max-window-size <value>", QUIC),
    entry("tune.quic.frontend.glitches-threshold", "tune.quic.frontend.glitches-threshold <value>", QUIC),
    entry("tune.quic.frontend.max-data-size", "tune.quic.frontend.max-data-size <value>", QUIC),
    entry("tune.quic.frontend.max-idle-timeout", "tune.quic.frontend.max-idle-timeout <value>", QUIC),
    entry("tune.quic.frontend.max-streams-bidi", "tune.quic.frontend.max-streams-bidi <value>", QUIC),
    entry("tune.quic.frontend.max-tx-mem", "tune.quic.frontend.max-tx-mem <value>", QUIC),
    entry("tune.quic.frontend.stream-data-ratio", "tune.quic.frontend.stream-data-ratio <value>", QUIC),
    entry("tune.quic.listen", "tune.quic.listen <value>", QUIC),
    entry("tune.quic.max-frame-loss", "tune.quic.max-frame-loss <value>", QUIC),
    entry("tune.quic.mem.tx-max", "tune.quic.mem.tx-max <value>", QUIC),
    entry("tune.quic.reorder-ratio", "tune.quic.reorder-ratio <value>", QUIC),
    entry("tune.quic.retry-threshold", "tune.quic.retry-threshold <value>", QUIC),
    entry("tune.quic.socket-owner", "tune.quic.socket-owner <value>", QUIC),
];

const PROFILING: [&str; 7] = ["auto", "on", "off", "lock", "no-lock", "memory", "no-memory"];
const POLL: &str = "the runtime polls and schedules by itself";
const SPLICE: &str = "bodies are copied through buffers, which measured faster than splicing";
const MEMORY: &str = "memory is taken when it is needed and given back";
const CPU: &str = "threads are placed by the kernel or by 'cpu-map'; the number of threads is nbthread's";
const COMP: &str = "the compressor takes memory as its window needs it";
const OPENSSL: &str = "TLS is done by rustls, not by OpenSSL";
const DH: &str = "rustls has no key exchange over finite fields";
const RENICE: &str = "reading the files takes a moment, and the priority would be restored after it";
const UDP: &str = "it sizes sockets of QUIC and 'log-forward' only, which are not offered";
const TLS: &str = "every 'bind' line has a cache of its own, in one process";
const OCSP: &str = "OCSP responses are not updated by the proxy: 'ocsp-update' is refused itself";
const CLIENT: &str =
    "it is for requests that HAProxy makes itself for Lua, OCSP and ACME, which are refused themselves";
const GENERATED: &str = "certificates are not generated: 'generate-certificates' is refused itself";
const H2: &str = "HTTP/2 is not offered";
const QUIC: &str = "QUIC is not offered";
const LUA: &str = "it limits Lua only, which is refused itself as long as it is not supported";
const PEERS: &str = "it limits peers only, which are refused themselves as long as they are not supported";
const CLI: &str = "payloads of runtime commands have no limit of their own";
