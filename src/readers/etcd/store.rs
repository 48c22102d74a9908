//! `snap/db`: the bbolt file of a member.

use std::ops::ControlFlow;
use std::path::Path;

use crate::formats::etcd::{MetaKey, Revision, StoreKey, is_key_value};
use crate::readers::hraft::{Row, Survey};
use crate::readers::source::Source;

/// The store, or why there is nothing to say of it.
#[derive(Debug)]
pub enum StoreRead {
    /// Only the log was named.
    NotAsked,
    /// There is none.
    Absent,
    /// It cannot be read; the reason.
    Unreadable(String),
    /// Every page of it.
    Read(Box<EtcdStore>),
}

impl StoreRead {
    /// What was read.
    pub const fn read(&self) -> Option<&EtcdStore> {
        match self {
            Self::Read(store) => Some(store),
            Self::NotAsked | Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// The store.
#[derive(Debug)]
pub struct EtcdStore {
    /// Its pages.
    pub survey: Survey,
    /// What their keys and values say.
    pub content: EtcdContent,
    /// It changed while it was read.
    pub changed: bool,
}

/// What the keys and values of the store say.
#[derive(Debug, Default)]
pub struct EtcdContent {
    /// Index of the last entry that it holds.
    pub consistent_index: Option<u64>,
    /// Term of that entry; from 3.5 on.
    pub term: Option<u64>,
    /// Version of its schema; from 3.6 on.
    pub storage_version: Option<String>,
    /// Revision of its last change.
    pub revision: Option<Revision>,
    /// Changes of keys that it holds.
    pub changes: u64,
    /// Deletions among them.
    pub deletions: u64,
    /// Up to which revision history was forgotten.
    pub compacted: Option<Revision>,
    /// Keys of the bucket of changes that are no revision.
    pub odd_keys: u64,
    /// Values of that bucket that are no `mvccpb.KeyValue`. Nothing sums them, so that others may be damaged without a trace.
    pub odd_values: u64,
}

/// Longest version that is kept.
const VERSION_LIMIT: usize = 64;

impl EtcdStore {
    /// Reads the store at `path`.
    pub(super) fn read(path: &Path, source: &dyn Source) -> StoreRead {
        let file = match source.map(path) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return StoreRead::Absent,
            Err(error) => return StoreRead::Unreadable(error.reason()),
        };
        let mut content = EtcdContent::default();
        let survey = Survey::of_file(&file, &mut |row| content.take(row));
        match file.fault() {
            Err(error) => StoreRead::Unreadable(error.reason()),
            Ok(fault) => {
                let changed = fault.is_some() || file.changed();
                StoreRead::Read(Box::new(Self { survey, content, changed }))
            }
        }
    }

    /// A store by its bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut content = EtcdContent::default();
        let survey = Survey::of(bytes, &mut |row| content.take(row));
        Self { survey, content, changed: false }
    }
}

impl EtcdContent {
    fn take(&mut self, row: Row<'_>) -> ControlFlow<()> {
        if let Some(value) = row.value {
            self.row(row.bucket, row.key, value);
        }
        ControlFlow::Continue(())
    }

    fn row(&mut self, bucket: &[u8], key: &[u8], value: &[u8]) {
        match bucket {
            b"meta" => match MetaKey::of(key) {
                MetaKey::ConsistentIndex => self.consistent_index = MetaKey::number(value),
                MetaKey::Term => self.term = MetaKey::number(value),
                MetaKey::StorageVersion => {
                    let kept = value.get(..VERSION_LIMIT).unwrap_or(value);
                    self.storage_version = Some(String::from_utf8_lossy(kept).into_owned());
                }
                MetaKey::FinishedCompactRev => self.compacted = Revision::decode(value),
                MetaKey::ConfState | MetaKey::ScheduledCompactRev | MetaKey::Other => {}
            },
            b"key" => {
                match StoreKey::decode(key) {
                    Some(key) => {
                        self.changes += 1;
                        self.deletions += u64::from(key.tombstone);
                        self.revision = self.revision.max(Some(key.revision));
                    }
                    None => self.odd_keys += 1,
                }
                self.odd_values += u64::from(!is_key_value(value));
            }
            _ => {}
        }
    }
}
