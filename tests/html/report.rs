//! `report`: the reports of the commands as they are, and the worst of their verdicts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::ops::{PostmortemOptions, postmortem};
use ekv_tool::report::Report;
use ekv_tool::report::body::postmortem::PostmortemBody;
use serde_json::{Value, json};

use super::{good_and_bad, run_in};
use crate::support::diverging::{LAST, Node};
use crate::support::golden::{golden, transcript};
use crate::support::recorded::{cases, etcd, hashi, real};

/// What a command of the report is called on the command line, with what `report` asks it for.
fn typed(command: &str) -> Vec<&str> {
    match command {
        "wal-stat" => vec!["wal", "stat"],
        "store-lsm" => vec!["store", "lsm"],
        "verify-snapshot" => vec!["verify-snapshot", "--deep"],
        other => vec![other],
    }
}

fn without_run(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("run");
    report
}

#[test]
fn every_part_is_what_the_command_says() {
    let bad = good_and_bad();
    for (dir, path, nodes, parts) in [
        (bad.path().to_owned(), "bad", 1, 5),
        (bad.path().to_owned(), "good", 1, 5),
        (real().root.join("three-M"), ".", 3, 6),
        (cases().root.join("sst2-ok"), "n1", 1, 5),
        (etcd().root.clone(), "one", 1, 4),
    ] {
        let report = super::json(&dir, &["report", path]);
        assert_eq!((&report["nodes"], report["parts"].as_array().unwrap().len()), (&json!(nodes), parts), "{path}: {report}");
        let mut codes = BTreeSet::new();
        for part in report["parts"].as_array().unwrap() {
            let command = part["command"].as_str().unwrap();
            let mut own = without_run(super::json(&dir, &[typed(command), vec![path]].concat()));
            let mut whole = part["report"].clone();
            // How long a restore takes depends on how fast the payload was read.
            for report in [&mut own, &mut whole] {
                report["groups"].as_array_mut().into_iter().flatten().for_each(|group| group["cost"] = Value::Null);
            }
            assert_eq!(whole, own, "{path}: {command}");
            codes.extend(own["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone().to_string()));
        }
        let all: BTreeSet<_> = report["findings"].as_array().unwrap().iter().map(|one| one["code"].to_string()).collect();
        assert_eq!(all, codes, "{path}: nothing is left out, and nothing is new");
    }
}

fn rank(verdict: &str) -> usize {
    ["clean", "unknown", "damaged"].iter().position(|name| *name == verdict).unwrap()
}

#[test]
fn the_verdict_is_the_worst_and_what_check_says_of_one_node() {
    let paths = cases().expected.keys().step_by(7).map(|name| cases().root.join(name).join("n1"));
    let paths = paths.chain(hashi().expected.keys().step_by(9).map(|name| hashi().root.join(name)));
    let mut seen = BTreeSet::new();
    for path in paths.filter(|path| path.is_dir()).collect::<Vec<PathBuf>>() {
        let Ok(page) = postmortem(std::slice::from_ref(&path), &PostmortemOptions::default(), &Run::local()) else { continue };
        let verdict = page.report.verdict.name();
        let parts: Vec<_> = page.report.body.parts.iter().map(|part| part.report.verdict().name()).collect();
        assert!(parts.iter().all(|part| rank(part) <= rank(verdict)), "{}: {verdict} {parts:?}", path.display());
        if page.report.body.nodes == 1 {
            assert_eq!(verdict, parts[0], "{}: {parts:?}", path.display());
        }
        seen.insert(verdict);
    }
    assert!(seen.contains(Verdict::Clean.name()) && seen.contains(Verdict::Damaged.name()), "{seen:?}");
}

#[test]
fn it_ends_as_the_worst_part_does() {
    let bad = good_and_bad();
    let status = |args: &[&str]| run_in(bad.path(), &[&["report"], args].concat()).status.code();
    assert_eq!(status(&["good"]), Some(0));
    assert_eq!(status(&["bad"]), Some(2));
    assert_eq!(status(&["good", "bad", "-o", "both.html"]), Some(2));
    assert_eq!(status(&["nowhere"]), Some(1));
    assert_eq!(status(&["good", "-o", "good/n1/page.html"]), Some(1), "nothing is written into data");
    assert!(!bad.path().join("good/n1/page.html").exists());
    // The least that is asked for is a page.
    assert!(run_in(bad.path(), &["report", "good"]).stdout.starts_with(b"<!DOCTYPE html>\n"));
}

#[test]
fn in_text() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (name, format) in [("report/demo.txt", "table"), ("report/demo.md", "markdown")] {
        let output = run_in(&fixtures, &["report", "demo", "--width", "80", "--format", format]);
        golden(name, &transcript(&output));
    }
}

/// Two nodes that contradict each other, one of which a start would refuse as well: what concerns both comes first.
#[test]
fn the_next_step_is_that_of_the_gravest_report() {
    let root = tempfile::tempdir().unwrap();
    let dirs = [Node::new("n1", LAST), Node::new("n2", LAST).without(5)].map(|node| node.write(root.path()));
    std::fs::create_dir_all(dirs[1].join("fsm-snap")).unwrap();
    std::fs::write(dirs[1].join("fsm-snap/0000000000000009.fsm"), b"no payload").unwrap();
    let page = |dirs: &[PathBuf]| postmortem(dirs, &PostmortemOptions::default(), &Run::local()).unwrap().report;
    let both = page(&dirs);
    let compared = both.body.parts.iter().find(|part| part.command == "compare").unwrap();
    let next = both.next_step.as_ref().map(ToString::to_string);
    assert_eq!(next.as_deref(), Some("ekv-tool explain nodes-stores-diverge"), "{:?}", compared.headline);
    let told = serde_json::to_value(&both).unwrap();
    assert_eq!(told["parts"][2]["report"]["next_step"].as_str(), next.as_deref());
}

/// What can be asked of the others is.
#[test]
fn a_directory_that_cannot_be_read_costs_the_others_nothing() {
    let root = tempfile::tempdir().unwrap();
    let good = Node::new("n1", LAST).write(root.path());
    let gone = root.path().join("n2");
    let report = postmortem(&[good.clone(), gone.clone()], &PostmortemOptions::default(), &Run::local()).unwrap().report;
    let alone = postmortem(&[good], &PostmortemOptions::default(), &Run::local()).unwrap().report;
    let parts = |report: &Report<PostmortemBody>| report.body.parts.iter().map(|part| part.command.clone()).collect::<Vec<_>>();
    assert_eq!(parts(&report), parts(&alone));
    assert!(parts(&report).contains(&"store-lsm".to_owned()));
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.coverage.needed().any(|part| part.what == gone.display().to_string()), "{:?}", report.coverage);
}

/// The files of two stores have one name.
#[test]
fn what_several_reports_say_of_one_file_is_said_once() {
    let root = tempfile::tempdir().unwrap();
    let dirs = [Node::new("n1", LAST), Node::new("n2", LAST)].map(|node| node.write(root.path()));
    for dir in &dirs {
        let names = std::fs::read_dir(dir.join("fsm.db")).unwrap().map(|entry| entry.unwrap().path());
        let manifest = names.filter(|path| path.to_string_lossy().contains("MANIFEST-")).min().unwrap();
        std::fs::remove_file(manifest).unwrap();
    }
    let report = postmortem(&dirs, &PostmortemOptions::default(), &Run::local()).unwrap().report;
    let missing: Vec<_> = report.findings.iter().filter(|finding| finding.code.code == "store-manifest-missing").collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
}
