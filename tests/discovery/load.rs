//! Every generated text loads.

use std::cell::RefCell;
use std::net::IpAddr;

use hydroxy::config::{Env, Facts, Input};
use hydroxy::discovery::{Addressing, Generated, Salvaged, load};
use hydroxy::lower::{self, Compat, Files, LoadInput, Loaded, Memory, Overrides};

use crate::case;

const FACTS: Facts<'static> = Facts {
    version: "3.4.0",
    features: &["OPENSSL"],
    openssl_version: Some("1.1.1"),
    ssl_library: "AWS-LC 1.40.0",
    awslc_api: Some(35),
    enabled: &["EPOLL"],
};

/// Memory in which every host name resolves.
struct World(Memory);

impl Files for World {
    fn read(&self, path: &str) -> std::io::Result<Vec<u8>> {
        self.0.read(path)
    }
    fn list_dir(&self, path: &str) -> std::io::Result<Vec<String>> {
        self.0.list_dir(path)
    }
    fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from([127, 0, 0, 1])])
    }
    fn hostname(&self) -> String {
        self.0.hostname()
    }
}

fn world() -> World {
    let pem = pem();
    World(
        Memory::default()
            .with("/etc/passwd", "haproxy:x:99:99::/:/bin/false\n")
            .with("/etc/group", "haproxy:x:99:\n")
            .with("/mycerts/a.pem", pem.clone())
            .with("/ca/ca.pem", pem),
    )
}

/// A certificate with its key.
pub fn pem() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["a.com".to_owned()]).unwrap().self_signed(&key).unwrap();
    format!("{}{}", key.serialize_pem(), certificate.pem())
}

pub fn run(generated: &Generated) -> (Salvaged, String) {
    let warnings = RefCell::new(String::new());
    let how = |inputs: Vec<Input>, files: &dyn Files| -> Loaded {
        let env = Env::new();
        let overrides = Overrides::default();
        let loaded = lower::load(LoadInput { inputs, env, facts: FACTS, compat: Compat::default(), overrides, files });
        *warnings.borrow_mut() =
            loaded.diags.iter().map(|found| format!("{:?} {}\n", found.severity, found.message)).collect();
        loaded
    };
    let salvaged = load(generated, "docker", &world(), &how);
    (salvaged, warnings.into_inner())
}

#[test]
fn every_case_loads() {
    for case in case::all() {
        for addressing in [Addressing::Names, Addressing::Addresses] {
            let mut generated = case.generate(addressing);
            for file in generated.files.values_mut() {
                *file = pem().into_bytes();
            }
            let (salvaged, said) = run(&generated);
            assert!(salvaged.loaded.ir.is_some(), "case {}: {said}", case.name);
            // The original took the line, and HAProxy refused it: a server has no name there.
            let what: Vec<&str> = salvaged.refused.iter().map(|refused| refused.what.as_str()).collect();
            let expected: &[&str] = if case.name == "nodefbe" { &["server 127.0.0.1:8080"] } else { &[] };
            assert_eq!(what, expected, "case {}", case.name);
            println!("{}: {said}", case.name);
        }
    }
}

/// The texts of two services, one with `env`.
fn two(env: &[(&str, &str)], own: &[(&str, &str)]) -> Generated {
    let mut case = case::Case::named("twoplain");
    for (name, value) in own {
        case.env.insert((*name).to_owned(), (*value).to_owned());
    }
    for container in &mut case.running {
        let service = container.label("com.docker.compose.service").unwrap_or_default().to_owned();
        if service == "web" || service == "api" {
            container.config.env.push(format!("VIRTUAL_HOST={service}.com, https://{service}.com"));
        }
        if service == "web" {
            container.config.env.extend(env.iter().map(|(name, value)| format!("{name}={value}")));
        }
    }
    case.generate(Addressing::Addresses)
}

fn refused(generated: &Generated) -> (Salvaged, Vec<String>) {
    let (salvaged, said) = run(generated);
    assert!(salvaged.loaded.ir.is_some(), "{said}\n{}", salvaged.text);
    let texts = salvaged.refused.iter().map(ToString::to_string).collect();
    (salvaged, texts)
}

#[test]
fn a_refused_line_names_variable_and_service_and_leaves_the_others_alone() {
    let (salvaged, texts) =
        refused(&two(&[("EXTRA_SETTINGS", "no-such-word 1, timeout server 9s"), ("BALANCE", "nonsense")], &[]));
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("BALANCE of service 'myproj_web': 'balance nonsense' is refused: "), "{texts:?}");
    assert!(texts[1].starts_with("EXTRA_SETTINGS of service 'myproj_web': 'no-such-word 1' is refused: "), "{texts:?}");
    assert!(texts[1].ends_with("; it is left out"), "{texts:?}");
    assert!(salvaged.text.contains("  timeout server 9s\n"));
    assert_eq!(salvaged.text.matches("  server ").count(), 4);
}

#[test]
fn servers_and_listeners_do_without_what_was_added_to_them() {
    let (salvaged, texts) =
        refused(&two(&[("EXTRA_ROUTE_SETTINGS", "no-such"), ("HEALTH_CHECK", "check nonsense")], &[]));
    // Two servers, each without one variable after the other.
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(salvaged.text.contains("  server myproj_web_2 172.18.0.4:80\n"), "{}", salvaged.text);
    assert!(salvaged.text.contains("  server myproj_api_1 172.18.0.5:8080 check inter 2000 rise 2 fall 3\n"));
    let (salvaged, texts) = refused(&two(&[], &[("EXTRA_BIND_SETTINGS", "80:nonsense")]));
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("EXTRA_BIND_SETTINGS of the proxy: 'bind :80 nonsense' is refused"), "{texts:?}");
    assert!(salvaged.text.contains("frontend port_80\n  bind :80\n"));
}

#[test]
fn a_rule_that_guards_closes_its_service_where_it_is_refused() {
    let (salvaged, texts) = refused(&two(&[("EXTRA_SETTINGS", "http-request deny if { no_such_fetch }")], &[]));
    assert!(texts[0].ends_with("; 'http-request deny' runs instead"), "{texts:?}");
    assert!(salvaged.text.contains("backend SERVICE_myproj_web\n  http-request deny\n"), "{}", salvaged.text);
}

#[test]
fn a_certificate_that_is_none_leaves_the_others() {
    let good = pem();
    let mut generated = two(&[("SSL_CERT", "nonsense")], &[("DEFAULT_SSL_CERT", &good)]);
    assert_eq!(generated.files.len(), 2);
    let (salvaged, texts) = refused(&generated);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("SSL_CERT of service 'myproj_web': '/certs/cert1.pem' is refused"), "{texts:?}");
    assert_eq!(salvaged.files.len(), 1);
    // With none left nothing can listen with TLS; the rest does.
    generated.files.insert("/certs/cert0.pem".to_owned(), b"nonsense".to_vec());
    let (salvaged, texts) = refused(&generated);
    assert!(salvaged.files.is_empty() && texts.len() == 3, "{texts:?}");
    assert!(salvaged.text.contains("  bind :80\n") && !salvaged.text.contains("  bind :443"));
}

#[test]
fn old_words_run_with_a_warning() {
    let extra = r"reqirep ^Host:\ www\.(.*) Host:\ \1, rspidel ^Server:.*, rspadd X-A:\ 1";
    let own = [
        ("NBPROC", "2"),
        ("EXTRA_GLOBAL_SETTINGS", "nbproc 4"),
        ("EXTRA_FRONTEND_SETTINGS_80", r"reqadd X-B:\ 2, bind-process 1"),
    ];
    let generated = two(&[("EXTRA_SETTINGS", extra)], &own);
    let (salvaged, said) = run(&generated);
    assert_eq!(salvaged.refused, []);
    for word in ["reqirep", "rspidel", "rspadd", "reqadd", "nbproc", "bind-process"] {
        assert!(said.contains(&format!("Warning '{word}'")), "{word}: {said}");
    }
}

#[test]
fn what_no_user_wrote_is_not_left_out() {
    let mut generated = two(&[], &[]);
    let line = generated.lines.iter_mut().find(|line| line.text == "  log global").unwrap();
    line.text = "  nonsense".to_owned();
    let (salvaged, _) = run(&generated);
    assert!(salvaged.loaded.ir.is_none() && salvaged.refused.is_empty());
}

/// HAProxy itself takes the text too, where it is installed. Port 80 need not be free: `-c` binds nothing.
#[test]
fn haproxy_takes_every_case() {
    if std::process::Command::new("haproxy").arg("-v").output().is_err() {
        eprintln!("SKIPPED: haproxy is not installed");
        return;
    }
    let folder = std::env::temp_dir().join(format!("hydroxy-discovery-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    std::fs::write(path("a.pem"), pem()).unwrap();
    // What the file names elsewhere, and what was refused in the original's days already.
    let here = |text: String| {
        text.replace("/cacerts/cert0.pem", &path("a.pem"))
            .replace("/ca/ca.pem", &path("a.pem"))
            .replace("crt /certs/", &format!("crt {}", path("a.pem")))
            .replace("crt /mycerts/", &format!("crt {}", path("a.pem")))
            .replace("  server 127.0.0.1:8080\n", "")
    };
    for case in case::all() {
        std::fs::write(path("haproxy.cfg"), here(case.generate(Addressing::Addresses).text)).unwrap();
        let output = std::process::Command::new("haproxy").args(["-c", "-f", &path("haproxy.cfg")]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "case {}: {said}", case.name);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// The values that the original's README suggests for each variable.
#[test]
fn suggested_values_are_taken() {
    let good = pem();
    let web = [
        ("BALANCE", "leastconn"),
        ("COOKIE", "SRV insert indirect nocache"),
        ("EXTRA_ROUTE_SETTINGS", "send-proxy"),
        ("EXTRA_SETTINGS", "balance source"),
        ("FORCE_SSL", "yes"),
        ("GZIP_COMPRESSION_TYPE", "text/html text/plain text/css application/javascript"),
        ("HEALTH_CHECK", "check inter 2000 rise 2 fall 3"),
        ("HSTS_MAX_AGE", "31536000"),
        ("HTTP_CHECK", r"OPTIONS * HTTP/1.1\r\nHost:\ www"),
        ("OPTION", "http-server-close, httpclose"),
        ("SSL_CERT", good.as_str()),
        ("TCP_PORTS", "9000, 9001, 2222/ssl"),
        ("VIRTUAL_HOST_WEIGHT", "5"),
    ];
    let own = [
        ("CA_CERT", good.as_str()),
        ("DEFAULT_SSL_CERT", good.as_str()),
        ("EXTRA_BIND_SETTINGS", "443:accept-proxy, 80:name http"),
        ("EXTRA_DEFAULT_SETTINGS", "timeout http-request 5s, retries 2"),
        ("EXTRA_FRONTEND_SETTINGS_80", r"maxconn 2000, acl a path_beg /x\,y, http-request deny if a"),
        ("EXTRA_GLOBAL_SETTINGS", "tune.ssl.cachesize 20000, tune.ssl.default-dh-param 2048"),
        ("HTTP_BASIC_AUTH", "user:pass"),
        ("HTTP_BASIC_AUTH_SECURE", "other:$6$k6y3o.eP$JlKBx9za9667qe4(...)xHSwRv6J.C0/D7cV91"),
        ("MONITOR_PORT", "80"),
        ("MONITOR_URI", "/ping"),
        ("NBPROC", "4"),
    ];
    let (salvaged, said) = run(&two(&web, &own));
    let refused: Vec<String> = salvaged.refused.iter().map(ToString::to_string).collect();
    assert!(salvaged.loaded.ir.is_some(), "{said}\n{}", salvaged.text);
    assert_eq!(refused, [""; 0], "{said}");
}
