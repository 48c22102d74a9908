//! The file as the library sees it: a memory mapping that is larger than the file, and nothing that bounds an access.

use std::borrow::Cow;

use super::abort::Crash;

/// Page of the operating system: the rest of the last one reads as zeros.
const SYSTEM_PAGE: u64 = 4096;
/// Smallest mapping.
const SMALLEST: u64 = 1 << 15;
/// Mappings double up to this, and grow by it from then on.
const STEP: u64 = 1 << 30;
/// A slice of memory that ends behind this is refused by the language's run time.
const LARGEST_SLICE: u64 = 0x7fff_ffff;
/// Index of the largest byte that the library can address.
const LARGEST_OFFSET: u64 = 0xffff_ffff_ffff;

/// A mapped file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory<'a> {
    bytes: &'a [u8],
}

/// Bytes that something in the file points to. They may go beyond what can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Offset in the file.
    pub at: u64,
    /// Claimed length.
    pub len: u64,
}

impl<'a> Memory<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Length of the file.
    pub(super) const fn file_len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Length of the mapping.
    pub(super) fn mapped(&self) -> u64 {
        let len = self.file_len();
        if len <= STEP { len.next_power_of_two().max(SMALLEST) } else { len.next_multiple_of(STEP) }
    }

    /// Where reading ends: behind the file, at the next page of the system.
    fn readable(&self) -> u64 {
        self.file_len().next_multiple_of(SYSTEM_PAGE)
    }

    /// Bytes that can be touched, at most `len`; fewer where the memory ends.
    pub(super) fn up_to(&self, at: u64, len: u64) -> Cow<'a, [u8]> {
        let end = at.saturating_add(len).min(self.readable());
        let (Ok(from), Ok(to)) = (usize::try_from(at), usize::try_from(end)) else { return Cow::Borrowed(&[]) };
        if from >= to {
            return Cow::Borrowed(&[]);
        }
        if to <= self.bytes.len() {
            return Cow::Borrowed(self.bytes.get(from..to).unwrap_or_default());
        }
        let mut copy = self.bytes.get(from.min(self.bytes.len())..).unwrap_or_default().to_vec();
        copy.resize(to - from, 0);
        Cow::Owned(copy)
    }

    /// Bytes that are all touched.
    pub(super) fn read(&self, at: u64, len: u64) -> Result<Cow<'a, [u8]>, Crash> {
        let bytes = self.up_to(at, len);
        if bytes.len() as u64 == len { Ok(bytes) } else { Err(Crash::fault(at.saturating_add(bytes.len() as u64))) }
    }

    /// Offset of a page, as the library multiplies it.
    pub(super) fn page_at(id: u64, page_size: u64) -> Result<u64, Crash> {
        let at = id.wrapping_mul(page_size);
        if at >= LARGEST_OFFSET {
            return Err(Crash::panic(format!("runtime error: index out of range [{at}] with length {LARGEST_OFFSET}")));
        }
        Ok(at)
    }

    /// A slice relative to `base`, without touching it.
    pub(super) fn slice(base: u64, from: u64, len: u64) -> Result<Span, Crash> {
        let end = from + len;
        if end > LARGEST_SLICE {
            return Err(Crash::panic(format!("runtime error: slice bounds out of range [::{end}] with length {LARGEST_SLICE}")));
        }
        Ok(Span { at: base + from, len })
    }
}
