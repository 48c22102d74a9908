//! Files and directories as the node sees them, reduced to facts with their place. No judgement: a gap is a fact here
//! and a finding in [`analysis`](crate::analysis).
#![forbid(unsafe_code)]

mod data_dir;
mod group_listing;
pub mod pebble_table;
pub mod wal;

pub use data_dir::{GroupDir, discover, is_group};
pub use group_listing::{GroupListing, SmallFact, SubDir};

// Part of the facts above.
pub use crate::io::{DirEntry, EntryKind};
