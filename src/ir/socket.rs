//! What the kernel is told of TCP connections (manual 4.2 and 5): keep-alive probes, and where connections to servers come from.

use std::fmt;
use std::net::SocketAddr;

use crate::expr::Expr;

/// What the kernel is told of the connections of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// `option tcpka`, `clitcpka`.
    pub client_keepalive: bool,
    /// `option tcpka`, `srvtcpka`.
    pub server_keepalive: bool,
    /// `clitcpka-cnt` and relatives.
    pub client_probes: Probes,
    /// `srvtcpka-cnt` and relatives.
    pub server_probes: Probes,
    /// `option nolinger`: of clients in a frontend, of servers in a backend.
    pub no_linger: bool,
    /// `option independent-streams`: what is sent to a server does not prolong the time that it may be silent.
    pub independent_streams: bool,
}

/// Keep-alive probes on idle connections; 0 is what the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// `clitcpka-cnt`, `srvtcpka-cnt`: how many of them may get no answer.
    pub count: u32,
    /// `clitcpka-idle`, `srvtcpka-idle`: seconds before the first.
    pub idle: u32,
    /// `clitcpka-intvl`, `srvtcpka-intvl`: seconds between two.
    pub interval: u32,
}

impl Probes {
    /// As a dump shows them.
    pub(super) fn shown(self) -> Option<String> {
        let Probes { count, idle, interval } = self;
        (self != Probes::default()).then(|| format!("count {count} idle {idle} interval {interval}"))
    }
}

/// `source`: where connections to a server come from.
pub struct Source {
    /// Our address; port 0 lets the system choose.
    pub addr: SocketAddr,
    /// The last port of a range that begins with the address's.
    pub last_port: Option<u16>,
    /// `usesrc`: an address that need not be ours.
    pub foreign: Option<Foreign>,
    /// `interface`
    pub interface: Option<Box<str>>,
}

/// Whose address a server is to see.
pub enum Foreign {
    /// This one; port 0 lets the system choose.
    Addr(SocketAddr),
    /// The client's, with its port.
    Client,
    /// The client's.
    ClientIp,
    /// The one in a field of the request.
    Field(Expr),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.addr)?;
        self.last_port.map_or(Ok(()), |port| write!(f, "-{port}"))?;
        match &self.foreign {
            None => {}
            Some(Foreign::Addr(addr)) => write!(f, " usesrc {addr}")?,
            Some(Foreign::Client) => f.write_str(" usesrc client")?,
            Some(Foreign::ClientIp) => f.write_str(" usesrc clientip")?,
            Some(Foreign::Field(expr)) => write!(f, " usesrc {}", expr.text())?,
        }
        self.interface.as_ref().map_or(Ok(()), |name| write!(f, " interface {name}"))
    }
}
