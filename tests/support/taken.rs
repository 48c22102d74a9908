//! Files of facts in place of directories.

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::ops::{CompareOptions, FactsOptions, compare, facts};
use ekv_tool::report::{OutputFormat, Style, render};
use serde_json::Value;

/// The bytes of the file that `ekv-tool facts` writes about a directory.
pub fn facts_of(dir: &Path, options: &FactsOptions) -> Vec<u8> {
    let report = facts(&[dir.to_owned()], options, &Run::local()).unwrap();
    let mut bytes = Vec::new();
    render(&report, OutputFormat::Json, Style::default(), &mut bytes).unwrap();
    bytes
}

/// Writes the facts of each directory into a file below `into`.
pub fn take(dirs: &[PathBuf], options: &FactsOptions, into: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (number, dir) in dirs.iter().enumerate() {
        let file = into.join(format!("{number}.facts"));
        std::fs::write(&file, facts_of(dir, options)).unwrap();
        files.push(file);
    }
    files
}

/// A comparison as far as it must not depend on where the nodes were looked at.
pub struct Answer {
    pub verdict: Verdict,
    /// Findings and body, without the list of files.
    pub said: Value,
    /// What was not examined and is needed.
    pub needed: Vec<String>,
    /// What was not examined and is not needed.
    pub skipped: Vec<String>,
}

/// What `compare` says.
pub fn answer(paths: &[PathBuf], options: &CompareOptions) -> Answer {
    let report = compare(paths, options, &Run::local()).unwrap();
    let mut said = serde_json::to_value(&report).unwrap();
    for part in ["coverage", "run", "next_step", "verdict"] {
        said.as_object_mut().unwrap().remove(part);
    }
    for group in said["groups"].as_array_mut().unwrap() {
        group.as_object_mut().unwrap().remove("taken");
    }
    let parts = |needed: bool| {
        let parts = report.coverage.not_examined.iter().filter(|part| part.needed == needed);
        let mut parts: Vec<_> = parts.map(|part| format!("{}: {}", part.what, part.why)).collect();
        parts.sort();
        parts
    };
    Answer { verdict: report.verdict, said, needed: parts(true), skipped: parts(false) }
}

/// Where two answers are not the same.
pub fn differences(one: &Answer, other: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if one.verdict != other.verdict {
        found.push(format!("verdict: {} and {}", one.verdict, other.verdict));
    }
    differ("", &one.said, &other.said, &mut found);
    for (what, one, other) in [("needed", &one.needed, &other.needed), ("skipped", &one.skipped, &other.skipped)] {
        found.extend(one.iter().filter(|part| !other.contains(part)).map(|part| format!("only of directories {what}: {part}")));
        found.extend(other.iter().filter(|part| !one.contains(part)).map(|part| format!("only of facts {what}: {part}")));
    }
    found
}

fn differ(at: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().for_each(|(name, value)| differ(&format!("{at}/{name}"), value, &b[name], found));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(number, (a, b))| differ(&format!("{at}/{number}"), a, b, found));
        }
        _ if one != other => found.push(format!("{at}: {one} and {other}")),
        _ => {}
    }
}

/// The same options for facts.
pub fn of_facts(options: &CompareOptions) -> FactsOptions {
    FactsOptions { fast: options.fast, salt: options.salt }
}

/// How two answers differ.
#[derive(Debug)]
pub enum Difference {
    /// Not at all.
    None,
    /// Only in the rows of stores, which facts do not have: the answer is unknown, and says which rows.
    Rows,
    /// In other ways.
    Other(Vec<String>),
}

/// Takes out what rests on the rows of stores.
fn without_rows(answer: &mut Answer) {
    let of_rows = |finding: &Value| ["nodes-stores-diverge", "store-not-as-written"].iter().any(|code| finding["code"] == *code);
    answer.said["findings"].as_array_mut().unwrap().retain(|finding| !of_rows(finding));
    for group in answer.said["groups"].as_array_mut().unwrap() {
        group["hold"].take();
        for part in ["restart", "restart_order"] {
            group[part].take();
        }
        for store in group["stores"].as_array_mut().unwrap() {
            for part in ["agreement", "explained", "expected", "diverged", "unknown"] {
                store[part].take();
            }
        }
    }
    for list in [&mut answer.needed, &mut answer.skipped] {
        list.retain(|part| !["which rows of ", "whether "].iter().any(|word| part.starts_with(word)));
    }
}

/// No two nodes may have one nonce, and facts do not have any: that is said, and the answer is then not clean.
const NONCES: &str = "the nonces of several nodes together: ";

fn held(read: &mut Answer, mut told: Answer) -> Difference {
    if told.needed.iter().any(|part| part.starts_with(NONCES)) {
        assert_ne!(told.verdict, Verdict::Clean);
        told.needed.retain(|part| !part.starts_with(NONCES));
        told.verdict = read.verdict;
    }
    // The key is left out of facts.
    for part in read.needed.iter_mut().chain(&mut told.needed) {
        if let Some(at) = part.find("keys behind ") {
            part.truncate(at);
        }
    }
    // What is only said of facts, and changes nothing.
    told.skipped.retain(|part| !part.contains("facts hold their sums alone"));
    let found = differences(read, &told);
    if found.is_empty() {
        return Difference::None;
    }
    if !told.needed.iter().any(|part| part.starts_with("which rows of the stores of ") && part.contains("facts hold a sum")) {
        return Difference::Other(found);
    }
    assert_ne!(told.verdict, Verdict::Clean);
    told.verdict = read.verdict;
    let mut read = Answer { said: read.said.clone(), needed: read.needed.clone(), skipped: read.skipped.clone(), ..*read };
    without_rows(&mut read);
    without_rows(&mut told);
    let found = differences(&read, &told);
    if found.is_empty() { Difference::Rows } else { Difference::Other(found) }
}

/// Compares the directories, files of facts of all of them, and files of facts of all but the first: where the answers differ.
pub fn both_ways(dirs: &[PathBuf], options: &CompareOptions) -> [Difference; 2] {
    let root = tempfile::tempdir().unwrap();
    let files = take(dirs, &of_facts(options), root.path());
    let mut read = answer(dirs, options);
    let mixed = [&dirs[..1], &files[1..]].concat();
    [files, mixed].map(|paths| held(&mut read, answer(&paths, options)))
}
