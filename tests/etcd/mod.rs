//! Directories of members of etcd: nobody calls them damaged because they are not ours, and damage in them is found.

mod itself;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ekv_tool::analysis::judge::log::judge_segments;
use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::readers::wal::WalScan;
use serde_json::{Value, json};

use crate::codes::etcd::consistent_index;
use crate::support::log_writer::LogWriter;
use crate::support::recorded;
use crate::support::tree::copy_tree;

const SEGMENT: &str = "member/wal/0000000000000000-0000000000000000.wal";

/// Status and report of a command in a directory.
fn run(dir: &Path, args: &str) -> (i32, Value) {
    let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .current_dir(dir)
        .args(args.split(' '))
        .args(["--format", "json"])
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{args}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code().unwrap(), report)
}

/// Severities and codes of the findings, worst first.
fn found(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| (text(&finding["severity"]), text(&finding["code"]))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every command that takes a directory of etcd says that it is clean, and whose it is.
fn clean(dir: &Path, target: &str) {
    for command in
        ["check", "gate-dryrun", "inspect", "verify-snapshot", "wal verify", "wal ls", "wal stat", "wal dump", "wal show 2"]
    {
        let order = format!("{command} {target}");
        let (status, report) = run(dir, &order);
        assert_eq!((status, &report["verdict"]), (0, &json!("clean")), "{order}: {:?}", found(&report));
        assert!(found(&report).iter().all(|(severity, _)| severity == "info"), "{order}: {:?}", found(&report));
    }
}

fn recorded_one() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1");
    copy_tree(&recorded::etcd().root.join("one"), &dir);
    (root, dir)
}

#[test]
fn recorded_members_are_clean_and_say_what_etcdctl_said() {
    let recorded = recorded::etcd();
    for (name, expected) in &recorded.expected {
        clean(&recorded.root, name);
        let (_, report) = run(&recorded.root, &format!("check {name}"));
        let (member, status) = (&report["members"][0], &expected["status"]);
        assert_eq!(report["backend"], "etcd");
        for field in ["member_id", "cluster_id"] {
            assert_eq!(member[field], status[field], "{name}: {field}");
        }
        assert_eq!(member["log"]["hard_state"]["term"], status["raft_term"], "{name}");
        assert_eq!(member["log"]["last_index"], status["raft_index"], "{name}");
        // Nothing was written behind the status.
        assert_eq!(member["store"]["revision"], status["revision"], "{name}");
        assert_eq!(member["written_by"], "etcd 3.4 to 3.6");
        assert!(member["rules"].as_u64().unwrap() > 10, "{name}");
        let starts = member["starts"].as_array().unwrap();
        assert!(starts.iter().all(|start| start["outcome"] == "start"), "{name}: {starts:?}");
    }
}

#[test]
fn what_a_member_was_asked_for() {
    let root = &recorded::etcd().root;
    let (_, stat) = run(root, "wal stat one");
    let operations = &stat["log"]["etcd"]["operations"];
    for (operation, count) in [("txn", 1), ("delete-range", 2), ("lease-grant", 1), ("compaction", 1), ("v2", 2), ("put", 34)] {
        assert_eq!(operations[operation], count, "{operation}");
    }
    assert_eq!(stat["log"]["classes"]["etcd-request"], 50);
    assert_eq!(stat["log"]["classes"]["unknown"], Value::Null);
    let (_, dump) = run(root, "wal dump one");
    let records = dump["records"].as_array().unwrap();
    assert_eq!(records[1]["member_id"], "132c37f40d3da087");
    let entry = |index: u64| records.iter().find(|row| row["type"] == "entry" && row["index"] == index).unwrap();
    assert_eq!(entry(1)["etcd"]["summary"], "add-voter 132c37f40d3da087 one http://127.0.0.1:23800");
    let txn = "txn if value(key4) = value4 then put key4 of 7 bytes, delete-range key5 else range key4";
    assert_eq!(entry(19)["etcd"]["summary"], txn);
    assert_eq!(entry(19)["etcd"]["keys"], json!(["key4", "key4", "key5", "key4"]));
    assert_eq!((&entry(30)["etcd"]["user"], &entry(30)["class"]), (&json!("root"), &json!("etcd-request")));
    let (_, some) = run(root, "wal dump --key-prefix key1 --class etcd-request one");
    let summaries: Vec<_> = some["records"].as_array().unwrap().iter().map(|row| text(&row["etcd"]["summary"])).collect();
    assert_eq!(summaries.len(), 5, "{summaries:?}");
    assert_eq!(summaries[4], "delete-range prefix key1");
    // The password of the user stands in the log in clear text, and in no report.
    for order in ["wal dump one", "wal show 24 one", "wal show 29 one", "check one", "inspect one"] {
        let (_, report) = run(root, order);
        // "not-a-sec"
        let hex = "6e6f742d612d736563";
        assert!(!report.to_string().contains("not-a-secret") && !report.to_string().contains(hex), "{order}");
    }
    let (_, shown) = run(root, "wal show 24 one");
    let hidden = shown["records"][0]["fields"].as_array().unwrap().iter().all(|row| row["hex"] == "");
    assert!(hidden, "no byte of a request with a password is shown");
}

#[test]
fn parts_by_themselves_are_told() {
    let (_root, dir) = recorded_one();
    for (command, target) in [
        ("wal verify", "member"),
        ("wal verify", "member/wal"),
        ("wal verify", SEGMENT),
        ("wal stat", SEGMENT),
        ("inspect", "member/wal"),
        ("inspect", "member/snap"),
        ("inspect", "member/snap/db"),
        ("inspect", SEGMENT),
        ("inspect", "member/snap/0000000000000002-000000000000002a.snap"),
        ("verify-snapshot", "member/snap"),
        ("verify-snapshot", "member/snap/0000000000000002-000000000000002a.snap"),
        ("check", "member"),
        ("gate-dryrun", "member"),
    ] {
        let (status, report) = run(&dir, &format!("{command} {target}"));
        assert_eq!((status, found(&report)), (0, vec![]), "{command} {target}");
    }
    // A part does not say what a start does.
    for target in ["member/wal", "member/snap"] {
        let (status, report) = run(&dir, &format!("check {target}"));
        assert_eq!((status, &report["verdict"]), (3, &json!("unknown")), "{target}");
    }
    let (_, store) = run(&dir, "inspect member/snap/db");
    assert_eq!(store["kind"], "etcd-store");
    // The parts under other names, alone.
    let alone = tempfile::tempdir().unwrap();
    copy_tree(&dir.join("member/wal"), &alone.path().join("copy"));
    let (status, report) = run(alone.path(), "wal verify copy");
    assert_eq!((status, found(&report)), (0, vec![]));
    fs::copy(dir.join(SEGMENT), alone.path().join("a-segment")).unwrap();
    let (status, report) = run(alone.path(), "inspect a-segment");
    assert_eq!((status, found(&report)), (0, vec![]));
}

#[test]
fn members_are_compared() {
    let root = &recorded::etcd().root;
    let (status, report) = run(root, "compare a b c");
    assert_eq!((status, found(&report)), (0, vec![]));
    assert_eq!(report["members"].as_array().unwrap().len(), 3);
    let (status, report) = run(root, "compare a one");
    assert_eq!((status, found(&report)[0].1.as_str()), (2, "cross-group-mismatch"));
    let copies = tempfile::tempdir().unwrap();
    for name in ["a", "copy"] {
        copy_tree(&root.join("a"), &copies.path().join(name));
    }
    let (status, report) = run(copies.path(), "compare a copy");
    assert_eq!((status, found(&report)[0].1.as_str()), (2, "cross-duplicate-identity"));
    // Two histories of one cluster.
    let write = |name: &str, member: u64, value: &[u8]| {
        let mut log = LogWriter::of_etcd(member, 9);
        log.typed_entry(0, 1, 1, b"").typed_entry(0, 2, 1, &put(b"k", value)).state(1, 7, 2);
        write_log(&copies.path().join(name), &log);
    };
    write("x", 7, b"one");
    write("y", 8, b"two");
    let (status, report) = run(copies.path(), "compare x y");
    assert_eq!((status, found(&report)[0].1.as_str()), (2, "cross-committed-divergence"));
}

fn put(key: &[u8], value: &[u8]) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    field(4, &[field(1, key), field(2, value)].concat())
}

fn write_log(dir: &Path, log: &LogWriter) {
    let wal = dir.join("member/wal");
    fs::create_dir_all(&wal).unwrap();
    fs::create_dir_all(dir.join("member/snap")).unwrap();
    for (name, bytes) in log.files() {
        fs::write(wal.join(name), bytes).unwrap();
    }
}

/// What `check` and `gate-dryrun` say of a damaged copy.
fn damaged(change: impl FnOnce(&Path)) -> (Value, Value) {
    let (root, dir) = recorded_one();
    change(root.path());
    let (_, check) = run(root.path(), "check n1");
    let (_, gate) = run(root.path(), "gate-dryrun n1");
    assert!(dir.exists());
    (check, gate)
}

fn has(report: &Value, severity: &str, code: &str) -> Value {
    let findings = report["findings"].as_array().unwrap();
    let wanted = findings.iter().find(|finding| finding["code"] == code && finding["severity"] == severity);
    wanted.unwrap_or_else(|| panic!("no {severity} {code}: {:?}", found(report))).clone()
}

fn change_file(root: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = root.join("n1").join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_log_is_damaged() {
    // A bit of an entry.
    let (check, gate) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes[1080] ^= 4));
    assert_eq!(has(&check, "error", "wal-crc-mismatch")["offset"], 1040);
    assert_eq!((&check["verdict"], &gate["verdict"]), (&json!("damaged"), &json!("damaged")));
    let start = &gate["members"][0]["starts"][0];
    assert_eq!((&start["outcome"], &start["stage"]), (&json!("abort"), &json!("list-snapshots")));
    has(&gate, "error", "start-refused");
    // The metadata record: it says no more whose the log is, and the store does.
    let (check, _) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes[36] ^= 1));
    assert_eq!(check["backend"], "etcd");
    assert_eq!(has(&check, "error", "wal-crc-mismatch")["offset"], 16);
    // The type of an entry, which no checksum covers: an entry becomes a hard state.
    let (check, _) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes[1049] ^= 1));
    assert_eq!(check["verdict"], "damaged", "{:?}", found(&check));
    // An entry becomes a metadata record behind the head.
    let (check, _) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes[1049] = 1));
    assert_eq!(has(&check, "error", "wal-record-type-suspect")["offset"], 1040);
}

#[test]
fn a_cut_log_is_what_a_crash_leaves_until_the_store_says_otherwise() {
    // Within the last record.
    let (check, gate) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes.truncate(5300)));
    assert_eq!(check["verdict"], "clean", "{:?}", found(&check));
    has(&check, "info", "wal-torn-tail");
    let start = &gate["members"][0]["starts"][0];
    assert_eq!(start["outcome"], "start");
    assert!(text(&start["repair"]).contains("cut at 52"), "{}", start["repair"]);
    // Within earlier ones: the store has applied what is gone.
    let (check, gate) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes.truncate(4900)));
    has(&check, "error", "etcd-store-ahead");
    assert_eq!(gate["verdict"], "damaged");
    // Below the newest snapshot that the log names.
    let (check, _) = damaged(|root| change_file(root, SEGMENT, |bytes| bytes.truncate(3000)));
    assert_eq!(check["verdict"], "damaged", "{:?}", found(&check));
}

#[test]
fn damaged_snapshots_are_put_aside_and_older_ones_taken() {
    let newest = "member/snap/0000000000000002-000000000000002a.snap";
    let (check, gate) = damaged(|root| change_file(root, newest, |bytes| bytes[500] ^= 1));
    has(&check, "error", "snap-file-crc");
    let starts = gate["members"][0]["starts"].as_array().unwrap();
    assert_eq!(starts[0]["snapshot"]["index"], 21);
    assert_eq!(starts[0]["would_rename"], json!(["n1/member/snap/0000000000000002-000000000000002a.snap"]));
    assert_eq!((&starts[1]["releases"], &starts[1]["snapshot"]["index"]), (&json!("etcd 3.7"), &json!(42)));
    let (_, lone) = {
        let (root, dir) = recorded_one();
        change_file(root.path(), newest, |bytes| bytes[500] ^= 1);
        run(&dir, &format!("verify-snapshot {newest}"))
    };
    has(&lone, "error", "snap-file-crc");
    // Cut, although the log records it: that is done when the file is complete.
    let (check, gate) = damaged(|root| change_file(root, newest, |bytes| bytes.truncate(300)));
    let finding = has(&check, "error", "snap-torn");
    assert!(finding["message"].as_str().unwrap().contains("The log records this snapshot"), "{finding:#}");
    assert_eq!((&check["verdict"], &gate["members"][0]["starts"][0]["snapshot"]["index"]), (&json!("damaged"), &json!(21)));
    // Gone: the log is read from its beginning.
    let (check, gate) = damaged(|root| {
        for name in [newest, "member/snap/0000000000000002-0000000000000015.snap"] {
            fs::remove_file(root.join("n1").join(name)).unwrap();
        }
    });
    assert_eq!(check["verdict"], "clean", "{:?}", found(&check));
    assert_eq!(gate["members"][0]["starts"][0]["snapshot"], Value::Null);
}

#[test]
fn a_damaged_store_is_damaged() {
    // Both meta pages.
    let (check, gate) = damaged(|root| {
        change_file(root, "member/snap/db", |bytes| {
            bytes[20] ^= 1;
            bytes[4096 + 20] ^= 1;
        });
    });
    has(&check, "error", "bolt-unusable");
    assert_eq!(gate["members"][0]["starts"][0]["stage"], "open-store");
    // Every page behind them.
    let (check, _) = damaged(|root| change_file(root, "member/snap/db", |bytes| bytes[8192..].fill(0)));
    has(&check, "error", "bolt-page-damaged");
    // Gone, with snapshots that it has to hold.
    let (check, gate) = damaged(|root| fs::remove_file(root.join("n1/member/snap/db")).unwrap());
    has(&check, "error", "etcd-store-behind");
    assert_eq!(gate["members"][0]["starts"][0]["stage"], "recover-store");
    // Behind, with the store that the leader sent.
    let (check, gate) = damaged(|root| {
        consistent_index(root, 40);
        fs::copy(root.join("n1/member/snap/db"), root.join("n1/member/snap/000000000000002a.snap.db")).unwrap();
    });
    assert_eq!(check["verdict"], "clean", "{:?}", found(&check));
    assert_eq!(gate["members"][0]["starts"][0]["takes_store"], "n1/member/snap/000000000000002a.snap.db");
}

#[test]
fn logs_of_several_segments() {
    let write = |root: &Path| {
        let mut log = LogWriter::of_etcd(7, 9);
        log.typed_entry(0, 1, 1, b"");
        for index in 2..=20 {
            log.typed_entry(0, index, 1, &put(b"key", b"value")).state(1, 7, index);
            if index % 6 == 0 {
                log.cut();
            }
        }
        write_log(&root.join("n1"), &log);
    };
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    clean(root.path(), "n1");
    let middle = root.path().join("n1/member/wal/0000000000000001-0000000000000007.wal");
    fs::remove_file(&middle).unwrap();
    let (_, check) = run(root.path(), "check n1");
    has(&check, "error", "wal-segment-missing");
    let (_, verify) = run(root.path(), "wal verify n1");
    has(&verify, "error", "wal-segment-missing");
    // Whose it is, is known without its first segments too.
    write(root.path());
    let first = root.path().join("n1/member/wal/0000000000000000-0000000000000000.wal");
    fs::write(&first, [0; 64]).unwrap();
    let (_, check) = run(root.path(), "check n1");
    assert_eq!((&check["backend"], &check["verdict"]), (&json!("etcd"), &json!("damaged")));
}

/// A flipped bit that a checksum covers is an error, wherever it is; none is a panic.
#[test]
fn flipped_bits_of_a_segment() {
    let bytes = fs::read(recorded::etcd().root.join("one").join(SEGMENT)).unwrap();
    let name = "0000000000000000-0000000000000000.wal".to_owned();
    let mut unseen = Vec::new();
    for bit in (0..5312 * 8).step_by(29) {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let scan = WalScan::of_bytes([(name.clone(), changed)]);
        let (findings, coverage) = judge_segments(&scan, "");
        if Verdict::of(&findings, &coverage) == Verdict::Clean && findings.iter().all(|it| it.severity == Severity::Info) {
            unseen.push(bit / 8);
        }
    }
    // The end of the log that a crash may leave, types and padding.
    assert!(unseen.len() < 60, "{unseen:?}");
}

#[test]
fn a_group_of_elastickv_is_none_of_etcd() {
    // The envelope of a member of etcd in a group of elastickv is what a start would restore.
    let root = tempfile::tempdir().unwrap();
    let group = root.path().join("n1");
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-1"), &group);
    let name = "0000000000000002-000000000000002a.snap";
    fs::copy(recorded::etcd().root.join("one/member/snap").join(name), group.join("snap").join(name)).unwrap();
    for order in ["verify-snapshot n1", "verify-snapshot n1/snap", &format!("verify-snapshot n1/snap/{name}")] {
        let (_, report) = run(root.path(), order);
        assert!(found(&report).iter().any(|(_, code)| code == "fsm-body-malformed"), "{order}: {:?}", found(&report));
        assert!(report.get("backend").is_none(), "{order}");
    }
}
