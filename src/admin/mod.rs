//! Runtime socket, stats page and metrics: what an operator sees of a running process.

pub mod cli;
pub mod descriptors;
pub mod metrics;
pub mod socket;
pub mod stats;
