//! Counters that every core adds to without contention, and rates over the last second.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::base::id::CoreId;

/// The counters of a proxy, server or listener: the columns of `show stat` (management.txt 9.1) that only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stat {
    /// `stot`, cumulated sessions (connections for a frontend, streams for a backend or server).
    Sessions,
    /// `bin`, bytes from the client side.
    BytesIn,
    /// `bout`, bytes to the client side.
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
    /// `connect`, connections opened to servers.
    Connects,
    /// `reuse`, connections to servers reused.
    Reuses,
    /// Sum of queue times in ms of `Timed` streams, for `qtime`.
    QueueTime,
    /// Sum of connect times in ms.
    ConnectTime,
    /// Sum of response times in ms.
    ResponseTime,
    /// Sum of total times in ms.
    TotalTime,
    /// How many streams the four sums hold.
    Timed,
}

const STATS: usize = Stat::Timed as usize + 1;

/// One padded row of counters per core; written by that core only, summed on read.
pub struct Counters {
    rows: Box<[Row]>,
}

#[repr(align(128))]
struct Row([AtomicU64; STATS]);

impl Counters {
    /// Counters for `cores` cores (at least one).
    pub fn new(cores: usize) -> Self {
        let row = |_| Row([const { AtomicU64::new(0) }; STATS]);
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

    /// The sum over all cores.
    pub fn sum(&self, stat: Stat) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.wrapping_add(row.0[stat as usize].load(Relaxed)))
    }

    /// Sets all to zero (`clear counters all`); concurrent additions may survive.
    pub fn clear(&self) {
        for cell in self.rows.iter().flat_map(|row| row.0.iter()) {
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
        let second = now_ms / 1000;
        let seen = self.second.load(Relaxed);
        if seen != second && self.second.compare_exchange(seen, second, Relaxed, Relaxed).is_ok() {
            let last = self.now.swap(0, Relaxed);
            self.before.store(if seen + 1 == second { last } else { 0 }, Relaxed);
        }
        self.now.fetch_add(1, Relaxed);
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
