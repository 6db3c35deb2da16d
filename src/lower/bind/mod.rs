//! `bind` lines (manual 5.1) and, since they take the same options, `stats socket` lines.

mod options;
mod tls;

pub(super) use tls::under;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::files::Reader;
use super::global::GlobalDraft;
use super::table::{self, Draft, Found, Prefix, Table, not_yet, sentence};
use super::tls::TlsOptions;
use super::values::SharedRef;
use crate::base::addr::{Accepts, Address, Host, Ports, Transport};
use crate::diag::{Diagnostic, Diagnostics, Word, suggest};
use crate::ir::{Bind, BindAddr};
use crate::keyword::known::{self, Class};
use crate::keyword::{Result, Scope, Setting, Words, error_at};
use std::net::SocketAddr;

/// All options of `bind`.
pub(super) static TABLE: LazyLock<Table<BindDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// A `bind` line being read.
pub(super) struct BindDraft {
    /// The addresses as written.
    pub(super) word: Word,
    pub(super) shared: SharedRef,
    prefix: Prefix,
    addresses: Vec<Address>,
    name: Option<Arc<str>>,
    maxconn: Option<u32>,
    backlog: Option<u32>,
    accept_proxy: bool,
    netscaler_magic: Option<u32>,
    fast_open: bool,
    defer_accept: bool,
    transparent: bool,
    interface: Option<String>,
    mss: Option<i32>,
    user_timeout_ms: u32,
    v6only: bool,
    id: Option<u32>,
    /// `mode`, `user`, `group` and numeric ids of a UNIX socket.
    pub(super) unix: UnixSettings,
    /// `level` of a runtime socket: 1 user, 2 operator, 3 admin.
    pub(super) level: Option<u8>,
    /// `severity-output` of a runtime socket.
    pub(super) severity_output: Option<&'static str>,
    /// `expose-fd listeners`
    pub(super) expose_fd: bool,
    /// `ssl`
    pub(super) ssl: bool,
    options: TlsOptions,
    /// `crt` and relatives, in order.
    certs: Vec<(tls::CertSource, Word)>,
    alpn: Option<(Vec<Vec<u8>>, Word)>,
    no_alpn: bool,
    /// `verify`: whether it is `required`.
    verify: Option<bool>,
    ca_file: Option<Word>,
    no_ca_names: bool,
    /// `allow-0rtt`
    early_data: Option<Word>,
}

/// Owner and permissions of UNIX sockets; names are looked up when all is read.
#[derive(Clone, Default)]
pub(super) struct UnixSettings {
    prefix: Option<String>,
    mode: Option<u32>,
    user: Option<Word>,
    uid: Option<u32>,
    group: Option<Word>,
    gid: Option<u32>,
}

/// Owner and permissions with names resolved.
pub(super) struct Owner {
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
}

impl Draft for BindDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl BindDraft {
    pub(super) fn new(word: Word, shared: SharedRef) -> Self {
        BindDraft {
            word,
            shared,
            prefix: Prefix::None,
            addresses: Vec::new(),
            name: None,
            maxconn: None,
            backlog: None,
            accept_proxy: false,
            netscaler_magic: None,
            fast_open: false,
            defer_accept: false,
            transparent: false,
            interface: None,
            mss: None,
            user_timeout_ms: 0,
            v6only: false,
            id: None,
            unix: UnixSettings::default(),
            level: None,
            severity_output: None,
            expose_fd: false,
            ssl: false,
            options: TlsOptions::default(),
            certs: Vec::new(),
            alpn: None,
            no_alpn: false,
            verify: None,
            ca_file: None,
            no_ca_names: false,
            early_data: None,
        }
    }

    /// Reads the comma-separated addresses.
    pub(super) fn read_addresses(&mut self) -> Result<()> {
        self.addresses = self.shared.addresses(&self.word, &Accepts::BIND)?;
        for address in &self.addresses {
            let what = match (&address.host, address.transport) {
                (_, Transport::Quic) => "QUIC",
                (Host::SocketPair(_), _) => "'sockpair@'",
                (Host::ReverseHttp(_), _) => "'rhttp@'",
                _ => continue,
            };
            return Err(not_yet(self.word.span, what));
        }
        Ok(())
    }

    /// Reads options until the line ends. `place` stands before what is wrong.
    pub(super) fn read_options(&mut self, words: &mut Words<'_>, scope: &Scope<'_>, place: &str) -> Result<()> {
        while !words.is_empty() {
            let Found::Setting(setting, _) = TABLE.find(words.rest().get(..1).unwrap_or_default()) else {
                return Err(unknown(words, place));
            };
            let span = words.span();
            words.next_word();
            let read = scope.admit(&setting.meta, span).and_then(|()| (setting.apply)(words, self, scope));
            read.map_err(|error| table::in_option(setting.meta.name, place, error))?;
        }
        Ok(())
    }

    /// The listeners of the line. `first` is the number of the proxy's listeners before it.
    pub(super) fn finish(
        self,
        global: &GlobalDraft,
        reader: &Reader<'_>,
        diags: &Diagnostics,
        first: usize,
    ) -> Result<Vec<Bind>> {
        let owner = self.unix.or(&global.unix_bind).resolve(reader)?;
        let place = self.shared.place(self.word.span);
        let prefix = global.unix_bind.prefix.clone().unwrap_or_default();
        let mut out = Vec::new();
        for (addr, multipath) in expand(&self, reader, &prefix)? {
            let number = first + out.len() + 1;
            out.push(Bind {
                addr,
                name: self.name.clone().unwrap_or_else(|| format!("sock-{number}").into()),
                maxconn: self.maxconn,
                backlog: self.backlog,
                accept_proxy: self.accept_proxy,
                netscaler_magic: self.netscaler_magic,
                fast_open: self.fast_open,
                multipath,
                defer_accept: self.defer_accept,
                transparent: self.transparent,
                interface: self.interface.clone(),
                mss: self.mss,
                user_timeout_ms: self.user_timeout_ms,
                unix_mode: owner.mode,
                uid: owner.uid,
                gid: owner.gid,
                id: self.id,
                tls: None,
                place: place.clone(),
            });
        }
        if self.ssl {
            let tls = self.finish_tls(global, reader, diags)?;
            for bind in &mut out {
                bind.tls = Some(tls.clone());
            }
        }
        Ok(out)
    }
}

impl UnixSettings {
    /// Reads `unix-bind`.
    pub(super) fn read(&mut self, words: &mut Words<'_>) -> Result<()> {
        while let Some(word) = words.next_word() {
            match word.as_str() {
                "prefix" => self.prefix = Some(words.expect("a path prefix.")?.as_str().to_owned()),
                name if self.read_one(name, words)? => {}
                _ => {
                    let message = format!(
                        "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options (got '{word}')."
                    );
                    return Err(sentence(word.span, "unknown", message));
                }
            }
        }
        Ok(())
    }

    /// Reads the value of one setting; false if `name` is none.
    fn read_one(&mut self, name: &str, words: &mut Words<'_>) -> Result<bool> {
        match name {
            "mode" => {
                let word = words.next_word();
                let text = word.map_or("", |word| word.as_str());
                let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
                let message = || format!("missing or invalid mode '{text}' (octal integer expected)");
                self.mode = Some(mode.ok_or_else(|| words.error_last(message()))?);
            }
            "user" => self.user = Some(words.expect("a user name")?.clone()),
            "group" => self.group = Some(words.expect("a group name")?.clone()),
            "uid" => self.uid = Some(super::values::integer(words, 0, u32::MAX)?),
            "gid" => self.gid = Some(super::values::integer(words, 0, u32::MAX)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is not said here is taken from `defaults`.
    fn or(&self, defaults: &UnixSettings) -> UnixSettings {
        let (user, uid) = match self.user.is_some() || self.uid.is_some() {
            true => (self.user.clone(), self.uid),
            false => (defaults.user.clone(), defaults.uid),
        };
        let (group, gid) = match self.group.is_some() || self.gid.is_some() {
            true => (self.group.clone(), self.gid),
            false => (defaults.group.clone(), defaults.gid),
        };
        UnixSettings { prefix: None, mode: self.mode.or(defaults.mode), user, uid, group, gid }
    }

    /// Looks names up.
    pub(super) fn resolve(&self, reader: &Reader<'_>) -> Result<Owner> {
        let mut owner = Owner { mode: self.mode, uid: self.uid, gid: self.gid };
        if let Some(word) = &self.user {
            let found = reader.user(word.as_str());
            owner.uid = Some(found.ok_or_else(|| error_at(word.span, format!("'user' : unknown user name '{word}'")))?);
        }
        if let Some(word) = &self.group {
            let found = reader.group(word.as_str());
            let missing = || error_at(word.span, format!("'group' : unknown group name '{word}'"));
            owner.gid = Some(found.ok_or_else(missing)?);
        }
        Ok(owner)
    }
}

/// Every address of the line, ports of ranges one by one, names resolved, and whether it is one of MPTCP. `prefix` goes before paths.
pub(super) fn expand(bind: &BindDraft, reader: &Reader<'_>, prefix: &str) -> Result<Vec<(BindAddr, bool)>> {
    let mut out = Vec::new();
    for address in &bind.addresses {
        let ip = match &address.host {
            Host::Unix(path) => {
                out.push((BindAddr::Unix(PathBuf::from(format!("{prefix}{path}"))), false));
                continue;
            }
            Host::Abstract { name, .. } => {
                out.push((BindAddr::Abstract(name.clone()), false));
                continue;
            }
            Host::Fd(fd) => {
                out.push((BindAddr::Fd(*fd), false));
                continue;
            }
            Host::Ip(ip) => *ip,
            Host::Name { name, .. } => reader.resolve(name).ok_or_else(|| {
                let message = format!("invalid address: '{name}' in '{}'", bind.word);
                Box::new(error_at(bind.word.span, message).help("the name does not resolve"))
            })?,
            _ => return Err(not_yet(bind.word.span, "this kind of address")),
        };
        let (low, high) = address.ports.range();
        let multipath = address.transport == Transport::Mptcp;
        for port in low..=high {
            let addr = SocketAddr::new(ip, port);
            out.push((BindAddr::Ip { addr, v6only: bind.v6only }, multipath));
        }
        debug_assert!(!matches!(address.ports, Ports::Offset(_)), "the parser of 'bind' refuses offsets");
    }
    Ok(out)
}

/// An option that this table does not have.
fn unknown(words: &Words<'_>, place: &str) -> crate::keyword::Error {
    let (name, span) = words.peek().map_or(("", words.end()), |word| (word.as_str(), word.span));
    if let Some(error) = known::not_yet(Class::Bind, name, span) {
        return Box::new(error.context(place));
    }
    let place = place.trim_end_matches(" : ");
    let mut message = format!("{place}: unknown keyword '{name}'");
    if let Some(help) = known::elsewhere(Class::Bind, name) {
        return Box::new(Diagnostic::alert("unknown-keyword", message).at(span).help(help));
    }
    if let Some(near) = suggest(name, TABLE.names(|_| true)) {
        message.push_str(&format!("; did you mean '{near}' maybe ?"));
    }
    Box::new(Diagnostic::alert("unknown-keyword", message).at(span))
}

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<BindDraft>]] = &[options::SETTINGS, tls::SETTINGS];
