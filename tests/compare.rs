//! The same group on several nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ekv_tool::analysis::{Finding, Severity};
use ekv_tool::io::NoProgress;
use ekv_tool::ops::{CompareOptions, compare};
use ekv_tool::report::Report;
use ekv_tool::report::body::compare::CompareBody;

use super::common::real;
use super::support::log_writer::LogWriter;
use super::support::node_dir::{NodeDir, id, ids};

fn report(paths: &[PathBuf]) -> Report<CompareBody> {
    compare(paths, &CompareOptions { threads: 1 }, &NoProgress).unwrap()
}

fn wrong(nodes: &[&NodeDir]) -> Vec<(&'static str, Severity)> {
    let paths: Vec<_> = nodes.iter().map(|node| node.path().to_owned()).collect();
    codes(&report(&paths).findings)
}

fn codes(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    let all = findings.iter().filter(|finding| finding.severity != Severity::Info);
    let all: BTreeSet<_> = all.map(|finding| (finding.code.code, finding.severity)).collect();
    all.into_iter().collect()
}

const MEMBERS: [&str; 3] = ["n1", "n2", "n3"];
const ERROR: Severity = Severity::Error;

fn node(raft_id: &str, write: impl FnOnce(&mut LogWriter)) -> NodeDir {
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&MEMBERS)).state(1, 0, 1);
    write(&mut log);
    NodeDir::named(raft_id, &log).snap(1, 1, &ids(&MEMBERS)).peers(1, &MEMBERS)
}

fn healthy(raft_id: &str) -> NodeDir {
    node(raft_id, |log| drop_ref(log.entries(2, 9, 2).state(2, id("n1"), 8)))
}

fn drop_ref(_: &mut LogWriter) {}

#[test]
fn nodes_that_agree() {
    let [a, b, c] = MEMBERS.map(healthy);
    assert_eq!(wrong(&[&a, &b, &c]), vec![]);
    // One that is behind, and one with an uncommitted suffix of an older leader, are not damaged.
    let behind = node("n3", |log| drop_ref(log.entries(2, 4, 2).state(2, 0, 4)));
    assert_eq!(wrong(&[&a, &b, &behind]), vec![]);
    let newer = node("n2", |log| drop_ref(log.entries(2, 8, 2).entry(9, 3, "y").state(3, 0, 8)));
    assert_eq!(wrong(&[&newer, &a, &c]), vec![]);
}

#[test]
fn logs_that_contradict_each_other() {
    let a = healthy("n1");
    let other = |index: u64, term: u64, commit: u64| {
        node("n2", |log| drop_ref(log.entries(2, index - 1, 2).entry(index, term, "other").state(term, 0, commit)))
    };
    assert_eq!(wrong(&[&a, &other(9, 2, 8)]), vec![("cross-log-matching", ERROR)]);
    assert_eq!(wrong(&[&a, &other(8, 2, 8)]), vec![("cross-committed-divergence", ERROR)]);
    assert_eq!(wrong(&[&a, &other(8, 3, 8)]), vec![("cross-committed-divergence", ERROR)]);
    assert_eq!(wrong(&[&a, &healthy("n3"), &other(8, 4, 7)]), vec![("cross-committed-lost", ERROR)]);
    let one = node("n1", |log| drop_ref(log.entries(2, 4, 1).entry(5, 2, "x").entry(6, 4, "y").state(4, 0, 4)));
    let two = node("n2", |log| drop_ref(log.entries(2, 4, 1).entry(5, 3, "x").entry(6, 4, "y").state(4, 0, 4)));
    assert_eq!(wrong(&[&one, &two]), vec![("cross-log-matching", ERROR)]);
}

#[test]
fn what_a_majority_holds() {
    let a = healthy("n1");
    let wiped = |raft_id| node(raft_id, |log| drop_ref(log.entries(2, 3, 2).state(2, 0, 3)));
    assert_eq!(wrong(&[&a, &wiped("n2"), &wiped("n3")]), vec![("cross-under-replicated", ERROR)]);
    assert_eq!(wrong(&[&a, &wiped("n2")]), vec![], "the third may hold it");
    let short = wiped("n2");
    let paths: Vec<_> = [&a, &short].iter().map(|node| node.path().to_owned()).collect();
    let report = report(&paths);
    let group = &report.body.groups[0].comparison;
    assert_eq!(group.missing_voters, ["n3"]);
    assert_eq!(group.nodes[0].only_here, Some((4, 9)));
    assert_eq!(group.restart_order, ["n2", "n1"]);
    assert_eq!((group.election[0].can_win, group.election[1].can_win), ("yes", "unknown"));
}

#[test]
fn identities_groups_terms_and_snapshots() {
    let a = healthy("n1");
    assert_eq!(wrong(&[&a, &healthy("n1"), &healthy("n2")]), vec![("cross-duplicate-identity", ERROR)]);
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&["m1", "m2"])).state(1, 0, 1);
    let stranger = NodeDir::named("m1", &log).snap(1, 1, &ids(&["m1", "m2"])).peers(1, &["m1", "m2"]);
    assert_eq!(wrong(&[&a, &stranger]), vec![("cross-group-mismatch", ERROR)]);
    let ahead = node("n3", |log| drop_ref(log.entries(2, 9, 2).state(2, 0, 8).state(57, id("n3"), 8)));
    assert_eq!(wrong(&[&a, &healthy("n2"), &ahead]), vec![("cross-term-ahead", Severity::Warning)]);
    let with_snapshot = |raft_id: &str, members: &[&str]| {
        node(raft_id, |log| drop_ref(log.entries(2, 9, 2).state(2, 0, 9).snapshot(9, 2, &ids(members)))).snap(9, 2, &ids(members))
    };
    let codes = wrong(&[&with_snapshot("n1", &MEMBERS), &with_snapshot("n2", &["n1", "n2", "n3", "n4"])]);
    assert!(codes.contains(&("cross-snapshot-divergence", ERROR)), "{codes:?}");
}

#[test]
fn real_clusters_agree() {
    for name in ["three-M", "lag-M", "sticky-P"] {
        let report = report(&[real().root.join(name)]);
        assert_eq!(codes(&report.findings), vec![], "{name}");
        let group = &report.body.groups[0].comparison;
        assert!(group.election.iter().any(|row| row.can_win == "yes"), "{name}");
    }
    let report = report(&[real().root.join("membership-M")]);
    assert_eq!(codes(&report.findings), vec![("conf-local-not-member", Severity::Warning)]);
    let group = &report.body.groups[0].comparison;
    let steps: Vec<_> = group.membership.iter().map(|step| (step.index.0, step.members.as_str())).collect();
    assert_eq!(steps.last().map(|step| step.0), Some(726), "{steps:?}");
    assert!(!group.restart_order.contains(&"n2".to_owned()));
}
