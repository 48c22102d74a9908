//! The lines of ndjson hold everything that the JSON report of the same run does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ekv_tool::report::schema;
use serde_json::Value;

use crate::support::archive_writer::ArchiveWriter;
use crate::support::dump_writer::Dump;
use crate::support::offload_writer::Publish;
use crate::support::rebuilt::{SHARED, STREAMED, rebuilt};
use crate::support::recorded::{cases, etcd, hashi, real};

fn output(command: &str, paths: &[PathBuf], format: &str) -> String {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let output = program.args(command.split(' ')).args(paths).args(["--format", format]).output().unwrap();
    without_time(without_free_space(&String::from_utf8(output.stdout).unwrap()))
}

/// Facts are taken in another moment.
fn without_time(text: String) -> String {
    ["\"taken_at\":", "\"taken_at_ms\":"].iter().fold(text, |text, name| {
        let mut parts = text.split(name);
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| format!("{text}{name} 0{}", &part[part.find(',').unwrap()..]))
    })
}

/// How much space is free is another amount in the next moment.
fn without_free_space(text: &str) -> String {
    let mut parts = text.split("\"free_bytes\":");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        format!("{text}\"free_bytes\": 0{}", part.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()))
    })
}

/// Every command, and two directories for those that have other lists there.
fn runs(made: &Path) -> Vec<(&'static str, Vec<PathBuf>)> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let tables = cases().root.join("sst2-ok/n1");
    let group = demo.join("n1/group-2");
    let payload = |index: u64| group.join(format!("fsm-snap/{index:016x}.fsm"));
    let hraft = hashi().root.join(hashi().expected.keys().next().unwrap());
    let archive = made.join("backup.snap");
    fs::write(&archive, ArchiveWriter::consul().with("more", b"x").gzip()).unwrap();
    let dump = made.join("dump");
    Dump::default().write(&dump);
    let (_, offloaded) = Publish::default().write(&made.join("store"));
    vec![
        ("check", vec![demo.clone()]),
        ("check --fast", vec![tables.clone()]),
        ("check", vec![hraft.clone()]),
        ("check", vec![etcd().root.join("one")]),
        ("gate-dryrun", vec![etcd().root.clone()]),
        ("compare", vec![etcd().root.join("a"), etcd().root.join("b")]),
        ("wal dump", vec![etcd().root.join("one")]),
        ("wal stat", vec![etcd().root.join("one")]),
        ("check", vec![made.join("nowhere")]),
        ("check --list", vec![]),
        ("compare", vec![demo.join("n1")]),
        ("compare", vec![real().root.join("membership-M")]),
        ("facts", vec![demo.clone()]),
        ("facts", vec![hraft.clone()]),
        ("facts", vec![etcd().root.join("one")]),
        ("explain fsm-body-crc", vec![]),
        ("gate-dryrun --restore-rate 100MB --plan", vec![demo.clone()]),
        ("gate-dryrun", vec![hraft.clone()]),
        ("history redis:probe:n1", vec![group.clone()]),
        ("inspect", vec![demo.join("n1/group-2/wal/0000000000000000-0000000000000000.wal")]),
        ("inspect", vec![demo.clone()]),
        ("offload plan --store", vec![made.join("store"), group.clone()]),
        ("report", vec![demo.clone()]),
        ("snapshot ls", vec![demo.clone()]),
        ("snapshot show", vec![payload(101)]),
        ("snapshot rebuild", vec![group.clone()]),
        ("snapshot stat", vec![group.clone()]),
        ("snapshot diff --limit 9", vec![payload(101), payload(201)]),
        ("store dump", vec![group.join("fsm.db/000002.log")]),
        ("store dump", vec![group.join("fsm.db/MANIFEST-000001")]),
        ("store diff", vec![real().root.join("three-M/n1"), real().root.join("three-M/n3")]),
        ("store get --versions 3", vec![group.clone(), "!redis|str|probe:n1".into()]),
        ("store get", vec![group.clone(), "redis:probe:n1".into()]),
        ("store lsm", vec![tables.clone()]),
        ("store meta", vec![tables.clone()]),
        ("store scan", vec![tables.clone()]),
        ("store scan --raw --limit 5", vec![tables.clone()]),
        ("store verify", vec![tables]),
        ("store stat", vec![real().root.join("groups01-M")]),
        ("snapshot stat", vec![real().root.join("groups01-M")]),
        ("verify-snapshot --deep", vec![demo.clone()]),
        ("verify-snapshot", vec![made.join("store")]),
        ("verify-snapshot", vec![offloaded]),
        ("verify-snapshot", vec![archive]),
        ("verify-snapshot", vec![dump]),
        ("wal dump", vec![demo.clone()]),
        ("wal dump", vec![hraft.clone()]),
        ("wal ls", vec![demo.clone()]),
        ("wal show 280", vec![group.clone()]),
        ("wal stat", vec![group]),
        ("wal stat", vec![demo.clone()]),
        ("wal verify", vec![demo]),
    ]
}

#[test]
fn the_lines_of_every_command_hold_its_whole_report() {
    let all = schema::all();
    let made = tempfile::tempdir().unwrap();
    let mut seen = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (command, paths) in runs(made.path()) {
        let (schema, kinds) = rebuilt(&all, &output(command, &paths, "json"), &output(command, &paths, "ndjson"));
        seen.entry(schema.name).or_default().extend(kinds);
    }
    // Every report was asked for, and each of its lists had a line somewhere.
    for report in &all {
        let kinds = seen.get(report.name).unwrap_or_else(|| panic!("no command here writes {}", report.name));
        for part in report.lines {
            let rare = ["line", "other"].contains(&part.kind);
            assert!(rare || kinds.contains(part.kind), "{}: no line {:?} was seen: {kinds:?}", report.name, part.kind);
        }
    }
}

/// A list that nobody named would stand in the summary, however long it is.
#[test]
fn every_list_of_a_report_is_lines() {
    for report in schema::all() {
        let schema = report.schema.as_value();
        let is_list = |member: &Value| member["type"] == "array" || member["type"].get(0).is_some_and(|kind| kind == "array");
        for (name, member) in schema["properties"].as_object().unwrap() {
            let streamed = STREAMED.contains(&(report.name, name));
            let whole = report.lines.iter().any(|part| part.path.is_empty());
            if is_list(member) && !streamed && !whole && !SHARED.contains(&name.as_str()) {
                assert!(report.lines.iter().any(|part| part.path == name), "{}: {name} is in no line", report.name);
            }
        }
        for part in report.lines.iter().filter(|part| !part.path.is_empty()) {
            let first = part.path.split('/').next().unwrap();
            assert!(schema["properties"].get(first).is_some(), "{} has no {:?}", report.name, part.path);
        }
    }
}
