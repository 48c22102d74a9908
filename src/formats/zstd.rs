//! Zstandard frames one behind another, decompressed piece by piece, with their checksums.

use std::hash::Hasher as _;
use std::io::Read as _;

use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::types::{ByteSize, free_budget};

/// The first bytes of a frame.
pub const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why decompression does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZstdFault {
    /// The file ends inside of a frame.
    Ends,
    /// The library's words.
    Malformed(String),
    /// The bytes of a frame have another checksum than it says.
    Checksum {
        /// As the frame says.
        stated: u32,
        /// Of its bytes.
        computed: u32,
    },
    /// A frame refers back over more than the run may take, which says nothing of its bytes.
    Window {
        /// Bytes that it asks for.
        needs: u64,
        /// Bytes that there are.
        most: u64,
    },
}

impl ZstdFault {
    fn of(error: &FrameDecoderError) -> Self {
        match error {
            FrameDecoderError::WindowSizeTooBig { requested, max } => Self::Window { needs: *requested, most: *max },
            other => Self::Malformed(other.to_string()),
        }
    }

    /// True for what is no damage, but more than the run may take.
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::Window { .. })
    }
}

impl std::fmt::Display for ZstdFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ends => f.write_str("the file ends inside of a Zstandard frame"),
            Self::Malformed(why) => write!(f, "the Zstandard frame does not decompress: {why}"),
            Self::Checksum { stated, computed } => {
                write!(f, "the Zstandard frame says checksum {stated:08x}, its bytes have {computed:08x}")
            }
            Self::Window { needs, most } => write!(
                f,
                "the Zstandard frame refers back over {}, and the run may take {}; a larger --memory reads it",
                ByteSize(*needs),
                ByteSize(*most)
            ),
        }
    }
}

/// A file in Zstandard.
pub struct Unzstd<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
    decoder: FrameDecoder,
    sum: twox_hash::XxHash64,
    /// Inside of a frame.
    open: bool,
    /// All blocks of the frame are decoded.
    finished: bool,
}

impl<'a> Unzstd<'a> {
    /// Nothing is read yet.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = FrameDecoder::new();
        // A frame claims how far back it refers; no more than the run may take.
        decoder.set_max_window_size(free_budget());
        Self { bytes, rest: bytes, decoder, sum: twox_hash::XxHash64::with_seed(0), open: false, finished: false }
    }

    /// Bytes of the file that were taken.
    pub const fn offset(&self) -> u64 {
        (self.bytes.len() - self.rest.len()) as u64
    }

    /// Decompresses into `out`; 0 at the end.
    ///
    /// # Errors
    ///
    /// Why it does not go on.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, ZstdFault> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if self.open && self.decoder.can_collect() > 0 {
                let read = self.decoder.read(out).map_err(|error| ZstdFault::Malformed(error.to_string()))?;
                self.sum.write(out.get(..read).unwrap_or_default());
                if read > 0 {
                    return Ok(read);
                }
            }
            if self.open && self.finished {
                self.open = false;
                #[expect(clippy::cast_possible_truncation, reason = "a frame keeps the low 32 bits")]
                let computed = self.sum.finish() as u32;
                if let Some(stated) = self.decoder.get_checksum_from_data().filter(|stated| *stated != computed) {
                    return Err(ZstdFault::Checksum { stated, computed });
                }
            }
            if !self.open && !self.begin()? {
                return Ok(0);
            }
            let before = self.rest.len();
            self.finished =
                self.decoder.decode_blocks(&mut self.rest, BlockDecodingStrategy::UptoBlocks(1)).map_err(|error| {
                    // The library takes what it needs from the front: at a cut nothing is left.
                    if self.rest.is_empty() { ZstdFault::Ends } else { ZstdFault::Malformed(error.to_string()) }
                })?;
            if !self.finished && self.rest.len() == before {
                return Err(ZstdFault::Ends);
            }
        }
    }

    /// Begins the next frame; false when there is none.
    fn begin(&mut self) -> Result<bool, ZstdFault> {
        while let Some((magic, rest)) = self.rest.split_first_chunk::<4>() {
            if u32::from_le_bytes(*magic) & 0xffff_fff0 != 0x184d_2a50 {
                break;
            }
            // A frame to be skipped.
            let Some((len, rest)) = rest.split_first_chunk::<4>() else { return Err(ZstdFault::Ends) };
            let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
            self.rest = rest.get(len..).ok_or(ZstdFault::Ends)?;
        }
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.decoder.reset(&mut self.rest).map_err(|error| match ZstdFault::of(&error) {
            fault if fault.is_limit() || !self.rest.is_empty() => fault,
            _ => ZstdFault::Ends,
        })?;
        (self.open, self.finished, self.sum) = (true, false, twox_hash::XxHash64::with_seed(0));
        Ok(true)
    }
}

/// The first `len` bytes of what the beginning of a file decompresses to, if it holds them.
pub fn first_bytes(head: &[u8], len: usize) -> Option<Vec<u8>> {
    // A whole block may be needed for its first byte; that of a file may lie beyond what is at hand.
    let mut stream = Unzstd::new(head);
    let mut out = vec![0; len];
    let mut done = 0;
    while done < len {
        match stream.read(out.get_mut(done..)?) {
            Ok(0) | Err(_) => return None,
            Ok(read) => done += read,
        }
    }
    Some(out)
}
