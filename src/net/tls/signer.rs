//! `Signer`: a private key that signs with some algorithms only (manual 5.1 `sigalgs`, 5.2 `client-sigalgs`).

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::SigningKey;
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

/// A key and what it may be used with.
#[derive(Debug)]
struct Signer {
    key: Arc<dyn SigningKey>,
    allowed: Vec<SignatureScheme>,
}

/// Makes a key ready; without `allowed` it signs with all that it can.
pub(super) fn signer(key: &PrivateKeyDer<'_>, allowed: &[SignatureScheme]) -> Result<Arc<dyn SigningKey>, Error> {
    let key = aws_lc_rs::sign::any_supported_type(key)?;
    match allowed {
        [] => Ok(key),
        _ => Ok(Arc::new(Signer { key, allowed: allowed.to_vec() })),
    }
}

/// Those of `all` that are allowed; without `allowed` all of them.
pub(super) fn permitted(all: Vec<SignatureScheme>, allowed: &[SignatureScheme]) -> Vec<SignatureScheme> {
    match allowed {
        [] => all,
        _ => allowed.iter().copied().filter(|scheme| all.contains(scheme)).collect(),
    }
}

impl SigningKey for Signer {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        let both: Vec<SignatureScheme> =
            offered.iter().copied().filter(|scheme| self.allowed.contains(scheme)).collect();
        self.key.choose_scheme(&both)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}
