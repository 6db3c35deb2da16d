//! What is generated for container discovery against what the image `dockercloud/haproxy` 1.6.7 wrote for the same engine and
//! environment.
//!
//! `tests/discovery/cases/CASE/` holds the engine's answers (`engine.json`), the environment above the image's (`env.json`,
//! `null` for unset) and the original's file (`haproxy.cfg`).

#[path = "discovery/case.rs"]
mod case;
#[path = "discovery/difference.rs"]
mod difference;
#[path = "discovery/load.rs"]
mod load;
#[path = "discovery/random.rs"]
mod random;

use case::Case;
use hydroxy::discovery::{Addressing, DEFAULTS, SERVICE, UNSET};

/// Cases in which the original found no service although there is one; here it is found.
const FAULTS: &[&str] = &["hyphen", "nolinks"];

#[test]
fn the_text_is_the_originals_but_for_the_documented_differences() {
    let mut report = String::new();
    for case in case::all() {
        let ours = case.generate(Addressing::Names).text;
        let expected = if FAULTS.contains(&case.name.as_str()) { found(&case) } else { case.original() };
        let lines = difference::lines(&difference::modernised(&expected), &ours);
        if !lines.is_empty() {
            report.push_str(&format!("case {}: - expected, + generated\n{lines}", case.name));
        }
    }
    assert_eq!(report, "");
}

/// What the original writes for the same services under names that it understands.
fn found(case: &Case) -> String {
    let like = Case::named("ssl_default").original();
    let start = like.find("frontend default_port_80").unwrap();
    let end = like.find("frontend default_port_443").unwrap();
    let backend = &like[like.find("backend default_service\n  server").unwrap()..];
    let text = format!("{}\n{}{backend}", case.original(), &like[start..end]);
    if case.name == "hyphen" { text.replace("myproj_api_", "myproj-api-") } else { text }
}

#[test]
fn every_difference_is_on_record() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/discovery"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in case::all() {
            let names = case.generate(Addressing::Names).text;
            insta::assert_snapshot!(case.name.as_str(), difference::lines(&case.original(), &names));
        }
        // With addresses, as the running proxy has them, and nothing else is different.
        let case = Case::named("vhosts");
        let names = case.generate(Addressing::Names).text;
        let addresses = case.generate(Addressing::Addresses).text;
        insta::assert_snapshot!("addresses", difference::lines(&names, &addresses));
    });
}

#[test]
fn every_variable_has_its_place_in_the_manual() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/docker.md")).unwrap();
    let proxy = DEFAULTS.iter().map(|(name, _)| *name).chain(UNSET.iter().copied());
    for name in proxy.chain(SERVICE.iter().copied()) {
        let whole = if name.starts_with("ADDITIONAL_BACKEND_") { format!("{name}NAME") } else { format!("{name}PORT") };
        let written = if name.ends_with('_') { whole } else { name.to_owned() };
        assert!(page.contains(&format!("`{written}`")), "docs/docker.md has no row for '{written}'");
    }
    for (name, usual) in DEFAULTS.iter().filter(|(name, _)| !name.starts_with("SSL_BIND_CIPHERS")) {
        let row = page.lines().find(|line| line.starts_with("| ") && line.contains(&format!("`{name}`"))).unwrap();
        assert!(row.contains(usual), "docs/docker.md: the default of '{name}' is '{usual}'");
    }
}
