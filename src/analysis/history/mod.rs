//! The versions of a key: who wrote them, what became of them, and where they lie.
//!
//! What was met in logs, stores and payloads is gathered in a [`Ledger`]; when all of it is in, [`settle()`] tells what became of each
//! version, and [`Leaders`] who proposed it.

mod content;
mod divergence;
mod lacking;
mod leaders;
mod ledger;
mod request;
mod settle;
mod state;

use serde::Serialize;

use crate::formats::kv::KeySpace;

pub use content::{Content, SHOWN};
pub use divergence::{Named, divergences};
pub use leaders::{KnownBy, Leaders, Proposer};
pub use ledger::{Deleting, EntryFact, Ledger, Place, RowId, Version};
pub use request::PartOfRequest;
pub use settle::{Fate, NoneBefore, Settled, settle, without_entry};
pub use state::{EntryState, LogState, NodeState, StoreState};

/// What a version does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Writes a value.
    Put,
    /// Deletes the key.
    Delete,
    /// Deletes every key that begins like this one.
    DeletePrefix,
    /// Says when a key of redis expires.
    Expire,
    /// Locks a key for a transaction.
    Lock,
    /// Takes the lock away.
    Unlock,
    /// Holds a write of a transaction that is not committed.
    Intent,
    /// Takes it away: the transaction was committed or given up.
    Resolve,
    /// Says that a transaction was committed.
    CommitRecord,
    /// Says that a transaction was rolled back.
    RollbackRecord,
    /// Commits a write whose intent is not at hand: whether it puts or deletes is not known.
    Write,
}

impl Operation {
    /// What is done to `user_key` by a version that deletes, or that does not.
    pub fn of(user_key: &[u8], deletes: Option<bool>) -> Self {
        match (KeySpace::of_user_key(user_key).label(), deletes) {
            (_, None) => Self::Write,
            ("txn-lock", Some(false)) => Self::Lock,
            ("txn-lock", Some(true)) => Self::Unlock,
            ("txn-intent", Some(false)) => Self::Intent,
            ("txn-intent", Some(true)) => Self::Resolve,
            ("txn-commit", Some(false)) => Self::CommitRecord,
            ("txn-rollback", Some(false)) => Self::RollbackRecord,
            ("redis-ttl", Some(false)) => Self::Expire,
            (_, Some(false)) => Self::Put,
            (_, Some(true)) => Self::Delete,
        }
    }

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Delete => "delete",
            Self::DeletePrefix => "delete-prefix",
            Self::Expire => "expire",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Intent => "intent",
            Self::Resolve => "resolve",
            Self::CommitRecord => "commit-record",
            Self::RollbackRecord => "rollback-record",
            Self::Write => "write",
        }
    }
}

/// What holds a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A record of the log that a start reads.
    Log,
    /// A record of the log that later ones replaced, or to which no start gets.
    LogUnused,
    /// A record behind a place of a segment that cannot be decoded.
    LogHole,
    /// A record in a segment that repair set aside.
    LogBroken,
    /// A log of the store.
    StoreLog,
    /// A table of the store.
    Table,
    /// The payload of a snapshot.
    Payload,
}

impl Origin {
    /// In a store as it is.
    pub const fn is_store(self) -> bool {
        matches!(self, Self::StoreLog | Self::Table)
    }

    /// Where neither a start nor a reader of the store gets.
    pub const fn is_aside(self) -> bool {
        matches!(self, Self::LogUnused | Self::LogHole | Self::LogBroken)
    }

    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::LogUnused => "log, not read",
            Self::LogHole => "behind a hole",
            Self::LogBroken => "set aside",
            Self::StoreLog | Self::Table => "store",
            Self::Payload => "snapshot",
        }
    }
}
