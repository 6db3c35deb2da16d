//! TLS on the client's connection (manual 7.3.4): the session, and the certificates of the client and of the listener.
//!
//! What TLS libraries can do and rustls cannot (NPN, early data on our listeners) is never the case here and answered so.

use super::certificate::{self, Part};
use super::{Fetch, FetchFn, int, one, plain};
use crate::base::tls_error::TlsError;
use crate::base::value::{Type, Value};
use crate::expr::{Bind, Ctx, TlsFacts, args};
use crate::keyword::{Example, Meta, Needs, Result, Words};

/// A table entry about a certificate: name, type, documentation, whose certificate, part of it, examples.
macro_rules! part {
    ($name:literal, $out:ident, $doc:literal, $whose:ident, $part:ident, $examples:expr) => {
        Fetch::new(Meta::new($name, $name, $doc, $examples), Type::$out, Needs::CLIENT_L5, |_, _| {
            Ok(part($whose, Part::$part))
        })
    };
}

/// A table entry about a distinguished name: name, documentation, whose certificate, part of it, examples.
macro_rules! dn {
    ($name:literal, $doc:literal, $whose:ident, $part:expr, $examples:expr) => {
        Fetch::new(
            Meta::new($name, concat!($name, "([<entry>[,<occ>[,<format>]]])"), $doc, $examples),
            Type::Str,
            Needs::CLIENT_L5,
            |words, _| distinguished_name(words, $whose, $part),
        )
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    plain!(
        "ssl_c_ca_err",
        Int,
        CLIENT_L5,
        "The first error found above the client's certificate; such connections are refused, so that it is 0.",
        &[("ssl_c_ca_err", "0")],
        |ctx| no_error(ctx)
    ),
    plain!(
        "ssl_c_ca_err_depth",
        Int,
        CLIENT_L5,
        "The depth of that error in the chain, 0 without one.",
        &[("ssl_c_ca_err_depth", "0")],
        |ctx| no_error(ctx)
    ),
    part!("ssl_c_der", Bin, "The client's certificate in DER.", client, Der, &[("ssl_c_der -m found", "true")]),
    plain!(
        "ssl_c_err",
        Int,
        CLIENT_L5,
        "The first error found in the client's certificate; such connections are refused, so that it is 0.",
        &[("ssl_c_err", "0")],
        |ctx| no_error(ctx)
    ),
    dn!(
        "ssl_c_i_dn",
        "The distinguished name of the issuer of the client's certificate, or one entry of it; see `ssl_c_s_dn`.",
        client,
        certificate::ISSUER,
        &[("ssl_c_i_dn(CN)", "client.example.com")]
    ),
    part!(
        "ssl_c_key_alg",
        Str,
        "The algorithm of the key in the client's certificate.",
        client,
        KeyAlgorithm,
        &[("ssl_c_key_alg", "id-ecPublicKey")]
    ),
    part!(
        "ssl_c_notafter",
        Str,
        "The end of the client's certificate as YYMMDDhhmmssZ; nothing from the year 2100 on.",
        client,
        NotAfter,
        &[("ssl_c_notafter", "")]
    ),
    part!(
        "ssl_c_notbefore",
        Str,
        "The beginning of the client's certificate as YYMMDDhhmmssZ.",
        client,
        NotBefore,
        &[("ssl_c_notbefore", "261122192913Z")]
    ),
    dn!(
        "ssl_c_s_dn",
        "The distinguished name of the subject of the client's certificate as /C=../CN=.., or as the format rfc2253 has it; or \
         one entry, by its position from the beginning or with a negative number from the end.",
        client,
        certificate::SUBJECT,
        &[
            (
                "ssl_c_s_dn",
                "/C=FR/ST=Ile de France/O=Ex/ample, Inc./OU=Ops/OU=Web/CN=client.example.com/emailAddress=a@example.com"
            ),
            ("ssl_c_s_dn(OU)", "Ops"),
            ("ssl_c_s_dn(OU,-1)", "Web"),
            (
                "ssl_c_s_dn(,0,rfc2253)",
                "emailAddress=a@example.com,CN=client.example.com,OU=Web,OU=Ops,O=Ex/ample\\, Inc.,ST=Ile de France,C=FR"
            ),
        ]
    ),
    part!(
        "ssl_c_san",
        Str,
        "The alternative names of the client's certificate, separated by commas.",
        client,
        AltNames,
        &[("ssl_c_san", "DNS:client.example.com, IP Address:192.0.2.9, URI:http://x/, email:a@example.com")]
    ),
    part!(
        "ssl_c_serial",
        Bin,
        "The serial number of the client's certificate.",
        client,
        Serial,
        &[("ssl_c_serial -m bin 01FF02", "true")]
    ),
    part!(
        "ssl_c_sha1",
        Bin,
        "The SHA-1 fingerprint of the client's certificate.",
        client,
        Sha1,
        &[("ssl_c_sha1 -m bin 5B93DC29ADC61FFC3D6E3CE022577BD1EBAC96B7", "true")]
    ),
    part!(
        "ssl_c_sig_alg",
        Str,
        "The algorithm that signed the client's certificate.",
        client,
        SignatureAlgorithm,
        &[("ssl_c_sig_alg", "ecdsa-with-SHA256")]
    ),
    plain!(
        "ssl_c_used",
        Bool,
        CLIENT_L5,
        "Whether the session has a certificate of the client.",
        &[("ssl_c_used", "1")],
        |ctx| has_certificate(ctx)
    ),
    plain!(
        "ssl_c_verify",
        Int,
        CLIENT_L5,
        "The result of checking the client's certificate; connections that fail it are refused, so that it is 0.",
        &[("ssl_c_verify", "0")],
        |ctx| no_error(ctx)
    ),
    part!("ssl_c_version", Int, "The version of the client's certificate.", client, Version, &[("ssl_c_version", "3")]),
    part!(
        "ssl_f_der",
        Bin,
        "The certificate that the listener presented, in DER.",
        listener,
        Der,
        &[("ssl_f_der -m found", "true")]
    ),
    dn!(
        "ssl_f_i_dn",
        "The distinguished name of the issuer of the listener's certificate, or one entry of it; see `ssl_c_s_dn`.",
        listener,
        certificate::ISSUER,
        &[("ssl_f_i_dn(C)", "FR")]
    ),
    part!(
        "ssl_f_key_alg",
        Str,
        "The algorithm of the key in the listener's certificate.",
        listener,
        KeyAlgorithm,
        &[("ssl_f_key_alg", "id-ecPublicKey")]
    ),
    part!(
        "ssl_f_notafter",
        Str,
        "The end of the listener's certificate as YYMMDDhhmmssZ; nothing from the year 2100 on.",
        listener,
        NotAfter,
        &[("ssl_f_notafter", "")]
    ),
    part!(
        "ssl_f_notbefore",
        Str,
        "The beginning of the listener's certificate as YYMMDDhhmmssZ.",
        listener,
        NotBefore,
        &[("ssl_f_notbefore", "261122192913Z")]
    ),
    dn!(
        "ssl_f_s_dn",
        "The distinguished name of the subject of the listener's certificate, or one entry of it; see `ssl_c_s_dn`.",
        listener,
        certificate::SUBJECT,
        &[("ssl_f_s_dn(CN)", "client.example.com")]
    ),
    part!(
        "ssl_f_serial",
        Bin,
        "The serial number of the listener's certificate.",
        listener,
        Serial,
        &[("ssl_f_serial -m bin 01FF02", "true")]
    ),
    part!(
        "ssl_f_sha1",
        Bin,
        "The SHA-1 fingerprint of the listener's certificate.",
        listener,
        Sha1,
        &[("ssl_f_sha1 -m bin 5B93DC29ADC61FFC3D6E3CE022577BD1EBAC96B7", "true")]
    ),
    part!(
        "ssl_f_sig_alg",
        Str,
        "The algorithm that signed the listener's certificate.",
        listener,
        SignatureAlgorithm,
        &[("ssl_f_sig_alg", "ecdsa-with-SHA256")]
    ),
    part!(
        "ssl_f_version",
        Int,
        "The version of the listener's certificate.",
        listener,
        Version,
        &[("ssl_f_version", "3")]
    ),
    plain!(
        "ssl_fc",
        Bool,
        CLIENT_L5,
        "Whether the client's connection is deciphered here.",
        &[("ssl_fc", "1")],
        |ctx| { Some(Value::Bool(ctx.conn.tls.is_some())) }
    ),
    key_size("ssl_fc_alg_keysize", &[("ssl_fc_alg_keysize", "256")]),
    plain!("ssl_fc_alpn", Str, CLIENT_L5, "The protocol agreed on by ALPN.", &[("ssl_fc_alpn", "http/1.1")], |ctx| {
        tls(ctx)?.alpn.as_deref().map(Value::str)
    }),
    plain!(
        "ssl_fc_cipher",
        Str,
        CLIENT_L5,
        "The cipher suite by its name in OpenSSL.",
        &[("ssl_fc_cipher", "TLS_AES_256_GCM_SHA384")],
        |ctx| Some(Value::str(tls(ctx)?.cipher.as_bytes()))
    ),
    plain!(
        "ssl_fc_err",
        Int,
        CLIENT_L5,
        "What is wrong with the client's TLS, by OpenSSL's number for it (`openssl errstr`); 0 for nothing, and for what OpenSSL has no \
         number for.",
        &[("ssl_fc_err", "0")],
        |ctx| {
            let error = ctx.conn.tls_error().or(tls(ctx).map(|_| TlsError::NONE));
            int(error?.number())
        }
    ),
    plain!(
        "ssl_fc_err_str",
        Str,
        CLIENT_L5,
        "What is wrong with the client's TLS, in OpenSSL's words; nothing if nothing is.",
        &[("ssl_fc_err_str -m found", "false")],
        |ctx| ctx.conn.tls_error()?.text().map(|text| Value::string(text.into_bytes()))
    ),
    plain!(
        "ssl_fc_has_crt",
        Bool,
        CLIENT_L5,
        "Whether the client sent a certificate on this connection; a resumed session keeps the one it had.",
        &[("ssl_fc_has_crt", "1")],
        |ctx| { Some(Value::Bool(tls(ctx).is_some_and(|tls| tls.client_cert.is_some() && !tls.resumed))) }
    ),
    plain!(
        "ssl_fc_has_early",
        Bool,
        CLIENT_L5,
        "Whether early data came that may be replayed; our listeners take none.",
        &[("ssl_fc_has_early", "0")],
        |ctx| tls(ctx).map(|_| Value::Bool(false))
    ),
    plain!(
        "ssl_fc_has_sni",
        Bool,
        CLIENT_L5,
        "Whether the client named the server it wants.",
        &[("ssl_fc_has_sni", "1")],
        |ctx| { Some(Value::Bool(tls(ctx).is_some_and(|tls| tls.sni.is_some()))) }
    ),
    plain!(
        "ssl_fc_is_resumed",
        Bool,
        CLIENT_L5,
        "Whether an earlier session was resumed.",
        &[("ssl_fc_is_resumed", "0")],
        |ctx| { Some(Value::Bool(tls(ctx).is_some_and(|tls| tls.resumed))) }
    ),
    plain!(
        "ssl_fc_npn",
        Str,
        CLIENT_L5,
        "The protocol agreed on by NPN, which ALPN has replaced: none.",
        &[("ssl_fc_npn", "")],
        |_| None
    ),
    plain!("ssl_fc_protocol", Str, CLIENT_L5, "The version of TLS.", &[("ssl_fc_protocol", "TLSv1.3")], |ctx| {
        Some(Value::str(tls(ctx)?.version.as_bytes()))
    }),
    plain!(
        "ssl_fc_sni",
        Str,
        CLIENT_L5,
        "The server name that the client wants.",
        &[("ssl_fc_sni", "www.example.com"), ("ssl_fc_sni_end .com", "true")],
        |ctx| tls(ctx)?.sni.as_deref().map(|name| Value::str(name.as_bytes()))
    ),
    key_size("ssl_fc_use_keysize", &[("ssl_fc_use_keysize", "256")]),
];

const fn key_size(name: &'static str, examples: &'static [Example]) -> Fetch {
    let bind: Bind = |_, _| Ok(one(|ctx| int(tls(ctx)?.key_bits)));
    Fetch::new(
        Meta::new(name, name, "The size of the secret key in bits.", examples),
        Type::Int,
        Needs::CLIENT_L5,
        bind,
    )
}

fn tls<'a>(ctx: &Ctx<'a>) -> Option<&'a TlsFacts> {
    ctx.conn.tls.as_deref()
}

/// The connection is under TLS, or would be.
fn has_tried(ctx: &Ctx<'_>) -> bool {
    tls(ctx).is_some() || ctx.conn.tls_error().is_some()
}

fn no_error(ctx: &Ctx<'_>) -> Option<Value<'static>> {
    has_tried(ctx).then_some(Value::Int(0))
}

fn has_certificate(ctx: &Ctx<'_>) -> Option<Value<'static>> {
    Some(Value::Bool(tls(ctx)?.client_cert.is_some()))
}

/// Whose certificate, in DER.
type Whose = for<'a> fn(&'a TlsFacts) -> Option<&'a [u8]>;

fn client(tls: &TlsFacts) -> Option<&[u8]> {
    tls.client_cert.as_deref()
}

fn listener(tls: &TlsFacts) -> Option<&[u8]> {
    tls.server_cert.as_deref()
}

fn part(whose: Whose, part: Part) -> FetchFn {
    one(move |ctx| part.read(whose(tls(ctx)?)?))
}

fn distinguished_name(words: &mut Words<'_>, whose: Whose, name: certificate::Which) -> Result<FetchFn> {
    let entry: Option<Box<str>> = args::opt_word(words).map(|word| word.as_str().into());
    let occurrence = i32::try_from(args::opt_int(words)?.unwrap_or(1)).unwrap_or(i32::MAX);
    let rfc2253 = match args::opt_word(words) {
        None => false,
        Some(word) if word.as_str() == "rfc2253" => true,
        Some(word) => {
            let message = "only rfc2253 or a blank value are currently supported as the format argument.";
            return Err(args::error(word.span, message));
        }
    };
    Ok(one(move |ctx| {
        let der = whose(tls(ctx)?)?;
        match &entry {
            Some(entry) => certificate::entry(der, name, entry, occurrence),
            None => certificate::name(der, name, rfc2253),
        }
    }))
}
