//! Streams: `show sess`, `shutdown session`, `shutdown sessions server`.

use std::fmt::Write;

use super::{Answer, Command, Done, Level, Shell, flat};
use crate::base::id::ServerId;
use crate::engine::roster::{Listed, Target};
use crate::expr::Endpoint;
use crate::ir::{Mode, Proxy};
use crate::keyword::Meta;
use crate::state::Change;

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "show sess",
            "show sess [help|<id>|all] [opts...]",
            "report the list of current streams or dump this exact stream",
            &[("show sess", "")],
        ),
        level: Level::Operator,
        run: |shell, words| flat(show_sess(shell, words)),
    },
    Command {
        meta: Meta::new(
            "shutdown session",
            "shutdown session [id]",
            "kill a specific session",
            &[("shutdown session 0xfffffff", "No such session (use 'show sess').")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(shutdown_session(shell, words)),
    },
    Command {
        meta: Meta::new(
            "shutdown sessions server",
            "shutdown sessions server <bk>/<srv>",
            "kill sessions on a server",
            &[("shutdown sessions server be/s1", "")],
        ),
        level: Level::Admin,
        run: |shell, words| {
            let kill = |found: super::Found<'_>| {
                found.change(shell, Change::Kill);
                Answer::done()
            };
            flat(shell.server(words).map(kill))
        },
    },
];

/// Which streams are to be shown.
#[derive(Default)]
struct Filter {
    number: Option<u64>,
    detailed: bool,
    frontend: Option<crate::base::id::ProxyId>,
    backend: Option<crate::base::id::ProxyId>,
    server: Option<ServerId>,
    older_ms: u64,
}

fn show_sess(shell: &Shell<'_>, words: &[&str]) -> Done {
    let mut filter = Filter::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "help" => return Ok(Answer::data(USAGE)),
            "all" => filter.detailed = true,
            "susp" | "show-uri" => {}
            "older" => {
                let age = words.next().and_then(|age| crate::base::duration::seconds(age).ok());
                let Some(age) = age else { return Err(Answer::error("'older' expects a delay.")) };
                filter.older_ms = u64::from(age) * 1000;
            }
            "frontend" => filter.frontend = Some(shell.frontend(&[words.next().unwrap_or_default()])?.id),
            "backend" => {
                let found = shell.proxy(words.next().unwrap_or_default(), |proxy| proxy.backend);
                filter.backend = Some(found.ok_or_else(|| Answer::error("No such backend."))?.id);
            }
            "server" => {
                let found = shell.server(&[words.next().unwrap_or_default()])?;
                (filter.backend, filter.server) = (Some(found.proxy.id), Some(found.id));
            }
            word => filter.number = number(word),
        }
    }
    let streams = shell.engine.map(crate::engine::Engine::streams).unwrap_or_default();
    let mut out = String::new();
    for stream in streams.iter().filter(|stream| filter.holds(stream)) {
        if filter.detailed || filter.number.is_some() {
            details(shell, stream, &mut out);
        } else {
            line(shell, stream, &mut out);
        }
    }
    if out.is_empty() && filter.number.is_some() {
        return Err(Answer::error("Session not found."));
    }
    Ok(Answer::data(out))
}

impl Filter {
    fn holds(&self, stream: &Listed) -> bool {
        self.number.is_none_or(|number| stream.number == number)
            && self.frontend.is_none_or(|id| stream.frontend == id)
            && self.backend.is_none_or(|id| stream.server.is_some_and(|(backend, _)| backend == id))
            && self.server.is_none_or(|id| stream.server.is_some_and(|(_, server)| server == id))
            && stream.age_ms >= self.older_ms
    }
}

/// The names of where a stream is.
struct Names<'a> {
    proto: &'static str,
    src: String,
    frontend: Option<&'a Proxy>,
    backend: Option<&'a Proxy>,
    server: &'a str,
}

impl<'a> Names<'a> {
    fn of(shell: &Shell<'a>, stream: &Listed) -> Names<'a> {
        let proxy = |id: crate::base::id::ProxyId| shell.ir.proxies.get(id.index()).map(|proxy| &**proxy);
        let (proto, src) = match stream.src {
            Endpoint::Ip(addr) if addr.is_ipv4() => ("tcpv4", addr.to_string()),
            Endpoint::Ip(addr) => ("tcpv6", addr.to_string()),
            Endpoint::Unix => ("unix_stream", "unix:1".to_owned()),
            Endpoint::Unknown => ("?", "unknown".to_owned()),
        };
        let backend = stream.server.and_then(|(backend, _)| proxy(backend));
        let server = stream.server.and_then(|(_, server)| backend?.servers.get(server.index()));
        Names {
            proto,
            src,
            frontend: proxy(stream.frontend),
            backend,
            server: server.map_or("<none>", |server| &server.name),
        }
    }
}

fn line(shell: &Shell<'_>, stream: &Listed, out: &mut String) {
    let names = Names::of(shell, stream);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "0x{:x}: proto={} src={} fe={} be={} srv={} ts=00 epoch=0 age={} calls={} rate=0 cpu=0 lat=0",
        stream.number,
        names.proto,
        names.src,
        names.frontend.map_or("<none>", |proxy| &proxy.name),
        names.backend.map_or("<NONE>", |proxy| &proxy.name),
        names.server,
        age(stream.age_ms),
        stream.streams,
    );
}

fn details(shell: &Shell<'_>, stream: &Listed, out: &mut String) {
    let names = Names::of(shell, stream);
    let place = |proxy: Option<&Proxy>| match proxy {
        Some(proxy) => {
            let mode = if proxy.mode == Mode::Http { "http" } else { "tcp" };
            format!("{} (id={} mode={mode})", proxy.name, proxy.uuid)
        }
        None => "<NONE> (id=-1 mode=-)".to_owned(),
    };
    let server = stream.server.map_or(-1, |(_, server)| i64::from(server.0) + 1);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "0x{:x}: id={} proto={} source={}\n  frontend={}\n  backend={}\n  server={} (id={server})\n  \
         thread={} age={} streams={}",
        stream.number,
        stream.number,
        names.proto,
        names.src,
        place(names.frontend),
        place(names.backend),
        names.server,
        stream.core.index() + 1,
        age(stream.age_ms),
        stream.streams,
    );
}

/// As HAProxy prints it: the largest unit and the next.
fn age(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn shutdown_session(shell: &Shell<'_>, words: &[&str]) -> Done {
    let Some(number) = words.first().and_then(|word| number(word)) else {
        return Err(Answer::error("Session pointer expected (use 'show sess')."));
    };
    let Some(engine) = shell.engine.filter(|engine| engine.streams().iter().any(|stream| stream.number == number))
    else {
        return Err(Answer::error("No such session (use 'show sess')."));
    };
    engine.end_streams(&Target::Number(number));
    Ok(Answer::done())
}

const USAGE: &str = "Usage: show sess [<id> | all | help] [<options>*]\n\
     Options:\n\
     \x20 backend <b>    only streams attached to this backend\n\
     \x20 frontend <f>   only streams attached to this frontend\n\
     \x20 older <age>    only streams older than <age> seconds\n\
     \x20 server <b/s>   only streams attached to this backend and server\n";
