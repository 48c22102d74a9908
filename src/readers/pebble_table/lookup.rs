//! Every version of one user key in a table.

use super::problem::TableResult;
use super::{Table, TableIter, TableView};
use crate::formats::pebble::sstable::BlockHandle;
use crate::formats::pebble::{KeyKind, Trailer};

/// One record of a user key, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointVersion {
    /// Sequence number and kind, as they count.
    pub trailer: Trailer,
    /// The kind.
    pub kind: KeyKind,
    /// The value, from wherever it stands.
    pub value: Vec<u8>,
    /// The data block that holds the record.
    pub block: BlockHandle,
    /// Offset of the record in the uncompressed block.
    pub entry_at: u64,
}

impl Table {
    /// The versions of `user_key`, newest first. Reads the index blocks on the way and the data blocks that hold them.
    ///
    /// Range deletions are not applied.
    pub fn versions(&self, view: &TableView, user_key: &[u8]) -> TableResult<Vec<PointVersion>> {
        let mut versions = Vec::new();
        let mut iter = TableIter::new(self, view.clone(), 0);
        iter.seek(user_key)?;
        // The versions of a key may continue in the next block; the iterator goes there by itself.
        while iter.next()? && iter.user_key() == user_key {
            let (trailer, kind, block, entry_at) = (iter.trailer(), iter.kind(), iter.block(), iter.entry_at());
            let value = iter.value()?.to_vec();
            versions.push(PointVersion { trailer, kind, value, block, entry_at });
        }
        Ok(versions)
    }
}
