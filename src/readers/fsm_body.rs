//! What the rows of a payload say, gathered in one pass.

use std::collections::BTreeMap;

use super::bundle::UnreadTable;
use super::usage::Usage;
use crate::crypto::OpenError;
use crate::formats::envelope::{MIN_LEN, VERSION};
use crate::formats::fsm::body::{BodyError, BodyHead, BodyVisitor, Row, RowVersion};
use crate::formats::kv::KeySpace;
use crate::formats::mvcc::{Encryption, MetaKey, ROW_HEADER_LEN, RegistryValue, RowHeader, RowHeaderError, StoreKey, meta_value};
use crate::types::{HlcTimestamp, LogIndex};

/// What a walk over a store payload found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFacts {
    /// Where and why a restore would stop; offsets count from the start of the store payload.
    pub result: Result<(), BodyError>,
    /// The fixed fields at its front, if it got that far.
    pub head: Option<BodyHead>,
    /// Its rows, up to where the walk stopped; those of a bundle when every byte of it is as its manifest says.
    pub rows: RowFacts,
    /// The first table of a bundle whose rows could not all be read; `rows` ends there.
    pub unread_table: Option<UnreadTable>,
    /// Who uses the space, when it was asked for and the payload keeps the newest version of a key first.
    pub usage: Option<Box<Usage>>,
}

/// Counts and oddities of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowFacts {
    /// Rows of any kind.
    pub rows: u64,
    /// Versions of user keys among them.
    pub versions: u64,
    /// Versions that delete their key.
    pub tombstones: u64,
    /// Versions in a storage envelope.
    pub sealed: u64,
    /// Rows of the writer registry.
    pub registry: u64,
    /// Sum of the key lengths in bytes.
    pub key_bytes: u64,
    /// Sum of the value lengths in bytes.
    pub value_bytes: u64,
    /// Longest value in bytes.
    pub longest_value: u64,
    /// The store's own numbers; `None` for a value below eight bytes, which counts as missing.
    pub meta: BTreeMap<MetaKey, Option<u64>>,
    /// Largest commit timestamp of a row.
    pub max_commit_ts: HlcTimestamp,
    /// Rows by what they belong to, in the order in which the families were met.
    pub spaces: Vec<(KeySpace, SpaceRows)>,
    /// Keys that do not follow the one before them.
    pub unordered: Oddity<()>,
    /// Keys too short for a timestamp.
    pub short_keys: Oddity<u64>,
    /// Values whose row header cannot be read.
    pub bad_headers: Oddity<RowHeaderError>,
    /// Sealed values that are no envelopes, whatever the keys.
    pub bad_envelopes: Oddity<OpenError>,
    /// Meta values that are not eight bytes long.
    pub bad_meta: Oddity<(MetaKey, u64)>,
    /// Values of registry rows that are not twelve bytes long.
    pub bad_registry: Oddity<u64>,
}

/// Rows of one family of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpaceRows {
    /// Rows.
    pub rows: u64,
    /// Rows that delete their key.
    pub tombstones: u64,
    /// Sum of the key lengths in bytes.
    pub key_bytes: u64,
    /// Sum of the value lengths in bytes.
    pub value_bytes: u64,
    /// Largest commit timestamp; 0 where rows have none.
    pub newest: HlcTimestamp,
}

impl SpaceRows {
    /// Adds the rows of another family with the same name.
    pub fn absorb(&mut self, other: &Self) {
        self.rows += other.rows;
        self.tombstones += other.tombstones;
        self.key_bytes += other.key_bytes;
        self.value_bytes += other.value_bytes;
        self.newest = self.newest.max(other.newest);
    }
}

/// Something that should not be: how often, and where first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity<T> {
    /// How often.
    pub count: u64,
    /// Offset in the store payload of the first one, and what it is.
    pub first: Option<(u64, T)>,
}

impl BodyFacts {
    /// True when every row was seen.
    pub const fn is_complete(&self) -> bool {
        self.result.is_ok() && self.unread_table.is_none()
    }

    /// The applied index that the payload carries, if it carries one.
    pub fn applied_index(&self) -> Option<LogIndex> {
        match &self.head {
            Some(BodyHead::SstIngest(manifest)) => manifest.applied_index,
            _ => self.rows.meta.get(&MetaKey::AppliedIndex).copied().flatten().map(LogIndex),
        }
    }

    /// The largest commit timestamp that the payload's front names.
    pub fn last_commit_ts(&self) -> Option<HlcTimestamp> {
        match self.head.as_ref()? {
            BodyHead::PebbleStream { last_commit_ts } | BodyHead::MvccStream { last_commit_ts, .. } => Some(*last_commit_ts),
            BodyHead::SstIngest(manifest) => Some(manifest.last_commit_ts),
        }
    }
}

impl<T> Default for Oddity<T> {
    fn default() -> Self {
        Self { count: 0, first: None }
    }
}

impl<T> Oddity<T> {
    fn note(&mut self, at: u64, what: T) {
        self.count += 1;
        self.first.get_or_insert((at, what));
    }
}

/// Gathers [`RowFacts`] while a payload is walked.
#[derive(Debug, Default)]
pub struct RowCollector {
    facts: RowFacts,
    head: Option<BodyHead>,
    previous_key: Vec<u8>,
    previous_ts: HlcTimestamp,
    /// Where the family of the row before stands among the families: rows of a family lie together.
    space: usize,
}

impl RowCollector {
    /// Lends what stands at the front, while rows are gathered; a bundle's manifest can be large.
    pub fn lend_head(&mut self) -> Option<BodyHead> {
        self.head.take()
    }

    /// Takes it back.
    pub fn return_head(&mut self, head: BodyHead) {
        self.head = Some(head);
    }

    /// Everything gathered, with the walk's own result.
    pub fn finish(self, result: Result<(), BodyError>) -> BodyFacts {
        BodyFacts { result, head: self.head, rows: self.facts, unread_table: None, usage: None }
    }

    fn check_order(&mut self, row: &Row<'_>) {
        let first = self.facts.rows == 0;
        let later_version = row.version.is_some_and(|version| version.number > 0);
        let ordered = if let Some(version) = row.version
            && later_version
        {
            version.commit_ts > self.previous_ts
        } else {
            first || row.key > self.previous_key.as_slice()
        };
        if !ordered {
            self.facts.unordered.note(row.at, ());
        }
        if !later_version {
            self.previous_key.clear();
            self.previous_key.extend_from_slice(row.key);
        }
        self.previous_ts = row.version.map_or(self.previous_ts, |version| version.commit_ts);
    }

    fn count_space(&mut self, space: KeySpace, counted: &SpaceRows) {
        let spaces = &mut self.facts.spaces;
        if spaces.get(self.space).is_none_or(|(known, _)| *known != space) {
            self.space = spaces.iter().position(|(known, _)| *known == space).unwrap_or_else(|| {
                spaces.push((space, SpaceRows::default()));
                spaces.len() - 1
            });
        }
        spaces[self.space].1.absorb(counted);
    }

    /// Takes a stored row apart once; returns what it belongs to, and adds to `counted` what its key and header tell.
    fn stored_row(&mut self, row: &Row<'_>, counted: &mut SpaceRows) -> KeySpace {
        let facts = &mut self.facts;
        let store_key = StoreKey::of(row.key);
        match store_key {
            StoreKey::Meta(meta) => {
                if row.value_len != 8 {
                    facts.bad_meta.note(row.at, (meta, row.value_len));
                }
                facts.meta.insert(meta, meta_value(row.value_head));
            }
            StoreKey::Registry(_) => {
                facts.registry += 1;
                if row.value_len > row.value_head.len() as u64 || RegistryValue::decode(row.value_head).is_none() {
                    facts.bad_registry.note(row.at, row.value_len);
                }
            }
            StoreKey::Row(key) => {
                facts.versions += 1;
                facts.max_commit_ts = facts.max_commit_ts.max(key.commit_ts);
                counted.newest = key.commit_ts;
                match RowHeader::decode(row.value_head) {
                    Ok(header) => {
                        counted.tombstones = u64::from(header.tombstone);
                        facts.tombstones += counted.tombstones;
                        if header.encryption == Encryption::Sealed {
                            facts.sealed += 1;
                            if let Some(error) = not_an_envelope(row) {
                                facts.bad_envelopes.note(row.at, error);
                            }
                        }
                    }
                    Err(error) => facts.bad_headers.note(row.at, error),
                }
            }
            StoreKey::Short(key) => facts.short_keys.note(row.at, key.len() as u64),
        }
        KeySpace::of_store_key(store_key)
    }

    fn bare_row(&mut self, key: &[u8], version: RowVersion, counted: &mut SpaceRows) -> KeySpace {
        counted.tombstones = u64::from(version.tombstone);
        counted.newest = version.commit_ts;
        self.facts.versions += 1;
        self.facts.tombstones += counted.tombstones;
        self.facts.max_commit_ts = self.facts.max_commit_ts.max(version.commit_ts);
        KeySpace::of_user_key(key)
    }
}

/// Why the value of a sealed row cannot be an envelope: its length, or its version.
fn not_an_envelope(row: &Row<'_>) -> Option<OpenError> {
    let len = row.value_len.saturating_sub(ROW_HEADER_LEN as u64);
    match row.value_head.get(ROW_HEADER_LEN) {
        _ if len < MIN_LEN as u64 => Some(OpenError::Short { len, needed: MIN_LEN as u64 }),
        Some(&version) if version != VERSION => Some(OpenError::Version(version)),
        _ => None,
    }
}

impl BodyVisitor for RowCollector {
    fn head(&mut self, head: &BodyHead) {
        self.head = Some(head.clone());
    }

    fn row(&mut self, row: &Row<'_>) {
        self.check_order(row);
        self.facts.rows += 1;
        self.facts.key_bytes += row.key.len() as u64;
        self.facts.value_bytes += row.value_len;
        self.facts.longest_value = self.facts.longest_value.max(row.value_len);
        let mut counted =
            SpaceRows { rows: 1, key_bytes: row.key.len() as u64, value_bytes: row.value_len, ..SpaceRows::default() };
        let space = match row.version {
            Some(version) => self.bare_row(row.key, version, &mut counted),
            None => self.stored_row(row, &mut counted),
        };
        self.count_space(space, &counted);
    }
}

/// A row header needs fewer bytes than a row shows.
const _: () = assert!(ROW_HEADER_LEN <= crate::formats::fsm::body::VALUE_HEAD);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::fsm::body::walk;
    use crate::formats::mvcc::RowKey;

    fn facts(rows: &[(&[u8], &[u8])]) -> BodyFacts {
        let mut bytes = b"EKVPBBL1\x09\0\0\0\0\0\0\0".to_vec();
        for (key, value) in rows {
            for field in [key, value] {
                bytes.extend((field.len() as u64).to_le_bytes());
                bytes.extend(*field);
            }
        }
        let mut collector = RowCollector::default();
        let result = walk(&bytes, &mut collector);
        collector.finish(result)
    }

    fn key(user_key: &[u8], ts: u64) -> Vec<u8> {
        RowKey { user_key, commit_ts: HlcTimestamp(ts) }.encode()
    }

    #[test]
    fn healthy_rows_are_counted() {
        let sealed = [&[2, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 33]].concat();
        let registry = b"!encryption|writers|\0\0\0\x07|\x12\x34";
        let facts = facts(&[
            (registry, &[0; 12]),
            (b"_meta_applied_index", &[42, 0, 0, 0, 0, 0, 0, 0]),
            (&key(b"a", 9), b"\x01\0\0\0\0\0\0\0\0"),
            (&key(b"a", 4), &sealed),
        ]);
        assert_eq!(facts.result, Ok(()));
        assert_eq!(facts.applied_index(), Some(LogIndex(42)));
        assert_eq!(facts.last_commit_ts(), Some(HlcTimestamp(9)));
        let rows = &facts.rows;
        assert_eq!((rows.rows, rows.versions, rows.tombstones, rows.sealed, rows.registry), (4, 2, 1, 1, 1));
        assert_eq!(rows.max_commit_ts, HlcTimestamp(9));
        for count in [
            rows.bad_envelopes.count,
            rows.unordered.count,
            rows.short_keys.count,
            rows.bad_headers.count,
            rows.bad_meta.count,
            rows.bad_registry.count,
        ] {
            assert_eq!(count, 0);
        }
    }

    #[test]
    fn every_oddity_is_noted_with_its_place() {
        let facts = facts(&[
            (b"_meta_applied_index", &[42]),
            (b"_meta_applied_index", &[42]),
            (&key(b"a", 1), b"short"),
            (&key(b"a", 0), b"\x08\0\0\0\0\0\0\0\0"),
            (b"b", b""),
            (b"!encryption|writers|\0\0\0\x07|\x12\x34", b"thirteen bytes"),
        ]);
        assert_eq!(facts.result, Ok(()));
        assert_eq!(facts.applied_index(), None, "one byte is no index");
        let rows = facts.rows;
        assert_eq!(rows.bad_meta, Oddity { count: 2, first: Some((16, (MetaKey::AppliedIndex, 1))) });
        assert_eq!(rows.unordered, Oddity { count: 2, first: Some((52, ())) }, "a repeated key, and one that steps back");
        assert_eq!(rows.bad_headers, Oddity { count: 2, first: Some((88, RowHeaderError::Short { len: 5 })) });
        assert_eq!(rows.short_keys, Oddity { count: 1, first: Some((152, 1)) });
        assert_eq!(rows.bad_registry, Oddity { count: 1, first: Some((169, 14)) });
    }
}
