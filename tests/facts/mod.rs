//! Files of facts: `compare` says the same of them as of the directories, and they hold no keys and values.

use std::path::PathBuf;

use ekv_tool::ops::CompareOptions;

use crate::support::recorded::{Recorded, cases, real};
use crate::support::taken::both_ways;

/// Directories of one set with at least two nodes.
fn clusters(recorded: &Recorded) -> Vec<(String, Vec<PathBuf>)> {
    let mut sets = Vec::new();
    for name in recorded.expected.keys() {
        let root = recorded.root.join(name);
        let is_node = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('n') && path.is_dir();
        let mut nodes: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(is_node).collect();
        nodes.sort();
        if nodes.len() > 1 {
            sets.push((name.clone(), nodes));
        }
    }
    sets
}

fn hold(sets: &[(String, Vec<PathBuf>)], options: &CompareOptions, allowed: &[&str]) {
    let mut wrong = Vec::new();
    for (name, dirs) in sets {
        for (how, found) in ["facts", "a directory and facts"].iter().zip(both_ways(dirs, options)) {
            let told = found.into_iter().filter(|difference| !allowed.iter().any(|known| difference.contains(known)));
            wrong.extend(told.map(|difference| format!("{name}, {how}: {difference}")));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong[..wrong.len().min(30)].join("\n"));
}

#[test]
fn recorded_clusters_are_told_alike() {
    let sets = clusters(real());
    assert!(sets.len() >= 5, "{sets:?}");
    hold(&sets, &CompareOptions::default(), &[]);
    hold(&sets, &CompareOptions { fast: true, ..CompareOptions::default() }, &[]);
}

#[test]
fn directories_that_do_not_belong_together_are_told_alike() {
    let groups = cases().groups();
    let pairs: Vec<_> = groups
        .chunks_exact(2)
        .step_by(12)
        .map(|pair| (format!("{} and {}", pair[0].name, pair[1].name), pair.iter().map(|case| case.dir.clone()).collect()))
        .collect();
    assert!(pairs.len() > 40);
    hold(&pairs, &CompareOptions::default(), &[]);
}

#[test]
fn nodes_that_are_wrong_are_told_alike() {
    for (code, build) in crate::codes::built_nodes() {
        let root = tempfile::tempdir().unwrap();
        build(root.path());
        let dirs = ["a", "b"].map(|name| root.path().join(name)).to_vec();
        hold(&[(code.to_owned(), dirs)], &CompareOptions::default(), &[]);
    }
}
