//! On which CPUs a thread may run.

use std::io;
use std::mem;

/// The CPUs that the calling thread may run on.
pub fn current() -> io::Result<Vec<u16>> {
    // SAFETY: a set of CPUs is plain bits, of which all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the kernel writes at most the size given to the set, which lives through the call.
    if unsafe { libc::sched_getaffinity(0, mem::size_of::<libc::cpu_set_t>(), &raw mut set) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the numbers are below the set's size.
    Ok((0..libc::CPU_SETSIZE as u16).filter(|cpu| unsafe { libc::CPU_ISSET(usize::from(*cpu), &set) }).collect())
}

/// Lets the calling thread run on these CPUs only. An error if none of them exists.
pub fn pin(cpus: &[u16]) -> io::Result<()> {
    // SAFETY: a set of CPUs is plain bits, of which all zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    for cpu in cpus.iter().filter(|cpu| i32::from(**cpu) < libc::CPU_SETSIZE) {
        // SAFETY: the number is below the set's size.
        unsafe { libc::CPU_SET(usize::from(*cpu), &mut set) };
    }
    // SAFETY: the kernel reads as many bytes as the set has, which lives through the call.
    if unsafe { libc::sched_setaffinity(0, mem::size_of::<libc::cpu_set_t>(), &raw const set) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_runs_where_it_is_pinned() {
        std::thread::spawn(|| {
            let before = current().expect("a set");
            let one = &before[..1];
            pin(one).expect("pinned");
            assert_eq!(current().expect("a set"), one);
            assert!(pin(&[]).is_err());
            assert_eq!(current().expect("a set"), one);
            pin(&before).expect("pinned");
            assert_eq!(current().expect("a set"), before);
        })
        .join()
        .expect("no panic");
    }
}
