//! What a forecast is made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::legacy::LegacyView;
use super::store::{AppliedIndexState, StoreOpen, StoreVerdict};
use super::types::{AppliedIndex, Rename};
use crate::analysis::ServerError;
use crate::readers::keys::Keys;
use crate::readers::pebble::Registry;
use crate::readers::{Group, Neighbours};
use crate::types::{LogIndex, ServerVersion};

/// The facts about one group directory.
#[derive(Debug)]
pub struct StartFacts {
    /// The node's raft id.
    pub raft_id: String,
    /// Everything that its files say.
    pub group: Group,
    /// What opening the store does, by server version.
    pub store: BTreeMap<ServerVersion, StoreView>,
    /// Legacy state files by server version, when there is no log.
    pub legacy: BTreeMap<ServerVersion, LegacyView>,
    /// Sidecar and KEK, when the server is started with encryption.
    pub keys: Option<Arc<Keys>>,
    /// The server is started without any encryption flag.
    pub no_encryption: bool,
    /// What else is configured on the node; looked at only where there may be keys, since nothing else depends on it.
    pub neighbours: Neighbours,
    /// Whether the store's writer registry is known: a store that no version opens, or that was left alone, has none.
    pub registry_read: bool,
    /// A sidecar in one of its usual places.
    pub sidecar_beside: Option<String>,
    /// Whether the plan is wanted entry by entry.
    pub want_plan: bool,
    /// Whether payloads may be left unread: the forecast then goes on without their checksum.
    pub skip_payload_body: bool,
}

impl StartFacts {
    /// Raft envelope cutover as the server sees it, 0 for none; `None` when it is not known how the server is started.
    pub fn cutover(&self) -> Option<LogIndex> {
        if self.no_encryption {
            return Some(LogIndex(0));
        }
        self.keys.as_deref()?.cutover()
    }

    /// Last epoch that the store's writer registry has seen, by key id and full node id; empty when it is not known.
    pub fn registry(&self) -> &Registry {
        static UNKNOWN: Registry = Registry::new();
        if self.registry_read { &self.group.store.store.registry } else { &UNKNOWN }
    }

    /// True when a start of this version opens the store, so that the rows of its writer registry are known.
    pub fn knows_registry(&self, version: ServerVersion) -> bool {
        let store = self.store.get(&version);
        self.registry_read
            && store.is_some_and(|store| store.refusal.is_none() && store.unknown.is_none() && store.applied.state != "not-read")
    }
}

/// What opening the store does under one server version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreView {
    /// What it says about itself, once open.
    pub applied: AppliedIndex,
    /// Why it cannot be opened.
    pub refusal: Option<ServerError>,
    /// Siblings of the store that are renamed.
    pub renames: Vec<Rename>,
    /// Siblings of the store that are deleted.
    pub deletes: Vec<String>,
    /// Bytes that opening it reads.
    pub read_bytes: u64,
    /// Name of its newest log, when it has one.
    pub newest_log: Option<String>,
    /// Why it is not known what happens.
    pub unknown: Option<String>,
}

impl StoreView {
    /// What opening the store does, as the forecast takes it.
    pub fn of(verdict: &StoreVerdict) -> Self {
        let (state, value) = match verdict.applied_index {
            AppliedIndexState::NotRead => ("not-read", None),
            AppliedIndexState::Present(value) => ("present", Some(value)),
            AppliedIndexState::Missing => ("missing", None),
            AppliedIndexState::Unreadable => ("unreadable", None),
        };
        let (refusal, unknown) = match &verdict.open {
            StoreOpen::NotChecked | StoreOpen::Opens => (None, None),
            StoreOpen::Refused(error) => (Some(error.clone()), None),
            StoreOpen::Unknown(why) => (None, Some(why.clone())),
        };
        Self {
            applied: AppliedIndex { state, value, source: None },
            refusal,
            renames: verdict.would_rename.iter().map(|(from, to)| Rename { from: from.clone(), to: to.clone() }).collect(),
            deletes: verdict.would_delete.clone(),
            read_bytes: verdict.coverage.bytes_examined,
            newest_log: verdict.newest_log.clone(),
            unknown,
        }
    }
}
