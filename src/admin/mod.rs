//! Runtime socket and stats page: what an operator sees of a running process.

pub mod cli;
pub mod descriptors;
pub mod socket;
pub mod stats;
