//! Opening a connection to a server. No retries and no timeouts: those are the engine's.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;

use tokio::net::{TcpSocket, UnixStream};

use super::io::Plain;
use crate::ir::SocketSizes;
use crate::sys;

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A UNIX socket.
    Unix(PathBuf),
    /// A UNIX socket in the abstract namespace, without the leading NUL.
    Abstract(String),
}

/// How to connect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Local address; port 0 lets the system choose.
    pub source: Option<SocketAddr>,
    /// TCP fast open.
    pub fast_open: bool,
    /// Keep-alive probes.
    pub keepalive: bool,
    /// What the kernel keeps for the connection.
    pub sizes: SocketSizes,
}

/// Connects. TCP connections send small writes at once (`TCP_NODELAY`).
pub async fn connect(target: &Target, options: Options) -> io::Result<Plain> {
    match target {
        Target::Ip(addr) => connect_ip(*addr, options).await,
        Target::Unix(path) => Ok(Plain::Unix(UnixStream::connect(path).await?)),
        Target::Abstract(name) => Ok(Plain::Unix(UnixStream::connect(format!("\0{name}")).await?)),
    }
}

async fn connect_ip(addr: SocketAddr, options: Options) -> io::Result<Plain> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    if options.keepalive {
        socket.set_keepalive(true)?;
    }
    if options.sizes != SocketSizes::default() {
        super::sizes::apply(options.sizes, socket.as_fd());
    }
    if options.fast_open {
        // Without kernel support the connection is made in the ordinary way.
        let _ = sys::socket::set_fast_open_connect(socket.as_fd());
    }
    if let Some(source) = options.source {
        if source.port() == 0 {
            let _ = sys::socket::set_bind_address_no_port(socket.as_fd());
        }
        socket.set_reuseaddr(true)?;
        socket.bind(source)?;
    }
    Ok(Plain::Tcp(socket.connect(addr).await?.into()))
}
