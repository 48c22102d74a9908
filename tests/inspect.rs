//! `inspect`: one page on every file of recorded directories, and exact output for a few.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::analysis::inspect::describe;
use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::readers::subject::Subject;
use serde_json::Value;

use crate::support::golden::{golden, transcript};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, ids};
use crate::support::recorded;
use crate::support::tree::date;

fn inspect(path: &Path, status: i32) -> String {
    let output = Command::cargo_bin("ekv-tool").unwrap().arg("inspect").arg(path).assert().code(status).get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
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
    for path in files_below(&recorded::real().root).iter().filter(|path| is_small(path)) {
        let subject = Subject::read(path, &Run::local()).unwrap();
        let it = describe(&subject, &[]);
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
    for case in recorded::cases().groups().iter().step_by(9) {
        let Ok(entries) = fs::read_dir(&case.dir) else { continue };
        if entries.count() == 0 {
            continue;
        }
        for path in files_below(&case.dir) {
            let it = describe(&Subject::read(&path, &Run::local()).unwrap(), &[]);
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
    fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    let expected = format!(
        "\
CLEAN    {path}: peers file

  recognised by  magic EKVP
  size           42 bytes
  last written   2025-01-02T03:04:05.000Z
  version        2
  index          1
  readable by    pr934, main

Peers
  raft id  node id           suffrage  address
  n1       08b37b07b558d4c0  voter     a:1

Examined 1 file, 42 B.
"
    );
    date(&file);
    let text = inspect(&file, 0);
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
    bytes.pop();
    fs::write(&file, &bytes).unwrap();
    let text = inspect(&file, 2);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("peers-refused") && words.contains("2 left. A start says: unexpected EOF"), "{text}");
}

#[test]
fn an_unknown_file_is_unknown_and_a_missing_one_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x"), b"what is this?").unwrap();
    let text = inspect(&dir.path().join("x"), 3);
    // It may be a key.
    assert!(text.starts_with("UNKNOWN") && !text.contains("77 68 61 74") && !text.contains("what is"), "{text}");
    assert_eq!(inspect(&dir.path().join("gone"), 1), "");
    let shown = |name: &str| {
        let mut command = Command::cargo_bin("ekv-tool").unwrap();
        let output =
            command.args(["inspect", "--show-bytes"]).arg(dir.path().join(name)).assert().code(3).get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    };
    let asked = shown("x");
    assert!(asked.contains("77 68 61 74") && asked.contains("what is this?"), "{asked}");
    // A copy of a key under another name stays hidden.
    fs::write(dir.path().join("y"), b"0123456789abcdef0123456789abcdef").unwrap();
    let key = shown("y");
    assert!(key.contains("the length of a key") && !key.contains("30 31 32") && !key.contains("0123456"), "{key}");
    for hidden in [&b"0123456789abcdef0123456789abcdef\n"[..], b"{\"storage\": \"54459fef2929f7c48ae3518cfb1f0b06c0c2\"}"] {
        fs::write(dir.path().join("y"), hidden).unwrap();
        let key = shown("y");
        assert!(key.contains("never shown") && !key.contains("35 34 34") && !key.contains("30 31 32"), "{key}");
    }
}

#[test]
fn a_group_directory_in_json() {
    let group = recorded::real().root.join("one-P/n1");
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    let output = command.args(["inspect", "--format", "json"]).arg(&group).assert().code(0).get_output().stdout.clone();
    let value: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(value["schema"], "ekv-tool/inspect/v1");
    assert_eq!(value["kind"], "group");
    assert_eq!(value["facts"]["raft_id"], "n1");
    assert_eq!(value["facts"]["newest_snapshot"], "0000000000000002-0000000000000641.snap");
    let names: Vec<_> =
        value["lists"]["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["etcd-raft-peers.bin", "fsm-snap", "fsm.db", "raft-engine", "snap", "wal"]);
}

/// The pages on `names`, one after another.
fn pages(dir: &Path, names: &[&str]) -> String {
    let page = |name: &&str| {
        let output =
            Command::cargo_bin("ekv-tool").unwrap().current_dir(dir).args(["inspect", "--width", "80", name]).output().unwrap();
        format!("$ ekv-tool inspect {name}\n{}\n", transcript(&output))
    };
    names.iter().map(page).collect()
}

/// Files of the fixtures are as old as their unpacking.
fn undated(pages: &str) -> String {
    let mask = |line: &str| match line.strip_prefix("  last written") {
        Some(rest) => format!("  last written{}(when)\n", &rest[..rest.len() - rest.trim_start().len()]),
        None => format!("{line}\n"),
    };
    pages.lines().map(mask).collect()
}

#[test]
fn pages_on_directories() {
    let real = &recorded::real().root;
    let names = [
        "three-M",
        "three-M/n1",
        "three-M/n1/wal",
        "three-M/n1/snap",
        "three-M/n1/fsm-snap",
        "three-M/n1/fsm.db",
        "groups-P/n1",
        "one-M-H9/n1/fsm.db",
        "enc-M/encryption",
    ];
    golden("inspect/directories.txt", &undated(&pages(real, &names)));
}

#[test]
fn pages_on_files() {
    let real = &recorded::real().root;
    let names = [
        "three-M/n1/etcd-raft-peers.bin",
        "three-M/n1/raft-engine",
        "three-M/n1/snap/0000000000000002-000000000000070a.snap",
        "three-M/n1/fsm-snap/000000000000070a.fsm",
        "one-M-H9/n1/fsm.db/MANIFEST-000008",
        "one-M-H9/n1/fsm.db/000007.sst",
        "one-M-H9/n1/fsm.db/000009.log",
        "one-M-H9/n1/fsm.db/LOCK",
        "enc-M/encryption/keys.json",
        "enc-M/kek.bin",
    ];
    golden("inspect/files.txt", &undated(&pages(real, &names)));
}

#[test]
fn pages_on_renamed_cut_and_foreign_things() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let real = &recorded::real().root;
    let payload = fs::read(real.join("three-M/n1/fsm-snap/000000000000070a.fsm")).unwrap();
    let envelope = fs::read(real.join("three-M/n1/snap/0000000000000002-000000000000070a.snap")).unwrap();
    let segment =
        LogWriter::new().snapshot(1, 1, &ids(&["n1"])).state(1, 0, 1).entries(2, 9, 2).state(2, 0, 8).files().remove(0).1;
    let files: [(&str, &[u8]); 14] = [
        ("payload.snap", &payload),
        ("envelope.fsm", &envelope),
        ("segment-without-a-name", &segment),
        ("cut-payload.fsm", &payload[..20_000]),
        ("0000000000000002-000000000000070a.snap", &envelope[..40]),
        ("0000000000000000-0000000000000000.wal", &segment[..300]),
        ("etcd-raft-peers.bin", b"EKVP\0\0\0\x03\0\0"),
        ("000000000000070b.fsm", b""),
        ("empty", b""),
        ("random", &[0x93, 0x69, 0x39, 0x88, 0xf8, 0x77, 0x66, 0xb6, 0x76, 0x8f, 0xaa, 0xf8, 0x8c, 0x67, 0x18, 0x45]),
        ("notes", b"moved the node on Tuesday\n"),
        ("backup", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("wiped", &[0; 100]),
        ("000001.sst", b"not a table at all, but long enough to hold a footer and more bytes than that"),
    ];
    for (name, bytes) in files {
        fs::write(at(name), bytes).unwrap();
        date(&at(name));
    }
    fs::create_dir_all(at("empty-directory")).unwrap();
    fs::create_dir_all(at("photos/2024")).unwrap();
    fs::write(at("photos/list.txt"), "cat\n").unwrap();
    date(&at("photos/list.txt"));
    let mut names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    names.extend(["empty-directory", "photos"]);
    golden("inspect/odd.txt", &pages(root.path(), &names));
}

#[test]
fn a_page_on_a_damaged_node_does_not_call_it_fine() {
    let node = |log: &LogWriter| NodeDir::new(log).snap(1, 1, &ids(&["n1"])).peers(1, &["n1"]);
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&["n1"])).state(1, 0, 1).entries(2, 4, 2).entries(6, 9, 2).state(2, 0, 8);
    let text = inspect(node(&log).path(), 0);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("(looked at, not checked)"), "{text}");
    assert!(words.contains("log a start cannot read it: "), "{text}");
    assert!(words.contains("whether the content is intact: inspect says what is there"), "{text}");
}
