//! What the library reads out of an entry, whatever the store is.

use crate::formats::hraft::{Configuration, LogEntry, LogType, MsgpackError, decode_configuration, decode_peers};

/// What the library says when there is no such entry.
pub(super) const LOG_NOT_FOUND: &str = "log not found";

/// What the library reads out of an entry.
#[derive(Debug, Clone)]
pub(super) struct Read {
    /// The index that its value says.
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) kind: LogType,
    /// The membership in it, for the types that hold one.
    pub(super) membership: Option<Result<Configuration, MsgpackError>>,
}

impl Read {
    pub(super) fn of(entry: &LogEntry<'_>) -> Self {
        let membership = match entry.kind {
            LogType::Configuration => Some(decode_configuration(&entry.data).map(|decoded| decoded.0)),
            LogType::AddPeer | LogType::RemovePeer => Some(decode_peers(&entry.data).map(|decoded| decoded.0)),
            LogType::Command | LogType::Noop | LogType::Barrier | LogType::Unknown(_) => None,
        };
        Self { index: entry.index, term: entry.term, kind: entry.kind, membership }
    }
}
