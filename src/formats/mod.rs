//! Bytes in, borrowed views out.
//!
//! Decoders are pure functions over `&[u8]`: they open nothing, print nothing, know no clock, and cannot panic,
//! hang or allocate by a length that the input claims. A failure is a [`DecodeError`] with the offset at which the
//! bytes stopped making sense. Whether that is damage or an ordinary crash is decided above.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod bolt;
mod cursor;
pub mod detect;
pub mod dump;
pub mod envelope;
mod error;
pub mod etcd;
pub mod facts;
pub mod foreign;
pub mod fsm;
pub mod go_json;
pub mod go_time;
pub mod gzip;
pub mod hraft;
pub mod kv;
pub mod layout;
pub mod ledger;
pub mod legacy;
pub mod mvcc;
pub mod offload;
pub mod pebble;
pub mod peers;
pub mod protobuf;
pub mod raftpb;
pub mod raftwal;
pub mod sidecar;
pub mod snap;
pub mod tar;
pub mod unpack;
pub mod varint;
pub mod wal;
pub mod zstd;

pub use cursor::Cursor;
pub use error::{DecodeError, DecodeErrorKind, DecodeResult};

/// A hexadecimal number as the server's parser takes it: one or more digits in either case, no sign, no prefix.
fn hex_u64(text: &str) -> Option<u64> {
    // The standard parser would take a leading plus sign.
    if text.starts_with('+') { None } else { u64::from_str_radix(text, 16).ok() }
}
