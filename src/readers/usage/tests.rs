//! Rows whose sums are known.

use super::*;
use crate::formats::kv::CatalogRoute;
use crate::formats::mvcc::RowKey;

/// A time in the middle of what HLC timestamps can say.
const NOW: u64 = 117_651_883_989_598_226;
const MINUTE: u64 = 60_000 << 16;

fn collector(top: usize, routes: Option<Vec<Route>>) -> UsageCollector {
    UsageCollector::new(UsageRequest { as_of: Some(HlcTimestamp(NOW)), routes, top })
}

fn version(usage: &mut UsageCollector, user_key: &[u8], ts: u64, value: &[u8]) {
    let key = RowKey { user_key, commit_ts: HlcTimestamp(ts) }.encode();
    usage.row(&key, value.len() as u64, value.get(..48).unwrap_or(value), None);
}

fn live(body: &[u8]) -> Vec<u8> {
    [&[0; 9], body].concat()
}

fn rows(states: &StateSums) -> [u64; 6] {
    states.by_state().map(|(_, sum)| sum.rows)
}

#[test]
fn each_row_is_one_thing() {
    let mut usage = collector(3, None);
    let past = (NOW >> 16) - 1;
    version(&mut usage, b"!ddb|item|dDE|1|p\0\x01", NOW, &live(b"\0DI\x01"));
    version(&mut usage, b"!ddb|item|dDE|1|p\0\x01", NOW - MINUTE, &live(b"\0DI\x01"));
    version(&mut usage, b"!ddb|item|dDE|1|p\0\x01", NOW - 31 * MINUTE, &live(b"\0DI\x01"));
    version(&mut usage, b"!ddb|item|dDE|1|p\0\x01", NOW - 32 * MINUTE, &live(b"\0DI\x01"));
    version(&mut usage, b"!hs|fld|\0\0\0\x01hf", NOW, &live(b"12345"));
    version(&mut usage, b"!hs|fld|\0\0\0\x01hg", NOW, &live(b"12345"));
    version(&mut usage, b"!redis|str|gone", NOW, &[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    version(&mut usage, b"!redis|str|past", NOW, &live(&[&b"\xff\x01\x01"[..], &past.to_be_bytes(), b"v"].concat()));
    version(&mut usage, b"!redis|str|sealed", NOW, &[2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    version(&mut usage, b"!redis|str|then", NOW, &live(&[&b"\xff\x01\x01"[..], &(past + 9).to_be_bytes(), b"v"].concat()));
    version(&mut usage, b"!redis|str|worse", NOW, &[9]);
    let lock = [&[1][..], &5_u64.to_be_bytes(), &(NOW - 1).to_be_bytes(), &[1]].concat();
    version(&mut usage, b"!txn|lock|!ddb|item|dDE|1|p\0\x01", NOW, &live(&lock));
    usage.row(b"_meta_applied_index", 8, &[7, 0, 0, 0, 0, 0, 0, 0], None);
    let usage = usage.finish();
    // Live, old, deleted, expired, sealed, malformed.
    assert_eq!(rows(&usage.total), [6, 3, 1, 1, 1, 1]);
    let class = |name: &str| rows(&usage.classes.iter().find(|class| class.space == name).unwrap().states);
    assert_eq!(class("dynamodb-item"), [1, 3, 0, 0, 0, 0]);
    assert_eq!(class("redis-string"), [1, 0, 1, 1, 1, 1]);
    let [table] = usage.owners.as_slice() else { panic!("{:?}", usage.owners) };
    assert_eq!((table.owner.as_str(), rows(&table.states)), ("ddb:t1", [2, 3, 0, 0, 0, 0]), "the lock is the table's");
    let item = 19 + 8 + 13;
    let now = usage.reclaimable.now.unwrap();
    assert_eq!((now, usage.reclaimable.in_the_end), (RowSum { rows: 1, bytes: item }, RowSum { rows: 3, bytes: 3 * item }));
    assert_eq!((usage.transactions.locks.rows, usage.transactions.expired_locks), (1, 1));
    let largest: Vec<_> = usage.largest.iter().map(|keys| (keys.logical.as_deref().unwrap(), keys.rows)).collect();
    assert_eq!(largest, [("ddb:t1/p", 4), ("redis:h", 2), ("ddb:t1/p", 1)]);
    let bytes: u64 = usage.classes.iter().map(|class| class.key_bytes + class.value_bytes).sum();
    assert_eq!(bytes, usage.total.total().bytes);
}

#[test]
fn without_a_newest_commit_nothing_has_expired() {
    let mut usage = UsageCollector::new(UsageRequest::default());
    version(&mut usage, b"!redis|ttl|k", 9, &live(&1_u64.to_be_bytes()));
    version(&mut usage, b"!redis|ttl|k", 8, &live(&1_u64.to_be_bytes()));
    let usage = usage.finish();
    assert_eq!((rows(&usage.total), usage.reclaimable.now, usage.largest.len()), ([1, 1, 0, 0, 0, 0], None, 0));
}

#[test]
fn ranges_are_of_route_keys() {
    let route = |start: &[u8], end: Option<&[u8]>, route| {
        Route::of(&CatalogRoute { route, group: route, state: "active", parent: 0, start, end, split_at: None })
    };
    let routes = vec![route(b"m", Some(b"t"), 2), route(b"", Some(b"m"), 1)];
    let mut usage = collector(1, Some(routes));
    version(&mut usage, b"!redis|str|a", NOW, &live(b"1"));
    version(&mut usage, b"!redis|str|n", NOW, &live(b"1"));
    version(&mut usage, b"!redis|str|z", NOW, &live(b"1"));
    let ranges = usage.finish().ranges.unwrap();
    let found: Vec<_> = ranges.iter().map(|range| (range.route, range.states.live.rows)).collect();
    assert_eq!(found, [(Some(1), 1), (Some(2), 1), (None, 1)]);
}

#[test]
fn too_many_owners_are_others_to_the_row() {
    let mut usage = collector(1, None);
    let names = 20_000_u32;
    for number in 0..names {
        let name = format!("!s3|bucket|meta|b{number:06}\0\x01");
        version(&mut usage, name.as_bytes(), NOW, &live(b"{}"));
    }
    let usage = usage.finish();
    let listed: u64 = usage.owners.iter().map(|owner| owner.states.total().rows).sum();
    assert!(listed > 100 && usage.other_owners.total().rows > 0, "{listed}");
    assert_eq!(listed + usage.other_owners.total().rows, u64::from(names));
}

/// What is remembered of the row before does not change what a row belongs to.
#[test]
fn rows_belong_to_the_same_whatever_comes_before_them() {
    let route = |number, start: &'static [u8], end: Option<&'static [u8]>| {
        Route::of(&CatalogRoute { route: number, group: number, state: "active", parent: 0, start, end, split_at: None })
    };
    let routes = || {
        let table = b"!ddb|route|table|dDF";
        let object = b"!s3route|b\0\x01\0\0\0\0\0\0\0\x01l";
        let bounds = [&b""[..], table, object, b"!sqs|", b"k", b"m"];
        let ends = bounds.iter().skip(1).map(|end| Some(*end)).chain([Some(&b"n"[..])]);
        (1..).zip(bounds).zip(ends).map(|((number, start), end)| route(number, start, end)).collect::<Vec<_>>()
    };
    let keys: [&[u8]; 22] = [
        b"!ddb|gsi|dDE|1|aTE|x\0\x01p0\0\x01",
        b"!ddb|item|dDE|1|p0\0\x01",
        b"!ddb|item|dDE|1|p1\0\x01",
        b"!ddb|item|dDEx|1|p1\0\x01",
        b"!ddb|item|dDI|1|p1\0\x01",
        b"!ddb|meta|table|dDI",
        b"!hs|fld|\0\0\0\x01hf",
        b"!redis|str|a",
        b"!redis|str|l",
        b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01u\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02",
        b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01l\0\x01u\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02",
        b"!s3|chunkblob|ab",
        b"!sqs|msg|data|cTE\0\0\0\0\0\0\0\x01bTE",
        b"!sqs|msg|data|cTEx\0\0\0\0\0\0\0\x01bTE",
        b"!sqs|msg|dedup|p|cTE|\0\0\0\x01\0\0\0\0\0\0\0\x01Z3A|bTE",
        b"!sqs|msg|vis|cTE\0\0\0\0\0\0\0\x01\0\0\x01\xa1\xfb\xc3\xba\x96bTE",
        b"!sqs|queue|meta|cTE",
        b"!sqs|queue|meta|cTEx",
        b"!txn|lock|!ddb|item|dDE|1|p0\0\x01",
        b"a",
        b"l",
        b"z",
    ];
    let mut together = collector(3, Some(routes()));
    let (mut owners, mut ranges) = (BTreeMap::new(), BTreeMap::new());
    for key in keys {
        version(&mut together, key, NOW, &live(b"v"));
        let mut alone = collector(3, Some(routes()));
        version(&mut alone, key, NOW, &live(b"v"));
        let alone = alone.finish();
        for owner in alone.owners {
            *owners.entry(owner.owner).or_insert(0) += owner.states.total().rows;
        }
        for range in alone.ranges.unwrap() {
            *ranges.entry(range.route).or_insert(0) += range.states.total().rows;
        }
    }
    let together = together.finish();
    assert_eq!(
        together.owners.into_iter().map(|owner| (owner.owner, owner.states.total().rows)).collect::<BTreeMap<_, _>>(),
        owners
    );
    let of_all = together.ranges.unwrap().into_iter().map(|range| (range.route, range.states.total().rows));
    assert_eq!(of_all.collect::<BTreeMap<_, _>>(), ranges);
    let rows: Vec<_> = ranges.into_iter().collect();
    // Hashes and chunks by content go by their own keys.
    assert_eq!(rows, [(None, 1), (Some(1), 5), (Some(2), 4), (Some(3), 2), (Some(4), 8), (Some(5), 2), (Some(6), 0)]);
}
