//! Whole outputs of `check` and `compare` on real nodes: healthy, degraded and damaged.

use std::process::Command;

use crate::common::real;
use crate::support::golden::{golden, transcript};

fn run(name: &str, args: &[&str]) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    transcript(&command.current_dir(real().root.join(name)).args(args).output().unwrap())
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
    golden("compare/restored.md", &run("sticky-P", &["compare", "--format", "markdown", "."]));
}
