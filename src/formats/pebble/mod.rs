#![doc = include_str!("../../../docs/formats/pebble.md")]

pub mod batch;
pub mod columnar;
pub mod file_name;
pub mod internal_key;
mod masked_crc;
pub mod options;
pub mod record;
pub mod sstable;
pub mod version;
pub mod version_edit;

pub use batch::{Batch, BatchEntry};
pub use file_name::{FileNum, StoreFileName};
pub use internal_key::{InternalKey, KeyKind, SeqNum, Trailer};
pub use masked_crc::MaskedCrc32c;
pub use options::StoreOptions;
pub use record::{ChunkDefect, Record, Records, RecordsEnd};
pub use version::{FoldError, Version};
pub use version_edit::{KeyBounds, NewTable, OwnedKey, VersionEdit};
