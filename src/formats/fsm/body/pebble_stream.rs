//! `EKVPBBL1`: the store's keys and values one after another.

use super::gather::Gather;
use super::{BodyError, BodyErrorKind, BodyHead, BodyVisitor, MAGIC_LEN, Row, VALUE_HEAD};
use crate::types::HlcTimestamp;

/// Longest key in bytes: a user key of 1 MiB and its timestamp.
pub const MAX_KEY_LEN: u64 = (1 << 20) + 8;
/// Longest value in bytes: 256 MiB, the row header, and the storage envelope.
pub const MAX_VALUE_LEN: u64 = (256 << 20) + 9 + 34;

#[derive(Debug)]
pub(super) struct PebbleStream {
    gather: Gather,
    state: State,
    key: Vec<u8>,
    row_at: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    LastCommitTs,
    KeyLen,
    Key { len: usize },
    ValueLen,
    ValueHead { len: u64 },
    Value { len: u64, left: u64 },
}

impl Default for PebbleStream {
    fn default() -> Self {
        Self { gather: Gather::starting_at(MAGIC_LEN as u64), state: State::LastCommitTs, key: Vec::new(), row_at: 0 }
    }
}

impl PebbleStream {
    pub(super) fn push<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<(), BodyError> {
        while self.step(window, visitor)? {}
        Ok(())
    }

    /// Reads one field; false when the window is used up.
    #[inline]
    fn step<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<bool, BodyError> {
        let gather = &mut self.gather;
        self.state = match self.state {
            State::LastCommitTs => {
                let Some(ts) = gather.u64_le(window) else { return Ok(false) };
                visitor.head(&BodyHead::PebbleStream { last_commit_ts: HlcTimestamp(ts) });
                State::KeyLen
            }
            State::KeyLen => {
                let at = gather.offset() - gather.held();
                let Some(found) = gather.u64_le(window) else { return Ok(false) };
                self.row_at = at;
                match usize::try_from(found) {
                    Ok(len) if found <= MAX_KEY_LEN => State::Key { len },
                    _ => return Err(BodyError { at, kind: BodyErrorKind::KeyTooLarge { found, limit: MAX_KEY_LEN } }),
                }
            }
            State::Key { len } => {
                let Some(key) = gather.take(len, window) else { return Ok(false) };
                self.key.clear();
                self.key.extend_from_slice(key);
                State::ValueLen
            }
            State::ValueLen => {
                let at = gather.offset() - gather.held();
                let Some(len) = gather.u64_le(window) else { return Ok(false) };
                if len > MAX_VALUE_LEN {
                    return Err(BodyError { at, kind: BodyErrorKind::ValueTooLarge { found: len, limit: MAX_VALUE_LEN } });
                }
                State::ValueHead { len }
            }
            State::ValueHead { len } => {
                let head_len = usize::try_from(len).unwrap_or(VALUE_HEAD).min(VALUE_HEAD);
                let Some(head) = gather.take(head_len, window) else { return Ok(false) };
                visitor.row(&Row { at: self.row_at, key: &self.key, version: None, value_len: len, value_head: head });
                visitor.value(head);
                State::Value { len, left: len - head_len as u64 }
            }
            State::Value { left: 0, .. } => {
                visitor.row_end();
                State::KeyLen
            }
            State::Value { len, left } => {
                let chunk = gather.pass(left, window);
                if chunk.is_empty() {
                    return Ok(false);
                }
                visitor.value(chunk);
                State::Value { len, left: left - chunk.len() as u64 }
            }
        };
        Ok(true)
    }

    pub(super) fn finish(self) -> Result<(), BodyError> {
        let gather = &self.gather;
        Err(match self.state {
            State::KeyLen if gather.held() == 0 => return Ok(()),
            State::LastCommitTs => gather.truncated("last commit timestamp", 8),
            State::KeyLen => gather.truncated("key length", 8),
            State::Key { len } => gather.truncated("key", len as u64),
            State::ValueLen => gather.truncated("value length", 8),
            State::ValueHead { len } => gather.truncated("value", len),
            State::Value { len, left } => BodyError {
                at: gather.offset() - (len - left),
                kind: BodyErrorKind::Truncated { what: "value", needed: len, available: len - left },
            },
        })
    }
}
