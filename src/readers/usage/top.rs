//! The largest of many.

use serde::Serialize;

use crate::formats::kv::{KeySpace, Place, shared_len};
use crate::types::Escaped;

/// Bytes that are kept of a key.
const KEY_KEPT: usize = 512;
/// And shown.
const KEY_SHOWN: usize = 128;

/// Keys that take much: those of one name that lie together, or one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LargeKeys {
    /// What they belong to.
    pub space: &'static str,
    /// The first key, escaped; of a long one the beginning.
    pub key: String,
    /// The name that they belong to; `null` when there is none.
    pub logical: Option<String>,
    /// What of that name it is, when it is a single key; `null` for all of it.
    pub part: Option<String>,
    /// Rows, all versions counted.
    pub rows: u64,
    /// Bytes of keys and values; of a row with a large value those of the value.
    pub bytes: u64,
}

impl LargeKeys {
    /// One row with a large value.
    pub(super) fn of_row(user_key: &[u8], space: KeySpace, value_len: u64) -> Self {
        Self::of(user_key, space, true, 1, value_len)
    }

    fn of(user_key: &[u8], space: KeySpace, is_single: bool, rows: u64, bytes: u64) -> Self {
        let place = if user_key.len() < KEY_KEPT { Place::of_user_key(user_key) } else { None };
        let shown = user_key.get(..KEY_SHOWN).unwrap_or(user_key);
        let dots = if shown.len() < user_key.len() { "..." } else { "" };
        Self {
            space: space.label(),
            key: format!("{}{dots}", Escaped(shown)),
            part: place.as_ref().filter(|_| is_single).and_then(Place::part_in_words),
            logical: place.map(|place| place.name.to_string()),
            rows,
            bytes,
        }
    }
}

/// Keys that lie beside each other and belong together.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The beginning of the first one.
    first: Vec<u8>,
    /// How much of it they share.
    shared: usize,
    is_single: bool,
    space: Option<KeySpace>,
    rows: u64,
    bytes: u64,
}

impl Group {
    /// Takes a row; the group before it goes to `top` when it does not belong to that.
    pub(super) fn add(&mut self, user_key: &[u8], space: KeySpace, bytes: u64, top: &mut Top) {
        let shared = shared_len(user_key);
        let of_same = self.space == Some(space)
            && shared == self.shared
            && user_key.get(..shared.min(KEY_KEPT)) == self.first.get(..shared.min(KEY_KEPT));
        if !of_same {
            self.end(top);
            self.first.clear();
            self.first.extend_from_slice(user_key.get(..KEY_KEPT).unwrap_or(user_key));
            (self.shared, self.is_single, self.space) = (shared, shared == user_key.len(), Some(space));
        }
        self.rows += 1;
        self.bytes += bytes;
    }

    /// Ends the group, if there is one.
    pub(super) fn end(&mut self, top: &mut Top) {
        let (rows, bytes) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.bytes));
        if let Some(space) = self.space.take()
            && top.would_take(bytes)
        {
            top.offer(LargeKeys::of(&self.first, space, self.is_single, rows, bytes));
        }
    }
}

/// The largest so far, largest first; of equal ones the first.
#[derive(Debug)]
pub(super) struct Top {
    limit: usize,
    kept: Vec<LargeKeys>,
}

impl Top {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new() }
    }

    /// True when something so large would be kept.
    pub(super) fn would_take(&self, bytes: u64) -> bool {
        self.kept.len() < self.limit || self.kept.last().is_some_and(|last| last.bytes < bytes)
    }

    pub(super) fn offer(&mut self, keys: LargeKeys) {
        if self.limit == 0 || !self.would_take(keys.bytes) {
            return;
        }
        let place = self.kept.partition_point(|kept| kept.bytes >= keys.bytes);
        self.kept.insert(place, keys);
        self.kept.truncate(self.limit);
    }

    pub(super) fn finish(self) -> Vec<LargeKeys> {
        self.kept
    }
}
