//! The predicates of conditions (manual 2.4) and the facts they ask for.

use super::env::Env;
use super::version::{OpensslVersion, Version};

/// What the program knows about itself when conditions are evaluated.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The language level, such as `3.4.0`.
    pub version: &'a str,
    /// The features that `-vv` shows with a `+`.
    pub features: &'a [&'a str],
    /// The OpenSSL version the TLS library claims, such as `1.1.1`.
    pub openssl_version: Option<&'a str>,
    /// The TLS library's name and version, such as `AWS-LC 1.40.0`.
    pub ssl_library: &'a str,
    /// AWS-LC's API number, if that is the TLS library.
    pub awslc_api: Option<u32>,
    /// The run-time options that are on, such as `EPOLL` and `REUSEPORT`.
    pub enabled: &'a [&'a str],
}

/// One predicate.
pub(super) struct Predicate {
    pub name: &'static str,
    /// How many arguments it takes.
    pub arguments: usize,
    /// Whether an argument is well-formed.
    pub accepts: fn(&str) -> bool,
    /// Called with exactly `arguments` arguments.
    pub holds: Holds,
}

type Holds = fn(&[String], &Env, &Facts<'_>) -> bool;

pub(super) fn find(name: &str) -> Option<&'static Predicate> {
    PREDICATES.iter().find(|predicate| predicate.name == name)
}

/// The names of all predicates, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PREDICATES.iter().map(|predicate| predicate.name)
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Predicate) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const fn predicate(name: &'static str, arguments: usize, accepts: fn(&str) -> bool, holds: Holds) -> Predicate {
    Predicate { name, arguments, accepts, holds }
}

fn anything(_: &str) -> bool {
    true
}

fn openssl_version(text: &str) -> bool {
    OpensslVersion::of(text).is_some()
}

fn number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

/// The first argument; the caller has seen to it that it exists.
fn first(arguments: &[String]) -> &str {
    arguments.first().map_or("", String::as_str)
}

fn second(arguments: &[String]) -> &str {
    arguments.get(1).map_or("", String::as_str)
}

fn openssl_atleast(arguments: &[String], facts: &Facts<'_>) -> Option<bool> {
    Some(OpensslVersion::of(facts.openssl_version?)? >= OpensslVersion::of(first(arguments))?)
}

fn awslc_atleast(arguments: &[String], facts: &Facts<'_>) -> Option<bool> {
    Some(facts.awslc_api? >= first(arguments).parse().ok()?)
}

/// In the manual's order.
static PREDICATES: &[Predicate] = &[
    predicate("awslc_api_atleast", 1, number, |args, _, facts| awslc_atleast(args, facts) == Some(true)),
    predicate("awslc_api_before", 1, number, |args, _, facts| awslc_atleast(args, facts) == Some(false)),
    predicate("defined", 1, anything, |args, env, _| env.value(first(args).as_bytes()).is_some()),
    predicate("feature", 1, anything, |args, _, facts| facts.features.contains(&first(args))),
    predicate("openssl_version_atleast", 1, openssl_version, |args, _, facts| {
        openssl_atleast(args, facts) == Some(true)
    }),
    predicate("openssl_version_before", 1, openssl_version, |args, _, facts| {
        openssl_atleast(args, facts) == Some(false)
    }),
    predicate("ssllib_name_startswith", 1, anything, |args, _, facts| facts.ssl_library.starts_with(first(args))),
    predicate("streq", 2, anything, |args, _, _| first(args) == second(args)),
    predicate("strneq", 2, anything, |args, _, _| first(args) != second(args)),
    predicate("strstr", 2, anything, |args, _, _| first(args).contains(second(args))),
    predicate("version_atleast", 1, anything, |args, _, facts| Version::of(facts.version) >= Version::of(first(args))),
    predicate("version_before", 1, anything, |args, _, facts| Version::of(facts.version) < Version::of(first(args))),
    predicate("enabled", 1, anything, |args, _, facts| facts.enabled.contains(&first(args))),
];
