//! The Raft log directory: a listing, one pass over all segments, and a way back to single entries.

mod beyond;
mod decode;
mod dir;
mod entries;
mod scan;
mod shape;
mod trace;

pub use beyond::{Beyond, Recovered};
pub use dir::{SegmentFile, WalDir};
pub use entries::{EntryAt, EntryRange, EntryRanges};
pub use scan::{Change, SegmentScan, WalScan};
pub use shape::{EntryShape, ShapeCounts};
pub use trace::{Checkpoint, Entering, EntrySpan, FirstRecord, Item, Run, StateSpan, Stop, Trace};
