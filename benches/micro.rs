//! Micro-benchmarks of what runs for every request: matching a sample against a set of patterns, choosing a server.
//!
//! `cargo bench --bench micro [NAME]` prints the best of many short runs in nanoseconds, since foreign load only ever adds.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

use hydroxy::balance::{Balancer, Load, Loads, Method, ServerView, hash};
use hydroxy::ir::{Affinity, Balance, HashType};
use hydroxy::pattern::{MatchKind, PatternSet};

fn main() {
    // cargo passes `--bench`.
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with("--")).unwrap_or_default();
    let bench = Bench { wanted };
    for count in [1, 4, 20, 200, 10_000, 1_000_000] {
        patterns(&bench, count);
    }
    for count in [1, 3, 10, 100, 1000] {
        servers(&bench, count);
    }
}

/// Sets of `count` patterns, against a host and a path that match none, and against the last one.
fn patterns(bench: &Bench, count: usize) {
    let (host, path) = (b"api-x.internal.example.com", b"/static/images/logo/large.png?v=3");
    for fold in [false, true] {
        let case = if fold { "-i " } else { "" };
        let hosts = set(MatchKind::Str, fold, count, |at| format!("api-{at}.internal.example.com"));
        let last = format!("api-{}.internal.example.com", count - 1);
        bench.time(&format!("{case}str {count} miss"), |_| hosts.matches(black_box(host)));
        bench.time(&format!("{case}str {count} hit"), |_| hosts.matches(black_box(last.as_bytes())));
        if count > 200 {
            continue;
        }
        for (kind, pattern) in [
            (MatchKind::Beg, "/static/#"),
            (MatchKind::End, "#.png"),
            (MatchKind::Sub, "logos#"),
            (MatchKind::Dir, "logos#"),
            (MatchKind::Reg, "^/api#/v[0-9]+/"),
        ] {
            let set = set(kind, fold, count, |at| pattern.replace('#', &at.to_string()));
            bench.time(&format!("{case}{} {count} miss", kind.name()), |_| set.matches(black_box(path)));
        }
    }
    let nets = set(MatchKind::Ip, false, count, |at| format!("{}/24", address(at)));
    bench.time(&format!("ip {count}"), |at| nets.matches_ip(address(at / 2).into()));
    let ints = set(MatchKind::Int, false, count, |at| format!("{}:{}", at * 10, at * 10 + 5));
    bench.time(&format!("int {count}"), |at| ints.matches_int(at as i64));
}

fn method(balance: &Balance) -> Method<'_> {
    let (hash_type, affinity) = (HashType::default(), Affinity::Always);
    Method { balance, hash_type, factor: 0, affinity, all_backups: false }
}

/// Every algorithm over `count` servers.
fn servers(bench: &Bench, count: usize) {
    let loads = Atomics((0..count).map(|_| AtomicU32::new(0)).collect());
    let server = |at: usize| ServerView {
        id: at as u32,
        weight: 1 + at as u32 % 3,
        point: at as u32 * 4096,
        usable: true,
        backup: false,
    };
    let views: Vec<ServerView> = (0..count).map(server).collect();
    for (name, balance) in [
        ("roundrobin", Balance::RoundRobin),
        ("static-rr", Balance::StaticRr),
        ("leastconn", Balance::LeastConn),
        ("first", Balance::First),
        ("source", Balance::Source),
        ("random", Balance::Random(2)),
    ] {
        let balancer = Balancer::new(method(&balance), &views);
        bench.time(&format!("{name} {count} servers"), |at| {
            balancer.pick(&loads, Some(hash::source(address(at).into())), None).is_some()
        });
    }
}

fn set(kind: MatchKind, fold: bool, count: usize, pattern: impl Fn(usize) -> String) -> PatternSet<()> {
    let patterns: Vec<String> = (0..count).map(pattern).collect();
    PatternSet::build(kind, fold, patterns.iter().map(|p| (p.as_bytes(), ()))).expect("the patterns are valid")
}

/// Addresses scattered over the whole space.
fn address(at: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits((at as u32).wrapping_mul(2_654_435_761) & !0xff)
}

struct Atomics(Vec<AtomicU32>);

impl Loads for Atomics {
    fn load(&self, server: usize) -> Load {
        Load { served: self.0[server].load(Relaxed), limit: 100, ..Load::default() }
    }
}

struct Bench {
    wanted: String,
}

impl Bench {
    fn time(&self, name: &str, mut run: impl FnMut(usize) -> bool) {
        if !name.contains(&self.wanted) {
            return;
        }
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for at in 0..RUNS {
                black_box(run(at));
            }
            best = best.min(start.elapsed().as_nanos() as f64 / RUNS as f64);
        }
        println!("{name:32} {best:8.1} ns");
    }
}

const ROUNDS: usize = 100;
const RUNS: usize = 5_000;
