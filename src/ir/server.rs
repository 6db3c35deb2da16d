//! `server` lines with `default-server` applied (manual 5.2).

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::bind::{RecordSizes, TlsAlgorithms, TlsVersions};
use super::check::{Agent, Check, Observe};
use super::resolvers::Resolve;
use super::socket::Source;
use crate::base::id::{ProxyId, ServerId};
use crate::diag::Span;
use crate::expr::{Expr, LogFormat};
use crate::state::{Admin, Health};

/// One server.
pub struct Server {
    /// Name.
    pub name: Arc<str>,
    /// Where it is.
    pub addr: ServerAddr,
    /// The port: fixed, or derived from the client's destination port.
    pub port: PortSpec,
    /// `weight`, 0 to 256, default 1.
    pub weight: u32,
    /// `non-stick`: stick tables do not remember it.
    pub non_stick: bool,
    /// `backup`.
    pub backup: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// Added at run time: starts in maintenance, and its checks have to be switched on.
    pub dynamic: bool,
    /// `maxconn`; `None` is unlimited.
    pub maxconn: Option<u32>,
    /// `maxqueue`; `None` is unlimited.
    pub maxqueue: Option<u32>,
    /// `minconn`; `None` where the limit does not follow the load.
    pub minconn: Option<u32>,
    /// `slowstart` in milliseconds; `None` without.
    pub slowstart_ms: Option<u64>,
    /// `hash-key`
    pub hash_key: HashKey,
    /// Health checks; `None` without `check`.
    pub check: Option<Check>,
    /// `agent-check`
    pub agent: Option<Agent>,
    /// `track`: the server whose state this one takes over.
    pub track: Option<Box<Track>>,
    /// The servers that track this one, the last one of the file first.
    pub trackers: Vec<(ProxyId, ServerId)>,
    /// `observe`, of a server that is checked.
    pub observe: Option<Observe>,
    /// `send-proxy`, `send-proxy-v2`.
    pub send_proxy: Option<ProxyProtocol>,
    /// `ssl` and everything that goes with it.
    pub tls: Option<ServerTls>,
    /// `source`: the local address to connect from.
    pub source: Option<Arc<Source>>,
    /// `tcp-ut` in milliseconds; 0 is what the system says.
    pub user_timeout_ms: u32,
    /// `pool-max-conn`; `None` is unlimited, 0 turns reuse off.
    pub pool_max: Option<u32>,
    /// `pool-low-conn`: with fewer idle connections than this, cores leave each other theirs.
    pub pool_low: u32,
    /// `pool-purge-delay` in milliseconds, default 5000; 0 is as `pool-max-conn 0`.
    pub pool_purge_ms: u64,
    /// `max-reuse`; `None` is unlimited.
    pub max_reuse: Option<u32>,
    /// `id` (`sid`), else the position counting from 1.
    pub id: u32,
    /// `id` was given.
    pub forced_id: bool,
    /// `redir`: answer GET and HEAD with a redirect to this prefix.
    pub redir: Option<Box<str>>,
    /// `cookie` value.
    pub cookie: Option<Box<str>>,
    /// `tfo`.
    pub fast_open: bool,
    /// `mptcp@`: connections may use several paths at once (RFC 8684).
    pub multipath: bool,
    /// `on-marked-down shutdown-sessions`
    pub ends_streams_when_down: bool,
    /// `on-marked-up shutdown-backup-sessions`
    pub ends_backups_when_up: bool,
    /// The host's name where the line has one.
    pub host: Option<Box<str>>,
    /// `resolvers`: how its address is found at run time.
    pub resolve: Option<Resolve>,
    /// What it had in an earlier process, as a state file says.
    pub saved: Option<Box<Saved>>,
    /// `file:line`, for messages.
    pub place: Box<str>,
}

impl Server {
    /// Whether a connection that is opened as `other` says would do for this server.
    pub fn is_reached_like(&self, other: &Server) -> bool {
        let source = |server: &Server| server.source.as_ref().map(|source| source.to_string());
        let tls = match (&self.tls, &other.tls) {
            (Some(tls), Some(other)) => tls.is_like(other),
            (tls, other) => tls.is_none() && other.is_none(),
        };
        tls && self.addr == other.addr
            && self.port == other.port
            && self.multipath == other.multipath
            && self.user_timeout_ms == other.user_timeout_ms
            && source(self) == source(other)
    }
}

/// What a server begins with that was there in an earlier process (manual 4.2 `load-server-state-from-file`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What checks said.
    pub health: Health,
    /// What the administrator said, as far as it goes with the present configuration.
    pub admin: Admin,
    /// The weight; `None` where the configuration says another than before.
    pub weight: Option<u32>,
    /// Seconds since its last change of state.
    pub seconds: i64,
    /// Of a server that is checked.
    pub check: Option<SavedCheck>,
    /// Of a server with an agent.
    pub agent: Option<SavedAgent>,
    /// The host's name, if it is not the configured one.
    pub name: Option<Box<str>>,
    /// The address of a host that the records of a service gave it.
    pub addr: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
    /// TLS was left off (`set server ... ssl off`).
    pub tls_off: bool,
}

/// The agent's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAgent {
    /// Nobody asked it.
    pub off: bool,
    /// Where it was, if that was changed; 0 is as configured.
    pub port: u16,
    /// See `port`.
    pub addr: Option<IpAddr>,
}

/// The checks' part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCheck {
    /// Of the last one.
    pub status: &'static str,
    /// `rise` and `fall` as far as they had come.
    pub counter: u32,
    /// They were switched off.
    pub paused: bool,
    /// Where they connected, if that was changed; 0 is as configured.
    pub port: u16,
    /// See `port`.
    pub addr: Option<IpAddr>,
}

/// What a server's points on the ring of consistent hashes follow from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashKey {
    /// `id`
    #[default]
    Id,
    /// `id32`
    Id32,
    /// `addr`
    Addr,
    /// `addr-port`
    AddrPort,
}

impl HashKey {
    /// As written, where it is not the default.
    pub fn name(self) -> Option<&'static str> {
        match self {
            HashKey::Id => None,
            HashKey::Id32 => Some("id32"),
            HashKey::Addr => Some("addr"),
            HashKey::AddrPort => Some("addr-port"),
        }
    }
}

/// A server's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddr {
    /// An IP address (or a name resolved at load by `init-addr libc`, the default).
    Ip(IpAddr),
    /// A UNIX socket.
    Unix(PathBuf),
    /// An abstract UNIX socket.
    Abstract(String),
    /// A name that could not be resolved and need not be (`init-addr none`): the server is down until it is.
    Unresolved(String),
    /// `0.0.0.0` or `*`: the address the client connected to.
    Client,
}

/// A server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSpec {
    /// This port.
    Fixed(u16),
    /// The client's destination port plus this (`:+1`, `:-1`; 0 where none was given).
    Offset(i32),
}

/// The PROXY header a server expects.
pub enum ProxyProtocol {
    /// Version 1.
    V1,
    /// Version 2.
    V2(Box<ProxyV2>),
}

/// What a header of version 2 says besides addresses.
pub struct ProxyV2 {
    /// `proxy-v2-options`
    pub facts: ProxyFacts,
    /// `set-proxy-v2-tlv-fmt`: types and values.
    pub tlvs: Vec<(u8, LogFormat)>,
}

bitflags::bitflags! {
    /// What a header of version 2 can say.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ProxyFacts: u8 {
        /// `ssl`: whether and how the client speaks TLS.
        const SSL = 1;
        /// `cert-cn`: the common name of its certificate.
        const CERT_CN = 2;
        /// `ssl-cipher`
        const SSL_CIPHER = 4;
        /// `cert-sig`: how the certificate that it was shown is signed.
        const CERT_SIG = 8;
        /// `cert-key`: the key of that certificate.
        const CERT_KEY = 16;
        /// `authority`: the name that it asked for.
        const AUTHORITY = 32;
        /// `crc32c`: a checksum of the header.
        const CRC32C = 64;
        /// `unique-id`
        const UNIQUE_ID = 128;
        /// Each of these makes the header speak of TLS.
        const WITHIN_SSL = 31;
    }
}

impl ProxyFacts {
    /// By its name in `proxy-v2-options`.
    pub fn from_option(name: &str) -> Option<ProxyFacts> {
        OPTIONS.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    /// The names in `proxy-v2-options`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        OPTIONS.iter().filter(move |(_, fact)| self.contains(*fact)).map(|(name, _)| *name)
    }
}

const OPTIONS: [(&str, ProxyFacts); 8] = [
    ("ssl", ProxyFacts::SSL),
    ("cert-cn", ProxyFacts::CERT_CN),
    ("ssl-cipher", ProxyFacts::SSL_CIPHER),
    ("cert-sig", ProxyFacts::CERT_SIG),
    ("cert-key", ProxyFacts::CERT_KEY),
    ("authority", ProxyFacts::AUTHORITY),
    ("crc32c", ProxyFacts::CRC32C),
    ("unique-id", ProxyFacts::UNIQUE_ID),
];

/// TLS towards a server.
pub struct ServerTls {
    /// `verify`.
    pub verify: Verify,
    /// `ca-file`, read at load; with `@system-ca` the system's.
    pub roots: Vec<CertificateDer<'static>>,
    /// `@system-ca` on a system that has none: the authorities that browsers believe.
    pub system_roots: bool,
    /// `verifyhost`.
    pub verify_host: Option<String>,
    /// `sni`: evaluated for each new connection.
    pub sni: Option<Expr>,
    /// `crt`: the client certificate.
    pub cert: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// ALPN names.
    pub alpn: Vec<Vec<u8>>,
    /// Allowed suites; empty is the library's default.
    pub suites: Vec<SupportedCipherSuite>,
    /// Key exchange and signatures.
    pub algorithms: TlsAlgorithms,
    /// Allowed protocol versions.
    pub versions: TlsVersions,
    /// `no-ssl-reuse`.
    pub no_reuse: bool,
    /// `no-tls-tickets`: sessions of TLS 1.2 are resumed by their number.
    pub no_tickets: bool,
    /// Bounds of what a record holds.
    pub records: RecordSizes,
    /// `check-sni`.
    pub check_sni: Option<String>,
}

impl ServerTls {
    /// Whether it means the same for a connection; the name it was opened for (`sni`) apart, which connections know themselves.
    fn is_like(&self, other: &ServerTls) -> bool {
        self.verify == other.verify
            && self.roots == other.roots
            && self.system_roots == other.system_roots
            && self.verify_host == other.verify_host
            && self.cert == other.cert
            && self.alpn == other.alpn
            && self.suites == other.suites
            && self.algorithms == other.algorithms
            && self.versions == other.versions
            && self.records == other.records
    }
}

/// `track`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// The backend named, if any; else it is the server's own.
    pub backend: Option<Box<str>>,
    /// The name of the server.
    pub server: Box<str>,
    /// Where it is, once all proxies are known.
    pub place: Option<(ProxyId, ServerId)>,
    /// `backend/server`, as it is told.
    pub shown: Box<str>,
    /// `rise` and `fall` of the checks at the end of the chain.
    pub counts: Option<(u32, u32)>,
    /// The line, for messages.
    pub line: Span,
}

/// `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// No verification.
    None,
    /// The chain must lead to a known root and the name must fit.
    Required,
}
