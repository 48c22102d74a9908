#![doc = include_str!("../../docs/formats/legacy.md")]

use super::raftpb::{Entry, HardState, ProtoRules, Snapshot};
use super::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// First bytes of `etcd-raft-state.bin`.
pub const STATE_MAGIC: [u8; 4] = *b"EKVR";
/// First bytes of `etcd-raft-meta.bin`.
pub const METADATA_MAGIC: [u8; 4] = *b"EKVM";
/// First bytes of `etcd-raft-entries.bin`.
pub const ENTRIES_MAGIC: [u8; 4] = *b"EKVW";

const VERSION: u32 = 1;
const MAX_HARD_STATE: u32 = 1 << 20;
const MAX_METADATA: u32 = 1 << 20;
const MAX_SNAPSHOT: u32 = MAX_METADATA + (256 << 20);
const MAX_ENTRY: u32 = (64 << 20) + (1 << 20);
const MAX_ENTRIES: u32 = 1 << 20;

/// An entry and the offset of its message in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacyEntry<'a> {
    /// Offset of the message's length.
    pub at: u64,
    /// The entry; all zero for a message of length 0.
    pub entry: Entry<'a>,
}

/// Hard state and snapshot, and the entries where the file holds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LegacyState<'a> {
    /// Term, vote and commit.
    pub hard_state: HardState,
    /// In a metadata file the data is there or not, and is not used either way.
    pub snapshot: Snapshot<'a>,
    /// In the order of the file.
    pub entries: Vec<LegacyEntry<'a>>,
    /// Entries that the count promises and the file no longer has; the server takes each for an empty one.
    pub missing_entries: u32,
    /// Bytes after the last field; ignored by the server.
    pub trailing: u64,
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// The framing: magic, version, lengths, counts.
    #[error("{0}")]
    Frame(DecodeError),
    /// A message inside.
    #[error("malformed message {0}")]
    Message(DecodeError),
}

impl From<DecodeError> for LegacyError {
    fn from(error: DecodeError) -> Self {
        Self::Frame(error)
    }
}

/// Decodes `etcd-raft-state.bin`: hard state, snapshot with data, count, entries.
pub fn decode_state(bytes: &[u8], rules: ProtoRules) -> Result<LegacyState<'_>, LegacyError> {
    let mut cursor = Cursor::new(bytes);
    header(&mut cursor, STATE_MAGIC, "etcd raft state", "etcd raft state version")?;
    let mut state = hard_state_and_snapshot(&mut cursor, rules, MAX_SNAPSHOT, "persisted snapshot size")?;
    let at = cursor.offset();
    let count = cursor.u32_be("persisted entry count")?;
    if count > MAX_ENTRIES {
        return Err(limit(at, "persisted entry count", count.into(), MAX_ENTRIES).into());
    }
    for read in 0..count {
        match entry(&mut cursor, rules)? {
            Some(entry) => state.entries.push(entry),
            None => {
                state.missing_entries = count - read;
                break;
            }
        }
    }
    state.trailing = cursor.remaining() as u64;
    Ok(state)
}

/// Decodes `etcd-raft-meta.bin`: hard state, snapshot without data.
pub fn decode_metadata(bytes: &[u8], rules: ProtoRules) -> Result<LegacyState<'_>, LegacyError> {
    let mut cursor = Cursor::new(bytes);
    header(&mut cursor, METADATA_MAGIC, "etcd raft metadata", "etcd raft metadata version")?;
    let mut state = hard_state_and_snapshot(&mut cursor, rules, MAX_METADATA, "persisted snapshot metadata size")?;
    state.trailing = cursor.remaining() as u64;
    Ok(state)
}

/// Decodes `etcd-raft-entries.bin`: entries until the end.
pub fn decode_entries(bytes: &[u8], rules: ProtoRules) -> Result<Vec<LegacyEntry<'_>>, LegacyError> {
    let mut cursor = Cursor::new(bytes);
    header(&mut cursor, ENTRIES_MAGIC, "etcd raft entries", "etcd raft entries version")?;
    let mut entries = Vec::new();
    while let Some(entry) = entry(&mut cursor, rules)? {
        entries.push(entry);
        if entries.len() > MAX_ENTRIES as usize {
            return Err(limit(entry.at, "persisted entry count", entries.len() as u64, MAX_ENTRIES).into());
        }
    }
    Ok(entries)
}

fn header(cursor: &mut Cursor<'_>, magic: [u8; 4], what: &'static str, version: &'static str) -> DecodeResult<()> {
    let found = cursor.array::<4>(what)?;
    if found != magic {
        return Err(DecodeError::new(0, DecodeErrorKind::BadMagic { what, found: found.to_vec() }));
    }
    match cursor.u32_be(version)? {
        VERSION => Ok(()),
        found => Err(DecodeError::new(4, DecodeErrorKind::Unknown { what: version, found: found.into() })),
    }
}

fn hard_state_and_snapshot<'a>(
    cursor: &mut Cursor<'a>,
    rules: ProtoRules,
    max_snapshot: u32,
    what: &'static str,
) -> Result<LegacyState<'a>, LegacyError> {
    let mut state = LegacyState::default();
    if let Some((at, bytes)) = message(cursor, MAX_HARD_STATE, "persisted hard state size")? {
        state.hard_state = HardState::decode(bytes, rules).map_err(|e| LegacyError::Message(e.shifted(at)))?;
    }
    if let Some((at, bytes)) = message(cursor, max_snapshot, what)? {
        state.snapshot = Snapshot::decode(bytes, rules).map_err(|e| LegacyError::Message(e.shifted(at)))?;
    }
    Ok(state)
}

fn entry<'a>(cursor: &mut Cursor<'a>, rules: ProtoRules) -> Result<Option<LegacyEntry<'a>>, LegacyError> {
    let at = cursor.offset();
    let Some((start, bytes)) = message(cursor, MAX_ENTRY, "persisted entry size")? else { return Ok(None) };
    let entry = Entry::decode(bytes, rules).map_err(|e| LegacyError::Message(e.shifted(start)))?;
    Ok(Some(LegacyEntry { at, entry }))
}

/// The next message and the offset of its bytes; `None` at a clean end, which the server takes for an absent message.
fn message<'a>(cursor: &mut Cursor<'a>, max: u32, what: &'static str) -> DecodeResult<Option<(u64, &'a [u8])>> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let at = cursor.offset();
    let len = cursor.u32_be(what)?;
    if len > max {
        return Err(limit(at, what, len.into(), max));
    }
    Ok(Some((cursor.offset(), cursor.take("persisted message", len.into())?)))
}

const fn limit(at: u64, what: &'static str, found: u64, limit: u32) -> DecodeError {
    DecodeError::new(at, DecodeErrorKind::Limit { what, found, limit: limit as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LogIndex, NodeId, Term};

    const RULES: ProtoRules = ProtoRules::Google;

    fn framed(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().flat_map(|part| [&u32::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat()).collect()
    }

    /// Term 2, vote 1, commit 7.
    const HARD_STATE: &[u8] = &[0x08, 2, 0x10, 1, 0x18, 7];
    /// Data `hi`, index 5, term 2.
    const SNAPSHOT: &[u8] = &[0x0a, 2, b'h', b'i', 0x12, 4, 0x10, 5, 0x18, 2];
    /// Term 2, index 6, data `x`.
    const ENTRY: &[u8] = &[0x10, 2, 0x18, 6, 0x22, 1, b'x'];

    fn state_file() -> Vec<u8> {
        [b"EKVR\0\0\0\x01", &framed(&[HARD_STATE, SNAPSHOT])[..], &[0, 0, 0, 2], &framed(&[ENTRY, ENTRY])].concat()
    }

    fn metadata_file() -> Vec<u8> {
        [b"EKVM\0\0\0\x01", &framed(&[HARD_STATE, SNAPSHOT])[..]].concat()
    }

    fn entries_file() -> Vec<u8> {
        [b"EKVW\0\0\0\x01", &framed(&[ENTRY, b"", ENTRY])[..]].concat()
    }

    #[test]
    fn each_file() {
        let bytes = state_file();
        let state = decode_state(&bytes, RULES).unwrap();
        assert_eq!(state.hard_state, HardState { term: Term(2), vote: NodeId(1), commit: LogIndex(7) });
        assert_eq!((state.snapshot.data, state.snapshot.metadata.index), (&b"hi"[..], LogIndex(5)));
        let entry = Entry { term: Term(2), index: LogIndex(6), data: b"x", ..Entry::default() };
        assert_eq!(state.entries.iter().map(|e| e.entry).collect::<Vec<_>>(), [entry, entry]);
        assert_eq!((state.missing_entries, state.trailing), (0, 0));
        assert_eq!(decode_metadata(&metadata_file(), RULES).unwrap().hard_state, state.hard_state);
        let bytes = entries_file();
        let entries = decode_entries(&bytes, RULES).unwrap();
        assert_eq!(entries.iter().map(|e| (e.at, e.entry.index.0)).collect::<Vec<_>>(), [(8, 6), (19, 0), (23, 6)]);
    }

    #[test]
    fn a_clean_end_is_an_absent_message() {
        let cut = &metadata_file()[..8];
        assert_eq!(decode_metadata(cut, RULES), Ok(LegacyState::default()));
        let state = state_file();
        let one = decode_state(&state[..state.len() - 11], RULES).unwrap();
        assert_eq!((one.entries.len(), one.missing_entries), (1, 1));
        let no_count = &state[..8 + 10 + 14];
        assert!(matches!(decode_state(no_count, RULES), Err(LegacyError::Frame(e)) if e.is_truncation()));
    }

    #[test]
    fn limits_magic_and_version() {
        let frame = |result: Result<_, LegacyError>| match result.map(|_: LegacyState<'_>| ()) {
            Err(LegacyError::Frame(error)) => error.kind,
            other => panic!("{other:?}"),
        };
        let mut file = metadata_file();
        file[8] = 0x7f;
        let found = 0x7f00_0006;
        let limit = DecodeErrorKind::Limit { what: "persisted hard state size", found, limit: 1 << 20 };
        assert_eq!(frame(decode_metadata(&file, RULES)), limit);
        let mut file = metadata_file();
        file[7] = 2;
        let version = DecodeErrorKind::Unknown { what: "etcd raft metadata version", found: 2 };
        assert_eq!(frame(decode_metadata(&file, RULES)), version);
        assert!(matches!(frame(decode_metadata(&state_file(), RULES)), DecodeErrorKind::BadMagic { .. }));
    }

    #[test]
    fn a_damaged_message_is_told_from_a_damaged_frame() {
        let mut file = entries_file();
        file[12] = 0x00;
        let error = decode_entries(&file, RULES).unwrap_err();
        assert!(matches!(&error, LegacyError::Message(e) if e.at == 12), "{error}");
    }

    #[test]
    fn every_prefix_is_refused_or_says_what_is_missing() {
        let (state, entries) = (state_file(), entries_file());
        for cut in 0..state.len() {
            if let Ok(read) = decode_state(&state[..cut], RULES) {
                assert!(read.missing_entries > 0, "{cut}");
            }
        }
        for cut in 0..entries.len() {
            if let Ok(read) = decode_entries(&entries[..cut], RULES) {
                assert!(read.len() < 3, "{cut}");
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_or_changes_what_is_read() {
        let healthy = state_file();
        for bit in 0..healthy.len() * 8 {
            let mut damaged = healthy.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // The low bits of a tag may turn a field into one that is skipped; then its value is gone.
            assert_ne!(decode_state(&damaged, RULES), decode_state(&healthy, RULES), "bit {bit}");
        }
    }
}
