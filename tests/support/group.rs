//! A copy of one group directory that a test may damage.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A writable copy of a group directory, in memory where the system has a place for it.
pub struct GroupCopy {
    _root: TempDir,
    /// The group directory; it has the name of the original.
    pub dir: PathBuf,
    /// Regular files relative to the directory, sorted, with their content.
    pub files: Vec<(String, Vec<u8>)>,
}

impl GroupCopy {
    pub fn of(from: &Path) -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let dir = root.path().join(from.file_name().unwrap());
        let mut files = Vec::new();
        copy(from, &dir, "", &mut files);
        files.sort();
        Self { _root: root, dir, files }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Replaces the content of a file for good.
    pub fn set(&mut self, name: &str, bytes: Vec<u8>) {
        fs::write(self.path(name), &bytes).unwrap();
        self.files.iter_mut().find(|file| file.0 == name).unwrap().1 = bytes;
    }
}

fn copy(from: &Path, to: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, &format!("{name}/"), files);
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(&target, &bytes).unwrap();
            files.push((name, bytes));
        }
    }
}
