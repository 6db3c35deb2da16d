//! The environment variables: those of the proxy with the values the original's image set, and those of linked services.

use std::collections::BTreeMap;

use super::service::{Environment, Replica};

/// The proxy's variables with a value of their own, as the image `dockercloud/haproxy` set them.
pub const DEFAULTS: &[(&str, &str)] = &[
    ("BALANCE", "roundrobin"),
    ("FORCE_DEFAULT_BACKEND", "True"),
    ("HAPROXY_GROUP", "haproxy"),
    ("HAPROXY_USER", "haproxy"),
    ("HEALTH_CHECK", "check inter 2000 rise 2 fall 3"),
    ("MAXCONN", "4096"),
    ("MODE", "http"),
    ("NBPROC", "1"),
    ("OPTION", "redispatch, httplog, dontlognull, forwardfor"),
    ("RSYSLOG_DESTINATION", "127.0.0.1"),
    ("SSL_BIND_CIPHERS", CIPHERS),
    ("SSL_BIND_OPTIONS", "no-sslv3"),
    ("STATS_AUTH", "stats:stats"),
    ("STATS_PORT", "1936"),
    ("TIMEOUT", "connect 5000, client 50000, server 50000"),
];

const CIPHERS: &str = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:\
ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA:AES128-GCM-SHA256:\
AES128-SHA256:AES128-SHA:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:DHE-DSS-AES128-SHA:DES-CBC3-SHA";

/// The proxy's variables that are unset by default. A name that ends in `_` is the beginning of one.
pub const UNSET: &[&str] = &[
    "ADDITIONAL_BACKEND_",
    "ADDITIONAL_BACKEND_FILE_",
    "ADDITIONAL_SERVICES",
    "CA_CERT",
    "CA_CERT_FILE",
    "CERT_FOLDER",
    "DEFAULT_SSL_CERT",
    "EXTRA_BIND_SETTINGS",
    "EXTRA_DEFAULT_SETTINGS",
    "EXTRA_DEFAULT_SETTINGS_FILE",
    "EXTRA_FRONTEND_SETTINGS_",
    "EXTRA_FRONTEND_SETTINGS_FILE_",
    "EXTRA_GLOBAL_SETTINGS",
    "EXTRA_GLOBAL_SETTINGS_FILE",
    "EXTRA_ROUTE_SETTINGS",
    "EXTRA_SSL_CERTS",
    "HTTP_BASIC_AUTH",
    "HTTP_BASIC_AUTH_SECURE",
    "MONITOR_PORT",
    "MONITOR_URI",
    "SKIP_FORWARDED_PROTO",
    "SSL_CERT",
];

/// The variables of linked services.
pub const SERVICE: &[&str] = &[
    "APPSESSION",
    "BALANCE",
    "COOKIE",
    "DEFAULT_SSL_CERT",
    "EXCLUDE_BASIC_AUTH",
    "EXCLUDE_PORTS",
    "EXTRA_ROUTE_SETTINGS",
    "EXTRA_SETTINGS",
    "FAILOVER",
    "FORCE_SSL",
    "GZIP_COMPRESSION_TYPE",
    "HEALTH_CHECK",
    "HSTS_MAX_AGE",
    "HTTP_CHECK",
    "OPTION",
    "SSL_CERT",
    "TCP_PORTS",
    "VIRTUAL_HOST",
    "VIRTUAL_HOST_WEIGHT",
];

/// The proxy's variables, with the image's values behind them.
#[derive(Clone, Copy)]
pub(super) struct Proxy<'a>(pub &'a Environment);

impl<'a> Proxy<'a> {
    /// The value, or the image's; an empty value stays empty.
    pub(super) fn value(self, name: &str) -> &'a str {
        let usual = DEFAULTS.iter().find(|(known, _)| *known == name).map_or("", |(_, usual)| *usual);
        self.0.get(name).map_or(usual, String::as_str)
    }

    /// The value, if it is not empty.
    pub(super) fn set(self, name: &str) -> Option<&'a str> {
        Some(self.value(name)).filter(|value| !value.is_empty())
    }
}

/// What a service's containers say: of each variable the first value that is not empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(BTreeMap<&'static str, String>);

impl Attributes {
    /// Names are matched whatever their case.
    pub(super) fn of(replicas: &[Replica]) -> Attributes {
        let mut found = BTreeMap::new();
        for (name, value) in replicas.iter().flat_map(|replica| &replica.env).filter(|(_, value)| !value.is_empty()) {
            if let Some(known) = SERVICE.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                found.entry(*known).or_insert_with(|| value.clone());
            }
        }
        Attributes(found)
    }

    /// The value, if there is one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
