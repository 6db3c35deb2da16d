//! Container discovery: from the Docker Engine's answers and environment variables to a configuration, as the image
//! `dockercloud/haproxy` made it.
//!
//! Most of it is pure: JSON in, services and text out. `client` asks the engine, and `watch` follows it while the proxy runs.

mod change;
mod client;
mod debounce;
pub mod docker;
mod event;
mod found;
mod generate;
mod mode;
mod note;
pub mod own;
mod picture;
mod service;
mod watch;

pub use change::{difference, resting};
pub use client::{Engine, Fault, Place};
pub use found::{Answers, Found, find};
pub use generate::{Addressing, Generated, Origin, Placed, ReadFile, generate};
pub use mode::{Mode, Own, Reason};
pub use note::Note;
pub use service::{Environment, Port, Readiness, Replica, Service};
pub use watch::{Change, Say, Source, Watch};
