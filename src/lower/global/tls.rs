//! `global`: TLS defaults (manual 3.1 `ssl-default-*`, `ca-base`, `crt-base`).

use super::GlobalDraft;
use crate::diag::Word;
use crate::keyword::{Meta, Result, Scope, Sections, Setting, Words};
use crate::lower::table::sentence;
use crate::lower::tls::TlsOptions;
use crate::lower::values::choice;

type Apply = fn(&mut Words<'_>, &mut GlobalDraft, &Scope<'_>) -> Result<()>;

const fn entry(meta: Meta, apply: Apply) -> Setting<GlobalDraft> {
    Setting { meta, sections: Sections::GLOBAL, apply }
}

pub(super) static SETTINGS: &[Setting<GlobalDraft>] = &[
    entry(
        Meta::new(
            "ca-base",
            "ca-base <directory>",
            "Sets where relative names of CA files are looked for.",
            &[("ca-base /etc/ssl/certs", "")],
        ),
        |words, draft, _| base(words, &mut draft.ca_base, "ca-base"),
    ),
    entry(
        Meta::new(
            "crt-base",
            "crt-base <directory>",
            "Sets where relative names of certificates are looked for.",
            &[("crt-base /etc/ssl/private", "")],
        ),
        |words, draft, _| base(words, &mut draft.crt_base, "crt-base"),
    ),
    entry(
        Meta::new(
            "key-base",
            "key-base <directory>",
            "Sets where relative names of private keys in a crt-store are looked for.",
            &[("key-base /etc/ssl/private", "")],
        ),
        |words, draft, _| base(words, &mut draft.key_base, "key-base"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-ciphers",
            "ssl-default-bind-ciphers <ciphers>",
            "Sets the cipher suites of TLS 1.2 of 'bind' lines that set none, in OpenSSL's notation.",
            &[("ssl-default-bind-ciphers ECDHE-RSA-AES128-GCM-SHA256", "")],
        ),
        |words, draft, _| ciphers(words, &mut draft.bind_tls.ciphers, "ssl-default-bind-ciphers"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-ciphersuites",
            "ssl-default-bind-ciphersuites <ciphersuites>",
            "Sets the cipher suites of TLS 1.3 of 'bind' lines that set none.",
            &[("ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256", "")],
        ),
        |words, draft, _| ciphers(words, &mut draft.bind_tls.ciphersuites, "ssl-default-bind-ciphersuites"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-ciphers",
            "ssl-default-server-ciphers <ciphers>",
            "Sets the cipher suites of TLS 1.2 of servers that set none, in OpenSSL's notation.",
            &[("ssl-default-server-ciphers ECDHE-RSA-AES128-GCM-SHA256", "")],
        ),
        |words, draft, _| ciphers(words, &mut draft.server_tls.ciphers, "ssl-default-server-ciphers"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-ciphersuites",
            "ssl-default-server-ciphersuites <ciphersuites>",
            "Sets the cipher suites of TLS 1.3 of servers that set none.",
            &[("ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256", "")],
        ),
        |words, draft, _| ciphers(words, &mut draft.server_tls.ciphersuites, "ssl-default-server-ciphersuites"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-curves",
            "ssl-default-bind-curves <list>",
            "Sets the groups of the key exchange of 'bind' lines that set none, by OpenSSL's names.",
            &[("ssl-default-bind-curves X25519:prime256v1:secp384r1", "")],
        ),
        |words, draft, _| list(words, &mut draft.bind_tls.curves, "ssl-default-bind-curves"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-sigalgs",
            "ssl-default-bind-sigalgs <list>",
            "Sets the signature algorithms of 'bind' lines that set none, by OpenSSL's names.",
            &[("ssl-default-bind-sigalgs ECDSA+SHA256:RSA-PSS+SHA256", "")],
        ),
        |words, draft, _| list(words, &mut draft.bind_tls.sigalgs, "ssl-default-bind-sigalgs"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-client-sigalgs",
            "ssl-default-bind-client-sigalgs <list>",
            "Sets the signature algorithms of clients' certificates for 'bind' lines that set none.",
            &[("ssl-default-bind-client-sigalgs ECDSA+SHA256", "")],
        ),
        |words, draft, _| list(words, &mut draft.bind_tls.client_sigalgs, "ssl-default-bind-client-sigalgs"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-curves",
            "ssl-default-server-curves <list>",
            "Sets the groups of the key exchange of servers that set none, by OpenSSL's names.",
            &[("ssl-default-server-curves X25519:prime256v1:secp384r1", "")],
        ),
        |words, draft, _| list(words, &mut draft.server_tls.curves, "ssl-default-server-curves"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-sigalgs",
            "ssl-default-server-sigalgs <list>",
            "Sets the signature algorithms of servers that set none, by OpenSSL's names.",
            &[("ssl-default-server-sigalgs ECDSA+SHA256:RSA-PSS+SHA256", "")],
        ),
        |words, draft, _| list(words, &mut draft.server_tls.sigalgs, "ssl-default-server-sigalgs"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-client-sigalgs",
            "ssl-default-server-client-sigalgs <list>",
            "Sets the signature algorithms of clients' certificates for servers that set none.",
            &[("ssl-default-server-client-sigalgs ECDSA+SHA256", "")],
        ),
        |words, draft, _| list(words, &mut draft.server_tls.client_sigalgs, "ssl-default-server-client-sigalgs"),
    ),
    entry(
        Meta::new(
            "ssl-default-bind-options",
            "ssl-default-bind-options [<option>]...",
            "Sets protocol versions and other flags of 'bind' lines that say nothing of them.",
            &[("ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets", "")],
        ),
        |words, draft, _| options(words, &mut draft.bind_tls, "ssl-default-bind-options"),
    ),
    entry(
        Meta::new(
            "ssl-default-server-options",
            "ssl-default-server-options [<option>]...",
            "Sets protocol versions and other flags of servers that say nothing of them.",
            &[("ssl-default-server-options ssl-min-ver TLSv1.2", "")],
        ),
        |words, draft, _| options(words, &mut draft.server_tls, "ssl-default-server-options"),
    ),
    entry(
        Meta::new(
            "ssl-server-verify",
            "ssl-server-verify { none | required }",
            "Sets whether certificates of servers are verified where the server line does not say. The default is required.",
            &[("ssl-server-verify none", "")],
        ),
        |words, draft, _| {
            draft.server_verify_none = choice(words, &["none", "required"])? == 0;
            Ok(())
        },
    ),
];

fn base(words: &mut Words<'_>, slot: &mut Option<String>, name: &str) -> Result<()> {
    let Some(word) = words.next_word() else {
        let message = format!("global statement '{name}' expects a directory path as an argument.");
        return Err(sentence(words.end(), "missing", message));
    };
    if slot.is_some() {
        return Err(sentence(word.span, "twice", format!("'{name}' already specified.")));
    }
    *slot = Some(word.as_str().to_owned());
    Ok(())
}

fn ciphers(words: &mut Words<'_>, slot: &mut Option<Word>, name: &str) -> Result<()> {
    one(words, slot, name, "a cipher suite")
}

fn list(words: &mut Words<'_>, slot: &mut Option<Word>, name: &str) -> Result<()> {
    one(words, slot, name, "a list of names")
}

fn one(words: &mut Words<'_>, slot: &mut Option<Word>, name: &str, what: &str) -> Result<()> {
    let Some(word) = words.next_word() else {
        let message = format!("global statement '{name}' expects {what} as an argument.");
        return Err(sentence(words.end(), "missing", message));
    };
    *slot = Some(word.clone());
    Ok(())
}

fn options(words: &mut Words<'_>, tls: &mut TlsOptions, name: &str) -> Result<()> {
    if words.is_empty() {
        let message = format!("global statement '{name}' expects an option as an argument.");
        return Err(sentence(words.end(), "missing", message));
    }
    while let Some(word) = words.next_word() {
        if !tls.read_flag(word, words)? {
            let message = format!("unknown option '{word}' on global statement '{name}'.");
            return Err(sentence(word.span, "unknown", message));
        }
    }
    Ok(())
}
