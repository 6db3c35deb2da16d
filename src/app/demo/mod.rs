//! `hydroxy demo`: N small APIs and the proxy in front of them, in one process, from a real haproxy.cfg text.

pub mod api;
pub mod config;
pub mod iris;
