//! The frame around a record: a length word, the record, padding.

/// Bytes of the length word.
pub const LENGTH_WORD: u64 = 8;
/// Every frame starts at a multiple of this in a segment that the server wrote.
pub const ALIGNMENT: u64 = 8;

/// A length word taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthWord(pub u64);

/// What stands at an offset of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameStep<'a> {
    /// No byte is left: the segment ends here.
    Eof,
    /// A length word of zero: the segment ends here, whatever follows.
    Zero,
    /// 1 to 7 bytes are left where a length word is due.
    ShortWord {
        /// How many.
        left: u64,
    },
    /// The word announces more than the file has.
    TooLong {
        /// The word.
        word: LengthWord,
        /// Bytes from the start of the frame to the end of the file.
        left: u64,
    },
    /// A complete frame.
    Frame(Frame<'a>),
}

/// A complete frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Offset of the length word.
    pub at: u64,
    /// Record and padding: what follows the length word.
    pub body: &'a [u8],
    /// The length word.
    pub word: LengthWord,
}

impl LengthWord {
    /// Length of the record: bits 0 to 55.
    pub const fn record_len(self) -> u64 {
        self.0 & 0x00ff_ffff_ffff_ffff
    }

    /// Length of the padding: bits 56 to 58, when bit 63 says that they count.
    pub const fn padding(self) -> u8 {
        if self.0 >> 63 == 1 { (self.0 >> 56) as u8 & 7 } else { 0 }
    }

    /// The word that the writer makes for a record of `len` bytes.
    pub const fn of_record(len: u64) -> Self {
        match len % 8 {
            0 => Self(len),
            over => Self(len | (0x80 | (8 - over)) << 56),
        }
    }

    /// True when the writer could have made this word.
    #[inline]
    pub const fn is_canonical(self) -> bool {
        self.0 == Self::of_record(self.record_len()).0
    }
}

impl<'a> Frame<'a> {
    /// Reads what stands at `at`. `segment` is the whole file.
    #[inline]
    pub fn read(segment: &'a [u8], at: u64) -> FrameStep<'a> {
        let rest = usize::try_from(at).ok().and_then(|at| segment.get(at..)).unwrap_or_default();
        let Some((word, rest_after)) = rest.split_first_chunk::<8>() else {
            return if rest.is_empty() { FrameStep::Eof } else { FrameStep::ShortWord { left: rest.len() as u64 } };
        };
        let word = LengthWord(u64::from_le_bytes(*word));
        if word.0 == 0 {
            return FrameStep::Zero;
        }
        let len = word.record_len() + u64::from(word.padding());
        match usize::try_from(len).ok().and_then(|len| rest_after.get(..len)) {
            Some(body) => FrameStep::Frame(Self { at, body, word }),
            None => FrameStep::TooLong { word, left: rest.len() as u64 },
        }
    }

    /// The record without its padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.body.get(..self.body.len().saturating_sub(usize::from(self.word.padding()))).unwrap_or_default()
    }

    /// The padding bytes; zero in what the server writes, and covered by no checksum.
    pub fn padding_bytes(&self) -> &'a [u8] {
        self.body.get(self.body.len().saturating_sub(usize::from(self.word.padding()))..).unwrap_or_default()
    }

    /// Offset of the first byte of the record.
    pub const fn payload_at(&self) -> u64 {
        self.at + LENGTH_WORD
    }

    /// Length of the whole frame.
    pub const fn len(&self) -> u64 {
        LENGTH_WORD + self.body.len() as u64
    }

    /// True when there is no record and no padding.
    pub const fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Offset of the byte after the frame.
    pub const fn end(&self) -> u64 {
        self.at + self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_words_round_trip() {
        for len in 1..100 {
            let word = LengthWord::of_record(len);
            assert_eq!(word.record_len(), len);
            assert_eq!((len + u64::from(word.padding())) % 8, 0);
            assert!(word.is_canonical());
        }
        assert_eq!(LengthWord::of_record(18), LengthWord(0x8600_0000_0000_0012));
        assert_eq!(LengthWord(0x0600_0000_0000_0012).padding(), 0, "without bit 63 the padding bits do not count");
        assert!(!LengthWord(0x0600_0000_0000_0012).is_canonical());
    }

    #[test]
    fn ends_of_a_segment() {
        assert_eq!(Frame::read(&[], 0), FrameStep::Eof);
        assert_eq!(Frame::read(&[0; 7], 0), FrameStep::ShortWord { left: 7 });
        assert_eq!(Frame::read(&[0; 8], 0), FrameStep::Zero);
        assert_eq!(Frame::read(&[0; 8], 9), FrameStep::Eof);
        let word = LengthWord(4);
        let mut bytes = word.0.to_le_bytes().to_vec();
        bytes.extend([1, 2, 3]);
        assert_eq!(Frame::read(&bytes, 0), FrameStep::TooLong { word, left: 11 });
        bytes.push(4);
        assert!(matches!(Frame::read(&bytes, 0), FrameStep::Frame(Frame { body: [1, 2, 3, 4], .. })));
        let padding_only = LengthWord(0x8300_0000_0000_0000);
        assert!(matches!(Frame::read(&padding_only.0.to_le_bytes(), 0), FrameStep::TooLong { .. }));
    }
}
