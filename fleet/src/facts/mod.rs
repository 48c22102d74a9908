//! Files of facts, as `ekv-tool facts` writes them: found, read, and taken only when their checksum is right.

#![allow(clippy::disallowed_methods, reason = "files of facts are this machine's")]

mod files;
mod judged;
mod newest;
mod sheet;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::facts::{Document, Engine, FactsError};
use ekv_tool::analysis::judge::facts::GroupFacts;
use ekv_tool::types::{Sha256Sum, beside};

pub use files::{EXTENSION, find, read};
pub use judged::Foretold;
pub use newest::{APART, Gone, Newest};
pub use sheet::{Cost, FindingLine, Forecast, Sheet};

/// The number of a group as one node tells it. A group in the node's own directory counts as number 1 where the node has no other of that
/// number, as `compare` counts it.
pub type Unit = Option<u64>;

/// A file of facts whose checksum is right.
#[derive(Debug)]
pub struct FactsFile {
    /// How reports name it.
    pub shown: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The checksum that it ends with, of everything before it.
    pub sha256: Sha256Sum,
    /// What a comparison has to know.
    pub document: Document,
    /// The rest.
    pub sheet: Sheet,
    /// What the start of each directory and raft id reads and writes.
    costs: HashMap<(String, String), Cost>,
}

impl FactsFile {
    /// Decodes the bytes of a file. Memory is asked for before it is taken. `Err` says what is wrong and what to do.
    pub fn decode(shown: String, bytes: Vec<u8>) -> Result<Self, String> {
        let document = Document::decode(&bytes).map_err(|error| words(&error))?;
        if document.engine() != Engine::Elastickv {
            return Err(other_engine(document.engine()));
        }
        let sheet = Sheet::decode(&bytes).map_err(|error| words(&FactsError::NotUnderstood(error.to_string())))?;
        let Some(sha256) = document.sha256 else { return Err("has no checksum".to_owned()) };
        let cost = |forecast: &Forecast| ((forecast.dir.clone(), forecast.raft_id.clone()), forecast.cost);
        let costs = sheet.forecasts.iter().map(cost).collect();
        Ok(Self { shown, bytes, sha256, document, sheet, costs })
    }

    /// Bytes of memory that it holds from the budget.
    pub fn memory(&self) -> u64 {
        Document::memory_of(self.bytes.len() as u64)
    }

    /// What the next start of a copy reads and writes; `None` when nothing forecasts it.
    pub fn cost_of_copy(&self, copy: &GroupFacts) -> Option<Cost> {
        self.costs.get(&(copy.node.dir.clone(), copy.node.raft_id.clone())).copied()
    }

    /// What the next start of a node reads and writes in those of its groups that `counts` says. Without a time when that of any of them is
    /// not known.
    pub fn cost_of(&self, name: &str, counts: impl Fn(&GroupFacts) -> bool) -> Cost {
        let of_node = self.document.groups.iter().filter(|copy| name_of(copy) == name && counts(copy));
        let costs = of_node.map(|copy| self.cost_of_copy(copy).unwrap_or_default());
        let none = Cost { estimate_ms: Some(0), ..Cost::default() };
        costs.fold(none, |all, one| {
            let free = one.read_bytes == 0 && one.write_bytes == 0;
            all.and(if free { none } else { one })
        })
    }

    /// The nodes that it is about, by name, each with its groups: also those of which it has no more than that a start would be refused.
    pub fn units(&self) -> BTreeMap<&str, Units> {
        let mut units: BTreeMap<&str, Units> = BTreeMap::new();
        for copy in &self.document.groups {
            units.entry(name_of(copy)).or_default().0.insert(copy.group_id);
        }
        for forecast in &self.sheet.forecasts {
            units.entry(forecast.node()).or_default().0.insert(forecast.group_id);
        }
        units
    }

    /// The names of the nodes that it is about.
    pub fn nodes(&self) -> Vec<&str> {
        self.units().into_keys().collect()
    }

    /// False when it was made of single groups, so that its nodes may have others of which it does not tell.
    pub fn is_whole(&self) -> bool {
        self.document.single_groups != Some(true)
    }
}

/// The groups of one node in one file.
#[derive(Debug, Clone, Default)]
pub struct Units(BTreeSet<Option<u64>>);

impl Units {
    /// The group with that number in its directory's name.
    pub fn of(&self, group_id: Option<u64>) -> Unit {
        group_id.or_else(|| (!self.0.contains(&Some(1))).then_some(1))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Unit> + '_ {
        self.0.iter().map(|group_id| self.of(*group_id))
    }
}

/// The name of the node: its raft id, or its directory where that is not known.
pub fn name_of(copy: &GroupFacts) -> &str {
    if copy.node.raft_id.is_empty() { &copy.node.dir } else { &copy.node.raft_id }
}

/// What is wrong with a file, and what to do.
fn words(error: &FactsError) -> String {
    let (problem, hint) = error.words();
    format!("it {problem}; {hint}")
}

/// Nodes of other engines have no groups of elastickv, which is what is collected and planned.
fn other_engine(engine: Engine) -> String {
    format!(
        "it has facts of {}, whose nodes are neither collected nor planned; `ekv-tool compare` takes the file, with those of the same engine",
        engine.name()
    )
}

/// Files of facts, with what could not be taken.
#[derive(Debug, Default)]
pub struct FactsRead {
    /// Those that were taken.
    pub files: Vec<FactsFile>,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// Files that are none, or that are damaged.
    pub refused: usize,
}

impl FactsRead {
    /// Takes a file, or says why it cannot be taken.
    pub fn take(&mut self, shown: String, read: impl FnOnce() -> Result<Vec<u8>, String>) {
        let held = self.files.iter().map(FactsFile::memory).fold(0, u64::saturating_add);
        let taken = beside(held, || read().and_then(|bytes| FactsFile::decode(shown.clone(), bytes)));
        match taken {
            Ok(file) => {
                self.coverage.add_file(file.bytes.len() as u64);
                self.files.push(file);
            }
            Err(why) => {
                self.refused += 1;
                self.coverage.missing(shown, why);
            }
        }
    }
}
