//! Health checks (manual 5.2 `check`, `option httpchk`, `http-check`, `option tcp-check`, `tcp-check`).

use std::net::IpAddr;
use std::sync::Arc;

use regex::bytes::Regex;

use super::server::ServerTls;
use crate::expr::{Expr, LogFormat};
use crate::keyword::VarSlot;
use crate::rules::action::Assignment;
use crate::wire::dialog::Dialog;

/// How one server is checked.
pub struct Check {
    /// What is asked and expected.
    pub kind: CheckKind,
    /// `inter` in milliseconds, default 2000.
    pub inter_ms: u64,
    /// `fastinter`; default `inter`.
    pub fastinter_ms: Option<u64>,
    /// `downinter`; default `inter`.
    pub downinter_ms: Option<u64>,
    /// `rise`, default 2.
    pub rise: u32,
    /// `fall`, default 3.
    pub fall: u32,
    /// `init-state`; default up, and down at the first failure.
    pub init_state: InitState,
    /// `port`; default the server's (or the first bind port rule of the manual).
    pub port: Option<u16>,
    /// `addr`; default the server's.
    pub addr: Option<IpAddr>,
    /// `check-ssl`, or `ssl` without another port or address.
    pub tls: bool,
    /// The settings of `tls` where the server's traffic has none (`check-ssl` without `ssl`).
    pub own_tls: Option<Box<ServerTls>>,
    /// `check-send-proxy`, or `send-proxy` without another port or address.
    pub send_proxy: bool,
}

/// How a server begins, at the start and when it leaves maintenance (manual 5.2 `init-state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitState {
    /// Up; `fall` checks must fail.
    FullyUp,
    /// Up; one failing check is enough.
    #[default]
    Up,
    /// Down; one passing check is enough.
    Down,
    /// Down; `rise` checks must pass.
    FullyDown,
}

impl InitState {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            InitState::FullyUp => "fully-up",
            InitState::Up => "up",
            InitState::Down => "down",
            InitState::FullyDown => "fully-down",
        }
    }
}

/// How the agent of a server is asked (manual 5.2 `agent-check`).
pub struct Agent {
    /// `agent-port`
    pub port: u16,
    /// `agent-addr`; default the server's.
    pub addr: Option<IpAddr>,
    /// `agent-inter` in milliseconds, default 2000.
    pub inter_ms: u64,
    /// `agent-send`
    pub send: Box<[u8]>,
}

/// What streams that meet errors mean for a checked server (manual 5.2 `observe`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observe {
    /// `layer7`: responses count, too.
    pub responses: bool,
    /// `error-limit`: so many errors in a row are too many.
    pub limit: u32,
    /// `on-error`
    pub then: OnError,
}

/// What too many errors in a row do (manual 5.2 `on-error`); each also hurries the next check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Nothing else.
    FastInter,
    /// They count as a failed check.
    #[default]
    FailCheck,
    /// One more failed check, and the server is down.
    SuddenDeath,
    /// The server is down.
    MarkDown,
}

impl OnError {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            OnError::FastInter => "fastinter",
            OnError::FailCheck => "fail-check",
            OnError::SuddenDeath => "sudden-death",
            OnError::MarkDown => "mark-down",
        }
    }
}

/// The kind of a check.
pub enum CheckKind {
    /// A TCP connection is enough.
    Connect,
    /// `option httpchk` with its steps; shared by the servers of a backend.
    Http(Arc<Vec<HttpCheckStep>>),
    /// `option tcp-check` with its steps; shared likewise.
    Tcp(Arc<Vec<TcpCheckStep>>),
    /// A check of a known protocol: `option redis-check` and its like.
    Dialog(Arc<Dialog>),
}

impl CheckKind {
    /// Whether a step asks for TLS of its own.
    pub fn wants_tls(&self) -> bool {
        match self {
            CheckKind::Connect | CheckKind::Dialog(_) => false,
            CheckKind::Http(steps) => steps.iter().any(|step| matches!(step, HttpCheckStep::Connect(to) if to.tls)),
            CheckKind::Tcp(steps) => steps.iter().any(|step| matches!(&step.what, TcpStep::Connect(to) if to.tls)),
        }
    }
}

/// `http-check connect`, `tcp-check connect`: a new connection. TLS and the PROXY header are the server's only with `default`.
#[derive(Default)]
pub struct CheckConnect {
    /// `port`; default the check's.
    pub port: Option<PortOf>,
    /// `addr`; default the check's.
    pub addr: Option<IpAddr>,
    /// `ssl`
    pub tls: bool,
    /// `sni`; default the check's.
    pub sni: Option<Box<str>>,
    /// `alpn`; default the server's.
    pub alpn: Option<Vec<Vec<u8>>>,
    /// `send-proxy`
    pub send_proxy: bool,
    /// `linger`: closed in order, not with a reset.
    pub linger: bool,
    /// `default`: what the server's line says counts too.
    pub default: bool,
    /// `comment`: told when it fails.
    pub comment: Option<Box<str>>,
}

/// One step of a generic check.
pub struct TcpCheckStep {
    /// Its place among the `tcp-check` rules, from 1.
    pub number: usize,
    /// What is done.
    pub what: TcpStep,
}

/// What a step of a generic check does.
pub enum TcpStep {
    /// `tcp-check connect`
    Connect(CheckConnect),
    /// `tcp-check send`, `send-lf`, `send-binary`, `send-binary-lf`
    Send { what: Sending, comment: Option<Box<str>> },
    /// `tcp-check expect`
    Expect(Expect),
    /// `tcp-check set-var`, `tcp-check set-var-fmt`
    Set { what: Assignment, text: Box<str> },
    /// `tcp-check unset-var`
    Unset { var: VarSlot, text: Box<str> },
}

impl TcpStep {
    /// Whether it is a `connect` that names the port.
    pub fn names_port(&self) -> bool {
        matches!(self, TcpStep::Connect(to) if to.port.is_some())
    }
}

/// What a generic check sends.
pub enum Sending {
    /// `send`
    Text(Box<[u8]>),
    /// `send-binary`
    Binary(Box<[u8]>),
    /// `send-lf`
    Format(LogFormat),
    /// `send-binary-lf`: the format makes hexadecimal digits.
    BinaryFormat(LogFormat),
}

/// One step of an HTTP check.
pub enum HttpCheckStep {
    /// `http-check connect`
    Connect(CheckConnect),
    /// `http-check send`; without `uri` it is `/`. Names of headers are in lower case.
    Send {
        method: Box<str>,
        uri: Option<LogFormat>,
        version: Box<str>,
        headers: Vec<(Box<str>, LogFormat)>,
        body: Option<LogFormat>,
    },
    /// `http-check expect`; without one, 2xx and 3xx pass.
    Expect(Expect),
    /// `http-check set-var`, `http-check set-var-fmt`
    Set { what: Assignment, text: Box<str> },
    /// `http-check unset-var`
    Unset { var: VarSlot, text: Box<str> },
    /// `http-check disable-on-404` was given: 404 means NOLB.
    DisableOn404,
    /// `http-check send-state` was given: requests say how the server is seen.
    SendState,
}

/// `port` of `http-check connect` and `tcp-check connect`.
pub enum PortOf {
    /// A number.
    Fixed(u16),
    /// An expression.
    Expr(Expr),
}

/// `http-check expect`, `tcp-check expect`.
pub struct Expect {
    /// `!`
    pub negate: bool,
    /// What is compared.
    pub what: ExpectMatch,
    /// `ok-status`, `error-status`, `tout-status` names, where given.
    pub ok_status: Option<&'static str>,
    /// See `ok_status`.
    pub error_status: Option<&'static str>,
    /// See `ok_status`.
    pub timeout_status: Option<&'static str>,
    /// `on-success`.
    pub on_success: Option<LogFormat>,
    /// `on-error`.
    pub on_error: Option<LogFormat>,
    /// `status-code`: what is told instead of the answer's own code.
    pub status_code: Option<Expr>,
    /// `min-recv`.
    pub min_recv: Option<usize>,
    /// `comment` of the rule, or the comment before it: told when it fails.
    pub comment: Option<Box<str>>,
}

/// What `http-check expect` and `tcp-check expect` compare.
pub enum ExpectMatch {
    /// `status 200-399,401`: inclusive ranges.
    Status(Vec<(u16, u16)>),
    /// `rstatus`: regex on the status as text.
    StatusRegex(Regex),
    /// `string` in the body, or in what a TCP server says.
    Body(Box<[u8]>),
    /// `rstring`: regex on the body.
    BodyRegex(Regex),
    /// `string-lf`
    BodyFormat(LogFormat),
    /// `binary`
    Binary(Box<[u8]>),
    /// `rbinary`: regex on the hexadecimal form, in capitals.
    BinaryRegex(Regex),
    /// `binary-lf`: the format makes hexadecimal digits.
    BinaryFormat(LogFormat),
    /// `hdr name ... value ...`: see the manual for the matching methods.
    Header { name: HeaderNameMatch, value: Option<HeaderValueMatch>, full: bool },
}

/// How a header name is matched.
pub struct HeaderNameMatch {
    /// `str`, `beg`, `end`, `sub`, `reg`.
    pub how: TextMatch,
}

/// How a header value is matched.
pub struct HeaderValueMatch {
    /// `str`, `beg`, `end`, `sub`, `reg`.
    pub how: TextMatch,
}

/// A text comparison.
pub enum TextMatch {
    /// Equal.
    Str(Box<[u8]>),
    /// Begins with.
    Beg(Box<[u8]>),
    /// Ends with.
    End(Box<[u8]>),
    /// Contains.
    Sub(Box<[u8]>),
    /// Matches.
    Reg(Regex),
    /// `name-lf`, `value-lf`: one of the comparisons above with a text made anew for each check.
    Format(Comparison, LogFormat),
}

/// How a text is compared that is made anew for each check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Str,
    /// Begins with.
    Beg,
    /// Ends with.
    End,
    /// Contains.
    Sub,
}
