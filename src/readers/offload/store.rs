//! Everything in a store: manifests decoded, payloads listed, and what belongs to neither.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::facts::ObjectRead;
use super::object::read_object;
use crate::error::Result;
use crate::formats::offload::{KeyKind, Manifest, ManifestName, ManifestRefusal, normalize_key};
use crate::io::{IoOptions, side_by_side};
use crate::readers::Depth;
use crate::readers::source::{Run, Source};
use crate::types::{Sha256Sum, UnixMillis};

/// Why a manifest that was read cannot be judged any more.
pub const REMOVED: &str = "it was removed while the store was read";

/// A store, as far as it was read.
#[derive(Debug, Clone, Default)]
pub struct OffloadStore {
    /// The directory, as the caller named it.
    pub root: PathBuf,
    /// What the directory itself stands for in the keys of the store, with a slash at the end; empty for the root of it. A copy
    /// of a part of a bucket has such a part missing in its paths.
    pub base: String,
    /// By key.
    pub manifests: Vec<ManifestObject>,
    /// By key: those that lie where payloads lie, and those that a manifest names.
    pub payloads: BTreeMap<String, PayloadObject>,
    /// What writers left half done.
    pub temporaries: Vec<Temporary>,
    /// Objects and other entries of no known kind, by key.
    pub foreign: Vec<String>,
    /// Directories that could not be listed, by key, and why.
    pub unlisted: Vec<(String, String)>,
    /// True when only one manifest was asked for.
    pub only_manifest: bool,
}

/// An object where manifests lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestObject {
    /// Its key in the store.
    pub key: String,
    /// What stands before `v1/` in the key.
    pub prefix: String,
    /// What the key says, when it is what the server writes.
    pub name: Option<ManifestName>,
    /// Length in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
    /// What it holds.
    pub read: ManifestRead,
    /// The digest that the store keeps beside it; a directory keeps none.
    pub recorded: Option<RecordedDigest>,
}

impl ManifestObject {
    /// The group, as the manifest says, or else its key.
    pub fn group(&self) -> Option<u64> {
        self.read.manifest().map(|manifest| manifest.group_id).or(self.name.map(|name| name.group))
    }
}

/// What a manifest object holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestRead {
    /// A manifest that the server accepts, but for its place.
    Accepted {
        /// The manifest.
        manifest: Box<Manifest>,
        /// The bytes are the ones that the server writes for it.
        as_written: bool,
    },
    /// One that it refuses.
    Refused(ManifestRefusal),
    /// A directory, a FIFO, a device.
    NotRegular,
    /// It cannot be read; the system's words.
    Unreadable(String),
    /// It changed every time it was read.
    Unsettled,
}

/// A payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadObject {
    /// The digest in its key, when the key is what the server writes.
    pub digest: Option<Sha256Sum>,
    /// True when it lies where payloads lie.
    pub listed: bool,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
    /// What is in it.
    pub read: ObjectRead,
    /// The digest that the store keeps beside it; a directory keeps none.
    pub recorded: Option<RecordedDigest>,
}

/// What a publisher wrote beside an object: the metadata `elastickv-sha256`, as the server's `s3MetadataSHA` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedDigest {
    /// SHA-256 of the bytes of the object.
    Sha256(Sha256Sum),
    /// A text that is none; the server cannot read such an object.
    Invalid,
}

impl RecordedDigest {
    /// From the text; `None` for blanks, which say nothing.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Sha256Sum::parse(text).map_or(Self::Invalid, Self::Sha256))
    }
}

impl PayloadObject {
    /// Its length in bytes, if it was looked at.
    pub fn size(&self) -> Option<u64> {
        match &self.read {
            ObjectRead::Object(facts) => Some(facts.size),
            _ => None,
        }
    }
}

/// What a writer left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Temporary {
    /// Its key.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// The object that is the same file under its final name.
    pub linked: Option<String>,
}

impl OffloadStore {
    /// True when a key lies in what was named.
    pub fn is_within(&self, key: &str) -> bool {
        key.starts_with(&self.base)
    }

    /// The path of a key, if it lies in the directory. The key is one of [`Self::key_of`].
    pub fn path_of(&self, key: &str) -> Option<PathBuf> {
        Some(self.root.join(key.strip_prefix(&self.base)?))
    }

    /// A key as it is used here: as the server does, and further slashes at its start, which mean nothing in a directory, taken
    /// off. `None` for a key that names nothing in a store.
    pub fn key_of(key: &str) -> Option<String> {
        normalize_key(key).map(|clean| clean.trim_start_matches('/').to_owned()).filter(|clean| !clean.is_empty())
    }

    /// Reads the payloads with these keys, several at a time.
    pub fn read_payloads(&mut self, keys: &BTreeSet<String>, depth: Depth, options: IoOptions, run: &Run<'_>) -> Result<()> {
        let work: Vec<&String> = keys.iter().filter(|key| self.payloads.contains_key(*key)).collect();
        // One pass cannot be divided, since a digest depends on all bytes before; several payloads can.
        let lanes = options.lanes(work.len());
        let each = if lanes > 1 { IoOptions { threads: 1, ..options } } else { options };
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let done = Mutex::new(Vec::with_capacity(work.len()));
        side_by_side(lanes, || {
            while let Some(key) = work.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                let Some(path) = self.path_of(key) else { continue };
                let size = run.source.openable_size(&path);
                match read_object(&path, depth.examine(size), &each, run) {
                    Ok(read) => done.lock().unwrap_or_else(PoisonError::into_inner).push((key, read)),
                    Err(error) => {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        next.store(work.len(), Ordering::Relaxed);
                    }
                }
            }
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        for (key, read) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(payload) = self.payloads.get_mut(key) {
                payload.read = read;
            }
        }
        for number in self.naming_absent() {
            let path = self.manifests.get(number).and_then(|manifest| self.path_of(&manifest.key));
            if path.is_some_and(|path| run.source.kind_at(&path).is_none()) {
                self.withdraw(number, REMOVED.to_owned());
            }
        }
        Ok(())
    }

    /// The manifests, by number, whose payload is not there. Whoever cleans up removes the manifest first and then the payload: only of
    /// a manifest that still stands something is missing, so that these have to be looked for once more.
    pub fn naming_absent(&self) -> Vec<usize> {
        let absent = |manifest: &Manifest| {
            let Some(key) = Self::key_of(&manifest.payload.key) else { return false };
            let is_absent = self.payloads.get(&key).is_some_and(|payload| payload.read == ObjectRead::Absent);
            is_absent && self.is_within(&key)
        };
        let numbered = self.manifests.iter().enumerate();
        numbered.filter(|(_, it)| it.read.manifest().is_some_and(absent)).map(|(number, _)| number).collect()
    }

    /// The manifest with that number was read, and nobody knows that it is still there; `why`.
    pub fn withdraw(&mut self, number: usize, why: String) {
        if let Some(manifest) = self.manifests.get_mut(number) {
            manifest.read = ManifestRead::Unreadable(why);
        }
    }

    /// Finds out which part of a store this is, and turns places below the directory into keys.
    pub(super) fn place(&mut self, source: &dyn Source) {
        self.base = self.vote();
        let base = &self.base;
        for manifest in &mut self.manifests {
            manifest.key.insert_str(0, base);
            manifest.prefix.insert_str(0, base);
        }
        let payloads = std::mem::take(&mut self.payloads);
        self.payloads = payloads.into_iter().map(|(key, it)| (format!("{base}{key}"), it)).collect();
        let named = self.temporaries.iter_mut().flat_map(|it| std::iter::once(&mut it.key).chain(it.linked.as_mut()));
        let others = self.foreign.iter_mut().chain(self.unlisted.iter_mut().map(|(key, _)| key));
        named.chain(others).for_each(|key| key.insert_str(0, base));
        self.find_named(source);
    }

    /// Payloads that a manifest names and that do not lie where payloads lie, or not at all.
    fn find_named(&mut self, source: &dyn Source) {
        let named: BTreeSet<String> =
            self.manifests.iter().filter_map(|it| Self::key_of(&it.read.manifest()?.payload.key)).collect();
        for key in named {
            let path = self.path_of(&key);
            if self.payloads.contains_key(&key) {
                continue;
            }
            let digest = match KeyKind::of(&key) {
                KeyKind::Payload { digest, .. } => digest,
                _ => None,
            };
            let modified = path.as_deref().and_then(|path| source.modified_at(path));
            let read = if path.is_some() { ObjectRead::NotAsked } else { ObjectRead::Absent };
            self.payloads.insert(key, PayloadObject { digest, listed: false, modified, read, recorded: None });
        }
    }

    /// What the manifests say that stands before their place. Whoever is where it says that it is decides for the root.
    fn vote(&self) -> String {
        let mut votes: HashMap<&str, usize> = HashMap::new();
        let placed = |it: &'_ ManifestObject| Some((it.key.clone(), normalize_key(&it.read.manifest()?.manifest_key)?));
        let cleaned: Vec<_> = self.manifests.iter().filter_map(placed).collect();
        for (place, key) in &cleaned {
            match key.strip_suffix(place.as_str()) {
                Some("") => return String::new(),
                Some(before) if before.ends_with('/') => *votes.entry(before).or_default() += 1,
                _ => {}
            }
        }
        let most = votes.into_iter().max_by_key(|(before, count)| (*count, std::cmp::Reverse(*before)));
        most.map(|(before, _)| before.to_owned()).unwrap_or_default()
    }
}

impl ManifestRead {
    /// From the bytes of the object, all of them.
    pub fn of(bytes: &[u8]) -> Self {
        match Manifest::decode(bytes) {
            Ok(manifest) => {
                let as_written = manifest.canonical().as_bytes() == bytes;
                Self::Accepted { manifest: Box::new(manifest), as_written }
            }
            Err(refusal) => Self::Refused(refusal),
        }
    }

    /// The manifest, if the server accepts it.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Accepted { manifest, .. } => Some(manifest),
            _ => None,
        }
    }
}
