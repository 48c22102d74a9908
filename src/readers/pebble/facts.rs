//! What opening a store showed: plain facts, without a judgement.

use std::collections::BTreeMap;
use std::path::Path;

use super::found::{KeyState, TableDamage, TableTrouble};
use super::listing::StoreListing;
use super::logs::LogFacts;
use super::manifest::ManifestFacts;
use crate::formats::mvcc::{MetaKey, meta_value};
use crate::formats::pebble::{FileNum, NewTable, RecordsEnd, SeqNum, StoreFileName, StoreOptions, Version};
use crate::readers::pebble_survey::SurveyOutcome;

/// Whether there is a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StorePresence {
    /// Nothing has that name.
    #[default]
    Absent,
    /// Something other than a directory has it.
    NotADirectory,
    /// A link to nothing has it: it is not there, and cannot be made either.
    Nowhere,
    /// There is a directory.
    Directory,
}

/// Whether a process holds the store's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writer {
    /// No process of this machine that can be seen does.
    #[default]
    NotSeen,
    /// One does.
    Alive,
    /// The system would not say.
    Unknown,
}

/// The format major version, from its marker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FormatMarker {
    /// There is no marker.
    #[default]
    Missing,
    /// The marker's value is no number.
    Malformed(String),
    /// The version.
    Version(u64),
}

impl FormatMarker {
    /// From a listing.
    pub(super) fn of(listing: &StoreListing) -> Self {
        match listing.format_marker() {
            None | Some("") => Self::Missing,
            Some(value) if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                value.parse().map_or_else(|_| Self::Malformed(value.to_owned()), Self::Version)
            }
            Some(value) => Self::Malformed(value.to_owned()),
        }
    }
}

/// The current MANIFEST.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ManifestFact {
    /// No marker names one: as far as the server is concerned there is no store yet.
    #[default]
    NoMarker,
    /// The marker's value is no file name.
    MalformedMarker(String),
    /// The marker names a file that is not there.
    FileMissing(String),
    /// A directory has its name.
    IsDirectory(String),
    /// It could not be read.
    Unreadable {
        /// The file.
        name: String,
        /// The system's words.
        problem: String,
    },
    /// It was read.
    Read(Box<ManifestFacts>),
}

/// The newest OPTIONS file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsFact {
    /// The file's name.
    pub name: String,
    /// What it holds.
    pub result: OptionsResult,
}

/// What an OPTIONS file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionsResult {
    /// Lines that the server accepts.
    Parsed(StoreOptions),
    /// A line that it does not.
    Refused {
        /// Offset of the line.
        at: u64,
        /// The server's text.
        text: String,
    },
    /// Something else has its name, and the server's attempt to read it ends the start with this text.
    NotAFile(String),
    /// It could not be read.
    Unreadable(String),
}

/// A table file that is not what the MANIFEST says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableFileFact {
    /// The level of the table that refers to it.
    pub level: usize,
    /// The file's number.
    pub number: FileNum,
    /// The size that the MANIFEST records.
    pub expected: u64,
    /// The size that it has, if it is there.
    pub found: Option<u64>,
}

/// How far the tables were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StoreCheck {
    /// Nothing of the store is read.
    None,
    /// The blocks on the way to the meta keys, as the lookup of a start reads them.
    #[default]
    Meta,
    /// Every block of every live table.
    Full,
}

/// The writer registry of a store: the last epoch of each writer, by key id and full node id.
pub type Registry = BTreeMap<(u32, u64), u16>;

/// What the store says about one of its own keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaFact {
    /// The key.
    pub key: MetaKey,
    /// Its newest state.
    pub state: KeyState,
}

impl MetaFact {
    /// The number; a value that is too short counts as none.
    pub fn number(&self) -> Option<u64> {
        let KeyState::Value(found) = &self.state else { return None };
        meta_value(&found.value)
    }
}

/// Tables that the logs add and that are not there which are told one by one: the first ends every start.
pub const MISSING_KEPT: usize = 1000;

/// What reading every block of the tables showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockFacts {
    /// Files read.
    pub tables: u64,
    /// Bytes read and checked.
    pub bytes: u64,
    /// What is wrong, file by file.
    pub damage: Vec<TableDamage>,
    /// Problems of files with very many, which are only counted.
    pub damage_left_out: u64,
    /// Tables that the logs add and that are not there, beyond the first [`MISSING_KEPT`] of them, which are only counted.
    pub missing_left_out: u64,
    /// For each damaged table what a walk over all its records meets first, if it meets anything; where range deletions let a
    /// walk over the whole store leap over blocks, what that meets first.
    pub met_by_scan: Vec<TableDamage>,
    /// What became of reading each file.
    pub outcomes: BTreeMap<FileNum, SurveyOutcome>,
}

/// A store directory as facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreFacts {
    /// The directory's name, `fsm.db` as a rule.
    pub name: String,
    /// Whether there is one.
    pub presence: StorePresence,
    /// Its names.
    pub listing: StoreListing,
    /// Whether a process has it open.
    pub writer: Writer,
    /// True if nothing changed while it was read.
    pub stable: bool,
    /// How often it was read.
    pub attempts: u32,
    /// Its format major version.
    pub format: FormatMarker,
    /// Its MANIFEST.
    pub manifest: ManifestFact,
    /// Where no marker leads to a MANIFEST: the highest one that decodes to its end and whose tables are all there.
    pub fitting_manifest: Option<String>,
    /// Its newest OPTIONS file.
    pub options: Option<OptionsFact>,
    /// Number of files that the version refers to.
    pub live_tables: u64,
    /// Bytes of the files that the version refers to.
    pub live_bytes: u64,
    /// Files of the version that are missing or have another size.
    pub wrong_tables: Vec<TableFileFact>,
    /// Tables that the logs add and that are not there.
    pub missing_ingests: Vec<FileNum>,
    /// Table files that the version does not refer to.
    pub unreferenced_tables: Vec<FileNum>,
    /// Logs that are replayed, oldest first.
    pub logs: Vec<LogFacts>,
    /// The next sequence number that the server would give away. It sees only records with smaller numbers.
    pub next_seq: SeqNum,
    /// First and last user key of what the logs hold: the bounds of the table that a start makes of it.
    pub replayed_bounds: Option<(Vec<u8>, Vec<u8>)>,
    /// Logs below the smallest number that counts.
    pub obsolete_logs: Vec<FileNum>,
    /// A log in whose place a directory stands; the server stops there.
    pub log_directory: Option<String>,
    /// Logs that could not be read, with the system's words.
    pub unreadable_logs: Vec<(FileNum, String)>,
    /// The server's own keys; empty unless they were looked up.
    pub meta: Vec<MetaFact>,
    /// True if the newest applied index was written, one entry after another, behind the newest commit timestamp. A restore writes the
    /// rows of a payload in the order of their keys, and the commit timestamp last; so the store has applied entries of a log since.
    pub applied_by_entries: bool,
    /// Last epoch of each writer that the registry names, by key id and full node id, as far as its rows could be read: damage on the
    /// way is told where the store is judged. Empty unless the server's keys were looked up.
    pub registry: Registry,
    /// What reading all blocks showed, if that was done.
    pub blocks: Option<BlockFacts>,
}

impl StoreFacts {
    pub(super) fn new(dir: &Path) -> Self {
        let name = dir.file_name().map_or_else(|| dir.display().to_string(), |name| name.to_string_lossy().into_owned());
        Self { name, ..Self::default() }
    }

    /// True if a directory changed during every attempt to read it.
    pub fn is_moving(&self) -> bool {
        self.attempts > 0 && !self.stable && self.presence == StorePresence::Directory
    }

    /// The version that the MANIFEST adds up to.
    pub fn version(&self) -> Option<&Version> {
        match &self.manifest {
            ManifestFact::Read(manifest) => Some(&manifest.version),
            _ => None,
        }
    }

    /// The MANIFEST, if it was read.
    pub fn manifest_facts(&self) -> Option<&ManifestFacts> {
        match &self.manifest {
            ManifestFact::Read(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// True if there is anything that a creation in progress would not have made yet.
    pub fn has_content(&self) -> bool {
        self.version().is_some_and(|version| version.table_count() > 0) || self.logs.iter().any(|log| log.batches > 0)
    }

    /// True if no log counts although the store has been opened before: an open creates a log before it writes OPTIONS,
    /// and neither goes away before there is a newer one.
    pub fn lost_every_log(&self) -> bool {
        self.options.is_some()
            && !self.opening_was_interrupted()
            && self.manifest_facts().is_some()
            && self.logs.is_empty()
            && self.unreadable_logs.is_empty()
            && self.log_directory.is_none()
            && self.listing.absent_logs.is_empty()
            && self.presence == StorePresence::Directory
    }

    /// True if the last open was killed between the switch to its MANIFEST and the making of its log: what the old log held
    /// is in a table by then, the old log is still there, and the OPTIONS of that open are not.
    fn opening_was_interrupted(&self) -> bool {
        let manifest = self.manifest_facts().and_then(|manifest| match StoreFileName::parse(&manifest.name) {
            StoreFileName::Manifest(number) => Some(number),
            _ => None,
        });
        let options = self.listing.options.keys().next_back();
        !self.obsolete_logs.is_empty() && options.is_some_and(|options| manifest.is_some_and(|manifest| *options < manifest))
    }

    /// True for the number of a log whose records are in no table yet, and of which there is no file. A file is used again
    /// only for a log whose records are.
    pub fn still_counts(&self, low_number: u32) -> bool {
        let number = FileNum(u64::from(low_number));
        // What an older use of the file left may begin anywhere, so that any bytes may stand where a number would.
        let newest = self.listing.logs.keys().map(|&(listed, _)| listed).max().unwrap_or_default();
        self.version().is_some_and(|version| number >= version.min_unflushed_log && number < version.next_file.max(newest))
            && !self.listing.logs.keys().any(|&(listed, _)| listed.0 & u64::from(u32::MAX) == number.0)
    }

    /// Tables with records that the server would not see, because the MANIFEST does not account for their numbers. A
    /// MANIFEST that is whole always does.
    pub fn hidden_tables(&self) -> impl Iterator<Item = &NewTable> {
        self.version().into_iter().flat_map(Version::tables).filter(|table| table.largest_seq >= self.next_seq)
    }

    /// Why a table that a log adds cannot be added, in the words of the server.
    pub fn ingest_refusal(&self) -> Option<String> {
        let missing = self.missing_ingests.first()?;
        Some(format!(
            "pebble: error when opening flushable ingest files: file {missing} (type sstable) unknown to the objstorage provider: file \
             does not exist"
        ))
    }

    /// The first log at which the server would give up, and why.
    pub fn log_refusal(&self) -> Option<(&LogFacts, String)> {
        let newest = self.listing.logs.keys().next_back().map(|(number, _)| *number);
        self.logs.iter().find_map(|log| {
            if let Some(failure) = &log.failure {
                return Some((log, failure.text.clone()));
            }
            // Only the last segment of a log has to end well, and of the newest log not even that.
            let last_segment = self.listing.logs.range((log.number, 0)..=(log.number, u64::MAX)).next_back();
            if last_segment.is_some_and(|((_, segment), _)| *segment != log.segment) || log.stopped_at_ingest {
                return None;
            }
            match log.end {
                RecordsEnd::Corrupt { .. } => {
                    Some((log, "pebble: error when replaying WAL: pebble/record: invalid chunk".to_owned()))
                }
                RecordsEnd::Unclean { .. } if Some(log.number) != newest => {
                    Some((log, "pebble: error when replaying WAL: pebble/record: unexpected EOF".to_owned()))
                }
                _ => None,
            }
        })
    }

    /// True if a table that was to be read is no longer there although the directory was listed with it.
    pub(super) fn vanished(&self) -> bool {
        let damage = self.meta.iter().filter_map(|meta| match &meta.state {
            KeyState::Unreadable(damage) => Some(damage),
            _ => None,
        });
        let blocks = self.blocks.iter().flat_map(|blocks| blocks.damage.iter());
        damage
            .chain(blocks)
            .any(|damage| damage.trouble == TableTrouble::Missing && self.listing.tables.contains_key(&damage.table))
    }

    /// True if something here would be damage in a store that nobody writes to.
    pub(super) fn looks_damaged(&self) -> bool {
        let manifest = match &self.manifest {
            ManifestFact::Read(manifest) => manifest.failure.is_some() || manifest.end.defect().is_some(),
            ManifestFact::NoMarker => false,
            _ => true,
        };
        let meta = self.meta.iter().any(|meta| matches!(meta.state, KeyState::Unreadable(_)));
        let gap = self.logs.iter().any(|log| log.gap.is_some());
        manifest || meta || gap || self.log_refusal().is_some() || !self.wrong_tables.is_empty()
    }
}
