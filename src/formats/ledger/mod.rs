//! The ledger of payloads that earlier runs have read and found whole: what `verify-snapshot --ledger` keeps.
//!
//! Lines of JSON: what the file is, one line a payload, and the checksum over all of it. Source: docs/formats/ledger.md, which is the page
//! of this format.

mod believed;
mod entry;
mod text;

pub use believed::{Believed, PassedOver};
pub use entry::LedgerEntry;
pub use text::{LedgerError, begins, decode, encode};

/// Version of the format.
pub const VERSION: u64 = 1;
/// Entries of a ledger, at most; the oldest ones go first.
pub const MOST_ENTRIES: usize = 1 << 16;
/// Bytes of a ledger, at most: more than [`MOST_ENTRIES`] of the longest lines.
pub const MOST_BYTES: u64 = 40 << 20;
