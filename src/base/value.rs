//! Typed sample values (manual chapter 7.1 and 7.3): what fetches yield, converters change and ACLs match.
//!
//! This file owns the types and the casts between them. It does not know where values come from.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type of a sample as `-dKfetch` and `-dKconv` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Any type; converters only.
    Any,
    /// The type of the input; converters only.
    Same,
    /// A truth value.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// An IPv4 or IPv6 address.
    Addr,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Text.
    Str,
    /// Bytes.
    Bin,
    /// An HTTP method.
    Meth,
}

/// One sample. Borrowed from a message, a variable or a bound argument where possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text; HTTP bytes are not required to be UTF-8.
    Str(Cow<'a, [u8]>),
    /// Bytes; written in hexadecimal where text is wanted.
    Bin(Cow<'a, [u8]>),
    /// An HTTP method; text everywhere but in `-m meth`-like comparisons.
    Meth(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A borrowed string value.
    pub fn str(text: &'a [u8]) -> Self {
        Value::Str(Cow::Borrowed(text))
    }

    /// An owned string value.
    pub fn string(text: Vec<u8>) -> Self {
        Value::Str(Cow::Owned(text))
    }

    /// An address value.
    pub fn addr(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Value::Ipv4(ip),
            IpAddr::V6(ip) => Value::Ipv6(ip),
        }
    }

    /// The type of this value.
    pub fn kind(&self) -> Type {
        match self {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Ipv4(_) => Type::Ipv4,
            Value::Ipv6(_) => Type::Ipv6,
            Value::Str(_) => Type::Str,
            Value::Bin(_) => Type::Bin,
            Value::Meth(_) => Type::Meth,
        }
    }

    /// The same value, owning its bytes.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(v) => Value::Bool(v),
            Value::Int(v) => Value::Int(v),
            Value::Ipv4(v) => Value::Ipv4(v),
            Value::Ipv6(v) => Value::Ipv6(v),
            Value::Str(v) => Value::Str(Cow::Owned(v.into_owned())),
            Value::Bin(v) => Value::Bin(Cow::Owned(v.into_owned())),
            Value::Meth(v) => Value::Meth(Cow::Owned(v.into_owned())),
        }
    }

    /// The same value, borrowing from `self`.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Bool(v) => Value::Bool(*v),
            Value::Int(v) => Value::Int(*v),
            Value::Ipv4(v) => Value::Ipv4(*v),
            Value::Ipv6(v) => Value::Ipv6(*v),
            Value::Str(v) => Value::Str(Cow::Borrowed(v)),
            Value::Bin(v) => Value::Bin(Cow::Borrowed(v)),
            Value::Meth(v) => Value::Meth(Cow::Borrowed(v)),
        }
    }

    /// Appends the value as text, as a cast to string would give it.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        match self {
            Value::Bool(v) => out.push(if *v { b'1' } else { b'0' }),
            Value::Int(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
            // Writing to a Vec cannot fail.
            Value::Ipv4(v) => drop(write!(out, "{v}")),
            Value::Ipv6(v) => drop(write!(out, "{v}")),
            Value::Str(v) | Value::Meth(v) => out.extend_from_slice(v),
            Value::Bin(v) => {
                for byte in v.iter() {
                    out.push(HEX[usize::from(byte >> 4)]);
                    out.push(HEX[usize::from(byte & 15)]);
                }
            }
        }
    }

    /// Casts to a type as manual 7.1 allows, or `None` where the cast is impossible or the text does not parse.
    pub fn cast(self, to: Type) -> Option<Value<'a>> {
        match (self, to) {
            (v, Type::Any | Type::Same) => Some(v),
            (v @ Value::Bool(_), Type::Bool) | (v @ Value::Int(_), Type::Int) => Some(v),
            (Value::Bool(v), Type::Int) => Some(Value::Int(i64::from(v))),
            (Value::Int(v), Type::Bool) => Some(Value::Bool(v != 0)),
            (v @ (Value::Ipv4(_) | Value::Ipv6(_)), Type::Addr) => Some(v),
            (v @ Value::Ipv4(_), Type::Ipv4) | (v @ Value::Ipv6(_), Type::Ipv6) => Some(v),
            (Value::Ipv4(v), Type::Ipv6) => Some(Value::Ipv6(v.to_ipv6_mapped())),
            (Value::Ipv6(v), Type::Ipv4) => v.to_ipv4_mapped().map(Value::Ipv4),
            (Value::Ipv4(v), Type::Int) => Some(Value::Int(i64::from(u32::from(v)))),
            (Value::Int(v), Type::Ipv4 | Type::Addr) => u32::try_from(v).ok().map(|v| Value::Ipv4(v.into())),
            (Value::Str(v) | Value::Bin(v) | Value::Meth(v), Type::Str) => Some(Value::Str(v)),
            (Value::Str(v) | Value::Bin(v) | Value::Meth(v), Type::Bin) => Some(Value::Bin(v)),
            (Value::Str(v) | Value::Meth(v), Type::Meth) => Some(Value::Meth(v)),
            (Value::Str(v), to) => parse_as(&v, to),
            (v, Type::Str) => Some(Value::string(v.to_text())),
            (v, Type::Bin) => Some(Value::Bin(Cow::Owned(v.to_text()))),
            _ => None,
        }
    }

    fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.write_to(&mut out);
        out
    }
}

fn parse_as(text: &[u8], to: Type) -> Option<Value<'static>> {
    let text = std::str::from_utf8(text).ok()?;
    match to {
        Type::Int => Some(Value::Int(leading_int(text))),
        Type::Bool => Some(Value::Bool(leading_int(text) != 0)),
        Type::Ipv4 => text.parse().ok().map(Value::Ipv4),
        Type::Ipv6 => text.parse().ok().map(Value::Ipv6),
        Type::Addr => text.parse().ok().map(Value::addr),
        _ => None,
    }
}

/// A string counts as the integer it begins with; without digits it is zero.
fn leading_int(text: &str) -> i64 {
    let digits = text.len() - text.trim_start_matches(['-', '+']).len();
    let end = text[digits..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| at + digits);
    text[..end].parse().unwrap_or(0)
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_become_numbers_and_addresses() {
        assert_eq!(Value::str(b"42abc").cast(Type::Int), Some(Value::Int(42)));
        assert_eq!(Value::str(b"-7").cast(Type::Int), Some(Value::Int(-7)));
        assert_eq!(Value::str(b"10.0.0.1").cast(Type::Addr), Some(Value::Ipv4(Ipv4Addr::new(10, 0, 0, 1))));
        assert_eq!(Value::str(b"nonsense").cast(Type::Addr), None);
    }

    #[test]
    fn binary_is_written_in_upper_case_hexadecimal() {
        let mut out = Vec::new();
        Value::Bin(Cow::Borrowed(&[0x0a, 0xff])).write_to(&mut out);
        assert_eq!(out, b"0AFF");
    }
}
