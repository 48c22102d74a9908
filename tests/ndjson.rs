//! The lines of ndjson hold everything that the JSON report of the same run does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ekv_tool::report::schema::{self, ReportSchema};
use serde_json::{Map, Value, json};

use crate::support::archive_writer::ArchiveWriter;
use crate::support::offload_writer::Publish;
use crate::support::recorded::{cases, hashi, real};

/// Members that every report has, which stand in the summary.
const SHARED: [&str; 7] = ["coverage", "findings", "next_step", "run", "schema", "tool_version", "verdict"];

/// Lists of rows that are written while they are read; each row has a type of its own.
const STREAMED: [(&str, &str); 3] = [("wal-dump", "records"), ("hashicorp-wal-dump", "entries"), ("store-scan", "rows")];

fn output(command: &str, paths: &[PathBuf], format: &str) -> String {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let output = program.args(command.split(' ')).args(paths).args(["--format", format]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// A report about hashicorp/raft has the same field as the one about others.
fn schema_of<'s>(all: &'s [ReportSchema], body: &Map<String, Value>, field: &str) -> &'s ReportSchema {
    let command = field.split('/').nth(1).unwrap();
    let hashicorp = body.get("backend").or_else(|| body.get("groups")?.get(0)?.get("backend")).is_some();
    let name = match (hashicorp, command) {
        (true, "gate-dryrun") => "hashicorp-gate-dryrun",
        (true, "verify-snapshot") if body.contains_key("archives") => "hashicorp-archives",
        (true, "wal-dump") => "hashicorp-wal-dump",
        (true, _) => "hashicorp-nodes",
        (false, command) => command,
    };
    all.iter().find(|report| report.name == name).unwrap()
}

/// Puts a line back where it was taken from: to the part of its type, within the last object around it.
fn put_back(schema: &ReportSchema, line: Map<String, Value>, expected: &Map<String, Value>, body: &mut Map<String, Value>) {
    let mut line = line;
    let kind = line.get("type").unwrap().as_str().unwrap().to_owned();
    let fits = |path: &str| path.is_empty() || path.contains('/') || expected.get(path).is_some_and(|value| !value.is_null());
    let Some(part) = schema.lines.iter().find(|part| part.kind == kind && fits(part.path)) else {
        let (_, list) = STREAMED.iter().find(|(name, _)| *name == schema.name).unwrap_or_else(|| panic!("a line of type {kind}"));
        body.entry(*list).or_insert_with(|| json!([])).as_array_mut().unwrap().push(Value::Object(line));
        return;
    };
    line.remove("type");
    if part.path.is_empty() {
        body.extend(line);
        return;
    }
    let mut members: Vec<_> = part.path.split('/').collect();
    let last = members.pop().unwrap();
    let mut around = body;
    for member in members {
        around = around.get_mut(member).unwrap().as_array_mut().unwrap().last_mut().unwrap().as_object_mut().unwrap();
    }
    for name in part.named_by {
        // What the line says of its surroundings is true of them; `level` stands one object out, `dir` maybe two.
        let said = line.remove(*name).unwrap_or_else(|| panic!("{}: {kind} does not say {name}", schema.name));
        if let Some(own) = around.get(*name) {
            assert_eq!(*own, said);
        }
    }
    let one = match line.get("value") {
        Some(value) if line.len() == 1 => value.clone(),
        _ => Value::Object(line),
    };
    match expected.get(part.path) {
        Some(Value::Object(_)) => drop(around.insert(last.to_owned(), one)),
        _ => around.entry(last).or_insert_with(|| json!([])).as_array_mut().unwrap().push(one),
    }
}

/// Without lists that are empty and members that are null, which no line can show; counts the elements of all lists.
fn shown(value: &Value, elements: &mut u64) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) => {
            *elements += list.len() as u64;
            let list: Vec<_> = list.iter().map(|element| shown(element, elements).unwrap_or_default()).collect();
            (!list.is_empty()).then(|| json!(list))
        }
        Value::Object(members) => Some(Value::Object(
            members.iter().filter_map(|(name, member)| Some((name.clone(), shown(member, elements)?))).collect(),
        )),
        other => Some(other.clone()),
    }
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
    let (_, offloaded) = Publish::default().write(&made.join("store"));
    vec![
        ("check", vec![demo.clone()]),
        ("check --fast", vec![tables.clone()]),
        ("check", vec![hraft.clone()]),
        ("check", vec![made.join("nowhere")]),
        ("check --list", vec![]),
        ("compare", vec![demo.join("n1")]),
        ("compare", vec![real().root.join("membership-M")]),
        ("explain fsm-body-crc", vec![]),
        ("gate-dryrun --restore-rate 100MB --plan", vec![demo.clone()]),
        ("gate-dryrun", vec![hraft.clone()]),
        ("inspect", vec![demo.join("n1/group-2/wal/0000000000000000-0000000000000000.wal")]),
        ("inspect", vec![demo.clone()]),
        ("snapshot ls", vec![demo.clone()]),
        ("snapshot show", vec![payload(101)]),
        ("snapshot rebuild", vec![group.clone()]),
        ("snapshot stat", vec![group.clone()]),
        ("snapshot diff --limit 9", vec![payload(101), payload(201)]),
        ("store get --versions 3", vec![group.clone(), "!redis|str|probe:n1".into()]),
        ("store lsm", vec![tables.clone()]),
        ("store meta", vec![tables.clone()]),
        ("store scan", vec![tables.clone()]),
        ("store scan --raw --limit 5", vec![tables.clone()]),
        ("store verify", vec![tables]),
        ("verify-snapshot --deep", vec![demo.clone()]),
        ("verify-snapshot", vec![made.join("store")]),
        ("verify-snapshot", vec![offloaded]),
        ("verify-snapshot", vec![archive]),
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
        let mut report = object(&output(command, &paths, "json"));
        let text = output(command, &paths, "ndjson");
        let mut lines: Vec<_> = text.lines().map(object).collect();
        let mut summary = lines.pop().unwrap();
        assert_eq!(summary.remove("type"), Some(json!("summary")), "{command}: the summary is the last line");
        for name in SHARED {
            let (one, other) = (report.remove(name).unwrap(), summary.remove(name).unwrap());
            assert!(name == "run" || one == other, "{command}: {name}: {one} {other}");
            if name == "schema" {
                let schema = schema_of(&all, &report, one.as_str().unwrap());
                let kinds = seen.entry(schema.name).or_default();
                for line in &lines {
                    let kind = schema.lines.iter().find(|part| line["type"] == part.kind);
                    kinds.extend(kind.map(|part| part.kind));
                }
                // The rest of the body stands in the summary, so that it is put back first.
                let mut body = std::mem::take(&mut summary);
                for name in SHARED {
                    if let Some(kept) = body.remove(name) {
                        summary.insert(name.to_owned(), kept);
                    }
                }
                for line in std::mem::take(&mut lines) {
                    put_back(schema, line, &report, &mut body);
                }
                lines.push(body);
            }
        }
        let body = lines.pop().unwrap();
        let (mut expected, mut found) = (0, 0);
        let whole = shown(&Value::Object(report), &mut expected);
        let again = shown(&Value::Object(body), &mut found);
        assert_eq!((found, &again), (expected, &whole), "{command} {paths:?}");
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
