//! The store of a group and what stands beside it.

use std::collections::BTreeMap;
use std::path::Path;

use super::facts::{BlockFacts, MISSING_KEPT, MetaFact, Registry, StoreCheck, StoreFacts, StorePresence};
use super::found::{KeyState, Source, TableDamage, TableTrouble};
use super::store::Store;
use crate::error::Result;
use crate::formats::layout;
use crate::formats::mvcc::{MetaKey, RegistryKey, RegistryValue};
use crate::formats::pebble::{FileNum, NewTable, Version};
use crate::io::cores;
use crate::readers::pebble_scan::{self, Scan};
use crate::readers::pebble_survey::{SurveyOutcome, survey_files, table_files};
use crate::readers::pebble_table::{Table, TableDepth, TableProblemKind, TableView, separate};
use crate::readers::source::Run;

/// More threads than this do not make one disk faster.
const MAX_THREADS: usize = 4;

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
pub fn examine(group_dir: &Path, check: StoreCheck, run: &Run<'_>) -> Result<GroupStoreFacts> {
    let mut group = GroupStoreFacts { check, ..GroupStoreFacts::default() };
    match run.source.list_names(group_dir) {
        Ok(names) => {
            for (name, _) in names {
                let Some(rest) = name.strip_prefix(layout::STORE) else { continue };
                if name.starts_with(layout::RESTORE_BACKUP) {
                    group.restore_backups.push(name);
                } else if ["-sst-checkpoint-", "-sst-ingest-", "-sst-receive-"].iter().any(|kind| rest.starts_with(kind)) {
                    group.snapshot_artifacts.push(name);
                }
            }
        }
        // The server creates what is missing.
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    if check == StoreCheck::None {
        layout::STORE.clone_into(&mut group.store.name);
        return Ok(group);
    }
    group.store = examine_store(&group_dir.join(layout::STORE), check, run)?;
    if let (StorePresence::Absent, [backup]) = (group.store.presence, group.restore_backups.as_slice()) {
        let mut found = examine_store(&group_dir.join(backup), check, run)?;
        if found.presence == StorePresence::Nowhere {
            // The server renames the link, and speaks of it by its new name.
            layout::STORE.clone_into(&mut found.name);
        }
        group.backup = Some(found);
    }
    Ok(group)
}

/// Reads one store directory as far as `check` asks for.
pub fn examine_store(dir: &Path, check: StoreCheck, run: &Run<'_>) -> Result<StoreFacts> {
    let mut store = Store::open_with(dir, run, |store| {
        if check >= StoreCheck::Meta {
            let state = |&key: &MetaKey| MetaFact { key, state: store.get(key.name().as_bytes()) };
            store.facts.meta = MetaKey::ALL.iter().map(state).collect();
            store.facts.applied_by_entries = applied_by_entries(store);
            store.facts.registry = registry(store)?;
        }
        Ok(())
    })?;
    if check == StoreCheck::Full && store.facts.presence == StorePresence::Directory {
        store.facts.blocks = Some(read_blocks(&store, run)?);
        store.facts.stable &= store.is_unchanged()?;
    }
    Ok(store.facts)
}

/// The rows of the writer registry, as far as they can be read.
fn registry(store: &Store) -> Result<Registry> {
    let mut rows = Registry::new();
    let Ok(mut scan) = pebble_scan::separate(Scan::new(store, RegistryKey::PREFIX))? else { return Ok(rows) };
    while let Ok(true) = pebble_scan::separate(scan.next())? {
        if !scan.key().starts_with(RegistryKey::PREFIX) {
            break;
        }
        if let (Some(key), Some(value)) = (RegistryKey::decode(scan.key()), RegistryValue::decode(scan.value())) {
            rows.insert((key.dek_id, value.node_id.0), value.last_epoch);
        }
    }
    Ok(rows)
}

/// Whether the newest applied index stands in a log behind a row and behind the newest commit timestamp.
fn applied_by_entries(store: &Store) -> bool {
    let found = |wanted| match store.facts.meta.iter().find(|meta| meta.key == wanted).map(|meta| &meta.state) {
        Some(KeyState::Value(found)) => Some(found),
        _ => None,
    };
    let (Some(applied), Some(commit)) = (found(MetaKey::AppliedIndex), found(MetaKey::LastCommitTs)) else { return false };
    let Source::Log(place) = applied.source else { return false };
    let is_row = |key: &[u8]| !MetaKey::ALL.iter().any(|meta| meta.name().as_bytes() == key);
    let mut rows = store.memory.iter_from(b"").filter(|entry| entry.place.log == place.log && is_row(entry.key));
    applied.trailer.seq() > commit.trailer.seq() && rows.any(|row| row.trailer.seq() < applied.trailer.seq())
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
pub fn read_blocks(store: &Store, run: &Run<'_>) -> Result<BlockFacts> {
    let mut facts = BlockFacts::default();
    let live = live_files(store);
    let numbers: Vec<_> = live.iter().map(|live| live.file).collect();
    let (files, absent) = table_files(store, &numbers, &*run.source)?;
    let mut deletes_ranges = !store.memory.ranges.is_empty();
    let all_walkable = store.version().into_iter().flat_map(Version::tables).all(|table| TableView::of(table).is_some());
    let at_once = run.clone().on_threads(cores().min(MAX_THREADS));
    let surveyed = files.iter().map(|file| file.number).zip(survey_files(&files, TableDepth::Rows, &at_once)?);
    let mut outcomes: BTreeMap<_, _> = surveyed.collect();
    outcomes.extend(absent.into_iter().map(|number| (number, SurveyOutcome::Missing)));
    let mut missing = 0_usize;
    for (live, outcome) in live.iter().zip(outcomes.values()) {
        let damage = |trouble| TableDamage { table: live.file, level: live.level, trouble };
        let kept_from_opening = match outcome {
            SurveyOutcome::Surveyed(read) => {
                facts.tables += 1;
                facts.bytes += read.survey.bytes_examined;
                deletes_ranges |= read.survey.range_deletions > 0;
                facts.damage_left_out += read.survey.problems_left_out;
                if !read.survey.problems.is_empty() {
                    facts.met_by_scan.extend(first_met(&store.table_path(live.file), live, run)?);
                }
                facts.damage.extend(read.survey.problems.iter().map(|problem| damage(TableTrouble::Bytes(problem.clone()))));
                None
            }
            SurveyOutcome::Unopenable { problem, .. } => Some(TableTrouble::Bytes(problem.clone())),
            SurveyOutcome::Missing if live.level.is_none() && missing == MISSING_KEPT => {
                facts.missing_left_out += 1;
                None
            }
            SurveyOutcome::Missing => {
                missing += usize::from(live.level.is_none());
                Some(TableTrouble::Missing)
            }
            SurveyOutcome::System(problem) => Some(TableTrouble::System(problem.clone())),
            SurveyOutcome::LeftOut { why, .. } => Some(TableTrouble::System(format!("its content was not read: {why}"))),
        };
        if let Some(trouble) = kept_from_opening {
            // Whoever wants anything of a table opens it first.
            facts.met_by_scan.push(damage(trouble.clone()));
            facts.damage.push(damage(trouble));
        }
    }
    facts.outcomes = outcomes;
    if deletes_ranges && all_walkable && !facts.met_by_scan.is_empty() {
        match pebble_scan::first_met(store, run)? {
            None => facts.met_by_scan.clear(),
            Some(met) if ends_a_walk(&met) => facts.met_by_scan = vec![met],
            // It may be passed over; then what else is damaged counts.
            Some(_) => {}
        }
    }
    Ok(facts)
}

/// True for damage at which a walk certainly ends: the bytes are not those that were written.
const fn ends_a_walk(met: &TableDamage) -> bool {
    match &met.trouble {
        TableTrouble::Bytes(problem) => matches!(
            problem.kind,
            TableProblemKind::Cut
                | TableProblemKind::Magic
                | TableProblemKind::Footer
                | TableProblemKind::Checksum
                | TableProblemKind::Decompression
        ),
        TableTrouble::Missing => true,
        TableTrouble::System(_) => false,
    }
}

/// What a walk over all records of a damaged file meets first.
fn first_met(path: &Path, live: &LiveFile<'_>, run: &Run<'_>) -> Result<Option<TableDamage>> {
    let damage = |failure| TableDamage::new(live.file, live.level, failure);
    let table = match separate(Table::open(path, &*run.source)) {
        Ok(Ok(table)) => table,
        Ok(Err(problem)) => return Ok(Some(damage(problem.into()))),
        Err(error) if error.is_not_found() => return Ok(Some(damage(error.into()))),
        Err(error) => return Err(error),
    };
    if let Err(problem) = separate(table.range_dels(&TableView::default()))? {
        return Ok(Some(damage(problem.into())));
    }
    let views: Vec<_> = live.tables.iter().filter_map(|table| TableView::of(table)).collect();
    let whole = [TableView::default()];
    for view in if views.is_empty() { whole.as_slice() } else { views.as_slice() } {
        if let Some(problem) = table.scan_rows(view, None, run)?.problem {
            return Ok(Some(damage(problem.into())));
        }
    }
    Ok(None)
}
