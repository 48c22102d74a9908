#![doc = include_str!("../../../docs/formats/raft-wal.md")]

mod entry;
mod file_name;
mod frame;
mod header;
mod meta;

pub use entry::{BinaryError, CHECKPOINT_MAGIC, Checkpoint, checkpoint_sum, decode_binary_entry};
pub use file_name::WalFile;
pub use frame::{FRAME_HEADER, Frame, FrameEnd, FrameKind, Frames, MAX_ENTRY, frame_size, read_frame};
pub use header::{BINARY_CODEC, HEADER_LEN, HeaderFault, SEGMENT_MAGIC, SegmentHeader};
pub use meta::{SegmentInfo, WalState, decode_wal_state};

#[cfg(test)]
mod tests;
