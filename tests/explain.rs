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
";
    assert!(text.contains(list), "{text}");
    assert!(text.ends_with("\nAnd 1 other line without anything known.\n"), "{text}");
    let value: Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    assert_eq!(value["lines"][1]["number"], 2);
    assert_eq!(value["unknown_lines"], 1);
    assert_eq!(value["explanations"][0]["name"], "walpb: crc mismatch");
}
