#![doc = include_str!("../../../docs/formats/pebble.md")]

pub mod file_name;
pub mod internal_key;
mod masked_crc;

pub use file_name::{FileNum, StoreFileName};
pub use internal_key::{InternalKey, KeyKind, SeqNum, Trailer};
pub use masked_crc::MaskedCrc32c;
