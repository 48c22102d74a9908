//! A gzip stream (RFC 1952), piece by piece: what comes out of it, and where and why it ends early. Read as Go's `compress/gzip` reads
//! it, which takes several streams one behind another for one.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

/// First bytes of every gzip stream that anybody writes: the magic number, and deflate as the method.
pub const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// True when two of the three first bytes are those of a stream: one of them may have been spoiled.
pub fn almost_gzip(bytes: &[u8]) -> bool {
    bytes.len() >= GZIP_MAGIC.len()
        && GZIP_MAGIC.iter().zip(bytes).filter(|(known, byte)| known == byte).count() + 1 >= GZIP_MAGIC.len()
}

/// Bytes of a header without its optional parts.
const HEADER: usize = 10;
/// Bytes behind the compressed data: checksum and length, little-endian.
const TRAILER: usize = 8;
/// Longest name or comment in a header, with the zero behind it: more than Go's reader takes.
const LONGEST_TEXT: usize = 512;

/// Why a stream ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GzipFault {
    /// Offset in the file.
    pub at: u64,
    /// What is wrong.
    pub kind: GzipFaultKind,
}

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipFaultKind {
    /// There is no header.
    Header,
    /// The checksum over the header is wrong.
    HeaderChecksum,
    /// The file ends.
    Truncated,
    /// The compressed data cannot be decompressed.
    Corrupt,
    /// CRC-32 of what came out is another one.
    Checksum {
        /// As the file says.
        stored: u32,
        /// Of what came out.
        computed: u32,
    },
    /// The length of what came out, modulo 2^32, is another one.
    Length {
        /// As the file says.
        stored: u32,
        /// Of what came out.
        computed: u32,
    },
    /// Bytes behind the last stream that begin no other.
    Trailing {
        /// How many.
        bytes: u64,
        /// True when all of them are zero.
        zero: bool,
    },
}

impl GzipFault {
    /// What Go's reader says; a corrupt stream's text goes on with an offset of its own counting.
    pub const fn go_text(&self) -> &'static str {
        match self.kind {
            GzipFaultKind::Trailing { bytes, .. } if bytes < HEADER as u64 => "unexpected EOF",
            GzipFaultKind::Header | GzipFaultKind::HeaderChecksum | GzipFaultKind::Trailing { .. } => "gzip: invalid header",
            GzipFaultKind::Truncated => "unexpected EOF",
            GzipFaultKind::Corrupt => "flate: corrupt input before offset ...",
            GzipFaultKind::Checksum { .. } | GzipFaultKind::Length { .. } => "gzip: invalid checksum",
        }
    }
}

impl fmt::Display for GzipFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            GzipFaultKind::Header => f.write_str("there is no gzip header"),
            GzipFaultKind::HeaderChecksum => f.write_str("the checksum over the gzip header is wrong"),
            GzipFaultKind::Truncated => f.write_str("the file ends inside the gzip stream"),
            GzipFaultKind::Corrupt => f.write_str("the compressed data cannot be decompressed"),
            GzipFaultKind::Checksum { stored, computed } => {
                write!(f, "the gzip stream says CRC-32 {stored:08x}, what is in it has {computed:08x}")
            }
            GzipFaultKind::Length { stored, computed } => {
                write!(f, "the gzip stream says a length of {stored} bytes (modulo 2^32), there are {computed} in it")
            }
            GzipFaultKind::Trailing { bytes, zero } => {
                write!(f, "{bytes} bytes{} stand behind the gzip stream", if zero { " of zero" } else { "" })
            }
        }
    }
}

/// What comes next in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    Data,
    Trailer,
}

/// A stream that is being read. Holds a window of 32 KiB, whatever the stream says.
pub struct Gunzip<'a> {
    bytes: &'a [u8],
    at: usize,
    inflate: Decompress,
    next: Part,
    crc: crc32fast::Hasher,
    len: u32,
    /// Streams that were begun.
    streams: u64,
    fault: Option<GzipFault>,
}

impl fmt::Debug for Gunzip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gunzip").field("at", &self.at).field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl<'a> Gunzip<'a> {
    /// Begins to read.
    pub fn new(bytes: &'a [u8]) -> Self {
        let inflate = Decompress::new(false);
        Self { bytes, at: 0, inflate, next: Part::Header, crc: crc32fast::Hasher::new(), len: 0, streams: 0, fault: None }
    }

    /// Bytes of the file that were used.
    pub const fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Streams one behind another, so far.
    pub const fn streams(&self) -> u64 {
        self.streams
    }

    /// Decompresses into `out`; 0 at the end of the last stream.
    ///
    /// # Errors
    ///
    /// Where and why it does not go on; the same at every further call.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, GzipFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let read = self.some(out);
        self.fault = read.as_ref().err().copied();
        read
    }

    fn fail<T>(&self, at: usize, kind: GzipFaultKind) -> Result<T, GzipFault> {
        debug_assert!(at <= self.bytes.len());
        Err(GzipFault { at: at as u64, kind })
    }

    fn some(&mut self, out: &mut [u8]) -> Result<usize, GzipFault> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            match self.next {
                Part::Header if self.streams > 0 && rest.is_empty() => return Ok(0),
                Part::Header => {
                    self.header(rest)?;
                    continue;
                }
                Part::Trailer => {
                    self.trailer(rest)?;
                    continue;
                }
                Part::Data => {}
            }
            let (used, made) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(rest, out, FlushDecompress::None);
            let used = usize::try_from(self.inflate.total_in() - used).unwrap_or(0);
            let made = usize::try_from(self.inflate.total_out() - made).unwrap_or(0);
            self.at += used;
            let Ok(status) = status else { return self.fail(self.at, GzipFaultKind::Corrupt) };
            let piece = out.get(..made).unwrap_or_default();
            self.crc.update(piece);
            #[expect(clippy::cast_possible_truncation, reason = "the stored length is modulo 2^32")]
            let add = made as u32;
            self.len = self.len.wrapping_add(add);
            if status == Status::StreamEnd {
                self.next = Part::Trailer;
            }
            // What came out is given before the trailer is looked at.
            if made > 0 || out.is_empty() {
                return Ok(made);
            }
            if status != Status::StreamEnd && used == 0 {
                return self.fail(self.bytes.len(), GzipFaultKind::Truncated);
            }
        }
    }

    fn header(&mut self, rest: &[u8]) -> Result<(), GzipFault> {
        let first = self.streams == 0;
        if !rest.starts_with(&GZIP_MAGIC) {
            if first && rest.len() < HEADER && GZIP_MAGIC.starts_with(rest.get(..rest.len().min(3)).unwrap_or_default()) {
                return self.fail(self.bytes.len(), GzipFaultKind::Truncated);
            }
            let zero = rest.iter().all(|&byte| byte == 0);
            let kind = if first { GzipFaultKind::Header } else { GzipFaultKind::Trailing { bytes: rest.len() as u64, zero } };
            return self.fail(self.at, kind);
        }
        let truncated = GzipFault { at: self.bytes.len() as u64, kind: GzipFaultKind::Truncated };
        let flags = *rest.get(3).ok_or(truncated)?;
        let mut end = HEADER;
        if flags & 4 != 0 {
            let len = rest.get(end..end + 2).and_then(|len| len.first_chunk::<2>()).ok_or(truncated)?;
            end += 2 + usize::from(u16::from_le_bytes(*len));
        }
        for flag in [8, 16] {
            if flags & flag != 0 {
                let text = rest.get(end..).ok_or(truncated)?;
                let text = text.get(..text.len().min(LONGEST_TEXT)).unwrap_or_default();
                match text.iter().position(|&byte| byte == 0) {
                    Some(zero) => end += zero + 1,
                    None if text.len() == LONGEST_TEXT => return self.fail(self.at, GzipFaultKind::Header),
                    None => return Err(truncated),
                }
            }
        }
        let header = rest.get(..end).ok_or(truncated)?;
        if flags & 2 != 0 {
            let stored = rest.get(end..end + 2).and_then(|sum| sum.first_chunk::<2>()).ok_or(truncated)?;
            if crc32fast::hash(header) & 0xffff != u32::from(u16::from_le_bytes(*stored)) {
                return self.fail(self.at, GzipFaultKind::HeaderChecksum);
            }
            end += 2;
        }
        self.at += end;
        self.streams += 1;
        self.next = Part::Data;
        self.inflate.reset(false);
        self.crc = crc32fast::Hasher::new();
        self.len = 0;
        Ok(())
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<(), GzipFault> {
        let Some([stored, len]) = rest.first_chunk::<TRAILER>().map(|trailer| {
            let (words, _) = trailer.as_chunks::<4>();
            let word = |at: usize| words.get(at).map_or(0, |word| u32::from_le_bytes(*word));
            [word(0), word(1)]
        }) else {
            return self.fail(self.bytes.len(), GzipFaultKind::Truncated);
        };
        let computed = self.crc.clone().finalize();
        if stored != computed {
            return self.fail(self.at, GzipFaultKind::Checksum { stored, computed });
        }
        if len != self.len {
            return self.fail(self.at + 4, GzipFaultKind::Length { stored: len, computed: self.len });
        }
        self.at += TRAILER;
        self.next = Part::Header;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<GzipFault>) {
        let mut gunzip = Gunzip::new(bytes);
        let (mut all, mut out) = (Vec::new(), vec![0; piece]);
        loop {
            match gunzip.read(&mut out) {
                Ok(0) => return (all, None),
                Ok(read) => all.extend_from_slice(&out[..read]),
                Err(fault) => {
                    assert_eq!(gunzip.read(&mut out), Err(fault), "a fault stays");
                    return (all, Some(fault));
                }
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..5000_u32).flat_map(|n| format!("{} ", n * n % 977).into_bytes()).collect()
    }

    #[test]
    fn streams_one_behind_another_are_one() {
        let (a, b) = (gzip(&text()), gzip(b"more"));
        for piece in [1, 7, 512, 1 << 16] {
            assert_eq!(whole(&a, piece), (text(), None));
            assert_eq!(whole(&[a.clone(), b.clone()].concat(), piece), ([text(), b"more".to_vec()].concat(), None));
        }
        assert_eq!(whole(&gzip(b""), 9), (Vec::new(), None));
    }

    #[test]
    fn what_stands_behind_is_told() {
        let stream = gzip(b"abc");
        let behind = |tail: &[u8]| whole(&[stream.as_slice(), tail].concat(), 99).1.unwrap();
        let at = stream.len() as u64;
        assert_eq!(behind(&[0; 20]), GzipFault { at, kind: GzipFaultKind::Trailing { bytes: 20, zero: true } });
        assert_eq!(behind(b"x").kind, GzipFaultKind::Trailing { bytes: 1, zero: false });
        assert_eq!((behind(b"x").go_text(), behind(&[0; 20]).go_text()), ("unexpected EOF", "gzip: invalid header"));
    }

    #[test]
    fn optional_parts_of_a_header() {
        let plain = gzip(b"abc");
        let mut header = vec![0x1f, 0x8b, 8, 4 | 8 | 16 | 2, 1, 2, 3, 4, 0, 3, 3, 0, b'e', b'x', b't', b'n', 0, b'c', 0];
        let crc = crc32fast::hash(&header).to_le_bytes();
        header.extend_from_slice(&crc[..2]);
        let all = [header.as_slice(), &plain[10..]].concat();
        assert_eq!(whole(&all, 99), (b"abc".to_vec(), None));
        for end in 0..all.len() {
            assert!(whole(&all[..end], 99).1.is_some_and(|fault| fault.kind == GzipFaultKind::Truncated), "cut at {end}");
        }
        header[4] ^= 1;
        assert_eq!(whole(&[header.as_slice(), &plain[10..]].concat(), 99).1.unwrap().kind, GzipFaultKind::HeaderChecksum);
    }

    #[test]
    fn every_cut_is_found_and_every_flip_is_found_or_changes_nothing() {
        let stream = gzip(&text()[..300]);
        for end in 0..stream.len() {
            let (_, fault) = whole(&stream[..end], 64);
            assert_eq!(fault.unwrap().kind, GzipFaultKind::Truncated, "cut at {end}");
        }
        for bit in 0..stream.len() * 8 {
            let mut flipped = stream.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (out, fault) = whole(&flipped, 64);
            assert!(fault.is_some() || out == text()[..300], "bit {bit}");
            assert!(fault.is_none_or(|fault| fault.at <= stream.len() as u64), "bit {bit}");
        }
    }
}
