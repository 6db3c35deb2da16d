//! `resolvers` sections (manual 5.3) and what servers want of them.

use std::net::SocketAddr;

use crate::base::addr::IpFamily;
use crate::base::ipnet::IpNet;

/// A section: name servers and how they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolvers {
    /// Name.
    pub name: String,
    /// All are asked at once.
    pub servers: Vec<NameServer>,
    /// `resolve_retries`: how often the question is sent before it counts as failed.
    pub retries: u32,
    /// `timeout resolve`: how long an answer lasts for servers.
    pub resolve_ms: u64,
    /// `timeout retry`: how long an answer is waited for.
    pub retry_ms: u64,
    /// `accepted_payload_size`: how long an answer over UDP may be.
    pub payload: u16,
    /// `hold`.
    pub hold: Hold,
}

/// How far back a valid answer outweighs an invalid one, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// For how long `do-resolve` uses an answer again.
    pub valid: u64,
    /// For how long what is not in an answer any more stays in use.
    pub obsolete: u64,
    /// There is no such name.
    pub nx: u64,
    /// No answer.
    pub timeout: u64,
    /// The server refuses.
    pub refused: u64,
    /// Anything else.
    pub other: u64,
}

/// One name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Name.
    pub name: String,
    /// Where it is.
    pub addr: SocketAddr,
    /// It is asked over TCP.
    pub stream: bool,
}

/// How a server's address is found at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// Index of the section.
    pub resolvers: usize,
    /// The host's name, or the service's where it begins with `_`; in lower case.
    pub name: String,
    /// What the configuration calls it, for messages.
    pub shown: String,
    /// `resolve-prefer`
    pub prefer: IpFamily,
    /// `resolve-net`
    pub nets: Vec<IpNet>,
    /// `resolve-opts allow-dup-ip`
    pub allow_duplicates: bool,
    /// `resolve-opts ignore-weight`
    pub ignore_weight: bool,
}

impl Resolve {
    /// The name is that of a service: its SRV records tell the hosts.
    pub fn is_service(&self) -> bool {
        self.name.starts_with('_')
    }
}

/// `dns-accept-family`: which kinds of addresses are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptFamilies {
    /// Both; what releases before 3.3 do.
    Both,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
    /// IPv4, and IPv6 where the system has a route for it.
    #[default]
    Auto,
}
