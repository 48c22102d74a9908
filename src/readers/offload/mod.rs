//! A store of offloaded snapshots that is a directory: a local store, a mount, or a copy of a bucket; what a publish reads of a group,
//! and what publishes and restores leave around it.

mod export;
mod leftovers;
mod object;
mod store;

pub use export::{ExportPayload, ExportRead, ExportSource, ExportSums, read_export, read_inline_export};
pub use leftovers::{Left, LeftKind, SPOOL, around, leftovers, preparation_of, stands};
pub use object::{ObjectFacts, ObjectRead, Sums, read_object};
pub use store::{ManifestObject, ManifestRead, OffloadStore, PayloadObject, Temporary};
