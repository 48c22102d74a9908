//! The write batch inside each record of a log.

use super::{FileNum, KeyKind, SeqNum};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Sequence number and count in front of the entries.
pub const HEADER_LEN: usize = 12;

/// A batch: header and undecoded entries.
///
/// Integers are little-endian; entry `i`, log data left out, has sequence number `seq + i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Sequence number of the first counted entry.
    pub seq: SeqNum,
    /// Number of entries that take a sequence number.
    pub count: u32,
    entries: &'a [u8],
}

/// One entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchEntry<'a> {
    /// What it does.
    pub kind: KeyKind,
    /// The user key, the start of a range, or the bytes of log data.
    pub key: &'a [u8],
    /// The value or the end of a range; empty for kinds without one.
    pub value: &'a [u8],
    /// Its sequence number; `None` for log data, which takes none.
    pub seq: Option<SeqNum>,
}

impl BatchEntry<'_> {
    /// The table number of an ingest entry.
    pub fn table_number(&self) -> DecodeResult<FileNum> {
        Cursor::new(self.key).varint("table number").map(FileNum)
    }
}

impl<'a> Batch<'a> {
    /// Reads the header.
    pub fn decode(record: &'a [u8]) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(record);
        let seq = SeqNum(cursor.u64_le("batch sequence number")?);
        let count = cursor.u32_le("batch count")?;
        Ok(Self { seq, count, entries: cursor.rest() })
    }

    /// The entries, in order. After the first error there are no more; a wrong count is an error behind the last entry.
    pub fn entries(&self) -> Entries<'a> {
        Entries { cursor: Cursor::new(self.entries), seq: self.seq, counted: 0, count: self.count, ended: false }
    }
}

/// Iterator over the entries of a [`Batch`]; offsets in errors count from the start of the record.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    cursor: Cursor<'a>,
    seq: SeqNum,
    counted: u32,
    count: u32,
    ended: bool,
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> DecodeResult<BatchEntry<'a>> {
        let at = self.cursor.offset();
        let byte = self.cursor.u8("entry kind")?;
        let kind = KeyKind::from_byte(byte).filter(|kind| !matches!(kind, KeyKind::Separator | KeyKind::SetWithDelete));
        let Some(kind) = kind else {
            return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "entry kind", found: u64::from(byte) }));
        };
        let key = self.bytes("entry key")?;
        let value = match kind {
            KeyKind::Delete | KeyKind::SingleDelete | KeyKind::LogData | KeyKind::IngestSst => &[],
            _ => self.bytes("entry value")?,
        };
        let seq = if kind == KeyKind::LogData {
            None
        } else {
            let seq = SeqNum(self.seq.0.wrapping_add(u64::from(self.counted)));
            self.counted = self.counted.saturating_add(1);
            Some(seq)
        };
        Ok(BatchEntry { kind, key, value, seq })
    }

    /// A 32-bit length and that many bytes.
    fn bytes(&mut self, what: &'static str) -> DecodeResult<&'a [u8]> {
        let at = self.cursor.offset();
        let len = self.cursor.varint(what)?;
        if len > u64::from(u32::MAX) {
            return Err(DecodeError::new(at, DecodeErrorKind::Limit { what, found: len, limit: u64::from(u32::MAX) }));
        }
        self.cursor.take(what, len)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = DecodeResult<BatchEntry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let result = if self.cursor.is_empty() {
            self.ended = true;
            if self.counted == self.count {
                return None;
            }
            let detail = format!("the header says {}, there are {}", self.count, self.counted);
            Err(DecodeError::invalid(self.cursor.offset(), "batch count", detail))
        } else {
            self.entry()
        };
        self.ended |= result.is_err();
        Some(result.map_err(|error| error.shifted(HEADER_LEN as u64)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::formats::varint;
    use proptest::prelude::*;

    /// Kind, key and, for the kinds that have one, value.
    pub type Parts<'a> = (KeyKind, &'a [u8], Option<&'a [u8]>);

    /// Encodes a batch; `count` is what the header will claim.
    pub fn encode(seq: u64, count: u32, entries: &[Parts<'_>]) -> Vec<u8> {
        let mut out = seq.to_le_bytes().to_vec();
        out.extend(count.to_le_bytes());
        for (kind, key, value) in entries {
            out.push(*kind as u8);
            for field in [Some(*key), *value].into_iter().flatten() {
                varint::encode(field.len() as u64, &mut out);
                out.extend_from_slice(field);
            }
        }
        out
    }

    fn all(record: &[u8]) -> DecodeResult<Vec<BatchEntry<'_>>> {
        Batch::decode(record)?.entries().collect()
    }

    #[test]
    fn numbers_count_up_and_log_data_takes_none() {
        let record = encode(
            10,
            3,
            &[
                (KeyKind::Set, b"a", Some(b"1")),
                (KeyKind::LogData, b"note", None),
                (KeyKind::Delete, b"b", None),
                (KeyKind::RangeDelete, b"c", Some(b"d")),
            ],
        );
        let entries = all(&record).unwrap();
        let seqs: Vec<_> = entries.iter().map(|entry| entry.seq.map(|seq| seq.0)).collect();
        assert_eq!(seqs, [Some(10), None, Some(11), Some(12)]);
        assert_eq!((entries[3].key, entries[3].value), (b"c".as_slice(), b"d".as_slice()));
    }

    #[test]
    fn a_wrong_count_is_an_error_behind_the_entries() {
        let record = encode(10, 2, &[(KeyKind::Set, b"a", Some(b"1"))]);
        let results: Vec<_> = Batch::decode(&record).unwrap().entries().collect();
        assert!(results[0].is_ok());
        assert_eq!(results[1].as_ref().unwrap_err().to_string(), "at offset 17: batch count: the header says 2, there are 1");
        assert_eq!(results.len(), 2);
    }

    #[test]
    fn kinds_that_no_log_holds_are_refused() {
        for byte in [4, 17, 18, 25, 27, 0x74] {
            let mut record = encode(10, 1, &[]);
            record.extend([byte, 0, 0]);
            assert_eq!(all(&record).unwrap_err().at, 12, "kind {byte}");
        }
    }

    #[test]
    fn every_prefix_is_refused() {
        let record = encode(10, 2, &[(KeyKind::Set, b"key", Some(b"value")), (KeyKind::DeleteSized, b"gone", Some(b"\x08"))]);
        for len in 0..record.len() {
            assert!(all(&record[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(all(&record).unwrap().len(), 2);
    }

    #[test]
    fn an_ingest_entry_names_a_table() {
        let record = encode(10, 1, &[(KeyKind::IngestSst, b"\x95\x01", None)]);
        assert_eq!(all(&record).unwrap()[0].table_number(), Ok(FileNum(149)));
    }

    proptest! {
        #[test]
        fn round_trip(pairs in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), proptest::collection::vec(any::<u8>(), 0..200)), 0..20)) {
            let entries: Vec<_> = pairs.iter().map(|(k, v)| (KeyKind::Set, k.as_slice(), Some(v.as_slice()))).collect();
            let record = encode(7, u32::try_from(entries.len()).unwrap(), &entries);
            let decoded = all(&record).unwrap();
            let back: Vec<_> = decoded.iter().map(|entry| (entry.kind, entry.key, Some(entry.value))).collect();
            prop_assert_eq!(back, entries);
        }

        #[test]
        fn any_bytes_decode_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = all(&bytes);
        }
    }
}
