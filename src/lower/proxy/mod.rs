//! `defaults`, `frontend`, `backend` and `listen` (manual chapter 4): what their directives write to, and the union of
//! their tables.
//!
//! A proxy is lowered by applying the lines of its `defaults` to a fresh draft and then its own, so that inheriting needs no
//! code of its own; `finish` makes the draft IR.

/// A flag of the proxy whose documented default is off.
macro_rules! flag {
    ($name:literal, $sections:expr, $doc:literal, $shown:literal, $($field:ident).+) => {
        Setting {
            meta: Meta::new(
                concat!("option ", $name),
                concat!("[no] option ", $name),
                $doc,
                &[(concat!("option ", $name), $shown)],
            ),
            sections: $sections,
            apply: |_, draft, _| {
                draft.out.$($field).+ = draft.flag(false);
                Ok(())
            },
        }
    };
}

mod accepted;
mod balance;
mod binds;
mod check_rules;
mod checks;
mod compression;
mod errors;
mod finish;
mod hash;
mod http;
mod identity;
mod logging;
mod names;
mod old_rules;
mod options;
mod persist;
mod probes;
mod rules;
mod servers;
mod state;
mod stats;
mod stick;
mod timeouts;

use std::sync::LazyLock;

use super::bind::BindDraft;
use super::saved::From;
use super::server::{ServerDraft, SourceDraft};
use super::table::{Draft, Prefix, Table};
use super::values::SharedRef;
use crate::base::id::ProxyId;
use crate::diag::{Span, Word};
use crate::ir::{Balance, Section};
use crate::keyword::{Sections, Setting};

pub(super) use checks::{allowed, check};
pub(super) use errors::ErrorSource;
pub(super) use finish::FinishProxy;

/// All directives of proxies.
pub(super) static TABLE: LazyLock<Table<ProxyDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// A proxy (or a `defaults` section, to be checked) being read.
pub(super) struct ProxyDraft {
    /// What is known already; lists and what needs other sections follow in `finish`.
    pub(super) out: Section,
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
    directions: compression::Directions,
    stats: Option<stats::StatsDraft>,
    /// Where the section's stick table is declared.
    table_line: Option<Span>,
    default_backend: Option<Word>,
    /// `unique-id-format`
    unique_id: Option<Word>,
    abort_on_close: Option<bool>,
    id: Option<(u32, Span)>,
    /// `load-server-state-from-file`
    state_from: From,
    /// `server-state-file-name`
    state_file: Option<String>,
    /// Directives that do nothing without HTTP, and where they stand.
    http_only: Vec<(&'static str, Span)>,
}

impl Draft for ProxyDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl ProxyDraft {
    pub(super) fn new(name: &str, kind: Sections, id: ProxyId, span: Span, shared: SharedRef) -> Self {
        let compat = shared.compat;
        let mut out = Section::new(name, id);
        out.frontend = Sections::FE.contains(kind);
        out.backend = Sections::BE.contains(kind);
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
            directions: compression::Directions::default(),
            stats: None,
            table_line: None,
            default_backend: None,
            unique_id: None,
            abort_on_close: None,
            id: None,
            state_from: From::default(),
            state_file: None,
            http_only: Vec::new(),
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

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<ProxyDraft>]] = &[
    identity::SETTINGS,
    binds::SETTINGS,
    timeouts::SETTINGS,
    options::SETTINGS,
    http::SETTINGS,
    balance::SETTINGS,
    hash::SETTINGS,
    persist::SETTINGS,
    servers::SETTINGS,
    state::SETTINGS,
    logging::SETTINGS,
    errors::SETTINGS,
    compression::SETTINGS,
    names::SETTINGS,
    stats::SETTINGS,
    stick::SETTINGS,
    probes::SETTINGS,
    rules::SETTINGS,
    check_rules::SETTINGS,
    check_rules::TCP_SETTINGS,
    check_rules::DIALOG_SETTINGS,
    accepted::SETTINGS,
];
