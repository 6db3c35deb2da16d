//! Counters that every core adds to without contention, and rates over the last second.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::base::id::CoreId;

/// The counters of a proxy, server or listener: the columns of `show stat` (management.txt 9.1) that only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stat {
    /// `stot`, cumulated sessions (connections for a frontend, streams for a backend or server).
    Sessions,
    /// `bin`, `reqbin`, bytes of requests as they came from clients.
    BytesIn,
    /// `bout`, `resbin`, bytes of responses as they came from servers or were made here.
    BytesOut,
    /// `dreq`, requests denied.
    DeniedRequests,
    /// `dresp`, responses denied.
    DeniedResponses,
    /// `ereq`, request errors.
    RequestErrors,
    /// `econ`, errors when connecting to a server.
    ConnectErrors,
    /// `eresp`, response errors.
    ResponseErrors,
    /// `wretr`, retries of a connection.
    Retries,
    /// `wredis`, redispatches to another server.
    Redispatches,
    /// `lbtot`, times chosen by the load balancer.
    Chosen,
    /// `hrsp_1xx` to `hrsp_5xx` and `hrsp_other` stand in a row.
    Responses1xx,
    /// See `Responses1xx`.
    Responses2xx,
    /// See `Responses1xx`.
    Responses3xx,
    /// See `Responses1xx`.
    Responses4xx,
    /// See `Responses1xx`.
    Responses5xx,
    /// See `Responses1xx`.
    ResponsesOther,
    /// `req_tot`, HTTP requests.
    Requests,
    /// `cli_abrt`, transfers aborted by the client.
    ClientAborts,
    /// `srv_abrt`, transfers aborted by the server.
    ServerAborts,
    /// `conn_tot`, cumulated connections of a frontend.
    Connections,
    /// `dcon`, connections denied by `tcp-request connection`.
    DeniedConnections,
    /// `dses`, sessions denied by `tcp-request session`.
    DeniedSessions,
    /// `intercepted`, requests answered by a service (stats, monitor, return).
    Intercepted,
    /// `wrew`, failed header rewrites.
    FailedRewrites,
    /// `eint`, internal errors.
    InternalErrors,
    /// TCP connections that went on as HTTP.
    Upgrades,
    /// `connect`, connections opened to servers.
    Connects,
    /// `reuse`, connections to servers reused.
    Reuses,
    /// `reqbout`, bytes of requests as sent to servers.
    RequestBytesOut,
    /// `resbout`, bytes of responses as sent to clients.
    ResponseBytesOut,
    /// `ssl_sess`, TLS sessions with clients.
    TlsSessions,
    /// `ssl_reused_sess`, those that were resumed.
    TlsResumed,
    /// `ssl_failed_handshake`, handshakes with clients that failed.
    TlsFailures,
    /// `comp_in`, bytes of responses given to compressors.
    CompressedIn,
    /// `comp_out`, what they made of them.
    CompressedOut,
    /// `comp_byp`, bytes that were not compressed for want of something.
    CompressionBypassed,
    /// `comp_rsp`, responses compressed.
    CompressedResponses,
    /// Sliding sums of queue, connect, response and total times in ms: see [`Counters::timed`].
    TimeSums,
}

/// The times a stream took, in milliseconds; `show stat` gives their averages over the last 1024 streams and their maxima.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// `qtime`
    pub queue: u64,
    /// `ctime`
    pub connect: u64,
    /// `rtime`
    pub response: u64,
    /// `ttime`
    pub total: u64,
}

const TIMES: usize = Stat::TimeSums as usize;
const TIME_MAXIMA: usize = TIMES + 4;
const TIMED: usize = TIME_MAXIMA + 4;
const CELLS: usize = TIMED + 1;
/// How many streams an average reaches back.
const WINDOW: u64 = 1024;

/// One padded row of counters per core; written by that core only, summed on read.
pub struct Counters {
    rows: Box<[Row]>,
}

#[repr(align(128))]
struct Row([AtomicU64; CELLS]);

impl Counters {
    /// Counters for `cores` cores (at least one).
    pub fn new(cores: usize) -> Self {
        let row = |_| Row([const { AtomicU64::new(0) }; CELLS]);
        Counters { rows: (0..cores.max(1)).map(row).collect() }
    }

    /// Adds `n`; `core` must be the caller's own.
    pub fn add(&self, core: CoreId, stat: Stat, n: u64) {
        if let Some(row) = self.rows.get(core.index()) {
            // One writer per row: no read-modify-write instruction is needed.
            let cell = &row.0[stat as usize];
            cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
        }
    }

    /// Adds one.
    pub fn inc(&self, core: CoreId, stat: Stat) {
        self.add(core, stat, 1);
    }

    /// Counts a response of a server, interim ones included: what its `req_tot` counts.
    pub fn answered(&self, core: CoreId, status: u16) {
        self.inc(core, Stat::Requests);
        self.response(core, status);
    }

    /// Counts a response in its class.
    pub fn response(&self, core: CoreId, status: u16) {
        let stat = match status / 100 {
            1 => Stat::Responses1xx,
            2 => Stat::Responses2xx,
            3 => Stat::Responses3xx,
            4 => Stat::Responses4xx,
            5 => Stat::Responses5xx,
            _ => Stat::ResponsesOther,
        };
        self.inc(core, stat);
    }

    /// Takes the times of a successful stream into the averages and maxima.
    pub fn timed(&self, core: CoreId, times: Times) {
        let Some(Row(cells)) = self.rows.get(core.index()) else { return };
        let seen = cells[TIMED].load(Relaxed);
        for (at, value) in [times.queue, times.connect, times.response, times.total].into_iter().enumerate() {
            let sum = cells[TIMES + at].load(Relaxed);
            // Once the window is full, one average leaves for each value that enters.
            let leaves = if seen >= WINDOW { sum.div_ceil(WINDOW) } else { 0 };
            cells[TIMES + at].store(sum - leaves + value, Relaxed);
            if value > cells[TIME_MAXIMA + at].load(Relaxed) {
                cells[TIME_MAXIMA + at].store(value, Relaxed);
            }
        }
        cells[TIMED].store((seen + 1).min(WINDOW), Relaxed);
    }

    /// The average times over (about) the last 1024 streams of each core.
    pub fn average_times(&self) -> Times {
        let streams: u64 = self.rows.iter().map(|row| row.0[TIMED].load(Relaxed)).sum();
        let average = |at: usize| {
            let sum: u64 = self.rows.iter().map(|row| row.0[TIMES + at].load(Relaxed)).sum();
            sum.checked_div(streams).unwrap_or(0)
        };
        Times { queue: average(0), connect: average(1), response: average(2), total: average(3) }
    }

    /// The longest times.
    pub fn max_times(&self) -> Times {
        let max = |at: usize| self.rows.iter().map(|row| row.0[TIME_MAXIMA + at].load(Relaxed)).max().unwrap_or(0);
        Times { queue: max(0), connect: max(1), response: max(2), total: max(3) }
    }

    /// The sum over all cores.
    pub fn sum(&self, stat: Stat) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.wrapping_add(row.0[stat as usize].load(Relaxed)))
    }

    /// Sets the maxima to zero (`clear counters`), or all (`clear counters all`); concurrent additions may survive.
    pub fn clear_maxima(&self, all: bool) {
        let from = if all { 0 } else { TIME_MAXIMA };
        let to = if all { CELLS } else { TIMED };
        for cell in self.rows.iter().flat_map(|row| row.0.iter().take(to).skip(from)) {
            cell.store(0, Relaxed);
        }
    }
}

/// Events per second, as HAProxy's frequency counters: a sliding second out of the current and the previous one, and the maximum.
#[derive(Default)]
pub struct Rate {
    second: AtomicU64,
    now: AtomicU32,
    before: AtomicU32,
    max: AtomicU32,
}

impl Rate {
    /// Counts one event at `now_ms` (any monotonic clock, the same for all calls).
    pub fn tick(&self, now_ms: u64) {
        self.add(now_ms, 1);
    }

    /// Counts several events at once.
    pub fn add(&self, now_ms: u64, events: u32) {
        let second = now_ms / 1000;
        let seen = self.second.load(Relaxed);
        if seen != second && self.second.compare_exchange(seen, second, Relaxed, Relaxed).is_ok() {
            let last = self.now.swap(0, Relaxed);
            self.before.store(if seen + 1 == second { last } else { 0 }, Relaxed);
        }
        self.now.fetch_add(events, Relaxed);
        let rate = self.per_second(now_ms);
        if rate > self.max.load(Relaxed) {
            self.max.fetch_max(rate, Relaxed);
        }
    }

    /// The rate at `now_ms`.
    pub fn per_second(&self, now_ms: u64) -> u32 {
        let second = now_ms / 1000;
        let seen = self.second.load(Relaxed);
        let (now, before) = match second.saturating_sub(seen) {
            0 => (self.now.load(Relaxed), self.before.load(Relaxed)),
            1 => (0, self.now.load(Relaxed)),
            _ => (0, 0),
        };
        let left = 1000 - now_ms % 1000;
        now + ((u64::from(before) * left) / 1000) as u32
    }

    /// The highest rate seen.
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Forgets the maximum (`clear counters`).
    pub fn clear_max(&self) {
        self.max.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_sum_over_cores() {
        let counters = Counters::new(2);
        counters.add(CoreId(0), Stat::BytesIn, 5);
        counters.add(CoreId(1), Stat::BytesIn, 7);
        assert_eq!(counters.sum(Stat::BytesIn), 12);
        counters.response(CoreId(1), 404);
        assert_eq!(counters.sum(Stat::Responses4xx), 1);
    }

    #[test]
    fn averages_follow_the_last_streams_and_maxima_stay() {
        let counters = Counters::new(2);
        counters.timed(CoreId(0), Times { total: 9000, ..Times::default() });
        for _ in 0..20_000 {
            counters.timed(CoreId(0), Times { total: 10, ..Times::default() });
        }
        counters.timed(CoreId(1), Times { total: 10, ..Times::default() });
        assert_eq!(counters.average_times().total, 10);
        assert_eq!(counters.max_times().total, 9000);
    }

    #[test]
    fn a_rate_slides_over_one_second() {
        let rate = Rate::default();
        for at in [1000, 1200, 1900] {
            rate.tick(at);
        }
        assert_eq!(rate.per_second(1999), 3);
        assert_eq!(rate.per_second(2500), 1);
        assert_eq!(rate.per_second(4000), 0);
        assert_eq!(rate.max(), 3);
    }
}
