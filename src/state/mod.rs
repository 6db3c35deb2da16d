//! Shared run-time data that outlives a configuration, no I/O: counters, rates, states of proxies and servers.
//!
//! Everything here is reached from all cores: atomics on the hot path, a mutex only for rare changes. Time is an argument.

pub mod agent;
pub mod captured;
pub mod counters;
pub mod patterns;
pub mod proxy;
pub mod resolvers;
pub mod server;
pub mod stick_table;
pub mod variables;

pub use counters::{Counters, Rate, Stat, Times};
pub use patterns::{Map, PatternList};
pub use proxy::{BindState, DynamicCookie, Output, Process, ProxyState, ProxyTotals, Reception, View};
pub use resolvers::{DNS_COUNTS, DnsCount, NameServerState, ResolversState};
pub use server::{Admin, Change, CheckResult, Health, ServerSetup, ServerState};
pub use stick_table::{Table, Tracked, Tracking};
pub use variables::Variables;
