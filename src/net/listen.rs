//! Opening the sockets of `bind` lines (manual 5.1): one per core for IP addresses, one in all for UNIX and inherited ones.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::ir::{Bind, BindAddr};
use crate::sys;

/// The listening sockets of one `bind` line. Several share an address by `SO_REUSEPORT`, so that every core accepts on its own.
#[derive(Debug)]
pub struct Listening {
    /// Where they listen, as in the configuration.
    pub addr: BindAddr,
    /// The sockets; more than one only for IP addresses.
    pub sockets: Vec<OwnedFd>,
    /// The IP address bound, with the port that the kernel chose for port 0. `None` for UNIX sockets.
    pub local: Option<SocketAddr>,
}

impl Listening {
    /// Takes no connections for the time being: those that come are refused. The address stays ours.
    pub fn pause(&self) -> io::Result<()> {
        let ended = |socket: &OwnedFd| socket2::SockRef::from(socket).shutdown(Shutdown::Read);
        // A socket that does not listen any more is paused already.
        self.sockets.iter().try_for_each(|socket| match ended(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Err(error),
            _ => Ok(()),
        })
    }

    /// Takes connections again.
    pub fn resume(&self, backlog: i32) -> io::Result<()> {
        self.sockets.iter().try_for_each(|socket| socket2::SockRef::from(socket).listen(backlog))
    }
}

/// Opens the sockets of a `bind` line; `copies` sockets where the address allows several, `backlog` as `backlog` and `maxconn` say.
/// No copies means one socket without `SO_REUSEPORT`, so that nobody else listens there (`noreuseport`).
///
/// The error names what failed (`cannot bind socket`, with the reason), without the address, which the caller knows.
pub fn open(bind: &Bind, copies: usize, backlog: i32) -> Result<Listening, OpenError> {
    let addr = bind.addr.clone();
    match &bind.addr {
        BindAddr::Ip { addr: ip, v6only } => {
            let mut at = *ip;
            let mut sockets = Vec::with_capacity(copies.max(1));
            for _ in 0..copies.max(1) {
                let socket = open_ip(bind, at, *v6only, backlog, copies > 0)?;
                at = local_address(&socket).unwrap_or(at);
                sockets.push(socket);
            }
            Ok(Listening { addr, sockets, local: Some(at) })
        }
        BindAddr::Unix(path) => Ok(Listening { addr, sockets: vec![open_unix(bind, path, backlog)?], local: None }),
        BindAddr::Abstract(name) => {
            let name = std::ffi::OsString::from(format!("\0{name}"));
            let socket = unix_socket(Path::new(&name))?;
            listen(&socket, backlog)?;
            Ok(Listening { addr, sockets: vec![socket.into()], local: None })
        }
        BindAddr::Fd(fd) => {
            let socket = inherited(*fd, backlog)?;
            let local = local_address(&socket);
            Ok(Listening { addr, sockets: vec![socket], local })
        }
    }
}

/// Takes sockets that another process has opened for the line's address. Where that process had fewer than `copies`, the others are
/// opened beside them if the system allows it.
pub fn adopt(bind: &Bind, sockets: Vec<OwnedFd>, copies: usize, backlog: i32) -> Result<Listening, OpenError> {
    let mut taken = Vec::with_capacity(sockets.len().max(copies));
    for fd in sockets {
        taken.push(make_ready(fd, backlog)?);
    }
    let local = taken.first().and_then(local_address);
    if let (BindAddr::Ip { v6only, .. }, Some(at)) = (&bind.addr, local) {
        while taken.len() < copies {
            match open_ip(bind, at, *v6only, backlog, true) {
                Ok(socket) => taken.push(socket),
                Err(_) => break,
            }
        }
    }
    Ok(Listening { addr: bind.addr.clone(), sockets: taken, local })
}

/// What could not be done when opening a listener, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what} ({source})")]
pub struct OpenError {
    /// As HAProxy says it, e.g. `cannot bind socket`.
    pub what: &'static str,
    /// The system's reason.
    pub source: io::Error,
}

fn open_ip(bind: &Bind, addr: SocketAddr, v6only: bool, backlog: i32, reuse_port: bool) -> Result<OwnedFd, OpenError> {
    let protocol = bind.multipath.then_some(Protocol::MPTCP);
    let socket =
        Socket::new(Domain::for_address(addr), Type::STREAM, protocol).map_err(failed("cannot create socket"))?;
    let options = || -> io::Result<()> {
        socket.set_nonblocking(true)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(reuse_port)?;
        // Accepted sockets inherit it.
        socket.set_tcp_nodelay(true)?;
        if addr.is_ipv6() {
            socket.set_only_v6(v6only)?;
        }
        if bind.transparent {
            sys::socket::set_transparent(socket.as_fd(), addr.is_ipv6())?;
        }
        if let Some(interface) = &bind.interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        if bind.user_timeout_ms > 0 {
            let timeout = Duration::from_millis(bind.user_timeout_ms.into());
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
        if let Some(mss) = bind.mss {
            sys::socket::set_mss(socket.as_fd(), mss)?;
        }
        Ok(())
    };
    options().map_err(failed("cannot set socket options"))?;
    socket.bind(&addr.into()).map_err(failed("cannot bind socket"))?;
    if bind.defer_accept {
        sys::socket::set_defer_accept(socket.as_fd(), 1).map_err(failed("cannot enable DEFER_ACCEPT"))?;
    }
    if bind.fast_open {
        sys::socket::set_fast_open(socket.as_fd(), backlog).map_err(failed("cannot enable TCP_FASTOPEN"))?;
    }
    listen(&socket, backlog)?;
    Ok(socket.into())
}

/// A path is bound under a temporary name and moved into place, so that whoever listened there before is replaced at once.
fn open_unix(bind: &Bind, path: &Path, backlog: i32) -> Result<OwnedFd, OpenError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = Path::new(&temporary);
    let _ = std::fs::remove_file(temporary);
    let socket = unix_socket(temporary)?;
    let in_place = || -> io::Result<()> {
        if let Some(mode) = bind.unix_mode {
            std::fs::set_permissions(temporary, std::fs::Permissions::from_mode(mode))?;
        }
        if bind.uid.is_some() || bind.gid.is_some() {
            std::os::unix::fs::chown(temporary, bind.uid, bind.gid)?;
        }
        std::fs::rename(temporary, path)
    };
    if let Err(error) = in_place() {
        let _ = std::fs::remove_file(temporary);
        return Err(failed("cannot change UNIX socket ownership or name")(error));
    }
    listen(&socket, backlog)?;
    Ok(socket.into())
}

fn unix_socket(path: &Path) -> Result<Socket, OpenError> {
    let addr = SockAddr::unix(path).map_err(failed("socket path too long"))?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("cannot create UNIX socket"))?;
    socket.set_nonblocking(true).map_err(failed("cannot make UNIX socket non-blocking"))?;
    socket.bind(&addr).map_err(failed("cannot bind UNIX socket"))?;
    Ok(socket)
}

fn inherited(fd: i32, backlog: i32) -> Result<OwnedFd, OpenError> {
    make_ready(sys::inherit::duplicate(fd).map_err(failed("cannot use inherited descriptor"))?, backlog)
}

fn make_ready(fd: OwnedFd, backlog: i32) -> Result<OwnedFd, OpenError> {
    let socket = Socket::from(fd);
    socket.set_nonblocking(true).map_err(failed("cannot make inherited socket non-blocking"))?;
    // Accepted sockets inherit it; UNIX sockets have no such option.
    let _ = socket.set_tcp_nodelay(true);
    // A socket that is bound but not listening yet is accepted too, as HAProxy does.
    if !sys::socket::is_listening(socket.as_fd()).map_err(failed("inherited descriptor is no socket"))? {
        listen(&socket, backlog)?;
    }
    Ok(socket.into())
}

fn listen(socket: &Socket, backlog: i32) -> Result<(), OpenError> {
    socket.listen(backlog).map_err(failed("cannot listen to socket"))
}

fn local_address(socket: &OwnedFd) -> Option<SocketAddr> {
    socket2::SockRef::from(socket).local_addr().ok()?.as_socket()
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::connect::{self, Options, Target};

    #[test]
    fn an_address_is_shared_by_copies_and_by_nobody_else_without_them() -> Result<(), OpenError> {
        let at = |addr: SocketAddr| Bind::plain(BindAddr::Ip { addr, v6only: false });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let shared = open(&at(any), 2, 10)?;
        assert_eq!(shared.sockets.len(), 2);
        assert!(open(&at(shared.local.unwrap_or(any)), 1, 10).is_ok());

        let alone = open(&at(any), 0, 10)?;
        assert_eq!(alone.sockets.len(), 1);
        for copies in [0, 1] {
            let error =
                open(&at(alone.local.unwrap_or(any)), copies, 10).map(|_| ()).expect_err("the address is taken");
            assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        }
        Ok(())
    }

    #[tokio::test]
    async fn multipath_reaches_from_connection_to_listener() -> Result<(), OpenError> {
        let mut bind = Bind::plain(BindAddr::Ip { addr: SocketAddr::from(([127, 0, 0, 1], 0)), v6only: false });
        bind.multipath = true;
        // A kernel may be built without it.
        let Ok(listening) = open(&bind, 1, 10) else { return Ok(()) };
        let socket = socket2::SockRef::from(&listening.sockets[0]);
        assert_eq!(socket.protocol().expect("a socket"), Some(Protocol::MPTCP));
        let target = Target::Ip(listening.local.expect("bound"));
        let options = Options { multipath: true, ..Options::default() };
        let connected = connect::connect(&target, options).await.expect("connected");
        assert_eq!(connected.local_addr().expect("connected").ip().to_string(), "127.0.0.1");
        Ok(())
    }
}
