//! MinLZ blocks, which only newer stores write.
//!
//! A block is a zero byte, the uncompressed length in base 128, and elements; the low two bits of an element's first byte
//! say what it is. A copy may overlap its own output.

use super::claimed::bounded;
use crate::formats::{Cursor, DecodeError, DecodeResult};

/// Largest uncompressed block.
const MAX_LEN: u64 = 8 << 20;

/// Bytes that a block which starts with the zero byte claims to hold.
pub(super) fn claimed_len(payload: &[u8]) -> DecodeResult<u64> {
    let mut cursor = Cursor::new(payload);
    cursor.u8("MinLZ mark")?;
    if cursor.is_empty() {
        return Ok(0);
    }
    match cursor.varint("uncompressed length")? {
        // It is stored as it is.
        0 => Ok(cursor.rest().len() as u64),
        claimed => Ok(claimed),
    }
}

/// Decodes a block that starts with the zero byte.
pub(super) fn decompress(payload: &[u8], out: &mut Vec<u8>) -> DecodeResult<()> {
    out.clear();
    let mut cursor = Cursor::new(payload);
    cursor.u8("MinLZ mark")?;
    if cursor.is_empty() {
        return Ok(());
    }
    let claimed = cursor.varint("uncompressed length")?;
    if claimed == 0 {
        out.extend_from_slice(cursor.rest());
        return Ok(());
    }
    let len = bounded(claimed, MAX_LEN, "uncompressed length of a MinLZ block")?;
    let mut elements = Elements { cursor, out, len, last_offset: 1 };
    while !elements.cursor.is_empty() {
        elements.next()?;
    }
    if elements.out.len() == len {
        Ok(())
    } else {
        let detail = format!("{len} bytes claimed, {} decoded", elements.out.len());
        Err(DecodeError::invalid(elements.cursor.offset(), "MinLZ block", detail))
    }
}

struct Elements<'a, 'o> {
    cursor: Cursor<'a>,
    out: &'o mut Vec<u8>,
    /// Claimed length; nothing is written beyond it.
    len: usize,
    last_offset: usize,
}

impl Elements<'_, '_> {
    fn next(&mut self) -> DecodeResult<()> {
        let tag = self.cursor.u8("tag")?;
        let high = usize::from(tag >> 2);
        match tag & 3 {
            0 => {
                let length = self.length(usize::from(tag >> 3), 29, 1, 30)?;
                if tag & 4 == 0 { self.literals(length) } else { self.copy(self.last_offset, length) }
            }
            1 => {
                let low = usize::from(self.cursor.u8("offset")?);
                let offset = ((low << 2) | usize::from(tag >> 6)) + 1;
                let length = match high & 15 {
                    15 => 18 + usize::from(self.cursor.u8("length")?),
                    short => short + 4,
                };
                self.copy(offset, length)
            }
            2 => {
                let offset = usize::from(self.cursor.u16_le("offset")?) + 64;
                let length = self.length(high, 61, 4, 64)?;
                self.copy(offset, length)
            }
            _ if tag & 4 == 0 => {
                let literals = usize::from((tag >> 3) & 3) + 1;
                let length = usize::from(tag >> 5) + 4;
                let offset = usize::from(self.cursor.u16_le("offset")?) + 64;
                self.literals(literals)?;
                self.copy(offset, length)
            }
            _ => {
                let [a, b, c] = self.cursor.array("fused copy")?;
                let word = u32::from_le_bytes([tag, a, b, c]);
                let literals = usize::from((tag >> 3) & 3);
                let length = self.length(((word >> 5) & 63) as usize, 61, 4, 64)?;
                let offset = (word >> 11) as usize + 65_536;
                self.literals(literals)?;
                self.copy(offset, length)
            }
        }
    }

    /// `code` below `first_long` is a length less `short_base`; the three codes from there on announce one to three bytes
    /// that hold the length less `long_base`.
    fn length(&mut self, code: usize, first_long: usize, short_base: usize, long_base: usize) -> DecodeResult<usize> {
        let more = match code.checked_sub(first_long) {
            None => return Ok(code + short_base),
            Some(0) => usize::from(self.cursor.u8("length")?),
            Some(1) => usize::from(self.cursor.u16_le("length")?),
            Some(_) => {
                let [a, b, c] = self.cursor.array("length")?;
                u32::from_le_bytes([a, b, c, 0]) as usize
            }
        };
        Ok(long_base + more)
    }

    fn room(&self, length: usize) -> DecodeResult<()> {
        if length <= self.len.saturating_sub(self.out.len()) {
            Ok(())
        } else {
            Err(DecodeError::invalid(self.cursor.offset(), "MinLZ block", format!("more than the {} bytes claimed", self.len)))
        }
    }

    fn literals(&mut self, length: usize) -> DecodeResult<()> {
        self.room(length)?;
        let bytes = self.cursor.take("literals", length as u64)?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn copy(&mut self, offset: usize, length: usize) -> DecodeResult<()> {
        self.room(length)?;
        self.last_offset = offset;
        let Some(from) = self.out.len().checked_sub(offset).filter(|_| offset > 0) else {
            let detail = format!("offset {offset} with only {} bytes before it", self.out.len());
            return Err(DecodeError::invalid(self.cursor.offset(), "MinLZ copy", detail));
        };
        let mut left = length;
        while left > 0 {
            // An overlapping copy repeats the bytes it has just written, one period at a time.
            let piece = left.min(self.out.len() - from);
            self.out.extend_from_within(from..from + piece);
            left -= piece;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(payload: &[u8]) -> DecodeResult<Vec<u8>> {
        let mut out = Vec::new();
        decompress(payload, &mut out).map(|()| out)
    }

    #[test]
    fn each_element() {
        assert_eq!(decode(&[0]).unwrap(), b"");
        assert_eq!(decode(&[0, 0, b'x', b'y']).unwrap(), b"xy", "stored as it is");
        // Three literals, then nine bytes from the last offset, which starts at 1.
        assert_eq!(decode(&[0, 12, 2 << 3, b'a', b'b', b'c', (8 << 3) | 4]).unwrap(), b"abcccccccccc");
        // 70 literals (29: one more byte holds the length less 30), a short copy, a long one, a fused one.
        let literals: Vec<u8> = (0..70).collect();
        let mut payload = vec![0, 70 + 4 + 5 + 3 + 4, 29 << 3, 40];
        payload.extend(&literals);
        payload.extend([1 | (1 << 6), 1]); // offset ((1 << 2) | 1) + 1 = 6, length 4
        payload.extend([2 | (1 << 2), 6, 0]); // offset 70, length 5
        payload.extend([3 | (2 << 3), 0, 0, b'x', b'y', b'z']); // three literals, then offset 64, length 4
        let mut expected = literals.clone();
        expected.extend_from_within(64..68);
        expected.extend_from_within(4..9);
        expected.extend(b"xyz");
        let from = expected.len() - 64;
        expected.extend_from_within(from..from + 4);
        assert_eq!(decode(&payload).unwrap(), expected);
    }

    #[test]
    fn offsets_before_the_start_and_lengths_beyond_the_claim_are_refused() {
        assert!(decode(&[0, 4, (3 << 3) | 4]).is_err(), "a copy with nothing before it");
        assert!(decode(&[0, 1, 2 << 3, b'a', b'b', b'c']).is_err());
        assert!(decode(&[0, 9, 2 << 3, b'a', b'b', b'c']).is_err(), "fewer bytes than claimed");
        assert!(decode(&[0, 0xff, 0xff, 0xff, 0x7f, 0]).is_err(), "above eight mebibytes");
    }
}
