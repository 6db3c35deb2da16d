//! How listening sockets read in a dump; see `dump`.

use std::fmt::{self, Display};

use super::bind::{Bind, BindAddr, BindTls, TlsVersions};
use super::dump::{flags, options};
use super::global::RuntimeSocket;

/// A `stats socket`.
pub(super) struct Socket<'a>(pub(super) &'a RuntimeSocket);

impl Display for Socket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.0;
        write!(f, "stats socket {} level {}", Address(&socket.addr), socket.level)?;
        owner(f, socket.mode, socket.uid, socket.gid)?;
        if socket.severity_output != "none" {
            write!(f, " severity-output {}", socket.severity_output)?;
        }
        if socket.expose_fd { f.write_str(" expose-fd") } else { Ok(()) }
    }
}

fn owner(f: &mut fmt::Formatter<'_>, mode: Option<u32>, uid: Option<u32>, gid: Option<u32>) -> fmt::Result {
    if let Some(mode) = mode {
        write!(f, " mode {mode:o}")?;
    }
    if let Some(uid) = uid {
        write!(f, " uid {uid}")?;
    }
    gid.map_or(Ok(()), |gid| write!(f, " gid {gid}"))
}

struct Address<'a>(&'a BindAddr);

impl Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            BindAddr::Ip { addr, v6only } => write!(f, "{addr}{}", if *v6only { " v6only" } else { "" }),
            BindAddr::Unix(path) => write!(f, "{}", path.display()),
            BindAddr::Abstract(name) => write!(f, "abns@{name}"),
            BindAddr::Fd(fd) => write!(f, "fd@{fd}"),
        }
    }
}

/// A `bind` line.
pub(super) struct Listener<'a>(pub(super) &'a Bind);

impl Display for Listener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bind = self.0;
        write!(f, "bind {} name {}", Address(&bind.addr), bind.name)?;
        options(
            f,
            &[
                ("maxconn", bind.maxconn.map(|n| n.to_string())),
                ("backlog", bind.backlog.map(|n| n.to_string())),
                ("interface", bind.interface.clone()),
                ("accept-netscaler-cip", bind.netscaler_magic.map(|n| n.to_string())),
                ("tcp-ut", Some(bind.user_timeout_ms).filter(|ms| *ms > 0).map(|n| n.to_string())),
                ("mss", bind.mss.map(|n| n.to_string())),
                ("id", bind.id.map(|n| n.to_string())),
            ],
        )?;
        flags(
            f,
            &[
                ("accept-proxy", bind.accept_proxy),
                ("tfo", bind.fast_open),
                ("multipath", bind.multipath),
                ("defer-accept", bind.defer_accept),
                ("transparent", bind.transparent),
            ],
        )?;
        owner(f, bind.unix_mode, bind.uid, bind.gid)?;
        bind.tls.as_ref().map_or(Ok(()), |tls| bind_tls(f, tls))
    }
}

fn bind_tls(f: &mut fmt::Formatter<'_>, tls: &BindTls) -> fmt::Result {
    f.write_str(" ssl")?;
    for cert in &tls.certs {
        write!(f, " crt {} [{}]", cert.path, cert.names.join(","))?;
    }
    flags(
        f,
        &[
            ("strict-sni", tls.strict_sni),
            ("prefer-client-ciphers", tls.prefer_client_ciphers),
            ("no-tls-tickets", tls.no_tickets),
            ("verify", tls.client_auth.is_some()),
            ("required", tls.client_auth.as_ref().is_some_and(|auth| auth.required)),
        ],
    )?;
    tls_common(f, &tls.alpn, &tls.suites, tls.versions)
}

/// What `bind` and `server` lines say of TLS alike.
pub(super) fn tls_common(
    f: &mut fmt::Formatter<'_>,
    alpn: &[Vec<u8>],
    suites: &[rustls::SupportedCipherSuite],
    versions: TlsVersions,
) -> fmt::Result {
    if !alpn.is_empty() {
        let names: Vec<String> = alpn.iter().map(|name| name.escape_ascii().to_string()).collect();
        write!(f, " alpn {}", names.join(","))?;
    }
    match (versions.tls12, versions.tls13) {
        (true, false) => f.write_str(" tls1.2")?,
        (false, true) => f.write_str(" tls1.3")?,
        _ => {}
    }
    if !suites.is_empty() {
        let names: Vec<String> = suites.iter().map(|suite| format!("{:?}", suite.suite())).collect();
        write!(f, " suites {}", names.join(","))?;
    }
    Ok(())
}
