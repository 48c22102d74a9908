//! The names in a store directory.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::formats::pebble::file_name::Marker;
use crate::formats::pebble::{FileNum, StoreFileName};
use crate::io::EntryKind;
use crate::readers::source::Source;

/// Name of the marker that names the current MANIFEST.
const MANIFEST_MARKER: &str = "manifest";
/// Name of the marker that holds the format major version.
const FORMAT_MARKER: &str = "format-version";
/// Name of the marker of the catalogue of remote objects.
const REMOTE_MARKER: &str = "remote-obj-catalog";

/// A file in a store directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: StoreFileKind,
}

/// What has the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFileKind {
    /// A regular file, or a link to one.
    Regular,
    /// A directory.
    Directory,
    /// A link to nothing.
    Dangling,
    /// A socket, a device, a queue.
    Special,
}

impl StoreFileKind {
    /// Why the system would not let it be read, in the words that the server passes on; `None` for what can be, or hangs.
    pub const fn system_words(self) -> Option<&'static str> {
        match self {
            Self::Directory => Some("is a directory"),
            Self::Dangling => Some("no such file or directory"),
            Self::Regular | Self::Special => None,
        }
    }
}

/// What stands in a store directory, sorted into kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreListing {
    /// `*.sst` by number.
    pub tables: BTreeMap<FileNum, StoreFile>,
    /// `*.log` by number and segment.
    pub logs: BTreeMap<(FileNum, u64), StoreFile>,
    /// Two names that mean the same segment of the same log; the server refuses to open such a store.
    pub duplicate_logs: Vec<String>,
    /// Names under which the server looks for a log and finds nothing, because the log is there under a name that only
    /// means the same, or is a link to nothing. In the order of logs.
    pub absent_logs: Vec<String>,
    /// `MANIFEST-*` by number.
    pub manifests: BTreeMap<FileNum, StoreFile>,
    /// `OPTIONS-*` by number.
    pub options: BTreeMap<FileNum, StoreFile>,
    /// `*.blob` by number.
    pub blobs: BTreeMap<FileNum, StoreFile>,
    /// The marker that counts, of each name.
    pub markers: BTreeMap<String, Marker>,
    /// Names of which two markers with one iteration say different things: which of them counts depends on the order in
    /// which the file system lists them.
    pub tied_markers: Vec<String>,
    /// Names that begin like markers and are none; the server refuses to open such a store.
    pub malformed_markers: Vec<String>,
    /// True if there is a `CURRENT` file.
    pub has_current: bool,
    /// `LOCK`, if there is one.
    pub lock: Option<StoreFile>,
    /// Number of entries of any kind.
    pub entries: usize,
}

impl StoreListing {
    /// Lists `dir`.
    pub fn read(dir: &Path, source: &dyn Source) -> Result<Self> {
        let mut listing = Self::default();
        let mut ties: BTreeMap<String, u64> = BTreeMap::new();
        for entry in source.list_sized(dir, &|name| !matches!(StoreFileName::parse(name), StoreFileName::Other))? {
            listing.entries += 1;
            let kind = match entry.kind {
                EntryKind::File => StoreFileKind::Regular,
                EntryKind::Directory => StoreFileKind::Directory,
                // The lock is made through such a link, if that can be.
                EntryKind::Nowhere if entry.name == "LOCK" && source.leads_into_a_directory(&dir.join(&entry.name)) => continue,
                EntryKind::Nowhere => StoreFileKind::Dangling,
                EntryKind::Other => StoreFileKind::Special,
            };
            let file = StoreFile { name: entry.name.clone(), size: entry.size, kind };
            match StoreFileName::parse(&entry.name) {
                StoreFileName::Table(number) => {
                    // Of two names with one number the server takes the one that it would write itself.
                    let canonical = entry.name == number.table_name();
                    if canonical || !listing.tables.contains_key(&number) {
                        listing.tables.insert(number, file);
                    }
                }
                StoreFileName::Log { number, segment } => {
                    if listing.logs.insert((number, segment), file).is_some() {
                        listing.duplicate_logs.push(entry.name);
                    }
                }
                StoreFileName::Manifest(number) => {
                    listing.manifests.insert(number, file);
                }
                StoreFileName::Options(number) => {
                    listing.options.insert(number, file);
                }
                StoreFileName::Blob(number) => {
                    listing.blobs.insert(number, file);
                }
                StoreFileName::Marker(marker) => match listing.markers.get(&marker.name) {
                    Some(newer) if newer.iteration > marker.iteration => {}
                    Some(other) if other.iteration == marker.iteration => {
                        if other.value != marker.value {
                            ties.insert(marker.name, marker.iteration);
                        }
                    }
                    _ => {
                        listing.markers.insert(marker.name.clone(), marker);
                    }
                },
                StoreFileName::MalformedMarker => listing.malformed_markers.push(entry.name),
                StoreFileName::Current => listing.has_current = true,
                StoreFileName::Lock => listing.lock = Some(file),
                StoreFileName::RemoteCatalog(_) | StoreFileName::Temporary | StoreFileName::Other => {}
            }
        }
        let logs = listing.logs.iter().filter_map(|(&(number, segment), file)| {
            let canonical = number.log_name(segment);
            (file.name != canonical || file.kind == StoreFileKind::Dangling).then_some(canonical)
        });
        listing.absent_logs = logs.collect();
        // A larger iteration decides all the same.
        let largest = |name: &String| listing.markers.get(name).map(|marker| marker.iteration);
        listing.tied_markers =
            ties.iter().filter(|&(name, &iteration)| largest(name) == Some(iteration)).map(|(name, _)| name.clone()).collect();
        Ok(listing)
    }

    /// What the marker says is the current MANIFEST.
    pub fn manifest_marker(&self) -> Option<&str> {
        self.markers.get(MANIFEST_MARKER).map(|marker| marker.value.as_str())
    }

    /// What the marker says is the format major version.
    pub fn format_marker(&self) -> Option<&str> {
        self.markers.get(FORMAT_MARKER).map(|marker| marker.value.as_str())
    }

    /// True if some tables may lie in remote storage.
    pub fn has_remote_catalog(&self) -> bool {
        self.markers.contains_key(REMOTE_MARKER)
    }

    /// Bytes of all tables.
    pub fn table_bytes(&self) -> u64 {
        self.tables.values().map(|file| file.size).sum()
    }
}
