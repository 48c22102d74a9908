//! A store directory as a start would see it, read without a lock.
//!
//! Markers lead to the MANIFEST, the MANIFEST to the live tables and to the logs that count, and the logs are replayed
//! into memory. Everything comes back as facts with their place; what they mean is decided in the analysis layer.

mod examine;
mod facts;
mod found;
mod listing;
mod logs;
mod lookup;
mod manifest;
mod memory;
mod store;
mod versions;

pub use examine::{GroupStoreFacts, examine, examine_store, read_blocks};
pub use facts::{
    BlockFacts, FormatMarker, MISSING_KEPT, ManifestFact, MetaFact, OptionsFact, OptionsResult, Registry, StoreCheck, StoreFacts,
    StorePresence, TableFileFact, Writer,
};
pub use found::{FoundValue, KeyState, Source, TableDamage, TableTrouble};
pub use listing::{StoreFile, StoreFileKind, StoreListing};
pub use logs::{LogFacts, LogFailure, SequenceGap};
pub use manifest::{ManifestFacts, ManifestFailure};
pub use memory::{IngestedTable, LogPlace, Memory, MemoryEntry, MemoryRange};
pub use store::Store;
pub use versions::{RowVersion, RowVersions};
