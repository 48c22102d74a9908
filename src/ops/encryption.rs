//! Signs of encryption that stand outside the log.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::readers::EntryKind;
use crate::readers::keys::Keys;
use crate::readers::source::Source;

/// Where a sidecar stands by convention, seen from a group directory.
const SIDECARS: [&str; 3] = ["encryption/keys.json", "../encryption/keys.json", "../../encryption/keys.json"];

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
