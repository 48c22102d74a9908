//! The same answer, wherever the nodes were looked at.

use std::path::PathBuf;

use ekv_tool::ops::CompareOptions;

use crate::support::recorded::{Recorded, cases, fresh, real};
use crate::support::taken::{Difference, both_ways};

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

/// Holds the answers of all sets against each other. `rows`: sets in which rows differ in a way that only the rows themselves explain.
fn hold(sets: &[(String, Vec<PathBuf>)], options: &CompareOptions, rows: &[&str]) {
    let mut wrong = Vec::new();
    for (name, dirs) in sets {
        for (how, found) in ["facts", "a directory and facts"].iter().zip(both_ways(dirs, options)) {
            let told = match found {
                Difference::None => Vec::new(),
                // That is unknown then, and said.
                Difference::Rows if rows.contains(&name.as_str()) => Vec::new(),
                Difference::Rows => vec!["the rows are not known".to_owned()],
                Difference::Other(found) => found,
            };
            wrong.extend(told.into_iter().map(|difference| format!("{name}, {how}: {difference}")));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong[..wrong.len().min(30)].join("\n"));
}

#[test]
fn recorded_clusters_are_told_alike() {
    let sets = clusters(real());
    assert!(sets.len() >= 5, "{sets:?}");
    hold(&sets, &CompareOptions::default(), &[]);
}

/// Each of them is a node `n1` of a cluster of its own: two are never of one group, or copies of one member.
#[test]
fn directories_that_do_not_belong_together_are_told_alike() {
    for recorded in [cases(), fresh()] {
        let groups = recorded.groups();
        let name = |pair: &[crate::support::recorded::Case<'_>]| format!("{} and {}", pair[0].name, pair[1].name);
        let pairs: Vec<_> = groups
            .chunks_exact(2)
            .step_by(18)
            .map(|pair| (name(pair), pair.iter().map(|case| case.dir.clone()).collect()))
            .collect();
        assert!(pairs.len() > 25);
        // What their stores hold has nothing to do with each other.
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        hold(&pairs, &CompareOptions::default(), &names);
        let few: Vec<_> = pairs.into_iter().step_by(5).collect();
        hold(&few, &CompareOptions { fast: true, ..CompareOptions::default() }, &[]);
    }
}

#[test]
fn nodes_that_are_wrong_are_told_alike() {
    for (code, build) in crate::codes::built_nodes() {
        let root = tempfile::tempdir().unwrap();
        build(root.path());
        let dirs = ["a", "b"].map(|name| root.path().join(name)).to_vec();
        // One row is missing, or is another: which one, only the rows tell.
        hold(&[(code.to_owned(), dirs)], &CompareOptions::default(), &["nodes-stores-diverge", "store-not-as-written"]);
    }
}
