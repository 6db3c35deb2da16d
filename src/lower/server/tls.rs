//! `server` options of TLS (manual 5.2).

use super::{ServerDraft, Sni};
use crate::diag::{Diagnostics, Word};
use crate::ir::{ServerTls, Verify};
use crate::keyword::{Hook, Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::bind::under;
use crate::lower::files::Reader;
use crate::lower::global::GlobalDraft;
use crate::lower::table::sentence;
use crate::lower::tls::{TlsOptions, load_cert, load_roots, only_http1, read_alpn, system_roots};
use crate::lower::values::text;

/// What a server line says of TLS.
#[derive(Clone)]
pub(super) struct ServerTlsOptions {
    pub(super) enabled: bool,
    options: TlsOptions,
    verify: Option<Verify>,
    verify_host: Option<String>,
    ca_file: Option<Word>,
    crt: Option<Word>,
    alpn: Option<(Vec<Vec<u8>>, Word)>,
    pub(super) sni: Sni,
    no_reuse: bool,
}

impl Default for ServerTlsOptions {
    fn default() -> Self {
        ServerTlsOptions {
            enabled: false,
            options: TlsOptions::default(),
            verify: None,
            verify_host: None,
            ca_file: None,
            crt: None,
            alpn: None,
            sni: Sni::Auto,
            no_reuse: false,
        }
    }
}

type Apply = fn(&mut Words<'_>, &mut ServerDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<ServerDraft> {
    Setting { meta, sections: Sections::BE, apply }
}

/// A word without arguments.
macro_rules! word {
    ($name:literal, $doc:literal, $example:expr, $field:ident = $value:expr) => {
        entry(Meta::new($name, $name, $doc, &[$example]), |_, draft, _| {
            draft.tls.$field = $value;
            Ok(())
        })
    };
}

/// A flag of [`TlsOptions`].
const fn flag(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Setting<ServerDraft> {
    entry(Meta::new(name, usage, doc, examples), |words, draft, _| {
        // The caller has just taken the option's name.
        let Some(word) = words.last() else { return Ok(()) };
        draft.tls.options.read_flag(word, words).map(|_| ())
    })
}

pub(super) static SETTINGS: &[Setting<ServerDraft>] = &[
    word!(
        "ssl",
        "Speaks TLS with the server.",
        ("server a 127.0.0.1:443 ssl verify none", "ssl verify none"),
        enabled = true
    ),
    word!(
        "no-ssl",
        "Takes back an 'ssl' of 'default-server'.",
        ("server a 127.0.0.1:80 no-ssl", "server a"),
        enabled = false
    ),
    entry(
        Meta::new(
            "verify",
            "verify { none | required }",
            "Sets whether the server's certificate must lead to a root of 'ca-file' and fit its name.",
            &[("server a 127.0.0.1:443 ssl verify none", "verify none")],
        ),
        |words, draft, _| {
            let word = words.expect("a verify method.")?;
            draft.tls.verify = Some(match word.as_str() {
                "none" => Verify::None,
                "required" => Verify::Required,
                _ => {
                    let message =
                        format!("'verify' : unknown verify method '{word}', only 'none' and 'required' are supported.");
                    return Err(sentence(word.span, "unknown", message));
                }
            });
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "verifyhost",
            "verifyhost <hostname>",
            "Sets the name that the server's certificate must be for, instead of the name sent to it.",
            &[("server a 127.0.0.1:443 ssl verify none verifyhost a.example.org", "verifyhost a.example.org")],
        ),
        |words, draft, _| {
            draft.tls.verify_host = Some(text(words, "a hostname to verify against.")?.to_ascii_lowercase());
            Ok(())
        },
    ),
    word!(
        "no-verifyhost",
        "Takes back a 'verifyhost' of 'default-server'.",
        ("server a 127.0.0.1:443 ssl verify none no-verifyhost", "ssl"),
        verify_host = None
    ),
    entry(
        Meta::new(
            "ca-file",
            "ca-file <file>",
            "Names the roots that the server's certificate must lead to; '@system-ca' are the system's.",
            &[("server a 127.0.0.1:443 ssl ca-file @system-ca", "ca-file @system-ca")],
        ),
        |words, draft, _| {
            draft.tls.ca_file = Some(words.expect("a CAfile path.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "crt",
            "crt <file>",
            "Names the certificate and key shown to servers that ask for one.",
            &[("server a 127.0.0.1:443 ssl verify none crt site.pem", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.crt = Some(words.expect("a certificate file path.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "alpn",
            "alpn <protocols>",
            "Sets the protocols offered to the server within TLS.",
            &[("server a 127.0.0.1:443 ssl verify none alpn http/1.1", "alpn http/1.1")],
        ),
        |words, draft, _| {
            let names = read_alpn(words)?;
            draft.tls.alpn = words.last().map(|word| (names, word.clone()));
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "sni",
            "sni <expression>",
            "Sets the server name sent within TLS, evaluated for each connection.",
            &[("server a 127.0.0.1:443 ssl verify none sni req.hdr(host)", "sni req.hdr(host)")],
        ),
        |words, draft, _| {
            let Some(word) = words.next_word() else {
                return Err(sentence(words.end(), "missing", "'sni' : missing sni expression."));
            };
            draft.tls.sni = Sni::Words(vec![word.clone()]);
            Ok(())
        },
    ),
    word!(
        "sni-auto",
        "Takes the server name sent within TLS from the 'Host' field of the request, which is the default in HTTP mode.",
        ("server a 127.0.0.1:443 ssl verify none sni-auto", "ssl"),
        sni = Sni::Auto
    ),
    word!(
        "no-sni-auto",
        "Sends no server name unless 'sni' gives one.",
        ("server a 127.0.0.1:443 ssl verify none no-sni-auto", "ssl"),
        sni = Sni::Never
    ),
    entry(
        Meta::new(
            "ciphers",
            "ciphers <ciphers>",
            "Sets the cipher suites of TLS 1.2 in order of preference, in OpenSSL's notation.",
            &[("server a 127.0.0.1:443 ssl verify none ciphers ECDHE+AESGCM", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.options.ciphers = Some(words.expect("a cipher suite.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "ciphersuites",
            "ciphersuites <ciphersuites>",
            "Sets the cipher suites of TLS 1.3 in order of preference.",
            &[("server a 127.0.0.1:443 ssl verify none ciphersuites TLS_AES_128_GCM_SHA256", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.options.ciphersuites = Some(words.expect("a cipher suite.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "curves",
            "curves <list>",
            "Sets the groups of the key exchange in order of preference, by OpenSSL's names.",
            &[("server a 127.0.0.1:443 ssl verify none curves X25519:P-256", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.options.curves = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "sigalgs",
            "sigalgs <list>",
            "Sets the signature algorithms that the server may use with its certificate, by OpenSSL's names.",
            &[("server a 127.0.0.1:443 ssl verify none sigalgs ECDSA+SHA256:RSA-PSS+SHA256", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.options.sigalgs = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    entry(
        Meta::new(
            "client-sigalgs",
            "client-sigalgs <list>",
            "Sets the signature algorithms that the certificate of 'crt' is used with.",
            &[("server a 127.0.0.1:443 ssl verify none client-sigalgs ECDSA+SHA256", "ssl")],
        ),
        |words, draft, _| {
            draft.tls.options.client_sigalgs = Some(words.expect("a list of names.")?.clone());
            Ok(())
        },
    ),
    word!(
        "no-ssl-reuse",
        "Resumes no TLS sessions with the server.",
        ("server a 127.0.0.1:443 ssl verify none no-ssl-reuse", "no-ssl-reuse"),
        no_reuse = true
    ),
    word!(
        "ssl-reuse",
        "Takes back a 'no-ssl-reuse' of 'default-server'.",
        ("server a 127.0.0.1:443 ssl verify none ssl-reuse", "ssl"),
        no_reuse = false
    ),
    flag(
        "ssl-min-ver",
        "ssl-min-ver <version>",
        MIN,
        &[("server a 127.0.0.1:443 ssl verify none ssl-min-ver TLSv1.3", "tls1.3")],
    ),
    flag(
        "ssl-max-ver",
        "ssl-max-ver <version>",
        MAX,
        &[("server a 127.0.0.1:443 ssl verify none ssl-max-ver TLSv1.2", "tls1.2")],
    ),
    flag("no-sslv3", "no-sslv3", OFF, OLD),
    flag("no-tlsv10", "no-tlsv10", OFF, OLD),
    flag("no-tlsv11", "no-tlsv11", OFF, OLD),
    flag("no-tlsv12", "no-tlsv12", OFF, &[("server a 127.0.0.1:443 ssl verify none no-tlsv12", "tls1.3")]),
    flag("no-tlsv13", "no-tlsv13", OFF, &[("server a 127.0.0.1:443 ssl verify none no-tlsv13", "tls1.2")]),
    flag("force-tlsv12", "force-tlsv12", FORCE, &[("server a 127.0.0.1:443 ssl verify none force-tlsv12", "tls1.2")]),
    flag("force-tlsv13", "force-tlsv13", FORCE, &[("server a 127.0.0.1:443 ssl verify none force-tlsv13", "tls1.3")]),
    entry(Meta::rejected("force-sslv3", "force-sslv3", BROKEN), |_, _, _| Ok(())),
    entry(Meta::rejected("force-tlsv10", "force-tlsv10", BROKEN), |_, _, _| Ok(())),
    entry(Meta::rejected("force-tlsv11", "force-tlsv11", BROKEN), |_, _, _| Ok(())),
    flag(
        "no-tls-tickets",
        "no-tls-tickets",
        "Asks the server for no session tickets: sessions of TLS 1.2 are resumed by their number.",
        &[("server a 127.0.0.1:443 ssl verify none no-tls-tickets", "no-tls-tickets")],
    ),
    flag(
        "tls-tickets",
        "tls-tickets",
        "Takes back a 'no-tls-tickets' of 'default-server' or 'ssl-default-server-options'.",
        &[("server a 127.0.0.1:443 ssl verify none tls-tickets", "ssl")],
    ),
    accepted("no-renegotiate", "rustls knows no renegotiation"),
    accepted("renegotiate", "rustls knows no renegotiation"),
];

const fn accepted(name: &'static str, why: &'static str) -> Setting<ServerDraft> {
    entry(Meta::accepted(name, name, why), |_, _, _| Ok(()))
}

/// What finishing needs.
pub(super) struct TlsContext<'a> {
    pub(super) global: &'a GlobalDraft,
    pub(super) reader: &'a Reader<'a>,
    pub(super) diags: &'a Diagnostics,
    pub(super) scope: &'a Scope<'a>,
    /// The literal `Host` field of the backend's checks.
    pub(super) check_host: Option<&'a str>,
    /// `'server b/s' : `
    pub(super) place: &'a str,
}

impl ServerDraft {
    /// Reads the files and settles versions, suites, verification and names. `for_traffic` is false for `check-ssl` alone.
    pub(super) fn finish_tls(&self, context: &TlsContext<'_>) -> Result<ServerTls> {
        let TlsContext { global, reader, diags, scope, check_host, place } = *context;
        let auto = !self.check.no_sni_auto && !self.shared.compat.before_3_3();
        let check_host = check_host.filter(|_| auto).map(|host| host.split(':').next().unwrap_or(host).to_owned());
        let tls = &self.tls;
        let options = tls.options.or(&global.server_tls);
        let default = if global.server_verify_none { Verify::None } else { Verify::Required };
        let verify = tls.verify.unwrap_or(default);
        let (roots, system_roots) = self.roots(context)?;
        if verify == Verify::Required && tls.ca_file.is_none() {
            return Err(self.no_roots(place, tls.verify.is_some()));
        }
        let cert = match &tls.crt {
            None => None,
            Some(word) => {
                let path = under(global.crt_base.as_deref(), word);
                let fail = |why| sentence(word.span, "certificate", format!("{place}'crt' : {why}"));
                Some(load_cert(&path, reader).map_err(fail)?)
            }
        };
        let alpn = tls.alpn.as_ref().map(|(names, word)| only_http1(names.clone(), word, diags)).unwrap_or_default();
        let suites = options.suites(diags);
        Ok(ServerTls {
            verify,
            roots,
            system_roots,
            verify_host: tls.verify_host.clone(),
            sni: self.finish_sni(scope, place)?,
            cert,
            alpn,
            algorithms: options.algorithms(diags)?,
            versions: options.versions(&suites, diags)?,
            suites,
            no_reuse: tls.no_reuse,
            no_tickets: options.no_tickets.unwrap_or(false),
            records: global.out.tls_records,
            check_sni: self.check.sni.clone().or(check_host),
        })
    }

    fn roots(&self, context: &TlsContext<'_>) -> Result<(Vec<rustls::pki_types::CertificateDer<'static>>, bool)> {
        let Some(word) = &self.tls.ca_file else { return Ok((Vec::new(), false)) };
        if word.as_str() == "@system-ca" {
            let found = system_roots(context.reader);
            let none = found.is_empty();
            return Ok((found, none));
        }
        let path = under(context.global.ca_base.as_deref(), word);
        let fail = |why| sentence(word.span, "ca-file", format!("{}{why}.", context.place));
        Ok((load_roots(&path, context.reader).map_err(fail)?, false))
    }

    fn no_roots(&self, place: &str, explicit: bool) -> crate::keyword::Error {
        let how = if explicit { "explicitly" } else { "by default" };
        let message = format!(
            "{place}verify is enabled {how} but no CA file specified. If you're running on a LAN where you're certain to \
             trust the server's certificate, please set an explicit 'verify none' statement on the 'server' line, or use \
             'ssl-server-verify none' in the global section to disable server-side verifications by default."
        );
        let error = sentence(self.span(), "no-ca-file", message);
        Box::new(error.help("for a certificate of a public CA write 'ca-file @system-ca'"))
    }

    fn finish_sni(&self, scope: &Scope<'_>, place: &str) -> Result<Option<crate::expr::Expr>> {
        let scope = scope.at(Hook::UseServer);
        let auto = [Word::new("req.hdr(host),field(1,:)", crate::diag::Span::nowhere())];
        let words = match &self.tls.sni {
            Sni::Never => return Ok(None),
            Sni::Auto if !scope.http || self.shared.compat.before_3_3() => return Ok(None),
            Sni::Auto => auto.as_slice(),
            Sni::Words(words) => words,
        };
        let end = words.last().map_or(self.span(), |word| word.span.after());
        let bound = super::bind_expr(words, end, &scope);
        let what = format!("{place}error detected while parsing sni expression : ");
        // The default expression stands in no file.
        let at = |error: crate::keyword::Error| match self.tls.sni {
            Sni::Auto => Box::new(error.at(self.span())),
            _ => error,
        };
        bound.map(Some).map_err(|error| Box::new(at(error).context(what)))
    }
}

const MIN: &str = "Sets the lowest protocol version. Versions below TLSv1.2 are not offered in any case.";
const MAX: &str = "Sets the highest protocol version.";
const OFF: &str = "Turns one protocol version off.";
const FORCE: &str = "Allows this protocol version only.";
const BROKEN: &str = "the protocol version is broken (RFC 7568, RFC 8996)";
const OLD: &[(&str, &str)] = &[("server a 127.0.0.1:443 ssl verify none no-sslv3 no-tlsv10 no-tlsv11", "ssl")];
