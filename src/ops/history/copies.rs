//! The copies of a group: where they are, and whether they belong together.

use std::collections::{BTreeSet, HashSet};

use super::NamedDir;
use crate::analysis::Finding;
use crate::analysis::history::NodeState;
use crate::analysis::judge::nodes::{HeldLog, Identity, duplicates, strangers};
use crate::error::{Error, Result};
use crate::ops::compare::by_group;
use crate::readers::source::Run;
use crate::readers::wal::WalScan;
use crate::readers::{GroupDir, Unplaced, discover_all};
use crate::types::{Escaped, NodeId, ServerVersion};

/// Where a group's copy is, and what its node is called.
pub(super) struct GroupCopy {
    pub dir: GroupDir,
    pub name: String,
    pub group: usize,
}

/// What was found at or below the directories.
pub(super) struct Located {
    pub copies: Vec<GroupCopy>,
    /// Numbers of the groups.
    pub groups: Vec<Option<u64>>,
    pub unplaced: Vec<Unplaced>,
}

/// A copy of a group whose log is kept until the copies were held against each other.
pub(super) struct Kept {
    /// Position of the copy.
    pub copy: usize,
    pub log: Option<(String, WalScan)>,
    /// The members that its files name.
    pub members: BTreeSet<NodeId>,
}

impl Kept {
    pub fn memory(&self) -> u64 {
        self.log.as_ref().map_or(0, |(_, scan)| scan.memory())
    }
}

/// Whether the copies of one group are that, and of different members: the findings, and true when nothing of them belongs together.
pub(super) fn judge_copies(kept: &[Kept], copies: &[GroupCopy], states: &[NodeState]) -> (Vec<Finding>, bool) {
    let logs: Vec<_> = kept.iter().map(|kept| held_log(kept, states)).collect();
    let identities = kept.iter().zip(&logs).filter_map(|(kept, log)| {
        let dir = &copies.get(kept.copy)?.dir;
        Some(Identity {
            dir: dir.display(),
            name: &dir.raft_id,
            node_id: NodeId::of_raft_id(&dir.raft_id),
            everyone: kept.members.clone(),
            log: log.as_ref(),
        })
    });
    let identities: Vec<Identity<'_>> = identities.collect();
    match strangers(&identities) {
        Some(finding) => (vec![finding], true),
        None => (duplicates(&identities), false),
    }
}

/// The log of a copy, with the entries of it that count.
fn held_log<'k>(kept: &'k Kept, states: &[NodeState]) -> Option<HeldLog<'k>> {
    let entries = &states.get(kept.copy)?.log.as_ref()?.entries;
    let (_, scan) = kept.log.as_ref()?;
    Some(HeldLog::of(scan, entries.clone(), ServerVersion::NEWEST))
}

/// The copies at or below the directories, the numbers of their groups, and what lies beside them.
pub(super) fn locate(dirs: &[NamedDir], run: &Run<'_>) -> Result<Located> {
    let (mut found, mut unplaced, mut known, mut failure) = (Vec::new(), Vec::new(), HashSet::new(), None);
    let mut one_each = true;
    for NamedDir { name, path } in dirs {
        match discover_all(path, &*run.source) {
            Ok(all) => {
                one_each &= all.groups.len() == 1;
                for mut dir in all.groups {
                    if let Some(name) = name {
                        dir.raft_id.clone_from(name);
                    }
                    // One directory has many names.
                    if run.source.directory_id(&dir.path).is_none_or(|id| known.insert(id)) {
                        found.push(dir);
                    }
                }
                unplaced.extend(all.unplaced);
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                unplaced.push(Unplaced { path: path.clone(), why: error.reason(), needed: true });
                failure = failure.or(Some(error));
            }
        }
    }
    if let (true, Some(error)) = (found.is_empty(), failure) {
        return Err(error);
    }
    let mut numbers: Vec<_> = found.iter().filter_map(|dir| dir.group_id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut grouped: Vec<(Option<u64>, Vec<GroupDir>)> = if one_each && numbers.len() <= 1 {
        // Whoever names single groups means copies of one, whatever the layout of each node.
        vec![(numbers.first().copied(), found)]
    } else {
        by_group(found).into_iter().collect()
    };
    let groups: Vec<_> = grouped.iter().map(|(number, _)| *number).collect();
    let mut copies = Vec::new();
    for (group, (_, dirs)) in grouped.iter_mut().enumerate() {
        let names: Vec<_> = dirs.iter().map(|dir| dir.raft_id.clone()).collect();
        for dir in dirs.drain(..) {
            let alone = !dir.raft_id.is_empty() && names.iter().filter(|name| **name == dir.raft_id).count() == 1;
            let name = if alone { Escaped(dir.raft_id.as_bytes()).to_string() } else { dir.display() };
            copies.push(GroupCopy { dir, name, group });
        }
    }
    Ok(Located { copies, groups, unplaced })
}
