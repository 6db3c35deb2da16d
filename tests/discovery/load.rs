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
