//! `history`: exact versions of built directories, and agreement with the other commands on real ones.

mod truth;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::formats::kv::KeyText;
use ekv_tool::formats::mvcc::StoreKey;
use ekv_tool::ops::wal::{self, RecordRef};
use ekv_tool::ops::{GetOptions, HistoryOptions, NamedDir, history, store_get};
use ekv_tool::readers::pebble_scan::walk;
use ekv_tool::report::Report;
use ekv_tool::report::body::history::{HistoryBody, HistoryVersion};
use ekv_tool::types::Escaped;
use serde_json::Value;

use crate::support::keys::kek_copy;
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, id, ids};
use crate::support::recorded::real;
use crate::support::requests::{raw, row_key, row_value, txn};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// A time in 2026, so many ticks behind the first.
const fn ts(tick: u64) -> u64 {
    0x01a2_0000_0000_0000 + tick
}

fn options(key: &str) -> HistoryOptions {
    HistoryOptions { key: key.parse().unwrap(), raw: false, limit: 1000, payloads: true }
}

fn ask(options: &HistoryOptions, dirs: &[&Path]) -> Report<HistoryBody> {
    let dirs: Vec<_> = dirs.iter().map(|dir| NamedDir { name: None, path: dir.to_path_buf() }).collect();
    history(&dirs, options, None, &Run::local()).unwrap()
}

fn told(key: &str, dirs: &[&Path]) -> (Verdict, Value) {
    let report = ask(&options(key), dirs);
    (report.verdict, serde_json::to_value(&report).unwrap())
}

/// Time (ticks), operation, entry, fate, value, what was before, of the versions of one row.
fn versions(report: &Value, key: &str) -> Vec<String> {
    let of_row = report["versions"].as_array().unwrap().iter().filter(|version| version["key"] == key);
    of_row
        .map(|version| {
            let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), str::to_owned);
            let before = match version["before"]["text"].as_str() {
                Some(text) => text.to_owned(),
                None => text(&version["before"]["state"]),
            };
            format!(
                "{} {} {} {} {} < {before}",
                version["commit_ts"].as_u64().unwrap() - ts(0),
                text(&version["operation"]),
                version["index"].as_u64().map_or_else(|| "-".to_owned(), |index| index.to_string()),
                text(&version["fate"]),
                text(&version["value"]["text"]),
            )
        })
        .collect()
}

fn origins(version: &Value) -> BTreeSet<(String, String)> {
    let places = version["places"].as_array().unwrap().iter();
    places.map(|place| (place["node"].as_str().unwrap().to_owned(), place["origin"].as_str().unwrap().to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    expected.iter().map(|(node, origin)| ((*node).to_owned(), (*origin).to_owned())).collect()
}

type Rows<'a> = &'a [(&'a [u8], u64, Option<&'a [u8]>)];

/// A store that has applied so much and holds these rows in its log.
fn store(node: &Path, applied: u64, rows: Rows<'_>) {
    let mut store = StoreWriter::new(&node.join("fsm.db")).unwrap();
    store.batch(10, &[(SET, b"_meta_applied_index", &applied.to_le_bytes())]);
    for (number, (key, at, value)) in rows.iter().enumerate() {
        store.batch(20 + number as u64, &[(SET, &row_key(key, ts(*at)), &row_value(*value))]);
    }
    store.finish().unwrap();
}

/// A log of the term 1 whose voter is `n1`: entry 1 is the leader's own, then these proposals.
fn log(voters: &[&str], proposals: &[Vec<u8>], commit: u64) -> LogWriter {
    let mut log = LogWriter::new();
    log.snapshot(0, 0, &ids(voters)).state(1, id("n1"), 0).typed_entry(0, 1, 1, b"");
    for (number, data) in proposals.iter().enumerate() {
        log.typed_entry(0, number as u64 + 2, 1, data);
    }
    log.state(1, id("n1"), commit);
    log
}

fn put(tick: u64, value: &[u8]) -> Vec<u8> {
    raw(ts(tick), &[(0, b"k", value)])
}

#[test]
fn overwrites_and_deletions_with_what_was_before() {
    let delete = raw(ts(3), &[(0, b"other", b"x"), (1, b"k", b"")]);
    let proposals = [put(1, b"a"), put(2, b"b"), delete, put(4, b"c"), raw(ts(9), &[(0, b"kk", b"y")])];
    let node = NodeDir::new(&log(&["n1"], &proposals, 4)).peers(1, &["n1"]);
    store(node.path(), 4, &[(b"k", 1, Some(b"a")), (b"k", 2, Some(b"b")), (b"k", 3, None), (b"kk", 9, Some(b"y"))]);
    let (verdict, report) = told("k", &[node.path()]);
    assert_eq!(verdict, Verdict::Clean, "{report:#}");
    assert_eq!(
        versions(&report, "k"),
        ["1 put 2 applied a < absent", "2 put 3 applied b < a", "3 delete 4 applied  < b", "4 put 5 uncommitted c < deleted",]
    );
    assert_eq!((report["versions_found"].as_u64(), report["versions_left_out"].as_u64()), (Some(4), Some(0)));
    let last = &report["versions"][2];
    assert_eq!((&last["proposer"]["node"], &last["proposer"]["known_by"]), (&"n1".into(), &"only-voter".into()));
    assert_eq!(origins(last), pairs(&[("n1", "log"), ("n1", "store-log")]));
    assert_eq!(last["request"], "raw");
    let headline = ask(&options("k"), &[node.path()]).headline();
    assert!(
        headline.starts_with("k: last deleted ") && headline.contains(" by n1 (entry 4, term 1); before: b since "),
        "{headline}"
    );
    // The newest ones only, and exact counts of the others.
    let few = ask(&HistoryOptions { limit: 1, ..options("k") }, &[node.path()]);
    assert_eq!((few.body.versions.len(), few.body.versions_left_out, few.body.rows[0].versions), (1, 3, 4));
    let none = told("nothing", &[node.path()]);
    assert_eq!((none.0, none.1["versions_found"].as_u64()), (Verdict::Clean, Some(0)));
}

#[test]
fn a_record_behind_a_hole_and_one_set_aside_are_what_they_are() {
    let proposals = [put(1, b"a"), put(2, b"broken"), put(3, b"c")];
    let whole = log(&["n1"], &proposals, 4);
    let name = "wal/0000000000000000-0000000000000000.wal";
    let mut bytes = whole.files().remove(0).1;
    let at = bytes.windows(6).position(|window| window == b"broken").unwrap();
    let intact = bytes.clone();
    bytes[at] ^= 1;
    let node = NodeDir::new(&whole).peers(1, &["n1"]).file(name, &bytes);
    store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
    let (verdict, report) = told("k", &[node.path()]);
    assert_eq!(verdict, Verdict::Damaged);
    assert_eq!(versions(&report, "k"), ["1 put 2 applied a < absent", "3 put 4 lost c < a"]);
    assert_eq!(origins(&report["versions"][1]), pairs(&[("n1", "log-hole")]));

    // The log goes on elsewhere, and what was cut off was committed.
    let short = log(&["n1"], &proposals[..1], 2);
    let node = NodeDir::new(&short).peers(1, &["n1"]).file(&format!("{name}.broken"), &intact);
    store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
    let (_, report) = told("k", &[node.path()]);
    assert_eq!(versions(&report, "k"), ["1 put 2 applied a < absent", "2 put 3 lost broken < a", "3 put 4 lost c < a"]);
    assert_eq!(origins(&report["versions"][0]), pairs(&[("n1", "log"), ("n1", "log-broken"), ("n1", "store-log")]));
    assert_eq!(origins(&report["versions"][2]), pairs(&[("n1", "log-broken")]));

    // Nothing tells that it was.
    let uncommitted = log(&["n1"], &proposals, 1).files().remove(0).1;
    let node = NodeDir::new(&short).peers(1, &["n1"]).file(&format!("{name}.broken"), &uncommitted);
    let (_, report) = told("k", &[node.path()]);
    assert_eq!(versions(&report, "k")[2], "3 put 4 unreachable c < a");
}

#[test]
fn two_nodes_of_which_one_is_behind_or_says_something_else() {
    let proposals = [put(1, b"a"), put(2, b"b")];
    let first = NodeDir::named("host1", &log(&["n1", "n2"], &proposals, 3)).peers(1, &["n1", "n2"]);
    let second = NodeDir::named("host2", &log(&["n1", "n2"], &proposals[..1], 2)).peers(1, &["n1", "n2"]);
    store(first.path(), 3, &[(b"k", 1, Some(b"a")), (b"k", 2, Some(b"b"))]);
    store(second.path(), 2, &[(b"k", 1, Some(b"a"))]);
    let named = [("n1", first.path()), ("n2", second.path())];
    let dirs = named.map(|(name, path)| NamedDir { name: Some(name.to_owned()), path: path.to_owned() });
    let report = history(&dirs, &options("k"), None, &Run::local()).unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["verdict"], "clean", "{report:#}");
    assert_eq!(versions(&report, "k"), ["1 put 2 applied a < absent", "2 put 3 applied b < a"]);
    let [older, newer] = [&report["versions"][0], &report["versions"][1]];
    assert_eq!(origins(older), pairs(&[("n1", "log"), ("n1", "store-log"), ("n2", "log"), ("n2", "store-log")]));
    assert_eq!((&older["only_on"], &newer["only_on"]), (&Value::Null, &"n1".into()));
    // Both voted for it.
    assert_eq!((&newer["proposer"]["node"], &newer["proposer"]["known_by"]), (&"n1".into(), &"majority".into()));
    let nodes: Vec<_> = report["nodes"].as_array().unwrap().iter().map(|node| (&node["node"], &node["applied"])).collect();
    assert_eq!(nodes, [(&"n1".into(), &3.into()), (&"n2".into(), &2.into())]);

    // Another value under the same time.
    fs::remove_dir_all(second.path().join("fsm.db")).unwrap();
    store(second.path(), 2, &[(b"k", 1, Some(b"z"))]);
    let report = history(&dirs, &options("k"), None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(report.findings[0].code.code, "nodes-stores-diverge");
    assert!(report.body.versions[0].differs && !report.body.versions[1].differs);

    // Another entry of a later term in the place of one that was not committed.
    let mut replaced = log(&["n1", "n2"], &proposals[..1], 2);
    replaced.state(2, id("n2"), 2).typed_entry(0, 3, 2, &raw(ts(5), &[(0, b"k", b"new")])).state(2, id("n2"), 3);
    let first = NodeDir::named("n1", &log(&["n1", "n2"], &proposals, 2)).peers(1, &["n1", "n2"]);
    let second = NodeDir::named("n2", &replaced).peers(1, &["n1", "n2"]);
    let (_, report) = told("k", &[first.path(), second.path()]);
    assert_eq!(versions(&report, "k"), ["1 put 2 committed a < absent", "2 put 3 replaced b < a", "5 put 3 committed new < a"]);
    let newest = &report["versions"][2]["proposer"];
    assert_eq!((&newest["node"], &newest["known_by"], &newest["certain"]), (&"n2".into(), &"votes".into(), &false.into()));
}

#[test]
fn transactions_deletions_by_prefix_and_what_was_turned_down() {
    let keys: &[(u64, &[u8], &[u8])] = &[(0, b"k", b""), (0, b"l", b"")];
    let proposals = [
        put(1, b"a"),
        txn(1, ts(2), 0, b"k", &[(0, b"k", b"in"), (1, b"l", b"")]),
        txn(2, ts(2), ts(3), b"k", keys),
        txn(1, ts(4), 0, b"k", &[(0, b"k", b"never")]),
        txn(3, ts(4), ts(5), b"k", &[(0, b"k", b"")]),
        txn(0, ts(6), ts(7), b"k", &[(0, b"k", b"one")]),
        raw(ts(8), &[(0, b"k", b"odd"), (9, b"x", b"")]),
        put(9, b"conflict"),
        raw(ts(10), &[(2, b"", b"")]),
    ];
    let node = NodeDir::new(&log(&["n1"], &proposals, 10)).peers(1, &["n1"]);
    let (lock, int, done) =
        (b"!txn|lock|k".as_slice(), b"!txn|int|k".as_slice(), [b"!txn|cmt|k".as_slice(), &ts(2).to_be_bytes()].concat());
    store(
        node.path(),
        10,
        &[
            (b"k", 1, Some(b"a")),
            (lock, 2, Some(b"\x01")),
            (lock, 3, None),
            (int, 2, Some(&[&[1][..], &ts(2).to_be_bytes(), &[0], &2_u64.to_be_bytes(), b"in"].concat())),
            (b"k", 3, Some(b"in")),
            (b"l", 3, None),
            (int, 3, None),
            (&done, 3, Some(&[&[1][..], &ts(3).to_be_bytes()].concat())),
            (b"k", 7, Some(b"one")),
            (b"k", 10, None),
        ],
    );
    let (verdict, report) = told("raw:k", &[node.path()]);
    assert_eq!(verdict, Verdict::Clean, "{report:#}");
    assert_eq!(
        versions(&report, "k"),
        [
            "1 put 2 applied a < absent",
            "3 put 4 applied in < a",
            "7 put 7 applied one < in",
            "8 put 8 refused odd < one",
            "9 put 9 without-effect conflict < one",
            "10 delete-prefix 10 applied  < one",
        ]
    );
    let row = |key: &[u8]| Escaped(key).to_string();
    assert_eq!(
        versions(&report, &row(lock)),
        [
            "2 lock 3 applied \\x01 < absent",
            "3 unlock 4 applied  < \\x01",
            "4 lock 5 without-effect - < deleted",
            "5 unlock 6 without-effect - < deleted"
        ]
    );
    let intents = versions(&report, &row(int));
    assert!(intents[0].starts_with("2 intent 3 applied") && intents[1].starts_with("3 resolve 4 applied"), "{intents:?}");
    assert_eq!(versions(&report, &row(&done)).len(), 1);
    let committed =
        report["versions"].as_array().unwrap().iter().find(|version| version["index"] == 4 && version["key"] == "k").unwrap();
    assert_eq!((committed["start_ts"].as_u64(), &committed["request"]), (Some(ts(2)), &"commit".into()));
    assert_eq!(committed["start_ts_text"], ts(2).to_string());

    // Without a store the intent tells what was committed.
    fs::remove_dir_all(node.path().join("fsm.db")).unwrap();
    let (_, report) = told("l", &[node.path()]);
    assert_eq!(versions(&report, "l")[0], "3 delete 4 committed  < absent");
    let (_, report) = told("k", &[node.path()]);
    assert_eq!(versions(&report, "k")[1], "3 put 4 committed in < a");
}

#[test]
fn a_key_is_found_under_its_name_in_redis() {
    let proposals = [raw(ts(1), &[(0, b"!redis|str|s", b"\xff\x01\0hello"), (0, b"!redis|ttl|s", b"\0\0\x01\xa2\0\xf8~\t")])];
    let node = NodeDir::new(&log(&["n1"], &proposals, 2)).peers(1, &["n1"]);
    let (_, report) = told("s", &[node.path()]);
    assert_eq!((&report["instead"], &report["logical"]), (&true.into(), &"redis:s".into()));
    assert_eq!(report["versions"][0]["value"]["decoded"]["content"], "hello");
    assert_eq!(report["versions"][1]["operation"], "expire");
    assert_eq!(report["rows"].as_array().unwrap().len(), 2);
    let (_, named) = told("redis:s", &[node.path()]);
    assert_eq!((&named["instead"], named["versions_found"].as_u64()), (&false.into(), Some(2)));
    let raw = ask(&HistoryOptions { raw: true, ..options("redis:s") }, &[node.path()]);
    assert_eq!(raw.body.versions[0].value.hex.as_deref(), Some("ff010068656c6c6f"));
    assert!(raw.body.versions[0].value.decoded.is_none());
}

/// Only a table that can hold the key has to be readable.
#[test]
fn a_damaged_table_matters_where_the_key_may_be_in_it() {
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    for key in [&b"k"[..], b"x"] {
        store.table(6, Options::default(), |table| table.point(&row_key(key, ts(1)), 10, SET, &row_value(Some(b"a")))).unwrap();
    }
    store.batch(20, &[(SET, b"_meta_applied_index", &2_u64.to_le_bytes())]);
    store.finish().unwrap();
    let other = node.path().join("fsm.db/000006.sst");
    let mut bytes = fs::read(&other).unwrap();
    bytes[3] ^= 1;
    fs::write(&other, &bytes).unwrap();
    let (verdict, report) = told("raw:k", &[node.path()]);
    assert_eq!(verdict, Verdict::Clean, "{report:#}");
    let place = report["versions"][0]["places"].as_array().unwrap().iter().find(|place| place["origin"] == "table").unwrap();
    assert!(place["path"].as_str().unwrap().ends_with("/fsm.db/000005.sst") && place["level"] == 6, "{place}");
    let (verdict, report) = told("raw:x", &[node.path()]);
    assert_eq!((verdict, report["versions_found"].as_u64()), (Verdict::Damaged, Some(0)));
    assert!(!report["coverage"]["not_examined"].as_array().unwrap().is_empty());
}

/// A payload that does not have its checksum is not believed, and the answer is not known.
/// Nothing was found, but not everything was there to be read.
#[test]
fn what_is_gone_is_not_read() {
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
    assert_eq!(told("other", &[node.path()]).0, Verdict::Clean);
    for gone in ["wal", "fsm.db"] {
        let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
        store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
        fs::remove_dir_all(node.path().join(gone)).unwrap();
        assert_eq!(told("other", &[node.path()]).0, Verdict::Unknown, "{gone}");
    }
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]).snap(2, 1, &[id("n1")]);
    store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
    fs::remove_dir_all(node.path().join("fsm-snap")).unwrap();
    assert_eq!(told("other", &[node.path()]).0, Verdict::Unknown);
}

#[test]
fn payloads_hold_versions_too() {
    let row = [row_key(b"k", ts(1)), row_value(Some(b"a"))];
    let mut payload = b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec();
    for field in &row {
        payload.extend((field.len() as u64).to_le_bytes());
        payload.extend(field);
    }
    let crc = crc32c::crc32c(&payload);
    payload.extend(crc.to_be_bytes());
    let name = "fsm-snap/0000000000000002.fsm";
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]).file(name, &payload);
    let (verdict, report) = told("k", &[node.path()]);
    // There is no store, which may hold more.
    assert_eq!(verdict, Verdict::Unknown, "{report:#}");
    assert_eq!(versions(&report, "k"), ["1 put 2 compacted a < absent"]);
    assert_eq!(origins(&report["versions"][0]), pairs(&[("n1", "log"), ("n1", "payload")]));
    payload[20] ^= 1;
    let node = node.file(name, &payload);
    let (verdict, report) = told("k", &[node.path()]);
    assert_eq!((verdict, &report["versions"][0]["fate"]), (Verdict::Unknown, &"committed".into()));
    let without = ask(&HistoryOptions { payloads: false, ..options("k") }, &[node.path()]);
    assert_eq!((without.verdict, without.coverage.not_examined.len()), (Verdict::Unknown, 2));
}

/// Some keys of a store.
fn some_keys(store: &Path, step: usize) -> Vec<Vec<u8>> {
    let mut keys = BTreeSet::new();
    walk(store, b"", &Run::local(), &mut |live| {
        if let StoreKey::Row(row) = StoreKey::of(live.key) {
            keys.insert(row.user_key.to_vec());
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    keys.into_iter().step_by(step).collect()
}

/// For the newest version it says what `store get` does, and for entries what `wal show` does.
#[test]
fn it_agrees_with_the_other_commands_on_real_nodes() {
    let (mut rows, mut entries) = (0, 0);
    for case in real().groups() {
        if case.name.starts_with("enc-") || !case.dir.join("fsm.db").is_dir() {
            continue;
        }
        for key in some_keys(&case.dir.join("fsm.db"), 2503) {
            let text = KeyText::Bytes(key.clone());
            let report = ask(&HistoryOptions { key: text.clone(), ..options("k") }, &[&case.dir]);
            let asked = GetOptions { key: text, raw: false, at: None, versions: 1, limit: 1 };
            let newest = store_get(&case.dir.join("fsm.db"), &asked, None, &Run::local()).unwrap();
            let shown = Escaped(&key).to_string();
            let of_row = || report.body.versions.iter().filter(|version| version.key == shown);
            let in_store = |version: &&HistoryVersion| version.places.iter().any(|place| place.path.contains("/fsm.db/"));
            let last = of_row().rfind(|version| in_store(version)).unwrap();
            let got = &newest.body.versions[0];
            let place = last.places.iter().find(|place| place.path.contains("/fsm.db/")).unwrap();
            assert_eq!(
                (Some(last.commit_ts), last.value.state, &last.value.decoded, place.offset, place.level),
                (got.commit_ts, got.state, &got.decoded, got.offset, got.level),
                "{} {shown}",
                case.name
            );
            assert!(place.path.ends_with(got.file.as_deref().unwrap()));
            rows += 1;
            if let Some((version, place)) =
                of_row().find_map(|version| Some((version, version.places.iter().find(|place| place.index.is_some())?)))
            {
                let segment = place.path.rsplit('/').next().unwrap().to_owned();
                let at = RecordRef::At { segment, offset: place.offset.unwrap() };
                let record = wal::show(&case.dir, &at, None, &Run::local()).unwrap();
                let expected = format!("entry {} of term {}", version.index.unwrap(), version.term.unwrap());
                assert!(record.body.records[0].summary.starts_with(&expected), "{}", record.body.records[0].summary);
                entries += 1;
            }
        }
    }
    assert!(rows > 40 && entries > 20, "{rows} {entries}");
}

/// Without keys the answer is not known; with them the nonce of a sealed entry says who proposed it.
#[test]
fn sealed_entries_and_rows() {
    let folder = real().root.join("enc-M-raft-nosnap");
    let keep = tempfile::tempdir().unwrap();
    let kek = kek_copy(&folder.join("kek.bin"), &keep);
    let keys = ["--sidecar".into(), "encryption/keys.json".into(), "--kek".into(), kek];
    let run = |args: &[&str], more: &[PathBuf]| {
        let mut command = assert_cmd::Command::cargo_bin("ekv-tool").unwrap();
        command.current_dir(&folder).args(args).args(more);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    // A string that a sealed entry writes.
    let dumped = run(&["wal", "dump", "data/n1", "--format", "ndjson", "--key-prefix", "!redis|str|"], &keys);
    let mut entries = dumped.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sealed = entries.rfind(|entry| entry["sealed"]["opened"] == true).unwrap();
    let key =
        sealed["keys"].as_array().unwrap().iter().filter_map(Value::as_str).find(|key| key.starts_with("!redis|str|")).unwrap();
    let ask = |format: &str, keys: &[PathBuf]| run(&["history", key, "data/n1", "--format", format], keys);
    let without: Value = serde_json::from_str(&ask("json", &[])).unwrap();
    assert_eq!(without["verdict"], "unknown");
    // Without them nobody knows in which entry it stands, and nobody says that it is in none.
    let how = |version: &Value| version["proposer"]["how"].as_str().unwrap().to_owned();
    let rows = without["versions"].as_array().unwrap();
    assert!(rows.iter().any(|version| how(version).contains("sealed entries that were not opened")), "{without:#}");
    let with: Value = serde_json::from_str(&ask("json", &keys)).unwrap();
    let versions = with["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| version["index"] == sealed["index"]).unwrap();
    let proposer = &version["proposer"];
    assert_eq!((&proposer["node"], &proposer["known_by"], &proposer["certain"]), (&"n1".into(), &"nonce".into(), &true.into()));
    let value = version["value"]["text"].as_str().unwrap();
    assert!(value.len() > 6 && ask("table", &keys).contains(&value[value.len() - 6..]), "{value}");
    assert!(!ask("markdown", &keys).contains(value), "values are kept out of what is passed on");
}
