//! What the library reads out of an entry, whatever the store is.

use super::abort::Crash;
use crate::formats::hraft::{Configuration, LogEntry, LogType, MsgpackError, decode_configuration, decode_peers};
use crate::readers::hraft::{Fault, LogFacts};

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

/// The entry at a key, out of what is known of the log.
pub(super) fn entry_of(log: &LogFacts, index: u64) -> Result<Read, Crash> {
    if !log.has(index) {
        return Err(Crash::error(LOG_NOT_FOUND));
    }
    let term = match log.last_decoded {
        Some((_, term)) if log.last == Some(index) => term,
        _ => log.term_at(index).unwrap_or(0),
    };
    let mut read = Read { index, term, kind: LogType::Command, membership: None };
    for fault in log.faults_at(index) {
        match fault {
            Fault::Undecodable(error) => return Err(Crash::error(error.to_string())),
            Fault::Malformed(_, text) => return Err(Crash::error(text.as_str())),
            Fault::Odd(_) => {}
            Fault::Nested => return Err(Crash::error(LOG_NOT_FOUND)),
            Fault::Index(says) => read.index = *says,
            Fault::Type(number) => read.kind = LogType::Unknown(*number),
        }
    }
    if let Some(entry) = log.membership_at(index) {
        read.kind = entry.kind;
        read.membership = Some(entry.decoded.clone().map(|(configuration, _)| configuration));
    }
    Ok(read)
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
