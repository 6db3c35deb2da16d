//! `defaults`, `frontend`, `backend` and `listen` (manual chapter 4): what their directives write to, and the union of
//! their tables.
//!
//! A proxy is lowered by applying the lines of its `defaults` to a fresh draft and then its own, so that inheriting needs no
//! code of its own; `finish` makes the draft IR.

mod accepted;
mod balance;
mod binds;
mod check_rules;
mod checks;
mod errors;
mod finish;
mod http;
mod identity;
mod logging;
mod options;
mod rules;
mod servers;
mod stats;
mod timeouts;

use std::sync::LazyLock;

use super::bind::BindDraft;
use super::server::{ServerDraft, SourceDraft};
use super::table::{Draft, Prefix, Table};
use super::values::SharedRef;
use crate::base::id::ProxyId;
use crate::diag::{Span, Word};
use crate::ir::{Balance, ConnectionMode, Mode, Proxy, Reuse, Timeouts, proxy::RetryOn};
use crate::keyword::{Sections, Setting};
use crate::rules::RuleSet;

pub(super) use checks::{allowed, check};
pub(super) use finish::FinishProxy;

/// All directives of proxies.
pub(super) static TABLE: LazyLock<Table<ProxyDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// A proxy (or a `defaults` section, to be checked) being read.
pub(super) struct ProxyDraft {
    /// What is known already; lists and what needs other sections follow in `finish`.
    pub(super) out: Proxy,
    pub(super) shared: SharedRef,
    prefix: Prefix,
    /// One of `DEFAULTS`, `FRONTEND`, `BACKEND`, `LISTEN`.
    pub(super) kind: Sections,
    /// A `defaults` section without a name takes no rules.
    pub(super) anonymous: bool,
    /// Where the section starts.
    pub(super) span: Span,
    /// Where the line being applied stands.
    pub(super) line: Span,
    /// The line being applied comes from a `defaults` section.
    pub(super) inherited: bool,
    rules: rules::RuleLists,
    pub(super) default_server: ServerDraft,
    pub(super) servers: Vec<ServerDraft>,
    pub(super) binds: Vec<BindDraft>,
    pub(super) source: Option<SourceDraft>,
    logs: logging::Logs,
    errors: Vec<errors::ErrorSource>,
    check: check_rules::CheckDraft,
    stats: Option<stats::StatsDraft>,
    default_backend: Option<Word>,
    /// `unique-id-format`
    unique_id: Option<Word>,
    abort_on_close: Option<bool>,
    id: Option<(u32, Span)>,
    /// `option forwardfor` comes from the defaults.
    forwardfor_inherited: bool,
}

impl Draft for ProxyDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl ProxyDraft {
    pub(super) fn new(name: &str, kind: Sections, id: ProxyId, span: Span, shared: SharedRef) -> Self {
        let compat = shared.compat;
        let mut out = blank(name, kind, id);
        out.place = shared.place(span);
        if !compat.before_3_3() {
            out.balance = Balance::Random(2);
        }
        ProxyDraft {
            out,
            prefix: Prefix::None,
            kind,
            anonymous: false,
            span,
            line: span,
            inherited: false,
            rules: rules::RuleLists::default(),
            default_server: ServerDraft::new(shared.clone()),
            shared,
            servers: Vec::new(),
            binds: Vec::new(),
            source: None,
            logs: logging::Logs::default(),
            errors: Vec::new(),
            check: check_rules::CheckDraft::default(),
            stats: None,
            default_backend: None,
            unique_id: None,
            abort_on_close: None,
            id: None,
            forwardfor_inherited: false,
        }
    }

    /// `frontend 'web'` and the like, for messages.
    pub(super) fn title(&self) -> String {
        title(self.kind, &self.out.name)
    }
}

/// The section's keyword.
pub(super) fn kind_name(kind: Sections) -> &'static str {
    match kind {
        Sections::FRONTEND => "frontend",
        Sections::BACKEND => "backend",
        Sections::LISTEN => "listen",
        _ => "defaults",
    }
}

/// HAProxy calls a listen section a proxy.
pub(super) fn title(kind: Sections, name: &str) -> String {
    match kind {
        Sections::LISTEN => format!("proxy '{name}'"),
        kind => format!("{} '{name}'", kind_name(kind)),
    }
}

/// A proxy with the documented defaults of 2.x; [`ProxyDraft::new`] adds what later releases changed.
fn blank(name: &str, kind: Sections, id: ProxyId) -> Proxy {
    Proxy {
        id,
        name: name.into(),
        frontend: Sections::FE.contains(kind),
        backend: Sections::BE.contains(kind),
        disabled: false,
        uuid: 0,
        mode: Mode::Tcp,
        description: None,
        place: "".into(),
        binds: Vec::new(),
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
        monitor_uri: None,
        monitor_fail: Vec::new(),
        capture_req: Vec::new(),
        capture_res: Vec::new(),
        timeouts: Timeouts::default(),
        retries: 3,
        retry_on: RetryOn::CONN_FAILURE,
        redispatch: None,
        balance: Balance::RoundRobin,
        all_backups: false,
        servers: Vec::new(),
        fullconn: None,
        reuse: Reuse::Safe,
        connection: ConnectionMode::KeepAlive,
        pretend_keepalive: false,
        buffer_request: false,
        forwardfor: None,
        originalto: None,
        abort_on_close: false,
        client_keepalive: false,
        server_keepalive: false,
        no_delay: false,
        unsafe_requests: false,
        unsafe_responses: false,
        ignore_probes: false,
        use_proxy_header: false,
        errors: Vec::new(),
        stats: None,
        logs: Vec::new(),
        log_format: None,
        error_log_format: None,
        log_tag: None,
        dont_log_null: false,
        dont_log_normal: false,
        log_separate_errors: false,
        log_asap: false,
        log_health_checks: false,
        unique_id: None,
        unique_id_header: None,
        socket_stats: false,
    }
}

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<ProxyDraft>]] = &[
    identity::SETTINGS,
    binds::SETTINGS,
    timeouts::SETTINGS,
    options::SETTINGS,
    http::SETTINGS,
    balance::SETTINGS,
    servers::SETTINGS,
    logging::SETTINGS,
    errors::SETTINGS,
    stats::SETTINGS,
    rules::SETTINGS,
    check_rules::SETTINGS,
    accepted::SETTINGS,
];
