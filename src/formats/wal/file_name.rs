//! Names of segment files.

use std::fmt;

use crate::types::LogIndex;

/// A name that the server takes for a log segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentName {
    /// Sequence number: 0 for the first segment ever, then one more for each.
    pub seq: u64,
    /// The writer's last index + 1 when the segment was created; a hint about the content, not a promise.
    pub index: LogIndex,
    /// False for the odd shapes that the server's parser lets through.
    pub canonical: bool,
}

/// What the server makes of a name in the log directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalName {
    /// A segment.
    Segment(SegmentName),
    /// Ends in `.tmp`: the next segment being prepared; skipped silently.
    Temporary,
    /// Ends in `.wal.broken`: what repair set aside; skipped.
    Broken,
    /// Skipped with a warning.
    Foreign,
}

impl SegmentName {
    /// What the server's name parser accepts: ends in `.wal` and begins with two hexadecimal numbers of 1 to 16 digits,
    /// joined by `-`, each optionally after blanks, the second followed by `.wal`.
    pub fn parse(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if !bytes.ends_with(b".wal") {
            return None;
        }
        let (seq, rest) = hex_number(bytes)?;
        let (index, rest) = hex_number(rest.strip_prefix(b"-")?)?;
        rest.strip_prefix(b".wal")?;
        let mut name = Self { seq, index: LogIndex(index), canonical: false };
        name.canonical = name.to_string().as_bytes() == bytes;
        Some(name)
    }
}

/// The canonical spelling.
impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}.wal", self.seq, self.index.0)
    }
}

impl WalName {
    /// Sorts one name of the log directory.
    pub fn of(name: &str) -> Self {
        match SegmentName::parse(name) {
            Some(segment) => Self::Segment(segment),
            None if name.as_bytes().ends_with(b".tmp") => Self::Temporary,
            None if name.as_bytes().ends_with(b".wal.broken") => Self::Broken,
            None => Self::Foreign,
        }
    }
}

/// White space other than newlines, then 1 to 16 hexadecimal digits.
fn hex_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let blanks = bytes.iter().take_while(|&&byte| matches!(byte, b' ' | b'\t' | b'\x0b' | b'\x0c')).count();
    let bytes = bytes.get(blanks..)?;
    let digits = bytes.iter().take(16).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (number, rest) = bytes.split_at_checked(digits)?;
    let value = u64::from_str_radix(str::from_utf8(number).ok()?, 16).ok()?;
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Option<(u64, u64, bool)> {
        SegmentName::parse(name).map(|name| (name.seq, name.index.0, name.canonical))
    }

    #[test]
    fn canonical_names() {
        assert_eq!(parsed("0000000000000000-0000000000000000.wal"), Some((0, 0, true)));
        assert_eq!(parsed("0000000000000002-0000000000000033.wal"), Some((2, 0x33, true)));
        assert_eq!(parsed("ffffffffffffffff-ffffffffffffffff.wal"), Some((u64::MAX, u64::MAX, true)));
    }

    #[test]
    fn odd_shapes_that_the_server_accepts() {
        assert_eq!(parsed("0-0.wal"), Some((0, 0, false)));
        assert_eq!(parsed("1-2.wal"), Some((1, 2, false)));
        assert_eq!(parsed("ABCDEF-ab.wal"), Some((0xab_cdef, 0xab, false)));
        assert_eq!(parsed(" 1-2.wal"), Some((1, 2, false)));
        assert_eq!(parsed("1- 2.wal"), Some((1, 2, false)));
        assert_eq!(parsed("0000000000000001-0000000000000002.wal.old.wal"), Some((1, 2, false)));
        assert_eq!(parsed("000000000000000A-0000000000000000.wal"), Some((10, 0, false)));
    }

    #[test]
    fn names_that_it_does_not() {
        for name in [
            "00000000000000001-0000000000000002.wal",
            "0x1-0x2.wal",
            "1_0-2.wal",
            "+1-2.wal",
            "1 -2.wal",
            "0000000000000000.wal",
            "a.wal",
            ".wal",
            "1-.wal",
            "",
            "0000000000000000-0000000000000000.wal.broken",
            "0000000000000000-0000000000000000.WAL",
            "0000000000000000-0000000000000000.wal ",
            "\n1-2.wal",
        ] {
            assert_eq!(parsed(name), None, "{name:?}");
        }
        assert_eq!(WalName::of("0.tmp"), WalName::Temporary);
        assert_eq!(WalName::of("0000000000000000-0000000000000000.wal.broken"), WalName::Broken);
        assert_eq!(WalName::of("notes.txt"), WalName::Foreign);
    }
}
