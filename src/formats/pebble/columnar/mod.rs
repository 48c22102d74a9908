//! Blocks of tables from format 5 on: one column after another instead of one row after another.
//!
//! A block is an optional header of its own, the container's header, the columns back to back, and one byte of padding. The
//! layout is described in `docs/formats/sstable.md`. Every column is checked when a block is decoded: it ends where the next
//! one begins, and its offsets ascend; from then on rows are looked up without an error.

mod bools;
mod bytes;
mod container;
mod data;
mod index;
mod pairs;
mod prefixed;
mod spans;
#[cfg(test)]
mod tests;
mod uints;

pub use bools::BoolColumn;
pub use bytes::BytesColumn;
pub use container::{ColumnType, ColumnWalk, Columns};
pub use data::{ColumnarData, ColumnarRows};
pub use index::ColumnarIndex;
pub use pairs::ColumnarPairs;
pub use prefixed::PrefixColumn;
pub use spans::{ColumnarSpans, SpanRow};
pub use uints::UintColumn;

/// The key schema of a table whose keys are split by the one supported key order. A bundle size in decimal and `)` follow.
pub const DEFAULT_SCHEMA: &str = "DefaultKeySchema(leveldb.BytewiseComparator,";

/// True for the name of the key schema that data blocks are decoded by, whatever its bundle size: each block says its own.
pub fn is_known_schema(name: &str) -> bool {
    let size = name.strip_prefix(DEFAULT_SCHEMA).and_then(|rest| rest.strip_suffix(')'));
    size.is_some_and(|size| !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit()))
}
