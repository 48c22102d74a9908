//! `snapshot ls`, `show`, `stat` and `diff`: what they count agrees with a plain reading of the same rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::snapshot::EnvelopeState;
use ekv_tool::formats::mvcc::RowKey;
use ekv_tool::ops::snapshot;
use ekv_tool::types::{Crc32c, HlcTimestamp};
use proptest::prelude::*;

use crate::support::golden::{golden, transcript};
use crate::support::tree::copy_tree;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A payload with these rows in order, its checksum right.
fn payload(rows: &Rows) -> Vec<u8> {
    let mut bytes = b"EKVPBBL1\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec();
    for (key, value) in rows {
        for field in [key, value] {
            bytes.extend((field.len() as u64).to_le_bytes());
            bytes.extend(field);
        }
    }
    let crc = Crc32c::of(&bytes);
    bytes.extend(crc.0.to_be_bytes());
    bytes
}

fn row(user_key: &str, ts: u64, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = RowKey { user_key: user_key.as_bytes(), commit_ts: HlcTimestamp(ts) }.encode();
    (key, [&[0; 9], value].concat())
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

#[test]
fn the_listing_pairs_envelopes_with_payloads() {
    let report = snapshot::ls(&[demo()], &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Clean);
    let pairs: Vec<_> = report.body.snapshots.iter().map(|listed| (listed.index.unwrap().0, listed.term.unwrap().0)).collect();
    assert_eq!(pairs, [(701, 2), (1, 1), (101, 2), (201, 2)]);
    for listed in &report.body.snapshots {
        assert!(listed.payload.is_some() && listed.envelope.is_some(), "{listed:?}");
        assert_eq!(listed.token_crc32c, listed.footer_crc32c);
        assert_eq!(listed.voters.len(), 1);
    }
}

#[test]
fn families_add_up_to_the_rows() {
    let report = snapshot::stat(&[demo()], false, None, &Run::local().on_threads(2)).unwrap();
    assert_eq!((report.verdict, report.body.snapshots.len()), (Verdict::Clean, 4));
    for stat in &report.body.snapshots {
        let counts = stat.rows.unwrap();
        let sum =
            |field: fn(&ekv_tool::report::body::snapshot_stat::SpaceStat) -> u64| stat.spaces.iter().map(field).sum::<u64>();
        assert_eq!(sum(|space| space.rows), counts.rows);
        assert_eq!(sum(|space| space.tombstones), counts.tombstones);
        assert_eq!(sum(|space| space.key_bytes), counts.key_bytes);
        assert_eq!(sum(|space| space.value_bytes), counts.value_bytes);
    }
}

#[test]
fn rows_that_cannot_be_read_to_the_end_are_not_counted_as_all() {
    let dir = tempfile::tempdir().unwrap();
    let whole = payload(&Rows::from([row("a", 1, b"x"), row("b", 2, b"y")]));
    let mut cut = whole[..whole.len() - 10].to_vec();
    let crc = Crc32c::of(&cut);
    cut.extend(crc.0.to_be_bytes());
    let path = write(dir.path(), "0000000000000007.fsm", &cut);
    let report = snapshot::stat(&[path], false, None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(report.body.snapshots[0].rows.map(|rows| rows.rows), None);
}

#[test]
fn every_row_that_differs_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let first = Rows::from([row("a", 1, b"x"), row("b", 2, b"y"), row("c", 3, b"z")]);
    let second = Rows::from([row("a", 1, b"x"), row("b", 2, b"other"), row("c", 4, b"z")]);
    let [first, second] = [("1.fsm", &first), ("2.fsm", &second)].map(|(name, rows)| write(dir.path(), name, &payload(rows)));
    let report = snapshot::diff([&first, &second], 10, None, &Run::local()).unwrap();
    let found: Vec<_> = report.body.differences.iter().map(|row| (row.kind, row.key.as_str(), row.commit_ts)).collect();
    let expected = [("other-value", "b", Some(2)), ("only-second", "c", Some(4)), ("only-first", "c", Some(3))];
    assert_eq!(found, expected, "newer versions of a key come first in the store");
    assert_eq!((report.body.same, report.body.identical_rows), (1, false));
    let report = snapshot::diff([&first, &first], 10, None, &Run::local()).unwrap();
    assert_eq!((report.body.same, report.body.identical_rows), (3, true));
}

#[test]
fn a_payload_that_cannot_be_walked_is_never_called_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let good = payload(&Rows::from([row("a", 1, b"x")]));
    let good = write(dir.path(), "1.fsm", &good);
    let mut bytes = fs::read(&good).unwrap();
    bytes[20] ^= 1;
    let bad = write(dir.path(), "2.fsm", &bytes);
    let report = snapshot::diff([&good, &bad], 10, None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    assert!(!report.body.identical_rows);
    let empty = write(dir.path(), "3.fsm", &[Crc32c::of(b"").0.to_be_bytes()].concat());
    let report = snapshot::diff([&good, &empty], 10, None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Unknown, "{:?}", report.coverage);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against maps: every row is on one side, on the other, alike or different, and nothing is counted twice.
    #[test]
    fn the_counts_are_those_of_two_maps(
        rows in prop::collection::vec((0..40_u8, 0..4_u64, 0..3_u8, 0..3_u8), 0..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, mut second) = (Rows::new(), Rows::new());
        for (key, ts, value, side) in rows {
            let (key, value) = row(&format!("key{key}"), ts, &[value]);
            if side != 1 {
                first.insert(key.clone(), value.clone());
            }
            if side != 0 {
                second.insert(key, value);
            }
        }
        let paths = [("1.fsm", &first), ("2.fsm", &second)].map(|(name, rows)| write(dir.path(), name, &payload(rows)));
        let report = snapshot::diff([&paths[0], &paths[1]], 3, None, &Run::local()).unwrap();
        let body = &report.body;
        let alike = first.iter().filter(|(key, value)| second.get(*key) == Some(value)).count() as u64;
        let other = first.iter().filter(|(key, value)| second.get(*key).is_some_and(|found| found != *value)).count() as u64;
        let total = |field: fn(&ekv_tool::report::body::snapshot_diff::DifferenceCounts) -> u64| body.spaces.values().map(field).sum::<u64>();
        prop_assert_eq!(body.same, alike);
        prop_assert_eq!(total(|counts| counts.other_value), other);
        prop_assert_eq!(total(|counts| counts.only_first), first.len() as u64 - alike - other);
        prop_assert_eq!(total(|counts| counts.only_second), second.len() as u64 - alike - other);
        prop_assert_eq!(body.identical_rows, first == second);
        prop_assert_eq!(body.differences.len() as u64 + body.not_listed, (first.len() + second.len()) as u64 - 2 * alike - other);
    }
}

#[test]
fn outputs_for_people() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut text = String::new();
    for args in [
        "snapshot ls demo",
        "snapshot show demo/n1/group-2/snap/0000000000000002-00000000000000c9.snap",
        "snapshot stat --newest demo/n1/group-2",
        "snapshot diff --limit 4 demo/n1/group-2/fsm-snap/0000000000000065.fsm demo/n1/group-2/fsm-snap/00000000000000c9.fsm",
        "snapshot show demo/n1",
    ] {
        let output = Command::cargo_bin("ekv-tool")
            .unwrap()
            .args(args.split(' '))
            .args(["--width", "80"])
            .current_dir(&fixtures)
            .output()
            .unwrap();
        text.extend(["$ ekv-tool ", args, "\n", &transcript(&output), "\n"]);
    }
    // When a file of a checkout was written is not known beforehand.
    let text = text.lines().filter(|line| !line.contains("last written")).fold(String::new(), |text, line| text + line + "\n");
    // Commands are not broken, so that they can be copied.
    let long = |line: &str| line.chars().count() > 80 && !line.starts_with(['$', 'e', 'N']);
    assert!(!text.lines().any(long), "{text}");
    golden("snapshot/commands.txt", &text);
}

/// The program with these arguments: exit status and standard output.
fn run(args: &[&str]) -> (i32, Vec<u8>) {
    let output = Command::cargo_bin("ekv-tool").unwrap().args(args).output().unwrap();
    (output.status.code().unwrap(), output.stdout)
}

/// Envelopes that are lost, one by one and all together, are made again, and nothing in the directory changes.
#[test]
fn lost_envelopes_are_made_again() {
    let kept = demo().join("n1/group-2/snap");
    let names: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let group = dir.path().join("n1/group-2");
    copy_tree(&demo().join("n1/group-2"), &group);
    for name in &names {
        fs::write(group.join("snap").join(name), b"").unwrap();
    }
    let path = group.to_str().unwrap();
    for missing in [false, true] {
        if missing {
            fs::remove_dir_all(group.join("snap")).unwrap();
        }
        let report = snapshot::rebuild(&group, &Run::local()).unwrap();
        let now = if missing { EnvelopeState::Missing } else { EnvelopeState::Unreadable };
        assert!(report.verdict == Verdict::Damaged && report.body.snapshots.len() == names.len());
        assert!(report.body.snapshots.iter().all(|one| one.state == now && one.bytes.is_some()));
        for name in &names {
            let index = u64::from_str_radix(&name[17..33], 16).unwrap().to_string();
            let (status, bytes) = run(&["snapshot", "rebuild", path, "--index", &index, "--raw"]);
            assert_eq!((status, bytes), (0, fs::read(kept.join(name)).unwrap()), "{name}");
            let made = elsewhere.path().join(format!("{name}.made"));
            let into = ["snapshot", "rebuild", path, "--index", &index, "--raw", "--output"];
            if !missing {
                assert_eq!(run(&[&into[..], &[made.to_str().unwrap()]].concat()).0, 0);
                assert_eq!(fs::read(&made).unwrap(), fs::read(kept.join(name)).unwrap());
                // Never over the lost file itself.
                let lost = group.join("snap").join(name);
                assert_eq!(run(&[&into[..], &[lost.to_str().unwrap()]].concat()).0, 1);
                assert!(fs::read(&lost).unwrap().is_empty());
            }
        }
    }
    // Put back, they are what a start takes.
    fs::create_dir(group.join("snap")).unwrap();
    for name in &names {
        fs::rename(elsewhere.path().join(format!("{name}.made")), group.join("snap").join(name)).unwrap();
    }
    assert_eq!(run(&["verify-snapshot", path]).0, 0);
}

/// A file is made only of a payload that is what it was, and of a record that names the members.
#[test]
fn no_envelope_is_made_of_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let group = dir.path().join("n1/group-2");
    copy_tree(&demo().join("n1/group-2"), &group);
    let problem = || {
        let body = snapshot::rebuild(&group, &Run::local()).unwrap().body;
        let one = body.snapshots.into_iter().find(|one| one.index.0 == 101).unwrap();
        assert!(one.bytes.is_none() && one.bytes_hex.is_none());
        (one.state, one.problem.unwrap())
    };
    let payload = group.join("fsm-snap/0000000000000065.fsm");
    let mut bytes = fs::read(&payload).unwrap();
    bytes[40] ^= 1;
    fs::write(&payload, bytes).unwrap();
    let (state, why) = problem();
    assert!(state == EnvelopeState::Readable && why.contains("does not have the checksum"), "{why}");
    fs::remove_file(payload).unwrap();
    assert_eq!(problem(), (EnvelopeState::Readable, "its payload is not there".to_owned()));
    // With neither of the two it is one that retention removed.
    fs::remove_file(group.join("snap/0000000000000002-0000000000000065.snap")).unwrap();
    let body = snapshot::rebuild(&group, &Run::local()).unwrap().body;
    assert_eq!((body.retired, body.snapshots.iter().any(|one| one.index.0 == 101)), (1, false));
    // Without a log nothing is known.
    fs::remove_dir_all(group.join("wal")).unwrap();
    let report = snapshot::rebuild(&group, &Run::local()).unwrap();
    assert!(report.body.snapshots.is_empty() && report.verdict != Verdict::Clean);
}
