//! `snapshot diff`: which rows two snapshots do not share.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::analysis::judge::snapshot::VerifiedPayload;
use crate::formats::fsm::FsmHeader;
use crate::formats::fsm::body::BodyFormat;
use crate::formats::kv::KeyName;
use crate::formats::mvcc::StoreKey;
use crate::readers::fsm_diff::FsmDiff;
use crate::readers::row_diff::{ComparedRow, RowDifference};
use crate::report::{Body, Cell, Cells, Column, Lines, Row, Section};
use crate::types::{ByteSize, Count, Crc32c, Escaped, HlcTimestamp, LogIndex};

/// Two payloads beside each other.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct SnapshotDiffBody {
    /// The first payload, then the second.
    pub sides: Vec<Side>,
    /// True when every row is known to be the same on both sides; headers are not rows.
    pub identical_rows: bool,
    /// Rows that both have alike.
    pub same: u64,
    /// How many of these only one of both seals.
    pub sealed_once: u64,
    /// Rows that differ, by what they belong to.
    pub spaces: BTreeMap<&'static str, DifferenceCounts>,
    /// The first rows that differ, in the order of their keys.
    pub differences: Vec<Difference>,
    /// Rows that differ and are not listed.
    pub not_listed: u64,
    #[serde(skip)]
    shown: usize,
}

/// One of the two payloads.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Side {
    /// The file.
    pub path: String,
    /// The index it stands for.
    pub index: Option<LogIndex>,
    /// Length of the file in bytes.
    pub size_bytes: Option<u64>,
    /// Its clock header.
    pub header: Option<FsmHeader>,
    /// Format of the store payload.
    pub body_format: Option<BodyFormat>,
    /// The checksum it has.
    pub computed_crc32c: Option<Crc32c>,
    /// The applied index that it carries among its rows.
    pub applied_index: Option<LogIndex>,
    /// Its rows; `null` when they could not be read to the end.
    pub rows: Option<u64>,
}

/// Rows that differ.
#[derive(Debug, Clone, Copy, Default, Serialize, schemars::JsonSchema)]
pub struct DifferenceCounts {
    /// Rows that only the first payload has.
    pub only_first: u64,
    /// Rows that only the second payload has.
    pub only_second: u64,
    /// Rows of the same key and version with different values.
    pub other_value: u64,
    /// Rows of the same key and version whose envelopes differ and were not opened: whether the values differ is not known.
    pub sealed: u64,
}

/// One row that differs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Difference {
    /// `only-first`, `only-second`, `other-value` or `sealed`.
    pub kind: &'static str,
    /// What the row belongs to.
    pub space: &'static str,
    /// The user key, or the store's own key, escaped.
    pub key: String,
    /// The name that the key belongs to; `null` when there is none.
    pub logical: Option<String>,
    /// What of that name the row holds; `null` when it is all of it, or there is no name.
    pub part: Option<String>,
    /// When the version was committed; `null` for keys without versions.
    pub commit_ts: Option<u64>,
    /// The same as a time.
    pub commit_time: Option<String>,
    /// Bytes of the value in the first payload.
    pub first_len: Option<u64>,
    /// Bytes of the value in the second payload.
    pub second_len: Option<u64>,
}

impl Side {
    /// From what was read of a payload.
    pub fn new(view: &VerifiedPayload) -> Self {
        Self {
            path: view.path.clone(),
            index: view.index,
            size_bytes: view.size_bytes,
            header: view.header,
            body_format: view.body_format,
            computed_crc32c: view.computed_crc32c,
            applied_index: view.applied_index,
            rows: view.rows.map(|counts| counts.rows),
        }
    }
}

impl SnapshotDiffBody {
    /// Nothing compared yet; at most `shown` rows that differ will be listed.
    pub fn new(shown: usize) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Takes note of a row that differs.
    pub fn add(&mut self, difference: RowDifference<'_>) {
        let (kind, row, first_len, second_len) = match difference {
            RowDifference::OnlyFirst(row) => ("only-first", row, Some(row.value_len), None),
            RowDifference::OnlySecond(row) => ("only-second", row, None, Some(row.value_len)),
            RowDifference::Value(one, other) => ("other-value", one, Some(one.value_len), Some(other.value_len)),
            RowDifference::Sealed(one, other) => ("sealed", one, Some(one.value_len), Some(other.value_len)),
        };
        let space = row.space().label();
        let counts = self.spaces.entry(space).or_default();
        match difference {
            RowDifference::OnlyFirst(_) => counts.only_first += 1,
            RowDifference::OnlySecond(_) => counts.only_second += 1,
            RowDifference::Value(..) => counts.other_value += 1,
            RowDifference::Sealed(..) => counts.sealed += 1,
        }
        if self.differences.len() >= self.shown {
            self.not_listed += 1;
            return;
        }
        let (key, name, commit_ts) = key_of(row);
        let (logical, part) = (name.text(), name.part().text());
        let (commit_ts, commit_time) = (commit_ts.map(|ts| ts.0), commit_ts.and_then(|ts| ts.millis().to_rfc3339()));
        self.differences.push(Difference { kind, space, key, logical, part, commit_ts, commit_time, first_len, second_len });
    }

    /// Both payloads have been read. Returns how many rows may or may not differ.
    pub fn finish(&mut self, sides: Vec<Side>, diff: &FsmDiff) -> u64 {
        self.sides = sides;
        (self.same, self.sealed_once) = (diff.same, diff.sealed_once);
        self.identical_rows = self.spaces.is_empty() && self.sides.iter().all(|side| side.rows == Some(diff.same));
        self.total().sealed
    }

    fn total(&self) -> DifferenceCounts {
        self.spaces.values().fold(DifferenceCounts::default(), |sum, counts| DifferenceCounts {
            only_first: sum.only_first + counts.only_first,
            only_second: sum.only_second + counts.only_second,
            other_value: sum.other_value + counts.other_value,
            sealed: sum.sealed + counts.sealed,
        })
    }
}

/// The key as requests name it, the name that it belongs to, and its version.
fn key_of(row: &ComparedRow) -> (String, KeyName<'_>, Option<HlcTimestamp>) {
    match (row.commit_ts, StoreKey::of(&row.key)) {
        (Some(ts), _) => (Escaped(&row.key).to_string(), KeyName::of_user_key(&row.key), Some(ts)),
        (None, StoreKey::Row(key)) => {
            (Escaped(key.user_key).to_string(), KeyName::of_user_key(key.user_key), Some(key.commit_ts))
        }
        (None, _) => (Escaped(&row.key).to_string(), KeyName::of_stored(&row.key), None),
    }
}

impl Row for Difference {
    const COLUMNS: &'static [Column] = &[
        Column::left("what", 11),
        Column::left("name", 24),
        Column::left("key", 40),
        Column::left("committed", 24),
        Column::right("bytes", 15),
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.add_str(self.kind);
        cells.write_str(self.logical.as_deref().unwrap_or("-"));
        if let Some(part) = &self.part {
            cells.write(format_args!(" {part}"));
        }
        cells.end();
        cells.add_str(&self.key);
        cells.add_str(self.commit_time.as_deref().unwrap_or("-"));
        for (number, len) in [self.first_len, self.second_len].into_iter().enumerate() {
            cells.write_str(if number == 0 { "" } else { " / " });
            match len {
                Some(len) => cells.write(len),
                None => cells.write_str("-"),
            }
        }
        cells.end();
    }
}

impl Body for SnapshotDiffBody {
    const NAME: &'static str = "snapshot-diff";
    const LINES: &'static [Lines] = &[Lines::of("sides", "side"), Lines::of("differences", "difference")];

    fn headline(&self) -> String {
        let DifferenceCounts { only_first, only_second, other_value, sealed } = self.total();
        let mut text = if self.identical_rows {
            format!("the same {} in both", Count(self.same, "row"))
        } else {
            format!(
                "{} in both, {only_first} only in the first, {only_second} only in the second, {other_value} with another value",
                Count(self.same, "row")
            )
        };
        if sealed > 0 {
            let _ = write!(text, ", {sealed} sealed and not compared");
        }
        if self.sealed_once > 0 {
            let _ = write!(text, "; {} sealed in only one of them", self.sealed_once);
        }
        text
    }

    fn sections(&self) -> Vec<Section> {
        let [first, second] = self.sides.as_slice() else { return Vec::new() };
        let pair = |name: &'static str, a: Cell, b: Cell| vec![Cell::new(name), a, b];
        let ceiling = |side: &Side| Cell::option(side.header.and_then(|header| header.ceiling_ms));
        let rows = vec![
            pair("index", Cell::option(first.index), Cell::option(second.index)),
            pair("size", Cell::option(first.size_bytes.map(ByteSize)), Cell::option(second.size_bytes.map(ByteSize))),
            pair("format", Cell::option(first.body_format), Cell::option(second.body_format)),
            pair("checksum", Cell::option(first.computed_crc32c), Cell::option(second.computed_crc32c)),
            pair("clock ceiling", ceiling(first), ceiling(second)),
            pair("applied index inside", Cell::option(first.applied_index), Cell::option(second.applied_index)),
            pair("rows", Cell::option(first.rows), Cell::option(second.rows)),
        ];
        let mut sections = vec![
            Section::facts("", vec![("first", Cell::new(&first.path)), ("second", Cell::new(&second.path))]),
            Section::table("", &["", "first", "second"], rows),
        ];
        if !self.spaces.is_empty() {
            let rows = self.spaces.iter().map(|(space, counts)| {
                let DifferenceCounts { only_first, only_second, other_value, sealed } = counts;
                vec![Cell::new(space), Cell::new(only_first), Cell::new(only_second), Cell::new(other_value), Cell::new(sealed)]
            });
            let columns = ["rows of", ">only first", ">only second", ">other value", ">sealed"];
            sections.push(Section::table("Rows that differ", &columns, rows.collect()));
            sections.push(Section::rows("The first of them", &self.differences));
            if self.not_listed > 0 {
                sections.push(Section::Note(format!("... and {} more; --limit shows more", self.not_listed)));
            }
        }
        sections
    }
}
