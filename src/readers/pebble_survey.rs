//! All tables of a store, surveyed in parallel.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pebble_table::{Table, TableFailure, TableProblem, TableSurvey};
use crate::error::{Error, Result};
use crate::formats::pebble::FileNum;
use crate::formats::pebble::sstable::{Footer, Properties};
use crate::io::{FileStamp, Progress};

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
pub fn survey_files(files: &[TableFile], threads: usize, progress: &dyn Progress) -> Result<Vec<SurveyOutcome>> {
    progress.expect(files.iter().map(|file| file.size).sum());
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(files[index].size));
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<SurveyOutcome>>> = files.iter().map(|_| Mutex::new(None)).collect();
    let work = || -> Result<()> {
        while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = survey_file(&files[index], progress)?;
            if let Ok(mut slot) = outcomes[index].lock() {
                *slot = Some(outcome);
            }
        }
        Ok(())
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.clamp(1, files.len().max(1))).map(|_| scope.spawn(work)).collect();
        let mut results = vec![work()];
        results.extend(workers.into_iter().map(|worker| {
            // A worker that panicked left its tables without an outcome, which shows below.
            worker.join().unwrap_or(Ok(()))
        }));
        results
    });
    results.into_iter().collect::<Result<()>>()?;
    let taken = outcomes.into_iter().map(|slot| slot.into_inner().ok().flatten());
    Ok(taken.map(|outcome| outcome.unwrap_or_else(|| SurveyOutcome::System("the reader failed".to_owned()))).collect())
}

fn survey_file(file: &TableFile, progress: &dyn Progress) -> Result<SurveyOutcome> {
    let table = match Table::open(&file.path) {
        Ok(table) => table,
        Err(TableFailure::Problem(problem)) => {
            let size = FileStamp::at(&file.path).map_or(file.size, |stamp| stamp.size);
            return Ok(SurveyOutcome::Unopenable { size, problem: *problem });
        }
        Err(TableFailure::Error(error)) => return system(error),
    };
    let survey = match table.survey(progress) {
        Ok(survey) => survey,
        Err(error) => return system(error),
    };
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
