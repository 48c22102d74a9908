//! `offload verify`: are the bytes of the payloads those that their keys promise?

use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::offload::LonePayload;
use ekv_tool::report::body::snapshot::SnapshotBody;
use ekv_tool::report::{Body, Cell, Label, Lines, Metric, Section};
use ekv_tool::types::{ByteSize, Count};
use serde::Serialize;

use super::Readings;

/// A shard of a store.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct VerifyBody {
    /// Which shard, `3/50`.
    pub shard: String,
    /// Where the parts are.
    pub results: String,
    /// Payloads that were read now.
    pub read: usize,
    /// Payloads that an earlier run had read, as they still are.
    pub recalled: usize,
    /// When the readings of those were made.
    pub readings: Readings,
    /// Parts that were written.
    pub parts_written: u32,
    /// The payloads of the shard, by key.
    pub payloads: Vec<LonePayload>,
}

impl VerifyBody {
    fn count(&self, verdict: Verdict) -> usize {
        self.payloads.iter().filter(|it| it.verdict == verdict).count()
    }
}

impl Body for VerifyBody {
    const NAME: &'static str = "offload-verify";
    const LINES: &'static [Lines] = &[Lines::of("payloads", "payload")];

    fn headline(&self) -> String {
        let all = self.payloads.len();
        let of = if self.shard == "1/1" { String::new() } else { format!("shard {}: ", self.shard) };
        let what = Count::of(all, "payload");
        let recalled =
            if self.recalled > 0 { format!(", {} of them read by earlier runs", self.recalled) } else { String::new() };
        match (self.count(Verdict::Damaged), self.count(Verdict::Unknown)) {
            (0, 0) => format!("{of}{what}{recalled}"),
            (0, unknown) => format!("{of}{what}{recalled}: {unknown} could not be judged"),
            (damaged, _) => format!("{of}{what}{recalled}: {damaged} damaged"),
        }
    }

    fn all_clear(&self) -> &'static str {
        if self.payloads.is_empty() { "" } else { ": all are what their keys promise" }
    }

    fn sections(&self) -> Vec<Section> {
        let bytes: u64 = self.payloads.iter().filter_map(|it| it.bytes).fold(0, u64::saturating_add);
        let facts = vec![
            ("shard", Cell::new(&self.shard)),
            ("payloads", Cell::new(self.payloads.len())),
            ("size", Cell::new(ByteSize(bytes))),
            ("read now", Cell::new(self.read)),
            (
                "read earlier",
                Cell::new(match self.readings.ages() {
                    Some(ages) => format!("{} ({ages})", self.recalled),
                    None => self.recalled.to_string(),
                }),
            ),
            ("results", Cell::new(&self.results)),
            ("parts written", Cell::new(self.parts_written)),
        ];
        let mut sections = vec![Section::facts("", facts)];
        let bad: Vec<_> = self.payloads.iter().filter(|it| it.verdict != Verdict::Clean).cloned().collect();
        if !bad.is_empty() {
            sections.extend(SnapshotBody { offload_payloads: bad, ..SnapshotBody::default() }.sections());
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let labels = |verdict: Verdict| vec![(Label::Shard, self.shard.clone()), (Label::Verdict, verdict.name().to_owned())];
        let name = "ekv_fleet_offload_payloads";
        let metric = Metric::gauge(name, "Payloads of a shard by verdict.");
        let all = [Verdict::Clean, Verdict::Damaged, Verdict::Unknown];
        vec![all.into_iter().fold(metric, |metric, verdict| metric.sample(labels(verdict), self.count(verdict) as f64))]
    }
}
