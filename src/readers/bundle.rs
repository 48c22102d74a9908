//! The rows of an `EKVSSTI1` payload, which lie in the tables that it bundles.

use std::path::Path;
use std::sync::Arc;

use super::pebble_table::{Table, TableIter, TableProblem, TableResult, TableView, separate};
use crate::error::{Error, Result};
use crate::formats::fsm::body::{
    BodyFormat, BodyVisitor, MAGIC_LEN, MAX_MANIFEST_LEN, ManifestFile, Row, SstManifest, VALUE_HEAD,
};
use crate::formats::pebble::KeyKind;
use crate::io::{OpenFile, Progress};
use crate::readers::source::Source;
use crate::types::{OverBudget, grant};

/// Bytes of a table that are read at once.
const READ_AHEAD: usize = 1 << 20;
/// Rows between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u64 = 1 << 12;

/// Where the bytes of a bundle are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bundle<'b> {
    /// In a file of this source, whose store payload begins at this offset.
    File(&'b Path, u64, &'b dyn Source),
    /// In memory: the store payload.
    Memory(&'b [u8]),
}

/// A table of a bundle whose rows could not all be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadTable {
    /// Its name in the manifest.
    pub name: String,
    /// Where it begins, from the start of the store payload.
    pub at: u64,
    /// What is wrong, with places inside the table.
    pub problem: TableProblem,
}

/// Bytes of memory that a byte of a manifest takes: its text, and what was decoded of it for the walk and for the facts.
const MANIFEST_MEMORY: u64 = 6;

/// Asks for the memory of a bundle's manifest before it is read; `store` is the store payload, or its front. What is no bundle
/// has none.
pub(super) fn grant_manifest(store: &[u8], len: u64) -> std::result::Result<(), OverBudget> {
    let claimed = store.get(MAGIC_LEN..).and_then(|rest| rest.first_chunk()).map_or(0, |word| i64::from_be_bytes(*word));
    if BodyFormat::of(store) != BodyFormat::SstIngest || !(1..=MAX_MANIFEST_LEN).contains(&claimed) {
        return Ok(());
    }
    grant(claimed.unsigned_abs().min(len).saturating_mul(MANIFEST_MEMORY))
}

/// What is said of a bundle in memory whose manifest does not fit.
pub(super) fn unread_manifest(over: OverBudget, len: u64) -> UnreadTable {
    UnreadTable { name: "of its manifest".to_owned(), at: 0, problem: TableProblem::over_budget(over, len) }
}

/// Shows the rows of all tables to `visitor`, in the order of their keys. `len` is the length of the store payload, every byte of
/// which a walk has found to be as the manifest says. An offset of a row is that of its block.
pub(super) fn visit_rows(
    bundle: Bundle<'_>,
    len: u64,
    manifest: &SstManifest,
    progress: &dyn Progress,
    visitor: &mut dyn BodyVisitor,
) -> Result<Option<UnreadTable>> {
    // Once for all tables, so that they are all of one file.
    let opened = match bundle {
        Bundle::File(path, _, source) => Some(Arc::new(source.open(path)?)),
        Bundle::Memory(_) => None,
    };
    let sizes = manifest.files.iter().map(|file| file.size.unsigned_abs());
    let mut at = len.saturating_sub(sizes.fold(0, u64::saturating_add));
    for file in &manifest.files {
        if let Err(problem) = separate(rows_of_table(bundle, opened.as_ref(), at, file, progress, visitor))? {
            return Ok(Some(UnreadTable { name: file.name.clone(), at, problem }));
        }
        at = at.saturating_add(file.size.unsigned_abs());
    }
    Ok(None)
}

fn rows_of_table(
    bundle: Bundle<'_>,
    opened: Option<&Arc<OpenFile>>,
    at: u64,
    file: &ManifestFile,
    progress: &dyn Progress,
    visitor: &mut dyn BodyVisitor,
) -> TableResult<()> {
    let len = file.size.unsigned_abs();
    let table = match (bundle, opened) {
        (Bundle::File(_, start, _), Some(file)) => Table::part_of(file, start.saturating_add(at), len)?,
        (Bundle::File(..), None) => return Ok(()),
        (Bundle::Memory(store), _) => {
            let range = usize::try_from(at).unwrap_or(usize::MAX)..usize::try_from(at.saturating_add(len)).unwrap_or(usize::MAX);
            let bytes = store.get(range).unwrap_or_default();
            grant(len).map_err(|over| TableProblem::over_budget(over, len))?;
            Table::from_bytes(bytes.to_vec())?
        }
    };
    if let Some(handle) = table.metaindex().range_del {
        return Err(
            TableProblem::unsupported("deletions of key ranges, which no bundle holds", handle.offset, handle.length).into()
        );
    }
    let mut rows = TableIter::new(&table, TableView::default(), READ_AHEAD).hiding_obsolete();
    let mut key = Vec::new();
    let mut count = 0_u64;
    while rows.next()? {
        count += 1;
        if count.is_multiple_of(INTERRUPT_EVERY) && progress.interrupted() {
            return Err(Error::Interrupted.into());
        }
        let block = rows.block();
        if !matches!(rows.kind(), KeyKind::Set | KeyKind::SetWithDelete) {
            let detail = format!("a record of the kind {}, which no bundle holds", rows.kind());
            return Err(TableProblem::unsupported(detail, block.offset, block.length).into());
        }
        key.clear();
        key.extend_from_slice(rows.user_key());
        let value = rows.value()?;
        let value_head = value.get(..VALUE_HEAD).unwrap_or(value);
        let at = at.saturating_add(block.offset);
        visitor.row(&Row { at, key: &key, version: None, value_len: value.len() as u64, value_head });
        visitor.value(value);
        visitor.row_end();
    }
    Ok(())
}
