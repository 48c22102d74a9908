//! One fault of one file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a sector is to a disk and to the server's log.
pub const SECTOR: usize = 512;

/// One fault of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// One bit is the other.
    Flip { at: usize, bit: u8 },
    /// The file ends early.
    Cut { len: usize },
    /// A sector reads as zeros.
    Zero { at: usize },
    /// The file is gone.
    Remove,
}

impl Fault {
    /// Every fault of a file with this content that changes it.
    pub fn all(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let flips = (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| Self::Flip { at, bit }));
        let zeros = (0..bytes.len()).step_by(SECTOR).filter(|&at| sector(bytes, at).iter().any(|&byte| byte != 0));
        let cuts = (0..bytes.len()).map(|len| Self::Cut { len });
        flips.chain(cuts).chain(zeros.map(|at| Self::Zero { at })).chain([Self::Remove])
    }

    /// The kind's name.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Flip { .. } => "bit",
            Self::Cut { .. } => "cut",
            Self::Zero { .. } => "sector",
            Self::Remove => "gone",
        }
    }

    /// The file's content with the fault; `None` when it is gone.
    pub fn applied(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut damaged = bytes.to_vec();
        match self {
            Self::Flip { at, bit } => damaged[at] ^= 1 << bit,
            Self::Cut { len } => damaged.truncate(len),
            Self::Zero { at } => {
                let end = bytes.len().min(at + SECTOR);
                damaged[at..end].fill(0);
            }
            Self::Remove => return None,
        }
        Some(damaged)
    }

    /// Does it to the file at `path`, which holds `bytes`.
    pub fn inject(self, path: &Path, bytes: &[u8]) {
        if self == Self::Remove {
            return fs::remove_file(path).unwrap();
        }
        let file = OpenOptions::new().write(true).open(path).unwrap();
        match self {
            Self::Flip { at, bit } => file.write_all_at(&[bytes[at] ^ (1 << bit)], at as u64).unwrap(),
            Self::Cut { len } => file.set_len(len as u64).unwrap(),
            Self::Zero { at } => file.write_all_at(&vec![0; sector(bytes, at).len()], at as u64).unwrap(),
            Self::Remove => {}
        }
    }

    /// Undoes it.
    pub fn heal(self, path: &Path, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
        match self {
            Self::Flip { at, .. } => file.write_all_at(&bytes[at..=at], at as u64).unwrap(),
            Self::Cut { len } => file.write_all_at(&bytes[len..], len as u64).unwrap(),
            Self::Zero { at } => file.write_all_at(sector(bytes, at), at as u64).unwrap(),
            Self::Remove => file.write_all_at(bytes, 0).unwrap(),
        }
    }
}

fn sector(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at..bytes.len().min(at + SECTOR)]
}
