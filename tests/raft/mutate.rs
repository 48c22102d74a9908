//! One thing is changed in the files of a correct group, and exactly that is found: nothing else is said to be wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use ekv_tool::analysis::{Finding, Severity};

use super::disk::{Disk, Record, snap_name};
use super::model::{Change, Entry, HardState, Kind, Rng};
use super::node::{Node, Settings};
use super::sim::Group;
use super::{check_one, compare_all};
use crate::support::tree::copy_tree;

struct Story {
    root: tempfile::TempDir,
    group: Group,
    /// Index of the membership change.
    changed: u64,
}

/// Three members and a learner, two leaders, snapshots, and an entry on the last leader that is not committed.
fn story(seed: u64) -> Story {
    let root = tempfile::tempdir().unwrap();
    let settings = Settings { segment_size: 1 << 20, keep_segments: 5, tidy_first: false };
    let watch: super::disk::Watch = Rc::new(|_: &Disk| {});
    let mut group = Group::of(root.path(), Rng::new(seed), 3, settings, &watch);
    group.calm = true;
    let spread = |group: &mut Group, leader: usize| {
        for _ in 0..3 {
            (0..group.nodes.len()).for_each(|follower| group.replicate(leader, follower));
        }
    };
    group.campaign(1);
    spread(&mut group, 1);
    for _ in 0..2 + seed {
        group.propose(1);
    }
    spread(&mut group, 1);
    let conf = group.nodes[1].conf.clone();
    group.join(3, &conf);
    group.change(1, Change::AddLearner(3), seed % 2 == 1);
    let changed = group.nodes[1].last().0;
    spread(&mut group, 1);
    group.propose(1);
    spread(&mut group, 1);
    group.campaign(0);
    spread(&mut group, 0);
    group.propose(0);
    spread(&mut group, 0);
    group.nodes.iter_mut().for_each(|node| node.local_snapshot().unwrap());
    for _ in 0..3 {
        group.propose(0);
    }
    spread(&mut group, 0);
    // The commit reaches the disk with the next entries; those are not committed.
    group.propose(0);
    Story { root, group, changed }
}

impl Story {
    fn node(&mut self) -> &mut Node {
        &mut self.group.nodes[0]
    }

    fn records(&self, node: usize) -> Vec<Record> {
        self.group.nodes[node].disk.records.iter().map(|(_, record)| record.clone()).collect()
    }

    fn with(mut self, change: impl FnOnce(&mut Vec<Record>)) -> Self {
        let mut records = self.records(0);
        change(&mut records);
        self.node().disk.rewrite(&records);
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("n1").join(name)
    }

    fn newest(&self) -> (u64, u64) {
        let snap = self.group.nodes[0].snap.as_ref().unwrap();
        (snap.term, snap.index)
    }
}

/// Errors and warnings that follow from no other.
fn causes(findings: Vec<Finding>) -> Vec<(&'static str, Severity)> {
    let all = findings.into_iter().filter(|finding| finding.derived_from.is_none());
    all.map(|finding| (finding.code.code, finding.severity)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn state_of(records: &[Record]) -> HardState {
    let states = records.iter().rev().filter_map(|record| if let Record::State(state) = record { Some(*state) } else { None });
    states.into_iter().next().unwrap()
}

/// Position of the last record of an entry.
fn position(records: &[Record], index: u64) -> usize {
    records.iter().rposition(|record| matches!(record, Record::Entry(entry) if entry.index == index)).unwrap()
}

fn entry(records: &[Record], index: u64) -> Entry {
    match &records[position(records, index)] {
        Record::Entry(entry) => entry.clone(),
        _ => unreachable!("the position of an entry"),
    }
}

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

#[test]
fn a_changed_log_shows_exactly_the_change() {
    for seed in 0..4 {
        let told = |story: Story, code: &'static str| {
            assert_eq!(causes(check_one(&story.file(""))), [(code, ERROR)], "seed {seed}");
        };
        assert_eq!(causes(check_one(&story(seed).with(|_| {}).file(""))), [], "seed {seed}: nothing was changed");
        told(
            story(seed).with(|records| {
                let commit = state_of(records).commit;
                let at = position(records, commit - 1);
                records.remove(at);
            }),
            "log-gap",
        );
        told(
            story(seed).with(|records| {
                let old = state_of(records);
                let other = records.iter().find_map(|record| match record {
                    Record::Entry(entry) if entry.term == old.term => Some(entry.index),
                    _ => None,
                });
                let boundary = other.unwrap();
                let (before, after) = (position(records, boundary - 1), position(records, boundary));
                let (low, high) = (entry(records, boundary - 1), entry(records, boundary));
                records[before] = Record::Entry(Entry { term: high.term, ..low.clone() });
                records[after] = Record::Entry(Entry { term: low.term, ..high });
            }),
            "log-term-regress",
        );
        told(
            story(seed).with(|records| {
                let state = state_of(records);
                records.push(Record::State(HardState { commit: state.commit - 1, ..state }));
            }),
            "hardstate-regress",
        );
        told(
            story(seed).with(|records| {
                let state = state_of(records);
                records.push(Record::State(HardState { vote: state.vote ^ 1, ..state }));
            }),
            "vote-changed-in-term",
        );
        told(
            story(seed).with(|records| {
                let state = state_of(records);
                records.push(Record::State(HardState { commit: state.commit + 40, ..state }));
            }),
            "commit-out-of-range",
        );
        told(
            story(seed).with(|records| {
                let last = records.len() - 1;
                let Record::Entry(uncommitted) = records[last].clone() else { unreachable!("the story ends with an entry") };
                records.push(Record::Entry(Entry { kind: Kind::Data(999), ..uncommitted }));
            }),
            "log-illegal-rewrite",
        );
        told(
            story(seed).with(|records| {
                let commit = state_of(records).commit;
                let again = (commit..).map_while(|index| {
                    records
                        .iter()
                        .any(|record| matches!(record, Record::Entry(e) if e.index == index))
                        .then(|| entry(records, index))
                });
                let again: Vec<_> = again.collect();
                records.extend(again.into_iter().enumerate().map(|(number, entry)| {
                    Record::Entry(if number == 0 { Entry { kind: Kind::Data(998), ..entry } } else { entry })
                }));
            }),
            "log-overwrites-committed",
        );
        told(
            story(seed).with(|records| {
                let first = records.iter().find(|record| matches!(record, Record::Snapshot(..))).unwrap().clone();
                records.push(first);
            }),
            "snap-regress",
        );
    }
}

#[test]
fn changed_files_show_exactly_the_change() {
    for seed in 0..4 {
        let told = |story: Story, code: &'static str, severity: Severity| {
            assert_eq!(causes(check_one(&story.file(""))), [(code, severity)], "seed {seed}");
        };
        let one = story(seed);
        let payload = one.file(&format!("fsm-snap/{:016x}.fsm", one.newest().1));
        let bytes = fs::read(&payload).unwrap();
        fs::write(&payload, &bytes[..bytes.len() - 5]).unwrap();
        told(one, "snap-payload-short", ERROR);

        let one = story(seed);
        let (newest, older) = (one.newest().1, one.changed);
        let path = |index: u64| one.file(&format!("fsm-snap/{index:016x}.fsm"));
        let (a, b) = (fs::read(path(newest)).unwrap(), fs::read(path(older)).unwrap());
        fs::write(path(newest), b).unwrap();
        fs::write(path(older), a).unwrap();
        let found = causes(check_one(&one.file("")));
        assert!(found.contains(&("snap-payload-short", ERROR)), "seed {seed}: {found:?}");
        assert!(
            found.iter().all(|(code, _)| ["snap-payload-short", "fsm-ahead-of-index", "fsm-token-crc"].contains(code)),
            "{found:?}"
        );

        let mut one = story(seed);
        let conf = one.node().conf.after(Change::Remove(2));
        one.node().disk.write_peers(1, &conf).unwrap();
        told(one, "conf-peers-file-mismatch", ERROR);

        let mut one = story(seed);
        let last = one.node().last().0;
        one.node().disk.set_applied(Some(last + 5)).unwrap();
        told(one, "applied-beyond-log", WARNING);

        let one = story(seed);
        let (term, index) = one.newest();
        fs::remove_file(one.file("snap").join(snap_name(term, index))).unwrap();
        told(one, "snap-orphan", WARNING);

        let one = story(seed);
        let (term, index) = one.newest();
        let snap = one.file("snap");
        fs::rename(snap.join(snap_name(term, index)), snap.join(snap_name(term, index + 1))).unwrap();
        told(one, "snap-identity-mismatch", ERROR);

        // The snapshot at the change, in the file and in the log, with the members from before it.
        let mut one = story(seed);
        let changed = one.changed;
        let stale = one.node().conf.after(Change::Remove(3));
        let mut keys = one.node().disk.snaps.clone().into_iter();
        let (_, snap) = keys.find(|((_, index), _)| *index == changed).unwrap();
        let snap = super::disk::Snap { conf: stale.clone(), ..snap.unwrap() };
        one.node().disk.write_snap(&snap).unwrap();
        let one = one.with(|records| {
            for record in records.iter_mut() {
                if let Record::Snapshot(index, _, conf) = record
                    && *index == changed
                {
                    *conf = stale.clone();
                }
            }
        });
        told(one, "snap-config-stale", ERROR);
    }
}

#[test]
fn changed_nodes_show_in_the_comparison() {
    let dirs = |story: &Story| (1..=3).map(|n| story.root.path().join(format!("n{n}"))).collect::<Vec<_>>();
    for seed in 0..4 {
        let one = story(seed);
        assert_eq!(causes(compare_all(&dirs(&one))), [], "seed {seed}");

        let clone = one.root.path().join("copy");
        copy_tree(&one.file(""), &clone.join("n1"));
        let mut with_clone = dirs(&one);
        with_clone.push(clone.join("n1"));
        assert_eq!(causes(compare_all(&with_clone)), [("cross-duplicate-identity", ERROR)], "seed {seed}");

        let one = story(seed);
        let one = one.with(|records| {
            let commit = state_of(records).commit;
            let at = position(records, commit - 1);
            let changed = Entry { kind: Kind::Data(997), ..entry(records, commit - 1) };
            records[at] = Record::Entry(changed);
        });
        assert_eq!(causes(compare_all(&dirs(&one))), [("cross-committed-divergence", ERROR)], "seed {seed}");
    }
}
