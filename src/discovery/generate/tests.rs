//! Generation from variables: what the golden cases of `tests/discovery.rs` do not cover.

use std::io;

use super::*;
use crate::discovery::service::{Port, Replica};

/// `key: port port; NAME=VALUE|NAME=VALUE`, with as many replicas as `count` says.
fn service(key: &str, count: usize, ports: &[u16], env: &[(&str, &str)]) -> Service {
    let replica = |n: usize| Replica {
        id: format!("id-{key}-{n}"),
        name: format!("{key}_{n}"),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ports: ports.iter().map(|&number| Port { number, udp: false }).collect(),
        host: format!("{key}_{n}"),
        address: Some(IpAddr::from([10, 0, 0, n as u8])),
        reachable: true,
        readiness: Readiness::Ready,
    };
    Service { key: key.to_owned(), replicas: (1..=count).map(replica).collect(), rank: 0 }
}

fn of(env: &[(&str, &str)], services: &[Service]) -> Generated {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let read = |path: &str| match path {
        "/lines" => Ok(b"one 1\n\n  two 2 \n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    generate(&env, services, Addressing::Names, &read)
}

/// The lines of a section without their indentation; `None` if there is no such section.
fn section(generated: &Generated, head: &str) -> Option<Vec<String>> {
    let mut lines = generated.text.lines().skip_while(|line| *line != head);
    lines.next()?;
    Some(lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect())
}

fn heads(generated: &Generated) -> Vec<&str> {
    generated.text.lines().filter(|line| !line.starts_with(' ')).collect()
}

/// What the section has that it would not have without `env`.
fn added(env: &[(&str, &str)], head: &str) -> Vec<String> {
    let web = [service("web", 1, &[80], &[])];
    let before = section(&of(&[], &web), head).unwrap();
    section(&of(env, &web), head).unwrap().into_iter().filter(|line| !before.contains(line)).collect()
}

fn backend(env: &[(&str, &str)]) -> Vec<String> {
    section(&of(&[], &[service("web", 1, &[80], env)]), "backend default_service").unwrap()
}

#[test]
fn variables_of_the_proxy_reach_global() {
    assert_eq!(added(&[("MAXCONN", "10")], "global"), ["maxconn 10"]);
    let destination = ["log logs:514 local0", "log logs:514 local1 notice"];
    assert_eq!(added(&[("RSYSLOG_DESTINATION", "logs:514")], "global"), destination);
    assert_eq!(added(&[("HAPROXY_USER", "me"), ("HAPROXY_GROUP", "us")], "global"), ["user me", "group us"]);
    let processes = ["nbproc 2", "stats bind-process 2", "cpu-map 1 0", "cpu-map 2 1"];
    assert_eq!(added(&[("NBPROC", "2")], "global"), processes);
    assert_eq!(added(&[("EXTRA_GLOBAL_SETTINGS", r"a 1,, b\,c ")], "global"), ["a 1", "b,c"]);
    assert_eq!(added(&[("EXTRA_GLOBAL_SETTINGS_FILE", "/lines")], "global"), ["one 1", "two 2"]);
    assert_eq!(added(&[("SSL_BIND_OPTIONS", "no-tlsv10")], "global"), ["ssl-default-bind-options no-tlsv10"]);
    let none = of(&[("SSL_BIND_OPTIONS", ""), ("SSL_BIND_CIPHERS", "")], &[]);
    assert!(!none.text.contains("ssl-default-bind"));
    let bad = of(&[("NBPROC", "many"), ("EXTRA_GLOBAL_SETTINGS_FILE", "/none")], &[]);
    assert_eq!(bad.notes.iter().filter(|note| note.error).count(), 2, "{:?}", bad.notes);
}

#[test]
fn variables_of_the_proxy_reach_defaults_and_statistics() {
    let env = [
        ("BALANCE", "source"),
        ("MODE", "tcp"),
        ("OPTION", "a, b"),
        ("TIMEOUT", "x 1"),
        ("EXTRA_DEFAULT_SETTINGS", "y"),
    ];
    let lines = ["balance source", "mode tcp", "option a", "option b", "timeout x 1", "y"];
    assert_eq!(added(&env, "defaults"), lines);
    assert_eq!(added(&[("EXTRA_DEFAULT_SETTINGS_FILE", "/lines")], "defaults"), ["one 1", "two 2"]);
    let env = [("STATS_PORT", "8000"), ("STATS_AUTH", "a:b"), ("EXTRA_BIND_SETTINGS", r"80:x, 8000: name a\,b ")];
    assert_eq!(added(&env, "listen stats"), ["bind :8000 name a,b", "stats auth a:b"]);
}

#[test]
fn basic_auth_makes_a_list_and_rules() {
    let web = [
        service("web", 1, &[80], &[]),
        service("open", 1, &[80], &[("EXCLUDE_BASIC_AUTH", "1"), ("VIRTUAL_HOST", "b")]),
    ];
    let env = [("HTTP_BASIC_AUTH", r"us\,er:p\,w, nobody, :x"), ("HTTP_BASIC_AUTH_SECURE", "u:$6$hash")];
    let made = of(&env, &web[..1]);
    let users = ["user us,er insecure-password p,w", "user  insecure-password x", "user u password $6$hash"];
    assert_eq!(section(&made, "userlist haproxy_userlist").unwrap(), users);
    let rules =
        ["acl need_auth http_auth(haproxy_userlist)", "http-request auth realm haproxy_basic_auth if !need_auth"];
    assert_eq!(section(&made, "backend default_service").unwrap()[..2], rules);
    let excluded = section(&of(&env, &web), "backend SERVICE_open").unwrap();
    assert_eq!(excluded, ["server open_1 open_1:80 check inter 2000 rise 2 fall 3"]);
    // Encrypted passwords alone make the list but no rule, as in the original.
    let secure = of(&env[1..], &web[..1]);
    assert!(section(&secure, "userlist haproxy_userlist").is_some());
    assert!(!secure.text.contains("need_auth"));
}

#[test]
fn variables_of_a_service_come_in_this_order() {
    let env = [
        ("Option", "a, b"),
        ("extra_settings", r"x 1\,2, y"),
        ("HSTS_MAX_AGE", "60"),
        ("GZIP_COMPRESSION_TYPE", "text/html text/css"),
        ("HTTP_CHECK", "OPTIONS *"),
        ("FORCE_SSL", "no"),
        ("BALANCE", "leastconn"),
        ("COOKIE", "SRV insert"),
        ("HEALTH_CHECK", "check"),
        ("EXTRA_ROUTE_SETTINGS", "send-proxy"),
        ("APPSESSION", "J len 52"),
    ];
    let lines = [
        "cookie SRV insert",
        "balance leastconn",
        "redirect scheme https code 301 if !{ ssl_fc }",
        "option httpchk OPTIONS *",
        "compression algo gzip",
        "compression type text/html text/css",
        r"http-response add-header Strict-Transport-Security max-age=60;\ includeSubDomains",
        "option a",
        "option b",
        "x 1,2",
        "y",
        "server web_1 web_1:80 cookie web_1 check send-proxy",
    ];
    assert_eq!(backend(&env), lines);
    let notes = of(&[], &[service("web", 1, &[80], &env)]).notes;
    assert!(notes.iter().any(|note| note.text.contains("APPSESSION of service 'web'")), "{notes:?}");
}

#[test]
fn the_first_value_that_is_not_empty_counts() {
    let mut web = service("web", 2, &[80], &[("BALANCE", "")]);
    web.replicas[1].env.push(("balance".to_owned(), "source".to_owned()));
    web.replicas[1].env.push(("BALANCE".to_owned(), "leastconn".to_owned()));
    assert_eq!(section(&of(&[], &[web]), "backend default_service").unwrap()[0], "balance source");
}

#[test]
fn proxy_wide_settings_of_servers_stand_behind_those_of_the_service() {
    let env = [("HEALTH_CHECK", ""), ("EXTRA_ROUTE_SETTINGS", "send-proxy")];
    let server = |services: &[Service]| section(&of(&env, services), "backend default_service").unwrap();
    assert_eq!(server(&[service("web", 1, &[80], &[])]), ["server web_1 web_1:80 send-proxy"]);
    let own = service("web", 1, &[80], &[("HEALTH_CHECK", "check"), ("EXTRA_ROUTE_SETTINGS", "weight 2")]);
    assert_eq!(server(&[own]), ["server web_1 web_1:80 check weight 2"]);
}

#[test]
fn servers_have_one_name_and_one_address_each() {
    let lines =
        section(&of(&[("HEALTH_CHECK", "")], &[service("web", 1, &[8080, 80, 80], &[])]), "backend default_service");
    assert_eq!(lines.unwrap(), ["server web_1 web_1:80", "server web_1_8080 web_1:8080"]);
    let excluded = service("web", 1, &[80, 3306, 8080], &[("EXCLUDE_PORTS", "3306, 8080")]);
    assert_eq!(of(&[], &[excluded]).servers.len(), 1);
    let many = of(&[], &[service("web", 12, &[80], &[])]);
    let names: Vec<&str> = many.servers.iter().map(|server| server.server.as_str()).collect();
    assert_eq!((names[1], names[9], names[11]), ("web_2", "web_10", "web_12"));
}

#[test]
fn containers_are_addressed_as_asked() {
    let env = Environment::new();
    let none = |_: &str| Err(io::ErrorKind::NotFound.into());
    let mut web = service("web", 3, &[80], &[]);
    web.replicas[0].address = Some("fd00::5".parse().unwrap());
    web.replicas[1].address = None;
    (web.replicas[2].address, web.replicas[2].reachable) = (None, false);
    let text = |addressing| generate(&env, std::slice::from_ref(&web), addressing, &none);
    let made = text(Addressing::Addresses);
    assert!(made.text.contains("server web_1 [fd00::5]:80 ") && made.text.contains("server web_2 web_2:80 "));
    assert!(!made.text.contains("web_3"), "it is in none of the proxy's networks");
    assert!(made.notes.iter().any(|note| note.error && note.text.contains("'web_3'")), "{:?}", made.notes);
    assert!(text(Addressing::Names).text.contains("server web_3 web_3:80 "));
}

#[test]
fn virtual_hosts_are_sorted_by_weight_and_counted_over_all() {
    let services = [
        service("wild", 1, &[80], &[("VIRTUAL_HOST", "*.a.com"), ("VIRTUAL_HOST_WEIGHT", "bad")]),
        service(
            "exact",
            1,
            &[80],
            &[("VIRTUAL_HOST", "http://www.a.com/p, https://www.a.com"), ("VIRTUAL_HOST_WEIGHT", " 2 ")],
        ),
    ];
    let made = of(&[], &services);
    let lines = [
        "bind :80",
        "http-request add-header X-Forwarded-Proto http",
        "maxconn 4096",
        "acl is_websocket hdr(Upgrade) -i WebSocket",
        "acl host_rule_1 hdr(host) -i www.a.com",
        "acl host_rule_1_port hdr(host) -i www.a.com:80",
        "acl path_rule_1 path -i /p",
        "use_backend SERVICE_exact if path_rule_1 host_rule_1 or path_rule_1 host_rule_1_port",
        r"acl host_rule_3 hdr_reg(host) -i ^.*\.a\.com$",
        r"acl host_rule_3_port hdr_reg(host) -i ^.*\.a\.com:80$",
        "use_backend SERVICE_wild if host_rule_3 or host_rule_3_port",
    ];
    assert_eq!(section(&made, "frontend port_80").unwrap(), lines);
    // Without a certificate the port is there, without TLS.
    assert_eq!(
        section(&made, "frontend port_443").unwrap()[..2],
        ["bind :443", "http-request add-header X-Forwarded-Proto http"]
    );
}

#[test]
fn frontends_take_what_is_said_about_their_port() {
    let web = [service("web", 1, &[80], &[("VIRTUAL_HOST", "https://a:442"), ("SSL_CERT", r"a\nb")])];
    let env = [
        ("EXTRA_BIND_SETTINGS", "442:accept-proxy"),
        ("MONITOR_URI", "/ping"),
        ("MONITOR_PORT", "442"),
        ("EXTRA_FRONTEND_SETTINGS_442", r"x 1, y\,2"),
        ("EXTRA_FRONTEND_SETTINGS_FILE_442", "/lines"),
        ("SKIP_FORWARDED_PROTO", "1"),
    ];
    let made = of(&env, &web);
    let start =
        ["bind :442 accept-proxy ssl crt /certs/", "maxconn 4096", "monitor-uri /ping", "x 1", "y,2", "one 1", "two 2"];
    assert_eq!(section(&made, "frontend port_442").unwrap()[..7], start);
    assert_eq!(section(&made, "frontend monitor"), None);
    assert_eq!(made.files["/certs/cert0.pem"], b"a\nb");
}

#[test]
fn a_default_backend_stands_beside_virtual_hosts() {
    let services = [
        service("web", 1, &[80], &[("VIRTUAL_HOST", "a")]),
        service("one", 1, &[81], &[]),
        service("two", 1, &[82], &[]),
    ];
    let made = of(&[("HEALTH_CHECK", "")], &services);
    assert_eq!(heads(&made)[3..], ["frontend port_80", "backend SERVICE_web", "backend default_service"]);
    assert_eq!(section(&made, "backend default_service").unwrap(), ["server two_1 two_1:82"]);
    let placed: Vec<&str> = made.servers.iter().map(|server| server.server.as_str()).collect();
    assert_eq!(placed, ["web_1", "two_1"]);
}

#[test]
fn settings_of_default_frontends_replace_the_pair() {
    let web = [service("web", 1, &[80], &[])];
    let made = of(&[("EXTRA_FRONTEND_SETTINGS_8080", "x"), ("DEFAULT_SSL_CERT", "c")], &web);
    assert_eq!(heads(&made)[3..], ["frontend default_port_8080", "backend default_service"]);
    let lines = ["bind :8080 ssl crt /certs/", "http-request add-header X-Forwarded-Proto https", "maxconn 4096", "x"];
    assert_eq!(section(&made, "frontend default_port_8080").unwrap()[..4], lines);
    // A file that cannot be read sets nothing.
    let unread = of(&[("EXTRA_FRONTEND_SETTINGS_FILE_8080", "/none")], &web);
    assert_eq!(heads(&unread)[3..], ["frontend default_port_80", "backend default_service"]);
    assert!(unread.notes.iter().any(|note| note.error));
    let made = of(&[("EXTRA_BIND_SETTINGS", "443:name s, 80:name p"), ("SSL_CERT", "c")], &web);
    assert_eq!(section(&made, "frontend default_port_80").unwrap()[0], "bind :80 name p");
    assert_eq!(section(&made, "frontend default_port_443").unwrap()[0], "bind :443 ssl crt /certs/ name s");
    let made = of(&[("FORCE_DEFAULT_BACKEND", "no")], &web);
    assert!(!made.text.contains("default_backend"));
}

#[test]
fn tcp_ports_are_shared_and_leave_the_rest_to_http() {
    let services = [
        service(
            "db",
            2,
            &[9000, 9001, 80],
            &[("TCP_PORTS", "9000, 9001/SSL, x"), ("OPTION", "a"), ("EXTRA_SETTINGS", "s")],
        ),
        service(
            "web",
            1,
            &[9000],
            &[("TCP_PORTS", "9000"), ("OPTION", "a, b"), ("BALANCE", "source"), ("HEALTH_CHECK", "check")],
        ),
    ];
    let made = of(&[("DEFAULT_SSL_CERT", "c")], &services);
    let lines = [
        "bind :9000",
        "mode tcp",
        "balance source",
        "option a",
        "option b",
        "s",
        "server db_1 db_1:9000 check inter 2000 rise 2 fall 3",
        "server db_2 db_2:9000 check inter 2000 rise 2 fall 3",
        "server web_1 web_1:9000 check",
    ];
    assert_eq!(section(&made, "listen port_9000").unwrap(), lines);
    assert_eq!(section(&made, "listen port_9001").unwrap()[0], "bind :9001 ssl crt /certs/");
    let servers = section(&made, "backend default_service").unwrap();
    assert_eq!(servers.iter().filter(|line| line.starts_with("server")).count(), 2);
    assert!(made.notes.iter().any(|note| note.text.contains("'x'")), "{:?}", made.notes);
    // A port of a TCP section gets no frontend of virtual hosts.
    let both = service("web", 1, &[80], &[("TCP_PORTS", "80"), ("VIRTUAL_HOST", "a")]);
    assert_eq!(section(&of(&[], &[both]), "frontend port_80"), None);
}

#[test]
fn services_of_one_virtual_host_are_one_backend() {
    let services = [
        service("blue", 1, &[80], &[("VIRTUAL_HOST", "a.com"), ("BALANCE", "source")]),
        service("spare", 1, &[80], &[("VIRTUAL_HOST", "a.com"), ("FAILOVER", "1"), ("BALANCE", "leastconn")]),
        service("other", 1, &[80], &[("VIRTUAL_HOST", "b.com")]),
    ];
    let made = of(&[("HEALTH_CHECK", "")], &services);
    let backends: Vec<&str> = heads(&made).into_iter().filter(|head| head.starts_with("backend")).collect();
    // The settings are those of the first; what is for failing over stays that.
    assert_eq!(backends, ["backend SERVICE_blue", "backend SERVICE_other"]);
    let lines = ["balance source", "server blue_1 blue_1:80", "server spare_1 spare_1:80 backup"];
    assert_eq!(section(&made, "backend SERVICE_blue").unwrap(), lines);
    assert_eq!(made.text.matches("use_backend").count(), 2);
    assert!(made.notes.iter().any(|note| note.text.contains("same VIRTUAL_HOST")));
}

#[test]
fn failover_needs_others_to_stand_in_for() {
    let spare = || service("spare", 1, &[80], &[("FAILOVER", "1")]);
    let servers =
        |services: &[Service]| section(&of(&[("HEALTH_CHECK", "")], services), "backend default_service").unwrap();
    assert_eq!(servers(&[spare()]), ["server spare_1 spare_1:80"]);
    let both = ["server main_1 main_1:80", "server spare_1 spare_1:80 backup"];
    assert_eq!(servers(&[spare(), service("main", 1, &[80], &[])]), both);
}

#[test]
fn certificates_are_numbered_by_rank() {
    let services = [
        service("a", 1, &[80], &[("SSL_CERT", "a"), ("DEFAULT_SSL_CERT", "da")]),
        service("b", 1, &[80], &[("SSL_CERT", "b")]),
    ];
    let env = [("SSL_CERT", "own"), ("EXTRA_SSL_CERTS", "ONE, TWO,,NONE"), ("ONE", "1"), ("TWO", "2")];
    let made = of(&env, &services);
    let files: Vec<(&str, &[u8])> = made.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let expected: [(&str, &[u8]); 6] = [
        ("/certs/cert0.pem", b"own"),
        ("/certs/cert1.pem", b"1"),
        ("/certs/cert2.pem", b"2"),
        ("/certs/cert3.pem", b"da"),
        ("/certs/cert4.pem", b"a"),
        ("/certs/cert5.pem", b"b"),
    ];
    assert_eq!(files, expected);
    assert_eq!(made.file_origins["/certs/cert5.pem"].to_string(), "SSL_CERT of service 'b'");
    assert!(made.notes.iter().any(|note| note.text.contains("'NONE'")));
    let folder = of(&[("CERT_FOLDER", "/mine"), ("CA_CERT", "x"), ("CA_CERT_FILE", "/ca.pem")], &services);
    assert!(
        folder.files.is_empty() && folder.text.contains("bind :443 ssl crt /mine ca-file /ca.pem verify required\n")
    );
    let alone = of(&[("CA_CERT", "x")], &services[2..]);
    assert!(!alone.text.contains(":443") && alone.notes.iter().any(|note| note.error));
}

#[test]
fn additional_backends_come_last() {
    let env =
        [("ADDITIONAL_BACKEND_Foo", r"balance source, server a 1.1.1.1:80"), ("ADDITIONAL_BACKEND_FILE_Bar", "/lines")];
    let made = of(&[&env[..], &[("ADDITIONAL_BACKEND_", "x"), ("ADDITIONAL_BACKEND_a b", "x")]].concat(), &[]);
    assert_eq!(heads(&made)[3..].len(), 2, "{}", made.text);
    assert_eq!(section(&made, "backend Foo").unwrap(), ["balance source", "server a 1.1.1.1:80"]);
    assert_eq!(section(&made, "backend Bar").unwrap(), ["one 1", "two 2"]);
}

#[test]
fn each_line_knows_its_variable() {
    let made = of(&[("EXTRA_GLOBAL_SETTINGS", "first\n second")], &[service("web", 1, &[80], &[("BALANCE", "x")])]);
    assert_eq!(made.text.lines().count(), made.lines.len());
    let origin = |text: &str| {
        let line = made.lines.iter().find(|line| line.text.trim() == text).unwrap();
        line.origin.as_ref().map(ToString::to_string)
    };
    assert_eq!(origin("balance x").as_deref(), Some("BALANCE of service 'web'"));
    assert_eq!(origin("second").as_deref(), Some("EXTRA_GLOBAL_SETTINGS of the proxy"));
    assert_eq!(origin("log global"), None);
}
