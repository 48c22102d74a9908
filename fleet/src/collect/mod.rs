//! `collect`: facts of nodes into one place, as they are and as tables.

mod folder;
mod known;
pub mod table;
pub mod tables;

use std::collections::HashMap;
use std::path::PathBuf;

use ekv_tool::analysis::{Coverage, Finding, Verdict};
use ekv_tool::report::Report;
use ekv_tool::types::Sha256Sum;
use futures_util::{StreamExt as _, stream};

use crate::error::{Error, Result};
use crate::facts::{FactsFile, FactsRead, Unit as Group, find, read};
use crate::parts::{Created, Results};
use crate::progress::{Unit, Watch};
use crate::report::collect::{CollectBody, CollectedFile, Collection};
use crate::report::own;

use known::{Earlier, Known};
use tables::TABLES;

pub use folder::{FACTS, Folder, facts_key};

/// Files that are written at the same time.
const AT_ONCE: usize = 8;

/// What became of one file.
struct Outcome {
    /// The row of the report; none for one that was not collected.
    row: Option<CollectedFile>,
    findings: Vec<Finding>,
    coverage: Coverage,
}

/// Collects the files that `paths` mean. The same facts are collected once, however often they are given; those of another cluster than what is
/// there, never.
pub async fn collect(paths: &[PathBuf], results: &Results, watch: &dyn Watch) -> Result<Report<CollectBody>> {
    let mut all = FactsRead::default();
    let found = find(paths, &mut all.coverage)?;
    let mut known = Known::at(results).await?;
    watch.begin("facts", Unit::Objects, Some(found.len() as u64));
    // By node and group the file that was given first: it is there now, or was refused for what is.
    let mut given: HashMap<(String, Group), PathBuf> = HashMap::new();
    // One is decoded after the other, and several are on their way.
    let taken = found.iter().filter_map(|path| {
        watch.advance(1);
        all.take(path.display().to_string(), || read(path));
        let file = all.files.pop()?;
        let is_new = known.insert(&file);
        let mut earlier = if is_new { known.earlier(&file) } else { Vec::new() };
        for (name, units) in file.units() {
            for unit in units.iter() {
                let first = given.entry((name.to_owned(), unit)).or_insert_with(|| path.clone());
                if is_new && first != path {
                    earlier.push(Earlier::Given(first.clone()));
                }
            }
        }
        Some(async move { one(results, &file, is_new, earlier).await })
    });
    let mut written = stream::iter(taken).buffer_unordered(AT_ONCE);
    let (mut rows, mut findings, mut coverage, mut mixed) = (Vec::new(), Vec::new(), Coverage::default(), 0);
    while let Some(outcome) = written.next().await {
        let outcome = outcome?;
        if outcome.row.is_none() {
            mixed += 1;
        }
        rows.extend(outcome.row);
        findings.extend(outcome.findings);
        coverage.also_left_out(outcome.coverage.not_examined);
    }
    drop(written);
    if rows.is_empty() && mixed == 0 {
        let refused = all.coverage.needed().next();
        let why = refused.map_or_else(|| "no file of facts was named".to_owned(), |part| format!("{}: {}", part.what, part.why));
        return Err(Error::Usage(why));
    }
    all.coverage.also_left_out(coverage.not_examined);
    rows.sort_by(|a, b| a.file.cmp(&b.file));
    let body = CollectBody { results: results.shown().to_owned(), refused: all.refused + mixed, files: rows };
    Ok(own(Report::new(body, findings, all.coverage)))
}

/// Collects one file, unless what is there already is of another cluster.
async fn one(results: &Results, file: &FactsFile, is_new: bool, earlier: Vec<Earlier>) -> Result<Outcome> {
    let mut unheld = Coverage::default();
    for earlier in known::distinct(earlier) {
        match earlier.read(results).await {
            Ok(earlier) => {
                if let Some(finding) = file.is_of_another_cluster(&earlier) {
                    let finding =
                        Finding { message: format!("{} was not collected. {}", file.shown, finding.message), ..finding };
                    return Ok(Outcome { row: None, findings: vec![finding], coverage: Coverage::default() });
                }
            }
            Err(why) => {
                let what = format!("{}: whether it is of the same cluster as {}", file.shown, earlier.shown(results));
                unheld.missing(what, why);
            }
        }
    }
    let collection = if is_new { write(results, file).await? } else { Collection::Known };
    let (findings, mut coverage) = file.judged();
    let verdict = Verdict::of(&findings, &coverage);
    coverage.absorb(unheld);
    Ok(Outcome { row: Some(row(file, verdict, collection)), findings, coverage })
}

/// The key of the part of a table that is made of these facts: there is one, whoever writes it.
pub fn part_of(place: &str, facts: Sha256Sum) -> String {
    format!("{place}{facts}.parquet")
}

/// Writes the tables and the facts; the table of nodes last, so that a run that ends before it does it all again. What is there stays.
async fn write(results: &Results, file: &FactsFile) -> Result<Collection> {
    let mut parts = Vec::new();
    for (table, rows) in TABLES.iter().zip(tables::rows(file)) {
        let bytes = table.encode(&rows).map_err(|_| {
            Error::Usage(format!("{}: its facts make no table called {}; please report this", file.shown, table.name))
        })?;
        parts.push((part_of(&table.place(), file.sha256), bytes));
    }
    parts.insert(parts.len().saturating_sub(1), (facts_key(file), file.bytes.clone()));
    let mut collection = Collection::Known;
    for (key, bytes) in parts {
        if results.create(&key, bytes).await? == Created::New {
            collection = Collection::New;
        }
    }
    Ok(collection)
}

fn row(file: &FactsFile, verdict: Verdict, collection: Collection) -> CollectedFile {
    CollectedFile {
        file: file.shown.clone(),
        nodes: file.nodes().into_iter().map(str::to_owned).collect(),
        groups: file.document.groups.len(),
        taken_at: file.document.taken_at_ms.to_rfc3339(),
        taken_at_ms: file.document.taken_at_ms,
        verdict: verdict.name().to_owned(),
        sha256: file.sha256.to_string(),
        collection,
    }
}
