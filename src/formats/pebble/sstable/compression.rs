//! A stored payload into a buffer that the caller owns.

use super::claimed::bounded;
use super::minlz;
use crate::formats::{Cursor, DecodeError, DecodeResult};

/// Largest uncompressed block that is decoded. Blocks are near 4 KiB; only one huge value makes a larger one.
pub const MAX_BLOCK_LEN: u64 = 1 << 30;

/// The codec of one block, from its compression byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Compression {
    /// Stored as it is.
    None = 0,
    /// A raw Snappy block.
    Snappy = 1,
    /// Base-128 length, then one Zstandard frame.
    Zstd = 7,
    /// A MinLZ block.
    MinLz = 8,
}

impl Compression {
    /// The codec of a compression byte; `None` for the numbers that are reserved and never written.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::None,
            1 => Self::Snappy,
            7 => Self::Zstd,
            8 => Self::MinLz,
            _ => return None,
        })
    }

    /// The name that Pebble prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Snappy => "Snappy",
            Self::Zstd => "ZSTD",
            Self::MinLz => "MinLZ",
        }
    }

    /// Bytes that the payload claims to uncompress to.
    pub fn claimed_len(self, payload: &[u8]) -> DecodeResult<u64> {
        match self {
            Self::None => Ok(payload.len() as u64),
            Self::Zstd => Cursor::new(payload).varint("uncompressed length"),
            Self::MinLz if payload.first() == Some(&0) => minlz::claimed_len(payload),
            Self::Snappy | Self::MinLz => {
                snap::raw::decompress_len(payload).map(|len| len as u64).map_err(|error| codec_error("Snappy block", &error))
            }
        }
    }

    /// Returns the uncompressed bytes: `payload` itself, or the contents of `scratch`.
    ///
    /// The length that the payload claims is bounded before memory is set aside for it.
    pub fn decompress<'b>(self, payload: &'b [u8], scratch: &'b mut Vec<u8>) -> DecodeResult<&'b [u8]> {
        match self {
            Self::None => return Ok(payload),
            Self::Snappy => snappy(payload, scratch)?,
            Self::Zstd => zstd(payload, scratch)?,
            // The encoder falls back to Snappy for some inputs; a MinLZ block starts with a zero byte.
            Self::MinLz if payload.first() != Some(&0) => snappy(payload, scratch)?,
            Self::MinLz => minlz::decompress(payload, scratch)?,
        }
        Ok(scratch)
    }
}

/// An element of Snappy yields at most 64 bytes from 3.
const SNAPPY_MAX_RATIO: u64 = 22;

fn snappy(payload: &[u8], scratch: &mut Vec<u8>) -> DecodeResult<()> {
    let claimed = snap::raw::decompress_len(payload).map_err(|error| codec_error("Snappy block", &error))? as u64;
    let limit = (payload.len() as u64).saturating_mul(SNAPPY_MAX_RATIO).min(MAX_BLOCK_LEN);
    let len = bounded(claimed, limit, "uncompressed length of a Snappy block")?;
    // Growing only when needed keeps a reused buffer from being zeroed again.
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    scratch.truncate(len);
    let written = snap::raw::Decoder::new().decompress(payload, scratch).map_err(|error| codec_error("Snappy block", &error))?;
    if written == len {
        Ok(())
    } else {
        Err(DecodeError::invalid(0, "Snappy block", format!("{len} bytes claimed, {written} decoded")))
    }
}

fn zstd(payload: &[u8], scratch: &mut Vec<u8>) -> DecodeResult<()> {
    let mut cursor = Cursor::new(payload);
    let claimed = cursor.varint("uncompressed length")?;
    let len = bounded(claimed, MAX_BLOCK_LEN, "uncompressed length of a ZSTD block")?;
    let frame_at = cursor.offset();
    let refuse = |error: &dyn std::fmt::Display| codec_error("ZSTD frame", error).shifted(frame_at);
    let mut frame = cursor.rest();
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    decoder.reset(&mut frame).map_err(|error| refuse(&error))?;
    scratch.clear();
    loop {
        // Piece by piece, so that memory follows what is really there and not what is claimed.
        let finished = decoder
            .decode_blocks(&mut frame, ruzstd::decoding::BlockDecodingStrategy::UptoBlocks(8))
            .map_err(|error| refuse(&error))?;
        if let Some(piece) = decoder.collect() {
            if scratch.len().saturating_add(piece.len()) > len {
                return Err(refuse(&format!("more than the {len} bytes claimed")));
            }
            scratch.extend_from_slice(&piece);
        }
        if finished {
            break;
        }
    }
    if scratch.len() != len {
        return Err(refuse(&format!("{len} bytes claimed, {} decoded", scratch.len())));
    }
    if !frame.is_empty() {
        return Err(refuse(&format!("{} bytes behind the frame", frame.len())));
    }
    Ok(())
}

fn codec_error(what: &'static str, error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::invalid(0, what, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::DecodeErrorKind;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"aaaaaaaaaabcdbcdbcdbcd";
    const SNAPPY: &[u8] = &[0x16, 0x00, 0x61, 0x15, 0x01, 0x08, 0x62, 0x63, 0x64, 0x15, 0x03];
    const MINLZ: &[u8] = &[0x00, 0x16, 0x00, 0x61, 0x44, 0x10, 0x62, 0x63, 0x64, 0x95, 0x00];
    const ZSTD: &[u8] = &[
        0x42, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x42, 0x95, 0x00, 0x00, 0x28, 0x61, 0x61, 0x62, 0x63, 0x64, 0x04, 0x00, 0x72, 0x12,
        0xc0, 0xa9, 0x81, 0xae, 0x0c, 0x02, 0x60, 0x01,
    ];

    fn decompress(codec: Compression, payload: &[u8]) -> DecodeResult<Vec<u8>> {
        codec.decompress(payload, &mut vec![0xee; 7]).map(<[u8]>::to_vec)
    }

    #[test]
    fn the_vectors_of_the_format_page() {
        assert_eq!(decompress(Compression::None, TEXT).unwrap(), TEXT);
        assert_eq!(decompress(Compression::Snappy, SNAPPY).unwrap(), TEXT);
        assert_eq!(decompress(Compression::MinLz, MINLZ).unwrap(), TEXT);
        assert_eq!(decompress(Compression::MinLz, SNAPPY).unwrap(), TEXT, "falls back to Snappy");
        assert_eq!(decompress(Compression::Zstd, ZSTD).unwrap(), TEXT.repeat(3));
    }

    #[test]
    fn no_prefix_decodes_and_no_flip_panics() {
        for (codec, payload) in [(Compression::Snappy, SNAPPY), (Compression::MinLz, MINLZ), (Compression::Zstd, ZSTD)] {
            for len in 0..payload.len() {
                assert!(decompress(codec, &payload[..len]).is_err() || len < 2, "{codec:?} {len}");
            }
            for bit in 0..payload.len() * 8 {
                let mut flipped = payload.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = decompress(codec, &flipped);
            }
        }
    }

    #[test]
    fn a_claimed_length_is_bounded_before_it_is_allocated() {
        // Four gigabytes from two bytes.
        let error = decompress(Compression::Snappy, &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Limit { limit: 154, .. }), "{error}");
        let error = decompress(Compression::Zstd, &[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x28]).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::Limit { .. }), "{error}");
        let mut longer = ZSTD.to_vec();
        longer[0] += 1;
        assert!(decompress(Compression::Zstd, &longer).is_err(), "a frame shorter than claimed");
        longer[0] -= 2;
        assert!(decompress(Compression::Zstd, &longer).is_err(), "a frame longer than claimed");
        let mut trailing = ZSTD.to_vec();
        trailing.push(0);
        assert!(decompress(Compression::Zstd, &trailing).is_err(), "bytes behind the frame");
    }

    #[test]
    fn reserved_codecs_are_unknown() {
        let known: Vec<u8> = (0..=u8::MAX).filter(|&byte| Compression::from_byte(byte).is_some()).collect();
        assert_eq!(known, [0, 1, 7, 8]);
    }

    proptest! {
        #[test]
        fn what_the_encoder_writes_is_read_back(bytes in proptest::collection::vec(0..4_u8, 0..9000)) {
            let stored = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
            prop_assert_eq!(decompress(Compression::Snappy, &stored).unwrap(), bytes);
        }

        #[test]
        fn the_ratio_bound_holds_for_the_best_case(len in 0..200_000_usize) {
            let stored = snap::raw::Encoder::new().compress_vec(&vec![7; len]).unwrap();
            prop_assert_eq!(decompress(Compression::Snappy, &stored).unwrap().len(), len);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for codec in [Compression::Snappy, Compression::Zstd, Compression::MinLz] {
                let _ = decompress(codec, &bytes);
            }
        }
    }
}
