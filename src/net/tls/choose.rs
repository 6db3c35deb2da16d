//! Which certificate a client is shown (manual 5.1 `crt`, `strict-sni`): by the name it asks for, and by the keys it can use.

use std::collections::HashMap;

use rustls::sign::SigningKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::wire::client_hello::Hello;

/// The names of certificates, each a number.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<Box<str>, Vec<usize>>,
    /// Without the `*`: `.example.org`.
    wildcard: HashMap<Box<str>, Vec<usize>>,
}

impl Names {
    /// Adds a name in lower case for a certificate.
    pub(super) fn add(&mut self, name: &str, certificate: usize) {
        let (map, key) = match name.strip_prefix('*') {
            Some(rest) => (&mut self.wildcard, rest),
            None => (&mut self.exact, name),
        };
        let numbers = map.entry(key.into()).or_default();
        if !numbers.contains(&certificate) {
            numbers.push(certificate);
        }
    }

    /// The certificates for a name in lower case: those for exactly it, and those for a wildcard, which stands for the first label
    /// only.
    pub(super) fn find(&self, name: &str) -> [&[usize]; 2] {
        let exact = self.exact.get(name);
        let wildcard = name.find('.').and_then(|at| name.get(at..)).and_then(|rest| self.wildcard.get(rest));
        [exact, wildcard].map(|found| found.map_or(&[][..], Vec::as_slice))
    }
}

/// What kinds of keys a client can use.
#[derive(Debug)]
pub(super) struct Abilities {
    schemes: Vec<SignatureScheme>,
    /// Up to TLS 1.2 the cipher suite must name ECDSA, too.
    ecdsa_suite: bool,
}

impl Abilities {
    pub(super) fn of(hello: &Hello<'_>) -> Self {
        let pairs = |list: &[u8]| list.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let schemes: Vec<u16> = hello.signature_algorithms().map(pairs).unwrap_or_default();
        let ciphers: Vec<u16> = pairs(hello.ciphers());
        Abilities {
            schemes: schemes.into_iter().map(SignatureScheme::from).collect(),
            ecdsa_suite: ciphers.iter().any(|suite| ECDSA_SUITES.contains(suite) || suite >> 8 == TLS13_SUITES),
        }
    }

    /// Whether a client can use this key.
    fn fits(&self, key: &dyn SigningKey) -> bool {
        (key.algorithm() != SignatureAlgorithm::ECDSA || self.ecdsa_suite) && key.choose_scheme(&self.schemes).is_some()
    }

    /// The one among several certificates for the same name: ECDSA where the client can use it, else the first that it can use.
    pub(super) fn choose<'k, T>(&self, candidates: impl Iterator<Item = (T, &'k dyn SigningKey)>) -> Option<T> {
        let mut fitting = candidates.filter(|(_, key)| self.fits(*key));
        let first = fitting.next()?;
        let is_ecdsa = |(_, key): &(T, &dyn SigningKey)| key.algorithm() == SignatureAlgorithm::ECDSA;
        let ecdsa = if is_ecdsa(&first) { None } else { fitting.find(is_ecdsa) };
        Some(ecdsa.unwrap_or(first).0)
    }
}

/// ECDHE-ECDSA with AES-GCM and ChaCha20-Poly1305 (RFC 5289, RFC 7905), which is what can be agreed on.
const ECDSA_SUITES: [u16; 3] = [0xc02b, 0xc02c, 0xcca9];
/// Suites of TLS 1.3 say nothing of keys (RFC 8446 B.4).
const TLS13_SUITES: u16 = 0x13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_for_one_label() {
        let mut names = Names::default();
        names.add("*.example.org", 0);
        names.add("www.example.org", 1);
        names.add("www.example.org", 2);
        assert_eq!(names.find("www.example.org"), [&[1, 2][..], &[0]]);
        assert_eq!(names.find("api.example.org"), [&[][..], &[0]]);
        for other in ["a.b.example.org", "example.org", ""] {
            assert!(names.find(other).concat().is_empty(), "{other}");
        }
    }
}
