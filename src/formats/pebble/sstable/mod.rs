#![doc = include_str!("../../../../docs/formats/sstable.md")]

pub mod blob_handle;
pub mod block;
mod claimed;
pub mod compression;
pub mod data_block;
pub mod footer;
pub mod handle;
pub mod index;
pub mod metaindex;
mod minlz;
pub mod properties;
pub mod range_del;
pub mod range_key;
pub mod row_block;
pub mod value_block;

pub use blob_handle::BlobHandle;
pub use block::{ChecksumMismatch, StoredBlock};
pub use compression::Compression;
pub use data_block::{DataEntry, EntryValue};
pub use footer::{ChecksumType, Footer, TableFormat};
pub use handle::{BLOCK_TRAILER_LEN, BlockHandle};
pub use index::IndexEntry;
pub use metaindex::Metaindex;
pub use properties::{IndexType, Properties};
pub use range_del::RangeDel;
pub use range_key::{RangeKey, RangeKeyChange};
pub use row_block::{RestartCheck, RowBlock, RowEntries};
pub use value_block::{ValueHandle, ValueIndexHandle};
