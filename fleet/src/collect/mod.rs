//! `collect`: facts of nodes into one place, as they are and as tables.

pub mod table;
pub mod tables;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ekv_tool::report::Report;
use ekv_tool::types::Sha256Sum;
use futures_util::{StreamExt as _, stream};

use crate::error::{Error, Result};
use crate::facts::{FactsFile, FactsRead, find, read};
use crate::parts::{Created, Results};
use crate::progress::{Unit, Watch};
use crate::report::collect::{CollectBody, CollectedFile, Collection};
use crate::report::own;

use tables::{NODES, TABLES};

/// Below this, in the place of the results, are the files of facts as they were given.
pub const FACTS: &str = "facts/v1/";

/// Files that are written at the same time.
const AT_ONCE: usize = 8;

/// Collects the files that `paths` mean. The same facts are collected once, however often they are given.
pub async fn collect(paths: &[PathBuf], results: &Results, watch: &dyn Watch) -> Result<Report<CollectBody>> {
    let mut all = FactsRead::default();
    let found = find(paths, &mut all.coverage)?;
    let nodes = results.below(&NODES.place()).await?;
    let mut known: BTreeSet<String> = nodes.into_iter().map(|(key, _)| key).collect();
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    watch.begin("facts", Unit::Objects, Some(found.len() as u64));
    // One is decoded after the other, and several are on their way.
    let taken = found.iter().filter_map(|path| {
        watch.advance(1);
        all.take(path.display().to_string(), || read(path));
        let file = all.files.pop()?;
        findings.extend(file.sheet.known(&file.shown, &mut all.coverage));
        all.coverage.also_left_out(file.sheet.not_examined(&file.document).cloned().map(|mut part| {
            part.what = format!("{}: {}", file.shown, part.what);
            part
        }));
        let is_new = known.insert(part_of(&NODES.place(), file.sha256));
        Some(async move {
            let collection = if is_new { write(results, &file).await? } else { Collection::Known };
            Ok::<_, Error>(row(&file, collection))
        })
    });
    let mut written = stream::iter(taken).buffer_unordered(AT_ONCE);
    while let Some(row) = written.next().await {
        rows.push(row?);
    }
    drop(written);
    if rows.is_empty() {
        let refused = all.coverage.needed().next();
        let why = refused.map_or_else(|| "no file of facts was named".to_owned(), |part| format!("{}: {}", part.what, part.why));
        return Err(Error::Usage(why));
    }
    rows.sort_by(|a, b| a.file.cmp(&b.file));
    let body = CollectBody { results: results.shown().to_owned(), refused: all.refused, files: rows };
    Ok(own(Report::new(body, findings, all.coverage)))
}

/// The key of the part of a table that is made of these facts: there is one, whoever writes it.
pub fn part_of(place: &str, facts: Sha256Sum) -> String {
    format!("{place}{facts}.parquet")
}

/// The key of the facts as they are: those of the same nodes lie together, the newest last.
pub fn facts_key(file: &FactsFile) -> String {
    let who = Sha256Sum::of(file.nodes().join("\n").as_bytes()).to_string();
    format!("{FACTS}{}/{:016}-{}.facts", &who[..16], file.document.taken_at_ms.0, file.sha256)
}

/// Writes the tables and the facts; the table of nodes last, so that a run that ends before it does it all again.
async fn write(results: &Results, file: &FactsFile) -> Result<Collection> {
    let mut parts = Vec::new();
    for (table, rows) in TABLES.iter().zip(tables::rows(file)) {
        let bytes = table.encode(&rows).map_err(|_| {
            Error::Usage(format!("{}: its facts make no table called {}; please report this", file.shown, table.name))
        })?;
        parts.push((part_of(&table.place(), file.sha256), bytes));
    }
    let last = parts.pop();
    for (key, bytes) in parts {
        results.create(&key, bytes).await?;
    }
    results.create(&facts_key(file), file.bytes.clone()).await?;
    let Some((key, bytes)) = last else { return Ok(Collection::Known) };
    Ok(match results.create(&key, bytes).await? {
        Created::New => Collection::New,
        Created::Known => Collection::Known,
    })
}

fn row(file: &FactsFile, collection: Collection) -> CollectedFile {
    CollectedFile {
        file: file.shown.clone(),
        nodes: file.nodes().into_iter().map(str::to_owned).collect(),
        groups: file.document.groups.len(),
        taken_at: file.document.taken_at_ms.to_rfc3339(),
        taken_at_ms: file.document.taken_at_ms,
        verdict: file.sheet.verdict.clone(),
        sha256: file.sha256.to_string(),
        collection,
    }
}
