//! `inspect`: one page on every file of recorded directories, and exact output for a few.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ekv_tool::analysis::inspect::describe;
use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::io::NoProgress;
use ekv_tool::readers::subject::Subject;
use serde_json::Value;

use crate::common;

fn inspect(path: &Path, status: i32) -> String {
    let output = Command::cargo_bin("ekv-tool").unwrap().arg("inspect").arg(path).assert().code(status).get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Large segments are examined elsewhere.
fn is_small(path: &Path) -> bool {
    path.metadata().unwrap().len() < 1 << 20
}

#[test]
fn every_file_that_a_server_left_is_recognised_by_its_content_and_is_not_damaged() {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for path in files_below(&common::real().root).iter().filter(|path| is_small(path)) {
        let subject = Subject::read(path, 1, &NoProgress).unwrap();
        let it = describe(&subject);
        *kinds.entry(it.kind).or_default() += 1;
        let name = path.file_name().unwrap().to_string_lossy();
        assert_ne!(it.confidence, Some("name-only"), "{}: {}", path.display(), it.title);
        let foreign = name == "deks.json" || name.ends_with(".txt") || name.ends_with(".md");
        assert!(it.kind != "unknown" || foreign, "{} is not recognised", path.display());
        let errors: Vec<_> = it.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
    for kind in ["snapshot-payload", "snapshot-envelope", "peers", "store-table", "store-manifest", "store-log", "key-sidecar"] {
        assert!(kinds.contains_key(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn damaged_files_get_a_page_too() {
    let mut damaged = 0;
    for case in common::cases().groups().iter().step_by(9) {
        let Ok(entries) = std::fs::read_dir(&case.dir) else { continue };
        if entries.count() == 0 {
            continue;
        }
        for path in files_below(&case.dir) {
            let it = describe(&Subject::read(&path, 1, &NoProgress).unwrap());
            damaged += usize::from(Verdict::of(&it.findings, &it.coverage) == Verdict::Damaged);
        }
    }
    assert!(damaged > 20, "{damaged} damaged files");
}

#[test]
fn a_peers_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p");
    let mut bytes =
        b"EKVP\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\x08\xb3\x7b\x07\xb5\x58\xd4\xc0\0\0\0\0\x02n1\0\0\0\x03a:1".to_vec();
    std::fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    let expected = format!(
        "\
CLEAN    {path}: peers file

  recognised by  magic EKVP
  size           42 bytes
  version        2
  index          1
  readable by    pr934, main

Peers
  raft id  node id           suffrage  address
  n1       08b37b07b558d4c0  voter     a:1

Examined 1 files, 42 B.
"
    );
    let text = inspect(&file, 0);
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
    bytes.pop();
    std::fs::write(&file, &bytes).unwrap();
    let text = inspect(&file, 2);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("peers-refused") && words.contains("2 left. A start says: unexpected EOF"), "{text}");
}

#[test]
fn an_unknown_file_is_unknown_and_a_missing_one_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), b"what is this?").unwrap();
    let text = inspect(&dir.path().join("x"), 3);
    assert!(text.starts_with("UNKNOWN") && text.contains("77 68 61 74"), "{text}");
    assert_eq!(inspect(&dir.path().join("gone"), 1), "");
}

#[test]
fn a_group_directory_in_json() {
    let group = common::real().root.join("one-P/n1");
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    let output = command.args(["inspect", "--format", "json"]).arg(&group).assert().code(3).get_output().stdout.clone();
    let value: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(value["schema"], "ekv-tool/inspect/v1");
    assert_eq!(value["kind"], "group");
    assert_eq!(value["facts"]["raft_id"], "n1");
    assert_eq!(value["facts"]["newest_snapshot"], "0000000000000002-0000000000000641.snap");
    let names: Vec<_> =
        value["lists"]["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["etcd-raft-peers.bin", "fsm-snap", "fsm.db", "raft-engine", "snap", "wal"]);
}
