//! Opening a connection to a server. No retries and no timeouts: those are the engine's.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, UnixStream};

use super::io::Plain;
use crate::ir::{Marks, Probes, SocketSizes, Source};
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
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Where the connection comes from.
    pub source: Option<&'a Source>,
    /// The address that the server is to see (`usesrc`), which need not be ours.
    pub foreign: Option<SocketAddr>,
    /// TCP fast open.
    pub fast_open: bool,
    /// MPTCP, where the server knows it.
    pub multipath: bool,
    /// Keep-alive probes.
    pub keepalive: Option<Probes>,
    /// Milliseconds that sent data may stay without an acknowledgement; 0 is what the system says.
    pub user_timeout_ms: u32,
    /// What the packets carry.
    pub marks: Marks,
    /// Closing sends a reset (`option nolinger`).
    pub no_linger: bool,
    /// What the kernel keeps for the connection.
    pub sizes: SocketSizes,
}

/// Connects. TCP connections send small writes at once (`TCP_NODELAY`).
pub async fn connect(target: &Target, options: Options<'_>) -> io::Result<Plain> {
    match target {
        Target::Ip(addr) => connect_ip(*addr, options).await,
        Target::Unix(path) => Ok(Plain::Unix(UnixStream::connect(path).await?)),
        Target::Abstract(name) => Ok(Plain::Unix(UnixStream::connect(format!("\0{name}")).await?)),
    }
}

async fn connect_ip(addr: SocketAddr, options: Options<'_>) -> io::Result<Plain> {
    let Some(source) = options.source else { return connect_from(addr, None, &options).await };
    let Some(last) = source.last_port.filter(|_| options.foreign.is_none()) else {
        return connect_from(addr, Some(source.addr), &options).await;
    };
    let first = source.addr.port();
    let count = u32::from(last.saturating_sub(first)) + 1;
    let begin = NEXT_PORT.fetch_add(1, Relaxed);
    for at in 0..count {
        // Less than `count`, which is at most 65536.
        let offset = (begin.wrapping_add(at) % count) as u16;
        let from = SocketAddr::new(source.addr.ip(), first.saturating_add(offset));
        match connect_from(addr, Some(from), &options).await {
            Err(error) if is_taken(&error) => {}
            done => return done,
        }
    }
    Err(io::Error::from_raw_os_error(libc::EADDRINUSE))
}

/// The port is in use, or was used with the same server a moment ago.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRINUSE | libc::EADDRNOTAVAIL))
}

fn multipath_socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(addr), kind, Some(Protocol::MPTCP))?;
    Ok(TcpSocket::from_std_stream(socket.into()))
}

async fn connect_from(addr: SocketAddr, source: Option<SocketAddr>, options: &Options<'_>) -> io::Result<Plain> {
    let socket = match options.multipath {
        true => multipath_socket(addr)?,
        false if addr.is_ipv4() => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    socket.set_nodelay(true)?;
    if let Some(probes) = options.keepalive {
        super::probes::apply(probes, socket.as_fd())?;
    }
    if options.sizes != SocketSizes::default() {
        super::sizes::apply(options.sizes, socket.as_fd());
    }
    if options.user_timeout_ms > 0 {
        let timeout = Duration::from_millis(options.user_timeout_ms.into());
        socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(timeout))?;
    }
    if options.marks != Marks::default() {
        super::marks::apply(options.marks, socket.as_fd())?;
    }
    if options.no_linger {
        socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    }
    if options.fast_open {
        // Without kernel support the connection is made in the ordinary way.
        let _ = sys::socket::set_fast_open_connect(socket.as_fd());
    }
    if let Some(name) = options.source.and_then(|source| source.interface.as_deref()) {
        socket2::SockRef::from(&socket).bind_device(Some(name.as_bytes()))?;
    }
    if options.foreign.is_some() {
        sys::socket::set_transparent(socket.as_fd(), addr.is_ipv6())?;
    }
    // `source 0.0.0.0` says that the system is to choose.
    let any = |from: &SocketAddr| from.ip().is_unspecified() && from.port() == 0;
    if let Some(from) = options.foreign.or(source).filter(|from| !any(from)) {
        if from.port() == 0 {
            let _ = sys::socket::set_bind_address_no_port(socket.as_fd());
        }
        socket.set_reuseaddr(true)?;
        socket.bind(from)?;
    }
    Ok(Plain::Tcp(socket.connect(addr).await?.into()))
}

/// Where the search for a port of a range begins, so that one that was just used is not the next.
static NEXT_PORT: AtomicU32 = AtomicU32::new(0);
