//! Keep-alive probes of the kernel, as `option tcpka` and its relatives say (manual 4.2).

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::ir::Probes;

/// Switches the probes on.
pub fn apply(probes: Probes, fd: BorrowedFd<'_>) -> io::Result<()> {
    let socket = SockRef::from(&fd);
    if probes == Probes::default() {
        return socket.set_keepalive(true);
    }
    let seconds = |number: u32| Duration::from_secs(number.into());
    let mut set = TcpKeepalive::new();
    if probes.idle > 0 {
        set = set.with_time(seconds(probes.idle));
    }
    if probes.interval > 0 {
        set = set.with_interval(seconds(probes.interval));
    }
    if probes.count > 0 {
        set = set.with_retries(probes.count);
    }
    socket.set_tcp_keepalive(&set)
}
