//! The commands agree: `check` is never better than another command on the same directory.

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::error::Result;
use ekv_tool::ops::{
    CheckOptions, GateOptions, VerifyDepth, VerifySnapshotOptions, check, gate_dryrun, store_verify, verify_snapshot, wal,
};
use ekv_tool::readers::Depth;
use ekv_tool::report::{Body, Report};

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::NodeDir;
use crate::support::recorded::{cases, real};
use crate::support::tree::copy_tree;

/// Every so many of the recorded cases; `EKV_AGREEMENT_STEP=1` asks all of them.
const STEP: usize = 12;

/// How bad an answer is, and what it found; nothing from a command that could not do its work.
type Rank = Option<(u8, Vec<&'static str>)>;

/// How bad: clean, unknown, damaged. A command that cannot do its work says nothing.
fn rank<B: Body>(report: Result<Report<B>>) -> Rank {
    let report = report.ok()?;
    let rank = match report.verdict {
        Verdict::Clean => 0,
        Verdict::Unknown => 1,
        Verdict::Damaged => 2,
    };
    Some((rank, report.findings.iter().map(|finding| finding.code.code).collect()))
}

fn others(dir: &Path) -> Vec<(&'static str, Rank)> {
    let paths = &[dir.to_owned()][..];
    let snapshot = VerifySnapshotOptions { depth: Depth::Deep, ..VerifySnapshotOptions::default() };
    let store = dir.join("fsm.db");
    vec![
        ("gate-dryrun", rank(gate_dryrun(paths, &GateOptions::default(), &Run::local()))),
        ("verify-snapshot --deep", rank(verify_snapshot(paths, &snapshot, &Run::local()))),
        ("wal verify", rank(wal::verify(paths, &Run::local()))),
        ("store verify", store.is_dir().then(|| rank(store_verify(&[store], VerifyDepth::Rows, &Run::local()))).flatten()),
    ]
}

/// Directories without a snapshot or a log are unknown to a command that was asked for these, and to no other.
fn asked_for_what_is_not_there(name: &str, codes: &[&str]) -> bool {
    (name.starts_with("verify-snapshot") || name == "wal verify") && codes.is_empty()
}

#[test]
fn check_is_never_better_than_another_command() {
    let step = std::env::var("EKV_AGREEMENT_STEP").ok().map_or(STEP, |step| step.parse().unwrap());
    let recorded: Vec<PathBuf> = cases().groups().into_iter().step_by(step).map(|case| case.dir).collect();
    let nodes: Vec<PathBuf> = real().groups().into_iter().map(|case| case.dir).collect();
    let mut wrong = Vec::new();
    for dir in recorded.iter().chain(&nodes) {
        let options = CheckOptions::default();
        let Some((own, _)) = rank(check(std::slice::from_ref(dir), &options, &Run::local())) else { continue };
        for (name, answer) in others(dir) {
            match answer {
                Some((rank, codes)) if rank > own && !(rank == 1 && asked_for_what_is_not_there(name, &codes)) => {
                    wrong.push(format!("{}: check {own}, {name} {rank} {codes:?}", dir.display()));
                }
                _ => {}
            }
        }
    }
    assert!(!nodes.is_empty() && !recorded.is_empty());
    assert!(wrong.is_empty(), "{} directories:\n{}", wrong.len(), wrong[..wrong.len().min(30)].join("\n"));
}

/// Nothing was bootstrapped here, and the log names a snapshot at index 0 that cannot be: what a start from nothing refuses.
#[test]
fn a_blank_group_whose_log_does_not_read_is_as_damaged_for_each_command() {
    let mut spoiled = LogWriter::new();
    spoiled.snapshot(0, 1, &[]);
    let whole = LogWriter::new();
    for (log, own, codes) in [(&spoiled, 2, vec!["snap-replay-hole", "start-refused"]), (&whole, 0, vec!["start-refused"])] {
        let dir = NodeDir::new(log);
        let (rank, mut found) = rank(check(&[dir.path().to_owned()], &CheckOptions::default(), &Run::local())).unwrap();
        found.retain(|code| codes.contains(code));
        found.sort_unstable();
        assert_eq!((rank, found), (own, codes));
        for (name, answer) in others(dir.path()) {
            let Some((rank, codes)) = answer else { continue };
            assert!(
                rank <= own || rank == 1 && asked_for_what_is_not_there(name, &codes),
                "{name} {rank} {codes:?}, check {own}"
            );
        }
    }
}

#[test]
fn the_newest_envelope_that_is_gone_is_lost_for_each_command() {
    let dir = tempfile::tempdir().unwrap();
    let node = dir.path().join("n1");
    copy_tree(&real().root.join("one-P/n1"), &node);
    let snaps = || std::fs::read_dir(node.join("snap")).unwrap().map(|entry| entry.unwrap().path());
    let newest = snaps().filter(|path| path.extension().is_some_and(|it| it == "snap")).max().unwrap();
    std::fs::remove_file(newest).unwrap();
    let paths = &[node][..];
    let of = |findings: Vec<Finding>| -> Vec<(Severity, String)> {
        let orphans = findings.into_iter().filter(|finding| finding.code.code == "snap-orphan");
        orphans.map(|finding| (finding.severity, format!("{} {}", finding.message, finding.advice))).collect()
    };
    let checked = of(check(paths, &CheckOptions::default(), &Run::local()).unwrap().findings);
    let verified = of(verify_snapshot(paths, &VerifySnapshotOptions::default(), &Run::local()).unwrap().findings);
    assert_eq!((checked.len(), verified.len()), (2, 1), "{checked:?} {verified:?}");
    for (severity, text) in checked.into_iter().chain(verified) {
        assert_eq!(severity, Severity::Warning, "{text}");
        assert!(text.contains("it was deleted or lost") && text.contains("Keep a copy of the directory"), "{text}");
    }
}

#[test]
fn what_seems_to_be_a_payload_and_is_not_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let payload =
        std::fs::read_dir(real().root.join("one-P/n1/fsm-snap")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let name = payload.file_name().unwrap().to_str().unwrap();
    std::fs::copy(&payload, dir.path().join(name)).unwrap();
    let ask = || verify_snapshot(&[dir.path().to_owned()], &VerifySnapshotOptions::default(), &Run::local()).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
    assert_eq!(ask().verdict, Verdict::Clean);
    for other in [format!("{name}.gz"), format!("{name}.bak"), name.replace(".fsm", ".FSM")] {
        std::fs::write(dir.path().join(&other), "x").unwrap();
        let report = ask();
        assert_eq!(report.verdict, Verdict::Unknown, "{other}");
        assert!(report.coverage.needed().any(|part| part.what.ends_with(&other)), "{other}");
        std::fs::remove_file(dir.path().join(&other)).unwrap();
    }
}
