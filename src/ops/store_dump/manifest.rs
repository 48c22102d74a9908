//! The edits of one MANIFEST, in the order in which they count.

use super::{Dump, Flow};
use crate::analysis::judge::store::lone::damaged;
use crate::error::{Error, Result};
use crate::formats::pebble::{Records, VersionEdit};
use crate::io::MappedFile;
use crate::readers::source::Run;
use crate::report::body::store_dump::EditRow;
use crate::types::grant;

/// The shortest entry of a table in an edit takes so many times its bytes in memory, with its row.
const EDIT_RATIO: u64 = 64;

pub(super) fn dump(dump: &mut Dump<'_, '_>, file: &MappedFile, run: &Run<'_>) -> Result<()> {
    dump.records(file, Records::of_manifest(file.bytes()), run, edit)
}

fn edit(dump: &mut Dump<'_, '_>, offset: u64, payload: &[u8]) -> Result<Flow> {
    if dump.is_enough() {
        return Ok(Flow::Enough);
    }
    if let Err(over) = grant((payload.len() as u64).saturating_mul(EDIT_RATIO)) {
        dump.coverage.missing(format!("the edit at {offset} of {}", dump.path), over.to_string());
        return Ok(Flow::Next);
    }
    match VersionEdit::decode(payload) {
        Ok(edit) => {
            dump.body.records += 1;
            dump.rows.row(&EditRow::new(offset, &edit)).map_err(Error::Output)?;
        }
        Err(error) => {
            let finding = damaged(&dump.path, offset, format!("A version edit does not decode: {error}."));
            dump.damage(finding);
        }
    }
    Ok(Flow::Next)
}
