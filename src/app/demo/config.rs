//! The demonstration's haproxy.cfg as text; `haproxy-examples/demo.cfg` is the one with the default ports.

use std::fmt::Write;

/// The ports the demonstration uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// HTTP.
    pub http: u16,
    /// HTTPS.
    pub https: u16,
    /// Statistics.
    pub stats: u16,
    /// One per replica, on 127.0.0.1.
    pub api: Vec<u16>,
}

/// The file name of the certificate in the text.
pub const CERTIFICATE: &str = "demo.pem";

/// The configuration; nothing in it is special to hydroxy.
pub fn text(ports: &Ports) -> String {
    let mut servers = String::new();
    for (at, port) in ports.api.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(servers, "    server api-{} 127.0.0.1:{port} check inter 1s fall 2 rise 1", at + 1);
    }
    let Ports { http, https, stats, .. } = ports;
    format!(
        "\
# hydroxy demo: {count} replicas of an API behind HTTP, HTTPS and a statistics page.
global
    maxconn 4000
    log stdout format raw local0

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option forwardfor
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s

frontend web
    bind *:{http}
    bind *:{https} ssl crt {CERTIFICATE}
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    default_backend api

backend api
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
{servers}
listen stats
    bind *:{stats}
    option dontlog-normal
    stats enable
    stats uri /
    stats refresh 5s
    stats show-legends
",
        count = ports.api.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_configuration_of_the_default_ports() {
        let ports = Ports { http: 80, https: 443, stats: 1936, api: (18081..=18087).collect() };
        assert_eq!(text(&ports), include_str!("../../../haproxy-examples/demo.cfg"));
    }
}
