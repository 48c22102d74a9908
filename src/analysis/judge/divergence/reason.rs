//! What a difference of two stores is, and why.

use serde::Serialize;

/// What a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// No entry explains it, and no node may have it of its own: the stores have diverged.
    Diverged,
    /// It is not known whether it may be there.
    Unknown,
    /// An entry that only one of the two has applied made it.
    Explained,
    /// Every node may have it of its own.
    Expected,
}

/// Why a difference is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Both have applied the entry that should have written it, or no entry did.
    NoEntry,
    /// An entry that only one of the two has applied writes the row, and writes something else than that one holds.
    NotAsWritten,
    /// Its values are sealed and were not opened.
    Sealed,
    /// Not all entries between the two applied indexes are in the logs.
    EntriesMissing,
    /// A store does not say what it has applied.
    AppliedUnknown,
    /// Rows of the writer registry do not move the applied index, and the logs do not have all entries behind it.
    Registry,
    /// A row of the shard catalog that is not of the first one, and the logs begin behind what may have written it.
    CatalogGone,
    /// It must not be there, but one of the stores is damaged, was not read whole, or not as of one moment.
    StoreNotWhole,
    /// An entry that only one has applied.
    Entry,
    /// It was committed after everything that the other has applied, which is behind.
    NewerCommit,
    /// One of the numbers that each store keeps of itself.
    OwnNumber,
    /// A chunk that each node stores for itself, outside of the log.
    OwnChunk,
    /// A row of the first catalog, which each node writes for itself, outside of the log.
    OwnCatalog,
    /// A version that one has removed: a newer one is older than what it retains.
    Retention,
}

impl Reason {
    /// What follows from it.
    pub const fn judged(self) -> Judged {
        match self {
            Self::NoEntry | Self::NotAsWritten => Judged::Diverged,
            Self::Sealed
            | Self::EntriesMissing
            | Self::AppliedUnknown
            | Self::Registry
            | Self::CatalogGone
            | Self::StoreNotWhole => Judged::Unknown,
            Self::Entry | Self::NewerCommit => Judged::Explained,
            Self::OwnNumber | Self::OwnChunk | Self::OwnCatalog | Self::Retention => Judged::Expected,
        }
    }

    /// The reason in words, for who reads a table.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoEntry => "no entry that only one has applied wrote them",
            Self::NotAsWritten => "they do not hold what the entry wrote that only one has applied",
            Self::Sealed => "their envelopes differ and were not opened",
            Self::EntriesMissing => "not all entries between the applied indexes are in the logs",
            Self::AppliedUnknown => "a store does not say what it has applied",
            Self::Registry => "rows of the writer registry, of which the applied index says nothing, and the logs begin later",
            Self::CatalogGone => "rows of a later shard catalog, and the logs begin behind what may have written them",
            Self::StoreNotWhole => "one of the stores is damaged, was not read whole, or not as of one moment",
            Self::Entry => "written by entries that only one has applied",
            Self::NewerCommit => "committed after everything that the other has applied",
            Self::OwnNumber => "numbers that each store keeps of itself",
            Self::OwnChunk => "chunks that each node stores for itself, outside of the log",
            Self::OwnCatalog => "the first catalog, which each node writes for itself, outside of the log",
            Self::Retention => "versions that one has removed, older than what it retains",
        }
    }
}
