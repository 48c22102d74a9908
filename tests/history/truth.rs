//! What is damaged, what may stand where nobody looked, and whose copies are put together.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::ops::{CheckOptions, CompareOptions, HistoryOptions, NamedDir, check, compare, history};
use ekv_tool::types::work_counted;
use serde_json::Value;

use super::{ask, log, options, put, store, told, ts, versions};
use crate::support::log_writer::{LogWriter, conf_state, snap_file, token};
use crate::support::node_dir::{NodeDir, id};
use crate::support::requests::{raw, row_key, row_value};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// The codes of errors, of a report as JSON.
fn errors(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
    findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

fn checked(dir: &Path) -> Value {
    serde_json::to_value(check(&[dir.to_owned()], &CheckOptions::default(), &Run::local()).unwrap()).unwrap()
}

/// A payload in the native format that holds one row.
fn payload() -> Vec<u8> {
    let mut payload = b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec();
    for field in &[row_key(b"k", ts(1)), row_value(Some(b"a"))] {
        payload.extend((field.len() as u64).to_le_bytes());
        payload.extend(field);
    }
    let crc = crc32c::crc32c(&payload);
    payload.extend(crc.to_be_bytes());
    payload
}

#[test]
fn a_damaged_payload_that_may_hold_the_key_is_damage_as_check_says() {
    let mut log = log(&["n1"], &[put(1, b"a")], 2);
    log.snapshot(2, 1, &[id("n1")]).state(1, id("n1"), 2);
    let whole = payload();
    let name = "fsm-snap/0000000000000002.fsm";
    let crc = crc32c::crc32c(&whole[..whole.len() - 4]);
    let envelope = snap_file(2, 1, &conf_state(&[id("n1")], &[]), &token(2, crc));
    let of = |bytes: &[u8]| {
        let node = NodeDir::new(&log).peers(1, &["n1"]).file(name, bytes);
        let node = node.file("snap/0000000000000001-0000000000000002.snap", &envelope);
        store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
        node
    };
    let healthy = told("k", &[of(&whole).path()]);
    assert_eq!(healthy.0, Verdict::Clean, "{:#}", healthy.1);
    for at in [0, 20, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let node = of(&bytes);
        let (verdict, report) = told("k", &[node.path()]);
        assert_eq!(verdict, Verdict::Damaged, "{at}: {report:#}");
        let found = errors(&report);
        assert!(!found.is_empty() && found.is_subset(&errors(&checked(node.path()))), "{at}: {found:?}");
        let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["severity"] == "error").unwrap();
        assert!(finding["path"].as_str().unwrap().ends_with(name), "{finding:#}");
        // Whoever does not want it read is not told of it.
        let without = ask(&HistoryOptions { payloads: false, ..options("k") }, &[node.path()]);
        assert!(without.findings.is_empty(), "{at}");
    }
    // A crash leaves such a one, which no record of the log names: that it was not read remains unknown, as no rule was broken.
    let bare = super::log(&["n1"], &[put(1, b"a")], 2);
    let mut bytes = whole;
    bytes[20] ^= 1;
    let node = NodeDir::new(&bare).peers(1, &["n1"]).file(name, &bytes);
    store(node.path(), 2, &[(b"k", 1, Some(b"a"))]);
    let (verdict, report) = told("k", &[node.path()]);
    assert_eq!((verdict, errors(&report).len()), (Verdict::Unknown, 0), "{report:#}");
    assert_eq!(errors(&checked(node.path())).len(), 0);
}

/// Whatever byte of the table is another one: what history finds is what check finds, and it is never only unknown.
#[test]
fn a_damaged_table_on_the_way_is_damage_as_check_says() {
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    store.table(6, Options::default(), |table| table.point(&row_key(b"k", ts(1)), 10, SET, &row_value(Some(b"a")))).unwrap();
    store.batch(20, &[(SET, b"_meta_applied_index", &2_u64.to_le_bytes())]);
    store.finish().unwrap();
    let table = fs::read_dir(node.path().join("fsm.db")).unwrap().map(|entry| entry.unwrap().path());
    let table = table.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "sst")).unwrap();
    let whole = fs::read(&table).unwrap();
    let mut damaged = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&table, &bytes).unwrap();
        let (verdict, report) = told("raw:k", &[node.path()]);
        // A byte that says how the table is to be read may make it one that nobody knows.
        if verdict == Verdict::Unknown {
            assert_eq!(checked(node.path())["verdict"], "unknown", "{at}: {report:#}");
        }
        let found = errors(&report);
        assert_eq!(found.is_empty(), verdict != Verdict::Damaged, "{at}");
        if !found.is_empty() {
            damaged += 1;
            assert!(found.is_subset(&errors(&checked(node.path()))), "{at}: {found:?}");
        }
    }
    fs::remove_file(&table).unwrap();
    let (verdict, report) = told("raw:k", &[node.path()]);
    assert_eq!(verdict, Verdict::Damaged);
    assert!(errors(&report).is_subset(&errors(&checked(node.path()))), "{report:#}");
    assert!(damaged > 10, "{damaged}");
}

/// "In no log" is said only where every entry was seen.
#[test]
fn an_entry_that_was_not_found_may_stand_where_nobody_looked() {
    let how = |report: &Value| report["versions"][0]["proposer"]["how"].as_str().unwrap().to_owned();
    let rows: super::Rows<'_> = &[(b"k", 7, Some(b"a"))];
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"x")], 2)).peers(1, &["n1"]);
    store(node.path(), 2, rows);
    let (_, report) = told("k", &[node.path()]);
    assert_eq!(report["versions"][1]["proposer"]["how"], "its entry is in no log that was read");

    let mut purged = LogWriter::purged(3, 10);
    purged.state(1, id("n1"), 9).typed_entry(0, 10, 1, b"").state(1, id("n1"), 10);
    let node = NodeDir::new(&purged).peers(1, &["n1"]);
    store(node.path(), 10, rows);
    assert!(how(&told("k", &[node.path()]).1).ends_with("its entry may be older than the logs, which begin with entry 10"));

    let holed = log(&["n1"], &[put(1, b"broken"), put(2, b"x")], 3);
    let mut bytes = holed.files().remove(0).1;
    let at = bytes.windows(6).position(|window| window == b"broken").unwrap();
    bytes[at] ^= 1;
    let node = NodeDir::new(&holed).peers(1, &["n1"]).file("wal/0000000000000000-0000000000000000.wal", &bytes);
    store(node.path(), 3, &[(b"k", 1, Some(b"broken"))]);
    assert!(how(&told("k", &[node.path()]).1).ends_with("its entry may stand in a part of a log that could not be read"));

    let node = NodeDir::new(&holed).peers(1, &["n1"]);
    store(node.path(), 3, rows);
    fs::remove_dir_all(node.path().join("wal")).unwrap();
    assert_eq!(how(&told("k", &[node.path()]).1), "no log was read that could have its entry");
}

#[test]
fn rows_without_versions_are_refused() {
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let dirs = [NamedDir { name: None, path: node.path().to_owned() }];
    for key in ["_meta_applied_index", "!encryption|writers|x", "meta:applied_index"] {
        let error = history(&dirs, &options(key), None, &Run::local()).unwrap_err();
        assert!(error.to_string().contains("`store get DIR"), "{key}: {error}");
    }
}

#[test]
fn an_empty_key_is_refused() {
    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let dirs = [NamedDir { name: None, path: node.path().to_owned() }];
    for key in ["", "raw:", "hex:"] {
        let error = history(&dirs, &options(key), None, &Run::local()).unwrap_err().to_string();
        assert!(error.starts_with("KEY is empty"), "{key}: {error}");
    }
}

/// `compare` and `history` of the same directories.
fn both(dirs: &[&Path]) -> (Value, Value) {
    let paths: Vec<_> = dirs.iter().map(|dir| dir.to_path_buf()).collect();
    let compared = compare(&paths, &CompareOptions::default(), &Run::local()).unwrap();
    (told("k", dirs).1, serde_json::to_value(compared).unwrap())
}

fn finding<'r>(report: &'r Value, code: &str) -> &'r Value {
    report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code).unwrap_or(&Value::Null)
}

#[test]
fn copies_of_two_clusters_are_not_put_together() {
    // Other members.
    let first = NodeDir::named("n1", &log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let second = NodeDir::named("m1", &log(&["m1"], &[put(1, b"b")], 2)).peers(1, &["m1"]);
    let (told, compared) = both(&[first.path(), second.path()]);
    let found = finding(&told, "cross-group-mismatch");
    let same = finding(&compared, "cross-group-mismatch");
    assert_eq!((&found["message"], &found["path"]), (&same["message"], &same["path"]));
    assert_eq!(told["verdict"], "damaged");
    assert!(found["message"].as_str().unwrap().contains("have no member in common"), "{found:#}");
    assert_eq!(
        (told["versions_found"].as_u64(), &told["groups_apart"], told["nodes"].as_array().unwrap().len()),
        (Some(0), &1.into(), 2)
    );
    let dirs = [first.path(), second.path()];
    let headline = ask(&options("k"), &dirs).headline();
    assert!(headline.contains("the directories are not of one group, and nothing was put together"), "{headline}");

    // The same members, and another history.
    let others: Vec<_> = (1..=12).map(|tick| put(tick, b"a")).collect();
    let else_: Vec<_> = (1..=12).map(|tick| put(tick, b"b")).collect();
    let first = NodeDir::named("n1", &log(&["n1", "n2"], &others, 13)).peers(1, &["n1", "n2"]);
    let second = NodeDir::named("n2", &log(&["n1", "n2"], &else_, 13)).peers(1, &["n1", "n2"]);
    let (told, compared) = both(&[first.path(), second.path()]);
    let found = finding(&told, "cross-group-mismatch");
    assert!(found["message"].as_str().unwrap().contains("no equal content"), "{told:#}");
    assert_eq!(found["message"], finding(&compared, "cross-group-mismatch")["message"]);
    assert_eq!(told["versions_found"], 0);
}

#[test]
fn two_copies_of_one_member_are_told_apart_and_found() {
    let of = |below: &Path| NodeDir::below(below, "n1", &log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (of(here.path()), of(there.path()));
    let (told, compared) = both(&[first.path(), second.path()]);
    let found = finding(&told, "cross-duplicate-identity");
    assert_eq!(found["message"], finding(&compared, "cross-duplicate-identity")["message"]);
    assert_eq!(told["verdict"], "damaged");
    let nodes: Vec<_> = told["nodes"].as_array().unwrap().iter().map(|node| node["node"].as_str().unwrap()).collect();
    assert_eq!(nodes, [first.path().display().to_string(), second.path().display().to_string()]);
    // The same name given to two directories is the same claim.
    let other = NodeDir::named("other", &log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let named = [first.path(), other.path()].map(|path| NamedDir { name: Some("n1".to_owned()), path: path.to_owned() });
    let report = history(&named, &options("k"), None, &Run::local()).unwrap();
    assert_eq!(report.findings[0].code.code, "cross-duplicate-identity");
}

#[test]
fn records_that_differ_are_the_logs_divergence_and_rows_the_stores() {
    let same = raw(ts(1), &[(0, b"other", b"same")]);
    let node = |name: &str, value: &[u8], commit: u64| {
        NodeDir::named(name, &log(&["n1", "n2"], &[same.clone(), put(2, value)], commit)).peers(1, &["n1", "n2"])
    };
    for (commits, code) in [((3, 3), "cross-committed-divergence"), ((3, 2), "cross-log-matching")] {
        let (first, second) = (node("n1", b"a", commits.0), node("n2", b"b", commits.1));
        let (told, compared) = both(&[first.path(), second.path()]);
        assert_eq!(finding(&told, code)["severity"], "error", "{told:#}");
        assert_eq!(finding(&compared, code)["severity"], "error", "{compared:#}");
        assert_eq!(versions(&told, "k").len(), 1);
    }
    let (first, second) = (node("n1", b"a", 3), node("n2", b"a", 3));
    store(first.path(), 3, &[(b"k", 2, Some(b"a")), (b"k", 9, Some(b"x"))]);
    store(second.path(), 3, &[(b"k", 2, Some(b"z")), (b"k", 9, Some(b"x"))]);
    let (told, compared) = both(&[first.path(), second.path()]);
    assert_eq!(finding(&told, "nodes-stores-diverge")["severity"], "error", "{told:#}");
    assert_eq!(finding(&compared, "nodes-stores-diverge")["severity"], "error", "{compared:#}");
    assert_eq!(finding(&told, "cross-committed-divergence"), &Value::Null);
    // Also of a version that is not listed.
    let newest = ask(&HistoryOptions { limit: 1, ..options("k") }, &[first.path(), second.path()]);
    assert_eq!((newest.verdict, newest.body.versions.len()), (Verdict::Damaged, 1));
}

/// Of a store only the blocks on the way to the key, of a log only the entries that write it, are looked at after the log was read.
#[test]
fn one_key_costs_what_lies_on_the_way_to_it() {
    let many = 6000_u64;
    let work = |entries: u64| {
        let mut log = LogWriter::new();
        log.snapshot(0, 0, &[id("n1")]).state(1, id("n1"), 0).typed_entry(0, 1, 1, b"");
        for index in 2..entries {
            let key = format!("key{index:08}");
            log.typed_entry(0, index, 1, &raw(ts(index), &[(0, key.as_bytes(), b"some value of a few bytes")]));
        }
        log.state(1, id("n1"), entries - 1);
        let node = NodeDir::new(&log).peers(1, &["n1"]);
        let before = work_counted();
        let run = Run::local();
        let dirs = [NamedDir { name: None, path: node.path().to_owned() }];
        let report = history(&dirs, &options("key00000100"), None, &run).unwrap();
        assert_eq!(report.body.versions.len(), 1);
        assert_eq!(report.body.versions[0].index, Some(100));
        work_counted() - before
    };
    let (some, twice) = (work(many / 2), work(many));
    assert!(twice < some + 64 && twice < 600, "{some} {twice}");

    let node = NodeDir::new(&log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    let small = Options { block_size: 512, ..Options::default() };
    store
        .table(6, small, |table| {
            for number in 0..many {
                table.point(&row_key(format!("key{number:08}").as_bytes(), ts(1)), 10, SET, &row_value(Some(b"value")))?;
            }
            Ok(())
        })
        .unwrap();
    store.batch(20, &[(SET, b"_meta_applied_index", &2_u64.to_le_bytes())]);
    store.finish().unwrap();
    let report = ask(&options("raw:key00003000"), &[node.path()]);
    assert_eq!(report.body.versions.len(), 1, "{report:?}");
    let read = report.body.nodes[0].blocks_read.unwrap();
    assert!((1..=3).contains(&read), "{read}");
    assert_eq!(ask(&options("raw:nothing"), &[node.path()]).body.nodes[0].blocks_read, Some(0));
}

/// Servers before the payload directory kept the payload in the `.snap` file.
#[test]
fn a_payload_in_a_snap_file_holds_versions_too() {
    let whole = payload();
    let data = &whole[..whole.len() - 4];
    let members = conf_state(&[id("n1")], &[]);
    let name = "snap/0000000000000001-0000000000000002.snap";
    let mut log = log(&["n1"], &[put(1, b"a")], 2);
    log.snapshot(2, 1, &[id("n1")]).state(1, id("n1"), 2);
    let node = |data: &[u8]| {
        let node = NodeDir::new(&log).peers(1, &["n1"]).file(name, &snap_file(2, 1, &members, data));
        // It has removed what the next version replaced.
        let next = (row_key(b"k", ts(2)), row_value(Some(b"b")));
        let numbers = [2_u64.to_le_bytes(), ts(2).to_le_bytes()];
        let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
        let [applied, retained] =
            [(SET, &b"_meta_applied_index"[..], &numbers[0][..]), (SET, b"_meta_min_retained_ts", &numbers[1])];
        store.batch(10, &[applied, retained, (SET, &next.0, &next.1)]);
        store.finish().unwrap();
        node
    };
    let kept = node(data);
    let (_, report) = told("k", &[kept.path()]);
    let version = &report["versions"][0];
    let places = version["places"].as_array().unwrap();
    let place = places.iter().find(|place| place["origin"] == "payload").unwrap_or_else(|| panic!("{report:#}"));
    assert!(place["path"].as_str().unwrap().ends_with(name), "{place:#}");
    assert_eq!(version["fate"], "compacted");
    assert!(!report["coverage"]["not_examined"].to_string().contains("store payload"), "{report:#}");
    // One that breaks off is not believed.
    let cut = node(&data[..data.len() - 1]);
    let (verdict, report) = told("k", &[cut.path()]);
    assert_ne!(verdict, Verdict::Clean);
    assert!(report["coverage"]["not_examined"].to_string().contains("its rows cannot all be read"), "{report:#}");
    let without = ask(&HistoryOptions { payloads: false, ..options("k") }, &[kept.path()]);
    assert!(without.coverage.not_examined.iter().any(|part| part.what.starts_with("the store payload") && !part.needed));
}

#[test]
fn a_row_that_holds_what_no_entry_wrote_is_found_in_one_directory() {
    let node = |stored: Option<&[u8]>| {
        let proposals = [put(1, b"a"), put(2, b"b"), raw(ts(3), &[(1, b"k", b"")])];
        let node = NodeDir::named("n1", &log(&["n1"], &proposals, 4)).peers(1, &["n1"]);
        store(node.path(), 4, &[(b"k", 1, Some(b"a")), (b"k", 2, stored), (b"k", 3, None)]);
        node
    };
    for stored in [Some(&b"c"[..]), Some(b"a"), Some(b""), None] {
        let node = node(stored);
        let (verdict, told) = told("k", &[node.path()]);
        assert_eq!(verdict, Verdict::Damaged, "{told:#}");
        let found = finding(&told, "store-not-as-written");
        assert!(found["path"].as_str().unwrap().ends_with("n1/fsm.db/000002.log"), "{found:#}");
        assert_eq!(found["expected"], "what entry 3 of term 1 wrote");
    }
    let node = node(Some(b"b"));
    assert_eq!(told("k", &[node.path()]).0, Verdict::Clean);
}

#[test]
fn a_row_that_expires_is_not_what_an_entry_wrote() {
    let node = NodeDir::named("n1", &log(&["n1"], &[put(1, b"a")], 2)).peers(1, &["n1"]);
    let mut row = row_value(Some(b"a"));
    // Behind the flags: when it expires.
    row[1] = 1;
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    store.batch(10, &[(SET, b"_meta_applied_index", &2_u64.to_le_bytes()), (SET, &row_key(b"k", ts(1)), &row)]);
    store.finish().unwrap();
    let (verdict, told) = told("k", &[node.path()]);
    assert_eq!(
        (verdict, finding(&told, "store-not-as-written")["severity"].as_str()),
        (Verdict::Damaged, Some("error")),
        "{told:#}"
    );
}

/// Rows of a store that also says what it has applied, committed and retains.
fn store_with(dir: &Path, applied: u64, retained: u64, rows: &[(u64, &[u8])]) {
    let newest = rows.iter().map(|row| row.0).max().unwrap_or(0);
    let numbers = [applied, ts(newest), if retained == 0 { 0 } else { ts(retained) }].map(u64::to_le_bytes);
    let names = [&b"_meta_applied_index"[..], b"_meta_last_commit_ts", b"_meta_min_retained_ts"];
    let mut store = StoreWriter::new(&dir.join("fsm.db")).unwrap();
    let numbers: Vec<_> = names.iter().zip(&numbers).map(|(name, number)| (SET, *name, &number[..])).collect();
    store.batch(10, &numbers);
    for (tick, value) in rows {
        store.batch(20 + tick, &[(SET, &row_key(b"k", ts(*tick)), &row_value(Some(value)))]);
    }
    store.finish().unwrap();
}

#[test]
fn a_store_that_lacks_what_it_has_applied_is_found() {
    let node = |name: &str, applied: u64, retained: u64, rows: &[(u64, &[u8])]| {
        let proposals = [put(1, b"a"), put(2, b"b")];
        let node = NodeDir::named(name, &log(&["n1", "n2"], &proposals, 3)).peers(1, &["n1", "n2"]);
        store_with(node.path(), applied, retained, rows);
        node
    };
    let (a, b) = ((1, &b"a"[..]), (2, &b"b"[..]));
    let whole = node("n1", 3, 0, &[a, b]);
    for (other, verdict, why) in [
        (node("n2", 3, 0, &[a, b]), Verdict::Clean, "the same"),
        (node("n2", 2, 0, &[a]), Verdict::Clean, "it has not come there"),
        (node("n2", 3, 2, &[b]), Verdict::Clean, "it has removed the older one"),
        (node("n2", 3, 0, &[b]), Verdict::Damaged, "nothing was removed"),
        (node("n2", 3, 1, &[a]), Verdict::Damaged, "the newest stays"),
        (node("n2", 3, 0, &[]), Verdict::Damaged, "both are gone"),
    ] {
        let (told, compared) = both(&[whole.path(), other.path()]);
        let verdict = match verdict {
            Verdict::Damaged => "damaged",
            _ => "clean",
        };
        let found = [&told, &compared].map(|report| finding(report, "nodes-stores-diverge")["severity"] == "error");
        assert_eq!(told["verdict"], verdict, "{why}: {told:#}");
        assert_eq!(found, [verdict == "damaged"; 2], "{why}: {told:#}\n{compared:#}");
    }
    let without = node("n2", 3, 0, &[]);
    let (told, _) = both(&[whole.path(), without.path()]);
    let found = finding(&told, "nodes-stores-diverge");
    assert_eq!(found["expected"], "what entry 2 of term 1 wrote", "{found:#}");
    assert!(found["path"].as_str().unwrap().ends_with("n2/fsm.db"), "{found:#}");
    assert!(found["message"].as_str().unwrap().ends_with("It lacks 2 versions in this way."), "{found:#}");
    // The other store holds it all the same.
    assert!(told["versions"].as_array().unwrap().iter().all(|version| version["fate"] == "applied"), "{told:#}");
}

#[test]
fn a_store_that_lacks_what_its_own_snapshot_holds_is_found() {
    let whole = payload();
    let crc = crc32c::crc32c(&whole[..whole.len() - 4]);
    let envelope = snap_file(2, 1, &conf_state(&[id("n1")], &[]), &token(2, crc));
    let mut log = log(&["n1"], &[put(1, b"a"), put(2, b"b")], 3);
    log.snapshot(2, 1, &[id("n1")]).state(1, id("n1"), 3);
    let told = |applied: u64, retained: u64, rows: &[(u64, &[u8])]| {
        let node = NodeDir::new(&log).peers(1, &["n1"]).file("fsm-snap/0000000000000002.fsm", &whole);
        let node = node.file("snap/0000000000000001-0000000000000002.snap", &envelope);
        store_with(node.path(), applied, retained, rows);
        told("k", &[node.path()])
    };
    let fate = |report: &Value, at: usize| report["versions"][at]["fate"].as_str().unwrap().to_owned();
    let (verdict, report) = told(3, 0, &[(2, b"b")]);
    assert_eq!((verdict, fate(&report, 0).as_str()), (Verdict::Damaged, "lost"), "{report:#}");
    let found = finding(&report, "nodes-stores-diverge");
    assert!(found["message"].as_str().unwrap().contains("0000000000000002.fsm"), "{found:#}");
    let (verdict, report) = told(3, 2, &[(2, b"b")]);
    assert_eq!((verdict, fate(&report, 0).as_str()), (Verdict::Clean, "compacted"), "{report:#}");
    // A start restores the snapshot into a store that is behind it.
    let (verdict, report) = told(1, 0, &[]);
    assert_eq!((verdict, fate(&report, 0).as_str()), (Verdict::Clean, "compacted"), "{report:#}");
}

#[test]
fn what_was_written_between_two_stores_has_to_be_known() {
    let node = |name: &str, first: u64, applied: u64, rows: &[(u64, &[u8])]| {
        let mut log = LogWriter::new();
        log.snapshot(first - 1, 1, &[id("n1"), id("n2")]).state(1, id("n1"), first - 1);
        for index in first..=9 {
            log.typed_entry(0, index, 1, &raw(ts(100 + index), &[(0, b"other", b"x")]));
        }
        log.state(1, id("n1"), 9);
        let node = NodeDir::named(name, &log).peers(1, &["n1", "n2"]);
        store_with(node.path(), applied, 0, rows);
        node
    };
    let newer: (u64, &[u8]) = (5, b"y");
    for (first, agreement) in [(8, "unknown"), (3, "diverged")] {
        let (ahead, behind) = (node("n1", first, 9, &[(4, b"x"), newer]), node("n2", first, 4, &[newer]));
        let (told, compared) = both(&[ahead.path(), behind.path()]);
        assert_eq!(compared["groups"][0]["stores"][1]["agreement"], agreement, "{compared:#}");
        let verdict = if agreement == "diverged" { "damaged" } else { "unknown" };
        assert_eq!(told["verdict"], verdict, "{told:#}");
    }
}

/// The state machine applies a request as a whole.
#[test]
fn a_row_that_is_missing_among_others_of_its_request_was_lost() {
    let (value, expiry): (&[u8], &[u8]) = (b"!redis|str|x", b"!redis|ttl|x");
    let node = |held: &[&[u8]]| {
        let request = raw(ts(1), &[(0, value, b"v"), (0, expiry, &[0; 8])]);
        let node = NodeDir::named("n1", &log(&["n1"], &[request], 2)).peers(1, &["n1"]);
        let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
        store.batch(10, &[(SET, b"_meta_applied_index", &2_u64.to_le_bytes())]);
        for (seq, key) in held.iter().enumerate() {
            let content: &[u8] = if *key == value { b"v" } else { &[0; 8] };
            store.batch(20 + seq as u64, &[(SET, &row_key(key, ts(1)), &row_value(Some(content)))]);
        }
        store.finish().unwrap();
        node
    };
    for (held, verdict, fates) in [
        (&[value, expiry][..], Verdict::Clean, ["applied", "applied"]),
        // It may have been turned down.
        (&[], Verdict::Clean, ["without-effect", "without-effect"]),
        (&[value], Verdict::Damaged, ["applied", "lost"]),
        (&[expiry], Verdict::Damaged, ["lost", "applied"]),
    ] {
        let node = node(held);
        let (found, report) = told("redis:x", &[node.path()]);
        let fate = |key: &[u8]| {
            let key = String::from_utf8(key.to_vec()).unwrap();
            let of = report["versions"].as_array().unwrap().iter().find(|version| version["key"] == key);
            of.unwrap_or_else(|| panic!("{key}: {report:#}"))["fate"].as_str().unwrap().to_owned()
        };
        assert_eq!((found, [fate(value), fate(expiry)]), (verdict, fates.map(str::to_owned)), "{report:#}");
        if verdict == Verdict::Damaged {
            let finding = finding(&report, "store-not-as-written");
            assert_eq!(finding["expected"], "what entry 2 of term 1 wrote", "{finding:#}");
            assert!(finding["path"].as_str().unwrap().ends_with("n1/fsm.db"), "{finding:#}");
        }
    }
}

#[test]
fn a_row_that_no_entry_of_a_whole_log_wrote_is_found() {
    let node = |applied: u64| {
        let node = NodeDir::named("n1", &log(&["n1"], &[put(1, b"a"), put(2, b"b")], 3)).peers(1, &["n1"]);
        store_with(node.path(), applied, 0, &[(1, b"a"), (7, b"nobody")]);
        node
    };
    let (verdict, report) = told("k", &[node(3).path()]);
    assert_eq!(verdict, Verdict::Damaged, "{report:#}");
    assert!(finding(&report, "store-not-as-written")["message"].as_str().unwrap().starts_with("No entry wrote"), "{report:#}");
    // What the log does not have may have written it.
    assert!(!told("k", &[node(9).path()]).1["findings"].to_string().contains("No entry wrote"));
}

#[test]
fn more_places_than_are_kept_are_not_passed_over() {
    let whole = payload();
    let mut log = log(&["n1"], &[put(1, b"a"), put(2, b"b")], 3);
    log.snapshot(2, 1, &[id("n1")]).state(1, id("n1"), 3);
    let mut node = NodeDir::new(&log).peers(1, &["n1"]);
    for index in 2..302 {
        node = node.file(&format!("fsm-snap/{index:016x}.fsm"), &whole);
    }
    store_with(node.path(), 3, 0, &[(2, b"b")]);
    let (verdict, report) = told("k", &[node.path()]);
    assert_ne!(verdict, Verdict::Clean, "{:#}", report["coverage"]);
    assert!(report["coverage"].to_string().contains("places more than are looked at"), "{:#}", report["coverage"]);
}
