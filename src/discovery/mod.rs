//! Container discovery: from the Docker Engine's answers and environment variables to a configuration, as the image
//! `dockercloud/haproxy` made it.
//!
//! This half is pure: JSON in, services and text out.

pub mod docker;
mod found;
mod generate;
mod mode;
mod note;
mod service;

pub use found::{Answers, Found, find};
pub use generate::{Addressing, Generated, Origin, Placed, ReadFile, generate};
pub use mode::{Mode, Own, Reason};
pub use note::Note;
pub use service::{Environment, Port, Readiness, Replica, Service};
