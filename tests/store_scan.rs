//! Scans of stores made here: the newest state of every key, from logs and levels, against a model.

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::readers::pebble::{KeyState, Store};
use ekv_tool::readers::pebble_scan::{Scan, ScanStats, separate};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{DEL, MERGE, Options, RANGEDEL, SET};

/// One write; its number is its position.
#[derive(Debug, Clone)]
enum Op {
    Put(Vec<u8>, Vec<u8>),
    Merge(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    DeleteRange(Vec<u8>, Vec<u8>),
}

const FIRST_SEQ: u64 = 10;

fn apply(model: &mut BTreeMap<Vec<u8>, Vec<u8>>, op: &Op) {
    match op {
        Op::Put(key, value) => {
            model.insert(key.clone(), value.clone());
        }
        Op::Merge(key, value) => model.entry(key.clone()).or_default().extend_from_slice(value),
        Op::Delete(key) => {
            model.remove(key);
        }
        Op::DeleteRange(start, end) => model.retain(|key, _| key < start || key >= end),
    }
}

fn points(ops: &[(u64, Op)]) -> Vec<(Vec<u8>, u64, u8, Vec<u8>)> {
    let mut points: Vec<_> = ops
        .iter()
        .filter_map(|(seq, op)| match op {
            Op::Put(key, value) => Some((key.clone(), *seq, SET, value.clone())),
            Op::Merge(key, value) => Some((key.clone(), *seq, MERGE, value.clone())),
            Op::Delete(key) => Some((key.clone(), *seq, DEL, Vec::new())),
            Op::DeleteRange(..) => None,
        })
        .collect();
    points.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    points
}

/// Writes `ops` into one table of `level`, or into several that do not overlap.
fn write_level(store: &mut StoreWriter, level: u64, ops: &[(u64, Op)]) {
    // Rows and columns, beside and above each other.
    let version = [7, 4, 6, 4, 4, 4, 5][usize::try_from(level).unwrap()];
    let options = Options { version, block_size: 120, restart_interval: 3, ..Options::default() };
    let points = points(ops);
    let spans: Vec<_> = ops
        .iter()
        .filter_map(|(seq, op)| match op {
            Op::DeleteRange(start, end) => Some((start.clone(), end.clone(), *seq)),
            _ => None,
        })
        .collect();
    let mut write = |points: &[(Vec<u8>, u64, u8, Vec<u8>)], spans: &[(Vec<u8>, Vec<u8>, u64)]| {
        if points.is_empty() && spans.is_empty() {
            return;
        }
        store
            .table(level, options, |writer| {
                for (key, seq, kind, value) in points {
                    writer.point(key, *seq, *kind, value)?;
                }
                for (start, end, seq) in spans {
                    writer.range_del(start, end, *seq);
                }
                Ok(())
            })
            .unwrap();
    };
    if level == 0 || !spans.is_empty() {
        write(&points, &spans);
        return;
    }
    // Cut where the key changes, about in the middle.
    let cut = (points.len() / 2..points.len()).find(|&at| at > 0 && points[at].0 != points[at - 1].0).unwrap_or(points.len());
    write(&points[..cut], &[]);
    write(&points[cut..], &[]);
}

/// Writes the oldest part to the deepest level and the newest to the log.
fn write_store(dir: &Path, ops: &[Op], cuts: &[usize]) {
    let numbered: Vec<_> = ops.iter().cloned().zip(FIRST_SEQ..).map(|(op, seq)| (seq, op)).collect();
    let mut store = StoreWriter::new(dir).unwrap();
    let mut rest = numbered.as_slice();
    for (level, cut) in [6, 5, 2, 0, 0].into_iter().zip(cuts) {
        let (part, after) = rest.split_at(cut % (rest.len() + 1));
        // Spans of one table must not overlap: one a part is enough here.
        let mut seen = false;
        let single = part.iter().all(|(_, op)| !matches!(op, Op::DeleteRange(..)) || !std::mem::replace(&mut seen, true));
        let part = if single { part } else { &[] };
        if single {
            write_level(&mut store, level, part);
            rest = after;
        }
    }
    for (seq, op) in rest {
        match op {
            Op::Put(key, value) => store.batch(*seq, &[(SET, key, value)]),
            Op::Merge(key, value) => store.batch(*seq, &[(MERGE, key, value)]),
            Op::Delete(key) => store.batch(*seq, &[(DEL, key, b"")]),
            Op::DeleteRange(start, end) => store.batch(*seq, &[(RANGEDEL, start, end)]),
        }
    }
    store.finish().unwrap();
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn scan(store: &Store, from: &[u8]) -> (Rows, ScanStats) {
    let mut scan = separate(Scan::new(store, from)).unwrap().unwrap();
    let mut rows = Vec::new();
    while separate(scan.next()).unwrap().unwrap() {
        rows.push((scan.key().to_vec(), scan.value().to_vec()));
    }
    (rows, scan.stats())
}

fn arbitrary_op() -> impl Strategy<Value = Op> {
    let key = || proptest::collection::vec(97..101_u8, 1..4);
    let value = || proptest::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| Op::Put(key, value)),
        1 => (key(), value()).prop_map(|(key, value)| Op::Merge(key, value)),
        2 => key().prop_map(Op::Delete),
        1 => (key(), key()).prop_filter("not empty", |(a, b)| a != b).prop_map(|(a, b)| {
            if a < b { Op::DeleteRange(a, b) } else { Op::DeleteRange(b, a) }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_scan_is_the_newest_state_of_every_key(
        ops in proptest::collection::vec(arbitrary_op(), 0..120),
        cuts in proptest::collection::vec(0..60_usize, 5),
        from in proptest::collection::vec(97..101_u8, 0..3),
    ) {
        let dir = tempfile::tempdir().unwrap();
        write_store(dir.path(), &ops, &cuts);
        let mut model = BTreeMap::new();
        for op in &ops {
            apply(&mut model, op);
        }
        let store = Store::open(dir.path(), &Run::local()).unwrap();
        prop_assert!(store.facts.wrong_tables.is_empty());
        let expected: Vec<_> = model.clone().into_iter().filter(|(key, _)| *key >= from).collect();
        let (rows, stats) = scan(&store, &from);
        prop_assert_eq!(&rows, &expected);
        prop_assert_eq!((stats.live, stats.misplaced), (expected.len() as u64, 0));
        // A lookup of one key and a scan of all agree.
        for (key, value) in &model {
            let KeyState::Value(found) = store.get(key) else { panic!("{key:?} is not found") };
            prop_assert_eq!(&found.value, value);
        }
    }
}

#[test]
fn an_older_record_above_a_newer_one_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = StoreWriter::new(dir.path()).unwrap();
    for (level, seq) in [(6, 20), (0, 15)] {
        store.table(level, Options::default(), |writer| writer.point(b"k", seq, SET, b"v")).unwrap();
    }
    store.finish().unwrap();
    let store = Store::open(dir.path(), &Run::local()).unwrap();
    let stats = scan(&store, b"").1;
    assert_eq!(stats, ScanStats { records: 2, keys: 1, live: 1, misplaced: 1, table_bytes: stats.table_bytes, blocks: 2 });
}

#[test]
fn numbers_that_the_manifest_does_not_know_are_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = StoreWriter::new(dir.path()).unwrap();
    store
        .table(0, Options::default(), |writer| {
            writer.point(b"a", 30, DEL, b"")?;
            writer.point(b"a", 20, SET, b"older")?;
            writer.range_del(b"a", b"z", 31);
            writer.point(b"b", 30, SET, b"newer")
        })
        .unwrap();
    store.last_seq(25);
    store.finish().unwrap();
    let store = Store::open(dir.path(), &Run::local()).unwrap();
    assert_eq!(scan(&store, b"").0, [(b"a".to_vec(), b"older".to_vec())]);
    assert!(matches!(store.get(b"b"), KeyState::Absent));
}

#[test]
fn a_scan_ends_where_a_table_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = StoreWriter::new(dir.path()).unwrap();
    let options = Options { block_size: 200, ..Options::default() };
    let number = store
        .table(6, options, |writer| (0..100).try_for_each(|n| writer.point(format!("k{n:03}").as_bytes(), 10 + n, SET, b"value")))
        .unwrap();
    store.finish().unwrap();
    let path = dir.path().join(format!("{number:06}.sst"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[700] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = Store::open(dir.path(), &Run::local()).unwrap();
    let mut scan = separate(Scan::new(&store, b"")).unwrap().unwrap();
    let mut rows = 0;
    let damage = loop {
        match separate(scan.next()).unwrap() {
            Ok(true) => rows += 1,
            Ok(false) => panic!("the damage went unnoticed"),
            Err(damage) => break damage,
        }
    };
    assert!(damage.is_damage() && damage.level == Some(6) && damage.table.0 == number, "{damage}");
    assert!((1..100).contains(&rows), "{rows}");
}

fn run(args: &[&str], dir: &Path) -> (Option<i32>, String) {
    let output = Command::cargo_bin("ekv-tool").unwrap().args(["store", "scan"]).arg(dir).args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_command_takes_rows_apart() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("fsm.db");
    let mut store = StoreWriter::new(&dir).unwrap();
    let row = |user_key: &[u8], ts: u64| [user_key, &(!ts).to_be_bytes()].concat();
    let value = |flags: u8, body: &[u8]| [&[flags, 0, 0, 0, 0, 0, 0, 0, 0], body].concat();
    // Version, flags, key and nonce around six bytes and a tag.
    let sealed = [&[1][..], &[0; 17], b"sealed", &[0xaa; 16]].concat();
    let ts = 114_687_999_934_464_003;
    store
        .table(6, Options::default(), |writer| {
            writer.point(&row(b"user|1", ts), 11, SET, &value(0, b"hello"))?;
            writer.point(&row(b"user|2", ts), 12, SET, &value(1, b""))?;
            writer.point(&row(b"user|3", ts), 13, SET, &value(2, &sealed))
        })
        .unwrap();
    store.batch(20, &[(SET, b"_meta_applied_index", &7_u64.to_le_bytes()), (DEL, &row(b"user|2", ts), b"")]);
    store.finish().unwrap();

    let (status, text) = run(&[], &dir);
    assert_eq!(status, Some(0), "{text}");
    let rows: Vec<_> = text.lines().take(4).map(str::trim_end).collect();
    assert_eq!(
        rows,
        [
            "committed                               bytes  name                      key",
            "7                               m           8  meta:applied_index        _meta_applied_index",
            "2025-06-15T15:06:39.000Z+3                  5                            user|1",
            "2025-06-15T15:06:39.000Z+3      S          40                            user|3",
        ]
    );
    let (_, lines) = run(&["--format", "ndjson", "--prefix", "user|", "--limit", "1"], &dir);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["key"], &lines[0]["value"]), (2, &"user|1".into(), &"hello".into()));
    let (_, json) = run(&["--format", "json", "--raw"], &dir);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((report["rows"].as_array().unwrap().len(), report["keys"].as_u64()), (3, Some(4)));
    assert_eq!(report["schema"], "ekv-tool/store-scan/v1");
    let (_, none) = run(&["--format", "json", "--prefix", "nothing"], &dir);
    assert_eq!(serde_json::from_str::<Value>(&none).unwrap()["rows"], serde_json::json!([]));
}
