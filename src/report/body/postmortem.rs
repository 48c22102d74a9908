//! `report`: what several commands say of the same directories, on one page.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::analysis::{Finding, Verdict};
use crate::report::{Body, Case, Cell, Lines, Metric, Reported, Section, Tone};

/// The reports of several commands about the same directories, under one verdict.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct PostmortemBody {
    /// Number of nodes.
    pub nodes: usize,
    /// The reports, in the order in which they are read.
    pub parts: Vec<Part>,
}

/// What one command says.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Part {
    /// The command, as in the `schema` of its report.
    pub command: String,
    /// The line behind its verdict.
    pub headline: String,
    /// Its report, as the command's own `--format json` writes it, without `run`.
    #[serde(serialize_with = "whole")]
    #[schemars(with = "Value")]
    pub report: Box<dyn Reported>,
}

#[expect(clippy::borrowed_box, reason = "as serde calls it")]
fn whole<S: Serializer>(report: &Box<dyn Reported>, serializer: S) -> Result<S::Ok, S::Error> {
    report.json().map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl Part {
    /// A report as a part.
    pub fn new(report: Box<dyn Reported>) -> Self {
        Self { command: report.command().to_owned(), headline: report.headline(), report }
    }

    /// The command as it is typed.
    fn typed(&self) -> String {
        let family = ["wal-", "store-", "snapshot-"].iter().find(|family| self.command.starts_with(*family));
        if family.is_some() { self.command.replacen('-', " ", 1) } else { self.command.clone() }
    }
}

const fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Clean => Tone::Good,
        Verdict::Damaged => Tone::Bad,
        Verdict::Unknown => Tone::Caution,
    }
}

impl Body for PostmortemBody {
    const NAME: &'static str = "report";
    const LINES: &'static [Lines] = &[Lines::of("parts", "part")];

    fn headline(&self) -> String {
        if self.nodes == 1 { "one node".to_owned() } else { format!("{} nodes", self.nodes) }
    }

    fn all_clear(&self) -> &'static str {
        ": nothing is wrong"
    }

    fn sections(&self) -> Vec<Section> {
        let row = |part: &Part| {
            let verdict = part.report.verdict();
            vec![Cell::new(part.typed()), Cell::toned(verdict.name(), tone(verdict)), Cell::new(&part.headline)]
        };
        let rows = self.parts.iter().map(row).collect();
        let mut sections = vec![Section::table("Reports", &["report", "verdict", "answer"], rows)];
        for part in &self.parts {
            sections.push(Section::Chapter {
                title: part.typed(),
                verdict: part.report.verdict(),
                headline: part.headline.clone(),
            });
            sections.extend(part.report.sections());
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        self.parts.iter().flat_map(|part| part.report.metrics()).collect()
    }

    fn cases(&self, _findings: &[Finding]) -> Vec<Case> {
        let of = |part: &Part, case: Case| {
            let of = if case.of.is_empty() { part.command.clone() } else { format!("{}.{}", part.command, case.of) };
            Case { of, ..case }
        };
        self.parts.iter().flat_map(|part| part.report.cases().into_iter().map(move |case| of(part, case))).collect()
    }
}
