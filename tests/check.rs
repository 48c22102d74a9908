//! The rules of one node: nothing on healthy nodes, the exact finding on damaged ones.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ekv_tool::Run;
use ekv_tool::analysis::judge::group::{CHECKS, CheckOutcome};
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::ops::{CheckOptions, check};
use ekv_tool::report::Report;
use ekv_tool::report::body::check::{CheckBody, checks_page};

use super::support::golden::golden;
use super::support::log_writer::{LogWriter, conf_change, conf_context, conf_state, snap_file};
use super::support::node_dir::{NodeDir, id, ids};
use crate::support::recorded::real;

fn report(paths: &[PathBuf]) -> Report<CheckBody> {
    check(paths, &CheckOptions::default(), &Run::local()).unwrap()
}

/// What the next start makes of it is the forecast's; the rules are looked at here.
fn of_the_start(finding: &Finding) -> bool {
    let codes = ["start-refused", "replay-halt", "payloads-would-be-deleted", "snapshot-not-newest"];
    let bytes = ["fsm-body-crc", "fsm-missing", "fsm-token-crc", "fsm-body-malformed", "snap-torn", "snap-malformed"];
    codes.contains(&finding.code.code)
        || (finding.derived_from.is_some() || finding.severity == Severity::Info) && bytes.contains(&finding.code.code)
}

fn findings(dir: &NodeDir) -> Vec<Finding> {
    let report = report(&[dir.path().to_owned()]);
    assert!(report.body.groups[0].quiescent);
    // These directories are written without a store.
    let shown = |finding: &Finding| finding.code.code != "store-absent" && !of_the_start(finding);
    report.findings.into_iter().filter(shown).collect()
}

/// Codes of errors and warnings.
fn wrong(dir: &NodeDir) -> Vec<(&'static str, Severity)> {
    let all = findings(dir).into_iter().filter(|finding| finding.severity != Severity::Info);
    let all: BTreeSet<_> = all.map(|finding| (finding.code.code, finding.severity)).collect();
    all.into_iter().collect()
}

fn remarks(dir: &NodeDir) -> Vec<&'static str> {
    let all = findings(dir).into_iter().filter(|finding| finding.severity == Severity::Info);
    let all: BTreeSet<_> = all.map(|finding| finding.code.code).collect();
    all.into_iter().collect()
}

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

/// Three members; the log begins with a snapshot at 1, as a bootstrap leaves it.
fn bootstrapped() -> LogWriter {
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&["n1", "n2", "n3"])).state(1, 0, 1);
    log
}

fn node(log: &LogWriter) -> NodeDir {
    NodeDir::new(log).snap(1, 1, &ids(&["n1", "n2", "n3"])).peers(1, &["n1", "n2", "n3"])
}

#[test]
fn a_healthy_node_gives_rise_to_nothing() {
    let mut log = bootstrapped();
    log.entry(2, 2, "").state(2, id("n1"), 1).entries(3, 8, 2).state(2, id("n1"), 7);
    log.cut();
    log.entries(9, 12, 2).state(2, id("n1"), 11);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec![]));
    let report = report(&[dir.path().to_owned()]);
    assert_eq!(report.verdict, Verdict::Clean);
    let group = &report.body.groups[0];
    assert_eq!((group.state.commit, group.state.last_index, group.state.snapshot_index), (Some(11), Some(12), Some(1)));
    assert_eq!(group.checks.len(), CHECKS.len());
}

#[test]
fn what_a_crash_may_leave_is_a_remark_at_most() {
    // Entries of a new term without their hard state, then contact with the old leader.
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 3).entry(6, 3, "x");
    assert_eq!(wrong(&node(&log)), vec![]);
    log.state(2, 0, 4);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["term-above-current"]));
    // A received snapshot that was never taken over; the node goes on from below.
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 3).snapshot(40, 4, &ids(&["n1", "n2", "n3"])).entries(6, 9, 2).state(2, 0, 9);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["snap-orphan"]));
    // A received snapshot that replaces a conflicting suffix, whose entries stay in the file.
    let mut log = bootstrapped();
    log.entries(2, 12, 3).state(3, 0, 3).snapshot(10, 2, &ids(&["n1", "n2", "n3"])).state(4, 0, 10).entries(11, 11, 4);
    let dir = NodeDir::new(&log).snap(10, 2, &ids(&["n1", "n2", "n3"])).peers(1, &["n1", "n2", "n3"]);
    assert_eq!(wrong(&dir), vec![]);
    // Entries alone: the very first write was cut off.
    let mut log = LogWriter::new();
    log.entries(1, 3, 1);
    let dir = NodeDir::new(&log).peers(0, &["n1"]);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["stable-state-invalid"]));
}

#[test]
fn what_two_crashes_may_leave_is_a_remark_at_most() {
    let voters = ids(&["n1", "n2", "n3"]);
    let mut log = bootstrapped();
    log.entries(2, 9, 2).state(2, 0, 9);
    // Stopped before the record of a snapshot, and again while it was made anew: another payload, the same .snap file.
    let dir = node(&log).snap(9, 2, &voters).file("fsm-snap/0000000000000009.fsm", &[b"EKVPBBL1", &[1; 12][..]].concat());
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["snap-orphan", "snap-payload-short"]));
    // A snapshot was received and never taken over, and received again.
    log.snapshot(20, 2, &voters);
    let dir = node(&log).snap(20, 2, &voters).file("snap/0000000000000002-0000000000000014.snap", b"\x08");
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["snap-orphan"]));
    // Once it has been taken over, the file must be whole.
    log.state(2, 0, 20);
    let dir = node(&log).snap(20, 2, &voters).file("snap/0000000000000002-0000000000000014.snap", b"\x08");
    assert!(wrong(&dir).contains(&("snap-identity-mismatch", ERROR)));
}

#[test]
fn gaps() {
    let mut log = bootstrapped();
    log.entries(2, 4, 2).state(2, 0, 4).entry(6, 2, "x");
    assert_eq!(wrong(&node(&log)), vec![("log-gap", ERROR), ("snap-replay-hole", ERROR)]);
    let found = findings(&node(&log));
    let gap = found.iter().find(|finding| finding.code.code == "log-gap").unwrap();
    assert!(gap.message.contains("entry 5 is missing"), "{}", gap.message);
    assert_eq!((gap.expected.as_deref(), gap.found.as_deref()), (Some("5"), Some("6")));
    assert!(gap.offset.is_some() && gap.path.as_ref().unwrap().ends_with(".wal"));
    // Behind a front that is gone, the log already reached 15 when the snapshot at 3 was recorded.
    let voters = ids(&["n1", "n2", "n3"]);
    let mut log = LogWriter::purged(1, 16);
    log.state(2, 0, 5).snapshot(3, 2, &voters).entries(16, 18, 2).state(2, 0, 17);
    let codes = wrong(&NodeDir::new(&log).snap(3, 2, &voters).peers(3, &["n1", "n2", "n3"]));
    assert!(!codes.contains(&("log-gap", ERROR)), "{codes:?}");
}

#[test]
fn terms_that_fall() {
    let mut log = bootstrapped();
    log.entries(2, 7, 2).entry(8, 4, "x").entry(9, 3, "y").state(4, 0, 3);
    assert_eq!(wrong(&node(&log)), vec![("log-term-regress", ERROR)]);
}

#[test]
fn committed_entries_that_change() {
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 5).entry(5, 3, "x").state(3, 0, 5);
    assert_eq!(wrong(&node(&log)), vec![("log-overwrites-committed", ERROR)]);
    // The same entry again is harmless.
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 5).entries(5, 6, 2).state(2, 0, 6);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["log-conflict-truncation", "log-overwrites-committed"]));
    // What was cut off on the way counts too.
    let mut log = bootstrapped();
    log.entries(2, 6, 2).state(2, 0, 6).entry(5, 2, "value of 5").entry(6, 3, "z").state(3, 0, 6);
    assert_eq!(wrong(&node(&log)), vec![("log-overwrites-committed", ERROR)]);
}

#[test]
fn rewrites_that_no_leader_asks_for() {
    let mut log = bootstrapped();
    log.entries(2, 5, 3).entry(6, 3, "x").state(3, 0, 5).entry(6, 3, "y").state(3, 0, 6);
    assert_eq!(wrong(&node(&log)), vec![("log-illegal-rewrite", ERROR)]);
    // An older term in the place of a newer one, committed without a newer leader.
    let mut log = bootstrapped();
    log.entries(2, 5, 2).entry(6, 3, "x").state(3, 0, 5).entry(6, 2, "y").state(3, 0, 6);
    assert_eq!(wrong(&node(&log)), vec![("log-illegal-rewrite", ERROR)]);
    // With a newer leader it is the way of Raft.
    let mut log = bootstrapped();
    log.entries(2, 5, 2).entry(6, 3, "x").state(3, 0, 5).entry(6, 2, "y").state(4, 0, 6);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["log-conflict-truncation"]));
}

#[test]
fn an_append_below_a_snapshot() {
    let voters = ids(&["n1", "n2", "n3"]);
    let mut log = bootstrapped();
    log.entries(2, 8, 2).state(2, 0, 8).snapshot(8, 2, &voters).entry(7, 2, "value of 7").entries(8, 9, 2).state(2, 0, 9);
    let dir = node(&log).snap(8, 2, &voters);
    assert_eq!(wrong(&dir), vec![("log-append-below-snapshot", ERROR)]);
}

#[test]
fn malformed_entries() {
    let mut log = bootstrapped();
    log.entries(2, 4, 2).record(2, &[0xff]);
    log.state(2, 0, 4);
    let codes = wrong(&node(&log));
    assert!(codes.contains(&("log-entry-malformed", ERROR)), "{codes:?}");
    let mut log = bootstrapped();
    log.entries(2, 4, 2).typed_entry(9, 5, 2, b"?").state(2, 0, 4);
    assert_eq!(wrong(&node(&log)), vec![("log-entry-malformed", ERROR)]);
    let mut log = bootstrapped();
    log.entries(2, 4, 2).typed_entry(0, 5, 2, b"no proposal").state(2, 0, 4);
    assert_eq!(remarks(&node(&log)), vec!["log-entry-malformed"]);
}

#[test]
fn a_replaced_suffix_with_a_membership_change() {
    let mut log = bootstrapped();
    log.entries(2, 5, 2)
        .typed_entry(1, 6, 2, &conf_change(3, id("n4"), &conf_context(id("n4"), "n4", "n4:1")))
        .state(2, 0, 4)
        .entries(6, 7, 3)
        .state(3, 0, 5);
    let dir = node(&log);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["log-conflict-truncation"]));
    assert!(findings(&dir).iter().any(|finding| finding.message.contains("A membership change at 6 was among them")));
}

#[test]
fn hard_states() {
    let after = |states: &[(u64, u64, u64)]| {
        let mut log = bootstrapped();
        log.entries(2, 90, 2);
        for (term, vote, commit) in states {
            log.state(*term, *vote, *commit);
        }
        wrong(&node(&log))
    };
    let [n1, n2] = [id("n1"), id("n2")];
    assert_eq!(after(&[(4, n2, 80), (4, n2, 85), (5, 0, 85), (5, n1, 90)]), vec![]);
    assert_eq!(after(&[(4, n2, 90), (4, n2, 80)]), vec![("hardstate-regress", ERROR)]);
    assert_eq!(after(&[(4, n2, 80), (3, n2, 80)]), vec![("hardstate-regress", ERROR)]);
    assert_eq!(after(&[(4, n2, 80), (4, n1, 80)]), vec![("vote-changed-in-term", ERROR)]);
    assert_eq!(after(&[(4, n2, 80), (4, 0, 80)]), vec![("vote-changed-in-term", ERROR)]);
    assert_eq!(after(&[(4, n2, 93)]), vec![("commit-out-of-range", ERROR)]);
    let churn: Vec<_> = (10..70).map(|term| (term, n1, 80)).collect();
    assert_eq!(after(&churn), vec![("term-churn", WARNING)]);
    let mut log = bootstrapped();
    log.entries(2, 9, 5).state(4, 0, 9);
    assert_eq!(wrong(&node(&log)), vec![("term-above-current", ERROR)]);
    let mut log = LogWriter::purged(3, 40);
    log.entries(40, 50, 2);
    let codes = wrong(&NodeDir::new(&log));
    assert!(codes.contains(&("stable-state-invalid", ERROR)), "{codes:?}");
}

#[test]
fn votes_for_members_without_one() {
    let log_with_vote = |candidate: &str| {
        let mut log = LogWriter::new();
        let members = conf_state(&ids(&["n1", "n2"]), &ids(&["n3"]));
        log.snapshot_of(1, 1, &members).state(1, 0, 1).entries(2, 5, 2).state(2, id(candidate), 4);
        (log, members)
    };
    let (log, members) = log_with_vote("n2");
    assert_eq!(wrong(&NodeDir::new(&log).snap_of(1, 1, &members)), vec![]);
    let (log, members) = log_with_vote("n3");
    assert_eq!(wrong(&NodeDir::new(&log).snap_of(1, 1, &members)), vec![("vote-for-non-voter", WARNING)]);
    let itself = wrong(&NodeDir::named("n3", &log).snap_of(1, 1, &members));
    assert_eq!(itself, vec![("vote-for-non-voter", WARNING)]);
    // The promotion may not have reached this node yet: nothing of the vote's term is committed here.
    let (mut log, members) = log_with_vote("n2");
    log.state(3, id("n3"), 4);
    let dir = NodeDir::new(&log).snap_of(1, 1, &members);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["vote-for-non-voter"]));
    // Behind a front that is gone nobody knows who had a vote.
    let mut log = LogWriter::purged(2, 20);
    log.state(3, id("n3"), 20).entries(20, 24, 3).state(4, 0, 23).snapshot_of(22, 3, &members).state(4, 0, 24);
    let dir = NodeDir::named("n3", &log).snap_of(22, 3, &members);
    assert!(!wrong(&dir).contains(&("vote-for-non-voter", WARNING)), "{:?}", wrong(&dir));
    let (log, members) = log_with_vote("n9");
    assert_eq!(remarks(&NodeDir::new(&log).snap_of(1, 1, &members)), vec!["vote-for-non-voter"]);
}

#[test]
fn snapshots_that_contradict_the_log_or_themselves() {
    let voters = ids(&["n1", "n2", "n3"]);
    let base = || {
        let mut log = bootstrapped();
        log.entries(2, 20, 2).state(2, 0, 20);
        log
    };
    let mut log = base();
    log.snapshot(10, 3, &voters);
    let codes = wrong(&node(&log).snap(10, 3, &voters));
    assert!(codes.contains(&("snap-log-term-mismatch", ERROR)), "{codes:?}");
    let mut log = base();
    log.snapshot(15, 2, &voters).snapshot(10, 2, &voters);
    let codes = wrong(&node(&log).snap(15, 2, &voters).snap(10, 2, &voters));
    assert_eq!(codes, vec![("snap-regress", ERROR)]);
    let mut log = base();
    log.snapshot(15, 2, &voters);
    assert_eq!(wrong(&node(&log)), vec![("snap-orphan", WARNING)], "the newest file is gone");
    let name = "snap/0000000000000002-000000000000000f.snap";
    let dir = node(&log).snap(15, 2, &voters);
    let whole = std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(
        wrong(&dir.file(name, &whole[..30])),
        vec![("snap-identity-mismatch", ERROR)],
        "recorded, so it was complete once"
    );
    assert_eq!(wrong(&node(&base()).file(name, &whole[..30])), vec![], "not recorded: a crash leaves this");
    let dir = node(&log).snap(15, 2, &voters);
    std::fs::remove_file(dir.path().join("fsm-snap/000000000000000f.fsm")).unwrap();
    assert_eq!(wrong(&dir), vec![("snap-payload-short", ERROR)]);
    let dir = node(&log).snap(15, 2, &voters);
    let snap = dir.path().join("snap");
    std::fs::rename(snap.join("0000000000000002-000000000000000f.snap"), snap.join("0000000000000002-0000000000000010.snap"))
        .unwrap();
    assert_eq!(wrong(&dir), vec![("snap-identity-mismatch", ERROR)]);
    let dir = node(&log).file("snap/0000000000000002-000000000000000f.snap", &snap_file(15, 2, &conf_state(&voters, &[]), b""));
    assert_eq!(wrong(&dir), vec![]);
}

#[test]
fn a_log_that_does_not_reach_the_snapshot() {
    let voters = ids(&["n1", "n2", "n3"]);
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 5);
    let dir = NodeDir::new(&log).snap(40, 3, &voters).peers(1, &["n1", "n2", "n3"]);
    let found = findings(&dir);
    let hole = found.iter().find(|finding| finding.code.code == "snap-replay-hole").unwrap();
    assert_eq!(hole.severity, ERROR);
    assert!(hole.message.contains("There is a snapshot at 40"), "{}", hole.message);
}

#[test]
fn members_that_snapshots_record() {
    let voters = ids(&["n1", "n2", "n3"]);
    let join = conf_change(0, id("n4"), &conf_context(id("n4"), "n4", "n4:1"));
    let log_with = |after: &[u64]| {
        let mut log = bootstrapped();
        log.entries(2, 11, 2).typed_entry(1, 12, 2, &join).state(2, 0, 12).snapshot(12, 2, after);
        log
    };
    let four = ids(&["n1", "n2", "n3", "n4"]);
    assert_eq!(wrong(&node(&log_with(&four)).snap(12, 2, &four).peers(12, &["n1", "n2", "n3", "n4"])), vec![]);
    let codes = wrong(&node(&log_with(&voters)).snap(12, 2, &voters));
    assert_eq!(codes, vec![("snap-config-stale", ERROR)]);
    let codes = wrong(&node(&log_with(&[])).snap(12, 2, &[]).peers(12, &["n1"]));
    assert!(codes.contains(&("snap-config-index-invalid", ERROR)), "{codes:?}");
    let twice = [voters[0], voters[0], voters[1]];
    let codes = wrong(&node(&log_with(&twice)).snap(12, 2, &twice).peers(13, &["n1", "n2"]));
    assert!(codes.contains(&("conf-invalid", ERROR)), "{codes:?}");
}

#[test]
fn membership_changes() {
    let with = |kind: u64, data: &[u8], commit: u64| {
        let mut log = bootstrapped();
        log.entries(2, 5, 2).typed_entry(kind, 6, 2, data).entries(7, 8, 2).state(2, 0, commit);
        node(&log)
    };
    let context = conf_context(id("n4"), "n4", "n4:1");
    assert_eq!(remarks(&with(1, &conf_change(3, id("n4"), &context), 5)), vec!["conf-uncommitted-tail"]);
    assert_eq!(wrong(&with(1, &[0xff], 8)), vec![("conf-undecodable", ERROR)]);
    assert_eq!(wrong(&with(2, &[0xff], 5)), vec![("conf-undecodable", ERROR)]);
    assert_eq!(wrong(&with(1, &conf_change(3, id("n4"), b"\x03short"), 8)), vec![("conf-undecodable", WARNING)]);
    assert_eq!(remarks(&with(1, &[], 8)), vec!["conf-undecodable"]);
    // An unknown kind of change ends the library.
    assert_eq!(wrong(&with(1, &conf_change(7, id("n4"), &context), 8)), vec![("conf-invalid", ERROR)]);
    // Two members at once, through a joint configuration.
    let single = |kind: u8, node: u64| {
        let mut change = vec![8, kind, 16];
        ekv_tool::formats::varint::encode(node, &mut change);
        [&[0x12, u8::try_from(change.len()).unwrap()][..], &change].concat()
    };
    let joint = [single(1, id("n2")), single(1, id("n3"))].concat();
    assert_eq!(wrong(&with(2, &joint, 5)), vec![("conf-unsafe-transition", WARNING)]);
}

#[test]
fn the_peers_file() {
    let mut log = bootstrapped();
    log.entries(2, 5, 2).state(2, 0, 5);
    let voters = ids(&["n1", "n2", "n3"]);
    let base = || NodeDir::new(&log).snap(1, 1, &voters);
    assert_eq!(wrong(&base().peers(1, &["n1", "n2"])), vec![("conf-peers-file-mismatch", ERROR)]);
    assert_eq!(wrong(&base().peers(5, &["n1", "n2", "n3"])), vec![]);
    assert_eq!(wrong(&base().peers(5, &["n1", "n2"])), vec![("conf-peers-file-mismatch", ERROR)], "no change since the snapshot");
    assert_eq!(wrong(&base().peers(6, &["n1", "n2"])), vec![("conf-peers-file-mismatch", WARNING)], "newer than the log");
    let dir = base().file("etcd-raft-peers.bin", b"EKVP\0\0\0\x03");
    let found = findings(&dir);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].code.code, found[0].offset), ("conf-peers-file-mismatch", Some(8)));
    let list = |peers: &[(u64, &str, &str)]| super::support::log_writer::peers_file(5, peers);
    let n3 = (id("n3"), "n3", "n3:1");
    let mut peers = list(&[(id("n1"), "n1", "n1:1"), n3, (id("n2"), "n2", "n2:1")]);
    peers.push(0);
    assert_eq!(wrong(&base().file("etcd-raft-peers.bin", &peers)), vec![("conf-peers-file-mismatch", ERROR)]);
    let mut lone = LogWriter::new();
    lone.snapshot(1, 1, &ids(&["n1"])).state(1, 0, 1).entries(2, 5, 2).state(2, 0, 5);
    let dir = |index| NodeDir::new(&lone).snap(1, 1, &ids(&["n1"])).peers(index, &["n1"]);
    assert_eq!(wrong(&dir(5)), vec![]);
    assert_eq!(wrong(&dir(1 << 60)), vec![("conf-peers-file-mismatch", ERROR)]);
    let removed = vec![("conf-local-not-member", WARNING), ("conf-peers-file-mismatch", ERROR)];
    assert_eq!(wrong(&base().peers(5, &["n2", "n3"])), removed, "no change in the log removed it");
    let same = |id: &str| (super::support::node_dir::id(id), "host:1");
    let ((a, host), (b, _)) = (same("n1"), same("n2"));
    let peers = list(&[(a, "n1", host), n3, (b, "n2", host)]);
    assert_eq!(wrong(&base().file("etcd-raft-peers.bin", &peers)), vec![("conf-peers-file-mismatch", WARNING)]);
    // A start knows its own entry by the raft id too, and puts the node id right.
    let peers = list(&[(5, "n1", host), n3, (b, "n2", "n2:1")]);
    let dir = base().file("etcd-raft-peers.bin", &peers);
    assert_eq!((wrong(&dir), remarks(&dir)), (vec![], vec!["conf-peers-file-mismatch"]));
}

#[test]
fn real_nodes_are_fine_unless_something_is_the_matter() {
    let recorded = real();
    let expected = |name: &str, dir: &str| -> &[(&str, Severity)] {
        match (name, dir) {
            ("live-M-slow-a-fsmfirst", _) => &[
                ("fsm-missing", ERROR),
                ("snap-orphan", WARNING),
                ("snap-payload-short", ERROR),
                ("snap-payload-short", WARNING),
                ("wal-data-beyond-end", WARNING),
            ],
            ("live-M-slow-d-Hahead", _) => &[("applied-beyond-log", ERROR)],
            ("one-M-H9", _) => &[("applied-beyond-log", ERROR), ("fsm-ahead-of-index", ERROR)],
            ("membership-M" | "membership-M-H1-after", "n2") => &[("conf-local-not-member", WARNING)],
            ("membership-M-H1-after", "n1") => &[("fsm-ahead-of-index", ERROR)],
            _ => &[],
        }
    };
    let mut messages = Vec::new();
    for case in recorded.groups() {
        let report = report(std::slice::from_ref(&case.dir));
        let found: Vec<_> =
            report.findings.into_iter().filter(|finding| finding.severity != Severity::Info && !of_the_start(finding)).collect();
        let codes: BTreeSet<_> = found.iter().map(|finding| (finding.code.code, finding.severity)).collect();
        let wanted: BTreeSet<_> = expected(case.name, case.group).iter().copied().collect();
        assert_eq!(codes, wanted, "{} {}", case.name, case.group);
        messages.extend(found.into_iter().map(|finding| (case.name, finding.code.code, finding.message)));
    }
    let says = |name: &str, code: &str, text: &str| {
        let mut all = messages.iter().filter(|message| (message.0, message.1) == (name, code));
        assert!(all.any(|(_, _, message)| message.contains(text)), "{name} {code}: {messages:?}");
    };
    says("membership-M", "conf-local-not-member", "n2 was removed from its group at index 726");
    says("one-M-H9", "applied-beyond-log", "bootstrapped over an old fsm.db");
    says("live-M-slow-d-Hahead", "applied-beyond-log", "fsm.db was copied after wal/");
    says("membership-M-H1-after", "fsm-ahead-of-index", "stands for 726 but holds everything up to 770");
}

/// What is not said to follow from something else, of the recorded directories in which one damage shows in many checks.
#[test]
fn consequences_are_folded_under_their_cause() {
    for (name, causes, consequences) in [
        ("log-gap", &["log-gap"][..], 1),
        ("wal-lastbutone-f0-len0", &["wal-data-beyond-end"], 3),
        ("wal-swap", &["wal-chain-broken"], 3),
        ("wal-second-allzero", &["wal-segment-empty"], 3),
        ("wal-first-flast2-typebit", &["wal-record-type-unknown"], 3),
        ("wal-lastbutone-f2-typebit", &["wal-record-type-suspect"], 2),
        ("wal-second-f0-typebit", &["wal-record-type-unknown"], 2),
        ("wal-last-f1-typebit", &["wal-record-type-suspect"], 1),
        ("log-snap-mismatch", &["snap-log-term-mismatch"], 3),
        ("peers-no-voters", &["snap-config-index-invalid"], 1),
        ("token-exec-index-zero", &["snap-identity-mismatch"], 1),
        ("snap-commit-29", &["hardstate-regress"], 1),
        ("replay-confv2-empty-H14", &["wal-record-type-suspect"], 1),
        // Damage of two kinds at once stays two.
        ("random-409", &["conf-peers-file-mismatch", "wal-record-type-suspect"], 2),
        ("random-514", &["commit-out-of-range", "conf-peers-file-mismatch"], 1),
        ("mix-0013", &["store-log-hole", "wal-crc-mismatch"], 0),
        ("mix-0489", &["wal-data-beyond-end", "wal-record-malformed"], 2),
    ] {
        let report = report(&[crate::support::recorded::cases().root.join(name).join("n1")]);
        let errors = || report.findings.iter().filter(|finding| finding.severity == ERROR && !of_the_start(finding));
        let found: BTreeSet<_> = errors().filter(|f| f.derived_from.is_none()).map(|f| f.code.code).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), causes, "{name}");
        assert_eq!(errors().filter(|f| f.derived_from.is_some()).count(), consequences, "{name}");
        assert!(errors().all(|f| f.derived_from.is_none_or(|cause| causes.contains(&cause))), "{name}");
        assert_eq!(report.verdict, Verdict::Damaged);
        let first = report.findings.first().unwrap();
        assert!(first.derived_from.is_none() && report.next_step.as_ref().unwrap().to_string().contains("explain"), "{name}");
    }
}

#[test]
fn checks_can_be_chosen() {
    let mut log = bootstrapped();
    log.entries(2, 9, 5).state(4, 0, 9).state(3, 0, 8);
    let dir = node(&log);
    let with = |only: &[&str], skip: &[&str], severity| {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = CheckOptions { only: list(only), skip: list(skip), severity, ..CheckOptions::default() };
        check(&[dir.path().to_owned()], &options, &Run::local())
    };
    let report = with(&["hardstate-regress"], &[], None).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.body.groups[0].checks.len(), 1);
    let report = with(&[], &["hardstate-regress", "term-above-current"], None).unwrap();
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 1));
    let error = with(&["no-such-check"], &[], None).unwrap_err().to_string();
    assert!(error.contains("--only no-such-check") && error.contains("--list"), "{error}");
    let report = with(&[], &[], Some(Severity::Warning)).unwrap();
    assert!(report.findings.iter().all(|finding| finding.severity <= Severity::Warning));
    let outcome = report.body.groups[0].checks.iter().find(|result| result.check == "snap-user-restore-hole").unwrap();
    assert!(matches!(outcome.outcome, CheckOutcome::NotApplicable { .. }));
}

#[test]
fn the_older_engine_is_named_and_not_judged() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1");
    std::fs::create_dir_all(dir.join("fsm.db")).unwrap();
    std::fs::write(dir.join("raft.db"), b"").unwrap();
    let report = report(&[dir]);
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.coverage.not_examined[0].why.contains("hashicorp"), "{:?}", report.coverage);
}

#[test]
fn the_page_of_checks_is_current() {
    golden("../../docs/checks.md", &checks_page());
    let mut names = BTreeSet::new();
    assert!(CHECKS.iter().all(|check| names.insert(check.code.code)), "a check is listed twice");
}
