//! Bounds-checked reads that know their offset.

use super::{DecodeError, DecodeErrorKind, DecodeResult, varint};

/// Reads fields one after another from a slice; every failure names the field and the offset.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte, from the start of the slice.
    pub const fn offset(&self) -> u64 {
        self.at as u64
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Number of bytes that have not been read.
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The next `len` bytes. A length above what is left is a truncation, however large it is.
    pub fn take(&mut self, what: &'static str, len: u64) -> DecodeResult<&'a [u8]> {
        let taken = usize::try_from(len).ok().and_then(|len| self.rest().get(..len));
        match taken {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(self.truncated(what, len)),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> DecodeResult<[u8; N]> {
        match self.rest().first_chunk::<N>() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.truncated(what, N as u64)),
        }
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> DecodeResult<u8> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes, big-endian.
    pub fn u16_be(&mut self, what: &'static str) -> DecodeResult<u16> {
        self.array(what).map(u16::from_be_bytes)
    }

    /// Two bytes, little-endian.
    pub fn u16_le(&mut self, what: &'static str) -> DecodeResult<u16> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Four bytes, big-endian.
    pub fn u32_be(&mut self, what: &'static str) -> DecodeResult<u32> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// Four bytes, little-endian.
    pub fn u32_le(&mut self, what: &'static str) -> DecodeResult<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes, big-endian.
    pub fn u64_be(&mut self, what: &'static str) -> DecodeResult<u64> {
        self.array(what).map(u64::from_be_bytes)
    }

    /// Eight bytes, little-endian.
    pub fn u64_le(&mut self, what: &'static str) -> DecodeResult<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A base-128 integer of up to 64 bits.
    pub fn varint(&mut self, what: &'static str) -> DecodeResult<u64> {
        match varint::decode(self.rest()) {
            Ok((value, len)) => {
                self.at += len;
                Ok(value)
            }
            Err(varint::VarintError::Truncated) => Err(self.truncated(what, self.remaining() as u64 + 1)),
            Err(varint::VarintError::Overflow) => Err(DecodeError::new(self.offset(), DecodeErrorKind::Varint { what })),
        }
    }

    /// A base-128 length followed by that many bytes.
    pub fn varint_bytes(&mut self, what: &'static str) -> DecodeResult<&'a [u8]> {
        let len = self.varint(what)?;
        self.take(what, len)
    }

    fn truncated(&self, what: &'static str, needed: u64) -> DecodeError {
        DecodeError::new(self.offset(), DecodeErrorKind::Truncated { what, needed, available: self.remaining() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_reports_the_field_that_is_cut() {
        let mut cursor = Cursor::new(&[1, 0, 2, 3, 0xff, 0xff]);
        assert_eq!(cursor.u8("a"), Ok(1));
        assert_eq!(cursor.u16_be("b"), Ok(2));
        assert_eq!(cursor.u8("c"), Ok(3));
        let error = cursor.u32_le("d").unwrap_err();
        assert_eq!(error, DecodeError::new(4, DecodeErrorKind::Truncated { what: "d", needed: 4, available: 2 }));
        assert_eq!(cursor.remaining(), 2, "a failed read consumes nothing");
    }

    #[test]
    fn an_enormous_length_is_a_truncation() {
        let mut cursor = Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 7]);
        let error = cursor.varint_bytes("blob").unwrap_err();
        assert!(error.is_truncation(), "{error}");
    }
}
