//! How a table is to be read, as the MANIFEST says.

use std::borrow::Cow;

use crate::formats::pebble::version_edit::{KeyBounds, NewTable};
use crate::formats::pebble::{SeqNum, Trailer};

/// What the MANIFEST changes about a file's records. The default changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableView {
    /// Every record has this sequence number.
    pub seq_override: Option<SeqNum>,
    /// Only user keys within count: those of a virtual table.
    pub bounds: Option<KeyBounds>,
    /// Stands before every stored user key.
    pub prefix: Vec<u8>,
}

impl TableView {
    /// The view of one table of a version; `None` when it replaces key suffixes, which the one supported key order rules out.
    pub fn of(table: &NewTable) -> Option<Self> {
        table.synthetic_suffix.is_empty().then(|| Self {
            seq_override: table.seq_override(),
            bounds: table.virtual_backing.is_some().then(|| table.bounds.clone()),
            prefix: table.synthetic_prefix.clone(),
        })
    }

    /// The trailer as it counts.
    pub(super) const fn trailer(&self, stored: Trailer) -> Trailer {
        match self.seq_override {
            Some(seq) => stored.with_seq(seq),
            None => stored,
        }
    }

    /// True when the user key, prefix included, belongs to the view.
    pub(super) fn admits(&self, user_key: &[u8]) -> bool {
        self.bounds.as_ref().is_none_or(|bounds| bounds.admit(user_key))
    }

    /// True when the user key and all behind it lie behind the view.
    pub(super) fn ends_before(&self, user_key: &[u8]) -> bool {
        self.bounds.as_ref().is_some_and(|bounds| user_key >= bounds.smallest.user_key.as_slice() && !bounds.admit(user_key))
    }

    /// The user key as it counts.
    pub(super) fn whole_key<'k>(&self, stored: &'k [u8]) -> Cow<'k, [u8]> {
        if self.prefix.is_empty() { Cow::Borrowed(stored) } else { Cow::Owned([&self.prefix, stored].concat()) }
    }

    /// Where to look in the file for the first record at or behind `user_key`: a stored key, or `None` when the whole file
    /// lies before it.
    pub(super) fn stored_seek<'k>(&self, user_key: &'k [u8]) -> Option<&'k [u8]> {
        match user_key.strip_prefix(self.prefix.as_slice()) {
            Some(stored) => Some(stored),
            None if user_key < self.prefix.as_slice() => Some(&[]),
            None => None,
        }
    }
}
