//! `store lsm`: which tables make up a store. No table is opened.

use std::path::PathBuf;

use crate::analysis::Coverage;
use crate::analysis::judge::store::listed;
use crate::error::Result;
use crate::readers::pebble::Store;
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::store_lsm::{LsmStore, StoreLsmBody};

/// The levels of each store, from MANIFEST and logs; with `list_tables` people see every table, not only drawn.
pub fn store_lsm(dirs: &[PathBuf], list_tables: bool, run: &Run<'_>) -> Result<Report<StoreLsmBody>> {
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for dir in dirs {
        let mut opened = Store::open(dir, run)?;
        let name = dir.display().to_string();
        // The files of several stores have the same names.
        opened.facts.name.clone_from(&name);
        let (mut found, covered) = listed(&opened.facts);
        stores.push(LsmStore::new(name.clone(), &opened.facts, opened.memory.len() as u64));
        if dirs.len() > 1 {
            for finding in &mut found {
                finding.group = Some(name.clone());
            }
        }
        findings.extend(found);
        coverage.absorb(covered);
    }
    Ok(Report::new(StoreLsmBody { stores, list_tables }, findings, coverage))
}
