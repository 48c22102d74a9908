//! What one payload object is.

use crate::io::FileChange;
use crate::readers::PayloadFacts;
use crate::types::{Crc32c, Sha256Sum};

/// What stands under the key of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRead {
    /// It was not looked at.
    NotAsked,
    /// Nothing.
    Absent,
    /// A directory, a FIFO, a device.
    NotRegular,
    /// No file can have such a name; the system's words.
    Impossible(&'static str),
    /// It cannot be read; the system's words.
    Unreadable(String),
    /// An object.
    Object(Box<ObjectFacts>),
}

/// An object that could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Length in bytes when it was opened.
    pub size: u64,
    /// The digests, if they were asked for and the object could be read to its end.
    pub sums: Option<Sums>,
    /// What the payload says.
    pub payload: PayloadFacts,
    /// What happened to the object while it was read.
    pub change: Option<FileChange>,
    /// The system's words when the disk did not deliver everything.
    pub unread: Option<String>,
    /// Bytes that were read.
    pub bytes_read: u64,
}

/// Digests of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Over all of it.
    pub sha256: Sha256Sum,
    /// Over all of it.
    pub crc32c: Crc32c,
    /// True when its last four bytes are the checksum of the bytes before them: it is a `.fsm` file with its footer.
    pub has_footer: bool,
}
