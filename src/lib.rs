//! hydroxy runs a `haproxy.cfg`: the map of its modules, lowest layer first.
//!
//! A module imports only from lower layers; `tests/layering.rs` is the law and `docs/architecture.md` the explanation.

// Layer 0
pub mod base;
// Layer 1
pub mod diag;
pub mod http;
pub mod pattern;
pub mod sys;
pub mod wire;
// Layer 2
pub mod config;
pub mod keyword;
pub mod state;
// Layers 3 to 5
pub mod expr;
pub mod ir;
pub mod rules;
// Layer 6
pub mod balance;
pub mod lower;
pub mod net;
// Layers 7 to 9
pub mod admin;
pub mod app;
pub mod discovery;
pub mod engine;
