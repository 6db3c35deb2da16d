//! Socket calls beyond `std`, `socket2` and `tokio`: non-blocking accept with the peer's address, options of `bind` lines.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use socket2::{SockAddr, SockAddrStorage};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::tcp_info::TcpInfo;

/// Accepts a connection as a non-blocking, close-on-exec descriptor. The address is `None` for UNIX sockets.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let mut storage = SockAddrStorage::zeroed();
    let mut len = storage.size_of();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the storage is a sockaddr_storage of `len` bytes that lives through the call; the kernel writes at most `len`.
    let fd = unsafe { libc::accept4(listener.as_raw_fd(), (&raw mut storage).cast(), &raw mut len, flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just returned by the kernel and nobody else knows it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: accept4 filled the storage with an address of `len` bytes.
    let peer = unsafe { SockAddr::new(storage, len) };
    Ok((fd, peer.as_socket()))
}

/// Registers a listening socket with the runtime of this thread, to be told when it becomes readable.
pub fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is a valid open descriptor that it alone owns and that does not change until it is dropped; here that is
    // when the `AsyncFd` is dropped, which has ended the registration by then.
    let registered = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}

/// Looks at received bytes without taking them; 0 is the end of the stream.
pub fn peek(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the kernel writes at most `buf.len()` bytes to `buf`, which lives through the call.
    let seen = unsafe { libc::recv(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), flags) };
    if seen < 0 { Err(io::Error::last_os_error()) } else { Ok(seen as usize) }
}

/// `defer-accept`: wakes the listener when the first data arrives (`TCP_DEFER_ACCEPT`, seconds).
pub fn set_defer_accept(fd: BorrowedFd<'_>, seconds: i32) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)
}

/// `tfo` of a listener: length of the queue of pending fast-open requests.
pub fn set_fast_open(fd: BorrowedFd<'_>, queue: i32) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, queue)
}

/// `tfo` of a server: the first write may travel with the SYN.
pub fn set_fast_open_connect(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)
}

/// `mss`: the maximum segment size to announce; a negative value is subtracted from the default by the caller.
pub fn set_mss(fd: BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_MAXSEG, bytes)
}

/// `transparent`: foreign addresses may be bound (`IP_TRANSPARENT`).
pub fn set_transparent(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        false => set_int(fd, libc::IPPROTO_IP, libc::IP_TRANSPARENT, 1),
        true => set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT, 1),
    }
}

/// Leaves the choice of the source port to `connect`, so that one port serves several destinations.
pub fn set_bind_address_no_port(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

/// Whether the socket is listening (`SO_ACCEPTCONN`); an error if the descriptor is no socket.
pub fn is_listening(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut value: libc::c_int = 0;
    let mut len = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` and `len` live through the call and describe each other.
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ACCEPTCONN, (&raw mut value).cast(), &raw mut len)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value != 0) }
}

/// `tune.notsent-lowat.*`: bytes that wait to be sent before the socket counts as full (`TCP_NOTSENT_LOWAT`).
pub fn set_unsent_limit(fd: BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes)
}

/// What the kernel knows of a TCP connection, by the number of its socket; nothing for other sockets.
pub fn tcp_info(socket: RawFd) -> Option<TcpInfo> {
    // SAFETY: a plain C structure for which all zeroes is a valid value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut len = mem::size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the structure is `len` bytes long and lives through the call; a number that is no socket is only an error.
    let result =
        unsafe { libc::getsockopt(socket, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut len) };
    (result == 0).then_some(TcpInfo {
        rtt_us: info.tcpi_rtt,
        rttvar_us: info.tcpi_rttvar,
        unacked: info.tcpi_unacked,
        sacked: info.tcpi_sacked,
        lost: info.tcpi_lost,
        retrans: info.tcpi_retrans,
        fackets: info.tcpi_fackets,
        reordering: info.tcpi_reordering,
    })
}

fn set_int(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    let len = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is an integer of `len` bytes that lives through the call.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Ends both directions of a socket that somebody else reads and writes, who then finds it closed. It must be open: the number
/// may belong to another one later. A socket that is not connected any more is no failure.
pub fn cut(socket: RawFd) {
    // SAFETY: shutdown takes numbers only and touches no memory.
    let _ = unsafe { libc::shutdown(socket, libc::SHUT_RDWR) };
}

/// Prepares a socket to be closed without the peer's knowledge: by `TCP_REPAIR`, where we may, else by a reset that travels so many
/// hops; 0 prefers the first and else means one hop. The socket must be open, as for [`cut`].
pub fn silence(socket: RawFd, ttl: u8) {
    // SAFETY: the caller promises that the socket is open; it is borrowed for this call only.
    let fd = unsafe { BorrowedFd::borrow_raw(socket) };
    if ttl == 0 && set_int(fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1).is_ok() {
        return;
    }
    let hops = i32::from(ttl.max(1));
    // One of them fits the socket's family; a socket that takes neither is closed like any other.
    let _ = set_int(fd, libc::IPPROTO_IP, libc::IP_TTL, hops);
    let _ = set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, hops);
    let _ = socket2::SockRef::from(&fd).set_linger(Some(std::time::Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn accept_gives_the_peer_and_does_not_block() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        assert!(is_listening(listener.as_fd()).expect("a socket"));
        listener.set_nonblocking(true).expect("non-blocking");
        let nobody = accept(listener.as_fd()).expect_err("nobody is there");
        assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (fd, peer) = loop {
            match accept(listener.as_fd()) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                other => break other.expect("accepted"),
            }
        };
        assert_eq!(peer, Some(client.local_addr().expect("connected")));
        assert!(!is_listening(fd.as_fd()).expect("a socket"));
    }
}
