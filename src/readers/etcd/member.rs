//! The files of one member, read once.

use std::path::Path;

use super::place::EtcdPlace;
use super::store::{EtcdStore, StoreRead};
use crate::error::Result;
use crate::formats::etcd::Metadata;
use crate::formats::layout::{self, ETCD_STORE};
use crate::io::EntryKind;
use crate::readers::source::Run;
use crate::readers::wal::{Change, WalScan};
use crate::readers::{GroupListing, SnapDir};
use crate::types::{LogIndex, ServerVersion};

/// Everything that the files of a member say.
#[derive(Debug)]
pub struct EtcdMember {
    /// Where it is.
    pub place: EtcdPlace,
    /// The log; `None` when there is no such directory, or only the snapshots were named.
    pub log: Option<WalScan>,
    /// The snapshots; `None` when there is no such directory, or only the log was named.
    pub snaps: Option<SnapDir>,
    /// The store.
    pub store: StoreRead,
    /// Indexes of stores that were received from the leader and not taken over.
    pub received: Vec<LogIndex>,
    /// Names in `snap/` that a crash leaves and a start deletes or ignores.
    pub leftovers: Vec<String>,
    /// The directory around log and snapshots, as the checks of a group see it.
    pub listing: GroupListing,
}

impl EtcdMember {
    /// Reads a member: the store first, the log last, so that what is read later is at least as new.
    pub fn read(place: &EtcdPlace, run: &Run<'_>) -> Result<Self> {
        let source = &*run.source;
        let store = place.snap.as_ref().map_or(StoreRead::NotAsked, |snap| EtcdStore::read(&snap.join(ETCD_STORE), source));
        let snaps = match &place.snap {
            Some(snap) if source.kind_at(snap) == Some(EntryKind::Directory) => Some(SnapDir::read(snap, source)?),
            _ => None,
        };
        let log = match &place.wal {
            Some(wal) if source.kind_at(wal) == Some(EntryKind::Directory) => Some(WalScan::read(wal, run)?),
            _ => None,
        };
        let others = || snaps.iter().flat_map(|snaps| &snaps.others);
        let received = others().filter_map(|entry| received_index(&entry.name)).collect();
        let left = |name: &str| name.starts_with("db.tmp") || name.starts_with("tmp") || name.ends_with(".broken");
        let leftovers = others().map(|entry| entry.name.clone()).filter(|name| left(name)).collect();
        // Around a part that was named by itself there may be anything.
        let around = place.wal.as_deref().filter(|_| place.is_whole()).and_then(Path::parent);
        let listing = around.map(|around| GroupListing::read(around, source)).transpose()?.unwrap_or_default();
        Ok(Self { place: place.clone(), log, snaps, store, received, leftovers, listing })
    }

    /// Whose files they are, where the log says it.
    pub fn owner(&self) -> Option<Metadata> {
        self.log.as_ref()?.owner.etcd()
    }

    /// A path below `wal` as reports show it.
    pub fn wal_path(&self) -> String {
        self.place.wal.as_ref().map(|wal| wal.display().to_string()).unwrap_or_default()
    }

    /// A path below `snap` as reports show it.
    pub fn snap_path(&self, name: &str) -> String {
        let dir = self.place.snap.as_ref().map(|snap| snap.display().to_string()).unwrap_or_default();
        format!("{}/{name}", dir.trim_end_matches('/'))
    }

    /// The store's file as reports show it.
    pub fn store_path(&self) -> String {
        self.snap_path(ETCD_STORE)
    }

    /// Directory around log and snapshots as reports show it.
    pub fn around(&self) -> String {
        let wal = self.wal_path();
        match wal.strip_suffix(layout::WAL).and_then(|around| around.strip_suffix('/')) {
            Some(around) => around.to_owned(),
            None => self.place.display(),
        }
    }

    /// True when a file changed while it was read.
    pub fn changed(&self) -> bool {
        let moved = |change: &Option<Change>| !matches!(change, None | Some(Change::Unreadable(_)));
        self.store.read().is_some_and(|store| store.changed)
            || self.snaps.iter().flat_map(|snaps| &snaps.snaps).any(|snap| snap.changed)
            || self.log.as_ref().is_some_and(|scan| scan.segments.iter().any(|segment| moved(&segment.change)))
    }

    /// The first file of snapshots that could not be read, with the reason.
    pub fn unread_snapshot(&self, version: ServerVersion) -> Option<(String, String)> {
        self.snaps.iter().flat_map(|snaps| &snaps.snaps).find_map(|entry| match entry.read(version) {
            Err(crate::readers::SnapReadError::Unreadable(why)) => Some((self.snap_path(&entry.name), why.clone())),
            _ => None,
        })
    }
}

/// The index in the name of a received store: sixteen hex digits and `.snap.db`.
fn received_index(name: &str) -> Option<LogIndex> {
    let digits = name.strip_suffix(".snap.db").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+')).map(LogIndex)
}
