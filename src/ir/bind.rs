//! `bind` lines (manual 5.1), one entry per address and port.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{NamedGroup, SignatureScheme, SupportedCipherSuite};

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindAddr {
    /// An IP address; `v6only` is set for `v6only` or the lack of `v4v6` as HAProxy does.
    Ip { addr: SocketAddr, v6only: bool },
    /// A UNIX socket's path.
    Unix(PathBuf),
    /// A name in the abstract namespace (`abns@`), without the leading NUL.
    Abstract(String),
    /// An inherited descriptor (`fd@`).
    Fd(i32),
}

/// One listener.
#[derive(Clone, Debug)]
pub struct Bind {
    /// Where it listens.
    pub addr: BindAddr,
    /// `name`, else `sock-N` with N counting the proxy's listeners from 1.
    pub name: Arc<str>,
    /// `maxconn` of the line; `None` is unlimited.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `accept-proxy`: a PROXY header is required.
    pub accept_proxy: bool,
    /// `accept-netscaler-cip`: a NetScaler header that begins with this number is required.
    pub netscaler_magic: Option<u32>,
    /// `tfo`.
    pub fast_open: bool,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `mptcp@`: clients may use several paths at once (RFC 8684).
    pub multipath: bool,
    /// `transparent`.
    pub transparent: bool,
    /// `interface`.
    pub interface: Option<String>,
    /// `mss`.
    pub mss: Option<i32>,
    /// `tcp-ut` in milliseconds; 0 is what the system says.
    pub user_timeout_ms: u32,
    /// `mode`, `user`/`uid`, `group`/`gid` of a UNIX socket.
    pub unix_mode: Option<u32>,
    /// See `unix_mode`.
    pub uid: Option<u32>,
    /// See `unix_mode`.
    pub gid: Option<u32>,
    /// `id` (`puid`).
    pub id: Option<u32>,
    /// `ssl` and everything that goes with it.
    pub tls: Option<BindTls>,
    /// `file:line`, for messages.
    pub place: Box<str>,
}

impl Bind {
    /// A listener without options.
    pub fn plain(addr: BindAddr) -> Bind {
        Bind {
            addr,
            name: Arc::from(""),
            maxconn: None,
            backlog: None,
            accept_proxy: false,
            netscaler_magic: None,
            fast_open: false,
            multipath: false,
            defer_accept: false,
            transparent: false,
            interface: None,
            mss: None,
            user_timeout_ms: 0,
            unix_mode: None,
            uid: None,
            gid: None,
            id: None,
            tls: None,
            place: Box::from(""),
        }
    }

    /// Clients have something to send before their first byte counts.
    pub fn has_handshake(&self) -> bool {
        self.accept_proxy || self.netscaler_magic.is_some() || self.tls.is_some()
    }
}

impl BindAddr {
    /// Several sockets can listen there at once, one per core.
    pub fn is_shareable(&self) -> bool {
        matches!(self, BindAddr::Ip { .. })
    }
}

impl std::fmt::Display for BindAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BindAddr::Ip { addr, .. } => write!(f, "{addr}"),
            BindAddr::Unix(path) => write!(f, "{}", path.display()),
            BindAddr::Abstract(name) => write!(f, "abns@{name}"),
            BindAddr::Fd(fd) => write!(f, "fd@{fd}"),
        }
    }
}

/// TLS on a `bind` line.
#[derive(Clone, Debug)]
pub struct BindTls {
    /// Certificates in order; the first ones are the default ones.
    pub certs: Vec<Arc<CertChain>>,
    /// The lists and directories that some of them come from.
    pub lists: Vec<CertList>,
    /// How many certificates are shown where no name fits: one, or one per kind of key.
    pub defaults: usize,
    /// `strict-sni`: without a matching certificate the handshake fails.
    pub strict_sni: bool,
    /// ALPN names in order of preference; empty is none.
    pub alpn: Vec<Vec<u8>>,
    /// Allowed suites in order; empty is the library's default.
    pub suites: Vec<SupportedCipherSuite>,
    /// Key exchange and signatures.
    pub algorithms: TlsAlgorithms,
    /// Allowed protocol versions.
    pub versions: TlsVersions,
    /// `prefer-client-ciphers`: the client's order of suites counts, not ours.
    pub prefer_client_ciphers: bool,
    /// `no-tls-tickets`.
    pub no_tickets: bool,
    /// `tune.ssl.cachesize`: so many sessions are remembered; 0 is none.
    pub sessions: usize,
    /// `tune.ssl.lifetime` in seconds: how long a session can be resumed.
    pub lifetime: u32,
    /// `tune.ssl.capture-buffer-size`: so many bytes of the lists in a hello are kept; 0 is none.
    pub capture: usize,
    /// Bounds of what a record holds.
    pub records: RecordSizes,
    /// `verify optional` or `required`.
    pub client_auth: Option<ClientAuth>,
}

/// Algorithms of a handshake beyond the cipher suites, in order of preference; empty is the library's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsAlgorithms {
    /// `curves`, `ecdhe`: groups of the key exchange.
    pub groups: Vec<NamedGroup>,
    /// `sigalgs`: with which the server of a connection signs.
    pub signatures: Vec<SignatureScheme>,
    /// `client-sigalgs`: with which its client does.
    pub client_signatures: Vec<SignatureScheme>,
}

/// How much data a TLS record holds at most; 0 is as much as the protocol allows (manual 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordSizes {
    /// `tune.ssl.maxrecord`: at the beginning of a transfer.
    pub first: u32,
    /// `tune.ssl.hard-maxrecord`: at any time.
    pub any: u32,
}

/// A `crt-list` file or a directory of certificates, as the runtime socket lists it.
#[derive(Clone, Debug)]
pub struct CertList {
    /// Its path.
    pub path: String,
    /// Its lines, without comments.
    pub entries: Vec<CertListEntry>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertListEntry {
    /// The number of its line.
    pub line: u32,
    /// The certificate's file.
    pub file: String,
    /// What stands behind the file.
    pub filters: String,
    /// The names of the filters in lower case; empty means the certificate's own.
    pub names: Vec<String>,
}

/// Certificates of clients.
#[derive(Clone, Debug)]
pub struct ClientAuth {
    /// Clients without one are refused.
    pub required: bool,
    /// `ca-file`, read at load.
    pub roots: Vec<CertificateDer<'static>>,
    /// The names of the authorities are sent to clients, unless `no-ca-names`.
    pub names: bool,
}

/// TLS 1.2 and 1.3 are what rustls speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
}

/// The protocol versions allowed; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersions {
    /// TLS 1.2 allowed.
    pub tls12: bool,
    /// TLS 1.3 allowed.
    pub tls13: bool,
}

impl Default for TlsVersions {
    fn default() -> Self {
        TlsVersions { tls12: true, tls13: true }
    }
}

/// A certificate with its chain and key, read and checked at load.
pub struct CertChain {
    /// The file it came from.
    pub path: String,
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's private key.
    pub key: PrivateKeyDer<'static>,
    /// Names in lower case from the subject alternative names (else the common name); wildcards as `*.example.org`.
    pub names: Vec<String>,
}

impl std::fmt::Debug for CertChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertChain").field("path", &self.path).field("names", &self.names).finish_non_exhaustive()
    }
}
