//! `Acceptor`: TLS with clients as a `bind` line wants it (manual 5.1). Which certificate is shown, and whether a protocol is
//! agreed on, is decided from the ClientHello before the library sees it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::UnbufferedServerConnection;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{NamedGroup, ServerConfig, SignatureScheme, SupportedCipherSuite};
use tokio::io::AsyncWrite;

use super::choose::{Abilities, Names};
use super::errors::Refused;
use super::records::Records;
use super::sessions::{Sessions, Tickets};
use super::signer::signer;
use super::stream::{Tls, receive};
use super::verify::ClientVerifier;
use crate::base::tls_error::TlsError;
use crate::ir::{BindTls, CertChain, RecordSizes, TlsVersions};
use crate::net::io::Plain;
use crate::wire::Progress;
use crate::wire::client_hello::{self, Hello};
use crate::wire::hello_lists::HelloLists;

/// A client's TLS connection.
pub type Accepted = Tls<UnbufferedServerConnection>;

/// TLS on one `bind` line.
pub struct Acceptor {
    shown: Vec<Shown>,
    /// How many of the first ones answer names that none is for.
    defaults: usize,
    names: Names,
    strict: bool,
    alpn: Vec<Vec<u8>>,
    records: RecordSizes,
    /// Bytes of each hello that are kept.
    capture: usize,
}

/// A certificate ready to be shown.
struct Shown {
    key: Arc<CertifiedKey>,
    config: Arc<ServerConfig>,
    der: Arc<[u8]>,
}

/// What a client asked for, and what it is shown.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The name it asked for, as it wrote it.
    pub sni: Option<Box<str>>,
    /// The certificate shown, in DER.
    pub certificate: Option<Arc<[u8]>>,
    /// What its hello listed, if that is captured.
    pub lists: Option<Box<HelloLists>>,
}

impl Acceptor {
    /// Makes a line ready. Keys and suites were checked at load.
    pub fn new(tls: &BindTls) -> Result<Self, rustls::Error> {
        let mut base: Option<ServerConfig> = None;
        let mut by_chain: HashMap<*const CertChain, usize> = HashMap::new();
        let (mut shown, mut names) = (Vec::new(), Names::default());
        for chain in &tls.certs {
            let number = match by_chain.get(&Arc::as_ptr(chain)) {
                Some(number) => *number,
                None => {
                    let key = Arc::new(certified(chain, &tls.algorithms.signatures)?);
                    let mut config = match &base {
                        Some(base) => base.clone(),
                        None => base.insert(config(tls, &key)?).clone(),
                    };
                    config.cert_resolver = resolver(&key);
                    let der = chain.chain.first().map(|leaf| leaf.as_ref().into()).unwrap_or_default();
                    shown.push(Shown { key, config: Arc::new(config), der });
                    by_chain.insert(Arc::as_ptr(chain), shown.len() - 1);
                    shown.len() - 1
                }
            };
            chain.names.iter().for_each(|name| names.add(name, number));
        }
        Ok(Acceptor {
            defaults: tls.defaults.min(shown.len()),
            shown,
            names,
            strict: tls.strict_sni,
            alpn: tls.alpn.clone(),
            records: tls.records,
            capture: tls.capture,
        })
    }

    /// Reads the ClientHello, of which `received` has been read already, and says what it asked for; the handshake goes on with
    /// [`Tls::poll_handshake`]. Sets `began` when the client has sent something.
    pub async fn begin(&self, mut plain: Plain, received: &[u8], began: &mut bool) -> io::Result<(Accepted, Asked)> {
        let mut incoming = Records::incoming();
        incoming.append(received);
        let (config, asked) = loop {
            match client_hello::parse(incoming.bytes()) {
                Ok(Progress::Done(hello)) if is_old(&hello) => return Err(refuse(&mut plain, PROTOCOL_VERSION).await),
                Ok(Progress::Done(hello)) => match self.answer(&hello) {
                    Some(answer) => break answer,
                    None => return Err(refuse(&mut plain, UNRECOGNIZED_NAME).await),
                },
                Ok(Progress::Partial) if incoming.len() < LARGEST_HELLO => {}
                Err(_) if incoming.bytes().first().is_some_and(|byte| *byte != HANDSHAKE) => {
                    return Err(foreign(incoming.bytes()).into());
                }
                // The library finds out what is wrong, and tells the client.
                _ => match self.shown.first() {
                    Some(first) => break (first.config.clone(), Asked::default()),
                    None => return Err(refuse(&mut plain, HANDSHAKE_FAILURE).await),
                },
            }
            if poll_fn(|cx| receive(&mut plain, &mut incoming, cx)).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *began = true;
        };
        let side = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        Ok((Tls::new(plain, side, incoming, self.records), asked))
    }

    /// The certificate for a hello; `None` refuses the name.
    fn answer<'a>(&'a self, hello: &Hello<'_>) -> Option<(Arc<ServerConfig>, Asked)> {
        let sni = hello.sni().and_then(|name| std::str::from_utf8(name).ok());
        let abilities = Abilities::of(hello);
        let lower = sni.map(str::to_ascii_lowercase);
        let named = lower.as_deref().map_or([&[][..]; 2], |name| self.names.find(name));
        // Numbers in `names` are of `shown`.
        let of = |numbers: &'a [usize]| numbers.iter().map(|number| &self.shown[*number]);
        let with_key = |shown: &'a Shown| (shown, &*shown.key.key);
        let usable = named.iter().find_map(|numbers| abilities.choose(of(numbers).map(with_key)));
        // One that the client cannot use: the library tells it so.
        let usable = usable.or_else(|| named.iter().find_map(|numbers| of(numbers).next()));
        let defaults = || self.shown.iter().take(self.defaults);
        let shown = match usable {
            Some(shown) => shown,
            None if self.strict => return None,
            None => abilities.choose(defaults().map(with_key)).or_else(|| defaults().next())?,
        };
        let lists = (self.capture > 0).then(|| Box::new(HelloLists::of(hello, self.capture)));
        let asked = Asked { sni: sni.map(Into::into), certificate: Some(shown.der.clone()), lists };
        let mut offered = hello.alpn_protocols().peekable();
        let nothing_fits =
            offered.peek().is_some() && !offered.any(|name| self.alpn.iter().any(|ours| ours.as_slice() == name));
        if nothing_fits && !self.alpn.is_empty() {
            // Such a client is served without a protocol, where the library would refuse it.
            let mut config = (*shown.config).clone();
            config.alpn_protocols = Vec::new();
            return Some((Arc::new(config), asked));
        }
        Some((shown.config.clone(), asked))
    }
}

/// A client that knows TLS 1.1 at best.
fn is_old(hello: &Hello<'_>) -> bool {
    hello.version < (3, 3)
}

/// Sends an alert before a handshake has begun.
async fn refuse(plain: &mut Plain, description: u8) -> io::Error {
    let alert = [0x15, 3, 3, 0, 2, 2, description];
    // Two and seven bytes always fit; a client that is gone needs no alert.
    let _ = poll_fn(|cx| match Pin::new(&mut *plain).poll_write(cx, &alert) {
        Poll::Pending => Poll::Ready(Ok(0)),
        done => done,
    })
    .await;
    let (error, why) = match description {
        PROTOCOL_VERSION => (TlsError::NO_VERSION, "the client knows no TLS version that is allowed"),
        UNRECOGNIZED_NAME => (TlsError::NO_NAME, "no certificate is for the name that the client wants"),
        _ => (TlsError::NO_NAME, "there is no certificate"),
    };
    Refused { error, why }.into()
}

/// What came instead of TLS. Nobody who speaks something else would understand an alert.
fn foreign(bytes: &[u8]) -> Refused {
    let is_one_of = |words: &[&[u8]]| words.iter().any(|word| bytes.starts_with(word));
    if is_one_of(&[b"GET ", b"POST ", b"HEAD ", b"PUT "]) {
        Refused { error: TlsError::HTTP_REQUEST, why: "a request came without TLS" }
    } else if is_one_of(&[b"CONNE"]) {
        Refused { error: TlsError::PROXY_REQUEST, why: "a request came without TLS" }
    } else {
        Refused { error: TlsError::NO_TLS, why: "what came is not TLS" }
    }
}

fn config(tls: &BindTls, key: &Arc<CertifiedKey>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(provider(&tls.suites, &tls.algorithms.groups));
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&versions(tls.versions))?;
    let builder = match &tls.client_auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let verifier = ClientVerifier::new(auth, provider, &tls.algorithms.client_signatures)
                .map_err(|error| rustls::Error::General(error.to_string()))?;
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
    };
    let mut config = builder.with_cert_resolver(resolver(key));
    config.ignore_client_order = !tls.prefer_client_ciphers;
    config.alpn_protocols = tls.alpn.clone();
    config.session_storage = Arc::new(Sessions::new(tls.sessions, tls.lifetime));
    if !tls.no_tickets {
        config.ticketer = Arc::new(Tickets::new(aws_lc_rs::Ticketer::new()?, tls.lifetime));
    }
    Ok(config)
}

fn resolver(key: &Arc<CertifiedKey>) -> Arc<SingleCertAndKey> {
    Arc::new(SingleCertAndKey::from(key.clone()))
}

fn certified(chain: &CertChain, allowed: &[SignatureScheme]) -> Result<CertifiedKey, rustls::Error> {
    Ok(CertifiedKey::new(chain.chain.clone(), signer(&chain.key, allowed)?))
}

/// The library's algorithms with these suites and groups only; empty is all.
pub(super) fn provider(suites: &[SupportedCipherSuite], groups: &[NamedGroup]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites = suites.to_vec();
    }
    if !groups.is_empty() {
        let all = std::mem::take(&mut provider.kx_groups);
        provider.kx_groups =
            groups.iter().filter_map(|group| all.iter().find(|known| known.name() == *group).copied()).collect();
    }
    provider
}

pub(super) fn versions(versions: TlsVersions) -> Vec<&'static rustls::SupportedProtocolVersion> {
    let all = [(versions.tls13, &rustls::version::TLS13), (versions.tls12, &rustls::version::TLS12)];
    all.into_iter().filter(|(allowed, _)| *allowed).map(|(_, version)| version).collect()
}

/// Alerts (RFC 8446 6).
const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const UNRECOGNIZED_NAME: u8 = 112;
/// A hello that is not complete after so many bytes will not be (RFC 8446 allows more, nobody sends it).
const LARGEST_HELLO: usize = 64 * 1024;
/// How a record with a part of a handshake begins.
const HANDSHAKE: u8 = 22;
