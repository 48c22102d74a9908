//! `wal verify`: is the log whole, and what would each server make of it?

use serde::Serialize;

use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count};

/// The verdict on one or more logs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VerifyBody {
    /// One a log directory.
    pub logs: Vec<LogVerdict>,
}

/// What was verified of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogVerdict {
    /// The log directory.
    pub path: String,
    /// Number of segments.
    pub segments: u64,
    /// Bytes of all segments.
    pub size_bytes: u64,
    /// Records whose checksums fit.
    pub records: u64,
    /// Entries among them.
    pub entries: u64,
    /// What each server's start would make of it, from the newest snapshot that the log allows.
    pub readings: Vec<Reading>,
}

/// A server's reading of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Reading {
    /// Which server: `pr934` or `main`, and for a log of etcd `etcd 3.4 to 3.6` or `etcd 3.7`.
    pub engine: &'static str,
    /// Index of the snapshot that the reading starts from.
    pub snapshot_index: u64,
    /// Term of that snapshot.
    pub snapshot_term: u64,
    /// Last index that it finds.
    pub last_index: Option<u64>,
    /// The error that would end the start.
    pub error: Option<String>,
    /// The repair that would happen first.
    pub repair: Option<String>,
}

impl Body for VerifyBody {
    const NAME: &'static str = "wal-verify";
    const LINES: &'static [Lines] = &[Lines::of("logs", "log")];

    fn headline(&self) -> String {
        let sum = |of: fn(&LogVerdict) -> u64| self.logs.iter().map(of).sum::<u64>();
        let (segments, records) = (sum(|log| log.segments), sum(|log| log.records));
        format!("{}, {}, {} checked", Count(segments, "segment"), ByteSize(sum(|log| log.size_bytes)), Count(records, "record"))
    }

    fn sections(&self) -> Vec<Section> {
        let mut rows = Vec::new();
        for log in &self.logs {
            for reading in &log.readings {
                let outcome = match (&reading.error, &reading.repair) {
                    (Some(error), _) => Cell::toned(format!("refused: {error}"), Tone::Bad),
                    (None, Some(repair)) => Cell::toned(format!("read after repair: {repair}"), Tone::Caution),
                    (None, None) => Cell::toned("read", Tone::Good),
                };
                let mut row = vec![Cell::new(reading.engine), Cell::new(reading.snapshot_index)];
                row.extend([Cell::option(reading.last_index), outcome]);
                if self.logs.len() > 1 {
                    row.insert(0, Cell::new(&log.path));
                }
                rows.push(row);
            }
        }
        let mut columns = vec!["server", ">from snapshot", ">last index", "the log is"];
        if self.logs.len() > 1 {
            columns.insert(0, "log");
        }
        vec![Section::table("", &columns, rows)]
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut records = Metric::gauge("ekv_tool_wal_records", "Records whose checksums fit.");
        for log in &self.logs {
            records = records.sample(vec![(Label::Path, log.path.clone())], log.records as f64);
        }
        vec![records]
    }
}
