//! The header that every page begins with.

use crate::formats::{Cursor, DecodeResult};

/// Bytes of a page header.
pub const PAGE_HEADER: usize = 16;
/// Page of keys and child pages.
pub const FLAG_BRANCH: u16 = 0x01;
/// Page of keys and values.
pub const FLAG_LEAF: u16 = 0x02;
/// Page 0 or 1.
pub const FLAG_META: u16 = 0x04;
/// Page of free page ids.
pub const FLAG_FREELIST: u16 = 0x10;

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Keys and child pages.
    Branch,
    /// Keys and values.
    Leaf,
    /// Page 0 or 1.
    Meta,
    /// Free page ids.
    Freelist,
}

/// A page's header; integers are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// Number of the page; 0 inside an inline bucket.
    pub id: u64,
    /// Exactly one of the `FLAG_` constants.
    pub flags: u16,
    /// Number of elements.
    pub count: u16,
    /// Further pages that belong to this one.
    pub overflow: u32,
}

impl PageHeader {
    /// Decodes the first bytes of a page.
    pub fn decode(page: &[u8]) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(page);
        Ok(Self {
            id: cursor.u64_le("page id")?,
            flags: cursor.u16_le("page flags")?,
            count: cursor.u16_le("element count")?,
            overflow: cursor.u32_le("overflow pages")?,
        })
    }

    /// The kind, if exactly one flag is set and it is a known one.
    pub const fn kind(&self) -> Option<PageKind> {
        match self.flags {
            FLAG_BRANCH => Some(PageKind::Branch),
            FLAG_LEAF => Some(PageKind::Leaf),
            FLAG_META => Some(PageKind::Meta),
            FLAG_FREELIST => Some(PageKind::Freelist),
            _ => None,
        }
    }
}

/// The word that the library has for a page with these flags.
pub fn type_name(flags: u16) -> String {
    for (flag, name) in [(FLAG_BRANCH, "branch"), (FLAG_LEAF, "leaf"), (FLAG_META, "meta"), (FLAG_FREELIST, "freelist")] {
        if flags & flag != 0 {
            return name.to_owned();
        }
    }
    format!("unknown<{flags:02x}>")
}
