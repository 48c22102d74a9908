//! One payload that was read whole.

use serde::{Deserialize, Serialize};

use crate::types::{FileIdentity, UnixMillis};

/// A payload whose whole content was read and judged clean, without any remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Device number of the file.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time of the inode, nanoseconds since 1970.
    pub ctime_ns: i64,
    /// The last four bytes of the file, as a number written big-endian.
    pub footer: u32,
    /// The index that it stood for; absent when its name was none and no token named it.
    pub index: Option<u64>,
    /// Every row was looked at (`--deep`).
    pub deep: bool,
    /// When reading began, milliseconds since 1970.
    pub read_at_ms: UnixMillis,
    /// Version of the program that judged it.
    pub tool: String,
}

impl LedgerEntry {
    /// The file that it is about.
    pub const fn file(&self) -> FileIdentity {
        let Self { dev, ino, size, mtime_ns, ctime_ns, .. } = *self;
        FileIdentity { dev, ino, size, mtime_ns, ctime_ns }
    }
}
