//! Records in 32 KiB blocks: the framing of logs, MANIFESTs and remote catalogues.

mod last_chunk;

use std::borrow::Cow;
use std::fmt;

use super::{FileNum, MaskedCrc32c};
use crate::types::{Crc32c, OverBudget, grant};

/// A chunk never crosses a border of this many bytes.
pub const BLOCK_LEN: usize = 32 * 1024;

/// Bytes of the shortest header; fewer are never looked at.
const MIN_HEADER_LEN: usize = 7;
/// Bytes of a header that carries a log number.
const RECYCLABLE_HEADER_LEN: usize = 11;
/// Bytes of a header that carries a synced offset as well.
const SYNC_HEADER_LEN: usize = 19;

/// Where a chunk stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Full,
    First,
    Middle,
    Last,
}

/// The three headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Checksum, length, type: MANIFESTs.
    Legacy,
    /// Also the low half of the log's number: logs below format major version 20.
    Recyclable,
    /// Also the offset up to which the file had been synced: logs from format major version 20 on.
    WalSync,
}

impl Framing {
    const fn header_len(self) -> usize {
        match self {
            Self::Legacy => MIN_HEADER_LEN,
            Self::Recyclable => RECYCLABLE_HEADER_LEN,
            Self::WalSync => SYNC_HEADER_LEN,
        }
    }
}

const fn chunk_type(byte: u8) -> Option<(Framing, Position)> {
    let framing = match byte {
        1..=4 => Framing::Legacy,
        5..=8 => Framing::Recyclable,
        9..=12 => Framing::WalSync,
        _ => return None,
    };
    let position = match (byte - 1) % 4 {
        0 => Position::Full,
        1 => Position::First,
        2 => Position::Middle,
        _ => Position::Last,
    };
    Some((framing, position))
}

/// Why reading stopped at a place that is not an orderly end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkDefect {
    /// A header of zeros where a chunk should be: space reserved in advance, or lost data.
    Zeroed,
    /// A type byte that no version writes.
    UnknownType(u8),
    /// The header does not fit into what is left.
    HeaderCut,
    /// A chunk of another log: what an earlier use of the file left behind.
    ForeignLog(u32),
    /// A chunk of this log whose number is damaged: its checksum is right with the right number.
    DamagedNumber(u32),
    /// The payload does not fit into what is left.
    PayloadCut {
        /// Bytes that the header announces.
        needed: u64,
        /// Bytes that are left in the block.
        available: u64,
    },
    /// The checksum does not match.
    Checksum {
        /// What the header says.
        stored: MaskedCrc32c,
        /// What the bytes give.
        computed: MaskedCrc32c,
    },
    /// One to six bytes behind the last chunk, too few for a header.
    TrailingBytes(u64),
    /// The file ends inside a record.
    RecordOpen,
}

impl fmt::Display for ChunkDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zeroed => f.write_str("zeros where a chunk header should be"),
            Self::UnknownType(found) => write!(f, "unknown chunk type {found}"),
            Self::HeaderCut => f.write_str("the chunk header is cut off"),
            Self::ForeignLog(number) => write!(f, "a chunk of log {number}"),
            Self::DamagedNumber(number) => write!(f, "a chunk of this log that claims to be of log {number}"),
            Self::PayloadCut { needed, available } => write!(f, "{needed} payload bytes announced, {available} left"),
            Self::Checksum { stored, computed } => write!(f, "checksum {computed} where the header says {stored}"),
            Self::TrailingBytes(count) => write!(f, "{count} bytes that are too few for a chunk"),
            Self::RecordOpen => f.write_str("the file ends inside a record"),
        }
    }
}

/// How a file of records ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordsEnd {
    /// Orderly: behind the last chunk, or at the trailer that a closed log carries.
    Clean {
        /// First byte behind the last chunk.
        at: u64,
    },
    /// In something unreadable, with no proof that data was lost. The record in progress is dropped, and everything
    /// behind it is invisible to the server.
    Unclean {
        /// Where the unreadable chunk begins.
        at: u64,
        /// What is wrong there.
        defect: ChunkDefect,
    },
    /// In something unreadable that a later chunk proves to have been synced.
    Corrupt {
        /// Where the unreadable chunk begins.
        at: u64,
        /// What is wrong there.
        defect: ChunkDefect,
        /// The chunk that proves it.
        proof: u64,
    },
}

impl RecordsEnd {
    /// The offset of the end, whatever its kind.
    pub const fn at(&self) -> u64 {
        match self {
            Self::Clean { at } | Self::Unclean { at, .. } | Self::Corrupt { at, .. } => *at,
        }
    }

    /// What is wrong at the end, if anything.
    pub const fn defect(&self) -> Option<ChunkDefect> {
        match self {
            Self::Clean { .. } => None,
            Self::Unclean { defect, .. } | Self::Corrupt { defect, .. } => Some(*defect),
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset of the first chunk's header.
    pub offset: u64,
    /// First byte behind the last chunk.
    pub end: u64,
    /// The payload, joined if it was split over several chunks.
    pub payload: Cow<'a, [u8]>,
    /// True if a chunk that opens a record was met inside this one. The server appends it all the same.
    pub misplaced_chunk: bool,
}

/// One intact chunk.
#[derive(Debug, Clone, Copy)]
struct Chunk<'a> {
    at: usize,
    position: Position,
    framing: Framing,
    synced: Option<u64>,
    payload: &'a [u8],
    end: usize,
}

/// What stands at one place of a block.
enum Step<'a> {
    Chunk(Chunk<'a>),
    /// The rest of the block holds nothing.
    Padding,
    /// The header that closes a log.
    Trailer,
    Bad(ChunkDefect),
    /// Fewer bytes are left than the shortest header has.
    BlockEnd,
}

/// The records of one file, in order; ends with a [`RecordsEnd`].
///
/// The whole file is given as a slice. Bytes behind the end are not looked at, except for the proof of corruption that
/// newer logs allow.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    bytes: &'a [u8],
    log_number: u32,
    is_log: bool,
    at: usize,
    end: Option<RecordsEnd>,
    false_trailer: Option<u64>,
    skipped_chunks: u64,
    too_large: Option<OverBudget>,
}

impl<'a> Records<'a> {
    /// Records of a log; chunks of other numbers end it.
    pub fn of_log(bytes: &'a [u8], number: FileNum) -> Self {
        // Headers carry the low half of the number.
        Self {
            bytes,
            log_number: (number.0 & 0xffff_ffff) as u32,
            is_log: true,
            at: 0,
            end: None,
            false_trailer: None,
            skipped_chunks: 0,
            too_large: None,
        }
    }

    /// Records of a file without a log number, such as a MANIFEST.
    pub const fn of_manifest(bytes: &'a [u8]) -> Self {
        Self { bytes, log_number: 0, is_log: false, at: 0, end: None, false_trailer: None, skipped_chunks: 0, too_large: None }
    }

    /// The end, once every record has been taken.
    pub const fn end(&self) -> Option<RecordsEnd> {
        self.end
    }

    /// The offset of a chunk that looks like the trailer of a closed log and holds a record of this one: its log number is
    /// damaged by one. The server ends the log there, and believes that it was closed.
    pub const fn false_trailer(&self) -> Option<u64> {
        self.false_trailer
    }

    /// Set when the records ended before their end, because the next one takes more memory than the run may.
    pub const fn too_large(&self) -> Option<OverBudget> {
        self.too_large
    }

    /// Chunks that continue a record which was never opened; the server passes over them silently.
    pub const fn skipped_chunks(&self) -> u64 {
        self.skipped_chunks
    }

    /// First byte that is not in the block of `at`, or the end of the file.
    fn block_end(&self, at: usize) -> usize {
        (at / BLOCK_LEN).saturating_add(1).saturating_mul(BLOCK_LEN).min(self.bytes.len())
    }

    fn step(&self, at: usize, record_open: bool) -> Step<'a> {
        let block_end = self.block_end(at);
        let rest = self.bytes.get(at..block_end).unwrap_or_default();
        let Some(&[c0, c1, c2, c3, l0, l1, kind]) = rest.first_chunk::<MIN_HEADER_LEN>() else {
            return Step::BlockEnd;
        };
        let stored = u32::from_le_bytes([c0, c1, c2, c3]);
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let Some((framing, position)) = chunk_type(kind) else {
            if kind != 0 || stored != 0 || length != 0 {
                return Step::Bad(ChunkDefect::UnknownType(kind));
            }
            // A writer fills the end of a block with zeros when no header fits there, and the header that it could not
            // place has 11 or 19 bytes.
            let padding =
                rest.len() < RECYCLABLE_HEADER_LEN || (rest.len() < SYNC_HEADER_LEN && rest.iter().all(|&byte| byte == 0));
            return if padding { Step::Padding } else { Step::Bad(ChunkDefect::Zeroed) };
        };
        let header_len = framing.header_len();
        let mut synced = None;
        if framing != Framing::Legacy {
            let Some(header) = rest.get(..header_len) else { return Step::Bad(ChunkDefect::HeaderCut) };
            let number = header.get(7..11).and_then(|field| field.try_into().ok()).map_or(0, u32::from_le_bytes);
            if number != self.log_number {
                return if number == self.log_number.wrapping_add(1) && !record_open {
                    Step::Trailer
                } else if self.belongs_here(rest, header_len.saturating_add(length), stored) {
                    Step::Bad(ChunkDefect::DamagedNumber(number))
                } else {
                    Step::Bad(ChunkDefect::ForeignLog(number))
                };
            }
            synced = header.get(11..19).and_then(|field| field.try_into().ok()).map(u64::from_le_bytes);
        }
        let chunk_len = header_len.saturating_add(length);
        let (Some(covered), Some(payload)) = (rest.get(6..chunk_len), rest.get(header_len..chunk_len)) else {
            let available = rest.len().saturating_sub(header_len) as u64;
            return Step::Bad(ChunkDefect::PayloadCut { needed: length as u64, available });
        };
        let (stored, computed) = (MaskedCrc32c(stored), MaskedCrc32c::of(covered));
        if stored != computed {
            return Step::Bad(ChunkDefect::Checksum { stored, computed });
        }
        Step::Chunk(Chunk { at, position, framing, synced, payload, end: at.saturating_add(chunk_len) })
    }

    /// True if the checksum of the chunk at the front of `rest` is right once the log number is.
    fn belongs_here(&self, rest: &[u8], chunk_len: usize, stored: u32) -> bool {
        let (Some(kind), Some(tail)) = (rest.get(6..7), rest.get(RECYCLABLE_HEADER_LEN..chunk_len)) else { return false };
        let plain = Crc32c::of(kind).extend(&self.log_number.to_le_bytes()).extend(tail);
        MaskedCrc32c::mask(plain) == MaskedCrc32c(stored)
    }

    /// The next chunk, passing over padding and block borders.
    fn next_chunk(&mut self, record_open: bool) -> Option<Chunk<'a>> {
        loop {
            let block_end = self.block_end(self.at);
            let end = match self.step(self.at, record_open) {
                Step::Chunk(chunk) => {
                    self.at = chunk.end;
                    return Some(chunk);
                }
                Step::Padding if block_end > self.at => {
                    self.at = block_end;
                    // Padding that is not followed by a full block border is where a shorter file ends.
                    if block_end.is_multiple_of(BLOCK_LEN) {
                        continue;
                    }
                    if record_open { self.bad(ChunkDefect::RecordOpen) } else { RecordsEnd::Clean { at: self.at as u64 } }
                }
                Step::BlockEnd if block_end > self.at && block_end.is_multiple_of(BLOCK_LEN) => {
                    self.at = block_end;
                    continue;
                }
                Step::Padding | Step::BlockEnd if self.at < block_end => {
                    self.bad(ChunkDefect::TrailingBytes((block_end - self.at) as u64))
                }
                Step::Padding | Step::BlockEnd if record_open => self.bad(ChunkDefect::RecordOpen),
                Step::Trailer => {
                    let rest = self.bytes.get(self.at..block_end).unwrap_or_default();
                    if let Some(&[c0, c1, c2, c3, l0, l1]) = rest.first_chunk::<6>() {
                        let (stored, length) = (u32::from_le_bytes([c0, c1, c2, c3]), u16::from_le_bytes([l0, l1]));
                        let chunk_len = rest
                            .get(6)
                            .and_then(|&kind| chunk_type(kind))
                            .map_or(0, |(framing, _)| framing.header_len().saturating_add(usize::from(length)));
                        if self.belongs_here(rest, chunk_len, stored) {
                            self.false_trailer = Some(self.at as u64);
                        }
                    }
                    RecordsEnd::Clean { at: self.at as u64 }
                }
                Step::Padding | Step::BlockEnd => RecordsEnd::Clean { at: self.at as u64 },
                Step::Bad(defect) => self.bad(defect),
            };
            self.end = Some(end);
            return None;
        }
    }

    /// The end at damage: corrupt if a later chunk says that the file had been synced beyond this place.
    fn bad(&self, defect: ChunkDefect) -> RecordsEnd {
        let at = self.at as u64;
        let mut block = self.block_end(self.at);
        while block < self.bytes.len() {
            let mut place = block;
            while let Step::Chunk(chunk) = self.step(place, true) {
                if chunk.synced.is_some_and(|synced| synced > at) {
                    return RecordsEnd::Corrupt { at, defect, proof: place as u64 };
                }
                place = chunk.end;
            }
            block = self.block_end(block);
        }
        RecordsEnd::Unclean { at, defect }
    }

    /// The first intact chunk of this file behind its unreadable end: proof that the end is a hole and not a tail.
    ///
    /// Looks at every offset of the damaged block and at the chunks that begin the following blocks, as chunks may begin
    /// anywhere but always begin a block. Returns its offset and the framing.
    pub fn intact_chunk_behind_end(&self) -> Option<(u64, Framing)> {
        let end = self.end?;
        end.defect()?;
        let from = usize::try_from(end.at()).ok()?;
        let block_end = self.block_end(from);
        let found = |place| match self.step(place, true) {
            // A zero-length chunk of zeros is too weak a proof of anything.
            Step::Chunk(chunk) if !chunk.payload.is_empty() => Some((chunk.at as u64, chunk.framing)),
            _ => None,
        };
        if let Some(chunk) = (from.saturating_add(1)..block_end).find_map(found) {
            return Some(chunk);
        }
        if let Some(chunk) = (block_end..self.bytes.len()).step_by(BLOCK_LEN).find_map(found) {
            return Some(chunk);
        }
        // Bytes that were lost or added move everything behind them away from the borders of the blocks. A chunk that
        // carries the log's number is known by it anywhere; others would be found by chance.
        let number = self.log_number.to_le_bytes();
        let numbered = |&place: &usize| {
            let header = self.bytes.get(place.saturating_add(6)..place.saturating_add(RECYCLABLE_HEADER_LEN));
            header.and_then(<[u8]>::split_first).is_some_and(|(kind, rest)| (5..=12).contains(kind) && rest == number)
        };
        (block_end..self.bytes.len()).filter(numbered).find_map(found)
    }
}

impl Records<'_> {
    /// What can be read behind the unreadable end, from the first intact chunk on; nothing when there is none. Records that began in the
    /// damage are passed over. No server reads on there.
    pub fn behind_end(&self) -> Option<Self> {
        let (at, _) = self.intact_chunk_behind_end()?;
        let at = usize::try_from(at).ok()?;
        Some(Self { at, end: None, false_trailer: None, skipped_chunks: 0, too_large: None, ..*self })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.end.is_some() || self.too_large.is_some() {
            return None;
        }
        let first = loop {
            let chunk = self.next_chunk(false)?;
            match chunk.position {
                Position::Full | Position::First => break chunk,
                // Not counted as damage by the server.
                Position::Middle | Position::Last => self.skipped_chunks += 1,
            }
        };
        let mut record = Record {
            offset: first.at as u64,
            end: first.end as u64,
            payload: Cow::Borrowed(first.payload),
            misplaced_chunk: false,
        };
        if first.position == Position::Full {
            return Some(record);
        }
        loop {
            let chunk = self.next_chunk(true)?;
            // Whoever takes the record makes something of it that has its size once more.
            if let Err(over) = grant(2 * (record.payload.len() + chunk.payload.len()) as u64) {
                self.too_large = Some(over);
                return None;
            }
            record.payload.to_mut().extend_from_slice(chunk.payload);
            record.end = chunk.end as u64;
            record.misplaced_chunk |= matches!(chunk.position, Position::Full | Position::First);
            if matches!(chunk.position, Position::Full | Position::Last) {
                return Some(record);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
