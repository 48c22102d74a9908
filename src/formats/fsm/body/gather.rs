//! Fields that may lie across two windows.

use super::{BodyError, BodyErrorKind};

/// Collects one field after another from a stream of windows.
#[derive(Debug, Default)]
pub(super) struct Gather {
    buffer: Vec<u8>,
    /// True when `buffer` was handed out and has to be emptied before the next field.
    spent: bool,
    /// Bytes consumed, all windows together.
    consumed: u64,
}

impl Gather {
    /// A gather whose first byte is at `offset` of the payload.
    pub(super) fn starting_at(offset: u64) -> Self {
        Self { consumed: offset, ..Self::default() }
    }

    /// The next `need` bytes, or `None` when the window ends first. Nothing is reserved ahead of the bytes.
    #[inline]
    pub(super) fn take<'a, 'w: 'a>(&'a mut self, need: usize, window: &mut &'w [u8]) -> Option<&'a [u8]> {
        if self.spent {
            self.buffer.clear();
            self.spent = false;
        }
        if self.buffer.is_empty()
            && let Some((field, rest)) = window.split_at_checked(need)
        {
            *window = rest;
            self.consumed += need as u64;
            return Some(field);
        }
        self.collect(need, window)
    }

    #[cold]
    fn collect<'a>(&'a mut self, need: usize, window: &mut &[u8]) -> Option<&'a [u8]> {
        let missing = need.saturating_sub(self.buffer.len());
        let (taken, rest) = window.split_at(missing.min(window.len()));
        self.buffer.extend_from_slice(taken);
        *window = rest;
        self.consumed += taken.len() as u64;
        if self.buffer.len() < need {
            return None;
        }
        self.spent = true;
        Some(&self.buffer)
    }

    /// The next eight bytes, little-endian.
    #[inline]
    pub(super) fn u64_le(&mut self, window: &mut &[u8]) -> Option<u64> {
        self.take(8, window).and_then(|field| field.first_chunk().copied()).map(u64::from_le_bytes)
    }

    /// Up to `limit` bytes that need not be in one piece.
    #[inline]
    pub(super) fn pass<'a>(&mut self, limit: u64, window: &mut &'a [u8]) -> &'a [u8] {
        let len = usize::try_from(limit).unwrap_or(usize::MAX).min(window.len());
        let (taken, rest) = window.split_at(len);
        *window = rest;
        self.consumed += taken.len() as u64;
        taken
    }

    /// Offset of the next byte.
    pub(super) const fn offset(&self) -> u64 {
        self.consumed
    }

    /// Bytes of an unfinished field.
    pub(super) fn held(&self) -> u64 {
        if self.spent { 0 } else { self.buffer.len() as u64 }
    }

    /// The payload ends inside (or right before) a field of `needed` bytes.
    pub(super) fn truncated(&self, what: &'static str, needed: u64) -> BodyError {
        let available = self.held();
        BodyError { at: self.consumed - available, kind: BodyErrorKind::Truncated { what, needed, available } }
    }
}
