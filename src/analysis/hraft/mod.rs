//! The start of a node of hashicorp/raft, beside that of elastickv: what the library does with `raft.db` and `snapshots/`.
//!
//! It stands for the releases of `types::LibraryVersion` over raft-boltdb 2.3.1 and bbolt 1.3.12.

mod abort;
pub mod archive;
pub mod committed;
mod entry;
pub mod facts;
pub mod findings;
mod ledger;
mod library;
mod memory;
mod node;
pub mod nodes;
mod pebble;
mod snapshots;
mod start;
pub mod texts;
mod wal;

pub use abort::{AbortKind, Crash, Stage, StartAbort};
pub use node::{StoreFile, StoreFiles};
pub use pebble::PebbleStores;
pub use snapshots::{Candidate, DEFAULT_RETAIN, Opened, Snapshots, compare};
pub use start::{
    AtStart, FirstState, Recovery, Restored, StartForecast, StartInput, StartOutcome, entries_to_read, forecast, vote_request,
};
