//! Typed sample values (manual chapter 7.1 and 7.3): what fetches yield, converters change and ACLs match.
//!
//! This file owns the types and the casts between them. It does not know where values come from.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::iptext::IpText;

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
    /// Bytes; where text is wanted, those before the first NUL.
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

    /// The text of the value, with a dot for each byte that cannot be printed.
    pub fn printable(&self) -> String {
        let mut text = Vec::new();
        match self {
            Value::Bin(bytes) => text.extend_from_slice(bytes.as_ref()),
            value => value.write_to(&mut text),
        }
        text.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }).collect()
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
        match self {
            Value::Bool(v) => out.push(if *v { b'1' } else { b'0' }),
            Value::Int(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
            Value::Ipv4(v) => out.extend_from_slice(IpText::of((*v).into()).as_bytes()),
            Value::Ipv6(v) => out.extend_from_slice(IpText::of((*v).into()).as_bytes()),
            Value::Str(v) | Value::Meth(v) => out.extend_from_slice(v),
            Value::Bin(v) => out.extend_from_slice(&v[..text_length(v)]),
        }
    }

    /// Casts to a type as [`Type::casts_to`] allows, or `None` where this value has none of that type: text that is no address.
    pub fn cast(self, to: Type) -> Option<Value<'a>> {
        match (self, to) {
            (v, Type::Any | Type::Same) => Some(v),
            (v @ Value::Bool(_), Type::Bool) | (v @ Value::Int(_), Type::Int) => Some(v),
            (v @ Value::Ipv4(_), Type::Ipv4 | Type::Addr) | (v @ Value::Ipv6(_), Type::Ipv6 | Type::Addr) => Some(v),
            (Value::Bool(v), Type::Int) => Some(Value::Int(i64::from(v))),
            (Value::Int(v), Type::Bool) => Some(Value::Bool(v != 0)),
            // Addresses and numbers keep their lowest 32 bits.
            (Value::Int(v), Type::Ipv4 | Type::Addr) => Some(Value::Ipv4(Ipv4Addr::from(v as u32))),
            (Value::Int(v), Type::Ipv6) => Some(Value::Ipv6(Ipv4Addr::from(v as u32).to_ipv6_mapped())),
            (Value::Ipv4(v), Type::Int) => Some(Value::Int(i64::from(u32::from(v)))),
            (Value::Ipv4(v), Type::Bool) => Some(Value::Bool(!v.is_unspecified())),
            (Value::Ipv4(v), Type::Ipv6) => Some(Value::Ipv6(v.to_ipv6_mapped())),
            (Value::Ipv6(v), Type::Ipv4) => v.to_ipv4_mapped().map(Value::Ipv4),
            (Value::Str(v) | Value::Meth(v), Type::Str) => Some(Value::Str(v)),
            (Value::Bin(Cow::Borrowed(v)), Type::Str) => Some(Value::str(&v[..text_length(v)])),
            (Value::Bin(Cow::Owned(mut v)), Type::Str) => {
                v.truncate(text_length(&v));
                Some(Value::string(v))
            }
            (Value::Str(v) | Value::Bin(v) | Value::Meth(v), Type::Bin) => Some(Value::Bin(v)),
            (Value::Str(v) | Value::Meth(v), Type::Meth) => Some(Value::Meth(v)),
            (Value::Str(v), to) => parse_as(&v, to),
            (Value::Bool(v), Type::Bin) => Some(Value::Bin(Cow::Owned(i64::from(v).to_be_bytes().to_vec()))),
            (Value::Int(v), Type::Bin) => Some(Value::Bin(Cow::Owned(v.to_be_bytes().to_vec()))),
            (Value::Ipv4(v), Type::Bin) => Some(Value::Bin(Cow::Owned(v.octets().to_vec()))),
            (Value::Ipv6(v), Type::Bin) => Some(Value::Bin(Cow::Owned(v.octets().to_vec()))),
            (v, Type::Str) => Some(Value::string(v.to_text())),
            _ => None,
        }
    }

    fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        self.write_to(&mut out);
        out
    }
}

impl Type {
    /// Whether values of this type can be cast to another: checked along a chain at load. A cast may still fail at run time.
    pub fn casts_to(self, to: Type) -> bool {
        use Type::{Addr, Any, Bin, Bool, Int, Ipv4, Ipv6, Meth, Same, Str};
        match (self, to) {
            (Any | Same, _) | (_, Any | Same | Str | Bin) => true,
            (Bool, to) => matches!(to, Bool | Int),
            (Int | Addr | Ipv4 | Str, to) => to != Meth || self == Str,
            (Ipv6, to) => matches!(to, Addr | Ipv4 | Ipv6),
            (Bin, _) => false,
            (Meth, to) => to == Meth,
        }
    }

    /// The name in dumps and messages, for instance `sint`.
    pub fn name(self) -> &'static str {
        match self {
            Type::Any => "any",
            Type::Same => "same",
            Type::Bool => "bool",
            Type::Int => "sint",
            Type::Addr => "addr",
            Type::Ipv4 => "ipv4",
            Type::Ipv6 => "ipv6",
            Type::Str => "str",
            Type::Bin => "bin",
            Type::Meth => "meth",
        }
    }
}

/// Text made of bytes ends at the first NUL (manual 7.1.3).
fn text_length(bytes: &[u8]) -> usize {
    memchr::memchr(0, bytes).unwrap_or(bytes.len())
}

fn parse_as(text: &[u8], to: Type) -> Option<Value<'static>> {
    match to {
        Type::Int => return leading_int(text).map(Value::Int),
        Type::Bool => return leading_int(text).map(|number| Value::Bool(number != 0)),
        _ => {}
    }
    let text = std::str::from_utf8(text).ok()?;
    match to {
        Type::Ipv4 => text.parse().ok().map(Value::Ipv4),
        Type::Ipv6 => text.parse().ok().map(Value::Ipv6),
        Type::Addr => text.parse().ok().map(Value::addr),
        _ => None,
    }
}

/// A string counts as the integer it begins with, cut to 64 bits; without digits it is zero. The empty string is no number.
fn leading_int(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [] => return None,
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(sign * i64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_become_numbers_and_addresses() {
        assert_eq!(Value::str(b"42abc").cast(Type::Int), Some(Value::Int(42)));
        assert_eq!(Value::str(b"-7").cast(Type::Int), Some(Value::Int(-7)));
        assert_eq!(Value::str(b"10.0.0.1").cast(Type::Addr), Some(Value::Ipv4(Ipv4Addr::new(10, 0, 0, 1))));
        assert_eq!(Value::str(b"nonsense").cast(Type::Addr), None);
        assert_eq!(Value::str(b"+12").cast(Type::Int), Some(Value::Int(12)));
        assert_eq!(Value::str(b" 12").cast(Type::Int), Some(Value::Int(0)));
        assert_eq!(Value::str(b"99999999999999999999").cast(Type::Int), Some(Value::Int(i64::MAX)));
        assert_eq!(Value::str(b"-99999999999999999999").cast(Type::Int), Some(Value::Int(i64::MIN)));
        assert_eq!(Value::str(b"7\xe9").cast(Type::Int), Some(Value::Int(7)));
        // What HAProxy 2.8 makes of `str(),add(1)` and `str(),bool`: nothing.
        assert_eq!(Value::str(b"").cast(Type::Int), None);
        assert_eq!(Value::str(b"").cast(Type::Bool), None);
    }

    /// What HAProxy 2.8 does with `int(5),hex`, `src,bytes(0),hex`, `ipv4(1.2.3.4),add(0)`, `int(-5),ipmask(32)`.
    #[test]
    fn numbers_and_addresses_become_bytes_and_each_other() {
        let bin = |bytes: &[u8]| Some(Value::Bin(Cow::Owned(bytes.to_vec())));
        assert_eq!(Value::Int(5).cast(Type::Bin), bin(&[0, 0, 0, 0, 0, 0, 0, 5]));
        assert_eq!(Value::Ipv4(Ipv4Addr::LOCALHOST).cast(Type::Bin), bin(&[127, 0, 0, 1]));
        assert_eq!(Value::Ipv4(Ipv4Addr::new(1, 2, 3, 4)).cast(Type::Int), Some(Value::Int(16_909_060)));
        assert_eq!(Value::Int(-5).cast(Type::Ipv4), Some(Value::Ipv4(Ipv4Addr::new(255, 255, 255, 251))));
        assert_eq!(Value::Bin(Cow::Borrowed(b"A\0C")).cast(Type::Str), Some(Value::str(b"A")));
        assert!(!Type::Bin.casts_to(Type::Int) && !Type::Ipv6.casts_to(Type::Int) && !Type::Bool.casts_to(Type::Ipv4));
        assert!(Type::Ipv4.casts_to(Type::Bool) && Type::Str.casts_to(Type::Meth) && !Type::Int.casts_to(Type::Meth));
    }
}
