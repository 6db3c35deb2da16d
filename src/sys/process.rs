//! The process itself: its children, background, identity, limits.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Which of the two processes goes on behind [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that called; the child's process id.
    Parent(i32),
    /// The new one.
    Child,
}

/// Makes a second process. An error where other threads run: the child would have their locks but not them.
pub fn fork() -> io::Result<Side> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(io::Error::other("threads have been started before the fork"));
    }
    // SAFETY: this is the only thread, as has just been seen, and no other can start one; so the child's memory is consistent and it
    // may go on as any process. Where /proc is not mounted the callers' order counts: threads are started last.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        child => Ok(Side::Parent(child)),
    }
}

/// Processor time that the calling thread has taken, in microseconds.
pub fn thread_cpu_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every Linux, and the pointer is to a live timespec that the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

/// Ends the process without running anything else: what the parent of a daemon does.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit ends the process and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Ends the process by the signal's default action, as if it had not been handled.
pub fn die_by(signal: i32) -> ! {
    // SAFETY: SIG_DFL is a valid action for the signals that programs may handle; the calls touch no memory of ours.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
    // The signal is blocked or has no deadly default.
    exit_now(128 + signal)
}

/// Leaves the session of the terminal.
pub fn new_session() -> io::Result<()> {
    // SAFETY: setsid takes no arguments and touches no memory.
    if unsafe { libc::setsid() } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets standard input, output and error lead nowhere.
pub fn silence() -> io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    silence_with(&null)
}

/// As [`silence`], with `/dev/null` opened before: there is none behind a chroot.
pub fn silence_with(null: &std::fs::File) -> io::Result<()> {
    for standard in 0..=2 {
        // SAFETY: both are descriptors of this process; dup2 replaces the standard one atomically.
        if unsafe { libc::dup2(null.as_raw_fd(), standard) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Microseconds on the system's monotonic clock, which other processes read the same.
pub fn monotonic_us() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure lives through the call, which fills it; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

/// Sends a signal to a process.
pub fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill takes integers only.
    if unsafe { libc::kill(pid, signal) } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A child that has ended: its process id and its status as a shell counts it, 128 and more for signals. `None` if none has.
pub fn reap() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the status lives through the call, which fills it.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    let code = if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) };
    Some((pid, code))
}

/// Confines the process to a directory.
pub fn chroot(root: &Path) -> io::Result<()> {
    std::os::unix::fs::chroot(root)?;
    std::env::set_current_dir("/")
}

/// Changes the group; supplementary groups are dropped but for those that are `kept`.
pub fn change_group(gid: u32, kept: &[u32]) -> io::Result<()> {
    // SAFETY: the pointer and the count are those of a slice, and the kernel only reads it.
    let dropped = unsafe { libc::setgroups(kept.len(), kept.as_ptr()) } == 0;
    // SAFETY: setgid touches no memory.
    let changed = unsafe { libc::setgid(gid) } == 0;
    if changed && (dropped || !is_root()) { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Changes the user.
pub fn change_user(uid: u32) -> io::Result<()> {
    // SAFETY: setuid touches no memory.
    if unsafe { libc::setuid(uid) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether the process has root's rights.
pub fn is_root() -> bool {
    // SAFETY: geteuid always succeeds.
    unsafe { libc::geteuid() == 0 }
}

/// Neither this process nor what it starts can ever gain rights, such as by a set-uid program.
pub fn forbid_new_privileges() {
    // SAFETY: this option of prctl takes integers only. Kernels without it go on without it.
    unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
}

/// Sets the scheduling priority of this thread and of those that it starts.
pub fn set_priority(nice: i32) -> io::Result<()> {
    // SAFETY: setpriority takes integers only.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// `set-dumpable`: lets the kernel write a core although the user has changed.
pub fn allow_core_dumps() -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    for resource in [libc::RLIMIT_FSIZE, libc::RLIMIT_CORE] {
        // SAFETY: the structure lives through the call, which only reads it. Where the hard limit is lower, the limit stays as it is.
        unsafe { libc::setrlimit(resource, &raw const limit) };
    }
    // SAFETY: this option of prctl takes integers only.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) } == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The limit of descriptors: soft, hard.
pub fn descriptor_limits() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives through the call, which fills it.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((limit.rlim_cur, limit.rlim_max))
}

/// Sets both limits of descriptors; only root may raise the hard one.
pub fn limit_descriptors(soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the structure lives through the call, which only reads it.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_does_not_fork() {
        // The test runner's own thread is the second one.
        assert!(fork().is_err());
    }

    #[test]
    fn the_soft_limit_is_not_above_the_hard_one() -> io::Result<()> {
        let (soft, hard) = descriptor_limits()?;
        assert!(soft > 0 && soft <= hard);
        Ok(())
    }
}
