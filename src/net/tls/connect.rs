//! `Connector`: TLS with a server as its line wants it (manual 5.2).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{Resumption, Tls12Resumption, UnbufferedClientConnection};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::accept::{provider, versions};
use super::records::Records;
use super::signer::signer;
use super::stream::Tls;
use super::verify::{Authorities, Expected, Verifier};
use crate::ir::{RecordSizes, ServerTls, Verify};
use crate::net::io::Plain;

/// A TLS connection to a server.
pub type Connected = Tls<UnbufferedClientConnection>;

/// TLS with one server.
pub struct Connector {
    /// With a server name.
    named: Arc<ClientConfig>,
    /// Without one.
    unnamed: Arc<ClientConfig>,
    verifies: bool,
    records: RecordSizes,
}

impl Connector {
    /// Makes a line ready. Keys and suites were checked at load.
    pub fn new(tls: &ServerTls) -> Result<Self, rustls::Error> {
        let provider = Arc::new(provider(&tls.suites, &tls.algorithms.groups));
        let verifies = tls.verify == Verify::Required;
        let authorities = verifies.then(|| Arc::new(Authorities::new(&tls.roots, tls.system_roots)));
        let config = |expected| {
            let (authorities, provider) = (authorities.clone(), provider.clone());
            config(tls, Verifier { authorities, expected, provider, signatures: tls.algorithms.signatures.clone() })
        };
        let without = tls.verify_host.clone().map_or(Expected::Any, Expected::Host);
        let mut unnamed = config(without)?;
        unnamed.enable_sni = false;
        Ok(Connector {
            named: Arc::new(config(Expected::Sent)?),
            unnamed: Arc::new(unnamed),
            verifies,
            records: tls.records,
        })
    }

    /// The same, with other protocols to choose from.
    pub fn offering(&self, alpn: &[Vec<u8>]) -> Connector {
        let with = |config: &ClientConfig| {
            let mut config = config.clone();
            config.alpn_protocols = alpn.to_vec();
            Arc::new(config)
        };
        Connector { named: with(&self.named), unnamed: with(&self.unnamed), ..*self }
    }

    /// A connection that asks for this name, if there is one; the handshake is [`Tls::poll_handshake`]. Addresses are checked against
    /// the certificate but not sent (RFC 6066 3).
    pub fn begin(&self, plain: Plain, name: Option<&[u8]>) -> io::Result<Connected> {
        let name = name.filter(|name| !name.is_empty());
        let parsed = name.and_then(|name| ServerName::try_from(name).ok());
        let (config, name) = match (name, parsed) {
            (_, Some(name)) => (&self.named, name.to_owned()),
            // A name that cannot be one is not the certificate's.
            (Some(_), None) if self.verifies => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the server name is not a host name"));
            }
            _ => (&self.unnamed, ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
        };
        let side = UnbufferedClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
        Ok(Tls::new(plain, side, Records::incoming(), self.records))
    }
}

fn config(tls: &ServerTls, verifier: Verifier) -> Result<ClientConfig, rustls::Error> {
    let provider: Arc<CryptoProvider> = verifier.provider.clone();
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions(tls.versions))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &tls.cert {
        Some((chain, key)) => {
            let key = signer(key, &tls.algorithms.client_signatures)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain.clone(), key))))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = tls.alpn.clone();
    config.resumption = match tls.no_reuse {
        true => Resumption::disabled(),
        false => Resumption::in_memory_sessions(NAMES),
    };
    if tls.no_tickets {
        config.resumption = config.resumption.tls12_resumption(Tls12Resumption::SessionIdOnly);
    }
    Ok(config)
}

/// For so many names sessions are remembered per server.
const NAMES: usize = 256;
