//! `wal stat`: what the records of a log amount to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::server::HardStateView;
use crate::analysis::server::log::EndKind;
use crate::report::picture::{LogPicture, Mark, Picture, Points, Span, Track, TrackKind};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count, EtcdId, NodeId};

use super::ls::SegmentRow;

/// The figures of one or more logs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StatBody {
    /// The log, when there is exactly one.
    pub log: Option<LogStat>,
    /// All of them, when there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogStat>,
}

/// The figures of one log. Entries are those that stand after later ones have replaced earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogStat {
    /// The log directory.
    pub path: String,
    /// Number of segments.
    pub segments: u64,
    /// Bytes of all segments, zeros at the end included.
    pub size_bytes: u64,
    /// Good records.
    pub records: u64,
    /// First entry.
    pub first_index: Option<u64>,
    /// Last entry, or a later committed snapshot.
    pub last_index: Option<u64>,
    /// Number of entries.
    pub entries: u64,
    /// Entry records that were replaced or left behind by a received snapshot.
    pub replaced_entries: u64,
    /// Ranges of entries by term, in order.
    pub terms: Vec<TermRange>,
    /// Jumps in the indexes that no snapshot explains.
    pub gaps: Vec<Gap>,
    /// Ranges of entries by segment, in order; segments without an entry that stands are left out.
    pub segment_ranges: Vec<SegmentRange>,
    /// The last hard state.
    pub hard_state: Option<HardStateView>,
    /// Snapshot records.
    pub snapshots: Vec<SnapshotView>,
    /// Number of entries of each class. Requests are not parsed for it: a deletion by prefix counts as data or batch.
    pub classes: BTreeMap<&'static str, u64>,
    /// Where the log ends.
    pub logical_end: End,
    /// Whose log it is and what it asks for, for a log of etcd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd: Option<EtcdLog>,
}

/// A log of a member of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EtcdLog {
    /// The member's id.
    pub member_id: EtcdId,
    /// The cluster's id.
    pub cluster_id: EtcdId,
    /// Number of requests by operation: `put`, `delete-range`, `txn` and so on.
    pub operations: BTreeMap<&'static str, u64>,
}

/// Entries of one term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TermRange {
    /// The term.
    pub term: u64,
    /// First entry.
    pub first_index: u64,
    /// Last entry.
    pub last_index: u64,
}

/// Entries of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SegmentRange {
    /// The segment, as in `logical_end`.
    pub segment: String,
    /// First entry of it that stands.
    pub first_index: u64,
    /// Last entry of it that stands.
    pub last_index: u64,
}

/// A jump in the indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Gap {
    /// Last index before.
    pub after: u64,
    /// First index behind.
    pub before: u64,
}

/// A snapshot record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SnapshotView {
    /// Index.
    pub index: u64,
    /// Term.
    pub term: u64,
    /// Whether the commit covers it, so that a start may use it.
    pub valid: bool,
    /// Voters that the record names; `null` when it does not say.
    pub voters: Option<Vec<u64>>,
    /// Learners that the record names.
    pub learners: Option<Vec<u64>>,
}

/// Where a log ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct End {
    /// The segment.
    pub segment: String,
    /// Offset of the first byte that is not read.
    pub offset: u64,
    /// What is there.
    pub kind: EndKind,
}

impl StatBody {
    /// One log or several.
    pub fn new(mut logs: Vec<LogStat>) -> Self {
        match logs.pop() {
            Some(only) if logs.is_empty() => Self { log: Some(only), logs },
            Some(last) => {
                logs.push(last);
                Self { log: None, logs }
            }
            None => Self { log: None, logs },
        }
    }

    fn all(&self) -> impl Iterator<Item = &LogStat> {
        self.log.iter().chain(&self.logs)
    }
}

impl Body for StatBody {
    const NAME: &'static str = "wal-stat";
    const LINES: &'static [Lines] = &[Lines::of("log", "log"), Lines::of("logs", "log")];

    fn headline(&self) -> String {
        match &self.log {
            Some(log) => match (log.first_index, log.last_index) {
                (Some(first), Some(last)) => {
                    format!("{}, index {first} to {last}, commit {}", Count(log.entries, "entry"), log.commit())
                }
                (None, Some(last)) => format!("no entries behind the snapshot at {last}"),
                _ => "no entries".to_owned(),
            },
            None => Count::of(self.logs.len(), "log").to_string(),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let titled = self.log.is_none();
        self.all().flat_map(|log| log.sections(titled)).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut last = Metric::gauge("ekv_tool_wal_last_index", "Index of the last entry.");
        let mut commit = Metric::gauge("ekv_tool_wal_commit_index", "Commit of the last hard state.");
        let mut term = Metric::gauge("ekv_tool_wal_term", "Term of the last hard state.");
        let mut entries = Metric::gauge("ekv_tool_wal_entries", "Entries by class.");
        for log in self.all() {
            let labels = || vec![(Label::Path, log.path.clone())];
            if let Some(index) = log.last_index {
                last = last.sample(labels(), index as f64);
            }
            if let Some(state) = log.hard_state {
                commit = commit.sample(labels(), state.commit as f64);
                term = term.sample(labels(), state.term as f64);
            }
            for (class, count) in &log.classes {
                let mut labels = labels();
                labels.push((Label::Class, (*class).to_owned()));
                entries = entries.sample(labels, *count as f64);
            }
        }
        vec![last, commit, term, entries]
    }
}

/// Terms and snapshots shown before the middle is folded.
const ROWS_SHOWN: usize = 12;

impl LogStat {
    fn commit(&self) -> u64 {
        self.hard_state.map_or(0, |state| state.commit)
    }

    /// The log as a line.
    fn picture(&self, titled: bool) -> LogPicture {
        let segment =
            |range: &SegmentRange| Span { label: short_name(&range.segment), first: range.first_index, last: range.last_index };
        let term = |range: &TermRange| Span { label: range.term.to_string(), first: range.first_index, last: range.last_index };
        let hole = |gap: &Gap| Span {
            label: String::new(),
            first: gap.after.saturating_add(1),
            last: gap.before.saturating_sub(1).max(gap.after.saturating_add(1)),
        };
        let mut snapshots: Vec<_> = self.snapshots.iter().map(|snapshot| snapshot.index).collect();
        snapshots.sort_unstable();
        let points = |mark, at: Option<u64>| Points { mark, at: at.into_iter().collect() };
        LogPicture {
            of: if titled { self.path.clone() } else { String::new() },
            tracks: vec![
                Track { kind: TrackKind::Segments, spans: self.segment_ranges.iter().map(segment).collect() },
                Track { kind: TrackKind::Terms, spans: self.terms.iter().map(term).collect() },
                Track { kind: TrackKind::Holes, spans: self.gaps.iter().map(hole).collect() },
            ],
            points: vec![
                Points { mark: Mark::Snapshot, at: snapshots },
                points(Mark::Commit, self.hard_state.map(|state| state.commit)),
                points(Mark::Last, self.last_index),
            ],
        }
    }

    fn sections(&self, titled: bool) -> Vec<Section> {
        let mut rows = vec![
            ("segments", Cell::new(format!("{} ({})", self.segments, ByteSize(self.size_bytes)))),
            ("records", Cell::new(self.records)),
            ("entries", Cell::new(self.entries)),
            ("first index", Cell::option(self.first_index)),
            ("last index", Cell::option(self.last_index)),
        ];
        if self.replaced_entries > 0 {
            rows.push(("replaced", Cell::new(Count(self.replaced_entries, "entry record"))));
        }
        match &self.hard_state {
            Some(state) => {
                let text =
                    format!("term {} vote {} commit {}", state.term, NodeId(state.vote).named_by(&self.path), state.commit);
                rows.push(("hard state", Cell::new(text)));
            }
            None => rows.push(("hard state", Cell::toned("-", Tone::Dim))),
        }
        for gap in &self.gaps {
            rows.push(("gap", Cell::toned(format!("{} is followed by {}", gap.after, gap.before), Tone::Bad)));
        }
        let end = &self.logical_end;
        let text = format!("{} at {} of {}", end.kind.name(), end.offset, end.segment);
        rows.push(("ends", Cell::toned(text, SegmentRow::end_tone(end.kind.name()))));
        if let Some(etcd) = &self.etcd {
            let text = format!("etcd: member {} of cluster {}", etcd.member_id, etcd.cluster_id);
            rows.insert(0, ("log of", Cell::new(text)));
        }
        let mut sections = vec![Section::facts(if titled { self.path.clone() } else { String::new() }, rows)];
        sections.push(Section::Picture(Picture::Log(self.picture(titled))));
        let classes: Vec<_> = self.classes.iter().filter(|(_, count)| **count > 0).collect();
        if !classes.is_empty() {
            let rows = classes.iter().map(|(class, count)| vec![Cell::new(class), Cell::new(count)]).collect();
            sections.push(Section::table("Entries by class", &["class", ">entries"], rows));
        }
        if let Some(etcd) = &self.etcd {
            let rows = etcd.operations.iter().map(|(operation, count)| vec![Cell::new(operation), Cell::new(count)]).collect();
            sections.push(Section::table("Requests of etcd by operation", &["operation", ">entries"], rows));
        }
        if self.terms.len() > 1 {
            let row = |range: &TermRange| vec![Cell::new(range.term), Cell::new(range.first_index), Cell::new(range.last_index)];
            sections.push(Section::table("Terms", &[">term", ">first", ">last"], folded(&self.terms, row)));
        }
        if !self.snapshots.is_empty() {
            let row = |snapshot: &SnapshotView| {
                let valid = if snapshot.valid { Cell::new("committed") } else { Cell::toned("above the commit", Tone::Caution) };
                let ids = |ids: &[u64]| ids.iter().map(|&id| NodeId(id).named_by(&self.path)).collect::<Vec<_>>().join(" ");
                let members = match (&snapshot.voters, &snapshot.learners) {
                    (Some(voters), Some(learners)) if !learners.is_empty() => {
                        Cell::new(format!("{} learners {}", ids(voters), ids(learners)))
                    }
                    (Some(voters), _) => Cell::new(ids(voters)),
                    (None, _) => Cell::toned("not recorded", Tone::Dim),
                };
                vec![Cell::new(snapshot.index), Cell::new(snapshot.term), valid, members]
            };
            let rows = folded(&self.snapshots, row);
            sections.push(Section::table("Snapshot records", &[">index", ">term", "state", "voters"], rows));
        }
        sections
    }
}

/// `<seq>-<index>` of a segment without leading zeros; another name as it is.
fn short_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let short = |digits: &str| match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        short => short.to_owned(),
    };
    match name.strip_suffix(".wal").and_then(|stem| stem.split_once('-')) {
        Some((seq, index)) if seq.len() == 16 && index.len() == 16 => format!("{}-{}", short(seq), short(index)),
        _ => name.to_owned(),
    }
}

/// All rows, or the last ones under a row that says how many are left out.
fn folded<T>(items: &[T], row: impl Fn(&T) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    let hidden = items.len().saturating_sub(ROWS_SHOWN);
    let mut rows = Vec::new();
    if hidden > 0 {
        rows.push(vec![Cell::toned(format!("{hidden} more"), Tone::Dim)]);
    }
    rows.extend(items.iter().skip(hidden).map(row));
    let width = rows.last().map_or(0, Vec::len);
    for row in &mut rows {
        row.resize(width, Cell::new(""));
    }
    rows
}
