//! What the kernel knows of a TCP connection.

/// Numbers of one connection (`TCP_INFO`), times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// Round trip time.
    pub rtt_us: u32,
    /// Its mean deviation.
    pub rttvar_us: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments acknowledged out of order.
    pub sacked: u32,
    /// Segments that are thought to be lost.
    pub lost: u32,
    /// Segments sent again that are under way.
    pub retrans: u32,
    /// Segments acknowledged in front of those that are missing.
    pub fackets: u32,
    /// How far segments are expected to come out of order.
    pub reordering: u32,
}
