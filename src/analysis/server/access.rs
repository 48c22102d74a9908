//! What the server may do with its files.
//!
//! The server runs as the owner of its group directory, as far as the files tell. It opens more for writing than it changes:
//! the lock of the store and every segment from the chosen snapshot on.

use std::collections::BTreeMap;

use crate::readers::Access;

/// What the server wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Read a file.
    Read,
    /// Open a file for reading and writing.
    ReadWrite,
    /// Make, rename and delete files in a directory.
    Change,
}

impl Wish {
    const fn bits(self) -> u32 {
        match self {
            Self::Read => 0o4,
            Self::ReadWrite => 0o6,
            Self::Change => 0o3,
        }
    }
}

/// The name under which the group directory itself stands in the listing's rights.
pub const HOME: &str = ".";

/// True if the owner of the group directory may not do that with `path`. What was not asked is allowed, and so is everything
/// to the superuser.
pub fn is_denied(access: &BTreeMap<String, Access>, path: &str, wish: Wish) -> bool {
    let (Some(home), Some(file)) = (access.get(HOME), access.get(path)) else { return false };
    if home.uid == 0 {
        return false;
    }
    let shift = match (file.uid == home.uid, file.gid == home.gid) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    (file.mode >> shift) & wish.bits() != wish.bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_the_directory_asks() {
        let home = Access { mode: 0o755, uid: 7, gid: 8 };
        let denied = |file: Access, wish| is_denied(&[(HOME.to_owned(), home), ("x".to_owned(), file)].into(), "x", wish);
        assert!(!denied(Access { mode: 0o600, ..home }, Wish::ReadWrite));
        assert!(denied(Access { mode: 0o400, ..home }, Wish::ReadWrite));
        assert!(!denied(Access { mode: 0o400, ..home }, Wish::Read));
        assert!(denied(Access { mode: 0o066, ..home }, Wish::Read), "only the owner's bits count for the owner");
        // Left by a command that ran as somebody else.
        assert!(denied(Access { mode: 0o644, uid: 0, gid: 0 }, Wish::ReadWrite));
        assert!(!denied(Access { mode: 0o646, uid: 0, gid: 0 }, Wish::ReadWrite));
        assert!(!denied(Access { mode: 0o060, uid: 0, gid: 8 }, Wish::ReadWrite));
        assert!(denied(Access { mode: 0o555, ..home }, Wish::Change));
        let root = Access { uid: 0, ..home };
        assert!(!is_denied(&[(HOME.to_owned(), root), ("x".to_owned(), Access { mode: 0, ..home })].into(), "x", Wish::Read));
        assert!(!is_denied(&BTreeMap::new(), "x", Wish::Read), "nobody asked");
    }
}
