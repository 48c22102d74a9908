#![doc = include_str!("../../../docs/formats/wal.md")]

mod file_name;
mod frame;
mod record;
mod torn;

pub use file_name::{SegmentName, WalName};
pub use frame::{ALIGNMENT, Frame, FrameStep, LENGTH_WORD, LengthWord};
pub use record::{Record, RecordKind};
pub use torn::{SECTOR, is_torn};
