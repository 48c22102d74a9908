//! Frames of a segment: a type, three zero bytes, a number, content, zeros up to a multiple of eight.

use super::header::HEADER_LEN;

/// Bytes of a frame's header.
pub const FRAME_HEADER: usize = 8;
/// Longest entry that the library reads.
pub const MAX_ENTRY: u32 = 64 << 20;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// An entry.
    Entry,
    /// Offsets of the entries, four bytes each.
    Index,
    /// CRC-32C over everything since the commit before, or since the file's beginning.
    Commit(u32),
}

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Offset of its header.
    pub at: u64,
    /// What it holds.
    pub kind: FrameKind,
    /// Its content; nothing for a commit.
    pub content: &'a [u8],
    /// True when one of the three bytes behind the type, or of the padding, is not zero.
    pub odd: bool,
}

/// Where frames end, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameEnd {
    /// Zeros: nothing was written there yet.
    Zero(u64),
    /// The end of the file.
    File(u64),
    /// A header of no known type.
    Unknown(u64, u8),
    /// Type 0 and other bytes that are not zero.
    Torn(u64),
    /// A frame that goes beyond the end of the file, by its own length.
    Beyond(u64, u32),
}

impl FrameEnd {
    /// The offset.
    pub const fn at(&self) -> u64 {
        match self {
            Self::Zero(at) | Self::File(at) | Self::Unknown(at, _) | Self::Torn(at) | Self::Beyond(at, _) => *at,
        }
    }
}

/// Bytes of a frame with this much content, header and padding included.
pub const fn frame_size(content: u64) -> u64 {
    content.saturating_add(FRAME_HEADER as u64).saturating_add(7) & !7
}

/// Reads the frame at an offset.
///
/// # Errors
///
/// Why there is none.
pub fn read_frame(bytes: &[u8], at: u64) -> Result<Frame<'_>, FrameEnd> {
    let rest = usize::try_from(at).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
    let Some((header, rest)) = rest.split_first_chunk::<FRAME_HEADER>() else { return Err(FrameEnd::File(at)) };
    let &[kind, a, b, c, number @ ..] = header;
    let number = u32::from_le_bytes(number);
    let len = match kind {
        0 if *header == [0; FRAME_HEADER] => return Err(FrameEnd::Zero(at)),
        0 => return Err(FrameEnd::Torn(at)),
        1 | 2 => number,
        3 => 0,
        other => return Err(FrameEnd::Unknown(at, other)),
    };
    let kind = match kind {
        1 => FrameKind::Entry,
        2 => FrameKind::Index,
        _ => FrameKind::Commit(number),
    };
    let beyond = FrameEnd::Beyond(at, len);
    let content = usize::try_from(len).ok().and_then(|len| rest.get(..len)).ok_or(beyond)?;
    let padding = rest.get(content.len()..).unwrap_or_default();
    let padding = padding.get(..padding.len().min(content.len().next_multiple_of(8) - content.len())).unwrap_or_default();
    Ok(Frame { at, kind, content, odd: [a, b, c] != [0; 3] || padding.iter().any(|&byte| byte != 0) })
}

/// The frames of a segment, one after another.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: u64,
    end: Option<FrameEnd>,
}

impl<'a> Frames<'a> {
    /// The frames of a whole file.
    pub const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: HEADER_LEN as u64, end: None }
    }

    /// Where and why they ended, once they did.
    pub const fn end(&self) -> Option<FrameEnd> {
        self.end
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        if self.end.is_some() {
            return None;
        }
        match read_frame(self.bytes, self.at) {
            Ok(frame) => {
                self.at = self.at.saturating_add(frame_size(frame.content.len() as u64));
                Some(frame)
            }
            Err(end) => {
                self.end = Some(end);
                None
            }
        }
    }
}
