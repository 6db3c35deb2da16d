//! TLS settings that `bind`, `server` and `ssl-default-*` share: versions, cipher suites, certificates (manual 5.1, 5.2).
//!
//! OpenSSL's names are mapped to what rustls has; nothing here speaks TLS.

mod cert_list;
mod certs;
mod groups;
mod suites;

pub use cert_list::list_line;
pub(super) use cert_list::{directory, load_list};
pub(super) use certs::{bundle, load_cert, load_certs, load_roots, system_roots};
pub use certs::{certificate, is_pair};

use rustls::SupportedCipherSuite;

use super::table::sentence;
use crate::diag::{Diagnostic, Diagnostics, Word};
use crate::ir::{TlsAlgorithms, TlsVersions};
use crate::keyword::{Result, Words};

/// What a line (or the defaults) says of TLS.
#[derive(Clone, Default)]
pub(super) struct TlsOptions {
    /// `ciphers`: up to TLS 1.2.
    pub(super) ciphers: Option<Word>,
    /// `ciphersuites`: TLS 1.3.
    pub(super) ciphersuites: Option<Word>,
    /// `curves`
    pub(super) curves: Option<Word>,
    /// `ecdhe`: a single curve, where `curves` says nothing.
    pub(super) ecdhe: Option<Word>,
    /// `sigalgs`
    pub(super) sigalgs: Option<Word>,
    /// `client-sigalgs`
    pub(super) client_sigalgs: Option<Word>,
    min: Option<(Version, Word)>,
    max: Option<(Version, Word)>,
    /// Versions turned off one by one.
    off: Vec<Version>,
    /// `no-tls-tickets`, `tls-tickets`
    pub(super) no_tickets: Option<bool>,
    /// `prefer-client-ciphers`
    pub(super) client_order: bool,
    /// `strict-sni`, `no-strict-sni`
    pub(super) strict_sni: Option<bool>,
}

/// Versions that OpenSSL names; rustls speaks the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl TlsOptions {
    /// Reads one of the flags that stand on `bind` lines, `server` lines and in `ssl-default-*-options` alike. `word` is the
    /// flag itself, `words` stand behind it; false if it is none of them.
    pub(super) fn read_flag(&mut self, word: &Word, words: &mut Words<'_>) -> Result<bool> {
        let name = word.as_str();
        match name {
            "ssl-min-ver" => self.min = Some(read_version(name, words)?),
            "ssl-max-ver" => self.max = Some(read_version(name, words)?),
            "no-tls-tickets" => self.no_tickets = Some(true),
            "tls-tickets" => self.no_tickets = Some(false),
            "strict-sni" => self.strict_sni = Some(true),
            "no-strict-sni" => self.strict_sni = Some(false),
            "prefer-client-ciphers" => self.client_order = true,
            // rustls knows no renegotiation.
            "no-renegotiate" => {}
            _ => return Ok(self.read_version_flag(word)),
        }
        Ok(true)
    }

    fn read_version_flag(&mut self, word: &Word) -> bool {
        let find = |prefix: &str| {
            let name = word.as_str().strip_prefix(prefix)?;
            FLAG_NAMES.iter().find(|(flag, _)| *flag == name).map(|(_, version)| *version)
        };
        if let Some(version) = find("no-") {
            self.off.push(version);
        } else if let Some(version) = find("force-") {
            self.min = Some((version, word.clone()));
            self.max = Some((version, word.clone()));
        } else {
            return false;
        }
        true
    }

    /// What is not said here is taken from `defaults`.
    pub(super) fn or(&self, defaults: &TlsOptions) -> TlsOptions {
        let off = if self.off.is_empty() { &defaults.off } else { &self.off };
        TlsOptions {
            ciphers: self.ciphers.clone().or_else(|| defaults.ciphers.clone()),
            ciphersuites: self.ciphersuites.clone().or_else(|| defaults.ciphersuites.clone()),
            curves: self.curves.clone().or_else(|| defaults.curves.clone()),
            ecdhe: self.ecdhe.clone().or_else(|| defaults.ecdhe.clone()),
            sigalgs: self.sigalgs.clone().or_else(|| defaults.sigalgs.clone()),
            client_sigalgs: self.client_sigalgs.clone().or_else(|| defaults.client_sigalgs.clone()),
            min: self.min.clone().or_else(|| defaults.min.clone()),
            max: self.max.clone().or_else(|| defaults.max.clone()),
            off: off.clone(),
            client_order: self.client_order || defaults.client_order,
            no_tickets: self.no_tickets.or(defaults.no_tickets),
            strict_sni: self.strict_sni.or(defaults.strict_sni),
        }
    }

    /// The versions that are left of those rustls speaks, and that `suites` are for. Old ones that were asked for are named in a
    /// warning.
    pub(super) fn versions(&self, suites: &[SupportedCipherSuite], diags: &Diagnostics) -> Result<TlsVersions> {
        let above = |version: Version| self.min.as_ref().is_none_or(|(min, _)| version >= *min);
        let below = |version: Version| self.max.as_ref().is_none_or(|(max, _)| version <= *max);
        let allowed = |version| above(version) && below(version) && !self.off.contains(&version);
        let has_suite = |new: bool| suites.is_empty() || suites.iter().any(|suite| suite.tls13().is_some() == new);
        let versions = TlsVersions {
            tls12: allowed(Version::Tls12) && has_suite(false),
            tls13: allowed(Version::Tls13) && has_suite(true),
        };
        if !versions.tls12 && !versions.tls13 {
            let message = "no TLS version is left: hydroxy speaks TLSv1.2 and TLSv1.3";
            let limit = self.max.as_ref().or(self.min.as_ref()).map(|(_, word)| word);
            let named = limit.or(self.ciphers.as_ref()).or(self.ciphersuites.as_ref());
            let error = sentence(named.map_or(crate::diag::Span::nowhere(), |word| word.span), "tls", message);
            return Err(Box::new(error.help("allow at least one of them, for example with 'ssl-min-ver TLSv1.2'")));
        }
        if let Some((_, word)) = self.min.as_ref().filter(|(min, _)| *min < Version::Tls12) {
            let text = format!("'{word}': TLS versions below TLSv1.2 are not offered.");
            let found = Diagnostic::warning("old-tls", text).at(word.span);
            diags.push_once(found.help("they are broken (RFC 8996); write 'ssl-min-ver TLSv1.2'"));
        }
        Ok(versions)
    }

    /// The cipher suites in order of preference; empty is the library's default. Unknown names are named in a warning.
    pub(super) fn suites(&self, diags: &Diagnostics) -> Vec<SupportedCipherSuite> {
        suites::select(self.ciphers.as_ref(), self.ciphersuites.as_ref(), diags)
    }

    /// The algorithms beyond the suites.
    pub(super) fn algorithms(&self, diags: &Diagnostics) -> Result<TlsAlgorithms> {
        let groups = match (&self.curves, &self.ecdhe) {
            (Some(word), _) => groups::groups(word, "curves", diags)?,
            (None, Some(word)) => groups::groups(word, "ecdhe", diags)?,
            (None, None) => Vec::new(),
        };
        let read = |word: &Option<Word>, keyword| match word {
            Some(word) => groups::signatures(word, keyword, diags),
            None => Ok(Vec::new()),
        };
        Ok(TlsAlgorithms {
            groups,
            signatures: read(&self.sigalgs, "sigalgs")?,
            client_signatures: read(&self.client_sigalgs, "client-sigalgs")?,
        })
    }
}

/// Reads `alpn`: a comma-separated list of protocol names.
pub(super) fn read_alpn(words: &mut Words<'_>) -> Result<Vec<Vec<u8>>> {
    let word = words.expect("a comma-delimited list of ALPN protocols.")?;
    let names: Vec<Vec<u8>> = word.as_str().split(',').map(|name| name.as_bytes().to_vec()).collect();
    if names.iter().any(|name| name.is_empty() || name.len() > 255) {
        return Err(sentence(word.span, "alpn", format!("'alpn' : invalid list '{word}': a name has 1 to 255 bytes")));
    }
    Ok(names)
}

/// Leaves HTTP/2 and HTTP/3 out of an offer, since nobody would answer them.
pub(super) fn only_http1(alpn: Vec<Vec<u8>>, word: &Word, diags: &Diagnostics) -> Vec<Vec<u8>> {
    let missing = |name: &Vec<u8>| matches!(name.as_slice(), b"h2" | b"h3");
    if alpn.iter().any(missing) {
        let text = format!("'alpn {word}': HTTP/2 is not supported yet and left out of the offer.");
        diags.push(Diagnostic::warning("alpn-h2", text).at(word.span).help("clients will use HTTP/1.1"));
    }
    alpn.into_iter().filter(|name| !missing(name)).collect()
}

fn read_version(flag: &str, words: &mut Words<'_>) -> Result<(Version, Word)> {
    let word = words.expect("a TLS version.")?;
    let found = VERSION_NAMES.iter().find(|(name, _)| *name == word.as_str()).map(|(_, version)| *version);
    let version = found.ok_or_else(|| {
        let error = sentence(word.span, "tls", format!("'{flag}' : '{word}' : unknown ssl/tls version"));
        Box::new(error.help("versions are SSLv3, TLSv1.0, TLSv1.1, TLSv1.2 and TLSv1.3"))
    })?;
    Ok((version, word.clone()))
}

const VERSION_NAMES: [(&str, Version); 5] = [
    ("SSLv3", Version::Ssl3),
    ("TLSv1.0", Version::Tls10),
    ("TLSv1.1", Version::Tls11),
    ("TLSv1.2", Version::Tls12),
    ("TLSv1.3", Version::Tls13),
];

/// As in `no-tlsv10` and `force-tlsv13`.
const FLAG_NAMES: [(&str, Version); 5] = [
    ("sslv3", Version::Ssl3),
    ("tlsv10", Version::Tls10),
    ("tlsv11", Version::Tls11),
    ("tlsv12", Version::Tls12),
    ("tlsv13", Version::Tls13),
];
