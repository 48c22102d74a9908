//! Opening regular files, and noticing change.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Error, Result};
use crate::types::{FileIdentity, UnixMillis, count_work};

/// What identifies a file's content from outside. Two equal stamps around a read mean that nobody changed the file's
/// size, inode or modification time in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Size in bytes.
    pub size: u64,
    /// Modification time, seconds and nanoseconds.
    pub mtime: (i64, i64),
}

impl FileStamp {
    /// From metadata already at hand.
    pub fn of(meta: &Metadata) -> Self {
        Self { dev: meta.dev(), ino: meta.ino(), size: meta.size(), mtime: (meta.mtime(), meta.mtime_nsec()) }
    }

    /// When it was last changed; `None` when that is before 1970.
    pub fn modified(&self) -> Option<UnixMillis> {
        let (seconds, nanos) = self.mtime;
        let millis = u64::try_from(seconds).ok()?.checked_mul(1000)?;
        Some(UnixMillis(millis.checked_add(u64::try_from(nanos).ok()? / 1_000_000)?))
    }

    /// The stamp of whatever stands at `path` now, or `None` when it is gone.
    pub fn at(path: &Path) -> Option<Self> {
        count_work(1);
        std::fs::metadata(path).ok().map(|meta| Self::of(&meta))
    }
}

/// What tells a later run that a file is still this one; `None` for times that nanoseconds since 1970 cannot express.
pub(super) fn identity_of(meta: &Metadata) -> Option<FileIdentity> {
    let nanos = |seconds: i64, nanos: i64| seconds.checked_mul(1_000_000_000)?.checked_add(nanos);
    Some(FileIdentity {
        dev: meta.dev(),
        ino: meta.ino(),
        size: meta.size(),
        mtime_ns: nanos(meta.mtime(), meta.mtime_nsec())?,
        ctime_ns: nanos(meta.ctime(), meta.ctime_nsec())?,
    })
}

/// Opens a regular file for reading. Anything else (directory, FIFO, socket, device) is refused without blocking.
///
/// The access time is left alone where the system allows it.
pub fn open_regular(path: &Path) -> Result<(File, FileStamp)> {
    count_work(1);
    // Opening a device can do something to it, so the name is asked first; what was opened is asked again below.
    let meta = std::fs::metadata(path).map_err(|source| Error::io(path, "open the file", source))?;
    if !meta.is_file() {
        return Err(not_regular(path, kind_name(&meta)));
    }
    let open = |flags| OpenOptions::new().read(true).custom_flags(flags).open(path);
    // Without O_NONBLOCK, opening a FIFO would wait for a writer.
    #[cfg(target_os = "linux")]
    let opened = match open(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOATIME) {
        // Only the owner may leave the access time alone.
        Err(refused) if refused.raw_os_error() == Some(libc::EPERM) => open(libc::O_NONBLOCK | libc::O_NOCTTY),
        other => other,
    };
    #[cfg(not(target_os = "linux"))]
    let opened = open(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = opened.map_err(|source| Error::io(path, "open the file", source))?;
    let meta = file.metadata().map_err(|source| Error::io(path, "examine the file", source))?;
    if !meta.is_file() {
        return Err(not_regular(path, kind_name(&meta)));
    }
    Ok((file, FileStamp::of(&meta)))
}

/// The refusal to read what is no regular file; `what` it is instead, in one or two words.
pub fn not_regular(path: &Path, what: &str) -> Error {
    Error::Unsuitable {
        path: path.to_owned(),
        problem: format!("is a {what}, not a regular file"),
        hint: "name a file that the server wrote".to_owned(),
    }
}

fn kind_name(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "FIFO"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() || kind.is_block_device() {
        "device"
    } else {
        "special file"
    }
}

/// A small file read whole.
#[derive(Debug, Clone)]
pub struct SmallFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it looked like when it was opened.
    pub stamp: FileStamp,
}
