//! Header fields of requests and responses (manual 7.3.6): values, counts, names, whole heads.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Fetch, FetchFn, Side, join_names, one};
use crate::base::value::{Type, Value};
use crate::base::varint;
use crate::expr::{Bind, Ctx, Flow, Seen, Want, args};
use crate::http::{HeaderName, Msg, nth};
use crate::keyword::{Example, Meta, Result, Scope, Words};

/// A table entry: kind, name, arguments, message, `bind` for that message, examples.
macro_rules! header {
    ($kind:ident $name:literal $args:literal $side:ident $bind:ident $examples:expr) => {
        $kind($name, concat!($name, $args), Side::$side, |words, scope| $bind(words, scope, Side::$side), $examples)
    };
}

pub(super) static FETCHES: &[Fetch] = &[
    header!(values "hdr" "([<name>[,<occ>]])" Current value &[("hdr(host)", "www.example.com:8080")]),
    header!(counts "hdr_cnt" "([<name>])" Request count &[("hdr_cnt(x-list)", "3")]),
    header!(addresses "hdr_ip" "([<name>[,<occ>]])" Request address &[("hdr_ip(x-forwarded-for,1)", "192.0.2.7")]),
    header!(numbers "hdr_val" "([<name>[,<occ>]])" Request number &[("hdr_val(x-number)", "34")]),
    header!(whole_values "req.fhdr" "([<name>[,<occ>]])" Request whole
        &[("req.fhdr(x-list,1)", "a , \"b,c\""), ("req.fhdr(x-list)", "d")]),
    header!(whole_counts "req.fhdr_cnt" "([<name>])" Request whole_count &[("req.fhdr_cnt(x-list)", "2")]),
    header!(values "req.hdr" "([<name>[,<occ>]])" Request value
        &[("req.hdr(x-list)", "d"), ("req.hdr(x-list,2)", "\"b,c\""), ("req.hdr(x-list,-3)", "a"), ("req.hdr(x-none)", "")]),
    header!(counts "req.hdr_cnt" "([<name>])" Request count &[("req.hdr_cnt(x-list)", "3")]),
    header!(addresses "req.hdr_ip" "([<name>[,<occ>]])" Request address &[("req.hdr_ip(x-forwarded-for)", "2001:db8::7")]),
    header!(names "req.hdr_names" "([<delim>])" Request all_names
        &[("req.hdr_names(|)", "host|x-list|x-list|x-forwarded-for|x-number|x-number|cookie|authorization|content-length")]),
    header!(numbers "req.hdr_val" "([<name>[,<occ>]])" Request number &[("req.hdr_val(x-number,1)", "12")]),
    header!(heads "req.hdrs" "" Request head
        &[("req.hdrs -m beg \"host: www.example.com:8080\"", "true")]),
    header!(binary_heads "req.hdrs_bin" "" Request binary_head &[("req.hdrs_bin -m len gt 10", "true")]),
    header!(whole_values "res.fhdr" "([<name>[,<occ>]])" Response whole &[("res.fhdr(cache-control)", "no-cache, max-age=60")]),
    header!(whole_counts "res.fhdr_cnt" "([<name>])" Response whole_count &[("res.fhdr_cnt(cache-control)", "1")]),
    header!(values "res.hdr" "([<name>[,<occ>]])" Response value &[("res.hdr(cache-control)", "max-age=60")]),
    header!(counts "res.hdr_cnt" "([<name>])" Response count &[("res.hdr_cnt(cache-control)", "2")]),
    header!(addresses "res.hdr_ip" "([<name>[,<occ>]])" Response address &[("res.hdr_ip(x-served-by)", "198.51.100.4")]),
    header!(names "res.hdr_names" "([<delim>])" Response all_names
        &[("res.hdr_names", "content-length,cache-control,x-served-by,set-cookie,set-cookie")]),
    header!(numbers "res.hdr_val" "([<name>[,<occ>]])" Response number &[("res.hdr_val(content-length)", "11")]),
    header!(heads "res.hdrs" "" Response head &[("res.hdrs -m beg \"content-length: 11\"", "true")]),
    header!(binary_heads "res.hdrs_bin" "" Response binary_head &[("res.hdrs_bin -m len gt 10", "true")]),
    header!(values "shdr" "([<name>[,<occ>]])" Response value &[("shdr(cache-control,1)", "no-cache")]),
    header!(counts "shdr_cnt" "([<name>])" Response count &[("shdr_cnt(x-none)", "0")]),
    header!(addresses "shdr_ip" "([<name>[,<occ>]])" Response address &[("shdr_ip(x-none)", "")]),
    header!(numbers "shdr_val" "([<name>[,<occ>]])" Response number &[("shdr_val(content-length)", "11")]),
];

type Examples = &'static [Example];

const fn entry(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    of: (Examples, Type, Side),
    bind: Bind,
) -> Fetch {
    let (examples, out, side) = of;
    Fetch::new(Meta::new(name, usage, doc, examples), out, side.needs(), bind)
}

const fn values(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "The last comma-separated value of a header, or the one with the position given, counted from 1, or from the end \
               with negative numbers. ACLs test every value.";
    entry(name, usage, doc, (examples, Type::Str, side), bind)
}

const fn whole_values(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "The value of the last header field of that name, or of the one with the position given, with any commas in it. \
               ACLs test every field.";
    entry(name, usage, doc, (examples, Type::Str, side), bind)
}

const fn counts(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "How many comma-separated values a header has, or all headers together.";
    entry(name, usage, doc, (examples, Type::Int, side), bind)
}

const fn whole_counts(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "How many header fields of that name there are, or header fields at all.";
    entry(name, usage, doc, (examples, Type::Int, side), bind)
}

const fn addresses(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "A comma-separated value of a header as IP address: an IPv4 address with or without a port, or an IPv6 address with \
               or without brackets. Anything else counts as absent.";
    entry(name, usage, doc, (examples, Type::Addr, side), bind)
}

const fn numbers(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "A comma-separated value of a header as the integer it begins with, 0 without digits.";
    entry(name, usage, doc, (examples, Type::Int, side), bind)
}

const fn names(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc =
        "The names of all header fields in order, with a comma or the first character of the argument between them.";
    entry(name, usage, doc, (examples, Type::Str, side), bind)
}

const fn heads(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "All header fields as text, one per line, with the empty line at the end.";
    entry(name, usage, doc, (examples, Type::Bin, side), bind)
}

const fn binary_heads(name: &'static str, usage: &'static str, side: Side, bind: Bind, examples: Examples) -> Fetch {
    let doc = "All header fields as names and values, each behind its length as SPOE encodes integers; an empty name and an empty \
               value end the list.";
    entry(name, usage, doc, (examples, Type::Bin, side), bind)
}

/// Which values of a header are meant.
struct Pick {
    side: Side,
    name: Option<HeaderName>,
    /// 0: the last one, or every one in an ACL.
    occurrence: i32,
}

impl Pick {
    fn bind(words: &mut Words<'_>, side: Side) -> Result<Pick> {
        let name = args::opt_word(words).map(|word| HeaderName::new(word.as_bytes()));
        let occurrence = args::opt_int(words)?.unwrap_or(0);
        if occurrence < -MOST_FROM_END {
            return Err(words.error_last(format!("header occurrence must be >= -{MOST_FROM_END}")));
        }
        // Larger positions than there can be headers are never found, whatever they are.
        Ok(Pick { side, name, occurrence: i32::try_from(occurrence).unwrap_or(i32::MAX) })
    }

    /// Visits comma-separated values; `read` says what each one means, `None` skips it.
    fn elements(self, read: impl for<'v> Fn(&'v [u8]) -> Option<Value<'v>> + Send + Sync + 'static) -> FetchFn {
        Box::new(move |ctx, want, visit| {
            let Some(msg) = self.side.message(ctx) else { return Seen::All };
            let mut visit = |text| if let Some(value) = read(text) { visit(value) } else { Flow::Continue };
            match (&self.name, want, self.occurrence) {
                (Some(name), Want::Each, 0) => each(msg.elements(name), &mut visit),
                (None, Want::Each, 0) => each(msg.all_elements(), &mut visit),
                (Some(name), Want::One, 0) => last_element(msg, name).map(&mut visit).map_or((), drop),
                (Some(name), _, occurrence) => msg.nth_element(name, occurrence).map(&mut visit).map_or((), drop),
                (None, Want::One, 0) => {}
                (None, _, occurrence) => nth(msg.all_elements(), occurrence).map(&mut visit).map_or((), drop),
            }
            Seen::All
        })
    }
}

fn each<'m>(texts: impl Iterator<Item = &'m [u8]>, visit: &mut dyn FnMut(&'m [u8]) -> Flow) {
    for text in texts {
        if visit(text) == Flow::Stop {
            break;
        }
    }
}

/// The last field decides, so that the others need not be split.
fn last_element<'m>(msg: Msg<'m>, name: &HeaderName) -> Option<&'m [u8]> {
    let value = msg.values(name).next_back()?;
    if memchr::memchr(b',', value).is_none() {
        return Some(value);
    }
    crate::http::list::Elements::new(value).last().map(|element| element.bytes)
}

fn value(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    Ok(Pick::bind(words, side)?.elements(|text| Some(Value::str(text))))
}

fn number(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    Ok(Pick::bind(words, side)?.elements(|text| Value::str(text).cast(Type::Int)))
}

fn address(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    Ok(Pick::bind(words, side)?.elements(|text| parse_address(text).map(Value::addr)))
}

fn whole(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let Pick { side, name, occurrence } = Pick::bind(words, side)?;
    Ok(Box::new(move |ctx, want, visit| {
        let Some(msg) = side.message(ctx) else { return Seen::All };
        let mut visit = |text| visit(Value::str(text));
        let at = if occurrence == 0 { -1 } else { occurrence };
        match (&name, want, occurrence) {
            (Some(name), Want::Each, 0) => each(msg.values(name), &mut visit),
            (None, Want::Each, 0) => each(msg.fields().map(|field| field.value), &mut visit),
            (Some(name), ..) => msg.nth_value(name, at).map(&mut visit).map_or((), drop),
            (None, Want::One, 0) => {}
            (None, ..) => nth(msg.fields().map(|field| field.value), at).map(&mut visit).map_or((), drop),
        }
        Seen::All
    }))
}

fn count(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let name = args::opt_word(words).map(|word| HeaderName::new(word.as_bytes()));
    Ok(one(move |ctx| {
        let msg = side.message(ctx)?;
        let count = match &name {
            Some(name) => msg.elements(name).count(),
            None => msg.all_elements().count(),
        };
        Some(Value::Int(count as i64))
    }))
}

fn whole_count(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let name = args::opt_word(words).map(|word| HeaderName::new(word.as_bytes()));
    Ok(one(move |ctx| {
        let msg = side.message(ctx)?;
        let count = match &name {
            Some(name) => msg.named(name).count(),
            None => msg.fields().count(),
        };
        Some(Value::Int(count as i64))
    }))
}

fn all_names(words: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    let delimiter = super::delimiter(words);
    Ok(one(move |ctx| Some(join_names(side.message(ctx)?.fields().map(|field| field.name), delimiter))))
}

fn head(_: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    Ok(one(move |ctx: &Ctx<'_>| {
        let mut text = Vec::with_capacity(512);
        for field in side.message(ctx)?.fields() {
            text.extend_from_slice(field.name);
            text.extend_from_slice(b": ");
            text.extend_from_slice(field.value);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        Some(Value::Bin(text.into()))
    }))
}

fn binary_head(_: &mut Words<'_>, _: &Scope<'_>, side: Side) -> Result<FetchFn> {
    Ok(one(move |ctx: &Ctx<'_>| {
        let mut bytes = Vec::with_capacity(512);
        for field in side.message(ctx)?.fields() {
            for text in [field.name, field.value] {
                bytes.extend_from_slice(&varint::encode(text.len() as u64));
                bytes.extend_from_slice(text);
            }
        }
        bytes.extend_from_slice(&[0, 0]);
        Some(Value::Bin(bytes.into()))
    }))
}

/// An address as RFC 7239 writes it; a port behind an IPv4 address is dropped.
fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let (host, port) = text.split_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.parse::<Ipv4Addr>().ok().filter(|_| is_port).map(IpAddr::V4)
}

/// How far back a negative position may reach.
const MOST_FROM_END: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.8 takes for an address in `hdr_ip`.
    #[test]
    fn addresses_are_read_as_the_reference_reads_them() {
        for (text, ip) in [("1.2.3.4", "1.2.3.4"), ("1.2.3.4:80", "1.2.3.4"), ("[::1]", "::1"), ("::1", "::1")] {
            assert_eq!(parse_address(text.as_bytes()), ip.parse().ok(), "{text}");
        }
        for text in ["[::1]:80", "foo", "1.2.3", "1.2.3.4:", "1.2.3.4:99999", "\"[::1]\"", ""] {
            assert_eq!(parse_address(text.as_bytes()), None, "{text}");
        }
    }

    /// The examples of SPOE.txt, 3.1.
    #[test]
    fn lengths_grow_by_seven_bits() {}

    #[test]
    fn needs_of_the_ambiguous_name_are_those_of_both_sides() {
        use crate::keyword::Needs;
        assert_eq!(Side::Current.needs(), Needs::REQ_HEAD.union(Needs::RES_HEAD));
    }
}
