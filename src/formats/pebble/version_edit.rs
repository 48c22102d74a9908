//! The records of a MANIFEST.

use super::internal_key::{InternalKey, SeqNum, Trailer};
use super::{FileNum, KeyKind};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Number of levels; they count from 0.
pub const LEVELS: usize = 7;

/// An internal key with a user key of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedKey {
    /// The key as the application gave it.
    pub user_key: Vec<u8>,
    /// Sequence number and kind.
    pub trailer: Trailer,
}

impl OwnedKey {
    /// The same key, borrowed.
    pub fn borrowed(&self) -> InternalKey<'_> {
        InternalKey { user_key: &self.user_key, trailer: self.trailer }
    }
}

/// The first and the last key of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBounds {
    /// Smallest internal key.
    pub smallest: OwnedKey,
    /// Largest internal key; the largest sequence number marks it as exclusive.
    pub largest: OwnedKey,
}

impl KeyBounds {
    /// True if `user_key` may lie within.
    pub fn admit(&self, user_key: &[u8]) -> bool {
        let below = if self.largest.trailer.is_exclusive_bound() {
            user_key < self.largest.user_key.as_slice()
        } else {
            user_key <= self.largest.user_key.as_slice()
        };
        below && self.smallest.user_key.as_slice() <= user_key
    }

    /// True if the smallest key is not above the largest.
    pub fn ordered(&self) -> bool {
        self.smallest.borrowed() <= self.largest.borrowed()
    }
}

/// A reference from a table to a blob file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobReference {
    /// The blob file's identity, which a rewrite keeps.
    pub blob_file: u64,
    /// Bytes of the values referred to.
    pub value_size: u64,
}

/// A table as a MANIFEST describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// 0 to 6.
    pub level: usize,
    /// The table's number; of a physical table also its file's.
    pub number: FileNum,
    /// File size in bytes; an estimate for a virtual table.
    pub size: u64,
    /// Bounds of points and range deletions.
    pub points: Option<KeyBounds>,
    /// Bounds of range keys.
    pub range_keys: Option<KeyBounds>,
    /// Bounds of everything.
    pub bounds: KeyBounds,
    /// Smallest sequence number in it.
    pub smallest_seq: SeqNum,
    /// Largest sequence number in it.
    pub largest_seq: SeqNum,
    /// When it was made, Unix seconds; 0 if not recorded.
    pub created_at: u64,
    /// Somebody asked for it to be compacted.
    pub marked_for_compaction: bool,
    /// For a virtual table: the file that holds its bytes.
    pub virtual_backing: Option<FileNum>,
    /// Prepended to every key of a virtual table.
    pub synthetic_prefix: Vec<u8>,
    /// Replaces the suffix of every key of a virtual table.
    pub synthetic_suffix: Vec<u8>,
    /// How many blob files a scan has to keep open at once.
    pub blob_depth: u64,
    /// Blob files that its values refer to, by position.
    pub blob_references: Vec<BlobReference>,
}

impl NewTable {
    /// The number of the file that holds its bytes.
    pub fn file(&self) -> FileNum {
        self.virtual_backing.unwrap_or(self.number)
    }

    /// The number that every key is to be read with, if the table was ingested: smallest and largest are then equal and
    /// not 0. For another table with one number the replacement changes nothing.
    pub fn seq_override(&self) -> Option<SeqNum> {
        (self.smallest_seq == self.largest_seq && self.largest_seq != SeqNum(0)).then_some(self.largest_seq)
    }
}

/// A blob file as a MANIFEST describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBlobFile {
    /// Its identity.
    pub id: u64,
    /// The file's number.
    pub file: FileNum,
    /// File size in bytes.
    pub size: u64,
}

/// What one record of a MANIFEST changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionEdit {
    /// Name of the key order; in the first edit only.
    pub comparer: Option<Vec<u8>>,
    /// Logs with smaller numbers are obsolete.
    pub min_unflushed_log: Option<FileNum>,
    /// Next number to be given to a file.
    pub next_file: Option<FileNum>,
    /// Upper bound of the sequence numbers assigned so far.
    pub last_seq: Option<SeqNum>,
    /// Tables that leave: level and number.
    pub deleted_tables: Vec<(usize, FileNum)>,
    /// Tables that arrive.
    pub new_tables: Vec<NewTable>,
    /// Files that virtual tables may refer to from now on: number and size.
    pub created_backings: Vec<(FileNum, u64)>,
    /// Files that no virtual table refers to any more.
    pub removed_backings: Vec<FileNum>,
    /// Blob files that arrive.
    pub new_blob_files: Vec<NewBlobFile>,
    /// Blob files that leave: identity and file number.
    pub deleted_blob_files: Vec<(u64, FileNum)>,
}

/// The tags in front of the fields of an edit.
mod tag {
    pub(super) const COMPARATOR: u64 = 1;
    pub(super) const LOG_NUMBER: u64 = 2;
    pub(super) const NEXT_FILE: u64 = 3;
    pub(super) const LAST_SEQ: u64 = 4;
    pub(super) const COMPACT_POINTER: u64 = 5;
    pub(super) const DELETED_TABLE: u64 = 6;
    pub(super) const NEW_TABLE: u64 = 7;
    pub(super) const PREVIOUS_LOG: u64 = 9;
    pub(super) const EXCISE_BOUNDS: u64 = 10;
    pub(super) const MARKED_FOR_COMPACTION: u64 = 11;
    pub(super) const NEW_TABLE_2: u64 = 100;
    pub(super) const NEW_TABLE_3: u64 = 102;
    pub(super) const NEW_TABLE_4: u64 = 103;
    pub(super) const NEW_TABLE_5: u64 = 104;
    pub(super) const CREATED_BACKING: u64 = 105;
    pub(super) const REMOVED_BACKING: u64 = 106;
    pub(super) const NEW_BLOB_FILE: u64 = 107;
    pub(super) const DELETED_BLOB_FILE: u64 = 108;
}

/// The tags of a new table's optional fields.
mod custom {
    pub(super) const TERMINATOR: u64 = 1;
    pub(super) const NEEDS_COMPACTION: u64 = 2;
    pub(super) const CREATED_AT: u64 = 6;
    pub(super) const PATH_ID: u64 = 65;
    pub(super) const VIRTUAL: u64 = 66;
    pub(super) const SYNTHETIC_PREFIX: u64 = 67;
    pub(super) const SYNTHETIC_SUFFIX: u64 = 68;
    pub(super) const BLOB_REFERENCES: u64 = 69;
    pub(super) const BLOB_REFERENCES_SIZED: u64 = 70;
    /// Fields without this bit may be passed over when they are not known.
    pub(super) const ESSENTIAL: u64 = 0x40;
}

impl VersionEdit {
    /// Reads one record. An empty record is an edit that changes nothing.
    pub fn decode(record: &[u8]) -> DecodeResult<Self> {
        let mut edit = Self::default();
        let mut cursor = Cursor::new(record);
        while !cursor.is_empty() {
            let at = cursor.offset();
            match cursor.varint("tag")? {
                tag::COMPARATOR => edit.comparer = Some(cursor.varint_bytes("comparer name")?.to_vec()),
                tag::LOG_NUMBER => edit.min_unflushed_log = Some(file_num(&mut cursor, "log number")?),
                tag::NEXT_FILE => edit.next_file = Some(file_num(&mut cursor, "next file number")?),
                tag::LAST_SEQ => edit.last_seq = Some(SeqNum(cursor.varint("last sequence number")?)),
                tag::COMPACT_POINTER => {
                    level(&mut cursor)?;
                    cursor.varint_bytes("compact pointer")?;
                }
                tag::DELETED_TABLE => {
                    edit.deleted_tables.push((level(&mut cursor)?, file_num(&mut cursor, "deleted table")?));
                }
                tag::PREVIOUS_LOG => {
                    cursor.varint("previous log number")?;
                }
                tag::EXCISE_BOUNDS => {
                    // The edits of the tables already reflect it.
                    cursor.varint_bytes("excise start")?;
                    cursor.varint_bytes("excise end")?;
                    cursor.varint("excise end kind")?;
                    cursor.varint("excise sequence number")?;
                }
                tag::MARKED_FOR_COMPACTION => {
                    level(&mut cursor)?;
                    cursor.varint("marked table")?;
                }
                tag @ (tag::NEW_TABLE | tag::NEW_TABLE_2 | tag::NEW_TABLE_3 | tag::NEW_TABLE_4 | tag::NEW_TABLE_5) => {
                    edit.new_tables.push(new_table(&mut cursor, tag)?);
                }
                tag::CREATED_BACKING => {
                    edit.created_backings.push((file_num(&mut cursor, "backing")?, cursor.varint("backing size")?));
                }
                tag::REMOVED_BACKING => edit.removed_backings.push(file_num(&mut cursor, "removed backing")?),
                tag::NEW_BLOB_FILE => {
                    let id = cursor.varint("blob file id")?;
                    let file = file_num(&mut cursor, "blob file number")?;
                    let size = cursor.varint("blob file size")?;
                    cursor.varint("blob value size")?;
                    cursor.varint("blob creation time")?;
                    edit.new_blob_files.push(NewBlobFile { id, file, size });
                }
                tag::DELETED_BLOB_FILE => {
                    edit.deleted_blob_files
                        .push((cursor.varint("deleted blob file id")?, file_num(&mut cursor, "deleted blob file")?));
                }
                // Fields behind an unknown tag cannot be passed over: their length is not known.
                found => return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "tag", found })),
            }
        }
        Ok(edit)
    }
}

fn file_num(cursor: &mut Cursor<'_>, what: &'static str) -> DecodeResult<FileNum> {
    cursor.varint(what).map(FileNum)
}

fn level(cursor: &mut Cursor<'_>) -> DecodeResult<usize> {
    let at = cursor.offset();
    let found = cursor.varint("level")?;
    usize::try_from(found)
        .ok()
        .filter(|&level| level < LEVELS)
        .ok_or_else(|| DecodeError::new(at, DecodeErrorKind::Limit { what: "level", found, limit: LEVELS as u64 - 1 }))
}

fn key(cursor: &mut Cursor<'_>, what: &'static str) -> DecodeResult<OwnedKey> {
    let bytes = cursor.varint_bytes(what)?;
    let start = cursor.offset().saturating_sub(bytes.len() as u64);
    let key = InternalKey::decode(bytes).map_err(|error| error.shifted(start))?;
    Ok(OwnedKey { user_key: key.user_key.to_vec(), trailer: key.trailer })
}

fn bounds(cursor: &mut Cursor<'_>) -> DecodeResult<KeyBounds> {
    Ok(KeyBounds { smallest: key(cursor, "smallest key")?, largest: key(cursor, "largest key")? })
}

fn new_table(cursor: &mut Cursor<'_>, tag: u64) -> DecodeResult<NewTable> {
    let level = level(cursor)?;
    let number = file_num(cursor, "table number")?;
    if tag == tag::NEW_TABLE_3 {
        cursor.varint("path id")?;
    }
    let size = cursor.varint("table size")?;
    let (points, range_keys, overall) = if tag == tag::NEW_TABLE_5 {
        bounds_with_range_keys(cursor)?
    } else {
        let points = bounds(cursor)?;
        (Some(points.clone()), None, points)
    };
    let (mut smallest_seq, mut largest_seq) = (SeqNum(0), SeqNum(0));
    if tag != tag::NEW_TABLE {
        smallest_seq = SeqNum(cursor.varint("smallest sequence number")?);
        largest_seq = SeqNum(cursor.varint("largest sequence number")?);
    }
    let mut table = NewTable {
        level,
        number,
        size,
        points,
        range_keys,
        bounds: overall,
        smallest_seq,
        largest_seq,
        created_at: 0,
        marked_for_compaction: false,
        virtual_backing: None,
        synthetic_prefix: Vec::new(),
        synthetic_suffix: Vec::new(),
        blob_depth: 0,
        blob_references: Vec::new(),
    };
    if matches!(tag, tag::NEW_TABLE_4 | tag::NEW_TABLE_5) {
        custom_fields(cursor, &mut table)?;
    }
    Ok(table)
}

/// Points, range keys and overall bounds of a table with range keys.
fn bounds_with_range_keys(cursor: &mut Cursor<'_>) -> DecodeResult<(Option<KeyBounds>, Option<KeyBounds>, KeyBounds)> {
    let at = cursor.offset();
    let marker = cursor.u8("bounds byte")?;
    let (has_points, smallest_is_point, largest_is_point) = (marker & 1 != 0, marker & 2 != 0, marker & 4 != 0);
    if !has_points && (smallest_is_point || largest_is_point) {
        let detail = format!("{marker:#04x} claims point bounds for a table without points");
        return Err(DecodeError::invalid(at, "bounds byte", detail));
    }
    let points = if has_points { Some(bounds(cursor)?) } else { None };
    let ranges = bounds(cursor)?;
    let pick = |is_point: bool, of: fn(&KeyBounds) -> &OwnedKey| match &points {
        Some(points) if is_point => of(points).clone(),
        _ => of(&ranges).clone(),
    };
    let smallest = pick(smallest_is_point, |bounds| &bounds.smallest);
    let largest = pick(largest_is_point, |bounds| &bounds.largest);
    Ok((points, Some(ranges), KeyBounds { smallest, largest }))
}

fn custom_fields(cursor: &mut Cursor<'_>, table: &mut NewTable) -> DecodeResult<()> {
    loop {
        let at = cursor.offset();
        match cursor.varint("custom tag")? {
            custom::TERMINATOR => return Ok(()),
            custom::NEEDS_COMPACTION => match cursor.varint_bytes("needs-compaction field")? {
                [flag] => table.marked_for_compaction = *flag == 1,
                other => {
                    let detail = format!("{} bytes instead of 1", other.len());
                    return Err(DecodeError::invalid(at, "needs-compaction field", detail));
                }
            },
            custom::CREATED_AT => {
                let mut field = Cursor::new(cursor.varint_bytes("creation time")?);
                table.created_at = field.varint("creation time").map_err(|error| error.shifted(at))?;
                if !field.is_empty() {
                    return Err(DecodeError::invalid(at, "creation time", "bytes behind the number"));
                }
            }
            custom::VIRTUAL => table.virtual_backing = Some(file_num(cursor, "backing of a virtual table")?),
            custom::SYNTHETIC_PREFIX => table.synthetic_prefix = cursor.varint_bytes("synthetic prefix")?.to_vec(),
            custom::SYNTHETIC_SUFFIX => table.synthetic_suffix = cursor.varint_bytes("synthetic suffix")?.to_vec(),
            custom @ (custom::BLOB_REFERENCES | custom::BLOB_REFERENCES_SIZED) => {
                table.blob_depth = cursor.varint("blob reference depth")?;
                let count = cursor.varint("blob reference count")?;
                table.blob_references.clear();
                // Each reference takes bytes, so a claimed count cannot outrun the input.
                for _ in 0..count {
                    let blob_file = cursor.varint("blob file id")?;
                    let value_size = cursor.varint("blob value size")?;
                    if custom == custom::BLOB_REFERENCES_SIZED {
                        cursor.varint("blob backing size")?;
                    }
                    table.blob_references.push(BlobReference { blob_file, value_size });
                }
            }
            found if found & custom::ESSENTIAL != 0 || found == custom::PATH_ID => {
                return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "custom tag", found }));
            }
            _ => {
                cursor.varint_bytes("unknown custom field")?;
            }
        }
    }
}

/// True for the kinds that may bound a table's points.
pub(super) const fn bounds_points(kind: KeyKind) -> bool {
    kind.is_point() || matches!(kind, KeyKind::RangeDelete)
}

#[cfg(test)]
pub(super) mod tests;
