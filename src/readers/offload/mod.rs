//! A store of offloaded snapshots: a directory (a local store, a mount, a copy of a bucket) or a list of objects; what a publish reads
//! of a group, and what publishes and restores leave around it.

mod export;
mod facts;
mod leftovers;
mod listing;
mod object;
mod pass;
mod store;
mod walk;

pub use export::{ExportPayload, ExportRead, ExportSource, ExportSums, read_export, read_inline_export};
pub use facts::{ObjectFacts, ObjectRead, Sums};
pub use leftovers::{Left, LeftKind, SPOOL, around, leftovers, preparation_of, stands};
pub use listing::ListedObject;
pub use object::read_object;
pub use pass::{OBJECT_HEAD_LEN, ObjectPass};
pub use store::{ManifestObject, ManifestRead, OffloadStore, PayloadObject, REMOVED, RecordedDigest, Temporary};
