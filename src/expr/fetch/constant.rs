//! Fetches whose value is known when the configuration is loaded (manual 7.3.2): constants, environment, host name.

use std::borrow::Cow;

use super::{Fetch, FetchFn, always, one};
use crate::base::value::{Type, Value};
use crate::expr::args;
use crate::keyword::{Meta, Needs, Result, Scope, Words};

pub(super) static FETCHES: &[Fetch] = &[
    Fetch::new(
        Meta::new(
            "always_false",
            "always_false",
            "Always false; takes an ACL out of use for a while.",
            &[("always_false", "0")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        |_, _| Ok(always(Value::Bool(false))),
    ),
    Fetch::new(
        Meta::new(
            "always_true",
            "always_true",
            "Always true; puts an ACL out of action for a while.",
            &[("always_true", "1")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        |_, _| Ok(always(Value::Bool(true))),
    ),
    Fetch::new(
        Meta::new(
            "bin",
            "bin(<hex>)",
            "The bytes that pairs of hexadecimal digits stand for.",
            &[("bin(48656c6c6f)", "Hello"), ("bin(00ff) -m bin 00FF", "true")],
        ),
        Type::Bin,
        Needs::INTERNAL,
        bin,
    ),
    Fetch::new(
        Meta::new(
            "bool",
            "bool(<bool>)",
            "A truth value written `true`, `false`, `1` or `0`.",
            &[("bool(true)", "1"), ("bool(0)", "0")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        bool,
    ),
    Fetch::new(
        Meta::new(
            "env",
            "env(<name>)",
            "An environment variable as it was when the configuration was loaded; nothing if it is not set.",
            &[("env(STAGE)", "blue"), ("env(NO_SUCH_VARIABLE)", "")],
        ),
        Type::Str,
        Needs::INTERNAL,
        env,
    ),
    Fetch::new(
        Meta::new("hostname", "hostname", "The name of the machine.", &[("hostname", "gate1")]),
        Type::Str,
        Needs::INTERNAL,
        |_, _| Ok(one(|ctx| Some(Value::str(ctx.view.process.hostname.get()?.as_bytes())))),
    ),
    Fetch::new(
        Meta::new("int", "int(<integer>)", "A signed 64-bit integer.", &[("int(-5)", "-5")]),
        Type::Int,
        Needs::INTERNAL,
        |words, _| Ok(always(Value::Int(args::int(words)?))),
    ),
    Fetch::new(
        Meta::new("ipv4", "ipv4(<ipv4>)", "An IPv4 address.", &[("ipv4(192.0.2.1)", "192.0.2.1")]),
        Type::Ipv4,
        Needs::INTERNAL,
        |words, _| Ok(always(Value::Ipv4(args::value(words, "IPv4 address")?))),
    ),
    Fetch::new(
        Meta::new("ipv6", "ipv6(<ipv6>)", "An IPv6 address.", &[("ipv6(2001:db8::1)", "2001:db8::1")]),
        Type::Ipv6,
        Needs::INTERNAL,
        |words, _| Ok(always(Value::Ipv6(args::value(words, "IPv6 address")?))),
    ),
    Fetch::new(
        Meta::new("meth", "meth(<method>)", "An HTTP method, to compare or to store.", &[("meth(GET)", "GET")]),
        Type::Meth,
        Needs::INTERNAL,
        |words, _| Ok(always(Value::Meth(Cow::Owned(args::word(words, "method")?.as_bytes().to_vec())))),
    ),
    Fetch::new(
        Meta::new("nbproc", "nbproc", "The number of worker processes, which is always 1.", &[("nbproc", "1")]),
        Type::Int,
        Needs::INTERNAL,
        |_, _| Ok(always(Value::Int(1))),
    ),
    Fetch::new(
        Meta::new("pid", "pid", "The number of the worker process in the system.", &[("pid gt 0", "true")]),
        Type::Int,
        Needs::INTERNAL,
        // Asked at run time: the configuration is read before the process forks.
        |_, _| Ok(one(|_| Some(Value::Int(i64::from(std::process::id()))))),
    ),
    Fetch::new(
        Meta::new("proc", "proc", "The number of the worker among its like, which is always 1.", &[("proc", "1")]),
        Type::Int,
        Needs::INTERNAL,
        |_, _| Ok(always(Value::Int(1))),
    ),
    Fetch::new(
        Meta::new(
            "quic_enabled",
            "quic_enabled",
            "Whether QUIC listeners are supported, which they are not yet.",
            &[("quic_enabled", "0")],
        ),
        Type::Bool,
        Needs::INTERNAL,
        |_, _| Ok(always(Value::Bool(false))),
    ),
    Fetch::new(
        Meta::new("str", "str(<string>)", "A text.", &[("str(hello)", "hello"), ("str(\"a,b\")", "a,b")]),
        Type::Str,
        Needs::INTERNAL,
        |words, _| Ok(always(Value::string(words.next_word().map_or_else(Vec::new, |word| word.as_bytes().to_vec())))),
    ),
];

fn bin(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let word = args::word(words, "string")?;
    let digits = word.as_bytes();
    if let Some(bad) = digits.iter().find(|byte| !byte.is_ascii_hexdigit()) {
        let message = format!("an hex digit is expected (found '{}')", char::from(*bad));
        return Err(args::error(word.span, message));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(args::error(word.span, "an even number of hex digit is expected"));
    };
    let bytes = pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect();
    Ok(always(Value::Bin(Cow::Owned(bytes))))
}

fn bool(words: &mut Words<'_>, _: &Scope<'_>) -> Result<FetchFn> {
    let word = args::word(words, "string")?;
    let value = match word.as_str() {
        "true" | "1" => true,
        "false" | "0" => false,
        _ => return Err(args::error(word.span, "Expects 'true', 'false', '0' or '1'")),
    };
    Ok(always(Value::Bool(value)))
}

fn env(words: &mut Words<'_>, scope: &Scope<'_>) -> Result<FetchFn> {
    let word = args::word(words, "string")?;
    let value = match word.as_str() {
        "HAPROXY_CLI" => scope.names.runtime_addresses.get().cloned().flatten().map(String::into_bytes),
        name => scope.names.env.get(name.as_bytes()).cloned(),
    };
    Ok(match value {
        Some(value) => always(Value::string(value)),
        None => one(|_| None),
    })
}
