//! `server` and `default-server` lines (manual 5.2): what their options write to. `finish` makes them IR.

mod agent;
mod check;
mod finish;
mod options;
mod proxy_protocol;
mod resolve;
mod source;
mod tls;

use std::net::IpAddr;
use std::sync::LazyLock;

use super::table::{self, Draft, Found, Prefix, Table, not_yet, sentence};
use super::values::{SharedRef, invalid_char};
use crate::base::addr::{Accepts, Address, Host, Transport};
use crate::diag::{Diagnostic, Span, Word, suggest};
use crate::expr::Expr;
use crate::ir::HashKey;
use crate::keyword::known::{self, Class};
use crate::keyword::{Result, Scope, Setting, Words};

pub(super) use finish::FinishServer;
pub(super) use source::SourceDraft;

/// All options of `server`.
pub(super) static TABLE: LazyLock<Table<ServerDraft>> = LazyLock::new(|| Table::new(FAMILIES));

/// A server line being read, or what `default-server` lines have set so far.
#[derive(Clone)]
pub(super) struct ServerDraft {
    pub(super) shared: SharedRef,
    prefix: Prefix,
    /// The server's name; none on `default-server`.
    pub(super) name: Option<Word>,
    /// The address word and what it says.
    pub(super) address: Option<(Word, Address)>,
    pub(super) weight: u32,
    pub(super) backup: bool,
    pub(super) non_stick: bool,
    pub(super) disabled: bool,
    pub(super) maxconn: Option<u32>,
    pub(super) maxqueue: Option<u32>,
    pub(super) minconn: Option<u32>,
    pub(super) slowstart_ms: Option<u64>,
    pub(super) hash_key: HashKey,
    proxy: proxy_protocol::ProxyOptions,
    pub(super) pool_max: Option<u32>,
    pub(super) pool_low: u32,
    pub(super) pool_purge_ms: u64,
    pub(super) max_reuse: Option<u32>,
    pub(super) id: Option<u32>,
    pub(super) redir: Option<Box<str>>,
    pub(super) cookie: Option<Box<str>>,
    pub(super) fast_open: bool,
    /// `track`
    pub(super) track: Option<Word>,
    pub(super) ends_streams_when_down: bool,
    pub(super) ends_backups_when_up: bool,
    pub(super) source: Option<SourceDraft>,
    pub(super) user_timeout_ms: u32,
    pub(super) init_addr: Vec<InitAddr>,
    resolve: resolve::ResolveOptions,
    agent: agent::AgentOptions,
    check: check::CheckOptions,
    tls: tls::ServerTlsOptions,
}

/// The names that a `server-template` makes: `3` and `1-3` count from 1 to 3. None if the range is none.
pub(super) fn template_names(prefix: &str, range: &str) -> Option<Vec<String>> {
    let (low, high) = range.split_once('-').unwrap_or(("1", range));
    let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
    (low > 0 && low <= high).then(|| (low..=high).map(|number| format!("{prefix}{number}")).collect())
}

/// One method of `init-addr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InitAddr {
    /// What the state file of an earlier process says.
    Last,
    /// The system's resolver.
    Libc,
    /// No address: the server is down until it gets one.
    None,
    /// This address.
    Ip(IpAddr),
}

impl Draft for ServerDraft {
    fn prefix(&mut self) -> &mut Prefix {
        &mut self.prefix
    }
}

impl ServerDraft {
    /// What a server has without any option.
    pub(super) fn new(shared: SharedRef) -> Self {
        ServerDraft {
            shared,
            prefix: Prefix::None,
            name: None,
            address: None,
            weight: 1,
            backup: false,
            non_stick: false,
            disabled: false,
            maxconn: None,
            maxqueue: None,
            minconn: None,
            slowstart_ms: None,
            hash_key: HashKey::default(),
            proxy: proxy_protocol::ProxyOptions::default(),
            pool_max: None,
            pool_low: 0,
            pool_purge_ms: 5000,
            max_reuse: None,
            id: None,
            redir: None,
            cookie: None,
            fast_open: false,
            track: None,
            ends_streams_when_down: false,
            ends_backups_when_up: false,
            source: None,
            user_timeout_ms: 0,
            init_addr: vec![InitAddr::Last, InitAddr::Libc],
            resolve: resolve::ResolveOptions::default(),
            agent: agent::AgentOptions::default(),
            check: check::CheckOptions::default(),
            tls: tls::ServerTlsOptions::default(),
        }
    }

    /// Reads the name and the address of a `server` line; `proxy` is for messages.
    pub(super) fn read_head(&mut self, words: &mut Words<'_>, proxy: &str) -> Result<()> {
        let (Some(name), Some(addr)) = (words.next_word(), words.next_word()) else {
            let message = "'server' expects <name> and <addr>[:<port>] as arguments.";
            return Err(sentence(words.end(), "missing", message));
        };
        if let Some(found) = invalid_char(name.as_str()) {
            let message = format!("character '{found}' is not permitted in server name '{name}'.");
            return Err(sentence(name.span, "bad-name", message));
        }
        self.take_address(name, addr, proxy)
    }

    /// Takes the name and the address.
    pub(super) fn take_address(&mut self, name: &Word, addr: &Word, proxy: &str) -> Result<()> {
        let place = format!("'server {proxy}/{name}' : ");
        let address = self.shared.address(addr, &Accepts::SERVER);
        let address = address.map_err(|error| sentence(addr.span, "address", format!("{place}{}", error.message)))?;
        let unsupported = match (&address.host, address.transport) {
            (_, Transport::Quic) => Some("QUIC"),
            (Host::SocketPair(_), _) => Some("'sockpair@'"),
            (Host::ReverseHttp(_), _) => Some("'rhttp@'"),
            _ => None,
        };
        if let Some(what) = unsupported {
            return Err(Box::new(not_yet(addr.span, what).context(place)));
        }
        self.name = Some(name.clone());
        self.address = Some((addr.clone(), address));
        Ok(())
    }

    /// Reads options until the line ends.
    pub(super) fn read_options(&mut self, words: &mut Words<'_>, scope: &Scope<'_>, proxy: &str) -> Result<()> {
        let place = match &self.name {
            Some(name) => format!("'server {proxy}/{name}' : "),
            None => String::new(),
        };
        while !words.is_empty() {
            let Found::Setting(setting, _) = TABLE.find(words.rest().get(..1).unwrap_or_default()) else {
                return Err(self.unknown(words, &place));
            };
            let span = words.span();
            words.next_word();
            let read = scope.admit(&setting.meta, span).and_then(|()| (setting.apply)(words, self, scope));
            read.map_err(|error| table::in_option(setting.meta.name, &place, error))?;
        }
        Ok(())
    }

    /// Where the line stands.
    pub(super) fn span(&self) -> Span {
        self.name.as_ref().map_or(Span::nowhere(), |name| name.span)
    }

    fn unknown(&self, words: &Words<'_>, place: &str) -> crate::keyword::Error {
        let (name, span) = words.peek().map_or(("", words.end()), |word| (word.as_str(), word.span));
        if let Some(error) = known::not_yet(Class::Server, name, span) {
            return Box::new(error.context(place));
        }
        let mut message = format!("{place}unknown keyword '{name}'");
        let other = known::elsewhere(Class::Server, name);
        match suggest(name, TABLE.names(|_| true)).filter(|_| other.is_none()) {
            Some(near) => message.push_str(&format!("; did you mean '{near}' maybe ?")),
            None => message.push('.'),
        }
        if self.name.is_none() {
            message.push_str(" Hint: no address was expected for this server.");
        }
        let found = Diagnostic::alert("unknown-keyword", message).at(span);
        Box::new(match other {
            Some(help) => found.help(help),
            None => found,
        })
    }
}

/// What `sni` says.
#[derive(Clone)]
pub(super) enum Sni {
    /// The `Host` field of the request (3.4's default in HTTP mode).
    Auto,
    /// `no-sni-auto`: none.
    Never,
    /// `sni`: an expression, bound for each server anew.
    Words(Vec<Word>),
}

/// Binds an expression from a single word, as `sni` has it.
pub(super) fn bind_expr(words: &[Word], end: Span, scope: &Scope<'_>) -> Result<Expr> {
    let mut words = Words::new(words, end);
    Expr::bind(&mut words, scope)
}

/// Every family, for the reference and the table tests.
pub(super) static FAMILIES: &[&[Setting<ServerDraft>]] = &[
    options::SETTINGS,
    options::ACCEPTED,
    agent::SETTINGS,
    check::SETTINGS,
    proxy_protocol::SETTINGS,
    resolve::SETTINGS,
    source::SETTINGS,
    tls::SETTINGS,
];
