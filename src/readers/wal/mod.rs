//! The Raft log directory: a listing, one pass over all segments, and a way back to single entries.

mod beyond;
mod class_counts;
mod decode;
mod dir;
mod entries;
mod scan;
mod stop;
mod trace;
mod watch;

pub use beyond::{Behind, Beyond, Recovered};
pub use class_counts::ClassCounts;
pub use dir::{SegmentFile, WalDir};
pub use entries::{EntryAt, EntryRange, EntryRanges};
pub use scan::{Change, SegmentScan, WalScan, WatchedLog, owner_of_dir};
pub use stop::{NOWHERE, Stop};
pub use trace::{Checkpoint, Entering, EntrySpan, FirstRecord, Item, Run, StateSpan, Suspect, Trace, TypeCounts};
pub use watch::{LogWatch, RecordSpan};
