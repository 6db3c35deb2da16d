//! The handshakes of a client's connection before anything else is read from it: the PROXY header (manual 5.1 `accept-proxy`),
//! then TLS. Both must be done within `timeout client-hs`.

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
use crate::expr::{Endpoint, TlsFacts};
use crate::ir::Proxy;
use crate::net::io::{Io, Plain};
use crate::net::tls::{self, Accepted, Acceptor, Asked};
use crate::state::{Process, Stat};
use crate::wire::Progress;
use crate::wire::proxy_protocol::{self, Addresses, HeaderError};

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
    if bind.accept_proxy || s.facts.expects_proxy {
        done = proxy_header(s, deadline).await;
        if done.as_ref().is_err_and(|failure| !failure.nothing_came) {
            // Whoever speaks another protocol is to notice.
            s.io.plain().reset_on_close();
        }
    }
    if bind.tls.is_some() && done.is_ok() {
        done = secure(s, deadline).await;
    }
    s.facts.handshake_ms = s.core.tick_ms().saturating_sub(s.facts.accepted_ms);
    match done {
        Ok(()) => true,
        Err(failure) => {
            // Those that took too long do not count as failed, as the reference has it.
            let failed = bind.tls.is_some() && !failure.message.starts_with("Timeout");
            s.count(Stat::TlsFailures, u64::from(failed));
            report(s, frontend, &failure);
            false
        }
    }
}

/// Why a handshake failed, in the words of the manual's list at `fc_err_str`.
#[derive(Debug)]
struct Failure {
    message: Cow<'static, str>,
    /// The client sent nothing: probes are like that.
    nothing_came: bool,
}

impl Failure {
    fn new(message: &'static str) -> Self {
        Failure { message: message.into(), nothing_came: false }
    }
}

fn report(s: &mut Session, frontend: &Proxy, failure: &Failure) {
    let (core, local) = (s.core.clone(), s.local.clone());
    let mut stream = core.stream();
    stream.facts.began_ms = s.facts.accepted_ms;
    stream.facts.began_us = s.facts.accepted_us;
    let txn = hooks::txn(s, &mut stream, &local.live, Stage::CONNECTION);
    log::refused(&core, &local, frontend, &txn.ctx(), &failure.message, failure.nothing_came);
    core.recycle(stream);
}

/// Reads the PROXY header, which must come first, and takes the addresses from it.
async fn proxy_header(s: &mut Session, deadline: Option<u64>) -> Result<(), Failure> {
    let limit = s.local.live.ir.global.bufsize;
    loop {
        let (addresses, len) = match proxy_protocol::parse(s.buf.data(), limit) {
            Ok(Progress::Done(header)) => (endpoints(header.addresses), header.len),
            Ok(Progress::Partial) => {
                more_of_header(s, deadline).await?;
                continue;
            }
            Err(HeaderError::NotProxy) => {
                return Err(Failure::new("Received something which does not look like a PROXY protocol header"));
            }
            Err(HeaderError::Kind) => {
                return Err(Failure::new("Received an unhandled protocol in the PROXY protocol header"));
            }
            Err(_) => return Err(Failure::new("Received an invalid PROXY protocol header")),
        };
        s.buf.consume(len);
        s.buf.release();
        s.facts.rcvd_proxy = true;
        if let Some((src, dst)) = addresses {
            (s.facts.src, s.facts.dst) = (src, dst);
        }
        return Ok(());
    }
}

/// Waits for more of a PROXY header.
async fn more_of_header(s: &mut Session, deadline: Option<u64>) -> Result<(), Failure> {
    let nothing_came = s.buf.is_empty();
    let failed = |message: &'static str| Poll::Ready(Err(Failure { message: message.into(), nothing_came }));
    poll_fn(|cx| match s.buf.poll_fill(&mut s.io, Room::Head, cx) {
        Poll::Ready(Ok(1..)) => Poll::Ready(Ok(())),
        Poll::Ready(Ok(0)) if nothing_came => failed("Connection closed while waiting for PROXY protocol header"),
        Poll::Ready(Ok(0)) => failed("Truncated PROXY protocol header received"),
        Poll::Ready(Err(_)) => failed("Connection error while waiting for PROXY protocol header"),
        Poll::Pending => {
            if s.slot.has_fired() && deadline.is_some_and(|at| s.core.tick_ms() >= at) {
                return failed(if nothing_came {
                    "Timeout while waiting for PROXY protocol header"
                } else {
                    "Truncated PROXY protocol header received"
                });
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
        return Err(Failure::new("SSL fatal error"));
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
        Some(Err(error)) => Err(Failure { message: message(&error), nothing_came: !began }),
        None => Err(Failure { message: "Timeout during SSL handshake".into(), nothing_came: !began }),
    }
}

/// The handshake from the first byte; `received` has been read already. Sets `began` when the client has sent something.
async fn agree(acceptor: &Acceptor, plain: Plain, received: &[u8], began: &mut bool) -> io::Result<(Accepted, Asked)> {
    let (mut io, asked) = acceptor.begin(plain, received, began).await?;
    poll_fn(|cx| io.poll_handshake(cx)).await?;
    Ok((io, asked))
}

/// The message, with the reason in parentheses where the manual's list says no more.
fn message(error: &io::Error) -> Cow<'static, str> {
    match error.get_ref().and_then(|why| why.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            return "SSL client CA chain cannot be verified".into();
        }
        Some(rustls::Error::InvalidCertificate(_)) => return "SSL client certificate not trusted".into(),
        _ => {}
    }
    match (error.kind(), error.get_ref()) {
        (io::ErrorKind::UnexpectedEof, _) => "Connection closed during SSL handshake".into(),
        (io::ErrorKind::InvalidData | io::ErrorKind::Other, Some(why)) => {
            format!("SSL handshake failure ({why})").into()
        }
        (io::ErrorKind::InvalidData | io::ErrorKind::Other, None) => "SSL handshake failure".into(),
        _ => "Connection error during SSL handshake".into(),
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
    }
}
