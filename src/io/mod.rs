//! The only layer that touches the file system. It moves and sums bytes without knowing what they mean.
//!
//! Everything is opened read-only; nothing is created, locked, renamed or written. Files may grow, shrink, roll or
//! vanish while they are read: every reader takes a [`FileStamp`] before and after, and a mapping survives truncation.
#![allow(clippy::disallowed_methods, reason = "this is the layer that touches the file system")]

mod access;
mod bulk;
mod core_dumps;
mod dir;
mod file;
mod lock;
mod map;
mod mounts;
mod open;
mod progress;
mod space;
mod spool;
mod terminal;
mod threads;

pub use access::Access;
pub use bulk::{BulkFile, ChecksumOutcome, FileChange, IoOptions, ReadOutcome, Served, Strategy, checksum_range};
pub use core_dumps::keep_out_of_core_dumps;
pub use dir::{
    DirEntry, EntryKind, Standing, entry_named, holds_prefix, link_target, list_dir, list_names, look, memory_of_listing, now,
    parent_of, real_path,
};
pub use file::{FileStamp, SmallFile, not_regular, open_regular};
pub use lock::{LockState, lock_state};
pub use map::{MapFault, MappedFile, Mapping, ignore_file_size_signal};
pub use mounts::{directory_id, other_paths};
pub use open::{OpenFile, ReadAt};
pub use progress::{NoProgress, Progress};
pub use space::free_space;
pub use spool::{Spool, Stream};
pub use terminal::{can_redraw, tell, terminal_width, wants_colours};
pub use threads::{cores, side_by_side};
