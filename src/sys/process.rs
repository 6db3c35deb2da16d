//! The process itself: background, identity, limits.

use std::io;
use std::path::Path;

/// Leaves the terminal: the caller goes on in a child, the parent exits with 0. Must be called before any thread is started.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: no other thread exists yet, as the caller promises, so that the child's memory is consistent.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: _exit ends the process without running anything else.
        _ => unsafe { libc::_exit(0) },
    }
    // SAFETY: setsid takes no arguments and touches no memory.
    if unsafe { libc::setsid() } == -1 {
        return Err(io::Error::last_os_error());
    }
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for standard in 0..=2 {
        use std::os::fd::AsRawFd;
        // SAFETY: both are descriptors of this process; dup2 replaces the standard one atomically.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Confines the process to a directory.
pub fn chroot(root: &Path) -> io::Result<()> {
    std::os::unix::fs::chroot(root)?;
    std::env::set_current_dir("/")
}

/// Changes group, then user; supplementary groups are dropped when the group changes.
pub fn change_identity(uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    if let Some(gid) = gid {
        // SAFETY: a count of 0 makes the kernel read nothing from the pointer.
        let dropped = unsafe { libc::setgroups(0, std::ptr::null()) } == 0;
        // SAFETY: setgid touches no memory.
        let changed = unsafe { libc::setgid(gid) } == 0;
        if !changed || (!dropped && is_root()) {
            return Err(io::Error::last_os_error());
        }
    }
    if let Some(uid) = uid {
        // SAFETY: setuid touches no memory.
        if unsafe { libc::setuid(uid) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Whether the process has root's rights.
pub fn is_root() -> bool {
    // SAFETY: geteuid always succeeds.
    unsafe { libc::geteuid() == 0 }
}

/// Raises the soft limit of descriptors to `wanted`, at most to the hard limit (which root raises, too), or to the hard limit where
/// nothing is wanted. Gives the limit in force.
pub fn raise_descriptor_limit(wanted: Option<u64>) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives through the call, which fills it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let target = wanted.unwrap_or(limit.rlim_max);
    if limit.rlim_cur >= target {
        return Ok(limit.rlim_cur);
    }
    let both = libc::rlimit { rlim_cur: target, rlim_max: limit.rlim_max.max(target) };
    let soft = libc::rlimit { rlim_cur: target.min(limit.rlim_max), rlim_max: limit.rlim_max };
    for attempt in [both, soft] {
        // SAFETY: the structure lives through the call, which only reads it.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const attempt) } == 0 {
            return Ok(attempt.rlim_cur);
        }
    }
    Ok(limit.rlim_cur)
}
