//! One MANIFEST, folded into a version.

use std::path::Path;

use super::logs::over_budget;
use crate::error::Result;
use crate::formats::pebble::record::Framing;
use crate::formats::pebble::{FileNum, FoldError, NewTable, Records, RecordsEnd, Version, VersionEdit};
use crate::formats::{DecodeError, DecodeErrorKind};
use crate::io::FileStamp;
use crate::readers::source::Source;
use crate::types::grant;

/// Memory of a table in a version, with its keys and with what is found out and said about it.
const TABLE_BYTES: usize = 3 << 10;
/// The shortest entry of a table in an edit takes so many times its bytes in memory.
const EDIT_RATIO: usize = size_of::<NewTable>() / 16;

/// A MANIFEST and what it adds up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFacts {
    /// Its number.
    pub number: FileNum,
    /// The file's name.
    pub name: String,
    /// The file's size in bytes when it was read.
    pub size: u64,
    /// Number of edits that were applied.
    pub edits: u64,
    /// How its records end. Behind damage the server sees nothing and says nothing.
    pub end: RecordsEnd,
    /// An intact chunk behind the end, if the end is damage: edits that the server no longer sees.
    pub hidden_chunk: Option<u64>,
    /// The end of an unreadable last record that was written completely: its bytes changed afterwards.
    pub whole_chunk: Option<u64>,
    /// The edit that stopped the reading because it does not decode or does not fit.
    pub failure: Option<ManifestFailure>,
    /// What the edits up to there add up to.
    pub version: Version,
}

/// An edit that the server refuses; it then refuses to open the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFailure {
    /// Offset of the edit's record.
    pub offset: u64,
    /// The reason.
    pub text: String,
}

impl ManifestFacts {
    /// Reads `dir/name`. A file of which not all bytes could be seen is an error.
    pub fn read(dir: &Path, name: &str, number: FileNum, source: &dyn Source) -> Result<(Self, FileStamp)> {
        let file = source.map(&dir.join(name))?;
        let mut records = Records::of_manifest(file.bytes());
        let mut version = Version::default();
        let (mut edits, mut failure) = (0, None);
        for record in records.by_ref() {
            let of_edit = record.payload.len().saturating_mul(EDIT_RATIO);
            let of_tables = version.table_count().saturating_mul(TABLE_BYTES);
            grant(of_edit.max(of_tables) as u64).map_err(|over| over_budget(dir, name, over))?;
            let applied = match VersionEdit::decode(&record.payload) {
                Ok(edit) => version.apply(&edit).map_err(|error| match error {
                    FoldError::Comparer { .. } => {
                        let store = dir.file_name().unwrap_or_default().to_string_lossy();
                        format!("pebble: manifest file {name:?} for DB {store:?}: {error}")
                    }
                    error => error.to_string(),
                }),
                Err(DecodeError { kind: DecodeErrorKind::Unknown { what: "tag", found }, .. }) => {
                    Err(format!("MANIFEST: unknown tag: {found}"))
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(text) = applied {
                failure = Some(ManifestFailure { offset: record.offset, text });
                break;
            }
            edits += 1;
            file.release_before(record.offset);
        }
        grant(version.table_count().saturating_mul(TABLE_BYTES) as u64).map_err(|over| over_budget(dir, name, over))?;
        if let Some(over) = records.too_large() {
            return Err(over_budget(dir, name, over));
        }
        // Reading on past a refused edit would tell nothing: the server stops there.
        let end = records.end().unwrap_or(RecordsEnd::Clean { at: failure.as_ref().map_or(0, |failure| failure.offset) });
        let hidden_chunk =
            records.intact_chunk_behind_end().filter(|(_, framing)| *framing == Framing::Legacy).map(|(offset, _)| offset);
        let whole_chunk = records.whole_chunk_at_end();
        // Zeros in place of bytes that nobody saw are no damage.
        file.delivered()?;
        let stamp = file.stamp();
        let facts =
            Self { number, name: name.to_owned(), size: stamp.size, edits, end, hidden_chunk, whole_chunk, failure, version };
        Ok((facts, stamp))
    }
}
