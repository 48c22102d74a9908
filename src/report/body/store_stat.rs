//! `store stat`: who uses the space of stores.

use serde::Serialize;

use super::usage::{usage_metrics, usage_sections};
use crate::readers::pebble_scan::ScanOutcome;
use crate::readers::usage::Usage;
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count};

/// The stores that were read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreStatBody {
    /// One each.
    pub stores: Vec<StoreStat>,
}

/// What one store holds.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreStat {
    /// The store as the caller named it.
    pub dir: String,
    /// Bytes of its tables, compressed, without what is still in logs.
    pub table_bytes: u64,
    /// Keys with any record, deleted ones included.
    pub keys: u64,
    /// Records of any age.
    pub records: u64,
    /// Records that the storage library will drop when it compacts: older ones of their key, and those of deleted keys.
    pub superseded_records: u64,
    /// Views that were read; more than one if a server was compacting.
    pub views: u32,
    /// False when something could not be read, so that the numbers are those of a part.
    pub complete: bool,
    /// Who uses the space.
    pub usage: Usage,
}

impl StoreStat {
    /// From what was read of a store.
    pub fn new(dir: String, outcome: &ScanOutcome, usage: Usage) -> Self {
        let stats = &outcome.stats;
        Self {
            dir,
            table_bytes: outcome.facts.live_bytes,
            keys: stats.keys,
            records: stats.records,
            superseded_records: stats.records.saturating_sub(stats.live),
            views: outcome.views,
            complete: outcome.stopped.is_none(),
            usage,
        }
    }
}

impl Body for StoreStatBody {
    const NAME: &'static str = "store-stat";
    const LINES: &'static [Lines] = &[Lines::of("stores", "store")];

    fn headline(&self) -> String {
        let (mut rows, mut bytes) = (0, 0);
        for store in &self.stores {
            let total = store.usage.total.total();
            rows += total.rows;
            bytes += total.bytes;
        }
        let what = match self.stores.as_slice() {
            [store] => store.dir.clone(),
            several => Count::of(several.len(), "store").to_string(),
        };
        let part = if self.stores.iter().all(|store| store.complete) { "" } else { " as far as it could be read" };
        format!("{what}: {}, {}{part}", Count(rows, "row"), ByteSize(bytes))
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for store in &self.stores {
            let StoreStat { dir, table_bytes, keys: _, records, superseded_records, views: _, complete, usage } = store;
            let mut facts = vec![
                ("tables", Cell::new(ByteSize(*table_bytes))),
                ("records", Cell::new(format!("{records}, {superseded_records} of them superseded"))),
            ];
            if !complete {
                facts.push(("what follows", Cell::toned("of the part that could be read", Tone::Caution)));
            }
            facts.extend(super::usage::usage_facts(usage));
            sections.push(Section::facts(dir.clone(), facts));
            sections.extend(usage_sections(dir, usage));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut tables = Metric::gauge("ekv_tool_store_table_bytes", "Bytes of the live tables.");
        for store in &self.stores {
            tables = tables.sample(vec![(Label::Dir, store.dir.clone())], store.table_bytes as f64);
        }
        let each = self.stores.iter().map(|store| (Label::Dir, store.dir.as_str(), &store.usage));
        let mut complete = Metric::gauge("ekv_tool_store_usage_complete", "Whether a store was read to its end: 1 or 0.");
        for store in &self.stores {
            complete = complete.sample(vec![(Label::Dir, store.dir.clone())], f64::from(u8::from(store.complete)));
        }
        let mut metrics = vec![tables, complete];
        metrics.extend(usage_metrics(
            [
                "ekv_tool_store_usage_bytes",
                "ekv_tool_store_usage_rows",
                "ekv_tool_store_owner_bytes",
                "ekv_tool_store_reclaimable_bytes",
            ],
            each,
        ));
        metrics
    }
}
