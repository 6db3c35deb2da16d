//! What the library's errors, and our own refusals, are called by OpenSSL.

use std::{fmt, io};

use rustls::{Error, InvalidMessage, PeerIncompatible};

use crate::base::tls_error::TlsError;

/// A handshake that we refuse before the library sees it.
#[derive(Debug)]
pub(super) struct Refused {
    /// OpenSSL's name for it.
    pub(super) error: TlsError,
    /// For a log.
    pub(super) why: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why)
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, refused)
    }
}

/// OpenSSL's name for what went wrong; none for errors of the socket, and for what OpenSSL has no name for.
pub fn error_of(error: &io::Error) -> TlsError {
    let Some(why) = error.get_ref() else { return TlsError::NONE };
    if let Some(refused) = why.downcast_ref::<Refused>() {
        return refused.error;
    }
    match why.downcast_ref() {
        Some(Error::AlertReceived(description)) => TlsError::alert((*description).into()),
        Some(Error::NoCertificatesPresented) => TlsError::NO_CERTIFICATE,
        Some(Error::InvalidCertificate(_)) => TlsError::BAD_CERTIFICATE,
        Some(Error::NoApplicationProtocol) => TlsError::NO_PROTOCOL,
        Some(Error::DecryptError) => TlsError::BAD_RECORD,
        Some(Error::PeerIncompatible(what)) => incompatible(what),
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)) => {
            TlsError::NO_TLS
        }
        _ => TlsError::NONE,
    }
}

fn incompatible(what: &PeerIncompatible) -> TlsError {
    match what {
        PeerIncompatible::NoCipherSuitesInCommon => TlsError::NO_CIPHER,
        PeerIncompatible::NoKxGroupsInCommon | PeerIncompatible::NamedGroupsExtensionRequired => TlsError::NO_GROUP,
        PeerIncompatible::NoSignatureSchemesInCommon => TlsError::NO_SIGNATURE,
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => TlsError::NO_VERSION,
        _ => TlsError::NONE,
    }
}
