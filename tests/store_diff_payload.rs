//! `store diff` with a payload on one side or both, and with values that each node seals for itself.

use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::divergence::{DifferenceKind, Reason};
use ekv_tool::ops::store_diff;
use ekv_tool::report::Report;
use ekv_tool::report::body::store_diff::StoreDiffBody;

use crate::support::diverging::{LAST, Node, commit_of, key, value, written};

fn diff(a: &Path, b: &Path) -> Report<StoreDiffBody> {
    store_diff([a, b], 20, None, &Run::local()).unwrap()
}

fn codes(report: &Report<StoreDiffBody>) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code.code).collect()
}

fn judged(report: &Report<StoreDiffBody>) -> Vec<(DifferenceKind, Reason, Option<u64>)> {
    let rows = report.body.differences.iter().filter(|row| row.reason != Reason::OwnNumber);
    rows.map(|row| (row.kind, row.reason, row.entry_index.map(|index| index.0))).collect()
}

/// Writes a payload with these rows of a node into its `fsm-snap`, filed under `index`.
fn payload(node: &Path, index: u64, rows: &[(Vec<u8>, Vec<u8>)]) -> PathBuf {
    let mut bytes = [b"EKVPBBL1".as_slice(), &commit_of(index).to_le_bytes()].concat();
    for field in rows.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend((field.len() as u64).to_le_bytes());
        bytes.extend(field);
    }
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    let path = node.join(format!("fsm-snap/{index:016x}.fsm"));
    fs::write(&path, bytes).unwrap();
    path
}

/// What a node that has applied every entry up to `applied` holds.
fn rows(applied: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows: Vec<_> = (2..=applied)
        .map(|index| {
            let (user_key, body) = written(index);
            (key(&user_key, commit_of(index)), value(&body))
        })
        .collect();
    rows.push((b"_meta_applied_index".to_vec(), applied.to_le_bytes().to_vec()));
    rows.push((b"_meta_last_commit_ts".to_vec(), commit_of(applied).to_le_bytes().to_vec()));
    rows.sort();
    rows
}

#[test]
fn a_payload_is_what_the_store_was() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::new("n1", LAST).write(root.path());
    let same = payload(&node, LAST, &rows(LAST));
    let report = diff(&node, &same);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]), "{:?}", report.coverage);
    assert!(report.body.identical_rows && report.body.complete);
    assert_eq!(report.body.sides[1].applied_index.map(|index| index.0), Some(LAST));
    // An older one lacks what entries wrote since, whichever side it is on.
    let older = payload(&node, LAST - 2, &rows(LAST - 2));
    for (one, other, kind) in [(&node, &older, DifferenceKind::OnlyFirst), (&older, &node, DifferenceKind::OnlySecond)] {
        let report = diff(one, other);
        assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]));
        assert_eq!(judged(&report), [LAST - 1, LAST].map(|index| (kind, Reason::Entry, Some(index))));
    }
    let report = diff(&older, &same);
    assert_eq!((report.verdict, judged(&report).len()), (Verdict::Clean, 2));
    assert_eq!(report.body.differences.iter().find_map(|row| row.second_value.clone()).as_deref(), Some("value of 8"));
}

/// A payload of everything but the row that the entry at `index` wrote.
fn payload_without(node: &Path, index: u64) -> PathBuf {
    let (lost, _) = written(index);
    let mut fewer = rows(LAST);
    fewer.retain(|(stored, _)| *stored != key(&lost, commit_of(index)));
    payload(node, LAST, &fewer)
}

#[test]
fn a_payload_that_lacks_a_row_has_diverged() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::new("n1", LAST).write(root.path());
    let path = payload_without(&node, 5);
    let report = diff(&node, &path);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Damaged, vec!["nodes-stores-diverge"]));
    assert_eq!(judged(&report), [(DifferenceKind::OnlyFirst, Reason::NoEntry, Some(5))]);
    assert_eq!(report.findings[0].path.as_deref(), path.to_str());
}

/// What is damaged or cannot be held against a store never makes a divergence.
#[test]
fn a_damaged_payload_is_damage_and_no_divergence() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::new("n1", LAST).write(root.path());
    let path = payload_without(&node, 5);
    let whole = fs::read(&path).unwrap();
    let mut wrong = whole.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for bytes in [&wrong[..], &whole[..whole.len() - 9]] {
        fs::write(&path, bytes).unwrap();
        let report = diff(&node, &path);
        assert_eq!(report.verdict, Verdict::Damaged, "{:?}", report.findings);
        assert!(!codes(&report).contains(&"nodes-stores-diverge"), "{:?}", report.findings);
        assert!(!report.body.complete && !report.body.identical_rows);
    }
    for (bytes, why) in [(&b"EKVMVCC2"[..], "kept in another form"), (b"some text", "neither a store nor a payload")] {
        fs::write(&path, [bytes, &[0; 40]].concat()).unwrap();
        let error = store_diff([&node, &path], 20, None, &Run::local()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}
