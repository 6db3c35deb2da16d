//! Waiting for several descriptors at once, for a process without a runtime: the supervisor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// What is waited for at a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or the end.
    Read,
    /// Room to write, or the end.
    Write,
}

/// Waits until one of the descriptors is ready or the time has passed, for ever without one. Tells of each whether it is ready.
pub fn wait(fds: &[(BorrowedFd<'_>, Interest)], patience: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|(fd, interest)| {
            let events = if *interest == Interest::Read { libc::POLLIN } else { libc::POLLOUT };
            libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }
        })
        .collect();
    let patience = patience.map_or(-1, |time| i32::try_from(time.as_millis()).unwrap_or(i32::MAX));
    // SAFETY: the array has the length that is given and lives through the call, which writes its `revents`.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, patience) };
    if ready < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(polled.iter().map(|fd| fd.revents != 0).collect())
}
