//! What was collected before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::future::try_join_all;

use super::folder::{FACTS, Folder, facts_key, nodes_of};
use super::part_of;
use super::table::Table;
use super::tables::TABLES;
use crate::error::Result;
use crate::facts::{FactsFile, read};
use crate::parts::Results;
use crate::store::Listed;

/// The objects in the place of the results.
pub(super) struct Known {
    keys: BTreeSet<String>,
    /// Of each folder of facts the newest.
    newest: BTreeMap<String, (String, Listed)>,
}

/// Facts that new ones of the same nodes are held against.
#[derive(Debug, Clone)]
pub(super) enum Earlier {
    /// That lie in the results, under this key.
    Collected(String, Listed),
    /// That the caller has named as well.
    Given(PathBuf),
}

impl Known {
    /// Lists the place.
    pub async fn at(results: &Results) -> Result<Self> {
        let tables = TABLES.iter().map(Table::place);
        let places: Vec<String> = tables.chain([FACTS.to_owned()]).collect();
        let (mut keys, mut newest) = (BTreeSet::new(), BTreeMap::new());
        for listed in try_join_all(places.iter().map(|place| results.below(place))).await? {
            for (key, object) in listed {
                if let Some(folder) = Folder::of(&key) {
                    newest.insert(folder.0.to_owned(), (key.clone(), object));
                }
                keys.insert(key);
            }
        }
        Ok(Self { keys, newest })
    }

    /// Counts the file as collected. False when all that is made of it was there.
    pub fn insert(&mut self, file: &FactsFile) -> bool {
        let parts = TABLES.iter().map(|table| part_of(&table.place(), file.sha256));
        let mut is_new = false;
        for key in parts.chain([facts_key(file)]) {
            is_new |= self.keys.insert(key);
        }
        is_new
    }

    /// The newest facts of the same nodes, for each of the combinations of groups in which they were taken.
    pub fn earlier(&self, file: &FactsFile) -> Vec<Earlier> {
        let nodes = nodes_of(file);
        let own = facts_key(file);
        let same = self.newest.range(nodes.clone()..).take_while(|(folder, _)| Folder(folder).nodes() == nodes);
        same.filter(|(_, (key, _))| *key != own)
            .map(|(_, (key, object))| Earlier::Collected(key.clone(), object.clone()))
            .collect()
    }
}

impl Earlier {
    /// How reports name it.
    pub fn shown(&self, results: &Results) -> String {
        match self {
            Self::Collected(key, _) => format!("{}/{key}", results.shown()),
            Self::Given(path) => path.display().to_string(),
        }
    }

    /// Reads it. `Err` says what is wrong with it.
    pub async fn read(&self, results: &Results) -> Result<FactsFile, String> {
        let bytes = match self {
            Self::Collected(_, object) => results.fetch(object).await?.to_vec(),
            Self::Given(path) => read(path)?,
        };
        FactsFile::decode(self.shown(results), bytes)
    }
}

/// Each file once.
pub(super) fn distinct(earlier: Vec<Earlier>) -> Vec<Earlier> {
    let mut told = BTreeSet::new();
    let name = |earlier: &Earlier| match earlier {
        Earlier::Collected(key, _) => key.clone(),
        Earlier::Given(path) => path.display().to_string(),
    };
    earlier.into_iter().filter(|one| told.insert(name(one))).collect()
}
