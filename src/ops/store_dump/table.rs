//! The records of one table, in the order of their keys.

use std::path::Path;

use super::Dump;
use crate::analysis::judge::store::lone::table_problem;
use crate::error::{Error, Result};
use crate::formats::pebble::KeyKind;
use crate::readers::pebble_table::{
    BlockKind, OwnedRangeDel, OwnedRangeKey, Table, TableFailure, TableIter, TableProblem, TableView, separate,
};
use crate::readers::source::Run;
use crate::report::body::store_dump::{FileRow, FileRowType, TableProperties};
use crate::types::Escaped;

/// Bytes of data blocks read at once.
const READ_AHEAD: usize = 1 << 20;

pub(super) fn dump(dump: &mut Dump<'_, '_>, path: &Path, run: &Run<'_>) -> Result<()> {
    let table = match separate(Table::open(path, &*run.source))? {
        Ok(table) => table,
        Err(problem) => {
            problem_met(dump, &problem, "The table cannot be opened");
            return Ok(());
        }
    };
    dump.body.properties = Some(TableProperties::of(&table));
    records(dump, &table, run)?;
    if !dump.body.limited {
        spans(dump, &table)?;
    }
    Ok(())
}

/// Point records.
fn records(dump: &mut Dump<'_, '_>, table: &Table, run: &Run<'_>) -> Result<()> {
    let mut iter = TableIter::new(table, TableView::default(), READ_AHEAD);
    let (mut key, mut read) = (Vec::new(), 0);
    loop {
        match iter.next() {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(TableFailure::Error(error)) => return Err(error),
            Err(TableFailure::Problem(problem)) => {
                // Only the index leads to what follows a block.
                let goes_on = problem.block == Some(BlockKind::Data);
                problem_met(dump, &problem, "A block cannot be read");
                if !goes_on {
                    dump.coverage.missing(format!("the blocks of {} that its index leads to", dump.path), "the index is damaged");
                    return Ok(());
                }
                iter.pass_over();
                continue;
            }
        }
        run.progress.advance(iter.bytes_read().saturating_sub(read));
        read = iter.bytes_read();
        if run.progress.interrupted() {
            return Err(Error::Interrupted);
        }
        if dump.is_enough() {
            return Ok(());
        }
        dump.body.records += 1;
        key.clear();
        key.extend_from_slice(iter.user_key());
        let (trailer, kind, hidden, offset) = (iter.trailer(), iter.kind(), iter.obsolete(), iter.block().offset);
        let row = FileRow { hidden, ..FileRow::of_key(FileRowType::Record, Some(offset), kind, trailer.seq(), &key) };
        match separate(iter.value())? {
            Ok(value) => dump.record(&row, &key, value)?,
            Err(problem) => {
                problem_met(dump, &problem, "A value cannot be read");
                dump.rows.row(&row).map_err(Error::Output)?;
            }
        }
    }
}

/// Range deletions and range keys.
fn spans(dump: &mut Dump<'_, '_>, table: &Table) -> Result<()> {
    let view = TableView::default();
    let deletions = |span: OwnedRangeDel| (span.start, span.end, span.seq, KeyKind::RangeDelete);
    let deletions = table.range_dels(&view).map(|spans| spans.into_iter().map(deletions).collect::<Vec<_>>());
    let keys = |span: OwnedRangeKey| (span.start, span.end, span.seq, span.kind);
    let keys = table.range_keys(&view).map(|spans| spans.into_iter().map(keys).collect::<Vec<_>>());
    for (spans, what) in [(deletions, "Deletions of ranges cannot be read"), (keys, "Range keys cannot be read")] {
        match separate(spans)? {
            Ok(spans) => {
                for (start, end, seq, kind) in &spans {
                    if dump.is_enough() {
                        return Ok(());
                    }
                    dump.body.records += 1;
                    let row =
                        FileRow { end: Some(Escaped(end)), ..FileRow::of_key(FileRowType::Range, None, *kind, *seq, start) };
                    dump.rows.row(&row).map_err(Error::Output)?;
                }
            }
            Err(problem) => problem_met(dump, &problem, what),
        }
    }
    Ok(())
}

fn problem_met(dump: &mut Dump<'_, '_>, problem: &TableProblem, what: &str) {
    dump.body.blocks_damaged += u64::from(problem.kind.is_damage());
    let finding = table_problem(&dump.path, problem, what, &mut dump.coverage);
    if let Some(finding) = finding {
        dump.damage(finding);
    }
}
