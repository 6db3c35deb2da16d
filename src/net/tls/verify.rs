//! Whether a server's certificate is believed (manual 5.2 `verify`, `ca-file`, `verifyhost`).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::wire::certificate;

/// The authorities of a line.
#[derive(Debug)]
pub(super) struct Authorities {
    store: RootCertStore,
    /// As they are in the file: a server may show one of them itself.
    certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Certificates that cannot be an authority are left out, as OpenSSL does; `public` adds those that browsers believe.
    pub(super) fn new(certificates: &[CertificateDer<'static>], public: bool) -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        if public {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Authorities { store, certificates: certificates.to_vec() }
    }
}

/// The name a certificate must be for.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// The one that is sent to the server.
    Sent,
    /// This one.
    Host(String),
    /// Any.
    Any,
}

/// Checks the chain and the name; without authorities it believes everything (`verify none`).
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) authorities: Option<Arc<Authorities>>,
    pub(super) expected: Expected,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn check_chain(
        &self,
        authorities: &Authorities,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // A certificate that signed itself and is listed is its own authority, which the library would not accept as a server's.
        if authorities.certificates.iter().any(|known| known == leaf) {
            let valid = certificate::is_valid_at(leaf, i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
            return if valid { Ok(()) } else { Err(CertificateError::Expired.into()) };
        }
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let checked = verify_server_cert_signed_by_trust_anchor(&parsed, &authorities.store, chain, now, algorithms);
        // Authorities cannot be servers for the library; one that is not listed is simply not known.
        checked.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::Other(_)) => CertificateError::UnknownIssuer.into(),
            error => error,
        })
    }

    fn check_name(&self, leaf: &CertificateDer<'_>, sent: &ServerName<'_>) -> Result<(), Error> {
        let fits = match (&self.expected, sent) {
            (Expected::Any, _) => true,
            (Expected::Host(host), _) => certificate::is_for_host(leaf, host),
            (Expected::Sent, ServerName::DnsName(name)) => {
                certificate::is_for_host(leaf, &name.as_ref().to_ascii_lowercase())
            }
            (Expected::Sent, ServerName::IpAddress(address)) => {
                let address = std::net::IpAddr::from(*address);
                certificate::is_for_address(leaf, address) || certificate::is_for_host(leaf, &address.to_string())
            }
            (Expected::Sent, _) => false,
        };
        if fits { Ok(()) } else { Err(CertificateError::NotValidForName.into()) }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        sent: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            self.check_chain(authorities, leaf, chain, now)?;
            self.check_name(leaf, sent)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
