//! Command line, load, signals, demo: what ties all modules together.

pub mod demo;
pub mod options;
pub mod version;
