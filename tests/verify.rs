//! `verify-snapshot` as a user meets it: exact findings for exact damage, bad input, every format.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use ekv_tool::Run;
use ekv_tool::analysis::Severity;
use ekv_tool::ops::{CheckOptions, GateOptions, check, gate_dryrun};

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, ids};
use crate::support::recorded::{cases, real};

/// Index 42, one row and the applied index; the example of the format page.
const PAYLOAD: &[u8] = b"EKVTHLC1\x00\x00\x01\x97\x74\x20\xdc\x00EKVPBBL1\x03\x00\x18\xd8\x20\x74\x97\x01\
    \x14\0\0\0\0\0\0\0!redis|str|a\xfe\x68\x8b\xdf\x27\xe7\xff\xfc\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\x01\0hi\
    \x13\0\0\0\0\0\0\0_meta_applied_index\x08\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0";

fn tool() -> Command {
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    command.args(["verify-snapshot", "--progress", "never"]);
    command
}

/// Exit status and report.
fn report(args: &[&str]) -> (i32, Value) {
    let output = tool().args(["--format", "json"]).args(args).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// `code severity` of every finding.
fn findings(report: &Value) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter();
    all.map(|finding| format!("{} {}", finding["code"].as_str().unwrap(), finding["severity"].as_str().unwrap())).collect()
}

fn with_footer(payload: &[u8]) -> Vec<u8> {
    [payload, &crc32c::crc32c(payload).to_be_bytes()].concat()
}

/// The example with its footer.
fn example() -> Vec<u8> {
    with_footer(PAYLOAD)
}

fn file(dir: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn verdict_of_group(name: &str, args: &[&str]) -> (i32, Vec<String>) {
    let dir = cases().root.join(name);
    let (status, report) = report(&[&[dir.to_str().unwrap()], args].concat());
    (status, findings(&report))
}

#[test]
fn an_intact_payload_is_clean_and_says_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "000000000000002a.fsm", &example());
    let (status, report) = report(&["--deep", &path]);
    assert_eq!((status, findings(&report)), (0, vec![]));
    let snapshot = &report["snapshots"][0];
    assert_eq!(snapshot["index"], 42);
    assert_eq!(snapshot["applied_index"], 42);
    assert_eq!(snapshot["header"]["ceiling_ms"], 1_750_000_000_000_u64);
    assert_eq!(snapshot["body_format"], "EKVPBBL1");
    assert_eq!(snapshot["rows"]["rows"], 2);
    assert_eq!(snapshot["checks"]["deep"], "pass");
    assert_eq!(report["coverage"]["bytes_examined"], example().len());
}

#[test]
fn every_flipped_bit_is_found_and_no_prefix_is_clean() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = example();
    // One process a bit would be slow: a folder holds them all.
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        file(&dir, &format!("{:016x}.fsm", 1000 + bit), &damaged);
    }
    for cut in 0..bytes.len() {
        file(&dir, &format!("{:016x}.fsm", 9000 + cut), &bytes[..cut]);
    }
    let (status, report) = report(&["--deep", dir.path().to_str().unwrap()]);
    assert_eq!(status, 2);
    let snapshots = report["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), bytes.len() * 9);
    for snapshot in snapshots {
        assert_eq!(snapshot["verdict"], "damaged", "{}", snapshot["path"]);
    }
}

#[test]
fn the_token_of_a_lone_payload_is_given_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = example();
    let path = file(&dir, "000000000000002a.fsm", &bytes);
    let crc = "d6dce29a";
    assert!(bytes.ends_with(&[0xd6, 0xdc, 0xe2, 0x9a]));
    let token = |index: u64| format!("454b565401{index:016x}{crc}");
    assert_eq!(report(&["--token", &token(42), &path]).0, 0);
    assert_eq!(report(&["--token-crc", crc, &path]).0, 0);
    let (status, wrong) = report(&["--token-crc", "00000001", &path]);
    assert_eq!((status, findings(&wrong)), (2, vec!["fsm-token-crc error".to_owned()]));
    assert_eq!(wrong["snapshots"][0]["engine_error"]["error"], "ErrFSMSnapshotTokenCRC");
    let (status, other) = report(&["--token", &token(41), &path]);
    assert_eq!(status, 2);
    assert_eq!(findings(&other), ["snap-identity-mismatch error"]);
    tool().args(["--token", "454b5654", &path]).assert().code(1);
    tool().args(["--token", &token(42).replace("454b565401", "454b565402"), &path]).assert().code(1);
    tool().args(["--token-crc", crc, dir.path().to_str().unwrap()]).assert().code(1);
}

#[test]
fn rows_that_no_server_writes_are_found_by_deep_alone() {
    let dir = tempfile::tempdir().unwrap();
    let row =
        |key: &[u8], value: &[u8]| [&(key.len() as u64).to_le_bytes(), key, &(value.len() as u64).to_le_bytes(), value].concat();
    let payload = |rows: &[Vec<u8>]| with_footer(&[b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec(), rows.concat()].concat());
    let good = row(b"b\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 9]);
    let lower = row(b"a\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 9]);
    let newer = row(b"b\xff\xff\xff\xff\xff\xff\xff\xfe", &[0; 9]);
    for (name, bytes, expected) in [
        ("01", payload(&[good.clone(), lower]), vec!["fsm-row-order error"]),
        ("02", payload(&[row(b"short", &[0; 9])]), vec!["fsm-row-invalid error"]),
        (
            "03",
            payload(&[row(b"b\xff\xff\xff\xff\xff\xff\xff\xff", &[8, 0, 0, 0, 0, 0, 0, 0, 0])]),
            vec!["fsm-row-invalid error"],
        ),
        ("04", payload(&[row(b"_meta_applied_index", &[1, 2, 3])]), vec!["fsm-row-invalid error"]),
        ("05", payload(&[newer]), vec!["fsm-clock-behind warning"]),
        ("06", payload(&[good.clone(), b"\x05".to_vec()]), vec!["fsm-body-malformed error"]),
        ("07", payload(&[row(b"_meta_applied_index", &[8, 0, 0, 0, 0, 0, 0, 0])]), vec!["fsm-ahead-of-index error"]),
        ("08", payload(&[good]), vec![]),
    ] {
        let path = file(&dir, &format!("00000000000000{name}.fsm"), &bytes);
        let (status, deep) = report(&["--deep", &path]);
        assert_eq!(findings(&deep), expected, "{name}");
        assert_eq!(status, if expected.iter().any(|finding| finding.ends_with("error")) { 2 } else { 0 }, "{name}");
        assert_eq!(report(&[&path]).0, 0, "{name}: the checksum is right");
    }
}

#[test]
fn what_is_no_snapshot_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.fsm");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    symlink("loop.fsm", dir.path().join("loop.fsm")).unwrap();
    symlink("nowhere", dir.path().join("dangling.fsm")).unwrap();
    fs::create_dir(dir.path().join("junk")).unwrap();
    fs::write(dir.path().join("junk/notes.txt"), b"x").unwrap();
    let inside = |name: &str| dir.path().join(name);
    for path in
        [inside("missing.fsm"), fifo, inside("loop.fsm"), inside("dangling.fsm"), inside("junk"), PathBuf::from("/dev/zero")]
    {
        let output = tool().arg(&path).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{}: {told}", path.display());
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(path.to_str().unwrap()), "{told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn odd_files_are_judged_not_crashed_on() {
    let dir = tempfile::tempdir().unwrap();
    let huge_header = [b"EKVTHLC2\xff\xff".to_vec(), vec![0; 2000]].concat();
    for (name, bytes, expected) in [
        ("0000000000000001.fsm", vec![], vec!["fsm-too-small error"]),
        ("0000000000000002.fsm", vec![0; 3], vec!["fsm-too-small error"]),
        ("0000000000000003.fsm", vec![0; 4], vec![]),
        ("0000000000000004.fsm", with_footer(&huge_header), vec!["fsm-header-invalid error"]),
        ("0000000000000005.fsm", with_footer(b"what is this"), vec!["fsm-body-malformed warning"]),
        ("000000000000002A.FSM", example(), vec!["fsm-odd-name warning"]),
        ("2a.fsm", example(), vec!["fsm-odd-name warning"]),
        ("backup.bin", example(), vec![]),
    ] {
        let path = file(&dir, name, &bytes);
        let (status, report) = report(&[&path]);
        assert_eq!(findings(&report), expected, "{name}");
        assert_eq!(status, if expected.iter().any(|finding| finding.ends_with("error")) { 2 } else { 0 }, "{name}");
    }
    let sparse = fs::File::create(dir.path().join("00000000000000ff.fsm")).unwrap();
    sparse.set_len(300 << 20).unwrap();
    let (status, report) = report(&[dir.path().join("00000000000000ff.fsm").to_str().unwrap()]);
    assert_eq!((status, findings(&report)), (2, vec!["fsm-body-crc error".to_owned(), "fsm-body-malformed warning".to_owned()]));
}

#[test]
fn header_only_reads_little_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = example();
    bytes[60] ^= 1;
    let path = file(&dir, "000000000000002a.fsm", &bytes);
    let (status, report) = report(&["--header-only", &path]);
    assert_eq!((status, findings(&report)), (0, vec![]));
    assert_eq!(report["snapshots"][0]["checks"]["body_crc"], "not-run");
    let skipped = &report["coverage"]["not_examined"][0];
    assert_eq!(skipped["what"], format!("payload of {path}"));
    assert_eq!(skipped["needed"], false);
}

#[test]
fn damage_in_a_group_is_found_and_what_a_crash_leaves_is_clean() {
    for (name, status, expected) in [
        ("snap-commit-30", 0, &[][..]),
        ("snap-newest-empty", 2, &["snap-identity-mismatch error"]),
        ("snap-newest-zeroed", 2, &["snap-identity-mismatch error"]),
        ("snap-newest-cut1", 2, &["snap-identity-mismatch error"]),
        ("snap-newest-crc0", 2, &["snap-identity-mismatch error"]),
        ("snap-two-torn", 2, &["snap-identity-mismatch error", "snap-identity-mismatch error"]),
        ("snap-newest-gone", 0, &["snap-orphan warning"]),
        ("snap-spool", 0, &["snap-orphan info", "snap-orphan info"]),
        ("snap-copy-name", 2, &["snap-identity-mismatch error"]),
        ("snap-fsmdir-gone", 2, &["fsm-missing error", "fsm-missing error", "fsm-missing error", "fsm-missing error"]),
        ("snap-snap-is-dir", 0, &["snap-malformed warning"]),
        ("token-exec-crc-other", 2, &["fsm-token-crc error"]),
        ("token-exec-version2", 2, &["snap-token-invalid error"]),
        ("token-skip-legacy", 0, &["snap-legacy-payload info"]),
        ("token-skip-garbage", 2, &["fsm-body-malformed error", "snap-legacy-payload info"]),
        ("fsm-skip-body-bit", 2, &["fsm-body-crc error"]),
        ("fsm-skip-is-dir", 2, &["fsm-not-a-file error"]),
        ("fsm-skip-truncated-1", 2, &["fsm-body-crc error", "fsm-token-crc error"]),
        ("fsm-exec-short-name", 2, &["fsm-missing error", "fsm-odd-name warning"]),
        ("head-skip-v2-len65535", 2, &["fsm-header-invalid error"]),
    ] {
        let found = verdict_of_group(name, &[]);
        assert_eq!((found.0, found.1.iter().map(String::as_str).collect::<Vec<_>>().as_slice()), (status, expected), "{name}");
    }
    let (status, found) = verdict_of_group("snap-all-gone", &[]);
    assert_eq!((status, found[0].as_str()), (2, "snap-all-lost error"));
}

#[test]
fn newest_is_what_a_start_would_use() {
    let snapshots = |name: &str| {
        let dir = cases().root.join(name);
        let (status, report) = report(&["--newest", dir.to_str().unwrap()]);
        let indexes: Vec<_> =
            report["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["index"].as_u64().unwrap()).collect();
        (status, indexes)
    };
    assert_eq!(snapshots("snap-commit-30"), (0, vec![30]));
    assert_eq!(snapshots("snap-commit-29"), (0, vec![10]), "the log has no commit that covers the newer ones");
    assert_eq!(snapshots("snap-exec-newest-torn"), (0, vec![20]));
    assert_eq!(snapshots("snap-commit-30/n1/fsm-snap"), (0, vec![30]), "a folder of payloads has a highest index");
    assert_eq!(snapshots("snap-all-gone"), (3, vec![]));
}

#[test]
fn real_nodes_are_intact_but_for_those_with_a_note() {
    let mut seen = 0;
    for case in real().groups() {
        let (status, report) = report(&["--deep", case.dir.to_str().unwrap()]);
        let codes = findings(&report);
        match (case.name, case.group) {
            ("live-M-slow-a-fsmfirst", _) => {
                assert_eq!(status, 2);
                assert_eq!(codes, ["fsm-missing error", "fsm-missing error", "snap-orphan info", "snap-orphan info"]);
            }
            ("membership-M-H1-after", "n1") | ("one-M-H9", _) => {
                assert_eq!((status, codes), (2, vec!["fsm-ahead-of-index error".to_owned()]));
            }
            _ => assert_eq!((status, codes), (0, vec![]), "{} {}", case.name, case.group),
        }
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn an_envelope_brings_its_payload_along() {
    let group = cases().root.join("fsm-skip-body-bit/n1");
    let snap = group.join("snap/0000000000000002-000000000000000a.snap");
    let (status, found) = report(&[snap.to_str().unwrap()]);
    assert_eq!((status, findings(&found)), (2, vec!["fsm-body-crc error".to_owned()]));
    assert_eq!(found["envelopes"][0]["voters"].as_array().unwrap().len(), 1);
    let dir = tempfile::tempdir().unwrap();
    let copy = file(&dir, "0000000000000002-000000000000000a.snap", &fs::read(&snap).unwrap());
    let (status, found) = report(&[&copy]);
    assert_eq!((status, findings(&found)), (0, vec![]));
    assert_eq!(found["coverage"]["not_examined"][0]["what"], "the payload it points at");
}

#[test]
fn folders_and_several_paths_are_taken_together() {
    let group = cases().root.join("snap-commit-30/n1");
    let (status, found) = report(&[group.join("snap").to_str().unwrap(), group.join("fsm-snap").to_str().unwrap()]);
    assert_eq!((status, findings(&found)), (0, vec![]));
    assert_eq!(found["snapshots"].as_array().unwrap().len(), found["envelopes"].as_array().unwrap().len());
    let cluster = real().root.join("groups-P");
    let (status, found) = report(&[cluster.to_str().unwrap()]);
    assert_eq!(status, 0);
    let groups: Vec<_> =
        found["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["group"].as_str().unwrap()).collect();
    assert_eq!(groups.len(), 6);
    assert!(groups[0].ends_with("n1/group-1") && groups[5].ends_with("n1/group-2"));
}

#[test]
fn nothing_at_all_is_not_clean() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("n1/snap")).unwrap();
    let (status, report) = report(&[dir.path().join("n1").to_str().unwrap()]);
    assert_eq!((status, &report["verdict"]), (3, &Value::from("unknown")));
}

#[test]
fn the_table_fits_eighty_columns() {
    let root = real().root.clone();
    let output = tool().current_dir(&root).arg("one-P").assert().code(0).get_output().stdout.clone();
    let expected = "\
CLEAN    3 payloads and 3 envelopes: intact

one-P/n1/fsm-snap
  payload               index       size  format    head  crc  token  verdict
  00000000000004b1.fsm   1201  205.7 KiB  EKVPBBL1  v1    ok   ok     clean
  0000000000000579.fsm   1401  240.1 KiB  EKVPBBL1  v1    ok   ok     clean
  0000000000000641.fsm   1601  274.8 KiB  EKVPBBL1  v1    ok   ok     clean

one-P/n1/snap
  envelope                                index  voters  carries         verdict
  0000000000000002-0000000000000641.snap   1601       1  token 2be35bca  clean
  0000000000000002-0000000000000579.snap   1401       1  token a9ec4a62  clean
  0000000000000002-00000000000004b1.snap   1201       1  token 870cab28  clean

Examined 6 files, 720.8 KiB.
";
    assert_eq!(String::from_utf8_lossy(&output), expected);
}

#[test]
fn every_format_agrees_about_the_verdict() {
    let dir = cases().root.join("fsm-skip-body-bit");
    for (format, told) in [
        ("table", "fsm-body-crc"),
        ("json", "\"fsm-body-crc\""),
        ("ndjson", "fsm-body-crc"),
        ("markdown", "fsm-body-crc"),
        ("prometheus", "fsm-snap/000000000000000a.fsm\"} 0"),
    ] {
        let output = tool().args(["--format", format]).arg(&dir).assert().code(2).get_output().stdout.clone();
        let output = String::from_utf8_lossy(&output).into_owned();
        assert!(output.contains(told), "{format}: {output}");
    }
}

#[test]
fn a_directory_is_left_as_it_was() {
    fn stamps(dir: &Path, found: &mut Vec<(PathBuf, u64, std::time::SystemTime)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::metadata(&path).unwrap();
            found.push((path.clone(), meta.len(), meta.modified().unwrap()));
            if meta.is_dir() {
                stamps(&path, found);
            }
        }
    }
    let dir = cases().root.join("snap-two-torn");
    let (mut before, mut after) = (Vec::new(), Vec::new());
    stamps(&dir, &mut before);
    report(&["--deep", dir.to_str().unwrap()]);
    stamps(&dir, &mut after);
    assert_eq!(before, after);
}

#[test]
fn the_demonstration_node_is_intact() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let (status, found) = report(&["--deep", demo.to_str().unwrap()]);
    assert_eq!((status, findings(&found)), (0, vec![]));
    let indexes: Vec<_> =
        found["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [701, 1, 101, 201]);
}

/// The newest envelope of [`recorded_twice`].
const NEWEST: &str = "snap/0000000000000002-000000000000000f.snap";

/// A group whose log records snapshots at 1 and 15, both of which are there.
fn recorded_twice() -> NodeDir {
    let voters = ids(&["n1"]);
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &voters).state(1, 0, 1).entries(2, 20, 2).state(2, 0, 20).snapshot(15, 2, &voters).state(2, 0, 20);
    NodeDir::new(&log).snap(1, 1, &voters).snap(15, 2, &voters).peers(15, &["n1"])
}

/// A file that the log vouches for, and in whose place there is none that can be decoded, is damage for `verify-snapshot` as for `check`.
/// `--newest` says so beside the one below it.
#[test]
fn a_recorded_envelope_that_is_no_file_any_more_is_damaged() {
    type Spoil = fn(&Path);
    let spoil: [(&str, Spoil); 3] = [
        ("is a directory", |path| fs::create_dir(path).unwrap()),
        ("is a link to nothing", |path| symlink("/nowhere/at-all", path).unwrap()),
        ("outer message", |path| fs::write(path, [9; 30]).unwrap()),
    ];
    for (problem, spoil) in spoil {
        let dir = recorded_twice();
        let (group, path) = (dir.path().to_str().unwrap(), dir.path().join(NEWEST));
        assert_eq!(report(&[group]).0, 0);
        fs::remove_file(&path).unwrap();
        spoil(&path);
        // Whoever asks about the one that a start would use is told of the one above it, for want of which it is used.
        for (args, expected) in [(&[group][..], 2), (&["--newest", group], 0), (&["--header-only", group], 2)] {
            let (status, report) = report(args);
            let found = report["findings"].as_array().unwrap();
            let damage = found.iter().find(|finding| finding["code"] == "snap-identity-mismatch");
            let damage = damage.unwrap_or_else(|| panic!("{args:?}: {found:?}"));
            assert_eq!((status, damage["path"].as_str().unwrap()), (expected, path.to_str().unwrap()), "{args:?}");
            assert_eq!(damage["severity"], if expected == 2 { "error" } else { "warning" });
            assert!(damage["message"].as_str().unwrap().contains(problem), "{damage}");
        }
        let check = check(&[dir.path().to_owned()], &CheckOptions::default(), &Run::local()).unwrap();
        assert!(check.findings.iter().any(|finding| finding.code.code == "snap-identity-mismatch"), "{:?}", check.findings);
        let gate = gate_dryrun(&[dir.path().to_owned()], &GateOptions::default(), &Run::local()).unwrap();
        let newest = gate.findings.iter().find(|finding| finding.code.code == "snapshot-not-newest").unwrap();
        assert_eq!(newest.severity, Severity::Warning);
        assert!(newest.message.ends_with("it was damaged since."), "{}", newest.message);
    }
}

/// Whether an envelope that cannot be read was ever complete is told by the log alone.
#[test]
fn an_unreadable_envelope_beside_a_log_with_a_hole_is_unknown() {
    let dir = recorded_twice();
    fs::remove_file(dir.path().join(NEWEST)).unwrap();
    fs::create_dir(dir.path().join(NEWEST)).unwrap();
    let segment = dir.path().join("wal/0000000000000000-0000000000000000.wal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 0xff;
    fs::write(&segment, bytes).unwrap();
    let (status, report) = report(&[dir.path().to_str().unwrap()]);
    assert_eq!((status, &report["verdict"]), (3, &"unknown".into()), "{report:#}");
    let text = report["coverage"]["not_examined"].to_string();
    assert!(text.contains("that cannot be read were complete"), "{text}");
}
