//! The converter ipmask: the network of an address.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::base::value::{Type, Value};
use crate::diag::Word;
use crate::expr::{Convert, ConvertFn, args};
use crate::keyword::{Meta, Result, Scope, Words};

pub(super) static CONVERTERS: &[Convert] = &[Convert::new(
    Meta::new(
        "ipmask",
        "ipmask(<mask4>[,<mask6>])",
        "The address with the bits outside the mask cleared; masks are prefix lengths or addresses. Without a second mask an IPv6 \
         address yields nothing, unless it stands for an IPv4 address.",
        &[
            ("ipv4(1.2.3.4),ipmask(24)", "1.2.3.0"),
            ("ipv4(1.2.3.4),ipmask(255.255.0.0)", "1.2.0.0"),
            ("ipv6(2001:db8::1),ipmask(24,32)", "2001:db8::"),
            ("ipv6(2001:db8::1),ipmask(24)", ""),
            ("ipv6(::ffff:1.2.3.4),ipmask(8)", "1.0.0.0"),
        ],
    ),
    Type::Addr,
    Type::Addr,
    bind,
)];

fn bind(words: &mut Words<'_>, _: &Scope<'_>) -> Result<ConvertFn> {
    let mask4 = mask4(args::word(words, "IPv4 mask")?)?;
    let mask6 = args::opt_word(words).map(mask6).transpose()?;
    Ok(Box::new(move |_, value| match value {
        Value::Ipv4(ip) => Some(Value::Ipv4(ip & mask4)),
        Value::Ipv6(ip) => match mask6 {
            Some(mask6) => Some(Value::Ipv6(ip & mask6)),
            None => ip.to_ipv4_mapped().map(|ip| Value::Ipv4(ip & mask4)),
        },
        _ => None,
    }))
}

fn mask4(word: &Word) -> Result<Ipv4Addr> {
    let text = word.as_str();
    let bits = text.parse::<u32>().ok().filter(|bits| *bits <= 32);
    let mask = bits.map(|bits| Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0)));
    let mask = mask.or_else(|| text.parse::<Ipv4Addr>().ok());
    mask.ok_or_else(|| args::error(word.span, format!("failed to parse '{text}' as type 'IPv4 mask'")))
}

fn mask6(word: &Word) -> Result<Ipv6Addr> {
    let text = word.as_str();
    let bits = text.parse::<u32>().ok().filter(|bits| *bits <= 128);
    let mask = bits.map(|bits| Ipv6Addr::from(u128::MAX.checked_shl(128 - bits).unwrap_or(0)));
    let mask = mask.or_else(|| text.parse::<Ipv6Addr>().ok());
    mask.ok_or_else(|| args::error(word.span, format!("failed to parse '{text}' as type 'IPv6 mask'")))
}
