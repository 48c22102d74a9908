//! A log of raft-wal as the library sees it.

use super::abort::Crash;
use super::entry::{LOG_NOT_FOUND, Read};
use super::ledger::Ledger;
use super::library::Db;
use crate::formats::raftwal::decode_binary_entry;
use crate::readers::hraft::wal::{LogError, WalLog};

/// The log in use.
#[derive(Debug)]
pub(super) struct WalNode<'a>(&'a WalLog);

impl<'a> WalNode<'a> {
    /// Opens it: `wal-meta.db` as bbolt opens it, then the list and the segments.
    pub(super) fn open(log: &'a WalLog) -> Result<Self, Crash> {
        if let Some(file) = log.meta.as_ref() {
            if file.bytes().is_empty() {
                // It makes a database without a bucket of it, and asks the bucket.
                return Err(Crash::panic("runtime error: invalid memory address or nil pointer dereference"));
            }
            let opened = Db::open(file.bytes(), None).and_then(|db| Ledger::load(&db));
            opened.map_err(|crash| crash.wrap("failed to open wal-meta.db"))?;
            if log.buckets.contains(&false) {
                return Err(Crash::panic("runtime error: invalid memory address or nil pointer dereference"));
            }
        }
        log.open_error().map_or(Ok(Self(log)), |error| Err(Crash::error(error)))
    }

    /// The current term; nothing where it is not set.
    pub(super) fn current_term(&self) -> Result<Option<u64>, Crash> {
        let value = self.0.stable.current_term.as_ref().filter(|value| !value.is_empty());
        let refused = || Crash::error("failed to load current term: GetUint64 called on a non-uint64 key");
        value.map(|value| value.as_slice().try_into().map(u64::from_le_bytes).map_err(|_| refused())).transpose()
    }

    /// Index of the first entry; 0 without one.
    pub(super) fn first_index(&self) -> u64 {
        self.0.first_index()
    }

    /// Index of the last entry; 0 without one.
    pub(super) fn last_index(&self) -> u64 {
        self.0.last_index()
    }

    /// An entry.
    pub(super) fn entry(&self, index: u64) -> Result<Read, Crash> {
        let spot = self.0.locate(index).map_err(|error| match error {
            LogError::NotFound => Crash::error(LOG_NOT_FOUND),
            LogError::Failed(text) => Crash::error(text),
        })?;
        match decode_binary_entry(spot.bytes) {
            Ok(entry) => Ok(Read::of(&entry)),
            Err(error) if error.text.starts_with("runtime error") => Err(Crash::panic(error.text)),
            Err(error) => Err(Crash::error(error.text)),
        }
    }
}
