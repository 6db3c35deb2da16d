//! A `server` line with its `default-server` becomes IR: names resolved, files read, checks completed.

use std::net::IpAddr;
use std::sync::Arc;

use super::tls::TlsContext;
use super::{InitAddr, ServerDraft, SourceDraft};
use crate::base::addr::{Address, Host, Ports, Transport};
use crate::diag::{Diagnostic, Diagnostics, Lead, Span};
use crate::ir::check::{InitState, Observe};
use crate::ir::proxy::RetryOn;
use crate::ir::{Check, CheckKind, PortSpec, ProxyProtocol, Server, ServerAddr, Source, Track};
use crate::keyword::{Result, Scope};
use crate::lower::files::Reader;
use crate::lower::global::GlobalDraft;
use crate::lower::saved::StateFile;
use crate::lower::table::{not_yet, sentence};

/// What finishing the servers of one backend needs.
pub(in crate::lower) struct FinishServer<'a> {
    pub(in crate::lower) global: &'a GlobalDraft,
    pub(in crate::lower) reader: &'a Reader<'a>,
    pub(in crate::lower) diags: &'a Diagnostics,
    pub(in crate::lower) scope: &'a Scope<'a>,
    /// The backend's name.
    pub(in crate::lower) proxy: &'a str,
    /// It is in `mode http`.
    pub(in crate::lower) http: bool,
    /// The backend's `retry-on`.
    pub(in crate::lower) retry_on: RetryOn,
    /// The backend's `source`.
    pub(in crate::lower) source: Option<&'a SourceDraft>,
    /// The literal `Host` field of the backend's checks.
    pub(in crate::lower) check_host: Option<&'a str>,
    /// `-dr`: a name that does not resolve is no error.
    pub(in crate::lower) ignore_resolution: bool,
    /// What the backend's servers had in an earlier process.
    pub(in crate::lower) states: Option<&'a StateFile>,
}

impl FinishServer<'_> {
    /// `number` counts the backend's servers from 1; `kind` is how they are checked; `check_port` is set where the checks'
    /// own rules name a port.
    pub(in crate::lower) fn finish(
        &self,
        draft: &ServerDraft,
        number: u32,
        kind: impl Fn() -> CheckKind,
        check_port: bool,
    ) -> Result<Server> {
        let place = format!("'server {}/{}' : ", self.proxy, name_of(draft));
        let Some((word, address)) = &draft.address else {
            return Err(sentence(draft.span(), "missing", "'server' expects <name> and <addr>[:<port>] as arguments."));
        };
        let resolve = match &address.host {
            Host::Name { name, .. } => draft.resolve.finish(name, self.proxy, name_of(draft), self.scope)?,
            _ => None,
        };
        self.check_use(draft, &place)?;
        let service = resolve.as_ref().is_some_and(|resolve| resolve.is_service());
        let addr = match &resolve {
            // The hosts of a service are known by its name servers only.
            Some(resolve) if service => ServerAddr::Unresolved(resolve.shown.clone()),
            _ => self.resolve(draft, address, &place)?,
        };
        let port = port_of(address, service);
        let context = TlsContext {
            global: self.global,
            reader: self.reader,
            diags: self.diags,
            scope: self.scope,
            check_host: self.check_host,
            place: &place,
        };
        let tls = if draft.tls.enabled { Some(draft.finish_tls(&context)?) } else { None };
        let check = match draft.check.enabled {
            false => {
                if draft.check.init_state != InitState::default() {
                    let text = format!("{place}'init-state' has no effect without 'check'.");
                    self.diags.push(Diagnostic::warning("no-check", text).at(draft.span()).lead(Lead::Place));
                }
                None
            }
            true => {
                let literal = matches!(address.host, Host::Ip(_));
                if literal && !check_port && draft.check.port.is_none() && !has_port(&addr, port) {
                    return Err(self.no_check_port(draft, word.span));
                }
                Some(self.finish_check(draft, kind(), &context)?)
            }
        };
        Ok(Server {
            name: name_of(draft).into(),
            addr,
            port,
            weight: draft.weight,
            backup: draft.backup,
            non_stick: draft.non_stick,
            disabled: draft.disabled,
            dynamic: false,
            // A 'minconn' that is higher, or alone, is a fixed limit.
            maxconn: draft.maxconn.max(draft.minconn),
            maxqueue: draft.maxqueue,
            minconn: draft.minconn.filter(|least| draft.maxconn.is_some_and(|most| *least < most)),
            slowstart_ms: draft.slowstart_ms,
            hash_key: draft.hash_key,
            agent: draft.finish_agent(self.reader, &place)?,
            track: self.track(draft, &place)?,
            trackers: Vec::new(),
            observe: check.as_ref().and_then(|_| self.observe(draft, &place)),
            check,
            send_proxy: self.finish_proxy(draft, &place)?,
            tls,
            source: self.finish_source(draft, &place)?,
            user_timeout_ms: draft.user_timeout_ms,
            pool_max: draft.pool_max,
            pool_low: draft.pool_low,
            pool_purge_ms: draft.pool_purge_ms,
            max_reuse: draft.max_reuse,
            id: draft.id.unwrap_or(number),
            forced_id: draft.id.is_some(),
            saved: None,
            redir: draft.redir.clone(),
            cookie: draft.cookie.clone(),
            fast_open: draft.fast_open,
            multipath: address.transport == Transport::Mptcp,
            ends_streams_when_down: draft.ends_streams_when_down,
            ends_backups_when_up: draft.ends_backups_when_up,
            host: (!service).then(|| host_of(address)).flatten(),
            resolve,
            place: draft.shared.place(draft.span()),
        })
    }

    fn finish_source(&self, draft: &ServerDraft, place: &str) -> Result<Option<Arc<Source>>> {
        let source = draft.source.as_ref().or(self.source).map(|source| source.finish(self.scope)).transpose();
        source.map_err(|error| Box::new(error.or_at(draft.span()).context(place)))
    }

    /// The server itself is looked for when all proxies are known.
    fn track(&self, draft: &ServerDraft, place: &str) -> Result<Option<Box<Track>>> {
        let Some(word) = &draft.track else { return Ok(None) };
        if draft.check.enabled {
            let text = format!("{place}unable to enable checks and tracking at the same time!");
            return Err(Box::new(sentence(draft.span(), "track-check", text).help("remove 'check' or 'track'")));
        }
        let (backend, server) = match word.as_str().rsplit_once('/') {
            Some((backend, server)) => (Some(backend.into()), server.into()),
            None => (None, word.as_str().into()),
        };
        Ok(Some(Box::new(Track {
            backend,
            server,
            place: None,
            shown: Box::default(),
            counts: None,
            line: draft.span(),
        })))
    }

    /// Whether the backend can do with the line what it asks for.
    fn check_use(&self, draft: &ServerDraft, place: &str) -> Result<()> {
        let whose = format!("backend '{}'", self.proxy);
        let warn = |id, text: String, lead| self.diags.push(Diagnostic::warning(id, text).at(draft.span()).lead(lead));
        if !self.http && draft.redir.is_some() {
            let text = format!("{whose} : server cannot have cookie or redirect prefix in non-HTTP mode.");
            return Err(Box::new(sentence(draft.span(), "http-only", text).help("write 'mode http' in the section")));
        }
        if !self.http && draft.cookie.is_some() {
            let text = format!("{whose} : ignoring cookie for server '{}' as HTTP mode is disabled.", name_of(draft));
            warn("http-only", text, Lead::Config);
        }
        let needed = RetryOn::CONN_FAILURE | RetryOn::EMPTY_RESPONSE | RetryOn::RESPONSE_TIMEOUT;
        if draft.fast_open && !self.retry_on.contains(needed) {
            let text = "server has tfo activated, the backend should be configured with at least 'conn-failure', \
                        'empty-response' and 'response-timeout' or we wouldn't be able to retry the connection on failure.";
            warn("fast-open", format!("{place}{text}"), Lead::Place);
        }
        Ok(())
    }

    fn observe(&self, draft: &ServerDraft, place: &str) -> Option<Observe> {
        let (responses, limit, then) = (draft.check.observe?, draft.check.error_limit, draft.check.on_error);
        if responses && !self.http {
            let text = format!("{place}'layer7' can only be used in http proxies.");
            self.diags.push(Diagnostic::warning("observe-mode", text).at(draft.span()).lead(Lead::Place));
        }
        Some(Observe { responses, limit, then })
    }

    fn finish_proxy(&self, draft: &ServerDraft, place: &str) -> Result<Option<ProxyProtocol>> {
        draft.proxy.finish(self.scope).map_err(|error| Box::new(error.or_at(draft.span()).context(place)))
    }

    fn no_check_port(&self, draft: &ServerDraft, span: Span) -> crate::keyword::Error {
        let message = format!(
            "backend '{}': server '{}' has neither service port nor check port nor tcp_check rule \
             'connect' with port information.",
            self.proxy,
            name_of(draft)
        );
        let error = sentence(span, "no-check-port", message);
        Box::new(error.help("add a port to the address, or 'port <port>' for the checks"))
    }

    fn resolve(&self, draft: &ServerDraft, address: &Address, place: &str) -> Result<ServerAddr> {
        match &address.host {
            Host::Ip(ip) if ip.is_unspecified() => Ok(ServerAddr::Client),
            Host::Ip(ip) => Ok(ServerAddr::Ip(*ip)),
            Host::Unix(path) => Ok(ServerAddr::Unix(path.into())),
            Host::Abstract { name, .. } => Ok(ServerAddr::Abstract(name.clone())),
            Host::Name { name, .. } => match self.by_methods(draft, name) {
                Some(found) => Ok(found),
                None => {
                    let error =
                        sentence(draft.span(), "resolve", format!("{place}could not resolve address '{name}'."));
                    Err(Box::new(error.help("'init-addr none' lets the server start without an address")))
                }
            },
            _ => Err(not_yet(draft.span(), "this kind of address")),
        }
    }

    /// The first method of `init-addr` that yields something.
    fn by_methods(&self, draft: &ServerDraft, name: &str) -> Option<ServerAddr> {
        let ip = |ip: IpAddr| ServerAddr::Ip(ip);
        let unresolved = || ServerAddr::Unresolved(name.to_owned());
        let found = draft.init_addr.iter().find_map(|method| match method {
            InitAddr::Last => self.states.and_then(|file| file.addr(self.proxy, name_of(draft))).map(ip),
            InitAddr::Libc => self.reader.resolve(name).map(ip),
            InitAddr::None => Some(unresolved()),
            InitAddr::Ip(fixed) => Some(ip(*fixed)),
        });
        found.or_else(|| self.ignore_resolution.then(unresolved))
    }

    /// Checks inherit TLS and the PROXY header from traffic unless they go elsewhere (manual 5.2 `check`).
    fn finish_check(&self, draft: &ServerDraft, kind: CheckKind, context: &TlsContext<'_>) -> Result<Check> {
        let check = &draft.check;
        let elsewhere = check.port.is_some() || check.addr.is_some();
        let tls = check.tls.unwrap_or(draft.tls.enabled && !elsewhere);
        let own_tls = match (tls || kind.wants_tls()) && !draft.tls.enabled {
            true => Some(Box::new(draft.finish_tls(context)?)),
            false => None,
        };
        Ok(Check {
            kind,
            inter_ms: check.inter_ms,
            fastinter_ms: check.fastinter_ms,
            downinter_ms: check.downinter_ms,
            rise: check.rise,
            fall: check.fall,
            init_state: check.init_state,
            port: check.port,
            addr: check.addr,
            tls,
            own_tls,
            send_proxy: check.send_proxy || (draft.proxy.sends() && !elsewhere),
        })
    }
}

/// The records of a service tell the port.
fn port_of(address: &Address, service: bool) -> PortSpec {
    match address.ports {
        _ if service => PortSpec::Fixed(0),
        Ports::One(port) if port > 0 => PortSpec::Fixed(port),
        Ports::Offset(offset) => PortSpec::Offset(offset),
        _ => PortSpec::Offset(0),
    }
}

/// The name that was resolved for the address.
fn host_of(address: &Address) -> Option<Box<str>> {
    match &address.host {
        Host::Name { name, .. } => Some(name.as_str().into()),
        _ => None,
    }
}

fn name_of(draft: &ServerDraft) -> &str {
    draft.name.as_ref().map_or("", |name| name.as_str())
}

/// Whether checks know where to connect. HAProxy asks this of addresses only, not of names; without a port such a check fails.
fn has_port(addr: &ServerAddr, port: PortSpec) -> bool {
    let wants_port = matches!(addr, ServerAddr::Ip(_) | ServerAddr::Client | ServerAddr::Unresolved(_));
    matches!(port, PortSpec::Fixed(_)) || !wants_port
}
