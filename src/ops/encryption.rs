//! Signs of encryption that stand outside the log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::formats::layout;
use crate::formats::mvcc::{RegistryKey, RegistryValue};
use crate::readers::EntryKind;
use crate::readers::keys::Keys;
use crate::readers::pebble::Store;
use crate::readers::pebble_scan::{Scan, separate};
use crate::readers::source::{Run, Source};

/// Where a sidecar stands by convention, seen from a group directory.
const SIDECARS: [&str; 3] = ["encryption/keys.json", "../encryption/keys.json", "../../encryption/keys.json"];
const REGISTRY_PREFIX: &[u8] = b"!encryption|writers|";

/// Last epoch seen of each writer, by key id and full node id. Empty when the store holds no registry, or cannot be read:
/// that is reported where the store is.
pub(super) fn registry(group: &Path, run: &Run<'_>) -> Result<BTreeMap<(u32, u64), u16>> {
    let mut rows = BTreeMap::new();
    let store = Store::open(&group.join(layout::STORE), run)?;
    let Ok(mut scan) = separate(Scan::new(&store, REGISTRY_PREFIX))? else { return Ok(rows) };
    while let Ok(true) = separate(scan.next())? {
        if !scan.key().starts_with(REGISTRY_PREFIX) {
            break;
        }
        if let (Some(key), Some(value)) = (RegistryKey::decode(scan.key()), RegistryValue::decode(scan.value())) {
            rows.insert((key.dek_id, value.node_id.0), value.last_epoch);
        }
    }
    Ok(rows)
}

/// Sidecar and KEK as the caller names them.
pub(super) fn keys(sidecar: Option<&Path>, kek: Option<&Path>, source: &dyn Source) -> Result<Option<Arc<Keys>>> {
    match (sidecar, kek) {
        (None, Some(_)) => {
            Err(Error::Usage("--kek: the keys that it opens are in the sidecar; give --sidecar as well".to_owned()))
        }
        (sidecar, kek) => Ok(sidecar.map(|sidecar| Arc::new(Keys::read(sidecar, kek, source)))),
    }
}

/// A sidecar in one of the usual places.
pub(super) fn sidecar_beside(group: &Path, source: &dyn Source) -> Option<String> {
    let found = SIDECARS.iter().map(|name| group.join(name)).find(|path| source.kind_at(path) == Some(EntryKind::File))?;
    Some(found.display().to_string())
}
