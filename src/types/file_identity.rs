//! What tells a later run that a file is the one that an earlier run read.

use serde::{Deserialize, Serialize};

/// A file as the system tells it from outside. Two equal ones, of which the first was taken when the file had not changed for a
/// while, mean that no program called `write` on the file in between: each call moves the change time, which no program can set back. A
/// store into a mapped page moves it once for as long as the page waits to be written to the disk, and on tmpfs not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time of the inode, nanoseconds since 1970: content, name, owner, rights, links.
    pub ctime_ns: i64,
}
