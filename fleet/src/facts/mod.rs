//! Files of facts, as `ekv-tool facts` writes them: found, read, and taken only when their checksum is right.

#![allow(clippy::disallowed_methods, reason = "files of facts are this machine's")]

mod sheet;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::facts::{Document, FactsError, GroupFacts};
use ekv_tool::formats::facts::{FRONT, begins};
use ekv_tool::types::{Sha256Sum, beside, grant};

pub use sheet::{Cost, FindingLine, Forecast, Sheet};

use crate::error::{Error, Result};

/// What a file of facts is called when it is looked for in a directory.
pub const EXTENSION: &str = "facts";

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

    /// What the next start of a node reads and writes in all its groups. Without a time when that of any of them is not known.
    pub fn cost_of(&self, name: &str) -> Cost {
        let of_node = self.document.groups.iter().filter(|copy| name_of(copy) == name);
        let costs = of_node.map(|copy| self.cost_of_copy(copy).unwrap_or_default());
        let none = Cost { estimate_ms: Some(0), ..Cost::default() };
        costs.fold(none, |all, one| {
            let none = one.read_bytes == 0 && one.write_bytes == 0;
            let estimate = if none { Some(0) } else { one.estimate_ms };
            Cost {
                read_bytes: all.read_bytes.saturating_add(one.read_bytes),
                write_bytes: all.write_bytes.saturating_add(one.write_bytes),
                estimate_ms: all.estimate_ms.zip(estimate).map(|(all, one)| all.saturating_add(one)),
            }
        })
    }

    /// What is forecast of the starts of a node.
    pub fn forecasts_of<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Forecast> {
        self.sheet.forecasts.iter().filter(move |forecast| forecast.raft_id == name)
    }

    /// True when the file tells of a copy of the group on the node.
    fn has_copy(&self, name: &str, group_id: Option<u64>) -> bool {
        self.document.groups.iter().any(|copy| name_of(copy) == name && copy.group_id == group_id)
    }

    /// The nodes that it is about, by name: also those of which it has no more than that a start would be refused.
    pub fn nodes(&self) -> Vec<&str> {
        let forecast = self.sheet.forecasts.iter().map(|forecast| forecast.raft_id.as_str());
        let copies = self.document.groups.iter().map(name_of);
        let mut names: Vec<_> = copies.chain(forecast.filter(|name| !name.is_empty())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The name of the node: its raft id, or its directory where that is not known.
pub fn name_of(copy: &GroupFacts) -> &str {
    if copy.node.raft_id.is_empty() { &copy.node.dir } else { &copy.node.raft_id }
}

fn words(error: &FactsError) -> String {
    let (problem, hint) = error.words();
    format!("it {problem}; {hint}")
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

    /// For each node the newest of the files that are about it, and nothing of the others.
    pub fn newest(self) -> Newest {
        let Self { files, mut coverage, .. } = self;
        let mut newest: BTreeMap<String, usize> = BTreeMap::new();
        let age = |file: &FactsFile| (file.document.taken_at_ms, file.sha256);
        for (number, file) in files.iter().enumerate() {
            for name in file.nodes() {
                let best = newest.entry(name.to_owned()).or_insert(number);
                if age(file) > age(&files[*best]) {
                    *best = number;
                }
            }
        }
        for (number, file) in files.iter().enumerate() {
            let older: Vec<_> = file.nodes().into_iter().filter(|name| newest.get(*name) != Some(&number)).collect();
            // The same facts under another name are not older.
            let same = |name: &&str| newest.get(*name).is_some_and(|best| files[*best].sha256 == file.sha256);
            if !older.iter().all(same) {
                coverage.skipped(format!("{} of {}", older.join(", "), file.shown), "there are newer facts of the same node");
            }
        }
        // Facts of one directory of a node say nothing of its other groups.
        let mut partial: BTreeMap<String, String> = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            for copy in &file.document.groups {
                let name = name_of(copy);
                let Some(best) = newest.get(name).filter(|best| **best != number).map(|best| &files[*best]) else { continue };
                if !best.has_copy(name, copy.group_id) && !partial.contains_key(name) {
                    let text = format!("{} has a group of it that {}, its newest facts, do not tell of", file.shown, best.shown);
                    coverage.missing(format!("all groups of {name}"), text.clone());
                    partial.insert(name.to_owned(), text);
                }
            }
        }
        Newest { files, newest, partial, coverage }
    }
}

/// The newest facts of each node.
#[derive(Debug)]
pub struct Newest {
    /// Every file that was read.
    pub files: Vec<FactsFile>,
    /// Position of the file that counts, by the name of the node.
    pub newest: BTreeMap<String, usize>,
    /// Nodes of which older files tell more groups, and which.
    pub partial: BTreeMap<String, String>,
    /// What was read, and what was not.
    pub coverage: Coverage,
}

/// The files that are meant by `paths`: files as they are, of directories what is called `*.facts`, in order.
pub fn find(paths: &[PathBuf], coverage: &mut Coverage) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let shown = path.display();
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: std::io::Error| Error::Usage(format!("{shown}: the directory cannot be listed: {error}"));
        let mut below = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let found = entry.map_err(failed)?.path();
            if found.extension().is_some_and(|extension| extension == EXTENSION) {
                below.push(found);
            }
        }
        if below.is_empty() {
            coverage.missing(
                shown.to_string(),
                "the directory has no file called *.facts; `ekv-tool facts DIR -o n1.facts` makes one",
            );
        }
        below.sort();
        files.extend(below);
    }
    files.dedup();
    Ok(files)
}

/// The bytes of a file, if they may be facts.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    // A pipe would be waited for.
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    (&mut file).take(FRONT as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    begins(&bytes).map_err(|broken| words(&FactsError::Broken(broken)))?;
    let size = meta.len();
    grant(Document::memory_of(size)).map_err(|over| words(&FactsError::TooLarge(over)))?;
    file.take(size.saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
