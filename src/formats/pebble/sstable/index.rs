//! Entries of index blocks, of either level.

use super::handle::BlockHandle;
use crate::formats::pebble::internal_key::InternalKey;
use crate::formats::{Cursor, DecodeResult};

/// What `obsolete-key` says when every record of a block is hidden by a newer one of the same table.
const ALL_OBSOLETE: &[u8] = b"t";

/// One entry of an index block: it leads to a data block, or from the top level of two to an index block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry<'a> {
    /// At or above every key of the block and, but for the last, not above the first key of the next.
    pub separator: InternalKey<'a>,
    /// The block.
    pub block: BlockHandle,
    /// Block properties, one after another: collector, length, payload.
    pub properties: &'a [u8],
}

impl<'a> IndexEntry<'a> {
    /// Decodes what one row of an index block holds.
    pub fn decode(key: &'a [u8], value: &'a [u8]) -> DecodeResult<Self> {
        let separator = InternalKey::decode(key)?;
        let mut cursor = Cursor::new(value);
        let block = BlockHandle::decode(&mut cursor)?;
        Ok(Self { separator, block, properties: cursor.rest() })
    }

    /// True when the block property of the collector with this short id says that every record below is obsolete. Pebble
    /// then does not read the block when it reads the newest state.
    pub fn all_obsolete(&self, collector: Option<u8>) -> bool {
        let mut cursor = Cursor::new(self.properties);
        while let (Ok(id), Ok(payload)) = (cursor.u8("collector"), cursor.varint_bytes("block property")) {
            if Some(id) == collector {
                return payload == ALL_OBSOLETE;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pebble::{KeyKind, SeqNum, Trailer};

    #[test]
    fn the_worked_entry() {
        let entry = IndexEntry::decode(b"h\x11\xff\xff\xff\xff\xff\xff\xff", &[0, 0x4f]).unwrap();
        assert_eq!(entry.separator.user_key, b"h");
        assert_eq!(entry.separator.trailer, Trailer::new(SeqNum::MAX, KeyKind::Separator));
        assert_eq!(entry.block, BlockHandle { offset: 0, length: 79 });
        assert!(!entry.all_obsolete(Some(0)));
    }

    #[test]
    fn properties_are_looked_up_by_the_id_of_their_collector() {
        let entry = |value| IndexEntry::decode(b"h\x11\xff\xff\xff\xff\xff\xff\xff", value).unwrap();
        assert!(entry(&[0, 1, 0, 1, b't']).all_obsolete(Some(0)));
        assert!(entry(&[0, 1, 7, 2, 1, 2, 0, 1, b't']).all_obsolete(Some(0)));
        assert!(!entry(&[0, 1, 0, 1, b't']).all_obsolete(Some(1)));
        assert!(!entry(&[0, 1, 0, 1, b't']).all_obsolete(None));
        assert!(!entry(&[0, 1, 0, 0]).all_obsolete(Some(0)));
        assert!(!entry(&[0, 1, 0, 9, b't']).all_obsolete(Some(0)), "cut off");
    }

    #[test]
    fn a_value_without_a_whole_handle_is_cut() {
        assert!(IndexEntry::decode(b"h\x11\xff\xff\xff\xff\xff\xff\xff", &[0]).unwrap_err().is_truncation());
        assert!(IndexEntry::decode(b"short", &[0, 1]).unwrap_err().is_truncation());
    }
}
