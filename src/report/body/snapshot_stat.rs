//! `snapshot stat`: what the rows of snapshots amount to.

use serde::Serialize;

use super::snapshot::SnapshotBody;
use super::usage::{usage_facts, usage_metrics, usage_sections};
use crate::analysis::Verdict;
use crate::analysis::judge::snapshot::{RowCounts, VerifiedPayload};
use crate::formats::fsm::FsmHeader;
use crate::formats::fsm::body::BodyFormat;
use crate::readers::usage::Usage;
use crate::report::{Body, Cell, Label, Lines, Metric, Section};
use crate::types::{ByteSize, Count, HlcTimestamp, LogIndex};

/// The payloads that were read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SnapshotStatBody {
    /// One payload each.
    pub snapshots: Vec<SnapshotStat>,
}

/// What one payload holds.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SnapshotStat {
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
    /// The applied index that it carries among its rows.
    pub applied_index: Option<LogIndex>,
    /// All rows; `null` when they could not be read to the end.
    pub rows: Option<RowCounts>,
    /// The same by what the rows belong to, most bytes first.
    pub spaces: Vec<SpaceStat>,
    /// Who uses the space; `null` when the rows could not be read to the end, and for payloads of an in-memory store.
    pub usage: Option<Usage>,
    /// Of this payload alone.
    pub verdict: Verdict,
}

/// Rows of one family of keys.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct SpaceStat {
    /// What the rows belong to.
    pub space: &'static str,
    /// Rows, all versions of a key counted.
    pub rows: u64,
    /// Rows that delete their key.
    pub tombstones: u64,
    /// Sum of the key lengths in bytes.
    pub key_bytes: u64,
    /// Sum of the value lengths in bytes.
    pub value_bytes: u64,
    /// Largest commit timestamp; `null` where rows have none.
    pub newest_commit_ts: Option<u64>,
    /// The same as a time.
    #[serde(skip)]
    pub newest: HlcTimestamp,
}

impl SnapshotStatBody {
    /// From what was read of each payload.
    pub fn new(found: SnapshotBody) -> Self {
        Self { snapshots: found.snapshots.into_iter().map(SnapshotStat::new).collect() }
    }
}

impl SnapshotStat {
    fn new(view: VerifiedPayload) -> Self {
        let mut spaces: Vec<_> = view
            .spaces
            .iter()
            .map(|(space, rows)| SpaceStat {
                space,
                rows: rows.rows,
                tombstones: rows.tombstones,
                key_bytes: rows.key_bytes,
                value_bytes: rows.value_bytes,
                newest_commit_ts: (rows.newest != HlcTimestamp(0)).then_some(rows.newest.0),
                newest: rows.newest,
            })
            .collect();
        spaces.sort_by_key(|space| (std::cmp::Reverse(space.key_bytes + space.value_bytes), space.space));
        Self {
            path: view.path,
            index: view.index,
            size_bytes: view.size_bytes,
            header: view.header,
            body_format: view.body_format,
            applied_index: view.applied_index,
            rows: view.rows,
            spaces,
            usage: view.usage.map(|usage| *usage),
            verdict: view.verdict,
        }
    }

    fn facts(&self) -> Vec<(&'static str, Cell)> {
        let mut rows = vec![
            ("index", Cell::option(self.index)),
            ("size", Cell::option(self.size_bytes.map(ByteSize))),
            ("format", Cell::option(self.body_format)),
            ("applied index inside", Cell::option(self.applied_index)),
        ];
        if let Some(ceiling) = self.header.and_then(|header| header.ceiling_ms) {
            rows.push(("clock ceiling", Cell::new(ceiling)));
        }
        if let Some(counts) = self.rows {
            let RowCounts { rows: all, versions, tombstones, sealed, opened, key_bytes, value_bytes } = counts;
            let opened = opened.map_or_else(String::new, |opened| format!(", {opened} of these opened"));
            rows.push((
                "rows",
                Cell::new(format!(
                    "{all}: {}, {} of them, {sealed} sealed{opened}",
                    Count(versions, "version"),
                    Count(tombstones, "tombstone")
                )),
            ));
            rows.push(("bytes", Cell::new(format!("{} of keys, {} of values", ByteSize(key_bytes), ByteSize(value_bytes)))));
        }
        rows
    }
}

impl Body for SnapshotStatBody {
    const NAME: &'static str = "snapshot-stat";
    const LINES: &'static [Lines] = &[Lines::of("snapshots", "snapshot")];

    fn headline(&self) -> String {
        let rows: u64 = self.snapshots.iter().filter_map(|stat| stat.rows).map(|counts| counts.rows).sum();
        match self.snapshots.as_slice() {
            [] => "no snapshots".to_owned(),
            [stat] if stat.rows.is_none() => format!("{}: its rows could not be counted", stat.path),
            [stat] => format!("{}: {}", stat.path, Count(rows, "row")),
            several => format!("{}, {}", Count::of(several.len(), "snapshot"), Count(rows, "row")),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for stat in &self.snapshots {
            sections.push(Section::facts(stat.path.clone(), stat.facts()));
            if !stat.spaces.is_empty() {
                let rows = stat.spaces.iter().map(|space| {
                    let newest = space.newest_commit_ts.and_then(|_| space.newest.millis().to_rfc3339());
                    vec![
                        Cell::new(space.space),
                        Cell::new(space.rows),
                        Cell::new(space.tombstones),
                        Cell::new(ByteSize(space.key_bytes)),
                        Cell::new(ByteSize(space.value_bytes)),
                        Cell::option(newest),
                    ]
                });
                let columns = ["rows of", ">rows", ">deleted", ">keys", ">values", "newest"];
                sections.push(Section::table("", &columns, rows.collect()));
            }
            if let Some(usage) = &stat.usage {
                sections.push(Section::facts("Who uses the space", usage_facts(usage)));
                sections.extend(usage_sections(&stat.path, usage));
            }
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut rows = Metric::gauge("ekv_tool_snapshot_rows", "Rows of a snapshot payload by what they belong to.");
        for stat in &self.snapshots {
            for space in &stat.spaces {
                let labels = vec![(Label::Path, stat.path.clone()), (Label::Space, space.space.to_owned())];
                rows = rows.sample(labels, space.rows as f64);
            }
        }
        let each = self.snapshots.iter().filter_map(|stat| Some((Label::Path, stat.path.as_str(), stat.usage.as_ref()?)));
        let mut metrics = vec![rows];
        metrics.extend(usage_metrics(
            [
                "ekv_tool_snapshot_usage_bytes",
                "ekv_tool_snapshot_usage_rows",
                "ekv_tool_snapshot_owner_bytes",
                "ekv_tool_snapshot_reclaimable_bytes",
            ],
            each,
        ));
        metrics
    }
}
