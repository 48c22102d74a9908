//! How much room a file system has.

use std::path::Path;

/// Bytes that an ordinary user may still write below `dir`; `None` when the system does not say.
pub fn free_space(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}
