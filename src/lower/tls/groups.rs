//! OpenSSL's names of key exchange groups (`curves`) and signature algorithms (`sigalgs`) over those that rustls has.

use rustls::{NamedGroup, SignatureScheme};

use crate::diag::{Diagnostic, Diagnostics, Word};
use crate::keyword::Result;
use crate::lower::table::sentence;

/// The groups in order of preference. Those that rustls does not have are named in a warning; one must be left.
pub(super) fn groups(word: &Word, keyword: &str, diags: &Diagnostics) -> Result<Vec<NamedGroup>> {
    let find = |name: &str| GROUPS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, group)| *group);
    select(word, keyword, "X25519, prime256v1, secp384r1 and X25519MLKEM768", diags, |name| {
        // A leading ? makes an unknown one no error, and * asks for a key share (OpenSSL 3.5).
        find(name.trim_start_matches(['?', '*']))
    })
}

/// The algorithms in order of preference, as for [`groups`].
pub(super) fn signatures(word: &Word, keyword: &str, diags: &Diagnostics) -> Result<Vec<SignatureScheme>> {
    let known = "RSA+SHA256, RSA-PSS+SHA256, ECDSA+SHA256 and the like, and ed25519";
    select(word, keyword, known, diags, |name| {
        SIGNATURES
            .iter()
            .find(|(names, _)| names.iter().any(|n| n.eq_ignore_ascii_case(name)))
            .map(|(_, scheme)| *scheme)
    })
}

fn select<T: PartialEq>(
    word: &Word,
    keyword: &str,
    known: &str,
    diags: &Diagnostics,
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in word.as_str().split([':', ',']).filter(|name| !name.is_empty()) {
        match find(name) {
            Some(one) if found.contains(&one) => {}
            Some(one) => found.push(one),
            None => missing.push(name),
        }
    }
    let help = format!("hydroxy has {known}");
    if found.is_empty() {
        let error = sentence(word.span, "tls-list", format!("'{keyword}' : nothing of '{word}' is supported."));
        return Err(Box::new(error.help(help)));
    }
    if !missing.is_empty() {
        let text = format!("'{keyword}': not supported and left out: {}.", missing.join(", "));
        diags.push_once(Diagnostic::warning("tls-list", text).at(word.span).help(help));
    }
    Ok(found)
}

const GROUPS: [(&str, NamedGroup); 7] = [
    ("X25519", NamedGroup::X25519),
    ("prime256v1", NamedGroup::secp256r1),
    ("secp256r1", NamedGroup::secp256r1),
    ("P-256", NamedGroup::secp256r1),
    ("secp384r1", NamedGroup::secp384r1),
    ("P-384", NamedGroup::secp384r1),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

/// OpenSSL knows each by a pair of algorithms and by its name in TLS 1.3.
const SIGNATURES: [(&[&str], SignatureScheme); 9] = [
    (&["ECDSA+SHA256", "ecdsa_secp256r1_sha256"], SignatureScheme::ECDSA_NISTP256_SHA256),
    (&["ECDSA+SHA384", "ecdsa_secp384r1_sha384"], SignatureScheme::ECDSA_NISTP384_SHA384),
    (&["RSA-PSS+SHA256", "PSS+SHA256", "rsa_pss_rsae_sha256"], SignatureScheme::RSA_PSS_SHA256),
    (&["RSA-PSS+SHA384", "PSS+SHA384", "rsa_pss_rsae_sha384"], SignatureScheme::RSA_PSS_SHA384),
    (&["RSA-PSS+SHA512", "PSS+SHA512", "rsa_pss_rsae_sha512"], SignatureScheme::RSA_PSS_SHA512),
    (&["RSA+SHA256", "rsa_pkcs1_sha256"], SignatureScheme::RSA_PKCS1_SHA256),
    (&["RSA+SHA384", "rsa_pkcs1_sha384"], SignatureScheme::RSA_PKCS1_SHA384),
    (&["RSA+SHA512", "rsa_pkcs1_sha512"], SignatureScheme::RSA_PKCS1_SHA512),
    (&["ed25519"], SignatureScheme::ED25519),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    fn word(text: &str) -> Word {
        Word::new(text, Span::nowhere())
    }

    #[test]
    fn names_are_openssl_s() {
        let diags = Diagnostics::default();
        let found = groups(&word("X25519:P-256:prime256v1:secp521r1"), "curves", &diags).expect("some are known");
        assert_eq!(found, [NamedGroup::X25519, NamedGroup::secp256r1]);
        assert!(groups(&word("secp521r1"), "curves", &diags).is_err());
        let found = signatures(&word("ECDSA+SHA256:rsa_pss_rsae_sha256:RSA+SHA1"), "sigalgs", &diags);
        assert_eq!(found.expect("some"), [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]);
    }
}
