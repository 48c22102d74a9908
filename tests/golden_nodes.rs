//! Whole outputs of `check`, `compare` and `history` on real nodes: healthy, degraded and damaged.

use std::path::Path;
use std::process::Command;

use crate::support::diverging::{LAST, Node};
use crate::support::golden::{golden, transcript};
use crate::support::log_writer::{LogWriter, conf_change, conf_context};
use crate::support::node_dir::{NodeDir, id, ids};
use crate::support::recorded::real;

fn run(name: &str, args: &[&str]) -> String {
    run_in(&real().root.join(name), args)
}

fn run_in(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let text = transcript(&command.current_dir(dir).args(args).args(["--width", "80"]).output().unwrap());
    // Durations and rates are the only part that differs between runs.
    let run = text.find("\"run\":{").and_then(|from| Some((from, from + text[from..].find('}')?)));
    run.map_or_else(|| text.clone(), |(from, to)| format!("{}\"run\":{{{}", &text[..from], &text[to..]))
}

/// A JSON report has its durations on lines of their own.
fn without_durations(text: &str) -> String {
    let figure =
        |line: &&str| !["\"elapsed_ms\": ", "\"bytes_per_second\": "].iter().any(|name| line.trim_start().starts_with(name));
    text.split_inclusive('\n').filter(figure).collect()
}

/// Puts written nodes beside each other, as on one disk.
fn cluster(nodes: impl IntoIterator<Item = (&'static str, NodeDir)>) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (raft_id, node) in nodes {
        std::fs::rename(node.path(), root.path().join(raft_id)).unwrap();
    }
    root
}

/// A member of a group of three that was bootstrapped at 1.
fn member(raft_id: &str, write: impl FnOnce(&mut LogWriter) -> &mut LogWriter) -> NodeDir {
    let members = ["n1", "n2", "n3"];
    let mut log = LogWriter::new();
    write(log.snapshot(1, 1, &ids(&members)).state(1, 0, 1));
    NodeDir::named(raft_id, &log).snap(1, 1, &ids(&members)).peers(1, &members)
}

/// Up to `last` as the others have it.
fn agreeing(raft_id: &'static str, last: u64) -> (&'static str, NodeDir) {
    (raft_id, member(raft_id, |log| log.entries(2, last, 2).state(2, id("n1"), last)))
}

#[test]
fn one_node_at_a_time() {
    golden("check/healthy.txt", &run("three-M", &["check", "n1"]));
    golden("check/removed-member.txt", &run("membership-M", &["check", "n2"]));
    golden("check/foreign-store.txt", &run("one-M-H9", &["check", "n1"]));
    golden("check/copied-later.txt", &run("live-M-slow-d-Hahead", &["check", "n1"]));
    golden("check/copied-earlier.md", &run("live-M-slow-a-fsmfirst", &["check", "--format", "markdown", "n1"]));
}

#[test]
fn several_nodes_of_a_group() {
    golden("compare/healthy.txt", &run("three-M", &["compare", "n1", "n2", "n3"]));
    golden("compare/behind.txt", &run("lag-M", &["compare", "."]));
    golden("compare/membership.txt", &run("membership-M", &["compare", "."]));
    golden("compare/payload-of-later.txt", &run("membership-M-H1-after", &["compare", "."]));
    golden("compare/restored.md", &run("sticky-P", &["compare", "--format", "markdown", "."]));
}

#[test]
fn two_stores_of_a_group() {
    for (name, format) in [("txt", "table"), ("json", "json"), ("ndjson", "ndjson"), ("prom", "prometheus"), ("md", "markdown")] {
        golden(
            &format!("store/diff.{name}"),
            &without_durations(&run("three-M", &["store", "diff", "--format", format, "n1", "n3"])),
        );
    }
    let root = tempfile::tempdir().unwrap();
    let nodes = [Node::new("n1", LAST), Node::new("n2", LAST - 2).without(5), Node::new("n3", LAST)];
    drop(nodes.map(|node| node.write(root.path())));
    golden("store/diff-diverged.txt", &run_in(root.path(), &["store", "diff", "n1", "n2"]));
    golden("store/diff-diverged.md", &run_in(root.path(), &["store", "diff", "--format", "markdown", "n1", "n2"]));
    golden("compare/stores-diverged.txt", &run_in(root.path(), &["compare", "."]));
}

#[test]
fn several_nodes_of_which_some_are_behind_or_missing() {
    let root = cluster([agreeing("n1", 90), agreeing("n2", 90), agreeing("n3", 40)]);
    golden("compare/degraded.txt", &run_in(root.path(), &["compare", "n1", "n2", "n3"]));
    golden("compare/one-missing.txt", &run_in(root.path(), &["compare", "n1", "n2"]));
    golden("compare/degraded.prom", &run_in(root.path(), &["compare", "--format", "prometheus", "."]));
    golden("compare/degraded.ndjson", &run_in(root.path(), &["compare", "--format", "ndjson", "."]));
    // One node fell back behind what was committed, and another cannot start.
    let root = cluster([agreeing("n1", 90), agreeing("n2", 40), agreeing("n3", 90)]);
    std::fs::remove_file(root.path().join("n3/fsm-snap/0000000000000001.fsm")).unwrap();
    golden("compare/one-left.txt", &run_in(root.path(), &["compare", "."]));
}

#[test]
fn several_nodes_that_contradict_each_other() {
    let (other, node) =
        ("n3", member("n3", |log| log.entries(2, 60, 2).entry(61, 3, "other").entries(62, 90, 3).state(3, id("n3"), 90)));
    let root = cluster([agreeing("n1", 90), agreeing("n2", 90), (other, node)]);
    golden("compare/divergence.txt", &run_in(root.path(), &["compare", "."]));
    golden("compare/divergence.md", &run_in(root.path(), &["compare", "--format", "markdown", "."]));
    golden("compare/divergence.prom", &run_in(root.path(), &["compare", "--format", "prometheus", "."]));
    golden("compare/divergence.ndjson", &run_in(root.path(), &["compare", "--format", "ndjson", "."]));
    let root = cluster([agreeing("n1", 90), agreeing("n2", 20), agreeing("n3", 20)]);
    golden("compare/under-replicated.txt", &run_in(root.path(), &["compare", "."]));
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&["m1", "m2"])).state(1, 0, 1);
    let stranger = NodeDir::named("m1", &log).snap(1, 1, &ids(&["m1", "m2"])).peers(1, &["m1", "m2"]);
    let root = cluster([agreeing("n1", 90), ("m1", stranger)]);
    golden("compare/strangers.txt", &run_in(root.path(), &["compare", "."]));
}

#[test]
fn every_version_of_a_key() {
    golden("history/three.txt", &run("three-M", &["history", "!redis|str|e:68", "n1", "n2", "n3", "--limit", "5"]));
    golden("history/transactions.md", &run("groups-P", &["history", "--format", "markdown", "redis:zm:77", "n1/group-2"]));
    golden("history/behind.txt", &run("lag-M", &["history", "ml:4", ".", "--limit", "3"]));
}

#[test]
fn a_member_that_was_removed_and_does_not_know_it() {
    let change = conf_change(1, id("n3"), &conf_context(id("n3"), "n3", ""));
    let knows = |raft_id: &'static str| {
        let node =
            member(raft_id, |log| log.entries(2, 50, 2).typed_entry(1, 51, 2, &change).entries(52, 90, 2).state(2, id("n1"), 90));
        (raft_id, node)
    };
    let root = cluster([knows("n1"), knows("n2"), agreeing("n3", 40)]);
    golden("compare/removed-unaware.txt", &run_in(root.path(), &["compare", "."]));
}

#[test]
fn one_node_for_scripts() {
    for (name, dir) in [("healthy", "three-M"), ("foreign-store", "one-M-H9")] {
        golden(&format!("check/{name}.prom"), &run(dir, &["check", "--format", "prometheus", "n1"]));
        golden(&format!("check/{name}.ndjson"), &run(dir, &["check", "--format", "ndjson", "n1"]));
        golden(&format!("check/{name}.md"), &run(dir, &["check", "--format", "markdown", "n1"]));
    }
}
