//! `EKVMVCC2`: the in-memory store's snapshot.

use super::gather::Gather;
use super::{BodyError, BodyErrorKind, BodyHead, BodyVisitor, MAGIC_LEN, Row, RowVersion, VALUE_HEAD};
use crate::types::HlcTimestamp;

/// Longest user key in bytes.
pub const MAX_KEY_LEN: u64 = 1 << 20;
/// Longest value in bytes.
pub const MAX_VALUE_LEN: u64 = 256 << 20;
/// Most versions of one key.
pub const MAX_VERSIONS: u64 = 1 << 20;

const VERSION: u32 = 1;
/// Version and checksum; the checksum covers what follows them.
const PREAMBLE: usize = 4;

#[derive(Debug)]
pub(super) struct MvccStream {
    gather: Gather,
    state: State,
    crc: crc32fast::Hasher,
    stored_crc: u32,
    key: Vec<u8>,
    row_at: u64,
    /// Versions of the current key that have not started yet.
    versions_left: u64,
    version: RowVersion,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Version,
    Checksum,
    LastCommitTs,
    MinRetainedTs { last_commit_ts: u64 },
    KeyLen,
    Key { len: usize },
    VersionCount,
    CommitTs,
    Tombstone,
    ExpireAt,
    ValueLen,
    ValueHead { len: u64 },
    Value { len: u64, left: u64 },
}

impl Default for MvccStream {
    fn default() -> Self {
        Self {
            gather: Gather::starting_at(MAGIC_LEN as u64),
            state: State::Version,
            crc: crc32fast::Hasher::new(),
            stored_crc: 0,
            key: Vec::new(),
            row_at: 0,
            versions_left: 0,
            version: RowVersion { commit_ts: HlcTimestamp(0), tombstone: false, expire_at: HlcTimestamp(0), number: 0 },
        }
    }
}

impl MvccStream {
    pub(super) fn push<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<(), BodyError> {
        while matches!(self.state, State::Version | State::Checksum) {
            if !self.preamble(window)? {
                return Ok(());
            }
        }
        self.crc.update(window);
        while self.step(window, visitor)? {}
        Ok(())
    }

    /// Reads version and checksum, which the checksum does not cover; false when the window is used up.
    fn preamble(&mut self, window: &mut &[u8]) -> Result<bool, BodyError> {
        let at = self.gather.offset() - self.gather.held();
        let Some(field) = self.gather.take(PREAMBLE, window).and_then(|field| field.first_chunk().copied()) else {
            return Ok(false);
        };
        let field = u32::from_le_bytes(field);
        self.state = match self.state {
            State::Version if field != VERSION => {
                return Err(BodyError { at, kind: BodyErrorKind::MvccVersion { found: field } });
            }
            State::Version => State::Checksum,
            _ => {
                self.stored_crc = field;
                State::LastCommitTs
            }
        };
        Ok(true)
    }

    /// Reads one field; false when the window is used up.
    #[inline]
    fn step<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<bool, BodyError> {
        let gather = &mut self.gather;
        let at = gather.offset() - gather.held();
        self.state = match self.state {
            // Both are read before this.
            State::Version | State::Checksum => return Ok(false),
            State::LastCommitTs => {
                let Some(last_commit_ts) = gather.u64_le(window) else { return Ok(false) };
                State::MinRetainedTs { last_commit_ts }
            }
            State::MinRetainedTs { last_commit_ts } => {
                let Some(min_retained_ts) = gather.u64_le(window) else { return Ok(false) };
                visitor.head(&BodyHead::MvccStream {
                    last_commit_ts: HlcTimestamp(last_commit_ts),
                    min_retained_ts: HlcTimestamp(min_retained_ts),
                });
                State::KeyLen
            }
            State::KeyLen => {
                let Some(found) = gather.u64_le(window) else { return Ok(false) };
                match usize::try_from(found) {
                    Ok(len) if found <= MAX_KEY_LEN => State::Key { len },
                    _ => return Err(BodyError { at, kind: BodyErrorKind::KeyTooLarge { found, limit: MAX_KEY_LEN } }),
                }
            }
            State::Key { len } => {
                let Some(key) = gather.take(len, window) else { return Ok(false) };
                self.key.clear();
                self.key.extend_from_slice(key);
                State::VersionCount
            }
            State::VersionCount => {
                let Some(found) = gather.u64_le(window) else { return Ok(false) };
                if found > MAX_VERSIONS {
                    return Err(BodyError { at, kind: BodyErrorKind::TooManyVersions { found, limit: MAX_VERSIONS } });
                }
                self.versions_left = found;
                self.version.number = 0;
                if found == 0 { State::KeyLen } else { State::CommitTs }
            }
            State::CommitTs => {
                let Some(ts) = gather.u64_le(window) else { return Ok(false) };
                self.row_at = at;
                self.version.commit_ts = HlcTimestamp(ts);
                State::Tombstone
            }
            State::Tombstone => {
                let &[flag] = gather.pass(1, window) else { return Ok(false) };
                self.version.tombstone = flag != 0;
                State::ExpireAt
            }
            State::ExpireAt => {
                let Some(ts) = gather.u64_le(window) else { return Ok(false) };
                self.version.expire_at = HlcTimestamp(ts);
                State::ValueLen
            }
            State::ValueLen => {
                let Some(len) = gather.u64_le(window) else { return Ok(false) };
                if len > MAX_VALUE_LEN {
                    return Err(BodyError { at, kind: BodyErrorKind::ValueTooLarge { found: len, limit: MAX_VALUE_LEN } });
                }
                State::ValueHead { len }
            }
            State::ValueHead { len } => {
                let head_len = usize::try_from(len).unwrap_or(VALUE_HEAD).min(VALUE_HEAD);
                let Some(head) = gather.take(head_len, window) else { return Ok(false) };
                let (at, key, version) = (self.row_at, &self.key, Some(self.version));
                visitor.row(&Row { at, key, version, value_len: len, value_head: head });
                visitor.value(head);
                State::Value { len, left: len - head_len as u64 }
            }
            State::Value { left: 0, .. } => {
                visitor.row_end();
                self.versions_left -= 1;
                self.version.number += 1;
                if self.versions_left == 0 { State::KeyLen } else { State::CommitTs }
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
            State::KeyLen if gather.held() == 0 => {
                let computed = self.crc.finalize();
                if computed == self.stored_crc {
                    return Ok(());
                }
                BodyError { at: 12, kind: BodyErrorKind::InnerChecksum { stored: self.stored_crc, computed } }
            }
            State::Version => gather.truncated("version", 4),
            State::Checksum => gather.truncated("inner checksum", 4),
            State::LastCommitTs => gather.truncated("last commit timestamp", 8),
            State::MinRetainedTs { .. } => gather.truncated("retention watermark", 8),
            State::KeyLen => gather.truncated("key length", 8),
            State::Key { len } => gather.truncated("key", len as u64),
            State::VersionCount => gather.truncated("version count", 8),
            State::CommitTs => gather.truncated("commit timestamp", 8),
            State::Tombstone => gather.truncated("tombstone flag", 1),
            State::ExpireAt => gather.truncated("expiry", 8),
            State::ValueLen => gather.truncated("value length", 8),
            State::ValueHead { len } => gather.truncated("value", len),
            State::Value { len, left } => BodyError {
                at: gather.offset() - (len - left),
                kind: BodyErrorKind::Truncated { what: "value", needed: len, available: len - left },
            },
        })
    }
}
