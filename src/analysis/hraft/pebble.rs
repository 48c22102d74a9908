//! The Pebble log store of elastickv's middle generation as the library sees it. Reading it cannot fault as bbolt does; what it
//! says otherwise than raft-boltdb stands in internal/raftstore/pebble.go of elastickv's history.

use super::abort::Crash;
use super::entry::{Read, entry_of};
use crate::analysis::Coverage;
use crate::analysis::server::store::{StoreOpen, opens};
use crate::formats::hraft::{CURRENT_TERM, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM};
use crate::readers::hraft::LogFacts;
use crate::readers::pebble::{FormatMarker, StoreFacts, TableDamage};

/// The oldest format that both releases of Pebble that wrote such stores open.
const OLDEST_SHARED_FORMAT: u64 = 13;

/// What was read of a Pebble directory.
#[derive(Debug, Clone, Copy)]
pub struct PebbleStores<'a> {
    /// The directory.
    pub store: &'a StoreFacts,
    /// What its keys hold.
    pub log: &'a LogFacts,
    /// What kept the keys from being read to their end.
    pub stopped: Option<&'a TableDamage>,
    /// True when a stable value may be there and cannot be read.
    pub stable_unread: bool,
}

impl PebbleStores<'_> {
    /// Why it cannot be told what a start does; `None` when it can.
    pub(super) fn doubt(&self) -> Option<String> {
        let older = |what: &str| {
            Some(format!(
                "raft.db is of {what}, which the first releases that wrote such stores open and later ones refuse; this program does not \
                 read it"
            ))
        };
        match self.store.format {
            FormatMarker::Missing if self.store.listing.has_current => return older("Pebble's first format"),
            FormatMarker::Version(version) if (1..OLDEST_SHARED_FORMAT).contains(&version) => {
                return older(&format!("format major version {version}"));
            }
            _ => {}
        }
        match opens(self.store, &mut Coverage::default()) {
            StoreOpen::Unknown(why) => return Some(why),
            // That is certain, whatever else is wrong.
            StoreOpen::Refused(_) => return None,
            StoreOpen::Opens | StoreOpen::NotChecked => {}
        }
        if let Some(damage) = self.stopped {
            return Some(format!("{damage}; whether a start reads that place is not known"));
        }
        self.log.is_incomplete().then(|| "there is more wrong with the entries than is kept".to_owned())
    }
}

/// A Pebble store in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct PebbleNode<'a> {
    log: &'a LogFacts,
}

impl<'a> PebbleNode<'a> {
    pub(super) fn open(stores: &PebbleStores<'a>) -> Result<Self, Crash> {
        match opens(stores.store, &mut Coverage::default()) {
            StoreOpen::Refused(error) => Err(Crash::error(error.text)),
            StoreOpen::Opens | StoreOpen::NotChecked | StoreOpen::Unknown(_) => Ok(Self { log: stores.log }),
        }
    }

    fn value(&self, key: &[u8]) -> Option<&'a [u8]> {
        let value = match key {
            CURRENT_TERM => &self.log.current_term,
            LAST_VOTE_TERM => &self.log.vote_term,
            LAST_VOTE_CANDIDATE => &self.log.vote_candidate,
            _ => return None,
        };
        value.as_deref()
    }

    /// A number of the stable store; one that is missing or empty is not found, and no length but eight is read.
    fn number(&self, key: &[u8]) -> Result<Option<u64>, Crash> {
        match self.value(key) {
            None | Some([]) => Ok(None),
            Some(value) => match <[u8; 8]>::try_from(value) {
                Ok(number) => Ok(Some(u64::from_be_bytes(number))),
                Err(_) => Err(Crash::error(format!("invalid uint64 value length: {}", value.len()))),
            },
        }
    }

    pub(super) fn current_term(&self) -> Result<Option<u64>, Crash> {
        self.number(CURRENT_TERM)
    }

    /// A key of another length than nine counts as index 0, as an empty log does.
    pub(super) fn first_index(&self) -> u64 {
        let odd = self.log.odd_keys.first().is_some_and(|odd| odd.first);
        self.log.first.filter(|_| !odd).unwrap_or(0)
    }

    pub(super) fn last_index(&self) -> u64 {
        let odd = self.log.odd_keys.last().is_some_and(|odd| odd.last);
        self.log.last.filter(|_| !odd).unwrap_or(0)
    }

    pub(super) fn entry(&self, index: u64) -> Result<Read, Crash> {
        entry_of(self.log, index)
    }

    pub(super) fn next_of_note(&self, index: u64) -> u64 {
        self.log.next_of_note(index)
    }
}
