//! A case: what a scripted engine answers, and the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hydroxy::discovery::docker::Container;
use hydroxy::discovery::{Addressing, Answers, Environment, Found, Generated, Mode, Reason, find, generate};

pub struct Case {
    pub name: String,
    folder: PathBuf,
    pub env: Environment,
    pub running: Vec<Container>,
}

/// The proxy's own container in every case.
const OWN: &str = "c5b03c73a3f1";

#[derive(serde::Deserialize)]
struct Engine {
    containers: BTreeMap<String, Container>,
    running: Vec<String>,
}

/// `DISCOVERY_CASES=folder cargo test --test discovery the_text` compares other cases.
fn root() -> PathBuf {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/discovery/cases");
    std::env::var_os("DISCOVERY_CASES").map_or_else(|| PathBuf::from(ours), PathBuf::from)
}

pub fn all() -> Vec<Case> {
    let entries = std::fs::read_dir(root()).expect("the cases are there");
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(!names.is_empty());
    names.iter().map(|name| Case::named(name)).collect()
}

impl Case {
    pub fn named(name: &str) -> Case {
        let folder = root().join(name);
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap_or_else(|why| panic!("{name}/{file}: {why}"));
        let engine: Engine = serde_json::from_slice(&read("engine.json")).expect(name);
        let above: BTreeMap<String, Option<String>> = serde_json::from_slice(&read("env.json")).expect(name);
        let mut env = Environment::from([("HOSTNAME".to_owned(), OWN.to_owned())]);
        for (key, value) in above {
            match value {
                Some(value) => env.insert(key, value),
                None => env.remove(&key),
            };
        }
        let running = engine.running.iter().map(|id| engine.containers[id].clone()).collect();
        Case { name: name.to_owned(), folder, env, running }
    }

    pub fn original(&self) -> String {
        std::fs::read_to_string(self.folder.join("haproxy.cfg")).unwrap()
    }

    pub fn found(&self) -> Found {
        let own = match self.env.get("HOSTNAME") {
            None => Err(Reason::NoIdentity),
            Some(name) => Ok(self.running.iter().find(|container| container.id.starts_with(name.as_str())).unwrap()),
        };
        let answers = match own {
            Ok(own) => Answers::Containers { own, running: &self.running },
            Err(_) => Answers::None,
        };
        find(&Mode::decide(&self.env, own), &self.env, answers)
    }

    pub fn generate(&self, addressing: Addressing) -> Generated {
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        generate(&self.env, &self.found().services, addressing, &none)
    }
}
