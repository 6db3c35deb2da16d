//! What HAProxy 2.8 was seen to accept and to refuse, and the prefixes that 3.4 adds.

use super::*;

fn env(name: &str) -> Option<String> {
    (name == "A").then(|| "1.2.3.4".to_owned())
}

fn bind(text: &str) -> String {
    show(Accepts::BIND.parse(text, env))
}

fn server(text: &str) -> String {
    show(Accepts::SERVER.parse(text, env))
}

fn log(text: &str) -> String {
    show(Accepts::LOG.parse(text, env))
}

/// `host ports transport`, or the error.
fn show(parsed: Result<Address, AddressError>) -> String {
    let Address { host, ports, transport } = match parsed {
        Ok(address) => address,
        Err(error) => return error.to_string(),
    };
    let host = match host {
        Host::Ip(ip) => ip.to_string(),
        other => format!("{other:?}"),
    };
    let ports = match ports {
        Ports::None => String::new(),
        Ports::One(port) => format!(" {port}"),
        Ports::Range(first, last) => format!(" {first}-{last}"),
        Ports::Offset(offset) => format!(" {offset:+}"),
    };
    let transport = if transport == Transport::Default { String::new() } else { format!(" {transport:?}") };
    format!("{host}{ports}{transport}")
}

#[test]
fn bind_addresses() {
    for (text, expected) in [
        (":80", "0.0.0.0 80"),
        ("*:80", "0.0.0.0 80"),
        (":080", "0.0.0.0 80"),
        (":::80", ":: 80"),
        ("::1:80", "::1 80"),
        ("[::1]:80", "::1 80"),
        ("[::]:80", ":: 80"),
        ("::ffff:1.2.3.4:80", "::ffff:1.2.3.4 80"),
        ("[1.2.3.4]:80", "1.2.3.4 80"),
        (":80-82", "0.0.0.0 80-82"),
        ("ipv4@:80", "0.0.0.0 80"),
        ("ipv4@*:80", "0.0.0.0 80"),
        ("ipv6@:80", ":: 80"),
        ("ipv6@*:80", ":: 80"),
        ("ipv6@::1:80", "::1 80"),
        ("ipv6@[::]:80-82", ":: 80-82"),
        ("ip@:80", "0.0.0.0 80"),
        ("tcp6@:80", ":: 80 Stream"),
        ("stream+ipv4@:80", "0.0.0.0 80 Stream"),
        ("stream+:80", "0.0.0.0 80 Stream"),
        ("quic4@:443", "0.0.0.0 443 Quic"),
        ("quic+ipv6@:443", ":: 443 Quic"),
        ("mptcp@:80", "0.0.0.0 80 Mptcp"),
        ("localhost:80", "Name { name: \"localhost\", family: None } 80"),
        ("ipv6@localhost:80", "Name { name: \"localhost\", family: Some(V6) } 80"),
        ("/tmp/x:80", "Unix(\"/tmp/x:80\")"),
        ("unix@x", "Unix(\"x\")"),
        ("uxst@/tmp/x", "Unix(\"/tmp/x\") Stream"),
        ("abns@x", "Abstract { name: \"x\", zero_terminated: false }"),
        ("abnsz@x", "Abstract { name: \"x\", zero_terminated: true }"),
        ("fd@3", "Fd(3)"),
        ("sockpair@3", "SocketPair(3)"),
        ("rhttp@back/srv", "ReverseHttp(\"back/srv\")"),
    ] {
        assert_eq!(bind(text), expected, "{text}");
    }
}

#[test]
fn bind_refuses_in_haproxys_words() {
    for (text, expected) in [
        (":", "missing port specification in ':'"),
        ("*", "missing port specification in '*'"),
        ("1.2.3.4", "missing port specification in '1.2.3.4'"),
        ("[::1]", "missing port specification in '[::1]'"),
        ("stdout", "a log target is not acceptable here in 'stdout'"),
        (":0", "invalid port '0'"),
        (":65536", "invalid port '65536'"),
        (":99999", "invalid port '99999'"),
        (":80-", "invalid port ''"),
        (":82-80", "invalid port range '82-80'"),
        (":+80", "port offset not permitted here in ':+80'"),
        ("1.2.3.4:x", "invalid character 'x' in port number 'x' in '1.2.3.4:x'"),
        ("::1", "invalid address: ':' in '::1'"),
        ("1.2.3.256:80", "invalid address: '1.2.3.256' in '1.2.3.256:80'"),
        ("1.2.3.4:80:90", "invalid address: '1.2.3.4:80' in '1.2.3.4:80:90'"),
        ("[::1:80", "invalid address: '[::1' in '[::1:80'"),
        ("[]:80", "invalid address: '[]' in '[]:80'"),
        ("ipv4@::1:80", "invalid address: '::1' in 'ipv4@::1:80'"),
        ("ipv6@1.2.3.4:80", "invalid address: '1.2.3.4' in 'ipv6@1.2.3.4:80'"),
        ("foo@:80", "invalid address: 'foo@' in 'foo@:80'"),
        ("TCP@:80", "invalid address: 'TCP@' in 'TCP@:80'"),
        ("udp@:80", "dgram-type address not acceptable in 'udp@:80'"),
        ("uxdg@/tmp/x", "dgram-type address not acceptable in 'uxdg@/tmp/x'"),
        ("fd@x", "file descriptor 'x' is not a valid integer in 'fd@x'"),
        ("fd@-1", "file descriptor '-1' is not a valid integer in 'fd@-1'"),
        ("fd@", "file descriptor '' is not a valid integer in 'fd@'"),
    ] {
        assert_eq!(bind(text), expected, "{text}");
    }
}

#[test]
fn server_addresses() {
    for (text, expected) in [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4:", "1.2.3.4"),
        ("1.2.3.4:0", "1.2.3.4 0"),
        (":80", "0.0.0.0 80"),
        ("*", "0.0.0.0"),
        ("1.2.3.4:+80", "1.2.3.4 +80"),
        ("1.2.3.4:-80", "1.2.3.4 -80"),
        ("[::1]", "::1"),
        ("web_1.local:80", "Name { name: \"web_1.local\", family: None } 80"),
        ("unix@x", "Unix(\"x\")"),
        ("1.2.3.4:80-82", "port range not permitted here in '1.2.3.4:80-82'"),
        ("fd@3", "a file descriptor is not acceptable here in 'fd@3'"),
        ("udp@1.2.3.4:80", "dgram-type address not acceptable in 'udp@1.2.3.4:80'"),
    ] {
        assert_eq!(server(text), expected, "{text}");
    }
}

#[test]
fn log_targets() {
    for (text, expected) in [
        ("1.2.3.4:514", "1.2.3.4 514"),
        ("/dev/log", "Unix(\"/dev/log\")"),
        ("stdout", "Stdout"),
        ("stderr", "Stderr"),
        ("fd@1", "Fd(1)"),
        ("ring@x", "Ring(\"x\")"),
        ("backend@x", "LogBackend(\"x\")"),
        ("tcp@1.2.3.4:514", "1.2.3.4 514 Stream"),
        ("1.2.3.4:1-2", "port range not permitted here in '1.2.3.4:1-2'"),
    ] {
        assert_eq!(log(text), expected, "{text}");
    }
    assert_eq!(show(Accepts::NAMESERVER.parse("1.2.3.4", env)), "missing port specification in '1.2.3.4'");
    assert_eq!(show(Accepts::SOURCE.parse("1.2.3.4:80-90", env)), "1.2.3.4 80-90");
}

#[test]
fn variables_may_stand_in_addresses() {
    for (text, expected) in [
        ("${A}:80", "1.2.3.4 80"),
        ("$A:80", "1.2.3.4 80"),
        ("${Q}:80", "0.0.0.0 80"),
        ("${A-9}:80", "invalid address: '1.2.3.4-9}' in '1.2.3.4-9}:80'"),
        ("${Q}", "'${Q}' resolves to an empty address (environment variable missing?)"),
        ("unix@/run/${A}/x", "Unix(\"/run/1.2.3.4/x\")"),
    ] {
        assert_eq!(bind(text), expected, "{text}");
    }
}

#[test]
fn lists_and_ranges_give_sockets() {
    let all = Accepts::BIND.parse_list(":80-81,[::1]:90,", env).unwrap();
    let all: Vec<_> = all.iter().flat_map(Address::sockets).map(|socket| socket.to_string()).collect();
    assert_eq!(all, ["0.0.0.0:80", "0.0.0.0:81", "[::1]:90"]);
    assert_eq!(
        show(Accepts::BIND.parse_list(",:81", env).map(|mut all| all.remove(0))),
        "'' resolves to an empty address (environment variable missing?)"
    );
}
