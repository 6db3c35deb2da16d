//! Whether a certificate is believed: a server's (manual 5.2 `verify`, `ca-file`, `verifyhost`), a client's (5.1 `verify`).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::signer::permitted;
use crate::ir::ClientAuth;
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
    /// `sigalgs`
    pub(super) signatures: Vec<SignatureScheme>,
}

impl Verifier {
    fn check_chain(
        &self,
        authorities: &Authorities,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if let Some(listed) = check_listed(&authorities.certificates, leaf, now) {
            return listed;
        }
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let checked = verify_server_cert_signed_by_trust_anchor(&parsed, &authorities.store, chain, now, algorithms);
        checked.map_err(unknown)
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
        permitted(self.provider.signature_verification_algorithms.supported_schemes(), &self.signatures)
    }
}

/// Checks the certificates of clients.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    library: Arc<dyn ClientCertVerifier>,
    certificates: Vec<CertificateDer<'static>>,
    signatures: Vec<SignatureScheme>,
}

impl ClientVerifier {
    /// With the algorithms of `client-sigalgs`; empty is all.
    pub(super) fn new(
        auth: &ClientAuth,
        provider: Arc<CryptoProvider>,
        signatures: &[SignatureScheme],
    ) -> Result<Self, VerifierBuilderError> {
        let store = Arc::new(Authorities::new(&auth.roots, false).store);
        let mut builder = WebPkiClientVerifier::builder_with_provider(store, provider);
        if !auth.required {
            builder = builder.allow_unauthenticated();
        }
        if !auth.names {
            builder = builder.clear_root_hint_subjects();
        }
        let (certificates, signatures) = (auth.roots.clone(), signatures.to_vec());
        Ok(ClientVerifier { library: builder.build()?, certificates, signatures })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.library.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.library.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match check_listed(&self.certificates, leaf, now) {
            Some(listed) => listed.map(|()| ClientCertVerified::assertion()),
            None => self.library.verify_client_cert(leaf, chain, now).map_err(unknown),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.library.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.library.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        permitted(self.library.supported_verify_schemes(), &self.signatures)
    }
}

/// A certificate that signed itself and is listed is its own authority, which the library would not accept at the end of a chain.
fn check_listed(listed: &[CertificateDer<'_>], leaf: &CertificateDer<'_>, now: UnixTime) -> Option<Result<(), Error>> {
    if !listed.iter().any(|known| known == leaf) {
        return None;
    }
    let valid = certificate::is_valid_at(leaf, i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    Some(if valid { Ok(()) } else { Err(CertificateError::Expired.into()) })
}

/// Authorities cannot stand at the end of a chain for the library; one that is not listed is simply not known.
fn unknown(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::Other(_)) => CertificateError::UnknownIssuer.into(),
        error => error,
    }
}
