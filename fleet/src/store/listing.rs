//! Everything that a store lists below a prefix.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use ekv_tool::types::UnixMillis;
use futures_util::StreamExt as _;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore};

use super::{Store, Trouble};

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key, from the root of the bucket.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
    /// What names its bytes as long as nobody writes it anew.
    pub e_tag: Option<String>,
}

impl From<ObjectMeta> for Listed {
    fn from(meta: ObjectMeta) -> Self {
        let modified = u64::try_from(meta.last_modified.timestamp_millis()).ok().map(UnixMillis);
        Self { key: meta.location.into(), size: meta.size, modified, e_tag: meta.e_tag.filter(|tag| !tag.is_empty()) }
    }
}

/// A store that lists more is not believed: memory holds so many.
pub const MAX_OBJECTS: usize = 4_000_000;

impl Store {
    /// Hands every object of the listing to `each`, in the order of the store. `Err` with what broke the listing off; what came before
    /// was handed over.
    pub async fn list(&self, objects: &dyn ObjectStore, mut each: impl FnMut(Listed)) -> Result<(), Trouble> {
        let prefix = Key::parse(&self.base).map_err(|error| Trouble::of(&error.into()))?;
        let prefix = (!self.base.is_empty()).then_some(prefix);
        let mut stream = objects.list(prefix.as_ref());
        let (mut seen, hash) = (HashSet::new(), RandomState::new());
        loop {
            // Pages without objects can go on for ever.
            let next = tokio::time::timeout(self.limits.patience(), stream.next());
            let Ok(next) = next.await else {
                return Err(Trouble::Failed("the store lists nothing more and does not end the listing".to_owned()));
            };
            let object = match next {
                None => return Ok(()),
                Some(Err(error)) => return Err(Trouble::of(&error)),
                Some(Ok(meta)) => Listed::from(meta),
            };
            if !object.key.starts_with(&self.base) {
                return Err(Trouble::Failed("the store lists keys that were not asked for".to_owned()));
            }
            if !seen.insert(hash.hash_one(&object.key)) {
                return Err(Trouble::Failed("the store lists a key twice".to_owned()));
            }
            if seen.len() > MAX_OBJECTS {
                return Err(Trouble::Failed(format!("the store lists more than {MAX_OBJECTS} objects")));
            }
            each(object);
        }
    }
}
