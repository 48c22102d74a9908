//! The lines of a ledger.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, MOST_ENTRIES, VERSION};
use crate::types::{Crc32c, FileIdentity};

/// What the first line of every version begins with.
const FRONT: &[u8] = b"{\"ledger\":\"ekv-tool\",\"version\":";
/// Bytes of the longest line that is written: the numbers at their longest, and a version of the program.
const LONGEST_LINE: usize = 512;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    ledger: String,
    version: u64,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// Lines between the first and this one.
    entries: u64,
    /// CRC-32C of all bytes before this line, as eight hex digits.
    crc32c: String,
}

/// Why a file is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// It is no ledger: it is somebody's file and has to be left alone.
    NotALedger,
    /// A ledger of another version of the format: it belongs to another program.
    OtherVersion(u64),
    /// A ledger that is not as it was written.
    Damaged {
        /// The line that is wrong, counted from 1.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALedger => f.write_str("it is no ledger of ekv-tool"),
            Self::OtherVersion(version) => write!(f, "it is a ledger of version {version}; this program knows version {VERSION}"),
            Self::Damaged { line, what } => write!(f, "it is damaged: line {line}: {what}"),
        }
    }
}

impl std::error::Error for LedgerError {}

/// True when a file that begins so was meant as a ledger, of whatever version and in whatever state.
pub fn begins(front: &[u8]) -> bool {
    front.starts_with(FRONT)
}

/// The entries of a ledger, in its order. A ledger is believed as a whole or not at all.
pub fn decode(bytes: &[u8]) -> Result<Vec<LedgerEntry>, LedgerError> {
    if !begins(bytes) {
        return Err(LedgerError::NotALedger);
    }
    let damaged = |line: usize, what| LedgerError::Damaged { line: line.saturating_add(1), what };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').take(MOST_ENTRIES.saturating_add(3)).collect();
    let first = lines.first().copied().unwrap_or_default();
    match serde_json::from_slice::<Front>(first) {
        Ok(front) if front.version != VERSION => return Err(LedgerError::OtherVersion(front.version)),
        Ok(_) => {}
        Err(_) => return Err(damaged(0, "it is cut off, or was changed")),
    }
    let Some((last, entries)) = lines.split_last().filter(|(_, entries)| !entries.is_empty()) else {
        return Err(damaged(lines.len(), "the last line with the checksum is missing"));
    };
    let at = entries.len();
    if at > MOST_ENTRIES.saturating_add(1) {
        return Err(damaged(at, "there are more lines than a ledger has"));
    }
    if !last.ends_with(b"\n") {
        return Err(damaged(at, "it is cut off"));
    }
    let end: End = serde_json::from_slice(last).map_err(|_| damaged(at, "it is not the last line with the checksum"))?;
    let covered = bytes.get(..bytes.len().saturating_sub(last.len())).unwrap_or_default();
    if end.crc32c != Crc32c::of(covered).to_string() {
        return Err(damaged(at, "the lines before it do not have this checksum"));
    }
    let entries = entries.get(1..).unwrap_or_default();
    if end.entries != entries.len() as u64 {
        return Err(damaged(at, "there are not so many lines before it"));
    }
    // One line is written in one way: a changed byte must not leave it as it was.
    let written = |line: &[u8], value: String| value.as_bytes() == line.strip_suffix(b"\n").unwrap_or(line);
    if !written(first, front()) || !written(last, self::end(end.entries, covered)) {
        return Err(damaged(at, "first or last line are not written as they should be"));
    }
    let entry =
        |(at, line): (usize, &&[u8])| serde_json::from_slice(line).map_err(|_| damaged(at.saturating_add(1), "it is no entry"));
    entries.iter().enumerate().map(entry).collect()
}

/// A ledger of these entries: of several about one file as deep, the last one read; of too many, the last ones read. The order does
/// not depend on that of `entries`.
pub fn encode(entries: impl IntoIterator<Item = LedgerEntry>) -> Vec<u8> {
    let mut newest: HashMap<(FileIdentity, bool), LedgerEntry> = HashMap::new();
    for entry in entries.into_iter().filter(|entry| serde_json::to_string(entry).is_ok_and(|line| line.len() < LONGEST_LINE)) {
        let known = newest.entry((entry.file(), entry.deep)).or_insert_with(|| entry.clone());
        if (known.read_at_ms, &known.tool, known.footer, known.index) < (entry.read_at_ms, &entry.tool, entry.footer, entry.index)
        {
            *known = entry;
        }
    }
    let mut kept: Vec<_> = newest.into_values().collect();
    let age = |entry: &LedgerEntry| (std::cmp::Reverse(entry.read_at_ms), entry.file(), entry.deep);
    kept.sort_by_key(age);
    kept.truncate(MOST_ENTRIES);
    let mut text = front();
    text.push('\n');
    for entry in &kept {
        // It was written above.
        text.push_str(&serde_json::to_string(entry).unwrap_or_default());
        text.push('\n');
    }
    let end = end(kept.len() as u64, text.as_bytes());
    text.push_str(&end);
    text.push('\n');
    text.into_bytes()
}

fn front() -> String {
    format!("{{\"ledger\":\"ekv-tool\",\"version\":{VERSION}}}")
}

fn end(entries: u64, covered: &[u8]) -> String {
    format!("{{\"entries\":{entries},\"crc32c\":\"{}\"}}", Crc32c::of(covered))
}

#[cfg(test)]
mod tests;
