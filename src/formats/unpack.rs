//! Compressed bytes piece by piece, whatever compressed them.

use super::gzip::{GZIP_MAGIC, Gunzip, GzipFault};
use super::zstd::{Unzstd, ZSTD_MAGIC, ZstdFault};

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

    /// True for a fault that is no damage, but more than the run may take.
    fn is_limit(_fault: &Self::Fault) -> bool {
        false
    }
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

    fn is_limit(fault: &ZstdFault) -> bool {
        fault.is_limit()
    }
}

/// How bytes are compressed, by the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Packing {
    /// Of the first bytes of a file; `None` where they say nothing of the kind.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&GZIP_MAGIC) {
            Some(Self::Gzip)
        } else if head.starts_with(&ZSTD_MAGIC) {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        }
    }

    /// The endings that files of it have, without which their names are those of what is in them.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Gzip => &[".gz", ".gzip"],
            Self::Zstd => &[".zst", ".zstd"],
        }
    }
}

/// Where compressed bytes do not unpack, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFault {
    /// How they are compressed.
    pub packing: Packing,
    /// Offset up to which they were taken when it showed.
    pub at: u64,
    /// How many there are.
    pub of: u64,
    /// The reason in words.
    pub words: String,
    /// It is no damage, but more than the run may take.
    pub is_limit: bool,
}

impl PackFault {
    /// The first fault of bytes that are compressed so; `None` when they unpack to their end. What comes out is not kept. `tick` is told how
    /// far it is, and says whether to go on; with [`Err`] it did not.
    pub fn find(packing: Packing, bytes: &[u8], tick: &mut dyn FnMut(u64) -> bool) -> Result<Option<Self>, Stopped> {
        match packing {
            Packing::Gzip => Self::first(packing, Gunzip::new(bytes), bytes.len() as u64, tick),
            Packing::Zstd => Self::first(packing, Unzstd::new(bytes), bytes.len() as u64, tick),
        }
    }

    fn first<U: Unpack<Fault: std::fmt::Display>>(
        packing: Packing,
        mut stream: U,
        of: u64,
        tick: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Self>, Stopped> {
        let mut piece = vec![0; PIECE];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(_) if tick(stream.offset()) => {}
                Ok(_) => return Err(Stopped),
                Err(fault) => {
                    let is_limit = U::is_limit(&fault);
                    return Ok(Some(Self { packing, at: stream.offset(), of, words: fault.to_string(), is_limit }));
                }
            }
        }
    }
}

/// Whoever was told how far it is did not want to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut zip = Vec::new();
        flate2::read::GzEncoder::new(plain, flate2::Compression::fast()).read_to_end(&mut zip).unwrap();
        zip
    }

    #[test]
    fn a_fault_has_its_place() {
        let plain: Vec<u8> = (0..40_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let zip = packed(&plain);
        let find = |bytes: &[u8]| PackFault::find(Packing::Gzip, bytes, &mut |_| true).unwrap();
        assert_eq!(find(&zip), None);
        let cut = find(&zip[..zip.len() / 2]).unwrap();
        assert_eq!((cut.at, cut.words.as_str()), ((zip.len() / 2) as u64, "the file ends inside the gzip stream"));
        let mut wrong = zip.clone();
        let middle = zip.len() / 2;
        wrong[middle] ^= 0x55;
        let wrong = find(&wrong).unwrap();
        assert!(wrong.at > 0 && wrong.at <= zip.len() as u64, "{wrong:?}");
        // Whatever is cut off: no panic, and a fault.
        let short = packed(b"some text that is packed");
        for len in 3..short.len() {
            assert!(find(&short[..len]).is_some(), "{len}");
        }
        assert_eq!(PackFault::find(Packing::Gzip, &zip, &mut |_| false), Err(Stopped));
    }
}
