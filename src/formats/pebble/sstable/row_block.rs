//! Row blocks: sorted entries that share key prefixes with their neighbours, and restart points to search from.

use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult, varint};

/// Bytes of a restart offset and of their number.
const RESTART_LEN: usize = 4;
/// The offset in a restart; the top bit is a hint in data blocks of version 3 and later.
const RESTART_MASK: u32 = 0x7fff_ffff;

/// An uncompressed row block, owned or borrowed.
#[derive(Debug, Clone)]
pub struct RowBlock<B> {
    bytes: B,
    entries_end: usize,
    restarts: usize,
}

impl<B: AsRef<[u8]>> RowBlock<B> {
    /// Reads the number of restarts and finds the end of the entries.
    pub fn decode(bytes: B) -> DecodeResult<Self> {
        let len = bytes.as_ref().len();
        let Some((before, count)) = bytes.as_ref().split_last_chunk::<RESTART_LEN>() else {
            let (needed, available) = (RESTART_LEN as u64, len as u64);
            return Err(DecodeError::new(0, DecodeErrorKind::Truncated { what: "number of restarts", needed, available }));
        };
        let found = u32::from_le_bytes(*count);
        let at = before.len() as u64;
        if found == 0 {
            return Err(DecodeError::invalid(at, "number of restarts", "a block has at least one"));
        }
        let restarts = usize::try_from(found).ok();
        let restarts_len = restarts.and_then(|restarts| restarts.checked_mul(RESTART_LEN));
        match (restarts, restarts_len.and_then(|restarts_len| before.len().checked_sub(restarts_len))) {
            (Some(restarts), Some(entries_end)) => Ok(Self { bytes, entries_end, restarts }),
            _ => {
                let limit = (before.len() / RESTART_LEN) as u64;
                Err(DecodeError::new(at, DecodeErrorKind::Limit { what: "number of restarts", found: u64::from(found), limit }))
            }
        }
    }

    /// Number of restart points, at least 1.
    pub const fn restarts(&self) -> usize {
        self.restarts
    }

    /// Offset of the first byte behind the entries.
    pub const fn entries_end(&self) -> usize {
        self.entries_end
    }

    /// True when there is no entry at all, as in the data block of a table that holds only range deletions.
    pub const fn is_empty(&self) -> bool {
        self.entries_end == 0
    }

    /// Offset of a restart point's entry, without the hint; `None` beyond the last.
    pub fn restart(&self, index: usize) -> Option<usize> {
        if index >= self.restarts {
            return None;
        }
        let at = index.checked_mul(RESTART_LEN)?.checked_add(self.entries_end)?;
        let word = self.bytes.as_ref().get(at..)?.first_chunk::<RESTART_LEN>()?;
        usize::try_from(u32::from_le_bytes(*word) & RESTART_MASK).ok()
    }

    /// Starts before the first entry.
    pub fn into_entries(self) -> RowEntries<B> {
        RowEntries { block: self, entry_at: 0, next_at: 0, shared: 0, key: Vec::new(), value: (0, 0) }
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}

/// Walks the entries of a block in order. The key is rebuilt in a buffer of its own; the value is borrowed.
#[derive(Debug, Clone)]
pub struct RowEntries<B> {
    block: RowBlock<B>,
    entry_at: usize,
    next_at: usize,
    shared: usize,
    /// The present key exactly as stored: an older table may share bytes of the trailer too.
    key: Vec<u8>,
    value: (usize, usize),
}

impl<B: AsRef<[u8]>> RowEntries<B> {
    /// Moves to the next entry; false at the end. After an error there is nothing more.
    #[expect(clippy::should_implement_trait, reason = "the entry is lent, which `Iterator` cannot say")]
    pub fn next(&mut self) -> DecodeResult<bool> {
        let entries = self.block.bytes.as_ref().get(..self.block.entries_end).unwrap_or_default();
        if self.next_at >= entries.len() {
            return Ok(false);
        }
        let at = self.next_at;
        let entry = entries.get(at..).unwrap_or_default();
        let decoded = match entry {
            // Nearly every entry has three lengths of one byte.
            &[shared, unshared, value, ..] if (shared | unshared | value) < 0x80 => {
                Ok((usize::from(shared), usize::from(unshared), usize::from(value), 3))
            }
            _ => lengths(entry),
        };
        let end = self.block.entries_end;
        let fail = |this: &mut Self, error: DecodeError| {
            this.next_at = end;
            Err(error.shifted(at as u64))
        };
        let (shared, unshared, value_len, header) = match decoded {
            Ok(lengths) => lengths,
            Err(error) => return fail(self, error),
        };
        if shared > self.key.len() {
            let (found, limit) = (shared as u64, self.key.len() as u64);
            return fail(self, DecodeError::new(0, DecodeErrorKind::Limit { what: "shared key bytes", found, limit }));
        }
        let key_end = header.saturating_add(unshared);
        let value_end = key_end.saturating_add(value_len);
        let (Some(tail), true) = (entry.get(header..key_end), value_end <= entry.len()) else {
            let (needed, available) = (value_end as u64, entry.len() as u64);
            return fail(self, DecodeError::new(0, DecodeErrorKind::Truncated { what: "entry", needed, available }));
        };
        self.key.truncate(shared);
        self.key.extend_from_slice(tail);
        self.entry_at = at;
        self.shared = shared;
        self.value = (at + key_end, at + value_end);
        self.next_at = at + value_end;
        Ok(true)
    }

    /// The present key, as stored.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The present value.
    pub fn value(&self) -> &[u8] {
        self.block.bytes.as_ref().get(self.value.0..self.value.1).unwrap_or_default()
    }

    /// Offset of the present entry in the block.
    pub const fn entry_at(&self) -> usize {
        self.entry_at
    }

    /// Offset behind the present entry.
    pub const fn next_at(&self) -> usize {
        self.next_at
    }

    /// Bytes that the present key shares with the one before; 0 at a restart point.
    pub const fn shared(&self) -> usize {
        self.shared
    }

    /// Moves before the last restart point whose key is below the wanted place, so that a walk from there finds the first
    /// entry at or behind it. `is_below` says whether a key lies before the wanted place.
    pub fn seek_restart(&mut self, mut is_below: impl FnMut(&[u8]) -> bool) -> DecodeResult<()> {
        // Invariant: the entry of every restart before `low` is below the place, that of `high` is not.
        let (mut low, mut high) = (0, self.block.restarts);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(at) = self.block.restart(middle).filter(|&at| at < self.block.entries_end) else {
                // An empty block has one restart point and no entry for it.
                if self.block.is_empty() {
                    break;
                }
                let detail = format!("restart {middle} points behind the entries");
                return Err(DecodeError::invalid(self.block.entries_end as u64, "restart", detail));
            };
            self.jump(at);
            self.next()?;
            if is_below(&self.key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let at = low.checked_sub(1).and_then(|last| self.block.restart(last)).unwrap_or(0);
        self.jump(at);
        Ok(())
    }

    /// Moves before the entry at `at`, which must be a restart point.
    fn jump(&mut self, at: usize) {
        self.key.clear();
        self.next_at = at;
    }

    /// The block that is walked.
    pub const fn block(&self) -> &RowBlock<B> {
        &self.block
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> B {
        self.block.bytes
    }

    /// Starts anew on another block, keeping the key buffer.
    pub fn restart_on(&mut self, block: RowBlock<B>) {
        self.key.clear();
        (self.entry_at, self.next_at, self.shared, self.value) = (0, 0, 0, (0, 0));
        self.block = block;
    }
}

impl RowEntries<Vec<u8>> {
    /// Takes the block's buffer out, to be filled with another block; nothing is left to walk.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        (self.next_at, self.block.entries_end, self.block.restarts) = (0, 0, 0);
        std::mem::take(&mut self.block.bytes)
    }
}

/// The three lengths of an entry and the bytes they take.
fn lengths(entry: &[u8]) -> DecodeResult<(usize, usize, usize, usize)> {
    let mut at = 0;
    let mut read = |what| {
        let rest = entry.get(at..).unwrap_or_default();
        let error = |kind| DecodeError::new(at as u64, kind);
        match varint::decode(rest) {
            Ok((value, len)) => match u32::try_from(value) {
                Ok(value) => {
                    at += len;
                    Ok(value as usize)
                }
                Err(_) => Err(error(DecodeErrorKind::Limit { what, found: value, limit: u64::from(u32::MAX) })),
            },
            Err(varint::VarintError::Truncated) => {
                let available = rest.len() as u64;
                Err(error(DecodeErrorKind::Truncated { what, needed: available + 1, available }))
            }
            Err(varint::VarintError::Overflow) => Err(error(DecodeErrorKind::Varint { what })),
        }
    };
    let shared = read("shared key bytes")?;
    let unshared = read("key bytes")?;
    let value = read("value bytes")?;
    Ok((shared, unshared, value, at))
}

/// Checks the restart points of a block while its entries are walked.
///
/// They must ascend from 0, and each must stand at the start of an entry that shares nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct RestartCheck {
    next: usize,
}

impl RestartCheck {
    /// Looks at the entry that was just reached.
    pub fn entry<B: AsRef<[u8]>>(&mut self, entries: &RowEntries<B>) -> DecodeResult<()> {
        let Some(restart) = entries.block.restart(self.next) else {
            return Ok(());
        };
        let at = entries.entry_at;
        if restart > at {
            // The first restart is the first entry.
            return if self.next == 0 { Err(self.wrong(restart, "is not the first entry")) } else { Ok(()) };
        }
        if restart < at {
            return Err(self.wrong(restart, "is not the start of an entry, or not above the one before"));
        }
        if entries.shared != 0 {
            return Err(self.wrong(restart, "is an entry that shares bytes with the one before"));
        }
        self.next += 1;
        Ok(())
    }

    /// Looks at what is left after the last entry.
    pub fn end<B: AsRef<[u8]>>(&self, block: &RowBlock<B>) -> DecodeResult<()> {
        match block.restart(self.next) {
            None => Ok(()),
            Some(0) if block.is_empty() && block.restarts == 1 => Ok(()),
            Some(restart) => Err(self.wrong(restart, "points behind the last entry")),
        }
    }

    fn wrong(&self, restart: usize, detail: &str) -> DecodeError {
        DecodeError::invalid(restart as u64, "restart", format!("number {} at {restart} {detail}", self.next))
    }
}

#[cfg(test)]
pub(in crate::formats::pebble) mod build {
    use super::*;

    /// Builds a row block the way the format page describes it.
    pub(in crate::formats::pebble) fn block(entries: &[(Vec<u8>, Vec<u8>)], interval: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut restarts = Vec::new();
        let mut last: &[u8] = &[];
        for (number, (key, value)) in entries.iter().enumerate() {
            let shared = if number % interval == 0 {
                restarts.push(u32::try_from(out.len()).unwrap());
                0
            } else {
                last.iter().zip(key).take_while(|(a, b)| a == b).count()
            };
            for len in [shared, key.len() - shared, value.len()] {
                varint::encode(len as u64, &mut out);
            }
            out.extend(&key[shared..]);
            out.extend(value);
            last = key;
        }
        if restarts.is_empty() {
            restarts.push(0);
        }
        for restart in &restarts {
            out.extend(restart.to_le_bytes());
        }
        out.extend(u32::try_from(restarts.len()).unwrap().to_le_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Entries = Vec<(Vec<u8>, Vec<u8>)>;

    fn walk(bytes: &[u8]) -> DecodeResult<Entries> {
        let mut entries = RowBlock::decode(bytes)?.into_entries();
        let mut check = RestartCheck::default();
        let mut all = Vec::new();
        while entries.next()? {
            check.entry(&entries)?;
            all.push((entries.key().to_vec(), entries.value().to_vec()));
        }
        check.end(entries.block())?;
        Ok(all)
    }

    /// The data block of the worked table.
    fn worked() -> Vec<u8> {
        let mut bytes = b"\x00\x1b\x09_meta_applied_index\x01\x0a\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0".to_vec();
        bytes.extend(b"\x0e\x0c\x02term\x01\x0b\0\0\0\0\0\0\0t");
        bytes.extend(b"\x00\x0c\x00gone\0\x0c\0\0\0\0\0\0");
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        bytes
    }

    #[test]
    fn the_worked_block() {
        let bytes = worked();
        assert_eq!(bytes.len(), 79);
        let entries = walk(&bytes).unwrap();
        assert_eq!(entries[0].0, b"_meta_applied_index\x01\x0a\0\0\0\0\0\0");
        assert_eq!(entries[0].1, b"\0\x2a\0\0\0\0\0\0\0");
        assert_eq!(entries[1], (b"_meta_applied_term\x01\x0b\0\0\0\0\0\0".to_vec(), b"\0t".to_vec()));
        assert_eq!(entries[2], (b"gone\0\x0c\0\0\0\0\0\0".to_vec(), Vec::new()));
        assert_eq!(entries.len(), 3);
    }

    #[test]
    fn a_block_without_entries() {
        let bytes = [0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(walk(&bytes).unwrap(), []);
        let mut entries = RowBlock::decode(&bytes).unwrap().into_entries();
        entries.seek_restart(|_| true).unwrap();
        assert_eq!(entries.next(), Ok(false));
    }

    #[test]
    fn restart_counts_are_bounded_by_the_block() {
        assert!(RowBlock::decode([1, 0, 0]).unwrap_err().is_truncation());
        assert!(RowBlock::decode([0, 0, 0, 0, 0, 0, 0, 0]).is_err(), "no restart at all");
        let error = RowBlock::decode([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Limit { what: "number of restarts", found: 0xffff_ffff, limit: 1 });
    }

    #[test]
    fn restarts_that_point_elsewhere_are_noticed() {
        let mut bytes = build::block(&[(b"a".to_vec(), vec![]), (b"b".to_vec(), vec![])], 1);
        let end = bytes.len();
        assert!(walk(&bytes).is_ok());
        for wrong in [0_u32, 1, 3, 9] {
            bytes[end - 8..end - 4].copy_from_slice(&wrong.to_le_bytes());
            assert!(walk(&bytes).is_err(), "{wrong}");
        }
        bytes[end - 8..end - 4].copy_from_slice(&(4_u32 | 1 << 31).to_le_bytes());
        assert!(walk(&bytes).is_ok(), "the hint is not part of the offset");
    }

    #[test]
    fn every_prefix_and_every_flip_is_refused_or_walked_to_an_end() {
        let bytes = worked();
        for len in 0..bytes.len() {
            let _ = walk(&bytes[..len]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = walk(&flipped);
            if let Ok(block) = RowBlock::decode(&flipped) {
                let mut entries = block.into_entries();
                let _ = entries.seek_restart(|key| key < b"b".as_slice());
                let _ = entries.next();
            }
        }
    }

    proptest! {
        #[test]
        fn round_trip_and_seek(
            keys in proptest::collection::btree_map(proptest::collection::vec(97..100_u8, 0..6), proptest::collection::vec(any::<u8>(), 0..200), 0..60),
            interval in 1..18_usize,
            wanted in proptest::collection::vec(97..100_u8, 0..6),
        ) {
            let entries: Entries = keys.into_iter().collect();
            let bytes = build::block(&entries, interval);
            prop_assert_eq!(&walk(&bytes).unwrap(), &entries);
            let mut cursor = RowBlock::decode(bytes.as_slice()).unwrap().into_entries();
            cursor.seek_restart(|key| key < wanted.as_slice()).unwrap();
            let mut found = None;
            while cursor.next().unwrap() {
                if cursor.key() >= wanted.as_slice() {
                    found = Some(cursor.key().to_vec());
                    break;
                }
            }
            prop_assert_eq!(found, entries.iter().map(|(key, _)| key).find(|key| **key >= wanted).cloned());
        }

        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = walk(&bytes);
        }
    }
}
