//! The names in a store directory.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::formats::pebble::file_name::Marker;
use crate::formats::pebble::{FileNum, StoreFileName};
use crate::io::{EntryKind, list_dir};

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
    /// False for a directory or a special file of that name.
    pub regular: bool,
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
    /// `MANIFEST-*` by number.
    pub manifests: BTreeMap<FileNum, StoreFile>,
    /// `OPTIONS-*` by number.
    pub options: BTreeMap<FileNum, StoreFile>,
    /// `*.blob` by number.
    pub blobs: BTreeMap<FileNum, StoreFile>,
    /// The marker that counts, of each name.
    pub markers: BTreeMap<String, Marker>,
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
    pub fn read(dir: &Path) -> Result<Self> {
        let mut listing = Self::default();
        for entry in list_dir(dir)? {
            listing.entries += 1;
            let file = StoreFile { name: entry.name.clone(), size: entry.size, regular: entry.kind == EntryKind::File };
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
                    Some(newer) if newer.iteration >= marker.iteration => {}
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
