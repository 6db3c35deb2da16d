//! Addresses as `bind`, `server`, `log`, `nameserver`, `source` and others write them (manual 2.9). Names are kept as names:
//! nothing is resolved and no descriptor is looked at here.

mod error;
mod parse;

pub use error::AddressError;

use std::net::{IpAddr, SocketAddr};

/// What an address text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: Host,
    pub ports: Ports,
    pub transport: Transport,
}

/// Who or what is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An IP address. Nothing at all and `*` read as `0.0.0.0`, or as `::` behind an IPv6 prefix.
    Ip(IpAddr),
    /// A name to resolve later, to the family if one was asked for.
    Name {
        name: String,
        family: Option<IpFamily>,
    },
    /// A UNIX socket's path.
    Unix(String),
    /// A name in the abstract namespace; `abnsz@` ends it with a zero byte, `abns@` fills it up with zero bytes.
    Abstract {
        name: String,
        zero_terminated: bool,
    },
    /// An inherited file descriptor (`fd@`).
    Fd(i32),
    /// A descriptor that hands connections over (`sockpair@`).
    SocketPair(i32),
    /// A reverse HTTP listener or server: `rhttp@backend/server` (`rhttp@` on a server).
    ReverseHttp(String),
    /// A ring buffer as log target (`ring@`).
    Ring(String),
    /// A backend in `mode log` as log target (`backend@`).
    LogBackend(String),
    /// `stdout` and `stderr` as log targets.
    Stdout,
    Stderr,
}

/// A kind of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpFamily {
    V4,
    V6,
}

impl IpFamily {
    /// Whether the address is of this kind.
    pub fn fits(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == (self == IpFamily::V4)
    }
}

/// The port part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// None is written, or nothing behind the colon.
    None,
    One(u16),
    /// First and last port of a range, both included.
    Range(u16, u16),
    /// Relative to the port the client connected to (`:+1`, `:-1`).
    Offset(i32),
}

/// What kind of socket the prefix forces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The statement's own.
    Default,
    /// TCP, or a UNIX stream socket.
    Stream,
    /// UDP, or a UNIX datagram socket.
    Datagram,
    /// Streams over datagrams.
    Quic,
    /// TCP over several paths.
    Mptcp,
}

/// What a statement accepts; everything else is refused in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepts {
    /// A port (or a range) must be there, and it must not be 0.
    pub port_required: bool,
    pub port: bool,
    pub port_range: bool,
    pub port_offset: bool,
    /// Without a transport prefix the address is a datagram's.
    pub datagram_default: bool,
    pub stream: bool,
    pub datagram: bool,
    /// `fd@`.
    pub descriptor: bool,
    /// A host name.
    pub name: bool,
    /// `stdout`, `stderr`, `ring@`, `backend@`.
    pub log_target: bool,
}

impl Accepts {
    /// The addresses of a `bind` line, and the 1.x form on the line of a section.
    pub const BIND: Accepts = Accepts {
        port_required: true,
        port_range: true,
        stream: true,
        descriptor: true,
        port: true,
        name: true,
        port_offset: false,
        datagram_default: false,
        datagram: false,
        log_target: false,
    };
    /// `dgram-bind`.
    pub const DATAGRAM_BIND: Accepts =
        Accepts { stream: false, datagram: true, datagram_default: true, ..Accepts::BIND };
    /// `server` and `peer` lines.
    pub const SERVER: Accepts =
        Accepts { port_required: false, port_range: false, port_offset: true, descriptor: false, ..Accepts::BIND };
    /// `addr` of a server, addresses of health checks: no offsets, since there is no client.
    pub const CHECK: Accepts = Accepts { port_offset: false, ..Accepts::SERVER };
    /// `source`: where connections come from.
    pub const SOURCE: Accepts = Accepts { port_range: true, ..Accepts::CHECK };
    /// `log` lines.
    pub const LOG: Accepts = Accepts {
        port_required: false,
        port_range: false,
        stream: true,
        datagram: true,
        datagram_default: true,
        log_target: true,
        ..Accepts::BIND
    };
    /// `nameserver` of a `resolvers` section.
    pub const NAMESERVER: Accepts =
        Accepts { port_range: false, datagram: true, datagram_default: true, descriptor: false, ..Accepts::BIND };

    /// Reads one address. `env` answers for variables: they may stand unquoted in addresses (manual 2.3), so that the
    /// tokenizer leaves them alone.
    pub fn parse(&self, text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Address, AddressError> {
        parse::address(self, text, env)
    }

    /// Reads a comma-separated list, as `bind` takes it. A comma at the end is harmless.
    pub fn parse_list(&self, text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Vec<Address>, AddressError> {
        let text = text.strip_suffix(',').unwrap_or(text);
        text.split(',').map(|one| self.parse(one, &env)).collect()
    }
}

impl Address {
    /// Every socket address of it, in order of the ports; nothing for a host that is no IP address. A missing port is 0.
    pub fn sockets(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let ip = match &self.host {
            Host::Ip(ip) => Some(*ip),
            _ => None,
        };
        let (first, last) = self.ports.range();
        ip.into_iter().flat_map(move |ip| (first..=last).map(move |port| SocketAddr::new(ip, port)))
    }
}

impl Ports {
    /// First and last port; 0 to 0 where none is fixed.
    pub fn range(self) -> (u16, u16) {
        match self {
            Ports::None | Ports::Offset(_) => (0, 0),
            Ports::One(port) => (port, port),
            Ports::Range(first, last) => (first, last),
        }
    }
}

#[cfg(test)]
mod tests;
