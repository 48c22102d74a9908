//! What the user named. One folder for the way from a path to what stands there: groups, logs, stores, snapshots, and what a directory
//! is by the names in it. Each way tells what lies beside and was not understood; all of them find groups in one way.

mod groups;
mod inside;
mod kind;
mod logs;
mod names;
mod offloaded;
pub mod snapshots;
mod stores;
mod stray;
mod territory;

pub use groups::{Discovered, GroupDir, Neighbours, below, discover, discover_all, discover_paths, neighbours};
pub(in crate::readers) use inside::is_part_of_group;
pub use kind::DirectoryKind;
pub use logs::{LogTarget, logs};
pub(in crate::readers) use names::OWN_ENTRIES;
pub use names::{Unplaced, group_number, is_group};
pub use offloaded::{StorePlace, begins_here, find_store};
pub use snapshots::SnapshotTarget;
pub use stores::store_dirs;
pub use territory::Territory;
