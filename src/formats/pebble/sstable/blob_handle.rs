//! Values that stand in files of their own, which several tables may share.

use crate::formats::{Cursor, DecodeResult};

/// Names a value in a blob file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobHandle {
    /// Which of the blob files that the MANIFEST lists for the table, from 0.
    pub reference: u64,
    /// Length of the value.
    pub length: u64,
    /// The block of the file.
    pub block: u64,
    /// The row of the block.
    pub value: u64,
}

impl BlobHandle {
    /// Four base-128 integers.
    pub fn decode(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        Ok(Self {
            reference: cursor.varint("blob file reference")?,
            length: cursor.varint("value length")?,
            block: cursor.varint("blob block number")?,
            value: cursor.varint("value number")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers() {
        let bytes = [2, 0xac, 0x02, 1, 7];
        let handle = BlobHandle { reference: 2, length: 300, block: 1, value: 7 };
        assert_eq!(BlobHandle::decode(&mut Cursor::new(&bytes)), Ok(handle));
        for len in 0..bytes.len() {
            assert!(BlobHandle::decode(&mut Cursor::new(&bytes[..len])).unwrap_err().is_truncation(), "{len}");
        }
    }
}
