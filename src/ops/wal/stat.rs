//! `wal stat`

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::analysis::etcd::operations;
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::server::HardStateView;
use crate::analysis::server::log::EffectiveLog;
use crate::error::Result;
use crate::formats::envelope::Envelope;
use crate::formats::etcd::Metadata;
use crate::formats::kv::{EntryClass, Payload, classify_above, classify_payload};
use crate::formats::layout;
use crate::formats::raftpb::{ConfState, HardState};
use crate::readers::keys::Opener;
use crate::readers::source::Run;
use crate::readers::wal::{EntryRanges, WalScan};
use crate::report::Report;
use crate::report::body::wal::{End, EtcdLog, Gap, LogStat, SegmentRange, SnapshotView, StatBody, TermRange};
use crate::types::{EtcdId, NodeId, ServerVersion};

use super::{ReadLog, join, read_all, segment_path};

/// Classes that are always shown, with 0 when there are none.
const ALWAYS_SHOWN: [EntryClass; 6] =
    [EntryClass::Data, EntryClass::Lease, EntryClass::Noop, EntryClass::Batch, EntryClass::ConfChange, EntryClass::Encryption];

/// The same of a log of etcd.
const ALWAYS_SHOWN_OF_ETCD: [EntryClass; 3] = [EntryClass::EtcdRequest, EntryClass::Noop, EntryClass::ConfChange];

/// The figures of the logs at `paths`.
///
/// With an opener, sealed entries count as what they hold.
pub fn stat(paths: &[PathBuf], opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<StatBody>> {
    let mut logs = read_all(paths, run)?;
    let mut closed = Closed::default();
    let stats = logs.iter().map(|log| log_stat(log, opener, &mut closed)).collect();
    let (mut findings, mut coverage) = join(&mut logs);
    findings.extend(closed.finish("the log", &mut coverage));
    Ok(Report::new(StatBody::new(stats), findings, coverage))
}

fn log_stat(read: &ReadLog, opener: Option<&Opener>, closed: &mut Closed) -> LogStat {
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
    let inside = opener
        .filter(|_| !read.scan.owner.is_etcd())
        .map(|opener| opened_classes(read, &log, opener, closed))
        .unwrap_or_default();
    let count = |class: EntryClass| {
        let opened = if class == EntryClass::Sealed { inside.values().sum() } else { 0 };
        log.classes.get(class) - opened + inside.get(class.name()).copied().unwrap_or(0)
    };
    let always: &[EntryClass] = if read.scan.owner.is_etcd() { &ALWAYS_SHOWN_OF_ETCD } else { &ALWAYS_SHOWN };
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
        segment_ranges: segment_ranges(&log, &read.scan),
        hard_state: log.hard_state.map(hard_state),
        snapshots: log.snapshots.iter().map(snapshot).collect(),
        classes: EntryClass::ALL
            .into_iter()
            .map(|class| (class, count(class)))
            .filter(|(class, count)| *count > 0 || always.contains(class))
            .map(|(class, count)| (class.name(), count))
            .collect(),
        logical_end: End {
            segment: end.map(|segment| layout::in_wal(&segment.file.file_name)).unwrap_or_default(),
            offset: log.end.offset,
            kind: log.end.kind,
        },
        etcd: read.scan.owner.etcd().map(|owner| etcd_log(read, &log, owner)),
    }
}

/// Whose log it is, and how many entries that stand ask for what.
fn etcd_log(read: &ReadLog, log: &EffectiveLog, owner: Metadata) -> EtcdLog {
    let operations = operations(&read.scan, &log.entries, ServerVersion::NEWEST);
    EtcdLog { member_id: EtcdId(owner.node_id), cluster_id: EtcdId(owner.cluster_id), operations }
}

/// How many sealed entries hold what, by the name of the class.
fn opened_classes(read: &ReadLog, log: &EffectiveLog, opener: &Opener, closed: &mut Closed) -> BTreeMap<&'static str, u64> {
    let mut classes = BTreeMap::new();
    for range in log.entries.ranges() {
        let segment = read.scan.segments.get(range.segment).map(|segment| segment.file.file_name.as_str()).unwrap_or_default();
        for at in EntryRanges::of(*range).iter(&read.scan, ServerVersion::NEWEST) {
            let view = classify_above(opener.cutover(), at.index, at.kind, at.data);
            let Payload::Sealed(payload) = view.payload else { continue };
            match (opener.entry(payload), Envelope::decode(payload)) {
                (Ok(opened), _) => *classes.entry(classify_payload(opened.bytes()).class.name()).or_default() += 1,
                (Err(error), envelope) => {
                    let path = segment_path(&read.prefix, segment);
                    let envelope = envelope.ok();
                    closed.add(&format!("Entry {}", at.index), path, Some(at.offset), envelope.as_ref(), &error);
                }
            }
        }
    }
    classes
}

const fn hard_state(state: HardState) -> HardStateView {
    HardStateView { term: state.term.0, vote: state.vote.0, commit: state.commit.0 }
}

/// Neighbouring ranges of one segment taken together.
fn segment_ranges(log: &EffectiveLog, scan: &WalScan) -> Vec<SegmentRange> {
    let mut ranges: Vec<SegmentRange> = Vec::new();
    let mut before = None;
    for range in log.entries.ranges() {
        match ranges.last_mut() {
            Some(last) if before == Some(range.segment) => last.last_index = range.last.0,
            _ => {
                let segment = scan.segments.get(range.segment).map(|segment| layout::in_wal(&segment.file.file_name));
                let (first_index, last_index) = (range.first.0, range.last.0);
                ranges.push(SegmentRange { segment: segment.unwrap_or_default(), first_index, last_index });
            }
        }
        before = Some(range.segment);
    }
    ranges
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
