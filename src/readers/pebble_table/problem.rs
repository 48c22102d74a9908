//! What is wrong with a table, and where.

use std::fmt;

use serde::Serialize;

use crate::error::Error;
use crate::formats::pebble::sstable::BlockHandle;
use crate::formats::{DecodeError, DecodeErrorKind};
use crate::types::OverBudget;

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// Point records.
    Data,
    /// Leads to data blocks.
    Index,
    /// Leads to index blocks.
    TopIndex,
    /// Leads to what follows.
    Metaindex,
    /// What the table says about itself.
    Properties,
    /// Deletions of key ranges.
    RangeDel,
    /// Values of key ranges.
    RangeKey,
    /// Says which keys are not there.
    Filter,
    /// Leads to value blocks.
    ValueIndex,
    /// Values that stand apart from their keys.
    Value,
    /// Which values of blob files the table refers to.
    BlobReferences,
}

impl BlockKind {
    /// The name that messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data block",
            Self::Index => "index block",
            Self::TopIndex => "top index block",
            Self::Metaindex => "metaindex block",
            Self::Properties => "properties block",
            Self::RangeDel => "range-deletion block",
            Self::RangeKey => "range-key block",
            Self::Filter => "filter block",
            Self::ValueIndex => "value index block",
            Self::Value => "value block",
            Self::BlobReferences => "blob reference block",
        }
    }
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The ways in which a table can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableProblemKind {
    /// The file ends before its footer or before a block does.
    Cut,
    /// The last bytes are not those of a table.
    Magic,
    /// The footer makes no sense behind a good magic.
    Footer,
    /// A handle leads outside the blocks of the file, or back into blocks already passed.
    Handle,
    /// A block's bytes do not match its checksum.
    Checksum,
    /// A block with a good checksum does not decompress.
    Decompression,
    /// A block with a good checksum is not built as the format says.
    Structure,
    /// Keys are not in their order.
    Order,
    /// A value's handle leads nowhere.
    Value,
    /// The table is of a kind that is recognised and not read. Says nothing about damage.
    Unsupported,
    /// A block takes more memory than the run may. Says nothing about damage.
    OverBudget,
}

impl TableProblemKind {
    /// True if the bytes are wrong, as opposed to not read.
    pub const fn is_damage(self) -> bool {
        !matches!(self, Self::Unsupported | Self::OverBudget)
    }
}

/// One thing wrong with a table. A value, not an error: reading goes on where it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TableProblem {
    /// What is wrong.
    pub kind: TableProblemKind,
    /// In which block, if it is one.
    pub block: Option<BlockKind>,
    /// First byte concerned, from the start of the file; for what is inside a compressed block, the start of the block.
    pub offset: u64,
    /// Bytes concerned.
    pub length: u64,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The problem in words.
    pub detail: String,
}

impl TableProblem {
    /// A problem of a whole block.
    pub(super) fn of_block(kind: TableProblemKind, block: BlockKind, handle: BlockHandle, detail: impl Into<String>) -> Self {
        Self {
            kind,
            block: Some(block),
            offset: handle.offset,
            length: handle.len_with_trailer(),
            expected: None,
            found: None,
            detail: detail.into(),
        }
    }

    /// A decoder's refusal of the uncompressed bytes of a block.
    pub(super) fn in_block(block: BlockKind, handle: BlockHandle, error: &DecodeError) -> Self {
        Self::of_block(TableProblemKind::Structure, block, handle, format!("uncompressed, {error}"))
    }

    /// A decoder's refusal of the footer, whose tail was read from `tail_at`.
    pub(super) fn in_footer(tail_at: u64, size: u64, error: &DecodeError) -> Self {
        let kind = match &error.kind {
            DecodeErrorKind::BadMagic { .. } => TableProblemKind::Magic,
            DecodeErrorKind::Truncated { .. } => TableProblemKind::Cut,
            DecodeErrorKind::Limit { .. } => TableProblemKind::Handle,
            _ => TableProblemKind::Footer,
        };
        let offset = tail_at.saturating_add(error.at);
        Self {
            kind,
            block: None,
            offset,
            length: size.saturating_sub(offset),
            expected: None,
            found: None,
            detail: error.kind.to_string(),
        }
    }

    /// A value handle that leads nowhere.
    pub(super) fn dangling(block: BlockKind, handle: BlockHandle, detail: String) -> Self {
        Self::of_block(TableProblemKind::Value, block, handle, detail)
    }

    /// A value that is good as far as this program looks and stands where it does not.
    pub(super) fn not_read(block: BlockKind, handle: BlockHandle, detail: impl Into<String>) -> Self {
        Self::of_block(TableProblemKind::Unsupported, block, handle, detail)
    }

    pub(in crate::readers) fn unsupported(detail: impl Into<String>, offset: u64, length: u64) -> Self {
        Self {
            kind: TableProblemKind::Unsupported,
            block: None,
            offset,
            length,
            expected: None,
            found: None,
            detail: detail.into(),
        }
    }

    /// A table that takes more memory than the run may.
    pub(in crate::readers) fn over_budget(over: OverBudget, length: u64) -> Self {
        Self { kind: TableProblemKind::OverBudget, ..Self::unsupported(over.to_string(), 0, length) }
    }

    /// A table that the MANIFEST presents in a way that cannot be read.
    pub(in crate::readers) fn unsupported_view(detail: &str) -> Self {
        Self::unsupported(detail, 0, 0)
    }

    #[must_use]
    pub(super) fn expected_found(mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self.found = Some(found.to_string());
        self
    }
}

impl fmt::Display for TableProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(block) = self.block {
            write!(f, "{block}: ")?;
        }
        f.write_str(&self.detail)
    }
}

/// Why a table gave no answer.
#[derive(Debug)]
pub enum TableFailure {
    /// Its bytes are wrong.
    Problem(Box<TableProblem>),
    /// They could not be read.
    Error(Error),
}

/// Result of reading from a table.
pub type TableResult<T> = Result<T, TableFailure>;

impl From<TableProblem> for TableFailure {
    fn from(problem: TableProblem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<Error> for TableFailure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Separates what is wrong with the bytes from what kept them from being read.
pub fn separate<T>(result: TableResult<T>) -> Result<Result<T, TableProblem>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(TableFailure::Problem(problem)) => Ok(Err(*problem)),
        Err(TableFailure::Error(error)) => Err(error),
    }
}
