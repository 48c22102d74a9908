//! Every `Next:` is a command that works as it stands, in the directory in which the report was made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, ids};
use crate::support::recorded;

/// Each is asked about the directory that is examined.
const QUESTIONS: &[&[&str]] = &[
    &["gate-dryrun"],
    &["check"],
    &["verify-snapshot"],
    &["wal", "verify"],
    &["store", "verify"],
    &["inspect"],
    &["offload", "plan"],
];

/// One recorded directory in so many is asked about. `EKV_NEXT=all` in the environment asks about all of them, and a directory
/// of directories that is named there about everything in it.
const EVERY: usize = 29;

fn ask(dir: &Path, args: &[&str]) -> Output {
    Command::new(cargo_bin("ekv-tool")).current_dir(dir).args(args).output().unwrap()
}

/// Runs a command line as a shell takes it.
fn follow(dir: &Path, step: &str) -> Output {
    let script = format!("ekv-tool() {{ \"$EKV_TOOL\" \"$@\"; }}\n{step}");
    Command::new("bash").current_dir(dir).args(["-c", &script]).env("EKV_TOOL", cargo_bin("ekv-tool")).output().unwrap()
}

/// What is wrong with the next steps of all questions about `target` in `dir`; the steps are counted by their first word.
fn wrong_steps(dir: &Path, target: &str, seen: &mut BTreeMap<String, usize>) -> Vec<String> {
    let mut wrong = Vec::new();
    for question in QUESTIONS {
        let said = ask(dir, &[question, &["--format", "json", target][..]].concat());
        let Ok(report) = serde_json::from_slice::<Value>(&said.stdout) else { continue };
        let Some(step) = report["next_step"].as_str() else { continue };
        *seen.entry(step.split(' ').take(2).collect::<Vec<_>>().join(" ")).or_default() += 1;
        let answer = follow(dir, step);
        if !step.starts_with("ekv-tool ") || answer.status.code().is_none_or(|code| code == 1 || code > 11) {
            let problem = String::from_utf8_lossy(&answer.stderr).into_owned();
            wrong.push(format!("{} {target} in {}: {step}: {problem}", question.join(" "), dir.display()));
        }
    }
    wrong
}

#[test]
fn every_next_step_works_as_it_stands() {
    let asked = std::env::var("EKV_NEXT").unwrap_or_default();
    let mut places: Vec<(PathBuf, String)> = Vec::new();
    if Path::new(&asked).is_dir() {
        for case in fs::read_dir(&asked).unwrap() {
            let case = case.unwrap().path();
            let inside = fs::read_dir(&case).unwrap().map(|entry| entry.unwrap());
            let nodes = inside.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
            places.extend(nodes.map(|node| (case.clone(), node)));
            places.push((case, ".".to_owned()));
        }
    } else {
        let step = if asked == "all" { 1 } else { EVERY };
        for recorded in [recorded::cases(), recorded::real()] {
            let groups = recorded.groups();
            places.extend(groups.iter().step_by(step).map(|case| (recorded.root.join(case.name), case.group.to_owned())));
        }
    }
    let mut seen = BTreeMap::new();
    let wrong: Vec<_> = places.iter().flat_map(|(dir, target)| wrong_steps(dir, target, &mut seen)).collect();
    let steps: usize = seen.values().sum();
    println!("{} directories, {steps} next steps, {} do not work: {seen:?}", places.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {steps} do not work:\n{}", wrong.len(), wrong.join("\n"));
    assert!(steps >= places.len(), "only {steps} next steps from {} directories: {seen:?}", places.len());
}

#[test]
fn paths_that_a_shell_would_break_are_quoted() {
    let root = tempfile::tempdir().unwrap();
    for name in ["my dir", "can't", "$HOME", "-n1", "a\nb"] {
        let dir = root.path().join(name);
        fs::create_dir(&dir).unwrap();
        let mut log = LogWriter::new();
        log.snapshot(1, 1, &ids(&["n1"])).state(1, 0, 1).entries(2, 5, 1).state(1, 0, 5);
        drop(NodeDir::below(&dir, "n1", &log).snap(1, 1, &ids(&["n1"])).peers(1, &["n1"]));
        let target = format!("./{name}/n1");
        let mut seen = BTreeMap::new();
        assert_eq!(wrong_steps(root.path(), &target, &mut seen), Vec::<String>::new());
        assert!(!seen.is_empty(), "{name}");
    }
}

#[test]
fn what_lies_alone_leads_to_nothing_that_refuses_it() {
    let root = tempfile::tempdir().unwrap();
    let real = recorded::real().root.clone();
    let node = real.join("three-M/n1");
    let first = |dir: &Path, ending: &str| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.into_iter().find(|path| path.to_string_lossy().ends_with(ending)).unwrap()
    };
    let files = [
        (first(&node.join("wal"), ".wal"), "segment-without-a-name"),
        (first(&node.join("wal"), ".wal"), "0000000000000000-0000000000000000.wal"),
        (first(&node.join("wal"), ".wal"), "0000000000000000-0000000000000000.wal.broken"),
        (node.join("etcd-raft-peers.bin"), "etcd-raft-peers.bin"),
        (first(&real.join("one-M-H9/n1/fsm.db"), ".sst"), "000004.sst"),
    ];
    for (number, (from, name)) in files.iter().enumerate() {
        let dir = root.path().join(number.to_string());
        fs::create_dir(&dir).unwrap();
        fs::copy(from, dir.join(name)).unwrap();
        let said = ask(&dir, &["inspect", "--format", "json", name]);
        let report: Value = serde_json::from_slice(&said.stdout).unwrap();
        if let Some(step) = report["next_step"].as_str() {
            let answer = follow(&dir, step);
            assert_ne!(answer.status.code(), Some(1), "{name}: {step}: {}", String::from_utf8_lossy(&answer.stderr));
        }
    }
}
