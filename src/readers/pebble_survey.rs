//! All tables of a store, surveyed in parallel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::content::LeftOut;
use super::pebble::{Store, StoreFileKind, StoreListing};
use super::pebble_table::{Table, TableDepth, TableFailure, TableProblem, TableSurvey};
use super::source::{Run, Source};
use crate::error::{Error, Result};
use crate::formats::pebble::sstable::{Footer, Properties};
use crate::formats::pebble::{FileNum, NewTable};
use crate::types::{count_work, share_budget};

/// A table file to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Its number.
    pub number: FileNum,
    /// Where it stands.
    pub path: PathBuf,
    /// Bytes that reading it will take, as far as is known.
    pub size: u64,
}

/// What became of reading one table file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SurveyOutcome {
    /// It was read as far as it leads.
    Surveyed(Box<SurveyedTable>),
    /// Its footer, metaindex or properties are wrong, or it is of a kind that is not read.
    Unopenable {
        /// Bytes of the file.
        size: u64,
        /// What is wrong.
        problem: TableProblem,
    },
    /// It is not there.
    Missing,
    /// The system refused; its words.
    System(String),
    /// Its content was not asked for, or the time was over.
    LeftOut {
        /// Bytes of the file.
        size: u64,
        /// Why.
        why: LeftOut,
    },
}

/// A table that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedTable {
    /// Bytes of the file.
    pub size: u64,
    /// Its footer.
    pub footer: Footer,
    /// What it says about itself.
    pub properties: Properties,
    /// What reading it brought to light.
    pub survey: TableSurvey,
    /// True if the file was not the same any more after it was read.
    pub changed: bool,
}

/// Reads every byte of every file, on `threads` threads, largest file first. The outcomes are in the order of `files`.
pub fn survey_files(files: &[TableFile], depth: TableDepth, run: &Run<'_>) -> Result<Vec<SurveyOutcome>> {
    run.progress.expect(files.iter().map(|file| file.size).sum());
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(files[index].size));
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<SurveyOutcome>>> = files.iter().map(|_| Mutex::new(None)).collect();
    let threads = run.threads.clamp(1, files.len().max(1));
    // Files with a block that is too large for one of several threads.
    let large: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let survey = |index: usize, sharers: usize| -> Result<()> {
        let (outcome, over) = share_budget(sharers, || survey_file(&files[index], depth, run));
        if over && sharers > 1 {
            if let Ok(mut large) = large.lock() {
                large.push(index);
            }
        } else if let Ok(mut slot) = outcomes[index].lock() {
            *slot = Some(outcome?);
        }
        Ok(())
    };
    let work = || -> Result<()> {
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            survey(index, threads)?;
        }
        Ok(())
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        // A system that has no more threads to give is no reason to stop.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let workers: Vec<_> = (1..threads).filter_map(spawn).collect();
        let mut results = vec![work()];
        results.extend(workers.into_iter().map(|worker| {
            // A worker that panicked left its tables without an outcome, which shows below.
            worker.join().unwrap_or(Ok(()))
        }));
        results
    });
    results.into_iter().collect::<Result<()>>()?;
    // With nobody beside it each has the whole budget, so that the answer does not depend on the number of threads.
    for index in large.lock().map(|mut large| std::mem::take(&mut *large)).unwrap_or_default() {
        survey(index, 1)?;
    }
    let taken = outcomes.into_iter().map(|slot| slot.into_inner().ok().flatten());
    Ok(taken.map(|outcome| outcome.unwrap_or_else(|| SurveyOutcome::System("the reader failed".to_owned()))).collect())
}

fn survey_file(file: &TableFile, depth: TableDepth, run: &Run<'_>) -> Result<SurveyOutcome> {
    let real = || run.source.real_path(&file.path).unwrap_or_else(|| file.path.clone());
    if let Some(why) = run.content.table(&real) {
        run.content.note(&file.path, file.size, Some(why));
        return Ok(SurveyOutcome::LeftOut { size: file.size, why });
    }
    let table = match Table::open(&file.path, &*run.source) {
        Ok(table) => table,
        Err(TableFailure::Problem(problem)) => {
            let size = run.source.stamp_at(&file.path).map_or(file.size, |stamp| stamp.size);
            return Ok(SurveyOutcome::Unopenable { size, problem: *problem });
        }
        Err(TableFailure::Error(error)) => return system(error),
    };
    let survey = match table.survey_to(depth, &run.content.watch(run.progress)) {
        Ok(survey) => survey,
        Err(Error::Interrupted) if !run.progress.interrupted() => {
            let Some(why) = run.content.time_over() else { return Err(Error::Interrupted) };
            run.content.note(&file.path, file.size, Some(why));
            return Ok(SurveyOutcome::LeftOut { size: file.size, why });
        }
        Err(error) => return system(error),
    };
    run.content.note(&file.path, table.size(), None);
    Ok(SurveyOutcome::Surveyed(Box::new(SurveyedTable {
        size: table.size(),
        footer: *table.footer(),
        properties: table.properties().clone(),
        survey,
        changed: table.changed(),
    })))
}

fn system(error: Error) -> Result<SurveyOutcome> {
    match error {
        Error::Interrupted => Err(Error::Interrupted),
        error if error.is_not_found() => Ok(SurveyOutcome::Missing),
        error => Ok(SurveyOutcome::System(error.to_string())),
    }
}

/// A store and what reading all its tables brought to light.
#[derive(Debug)]
pub struct StoreSurvey {
    /// The view that was read last.
    pub store: Store,
    /// How far its tables were looked into.
    pub depth: TableDepth,
    /// Every table file of that view.
    pub outcomes: BTreeMap<FileNum, SurveyOutcome>,
    /// Tables that were read and that a compaction replaced meanwhile.
    pub replaced: u64,
}

/// How often a store that compacts its tables away under the reader is looked at again.
const ROUNDS: u32 = 5;

/// Reads every byte of every live table of the store in `dir`.
///
/// A server that is running replaces tables all the time. When tables were replaced while they were read, the new ones
/// are read too, a bounded number of times; what the last view does not name is forgotten.
pub fn survey_store(dir: &Path, depth: TableDepth, run: &Run<'_>) -> Result<StoreSurvey> {
    let mut outcomes = BTreeMap::new();
    let mut replaced = 0;
    let mut round = 1;
    loop {
        let mut store = Store::open(dir, run)?;
        let mut live = live_numbers(&store);
        let before = outcomes.len();
        outcomes.retain(|number, _| live.binary_search(number).is_ok());
        replaced += (before - outcomes.len()) as u64;
        live.retain(|number| !outcomes.contains_key(number));
        let done = live.is_empty();
        let (new, absent) = table_files(&store, &live, &*run.source)?;
        outcomes.extend(absent.into_iter().map(|number| (number, SurveyOutcome::Missing)));
        for (file, outcome) in new.iter().zip(survey_files(&new, depth, run)?) {
            outcomes.insert(file.number, outcome);
        }
        // A table that was listed and is gone has been replaced, or somebody removes files: the next view tells.
        // One that was never listed is missing.
        let listed =
            |number: &FileNum| store.facts.listing.tables.get(number).is_some_and(|file| file.kind == StoreFileKind::Regular);
        let vanished = outcomes.iter().any(|(number, outcome)| *outcome == SurveyOutcome::Missing && listed(number));
        let settled = !vanished && store.is_unchanged()?;
        if round == ROUNDS || done || settled {
            store.facts.stable &= settled || (done && !vanished);
            return Ok(StoreSurvey { store, depth, outcomes, replaced });
        }
        outcomes.retain(|_, outcome| *outcome != SurveyOutcome::Missing);
        round += 1;
    }
}

/// Names that were not listed are asked for one by one up to here; beyond it one more listing costs less.
const ASKED: usize = 256;

/// The files of these numbers that may be there, ready to be read, and those that are not there. A log can add any number of
/// tables in a few bytes each.
pub fn table_files(store: &Store, numbers: &[FileNum], source: &dyn Source) -> Result<(Vec<TableFile>, Vec<FileNum>)> {
    let listed = &store.facts.listing.tables;
    let unlisted = numbers.iter().filter(|number| !listed.contains_key(number)).count();
    let now = if unlisted > ASKED { Some(StoreListing::read(&store.dir, source)?.tables) } else { None };
    let (mut files, mut absent) = (Vec::new(), Vec::new());
    for &number in numbers {
        count_work(1);
        let size = listed.get(&number).map(|listed| listed.size);
        if size.is_none() && now.as_ref().is_some_and(|now| !now.contains_key(&number)) {
            absent.push(number);
        } else {
            files.push(TableFile { number, path: store.table_path(number), size: size.unwrap_or_default() });
        }
    }
    Ok((files, absent))
}

/// The numbers of the version's files and of the tables that the logs add.
fn live_numbers(store: &Store) -> Vec<FileNum> {
    let mut numbers: Vec<FileNum> =
        store.version().into_iter().flat_map(|version| version.tables().map(NewTable::file)).collect();
    numbers.extend(store.memory.ingested.iter().map(|ingested| ingested.table));
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
