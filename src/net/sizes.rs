//! What the kernel keeps for a TCP connection, as `tune.rcvbuf.*` and its relatives say (manual 3.2).

use std::os::fd::BorrowedFd;

use socket2::SockRef;

use crate::ir::SocketSizes;
use crate::sys;

/// Applies the sizes. A socket that refuses one, such as a UNIX socket, is used as it is.
pub fn apply(sizes: SocketSizes, fd: BorrowedFd<'_>) {
    let socket = SockRef::from(&fd);
    if sizes.receive > 0 {
        let _ = socket.set_recv_buffer_size(sizes.receive as usize);
    }
    if sizes.send > 0 {
        let _ = socket.set_send_buffer_size(sizes.send as usize);
    }
    if let Some(bytes) = i32::try_from(sizes.unsent).ok().filter(|bytes| *bytes > 0) {
        let _ = sys::socket::set_unsent_limit(fd, bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn only_what_is_set_changes() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let seen = SockRef::from(&socket);
        let before = seen.send_buffer_size().expect("a socket");
        apply(SocketSizes { receive: 8192, ..SocketSizes::default() }, socket.as_fd());
        // The kernel doubles what is asked for (socket(7)).
        assert_eq!(seen.recv_buffer_size().expect("a socket"), 16384);
        assert_eq!(seen.send_buffer_size().expect("a socket"), before);
    }
}
