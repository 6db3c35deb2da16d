//! What packets carry besides their bytes (manual 4.4 `set-fc-mark`, `set-bc-tos` and relatives).

use std::io;
use std::os::fd::BorrowedFd;

use socket2::{Domain, SockRef};

use crate::ir::Marks;

/// Tells the kernel. Marks need rights (`CAP_NET_ADMIN`).
pub fn apply(marks: Marks, fd: BorrowedFd<'_>) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    if let Some(tos) = marks.tos {
        if socket.domain()? == Domain::IPV6 {
            socket.set_tclass_v6(tos.into())?;
        }
        // An IPv6 socket may carry IPv4; one that does not take it has the class above.
        let set = socket.set_tos_v4(tos.into());
        if socket.domain()? == Domain::IPV4 {
            set?;
        }
    }
    marks.mark.map_or(Ok(()), |mark| socket.set_mark(mark))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_field_is_set_in_both_families() {
        for (at, v6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
            let Ok(socket) = TcpListener::bind(at) else { continue };
            apply(Marks { tos: Some(0x28), mark: None }, socket.as_fd()).expect("a TCP socket");
            let seen = SockRef::from(&socket);
            let found = if v6 { seen.tclass_v6() } else { seen.tos_v4() };
            assert_eq!(found.expect("a TCP socket"), 0x28);
        }
    }
}
