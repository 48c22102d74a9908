//! Units that must not be mixed.
//!
//! A log index is not a term, a plain CRC-32C is not a masked one, a commit timestamp is not a number of
//! milliseconds. This layer uses `core`, `serde` and small arithmetic crates; it knows no file and no format.
#![forbid(unsafe_code)]

mod budget;
mod bytes;
mod count;
mod crc32c;
mod file_identity;
mod library_version;
mod raft;
mod schema;
mod server_version;
mod sha256;
mod time;
mod words;
mod work;

pub use budget::{DEFAULT_BUDGET, OverBudget, beside, free_budget, grant, set_budget, share_budget};
pub use bytes::{ByteSize, Escaped, escape, go_quoted, is_deceptive, unescape};
pub use count::Count;
pub use crc32c::{Crc32c, Crc32cShift};
pub use file_identity::FileIdentity;
pub use library_version::{LibraryTraits, LibraryVersion};
pub use raft::{EtcdId, LogIndex, NodeId, SnapshotId, Term};
pub(crate) use schema::text_schema;
pub use server_version::{ProtobufRuntime, Rule, ServerTraits, ServerVersion};
pub use sha256::Sha256Sum;
pub use time::{HlcTimestamp, UnixMillis, age};
pub use words::in_words;
pub use work::{count_work, work_counted};
