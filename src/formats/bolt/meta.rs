//! The two meta pages.

use super::page::PAGE_HEADER;
use crate::formats::{Cursor, DecodeResult};

/// First field of a meta page's body.
pub const MAGIC: u32 = 0xed0c_daed;
/// The same as a big-endian host stores it, read as little-endian.
pub const BIG_ENDIAN_MAGIC: u32 = MAGIC.swap_bytes();
/// The only version there is.
pub const VERSION: u32 = 2;
/// Freelist page id that stands for "not kept in the file".
pub const NO_FREELIST: u64 = u64::MAX;
/// Bytes of a meta page up to the end of its checksum.
pub const META_END: usize = PAGE_HEADER + 64;
/// Bytes that the checksum covers.
const SUMMED: std::ops::Range<usize> = PAGE_HEADER..PAGE_HEADER + 56;

/// A meta page's body; integers are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// [`MAGIC`].
    pub magic: u32,
    /// [`VERSION`].
    pub version: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// 0.
    pub flags: u32,
    /// Page id of the bucket directory.
    pub root: u64,
    /// The bucket directory's sequence.
    pub sequence: u64,
    /// Page id of the freelist, or [`NO_FREELIST`].
    pub freelist: u64,
    /// First page id that is not in use.
    pub high_water: u64,
    /// The transaction that wrote the page.
    pub txid: u64,
    /// As stored.
    pub checksum: u64,
    /// Over the bytes as they are.
    pub computed: u64,
}

/// Why a meta page cannot be used; in the order in which the library looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaProblem {
    /// The magic number is not there.
    Magic,
    /// Another version.
    Version,
    /// The checksum does not match; a stored 0 counts as one that does not.
    Checksum,
}

impl Meta {
    /// Decodes a meta page, header included.
    pub fn decode(page: &[u8]) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(page);
        cursor.take("page header", PAGE_HEADER as u64)?;
        Ok(Self {
            magic: cursor.u32_le("magic")?,
            version: cursor.u32_le("version")?,
            page_size: cursor.u32_le("page size")?,
            flags: cursor.u32_le("meta flags")?,
            root: cursor.u64_le("root page")?,
            sequence: cursor.u64_le("root sequence")?,
            freelist: cursor.u64_le("freelist page")?,
            high_water: cursor.u64_le("high water mark")?,
            txid: cursor.u64_le("transaction id")?,
            checksum: cursor.u64_le("checksum")?,
            computed: fnv1a(page.get(SUMMED).unwrap_or_default()),
        })
    }

    /// Whether the library accepts the page.
    pub const fn problem(&self) -> Option<MetaProblem> {
        if self.magic != MAGIC {
            Some(MetaProblem::Magic)
        } else if self.version != VERSION {
            Some(MetaProblem::Version)
        } else if self.checksum != self.computed {
            Some(MetaProblem::Checksum)
        } else {
            None
        }
    }
}

impl MetaProblem {
    /// The library's own words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Magic => "invalid database",
            Self::Version => "version mismatch",
            Self::Checksum => "checksum error",
        }
    }
}

/// FNV-1a, 64 bit.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
