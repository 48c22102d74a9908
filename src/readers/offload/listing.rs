//! A store that is a list of objects: a bucket, told by whoever asked it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::facts::ObjectRead;
use super::store::{ManifestObject, ManifestRead, OffloadStore, PayloadObject, RecordedDigest, Temporary};
use crate::formats::offload::{KeyKind, ManifestName};
use crate::types::UnixMillis;

/// An object as a listing names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedObject<'k> {
    /// Its key, from the root of the bucket.
    pub key: &'k str,
    /// Length in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
}

impl OffloadStore {
    /// A store of which nothing is known yet. It goes by `root` in reports, where paths are made of it; keys below it begin with `base`,
    /// which is empty for a whole bucket and ends with a slash otherwise.
    pub fn listed(root: impl Into<PathBuf>, base: &str) -> Self {
        Self { root: root.into(), base: base.to_owned(), ..Self::default() }
    }

    /// Takes an object of the listing. True when it lies where manifests lie: what it holds has to be told by
    /// [`Self::tell_manifest`].
    pub fn take(&mut self, object: ListedObject<'_>) -> bool {
        let ListedObject { key, size, modified } = object;
        match KeyKind::of(key) {
            KeyKind::Manifest { prefix, name } => {
                self.manifests.push(unfetched(key, prefix, name, size, modified));
                return true;
            }
            KeyKind::Payload { digest, .. } => {
                let it = PayloadObject { digest, listed: true, modified, read: ObjectRead::NotAsked, recorded: None };
                self.payloads.insert(key.to_owned(), it);
            }
            KeyKind::Temporary => self.temporaries.push(Temporary { key: key.to_owned(), size, linked: None }),
            KeyKind::Foreign => self.foreign.push(key.to_owned()),
        }
        false
    }

    /// What the manifest with that number, in the order of the listing, holds, and the digest that the store keeps beside it.
    pub fn tell_manifest(&mut self, number: usize, read: ManifestRead, recorded: Option<RecordedDigest>) {
        if let Some(manifest) = self.manifests.get_mut(number) {
            (manifest.read, manifest.recorded) = (read, recorded);
        }
    }

    /// The listing broke off, so that nobody knows what else there is; `why` in the words of whoever did not deliver it.
    pub fn broke_off(&mut self, why: String) {
        self.unlisted.push((self.base.clone(), why));
    }

    /// Everything is told. What manifests name and the listing does not have is absent, unless the listing broke off. Returns the keys
    /// of those, since a listing and an object may be of different times.
    pub fn settle(&mut self) -> BTreeSet<String> {
        self.manifests.sort_by(|a, b| a.key.cmp(&b.key));
        let broken = self.unlisted.first().map(|(_, why)| format!("the listing broke off: {why}"));
        let named: BTreeSet<String> =
            self.manifests.iter().filter_map(|it| Self::key_of(&it.read.manifest()?.payload.key)).collect();
        let unlisted: BTreeSet<String> = named.into_iter().filter(|key| !self.payloads.contains_key(key)).collect();
        for key in &unlisted {
            let digest = match KeyKind::of(key) {
                KeyKind::Payload { digest, .. } => digest,
                _ => None,
            };
            let read = match &broken {
                Some(why) if self.is_within(key) => ObjectRead::Unreadable(why.clone()),
                _ => ObjectRead::Absent,
            };
            let it = PayloadObject { digest, listed: false, modified: None, read, recorded: None };
            self.payloads.insert(key.clone(), it);
        }
        unlisted
    }
}

fn unfetched(key: &str, prefix: String, name: Option<ManifestName>, size: u64, modified: Option<UnixMillis>) -> ManifestObject {
    let read = ManifestRead::Unreadable("it was not fetched".to_owned());
    ManifestObject { key: key.to_owned(), prefix, name, size, modified, read, recorded: None }
}
