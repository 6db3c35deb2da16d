//! The handshakes of a client's connection before anything else is read from it: the NetScaler header (manual 5.1
//! `accept-netscaler-cip`), the PROXY header (`accept-proxy`), then TLS. Both must be done within `timeout client-hs`.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use super::buffer::Room;
use super::hooks::{self, Stage};
use super::log;
use super::session::Session;
use crate::base::tls_error::TlsError;
use crate::expr::{ConnError, Endpoint, TlsFacts};
use crate::ir::{Bind, Proxy};
use crate::net::io::{Io, Plain};
use crate::net::tls::{self, Accepted, Acceptor, Asked};
use crate::state::{Process, Stat};
use crate::wire::proxy_protocol::{self, Addresses, HeaderError, Tlvs};
use crate::wire::{Progress, netscaler};

/// Counts a client's TLS connection for as long as it lives.
pub struct Secured {
    process: Arc<Process>,
}

impl Secured {
    fn new(s: &Session) -> Self {
        let process = s.local.live.view.process.clone();
        process.tls_connections.fetch_add(1, Relaxed);
        process.tls_connections_total.fetch_add(1, Relaxed);
        process.tls_rate.tick(s.core.now_ms());
        Secured { process }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.process.tls_connections.fetch_sub(1, Relaxed);
    }
}

/// Makes the handshakes that the `bind` line asks for. False if one failed; that is logged.
pub async fn perform(s: &mut Session, frontend: &Proxy) -> bool {
    let Some(bind) = frontend.binds.get(s.facts.bind.index()) else { return false };
    let timeout = frontend.timeouts.client_hs.or(frontend.timeouts.client);
    let deadline = timeout.map(|timeout| s.facts.accepted_ms + timeout);
    let mut done = Ok(());
    if let Some(magic) = netscaler_magic(s, bind) {
        done = netscaler_header(s, magic, deadline).await;
    }
    if done.is_ok() && (bind.accept_proxy || s.facts.expects_proxy) {
        done = proxy_header(s, deadline).await;
    }
    if done.as_ref().is_err_and(|failure| !failure.nothing_came) {
        // Whoever speaks another protocol is to notice.
        s.io.plain().reset_on_close();
    }
    if bind.tls.is_some() && done.is_ok() {
        done = secure(s, deadline).await;
    }
    let took = s.core.tick_ms().saturating_sub(s.facts.accepted_ms);
    s.facts.handshake_ms = u32::try_from(took).unwrap_or(u32::MAX);
    match done {
        Ok(()) => true,
        Err(failure) => {
            // Those that took too long do not count as failed, as the reference has it.
            let too_late =
                matches!(failure.error, ConnError::PrxTimeout | ConnError::CipTimeout | ConnError::SslTimeout);
            let failed = bind.tls.is_some() && !too_late;
            s.count(Stat::TlsFailures, u64::from(failed));
            report(s, frontend, &failure);
            false
        }
    }
}

/// Why a handshake failed.
#[derive(Debug)]
struct Failure {
    error: ConnError,
    /// What the library says where the manual's list says no more.
    detail: Option<String>,
    /// The client sent nothing: probes are like that.
    nothing_came: bool,
}

impl Failure {
    fn new(error: ConnError) -> Self {
        Failure { error, detail: None, nothing_came: false }
    }

    /// As logs say it.
    fn message(&self) -> Cow<'static, str> {
        match &self.detail {
            None => self.error.message().into(),
            Some(detail) => format!("{} ({detail})", self.error.message()).into(),
        }
    }
}

fn report(s: &mut Session, frontend: &Proxy, failure: &Failure) {
    let (core, local) = (s.core.clone(), s.local.clone());
    s.facts.error = failure.error;
    let mut stream = core.stream();
    stream.facts.began_ms = s.facts.accepted_ms;
    stream.facts.began_us = s.facts.accepted_us;
    let txn = hooks::txn(s, &mut stream, &local.live, Stage::CONNECTION);
    log::refused(&core, &local, frontend, &txn.ctx(), &failure.message(), failure.nothing_came);
    core.recycle(stream);
}

/// Reads the PROXY header, which must come first, and takes the addresses from it.
async fn proxy_header(s: &mut Session, deadline: Option<u64>) -> Result<(), Failure> {
    let limit = s.local.live.ir.global.bufsize;
    loop {
        let (addresses, tlvs, len) = match proxy_protocol::parse(s.buf.data(), limit) {
            Ok(Progress::Done(header)) => (endpoints(header.addresses), kept(header.tlvs)?, header.len),
            Ok(Progress::Partial) => {
                more_of_header(s, deadline, &PROXY).await?;
                continue;
            }
            Err(HeaderError::NotProxy) => return Err(Failure::new(ConnError::PrxNotHdr)),
            Err(HeaderError::Kind) => return Err(Failure::new(ConnError::PrxBadProto)),
            Err(_) => return Err(Failure::new(ConnError::PrxBadHdr)),
        };
        s.buf.consume(len);
        s.buf.release();
        s.facts.rcvd_proxy = true;
        if !tlvs.is_empty() {
            s.facts.rare_mut().proxy_tlvs = tlvs;
        }
        if let Some((src, dst)) = addresses {
            (s.facts.src, s.facts.dst) = (src, dst);
        }
        return Ok(());
    }
}

/// What the header says besides addresses; values above 1024 bytes are refused (manual 7.3.3 `fc_pp_tlv`).
fn kept(tlvs: Tlvs<'_>) -> Result<Box<[u8]>, Failure> {
    if tlvs.iter().any(|tlv| tlv.value.len() > LARGEST_TLV) {
        return Err(Failure::new(ConnError::PrxBadHdr));
    }
    Ok(tlvs.as_bytes().into())
}

/// The number that begins a NetScaler header, if one is expected. Where only a rule expects it, the line has none, which is 0.
fn netscaler_magic(s: &Session, bind: &Bind) -> Option<u32> {
    bind.netscaler_magic.or(s.facts.expects_netscaler.then_some(0))
}

/// Reads the NetScaler header, which must come first, and takes the addresses from it.
async fn netscaler_header(s: &mut Session, magic: u32, deadline: Option<u64>) -> Result<(), Failure> {
    let limit = s.local.live.ir.global.bufsize;
    loop {
        let header = match netscaler::parse(s.buf.data(), magic, limit) {
            Ok(Progress::Done(header)) => header,
            Ok(Progress::Partial) => {
                more_of_header(s, deadline, &NETSCALER).await?;
                continue;
            }
            Err(netscaler::HeaderError::Magic) => return Err(Failure::new(ConnError::CipBadMagic)),
            Err(netscaler::HeaderError::Protocol) => return Err(Failure::new(ConnError::CipBadProto)),
            Err(netscaler::HeaderError::Length) => return Err(Failure::new(ConnError::CipTruncated)),
        };
        s.buf.consume(header.len);
        s.buf.release();
        (s.facts.src, s.facts.dst) = (Endpoint::Ip(header.src), Endpoint::Ip(header.dst));
        return Ok(());
    }
}

/// What may happen while a header is waited for.
struct Waiting {
    /// The end, before anything came.
    empty: ConnError,
    /// A failure of the connection.
    abort: ConnError,
    /// The end of the time, before anything came.
    timeout: ConnError,
    /// Either, after something came.
    truncated: ConnError,
}

const PROXY: Waiting = Waiting {
    empty: ConnError::PrxEmpty,
    abort: ConnError::PrxAbort,
    timeout: ConnError::PrxTimeout,
    truncated: ConnError::PrxTruncated,
};

const NETSCALER: Waiting = Waiting {
    empty: ConnError::CipEmpty,
    abort: ConnError::CipAbort,
    timeout: ConnError::CipTimeout,
    truncated: ConnError::CipTruncated,
};

/// Waits for more of a header.
async fn more_of_header(s: &mut Session, deadline: Option<u64>, waiting: &Waiting) -> Result<(), Failure> {
    let nothing_came = s.buf.is_empty();
    let failed = |error| Poll::Ready(Err(Failure { error, detail: None, nothing_came }));
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Ok(1..)) => Poll::Ready(Ok(())),
        Poll::Ready(Ok(0)) => failed(if nothing_came { waiting.empty } else { waiting.truncated }),
        Poll::Ready(Err(_)) => failed(waiting.abort),
        Poll::Pending => {
            if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
                return failed(if nothing_came { waiting.timeout } else { waiting.truncated });
            }
            s.slot.arm(cx, deadline);
            Poll::Pending
        }
    })
    .await
}

fn endpoints(addresses: Addresses<'_>) -> Option<(Endpoint, Endpoint)> {
    match addresses {
        Addresses::Unknown => None,
        Addresses::Inet { src, dst, .. } => Some((Endpoint::Ip(src), Endpoint::Ip(dst))),
        Addresses::Unix { .. } => Some((Endpoint::Unix, Endpoint::Unix)),
    }
}

/// Puts TLS on the session's stream.
async fn secure(s: &mut Session, deadline: Option<u64>) -> Result<(), Failure> {
    let live = s.local.live.clone();
    let acceptor = live.proxies.get(s.frontend().index()).and_then(|proxy| proxy.acceptor(s.facts.bind));
    let (Some(acceptor), Some(plain)) = (acceptor, s.io.take_plain()) else {
        return Err(Failure::new(ConnError::SslFatal));
    };
    s.secured = Some(Secured::new(s));
    let mut began = !s.buf.is_empty();
    let agreed = {
        let mut step = std::pin::pin!(agree(acceptor, plain, s.buf.data(), &mut began));
        poll_fn(|cx| {
            if let Poll::Ready(done) = step.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
                return Poll::Ready(None);
            }
            s.slot.arm(cx, deadline);
            Poll::Pending
        })
        .await
    };
    s.buf.clear();
    match agreed {
        Some(Ok((io, asked))) => {
            let facts = facts(&io, asked);
            s.count(Stat::TlsSessions, 1);
            s.count(Stat::TlsResumed, u64::from(facts.resumed));
            s.facts.tls = Some(Box::new(facts));
            s.io = Io::Accepted(Box::new(io));
            Ok(())
        }
        Some(Err(error)) => {
            // The socket went with the handshake.
            s.facts.socket = -1;
            s.facts.rare_mut().tls_error = Some(tls::error_of(&error));
            let (error, detail) = explained(&error);
            Err(Failure { error, detail, nothing_came: !began })
        }
        None => {
            s.facts.socket = -1;
            s.facts.rare_mut().tls_error = Some(TlsError::NONE);
            Err(Failure { error: ConnError::SslTimeout, detail: None, nothing_came: !began })
        }
    }
}

/// The handshake from the first byte; `received` has been read already. Sets `began` when the client has sent something.
async fn agree(acceptor: &Acceptor, plain: Plain, received: &[u8], began: &mut bool) -> io::Result<(Accepted, Asked)> {
    let (mut io, asked) = acceptor.begin(plain, received, began).await?;
    poll_fn(|cx| io.poll_handshake(cx)).await?;
    Ok((io, asked))
}

/// What went wrong, and what the library says of it where the manual's list says no more.
fn explained(error: &io::Error) -> (ConnError, Option<String>) {
    match error.get_ref().and_then(|why| why.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            return (ConnError::SslCaFail, None);
        }
        Some(rustls::Error::InvalidCertificate(_)) => return (ConnError::SslCrtFail, None),
        _ => {}
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => (ConnError::SslEmpty, None),
        io::ErrorKind::InvalidData | io::ErrorKind::Other => {
            (ConnError::SslHandshake, error.get_ref().map(|why| why.to_string()))
        }
        _ => (ConnError::SslAbort, None),
    }
}

fn facts(io: &Accepted, asked: Asked) -> TlsFacts {
    let side = io.side();
    let suite = side.negotiated_cipher_suite().map(|suite| suite.suite());
    TlsFacts {
        version: side.protocol_version().map_or("", tls::version_name),
        cipher: suite.map_or("", tls::cipher_name),
        key_bits: suite.map_or(0, tls::key_bits),
        sni: asked.sni,
        alpn: side.alpn_protocol().map(Into::into),
        resumed: side.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        client_cert: side.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.as_ref().into()),
        server_cert: asked.certificate,
        hello: asked.lists,
    }
}

/// The most bytes of a value in a PROXY header.
const LARGEST_TLV: usize = 1024;
