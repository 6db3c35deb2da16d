//! Plain data about a client connection and a stream, filled by `net` and `engine`, read by fetches and log aliases.

use std::borrow::Cow;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{ConnError, UniqueId};
use crate::base::id::{BindId, CoreId, ProxyId, ServerId};
use crate::base::tcp_info::TcpInfo;
use crate::base::tls_error::TlsError;
use crate::state::Tracked;
use crate::wire::hello_lists::HelloLists;
use crate::wire::proxy_protocol::Tlvs;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Endpoint {
    /// Not known (for example after PROXY UNKNOWN, or an inherited socket that does not tell).
    #[default]
    Unknown,
    /// An IP address and port.
    Ip(SocketAddr),
    /// A UNIX socket; logged as `unix:N`.
    Unix,
}

impl Endpoint {
    /// The IP address, if there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Endpoint::Ip(addr) => Some(addr.ip()),
            _ => None,
        }
    }

    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        match self {
            Endpoint::Ip(addr) => Some(addr.port()),
            _ => None,
        }
    }
}

/// A client connection; lives as long as it.
#[derive(Debug)]
pub struct ConnFacts {
    /// The core that serves it.
    pub core: CoreId,
    /// The frontend.
    pub frontend: ProxyId,
    /// The listener.
    pub bind: BindId,
    /// `option name` of the listener or the like; for `so_name`.
    pub bind_name: Arc<str>,
    /// Client address as rules and logs see it (PROXY protocol and `set-src` change it).
    pub src: Endpoint,
    /// Local address as rules and logs see it.
    pub dst: Endpoint,
    /// Client address of the real connection (`fc_src`).
    pub real_src: Endpoint,
    /// Local address of the real connection (`fc_dst`).
    pub real_dst: Endpoint,
    /// Its socket's number, for questions to the kernel; -1 where there is none (any more).
    pub socket: i32,
    /// When the connection was accepted: Unix time in microseconds (`%t`, `accept_date`).
    pub accepted_us: i64,
    /// The same on the monotonic clock, in milliseconds.
    pub accepted_ms: u64,
    /// Handshake time in milliseconds, PROXY and TLS (`%Th`).
    pub handshake_ms: u32,
    /// TLS facts, once the handshake is done.
    pub tls: Option<Box<TlsFacts>>,
    /// What few connections have.
    pub rare: Option<Box<RareFacts>>,
    /// A rule expects a PROXY header (`expect-proxy`).
    pub expects_proxy: bool,
    /// A rule expects a NetScaler header (`expect-netscaler-cip`).
    pub expects_netscaler: bool,
    /// A rule lets the connection disappear (`silent-drop`): how far a reset may travel, 0 if none is to be sent.
    pub silent_drop: Option<u8>,
    /// A PROXY header was received (`fc_rcvd_proxy`).
    pub rcvd_proxy: bool,
    /// What is wrong with it (`fc_err`).
    pub error: ConnError,
    /// Requests on this connection so far (`fc_nb_streams`-like; `txn` number for keep-alive).
    pub requests: u32,
    /// Entries of stick tables that the connection tracks.
    pub tracked: Tracked,
}

impl ConnFacts {
    /// Why the handshake of TLS failed, if it did.
    pub fn tls_error(&self) -> Option<TlsError> {
        self.rare.as_ref()?.tls_error
    }

    /// Takes back what the rules of the request before did to the addresses.
    #[inline]
    pub fn restore_ends(&mut self) {
        if let Some(ends) = self.rare.as_mut().and_then(|rare| rare.ends_before.take()) {
            (self.src, self.dst) = ends;
        }
    }

    /// What few connections have, to be changed.
    pub fn rare_mut(&mut self) -> &mut RareFacts {
        self.rare.get_or_insert_default()
    }

    /// What the client's PROXY header said besides addresses (`fc_pp_tlv`).
    pub fn proxy_tlvs(&self) -> Tlvs<'_> {
        Tlvs::new(self.rare.as_ref().map_or(&[], |rare| &rare.proxy_tlvs))
    }

    /// Where no client is: health checks, commands of the runtime socket.
    pub fn without_client(core: CoreId, frontend: ProxyId, now_us: i64, now_ms: u64) -> ConnFacts {
        ConnFacts {
            core,
            frontend,
            bind: BindId(0),
            bind_name: Arc::from(""),
            src: Endpoint::Unknown,
            dst: Endpoint::Unknown,
            real_src: Endpoint::Unknown,
            real_dst: Endpoint::Unknown,
            socket: -1,
            accepted_us: now_us,
            accepted_ms: now_ms,
            handshake_ms: 0,
            tls: None,
            rare: None,
            expects_proxy: false,
            expects_netscaler: false,
            silent_drop: None,
            rcvd_proxy: false,
            error: ConnError::None,
            requests: 0,
            tracked: Default::default(),
        }
    }
}

/// What the packets of a connection carry besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// For the packet filter (`SO_MARK`).
    pub mark: Option<u32>,
    /// The TOS field, or the traffic class of IPv6.
    pub tos: Option<u8>,
}

/// What few connections have: in a box, so that the others have no room for it.
#[derive(Clone, Debug, Default)]
pub struct RareFacts {
    /// Why the handshake of TLS failed, if it did (`ssl_fc_err`).
    pub tls_error: Option<TlsError>,
    /// `src` and `dst` before a request's rules changed them: they do so for that request only.
    pub ends_before: Option<(Endpoint, Endpoint)>,
    /// What rules have said of its packets and the kernel is yet to be told (`set-fc-mark`).
    pub marks: Marks,
    /// The TLVs of the PROXY header, as they stood there.
    pub proxy_tlvs: Box<[u8]>,
}

/// What a client TLS session is made of.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// `TLSv1.2`, `TLSv1.3` (`ssl_fc_protocol`, `%sslv`).
    pub version: &'static str,
    /// OpenSSL's name of the cipher suite (`ssl_fc_cipher`, `%sslc`).
    pub cipher: &'static str,
    /// Secret key size in bits (`ssl_fc_use_keysize`).
    pub key_bits: u16,
    /// The server name the client asked for (`ssl_fc_sni`).
    pub sni: Option<Box<str>>,
    /// The protocol agreed on (`ssl_fc_alpn`).
    pub alpn: Option<Box<[u8]>>,
    /// The session was resumed (`ssl_fc_is_resumed`).
    pub resumed: bool,
    /// The client's certificate in DER (`ssl_c_der`, source of `ssl_c_s_dn` and the like).
    pub client_cert: Option<Box<[u8]>>,
    /// The certificate we presented, in DER (`ssl_f_der`).
    pub server_cert: Option<Arc<[u8]>>,
    /// What the client's hello listed, if that is captured (`ssl_fc_cipherlist_bin` and its relatives).
    pub hello: Option<Box<HelloLists>>,
}

/// The two main characters of the termination state (`%ts`, manual 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// `C`lient abort, `S`erver abort, `P`roxy, `L`ocal, `R`esource, `I`nternal, `D`own, `U`p, `K`illed, `c`lient timeout,
    /// `s`erver timeout, `-` normal.
    pub cause: u8,
    /// `R`equest, `Q`ueue, `C`onnect, `H`eaders, `D`ata, `L`ast data, `T`arpit, `-` normal.
    pub phase: u8,
}

impl Default for Termination {
    fn default() -> Self {
        Termination { cause: b'-', phase: b'-' }
    }
}

/// A header captured for the log and for `capture.req.hdr`: empty where it was not captured.
pub type CapturedHeader = Option<Box<[u8]>>;

/// What was captured of the messages of one direction, by slot.
#[derive(Debug, Default)]
pub struct Captures {
    slots: Vec<CapturedHeader>,
    /// What converters kept since: they see the stream while others read it.
    late: RefCell<Vec<(usize, Box<[u8]>)>>,
}

impl Captures {
    /// As many empty slots.
    pub fn resize(&mut self, count: usize) {
        self.slots.resize(count, None);
    }

    /// One slot more.
    pub fn push(&mut self, value: CapturedHeader) {
        self.slots.push(value);
    }

    /// No slots.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.late.get_mut().clear();
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no slot.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What a slot holds.
    pub fn value(&self, at: usize) -> Option<Cow<'_, [u8]>> {
        let slot = self.slots.get(at)?;
        // The list is not borrowed while a converter runs, since its values are handed out as copies.
        if let Some((_, late)) = self.late.borrow().iter().rfind(|(late, _)| *late == at) {
            return Some(Cow::Owned(late.to_vec()));
        }
        slot.as_deref().map(Cow::Borrowed)
    }

    /// What each slot holds, empty where it holds nothing.
    pub fn values(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        (0..self.len()).map(|at| self.value(at).unwrap_or_default())
    }

    /// Fills a slot; one that is not there is overlooked.
    pub fn set(&mut self, at: usize, value: Box<[u8]>) {
        self.late.get_mut().retain(|(late, _)| *late != at);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(value);
        }
    }

    /// As [`Captures::set`], for a converter; whether there is such a slot.
    pub fn set_late(&self, at: usize, value: Box<[u8]>) -> bool {
        let exists = at < self.slots.len();
        if exists {
            self.late.borrow_mut().push((at, value));
        }
        exists
    }
}

impl From<Vec<CapturedHeader>> for Captures {
    fn from(slots: Vec<CapturedHeader>) -> Captures {
        Captures { slots, late: RefCell::default() }
    }
}

/// What rules set for one stream instead of what the configuration says for all.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `set-timeout client` in milliseconds.
    pub client: Option<u64>,
    /// `set-timeout connect`
    pub connect: Option<u64>,
    /// `set-timeout queue`
    pub queue: Option<u64>,
    /// `set-timeout server`
    pub server: Option<u64>,
    /// `set-timeout tarpit`
    pub tarpit: Option<u64>,
    /// `set-timeout tunnel`
    pub tunnel: Option<u64>,
    /// `set-retries`
    pub retries: Option<u32>,
    /// `disable-l7-retry`
    pub connect_retries_only: bool,
    /// `set-bc-mark`, `set-bc-tos`
    pub server_marks: Marks,
    /// `set-priority-class`
    pub priority_class: i32,
    /// `set-priority-offset` in milliseconds.
    pub priority_offset: i32,
}

/// One stream: in HTTP a request and its response, in TCP the connection. Reset for each.
///
/// Times are milliseconds on the monotonic clock; `None` where the stage was not reached (logged as -1).
#[derive(Debug, Default)]
pub struct StreamFacts {
    /// A `reqallow` of releases up to 2.0 matched: later tests of lines deny nothing.
    pub lines_allowed: bool,
    /// Unique number of the stream in the process (`%rt`-like counter; `%pid` is the process).
    pub number: u64,
    /// When the first byte of this request could arrive: accept, or end of the previous request (`%Ti` counts to first byte).
    pub began_ms: u64,
    /// The same as Unix time in microseconds (`%t` with keep-alive).
    pub began_us: i64,
    /// First byte of the request (`%tr`, end of `%Ti`).
    pub first_byte_ms: Option<u64>,
    /// The same as Unix time in microseconds.
    pub first_byte_us: i64,
    /// Full request head received (`%TR`).
    pub request_ms: Option<u64>,
    /// Left the queue (`%Tw`).
    pub queue_ms: Option<u64>,
    /// Connected to the server (`%Tc`).
    pub connect_ms: Option<u64>,
    /// Full response head received (`%Tr`).
    pub response_ms: Option<u64>,
    /// End of the stream (`%Tt`, `%Ta`, `%Td`).
    pub end_ms: Option<u64>,
    /// Backend, once chosen.
    pub backend: Option<ProxyId>,
    /// Server, once chosen.
    pub server: Option<ServerId>,
    /// `<STATS>`, `<NOSRV>` or another applet's name where no server was used: what `%s` prints then.
    pub applet: Option<&'static str>,
    /// Address of the server's connection: our side (`%bi`, `%bp`).
    pub server_src: Endpoint,
    /// Address of the server's connection: its side (`%si`, `%sp`).
    pub server_dst: Endpoint,
    /// What the kernel knew of the connection to the server, where somebody asks (`bc_rtt`).
    pub server_tcp: Option<TcpInfo>,
    /// What is wrong with the connection to the server (`bc_err`).
    pub server_error: ConnError,
    /// The server's connection was reused (`%rc`-like facts, `bc_reused`-like).
    pub reused: bool,
    /// Retries of the connection (`%rc`).
    pub retries: u32,
    /// Went to another server than first chosen (`+` before `%rc`).
    pub redispatched: bool,
    /// Streams before this one in the server's queue (`%sq`).
    pub server_queue: u32,
    /// Streams before this one in the backend's queue (`%bq`).
    pub backend_queue: u32,
    /// Process connections (`%ac`), frontend (`%fc`), backend (`%bc`) and server (`%sc`) at the end of the stream.
    pub counts: [u32; 4],
    /// Status sent to the client (`%ST`), 0 before.
    pub status: u16,
    /// Status the server sent, 0 where none.
    pub server_status: u16,
    /// Bytes received from the client (`%U`, `req.bytes_in`), as HAProxy counts them: see `Msg::size`.
    pub bytes_in: u64,
    /// Bytes sent to the server (`req.bytes_out`).
    pub bytes_to_server: u64,
    /// Bytes of the response as received from the server or made here (`%B`, `res.bytes_in`).
    pub bytes_out: u64,
    /// Bytes sent to the client (`res.bytes_out`).
    pub bytes_to_client: u64,
    /// What the response is compressed with (`res.comp_algo`).
    pub compressed: Option<&'static str>,
    /// How it ended (`%ts`, `%tsc`).
    pub termination: Termination,
    /// Method and target as received, with the version: `GET /x HTTP/1.1` (`%r`); kept only where a log may want it.
    pub request_line: Vec<u8>,
    /// Method as received (`%HM`, `method` after the head is gone): length of the method in `request_line`.
    pub method_len: u16,
    /// Length of the target in `request_line`.
    pub target_len: u32,
    /// Captured request headers, by slot (`%hr`, `capture.req.hdr`).
    pub req_captures: Captures,
    /// Captured response headers, by slot (`%hs`, `capture.res.hdr`).
    pub res_captures: Captures,
    /// The cookie that `capture cookie` watches, as sent by the client: `name=value` (`%CC`).
    pub req_cookie: CapturedHeader,
    /// The same cookie as set by the server (`%CS`).
    pub res_cookie: CapturedHeader,
    /// The last two characters of `%tsc` (8.5): what cookie persistence found and did; 0 is written as `-`.
    pub cookie_flags: [u8; 2],
    /// The line is written before the stream ends (`option logasap`): totals carry a `+`.
    pub logged_early: bool,
    /// When the log line is made (`%OG`): `txn_accept`, `txn_request`, `txn_connect`, `txn_response`, `txn_close`...
    pub log_origin: Option<&'static str>,
    /// Entries of stick tables that the stream tracks, besides those of its connection.
    pub tracked: Tracked,
    /// The unique id (`%ID`).
    pub unique_id: UniqueId,
    /// Level set by `set-log-level`: 0 to 7; `None` is the default; `Some(8)` is silent.
    pub log_level: Option<u8>,
    /// What rules set for this stream only; none for most.
    pub overrides: Option<Box<Overrides>>,
    /// `103 Early Hints` that are yet to be sent.
    pub hints: Vec<u8>,
    /// Their size as HAProxy counts it.
    pub hint_bytes: u64,
    /// The tarpit or deny came from a rule; the name of the last rule that decided (`last_rule_line`).
    pub last_rule: Option<u32>,
}

impl StreamFacts {
    /// An error, a timeout, a retry, a redispatch, or in HTTP a 5xx; answers of our own (`L`) are none.
    pub fn has_failed(&self, http: bool) -> bool {
        let ended_well = matches!(self.termination.cause, b'-' | b'L');
        self.redispatched || self.retries > 0 || http && self.status >= 500 || !ended_well
    }

    /// The stream had a connection to a server.
    pub fn was_forwarded(&self) -> bool {
        self.server.is_some() && self.connect_ms.is_some()
    }

    /// Something in the proxy itself answered, such as the statistics.
    pub fn went_to_applet(&self) -> bool {
        self.applet.is_some_and(|name| name != "<NOSRV>")
    }

    /// What rules set for this stream, to be changed.
    pub fn overrides_mut(&mut self) -> &mut Overrides {
        self.overrides.get_or_insert_default()
    }

    /// A time that a rule may have set, in milliseconds.
    #[inline]
    pub fn timeout(&self, of: fn(&Overrides) -> Option<u64>, configured: Option<u64>) -> Option<u64> {
        match &self.overrides {
            None => configured,
            Some(overrides) => of(overrides).or(configured),
        }
    }
}
