//! The store of a group and what stands beside it.

use std::collections::BTreeMap;
use std::path::Path;

use super::facts::{BlockFacts, MetaFact, MetaKey, StoreCheck, StoreFacts, StorePresence};
use super::lookup::TableDamage;
use super::store::Store;
use crate::error::{Error, Result};
use crate::formats::pebble::{FileNum, NewTable, Version};
use crate::io::{Progress, list_dir};
use crate::readers::pebble_table::{Table, TableView, separate};

/// Name of the store directory in a group directory.
pub const STORE_DIR: &str = "fsm.db";

/// The store of a group, the copies beside it, and the store that would take its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupStoreFacts {
    /// `fsm.db`.
    pub store: StoreFacts,
    /// How far it was looked at.
    pub check: StoreCheck,
    /// `fsm.db-restore-backup-*`: stores that a restore put aside, sorted by name.
    pub restore_backups: Vec<String>,
    /// `fsm.db-sst-checkpoint-*`, `-sst-ingest-*` and `-sst-receive-*`: work areas that a newer server removes.
    pub snapshot_artifacts: Vec<String>,
    /// What the only backup holds, if there is no store and a newer server would put it in its place.
    pub backup: Option<StoreFacts>,
}

/// Reads the store of `group_dir` as far as `check` asks for.
///
/// Damage is in the facts; an error is what the system refused.
pub fn examine(group_dir: &Path, check: StoreCheck, progress: &dyn Progress) -> Result<GroupStoreFacts> {
    let mut group = GroupStoreFacts { check, ..GroupStoreFacts::default() };
    match list_dir(group_dir) {
        Ok(entries) => {
            for entry in entries {
                let Some(rest) = entry.name.strip_prefix(STORE_DIR) else { continue };
                if rest.starts_with("-restore-backup-") {
                    group.restore_backups.push(entry.name);
                } else if ["-sst-checkpoint-", "-sst-ingest-", "-sst-receive-"].iter().any(|kind| rest.starts_with(kind)) {
                    group.snapshot_artifacts.push(entry.name);
                }
            }
        }
        // The server creates what is missing.
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    if check == StoreCheck::None {
        STORE_DIR.clone_into(&mut group.store.name);
        return Ok(group);
    }
    group.store = examine_store(&group_dir.join(STORE_DIR), check, progress)?;
    if let (StorePresence::Absent, [backup]) = (group.store.presence, group.restore_backups.as_slice()) {
        group.backup = Some(examine_store(&group_dir.join(backup), check, progress)?);
    }
    Ok(group)
}

/// Reads one store directory as far as `check` asks for.
pub fn examine_store(dir: &Path, check: StoreCheck, progress: &dyn Progress) -> Result<StoreFacts> {
    let mut store = Store::open_with(dir, |store| {
        if check >= StoreCheck::Meta {
            let state = |&key: &MetaKey| MetaFact { key, state: store.get(key.name().as_bytes()) };
            store.facts.meta = MetaKey::ALL.iter().map(state).collect();
        }
        Ok(())
    })?;
    if check == StoreCheck::Full && store.facts.presence == StorePresence::Directory {
        store.facts.blocks = Some(read_blocks(&store, progress)?);
        store.facts.stable &= store.is_unchanged()?;
    }
    Ok(store.facts)
}

/// A live file, and the tables of the version that it holds.
struct LiveFile<'v> {
    file: FileNum,
    level: Option<usize>,
    tables: Vec<&'v NewTable>,
}

fn live_files(store: &Store) -> Vec<LiveFile<'_>> {
    let mut files: BTreeMap<FileNum, LiveFile<'_>> = BTreeMap::new();
    for table in store.version().into_iter().flat_map(Version::tables) {
        let new = || LiveFile { file: table.file(), level: Some(table.level), tables: Vec::new() };
        files.entry(table.file()).or_insert_with(new).tables.push(table);
    }
    for ingested in &store.memory.ingested {
        let new = || LiveFile { file: ingested.table, level: None, tables: Vec::new() };
        files.entry(ingested.table).or_insert_with(new);
    }
    files.into_values().collect()
}

/// Reads every block of every live file.
fn read_blocks(store: &Store, progress: &dyn Progress) -> Result<BlockFacts> {
    let mut facts = BlockFacts::default();
    progress.expect(store.facts.live_bytes);
    for live in live_files(store) {
        if progress.interrupted() {
            return Err(Error::Interrupted);
        }
        let damage = |failure| TableDamage::new(live.file, live.level, failure);
        let table = match Table::open(&store.table_path(live.file)) {
            Ok(table) => table,
            Err(failure) => {
                // Whoever wants anything of the table opens it first.
                let damage = damage(failure);
                facts.met_by_scan.push(damage.clone());
                facts.damage.push(damage);
                continue;
            }
        };
        let survey = table.survey(progress)?;
        facts.tables += 1;
        facts.bytes += survey.bytes_examined;
        facts.damage_left_out += survey.problems_left_out;
        if !survey.problems.is_empty() {
            facts.met_by_scan.extend(first_met(&table, &live, progress)?);
        }
        facts.damage.extend(survey.problems.into_iter().map(|problem| damage(problem.into())));
    }
    Ok(facts)
}

/// What a walk over all records of a damaged file meets first.
fn first_met(table: &Table, live: &LiveFile<'_>, progress: &dyn Progress) -> Result<Option<TableDamage>> {
    let damage = |failure| TableDamage::new(live.file, live.level, failure);
    if let Err(problem) = separate(table.range_dels(&TableView::default()))? {
        return Ok(Some(damage(problem.into())));
    }
    let views: Vec<_> = live.tables.iter().filter_map(|table| TableView::of(table)).collect();
    let whole = [TableView::default()];
    for view in if views.is_empty() { whole.as_slice() } else { views.as_slice() } {
        if let Some(problem) = table.scan_rows(view, None, progress)?.problem {
            return Ok(Some(damage(problem.into())));
        }
    }
    Ok(None)
}
