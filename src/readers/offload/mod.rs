//! A store of offloaded snapshots that is a directory: a local store, a mount, or a copy of a bucket.

mod object;
mod store;

pub use object::{ObjectFacts, ObjectRead, Sums, read_object};
pub use store::{ManifestObject, ManifestRead, OffloadStore, PayloadObject, Temporary};
