//! Bytes in, borrowed views out.
//!
//! Decoders are pure functions over `&[u8]`: they open nothing, print nothing, know no clock, and cannot panic,
//! hang or allocate by a length that the input claims. A failure is a [`DecodeError`] with the offset at which the
//! bytes stopped making sense. Whether that is damage or an ordinary crash is decided above.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cursor;
mod error;
pub mod kv;
pub mod pebble;
pub mod peers;
pub mod protobuf;
pub mod raftpb;
pub mod varint;

pub use cursor::Cursor;
pub use error::{DecodeError, DecodeErrorKind, DecodeResult};
