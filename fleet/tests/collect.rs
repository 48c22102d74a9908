//! Facts into tables: what is in them, once, and nothing of what is damaged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use arrow_array::{Array, RecordBatch, StringArray, UInt64Array};
use ekv_fleet::collect::table::Kind;
use ekv_fleet::collect::tables::{NODES, TABLES};
use ekv_tool::analysis::Finding;
use ekv_tool::analysis::judge::codes::files::FILE_DAMAGED;
use ekv_tool::formats::facts::close;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::made::{self, MadeGroup, Told, taken};
use crate::support::program::{Ran, run};
use crate::support::recorded::{files, root};
use crate::support::taken::clusters;

fn collect(args: &[&str]) -> Ran {
    run("http://127.0.0.1:1", &[&["--format", "json", "collect"], args].concat())
}

/// The parts of a table.
fn table(results: &Path, name: &str) -> Vec<RecordBatch> {
    let mut all = Vec::new();
    for (_, path) in files(&results.join(name).join("v1")) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
        let version = format!("ekv-fleet/{name}/v1");
        assert_eq!(reader.schema().metadata().get("ekv-fleet.schema"), Some(&version));
        all.extend(reader.build().unwrap().map(|batch| batch.unwrap()));
    }
    all
}

fn texts(batches: &[RecordBatch], column: &str) -> Vec<String> {
    let of = |batch: &RecordBatch| {
        let column = batch.column_by_name(column).unwrap().as_any().downcast_ref::<StringArray>().unwrap().clone();
        (0..column.len())
            .map(|at| if column.is_null(at) { String::new() } else { column.value(at).to_owned() })
            .collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

fn numbers(batches: &[RecordBatch], column: &str) -> Vec<u64> {
    let of = |batch: &RecordBatch| {
        let column = batch.column_by_name(column).unwrap().as_any().downcast_ref::<UInt64Array>().unwrap().clone();
        (0..column.len()).map(|at| column.value(at)).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

#[test]
fn recorded_nodes_are_in_the_tables() {
    let facts = &clusters()["lag-M"];
    let out = tempfile::tempdir().unwrap();
    let place = out.path().to_str().unwrap();
    let args: Vec<_> = facts.iter().map(|path| path.to_str().unwrap()).chain(["--results", place]).collect();
    let ran = collect(&args);
    assert!([0, 2].contains(&ran.status), "{}", ran.said);
    assert_eq!(ran.report["schema"], "ekv-fleet/collect/v1");
    let nodes = table(out.path(), "nodes");
    let mut names = texts(&nodes, "node");
    names.sort();
    let expected: Vec<_> = facts.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
    // The file says the same.
    for (path, row) in facts.iter().zip(ran.report["files"].as_array().unwrap()) {
        let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!((&row["sha256"], &row["verdict"], &row["collection"]), (&file["sha256"], &file["verdict"], &"new".into()));
        let at = texts(&nodes, "facts_sha256").iter().position(|sum| *sum == file["sha256"]).unwrap();
        assert_eq!(numbers(&nodes, "taken_at_ms")[at], file["taken_at_ms"].as_u64().unwrap());
        assert_eq!(numbers(&nodes, "groups")[at], file["groups"].as_array().unwrap().len() as u64);
        let cost: u64 = file["forecasts"].as_array().unwrap().iter().map(|it| it["cost"]["read_bytes"].as_u64().unwrap()).sum();
        assert_eq!(numbers(&nodes, "start_read_bytes")[at], cost);
        let errors = file["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "error").count();
        assert_eq!(numbers(&nodes, "errors")[at], errors as u64);
    }
    let groups = table(out.path(), "groups");
    assert_eq!(texts(&groups, "start").len(), expected.len());
    let roles: BTreeSet<_> = texts(&table(out.path(), "members"), "role").into_iter().collect();
    assert_eq!(roles, BTreeSet::from(["voter".to_owned()]));
    assert!(texts(&table(out.path(), "members"), "member").iter().all(|name| name.starts_with('n')));
    assert!(!texts(&table(out.path(), "snapshots"), "file").is_empty());
    // The facts themselves are there as they were given.
    for (name, path) in files(&out.path().join("facts/v1")) {
        let bytes = fs::read(path).unwrap();
        assert!(facts.iter().any(|file| fs::read(file).unwrap() == bytes), "{name}");
    }
}

#[test]
fn the_same_facts_are_collected_once() {
    let (out, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let group = MadeGroup::of(7, &["n1", "n2", "n3"]);
    for (name, bytes) in made::fleet(&[group], |_, _| {}) {
        fs::write(dir.path().join(format!("{name}.facts")), bytes).unwrap();
    }
    fs::write(dir.path().join("notes.txt"), "not looked at").unwrap();
    fs::create_dir(dir.path().join("older")).unwrap();
    let (facts, place) = (dir.path().to_str().unwrap(), out.path().to_str().unwrap());
    let first = collect(&[facts, "--results", place]);
    assert_eq!((first.status, first.report["files"].as_array().unwrap().len()), (0, 3), "{}", first.said);
    // What is passed over is told.
    let passed = first.report["coverage"]["not_examined"].to_string();
    assert!(passed.contains("1 file and 1 directory of another name (notes.txt, older/)"), "{passed}");
    let before = files(out.path());
    assert_eq!(before.len(), 3 * (TABLES.len() + 1));
    let contents: Vec<_> = before.iter().map(|(_, path)| fs::read(path).unwrap()).collect();
    let again = collect(&[facts, facts, "--results", place]);
    assert_eq!(again.status, 0, "{}", again.said);
    assert!(again.report["files"].as_array().unwrap().iter().all(|file| file["collection"] == "known"), "{}", again.said);
    assert_eq!(files(out.path()), before);
    // A run that ended early is made up for, and makes the same parts; so is what was lost.
    for lost in [[NODES.name, "groups"], ["facts", "facts"], ["members", "snapshots"]] {
        for (key, path) in &before {
            if lost.iter().any(|name| key.starts_with(name)) {
                fs::remove_file(path).unwrap();
            }
        }
        let again = collect(&[facts, "--results", place]);
        assert!(again.report["files"].as_array().unwrap().iter().all(|file| file["collection"] == "new"), "{}", again.said);
        assert_eq!((again.status, files(out.path())), (0, before.clone()));
    }
    assert_eq!(before.iter().map(|(_, path)| fs::read(path).unwrap()).collect::<Vec<_>>(), contents);
}

/// A file says more of its nodes than its own verdict: what a plan takes for an error is one here.
#[test]
fn the_verdict_is_what_the_facts_come_to() {
    let group = MadeGroup::of(7, &["n1", "n2", "n3"]);
    let fine = group.copy("n1", &group.sums());
    let mut wrong = fine.clone();
    wrong.0.findings.push(Finding::new(&FILE_DAMAGED, "x").at("y"));
    let mut unknown = fine.clone();
    (unknown.0.start.outcome, unknown.0.start.reason) = ("unknown", Some("encryption is in use".to_owned()));
    let told = |outcome, verdict| Told { outcome, verdict, ..Told::default() };
    let cases = [
        ("fine", made::facts(taken(), std::slice::from_ref(&fine)), 0, ""),
        ("refused", made::facts_telling(taken(), std::slice::from_ref(&fine), &told(Some("abort"), None)), 2, "start-refused"),
        (
            "unforetold",
            made::facts_telling(taken(), std::slice::from_ref(&fine), &told(Some("unknown"), None)),
            3,
            "the next start of",
        ),
        ("damaged", made::facts(taken(), &[wrong]), 2, "file-damaged"),
        ("not asked", made::facts(taken(), &[unknown]), 3, "encryption is in use"),
        (
            "no verdict",
            made::facts_telling(taken(), std::slice::from_ref(&fine), &told(None, Some("splendid"))),
            3,
            "no verdict that is known",
        ),
        (
            "no reason",
            made::facts_telling(taken(), std::slice::from_ref(&fine), &told(None, Some("damaged"))),
            3,
            "nothing in it tells why",
        ),
        ("of tomorrow", made::facts(4_000_000_000_000, &[fine]), 3, "still to come"),
    ];
    for (name, bytes, status, says) in cases {
        let (out, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = dir.path().join("n1.facts");
        fs::write(&file, bytes).unwrap();
        let ran = collect(&[file.to_str().unwrap(), "--results", out.path().to_str().unwrap()]);
        assert!(ran.status == status && ran.said.contains(says), "{name}: {}", ran.said);
        let word = ["clean", "", "damaged", "unknown"][usize::try_from(status).unwrap()];
        assert_eq!((&ran.report["files"][0]["verdict"], &ran.report["verdict"]), (&word.into(), &word.into()), "{name}");
        assert_eq!(texts(&table(out.path(), "nodes"), "verdict"), [word], "{name}");
    }
}

#[test]
fn a_node_in_several_files_is_one_node() {
    let (out, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in [1, 2] {
        let group = MadeGroup::of(number, &["n1", "n2", "n3"]);
        let bytes = made::of_single_groups(taken(), &[group.copy("n1", &group.sums())]);
        fs::write(dir.path().join(format!("{number}.facts")), bytes).unwrap();
    }
    let (facts, place) = (dir.path().to_str().unwrap(), out.path().to_str().unwrap());
    let ran = run("http://127.0.0.1:1", &["collect", facts, "--results", place]);
    assert!(ran.said.starts_with("CLEAN    the facts of 1 node in 2 files\n"), "{}", ran.said);
    // Each lies where its next ones will.
    assert_eq!(files(&out.path().join("facts/v1")).len(), 2);
    let folders: BTreeSet<_> =
        files(&out.path().join("facts/v1")).into_iter().map(|(key, _)| key.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(folders.len(), 2, "{folders:?}");
}

/// What an earlier version has collected lies in one folder a node, whatever its groups are.
#[test]
fn facts_of_one_folder_of_all_groups_are_all_read() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("facts/v1/0123456789abcdef");
    fs::create_dir_all(&folder).unwrap();
    for number in [1, 2] {
        let group = MadeGroup::of(number, &["n1"]);
        let bytes = made::of_single_groups(taken() + number, &[group.copy("n1", &group.sums())]);
        fs::write(folder.join(format!("{:016}-x.facts", taken() + number)), bytes).unwrap();
    }
    let ran = run("http://127.0.0.1:1", &["--format", "json", "plan", "--results", out.path().to_str().unwrap()]);
    assert_eq!((&ran.report["nodes"], &ran.report["groups"]), (&1.into(), &2.into()), "{}", ran.said);
}

/// A node of hashicorp/raft as a file of facts tells it.
const HASHICORP: &str = r#"{
    "dir": "raft", "raft_id": "n1", "identified": true, "changed": false, "last_written_ms": null,
    "start": {
        "outcome": "start", "unknown": null, "abort": null, "snapshot": null, "at_start": null, "first_state": null,
        "first_state_reason": null, "recovery": "ok", "recovery_text": null, "recovery_loses": null, "first_index": null,
        "last_index": null
    },
    "voted_for": null, "last": null, "sound": true, "entries": [], "log": null, "snapshots": [], "memberships": [],
    "memberships_left_out": 0, "findings": [], "not_examined": []
}"#;

/// A member of etcd as a file of facts tells it.
const ETCD: &str = r#"{
    "dir": "default.etcd", "member_id": "1f", "cluster_id": "2f", "written_by": null, "changed": false, "last_written_ms": null,
    "log": null, "entries": [], "sums": null, "store": null, "starts": [], "rules": 0, "findings": [], "not_examined": []
}"#;

/// The same file with one node of another engine in place of its groups.
fn of_another_engine(facts: &[u8], member: &str, node: &str) -> Vec<u8> {
    let mut value: serde_json::Map<String, Value> = serde_json::from_slice(facts).unwrap();
    for gone in ["sha256", "schema"] {
        value.remove(gone);
    }
    value.insert("groups".to_owned(), serde_json::json!([]));
    value.insert("forecasts".to_owned(), serde_json::json!([]));
    value.insert(member.to_owned(), serde_json::json!([serde_json::from_str::<Value>(node).unwrap()]));
    let rest = serde_json::to_string_pretty(&value).unwrap();
    let schema = "{\n  \"schema\": \"ekv-tool/facts/v1\",";
    let mut bytes = format!("{schema}{}", rest.strip_prefix('{').unwrap()).into_bytes();
    close(&mut bytes);
    bytes
}

#[test]
fn what_is_no_facts_is_named_and_never_left_out_in_silence() {
    let (out, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = out.path().to_str().unwrap();
    let good = made::fleet(&[MadeGroup::of(7, &["n1"])], |_, _| {})["n1"].clone();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("a.facts", &good);
    let mut changed = good.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let mut unknown = String::from_utf8(good.clone()).unwrap().replace("facts/v1", "facts/v9").into_bytes();
    unknown.truncate(unknown.len() - 10);
    let mut empty = b"{\n  \"schema\": \"ekv-tool/facts/v1\"\n}\n".to_vec();
    close(&mut empty);
    let [hashicorp, etcd] =
        [("hashicorp", HASHICORP), ("etcd", ETCD)].map(|(member, node)| of_another_engine(&good, member, node));
    let cases: [(&str, &[u8], &str); 8] = [
        ("b.facts", &changed, "changed since it was written"),
        ("c.facts", &good[..good.len() - 40], "cut off"),
        ("d.facts", &unknown, "another version"),
        ("e.facts", b"\x00\xffnothing", "neither"),
        ("f.facts", &empty, "not understood"),
        ("g.facts", b"", "neither"),
        ("h.facts", &hashicorp, "it has facts of hashicorp/raft, whose nodes are neither collected nor planned"),
        ("i.facts", &etcd, "it has facts of etcd, whose nodes are neither collected nor planned"),
    ];
    for (name, bytes, _) in cases {
        write(name, bytes);
    }
    let facts = dir.path().to_str().unwrap();
    let ran = collect(&[facts, "--results", place]);
    assert_eq!((ran.status, &ran.report["verdict"]), (3, &"unknown".into()), "{}", ran.said);
    assert_eq!((ran.report["files"].as_array().unwrap().len(), &ran.report["refused"]), (1, &8.into()));
    // A plan leaves them out as well, and is not clean without them.
    let planned = run("http://127.0.0.1:1", &["--format", "json", "plan", facts]);
    assert_eq!((planned.status, &planned.report["verdict"]), (3, &"unknown".into()), "{}", planned.said);
    assert!(planned.said.contains("it has facts of hashicorp/raft") && planned.said.contains("it has facts of etcd"));
    let left_out = ran.report["coverage"]["not_examined"].as_array().unwrap();
    for (name, _, why) in cases {
        let part = left_out.iter().find(|part| part["what"].as_str().unwrap().ends_with(name)).unwrap();
        let words = why;
        assert!(part["why"].as_str().unwrap().contains(words), "{part}");
        // Alone it is a run that could not do its work, and nothing is written.
        let (alone, before) = (dir.path().join(name), files(out.path()));
        let ran = collect(&[alone.to_str().unwrap(), "--results", place]);
        assert_eq!(ran.status, 1, "{}", ran.said);
        assert!(ran.said.contains(name) && ran.said.contains(words), "{}", ran.said);
        assert_eq!(files(out.path()), before);
    }
    let nothing = tempfile::tempdir().unwrap();
    let ran = collect(&[nothing.path().to_str().unwrap(), "--results", place]);
    assert!(ran.status == 1 && ran.said.contains("no file called *.facts"), "{}", ran.said);
    let ran = collect(&["/dev/null", "--results", place]);
    assert!(ran.status == 1 && ran.said.contains("it is no file"), "{}", ran.said);
}

/// A checksum is no signature: whoever can write a file can make one that is right.
#[test]
fn forged_facts_do_not_end_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let good = String::from_utf8(made::fleet(&[MadeGroup::of(7, &["n1"])], |_, _| {})["n1"].clone()).unwrap();
    let cut = good.rfind(",\n  \"sha256\"").unwrap();
    let body = &good[..cut];
    let numbers = ["18446744073709551615", "0", "-1", "1e999", "null", "[]", "\"x\""];
    let mut made = 0;
    for (at, _) in body.match_indices(": ") {
        let rest = &body[at + 2..];
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        if rest.starts_with(['[', '{']) {
            continue;
        }
        for number in numbers {
            let mut forged = format!("{}{number}{}\n}}\n", &body[..at + 2], &rest[end..]).into_bytes();
            close(&mut forged);
            let Ok(file) = ekv_fleet::facts::FactsFile::decode("x".to_owned(), forged.clone()) else { continue };
            for (table, rows) in TABLES.iter().zip(ekv_fleet::collect::tables::rows(&file)) {
                table.encode(&rows).unwrap();
            }
            made += 1;
            let mut all = ekv_fleet::facts::FactsRead::default();
            all.take("x".to_owned(), || Ok(forged));
            let options = ekv_fleet::plan::PlanOptions { max_batch: 10, per_group: 1, ..Default::default() };
            let _ = ekv_fleet::plan::plan(all, &options, &ekv_fleet::progress::Unwatched);
        }
    }
    assert!(made > 100, "{made}");
    drop(dir);
}

#[test]
fn the_page_describes_every_column() {
    let page = fs::read_to_string(root().join("docs/fleet/collect.md")).unwrap();
    for table in TABLES {
        let section = page.split("\n### ").find(|section| section.starts_with(&format!("`{}`", table.name))).unwrap();
        for column in table.columns {
            let kind = match column.kind {
                Kind::Text => "string",
                Kind::Number => "uint64",
                Kind::Truth => "bool",
            };
            let null = if column.nullable { ", null" } else { "" };
            let row = section.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{}`", column.name)));
            let row = row.unwrap_or_else(|| panic!("{} of {}", column.name, table.name));
            let cell = row.split('|').nth(2).unwrap().trim();
            assert_eq!(cell, format!("{kind}{null}"), "{} of {}", column.name, table.name);
        }
    }
}
