//! A file by what it is to its group.

use crate::support::group::GroupCopy;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Marker,
    Peers,
    NewestSnap,
    OlderSnap,
    NewestPayload,
    OlderPayload,
    LastSegment,
    EarlierSegment,
    Pipeline,
    Manifest,
    OldManifest,
    NewestStoreLog,
    Table,
    Options,
    StoreMarker,
    Lock,
}

impl Kind {
    pub fn of(copy: &GroupCopy, name: &str) -> Self {
        let newest = |prefix: &str, suffix: &str| {
            let mut all = copy.files.iter().filter(|file| file.0.starts_with(prefix) && file.0.ends_with(suffix));
            all.next_back().is_some_and(|last| last.0 == name)
        };
        let marked = || {
            copy.files.iter().any(|file| {
                let stem = file.0.strip_prefix("fsm.db/marker.manifest.").and_then(|rest| rest.split_once('.'));
                stem.is_some_and(|(_, manifest)| name.ends_with(manifest))
            })
        };
        match name.rsplit_once('/').unwrap_or(("", name)) {
            ("", "raft-engine") => Self::Marker,
            ("", "etcd-raft-peers.bin") => Self::Peers,
            ("snap", _) if newest("snap/", ".snap") => Self::NewestSnap,
            ("snap", _) => Self::OlderSnap,
            ("fsm-snap", _) if newest("fsm-snap/", ".fsm") => Self::NewestPayload,
            ("fsm-snap", _) => Self::OlderPayload,
            ("wal", file) if file.ends_with(".tmp") => Self::Pipeline,
            ("wal", _) if newest("wal/", ".wal") => Self::LastSegment,
            ("wal", _) => Self::EarlierSegment,
            ("fsm.db", "LOCK") => Self::Lock,
            ("fsm.db", file) if file.starts_with("marker.") => Self::StoreMarker,
            ("fsm.db", file) if file.starts_with("OPTIONS") => Self::Options,
            ("fsm.db", file) if file.starts_with("MANIFEST") => {
                if marked() {
                    Self::Manifest
                } else {
                    Self::OldManifest
                }
            }
            ("fsm.db", file) if file.ends_with(".sst") => Self::Table,
            ("fsm.db", file) if file.ends_with(".log") && newest("fsm.db/", ".log") => Self::NewestStoreLog,
            _ => panic!("{name}: nobody knows this file"),
        }
    }

    /// The folder that such files lie in.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Marker | Self::Peers => "",
            Self::NewestSnap | Self::OlderSnap => "snap",
            Self::NewestPayload | Self::OlderPayload => "fsm-snap",
            Self::LastSegment | Self::EarlierSegment | Self::Pipeline => "wal",
            Self::Manifest
            | Self::OldManifest
            | Self::NewestStoreLog
            | Self::Table
            | Self::Options
            | Self::StoreMarker
            | Self::Lock => "fsm.db",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Marker => "`raft-engine`",
            Self::Peers => "peers file",
            Self::NewestSnap => "newest `.snap`",
            Self::OlderSnap => "older `.snap`",
            Self::NewestPayload => "newest `.fsm`",
            Self::OlderPayload => "older `.fsm`",
            Self::LastSegment => "last log segment",
            Self::EarlierSegment => "earlier log segment",
            Self::Pipeline => "`0.tmp`",
            Self::Manifest => "MANIFEST",
            Self::OldManifest => "older MANIFEST",
            Self::NewestStoreLog => "store log",
            Self::Table => "table",
            Self::Options => "OPTIONS",
            Self::StoreMarker => "store marker",
            Self::Lock => "LOCK",
        }
    }
}
