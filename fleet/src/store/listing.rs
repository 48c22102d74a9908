//! Everything that a store lists below a prefix.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Debug};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use ekv_tool::types::UnixMillis;
use futures_util::{StreamExt as _, stream};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore};

use super::trouble::odd_key;
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

/// An ETag as the header of an answer has it and as `If-Match` takes it (RFC 9110, 8.8.3). The listing of Azure leaves out the quotes.
fn quoted(tag: String) -> String {
    if tag.ends_with('"') { tag } else { format!("\"{tag}\"") }
}

/// A store that lists more is not believed: memory holds so many.
pub const MAX_OBJECTS: usize = 4_000_000;
/// Pages without a key, one behind the other, of a listing that is still believed to end.
const MAX_EMPTY: usize = 1000;

/// Keys of a listing that are no paths; of a store that lists more the rest is not known.
const MAX_ODD: usize = 10_000;
/// Keys of a page, where nothing else is asked for.
const PAGE: usize = 1000;

/// What is handed on of a listing, and what is refused of it.
struct Listing<'s, F> {
    base: &'s str,
    /// Its answers come over the network.
    is_remote: bool,
    each: F,
    seen: HashSet<u64>,
    hash: RandomState,
}

impl<F: FnMut(Listed)> Listing<'_, F> {
    /// True for a key that it has handed on.
    fn has(&self, key: &str) -> bool {
        self.seen.contains(&self.hash.hash_one(key))
    }

    fn take(&mut self, mut object: Listed) -> Result<(), Trouble> {
        // Where a console has made a folder, an object has the name of the prefix.
        let asked_for = object.key.starts_with(self.base) || self.base.strip_suffix('/') == Some(object.key.as_str());
        if !asked_for {
            return Err(Trouble::Failed("the store lists keys that were not asked for".to_owned()));
        }
        if !self.seen.insert(self.hash.hash_one(&object.key)) {
            return Err(Trouble::Failed("the store lists a key twice".to_owned()));
        }
        if self.seen.len() > MAX_OBJECTS {
            return Err(Trouble::Failed(format!("the store lists more than {MAX_OBJECTS} objects")));
        }
        if self.is_remote {
            object.e_tag = object.e_tag.map(quoted);
        }
        (self.each)(object);
        Ok(())
    }
}

/// A store that gives its listing page by page, so that one key that is no path does not hide what lies behind it.
#[derive(Clone)]
pub(crate) struct Pages(pub Arc<dyn PaginatedListStore>);

impl Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages")
    }
}

impl Store {
    /// Hands every object of the listing to `each`, in the order of the store. `Err` with what broke the listing off; what came before
    /// was handed over.
    pub async fn list(&self, objects: &dyn ObjectStore, each: impl FnMut(Listed)) -> Result<(), Trouble> {
        let is_remote = self.remote.is_some();
        let mut listing = Listing { base: &self.base, is_remote, each, seen: HashSet::new(), hash: RandomState::new() };
        match &self.pages {
            Some(Pages(pages)) => self.list_pages(&**pages, &mut listing).await,
            None => self.list_stream(objects, &mut listing).await,
        }
    }

    async fn list_stream<F: FnMut(Listed)>(
        &self,
        objects: &dyn ObjectStore,
        listing: &mut Listing<'_, F>,
    ) -> Result<(), Trouble> {
        let prefix = Key::parse(&self.base).map_err(|error| Trouble::of(&error.into()))?;
        let prefix = (!self.base.is_empty()).then_some(prefix);
        let mut stream = objects.list(prefix.as_ref());
        loop {
            // Pages without objects can go on for ever.
            match self.patient(stream.next()).await? {
                None => return Ok(()),
                Some(Err(error)) => return Err(Trouble::of(&error)),
                Some(Ok(meta)) => listing.take(meta.into())?,
            }
        }
    }

    /// The client refuses a page whole that has a key with an empty part in it: it is asked for again in ever smaller pages, until the key
    /// stands alone in one, and the listing goes on behind that key. An object under such a key is handed on by its key alone: the client
    /// cannot ask for it.
    async fn list_pages<F: FnMut(Listed)>(
        &self,
        pages: &dyn PaginatedListStore,
        listing: &mut Listing<'_, F>,
    ) -> Result<(), Trouble> {
        let prefix = (!self.base.is_empty()).then_some(self.base.as_str());
        let (mut offset, mut page_token, mut keys, mut odd, mut empty) = (None::<String>, None::<String>, PAGE, 0, 0);
        let mut asks_again = false;
        loop {
            let max_keys = (keys < PAGE).then_some(keys);
            let options =
                PaginatedListOptions { offset: offset.clone(), page_token: page_token.clone(), max_keys, ..Default::default() };
            match self.patient(pages.list_paginated(prefix, options)).await? {
                Ok(PaginatedListResult { result, page_token: next }) => {
                    if max_keys.is_some_and(|most| result.objects.len() > most) {
                        return Err(Trouble::Failed("the store lists more keys at a time than it was asked for".to_owned()));
                    }
                    if std::mem::take(&mut asks_again) && result.objects.iter().all(|meta| listing.has(meta.location.as_ref())) {
                        // Nothing, or a store that does not know where to begin and begins anew.
                        return Ok(());
                    }
                    empty = if result.objects.is_empty() { empty + 1 } else { 0 };
                    if empty > MAX_EMPTY || next.is_some() && next == page_token {
                        return Err(Trouble::Failed("the store lists nothing more and does not end the listing".to_owned()));
                    }
                    let last = result.objects.last().map(|meta| meta.location.to_string());
                    for meta in result.objects {
                        listing.take(meta.into())?;
                    }
                    if next.is_none() {
                        // The client does not tell a listing that ends from one that is cut and does not say where it goes on.
                        let Some(last) = last else { return Ok(()) };
                        (offset, asks_again) = (Some(last), true);
                    }
                    page_token = next;
                    keys = (keys * 2).min(PAGE);
                }
                Err(error) => {
                    let Some(key) = odd_key(&error) else { return Err(Trouble::of(&error)) };
                    if keys > 1 {
                        keys /= 2;
                        continue;
                    }
                    odd += 1;
                    if odd > MAX_ODD {
                        return Err(Trouble::Failed(format!("it holds more than {MAX_ODD} keys that cannot be asked for")));
                    }
                    listing.take(Listed { key: key.clone(), size: 0, modified: None, e_tag: None })?;
                    (offset, page_token) = (Some(key), None);
                }
            }
        }
    }

    /// What comes in time.
    async fn patient<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let ended = tokio::time::timeout(self.limits.patience(), work).await;
        ended.map_err(|_| Trouble::Failed("the store lists nothing more and does not end the listing".to_owned()))
    }

    /// Which of these keys the store lists now. Their places are listed, each once.
    pub async fn list_again(&self, objects: &dyn ObjectStore, keys: Vec<String>) -> Vec<(String, Result<bool, Trouble>)> {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for key in keys {
            let place = key.rfind('/').map_or("", |slash| &key[..=slash]).to_owned();
            places.entry(place).or_default().push(key);
        }
        let asked = places.into_iter().map(|(base, keys)| async move {
            let mut there = HashSet::new();
            let place = Self { base, ..self.clone() };
            let listing = place
                .list(objects, |object| {
                    there.insert(object.key);
                })
                .await;
            let told = |key: String| {
                let there = match &listing {
                    Ok(()) => Ok(there.contains(&key)),
                    // What was listed before the listing broke off was listed.
                    Err(_) if there.contains(&key) => Ok(true),
                    Err(trouble) => Err(trouble.clone()),
                };
                (key, there)
            };
            keys.into_iter().map(told).collect::<Vec<_>>()
        });
        stream::iter(asked).buffer_unordered(self.limits.in_flight).collect::<Vec<_>>().await.concat()
    }
}
