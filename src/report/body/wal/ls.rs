//! `wal ls`: one row a segment.

use serde::Serialize;

use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count};

/// The segments of one or more logs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LsBody {
    /// In the order in which the server reads them.
    pub segments: Vec<SegmentRow>,
    /// Other names in the log directory.
    pub others: Vec<String>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SegmentRow {
    /// The file.
    pub path: String,
    /// Its sequence number.
    pub seq: u64,
    /// The index in its name, a hint.
    pub name_index: u64,
    /// Length of the file in bytes.
    pub size_bytes: u64,
    /// Good records.
    pub records: u64,
    /// Entry records, replaced ones included.
    pub entries: u64,
    /// Lowest index of an entry record.
    pub first_index: Option<u64>,
    /// Highest index of an entry record.
    pub last_index: Option<u64>,
    /// Lowest term of an entry record.
    pub first_term: Option<u64>,
    /// Highest term of an entry record.
    pub last_term: Option<u64>,
    /// Hard state records.
    pub hard_states: u64,
    /// Snapshot records.
    pub snapshots: u64,
    /// What ends it: zero, eof, torn or damaged.
    pub end: &'static str,
    /// Offset of the first byte that is not read.
    pub end_offset: u64,
}

impl SegmentRow {
    /// `<seq>-<index>` in hexadecimal without leading zeros; the whole name when it is not what the server writes.
    fn short_name(&self) -> Cell {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        if name == format!("{:016x}-{:016x}.wal", self.seq, self.name_index) {
            Cell::new(format!("{:x}-{:x}", self.seq, self.name_index))
        } else {
            Cell::toned(name, Tone::Caution)
        }
    }

    fn range(first: Option<u64>, last: Option<u64>) -> Cell {
        match (first, last) {
            (Some(first), Some(last)) if first == last => Cell::new(first),
            (Some(first), Some(last)) => Cell::new(format!("{first}-{last}")),
            _ => Cell::toned("-", Tone::Dim),
        }
    }

    pub(super) fn end_tone(end: &str) -> Tone {
        match end {
            "damaged" => Tone::Bad,
            "torn" => Tone::Caution,
            _ => Tone::Plain,
        }
    }
}

impl Body for LsBody {
    const NAME: &'static str = "wal-ls";
    const LINES: &'static [Lines] = &[Lines::of("segments", "segment"), Lines::of("others", "other")];

    fn headline(&self) -> String {
        let bytes = self.segments.iter().map(|segment| segment.size_bytes).sum();
        let entries: u64 = self.segments.iter().map(|segment| segment.entries).sum();
        format!("{}, {}, {}", Count::of(self.segments.len(), "segment"), ByteSize(bytes), Count(entries, "entry record"))
    }

    fn sections(&self) -> Vec<Section> {
        let row = |segment: &SegmentRow| {
            vec![
                segment.short_name(),
                Cell::new(ByteSize(segment.size_bytes)),
                Cell::new(segment.records),
                SegmentRow::range(segment.first_index, segment.last_index),
                SegmentRow::range(segment.first_term, segment.last_term),
                Cell::toned(format!("{} {:#x}", segment.end, segment.end_offset), SegmentRow::end_tone(segment.end)),
            ]
        };
        // One table a directory, so that the columns have room.
        let mut sections = Vec::new();
        let mut rest = self.segments.as_slice();
        while let Some(first) = rest.first() {
            let dir = dir_of(&first.path);
            let count = rest.iter().take_while(|segment| dir_of(&segment.path) == dir).count();
            let (these, after) = rest.split_at(count);
            let rows = these.iter().map(row).collect();
            sections.push(Section::table(dir, &["segment", ">size", ">records", ">indexes", ">terms", "end"], rows));
            rest = after;
        }
        if !self.others.is_empty() {
            sections.push(Section::facts("Other names", self.others.iter().map(|name| ("", Cell::new(name))).collect()));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut size = Metric::gauge("ekv_tool_wal_segment_bytes", "Length of a log segment.");
        for segment in &self.segments {
            size = size.sample(vec![(Label::Path, segment.path.clone())], segment.size_bytes as f64);
        }
        vec![size]
    }
}

fn dir_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}
