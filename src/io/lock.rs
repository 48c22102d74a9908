//! Asking who holds a lock, without ever taking one.

use std::path::Path;

use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::file::open_regular;
use crate::error::{Error, Result};

/// Whether another process holds a record lock on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// No process that this machine knows of does.
    Free,
    /// One does.
    Held {
        /// The process, where the system tells it.
        pid: Option<i32>,
    },
}

/// Asks whether a write lock on the whole of `path` would have to wait. Takes no lock and changes nothing.
///
/// Locks of other machines on a shared file system may not be seen.
pub fn lock_state(path: &Path) -> Result<LockState> {
    let (file, _) = open_regular(path)?;
    let wanted = Flock::from(FlockType::WriteLock);
    match fcntl_getlk(&file, &wanted) {
        Ok(None) => Ok(LockState::Free),
        Ok(Some(held)) => Ok(LockState::Held { pid: held.pid.map(rustix::process::Pid::as_raw_pid) }),
        Err(source) => Err(Error::io(path, "ask for the lock's holder", source.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_locked_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LOCK");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(lock_state(&path).unwrap(), LockState::Free);
        assert!(lock_state(&dir.path().join("none")).unwrap_err().is_not_found());
    }
}
