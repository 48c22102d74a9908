//! `offload audit`: what is in a store, and what could be restored from it?

use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::offload::{OffloadStoreView, VerifiedOffload};
use ekv_tool::report::body::snapshot::SnapshotBody;
use ekv_tool::report::{Body, Lines, Metric, Section};
use ekv_tool::types::{Count, age};
use serde::Serialize;

use super::Readings;

/// A store.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct AuditBody {
    /// The part of a report of `verify-snapshot`.
    #[serde(flatten)]
    pub found: SnapshotBody,
    /// What earlier runs of `offload verify` have read, when their results were named.
    pub joined: Option<Joined>,
}

/// Results that were joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Joined {
    /// Where they are.
    pub results: String,
    /// Parts that were read.
    pub parts: usize,
    /// Payloads of the store that they hold as these are now.
    pub payloads: usize,
    /// When these were read.
    pub readings: Readings,
    /// Readings that are older than this did not count, in milliseconds; absent where any did.
    pub max_age_ms: Option<u64>,
}

impl AuditBody {
    /// From what the library judged.
    pub fn new(offloads: Vec<VerifiedOffload>, store: Option<OffloadStoreView>, joined: Option<Joined>) -> Self {
        Self { joined, found: SnapshotBody { offloads, stores: store.into_iter().collect(), ..SnapshotBody::default() } }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.found.offloads.iter().filter(|it| it.verdict == verdict).count()
    }
}

impl Body for AuditBody {
    const NAME: &'static str = "offload-audit";
    const LINES: &'static [Lines] = &[Lines::of("offloads", "offload"), Lines::of("stores", "store")];

    fn headline(&self) -> String {
        let all = self.found.offloads.len();
        let what = Count::of(all, "offloaded snapshot");
        let unread = self.found.stores.iter().flat_map(|store| &store.groups).any(|group| group.unread > 0);
        match (self.count(Verdict::Damaged), self.count(Verdict::Unknown)) {
            (0, 0) if unread => {
                format!("{what}: nothing speaks against a restore; payloads were not compared with their digests")
            }
            (0, 0) => what.to_string(),
            (0, unknown) => format!("{what}: {unknown} could not be judged"),
            (damaged, _) => format!("{what}: {damaged} damaged"),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = self.found.sections();
        if let Some(Joined { results, parts, payloads, readings, max_age_ms }) = &self.joined {
            let (payloads, parts) = (Count(*payloads as u64, "payload"), Count(*parts as u64, "part"));
            let ages = readings.ages().map_or_else(String::new, |ages| format!(", read {ages}"));
            let limit = max_age_ms.map_or_else(String::new, |limit| format!(" What is older than {} did not count.", age(limit)));
            sections
                .push(Section::Note(format!("What earlier runs have read: {payloads}{ages}, in {parts} of {results}.{limit}")));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metrics = self.found.metrics();
        if let Some(oldest) = self.joined.as_ref().and_then(|joined| joined.readings.oldest_ms) {
            let metric = Metric::gauge(
                "ekv_fleet_offload_oldest_reading_timestamp_seconds",
                "When the oldest reading of a payload that the verdict relies on was made.",
            );
            metrics.push(metric.sample(Vec::new(), oldest.0 as f64 / 1000.0));
        }
        metrics
    }
}
