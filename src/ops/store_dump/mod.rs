//! `store dump`: what one file of a store holds, without the others: the records of a table, the batches of a log, the edits of a
//! MANIFEST.

mod log;
mod manifest;
mod table;

use std::path::Path;

use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::store::lone::{damaged, records_end};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::detect::{FileKind, detect};
use crate::formats::pebble::{KeyKind, Records};
use crate::io::MappedFile;
use crate::ops::sealed_value;
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::Live;
use crate::readers::source::Run;
use crate::report::body::store_dump::{DumpedFile, FileRow, StoreDumpBody};
use crate::report::body::store_scan::RowMaker;
use crate::report::{Report, RowStream};
use crate::types::Count;

/// Places of one file that are read on from behind damage; a file with more is given up.
const MOST_HOLES: u64 = 64;
/// Findings of damaged places that are told one by one.
const TOLD: u64 = 32;

/// What is asked of a dump.
#[derive(Debug, Clone)]
pub struct StoreDumpOptions {
    /// End after this many rows.
    pub limit: Option<u64>,
    /// Keys and values as stored, not taken apart.
    pub raw: bool,
    /// Bytes of a value that are shown.
    pub value_bytes: usize,
}

/// What the rows are written with, and what was met on the way.
struct Dump<'d, 'o> {
    path: String,
    options: &'d StoreDumpOptions,
    opener: Option<&'d Opener>,
    rows: &'d mut RowStream<'o>,
    maker: RowMaker,
    closed: Closed,
    body: StoreDumpBody,
    findings: Vec<Finding>,
    coverage: Coverage,
    /// Damaged places, those that are not told among them.
    damages: u64,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    /// The limit is reached.
    Enough,
}

impl Dump<'_, '_> {
    /// True when no further row is wanted.
    fn is_enough(&mut self) -> bool {
        let enough = self.options.limit == Some(self.rows.written());
        self.body.limited |= enough;
        enough
    }

    /// Writes a record with its value, taken apart unless that was not wanted or the record sets nothing.
    fn record(&mut self, row: &FileRow<'_>, key: &[u8], value: &[u8]) -> Result<()> {
        let sets = matches!(row.trailer.kind(), Some(KeyKind::Set | KeyKind::SetWithDelete));
        let row = row.clone().with_value(value, self.options.value_bytes);
        let written = if self.options.raw || !sets {
            self.rows.row(&row)
        } else {
            sealed_value::opened((key, value), self.opener, &self.path, &mut self.closed, |inside| {
                let live = Live { key, value, trailer: row.trailer, place: None };
                let taken_apart = self.maker.row(live, self.options.value_bytes, inside);
                self.rows.row(&row.taken_apart(taken_apart))
            })
        };
        written.map(drop).map_err(Error::Output)
    }

    /// Damage at a place, told if it is one of the first.
    fn damage(&mut self, finding: Finding) {
        self.damages += 1;
        if self.damages <= TOLD {
            self.findings.push(finding);
        }
    }

    /// Hands every record of a file of records to `each`, those behind damage too.
    fn records(
        &mut self,
        file: &MappedFile,
        mut records: Records<'_>,
        run: &Run<'_>,
        mut each: impl FnMut(&mut Self, u64, &[u8]) -> Result<Flow>,
    ) -> Result<()> {
        let (mut holes, mut passed) = (0, 0);
        loop {
            for record in records.by_ref() {
                run.progress.advance(record.offset.saturating_sub(passed));
                passed = passed.max(record.offset);
                if run.progress.interrupted() {
                    return Err(Error::Interrupted);
                }
                self.body.behind_damage += u64::from(holes > 0);
                if each(self, record.offset, &record.payload)? == Flow::Enough {
                    return Ok(());
                }
                file.release_before(record.offset);
            }
            if let Some(over) = records.too_large() {
                self.coverage.missing(format!("what follows offset {passed} of {}", self.path), over.to_string());
                return Ok(());
            }
            let Some(end) = records.end() else { return Ok(()) };
            let behind = records.behind_end();
            match (&behind, end.defect()) {
                (Some(_), Some(defect)) => {
                    let at = end.at();
                    self.damage(damaged(
                        &self.path,
                        at,
                        format!("A chunk cannot be read, and records follow behind it: {defect}."),
                    ));
                }
                _ => {
                    let found = records_end(&self.path, end, file.bytes(), &mut self.coverage);
                    if let Some(found) = found {
                        self.damage(found);
                    }
                }
            }
            holes += 1;
            match behind {
                Some(behind) if holes <= MOST_HOLES => records = behind,
                Some(_) => {
                    let what = format!("what follows offset {} of {}", end.at(), self.path);
                    self.coverage.missing(what, format!("more than {MOST_HOLES} damaged places stand before it"));
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }
}

/// Writes what the file at `path` holds to `rows`: it is a table, a log or a MANIFEST of a Pebble store, by whatever name. With an opener,
/// sealed values are opened.
pub fn store_dump(
    path: &Path,
    options: &StoreDumpOptions,
    opener: Option<&Opener>,
    run: &Run<'_>,
    rows: &mut RowStream<'_>,
) -> Result<Report<StoreDumpBody>> {
    let file = run.source.map(path)?;
    let name = run.source.name_of(path);
    let kind = match detect(&name, file.bytes()).kind {
        FileKind::Table => DumpedFile::Table,
        FileKind::StoreLog => DumpedFile::Log,
        FileKind::Manifest => DumpedFile::Manifest,
        other => {
            // What was not delivered is not known to be anything.
            file.delivered()?;
            return Err(Error::Unsuitable {
                path: path.to_owned(),
                problem: format!("is no table, log or MANIFEST of a Pebble store but: {}", other.name()),
                hint: "`ekv-tool inspect` says what it is and what reads it".to_owned(),
            });
        }
    };
    run.progress.expect(file.stamp().size);
    let shown = path.display().to_string();
    let mut dump = Dump {
        path: shown.clone(),
        options,
        opener,
        rows,
        maker: RowMaker::default(),
        closed: Closed::default(),
        body: StoreDumpBody::new(shown, kind),
        findings: Vec::new(),
        coverage: Coverage::default(),
        damages: 0,
    };
    match kind {
        DumpedFile::Table => table::dump(&mut dump, path, run)?,
        DumpedFile::Log => log::dump(&mut dump, &name, &file, run)?,
        DumpedFile::Manifest => manifest::dump(&mut dump, &file, run)?,
    }
    let Dump { mut body, mut findings, mut coverage, closed, damages, path: shown, rows, .. } = dump;
    match file.fault() {
        Ok(fault) if fault.is_some() || file.changed() => {
            coverage.missing(shown.clone(), "it changed while it was read; run again");
        }
        Ok(_) => {}
        Err(error) => coverage.missing(shown.clone(), format!("it cannot be read: {}", error.reason())),
    }
    if damages > TOLD {
        let more = damages - TOLD;
        findings.push(damaged(&shown, 0, format!("{} more are damaged and not told one by one.", Count(more, "place"))));
    }
    if body.limited {
        coverage.skipped(format!("what follows in {shown}"), "--limit ended the dump");
    }
    coverage.add_file(file.stamp().size);
    findings.extend(closed.finish("the file", &mut coverage));
    body.rows_shown = rows.written();
    Ok(Report::new(body, findings, coverage))
}
