//! Where and how log lines go (manual 3.1 and 4.2 `log`, chapter 8).

use std::net::SocketAddr;
use std::path::PathBuf;

pub use crate::wire::syslog::Format as LogFormatName;

/// One `log` line with `log global` already expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Where lines go.
    pub to: LogTo,
    /// `len`: longest line in bytes, default 1024.
    pub max_len: usize,
    /// `format`.
    pub format: LogFormatName,
    /// `sample <ranges>:<size>`.
    pub sample: Option<(Vec<(u32, u32)>, u32)>,
    /// Facility 0 to 23.
    pub facility: u8,
    /// Highest level sent, 0 to 7, default 7.
    pub level: u8,
    /// Lines more severe than this are sent with this level, default 0.
    pub min_level: u8,
}

/// A log line's destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogTo {
    /// UDP datagrams.
    Udp(SocketAddr),
    /// A UNIX datagram socket.
    Unix(PathBuf),
    /// A descriptor: `stdout`, `stderr`, `fd@N`.
    Fd(i32),
}
