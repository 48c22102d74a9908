//! `raft.db` as a directory of Pebble: what elastickv's middle generation kept its log in.

use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::hraft::{FirstState, Recovery, StartOutcome};
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::ops::hraft::{
    Backend, EntryRange, hashicorp_check, hashicorp_compare, hashicorp_gate_dryrun, hashicorp_inspect, hashicorp_wal_dump,
    hashicorp_wal_ls, hashicorp_wal_show, hashicorp_wal_stat, hashicorp_wal_verify,
};
use ekv_tool::readers::Local;
use ekv_tool::report::body::hraft::gate::HashiForecast;
use serde_json::json;

use crate::support::dumped::dumped;
use crate::support::raft_db::{Rows, entry, in_log, in_table, log_key, members, rows, snapshot, stable_key};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, RANGEDEL, SET};

/// A node directory with this store.
fn node(fill: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1");
    fill(&dir.join("raft.db"));
    (root, dir)
}

fn forecast(dir: &Path) -> (HashiForecast, Verdict) {
    let report = hashicorp_gate_dryrun(&[dir.to_owned()], None, &Run::local()).unwrap();
    let verdict = report.verdict;
    (report.body.groups.into_iter().next().unwrap(), verdict)
}

fn check(dir: &Path) -> (Verdict, Vec<Finding>) {
    let report = hashicorp_check(&[dir.to_owned()], None, None, &Run::local()).unwrap();
    (report.verdict, report.findings)
}

fn loud(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().filter(|f| f.severity != Severity::Info).map(|f| (f.code.code, f.severity)).collect()
}

/// The same rows with the value of one key changed.
fn with(mut rows: Rows, key: &[u8], value: &[u8]) -> Rows {
    rows.retain(|(known, _)| known != key);
    rows.push((key.to_vec(), value.to_vec()));
    rows.sort();
    rows
}

#[test]
fn a_healthy_store_starts_and_is_clean_wherever_its_rows_stand() {
    let split = |dir: &Path| {
        let all = rows(6);
        let mut store = StoreWriter::new(dir).unwrap();
        store
            .table(6, Options::default(), |table| {
                let old = all.iter().filter(|(key, _)| *key < log_key(5));
                old.enumerate().try_for_each(|(number, (key, value))| table.point(key, 10 + number as u64, SET, value))
            })
            .unwrap();
        for (number, (key, value)) in all.iter().filter(|(key, _)| *key >= log_key(5)).enumerate() {
            store.batch(20 + number as u64, &[(SET, key, value)]);
        }
        store.finish().unwrap();
    };
    let fills: [&dyn Fn(&Path); 3] = [&|dir| in_table(dir, &rows(6)), &|dir| in_log(dir, &rows(6)), &split];
    for fill in fills {
        let (_root, dir) = node(fill);
        assert_eq!(Backend::of(std::slice::from_ref(&dir), &Local).unwrap(), Backend::Hashicorp(vec![dir.clone()]));
        let inside = dir.join("raft.db");
        assert_eq!(Backend::of(&[inside], &Local).unwrap(), Backend::Hashicorp(vec![dir.clone()]), "it stands for the node");
        let (seen, verdict) = forecast(&dir);
        assert_eq!((seen.start.outcome, verdict), (StartOutcome::Start, Verdict::Clean));
        assert_eq!(seen.server_refusal.unwrap().error, "ErrLegacyHashicorpDataDir");
        let state = seen.start.at_start.unwrap();
        assert_eq!((state.term, state.last_log_index, state.last_log_term, state.configuration_index), (2, 6, 2, 1));
        assert_eq!(state.configuration.unwrap()[0].address, "127.0.0.1:1");
        assert_eq!((seen.start.first_state, seen.start.recovery), (Some(FirstState::Leader), Recovery::Ok));
        assert_eq!((seen.start.first_index, seen.start.last_index), (Some(1), Some(6)));
        let (verdict, findings) = check(&dir);
        assert_eq!((verdict, loud(&findings)), (Verdict::Clean, vec![]), "{findings:?}");
        let only = std::slice::from_ref(&dir);
        assert_eq!(hashicorp_wal_verify(only, &Run::local()).unwrap().verdict, Verdict::Clean);
        let stat = hashicorp_wal_stat(only, &Run::local()).unwrap();
        let facts = &stat.body.nodes[0].facts;
        assert_eq!((&facts["types"]["command"]["entries"], &facts["entries"]), (&json!(4), &json!(6)));
        assert_eq!((&facts["current_term"], &facts["vote_term"]), (&json!(2), &json!(2)));
        assert_eq!(facts["stores"][0]["kind"], "pebble");
        assert_eq!(hashicorp_wal_ls(only, &Run::local()).unwrap().body.nodes[0].facts["stores"][0]["keys"], 9);
        let page = hashicorp_inspect(only, &Run::local()).unwrap();
        assert_eq!(page.body.nodes[0].facts["stores"][0]["format_version"], 16);
        let range = EntryRange { from: Some(1), to: Some(3), term: None };
        let (_, entries) = dumped(|rows| hashicorp_wal_dump(&dir, range, &Run::local(), rows));
        assert_eq!(entries.len(), 3);
        assert_eq!((&entries[0]["content"], &entries[0]["offset"]), (&json!("n1@127.0.0.1:1 voter"), &json!(null)));
        assert_eq!(entries[2]["appended_at"], "2022-07-08T22:47:48.235Z");
        let shown = hashicorp_wal_show(&dir, 4, &Run::local()).unwrap();
        assert_eq!(shown.body.nodes[0].facts["entry"]["content"], "command 4");
    }
}

#[test]
fn the_newest_record_counts_and_deletions_are_respected() {
    let (_root, dir) = node(|dir| {
        let mut store = StoreWriter::new(dir).unwrap();
        let old = rows(8);
        store
            .table(6, Options::default(), |table| {
                old.iter().enumerate().try_for_each(|(number, (key, value))| table.point(key, 10 + number as u64, SET, value))
            })
            .unwrap();
        // A conflict: the suffix from 5 goes, an entry of a later term comes, and the term rises.
        store.batch(50, &[(RANGEDEL, &log_key(5), b"m")]);
        store.batch(51, &[(SET, &log_key(5), &entry(5, 3, 1, b""))]);
        store.batch(52, &[(SET, &stable_key("CurrentTerm"), &3_u64.to_be_bytes()), (0, &stable_key("LastVoteCand"), b"")]);
        store.batch(54, &[(0, &stable_key("LastVoteTerm"), b"")]);
        store.finish().unwrap();
    });
    let (seen, verdict) = forecast(&dir);
    let state = seen.start.at_start.unwrap();
    assert_eq!((state.term, state.last_log_index, state.last_log_term, verdict), (3, 5, 3, Verdict::Clean));
    let stat = hashicorp_wal_stat(std::slice::from_ref(&dir), &Run::local()).unwrap();
    assert_eq!((&stat.body.nodes[0].facts["last_index"], &stat.body.nodes[0].facts["vote_term"]), (&json!(5), &json!(null)));
}

#[test]
fn what_the_rollback_utility_makes_is_healthy() {
    let term: Rows = vec![(stable_key("CurrentTerm"), 1_u64.to_be_bytes().to_vec())];
    let (_root, dir) = node(|dir| in_log(dir, &term));
    snapshot(&dir, 1, 1, 1);
    fs::write(dir.join("raft-engine"), "hashicorp\n").unwrap();
    assert!(matches!(Backend::of(std::slice::from_ref(&dir), &Local).unwrap(), Backend::Hashicorp(_)), "its own marker");
    let (seen, verdict) = forecast(&dir);
    assert_eq!(
        (seen.start.outcome, verdict, seen.start.first_state),
        (StartOutcome::Start, Verdict::Clean, Some(FirstState::Leader))
    );
    assert_eq!(seen.start.snapshot.unwrap().index, 1);
    let (verdict, findings) = check(&dir);
    assert_eq!((verdict, findings.len()), (Verdict::Clean, 0), "{findings:?}");
}

#[test]
fn with_anything_of_the_present_log_the_servers_refusal_is_the_answer() {
    let (_root, dir) = node(|dir| in_log(dir, &rows(3)));
    fs::write(dir.join("raft-engine"), "etcd\n").unwrap();
    assert_eq!(Backend::of(std::slice::from_ref(&dir), &Local).unwrap(), Backend::Elastickv);
    fs::write(dir.join("raft-engine"), "hashicorp\n").unwrap();
    fs::create_dir(dir.join("wal")).unwrap();
    assert_eq!(Backend::of(std::slice::from_ref(&dir), &Local).unwrap(), Backend::Elastickv);
    let (_root, empty) = node(|dir| fs::create_dir_all(dir).unwrap());
    assert_eq!(Backend::of(&[empty], &Local).unwrap(), Backend::Elastickv, "nothing in it says what it is");
}

#[test]
fn unknown_keys_are_listed() {
    let odd = with(with(rows(3), b"a\xff", b"x"), b"sPeersOfMine", b"y");
    let (_root, dir) = node(|dir| in_table(dir, &odd));
    let stat = hashicorp_wal_stat(std::slice::from_ref(&dir), &Run::local()).unwrap();
    let store = &stat.body.nodes[0].facts["stores"][0];
    assert_eq!((&store["unknown_keys"], &store["unknown_keys_shown"]), (&json!(1), &json!(["a\\xff"])));
    assert_eq!(stat.body.nodes[0].facts["other_keys"], json!(["PeersOfMine"]));
    assert_eq!(check(&dir).0, Verdict::Clean);
}

/// What a start says of rows, and the loud findings of a check.
fn judged(all: &Rows) -> (Option<String>, Vec<(&'static str, Severity)>) {
    let (_root, dir) = node(|dir| in_table(dir, all));
    let (seen, _) = forecast(&dir);
    let text = seen.start.abort.map(|abort| format!("{} {}: {}", abort.stage.name(), abort.kind.name(), abort.text));
    (text, loud(&check(&dir).1))
}

#[test]
fn the_librarys_end_is_foretold() {
    let error = |code| (code, Severity::Error);
    let mut gap = rows(6);
    gap.retain(|(key, _)| *key != log_key(4));
    let (text, found) = judged(&gap);
    assert_eq!(text.unwrap(), "NewRaft panic: log not found");
    assert_eq!(found, [error("hraft-start-fails"), error("hraft-log-gap")]);

    let (text, found) = judged(&with(rows(6), &log_key(4), &entry(4, 2, 5, b"\xc1")));
    assert!(text.unwrap().starts_with("NewRaft panic: failed to decode configuration: "));
    assert_eq!(found, [error("hraft-start-fails"), error("hraft-configuration-undecodable")]);

    let (text, found) = judged(&with(rows(6), &log_key(6), b"\xc1"));
    assert!(text.unwrap().starts_with("NewRaft error: failed to get last log at index 6: "));
    assert_eq!(found, [error("hraft-start-fails"), error("hraft-entry-undecodable")]);

    let (text, found) = judged(&with(rows(6), &log_key(6), &entry(6, 2, 9, b"x")));
    assert!(text.unwrap().starts_with("running panic: unrecognized log type: "));
    assert_eq!(found, [error("hraft-start-fails"), error("hraft-type-unknown")]);

    let (text, found) = judged(&with(rows(6), &log_key(6), &entry(7, 2, 0, b"x")));
    assert_eq!(text.unwrap(), "NewRaft panic: log not found", "nothing compares the index with the key");
    assert_eq!(found, [error("hraft-start-fails"), error("hraft-index-mismatch")]);

    let (text, found) = judged(&with(rows(6), &stable_key("CurrentTerm"), &[0; 7]));
    assert_eq!(text.unwrap(), "NewRaft error: failed to load current term: invalid uint64 value length: 7");
    assert_eq!(found[..2], [error("hraft-start-fails"), error("hraft-stable-invalid")]);

    let (text, found) = judged(&with(rows(6), &stable_key("LastVoteTerm"), &[0; 9]));
    assert_eq!((text, found), (None, vec![error("hraft-stable-invalid")]), "an error at every vote request, and no panic");

    let mut lost = rows(6);
    lost.retain(|(key, _)| *key != stable_key("CurrentTerm"));
    assert_eq!(judged(&lost).1[0], error("hraft-stable-invalid"));
}

#[test]
fn a_key_that_is_no_index_hides_the_log_when_it_is_the_last() {
    let long = [log_key(6), b"!".to_vec()].concat();
    let (_root, dir) = node(|dir| in_table(dir, &with(rows(6), &long, b"x")));
    let (seen, _) = forecast(&dir);
    assert_eq!((seen.start.outcome, seen.start.last_index), (StartOutcome::Start, Some(0)));
    let (verdict, findings) = check(&dir);
    let odd = findings.iter().find(|finding| finding.code.code == "hraft-key-odd").unwrap();
    assert!(odd.message.ends_with("counts as empty."), "{}", odd.message);
    assert_eq!((verdict, odd.severity, odd.offset), (Verdict::Damaged, Severity::Error, None));
    let (_root, middle) = node(|dir| in_table(dir, &with(rows(6), b"l\0\0\0\0\0\0\0\x02!", b"x")));
    let (verdict, findings) = check(&middle);
    assert_eq!((verdict, loud(&findings)), (Verdict::Clean, vec![("hraft-key-odd", Severity::Warning)]));
    assert_eq!(forecast(&middle).0.start.last_index, Some(6));
}

#[test]
fn damage_to_the_store_is_named_and_the_start_unknown_or_refused() {
    let store = |dir: &Path| in_table(dir, &rows(40));
    let (_root, dir) = node(store);
    let table = dir.join("raft.db/000005.sst");
    let whole = fs::read(&table).unwrap();
    let mut bytes = whole.clone();
    bytes[10] ^= 1;
    fs::write(&table, bytes).unwrap();
    let (seen, verdict) = forecast(&dir);
    assert_eq!((seen.start.outcome, verdict, seen.start.recovery), (StartOutcome::Unknown, Verdict::Damaged, Recovery::Unknown));
    assert!(seen.start.unknown.unwrap().contains("000005.sst"));
    let (verdict, findings) = check(&dir);
    assert_eq!((verdict, loud(&findings)), (Verdict::Damaged, vec![("store-table-damage", Severity::Error)]));
    assert_eq!(findings[0].path.as_deref(), Some(table.to_str().unwrap()));
    assert!(findings[0].advice.contains("join again") && !findings[0].advice.contains("fsm.db"), "{}", findings[0].advice);

    fs::write(&table, &whole[..whole.len() - 1]).unwrap();
    let (seen, verdict) = forecast(&dir);
    let abort = seen.start.abort.unwrap();
    assert_eq!((verdict, abort.stage.name()), (Verdict::Damaged, "open-stores"));
    assert!(abort.text.contains("object size mismatch (raft.db/000005.sst)"), "{}", abort.text);
    assert!(loud(&check(&dir).1).contains(&("store-table-size", Severity::Error)));

    fs::remove_file(&table).unwrap();
    assert!(loud(&check(&dir).1).contains(&("store-table-missing", Severity::Error)));
    fs::write(&table, &whole).unwrap();
    assert_eq!(check(&dir).0, Verdict::Clean);
    fs::remove_file(dir.join("raft.db/marker.manifest.000001.MANIFEST-000001")).unwrap();
    let (verdict, findings) = check(&dir);
    let lost = findings.iter().find(|finding| finding.code.code == "store-manifest-marker").unwrap();
    assert!(lost.advice.contains("raft.db/marker.manifest"), "{}", lost.advice);
    assert_eq!(verdict, Verdict::Damaged);
}

#[test]
fn a_store_of_the_first_format_is_unknown_and_not_clean() {
    let (_root, dir) = node(|dir| in_log(dir, &rows(3)));
    for name in ["marker.manifest.000001.MANIFEST-000001", "marker.format-version.000003.016"] {
        fs::remove_file(dir.join("raft.db").join(name)).unwrap();
    }
    fs::write(dir.join("raft.db/CURRENT"), "MANIFEST-000001\n").unwrap();
    let (seen, verdict) = forecast(&dir);
    assert_eq!(seen.start.outcome, StartOutcome::Unknown);
    assert!(verdict != Verdict::Clean);
    assert!(check(&dir).0 != Verdict::Clean);
}

#[test]
fn what_a_migration_left_is_told() {
    let (_root, dir) = node(|dir| in_log(dir, &rows(3)));
    fs::write(dir.join("logs.dat"), b"").unwrap();
    fs::write(dir.join("stable.dat"), b"").unwrap();
    let (verdict, findings) = check(&dir);
    assert_eq!((verdict, loud(&findings)), (Verdict::Clean, vec![]));
    assert_eq!(findings[0].code.code, "migration-aborted");
    assert!(findings[0].message.starts_with("logs.dat and stable.dat beside"), "{}", findings[0].message);
    let aborted = dir.with_file_name("n1.migrating");
    fs::rename(&dir, &aborted).unwrap();
    let (_, findings) = check(&aborted);
    assert_eq!(loud(&findings)[0], ("migration-aborted", Severity::Warning));
}

#[test]
fn nodes_of_both_forms_are_compared() {
    let (_one, first) = node(|dir| in_table(dir, &rows(6)));
    let (two, second) = node(|dir| in_log(dir, &with(rows(6), &log_key(5), &entry(5, 2, 0, b"another"))));
    let renamed = two.path().join("n2");
    fs::rename(second, &renamed).unwrap();
    let report = hashicorp_compare(&[first, renamed], &Run::local()).unwrap();
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.code.code, finding.severity)).collect();
    assert_eq!(found, [("cross-log-matching", Severity::Error)]);
    assert!(report.findings[0].message.contains("at index 5"), "{}", report.findings[0].message);
}

/// What a check says beside its verdict.
fn answer(dir: &Path) -> (Verdict, Vec<&'static str>, serde_json::Value) {
    let report = hashicorp_check(&[dir.to_owned()], None, None, &Run::local()).unwrap();
    let mut codes: Vec<_> = report.findings.iter().map(|finding| finding.code.code).collect();
    codes.sort_unstable();
    (report.verdict, codes, serde_json::to_value(&report.body).unwrap())
}

#[test]
fn no_bit_of_the_store_changes_unseen() {
    for fill in [in_table, in_log] {
        let (_root, dir) = node(|dir| fill(dir, &rows(5)));
        let intact = answer(&dir);
        assert_eq!(intact.0, Verdict::Clean);
        let mut unseen = Vec::new();
        let mut faults = 0;
        for file in fs::read_dir(dir.join("raft.db")).unwrap().map(|file| file.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            for at in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << (at * 7 % 8);
                fs::write(&file, &changed).unwrap();
                let found = answer(&dir);
                faults += 1;
                if found.0 == Verdict::Clean && (&found.1, &found.2) != (&intact.1, &intact.2) {
                    unseen.push(format!("{} at {at}: {:?}", file.display(), found.1));
                }
                // A cut is as if the rest had never been written: only of the newest log that is what a crash leaves.
                fs::write(&file, &bytes[..at]).unwrap();
                let found = answer(&dir);
                if found.0 == Verdict::Clean && file.extension().is_none_or(|extension| extension != "log") {
                    unseen.push(format!("{} cut at {at}: {:?}", file.display(), found.1));
                }
            }
            fs::write(&file, &bytes).unwrap();
        }
        assert!(faults > 500, "{faults}");
        assert!(unseen.is_empty(), "{} of {faults}: {:#?}", unseen.len(), &unseen[..unseen.len().min(20)]);
    }
}

#[test]
fn members_are_written_as_the_library_writes_them() {
    assert_eq!(members(&[("n1", "127.0.0.1:1")])[..10], *b"\x81\xa7Servers\x91");
}
