#![doc = include_str!("../../../docs/formats/raftpb.md")]

mod conf_change;
mod conf_state;
mod entry;
mod hard_state;
mod snapshot;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

pub use conf_change::{ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};
pub use conf_state::ConfState;
pub use entry::{Entry, EntryType};
pub use hard_state::HardState;
pub use snapshot::{Snapshot, SnapshotMetadata, WalSnapshot};
pub use wire::ProtoRules;
