//! A frontend, backend or listen section with its defaults applied (manual chapter 4).

use std::ops::Deref;
use std::sync::Arc;

use super::balance::{Balance, Choosing};
use super::bind::Bind;
use super::compression::Compression;
use super::log::LogTarget;
use super::names::{ForwardedField, RestrictNames};
use super::persist::Persistence;
use super::server::Server;
use super::socket::Sockets;
use super::stats::Stats;
use crate::base::id::{ProxyId, ServerId, TableId};
use crate::expr::{Cond, Expr, LogFormat};
use crate::http::HeaderName;
use crate::keyword::Needs;
use crate::rules::RuleSet;
use crate::rules::action::Reply;

/// One proxy: what its section says, and what the runtime socket may replace while it runs (management.txt 9.3 `add server`,
/// `commit ssl cert`). A proxy with other servers shares the rest with the one before.
#[derive(Clone)]
pub struct Proxy {
    section: Arc<Section>,
    /// Listeners.
    pub binds: Vec<Arc<Bind>>,
    /// Servers; index is `ServerId`.
    pub servers: Vec<Arc<Server>>,
    /// So many of the first servers must keep their places: rules and expressions name the last of them.
    pub fixed_servers: usize,
}

impl Proxy {
    /// A section with its listeners and servers.
    pub fn new(section: Section, binds: Vec<Bind>, servers: Vec<Server>) -> Proxy {
        Proxy {
            section: Arc::new(section),
            binds: binds.into_iter().map(Arc::new).collect(),
            servers: servers.into_iter().map(Arc::new).collect(),
            fixed_servers: 0,
        }
    }

    /// Whether it differs from another in listeners and servers only.
    pub fn has_section_of(&self, other: &Proxy) -> bool {
        Arc::ptr_eq(&self.section, &other.section)
    }

    /// Gives it a number; only while the configuration is loaded and nobody else has the section.
    pub fn number(&mut self, uuid: u32) {
        if let Some(section) = Arc::get_mut(&mut self.section) {
            section.uuid = uuid;
        }
    }
}

impl Deref for Proxy {
    type Target = Section;

    fn deref(&self) -> &Section {
        &self.section
    }
}

/// What a section says but for listeners and servers. Frontend fields are used where `frontend` is set, backend fields where
/// `backend` is.
pub struct Section {
    /// Index in `Ir::proxies`.
    pub id: ProxyId,
    /// As in the file.
    pub name: Arc<str>,
    /// Accepts connections.
    pub frontend: bool,
    /// Has servers.
    pub backend: bool,
    /// `disabled`.
    pub disabled: bool,
    /// `id`, else counting from 2 in file order as HAProxy does (`iid`).
    pub uuid: u32,
    /// `id` was given.
    pub forced_id: bool,
    /// `mode`.
    pub mode: Mode,
    /// `description`.
    pub description: Option<Box<str>>,
    /// `file:line` of the section.
    pub place: Box<str>,
    /// The lines that count for servers which are added at run time.
    pub server_context: Box<str>,

    /// `maxconn` of the frontend; `None` follows the global one.
    pub maxconn: Option<u32>,
    /// `rate-limit sessions`; `None` is unlimited.
    pub rate_limit: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `tcp-request connection`
    pub tcp_req_conn: RuleSet,
    /// `tcp-request session`
    pub tcp_req_sess: RuleSet,
    /// `tcp-request content`
    pub tcp_req_content: RuleSet,
    /// `tcp-response content`
    pub tcp_res_content: RuleSet,
    /// `tcp-request inspect-delay` in milliseconds.
    pub inspect_delay_ms: Option<u64>,
    /// `tcp-response inspect-delay` in milliseconds.
    pub res_inspect_delay_ms: Option<u64>,
    /// `http-request` and `redirect` rules, in order.
    pub http_req: RuleSet,
    /// `http-response`
    pub http_res: RuleSet,
    /// `http-after-response`
    pub http_after: RuleSet,
    /// `use_backend` in order.
    pub use_backend: Vec<BackendChoice>,
    /// `default_backend`; a listen section without one serves itself.
    pub default_backend: Option<ProxyId>,
    /// `use-server` in order.
    pub use_server: Vec<ServerChoice>,
    /// `stick-table`: the section's own.
    pub table: Option<TableId>,
    /// `stick` in order.
    pub stick: Vec<StickRule>,
    /// `monitor-uri`.
    pub monitor_uri: Option<Box<[u8]>>,
    /// `monitor fail` conditions.
    pub monitor_fail: Vec<Cond>,
    /// `capture request header`: name and length; slot is the index. `declare capture` has no name: rules fill the slot.
    pub capture_req: Vec<(Option<HeaderName>, usize)>,
    /// `capture response header`; see `capture_req`.
    pub capture_res: Vec<(Option<HeaderName>, usize)>,
    /// `capture cookie`: how `name=value` must begin, and how much of it is kept.
    pub capture_cookie: Option<(Box<[u8]>, usize)>,

    /// Timeouts in milliseconds; `None` waits for ever.
    pub timeouts: Timeouts,
    /// `retries`, default 3.
    pub retries: u32,
    /// `retry-on` conditions.
    pub retry_on: RetryOn,
    /// `option redispatch`: `Some(n)` every nth retry, -1 the last one only; `None` never.
    pub redispatch: Option<i32>,
    /// `balance`.
    pub balance: Balance,
    /// What else says how servers are chosen.
    pub choosing: Choosing,
    /// `cookie`, `force-persist` and relatives.
    pub persist: Persistence,
    /// `option checkcache`
    pub check_cache: bool,
    /// `fullconn`.
    pub fullconn: Option<u32>,
    /// `http-reuse`.
    pub reuse: Reuse,
    /// `option http-keep-alive` and relatives.
    pub connection: ConnectionMode,
    /// `option http-pretend-keepalive`: no `Connection: close` to servers although the connection will be closed.
    pub pretend_keepalive: bool,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option forwardfor`.
    pub forwardfor: Option<Forwarded>,
    /// `option forwarded`.
    pub forwarded: Option<Box<ForwardedField>>,
    /// `option http-restrict-req-hdr-names`.
    pub restrict_names: RestrictNames,
    /// `option h1-case-adjust-bogus-client`.
    pub adjust_client: bool,
    /// `option h1-case-adjust-bogus-server`.
    pub adjust_server: bool,
    /// `option http-drop-request-trailers`.
    pub drop_request_trailers: bool,
    /// `option http-drop-response-trailers`.
    pub drop_response_trailers: bool,
    /// `option originalto`.
    pub originalto: Option<Forwarded>,
    /// `option abortonclose` (3.4's default is on for HTTP).
    pub abort_on_close: bool,
    /// A client's end ends a request with it that is being served (before 3.3); else the server is told of it.
    pub aborts_served: bool,
    /// What the kernel is told of its connections.
    pub sockets: Sockets,
    /// `option idle-close-on-response`: idle connections are closed behind their next response only.
    pub keeps_idle_clients: bool,
    /// `option http-no-delay`.
    pub no_delay: bool,
    /// `option accept-unsafe-violations-in-http-request`.
    pub unsafe_requests: bool,
    /// `option accept-unsafe-violations-in-http-response`.
    pub unsafe_responses: bool,
    /// `option http-ignore-probes`.
    pub ignore_probes: bool,
    /// `option http-use-proxy-header`.
    pub use_proxy_header: bool,
    /// Error replies by status: from `errorfile`, `errorloc*`, `http-error`.
    pub errors: Vec<ErrorReply>,
    /// `compression ...`.
    pub compression: Option<Box<Compression>>,
    /// `stats ...`.
    pub stats: Option<Stats>,

    /// `log` targets.
    pub logs: Vec<LogTarget>,
    /// What lines look like.
    pub log_formats: LogFormats,
    /// `log-tag`.
    pub log_tag: Option<Box<str>>,
    /// `option dontlognull`.
    pub dont_log_null: bool,
    /// `option dontlog-normal`.
    pub dont_log_normal: bool,
    /// `option log-separate-errors`.
    pub log_separate_errors: bool,
    /// `option logasap`.
    pub log_asap: bool,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `unique-id-format`.
    pub unique_id: Option<Arc<LogFormat>>,
    /// `unique-id-header`.
    pub unique_id_header: Option<HeaderName>,
    /// `option socket-stats`.
    pub socket_stats: bool,
    /// `http-send-name-header`.
    pub name_header: Option<HeaderName>,
}

impl Section {
    /// A section with the documented defaults of 2.x: neither frontend nor backend yet.
    pub fn new(name: &str, id: ProxyId) -> Section {
        Section {
            id,
            name: name.into(),
            frontend: false,
            backend: false,
            disabled: false,
            uuid: 0,
            forced_id: false,
            mode: Mode::Tcp,
            description: None,
            place: "".into(),
            server_context: "".into(),
            maxconn: None,
            rate_limit: None,
            backlog: None,
            tcp_req_conn: RuleSet::default(),
            tcp_req_sess: RuleSet::default(),
            tcp_req_content: RuleSet::default(),
            tcp_res_content: RuleSet::default(),
            inspect_delay_ms: None,
            res_inspect_delay_ms: None,
            http_req: RuleSet::default(),
            http_res: RuleSet::default(),
            http_after: RuleSet::default(),
            use_backend: Vec::new(),
            default_backend: None,
            use_server: Vec::new(),
            table: None,
            stick: Vec::new(),
            monitor_uri: None,
            monitor_fail: Vec::new(),
            capture_req: Vec::new(),
            capture_res: Vec::new(),
            capture_cookie: None,
            timeouts: Timeouts::default(),
            retries: 3,
            retry_on: RetryOn::CONN_FAILURE,
            redispatch: None,
            balance: Balance::RoundRobin,
            choosing: Choosing::default(),
            persist: Persistence::default(),
            check_cache: false,
            fullconn: None,
            reuse: Reuse::Safe,
            connection: ConnectionMode::KeepAlive,
            pretend_keepalive: false,
            buffer_request: false,
            forwardfor: None,
            forwarded: None,
            restrict_names: RestrictNames::Preserve,
            adjust_client: false,
            adjust_server: false,
            drop_request_trailers: false,
            drop_response_trailers: false,
            originalto: None,
            abort_on_close: false,
            aborts_served: false,
            sockets: Sockets::default(),
            keeps_idle_clients: false,
            no_delay: false,
            unsafe_requests: false,
            unsafe_responses: false,
            ignore_probes: false,
            use_proxy_header: false,
            errors: Vec::new(),
            compression: None,
            stats: None,
            logs: Vec::new(),
            log_formats: LogFormats::default(),
            log_tag: None,
            dont_log_null: false,
            dont_log_normal: false,
            log_separate_errors: false,
            log_asap: false,
            log_health_checks: false,
            unique_id: None,
            unique_id_header: None,
            socket_stats: false,
            name_header: None,
        }
    }
}

/// The formats of a frontend's log lines.
#[derive(Debug, Default)]
pub struct LogFormats {
    /// `log-format` and the options that stand for one; `None` where nothing is logged of a finished stream.
    pub stream: Option<LogFormat>,
    /// `error-log-format`.
    pub error: Option<LogFormat>,
    /// `log-format-sd`: what targets with `format rfc5424` get as structured data.
    pub structured: Option<LogFormat>,
}

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `tcp`
    Tcp,
    /// `http`
    Http,
}

/// `timeout ...`, all in milliseconds; `None` waits for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeout client`
    pub client: Option<u64>,
    /// `timeout client-fin`
    pub client_fin: Option<u64>,
    /// `timeout client-hs`
    pub client_hs: Option<u64>,
    /// `timeout connect`
    pub connect: Option<u64>,
    /// `timeout check`
    pub check: Option<u64>,
    /// `timeout http-request`
    pub http_request: Option<u64>,
    /// `timeout http-keep-alive`
    pub http_keep_alive: Option<u64>,
    /// `timeout queue`; falls back to `connect`.
    pub queue: Option<u64>,
    /// `timeout server`
    pub server: Option<u64>,
    /// `timeout server-fin`
    pub server_fin: Option<u64>,
    /// `timeout tarpit`; falls back to `connect`.
    pub tarpit: Option<u64>,
    /// `timeout tunnel`
    pub tunnel: Option<u64>,
}

bitflags::bitflags! {
    /// `retry-on` (manual 4.2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RetryOn: u32 {
        /// `conn-failure`: the default.
        const CONN_FAILURE = 1;
        /// `empty-response`
        const EMPTY_RESPONSE = 2;
        /// `junk-response`
        const JUNK_RESPONSE = 4;
        /// `response-timeout`
        const RESPONSE_TIMEOUT = 8;
        /// `0rtt-rejected`
        const EARLY_DATA = 16;
        /// 401 to 504 as listed in the manual, in the order 401 403 404 408 421 425 429 500 501 502 503 504.
        const S401 = 1 << 8;
        /// See `S401`.
        const S403 = 1 << 9;
        /// See `S401`.
        const S404 = 1 << 10;
        /// See `S401`.
        const S408 = 1 << 11;
        /// See `S401`.
        const S421 = 1 << 12;
        /// See `S401`.
        const S425 = 1 << 13;
        /// See `S401`.
        const S429 = 1 << 14;
        /// See `S401`.
        const S500 = 1 << 15;
        /// See `S401`.
        const S501 = 1 << 16;
        /// See `S401`.
        const S502 = 1 << 17;
        /// See `S401`.
        const S503 = 1 << 18;
        /// See `S401`.
        const S504 = 1 << 19;
    }
}

impl RetryOn {
    /// The events as written (manual 4.2); `all-retryable-errors` is a union of them.
    pub const NAMES: [(&'static str, RetryOn); 17] = [
        ("conn-failure", RetryOn::CONN_FAILURE),
        ("empty-response", RetryOn::EMPTY_RESPONSE),
        ("junk-response", RetryOn::JUNK_RESPONSE),
        ("response-timeout", RetryOn::RESPONSE_TIMEOUT),
        ("0rtt-rejected", RetryOn::EARLY_DATA),
        ("401", RetryOn::S401),
        ("403", RetryOn::S403),
        ("404", RetryOn::S404),
        ("408", RetryOn::S408),
        ("421", RetryOn::S421),
        ("425", RetryOn::S425),
        ("429", RetryOn::S429),
        ("500", RetryOn::S500),
        ("501", RetryOn::S501),
        ("502", RetryOn::S502),
        ("503", RetryOn::S503),
        ("504", RetryOn::S504),
    ];
}

/// One `use_backend` line.
pub struct BackendChoice {
    /// The condition; none means always.
    pub cond: Option<Cond>,
    /// Which backend.
    pub to: BackendTo,
    /// `file:line`.
    pub place: Box<str>,
}

/// The backend of a `use_backend` line.
pub enum BackendTo {
    /// Known at load.
    Fixed(ProxyId),
    /// A log-format; an unknown name falls through to the next rule.
    Dynamic(LogFormat),
}

/// One `stick` line.
pub struct StickRule {
    /// When it applies.
    pub when: StickWhen,
    /// The key.
    pub key: Arc<Expr>,
    /// Where servers are looked up and remembered.
    pub table: TableId,
    /// The condition; none means always.
    pub cond: Option<Cond>,
}

impl StickRule {
    /// What its key and its condition read.
    pub fn needs(&self) -> Needs {
        self.key.needs() | self.cond.as_ref().map_or(Needs::empty(), |cond| cond.needs())
    }
}

/// What a `stick` line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickWhen {
    /// `stick match`: looks the server up.
    Match,
    /// `stick store-request`: remembers the server with a key of the request.
    StoreRequest,
    /// `stick on`: both.
    On,
    /// `stick store-response`: remembers the server with a key of the response.
    StoreResponse,
}

impl StickWhen {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            StickWhen::Match => "match",
            StickWhen::StoreRequest => "store-request",
            StickWhen::On => "on",
            StickWhen::StoreResponse => "store-response",
        }
    }

    /// Looks the server of a request up.
    pub fn matches(self) -> bool {
        matches!(self, StickWhen::Match | StickWhen::On)
    }

    /// Remembers the server with a key of the request.
    pub fn stores_request(self) -> bool {
        matches!(self, StickWhen::StoreRequest | StickWhen::On)
    }
}

/// One `use-server` line.
pub struct ServerChoice {
    /// The condition.
    pub cond: Option<Cond>,
    /// Which server.
    pub to: ServerTo,
}

/// The server of a `use-server` line.
pub enum ServerTo {
    /// Known at load.
    Fixed(ServerId),
    /// A log-format.
    Dynamic(LogFormat),
}

/// `http-reuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// `never`
    Never,
    /// `safe`: the default.
    Safe,
    /// `aggressive`
    Aggressive,
    /// `always`
    Always,
}

/// How connections live on after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionMode {
    /// `option http-keep-alive`: the default.
    KeepAlive,
    /// `option http-server-close`
    ServerClose,
    /// `option httpclose`
    Close,
}

/// `option forwardfor` and `option originalto`.
pub struct Forwarded {
    /// The header, by default `X-Forwarded-For` or `X-Original-To`.
    pub header: HeaderName,
    /// `except` network: address and prefix length.
    pub except: Option<(std::net::IpAddr, u8)>,
    /// `if-none`
    pub if_none: bool,
}

/// The reply that stands for a status: complete raw bytes, or a redirect.
pub struct ErrorReply {
    /// The status it stands for.
    pub status: u16,
    /// What is sent.
    pub answer: ErrorAnswer,
}

/// What stands for a status.
pub enum ErrorAnswer {
    /// Raw HTTP/1 response, head and body, as it is sent.
    Raw(Arc<[u8]>),
    /// A response made of a body and fields (`http-error`).
    Made(Reply),
}

impl ErrorReply {
    /// What the format strings of the reply read.
    pub fn needs(&self) -> Needs {
        match &self.answer {
            ErrorAnswer::Raw(_) => Needs::empty(),
            ErrorAnswer::Made(reply) => reply.needs(),
        }
    }
}
