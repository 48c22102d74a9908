//! `collect`: which facts are in the results now?

use std::collections::BTreeSet;

use ekv_tool::report::{Body, Cell, Lines, Metric, Section, Tone};
use ekv_tool::types::{Count, UnixMillis};
use serde::Serialize;

/// Files of facts that were collected.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct CollectBody {
    /// Where the tables are.
    pub results: String,
    /// Files that are no facts, or damaged, or of another cluster.
    pub refused: usize,
    /// The files that are in the results now, by name.
    pub files: Vec<CollectedFile>,
}

/// A file of facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct CollectedFile {
    /// The file.
    pub file: String,
    /// The nodes that it is about.
    pub nodes: Vec<String>,
    /// Copies of groups in it.
    pub groups: usize,
    /// When the facts were taken.
    pub taken_at: Option<String>,
    /// The same in milliseconds since 1970.
    pub taken_at_ms: UnixMillis,
    /// What it comes to: by what `check` says in it, by the forecasts of the starts, and by what is wrong with each copy.
    pub verdict: String,
    /// The checksum at its end.
    pub sha256: String,
    /// Whether it is new.
    pub collection: Collection,
}

/// What became of a file of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Collection {
    /// It was collected now, or something of it that was lost.
    New,
    /// It was collected before.
    Known,
}

impl CollectBody {
    fn count(&self, collection: Collection) -> usize {
        self.files.iter().filter(|file| file.collection == collection).count()
    }
}

impl Body for CollectBody {
    const NAME: &'static str = "collect";
    const LINES: &'static [Lines] = &[Lines::of("files", "file")];

    fn headline(&self) -> String {
        let nodes = self.files.iter().flat_map(|file| &file.nodes).collect::<BTreeSet<_>>().len();
        let known = match self.count(Collection::Known) {
            0 => String::new(),
            known => format!(", {known} of them collected before"),
        };
        let refused = if self.refused > 0 { format!("; {} not taken", Count::of(self.refused, "file")) } else { String::new() };
        format!("the facts of {} in {}{known}{refused}", Count::of(nodes, "node"), Count::of(self.files.len(), "file"))
    }

    fn sections(&self) -> Vec<Section> {
        let rows = self.files.iter().map(|file| {
            let tone = match file.verdict.as_str() {
                "clean" => Tone::Good,
                "damaged" => Tone::Bad,
                _ => Tone::Caution,
            };
            let collection = match file.collection {
                Collection::New => "new",
                Collection::Known => "known",
            };
            vec![
                Cell::new(file.nodes.join(" ")),
                Cell::new(file.groups),
                Cell::new(file.taken_at_ms),
                Cell::toned(&file.verdict, tone),
                Cell::new(collection),
                Cell::new(&file.file),
            ]
        });
        let columns = ["node", ">groups", "taken at", "verdict", "", "file"];
        let results = Section::facts("", vec![("results", Cell::new(&self.results))]);
        vec![results, Section::table("", &columns, rows.collect())]
    }

    fn metrics(&self) -> Vec<Metric> {
        let files = Metric::gauge("ekv_fleet_collect_files", "Files of facts that are in the results now.");
        let refused = Metric::gauge("ekv_fleet_collect_refused", "Files that are no facts, or damaged, or of another cluster.");
        vec![files.sample(Vec::new(), self.files.len() as f64), refused.sample(Vec::new(), self.refused as f64)]
    }
}
