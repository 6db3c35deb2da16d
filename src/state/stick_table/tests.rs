//! Tables on a virtual clock: expiry, purge, tracking.

use std::net::Ipv4Addr;

use super::*;
use crate::base::stick::{DataType, Stored};

fn spec(key: KeyType, size: u32) -> TableSpec {
    let stored = |data, period_ms| Stored { data, elements: 1, period_ms };
    TableSpec {
        size,
        store: vec![
            stored(DataType::ConnCnt, 0),
            stored(DataType::ConnRate, 1_000),
            stored(DataType::ConnCur, 0),
            Stored { data: DataType::Gpc, elements: 2, period_ms: 0 },
        ],
        ..TableSpec::new("t", key)
    }
}

fn expiring(size: u32, expire_ms: u64) -> Table {
    Table::new(TableSpec { expire_ms: Some(expire_ms), ..spec(KeyType::String, size) })
}

fn keys(table: &Table, now_ms: u64) -> Vec<String> {
    let mut keys: Vec<_> =
        table.entries(now_ms).iter().map(|entry| String::from_utf8_lossy(entry.key()).into_owned()).collect();
    keys.sort();
    keys
}

#[test]
fn entries_expire_after_their_last_use() {
    let table = expiring(10, 100);
    table.obtain(b"a", 1_000).unwrap();
    table.obtain(b"b", 1_000).unwrap();
    table.obtain(b"a", 1_060).unwrap();
    assert!(table.find(b"b", 1_099).is_some() && table.find(b"b", 1_100).is_none());
    assert_eq!(keys(&table, 1_120), ["a"]);
    assert_eq!((table.used(1_120), table.available(1_120)), (1, 9));
    assert_eq!(table.expires_in(&table.find(b"a", 1_120).unwrap(), 1_120), 40);
    assert_eq!(table.used(1_160), 0);
}

#[test]
fn looking_does_not_prolong_a_life() {
    let table = expiring(10, 100);
    table.obtain(b"a", 0).unwrap();
    assert!(table.find(b"a", 99).is_some() && table.find(b"a", 100).is_none());
    // What comes back has forgotten everything.
    let entry = table.obtain(b"a", 100).unwrap();
    assert_eq!(table.open(&entry, 100).value(DataType::ConnCnt, 0), Some(0));
}

#[test]
fn a_full_table_drops_the_entry_that_was_not_used_for_longest() {
    let table = Table::new(spec(KeyType::String, 3));
    for (key, at) in [(b"a", 1), (b"b", 2), (b"c", 3), (b"a", 4), (b"d", 5)] {
        assert!(table.obtain(key, at).is_some());
    }
    assert_eq!(keys(&table, 6), ["a", "c", "d"]);
}

#[test]
fn a_full_table_with_nopurge_refuses_new_entries_until_old_ones_expire() {
    let spec = TableSpec { nopurge: true, expire_ms: Some(100), ..spec(KeyType::String, 2) };
    let table = Table::new(spec);
    assert!(table.obtain(b"a", 0).is_some() && table.obtain(b"b", 50).is_some());
    assert!(table.obtain(b"c", 99).is_none() && table.obtain(b"a", 99).is_some());
    assert!(table.obtain(b"c", 150).is_some());
    assert_eq!(keys(&table, 150), ["a", "c"]);
}

#[test]
fn tracked_entries_stay_and_count_connections() {
    let table = Arc::new(expiring(1, 100));
    let (one, two) = (Tracking::start(&table, b"a", 0).unwrap(), Tracking::start(&table, b"a", 10).unwrap());
    assert!(table.obtain(b"b", 20).is_none(), "there is no room");
    assert!(table.find(b"a", 5_000).is_some());
    let value = |data, now| table.open(one.entry(), now).value(data, 0);
    assert_eq!((value(DataType::ConnCur, 10), value(DataType::ConnCnt, 10)), (Some(2), Some(2)));
    assert_eq!((value(DataType::ConnRate, 500), value(DataType::SessCnt, 10)), (Some(2), None));
    let mut tracked = Tracked::default();
    tracked.set(2, two);
    assert!(tracked.counter(0).is_none() && tracked.counter(2).is_some());
    tracked.stop(6_000);
    assert!(tracked.is_empty());
    assert_eq!(value(DataType::ConnCur, 6_000), Some(1));
    let entry = one.entry().clone();
    drop(one);
    assert_eq!((entry.trackers(), table.used(6_099), table.used(6_100)), (0, 1, 0));
}

#[test]
fn keys_are_cut_padded_and_converted() {
    let key = |key, value| {
        let table = Table::new(TableSpec { len: 4, ..spec(key, 1) });
        table.key(value).map(Cow::into_owned)
    };
    assert_eq!(key(KeyType::String, Value::str(b"abcdef")), Some(b"abcd".to_vec()));
    assert_eq!(key(KeyType::Binary, Value::str(b"ab")), Some(b"ab\0\0".to_vec()));
    assert_eq!(key(KeyType::Integer, Value::Int(-1)), Some(vec![255; 4]));
    let mapped = Value::Ipv6(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    assert_eq!(key(KeyType::Ipv4, mapped), Some(vec![127, 0, 0, 1]));
    assert_eq!(key(KeyType::Ipv4, Value::Ipv6(std::net::Ipv6Addr::LOCALHOST)), None);
}

#[test]
fn gpc0_is_the_first_of_an_array() {
    let table = Table::new(spec(KeyType::Integer, 1));
    let entry = table.obtain(&[0; 4], 0).unwrap();
    let mut open = table.open(&entry, 0);
    assert_eq!((open.add(DataType::Gpc0, 0, 2), open.add(DataType::Gpc, 0, 1)), (Some(2), Some(3)));
    assert_eq!((open.add(DataType::Gpc1, 0, 5), open.value(DataType::Gpc, 1)), (Some(5), Some(5)));
    // 32 bits are all that a counter has.
    assert_eq!(open.add(DataType::Gpc1, 0, u64::from(u32::MAX)), Some(4));
    assert_eq!((open.value(DataType::Gpc, 2), open.set(DataType::Gpc0, 0, 0)), (None, Some(3)));
}

#[test]
fn a_table_of_many_shards_never_holds_more_than_its_size() {
    let table = Table::new(spec(KeyType::Integer, 10_000));
    for n in 0_u32..30_000 {
        assert!(table.obtain(&n.to_be_bytes(), u64::from(n)).is_some());
    }
    assert_eq!((table.used(30_000), table.entries(30_000).len()), (10_000, 10_000));
}
