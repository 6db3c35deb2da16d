//! What each fuzz target does with its input. cargo-fuzz runs a body with coverage guidance, `tests/fuzz.rs` runs it on
//! stable over the checked-in corpus and random variations of it.
//!
//! A new parser adds a file here, a line to `TARGETS`, `fuzz_targets/NAME.rs`, `[[bin]]` in `Cargo.toml`, `corpus/NAME/`.

pub mod config;
pub mod http1;
pub mod load;
pub mod pattern;
pub mod wire;

/// A body panics when what must hold does not.
pub type Body = fn(&[u8]);

/// Name and body of every target.
pub const TARGETS: &[(&str, Body)] = &[
    ("words", config::words),
    ("conditions", config::conditions),
    ("config", config::files),
    ("load", load::configuration),
    ("addresses", config::addresses),
    ("http1_request", http1::request),
    ("http1_response", http1::response),
    ("chunks", http1::chunks),
    ("proxy_header", wire::proxy_header),
    ("client_hello", wire::client_hello),
    ("regex", pattern::regex),
    ("patterns", pattern::patterns),
];

/// Runs the body of a target.
#[allow(dead_code, reason = "tests walk TARGETS instead")]
pub fn run(name: &str, data: &[u8]) {
    for (target, body) in TARGETS {
        if *target == name {
            body(data);
        }
    }
}
