//! Taking over from a running process (management.txt chapter 4): its listening sockets (`-x`), its addresses while they are being
//! bound (SIGTTOU, SIGTTIN), and its work (`-sf`, `-st`). The other process may be a HAProxy.

use std::time::Duration;

use super::listeners::{Failure, Listeners};
use super::load::Voice;
use super::options::Options;
use crate::admin::descriptors::{self, Exposed};
use crate::diag::Severity;
use crate::ir::{Bind, BindAddr, Ir};
use crate::net::listen::{self, Listening, OpenError};
use crate::sys;

/// Opens a configuration's sockets; those that the process behind `-x` has are taken from it.
pub fn open(ir: &Ir, threads: usize, options: &Options, voice: &mut Voice) -> Result<Listeners, Failure> {
    let mut offered = offered(options, voice);
    let mut open = |bind: &Bind, copies: usize, backlog: i32| take_or_open(&mut offered, bind, copies, backlog);
    let mut result = Listeners::default().again(ir, threads, &mut open);
    if result.is_err() && !options.old_pids.is_empty() {
        // The old processes give up their ports for a moment. Those with SO_REUSEPORT need not.
        tell(&options.old_pids, libc::SIGTTOU);
        for _ in 0..ATTEMPTS {
            std::thread::sleep(PAUSE);
            result = Listeners::default().again(ir, threads, &mut open);
            if result.is_ok() {
                break;
            }
        }
        if result.is_err() {
            tell(&options.old_pids, libc::SIGTTIN);
        }
    }
    result
}

/// Tells the old processes to go: everything is open here.
pub fn send_away_the_old(options: &Options) {
    tell(&options.old_pids, if options.hard_take_over { libc::SIGTERM } else { libc::SIGUSR1 });
}

/// The sockets of the process behind `-x`. One that cannot be reached is no reason not to start, as with HAProxy.
fn offered(options: &Options, voice: &mut Voice) -> Vec<Exposed> {
    let Some(path) = &options.take_over_from else { return Vec::new() };
    descriptors::receive(path).unwrap_or_else(|error| {
        let text = format!("Failed to connect to the old process socket '{}' ({error})", path.display());
        voice.say(Severity::Warning, &text);
        voice.say(Severity::Alert, "Failed to get the sockets from the old process!");
        Vec::new()
    })
}

fn take_or_open(offered: &mut Vec<Exposed>, bind: &Bind, copies: usize, backlog: i32) -> Result<Listening, OpenError> {
    let mut taken = Vec::new();
    let mut at = 0;
    while let Some(exposed) = offered.get(at) {
        match fits(exposed, bind) {
            true => taken.push(offered.swap_remove(at).socket),
            false => at += 1,
        }
    }
    if taken.is_empty() { listen::open(bind, copies, backlog) } else { listen::adopt(bind, taken, copies, backlog) }
}

/// Whether a socket listens where the line says. UNIX sockets are bound under a temporary name, which is what they tell.
fn fits(exposed: &Exposed, bind: &Bind) -> bool {
    if exposed.interface != bind.interface.as_deref().unwrap_or_default() {
        return false;
    }
    let socket = socket2::SockRef::from(&exposed.socket);
    let Ok(addr) = socket.local_addr() else { return false };
    match &bind.addr {
        BindAddr::Ip { addr: wanted, v6only } => {
            let same_kind = !wanted.is_ipv6() || socket.only_v6().is_ok_and(|only| only == *v6only);
            addr.as_socket() == Some(*wanted) && same_kind
        }
        BindAddr::Unix(path) => addr.as_pathname().is_some_and(|bound| is_temporary_name(bound, path)),
        BindAddr::Abstract(name) => addr.as_abstract_namespace() == Some(name.as_bytes()),
        BindAddr::Fd(_) => false,
    }
}

/// `PATH.PID.tmp`, as HAProxy and [`listen::open`] name a socket before it is moved into place.
fn is_temporary_name(bound: &std::path::Path, path: &std::path::Path) -> bool {
    let (bound, path) = (bound.to_string_lossy(), path.to_string_lossy());
    let Some(rest) = bound.strip_prefix(&*path) else { return false };
    rest.is_empty() || rest.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp")).is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A process that has gone already needs no signal.
fn tell(pids: &[i32], signal: i32) {
    for pid in pids {
        let _ = sys::process::kill(*pid, signal);
    }
}

/// How often binding is tried again while the old processes pause, and how long in between.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_unix_socket_is_known_by_its_temporary_name() {
        let path = Path::new("/run/a.sock");
        assert!(is_temporary_name(Path::new("/run/a.sock.123.tmp"), path));
        assert!(is_temporary_name(path, path));
        assert!(!is_temporary_name(Path::new("/run/a.sock2.123.tmp"), path));
        assert!(!is_temporary_name(Path::new("/run/a.sock..tmp"), path));
    }
}
