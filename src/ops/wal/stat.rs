//! `wal stat`

use std::path::PathBuf;

use crate::analysis::server::HardStateView;
use crate::analysis::server::log::EffectiveLog;
use crate::error::Result;
use crate::formats::kv::EntryClass;
use crate::formats::raftpb::{ConfState, HardState};
use crate::io::Progress;
use crate::report::Report;
use crate::report::body::wal::{End, Gap, LogStat, SnapshotView, StatBody, TermRange};
use crate::types::{NodeId, ServerVersion};

use super::{ReadLog, join, read_all};

/// Classes that are always shown, with 0 when there are none.
const ALWAYS_SHOWN: [EntryClass; 6] =
    [EntryClass::Data, EntryClass::Lease, EntryClass::Noop, EntryClass::Batch, EntryClass::ConfChange, EntryClass::Encryption];

/// The figures of the logs at `paths`.
pub fn stat(paths: &[PathBuf], threads: usize, progress: &dyn Progress) -> Result<Report<StatBody>> {
    let mut logs = read_all(paths, threads, progress)?;
    let stats = logs.iter().map(log_stat).collect();
    let (findings, coverage) = join(&mut logs);
    Ok(Report::new(StatBody::new(stats), findings, coverage))
}

fn log_stat(read: &ReadLog) -> LogStat {
    let log = EffectiveLog::of(&read.scan, ServerVersion::NEWEST);
    let commit = log.hard_state.unwrap_or_default().commit;
    let end = read.scan.segments.get(log.end.segment);
    let snapshot = |record: &crate::analysis::server::log::SnapshotRecord| {
        let ids = |of: fn(&ConfState) -> &Vec<NodeId>| {
            record.conf_state.as_ref().map(|state| of(state).iter().map(|id| id.0).collect())
        };
        SnapshotView {
            index: record.id.index.0,
            term: record.id.term.0,
            valid: record.id.index <= commit,
            voters: ids(|state| &state.voters),
            learners: ids(|state| &state.learners),
        }
    };
    LogStat {
        path: read.prefix.clone(),
        segments: read.scan.segments.len() as u64,
        size_bytes: read.scan.total_bytes(),
        records: log.records,
        first_index: log.first_index().map(|index| index.0),
        last_index: log.last_index().map(|index| index.0),
        entries: log.entries.count(),
        replaced_entries: log.replaced,
        terms: terms(&log),
        gaps: log.gaps.iter().map(|(after, before)| Gap { after: after.0, before: before.0 }).collect(),
        hard_state: log.hard_state.map(hard_state),
        snapshots: log.snapshots.iter().map(snapshot).collect(),
        classes: EntryClass::ALL
            .into_iter()
            .map(|class| (class, log.classes.get(class)))
            .filter(|(class, count)| *count > 0 || ALWAYS_SHOWN.contains(class))
            .map(|(class, count)| (class.name(), count))
            .collect(),
        logical_end: End {
            segment: end.map(|segment| format!("wal/{}", segment.file.file_name)).unwrap_or_default(),
            offset: log.end.offset,
            kind: log.end.kind,
        },
    }
}

const fn hard_state(state: HardState) -> HardStateView {
    HardStateView { term: state.term.0, vote: state.vote.0, commit: state.commit.0 }
}

/// Neighbouring ranges of one term taken together.
fn terms(log: &EffectiveLog) -> Vec<TermRange> {
    let mut terms: Vec<TermRange> = Vec::new();
    for range in log.entries.ranges() {
        match terms.last_mut() {
            Some(last) if last.term == range.term.0 => last.last_index = range.last.0,
            _ => terms.push(TermRange { term: range.term.0, first_index: range.first.0, last_index: range.last.0 }),
        }
    }
    terms
}
