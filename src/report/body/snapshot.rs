//! `verify-snapshot`: are these snapshots intact?

use serde::Serialize;

use super::cells::{header_text, verdict_cell};
use super::content::{self, LedgerUse};
use super::offload;
use crate::analysis::judge::offload::{LonePayload, OffloadStoreView, VerifiedOffload};
use crate::analysis::judge::snapshot::{Check, Checks, VerifiedEnvelope, VerifiedPayload, VerifiedSet};
use crate::analysis::{Finding, Verdict};
use crate::readers::content::ContentRead;
use crate::report::{Body, Case, CaseEnd, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count, ServerVersion};

/// The snapshots of a run.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct SnapshotBody {
    /// Payloads, and those that a token misses.
    pub snapshots: Vec<VerifiedPayload>,
    /// `.snap` files.
    pub envelopes: Vec<VerifiedEnvelope>,
    /// Manifests of offloaded snapshots, each with its payload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offloads: Vec<VerifiedOffload>,
    /// Stores of offloaded snapshots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<OffloadStoreView>,
    /// Payloads of such a store that were named by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offload_payloads: Vec<LonePayload>,
    /// Whose content was read; absent when all of it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentRead>,
    /// What was made of the ledger, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerUse>,
}

impl SnapshotBody {
    /// From what was judged.
    pub fn new(set: &VerifiedSet) -> Self {
        Self { snapshots: set.payloads.clone(), envelopes: set.envelopes.clone(), ..Self::default() }
    }

    /// The payloads that a ledger vouches for, in words, with the day on which the first of them was read.
    fn vouched(&self) -> Option<String> {
        let readings = || self.snapshots.iter().filter_map(|view| view.from_ledger);
        let day = readings().min_by_key(|reading| reading.read_at_ms)?.day();
        let who = match (readings().count(), self.snapshots.len()) {
            (1, 1) => "the payload".to_owned(),
            (some, all) if some == all => "all payloads".to_owned(),
            (some, _) => format!("{some} of the payloads"),
        };
        let since = if readings().count() == 1 { "read on" } else { "read since" };
        Some(format!("{who} from the ledger ({since} {day}, not now)"))
    }

    fn count(&self, verdict: Verdict) -> usize {
        let payloads = self.snapshots.iter().map(|view| view.verdict);
        let envelopes = self.envelopes.iter().map(|view| view.verdict);
        let offloads = self.offloads.iter().map(|view| view.verdict).chain(self.offload_payloads.iter().map(|view| view.verdict));
        payloads.chain(envelopes).chain(offloads).filter(|each| *each == verdict).count()
    }
}

fn number(count: usize, what: &str) -> String {
    Count::of(count, what).to_string()
}

impl Body for SnapshotBody {
    const NAME: &'static str = "verify-snapshot";
    const LINES: &'static [Lines] = &[
        Lines::of("snapshots", "snapshot"),
        Lines::of("envelopes", "envelope"),
        Lines::of("offloads", "offload"),
        Lines::of("stores", "store"),
        Lines::of("offload_payloads", "offload-payload"),
    ];

    fn headline(&self) -> String {
        let mut parts = Vec::new();
        if !self.snapshots.is_empty() {
            parts.push(number(self.snapshots.len(), "payload"));
        }
        if !self.envelopes.is_empty() {
            parts.push(number(self.envelopes.len(), "envelope"));
        }
        if !self.offloads.is_empty() {
            parts.push(number(self.offloads.len(), "offloaded snapshot"));
        }
        if !self.offload_payloads.is_empty() {
            parts.push(number(self.offload_payloads.len(), "offloaded payload"));
        }
        if parts.is_empty() {
            return "no snapshots".to_owned();
        }
        let what = parts.join(" and ");
        // That something was not read now is said whatever else there is to say.
        let what = match self.vouched() {
            Some(vouched) => format!("{what}, {vouched}"),
            None => what,
        };
        match (self.count(Verdict::Damaged), self.count(Verdict::Unknown)) {
            (0, 0) if self.snapshots.iter().any(|view| view.checks.body_crc == Check::Fail) => {
                format!("{what}: those that a start could use are intact")
            }
            (0, 0) if self.snapshots.iter().any(|view| view.checks.body_crc == Check::NotRun) => {
                format!("{what}: nothing is wrong with what was read; payloads were not compared with their checksums")
            }
            (0, 0) => what,
            (0, unknown) => format!("{what}: {unknown} could not be judged"),
            (damaged, _) => format!("{what}: {damaged} damaged"),
        }
    }

    fn all_clear(&self) -> &'static str {
        let whole = self.snapshots.iter().all(|view| matches!(view.checks.body_crc, Check::Pass | Check::FromLedger));
        if !whole || (self.snapshots.is_empty() && self.envelopes.is_empty()) { "" } else { ": intact" }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if let [payload] = self.snapshots.as_slice() {
            sections.push(Section::facts("", facts(payload)));
        } else if !self.snapshots.is_empty() {
            // Fits 80 columns as long as nobody asked for more.
            let deep = self.snapshots.iter().any(|view| view.checks.deep != Check::NotRun);
            let mut columns = vec!["payload", ">index", ">size", "format", "head", "crc", "token", "verdict"];
            if deep {
                columns.insert(7, "deep");
            }
            let vouched = self.vouched().is_some();
            if vouched {
                columns.insert(columns.len() - 1, "read on");
            }
            for (dir, rows) in by_directory(self.snapshots.iter().map(|view| (view.path.as_str(), row(view, deep, vouched)))) {
                sections.push(Section::table(dir, &columns, rows));
            }
        }
        if !self.envelopes.is_empty() {
            let columns = ["envelope", ">index", ">voters", "carries", "verdict"];
            for (dir, rows) in by_directory(self.envelopes.iter().map(|view| (view.path.as_str(), envelope_row(view)))) {
                sections.push(Section::table(dir, &columns, rows));
            }
        }
        sections.extend(offload::sections(self));
        sections.extend(content::sections(self.content.as_ref(), self.ledger.as_ref()));
        sections
    }

    fn cases(&self, findings: &[Finding]) -> Vec<Case> {
        let paths = self.snapshots.iter().map(|view| (&view.path, view.verdict));
        let paths = paths.chain(self.envelopes.iter().map(|view| (&view.path, view.verdict)));
        let paths = paths.chain(self.offloads.iter().map(|view| (&view.path, view.verdict)));
        let paths = paths.chain(self.offload_payloads.iter().map(|view| (&view.path, view.verdict)));
        let case = |(path, verdict): (&String, Verdict)| {
            let said = || {
                let own = findings.iter().filter(|finding| finding.path.as_ref() == Some(path));
                own.map(|finding| format!("{}: {}", finding.code.code, finding.message)).collect::<Vec<_>>().join("\n")
            };
            Case { of: String::new(), name: path.clone(), end: CaseEnd::of(verdict, said) }
        };
        paths.map(case).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut bytes = Metric::gauge("ekv_tool_snapshot_size_bytes", "Size of a snapshot payload file.");
        let mut intact = Metric::gauge("ekv_tool_snapshot_intact", "1 when a snapshot payload or envelope is intact.");
        for view in &self.snapshots {
            let labels = || vec![(Label::Path, view.path.clone())];
            bytes = bytes.sample(labels(), view.size_bytes.unwrap_or(0) as f64);
            intact = intact.sample(labels(), f64::from(u8::from(view.verdict == Verdict::Clean)));
        }
        for view in &self.envelopes {
            intact = intact.sample(vec![(Label::Path, view.path.clone())], f64::from(u8::from(view.verdict == Verdict::Clean)));
        }
        for view in &self.offloads {
            intact = intact.sample(vec![(Label::Path, view.path.clone())], f64::from(u8::from(view.verdict == Verdict::Clean)));
        }
        let mut metrics = vec![bytes, intact];
        let mut vouched = Metric::gauge(
            "ekv_tool_snapshot_read_timestamp_seconds",
            "When the content of a payload was last read, where that was not now: a ledger says so. Unix time.",
        );
        for view in &self.snapshots {
            if let Some(reading) = view.from_ledger {
                vouched = vouched.sample(vec![(Label::Path, view.path.clone())], reading.read_at_ms.0 as f64 / 1000.0);
            }
        }
        if self.vouched().is_some() {
            metrics.push(vouched);
        }
        metrics.extend(offload::metrics(self));
        metrics
    }
}

/// Rows of one directory after another; a row's path becomes the name below the directory.
fn by_directory<'p>(rows: impl Iterator<Item = (&'p str, Vec<Cell>)>) -> Vec<(&'p str, Vec<Vec<Cell>>)> {
    let mut tables: Vec<(&str, Vec<Vec<Cell>>)> = Vec::new();
    for (path, mut row) in rows {
        let (dir, name) = path.rsplit_once('/').unwrap_or((".", path));
        row.insert(0, Cell::new(name));
        match tables.last_mut() {
            Some((last, rows)) if *last == dir => rows.push(row),
            _ => tables.push((dir, vec![row])),
        }
    }
    tables
}

fn check_cell(check: Check) -> Cell {
    match check {
        Check::Pass => Cell::toned("ok", Tone::Good),
        Check::Fail => Cell::toned("BAD", Tone::Bad),
        Check::NotRun => Cell::toned("-", Tone::Dim),
        Check::Unknown => Cell::toned("?", Tone::Caution),
        // Passed, but not now.
        Check::FromLedger => Cell::toned("ledger", Tone::Caution),
    }
}

fn facts(view: &VerifiedPayload) -> Vec<(String, Cell)> {
    let Checks { size, token_crc, header, body_crc, deep } = view.checks;
    let mut rows: Vec<(&str, Cell)> = vec![("file", Cell::new(&view.path)), ("index", Cell::option(view.index))];
    let size_text = view.size_bytes.map(|bytes| format!("{} ({bytes} bytes)", ByteSize(bytes)));
    rows.push(("size", if size == Check::Fail { check_cell(size) } else { Cell::option(size_text) }));
    rows.push(("header", if header == Check::Pass { Cell::option(view.header.map(header_text)) } else { check_cell(header) }));
    rows.push(("store payload", Cell::option(view.body_format)));
    let checksum = match (view.footer_crc32c, view.computed_crc32c, body_crc) {
        (Some(footer), _, Check::Pass) => Cell::toned(format!("{footer}, matches the payload"), Tone::Good),
        (Some(footer), Some(computed), Check::Fail) => Cell::toned(format!("{footer}, the payload has {computed}"), Tone::Bad),
        (Some(footer), _, Check::FromLedger) => {
            let when = view.from_ledger.map(|reading| reading.read_at_ms.to_string()).unwrap_or_default();
            Cell::toned(format!("{footer}, matched the payload on {when} (ledger)"), Tone::Caution)
        }
        (Some(footer), ..) => Cell::toned(format!("{footer}, not compared"), Tone::Dim),
        _ => check_cell(body_crc),
    };
    rows.push(("footer", checksum));
    if let Some(token) = &view.token {
        let text = format!("{} from {}", token.crc32c, token.source);
        let tone = if token_crc == Check::Fail { Tone::Bad } else { Tone::Plain };
        rows.push(("token", Cell::toned(text, tone)));
    }
    if let Some(applied) = view.applied_index {
        rows.push(("applied index inside", Cell::new(applied)));
    }
    if let Some(counts) = view.rows {
        let text = format!(
            "{} ({}, {} of them, {} sealed)",
            counts.rows,
            Count(counts.versions, "version"),
            Count(counts.tombstones, "tombstone"),
            counts.sealed
        );
        rows.push(("rows", Cell::new(text)));
    }
    rows.push(("deep checks", if deep == Check::NotRun { Cell::toned("not asked for", Tone::Dim) } else { check_cell(deep) }));
    if let Some(error) = &view.engine_error {
        rows.push(("any start", Cell::toned(&error.text, Tone::Bad)));
    } else if let Some((version, error)) = view.restore_error.iter().rev().find_map(|(version, e)| Some((version, e.as_ref()?))) {
        let who = if *version == ServerVersion::NEWEST { String::new() } else { format!("server {version}: ") };
        rows.push(("a restore", Cell::toned(format!("{who}{}", error.text), Tone::Bad)));
    }
    rows.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn row(view: &VerifiedPayload, deep: bool, vouched: bool) -> Vec<Cell> {
    let Checks { token_crc, header, body_crc, .. } = view.checks;
    let header = match (header, view.header) {
        (Check::Pass, Some(header)) if header.version == 0 => Cell::new("none"),
        (Check::Pass, Some(header)) => Cell::new(format_args!("v{}", header.version)),
        (check, _) => check_cell(check),
    };
    let mut cells = vec![
        Cell::option(view.index),
        Cell::option(view.size_bytes.map(ByteSize)),
        Cell::option(view.body_format),
        header,
        check_cell(body_crc),
        check_cell(token_crc),
    ];
    if deep {
        cells.push(check_cell(view.checks.deep));
    }
    if vouched {
        cells.push(match view.from_ledger {
            Some(reading) => Cell::toned(reading.day(), Tone::Caution),
            None if matches!(body_crc, Check::Pass | Check::Fail) => Cell::new("now"),
            None => Cell::toned("-", Tone::Dim),
        });
    }
    cells.push(verdict_cell(view.verdict));
    cells
}

fn envelope_row(view: &VerifiedEnvelope) -> Vec<Cell> {
    let carries = match (view.data, view.token, &view.error) {
        (_, Some(token), _) => Cell::new(format_args!("token {}", token.crc32c)),
        (Some(data), ..) => Cell::new(data),
        (_, _, Some(error)) => Cell::toned(error, Tone::Caution),
        _ => Cell::toned("-", Tone::Dim),
    };
    vec![Cell::option(view.index), Cell::option(view.term.map(|_| view.voters.len())), carries, verdict_cell(view.verdict)]
}
