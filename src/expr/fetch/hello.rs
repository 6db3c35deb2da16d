//! What the client's hello listed (manual 7.3.4), for fingerprints such as JA3: there with `tune.ssl.capture-buffer-size` only.
//! Most are bytes with the type of a string, and digits with that of bytes, as in HAProxy.

use std::borrow::Cow;

use super::{Fetch, FetchFn, one, plain};
use crate::base::hex;
use crate::base::value::{Type, Value};
use crate::expr::{Ctx, args};
use crate::keyword::{Meta, Needs, Result, Words};
use crate::wire::hello_lists::{HelloLists, without_grease};

/// A table entry about a list of pairs: name, type, documentation, field, examples.
macro_rules! list {
    ($name:literal, $out:ident, $doc:literal, $field:ident, $examples:expr) => {
        Fetch::new(
            Meta::new($name, concat!($name, "([<filter_option>])"), $doc, $examples),
            Type::$out,
            Needs::CLIENT_L5,
            |words, _| pairs(words, |lists| &lists.$field, |pairs| Value::$out(pairs)),
        )
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    list!(
        "ssl_fc_cipherlist_bin",
        Str,
        "The cipher suites that the client offers, two bytes each; with 1 without GREASE (RFC 8701).",
        ciphers,
        &[("ssl_fc_cipherlist_bin,hex", "0A0A13011302"), ("ssl_fc_cipherlist_bin(1),be2dec(-,2)", "4865-4866")]
    ),
    Fetch::new(
        Meta::new(
            "ssl_fc_cipherlist_hex",
            "ssl_fc_cipherlist_hex([<filter_option>])",
            "The same in hexadecimal digits.",
            &[("ssl_fc_cipherlist_hex(1)", "13011302")],
        ),
        Type::Bin,
        Needs::CLIENT_L5,
        |words, _| pairs(words, |lists| &lists.ciphers, |pairs| Value::Bin(hex::upper_hex(&pairs).into_bytes().into())),
    ),
    plain!(
        "ssl_fc_cipherlist_xxh",
        Int,
        CLIENT_L5,
        "The XXH64 of the cipher suites that the client offers, of all of them whatever had room.",
        &[("ssl_fc_cipherlist_xxh", "1234")],
        |ctx| Some(Value::Int(lists(ctx)?.ciphers_hash as i64))
    ),
    plain!(
        "ssl_fc_ecformats_bin",
        Str,
        CLIENT_L5,
        "The formats of elliptic curve points that the client knows, one byte each.",
        &[("ssl_fc_ecformats_bin,hex", "00")],
        |ctx| found(Cow::Borrowed(&*lists(ctx)?.formats)).map(Value::Str)
    ),
    list!(
        "ssl_fc_eclist_bin",
        Str,
        "The groups (elliptic curves) that the client knows, two bytes each; with 1 without GREASE.",
        groups,
        &[("ssl_fc_eclist_bin(1),be2dec(-,2)", "29-23")]
    ),
    list!(
        "ssl_fc_extlist_bin",
        Str,
        "The types of the extensions in the client's hello, two bytes each; with 1 without GREASE.",
        extensions,
        &[("ssl_fc_extlist_bin(1),be2dec(-,2)", "0-43")]
    ),
    plain!(
        "ssl_fc_protocol_hello_id",
        Int,
        CLIENT_L5,
        "The version that the client's hello names: 771 is TLS 1.2, and what TLS 1.3 claims to be.",
        &[("ssl_fc_protocol_hello_id", "771")],
        |ctx| Some(Value::Int(lists(ctx)?.version.into()))
    ),
    list!(
        "ssl_fc_sigalgs_bin",
        Bin,
        "The signature algorithms that the client knows, two bytes each; with 1 without GREASE.",
        signatures,
        &[("ssl_fc_sigalgs_bin,hex", "0403")]
    ),
    list!(
        "ssl_fc_supported_versions_bin",
        Bin,
        "The versions of TLS that the client knows, two bytes each; with 1 without GREASE.",
        versions,
        &[("ssl_fc_supported_versions_bin(1),hex", "03040303")]
    ),
];

fn lists<'a>(ctx: &Ctx<'a>) -> Option<&'a HelloLists> {
    ctx.conn.tls.as_deref()?.hello.as_deref()
}

/// A list that is not there is no value.
fn found(list: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    Some(list).filter(|list| !list.is_empty())
}

/// A list of pairs, with the argument 1 without GREASE.
fn pairs(
    words: &mut Words<'_>,
    field: fn(&HelloLists) -> &[u8],
    show: fn(Cow<'_, [u8]>) -> Value<'_>,
) -> Result<FetchFn> {
    let bare = args::opt_int(words)?.unwrap_or(0) == 1;
    Ok(one(move |ctx| {
        let list = field(lists(ctx)?);
        let kept = if bare { Cow::Owned(without_grease(list)) } else { Cow::Borrowed(list) };
        found(kept).map(show)
    }))
}
