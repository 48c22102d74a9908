//! Compressed bytes piece by piece, whatever compressed them.

use super::gzip::{Gunzip, GzipFault};
use super::zstd::{Unzstd, ZstdFault};

/// Bytes that are unpacked at a time.
pub const PIECE: usize = 256 << 10;

/// What unpacks compressed bytes piece by piece.
pub trait Unpack {
    /// Why it cannot go on.
    type Fault;

    /// Unpacks the next bytes; 0 at the end.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Self::Fault>;

    /// Offset in the compressed bytes.
    fn offset(&self) -> u64;
}

impl Unpack for Gunzip<'_> {
    type Fault = GzipFault;

    fn read(&mut self, out: &mut [u8]) -> Result<usize, GzipFault> {
        Gunzip::read(self, out)
    }

    fn offset(&self) -> u64 {
        Gunzip::offset(self)
    }
}

impl Unpack for Unzstd<'_> {
    type Fault = ZstdFault;

    fn read(&mut self, out: &mut [u8]) -> Result<usize, ZstdFault> {
        Unzstd::read(self, out)
    }

    fn offset(&self) -> u64 {
        Unzstd::offset(self)
    }
}
