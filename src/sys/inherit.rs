//! Descriptors given to the process by whoever started it (`fd@N`, socket activation, the supervisor).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Takes a private copy (close-on-exec) of an inherited descriptor; the original stays open, so that a second configuration that
/// names it can take it again. `EBADF` if there is no such descriptor.
pub fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes integers only and reports a bad descriptor as EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `copy` was just returned by the kernel and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_that_does_not_exist_is_an_error() {
        let error = duplicate(1_000_000).expect_err("no such descriptor");
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }
}
