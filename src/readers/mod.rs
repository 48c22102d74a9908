//! Files and directories as the node sees them, reduced to facts with their place. No judgement: a gap is a fact here
//! and a finding in [`analysis`](crate::analysis).
#![forbid(unsafe_code)]

mod bundle;
pub mod content;
pub mod dump;
pub mod etcd;
mod fsm_body;
pub mod fsm_diff;
pub mod fsm_file;
pub mod group;
mod group_listing;
pub mod hraft;
pub mod keys;
pub mod locate;
pub mod offload;
pub mod pebble;
pub mod pebble_scan;
pub mod pebble_survey;
pub mod pebble_table;
pub mod row_diff;
pub mod sealed_rows;
pub mod snap_dir;
mod snapshot_places;
mod snapshot_set;
pub mod source;
pub mod store_content;
pub mod store_diff;
pub mod subject;
mod unpacked;
pub mod usage;
pub mod wal;

pub use bundle::UnreadTable;
pub use fsm_body::{BodyFacts, Oddity, RowFacts, SpaceRows};
pub use fsm_file::{Examine, FsmFacts, FsmFile, PayloadFacts};
pub use group::{Group, Reading, Settled, settle};
pub(crate) use group_listing::{DEFRAG_PREFIX, SPOOL_PREFIX};
pub use group_listing::{GroupListing, SmallFact, SubDir};
pub use locate::{
    Discovered, GroupDir, Neighbours, SnapshotTarget, Territory, Unplaced, discover, discover_all, discover_paths, is_group,
    neighbours, store_dirs,
};
pub use snap_dir::{SnapContent, SnapDir, SnapEntry, SnapReadError};
pub use snapshot_places::SnapshotsFound;
pub use snapshot_set::{Depth, PayloadEntry, ReadSet, SnapshotSet, is_payload};
pub use source::{Local, Memory, Overlay, Packing, Run, STDIN, Source, Streams};

// Part of the facts above.
pub use crate::io::{Access, DirEntry, EntryKind, FileChange, MappedFile};
