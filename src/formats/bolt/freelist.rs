//! The page of free page ids.

use super::page::{PAGE_HEADER, PageHeader};
use crate::formats::{Cursor, DecodeResult};

/// Count that says "the first id is the count".
const LARGE: u16 = 0xffff;

/// How many ids a freelist page has, and where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreelistHead {
    /// Number of ids, as claimed.
    pub count: u64,
    /// Offset of the first id in the page.
    pub at: u64,
}

/// Reads the head of a freelist page, header included.
pub fn freelist_head(page: &[u8]) -> DecodeResult<FreelistHead> {
    let header = PageHeader::decode(page)?;
    if header.count != LARGE {
        return Ok(FreelistHead { count: header.count.into(), at: PAGE_HEADER as u64 });
    }
    let mut cursor = Cursor::new(page);
    cursor.take("page header", PAGE_HEADER as u64)?;
    Ok(FreelistHead { count: cursor.u64_le("number of free pages")?, at: PAGE_HEADER as u64 + 8 })
}

/// The ids of a freelist page: those that are there, and whether all that are claimed are.
pub fn freelist_ids(page: &[u8]) -> DecodeResult<(Vec<u64>, bool)> {
    let head = freelist_head(page)?;
    let mut cursor = Cursor::new(page);
    cursor.take("page header", head.at)?;
    let there = (cursor.remaining() / 8) as u64;
    let mut ids = Vec::new();
    for _ in 0..head.count.min(there) {
        ids.push(cursor.u64_le("free page id")?);
    }
    Ok((ids, head.count <= there))
}
