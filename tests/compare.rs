//! The same group on several nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ekv_tool::Run;
use ekv_tool::analysis::judge::nodes::{ChangeKind, Vote};
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::ops::{CompareOptions, compare};
use ekv_tool::report::Report;
use ekv_tool::report::body::compare::CompareBody;

use super::support::log_writer::{LogWriter, conf_change, conf_context};
use super::support::node_dir::{NodeDir, id, ids};
use crate::support::recorded::real;

fn report(paths: &[PathBuf]) -> Report<CompareBody> {
    compare(paths, &CompareOptions { ..CompareOptions::default() }, &Run::local()).unwrap()
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
    let answers: Vec<_> = group.election[0].votes.iter().map(|vote| (vote.voter.as_str(), vote.vote)).collect();
    assert_eq!(answers, [("n1", Vote::Yes), ("n2", Vote::Yes), ("n3", Vote::Unknown)]);
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

fn compared(nodes: &[&NodeDir]) -> Report<CompareBody> {
    report(&nodes.iter().map(|node| node.path().to_owned()).collect::<Vec<_>>())
}

#[test]
fn what_is_lost_with_which_directory() {
    let (a, b) = (healthy("n1"), healthy("n2"));
    let behind = node("n3", |log| drop_ref(log.entries(2, 4, 2).state(2, 0, 4)));
    let report = compared(&[&a, &b, &behind]);
    let group = &report.body.groups[0].comparison;
    let rows: Vec<_> = group.without.iter().map(|row| (row.node.as_str(), row.can_lead, row.lost, row.below_majority)).collect();
    assert_eq!(
        rows,
        [("n1", "yes", None, Some((5, 9))), ("n2", "yes", None, Some((5, 9))), ("n3", "yes", None, None)],
        "a majority holds entry 9, so that it may have been acknowledged"
    );
    // n1 has their votes.
    assert_eq!(group.restart_order, ["n3", "n2", "n1"]);
    assert_eq!(group.nodes.iter().map(|node| node.only_here).collect::<Vec<_>>(), [None, None, None]);
    // The same index with other content is not the same entry.
    let newer = node("n3", |log| drop_ref(log.entries(2, 8, 2).entry(9, 3, "y").state(3, 0, 8)));
    let report = compared(&[&a, &b, &newer]);
    let group = &report.body.groups[0].comparison;
    assert_eq!(group.nodes[2].only_here, Some((9, 9)));
    assert_eq!(group.nodes[0].only_here, None);
    // The only holder of what is committed.
    let [short, other] = ["n2", "n3"].map(|raft_id| node(raft_id, |log| drop_ref(log.entries(2, 3, 2).state(2, 0, 3))));
    let report = compared(&[&a, &short, &other]);
    let group = &report.body.groups[0].comparison;
    assert_eq!((group.without[0].lost, group.without[1].lost), (Some((4, 8)), None));
    assert_eq!(group.nodes[0].only_here, Some((4, 9)));
}

#[test]
fn who_votes_for_whom() {
    let a = healthy("n1");
    let later = node("n2", |log| drop_ref(log.entries(2, 9, 2).state(2, 0, 8).state(3, id("n2"), 8)));
    let behind = node("n3", |log| drop_ref(log.entries(2, 4, 2).state(2, 0, 4)));
    let report = compared(&[&a, &later, &behind]);
    let group = &report.body.groups[0].comparison;
    let votes = |row: usize| group.election[row].votes.iter().map(|vote| vote.vote).collect::<Vec<_>>();
    assert_eq!(votes(0), [Vote::Yes, Vote::Later, Vote::Yes]);
    assert_eq!(votes(1), [Vote::Yes, Vote::Yes, Vote::Yes]);
    assert_eq!(votes(2), [Vote::No, Vote::No, Vote::Yes]);
    let why: Vec<_> = group.election.iter().map(|row| (row.transfer, row.no_transfer.as_deref())).collect();
    assert_eq!(why, [(true, None), (true, None), (false, Some("behind by 5"))]);
    let alone: Vec<_> = group.without.iter().map(|row| row.leaders.join(" ")).collect();
    assert_eq!(alone, ["n2", "n1", "n1 n2"]);
}

#[test]
fn a_node_whose_start_is_refused() {
    let (a, b) = (healthy("n1"), healthy("n2"));
    let broken = healthy("n3");
    std::fs::remove_file(broken.path().join("fsm-snap/0000000000000001.fsm")).unwrap();
    let report = compared(&[&a, &b, &broken]);
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(codes(&report.findings), [("snap-payload-short", ERROR), ("start-refused", ERROR)]);
    let group = &report.body.groups[0].comparison;
    assert_eq!(group.nodes[2].start.as_deref(), Some("refused"));
    assert_eq!(group.restart_order, ["n2", "n1"]);
    let steps: Vec<_> = group.restart.iter().map(|step| (step.node.as_str(), step.group_lives)).collect();
    assert_eq!(steps, [("n2", "no"), ("n1", "no"), ("n3", "yes")]);
    assert!(group.restart[2].objection.as_ref().unwrap().contains("fsm snapshot: file not found"));
}

/// A group that took in `n4` as a learner at 5, promoted it at 7 and removed `n2` at 9.
fn history(raft_id: &str, last: u64) -> NodeDir {
    let change = |kind, member: &str| {
        let node = id(member);
        conf_change(kind, node, &conf_context(node, member, &format!("{member}:1")))
    };
    node(raft_id, |log| {
        for index in 2..=last {
            match index {
                5 => log.typed_entry(1, 5, 2, &change(3, "n4")),
                7 => log.typed_entry(1, 7, 2, &change(0, "n4")),
                9 => log.typed_entry(1, 9, 2, &change(1, "n2")),
                _ => log.entries(index, index, 2),
            };
        }
        log.state(2, 0, last);
    })
}

#[test]
fn the_history_of_the_members() {
    let [a, b, c, old] = [("n1", 12), ("n2", 9), ("n3", 12), ("n4", 6)].map(|(raft_id, last)| history(raft_id, last));
    let old = old.peers(5, &["n1", "n2", "n3", "n4"]);
    let report = compared(&[&a, &b, &c, &old]);
    let group = &report.body.groups[0].comparison;
    let steps: Vec<_> = group
        .membership
        .iter()
        .map(|step| {
            let changes: Vec<_> = step.changes.iter().map(|change| (change.member.as_str(), change.change)).collect();
            (step.index.0, changes, step.exact, step.unknown_to.join(" "))
        })
        .collect();
    assert_eq!(
        steps,
        [
            (1, vec![], true, String::new()),
            (5, vec![("n4", ChangeKind::JoinedAsLearner)], true, String::new()),
            (7, vec![("n4", ChangeKind::Promoted)], true, "n4".to_owned()),
            (9, vec![("n2", ChangeKind::Removed)], true, "n4".to_owned()),
        ]
    );
    assert_eq!(group.nodes.iter().map(|node| node.role).collect::<Vec<_>>(), ["voter", "removed", "voter", "voter"]);
    let removed = report.findings.iter().find(|finding| finding.code.code == "conf-local-not-member").unwrap();
    assert!(removed.message.starts_with("n2 was removed from the group at index 9; its own files say so too."), "{removed:?}");
    // It is a voter, but does not know it.
    assert_eq!(group.election[3].why_not.as_deref(), Some("it does not know that it may vote"));
    // A removed node that ends before its removal does not know of it.
    let early = history("n2", 8);
    let report = compared(&[&a, &early, &c]);
    let removed = report.findings.iter().find(|finding| finding.code.code == "conf-local-not-member").unwrap();
    assert!(removed.message.contains("its own files end before that"), "{removed:?}");
    // A removal that nobody has committed yet.
    let pending = |raft_id: &str| {
        let change = conf_change(1, id("n2"), &conf_context(id("n2"), "n2", ""));
        node(raft_id, |log| drop_ref(log.entries(2, 8, 2).typed_entry(1, 9, 2, &change).state(2, 0, 8)))
    };
    let report = compared(&[&pending("n1"), &pending("n2"), &healthy("n3")]);
    let group = &report.body.groups[0].comparison;
    assert_eq!(group.membership.last().map(|step| (step.index.0, step.committed)), Some((9, false)));
    assert_eq!(group.election[1].no_transfer.as_deref(), Some("a change at 9 is pending"));
    assert_eq!(group.nodes[1].role, "voter");
}

#[test]
fn copies_under_another_name() {
    let long = |raft_id: &str, last: u64| node(raft_id, |log| drop_ref(log.entries(2, last, 2).state(2, id("n1"), last)));
    assert_eq!(wrong(&[&long("n1", 1200), &long("n2", 1200)]), vec![("cross-duplicate-identity", ERROR)]);
    assert_eq!(wrong(&[&long("n1", 300), &long("n2", 300)]), vec![], "short histories can coincide");
    // An older copy: its log goes on in the other one.
    let more = node("n3", |log| drop_ref(log.entries(2, 1200, 2).state(2, id("n1"), 1200).entries(1201, 1210, 2)));
    assert_eq!(wrong(&[&long("n1", 1200), &more]), vec![("cross-duplicate-identity", ERROR)]);
    // The same entries in other batches are what two members have.
    let batches = node("n2", |log| {
        log.entries(2, 600, 2).state(2, id("n1"), 599).entries(601, 1200, 2).state(2, id("n1"), 1200);
    });
    assert_eq!(wrong(&[&long("n1", 1200), &batches]), vec![]);
}

#[test]
fn directories_that_do_not_belong_together() {
    // The same names in another cluster: no entry is the same.
    let other = node("n2", |log| {
        for index in 2..=40 {
            log.entry(index, 2, &format!("other value of {index}"));
        }
        log.state(2, 0, 40);
    });
    let this = node("n1", |log| drop_ref(log.entries(2, 40, 2).state(2, 0, 40)));
    let report = compared(&[&this, &other]);
    assert_eq!(codes(&report.findings), [("cross-group-mismatch", ERROR)], "and nothing else");
    assert!(!report.body.groups[0].comparison.comparable);
    // A directory under another name cannot be counted as a member.
    let renamed = node("backup-of-n3", |log| drop_ref(log.entries(2, 9, 2).state(2, id("n1"), 8)));
    let report = compared(&[&healthy("n1"), &healthy("n2"), &renamed]);
    assert_eq!(codes(&report.findings), [("conf-local-not-member", Severity::Warning)]);
    assert_eq!((report.verdict, report.body.groups[0].comparison.nodes[2].role), (Verdict::Unknown, "unknown"));
}

#[test]
fn groups_are_matched_by_the_layout_of_the_directories() {
    let root = tempfile::tempdir().unwrap();
    let place = |name: &str, raft_id: &str| {
        let from = healthy(raft_id);
        let to = root.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(from.path(), &to).unwrap();
        to
    };
    let [a, b, c] = [("x/n1", "n1"), ("y/n2/group-1", "n2"), ("y/n2/group-2", "n2")].map(|(name, id)| place(name, id));
    // Single groups are compared as named.
    let one = report(&[a.clone(), b.clone()]);
    assert_eq!((one.verdict, one.body.groups[0].group_id), (Verdict::Clean, Some(1)));
    let other = report(&[b.clone(), c]);
    assert_eq!(codes(&other.findings), [("cross-group-mismatch", ERROR)]);
    // Whole nodes are matched group by group.
    let whole = report(&[a, root.path().join("y")]);
    assert_eq!(whole.body.groups.iter().map(|group| group.group_id).collect::<Vec<_>>(), [Some(1)]);
    assert!(whole.coverage.not_examined.iter().any(|part| part.why == "only one node holds this group"));
    // One directory under two spellings is one.
    let spelled = b.join("../group-1");
    assert!(compare(&[b, spelled], &CompareOptions { ..CompareOptions::default() }, &Run::local()).is_err());
}

#[test]
fn real_clusters_agree() {
    for name in ["three-M", "lag-M", "sticky-P"] {
        let report = report(&[real().root.join(name)]);
        assert_eq!(codes(&report.findings), vec![], "{name}");
        let group = &report.body.groups[0].comparison;
        assert!(group.election.iter().any(|row| row.can_win == "yes"), "{name}");
    }
    // Any two or three of them agree as well, in any order.
    for (name, nodes) in [("three-M", 3), ("lag-M", 3), ("sticky-P", 3), ("membership-M", 4)] {
        for chosen in 1_u32..1 << nodes {
            let mut paths: Vec<_> = (1..=nodes)
                .filter(|node| chosen >> (node - 1) & 1 == 1)
                .map(|node| real().root.join(format!("{name}/n{node}")))
                .collect();
            paths.reverse();
            if paths.len() > 1 {
                let report = report(&paths);
                let removed = name == "membership-M" && chosen & 2 != 0 && paths.len() > 1;
                let expected = if removed { vec![("conf-local-not-member", Severity::Warning)] } else { vec![] };
                assert_eq!((codes(&report.findings), report.verdict), (expected, Verdict::Clean), "{paths:?}");
            }
        }
    }
    let after = report(&[real().root.join("membership-M-H1-after")]);
    assert_eq!(codes(&after.findings), [("conf-local-not-member", Severity::Warning), ("fsm-ahead-of-index", ERROR)]);
    // Copies of one running node are that: the same node more than once.
    let copies = ["live-M-1/n1", "live-M-3/n1", "live-M-5/n1"].map(|name| real().root.join(name));
    assert_eq!(codes(&report(&copies).findings), [("cross-duplicate-identity", ERROR)]);
    let report = report(&[real().root.join("membership-M")]);
    assert_eq!(codes(&report.findings), vec![("conf-local-not-member", Severity::Warning)]);
    let group = &report.body.groups[0].comparison;
    let steps: Vec<_> = group.membership.iter().map(|step| (step.index.0, step.members.as_str())).collect();
    assert_eq!(steps.last().map(|step| step.0), Some(726), "{steps:?}");
    assert!(!group.restart_order.contains(&"n2".to_owned()));
}

/// Figure 8 of the Raft paper: an entry of an older term is committed with one of a newer term behind it. A leader of a term in
/// between may have had another in its place.
#[test]
fn an_entry_that_was_committed_later_than_it_was_written() {
    let committed = |raft_id: &str| node(raft_id, |log| drop_ref(log.entries(2, 5, 2).entry(6, 4, "").state(4, 0, 6)));
    let between = node("n3", |log| drop_ref(log.entries(2, 4, 2).entry(5, 3, "").state(3, id("n3"), 4)));
    assert_eq!(wrong(&[&committed("n1"), &committed("n2"), &between]), vec![]);
    // A leader of a later term must have had it.
    let later = node("n3", |log| drop_ref(log.entries(2, 4, 2).entry(5, 5, "").state(5, id("n3"), 4)));
    assert_eq!(wrong(&[&committed("n1"), &committed("n2"), &later]), vec![("cross-committed-lost", ERROR)]);
}

#[test]
fn members_that_were_just_added() {
    let four = ids(&["n1", "n2", "n3", "n4"]);
    let change = conf_change(0, id("n4"), &conf_context(id("n4"), "n4", "n4:7000"));
    // Three voters committed the change, and an entry with it or after it; from then on three of four are needed.
    let grown = |raft_id: &str, at_once: bool| {
        node(raft_id, |log| {
            log.entries(2, 8, 2).state(2, 0, 8).typed_entry(1, 9, 2, &change);
            if at_once {
                log.entry(10, 2, "x").state(2, 0, 10).snapshot(9, 2, &four);
            } else {
                log.state(2, 0, 9).snapshot(9, 2, &four).entry(10, 2, "x").state(2, 0, 10);
            }
        })
        .snap(9, 2, &four)
        .peers(9, &["n1", "n2", "n3", "n4"])
    };
    let behind = node("n3", |log| drop_ref(log.entries(2, 8, 2).state(2, 0, 8)));
    let joining = || NodeDir::named("n4", &LogWriter::new()).peers(0, &["n1", "n2", "n3", "n4"]);
    assert_eq!(wrong(&[&grown("n1", true), &grown("n2", true), &behind, &joining()]), vec![]);
    // Once the leader had applied the change it went by the new voters.
    let codes = wrong(&[&grown("n1", false), &grown("n2", false), &behind, &joining()]);
    assert_eq!(codes, vec![("cross-under-replicated", ERROR)]);
    // A node that waits to be added is not one that was removed.
    let waiting = NodeDir::named("n5", &LogWriter::new()).peers(0, &["n1", "n2", "n3", "n5"]);
    assert_eq!(wrong(&[&healthy("n1"), &healthy("n2"), &healthy("n3"), &waiting]), vec![]);
    let was = node("n4", |log| drop_ref(log.entries(2, 8, 2).state(2, 0, 8)));
    let codes = wrong(&[&healthy("n1"), &healthy("n2"), &healthy("n3"), &was]);
    assert_eq!(codes, vec![("conf-local-not-member", Severity::Warning)]);
}

/// Copies under other names than their nodes have: with the names it is the same as of the nodes themselves.
#[test]
fn renamed_copies_are_compared_by_the_names_that_are_given() {
    let root = tempfile::tempdir().unwrap();
    let nodes = real().root.join("three-M");
    for (node, copy) in [("n1", "host-a"), ("n2", "host-b"), ("n3", "host-c")] {
        crate::support::tree::copy_tree(&nodes.join(node), &root.path().join(copy));
    }
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
        let output = command.current_dir(root.path()).args(["compare", "--format", "json"]).args(args).output().unwrap();
        (output.status.code().unwrap(), serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap())
    };
    let (status, named) = run(&["n1=host-a", "n2=host-b", "n3=host-c"]);
    assert_eq!((status, named["verdict"].as_str()), (0, Some("clean")), "{named}");
    let names: Vec<_> =
        named["groups"][0]["nodes"].as_array().unwrap().iter().map(|node| node["raft_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["n1", "n2", "n3"]);
    let (status, bare) = run(&["host-a", "host-b", "host-c"]);
    assert_ne!((status, bare["verdict"].as_str()), (0, Some("clean")), "{bare}");
    // Two copies cannot be one node.
    let (status, twice) = run(&["n1=host-a", "n1=host-b"]);
    assert_ne!(status, 0, "{twice}");
}
