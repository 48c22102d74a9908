//! Names of segment files: `%020d-%016x.wal`.

use std::fmt;

/// What a segment's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalFile {
    /// Index of its first entry.
    pub base: u64,
    /// Its id.
    pub id: u64,
}

impl WalFile {
    /// Reads a name; `None` for any other. Names of etcd's segments are four bytes shorter.
    pub fn parse(name: &str) -> Option<Self> {
        let (base, id) = name.strip_suffix(".wal")?.split_once('-')?;
        let digits = base.len() == 20 && base.bytes().all(|byte| byte.is_ascii_digit());
        let hex = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (digits && hex).then_some(())?;
        Some(Self { base: base.parse().ok()?, id: u64::from_str_radix(id, 16).ok()? })
    }
}

impl fmt::Display for WalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:016x}.wal", self.base, self.id)
    }
}
