//! Snapshots of one index on several nodes.

use std::collections::BTreeMap;

use super::facts::SnapshotFacts;
use super::{Group, Replica};
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::types::SnapshotId;

/// One node's file of a snapshot.
struct Copy<'r> {
    replica: &'r Replica<'r>,
    file: &'r SnapshotFacts,
}

impl Copy<'_> {
    fn finding(&self, message: String) -> Finding {
        let path = self.replica.facts.path(&layout::in_snap(&self.file.file));
        Finding::new(&codes::CROSS_SNAPSHOT_DIVERGENCE, message).at(path)
    }
}

/// Holds the snapshots of equal index and term against each other. One finding names all nodes that differ from the most.
pub(super) fn compare(group: &Group<'_, '_>, findings: &mut Vec<Finding>) {
    let mut copies: BTreeMap<SnapshotId, Vec<Copy<'_>>> = BTreeMap::new();
    for replica in group.replicas {
        for file in &replica.facts.snapshots {
            copies.entry(file.id).or_default().push(Copy { replica, file });
        }
    }
    for (id, copies) in copies {
        let members = |copy: &Copy<'_>| group.names.describe(&copy.file.members);
        if let Some((with, others)) = odd_ones(&copies, |copy| Some(members(copy))) {
            for other in others {
                let message = format!(
                    "The snapshots of {} and {} at {} name different members.",
                    names(&with),
                    other.replica.name(),
                    id.index
                );
                findings.push(
                    other
                        .finding(message)
                        .expected(with.first().map(|copy| members(copy)).unwrap_or_default())
                        .found(members(other)),
                );
            }
            continue;
        }
        if let Some((with, others)) = odd_ones(&copies, |copy| copy.file.payload_crc32c.clone()) {
            let message = format!(
                "The payloads of {} at {} differ from those of {} in their bytes. Garbage collection and clock values are local, \
                 so that alone is no sign of different contents.",
                names(&others),
                id.index,
                names(&with)
            );
            findings.extend(others.first().map(|other| other.finding(message).severity(Severity::Info)));
        }
    }
}

fn names(copies: &[&Copy<'_>]) -> String {
    let names: Vec<_> = copies.iter().map(|copy| copy.replica.name()).collect();
    names.join(", ")
}

type Parts<'c, 'r> = (Vec<&'c Copy<'r>>, Vec<&'c Copy<'r>>);

/// The copies with the most common value, and the others. `None`: all that have a value agree.
fn odd_ones<'c, 'r, V: Ord>(copies: &'c [Copy<'r>], value: impl Fn(&Copy<'r>) -> Option<V>) -> Option<Parts<'c, 'r>> {
    let mut by_value: BTreeMap<V, Vec<usize>> = BTreeMap::new();
    for (position, copy) in copies.iter().enumerate() {
        if let Some(value) = value(copy) {
            by_value.entry(value).or_default().push(position);
        }
    }
    if by_value.len() < 2 {
        return None;
    }
    let most =
        by_value.values().max_by_key(|positions| (positions.len(), std::cmp::Reverse(positions.first().copied())))?.clone();
    let mut others: Vec<usize> = by_value.into_values().filter(|positions| *positions != most).flatten().collect();
    others.sort_unstable();
    let of = |positions: Vec<usize>| positions.into_iter().filter_map(|position| copies.get(position)).collect::<Vec<_>>();
    Some((of(most), of(others)))
}
