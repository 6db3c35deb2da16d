//! The only unsafe code: socket options and calls that the standard library and `socket2` do not offer, inherited descriptors.
//!
//! Every function wraps one system call, checks its result and gives safe types back. It knows no configuration.

#![allow(unsafe_code)]

pub mod affinity;
pub mod datagram;
pub mod descriptors;
pub mod inherit;
pub mod poll;
pub mod process;
pub mod signals;
pub mod socket;
