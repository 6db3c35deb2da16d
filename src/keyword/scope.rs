//! What a keyword may know while it is bound: the names of all sections, the place it stands in, and where to record what
//! has to be read or allocated later. Binding never opens, resolves or starts anything (house rule 4).

use std::any::{Any, TypeId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Meta, Status};
use crate::base::id::{ProxyId, ServerId, TableId, UserlistId};
use crate::base::stick::TableSpec;
use crate::base::userlist::Userlist;
use crate::diag::{Diagnostic, Diagnostics, Span, Word};

/// The names of one configuration, collected before anything is bound, so that order in the file does not matter.
#[derive(Default)]
pub struct Names {
    /// Frontends, backends and listen sections in order of their ids.
    pub proxies: Vec<ProxyName>,
    /// Places in `proxies` by name, made when the first one is looked up: all are known then.
    pub(crate) by_name: OnceCell<HashMap<Box<str>, Vec<usize>>>,
    /// Userlists in order of their ids.
    pub userlists: Vec<SectionName>,
    /// The content of the userlists, in the same order; set once they have been read.
    pub accounts: OnceCell<Vec<Arc<Userlist>>>,
    /// `http-errors` sections; set once they have been read.
    pub error_groups: OnceCell<Vec<ErrorGroup>>,
    /// Files that hold format strings, which must be at hand where they are bound: by name, or what is wrong with them.
    pub texts: OnceCell<HashMap<String, Text>>,
    /// `resolvers` sections in their order; the last one is `default` where the file has none of that name.
    pub resolvers: Vec<SectionName>,
    /// Stick tables in order of their ids, each with the name of the proxy that holds it.
    pub tables: Vec<TableSpec>,
    /// `tune.stick-counters`, once the global section has been read.
    pub stick_counters: OnceCell<u8>,
    /// Where `expose-experimental-directives` stands, once the global section has been read.
    pub experimental: OnceCell<Span>,
    /// The environment as the configuration sees it, with what `setenv` and its like changed (`env`).
    pub env: HashMap<Vec<u8>, Vec<u8>>,
    /// `HAPROXY_CLI`, once the global section has been read.
    pub runtime_addresses: OnceCell<Option<String>>,
}

/// A proxy's name and nature.
#[derive(Clone, Debug)]
pub struct ProxyName {
    /// As in the file.
    pub name: String,
    /// Accepts connections: frontend or listen.
    pub frontend: bool,
    /// Has servers: backend or listen.
    pub backend: bool,
    /// `mode http`.
    pub http: bool,
    /// Servers in order of their ids.
    pub servers: Vec<String>,
    /// So many of them must keep their places, since somebody has looked up the last of these.
    pub fixed_servers: Cell<usize>,
    /// Where the section starts.
    pub span: Span,
}

/// A section's name and place.
#[derive(Clone, Debug)]
pub struct SectionName {
    /// As in the file.
    pub name: String,
    /// Where the section starts.
    pub span: Span,
}

/// A file that was read, or what is wrong with it.
pub type Text = std::result::Result<Arc<[u8]>, String>;

/// An `http-errors` section (manual 12.4).
#[derive(Clone, Debug)]
pub struct ErrorGroup {
    /// As in the file.
    pub name: String,
    /// Whole responses by status.
    pub replies: Vec<(u16, Arc<[u8]>)>,
}

impl ErrorGroup {
    /// The response that stands for a status.
    pub fn reply(&self, status: u16) -> Option<&Arc<[u8]>> {
        self.replies.iter().find(|(of, _)| *of == status).map(|(_, raw)| raw)
    }
}

impl Names {
    /// The `http-errors` section of that name.
    pub fn error_group(&self, name: &str) -> Option<&ErrorGroup> {
        self.error_groups.get()?.iter().find(|group| group.name == name)
    }

    /// A file that holds a format string.
    pub fn text(&self, path: &str) -> Text {
        let known = self.texts.get().and_then(|texts| texts.get(path).cloned());
        known.unwrap_or_else(|| Err("it was not read".to_owned()))
    }

    /// The backend (or listen) of that name.
    pub fn backend(&self, name: &str) -> Option<ProxyId> {
        self.find(name, |proxy| proxy.backend)
    }

    /// The frontend (or listen) of that name.
    pub fn frontend(&self, name: &str) -> Option<ProxyId> {
        self.find(name, |proxy| proxy.frontend)
    }

    /// The server of that name in a proxy.
    pub fn server(&self, proxy: ProxyId, name: &str) -> Option<ServerId> {
        let named = self.proxies.get(proxy.index())?;
        let at = named.servers.iter().position(|server| server == name)?;
        named.fixed_servers.set(named.fixed_servers.get().max(at + 1));
        Some(ServerId(at as u32))
    }

    /// The userlist of that name.
    pub fn userlist(&self, name: &str) -> Option<UserlistId> {
        self.userlists.iter().position(|list| list.name == name).map(|at| UserlistId(at as u32))
    }

    /// The stick table of the section of that name.
    pub fn table(&self, name: &str) -> Option<TableId> {
        self.tables.iter().position(|table| *table.name == *name).map(|at| TableId(at as u32))
    }

    /// How many entries of stick tables a connection may track.
    pub fn stick_counters(&self) -> u8 {
        self.stick_counters.get().copied().unwrap_or(STICK_COUNTERS)
    }

    fn find(&self, name: &str, fits: impl Fn(&ProxyName) -> bool) -> Option<ProxyId> {
        let index = self.by_name.get_or_init(|| {
            let mut index: HashMap<Box<str>, Vec<usize>> = HashMap::with_capacity(self.proxies.len());
            for (at, proxy) in self.proxies.iter().enumerate() {
                index.entry(proxy.name.as_str().into()).or_default().push(at);
            }
            index
        });
        let places = index.get(name)?;
        let at = places.iter().find(|&&at| self.proxies.get(at).is_some_and(&fits))?;
        Some(ProxyId(*at as u32))
    }
}

bitflags::bitflags! {
    /// What an expression reads (a fetch *needs* it) and what a place can give (a hook *offers* it); manual 7.3, `-dKfetch`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Needs: u32 {
        /// Nothing but the process: dates, environment, counters of proxies.
        const INTERNAL = 1 << 0;
        /// The client's connection: addresses, frontend.
        const CLIENT_L4 = 1 << 1;
        /// The client's session: TLS facts, session counters.
        const CLIENT_L5 = 1 << 2;
        /// Raw request bytes in the buffer.
        const REQ_BYTES = 1 << 3;
        /// The request head.
        const REQ_HEAD = 1 << 4;
        /// What stays known of the request for its whole life: method, and what was captured.
        const REQ_KEPT = 1 << 5;
        /// The request body.
        const REQ_BODY = 1 << 6;
        /// The backend is known.
        const BACKEND = 1 << 7;
        /// The server and the connection to it.
        const SERVER = 1 << 8;
        /// Raw response bytes in the buffer.
        const RES_BYTES = 1 << 9;
        /// The response head.
        const RES_HEAD = 1 << 10;
        /// What stays known of the response: status.
        const RES_KEPT = 1 << 11;
        /// The response body.
        const RES_BODY = 1 << 12;
        /// Facts for the log: timers, byte counts, termination state.
        const LOG = 1 << 13;
        /// What the kernel knows of the connection to the server; the engine has to ask it in time.
        const SERVER_SOCKET = 1 << 14;
    }
}

/// The place in a stream's life where a rule set or an expression runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// `tcp-request connection`
    TcpRequestConnection,
    /// `tcp-request session`
    TcpRequestSession,
    /// `tcp-request content`
    TcpRequestContent,
    /// `tcp-response content`
    TcpResponseContent,
    /// `http-request`, `redirect`
    HttpRequest,
    /// `http-response`
    HttpResponse,
    /// `http-after-response`
    HttpAfterResponse,
    /// `http-error`: the request may have been answered or not.
    HttpError,
    /// `use_backend`
    UseBackend,
    /// `use-server`, `balance`, `server ... sni`
    UseServer,
    /// `log-format` and relatives
    Log,
    /// The rules of health checks
    Check,
    /// Outside a stream: `-dK` tests, runtime commands.
    Internal,
}

impl Hook {
    /// The rule sets, in the order in which a stream meets them.
    pub const RULES: [Hook; 7] = [
        Hook::TcpRequestConnection,
        Hook::TcpRequestSession,
        Hook::TcpRequestContent,
        Hook::TcpResponseContent,
        Hook::HttpRequest,
        Hook::HttpResponse,
        Hook::HttpAfterResponse,
    ];

    /// What can be read there.
    pub fn offers(self) -> Needs {
        let conn = Needs::INTERNAL | Needs::CLIENT_L4;
        let sess = conn | Needs::CLIENT_L5;
        let content = sess | Needs::REQ_BYTES | Needs::REQ_HEAD | Needs::REQ_KEPT | Needs::REQ_BODY;
        let res = sess
            | Needs::REQ_KEPT
            | Needs::BACKEND
            | Needs::SERVER
            | Needs::SERVER_SOCKET
            | Needs::RES_BYTES
            | Needs::RES_HEAD
            | Needs::RES_KEPT
            | Needs::RES_BODY;
        match self {
            Hook::TcpRequestConnection => conn,
            Hook::TcpRequestSession => sess,
            Hook::TcpRequestContent | Hook::HttpRequest | Hook::UseBackend => content,
            Hook::UseServer => content | Needs::BACKEND,
            Hook::TcpResponseContent | Hook::HttpResponse | Hook::HttpAfterResponse => res,
            Hook::HttpError => content | res,
            // Heads and buffers are gone when the line is written.
            Hook::Log => {
                let server = Needs::BACKEND | Needs::SERVER | Needs::SERVER_SOCKET;
                sess | Needs::REQ_KEPT | server | Needs::RES_KEPT | Needs::LOG
            }
            Hook::Check => {
                let answer = Needs::RES_BYTES | Needs::RES_HEAD | Needs::RES_KEPT | Needs::RES_BODY;
                Needs::INTERNAL | Needs::BACKEND | Needs::SERVER | answer
            }
            Hook::Internal => Needs::INTERNAL,
        }
    }

    /// As the manual and messages write it.
    pub fn name(self) -> &'static str {
        match self {
            Hook::TcpRequestConnection => "tcp-request connection",
            Hook::TcpRequestSession => "tcp-request session",
            Hook::TcpRequestContent => "tcp-request content",
            Hook::TcpResponseContent => "tcp-response content",
            Hook::HttpRequest => "http-request",
            Hook::HttpResponse => "http-response",
            Hook::HttpAfterResponse => "http-after-response",
            Hook::HttpError => "http-error",
            Hook::UseBackend => "use_backend",
            Hook::UseServer => "use-server",
            Hook::Log => "log-format",
            Hook::Check => "health check",
            Hook::Internal => "internal",
        }
    }
}

/// How long a variable lives (manual 2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VarScope {
    /// The whole process.
    Proc,
    /// One client connection.
    Sess,
    /// One request and its response.
    Txn,
    /// Request processing only.
    Req,
    /// Response processing only.
    Res,
    /// One health check.
    Check,
}

/// A variable resolved at load: an index into its scope's slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarSlot {
    /// Which set of slots.
    pub scope: VarScope,
    /// Index in it.
    pub slot: u32,
}

/// The variable names seen so far; one table for the whole configuration.
#[derive(Default)]
pub struct VarNames {
    names: RefCell<HashMap<(VarScope, String), u32>>,
    counts: RefCell<HashMap<VarScope, u32>>,
    table: Arc<VarTable>,
}

/// The names of a configuration's variables, for those who list variables while it runs.
#[derive(Default)]
pub struct VarTable {
    /// Of the scopes that end with the configuration; once all are known.
    names: OnceLock<Vec<(VarSlot, Box<str>)>>,
}

impl VarTable {
    /// Visits the variables of a scope that somebody has named, without their scope.
    pub fn each(&self, scope: VarScope, mut visit: impl FnMut(VarSlot, &str)) {
        if let Some(names) = lasting_names(scope) {
            let names = names.lock().unwrap_or_else(PoisonError::into_inner).clone();
            (0..).zip(&names).for_each(|(slot, name)| visit(VarSlot { scope, slot }, name));
        }
        let names = self.names.get().into_iter().flatten().filter(|(var, _)| var.scope == scope);
        names.for_each(|(var, name)| visit(*var, name));
    }
}

impl VarNames {
    /// The slot of a variable, made on first sight. `name` is without its scope.
    pub fn slot(&self, scope: VarScope, name: &str) -> VarSlot {
        if let Some(names) = lasting_names(scope) {
            return VarSlot { scope, slot: lasting_slot(names, name) };
        }
        let mut counts = self.counts.borrow_mut();
        let mut names = self.names.borrow_mut();
        let slot = *names.entry((scope, name.to_owned())).or_insert_with(|| {
            let count = counts.entry(scope).or_insert(0);
            *count += 1;
            *count - 1
        });
        VarSlot { scope, slot }
    }

    /// The names, for while the configuration runs.
    pub fn table(&self) -> Arc<VarTable> {
        self.table.clone()
    }

    /// All variables have been named.
    pub fn seal(&self) {
        let names = self.names.borrow();
        let mut names: Vec<(VarSlot, Box<str>)> = names
            .iter()
            .map(|((scope, name), &slot)| (VarSlot { scope: *scope, slot }, name.as_str().into()))
            .collect();
        names.sort_by_key(|(var, _)| var.slot);
        self.table.names.get_or_init(|| names);
    }

    /// How many slots a scope needs.
    pub fn count(&self, scope: VarScope) -> usize {
        match lasting_names(scope) {
            Some(names) => names.lock().unwrap_or_else(PoisonError::into_inner).len(),
            None => self.counts.borrow().get(&scope).copied().unwrap_or(0) as usize,
        }
    }
}

/// Names of the variables that outlive a configuration: `proc`, and `sess` of a connection that a reload finds open. Their names are
/// counted for the whole process, so that a slot means the same name in the next configuration.
fn lasting_names(scope: VarScope) -> Option<&'static Mutex<Vec<Box<str>>>> {
    static PROCESS: Mutex<Vec<Box<str>>> = Mutex::new(Vec::new());
    static SESSION: Mutex<Vec<Box<str>>> = Mutex::new(Vec::new());
    match scope {
        VarScope::Proc => Some(&PROCESS),
        VarScope::Sess => Some(&SESSION),
        _ => None,
    }
}

/// The slot of a `proc` variable that somebody has named; `name` is without its scope.
pub fn process_variable(name: &str) -> Option<u32> {
    let names = lasting_names(VarScope::Proc)?.lock().unwrap_or_else(PoisonError::into_inner);
    names.iter().position(|known| **known == *name).map(|at| at as u32)
}

fn lasting_slot(names: &Mutex<Vec<Box<str>>>, name: &str) -> u32 {
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    let known = names.iter().position(|known| **known == *name);
    let at = known.unwrap_or_else(|| {
        names.push(name.into());
        names.len() - 1
    });
    at as u32
}

/// A file that a keyword names. `lower::load` reads it and hands the bytes to `load`, also in `-c`.
pub struct FileRef {
    /// As written, before any base directory; none where only host names in the line itself wait to be resolved.
    pub path: Option<String>,
    /// Where it is written.
    pub span: Span,
    /// If there is no such file, nothing is loaded and that is no error (`opt@`).
    pub optional: bool,
    /// Takes the bytes, and who resolves host names in them; an error is reported at `span`.
    #[allow(clippy::type_complexity)]
    pub load: Box<dyn FnOnce(&[u8], &dyn Hosts) -> Result<(), String>>,
}

/// Who knows the addresses of host names while a configuration is read.
pub trait Hosts {
    /// The address that stands for a name where one is wanted, an IPv4 address if there is one.
    fn address(&self, name: &str) -> Option<IpAddr>;
}

/// Nobody: names stay names.
impl Hosts for () {
    fn address(&self, _: &str) -> Option<IpAddr> {
        None
    }
}

/// The named ACLs of the section being bound: each declaration's words after the name, in order; several are alternatives.
pub type Defined = HashMap<String, Vec<Vec<Word>>>;

/// Bound things by type and normalised text.
pub type Interned = HashMap<(TypeId, String), Arc<dyn Any + Send + Sync>>;

/// What `tune.stick-counters` is by default.
pub const STICK_COUNTERS: u8 = 3;

/// The code of notes about keywords without effect.
pub const WITHOUT_EFFECT: &str = "without-effect";

/// Everything a `bind` or `apply` may ask. Shared by reference; what it collects sits behind `RefCell`s.
pub struct Scope<'a> {
    /// Names of all sections.
    pub names: &'a Names,
    /// The proxy whose section is being bound, if any.
    pub proxy: Option<ProxyId>,
    /// Whether that proxy is in `mode http`.
    pub http: bool,
    /// Where the expression or rule will run.
    pub hook: Hook,
    /// Named ACLs of the section.
    pub acls: &'a Defined,
    /// Variable names of the configuration.
    pub vars: &'a VarNames,
    /// Files to read after binding.
    pub files: &'a RefCell<Vec<FileRef>>,
    /// Warnings that do not stop the binding go here.
    pub diags: &'a Diagnostics,
    /// Bound things by (type, normalised text): equal expressions, ACLs and pattern files are shared.
    pub interned: &'a RefCell<Interned>,
}

impl<'a> Scope<'a> {
    /// What can be read there: as the hook says, and in a backend's request rules the backend.
    pub fn offers(&self) -> Needs {
        let backend = self.section().is_some_and(|proxy| proxy.backend);
        match self.hook {
            Hook::TcpRequestContent | Hook::HttpRequest if backend => self.hook.offers() | Needs::BACKEND,
            hook => hook.offers(),
        }
    }

    /// Refuses a keyword that may not be used, and notes one that has no effect: `-V` shows such notes.
    pub fn admit(&self, meta: &Meta, span: Span) -> super::Result<()> {
        if let Status::Accepted(why) = meta.status {
            let text = format!("'{}' has no effect: {why}", meta.name);
            self.diags.push(Diagnostic::notice(WITHOUT_EFFECT, text).at(span));
        }
        meta.refusal(span).map_or(Ok(()), Err)
    }

    /// Refuses an experimental keyword, a `kind` of word, without a line in front of it that allows such.
    pub fn expose(&self, meta: &Meta, kind: &str, span: Span) -> super::Result<()> {
        let exposed = |line: &Span| (line.file, line.line) <= (span.file, span.line);
        if !meta.experimental || self.names.experimental.get().is_some_and(exposed) {
            return Ok(());
        }
        let text = format!(
            "'{}' {kind} is experimental, must be allowed via a global 'expose-experimental-directives'",
            meta.name
        );
        Err(Box::new(Diagnostic::alert("experimental", text).at(span)))
    }

    /// The name and nature of the proxy whose section is being bound.
    pub fn section(&self) -> Option<&'a ProxyName> {
        self.names.proxies.get(self.proxy?.index())
    }

    /// The same scope for another hook.
    pub fn at(&self, hook: Hook) -> Scope<'a> {
        Scope { hook, ..*self }
    }

    /// What was interned under `key`, or what `make` builds, which is then interned.
    pub fn intern<T: Send + Sync + 'static, E>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let id = (TypeId::of::<T>(), key.to_owned());
        let found = self.interned.borrow().get(&id).cloned();
        if let Some(found) = found.and_then(|any| any.downcast::<T>().ok()) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        self.interned.borrow_mut().insert(id, made.clone());
        Ok(made)
    }
}
