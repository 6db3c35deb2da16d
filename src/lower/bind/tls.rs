//! `bind` options of TLS (manual 5.1) and what comes of them: certificates read, names taken out, suites chosen.

use std::sync::Arc;

use super::BindDraft;
use crate::diag::{Diagnostic, Diagnostics, Word};
use crate::ir::{BindTls, CertChain, CertList, ClientAuth};
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::files::Reader;
use crate::lower::global::GlobalDraft;
use crate::lower::table::sentence;
use crate::lower::tls::{bundle, directory, load_certs, load_list, load_roots, only_http1, read_alpn};

/// Where certificates of a `bind` line come from.
#[derive(Clone, Copy)]
pub(super) enum CertSource {
    /// `crt`
    Crt,
    /// `default-crt`
    Default,
    /// `crt-list`
    List,
}

type Apply = fn(&mut Words<'_>, &mut BindDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<BindDraft> {
    Setting { meta, sections: Sections::FE, apply }
}

/// A flag of [`crate::lower::tls::TlsOptions`].
const fn flag(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Setting<BindDraft> {
    entry(Meta::new(name, usage, doc, examples), |words, draft, _| {
        // The caller has just taken the option's name.
        let Some(word) = words.last() else { return Ok(()) };
        draft.options.read_flag(word, words).map(|_| ())
    })
}

pub(super) static SETTINGS: &[Setting<BindDraft>] = &[
    entry(
        Meta::new(
            "ssl",
            "ssl",
            "Speaks TLS with clients; needs at least one 'crt'.",
            &[("bind :8443 ssl crt site.pem", "ssl crt site.pem")],
        ),
        |_, draft, _| {
            draft.ssl = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "crt",
            "crt <path>",
            "Adds a certificate with its key, or all of a directory. The first one answers names that none is for.",
            &[("bind :8443 ssl crt site.pem", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.certs.push((CertSource::Crt, words.expect("a certificate's location.")?.clone()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "default-crt",
            "default-crt <path>",
            "Adds certificates as 'crt' does and shows them to clients that ask for a name none is for.",
            &[("bind :8443 ssl default-crt site.pem", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.certs.push((CertSource::Default, words.expect("a certificate's location.")?.clone()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "crt-list",
            "crt-list <file>",
            "Adds the certificates that a file lists, with the names each is for.",
            &[("bind :8443 ssl crt-list list.txt", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.certs.push((CertSource::List, words.expect("a file.")?.clone()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "alpn",
            "alpn <protocols>",
            "Sets the protocols offered within TLS, in order of preference.",
            &[("bind :8443 ssl crt site.pem alpn http/1.1", "alpn http/1.1")],
        ),
        |words, draft, _| {
            let names = read_alpn(words)?;
            draft.alpn = words.last().map(|word| (names, word.clone()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "npn",
            "npn <protocols>",
            "Is the predecessor of 'alpn'; it is read as 'alpn', since no client speaks it any more.",
            &[("bind :8443 ssl crt site.pem npn http/1.1", "alpn http/1.1")],
        ),
        |words, draft, _| {
            let names = read_alpn(words)?;
            if draft.alpn.is_none() {
                draft.alpn = words.last().map(|word| (names, word.clone()));
            }
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "no-alpn",
            "no-alpn",
            "Offers no protocols within TLS, not even the default ones.",
            &[("bind :8443 ssl crt site.pem no-alpn", "ssl crt site.pem")],
        ),
        |_, draft, _| {
            draft.no_alpn = true;
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ciphers",
            "ciphers <ciphers>",
            "Sets the cipher suites of TLS 1.2 in order of preference, in OpenSSL's notation.",
            &[("bind :8443 ssl crt site.pem ciphers ECDHE+AESGCM", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.ciphers = Some(words.expect("a cipher suite.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ciphersuites",
            "ciphersuites <ciphersuites>",
            "Sets the cipher suites of TLS 1.3 in order of preference.",
            &[("bind :8443 ssl crt site.pem ciphersuites TLS_AES_128_GCM_SHA256", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.ciphersuites = Some(words.expect("a cipher suite.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "curves",
            "curves <list>",
            "Sets the groups of the key exchange in order of preference, by OpenSSL's names.",
            &[("bind :8443 ssl crt site.pem curves X25519:P-256", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.curves = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ecdhe",
            "ecdhe <named curve>",
            "Sets the one group of the key exchange; 'curves' wins.",
            &[("bind :8443 ssl crt site.pem ecdhe prime256v1", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.ecdhe = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "sigalgs",
            "sigalgs <list>",
            "Sets the signature algorithms that certificates are used with, by OpenSSL's names.",
            &[("bind :8443 ssl crt site.pem sigalgs ECDSA+SHA256:RSA-PSS+SHA256", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.sigalgs = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "client-sigalgs",
            "client-sigalgs <list>",
            "Sets the signature algorithms that clients may use with their certificates.",
            &[("bind :8443 ssl crt site.pem client-sigalgs ECDSA+SHA256", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            draft.options.client_sigalgs = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "verify",
            "verify { none | optional | required }",
            "Sets whether clients are asked for a certificate, which must lead to an authority of 'ca-file', and must show one.",
            &[("bind :8443 ssl crt site.pem verify none", "ssl crt site.pem")],
        ),
        |words, draft, _| {
            let word = words.expect("a verify method.")?;
            draft.verify = match word.as_str() {
                "none" => None,
                "optional" => Some(false),
                "required" => Some(true),
                _ => {
                    let message = format!(
                        "'verify' : unknown verify method '{word}', only 'none', 'optional', and 'required' are supported"
                    );
                    return Err(sentence(word.span, "unknown", message));
                }
            };
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ca-file",
            "ca-file <cafile>",
            "Sets the authorities that certificates of clients must lead to: a PEM file, or a directory of them.",
            &[("bind :8443 ssl crt site.pem ca-file site.pem verify required", "verify required")],
        ),
        |words, draft, _| {
            draft.ca_file = Some(words.expect("a CA file's location.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "no-ca-names",
            "no-ca-names",
            "Does not send clients the names of the authorities of 'ca-file'.",
            &[("bind :8443 ssl crt site.pem no-ca-names", "ssl crt site.pem")],
        ),
        |_, draft, _| {
            draft.no_ca_names = true;
            Ok(())
        },
    ),
    entry(
        Meta::accepted(
            "allow-0rtt",
            "allow-0rtt",
            "early data is not taken, which TLS leaves to the server; clients send it after the handshake. A warning says so",
        ),
        |words, draft, _| {
            draft.early_data = words.last().cloned();
            Ok(())
        },
    ),
    flag("ssl-min-ver", "ssl-min-ver <version>", MIN, &[("bind :8443 ssl crt site.pem ssl-min-ver TLSv1.3", "tls1.3")]),
    flag("ssl-max-ver", "ssl-max-ver <version>", MAX, &[("bind :8443 ssl crt site.pem ssl-max-ver TLSv1.2", "tls1.2")]),
    flag("no-sslv3", "no-sslv3", OFF, NO_OLD),
    flag("no-tlsv10", "no-tlsv10", OFF, NO_OLD),
    flag("no-tlsv11", "no-tlsv11", OFF, NO_OLD),
    flag("no-tlsv12", "no-tlsv12", OFF, &[("bind :8443 ssl crt site.pem no-tlsv12", "tls1.3")]),
    flag("no-tlsv13", "no-tlsv13", OFF, &[("bind :8443 ssl crt site.pem no-tlsv13", "tls1.2")]),
    flag("force-tlsv12", "force-tlsv12", FORCE, &[("bind :8443 ssl crt site.pem force-tlsv12", "tls1.2")]),
    flag("force-tlsv13", "force-tlsv13", FORCE, &[("bind :8443 ssl crt site.pem force-tlsv13", "tls1.3")]),
    entry(Meta::rejected("force-sslv3", "force-sslv3", BROKEN), rejected),
    entry(Meta::rejected("force-tlsv10", "force-tlsv10", BROKEN), rejected),
    entry(Meta::rejected("force-tlsv11", "force-tlsv11", BROKEN), rejected),
    flag(
        "no-tls-tickets",
        "no-tls-tickets",
        "Keeps no session state at clients: sessions are resumed from the process's cache only.",
        &[("bind :8443 ssl crt site.pem no-tls-tickets", "no-tls-tickets")],
    ),
    flag(
        "tls-tickets",
        "tls-tickets",
        "Takes back a 'no-tls-tickets' of 'ssl-default-bind-options'.",
        &[("bind :8443 ssl crt site.pem tls-tickets", "ssl crt site.pem")],
    ),
    flag(
        "prefer-client-ciphers",
        "prefer-client-ciphers",
        "Takes the first cipher suite of the client's list that is allowed, instead of the first one of our own.",
        &[("bind :8443 ssl crt site.pem prefer-client-ciphers", "prefer-client-ciphers")],
    ),
    flag(
        "strict-sni",
        "strict-sni",
        "Refuses handshakes for names that no certificate is for, instead of showing the first one.",
        &[("bind :8443 ssl crt site.pem strict-sni", "strict-sni")],
    ),
    flag(
        "no-strict-sni",
        "no-strict-sni",
        "Takes back a 'strict-sni' of 'ssl-default-bind-options'.",
        &[("bind :8443 ssl crt site.pem no-strict-sni", "ssl crt site.pem")],
    ),
];

impl BindDraft {
    /// Reads the certificates and settles versions, suites and protocols.
    pub(super) fn finish_tls(&self, global: &GlobalDraft, reader: &Reader<'_>, diags: &Diagnostics) -> Result<BindTls> {
        let place = format!("'bind {}' in section 'frontend' : ", self.word);
        let options = self.options.or(&global.bind_tls);
        let strict_sni = options.strict_sni.unwrap_or(false);
        let Certs { certs, defaults, lists } = self.finish_certs(global, reader, &place)?;
        if certs.is_empty() && !strict_sni {
            let message = format!("{place}no SSL certificate specified (use 'crt')");
            let error = sentence(self.word.span, "no-certificate", message);
            return Err(Box::new(error.help("add 'crt <file>' with a certificate and its private key")));
        }
        let suites = options.suites(diags);
        if let Some(word) = &self.early_data {
            let warning = Diagnostic::warning("early-data", "'allow-0rtt': early data is not taken.").at(word.span);
            diags.push(
                warning.help("nothing is lost but a round trip: clients send their requests after the handshake"),
            );
        }
        Ok(BindTls {
            certs,
            lists,
            defaults,
            strict_sni,
            alpn: self.finish_alpn(diags),
            algorithms: options.algorithms(diags)?,
            versions: options.versions(&suites, diags)?,
            suites,
            prefer_client_ciphers: options.client_order,
            no_tickets: options.no_tickets.unwrap_or(false),
            sessions: global.out.tls_sessions,
            lifetime: global.out.tls_lifetime,
            capture: global.out.tls_capture,
            records: global.out.tls_records,
            client_auth: self.finish_client_auth(global, reader, &place)?,
        })
    }

    /// The certificates, and how many of the first ones are default ones: those said to be, else the first with the rest of its
    /// bundle.
    fn finish_certs(&self, global: &GlobalDraft, reader: &Reader<'_>, place: &str) -> Result<Certs> {
        let base = global.crt_base.as_deref();
        let (mut first, mut rest, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for (source, word) in &self.certs {
            let path = under(base, word);
            let read = match source {
                CertSource::Crt => load_certs(&path, reader).map(|certs| {
                    lists.extend(reader.list_dir(&path).map(|_| directory(&path, &certs)));
                    rest.extend(certs);
                }),
                CertSource::Default => load_certs(&path, reader).map(|certs| first.extend(certs)),
                CertSource::List => load_list(word.as_str(), base, reader).map(|mut list| {
                    first.append(&mut list.defaults);
                    rest.append(&mut list.named);
                    lists.push(list.shown(word.as_str()));
                }),
            };
            read.map_err(|why| Diagnostic::alert("certificate", format!("{place}{why}")).at(word.span))?;
        }
        let mut defaults = first.len();
        first.extend(rest);
        if defaults == 0
            && let Some(stem) = first.first().map(|cert| bundle(&cert.path))
        {
            defaults = first.iter().take_while(|cert| bundle(&cert.path) == stem).count();
        }
        Ok(Certs { certs: first, defaults, lists })
    }

    fn finish_client_auth(&self, global: &GlobalDraft, reader: &Reader<'_>, place: &str) -> Result<Option<ClientAuth>> {
        let Some(required) = self.verify else { return Ok(None) };
        let Some(word) = &self.ca_file else {
            let message = format!("{place}verify is enabled but no CA file specified.");
            let error = sentence(self.word.span, "no-ca-file", message);
            return Err(Box::new(
                error.help("add 'ca-file <file>' with the authorities that sign certificates of clients"),
            ));
        };
        let path = under(global.ca_base.as_deref(), word);
        let fail = |why| sentence(word.span, "ca-file", format!("{place}{why}."));
        Ok(Some(ClientAuth { required, roots: load_roots(&path, reader).map_err(fail)?, names: !self.no_ca_names }))
    }

    /// Without `alpn` an HTTP/1.1-only offer would change nothing, so none is made.
    fn finish_alpn(&self, diags: &Diagnostics) -> Vec<Vec<u8>> {
        match &self.alpn {
            Some((names, word)) if !self.no_alpn => only_http1(names.clone(), word, diags),
            _ => Vec::new(),
        }
    }
}

/// The certificates of a line: how many of the first ones are default ones, and the lists that they come from.
struct Certs {
    certs: Vec<Arc<CertChain>>,
    defaults: usize,
    lists: Vec<CertList>,
}

/// A relative path stands under its base directory.
pub(in crate::lower) fn under(base: Option<&str>, word: &Word) -> String {
    match base {
        Some(base) if !word.as_str().starts_with('/') => format!("{}/{word}", base.trim_end_matches('/')),
        _ => word.as_str().to_owned(),
    }
}

fn rejected(words: &mut Words<'_>, _: &mut BindDraft, _: &Scope<'_>) -> Result<()> {
    Err(words.error_last(format!("is not supported: {BROKEN}")))
}

const MIN: &str = "Sets the lowest protocol version. Versions below TLSv1.2 are not offered in any case.";
const MAX: &str = "Sets the highest protocol version.";
const OFF: &str = "Turns one protocol version off.";
const FORCE: &str = "Allows this protocol version only.";
const BROKEN: &str = "the protocol version is broken (RFC 7568, RFC 8996)";
const NO_OLD: &[(&str, &str)] = &[("bind :8443 ssl crt site.pem no-sslv3 no-tlsv10 no-tlsv11", "ssl crt site.pem")];
