#![doc = include_str!("../../../docs/formats/mvcc.md")]

mod key;
mod meta_key;
mod value;

pub use key::{RowKey, StoreKey};
pub use meta_key::{MetaKey, RegistryKey, RegistryValue, meta_value};
pub use value::{Encryption, ROW_HEADER_LEN, RowHeader, RowHeaderError, is_sealed};
