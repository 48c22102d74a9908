//! The batches of one log of a store, in the order in which they were written.

use super::{Dump, Flow};
use crate::analysis::judge::store::lone::damaged;
use crate::error::{Error, Result};
use crate::formats::detect::store_log_number;
use crate::formats::pebble::{Batch, KeyKind, Records};
use crate::io::MappedFile;
use crate::readers::source::Run;
use crate::report::body::store_dump::{FileRow, FileRowType};
use crate::types::Escaped;

pub(super) fn dump(dump: &mut Dump<'_, '_>, name: &str, file: &MappedFile, run: &Run<'_>) -> Result<()> {
    let number = store_log_number(name, file.bytes());
    dump.body.log_number = Some(number.0);
    dump.records(file, Records::of_log(file.bytes(), number), run, batch)
}

fn batch(dump: &mut Dump<'_, '_>, offset: u64, payload: &[u8]) -> Result<Flow> {
    let batch = match Batch::decode(payload) {
        Ok(batch) => batch,
        Err(error) => {
            let finding = damaged(&dump.path, offset, format!("A write batch does not decode: {error}."));
            dump.damage(finding);
            return Ok(Flow::Next);
        }
    };
    dump.body.batches += 1;
    for entry in batch.entries() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let finding = damaged(&dump.path, offset, format!("The rest of a write batch does not decode: {error}."));
                dump.damage(finding);
                break;
            }
        };
        if dump.is_enough() {
            return Ok(Flow::Enough);
        }
        dump.body.records += 1;
        let kind = match entry.kind {
            KeyKind::LogData => FileRowType::LogData,
            KeyKind::IngestSst | KeyKind::IngestSstWithBlobs => FileRowType::Ingest,
            KeyKind::RangeDelete | KeyKind::Excise | KeyKind::RangeKeySet | KeyKind::RangeKeyUnset | KeyKind::RangeKeyDelete => {
                FileRowType::Range
            }
            _ => FileRowType::Record,
        };
        let seq = entry.seq.unwrap_or(batch.seq);
        let row = FileRow { batch: Some(batch.seq.0), ..FileRow::of_key(kind, Some(offset), entry.kind, seq, entry.key) };
        match kind {
            FileRowType::Range => dump.rows.row(&FileRow { end: Some(Escaped(entry.value)), ..row }).map_err(Error::Output)?,
            FileRowType::Ingest => {
                let table = entry.table_number().ok().map(|table| table.0);
                dump.rows.row(&FileRow { table, key: None, ..row }).map_err(Error::Output)?
            }
            FileRowType::Record | FileRowType::LogData => {
                dump.record(&row, entry.key, entry.value)?;
                continue;
            }
        };
    }
    Ok(Flow::Next)
}
