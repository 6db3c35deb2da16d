use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

/// Loads that a test sets by hand.
#[derive(Default)]
struct Fixed(RefCell<Vec<Load>>);

impl Loads for Fixed {
    fn load(&self, server: usize) -> Load {
        self.0.borrow().get(server).copied().unwrap_or_default()
    }
}

impl Fixed {
    fn limits(limits: &[u32]) -> Fixed {
        Fixed(RefCell::new(limits.iter().map(|limit| Load { limit: *limit, ..Load::default() }).collect()))
    }

    fn change(&self, server: usize, change: impl FnOnce(&mut Load)) {
        let mut loads = self.0.borrow_mut();
        if loads.len() <= server {
            loads.resize(server + 1, Load::default());
        }
        change(&mut loads[server]);
    }
}

fn server(id: u32, weight: u32) -> ServerView {
    ServerView { id, weight, point: id * 4096, usable: true, backup: false }
}

fn servers(weights: &[u32]) -> Vec<ServerView> {
    weights.iter().zip(1..).map(|(weight, id)| server(id, *weight)).collect()
}

fn method(balance: &Balance, all_backups: bool) -> Method<'_> {
    Method { balance, hash_type: HashType::default(), factor: 0, affinity: Affinity::Always, all_backups }
}

fn balancer(balance: Balance, weights: &[u32]) -> Balancer {
    Balancer::new(method(&balance, false), &servers(weights))
}

/// The next choices without any load, servers counted from 1.
fn picks(balancer: &Balancer, count: usize) -> Vec<usize> {
    (0..count).map(|_| balancer.pick(&Fixed::default(), None, None).map_or(0, |server| server + 1)).collect()
}

/// Like [`picks`], but each choice stays and counts as load; 0 is no server.
fn piled(balancer: &Balancer, loads: &Fixed, count: usize) -> Vec<usize> {
    let pick = |_| {
        let server = balancer.pick(loads, None, None)?;
        loads.change(server, |load| if load.is_full() { load.queued += 1 } else { load.served += 1 });
        Some(server)
    };
    (0..count).map(pick).map(|server| server.map_or(0, |server| server + 1)).collect()
}

/// Orders that HAProxy 2.6 and 2.8 gave; the last ones differ between the first round and the next.
#[test]
fn roundrobin_gives_the_reference_order() {
    for (weights, order) in [
        (&[1, 1, 1][..], &[1, 2, 3, 1, 2, 3][..]),
        (&[2, 2, 2], &[1, 2, 3, 1, 2, 3]),
        (&[1, 2, 3], &[3, 2, 3, 1, 3, 2, 3, 2, 3, 1, 3, 2]),
        (&[10, 20, 30], &[3, 2, 3, 1, 3, 2, 3, 2, 3, 1, 3, 2]),
        (&[3, 2, 1], &[1, 2, 1, 3, 1, 2, 1, 2, 1, 3, 1, 2]),
        (&[5, 1, 1], &[1, 1, 1, 2, 1, 1, 3, 1, 1, 1, 2, 1, 1, 3]),
        (&[1, 3], &[2, 2, 2, 1, 2, 2, 2, 1]),
        (&[4, 4, 1], &[1, 2, 1, 2, 1, 2, 1, 2, 3, 1, 2, 1, 2, 1, 2, 1, 2, 3]),
        (&[7, 3, 2], &[1, 1, 2, 1, 3, 1, 2, 1, 1, 1, 2, 3, 1, 1, 2, 1, 3, 1, 2, 1, 1, 1, 2, 3]),
        (&[1, 1, 2, 2], &[3, 4, 1, 3, 4, 2, 3, 4, 1, 3, 4, 2]),
        (&[256, 128, 64], &[1, 1, 2, 1, 3, 1, 2, 1, 1, 2, 1, 3, 1, 2]),
        (&[6, 5, 9, 3], &[3, 1, 3, 2, 1, 3, 4, 3, 2, 1, 3, 2, 1, 3, 4, 3, 1, 2, 3, 1, 3, 2, 4, 3, 1]),
        (&[3, 7, 3, 2, 3], &[2, 1, 2, 3, 5, 2, 4, 1, 2, 3, 2, 5, 2, 1, 2, 3, 4, 5, 2, 1, 2, 3, 5, 2, 4]),
        (&[3, 3, 2], &[1, 2, 1, 2, 3, 1, 2, 1, 3, 2, 1, 2, 3, 1, 2, 1, 3, 2]),
        (&[2, 3, 3], &[2, 3, 2, 3, 1, 2, 3, 2, 1, 3, 2, 3, 1, 2, 3, 2, 1, 3]),
        (
            &[7, 7, 3, 6],
            &[
                1, 2, 4, 1, 2, 4, 1, 2, 3, 4, 1, 2, 1, 4, 2, 3, 1, 4, 2, 1, 2, 4, 1, 3, 2, 4, 1, 2, 4, 1, 2, 3, 4, 1,
                2, 1, 4, 2, 3, 1, 4, 2, 1, 2, 4, 1,
            ],
        ),
    ] {
        assert_eq!(picks(&balancer(Balance::RoundRobin, weights), order.len()), order, "{weights:?}");
    }
}

#[test]
fn static_rr_gives_the_reference_order() {
    for (weights, order) in [
        (&[1, 1, 1][..], &[1, 2, 3, 1, 2, 3][..]),
        (&[1, 2, 3], &[1, 3, 2, 3, 2, 3, 1, 3, 2, 3, 2, 3]),
        (&[3, 2, 1], &[1, 1, 2, 1, 2, 3]),
        (&[5, 1, 1], &[1, 1, 1, 2, 1, 1, 3]),
        (&[1, 3], &[1, 2, 2, 2]),
        (&[7, 3, 2], &[1, 1, 2, 1, 2, 3, 1, 1, 1, 2, 1, 3]),
        (&[1, 1, 2, 2], &[1, 2, 3, 4, 3, 4]),
        (&[256, 128, 64], &[1, 1, 2, 1, 2, 1, 3]),
    ] {
        assert_eq!(picks(&balancer(Balance::StaticRr, weights), order.len()), order, "{weights:?}");
    }
}

#[test]
fn source_maps_addresses_as_the_reference_does() {
    let place = |weights: &[u32], last: u8| {
        let key = hash::source([127, 0, 0, last].into());
        balancer(Balance::Source, weights).pick(&Fixed::default(), Some(key), None).unwrap() + 1
    };
    for (weights, servers) in
        [(&[1, 1, 1][..], [3, 1, 2, 3, 1, 2]), (&[1, 2, 3], [3, 1, 3, 2, 3, 2]), (&[7, 3, 2], [3, 1, 1, 1, 2, 1])]
    {
        let found: Vec<usize> = (1..=6).map(|last| place(weights, last)).collect();
        assert_eq!(found, servers, "{weights:?}");
    }
}

#[test]
fn source_keeps_to_its_server_but_for_one_that_failed() {
    let balancer = balancer(Balance::Source, &[1, 1, 1]);
    let loads = Fixed::limits(&[1, 1, 1]);
    (0..3).for_each(|server| loads.change(server, |load| load.served = 1));
    assert_eq!(balancer.pick(&loads, Some(4), None), Some(1));
    assert_eq!(balancer.pick(&loads, Some(4), Some(1)), Some(2));
    assert_eq!(picks(&balancer, 4), [1, 2, 3, 1], "without an address servers take turns");
}

#[test]
fn leastconn_weighs_loads_as_the_reference_does() {
    for (weights, order) in [
        (&[1, 1, 1][..], &[1, 2, 3, 1, 2, 3, 1, 2, 3][..]),
        (&[1, 2, 3], &[1, 2, 3, 3, 2, 3, 3, 2, 3, 1, 2, 3, 3, 2]),
        (&[3, 2, 1], &[1, 2, 3, 1, 2, 1, 1, 2, 1, 3, 2, 1, 1, 2]),
        (&[1, 5], &[1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2]),
    ] {
        assert_eq!(piled(&balancer(Balance::LeastConn, weights), &Fixed::default(), order.len()), order, "{weights:?}");
    }
    assert_eq!(picks(&balancer(Balance::LeastConn, &[1, 3]), 6), [1, 2, 1, 2, 1, 2], "idle servers take turns");
    let (balancer, loads) = (balancer(Balance::LeastConn, &[1, 1, 1]), Fixed::default());
    assert_eq!(piled(&balancer, &loads, 6), [1, 2, 3, 1, 2, 3]);
    loads.change(1, |load| load.served -= 1);
    assert_eq!(piled(&balancer, &loads, 1), [2]);
    loads.change(0, |load| load.served -= 1);
    loads.change(2, |load| load.served -= 1);
    assert_eq!(piled(&balancer, &loads, 3), [1, 3, 2]);
}

#[test]
fn full_servers_are_passed_over_and_none_is_left_at_last() {
    for balance in [Balance::RoundRobin, Balance::StaticRr, Balance::LeastConn, Balance::First] {
        let balancer = balancer(balance, &[1, 1]);
        assert_eq!(piled(&balancer, &Fixed::limits(&[1, 3]), 6), [1, 2, 2, 2, 0, 0]);
    }
    let random = balancer(Balance::Random(2), &[1, 1]);
    let mut random = piled(&random, &Fixed::limits(&[1, 3]), 6);
    random.sort_unstable();
    assert_eq!(random, [0, 0, 1, 2, 2, 2]);
}

#[test]
fn leastconn_fills_bounded_queues() {
    let loads = Fixed::limits(&[1, 1]);
    (0..2).for_each(|server| loads.change(server, |load| load.queue_limit = 1));
    assert_eq!(piled(&balancer(Balance::LeastConn, &[1, 1]), &loads, 6), [1, 2, 1, 2, 0, 0]);
    let loads = Fixed::limits(&[1, 1]);
    (0..2).for_each(|server| loads.change(server, |load| load.queue_limit = 1));
    assert_eq!(piled(&balancer(Balance::RoundRobin, &[1, 1]), &loads, 3), [1, 2, 0]);
}

#[test]
fn first_goes_by_id() {
    let servers = [server(30, 1), server(2, 1), server(10, 9)];
    let first = Balancer::new(method(&Balance::First, false), &servers);
    assert_eq!(piled(&first, &Fixed::limits(&[2, 1, 0]), 5), [2, 3, 3, 3, 3]);
    assert_eq!(piled(&balancer(Balance::First, &[1, 1, 1]), &Fixed::limits(&[2, 1, 0]), 5), [1, 1, 2, 3, 3]);
}

#[test]
fn backup_servers_step_in_when_no_other_is_usable() {
    let backup = |weight| ServerView { backup: true, ..server(2, weight) };
    let down = ServerView { usable: false, ..server(1, 1) };
    let choose = |servers: &[ServerView], all| picks(&Balancer::new(method(&Balance::RoundRobin, all), servers), 6);
    assert_eq!(choose(&[down, backup(2), backup(1)], true), [2, 2, 3, 2, 2, 3]);
    assert_eq!(choose(&[down, backup(2), backup(1)], false), [2; 6]);
    assert_eq!(choose(&[down, backup(0), backup(1)], false), [3; 6]);
    assert_eq!(choose(&[server(1, 0), backup(1)], false), [2; 6]);
    assert_eq!(choose(&[server(1, 1), backup(1)], true), [1; 6]);
    assert_eq!(choose(&[down, server(1, 0)], false), [0; 6]);
    assert_eq!(choose(&[], false), [0; 6]);
    let only = Balancer::new(method(&Balance::RoundRobin, false), &[down, backup(1)]);
    let full = Fixed::limits(&[1, 1]);
    full.change(1, |load| load.served = 1);
    assert_eq!(only.pick(&full, None, None), Some(1), "the first backup is never passed over");
    let primary_full = Balancer::new(method(&Balance::RoundRobin, false), &[server(1, 1), backup(1)]);
    full.change(0, |load| load.served = 1);
    assert_eq!((primary_full.pick(&full, None, None), primary_full.active()), (None, 1));
}

#[test]
fn a_server_to_avoid_is_the_last_resort() {
    use Balance::{First, LeastConn, Random, RoundRobin, Source, StaticRr};
    for make in [|| RoundRobin, || StaticRr, || LeastConn, || First, || Source, || Random(2)] {
        let (two, one) = (balancer(make(), &[3, 1]), balancer(make(), &[3]));
        for key in 0..20 {
            assert_eq!(two.pick(&Fixed::default(), Some(key), Some(0)), Some(1));
            assert_eq!(two.pick(&Fixed::default(), Some(key), Some(1)), Some(0));
            assert_eq!(one.pick(&Fixed::default(), Some(key), Some(0)), Some(0));
        }
    }
}

#[test]
fn random_respects_weights_and_prefers_the_less_loaded() {
    let count = |balancer: &Balancer, loads: &Fixed| {
        let mut counts = HashMap::new();
        for _ in 0..40_000 {
            *counts.entry(balancer.pick(loads, None, None).unwrap()).or_insert(0i32) += 1;
        }
        counts
    };
    let counts = count(&balancer(Balance::Random(1), &[1, 2, 5]), &Fixed::default());
    for (server, expected) in [(0, 5_000), (1, 10_000), (2, 25_000i32)] {
        assert!((counts[&server] - expected).abs() < 600, "{counts:?}");
    }
    let loads = Fixed::default();
    loads.change(1, |load| load.served = 1);
    let counts = count(&balancer(Balance::Random(2), &[1, 1]), &loads);
    assert!((counts[&0] - 30_000).abs() < 600, "{counts:?}");
    loads.change(0, |load| (load.served, load.rate) = (1, 1));
    let counts = count(&balancer(Balance::Random(2), &[1, 1]), &loads);
    assert!((counts[&1] - 30_000).abs() < 600, "{counts:?}");
}

#[test]
fn a_rebuilt_balancer_goes_on_where_the_old_one_was() {
    let up = servers(&[1, 1, 1]);
    let mut down = up.clone();
    down[2].usable = false;
    for make in [|| Balance::RoundRobin, || Balance::StaticRr, || Balance::LeastConn] {
        let first = Balancer::new(method(&make(), false), &up);
        assert_eq!(picks(&first, 2), [1, 2]);
        let without = first.rebuild(method(&make(), false), &down);
        assert_eq!(picks(&without, 3), [1, 2, 1]);
        let again = without.rebuild(method(&make(), false), &up);
        assert_eq!(picks(&again, 2).len(), 2);
        assert_eq!(picks(&first.rebuild(method(&make(), false), &up), 2), [3, 1]);
    }
}

#[test]
fn many_cores_give_each_server_its_exact_share() {
    struct Free;
    impl Loads for Free {
        fn load(&self, _: usize) -> Load {
            Load::default()
        }
    }
    let balancer = balancer(Balance::RoundRobin, &[1, 2, 3]);
    let counts: [AtomicU32; 3] = Default::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3_000 {
                    counts[balancer.pick(&Free, None, None).unwrap()].fetch_add(1, Relaxed);
                }
            });
        }
    });
    assert_eq!(counts.map(AtomicU32::into_inner), [2_000, 4_000, 6_000]);
}

#[test]
fn every_round_but_the_first_gives_each_server_its_weight() {
    let seed = Cell::new(3u64);
    let below = |most: u64| {
        seed.set(seed.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        (seed.get() >> 33) % most
    };
    for _ in 0..200 {
        let weights: Vec<u32> = (0..1 + below(9)).map(|_| 1 + below(256) as u32).collect();
        let total: u32 = weights.iter().sum();
        for balance in [Balance::RoundRobin, Balance::StaticRr] {
            let balancer = balancer(balance, &weights);
            // A newcomer that had to wait may get one turn less in the first round; so it is with the reference.
            picks(&balancer, total as usize);
            for _ in 0..3 {
                let mut counts = vec![0; weights.len()];
                picks(&balancer, total as usize).into_iter().for_each(|server| counts[server - 1] += 1);
                assert_eq!(counts, weights);
            }
        }
    }
}

/// The borders that HAProxy 2.8 showed between two servers of weight 1: the first key of each stretch, and its server.
#[test]
fn the_ring_has_the_points_of_the_reference() {
    let balance = Balance::Source;
    let consistent = HashType { consistent: true, ..HashType::default() };
    let ring = Balancer::new(Method { hash_type: consistent, ..method(&balance, false) }, &servers(&[16, 16]));
    let at = |key: u64| ring.pick(&Fixed::default(), Some(key), None).map(|server| server + 1);
    for (key, server) in [
        (454_777_334, 1),
        (808_493_020, 2),
        (867_543_953, 1),
        (1_074_034_911, 2),
        (1_997_430_269, 2),
        (2_635_918_096, 1),
        (3_974_725_656, 1),
        (4_020_750_709, 2),
    ] {
        assert_eq!((at(key - 1), at(key)), (Some(3 - server), Some(server)), "{key}");
    }
    assert_eq!(ring.pick(&Fixed::default(), Some(808_493_020), Some(1)), Some(0), "the next one on the ring");
}

#[test]
fn a_bounded_ring_gives_no_server_more_than_its_share() {
    let balance = Balance::Source;
    let consistent = HashType { consistent: true, ..HashType::default() };
    let method = Method { hash_type: consistent, factor: 150, ..method(&balance, false) };
    let ring = Balancer::new(method, &servers(&[16, 16, 16]));
    let loads = Fixed::default();
    for _ in 0..30 {
        let server = ring.pick(&loads, Some(7), None).unwrap();
        loads.change(server, |load| load.served += 1);
    }
    let mut served: Vec<u32> = loads.0.borrow().iter().map(|load| load.served).collect();
    served.sort_unstable();
    assert_eq!((served.iter().sum::<u32>(), served[2]), (30, 15), "half as much again as a third");
}

#[test]
fn a_hash_passes_over_full_servers_where_it_may() {
    let balance = Balance::Source;
    for consistent in [false, true] {
        let hash_type = HashType { consistent, ..HashType::default() };
        let method = Method { hash_type, affinity: Affinity::MaxConn, ..method(&balance, false) };
        let some = Balancer::new(method, &servers(&[16, 16]));
        let loads = Fixed::limits(&[1, 1]);
        let first = some.pick(&loads, Some(9), None).unwrap();
        loads.change(first, |load| load.served = 1);
        assert_eq!(some.pick(&loads, Some(9), None), Some(1 - first));
    }
}
