//! `walpb.Record`, the content of a frame.

use crate::formats::DecodeResult;
use crate::formats::raftpb::ProtoRules;
use crate::formats::raftpb::wire::MessageReader;
use crate::types::Crc32c;

/// One record. Its `crc` is the checksum of the data of all records since the log was created, its own included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Field 1; 0 when absent. Covered by no checksum.
    pub kind: RecordKind,
    /// Field 2; 0 when absent.
    pub crc: Crc32c,
    /// Field 3; present and empty is not the same as absent.
    pub data: Option<&'a [u8]>,
}

/// What the data of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// 1: bytes of the log's user; elastickv stores none.
    Metadata,
    /// 2: `raftpb.Entry`.
    Entry,
    /// 3: `raftpb.HardState`.
    State,
    /// 4: no data; carries the running checksum across a segment border.
    Crc,
    /// 5: `walpb.Snapshot`.
    Snapshot,
    /// Anything else.
    Unknown(i64),
}

impl<'a> Record<'a> {
    /// Decodes a record that is laid out as both servers write it: type, crc, then data if any, each once, and nothing
    /// else. `None` for any other layout, which [`Record::decode`] may still accept.
    #[inline]
    pub fn decode_canonical(payload: &'a [u8]) -> Option<Self> {
        let (&[0x08, kind, 0x10], rest) = payload.split_first_chunk::<3>()? else { return None };
        let kind = match kind {
            1 => RecordKind::Metadata,
            2 => RecordKind::Entry,
            3 => RecordKind::State,
            4 => RecordKind::Crc,
            5 => RecordKind::Snapshot,
            _ => return None,
        };
        let (crc, rest) = short_varint(rest)?;
        let crc = Crc32c(u32::try_from(crc).ok()?);
        if rest.is_empty() {
            return Some(Self { kind, crc, data: None });
        }
        let (&tag, rest) = rest.split_first()?;
        let (len, data) = short_varint(rest)?;
        (tag == 0x1a && len == data.len() as u64).then_some(Self { kind, crc, data: Some(data) })
    }

    /// Decodes any layout as one of the runtimes does.
    pub fn decode(payload: &'a [u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("Record", payload, rules);
        let mut record = Self { kind: RecordKind::Unknown(0), crc: Crc32c(0), data: None };
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => record.kind = reader.varint(tag, "Type")?.map_or(record.kind, RecordKind::of_wire),
                2 => record.crc = reader.varint(tag, "Crc")?.map_or(record.crc, low_u32),
                3 => record.data = reader.bytes(tag, "Data")?.or(record.data),
                _ => reader.skip(tag)?,
            }
        }
        Ok(record)
    }

    /// The data, empty when absent.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.data.unwrap_or_default()
    }

    /// The running checksum after this record, given the one before it. A crc record has no data to add.
    #[inline]
    pub fn running(&self, before: Crc32c) -> Crc32c {
        before.extend(self.bytes())
    }
}

impl RecordKind {
    const fn of_wire(value: u64) -> Self {
        match value.cast_signed() {
            1 => Self::Metadata,
            2 => Self::Entry,
            3 => Self::State,
            4 => Self::Crc,
            5 => Self::Snapshot,
            other => Self::Unknown(other),
        }
    }

    /// The number on disk.
    pub const fn number(self) -> i64 {
        match self {
            Self::Metadata => 1,
            Self::Entry => 2,
            Self::State => 3,
            Self::Crc => 4,
            Self::Snapshot => 5,
            Self::Unknown(other) => other,
        }
    }

    /// A word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Entry => "entry",
            Self::State => "hard-state",
            Self::Crc => "crc",
            Self::Snapshot => "snapshot",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Both runtimes keep the low 32 bits of a longer varint.
#[expect(clippy::cast_possible_truncation, reason = "the runtimes keep the low 32 bits")]
const fn low_u32(value: u64) -> Crc32c {
    Crc32c(value as u32)
}

/// A varint of up to five bytes, which is enough for a checksum and for any length in a segment.
#[inline]
fn short_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let Some((&first, rest)) = bytes.split_first()
        && first < 0x80
    {
        return Some((u64::from(first), rest));
    }
    // Five bytes at once: the usual length of a checksum.
    if let Some((&[a, b, c, d, e], rest)) = bytes.split_first_chunk::<5>()
        && a & b & c & d >= 0x80
        && e < 0x80
    {
        let low = |byte: u8| u64::from(byte & 0x7f);
        return Some((low(a) | low(b) << 7 | low(c) << 14 | low(d) << 21 | low(e) << 28, rest));
    }
    let mut value = 0;
    for (position, &byte) in bytes.iter().enumerate().take(4) {
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Some((value, bytes.get(position + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::varint;
    use proptest::prelude::*;
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    struct Oracle {
        #[prost(int64, optional, tag = "1")]
        kind: Option<i64>,
        #[prost(uint32, optional, tag = "2")]
        crc: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "3")]
        data: Option<Vec<u8>>,
    }

    const BOTH: [ProtoRules; 2] = [ProtoRules::Gogo, ProtoRules::Google];

    #[test]
    fn golden() {
        // Head of a segment: a crc record and a metadata record without data.
        let crc = Record::decode_canonical(&[0x08, 4, 0x10, 0xf6, 0x8f, 0xd4, 0xb0, 0x0c]).unwrap();
        assert_eq!(crc, Record { kind: RecordKind::Crc, crc: Crc32c(0xc615_07f6), data: None });
        let empty = Record::decode_canonical(&[0x08, 1, 0x10, 0, 0x1a, 0]).unwrap();
        assert_eq!(empty.data, Some(&[][..]), "present and empty");
        assert_eq!(Record::decode(&[], ProtoRules::Gogo).unwrap().kind, RecordKind::Unknown(0));
        assert_eq!(Record::decode_canonical(&[0x08, 6, 0x10, 0]), None);
        for rules in BOTH {
            assert_eq!(Record::decode(&[0x08, 6, 0x10, 0], rules).unwrap().kind, RecordKind::Unknown(6));
        }
    }

    #[test]
    fn a_message_that_stops_early_is_a_truncation_for_one_runtime() {
        let error = Record::decode(&[0x08, 2, 0x10, 1, 0x1a, 5, 1], ProtoRules::Gogo).unwrap_err();
        assert_eq!(ProtoRules::Gogo.error_text(&error), "unexpected EOF");
        assert!(error.is_truncation());
    }

    proptest! {
        #[test]
        fn canonical_and_general_agree(kind in 1..6_i64, crc in any::<u32>(), data in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300))) {
            let bytes = Oracle { kind: Some(kind), crc: Some(crc), data: data.clone() }.encode_to_vec();
            let fast = Record::decode_canonical(&bytes).expect("canonical");
            prop_assert_eq!((fast.kind.number(), fast.crc.0, fast.data), (kind, crc, data.as_deref()));
            for rules in BOTH {
                prop_assert_eq!(Record::decode(&bytes, rules), Ok(fast));
            }
        }

        #[test]
        fn whatever_the_fast_path_accepts_the_others_accept_alike(mut bytes in proptest::collection::vec(any::<u8>(), 0..40), kind in 0..8_u8) {
            if let [a, b, c, ..] = &mut bytes[..] {
                (*a, *b, *c) = (0x08, kind, 0x10);
            }
            if let Some(fast) = Record::decode_canonical(&bytes) {
                for rules in BOTH {
                    prop_assert_eq!(Record::decode(&bytes, rules), Ok(fast));
                }
            }
        }

        #[test]
        fn varints_of_every_length(value in 0..1_u64 << 35, tail in proptest::collection::vec(any::<u8>(), 0..6)) {
            let mut bytes = Vec::new();
            varint::encode(value, &mut bytes);
            bytes.extend_from_slice(&tail);
            prop_assert_eq!(short_varint(&bytes), Some((value, &tail[..])));
        }
    }
}
