//! The members that snapshots record.

use super::members::{conf_entries, describe, replay};
use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::formats::raftpb::ConfState;
use crate::readers::wal::EntryRange;
use crate::types::{LogIndex, SnapshotId, count_work};

/// Every snapshot names at least one voter.
#[derive(Debug)]
pub struct ConfigMissing;

impl Check for ConfigMissing {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        for file in evidence.snap_files() {
            let Ok(contents) = &file.content else { continue };
            let metadata = &contents.metadata;
            if metadata.index > LogIndex(0) && metadata.conf_state.voters.is_empty() {
                let message = format!(
                    "The snapshot at {} names no voter. A node that starts from it belongs to no group and can never elect a \
                     leader.",
                    metadata.index
                );
                let severity = if file.chosen { Severity::Error } else { Severity::Warning };
                let finding = Finding::new(&codes::SNAP_CONFIG_INDEX_INVALID, message).severity(severity);
                found.push(finding.at(evidence.path(&layout::in_snap(&file.name))));
            }
        }
        for seen in history.snapshots.iter().filter(|seen| seen.id.index > LogIndex(0)) {
            if seen.conf_state.is_none() {
                let message = format!("The log's record of the snapshot at {} does not tell the members.", seen.id.index);
                let finding = Finding::new(&codes::SNAP_CONFIG_INDEX_INVALID, message).severity(Severity::Info);
                found.push(super::at_segment(finding.offset(seen.place.offset), seen.place, evidence));
            }
        }
    }
}

/// The members in a snapshot are those of the one before, changed by the log in between.
#[derive(Debug, Default)]
pub struct ConfigStale {
    before: Option<(SnapshotId, ConfState)>,
    /// What lies at or below was compared, so that no entry is looked at twice.
    compared: LogIndex,
}

impl Check for ConfigStale {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Snapshot { snapshot, place } => {
                let Some(members) = &snapshot.conf_state else {
                    self.before = None;
                    return;
                };
                let here = snapshot.index <= history.commit;
                if let (true, Some((from, known))) = (here, &self.before)
                    && from.index < snapshot.index
                    && from.index >= self.compared
                    && let Some(ranges) = between(history, from.index, snapshot.index)
                {
                    self.compared = snapshot.index;
                    compare(*from, known, snapshot.id(), members, ranges, *place, evidence, found);
                }
                self.before = Some((snapshot.id(), members.clone()));
            }
            Event::Lost => *self = Self::default(),
            _ => {}
        }
    }
}

/// All entries above `from` up to `to`, if they are there and none of them is stale.
fn between(history: &History, from: LogIndex, to: LogIndex) -> Option<Vec<EntryRange>> {
    let first = from.next()?;
    let mut next = first;
    let mut ranges = Vec::new();
    let start = history.log.partition_point(|held| held.range.last < first);
    for held in history.log.get(start..).unwrap_or_default() {
        count_work(1);
        if held.stale || held.range.first > next {
            return None;
        }
        ranges.push(EntryRange { first: next, last: held.range.last.min(to), ..held.range });
        if held.range.last >= to {
            return Some(ranges);
        }
        next = held.range.last.next()?;
    }
    None
}

#[expect(clippy::too_many_arguments, reason = "two snapshots and where they stand")]
fn compare(
    from: SnapshotId,
    known: &ConfState,
    to: SnapshotId,
    members: &ConfState,
    ranges: Vec<EntryRange>,
    place: RecordPlace,
    evidence: &Evidence<'_>,
    found: &mut Found,
) {
    let changes = conf_entries(evidence, ranges);
    // What cannot be applied is another check's finding.
    let Ok(expected) = replay(known, &changes, evidence.engine) else { return };
    if expected.same_members(members) {
        return;
    }
    let message = format!(
        "The snapshot at {} does not have the members that the log says: the snapshot at {} and the {} membership changes since \
         then give others.",
        to.index,
        from.index,
        changes.len()
    );
    let finding = Finding::new(&codes::SNAP_CONFIG_STALE, message)
        .offset(place.offset)
        .expected(describe(&expected, evidence))
        .found(describe(members, evidence));
    found.push(super::at_segment(finding, place, evidence));
}
