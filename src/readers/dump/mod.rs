//! Dumps of the server's offline tools: a directory, or an archive of one, read once.

mod archive;
mod dir;
mod ledger;
mod names;

use std::collections::BTreeSet;
use std::path::Path;

pub use archive::{DumpStop, DumpStopReason, examine_dump_archive, read_dump_archive};
pub use dir::read_dump_dir;
pub use ledger::{BadLine, Differing, LineProblem};

use crate::formats::detect::{FileKind, kind_of_name};
use crate::formats::dump::{ADAPTERS, CHECKSUMS, HEAD, MANIFEST, begins_a_dump, is_named_as_archive};
use crate::formats::unpack::Packing;
use crate::formats::zstd::{Unzstd, ZSTD_MAGIC};
use crate::io::EntryKind;
use crate::readers::is_group;
use crate::readers::source::Source;

/// Things of a kind that are kept; the rest is counted.
const KEPT: usize = 64;

/// How a dump lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// As a directory.
    Directory,
    /// As a tar.
    Tar,
    /// As a tar in Zstandard.
    TarZstd,
}

/// The first few of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T> {
    /// The first.
    pub kept: Vec<T>,
    /// How many more there are.
    pub more: u64,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), more: 0 }
    }
}

impl<T> Few<T> {
    fn push(&mut self, value: impl FnOnce() -> T) {
        if self.kept.len() < KEPT {
            self.kept.push(value());
        } else {
            self.more += 1;
        }
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.more + self.kept.len() as u64
    }
}

/// A file at the root of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RootFile {
    /// It is not there.
    #[default]
    Absent,
    /// Something that is no file has its name.
    NotRegular,
    /// More than is held; why.
    TooLarge(String),
    /// Its bytes.
    Bytes(Vec<u8>),
}

/// Why the tools do not take an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryFault {
    /// Its path leads out of the dump.
    Unsafe,
    /// It is neither a file nor a directory: the tar's type flag, or what it is in words.
    Kind(String),
    /// Another entry has its name.
    Twice,
    /// A file stands where a directory has to be: itself, or one above it.
    BelowFile,
    /// More entries than they unpack.
    TooMany,
    /// More bytes than they unpack.
    TooLarge {
        /// Bytes that it should have.
        size: u64,
        /// Bytes that are left of the budget.
        left: u64,
    },
}

/// An entry that the tools do not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEntry {
    /// Its name.
    pub name: String,
    /// Offset of its header in the tar.
    pub at: Option<u64>,
    /// Why.
    pub fault: EntryFault,
}

/// A dump, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpFacts {
    /// How it lies there.
    pub container: Container,
    /// Bytes of the archive, or of all files of the directory.
    pub size: u64,
    /// Directories in it.
    pub directories: u64,
    /// Files in it.
    pub files: u64,
    /// Bytes of its files.
    pub content_bytes: u64,
    /// `MANIFEST.json`.
    pub manifest: RootFile,
    /// `CHECKSUMS`; its bytes are not kept.
    pub checksums: RootFile,
    /// Its lines that name a file.
    pub lines: u64,
    /// The first line, by number, that the tools do not pass.
    pub first_bad_line: Option<BadLine>,
    /// Lines that are none.
    pub bad_lines: Few<BadLine>,
    /// Files with another digest than their line says.
    pub differing: Few<Differing>,
    /// Files that a line names and that are not there.
    pub missing: Few<String>,
    /// Files that no line names.
    pub unlisted: Few<String>,
    /// Entries that the tools do not take.
    pub refused: Few<RefusedEntry>,
    /// Files that could not be compared, and why.
    pub unread: Few<(String, String)>,
    /// Why reading ended before the end.
    pub stop: Option<DumpStop>,
    /// Bytes behind the archive's end, inside the compression, as far as they were read, and whether all of them are zero.
    pub behind: (u64, bool),
    /// Adapters that have files.
    pub adapters: BTreeSet<String>,
    /// Databases of `redis` that have files.
    pub databases: BTreeSet<u64>,
    /// A file of keys with a time to live.
    pub ttl: Option<String>,
    /// True when it is another one now than it was when it was opened.
    pub changed: bool,
}

impl DumpFacts {
    fn new(container: Container, size: u64) -> Self {
        Self {
            container,
            size,
            directories: 0,
            files: 0,
            content_bytes: 0,
            manifest: RootFile::Absent,
            checksums: RootFile::Absent,
            lines: 0,
            first_bad_line: None,
            bad_lines: Few::default(),
            differing: Few::default(),
            missing: Few::default(),
            unlisted: Few::default(),
            refused: Few::default(),
            unread: Few::default(),
            stop: None,
            behind: (0, true),
            adapters: BTreeSet::new(),
            databases: BTreeSet::new(),
            ttl: None,
            changed: false,
        }
    }

    /// Takes note of what a path says by itself.
    fn note_path(&mut self, path: &str) {
        let mut parts = path.split('/');
        let Some(adapter) = parts.next().filter(|name| ADAPTERS.contains(name)) else { return };
        if !self.adapters.contains(adapter) {
            self.adapters.insert(adapter.to_owned());
        }
        if adapter == "redis" {
            if let Some(database) = parts.next().and_then(|part| part.strip_prefix("db_")?.parse().ok())
                && self.databases.len() < KEPT
            {
                self.databases.insert(database);
            }
            if self.ttl.is_none() && path.ends_with("_ttl.jsonl") {
                self.ttl = Some(path.to_owned());
            }
        }
    }
}

/// What a path has to do with dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpPlace {
    /// It is the directory of one.
    Directory,
    /// It is an archive of one, or has the name of one.
    Archive,
}

/// True for one file of another kind that somebody compressed, by its name or by what its first bytes unpack to.
fn is_packed_alone(name: &str, head: &[u8]) -> bool {
    let inner = Packing::Zstd.endings().iter().find_map(|ending| name.strip_suffix(ending));
    let promised = inner.and_then(kind_of_name).is_some_and(|(kind, _)| kind != FileKind::DumpArchive);
    promised || (!begins_a_dump(head) && Unzstd::new(head).read(&mut [0; 512]).is_ok_and(|read| read > 0))
}

/// Finds out; `None` for nothing.
pub fn find_dump(path: &Path, source: &dyn Source) -> Option<DumpPlace> {
    match source.kind_at(path)? {
        EntryKind::Directory => {
            let entries = source.list_kinds(path).ok()?;
            let file = |name: &str| entries.iter().any(|entry| entry.kind == EntryKind::File && entry.name == name);
            let adapter = entries.iter().any(|it| it.kind == EntryKind::Directory && ADAPTERS.contains(&it.name.as_str()));
            let both = file(MANIFEST) && (file(CHECKSUMS) || adapter) || file(CHECKSUMS) && adapter;
            (both && !is_group(&entries)).then_some(DumpPlace::Directory)
        }
        EntryKind::File => {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let head = source.open(path).ok()?.read_at(0, HEAD).ok()?;
            // No payload of a node begins as Zstandard does, be it as damaged as it may.
            let compressed = head.starts_with(&ZSTD_MAGIC) && !is_packed_alone(&name, &head);
            (is_named_as_archive(&name) || compressed || begins_a_dump(&head)).then_some(DumpPlace::Archive)
        }
        EntryKind::Other | EntryKind::Nowhere => None,
    }
}
