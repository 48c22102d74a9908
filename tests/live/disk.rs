//! What a node does to its files, step by step.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// One step; paths are below the group directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A directory.
    Dir(String),
    /// A new file of that many zeros.
    Create(String, u64),
    /// Bytes at an offset.
    Write(String, u64, Vec<u8>),
    /// The file's new length.
    Truncate(String, u64),
    /// Everything written to the file so far is on the disk.
    Sync(String),
    Rename(String, String),
    Remove(String),
}

impl Step {
    /// Does it to the directory.
    pub fn apply(&self, root: &Path) {
        let open = |name: &String| OpenOptions::new().write(true).open(root.join(name)).unwrap();
        match self {
            Self::Dir(name) => fs::create_dir_all(root.join(name)).unwrap(),
            Self::Create(name, len) => File::create(root.join(name)).unwrap().set_len(*len).unwrap(),
            Self::Write(name, at, bytes) => open(name).write_all_at(bytes, *at).unwrap(),
            Self::Truncate(name, len) => open(name).set_len(*len).unwrap(),
            // The state after a crash of the process alone needs no disk.
            Self::Sync(_) => {}
            Self::Rename(from, to) => fs::rename(root.join(from), root.join(to)).unwrap(),
            Self::Remove(name) => fs::remove_file(root.join(name)).unwrap(),
        }
    }
}

/// Sectors are written or not, each as a whole.
const SECTOR: u64 = 512;

/// What may be on the disk instead of a write that nobody has synced: its first sectors only, or all but one.
pub fn torn(at: u64, bytes: &[u8]) -> Vec<Vec<(u64, Vec<u8>)>> {
    let mut sectors = Vec::new();
    let mut from = 0;
    while from < bytes.len() {
        let room = usize::try_from(SECTOR - (at + from as u64) % SECTOR).unwrap();
        let to = bytes.len().min(from + room);
        sectors.push((at + from as u64, bytes[from..to].to_vec()));
        from = to;
    }
    let cut = (0..sectors.len()).map(|count| sectors[..count].to_vec());
    let lost = (0..sectors.len().saturating_sub(1)).map(|gone| {
        let kept = sectors.iter().enumerate().filter(|(number, _)| *number != gone);
        kept.map(|(_, sector)| sector.clone()).collect()
    });
    cut.chain(lost).collect()
}
