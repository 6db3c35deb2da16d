//! `server` options of health checks (manual 5.2 `check` and its neighbours).

use std::net::IpAddr;

use super::ServerDraft;
use super::options::protocol;
use crate::base::addr::{Accepts, Host};
use crate::ir::check::{InitState, OnError};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::{not_yet, sentence};
use crate::lower::values::{choice, integer, millis, text};

/// What a server line says of its checks.
#[derive(Clone)]
pub(super) struct CheckOptions {
    pub(super) enabled: bool,
    pub(super) inter_ms: u64,
    pub(super) fastinter_ms: Option<u64>,
    pub(super) downinter_ms: Option<u64>,
    pub(super) rise: u32,
    pub(super) fall: u32,
    pub(super) init_state: InitState,
    /// `observe layer4` (false), `observe layer7` (true)
    pub(super) observe: Option<bool>,
    pub(super) error_limit: u32,
    pub(super) on_error: OnError,
    pub(super) port: Option<u16>,
    pub(super) addr: Option<IpAddr>,
    /// `check-ssl`, `no-check-ssl`; what the server does where it is not said.
    pub(super) tls: Option<bool>,
    /// `check-send-proxy`
    pub(super) send_proxy: bool,
    /// `check-sni`
    pub(super) sni: Option<String>,
    /// `no-check-sni-auto`
    pub(super) no_sni_auto: bool,
}

impl Default for CheckOptions {
    fn default() -> Self {
        CheckOptions {
            enabled: false,
            inter_ms: 2000,
            fastinter_ms: None,
            downinter_ms: None,
            rise: 2,
            fall: 3,
            init_state: InitState::default(),
            observe: None,
            error_limit: 10,
            on_error: OnError::default(),
            port: None,
            addr: None,
            tls: None,
            send_proxy: false,
            sni: None,
            no_sni_auto: false,
        }
    }
}

type Apply = fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

/// A word without arguments.
macro_rules! flag {
    ($name:literal, $doc:literal, $example:expr, $field:ident = $value:expr) => {
        entry(Meta::new($name, $name, $doc, &[$example]), |_, draft, _| {
            draft.check.$field = $value;
            Ok(())
        })
    };
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    flag!(
        "check",
        "Checks the server's health at intervals: by a connection, or as 'option httpchk' says.",
        ("server a 127.0.0.1:80 check", "check inter 2000 rise 2 fall 3"),
        enabled = true
    ),
    flag!(
        "no-check",
        "Takes back a 'check' of 'default-server'.",
        ("server a 127.0.0.1:80 no-check", "server a"),
        enabled = false
    ),
    entry(
        Meta::new(
            "inter",
            "inter <time>",
            "Sets the interval of health checks. The default is 2 seconds.",
            &[("server a 127.0.0.1:80 check inter 500ms", "inter 500")],
        ),
        |words, draft, scope| {
            draft.check.inter_ms = interval(words, scope, "inter", draft)?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "fastinter",
            "fastinter <time>",
            "Sets the interval of health checks while the state is about to change.",
            &[("server a 127.0.0.1:80 check fastinter 500ms", "fastinter 500")],
        ),
        |words, draft, scope| {
            draft.check.fastinter_ms = Some(interval(words, scope, "fastinter", draft)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "downinter",
            "downinter <time>",
            "Sets the interval of health checks while the server is down.",
            &[("server a 127.0.0.1:80 check downinter 5s", "downinter 5000")],
        ),
        |words, draft, scope| {
            draft.check.downinter_ms = Some(interval(words, scope, "downinter", draft)?);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "rise",
            "rise <count>",
            "Sets how many checks in a row must succeed before a server counts as up. The default is 2.",
            &[("server a 127.0.0.1:80 check rise 1", "rise 1")],
        ),
        |words, draft, _| {
            draft.check.rise = count(words, "rise")?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "fall",
            "fall <count>",
            "Sets how many checks in a row must fail before a server counts as down. The default is 3.",
            &[("server a 127.0.0.1:80 check fall 1", "fall 1")],
        ),
        |words, draft, _| {
            draft.check.fall = count(words, "fall")?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "init-state",
            "init-state { fully-up | up | down | fully-down | none }",
            "Sets how a checked server begins: up or down, until one check, or as many as 'fall' or 'rise' say, changes it.",
            &[("server a 127.0.0.1:80 check init-state fully-down", "init-state fully-down")],
        ),
        |words, draft, _| {
            let all = [InitState::FullyUp, InitState::Up, InitState::Down, InitState::FullyDown, InitState::default()];
            let at = choice(words, &["fully-up", "up", "down", "fully-down", "none"])?;
            draft.check.init_state = all.get(at).copied().unwrap_or_default();
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "track",
            "track [<backend>/]<server>",
            "Takes over the state of another server, which is checked, has an agent or tracks one itself.",
            &[("server b 127.0.0.1:81 track app/s", "track app/s")],
        ),
        |words, draft, _| {
            draft.track = Some(words.expect("[<proxy>/]<server> as argument.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "observe",
            "observe { layer4 | layer7 | none }",
            "Counts errors that traffic meets at a checked server: of connections, with 'layer7' of responses too. Valid \
             responses have a status from 100 to 499, 501 or 505.",
            &[(
                "server a 127.0.0.1:80 check observe layer7 error-limit 50",
                "observe layer7 error-limit 50 on-error fail-check",
            )],
        ),
        observe,
    ),
    entry(
        Meta::new(
            "error-limit",
            "error-limit <count>",
            "Sets how many errors in a row are too many for 'observe'. The default is 10.",
            &[("server a 127.0.0.1:80 check observe layer4 error-limit 5", "error-limit 5")],
        ),
        |words, draft, _| {
            draft.check.error_limit = count(words, "error-limit")?;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "on-error",
            "on-error { fastinter | fail-check | sudden-death | mark-down }",
            "Sets what too many errors in a row do: the next check comes at 'fastinter', and they count as a failed check \
             (the default), leave one failed check until the server is down, or mark it down at once.",
            &[("server a 127.0.0.1:80 check observe layer4 on-error mark-down", "on-error mark-down")],
        ),
        |words, draft, _| {
            let all = [OnError::FastInter, OnError::FailCheck, OnError::SuddenDeath, OnError::MarkDown];
            let at = choice(words, &["fastinter", "fail-check", "sudden-death", "mark-down"])?;
            draft.check.on_error = all.get(at).copied().unwrap_or_default();
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "port",
            "port <port>",
            "Sets the port that health checks connect to. The default is the server's.",
            &[("server a 127.0.0.1:80 check port 8080", "port 8080")],
        ),
        |words, draft, _| {
            draft.check.port = Some(integer(words, 0, u16::MAX)?).filter(|port| *port > 0);
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "addr",
            "addr <address>",
            "Sets the address that health checks connect to. The default is the server's.",
            &[("server a 127.0.0.1:80 check addr 127.0.0.2", "addr 127.0.0.2")],
        ),
        addr,
    ),
    flag!(
        "check-ssl",
        "Speaks TLS in health checks even where traffic does not.",
        ("server a 127.0.0.1:80 check check-ssl verify none", "check-ssl"),
        tls = Some(true)
    ),
    flag!(
        "no-check-ssl",
        "Keeps health checks from speaking TLS where traffic does.",
        ("server a 127.0.0.1:80 check no-check-ssl", "check"),
        tls = Some(false)
    ),
    flag!(
        "check-send-proxy",
        "Sends a PROXY protocol header in health checks too.",
        ("server a 127.0.0.1:80 send-proxy check check-send-proxy", "check-send-proxy"),
        send_proxy = true
    ),
    flag!(
        "no-check-send-proxy",
        "Takes back a 'check-send-proxy' of 'default-server'.",
        ("server a 127.0.0.1:80 check no-check-send-proxy", "check"),
        send_proxy = false
    ),
    entry(
        Meta::new(
            "check-sni",
            "check-sni <name>",
            "Sets the server name that health checks send within TLS.",
            &[("server a 127.0.0.1:443 ssl verify none check check-sni a.example.org", "check-sni a.example.org")],
        ),
        |words, draft, _| {
            draft.check.sni = Some(text(words, "a name.")?.to_owned());
            Ok(())
        },
    ),
    flag!(
        "check-sni-auto",
        "Takes the server name of health checks from the 'Host' field they send, which is the default.",
        ("server a 127.0.0.1:443 ssl verify none check check-sni-auto", "check"),
        no_sni_auto = false
    ),
    flag!(
        "no-check-sni-auto",
        "Sends no server name in health checks unless 'check-sni' gives one.",
        ("server a 127.0.0.1:443 ssl verify none check no-check-sni-auto", "check"),
        no_sni_auto = true
    ),
    entry(
        Meta::new(
            "check-proto",
            "check-proto <name>",
            "Forces the protocol spoken in health checks. Only 'h1' is supported yet.",
            &[("server a 127.0.0.1:80 check check-proto h1", "check")],
        ),
        |words, _, _| protocol(words, "check-proto"),
    ),
];

pub(super) fn interval(words: &mut Words<'_>, scope: &Scope<'_>, name: &str, draft: &ServerDraft) -> Result<u64> {
    let span = words.span();
    if words.is_empty() {
        return Err(words.error_here("expects a delay as argument."));
    }
    let ms = millis(words, scope, name)?;
    if ms == 0 {
        let server = draft.name.as_ref().map_or("default-server", |name| name.as_str());
        let message = format!("invalid value 0 for argument '{name}' of server {server}.");
        return Err(sentence(span, "range", message));
    }
    Ok(ms)
}

fn count(words: &mut Words<'_>, name: &str) -> Result<u32> {
    let word = words.expect("an integer as argument.")?;
    let count = word.as_str().parse().ok().filter(|count| *count > 0 && *count <= i32::MAX as u32);
    count.ok_or_else(|| sentence(word.span, "range", format!("'{name}' has to be > 0.")))
}

fn observe(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    if words.is_empty() {
        return Err(words.error_here("expects <mode> as argument."));
    }
    draft.check.observe = match choice(words, &["none", "layer4", "layer7"])? {
        0 => None,
        layer => Some(layer == 2),
    };
    Ok(())
}

fn addr(words: &mut Words<'_>, draft: &mut ServerDraft, _: &Scope<'_>) -> Result<()> {
    let word = words.expect("an address as argument.")?;
    let address = draft.shared.address(word, &Accepts::CHECK)?;
    match address.host {
        Host::Ip(ip) => {
            draft.check.addr = Some(ip);
            let (port, _) = address.ports.range();
            if port > 0 {
                draft.check.port = Some(port);
            }
            Ok(())
        }
        _ => {
            let error = not_yet(word.span, "'addr' with anything but an IP address");
            Err(Box::new(error.help("write the IP address of the host to be checked")))
        }
    }
}
