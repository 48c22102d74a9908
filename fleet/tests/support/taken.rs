//! The facts of recorded nodes, taken as `ekv-tool facts` takes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ekv_tool::Run;
use ekv_tool::ops::{FactsOptions, facts};
use ekv_tool::report::{OutputFormat, Style, render};

use super::recorded::real;

/// The bytes of the file of facts of a directory, without the rows of its store.
pub fn facts_of(dir: &Path) -> Vec<u8> {
    let report = facts(&[dir.to_owned()], &FactsOptions { fast: true, ..FactsOptions::default() }, &Run::local()).unwrap();
    let mut bytes = Vec::new();
    render(&report, OutputFormat::Json, Style { width: None, color: false, verbose: true, quiet: false }, &mut bytes).unwrap();
    bytes
}

/// Recorded clusters with at least two nodes, each with the files of facts of its nodes.
pub fn clusters() -> &'static BTreeMap<String, Vec<PathBuf>> {
    static TAKEN: OnceLock<(tempfile::TempDir, BTreeMap<String, Vec<PathBuf>>)> = OnceLock::new();
    &TAKEN.get_or_init(take).1
}

fn take() -> (tempfile::TempDir, BTreeMap<String, Vec<PathBuf>>) {
    let out = tempfile::tempdir().unwrap();
    let mut clusters = BTreeMap::new();
    for set in std::fs::read_dir(real()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let is_node = |path: &PathBuf| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with('n');
        let mut nodes: Vec<_> = std::fs::read_dir(&set).unwrap().map(|entry| entry.unwrap().path()).filter(is_node).collect();
        nodes.sort();
        if nodes.len() < 2 {
            continue;
        }
        let name = set.file_name().unwrap().to_str().unwrap().to_owned();
        std::fs::create_dir(out.path().join(&name)).unwrap();
        let taken = nodes.iter().map(|node| {
            let file = out.path().join(&name).join(node.file_name().unwrap()).with_extension("facts");
            std::fs::write(&file, facts_of(node)).unwrap();
            file
        });
        let taken = taken.collect();
        clusters.insert(name, taken);
    }
    (out, clusters)
}
