//! The newest snapshot of each group, and what stands above it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::formats::offload::Manifest;
use crate::readers::offload::{ManifestObject, OffloadStore};
use crate::types::{LogIndex, Term};

/// Why a manifest is looked at where only the newest are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the newest of its group, or none of its group can be it.
    Newest,
    /// It would be the newest of its group, and the server refuses it.
    Above,
}

/// The manifests to look at, by key: of each prefix and group the one with the highest index that the server accepts and that lies where it
/// says, and those above it. Where none is such a one, all of the group.
pub(super) fn newest(manifests: &[ManifestObject]) -> HashMap<&str, Place> {
    let mut groups: BTreeMap<(&str, Option<u64>), Vec<&ManifestObject>> = BTreeMap::new();
    for it in manifests {
        groups.entry((&it.prefix, it.group())).or_default().push(it);
    }
    let mut wanted = HashMap::new();
    for ((_, group), all) in groups {
        let best = all.iter().copied().filter(|it| at_home(it).is_some()).max_by_key(|it| position(it));
        for it in &all {
            let place = match best {
                Some(best) if best.key == it.key => Place::Newest,
                Some(best) if at_home(it).is_none() && position(it) > position(best) => Place::Above,
                Some(_) => continue,
                // Of which group it is nobody can say.
                None if group.is_none() => Place::Above,
                None => Place::Newest,
            };
            wanted.insert(it.key.as_str(), place);
        }
    }
    wanted
}

/// The payloads of the newest.
pub(super) fn payloads(store: &OffloadStore) -> BTreeSet<String> {
    let wanted = newest(&store.manifests);
    let newest = store.manifests.iter().filter(|it| wanted.get(it.key.as_str()) == Some(&Place::Newest));
    newest.filter_map(|it| OffloadStore::key_of(&it.read.manifest()?.payload.key)).collect()
}

/// The manifest, if it lies where it says.
fn at_home(it: &ManifestObject) -> Option<&Manifest> {
    it.read.manifest().filter(|manifest| manifest.is_at(&it.key))
}

/// Where a manifest stands in its group: as its key says, which is what a restore goes by, or else as it says itself.
fn position(it: &ManifestObject) -> Option<(LogIndex, Term)> {
    let said = || it.read.manifest().map(|manifest| (manifest.snapshot_index, manifest.snapshot_term));
    it.name.map(|name| (name.index, name.term)).or_else(said)
}
