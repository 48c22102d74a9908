//! What a store says about one key, and what keeps a table from being read.

use std::fmt;

use super::memory::LogPlace;
use crate::formats::pebble::sstable::BlockHandle;
use crate::formats::pebble::{FileNum, Trailer};
use crate::readers::pebble_table::{TableFailure, TableProblem};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In a log.
    Log(LogPlace),
    /// In a table.
    Table {
        /// The file's number.
        table: FileNum,
        /// The level; `None` for a table that a log adds.
        level: Option<usize>,
        /// The block.
        block: BlockHandle,
    },
}

/// A value and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundValue {
    /// The value; operands are joined, oldest first.
    pub value: Vec<u8>,
    /// The newest record that it comes from.
    pub trailer: Trailer,
    /// Where that stands.
    pub source: Source,
}

/// A table that could not be read as far as was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDamage {
    /// The file's number.
    pub table: FileNum,
    /// The level of the table; `None` for a table that a log adds.
    pub level: Option<usize>,
    /// What is wrong.
    pub trouble: TableTrouble,
}

/// What keeps a table from being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableTrouble {
    /// Its bytes.
    Bytes(TableProblem),
    /// It is not there.
    Missing,
    /// The system, in its words.
    System(String),
}

impl TableDamage {
    pub(in crate::readers) fn new(table: FileNum, level: Option<usize>, failure: TableFailure) -> Self {
        let trouble = match failure {
            TableFailure::Problem(problem) => TableTrouble::Bytes(*problem),
            TableFailure::Error(error) if error.is_not_found() => TableTrouble::Missing,
            TableFailure::Error(error) => TableTrouble::System(error.to_string()),
        };
        Self { table, level, trouble }
    }

    /// True if the bytes are wrong, as opposed to not read or not understood.
    pub fn is_damage(&self) -> bool {
        matches!(&self.trouble, TableTrouble::Bytes(problem) if problem.kind.is_damage())
    }
}

impl fmt::Display for TableDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trouble {
            TableTrouble::Bytes(problem) => write!(f, "{}: {problem}", self.table.table_name()),
            TableTrouble::Missing => write!(f, "{}: the file is not there", self.table.table_name()),
            TableTrouble::System(problem) => f.write_str(problem),
        }
    }
}

/// The newest state of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It has a value.
    Value(FoundValue),
    /// It was deleted; the record that says so, for a deletion of a range only its number.
    Deleted {
        /// Sequence number and kind of the deletion.
        trailer: Trailer,
        /// Where a deletion of this one key stands.
        source: Option<Source>,
    },
    /// No record of it exists.
    Absent,
    /// What decides it cannot be read.
    Unreadable(TableDamage),
}
