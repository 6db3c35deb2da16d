//! Whatever stands in environments, labels and answers: generation ends, and what it makes loads or is said to be wrong.

use hydroxy::discovery::docker::Container;
use hydroxy::discovery::{Addressing, Answers, DEFAULTS, Environment, Mode, Reason, SERVICE, UNSET, find, generate};
use serde_json::{Value, json};

use crate::load;

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// A few pieces in a row.
    fn text(&mut self) -> String {
        (0..self.below(5)).map(|_| self.one_of(PIECES)).collect()
    }
}

const PIECES: &[&str] = &[
    ",",
    "\\,",
    "\\",
    ":",
    "/",
    "//",
    "://",
    "*",
    ".",
    " ",
    "\n",
    "\t",
    "\"",
    "'",
    "{",
    "}",
    "$",
    "%",
    "#",
    "[",
    "]",
    "?",
    "(",
    "é",
    "\u{0}",
    "-",
    "_",
    "1",
    "80",
    "443",
    "65535",
    "99999999999999999999",
    "-1",
    "a.com",
    "https",
    "wss",
    "ssl",
    "True",
    "true",
    "source",
    "check",
    "insert",
    "haproxy",
    "p",
    "p_web",
    "web",
    "web_1",
    "tcp://10.0.0.1:80",
    "udp",
    "/ssl",
    "global",
    "backend x",
    "server a 1.1.1.1:80",
    "http-request deny",
    "option httplog",
    "acl a path /",
    "use_backend p_web if a",
    "reqadd X:\\ 1",
];

fn environment(random: &mut Random) -> Environment {
    let names: Vec<&str> = DEFAULTS.iter().map(|(name, _)| *name).chain(UNSET.iter().copied()).collect();
    let mut env = Environment::new();
    for _ in 0..random.below(8) {
        let mut name = random.one_of(&names).to_owned();
        if name.ends_with('_') {
            name.push_str(random.one_of(PIECES));
        }
        env.insert(name, random.text());
    }
    for _ in 0..random.below(3) {
        env.insert(format!("{}_PORT_{}_TCP", random.text(), random.one_of(PIECES)), format!("tcp://{}", random.text()));
        env.insert(format!("{}_ENV_{}", random.text(), random.one_of(SERVICE)), random.text());
    }
    env
}

fn container(random: &mut Random, number: usize) -> Container {
    let variables: Vec<String> =
        (0..random.below(8)).map(|_| format!("{}={}", random.one_of(SERVICE), random.text())).collect();
    let ports: serde_json::Map<String, Value> = (0..random.below(4))
        .map(|_| (format!("{}/tcp", random.one_of(&["80", "81", "9000", "x", ""])), json!({})))
        .collect();
    let links: Vec<String> = (0..random.below(3)).map(|_| format!("p_{}", random.text())).collect();
    let service = if number == 0 { "lb" } else { random.one_of(&["web", "api", "a_b", "x y", ""]) };
    let shown = json!({
        "Id": format!("{number}"),
        "Name": if random.below(4) == 0 { random.text() } else { format!("/p_{service}_{number}") },
        "State": {"Health": {"Status": random.one_of(&["starting", "healthy", ""])}},
        "Config": {
            "Env": variables,
            "ExposedPorts": ports,
            "Labels": {"com.docker.compose.project": "p", "com.docker.compose.service": service, random.one_of(PIECES): random.text()},
        },
        "NetworkSettings": {"Networks": {"n": {"IPAddress": random.one_of(&["10.0.0.1", "", "x"]), "Links": links}}},
    });
    serde_json::from_value(shown).unwrap()
}

#[test]
fn anything_ends_without_a_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let nothing = |_: &str| Ok(b"a b\n".to_vec());
    for round in 0..4000 {
        let env = environment(&mut random);
        let running: Vec<Container> = (0..1 + random.below(5)).map(|number| container(&mut random, number)).collect();
        let own = &running[0];
        let compose = Mode::Compose { project: "p".to_owned() };
        let answers = Answers::Containers { own, running: &running };
        for mode in [compose, Mode::Legacy(Reason::NoIdentity)] {
            let services = find(&mode, &env, answers).services;
            for addressing in [Addressing::Names, Addressing::Addresses] {
                let generated = generate(&env, &services, addressing, &nothing);
                assert_eq!(generated.text.lines().count(), generated.lines.len(), "{}", generated.text);
                if round % 20 == 0 {
                    let (salvaged, said) = load::run(&generated);
                    let told = salvaged.loaded.ir.is_some() || !said.is_empty();
                    assert!(told, "{}", generated.text);
                }
            }
        }
    }
}
