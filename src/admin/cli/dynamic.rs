//! Servers that come and go while the process runs: `add server`, `del server` (management.txt 9.3). Each change makes a
//! configuration that shares all but the list of servers with the one before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Answer, Command, Done, Level, Severity, Shell, flat};
use crate::ir::{CertListEntry, Ir, Proxy, Server};
use crate::keyword::Meta;
use crate::state::{Admin, ServerState};

/// What a PEM text may hold.
pub type ChainAndKey = (Vec<CertificateDer<'static>>, Option<PrivateKeyDer<'static>>);

/// The loading half, as far as commands need it.
pub trait Loader: Send + Sync {
    /// Reads the words of a `server` line behind that word.
    fn server(&self, proxy: &Proxy, words: &[&str]) -> Result<Server, String>;
    /// The options that such a line may have.
    fn options(&self) -> Vec<&'static str>;
    /// The certificates and the key of a PEM text; `path` is for messages.
    fn certificate(&self, path: &str, pem: &[u8]) -> Result<ChainAndKey, String>;
    /// Whether the key is that of the first certificate.
    fn is_pair(
        &self,
        chain: &[CertificateDer<'static>],
        key: &PrivateKeyDer<'static>,
        path: &str,
    ) -> Result<(), String>;
    /// Reads a line of a `crt-list`.
    fn list_line(&self, line: &str) -> Result<CertListEntry, String>;
}

pub(super) static COMMANDS: &[Command] = &[
    Command {
        meta: Meta::new(
            "add server",
            "add server <bk>/<srv>",
            "create a new server",
            &[("add server be", "Require 'backend/server'."), ("add server be/s1 127.0.0.1:80", "Already exists")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(add(shell, words)),
    },
    Command {
        meta: Meta::new(
            "del server",
            "del server <bk>/<srv>",
            "remove a dynamically added server",
            &[("del server be/s1", "Only servers in maintenance mode can be deleted.")],
        ),
        level: Level::Admin,
        run: |shell, words| flat(delete(shell, words)),
    },
];

fn add(shell: &Shell<'_>, words: &[&str]) -> Done {
    let (Some(engine), Some(lines)) = (shell.engine, shell.lines) else {
        return named(shell, words).map(|_| Answer::done());
    };
    if words == ["help"] {
        let listed: String = lines.options().iter().map(|name| format!("{name}\n")).collect();
        return Ok(Answer::data(format!("List of keywords supported for dynamic servers:\n{listed}")));
    }
    let (backend, name) = named(shell, words)?;
    let mut line = vec![name];
    line.extend(words.get(1..).unwrap_or_default());
    let (uuid, section) = (backend.uuid, backend.name.clone());
    engine
        .edit(|ir, _| {
            // Another connection may have been faster.
            let found = ir.proxies.iter().find(|proxy| proxy.name == section && proxy.uuid == uuid);
            let backend = found.ok_or("No such backend.")?;
            may_add(backend, name).map_err(str::to_owned)?;
            let server = Arc::new(lines.server(backend, &line)?);
            Ok(with_servers(ir, backend, |servers| servers.push(server)))
        })
        .map_err(Answer::error)?;
    Ok(Answer::message(Severity::Info, "New server registered."))
}

/// The backend and the name of the server to be.
fn named<'a>(shell: &Shell<'a>, words: &[&'a str]) -> Result<(&'a Proxy, &'a str), Answer> {
    let named = words.first().and_then(|word| word.split_once('/')).filter(|(_, server)| !server.is_empty());
    let Some((backend, name)) = named else { return Err(Answer::error("Require 'backend/server'.")) };
    let Some(proxy) = shell.proxy(backend, |proxy| proxy.backend) else {
        return Err(Answer::error("No such backend."));
    };
    may_add(proxy, name).map_err(Answer::error)?;
    Ok((proxy, name))
}

fn may_add(backend: &Proxy, name: &str) -> Result<(), &'static str> {
    if !backend.balances_dynamically() {
        return Err("Backend must use a dynamic load balancing to support dynamic servers.");
    }
    if backend.servers.iter().any(|server| *server.name == *name) {
        return Err("Already exists a server with the same name in backend.");
    }
    Ok(())
}

fn delete(shell: &Shell<'_>, words: &[&str]) -> Done {
    let found = shell.server(words)?;
    if found.id.index() < found.proxy.fixed_servers {
        let message = "This server cannot be removed at runtime due to other configuration elements pointing to it.";
        return Err(Answer::error(message));
    }
    removable(found.state).map_err(Answer::error)?;
    let Some(engine) = shell.engine else { return Ok(Answer::done()) };
    let (line, backend) = (found.line, found.proxy);
    engine
        .edit(|ir, _| {
            let now = ir.proxies.iter().find(|proxy| proxy.has_section_of(backend)).ok_or("No such backend.")?;
            // The connection pool may have taken one up since.
            removable(found.state)?;
            Ok(with_servers(ir, now, |servers| servers.retain(|server| !std::ptr::eq(&**server, line))))
        })
        .map_err(Answer::error)?;
    Ok(Answer::message(Severity::Info, "Server deleted."))
}

/// Whether nobody uses a server and nobody will; the error says what is in the way.
pub(super) fn removable(state: &ServerState) -> Result<(), &'static str> {
    if state.admin() != Admin::Maint {
        return Err("Only servers in maintenance mode can be deleted.");
    }
    let load = |count: &AtomicU32| count.load(Relaxed);
    if load(&state.current) + load(&state.used) + load(&state.idle) > 0 {
        return Err("Server still has connections attached to it, cannot remove it.");
    }
    Ok(())
}

/// The configuration with other servers in one backend.
fn with_servers(ir: &Ir, backend: &Proxy, change: impl FnOnce(&mut Vec<Arc<Server>>)) -> Ir {
    let mut proxy = backend.clone();
    change(&mut proxy.servers);
    let mut ir = ir.clone();
    if let Some(place) = ir.proxies.get_mut(backend.id.index()) {
        *place = Arc::new(proxy);
    }
    ir
}
