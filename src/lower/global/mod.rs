//! The `global` section (manual chapter 3): what its directives write to, and the union of their tables.
//!
//! `setenv` and its relatives are the configuration reader's business: they change how later lines read.

mod accepted;
mod case;
mod compression;
mod cpu;
mod logging;
mod process;
mod runtime;
mod sizes;
mod state;
mod tls;
mod tuning;
mod variables;

use std::sync::LazyLock;

use super::bind::UnixSettings;
use super::files::Reader;
use super::log_target::LogDraft;
use super::table::{Draft, Prefix, Table};
use super::tls::TlsOptions;
use super::values::SharedRef;
use crate::diag::{Diagnostics, Word};
use crate::ir::{AcceptFamilies, CaseMap, Global};
use crate::keyword::{STICK_COUNTERS, Setting, error_at};
use crate::state::View;

pub(super) use process::joined;
use runtime::finish_socket;

/// All directives of `global`.
pub(super) static TABLE: LazyLock<Table<GlobalDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// The `global` sections being read.
pub(super) struct GlobalDraft {
    /// What is known already.
    pub(super) out: Global,
    pub(super) shared: SharedRef,
    prefix: Prefix,
    user: Option<Word>,
    group: Option<Word>,
    /// `log` lines.
    pub(super) logs: Vec<LogDraft>,
    /// `ca-base`
    pub(super) ca_base: Option<String>,
    /// `crt-base`
    pub(super) crt_base: Option<String>,
    /// `key-base`
    key_base: Option<String>,
    /// `ssl-default-bind-*`
    pub(super) bind_tls: TlsOptions,
    /// `ssl-default-server-*`
    pub(super) server_tls: TlsOptions,
    /// `ssl-server-verify none`
    pub(super) server_verify_none: bool,
    /// `unix-bind`
    pub(super) unix_bind: UnixSettings,
    /// `stats socket` lines.
    sockets: Vec<super::bind::BindDraft>,
    /// `default-path`: where relative paths start; empty is the current directory.
    pub(super) default_path: String,
    /// `thread-hard-limit`
    thread_limit: Option<usize>,
    /// `server-state-file`
    pub(super) state_file: Option<String>,
    /// `server-state-base`
    pub(super) state_base: Option<String>,
    /// `h1-case-adjust`
    case_map: CaseMap,
    /// `h1-case-adjust-file`
    case_file: Option<Word>,
    /// What expressions of `set-var` see: the variables set so far.
    view: View,
}

impl Draft for GlobalDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl GlobalDraft {
    pub(super) fn new(shared: SharedRef) -> Self {
        let out = Global {
            shares_idle: true,
            bufsize: 16384,
            maxrewrite: 1024,
            cookielen: 63,
            stick_counters: STICK_COUNTERS,
            tls_sessions: 20_000,
            tls_lifetime: 300,
            maxhdr: 101,
            compression_cpu: 100,
            compression_level: 1,
            compression_window: 15,
            log_uri_len: 1024,
            strict_limits: true,
            accept_families: match shared.compat.before_3_3() {
                true => AcceptFamilies::Both,
                false => AcceptFamilies::Auto,
            },
            ..Global::default()
        };
        GlobalDraft {
            out,
            shared,
            prefix: Prefix::None,
            user: None,
            group: None,
            logs: Vec::new(),
            ca_base: None,
            crt_base: None,
            key_base: None,
            bind_tls: TlsOptions::default(),
            server_tls: TlsOptions::default(),
            server_verify_none: false,
            unix_bind: UnixSettings::default(),
            sockets: Vec::new(),
            default_path: String::new(),
            thread_limit: None,
            state_file: None,
            state_base: None,
            case_map: CaseMap::default(),
            case_file: None,
            view: View::default(),
        }
    }

    /// Resolves names of users, groups and log hosts.
    pub(super) fn finish(&mut self, reader: &Reader<'_>, diags: &Diagnostics) {
        self.finish_identity(reader, diags);
        self.finish_case(reader, diags);
        let send_hostname = self.out.log_send_hostname.is_some();
        for log in &self.logs {
            match log.finish(reader, send_hostname) {
                Ok(target) => self.out.logs.push(target),
                Err(error) => diags.push(*error),
            }
        }
        for socket in std::mem::take(&mut self.sockets) {
            match finish_socket(socket, reader) {
                Ok(sockets) => self.out.runtime_sockets.extend(sockets),
                Err(error) => diags.push(*error),
            }
        }
        if let (Some(limit), Some(threads)) = (self.thread_limit, self.out.threads) {
            self.out.threads = Some(threads.min(limit));
        }
    }

    fn finish_identity(&mut self, reader: &Reader<'_>, diags: &Diagnostics) {
        if let Some(word) = &self.user {
            match reader.user(word.as_str()) {
                Some(uid) => self.out.uid = Some(uid),
                None => diags.push(*error_at(word.span, format!("cannot find user id for '{word}'"))),
            }
        }
        if let Some(word) = &self.group {
            match reader.group(word.as_str()) {
                Some(gid) => self.out.gid = Some(gid),
                None => diags.push(*error_at(word.span, format!("cannot find group id for '{word}'"))),
            }
        }
    }
}

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<GlobalDraft>]] = &[
    process::SETTINGS,
    cpu::SETTINGS,
    logging::SETTINGS,
    runtime::SETTINGS,
    state::SETTINGS,
    tls::SETTINGS,
    tuning::SETTINGS,
    sizes::SETTINGS,
    variables::SETTINGS,
    compression::SETTINGS,
    case::SETTINGS,
    accepted::SETTINGS,
];
