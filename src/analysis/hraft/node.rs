//! The two stores of a node as raft-boltdb, or elastickv's own store over Pebble, shows them to the library.

use super::abort::Crash;
use super::entry::{LOG_NOT_FOUND, Read, entry_of};
use super::ledger::{Ledger, Moved};
use super::library::{Bucket, Db, Item};
use super::pebble::{PebbleNode, PebbleStores};
use super::wal::WalNode;
use crate::formats::hraft::{CURRENT_TERM, LAST_VOTE_TERM, MsgpackErrorKind, decode_entry};
use crate::readers::MappedFile;
use crate::readers::hraft::LogFacts;
use crate::readers::hraft::wal::WalLog;

/// Bucket of the entries.
pub(super) const LOGS: &[u8] = b"logs";
/// Bucket of term and vote.
pub(super) const CONF: &[u8] = b"conf";
/// Pages that a forced recovery is followed through; a longer log is assumed to be sound.
const SWEEP_LIMIT: usize = 1 << 14;
/// Pages of a file above which that is not tried.
const FOLLOWED_UP_TO: u64 = 4 * SWEEP_LIMIT as u64;

/// The files of a node.
#[derive(Debug, Clone, Copy)]
pub enum StoreFiles<'a> {
    /// One file for both.
    Combined(StoreFile<'a>),
    /// A file each, as elastickv had them first.
    Split {
        /// `logs.dat`.
        logs: StoreFile<'a>,
        /// `stable.dat`.
        stable: StoreFile<'a>,
    },
    /// A Pebble directory, as elastickv had it afterwards.
    Pebble(PebbleStores<'a>),
    /// A log of raft-wal.
    Wal(&'a WalLog),
}

/// One file.
#[derive(Debug, Clone, Copy)]
pub enum StoreFile<'a> {
    /// Its bytes; none for an empty file, which the library takes for a new one.
    Bytes(&'a [u8]),
    /// The same, of a file on a disk: pages that were read do not stay in memory.
    Mapped(&'a MappedFile),
    /// It is not there: the library makes an empty one.
    Absent,
}

/// A file in use.
#[derive(Debug)]
struct Open<'a> {
    /// `None` for a new file.
    db: Option<(Db<'a>, Ledger)>,
    logs: Moved,
    conf: Moved,
}

/// The stores in use.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// Files of bbolt.
    Bolt(BoltNode<'a>),
    /// A Pebble directory.
    Pebble(PebbleNode<'a>),
    /// A log of raft-wal.
    Wal(WalNode<'a>),
}

impl<'a> Node<'a> {
    /// Opens the stores. `sound` is what is known of the log where no page of its file is wrong.
    pub(super) fn open(files: StoreFiles<'a>, sound: Option<&'a LogFacts>) -> Result<Self, Crash> {
        let files = match files {
            StoreFiles::Combined(file) => vec![Open::file(file)?],
            StoreFiles::Split { logs, stable } => vec![Open::file(logs)?, Open::file(stable)?],
            StoreFiles::Pebble(stores) => return Ok(Self::Pebble(PebbleNode::open(&stores)?)),
            StoreFiles::Wal(log) => return Ok(Self::Wal(WalNode::open(log)?)),
        };
        Ok(Self::Bolt(BoltNode { files, sound }))
    }

    /// The current term; `None` when it is not found, which counts as 0.
    pub(super) fn current_term(&self) -> Result<Option<u64>, Crash> {
        match self {
            Self::Bolt(node) => node.stable_value(CURRENT_TERM)?.map(|value| number(&value)).transpose(),
            Self::Pebble(node) => node.current_term(),
            Self::Wal(node) => node.current_term(),
        }
    }

    /// Length of the last vote's term, where reading it may end the process.
    pub(super) fn vote_term_len(&self) -> Option<usize> {
        match self {
            Self::Bolt(node) => node.stable_value(LAST_VOTE_TERM).ok()?.map(|value| value.len()),
            // An error, over which no vote is given.
            Self::Pebble(_) | Self::Wal(_) => None,
        }
    }

    /// Index of the first log key; 0 without one.
    pub(super) fn first_index(&self) -> Result<u64, Crash> {
        match self {
            Self::Bolt(node) => node.first_index(),
            Self::Pebble(node) => Ok(node.first_index()),
            Self::Wal(node) => Ok(node.first_index()),
        }
    }

    /// Index of the last log key; 0 without one.
    pub(super) fn last_index(&self) -> Result<u64, Crash> {
        match self {
            Self::Bolt(node) => node.last_index(),
            Self::Pebble(node) => Ok(node.last_index()),
            Self::Wal(node) => Ok(node.last_index()),
        }
    }

    /// The entry at a key.
    pub(super) fn entry(&self, index: u64) -> Result<Read, Crash> {
        match self {
            Self::Bolt(node) => node.entry(index),
            Self::Pebble(node) => node.entry(index),
            Self::Wal(node) => node.entry(index),
        }
    }

    /// The first index at or behind `index` whose entry has to be looked at: those before it are there, and bring nothing that a
    /// start minds.
    pub(super) fn next_of_note(&self, index: u64) -> u64 {
        match self {
            Self::Bolt(node) => node.sound.map_or(index, |log| log.next_of_note(index)),
            Self::Pebble(node) => node.next_of_note(index),
            Self::Wal(_) => index,
        }
    }

    /// Writes to the stable store.
    pub(super) fn store_stable(&mut self) -> Result<(), Crash> {
        match self {
            Self::Bolt(node) => node.files.last_mut().map_or(Ok(()), |file| file.change(CONF)),
            Self::Pebble(_) | Self::Wal(_) => Ok(()),
        }
    }

    /// Appends to the log.
    pub(super) fn store_log(&mut self) -> Result<(), Crash> {
        match self {
            Self::Bolt(node) => node.files.first_mut().map_or(Ok(()), |file| file.change(LOGS)),
            Self::Pebble(_) | Self::Wal(_) => Ok(()),
        }
    }

    /// Deletes every log key up to `last`, as a compaction of the whole log does. False when the log is too long to follow.
    pub(super) fn delete_log(&mut self, last: u64) -> Result<bool, Crash> {
        match self {
            Self::Bolt(node) => node.delete_log(last),
            Self::Pebble(_) | Self::Wal(_) => Ok(true),
        }
    }
}

/// Files of bbolt in use.
#[derive(Debug)]
pub(super) struct BoltNode<'a> {
    /// The log's file, and the stable store's where it has one of its own.
    files: Vec<Open<'a>>,
    /// What is known of the log where no page of its file is wrong.
    sound: Option<&'a LogFacts>,
}

impl<'a> Open<'a> {
    fn file(file: StoreFile<'a>) -> Result<Self, Crash> {
        let new = Self { db: None, logs: Moved::default(), conf: Moved::default() };
        let (bytes, mapped) = match file {
            StoreFile::Bytes(bytes) => (bytes, None),
            StoreFile::Mapped(file) => (file.bytes(), Some(file)),
            StoreFile::Absent => return Ok(new),
        };
        if bytes.is_empty() {
            return Ok(new);
        }
        let mut db = Db::open(bytes, mapped)?;
        let mut ledger = Ledger::load(&db)?;
        let mut creates = false;
        for name in [LOGS, CONF] {
            if db.is_plain_key(name)? {
                return Err(Crash::error("incompatible value"));
            }
            creates |= db.bucket(name)?.is_none();
        }
        if creates {
            ledger.transaction(&mut db, None, &mut Moved::default())?;
        } else {
            ledger.empty_transaction(&mut db)?;
        }
        Ok(Self { db: Some((db, ledger)), logs: Moved::default(), conf: Moved::default() })
    }

    fn bucket(&self, name: &[u8]) -> Result<Option<(&Db<'a>, Bucket)>, Crash> {
        let Some((db, _)) = &self.db else { return Ok(None) };
        Ok(db.bucket(name)?.map(|bucket| (db, bucket)))
    }

    fn change(&mut self, name: &[u8]) -> Result<(), Crash> {
        let Some((db, ledger)) = &mut self.db else { return Ok(()) };
        let bucket = db.bucket(name)?;
        let moved = if name == LOGS { &mut self.logs } else { &mut self.conf };
        ledger.transaction(db, bucket.as_ref(), moved)
    }
}

/// The first eight bytes of a key or value.
fn number(bytes: &[u8]) -> Result<u64, Crash> {
    match bytes.first_chunk::<8>() {
        Some(number) => Ok(u64::from_be_bytes(*number)),
        None => Err(Crash::panic(format!("runtime error: index out of range [7] with length {}", bytes.len()))),
    }
}

impl<'a> BoltNode<'a> {
    fn logs(&self) -> Result<Option<(&Db<'a>, Bucket)>, Crash> {
        self.files.first().map_or(Ok(None), |file| file.bucket(LOGS))
    }

    fn stable(&self) -> Result<Option<(&Db<'a>, Bucket)>, Crash> {
        self.files.last().map_or(Ok(None), |file| file.bucket(CONF))
    }

    /// A value of the stable store; `None` when it is not found.
    fn stable_value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Crash> {
        let Some((db, bucket)) = self.stable()? else { return Ok(None) };
        match db.get(&bucket, key)? {
            Some(value) if value.whole => Ok(Some(value.bytes.into_owned())),
            Some(value) => Err(value.fault()),
            None => Ok(None),
        }
    }

    fn index_of(db: &Db<'_>, item: Option<Item>) -> Result<u64, Crash> {
        match item {
            Some(item) => number(&db.key(&item)?),
            None => Ok(0),
        }
    }

    /// Index of the first log key; 0 without one.
    fn first_index(&self) -> Result<u64, Crash> {
        let Some((db, bucket)) = self.logs()? else { return Ok(0) };
        Self::index_of(db, db.first(&bucket)?)
    }

    /// Index of the last log key; 0 without one.
    fn last_index(&self) -> Result<u64, Crash> {
        let Some((db, bucket)) = self.logs()? else { return Ok(0) };
        Self::index_of(db, db.last(&bucket)?)
    }

    fn entry(&self, index: u64) -> Result<Read, Crash> {
        if let Some(log) = self.sound {
            return entry_of(log, index);
        }
        let Some((db, bucket)) = self.logs()? else { return Err(Crash::error(LOG_NOT_FOUND)) };
        let Some(value) = db.get(&bucket, &index.to_be_bytes())? else { return Err(Crash::error(LOG_NOT_FOUND)) };
        match decode_entry(&value.bytes) {
            Ok(entry) => Ok(Read::of(&entry)),
            Err(error) if error.kind == MsgpackErrorKind::Eof && !value.whole => Err(value.fault()),
            Err(error) => Err(Crash::error(error.to_string())),
        }
    }

    fn delete_log(&mut self, last: u64) -> Result<bool, Crash> {
        let Some(Open { db: Some((db, ledger)), .. }) = self.files.first_mut() else { return Ok(true) };
        let Some(bucket) = db.bucket(LOGS)? else { return Ok(true) };
        if db.meta().high_water > FOLLOWED_UP_TO {
            return Ok(false);
        }
        ledger.begin();
        let mut previous: Option<Vec<u8>> = None;
        let mut disorder = None;
        let mut touched = Vec::new();
        let swept = db.sweep(&bucket, SWEEP_LIMIT, |page, items| {
            for item in items {
                let key = db.key(item)?;
                if number(&key)? > last {
                    continue;
                }
                if item.is_bucket() {
                    return Err(Crash::error("incompatible value").wrap("log compaction failed"));
                }
                if previous.as_ref().is_some_and(|previous| *previous >= key) && disorder.is_none() {
                    disorder = Some(page.header.id);
                }
                previous = Some(key);
            }
            db.materialise(page, false)?;
            touched.push(*page);
            Ok(())
        })?;
        let Some(pages) = swept else { return Ok(false) };
        if bucket.root != 0 {
            for page in pages {
                ledger.give_back(page.header.id, page.header.overflow.into())?;
            }
        }
        match disorder {
            // A key that is not found where it belongs stays, and the page is given back twice over it.
            Some(page) => Err(Crash::panic(format!("page {page} already freed"))),
            None => Ok(true),
        }
    }
}
