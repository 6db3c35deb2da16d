//! Converters on `Forwarded` fields (RFC 7239) with one element: checking, taking apart, and making node names.
//!
//! As strict as HAProxy: parameters `for`, `by`, `host` and `proto` in lower case, each once, without blanks.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::text;
use crate::base::value::{Type, Value};
use crate::expr::{Convert, args};
use crate::http::uri::host_port;
use crate::keyword::Meta;

pub(super) static CONVERTERS: &[Convert] = &[
    Convert::new(
        Meta::new(
            "rfc7239_is_valid",
            "rfc7239_is_valid",
            "True if the input is a `Forwarded` value of one element that conforms to RFC 7239.",
            &[
                ("str('for=127.0.0.1;proto=http'),rfc7239_is_valid", "1"),
                ("str('for=\"[::1]:80\";host=\"a.example:81\"'),rfc7239_is_valid", "1"),
                ("str('proto=custom'),rfc7239_is_valid", "0"),
                ("str('for=1.2.3.4:80'),rfc7239_is_valid", "0"),
                ("str('for=1.1.1.1, for=2.2.2.2'),rfc7239_is_valid", "0"),
                ("str('for=1.1.1.1;for=2.2.2.2'),rfc7239_is_valid", "0"),
            ],
        ),
        Type::Str,
        Type::Bool,
        |_, _| text(|text| Some(Value::Bool(parse(&text).is_some()))),
    ),
    Convert::new(
        Meta::new(
            "rfc7239_field",
            "rfc7239_field(<field>)",
            "The value of the parameter proto, host, for or by of a valid `Forwarded` value, without quotes.",
            &[
                ("str('proto=https;host=\"haproxy.org:80\"'),rfc7239_field(host)", "haproxy.org:80"),
                ("str('for=\"_a:_b\"'),rfc7239_field(for)", "_a:_b"),
                ("str('for=1.2.3.4:80'),rfc7239_field(for)", ""),
            ],
        ),
        Type::Str,
        Type::Str,
        |words, _| {
            let word = args::word(words, "string")?;
            let Some(at) = NAMES.iter().position(|name| name.as_bytes() == word.as_bytes()) else {
                return Err(words.error_last("Invalid rfc7239 field. It must be 'proto', 'host', 'for' or 'by'"));
            };
            text(move |text| parse(&text)?.get(at).copied().flatten().map(|value| Value::string(value.to_vec())))
        },
    ),
    Convert::new(
        Meta::new(
            "rfc7239_n2nn",
            "rfc7239_n2nn",
            "The name of a node: an address, or `unknown` or a hidden name as text.",
            &[
                ("str(127.0.0.1:9999),rfc7239_n2nn", "127.0.0.1"),
                ("str('[ab:cd:ff:ff:ff:ff:ff:ff]:9998'),rfc7239_n2nn", "ab:cd:ff:ff:ff:ff:ff:ff"),
                ("str('_name:_port'),rfc7239_n2nn", "_name"),
                ("str(abc),rfc7239_n2nn", ""),
            ],
        ),
        Type::Str,
        Type::Any,
        |_, _| {
            text(|text| {
                Some(match Node::parse(&text)?.name {
                    Name::Ipv4(ip) => Value::Ipv4(ip),
                    Name::Ipv6(ip) => Value::Ipv6(ip),
                    Name::Text(name) => Value::string(name.to_vec()),
                })
            })
        },
    ),
    Convert::new(
        Meta::new(
            "rfc7239_n2np",
            "rfc7239_n2np",
            "The port of a node: a number, or a hidden port as text.",
            &[
                ("str(127.0.0.1:9999),rfc7239_n2np", "9999"),
                ("str('_name:_port'),rfc7239_n2np", "_port"),
                ("str(127.0.0.1),rfc7239_n2np", ""),
            ],
        ),
        Type::Str,
        Type::Any,
        |_, _| {
            text(|text| {
                Some(match Node::parse(&text)?.port? {
                    Port::Number(port) => Value::Int(i64::from(port)),
                    Port::Text(port) => Value::string(port.to_vec()),
                })
            })
        },
    ),
    Convert::new(
        Meta::new(
            "rfc7239_nn",
            "rfc7239_nn",
            "A node name made of an address, or of text, which becomes a hidden name; empty text becomes `unknown`.",
            &[
                ("ipv6(ab:cd:ff:ff:ff:ff:ff:ff),rfc7239_nn", "[ab:cd:ff:ff:ff:ff:ff:ff]"),
                ("ipv4(127.0.0.1),rfc7239_nn", "127.0.0.1"),
                ("str(test),rfc7239_nn", "_test"),
                ("str(),rfc7239_nn", "unknown"),
            ],
        ),
        Type::Any,
        Type::Str,
        |_, _| {
            Ok(Box::new(|_, value| match value {
                Value::Ipv4(ip) => Some(Value::string(ip.to_string().into_bytes())),
                Value::Ipv6(ip) => Some(Value::string(format!("[{ip}]").into_bytes())),
                value => match value.cast(Type::Str)? {
                    Value::Str(text) if text.is_empty() => Some(Value::string(b"unknown".to_vec())),
                    Value::Str(text) => hidden(&text),
                    _ => None,
                },
            }))
        },
    ),
    Convert::new(
        Meta::new(
            "rfc7239_np",
            "rfc7239_np",
            "A node port made of a number, or of text, which becomes a hidden port.",
            &[("int(12),rfc7239_np", "12"), ("str(test),rfc7239_np", "_test"), ("str(),rfc7239_np", "")],
        ),
        Type::Any,
        Type::Str,
        |_, _| {
            Ok(Box::new(|_, value| match value {
                Value::Int(port) => {
                    let port = u16::try_from(port).ok()?;
                    Some(Value::string(port.to_string().into_bytes()))
                }
                value => match value.cast(Type::Str)? {
                    Value::Str(text) if !text.is_empty() => hidden(&text),
                    _ => None,
                },
            }))
        },
    ),
];

/// The parameters, in the order of the result of `parse`.
const NAMES: [&str; 4] = ["proto", "host", "for", "by"];

/// The values of a valid element, without quotes.
fn parse(text: &[u8]) -> Option<[Option<&[u8]>; 4]> {
    let mut found = [None; 4];
    let mut rest = text;
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let at = NAMES.iter().position(|name| name.as_bytes() == &rest[..equals])?;
        rest = &rest[equals + 1..];
        let (value, quoted, after) = match rest.strip_prefix(b"\"") {
            Some(inner) => {
                let end = memchr::memchr(b'"', inner)?;
                (&inner[..end], true, &inner[end + 1..])
            }
            None => {
                let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
                (&rest[..end], false, &rest[end..])
            }
        };
        if found[at].is_some() || !is_valid(NAMES[at], value, quoted) {
            return None;
        }
        found[at] = Some(value);
        match after {
            [] => return Some(found),
            [b';', more @ ..] => rest = more,
            _ => return None,
        }
    }
}

fn is_valid(name: &str, value: &[u8], quoted: bool) -> bool {
    // A token (RFC 9110, 5.6.2) has neither colons nor brackets.
    let fits = quoted || value.iter().all(|byte| !b":[]\"\\(),/;<=>?@{} \t".contains(byte));
    fits && match name {
        "proto" => !quoted && matches!(value, b"http" | b"https"),
        "host" => {
            let (host, port) = host_port(value);
            let port_fits = port.is_none_or(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit));
            !host.is_empty()
                && port_fits
                && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%[]:".contains(byte))
        }
        _ => Node::parse(value).is_some(),
    }
}

/// RFC 7239, 6.
struct Node<'a> {
    name: Name<'a>,
    port: Option<Port<'a>>,
}

enum Name<'a> {
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    /// `unknown` or hidden.
    Text(&'a [u8]),
}

enum Port<'a> {
    Number(u16),
    Text(&'a [u8]),
}

impl Node<'_> {
    fn parse(text: &[u8]) -> Option<Node<'_>> {
        let (name, port) = match text.strip_prefix(b"[") {
            Some(inner) => {
                let end = memchr::memchr(b']', inner)?;
                let ip = std::str::from_utf8(&inner[..end]).ok()?.parse().ok()?;
                (Name::Ipv6(ip), &inner[end + 1..])
            }
            None => {
                let end = memchr::memchr(b':', text).unwrap_or(text.len());
                let name = match &text[..end] {
                    name if is_hidden(name) || name == b"unknown" => Name::Text(name),
                    name => Name::Ipv4(std::str::from_utf8(name).ok()?.parse().ok()?),
                };
                (name, &text[end..])
            }
        };
        let port = match port {
            [] => None,
            [b':', port @ ..] if is_hidden(port) => Some(Port::Text(port)),
            [b':', port @ ..] if !port.is_empty() && port.iter().all(u8::is_ascii_digit) => {
                Some(Port::Number(std::str::from_utf8(port).ok()?.parse().ok()?))
            }
            _ => return None,
        };
        Some(Node { name, port })
    }
}

fn is_hidden(text: &[u8]) -> bool {
    matches!(text, [b'_', rest @ ..] if !rest.is_empty() && rest.iter().all(is_hidden_byte))
}

fn is_hidden_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(byte)
}

fn hidden(text: &[u8]) -> Option<Value<'static>> {
    text.iter().all(is_hidden_byte).then(|| Value::string([b"_", text].concat()))
}
