//! Elements of branch and leaf pages. Positions count from the element itself.

use super::page::PAGE_HEADER;
use crate::formats::{Cursor, DecodeError, DecodeResult};

/// Bytes of an element, of either kind.
pub const ELEMENT: usize = 16;
/// The value is a bucket.
const FLAG_BUCKET: u32 = 1;

/// An element of a branch page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchElement {
    /// Start of the key, from the element.
    pub pos: u32,
    /// Bytes of the key.
    pub ksize: u32,
    /// The child page.
    pub child: u64,
}

/// An element of a leaf page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafElement {
    /// Bit 0: the value is a bucket.
    pub flags: u32,
    /// Start of the key, from the element.
    pub pos: u32,
    /// Bytes of the key.
    pub ksize: u32,
    /// Bytes of the value, which follows the key.
    pub vsize: u32,
}

/// Offset of element `index` in its page.
const fn offset(index: u16) -> u64 {
    (PAGE_HEADER + ELEMENT * index as usize) as u64
}

fn element(page: &[u8], index: u16) -> DecodeResult<Cursor<'_>> {
    let mut cursor = Cursor::new(page);
    cursor.take("elements", offset(index))?;
    Ok(cursor)
}

fn slice<'a>(page: &'a [u8], what: &'static str, from: u64, len: u64) -> DecodeResult<&'a [u8]> {
    let mut cursor = Cursor::new(page);
    cursor.take(what, from)?;
    cursor.take(what, len)
}

impl BranchElement {
    /// Element `index` of a branch page.
    pub fn decode(page: &[u8], index: u16) -> DecodeResult<Self> {
        Self::from_cursor(&mut element(page, index)?)
    }

    /// An element by itself.
    pub fn from_bytes(bytes: &[u8]) -> DecodeResult<Self> {
        Self::from_cursor(&mut Cursor::new(bytes))
    }

    fn from_cursor(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        Ok(Self { pos: cursor.u32_le("key position")?, ksize: cursor.u32_le("key size")?, child: cursor.u64_le("child page")? })
    }

    /// Offset of the key in the page.
    pub fn key_at(&self, index: u16) -> u64 {
        offset(index) + u64::from(self.pos)
    }

    /// The key, which must lie in the page behind the elements.
    pub fn key<'a>(&self, page: &'a [u8], index: u16) -> DecodeResult<&'a [u8]> {
        slice(page, "branch key", self.key_at(index), self.ksize.into())
    }
}

impl LeafElement {
    /// Element `index` of a leaf page.
    pub fn decode(page: &[u8], index: u16) -> DecodeResult<Self> {
        Self::from_cursor(&mut element(page, index)?)
    }

    /// An element by itself.
    pub fn from_bytes(bytes: &[u8]) -> DecodeResult<Self> {
        Self::from_cursor(&mut Cursor::new(bytes))
    }

    fn from_cursor(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        Ok(Self {
            flags: cursor.u32_le("element flags")?,
            pos: cursor.u32_le("key position")?,
            ksize: cursor.u32_le("key size")?,
            vsize: cursor.u32_le("value size")?,
        })
    }

    /// True when the value is a bucket.
    pub const fn is_bucket(&self) -> bool {
        self.flags & FLAG_BUCKET != 0
    }

    /// Offset of the key in the page.
    pub fn key_at(&self, index: u16) -> u64 {
        offset(index) + u64::from(self.pos)
    }

    /// Offset of the value in the page.
    pub fn value_at(&self, index: u16) -> u64 {
        self.key_at(index) + u64::from(self.ksize)
    }

    /// Key and value, which must lie in the page.
    pub fn key_value<'a>(&self, page: &'a [u8], index: u16) -> DecodeResult<(&'a [u8], &'a [u8])> {
        let key = slice(page, "leaf key", self.key_at(index), self.ksize.into())?;
        let value = slice(page, "leaf value", self.value_at(index), self.vsize.into())?;
        if key.is_empty() {
            return Err(DecodeError::invalid(offset(index), "leaf key", "a key has at least one byte"));
        }
        Ok((key, value))
    }
}
