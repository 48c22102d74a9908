//! Files of facts as input like any other: cut, changed, hostile.

use std::path::PathBuf;

use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::facts::Document;
use ekv_tool::formats::facts::close;
use ekv_tool::ops::{CompareOptions, FactsOptions, compare};
use ekv_tool::report::{OutputFormat, Style, render};
use ekv_tool::{Error, Run};
use serde_json::{Value, json};

use crate::support::diverging::{LAST, Node};
use crate::support::taken::{facts_of, take};

/// Two nodes of a group, and the files of facts about them.
struct Pair {
    root: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Pair {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let dirs = [Node::new("n1", LAST), Node::new("n2", LAST - 2)].map(|node| node.write(root.path()));
        let files = take(&dirs, &FactsOptions::default(), root.path());
        Self { root, files }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.files[0]).unwrap()
    }

    /// Compares with other bytes in the place of the first file; `None` when that is an error.
    fn with(&self, bytes: &[u8]) -> Option<Verdict> {
        std::fs::write(&self.files[0], bytes).unwrap();
        let report = match compare(&self.files, &CompareOptions::default(), &Run::local()) {
            Ok(report) => report,
            Err(error) => {
                assert!(error.to_string().contains("0.facts"), "{error}");
                return None;
            }
        };
        for format in [OutputFormat::Table, OutputFormat::Json, OutputFormat::Prometheus] {
            render(&report, format, Style::default(), &mut Vec::new()).unwrap();
        }
        Some(report.verdict)
    }
}

/// The document again, with its checksum made anew.
pub(super) fn closed(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("sha256");
    // The schema stands first, as the program writes it.
    let schema = value.as_object_mut().unwrap().remove("schema").unwrap();
    let rest = serde_json::to_string_pretty(&value).unwrap();
    let mut bytes = format!("{{\n  \"schema\": {schema},{}", rest.strip_prefix('{').unwrap()).into_bytes();
    close(&mut bytes);
    bytes
}

#[test]
fn every_cut_and_every_change_is_told() {
    let pair = Pair::new();
    let whole = pair.bytes();
    assert!(Document::decode(&whole).is_ok());
    for len in 0..whole.len() - 1 {
        assert!(Document::decode(&whole[..len]).is_err(), "{len}");
    }
    let mut changed = whole.clone();
    for at in 0..whole.len() - 1 {
        let bit = 1 << (at % 8);
        changed[at] ^= bit;
        assert!(Document::decode(&changed).is_err(), "{at}");
        changed[at] ^= bit;
    }
    for bytes in [&whole[..whole.len() / 2], &changed[1..]] {
        assert_eq!(pair.with(bytes), None);
    }
}

/// Counts the numbers in a value in `at`, and puts another one in the place of the one that is `wanted`.
pub(super) fn numbers(value: &mut Value, at: &mut usize, wanted: usize, put: u64) {
    match value {
        Value::Number(number) => {
            if *at == wanted {
                *number = put.into();
            }
            *at += 1;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| numbers(item, at, wanted, put)),
        Value::Object(members) => members.values_mut().for_each(|item| numbers(item, at, wanted, put)),
        _ => {}
    }
}

/// The checksum tells damage, not lies: whatever the numbers are, there is an answer or an error.
#[test]
fn no_number_brings_the_program_down() {
    let pair = Pair::new();
    let value: Value = serde_json::from_slice(&pair.bytes()).unwrap();
    assert_eq!(pair.with(&closed(&value)), Some(Verdict::Clean), "with the same content it is the same document");
    let mut count = 0;
    numbers(&mut value["groups"].clone(), &mut count, usize::MAX, 0);
    assert!(count > 60, "{count}");
    for wanted in 0..count {
        for put in [0, 1, u64::MAX - 1, u64::MAX] {
            let mut changed = value.clone();
            numbers(&mut changed["groups"], &mut 0, wanted, put);
            let _ = pair.with(&closed(&changed));
        }
    }
}

#[test]
fn what_is_missing_or_of_another_kind_is_an_error() {
    let pair = Pair::new();
    let value: Value = serde_json::from_slice(&pair.bytes()).unwrap();
    for member in value["groups"][0]["node"].as_object().unwrap().keys() {
        let mut changed = value.clone();
        changed["groups"][0]["node"][member] = json!("text");
        let is_text = value["groups"][0]["node"][member].is_string();
        assert_eq!(pair.with(&closed(&changed)).is_some(), is_text, "{member}");
    }
    for (path, put) in [
        ("/groups/0/start/outcome", json!("perhaps")),
        ("/groups/0/start/harm", json!(["no-such-code"])),
        ("/groups/0/log/sums", json!("0123456789abcdef")),
        ("/groups/0/log/sums", json!("0123456789ABCDEF")),
        ("/groups/0/log/run_level", json!(63)),
        ("/groups/0/node/entries", json!([{ "first": 9, "last": 2, "term": 1 }])),
        ("/groups/0/store/content/content_hash", json!("1")),
    ] {
        let mut changed = value.clone();
        *changed.pointer_mut(path).unwrap() = put;
        assert_eq!(pair.with(&closed(&changed)), None, "{path}");
    }
    // What a later version adds is passed over.
    let mut changed = value.clone();
    changed["groups"][0]["new"] = json!({ "of": "later" });
    assert!(pair.with(&closed(&changed)).is_some());
    let mut many = value.clone();
    many["groups"] = vec![value["groups"][0].clone(); 1025].into();
    assert_eq!(pair.with(&closed(&many)), None);
    let deep = format!("{{ \"schema\": \"ekv-tool/facts/v1\", \"x\": {} }}", "[".repeat(100_000));
    let mut deep = deep.into_bytes();
    close(&mut deep);
    assert_eq!(pair.with(&deep), None);
}

fn error(paths: &[PathBuf]) -> String {
    compare(paths, &CompareOptions::default(), &Run::local()).unwrap_err().to_string()
}

#[test]
fn what_is_no_file_of_facts_is_named_with_the_next_step() {
    let pair = Pair::new();
    let other = pair.root.path().join("other");
    let both = [pair.files[0].clone(), other.clone()];
    for (text, expected) in [
        ("{ \"schema\": \"ekv-tool/facts/v2\" }", "has facts of another version (ekv-tool/facts/v2"),
        ("{ \"schema\": \"ekv-tool/compare/v1\" }", "is a report (ekv-tool/compare/v1)"),
        ("{ \"schema\": \"ekv-tool/facts/v1\" }", "is cut off"),
        ("", "is neither a directory nor a file of facts"),
        ("EKVPBBL1", "is neither a directory nor a file of facts"),
    ] {
        std::fs::write(&other, text).unwrap();
        let said = error(&both);
        assert!(said.contains("other") && said.contains(expected), "{said}");
        let Err(Error::Unsuitable { hint, .. }) = compare(&both[1..], &CompareOptions::default(), &Run::local()) else {
            panic!("alone it is the error")
        };
        assert!(hint.contains("facts") || hint.contains("ekv-tool"), "{hint}");
    }
    // Of three the others are compared, and the answer is not known.
    let three = [&pair.files[..], &[other]].concat();
    let report = compare(&three, &CompareOptions::default(), &Run::local()).unwrap();
    assert_eq!((report.verdict, report.body.groups.len()), (Verdict::Unknown, 1));
    assert!(report.coverage.not_examined.iter().any(|part| part.needed && part.what.ends_with("other")));
    // Twice the same is one, under whatever name.
    let link = pair.root.path().join("link.facts");
    std::os::unix::fs::symlink(&pair.files[0], &link).unwrap();
    for again in [&pair.files[0], &link] {
        assert!(error(&[pair.files[0].clone(), again.clone()]).contains("nothing to be compared with"));
    }
}

/// A node that went on while the others were looked at lacks nothing for that.
#[test]
fn nodes_that_are_looked_at_one_after_another_are_not_damaged_for_that() {
    let pair = Pair::new();
    let (dirs, late) = (["n1", "n2", "n3"], tempfile::tempdir().unwrap());
    let nodes = dirs.map(|name| Node::new(name, LAST).write(late.path()));
    let mut values = nodes.map(|dir| serde_json::from_slice::<Value>(&facts_of(&dir, &FactsOptions::default())).unwrap());
    // The second and the third end at 4, and the first has committed 9.
    for value in &mut values[1..] {
        let node = &mut value["groups"][0]["node"];
        node["entries"][0]["last"] = 4.into();
        node["end_of_log"] = 4.into();
        node["last"]["index"] = 4.into();
        node["hard_state"]["commit"] = 4.into();
        value["groups"][0]["log"]["sums"] = value["groups"][0]["log"]["sums"].as_str().unwrap()[..3 * 16].into();
    }
    let ask = |values: &[Value]| {
        let files: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(number, value)| {
                let file = pair.root.path().join(format!("late-{number}"));
                std::fs::write(&file, closed(value)).unwrap();
                file
            })
            .collect();
        let options = CompareOptions { fast: true, ..CompareOptions::default() };
        let report = compare(&files, &options, &Run::local()).unwrap();
        let told = report.coverage.not_examined.iter().any(|part| part.what.starts_with("what n2 did after "));
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.code.code, finding.severity.to_string())).collect();
        assert_eq!(report.body.groups[0].taken.len(), 3);
        (found, told, report.verdict)
    };
    let (found, told, verdict) = ask(&values);
    assert!(found.contains(&("cross-under-replicated", "error".to_owned())) && !told, "at one moment it is lost: {found:?}");
    assert_eq!(verdict, Verdict::Damaged);
    // A file that was written behind the time of its facts says that a clock is wrong, and no more.
    let later = values[1]["taken_at_ms"].as_u64().unwrap() + 60_000;
    values[0]["groups"][0]["last_written_ms"] = later.into();
    let (found, told, verdict) = ask(&values);
    assert!(found.contains(&("cross-under-replicated", "error".to_owned())) && !told && verdict == Verdict::Damaged, "{found:?}");
    values[0]["taken_at_ms"] = later.into();
    let (found, told, verdict) = ask(&values);
    assert!(found.contains(&("cross-under-replicated", "info".to_owned())) && told, "the others may have it by now: {found:?}");
    assert_eq!(verdict, Verdict::Unknown, "it may be lost as well");
}

/// A copy of a file stands for another node, as a copied directory does.
#[test]
fn a_copy_of_facts_is_no_second_node() {
    let pair = Pair::new();
    let files: Vec<_> = ["n1.facts", "copy.facts"].map(|name| pair.root.path().join(name)).into();
    for file in &files {
        std::fs::write(file, pair.bytes()).unwrap();
    }
    let report = compare(&files, &CompareOptions::default(), &Run::local()).unwrap();
    assert!(report.findings.iter().any(|finding| finding.code.code == "cross-duplicate-identity"), "{:?}", report.findings);
    assert_eq!(report.verdict, Verdict::Damaged);
}

/// Several machines may have one name for a directory: what is said of a place names the file as well, wherever it says it.
#[test]
fn findings_of_directories_of_one_name_say_whose_they_are() {
    let pair = Pair::new();
    let mut value: Value = serde_json::from_slice(&pair.bytes()).unwrap();
    let dir = value["groups"][0]["node"]["dir"].as_str().unwrap().to_owned();
    value["groups"][0]["findings"] = json!([{
        "code": "file-damaged", "severity": "error", "group": dir, "path": format!("{dir}/wal/0.wal"), "offset": null, "length": null,
        "expected": null, "found": null, "message": "x", "advice": "y"
    }]);
    let files: Vec<PathBuf> = ["a.facts", "b.facts"].map(|name| pair.root.path().join(name)).into();
    for file in &files {
        std::fs::write(file, closed(&value)).unwrap();
    }
    let report = compare(&files, &CompareOptions::default(), &Run::local()).unwrap();
    let found = report.findings.iter().filter(|finding| finding.code.code == "file-damaged");
    let mut places: Vec<_> = found.map(|finding| (finding.group.clone().unwrap(), finding.path.clone().unwrap())).collect();
    places.sort();
    let place = |file: &PathBuf| (format!("{}: {dir}", file.display()), format!("{}: {dir}/wal/0.wal", file.display()));
    assert_eq!(places, [place(&files[0]), place(&files[1])]);
}
