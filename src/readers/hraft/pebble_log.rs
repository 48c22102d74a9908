//! The Pebble directory in which elastickv's middle generation kept log and stable store: `raft.db/`.
//!
//! Facts of the key layout from internal/raftstore/pebble.go of elastickv's history: `l` and the index in eight bytes, big endian,
//! hold an entry; `s` and a name hold a stable value.

use std::ops::ControlFlow;
use std::path::Path;

use super::log_facts::LogFacts;
use super::survey::Row;
use crate::error::{Error, Result};
use crate::formats::hraft::{CURRENT_TERM, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM};
use crate::formats::pebble::StoreFileName;
use crate::io::{DirEntry, EntryKind};
use crate::readers::pebble::{BlockFacts, KeyState, Store, StoreFacts, TableDamage, read_blocks};
use crate::readers::pebble_scan::{Scan, ScanStats, separate};
use crate::readers::source::Run;

/// Before the index of an entry.
const LOG_PREFIX: u8 = b'l';
/// Before the name of a stable value.
const STABLE_PREFIX: u8 = b's';
/// Keys between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u64 = 1 << 12;
/// Keys of no known kind that are kept.
const KEPT: usize = 100;

/// Log and stable store in a Pebble directory.
#[derive(Debug)]
pub struct PebbleLog {
    /// The view that was read.
    store: Store,
    /// What its keys hold.
    pub log: LogFacts,
    /// What kept the keys from being read to their end, and the last key before it.
    pub stopped: Option<(TableDamage, Vec<u8>)>,
    /// True when a stable value may be there and cannot be read.
    pub stable_unread: bool,
    /// What the scan passed.
    pub stats: ScanStats,
    /// Keys that are neither entries nor stable values, the first of them.
    pub unknown_keys: Vec<Vec<u8>>,
    /// How many there are.
    pub unknown: u64,
}

/// True for entries that only a Pebble directory has.
pub(super) fn is_pebble(entries: &[DirEntry]) -> bool {
    entries.iter().any(|entry| {
        entry.kind == EntryKind::File
            && (entry.name == "CURRENT"
                || matches!(
                    StoreFileName::parse(&entry.name),
                    StoreFileName::Manifest(_)
                        | StoreFileName::Options(_)
                        | StoreFileName::Marker(_)
                        | StoreFileName::Table(_)
                        | StoreFileName::Log { .. }
                ))
    })
}

impl PebbleLog {
    /// Reads every key of the store at `dir`; with `blocks` also every block of every table, whether a key needs it or not.
    pub fn read(dir: &Path, blocks: impl FnOnce(&StoreFacts) -> bool, run: &Run<'_>) -> Result<Self> {
        let mut read = Reading::default();
        let mut store = Store::open_with(dir, run, |store| {
            read = Reading::default();
            read.of(store, run)
        })?;
        let wanted = blocks(&store.facts);
        if wanted {
            let blocks: BlockFacts = read_blocks(&store, run)?;
            store.facts.blocks = Some(blocks);
            store.facts.stable &= store.is_unchanged()?;
        }
        let Reading { mut log, stopped, stable_unread, stats, unknown_keys, unknown } = read;
        log.end();
        Ok(Self { store, log, stopped, stable_unread, stats, unknown_keys, unknown })
    }

    /// The store as facts.
    pub const fn facts(&self) -> &StoreFacts {
        &self.store.facts
    }

    /// True when it changed while it was read, or has changed since.
    pub fn changed(&self) -> bool {
        self.store.facts.is_moving()
    }

    /// Shows every entry to `each`, by its key, as far as the log can be read and `each` wants more.
    pub fn entries(&self, run: &Run<'_>, each: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>) -> Result<()> {
        let from = [LOG_PREFIX];
        let Ok(mut scan) = separate(Scan::new(&self.store, &from))? else { return Ok(()) };
        while let Ok(true) = separate(scan.next())? {
            if scan.live().is_multiple_of(INTERRUPT_EVERY) && run.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            match scan.key().split_first() {
                Some((&LOG_PREFIX, index)) => {
                    if let Ok(index) = <[u8; 8]>::try_from(index)
                        && each(u64::from_be_bytes(index), scan.value()).is_break()
                    {
                        break;
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }
}

/// What one view holds.
#[derive(Default)]
struct Reading {
    log: LogFacts,
    stopped: Option<(TableDamage, Vec<u8>)>,
    stable_unread: bool,
    stats: ScanStats,
    unknown_keys: Vec<Vec<u8>>,
    unknown: u64,
}

impl Reading {
    fn of(&mut self, store: &Store, run: &Run<'_>) -> Result<()> {
        let mut scan = match separate(Scan::new(store, b""))? {
            Ok(scan) => scan,
            Err(damage) => {
                self.stop(store, damage, Vec::new());
                return Ok(());
            }
        };
        loop {
            if scan.live().is_multiple_of(INTERRUPT_EVERY) && run.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            match separate(scan.next())? {
                Ok(true) => self.key(scan.key(), scan.value()),
                Ok(false) => break,
                Err(damage) => {
                    let last = scan.last_live().to_vec();
                    self.stop(store, damage, last);
                    break;
                }
            }
        }
        self.stats = scan.stats();
        Ok(())
    }

    fn key(&mut self, key: &[u8], value: &[u8]) {
        let row = |key| Row { bucket: b"", key, value: Some(value), at: 0 };
        match key.split_first() {
            Some((&LOG_PREFIX, index)) => self.log.log_row(&row(index)),
            Some((&STABLE_PREFIX, name)) => self.log.stable_row(&row(name)),
            _ => {
                self.unknown += 1;
                if self.unknown_keys.len() < KEPT {
                    self.unknown_keys.push(key.to_vec());
                }
            }
        }
    }

    /// What lies behind the damage is not seen in order any more; the three stable values are asked for one by one.
    fn stop(&mut self, store: &Store, damage: TableDamage, last: Vec<u8>) {
        for name in [CURRENT_TERM, LAST_VOTE_TERM, LAST_VOTE_CANDIDATE] {
            match store.get(&[&[STABLE_PREFIX], name].concat()) {
                KeyState::Value(found) => {
                    self.log.stable_row(&Row { bucket: b"", key: name, value: Some(&found.value), at: 0 });
                }
                KeyState::Absent | KeyState::Deleted { .. } => {}
                KeyState::Unreadable(_) => self.stable_unread = true,
            }
        }
        self.stopped = Some((damage, last));
    }
}
