//! The names that unpacking an archive would take.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::EntryFault;
use crate::types::free_budget;

/// Bytes that a name takes: a hash stands for it, and the table has room beside it.
const TAKES: u64 = 32;

/// Names of files and directories, those above them included, as hashes that nobody can choose.
#[derive(Debug)]
pub(super) struct Names {
    hash: RandomState,
    files: HashSet<u64>,
    directories: HashSet<u64>,
    /// How many are held.
    most: usize,
    /// True when there were more.
    pub(super) dropped: bool,
}

impl Default for Names {
    fn default() -> Self {
        let most = usize::try_from(free_budget() / 8 / TAKES).unwrap_or(usize::MAX);
        Self { hash: RandomState::new(), files: HashSet::new(), directories: HashSet::new(), most, dropped: false }
    }
}

impl Names {
    /// Takes the path of a file.
    ///
    /// # Errors
    ///
    /// Why it cannot be made: something has its name, or a file stands above it.
    pub(super) fn file(&mut self, path: &[u8]) -> Result<(), EntryFault> {
        let name = self.above(path)?;
        if self.directories.contains(&name) || self.files.contains(&name) {
            return Err(EntryFault::Twice);
        }
        if self.has_room() {
            self.files.insert(name);
        }
        Ok(())
    }

    /// Takes the path of a directory, which may be there.
    ///
    /// # Errors
    ///
    /// Why it cannot be made: it is a file, or one stands above it.
    pub(super) fn directory(&mut self, path: &[u8]) -> Result<(), EntryFault> {
        let name = self.above(path)?;
        if self.files.contains(&name) {
            return Err(EntryFault::BelowFile);
        }
        if self.has_room() {
            self.directories.insert(name);
        }
        Ok(())
    }

    /// Takes the directories above a path; what stands for the path itself.
    fn above(&mut self, path: &[u8]) -> Result<u64, EntryFault> {
        let mut hasher = self.hash.build_hasher();
        let mut parts = path.split(|&byte| byte == b'/').peekable();
        while let Some(part) = parts.next() {
            hasher.write(part);
            let name = hasher.finish();
            if parts.peek().is_none() {
                return Ok(name);
            }
            if self.files.contains(&name) {
                return Err(EntryFault::BelowFile);
            }
            if !self.directories.contains(&name) && self.has_room() {
                self.directories.insert(name);
            }
            hasher.write(b"/");
        }
        Ok(hasher.finish())
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.files.len() + self.directories.len() < self.most;
        self.dropped |= !has_room;
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_system_would_refuse() {
        let mut names = Names::default();
        assert_eq!(names.directory(b"redis"), Ok(()));
        assert_eq!(names.directory(b"redis"), Ok(()));
        assert_eq!(names.file(b"redis/db_0/strings"), Ok(()));
        assert_eq!(names.file(b"redis/db_0/strings"), Err(EntryFault::Twice));
        assert_eq!(names.file(b"redis/db_0"), Err(EntryFault::Twice));
        assert_eq!(names.file(b"redis/db_0/strings/below"), Err(EntryFault::BelowFile));
        assert_eq!(names.directory(b"redis/db_0/strings"), Err(EntryFault::BelowFile));
        assert_eq!(names.file(b"redis/db_0/string"), Ok(()));
        assert_eq!(names.file(b"redis/db_0s"), Ok(()));
        assert_eq!(names.file(b"redis/db_0s/x"), Err(EntryFault::BelowFile));
        assert!(!names.dropped);
    }

    #[test]
    fn more_names_than_there_is_room_for_are_told() {
        let mut names = Names { most: 2, ..Names::default() };
        assert_eq!((names.file(b"a"), names.file(b"b")), (Ok(()), Ok(())));
        assert!(!names.dropped);
        assert_eq!((names.file(b"c"), names.file(b"c")), (Ok(()), Ok(())));
        assert!(names.dropped);
        assert_eq!(names.file(b"a"), Err(EntryFault::Twice));
    }
}
