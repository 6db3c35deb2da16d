//! What the client's PROXY header said besides addresses (manual 7.3.3): fc_pp_authority, fc_pp_tlv, fc_pp_unique_id.

use super::{Fetch, FetchFn, args};
use crate::base::value::{Type, Value};
use crate::expr::{Flow, Seen, Want};
use crate::keyword::{Meta, Needs, Result, Words};
use crate::wire::proxy_protocol::{Tlvs, tlv};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "fc_pp_authority",
            "fc_pp_authority",
            "The host name within the client's PROXY header of version 2: its first AUTHORITY.",
            &[("fc_pp_authority", "example.org")],
        ),
        Type::Str,
        Needs::CLIENT_L4,
        |_, _| Ok(first(tlv::AUTHORITY)),
    ),
    Fetch::new(
        Meta::new(
            "fc_pp_tlv",
            "fc_pp_tlv(<id>)",
            "The value of the TLV of that type within the client's PROXY header of version 2; an ACL sees all of them. The type is a \
             number from 0 to 255 or a name: ALPN, AUTHORITY, CRC32, NETNS, NOOP, SSL, UNIQUE_ID, and SSL_CIPHER, SSL_CN, \
             SSL_KEY_ALG, SSL_SIG_ALG and SSL_VERSION, which are within SSL.",
            &[
                ("fc_pp_tlv(0x02)", "example.org"),
                ("fc_pp_tlv(UNIQUE_ID)", "first1"),
                ("fc_pp_tlv(5) second2", "true"),
                ("fc_pp_tlv(SSL_VERSION)", "TLSv1.2"),
                ("fc_pp_tlv(4)", ""),
            ],
        ),
        Type::Str,
        Needs::CLIENT_L4,
        |words, _| Ok(every(kind(words)?)),
    ),
    Fetch::new(
        Meta::new(
            "fc_pp_unique_id",
            "fc_pp_unique_id",
            "The identifier of the connection within the client's PROXY header of version 2: its first UNIQUE_ID.",
            &[("fc_pp_unique_id", "first1")],
        ),
        Type::Str,
        Needs::CLIENT_L4,
        |_, _| Ok(first(tlv::UNIQUE_ID)),
    ),
];

fn first(kind: u8) -> FetchFn {
    super::one(move |ctx| ctx.conn.proxy_tlvs().find(kind).map(Value::str))
}

/// The values in their order; those within `SSL` stand where it does.
fn every(kind: u8) -> FetchFn {
    Box::new(move |ctx, want, visit| {
        for outer in ctx.conn.proxy_tlvs().iter() {
            let within = if outer.kind == tlv::SSL { outer.value.get(SSL_FIXED..) } else { None };
            let within = Tlvs::new(within.unwrap_or_default());
            for tlv in std::iter::once(outer).chain(within.iter()).filter(|tlv| tlv.kind == kind) {
                if visit(Value::str(tlv.value)) == Flow::Stop || want == Want::One {
                    return Seen::All;
                }
            }
        }
        Seen::All
    })
}

/// A type of TLVs.
fn kind(words: &mut Words<'_>) -> Result<u8> {
    let text = args::word(words, "TLV type")?.as_str();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let named = || NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
    let names = NAMES.map(|(name, _)| name).join(", ");
    let message = || format!("expects a TLV type: a number from 0 to 255, or one of {names} (got '{text}')");
    number.or_else(named).ok_or_else(|| words.error_last(message()))
}

const NAMES: [(&str, u8); 12] = [
    ("ALPN", tlv::ALPN),
    ("AUTHORITY", tlv::AUTHORITY),
    ("CRC32", tlv::CRC32C),
    ("NETNS", tlv::NETNS),
    ("NOOP", tlv::NOOP),
    ("SSL", tlv::SSL),
    ("SSL_CIPHER", tlv::SSL_CIPHER),
    ("SSL_CN", tlv::SSL_CN),
    ("SSL_KEY_ALG", tlv::SSL_KEY_ALG),
    ("SSL_SIG_ALG", tlv::SSL_SIG_ALG),
    ("SSL_VERSION", tlv::SSL_VERSION),
    ("UNIQUE_ID", tlv::UNIQUE_ID),
];

/// The flags and the result of the verification, before the inner TLVs.
const SSL_FIXED: usize = 5;
