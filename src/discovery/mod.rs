//! Container discovery: from the Docker Engine's answers and environment variables to a configuration, as the image
//! `dockercloud/haproxy` made it.
//!
//! Most of it is pure: JSON in, services and text out. `client` asks the engine, and `watch` follows it while the proxy runs.

mod change;
mod client;
mod compose;
mod debounce;
pub mod docker;
mod event;
mod found;
mod generate;
mod legacy;
mod list;
mod mode;
mod note;
mod order;
mod overlay;
mod own;
mod picture;
mod reach;
mod salvage;
mod service;
mod swarm;
mod text;
mod variables;
mod vhost;
mod watch;

pub use change::{difference, resting};
pub use client::{Engine, Fault, Place};
pub use found::{Answers, Found, find};
pub use generate::{Addressing, Generated, Placed, ReadFile, generate};
pub use mode::{Mode, Own, Reason};
pub use note::Note;
pub use overlay::Overlay;
pub use reach::{ask_patiently, has_links};
pub use salvage::{Refused, Salvaged, load};
pub use service::{Environment, Port, Readiness, Replica, Service};
pub use text::{Line, Origin};
pub use variables::{DEFAULTS, SERVICE, UNSET};
pub use watch::{Change, Say, Source, Watch};
