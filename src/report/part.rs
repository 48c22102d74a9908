//! A report as a part of another one, whatever command it is of.

use std::fmt::Debug;

use serde_json::{Map, Value};

use super::{Body, Case, Coverage, Finding, Metric, Report, Section};
use crate::analysis::Verdict;

/// What a report about reports has to know of each.
pub trait Reported: Debug {
    /// The command, as in the `schema` of the report.
    fn command(&self) -> &str;
    /// What it says about the data.
    fn verdict(&self) -> Verdict;
    /// The line behind the verdict.
    fn headline(&self) -> String;
    /// Its body as facts, tables, pictures and text.
    fn sections(&self) -> Vec<Section>;
    /// Everything noticed.
    fn findings(&self) -> &[Finding];
    /// What was examined and what was not.
    fn coverage(&self) -> &Coverage;
    /// Measurements.
    fn metrics(&self) -> Vec<Metric>;
    /// What was judged by itself.
    fn cases(&self) -> Vec<Case>;
    /// What `--format json` writes, without durations.
    fn json(&self) -> serde_json::Result<Value>;
}

impl<B: Body + Debug> Reported for Report<B> {
    fn command(&self) -> &str {
        self.body.command()
    }

    fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn headline(&self) -> String {
        Self::headline(self)
    }

    fn sections(&self) -> Vec<Section> {
        self.body.sections()
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn metrics(&self) -> Vec<Metric> {
        self.body.metrics()
    }

    fn cases(&self) -> Vec<Case> {
        self.body.cases(&self.findings)
    }

    fn json(&self) -> serde_json::Result<Value> {
        let mut members = match serde_json::to_value(self)? {
            Value::Object(members) => members,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        members.remove("run");
        Ok(Value::Object(members))
    }
}
