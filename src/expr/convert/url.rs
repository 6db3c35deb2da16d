//! Converters on parts of URLs and of `Host`: percent-encoding, host and port.

use std::borrow::Cow;

use super::{part, text};
use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, args};
use crate::http::uri::host_port;
use crate::keyword::Meta;

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "url_dec",
            "url_dec([<in_form>])",
            "Decodes percent-encoded text; a `+` becomes a blank behind a question mark, or everywhere if in_form is not 0. An encoding \
             that is cut or has other digits yields nothing.",
            &[
                ("str(a%20b+c?d+e),url_dec", "a b+c?d e"),
                ("str(a%20b+c),url_dec(1)", "a b c"),
                ("str(a%zz),url_dec", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        |words, _| {
            let in_form = args::opt_int(words)?.is_some_and(|form| form != 0);
            text(move |text| decode(text, in_form).map(Value::Str))
        },
    ),
    Convert::new(
        Meta::new(
            "url_enc",
            "url_enc([<enc_type>])",
            "Percent-encodes all but letters, digits and `-._~`; the only type is query.",
            &[("str(a b/c?d=e~),url_enc", "a%20b%2Fc%3Fd%3De~")],
        ),
        Type::Str,
        Type::Str,
        |words, _| {
            let kind = args::opt_word(words).map_or("query", Word::as_str);
            if kind != "query" {
                return Err(words.error_last("Unexpected encode type. Allowed value is 'query'"));
            }
            text(|text| Some(Value::Str(encode(text))))
        },
    ),
    Convert::new(
        Meta::new(
            "host_only",
            "host_only",
            "The host of a `Host` value without its port, in lower case.",
            &[("str(Host:80),host_only", "host"), ("str([::1]:80),host_only", "[::1]")],
        ),
        Type::Str,
        Type::Str,
        |_, _| {
            text(|text| {
                let end = host_port(&text).0.len();
                let host = part(text, 0..end);
                Some(Value::Str(if host.iter().any(u8::is_ascii_uppercase) {
                    Cow::Owned(host.to_ascii_lowercase())
                } else {
                    host
                }))
            })
        },
    ),
    Convert::new(
        Meta::new(
            "port_only",
            "port_only",
            "The port of a `Host` value, 0 if it has none.",
            &[("str(host:8080),port_only", "8080"), ("str([::1]),port_only", "0")],
        ),
        Type::Str,
        Type::Int,
        |_, _| {
            text(|text| {
                let digits = host_port(&text).1.unwrap_or_default();
                Value::str(digits).cast(Type::Int).map(Value::into_owned).or(Some(Value::Int(0)))
            })
        },
    ),
];

fn decode(text: Cow<'_, [u8]>, in_form: bool) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr2(b'%', b'+', &text).is_none() {
        return Some(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut in_query = in_form;
    let mut rest = &text[..];
    while let [byte, more @ ..] = rest {
        rest = more;
        match byte {
            b'%' => {
                let [high, low, more @ ..] = rest else { return None };
                out.push((digit(*high)? << 4) | digit(*low)?);
                rest = more;
            }
            b'+' if in_query => out.push(b' '),
            byte => {
                in_query |= *byte == b'?';
                out.push(*byte);
            }
        }
    }
    Some(Cow::Owned(out))
}

fn encode(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    if text.iter().all(safe) {
        return text;
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    for byte in text.iter() {
        if safe(byte) {
            out.push(*byte);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
    Cow::Owned(out)
}

fn digit(byte: u8) -> Option<u8> {
    // A hexadecimal digit is below 16.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
