//! The node stops after each of its steps, and within each write that it had not synced.

use std::path::{Path, PathBuf};

use super::disk::{Step, torn};
use super::node::Node;
use super::objections;

/// A place in memory where the system has one: thousands of small files are written.
pub(super) fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn started(root: &Path, seed: u64) -> (PathBuf, Node) {
    let group = root.join("n1");
    std::fs::create_dir(&group).unwrap();
    let (node, steps) = Node::start(seed);
    for step in &steps {
        step.apply(&group);
    }
    (group, node)
}

/// Stops everywhere in what a node does for that many entries; returns how many states were read.
fn sweep(seed: u64, entries: u64) -> u64 {
    let root = place();
    let (group, mut node) = started(root.path(), seed);
    let mut seen = Seen { states: 0, wrong: Vec::new() };
    seen.look(&group, "after the start");
    for entry in 0..entries {
        for step in node.next() {
            if let Step::Write(name, at, bytes) = &step {
                let before = std::fs::read(group.join(name)).unwrap();
                for (number, sectors) in torn(*at, bytes).into_iter().enumerate() {
                    for (at, bytes) in sectors {
                        Step::Write(name.clone(), at, bytes).apply(&group);
                    }
                    let what = format!("half {number} of the write of {} bytes to {name} at {at}", bytes.len());
                    seen.look(&group, &format!("seed {seed}, entry {entry}: {what}"));
                    std::fs::write(group.join(name), &before).unwrap();
                }
            }
            step.apply(&group);
            if !matches!(step, Step::Sync(_)) {
                seen.look(&group, &format!("seed {seed}, entry {entry}: {}", shown(&step)));
            }
        }
        if seen.wrong.len() > 40 {
            break;
        }
    }
    assert!(seen.wrong.is_empty(), "{} wrong of {}:\n{}", seen.wrong.len(), seen.states, seen.wrong.join("\n"));
    seen.states
}

/// What came of looking at every state.
struct Seen {
    states: u64,
    wrong: Vec<String>,
}

impl Seen {
    fn look(&mut self, group: &Path, what: &str) {
        self.states += 1;
        if let Some(why) = objections(group) {
            self.wrong.push(format!("{what}\n  {why}"));
        }
    }
}

fn shown(step: &Step) -> String {
    match step {
        Step::Write(name, at, bytes) => format!("after the write of {} bytes to {name} at {at}", bytes.len()),
        step => format!("after {step:?}"),
    }
}

/// Nodes of which one state or another was once called damaged.
const SEEDS: [u64; 2] = [3, 12];

/// The nodes of [`SEEDS`], or with `EKV_LIVE_SEEDS` those of all seeds up to that number.
#[test]
fn every_crash_leaves_something_that_starts() {
    let asked = std::env::var("EKV_LIVE_SEEDS").ok().map(|seeds| seeds.parse().unwrap());
    let seeds: Vec<u64> = asked.map_or_else(|| SEEDS.to_vec(), |seeds| (1..=seeds).collect());
    let states: u64 = seeds.iter().map(|seed| sweep(*seed, 90)).sum();
    assert!(states > 500 * seeds.len() as u64, "{states}");
    if asked.is_some() {
        eprintln!("{states} states of {} nodes", seeds.len());
    }
}
