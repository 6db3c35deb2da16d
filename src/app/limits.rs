//! The limit of descriptors and the `maxconn` that fits it (management.txt chapter 5).

use super::load::Voice;
use crate::diag::Severity;
use crate::ir::{Global, Ir};
use crate::sys::process::{descriptor_limits, limit_descriptors};

/// What a process with this configuration gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of the process where the configuration does not say.
    pub maxconn: u32,
    /// Its descriptors.
    pub descriptors: u64,
}

/// Sets the limit of descriptors to what `ulimit-n` says or `maxconn` takes. `None` where that fails and `strict-limits` counts;
/// everything has been said then.
pub fn set(ir: &Ir, threads: usize, voice: &mut Voice) -> Option<Limits> {
    let global = &ir.global;
    let (soft, hard) = match descriptor_limits() {
        Ok(limits) => limits,
        Err(error) => {
            voice.say_main(Severity::Alert, &format!("Cannot read the limit of descriptors: {error}"));
            return None;
        }
    };
    let spare = spare(ir, threads);
    let needed = global.maxconn.map(|connections| u64::from(connections) * PER_CONNECTION + spare);
    let wanted = wanted(global, needed, hard);
    // Without root's rights the hard limit stays; a soft limit below it can be had in any case.
    let set = limit_descriptors(wanted, hard.max(wanted)).is_ok() || soft == wanted;
    let descriptors = descriptor_limits().map_or(soft, |(soft, _)| soft);
    if !set {
        let text = format!("Cannot raise FD limit to {wanted}, limit is {descriptors}.");
        if global.strict_limits {
            voice.say_main(Severity::Alert, &text);
            return None;
        }
        voice.say_main(Severity::Warning, &text);
    }
    if let (Some(maxconn), Some(needed)) = (global.maxconn, needed)
        && descriptors < needed
    {
        let text = format!(
            "FD limit ({descriptors}) too low for maxconn={maxconn}/maxsock={needed}. Please raise 'ulimit-n' to {needed} or more to \
             avoid any trouble."
        );
        voice.say_main(Severity::Alert, &text);
    }
    let fits = descriptors.saturating_sub(spare) / PER_CONNECTION;
    Some(Limits { maxconn: u32::try_from(fits).unwrap_or(u32::MAX).max(1), descriptors })
}

/// `ulimit-n`, else what `maxconn` takes, else all that the system gives up to `fd-hard-limit`.
fn wanted(global: &Global, needed: Option<u64>, hard: u64) -> u64 {
    global.ulimit_n.or(needed).unwrap_or_else(|| hard.min(global.fd_hard_limit.unwrap_or(DEFAULT_HARD_LIMIT)))
}

/// Descriptors that connections cannot use: listeners, checks, logs, pollers, files.
fn spare(ir: &Ir, threads: usize) -> u64 {
    let proxies = || ir.proxies.iter().filter(|proxy| !proxy.disabled);
    let listeners = proxies().map(|proxy| proxy.binds.len()).sum::<usize>() + ir.global.runtime_sockets.len();
    let checks = proxies().flat_map(|proxy| &proxy.servers).filter(|server| server.check.is_some()).count();
    let logs = proxies().map(|proxy| proxy.logs.len()).sum::<usize>();
    // The engine keeps each listener's socket, and each core a copy to accept on and one for the end.
    let all = listeners * threads * 3 + checks + logs * threads + threads * PER_THREAD + OTHERS;
    all as u64
}

/// A client and a server.
const PER_CONNECTION: u64 = 2;
/// A poller, its wake-up and what a log opens.
const PER_THREAD: usize = 4;
/// Standard streams, the runtime socket's clients, the supervisor's pipe, signals.
const OTHERS: usize = 32;
/// `fd-hard-limit` by default.
const DEFAULT_HARD_LIMIT: u64 = 1_048_576;
