//! A node that writes while the program reads, and every state in which it can die.
//!
//! The node of these tests writes a log, snapshots and a store in the order of a server and ends where it is told to. It
//! stands in for the server: what it writes is right, so that no command may ever call it damaged.

mod crash; // Every step of the node, and every half of a write.
mod disk; // The steps.
mod node; // Log and snapshots.
mod running; // The node as a process that is killed.
mod store; // The store.

use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::server::Outcome;
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::ops::{
    CheckOptions, GateOptions, VerifyDepth, VerifySnapshotOptions, check, gate_dryrun, store_meta, store_verify, verify_snapshot,
};

/// What is wrong with what the commands say about a group that nothing is wrong with: `None` if it is what it must be.
///
/// A directory that nobody writes to is not `unknown` either.
fn objections(group: &Path) -> Option<String> {
    let (paths, stores) = (vec![group.to_owned()], vec![group.join("fsm.db")]);
    let mut wrong = Vec::new();
    let mut judge = |name: &str, verdict: Verdict, findings: &[Finding], why: String| {
        if verdict != Verdict::Clean {
            let codes: Vec<_> = findings
                .iter()
                .filter(|finding| finding.severity == Severity::Error)
                .map(|finding| format!("{} at {:?} {:?}: {}", finding.code.code, finding.path, finding.offset, finding.message))
                .collect();
            wrong.push(format!("{name}: {}: {} {why}", verdict.name(), codes.join("; ")));
        }
    };
    let report = gate_dryrun(&paths, &GateOptions::default(), &Run::local()).unwrap();
    let outcomes: Vec<_> =
        report.body.groups.iter().map(|group| (group.forecast.outcome, group.forecast.reason.clone())).collect();
    let accepted = outcomes.iter().all(|(outcome, _)| !matches!(outcome, Outcome::Abort | Outcome::Unknown));
    let verdict = if accepted { Verdict::Clean } else { Verdict::Damaged };
    judge("gate-dryrun", verdict, &report.findings, format!("{outcomes:?}"));
    let report = check(&paths, &CheckOptions::default(), &Run::local()).unwrap();
    judge("check", report.verdict, &report.findings, format!("{:?}", report.coverage.not_examined));
    let report = ekv_tool::ops::wal::verify(&paths, &Run::local()).unwrap();
    judge("wal verify", report.verdict, &report.findings, format!("{:?}", report.coverage.not_examined));
    let report = store_meta(&stores, &Run::local()).unwrap();
    judge("store meta", report.verdict, &report.findings, format!("{:?}", report.coverage.not_examined));
    let report = store_verify(&stores, VerifyDepth::Keys, &Run::local()).unwrap();
    judge("store verify", report.verdict, &report.findings, format!("{:?}", report.coverage.not_examined));
    let report = verify_snapshot(&paths, &VerifySnapshotOptions::default(), &Run::local());
    let report = report.unwrap();
    judge("verify-snapshot", report.verdict, &report.findings, format!("{:?}", report.coverage.not_examined));
    (!wrong.is_empty()).then(|| wrong.join("\n  "))
}
