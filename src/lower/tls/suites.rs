//! OpenSSL's notation of cipher suites (`man ciphers`) over the suites that rustls has.
//!
//! Lists keep their order: `A:B` prefers A. `!X` removes for good, `-X` removes, `+X` moves to the end, `A+B` is both.

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;

use crate::diag::{Diagnostic, Diagnostics, Word};

/// The suites that `ciphers` (TLS 1.2) and `ciphersuites` (TLS 1.3) leave; empty where neither is given.
pub(super) fn select(
    ciphers: Option<&Word>,
    ciphersuites: Option<&Word>,
    diags: &Diagnostics,
) -> Vec<SupportedCipherSuite> {
    if ciphers.is_none() && ciphersuites.is_none() {
        return Vec::new();
    }
    let all: Vec<SupportedCipherSuite> = NEW.iter().map(|(_, suite)| *suite).collect();
    let mut out = ciphersuites.map_or(all, |word| new_suites(word, diags));
    let all = OLD.iter().map(|old| old.suite).collect();
    out.extend(ciphers.map_or(all, |word| old_suites(word, diags)));
    out
}

fn new_suites(word: &Word, diags: &Diagnostics) -> Vec<SupportedCipherSuite> {
    let mut out = Vec::new();
    let mut missing = Vec::new();
    for name in word.as_str().split(':').filter(|name| !name.is_empty()) {
        match NEW.iter().find(|(known, _)| *known == name) {
            Some((_, suite)) => out.push(*suite),
            None => missing.push(name),
        }
    }
    warn(word, "ciphersuites", &missing, diags);
    out
}

fn old_suites(word: &Word, diags: &Diagnostics) -> Vec<SupportedCipherSuite> {
    let mut active: Vec<usize> = Vec::new();
    let mut banned: Vec<usize> = Vec::new();
    let mut missing = Vec::new();
    let separators = [':', ',', ' ', ';'];
    for item in word.as_str().split(separators).filter(|item| !item.is_empty() && !item.starts_with('@')) {
        let (operator, terms) = match item.chars().next() {
            Some(c @ ('!' | '-' | '+')) => (c, &item[1..]),
            _ => (' ', item),
        };
        let found: Vec<usize> = (0..OLD.len()).filter(|&at| terms.split('+').all(|term| OLD[at].is(term))).collect();
        match operator {
            '!' => {
                active.retain(|at| !found.contains(at));
                banned.extend(found);
            }
            '-' => active.retain(|at| !found.contains(at)),
            '+' => {
                let (moved, kept): (Vec<_>, Vec<_>) = active.iter().partition(|at| found.contains(at));
                active = kept.into_iter().chain(moved).collect();
            }
            _ if found.is_empty() => missing.push(item),
            _ => active.extend(found.into_iter().filter(|at| !banned.contains(at)).collect::<Vec<_>>()),
        }
        let mut seen = Vec::new();
        active.retain(|at| {
            !seen.contains(at) && {
                seen.push(*at);
                true
            }
        });
    }
    warn(word, "ciphers", &missing, diags);
    active.into_iter().map(|at| OLD[at].suite).collect()
}

fn warn(word: &Word, keyword: &str, missing: &[&str], diags: &Diagnostics) {
    if missing.is_empty() {
        return;
    }
    let text = format!("'{keyword}': not supported and left out: {}.", missing.join(", "));
    diags.push_once(Diagnostic::warning("ciphers", text).at(word.span).help(
        "hydroxy has the suites with forward secrecy and authenticated encryption: ECDHE with AES-GCM or ChaCha20-Poly1305",
    ));
}

/// A suite of TLS 1.2.
struct Old {
    name: &'static str,
    suite: SupportedCipherSuite,
    /// The keywords of `man ciphers` it belongs to.
    terms: &'static [&'static str],
}

impl Old {
    fn is(&self, term: &str) -> bool {
        term == self.name || ALL_HAVE.contains(&term) || self.terms.contains(&term)
    }
}

static NEW: [(&str, SupportedCipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", suite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// In OpenSSL's own order of preference.
static OLD: [Old; 6] = [
    Old {
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        terms: &["aECDSA", "ECDSA", "AES", "AESGCM", "AES256"],
    },
    Old {
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        suite: suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        terms: &["aRSA", "AES", "AESGCM", "AES256"],
    },
    Old {
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        suite: suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        terms: &["aECDSA", "ECDSA", "CHACHA20"],
    },
    Old {
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        suite: suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        terms: &["aRSA", "CHACHA20"],
    },
    Old {
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        terms: &["aECDSA", "ECDSA", "AES", "AESGCM", "AES128"],
    },
    Old {
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        suite: suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        terms: &["aRSA", "AES", "AESGCM", "AES128"],
    },
];

/// What every suite here is.
const ALL_HAVE: [&str; 11] =
    ["ALL", "DEFAULT", "HIGH", "ECDHE", "EECDH", "kEECDH", "kECDHE", "ECDH", "FIPS", "TLSv1.2", "PROFILE=SYSTEM"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;

    fn names(list: &str) -> (Vec<&'static str>, usize) {
        let diags = Diagnostics::new();
        let found = old_suites(&Word::new(list, Span::nowhere()), &diags);
        let name = |suite: &SupportedCipherSuite| {
            OLD.iter().find(|old| old.suite.suite() == suite.suite()).map(|old| old.name)
        };
        (found.iter().filter_map(name).collect(), diags.len())
    }

    #[test]
    fn a_list_keeps_its_order_and_names_what_is_missing() {
        let (found, warnings) =
            names("ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384");
        assert_eq!(found, ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]);
        assert_eq!(warnings, 1);
    }

    #[test]
    fn operators_are_openssls() {
        let (found, warnings) = names("EECDH+AESGCM:!aNULL:!MD5:!AES128:ALL");
        assert_eq!(found.first(), Some(&"ECDHE-ECDSA-AES256-GCM-SHA384"));
        assert!(found.iter().all(|name| !name.contains("AES128")), "{found:?}");
        assert_eq!((found.len(), warnings), (4, 0));
        assert_eq!(names("HIGH:-CHACHA20:+AES256").0.last(), Some(&"ECDHE-RSA-AES256-GCM-SHA384"));
        assert_eq!(names("AES:@STRENGTH").0.len(), 4);
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert!(select(None, None, &Diagnostics::new()).is_empty());
        let new = Word::new("TLS_AES_128_GCM_SHA256", Span::nowhere());
        assert_eq!(select(None, Some(&new), &Diagnostics::new()).len(), 7);
    }
}
