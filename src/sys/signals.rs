//! Signals as something to read, for a process without threads: the supervisor.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals that are blocked and read from a descriptor instead.
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks these signals for the process and what it forks; see [`unblock_all`].
    pub fn block(numbers: &[i32]) -> io::Result<Signals> {
        let set = set_of(numbers);
        // SAFETY: the set lives through the call, which only reads it; no old set is asked for.
        if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: the set lives through the call, which only reads it.
        let fd = unsafe { libc::signalfd(-1, &raw const set, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just returned by the kernel and nobody else knows it.
        Ok(Signals { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal that has come, if any.
    pub fn next(&self) -> Option<i32> {
        // SAFETY: a plain C structure for which all zeroes is a valid value.
        let mut info: libc::signalfd_siginfo = unsafe { mem::zeroed() };
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the kernel writes at most `size` bytes to the structure, which lives through the call.
        let read = unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size) };
        (read == size as isize).then_some(info.ssi_signo as i32)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Lets all signals through again: what a child does once it handles them otherwise.
pub fn unblock_all() -> io::Result<()> {
    let set = set_of(&[]);
    // SAFETY: the set lives through the call, which only reads it; no old set is asked for.
    match unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The signal's name as `strsignal` gives it, for messages.
pub fn name(number: i32) -> String {
    // SAFETY: strsignal gives a string that stays valid until the next call, or null; it is copied at once, and the processes that
    // use this have one thread.
    unsafe {
        let text = libc::strsignal(number);
        if text.is_null() {
            return number.to_string();
        }
        std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

fn set_of(numbers: &[i32]) -> libc::sigset_t {
    // SAFETY: sigemptyset makes the zeroed structure a valid empty set; sigaddset refuses numbers that are no signals.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for number in numbers {
            libc::sigaddset(&raw mut set, *number);
        }
        set
    }
}
