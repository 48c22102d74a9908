//! The first 32 bytes of a segment.

use std::fmt;

/// First four bytes, little-endian; the next four are zero, the version among them.
pub const SEGMENT_MAGIC: u32 = 0x58eb_6b0d;
/// Bytes of the header.
pub const HEADER_LEN: usize = 32;
/// The codec that is built in.
pub const BINARY_CODEC: u64 = 1;

/// What a segment says about itself. Little-endian throughout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Index of its first entry.
    pub base: u64,
    /// Its id.
    pub id: u64,
    /// How entries are written.
    pub codec: u64,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    /// The file is shorter.
    Short,
    /// All of it is zero: nothing was written yet.
    Zero,
    /// Other bytes than the magic number and version 0.
    Magic,
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the file is shorter than a header",
            Self::Zero => "the header is zero",
            Self::Magic => "the header does not begin with the magic number and version 0",
        })
    }
}

impl SegmentHeader {
    /// Decodes the beginning of a file.
    ///
    /// # Errors
    ///
    /// Why there is no header.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(HeaderFault::Short)?;
        let (words, _) = header.as_chunks::<8>();
        let &[magic, base, id, codec] = words else { return Err(HeaderFault::Short) };
        if u64::from_le_bytes(magic) != u64::from(SEGMENT_MAGIC) {
            return Err(if header.iter().all(|&byte| byte == 0) { HeaderFault::Zero } else { HeaderFault::Magic });
        }
        Ok(Self { base: u64::from_le_bytes(base), id: u64::from_le_bytes(id), codec: u64::from_le_bytes(codec) })
    }
}
