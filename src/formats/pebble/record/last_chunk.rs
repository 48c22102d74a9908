//! A last chunk that is damaged and all there.

use super::{ChunkDefect, Crc32c, Framing, MIN_HEADER_LEN, MaskedCrc32c, RECYCLABLE_HEADER_LEN, Records, chunk_type};

/// The smallest part of a file that reaches the disk or does not.
const SECTOR: usize = 512;

impl Records<'_> {
    /// The end of the unreadable chunk at the end of the file, if the chunk was written completely: it ends with the file, or at the
    /// trailer with which the log was closed. Its bytes changed afterwards; no interrupted write explains it.
    ///
    /// What a crash leaves of a chunk ends early, or lacks whole sectors, which read as zeros. Files that are used a second time
    /// are longer than their log, so that nothing is said about them.
    pub fn whole_chunk_at_end(&self) -> Option<u64> {
        let end = self.end?;
        match end.defect()? {
            ChunkDefect::Zeroed | ChunkDefect::RecordOpen => return None,
            ChunkDefect::ForeignLog(_) if self.is_log => return None,
            _ => {}
        }
        let at = usize::try_from(end.at()).ok()?;
        if self.block_end(at) < self.bytes.len() {
            return None;
        }
        let closed = self.bytes.len().checked_sub(RECYCLABLE_HEADER_LEN).filter(|&from| from > at && self.closes_at(from));
        let end = closed.unwrap_or(self.bytes.len());
        let chunk = self.bytes.get(at..end)?;
        let framings = if self.is_log { [Framing::Recyclable, Framing::WalSync].as_slice() } else { &[Framing::Legacy] };
        let complete = framings.iter().any(|framing| is_complete(chunk, *framing, framings));
        (complete && !lacks_a_sector(chunk, at)).then_some(end as u64)
    }

    /// True if the trailer of this log stands at `at`.
    fn closes_at(&self, at: usize) -> bool {
        let next = self.log_number.wrapping_add(1).to_le_bytes();
        let header = self.bytes.get(at..).unwrap_or_default();
        self.is_log && header.starts_with(&[0, 0, 0, 0, 0, 0, 5]) && header.get(7..).is_some_and(|number| number == next)
    }
}

/// Whether the header's length is that of `chunk`, or is all that is wrong with it: no checksum covers the length.
fn is_complete(chunk: &[u8], framing: Framing, framings: &[Framing]) -> bool {
    let (Some(&[c0, c1, c2, c3, l0, l1, kind]), Some(payload)) =
        (chunk.first_chunk::<MIN_HEADER_LEN>(), chunk.len().checked_sub(framing.header_len()))
    else {
        return false;
    };
    // A header alone is no record, but perhaps a damaged trailer.
    if payload == 0 {
        return false;
    }
    let fits = |kind: u8| {
        let tail = chunk.get(MIN_HEADER_LEN..).unwrap_or_default();
        let stored = u32::from_le_bytes([c0, c1, c2, c3]);
        MaskedCrc32c::mask(Crc32c::of(&[kind]).extend(tail)) == MaskedCrc32c(stored)
    };
    if payload != usize::from(u16::from_le_bytes([l0, l1])) {
        return fits(kind);
    }
    match chunk_type(kind) {
        // A chunk of the longer header that lacks eight bytes has the length of one with the shorter header.
        Some((own, _)) if own != framing && framings.contains(&own) => {
            (1..=u8::MAX).any(|kind| chunk_type(kind).is_some_and(|(other, _)| other == framing) && fits(kind))
        }
        _ => true,
    }
}

/// Whether `chunk`, which begins at `at`, is nothing but zeros within some sector.
fn lacks_a_sector(chunk: &[u8], at: usize) -> bool {
    let (first, rest) = chunk.split_at(chunk.len().min(SECTOR - at % SECTOR));
    std::iter::once(first).chain(rest.chunks(SECTOR)).any(|part| part.iter().all(|&byte| byte == 0))
}
