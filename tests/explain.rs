//! `explain`: what the command prints, and that everything a server was seen to say has an explanation.

use std::collections::BTreeSet;

use assert_cmd::Command;
use ekv_tool::analysis::explain::{Answer, explain};
use serde_json::Value;

use crate::support::recorded;

fn tool(args: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("ekv-tool").unwrap().arg("explain").args(args).assert()
}

fn stdout(args: &[&str]) -> String {
    String::from_utf8(tool(args).code(0).get_output().stdout.clone()).unwrap()
}

#[test]
fn a_line_of_a_log() {
    let text = stdout(&["--width", "80", "FSM-requested apply halt: kv/fsm: decode bootstrap: fsmwire: payload is malformed"]);
    let expected = "\
ErrFSMWireMalformed: an encryption entry is cut or has a wrong length

  meaning     Registration, bootstrap and rotation entries have exact layouts;
              this one does not fit. The words in front say which field.
  decided by  The payload of the entry, behind tag 03, 04 or 05.
  safe        Find out whether the other members stop at the same entry. On all
              of them: it was proposed that way, and a server that understands
              it is needed. On this one alone: its log or its registry is
              damaged; let it join again.
  only voter  Keep a copy of the directory before anything starts on it: this is
              the only voter, and all that is left of the group is here or in a
              backup.
  not safe    Do not cut the entry out of the log: it is committed, and the
              other members have applied it.
  shows more  ekv-tool gate-dryrun --plan DIR

The same text also contains
  name or text              title
  FSM-requested apply halt  the state machine refuses an entry and the run loop
                            ends
";
    assert_eq!(text, expected);
}

#[test]
fn a_code_in_json() {
    let value: Value = serde_json::from_str(&stdout(&["--format", "json", "fsm-body-crc"])).unwrap();
    assert_eq!(value["schema"], "ekv-tool/explain/v1");
    assert_eq!(value["question"], "fsm-body-crc");
    let explanation = &value["explanations"][0];
    assert_eq!(explanation["kind"], "finding");
    assert_eq!(explanation["severity"], "error");
    for field in ["title", "meaning", "decided_by", "safe", "not_safe", "more"] {
        assert!(explanation[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
}

#[test]
fn standard_input_is_read() {
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    let output = command.args(["explain", "-"]).write_stdin("level=ERROR err=\"wal: snapshot mismatch\"\n").assert().code(0);
    assert!(String::from_utf8_lossy(&output.get_output().stdout).starts_with("wal: snapshot mismatch: "));
}

#[test]
fn what_is_not_known_is_status_1_with_what_looks_alike() {
    let stderr = |args: &[&str]| String::from_utf8(tool(args).code(1).stdout("").get_output().stderr.clone()).unwrap();
    let alike = stderr(&["fsm-body"]);
    assert!(alike.contains("fsm-body-crc") && alike.lines().count() == 1, "{alike}");
    assert!(stderr(&["zzzz"]).contains("--list"));
    tool(&[]).code(1);
}

#[test]
fn the_list_has_every_name_once() {
    let value: Value = serde_json::from_str(&stdout(&["--list", "--format", "json"])).unwrap();
    let names: Vec<_> = value["explanations"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    assert!(names.contains(&"fsm-body-crc") && names.contains(&"errNoPeersConfigured"));
}

#[test]
fn everything_that_servers_were_seen_to_say_is_explained() {
    let mut unexplained = BTreeSet::new();
    let mut seen = 0;
    for recorded in [recorded::cases(), recorded::real()] {
        for case in recorded.groups() {
            for engine in ["pr934", "main"] {
                if let Some(text) = case.expected[engine]["abort_text"].as_str() {
                    seen += 1;
                    if !matches!(explain(text), Answer::Server(_)) {
                        unexplained.insert(text.to_owned());
                    }
                }
            }
        }
    }
    assert!(seen > 1000, "only {seen} texts are recorded");
    assert_eq!(unexplained, BTreeSet::new());
}

#[test]
fn lines_that_were_wrapped_by_a_ticket() {
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    let pasted = "> 2026-11-21 ERROR start failed: fsm snap\n> shot: file CRC32C mis\n> match (file corrupt)\n";
    let output = command.args(["explain", "-"]).write_stdin(pasted).assert().code(0).get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.starts_with("ErrFSMSnapshotFileCRC: "), "{text}");
    assert!(text.ends_with("\n  shows more  ekv-tool verify-snapshot --deep DIR\n"), "{text}");
}

#[test]
fn the_lines_of_a_log_are_explained_one_by_one() {
    let log = "\
Nov 26 03:12:07 n2 elastickv[811]: INFO restoreSnapshotState skipped fsm_applied=60 snapshot_index=41
Nov 26 03:12:08 n2 elastickv[811]: ERROR open wal: walpb: crc mismatch: expected: db1adccb computed: 6be0cbdc
panic: unexpected EOF

goroutine 1 [running]:
";
    let run = |args: &[&str]| {
        let mut command = Command::cargo_bin("ekv-tool").unwrap();
        let output = command.arg("explain").args(args).arg("-").write_stdin(log).assert().code(0).get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    };
    let text = run(&[]);
    assert!(text.starts_with("walpb: crc mismatch: "), "{text}");
    let list = "\
Line by line
  line  name or text                  the line
     1  restoreSnapshotState skipped  Nov 26 03:12:07 n2 elastickv[811]: INFO restoreSnapshotState skipped fsm_applied=60 snapshot_index=41
     2  walpb: crc mismatch           Nov 26 03:12:08 n2 elastickv[811]: ERROR open wal: walpb: crc mismatch: expected: db1adccb computed: 6be0cbdc
     3  unexpected EOF                panic: unexpected EOF
     5  goroutine trace               goroutine 1 [running]:
";
    assert!(text.contains(list), "{text}");
    assert!(!text.contains("without anything known"), "{text}");
    let value: Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    assert_eq!(value["lines"][1]["number"], 2);
    assert_eq!((&value["lines"][1]["node"], &value["lines"][1]["time"]), (&"n2".into(), &"Nov 26 03:12:08".into()));
    assert_eq!((&value["lines"][2]["node"], &value["lines"][2]["time"]), (&Value::Null, &Value::Null));
    assert_eq!(value["lines"][1]["title"], value["explanations"][0]["title"]);
    assert_eq!((&value["unknown_lines"], &value["trace_lines"]), (&0.into(), &0.into()));
    assert_eq!(value["explanations"][0]["name"], "walpb: crc mismatch");
}

#[test]
fn a_file_with_a_panic_and_its_goroutines() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("server.log");
    let log = "\
time=2026-11-26T03:12:06Z level=INFO msg=\"8b37 became follower at term 3\" node_id=n2
time=2026-11-26T03:12:07Z level=WARN msg=\"something else\" node_id=n2
write n2/wal/0.tmp: no space left on device
panic: runtime error: invalid memory address or nil pointer dereference [recovered, repanicked]
[signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0xb49d39]

goroutine 17 [running]:
main.run(0xc000012345)
\t/src/main.go:88 +0x5f
";
    std::fs::write(&path, log).unwrap();
    let path = path.to_str().unwrap();
    let value: Value = serde_json::from_str(&stdout(&["--format", "json", "--file", path])).unwrap();
    let names: Vec<_> = value["lines"].as_array().unwrap().iter().map(|line| line["name"].as_str().unwrap()).collect();
    let expected = [
        "raft election",
        "no space left on device",
        "nil pointer dereference",
        "SIGSEGV: segmentation violation",
        "goroutine trace",
    ];
    assert_eq!(names, expected);
    assert_eq!(value["explanations"][0]["name"], "no space left on device", "the first that tells of something wrong");
    assert_eq!((&value["unknown_lines"], &value["trace_lines"]), (&1.into(), &2.into()));
    assert_eq!((&value["lines"][0]["node"], &value["lines"][0]["time"]), (&"n2".into(), &"2026-11-26T03:12:06Z".into()));
    let text = stdout(&["--file", path]);
    assert!(text.contains("And 2 lines of calls of goroutines.\n"), "{text}");
    assert!(text.contains("And 1 other line without anything known.\n"), "{text}");
    assert!(value.get("cut_short").is_none());
    // What is behind the limit is said to be there.
    std::fs::write(path, format!("{log}{}", format!("{}\n", "a line of no importance ".repeat(400)).repeat(120))).unwrap();
    let value: Value = serde_json::from_str(&stdout(&["--format", "json", "--file", path])).unwrap();
    assert_eq!(value["cut_short"], true);
    tool(&["--file", "no-such.log"]).code(1);
}

/// Texts as hashicorp/raft, raft-boltdb and bbolt give them, prefixes included, and under which one they are explained.
const OF_THE_LIBRARY: [(&str, &str); 43] = [
    ("failed to load any existing snapshots", "failed to load any existing snapshots"),
    ("raft: failed to open snapshot: id=2-43-1795229132436 error=\"CRC mismatch\"", "CRC mismatch"),
    ("failed to restore snapshot: failed to decode peers: msgpack decode error [pos 1]: EOF", "failed to decode peers"),
    ("snapshot path not accessible: mkdir n1/snapshots: not a directory", "snapshot path not accessible"),
    ("invalid database", "invalid database"),
    ("version mismatch", "version mismatch"),
    ("checksum error", "checksum error"),
    ("file size too small", "file size too small"),
    ("panic: invalid freelist page: 5, page type is leaf", "invalid freelist page"),
    ("panic: page 7 already freed", "page already freed"),
    ("panic: leading element count -1 overflows int", "leading element count overflows int"),
    ("panic: assertion failed: Page expected to be: 4, but self identifies as 9", "Page expected to be"),
    ("panic: assertion failed: page 4: has unexpected type/flags: 3", "has unexpected type/flags"),
    ("panic: invalid page type: 4: 10", "has unexpected type/flags"),
    ("panic: pgid (9) above high water mark (4)", "above high water mark"),
    ("panic: root bucket pgid (9) above high water mark (4)", "above high water mark"),
    ("panic: inline bucket non-zero page access(2): 4 != 0", "inline bucket non-zero page access"),
    ("create bucket: incompatible value", "incompatible value"),
    ("panic: assertion failed: read: zero-length inode key", "zero-length inode key"),
    ("panic: cannot free page 0 or 1: 1", "cannot free page 0 or 1"),
    ("panic: invalid page allocation: 1", "cannot free page 0 or 1"),
    ("write n1/raft.db: bad file descriptor", "bad file descriptor"),
    ("unexpected fault address 0x7f0000000000", "unexpected fault address"),
    ("panic: log not found", "log not found"),
    ("failed to get last log at index 9: log not found", "failed to get last log at index"),
    ("failed to get log at index 7: log not found", "failed to get log at index"),
    ("panic: runtime error: index out of range [7] with length 4", "index out of range [7]"),
    ("failed to load current term: invalid uint64 value length: 7", "invalid uint64 value length"),
    ("invalid uint64 value length: 7", "invalid uint64 value length"),
    ("need at least one voter in configuration: {[]}", "need at least one voter in configuration"),
    ("found duplicate ID in configuration: n1", "found duplicate ID in configuration"),
    ("found duplicate address in configuration: 127.0.0.1:1", "found duplicate address in configuration"),
    ("empty ID in configuration: {[{Voter  127.0.0.1:1}]}", "empty ID in configuration"),
    ("failed to restore any of the available snapshots", "failed to restore any of the available snapshots"),
    (
        "refused to recover cluster with no initial state, this is probably an operator error",
        "refused to recover cluster with no initial state",
    ),
    ("panic: failed to decode configuration: EOF", "failed to decode configuration"),
    ("panic: failed to decode configuration: maximum decoding depth exceeded", "maximum decoding depth exceeded"),
    ("panic: msgpack decode error [pos 1]: only encoded map or array can be decoded into a struct", "msgpack decode error"),
    (
        "panic: runtime error: slice bounds out of range [::2147483655] with length 2147483647",
        "slice bounds out of range in a page",
    ),
    (
        "panic: runtime error: index out of range [1495335813808128] with length 281474976710655",
        "slice bounds out of range in a page",
    ),
    ("panic: unrecognized log type: &raft.Log{Index:0x9}", "unrecognized log type"),
    ("[WARN] raft: no known peers, aborting election", "no known peers, aborting election"),
    (
        "cannot take snapshot now, wait until the configuration entry at 99 has been applied (have applied 20)",
        "cannot take snapshot now, wait until the configuration entry",
    ),
];

#[test]
fn what_the_library_of_the_older_nodes_says_is_explained() {
    for (line, name) in OF_THE_LIBRARY {
        match explain(line) {
            Answer::Server(found) => assert_eq!(found[0].name, name, "{line}"),
            other => panic!("{line:?} gives {other:?}"),
        }
    }
    let mut unexplained = BTreeSet::new();
    let mut seen = 0;
    for case in recorded::hashi().expected.values() {
        for did in case["nodes"].as_object().unwrap().values() {
            if let Some(text) = did["error"].as_str() {
                seen += 1;
                if !matches!(explain(text), Answer::Server(_)) {
                    unexplained.insert(text.to_owned());
                }
            }
        }
    }
    assert!(seen > 50, "{seen}");
    assert_eq!(unexplained, BTreeSet::new());
}
