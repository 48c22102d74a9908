//! A store that is a bucket: listed, its manifests fetched, and the fronts of its payloads.

use std::collections::BTreeMap;

use ekv_tool::readers::offload::{ListedObject, ObjectRead, OffloadStore, REMOVED};
use futures_util::{StreamExt as _, stream};
use object_store::ObjectStore;

use crate::error::Result;
use crate::progress::{Unit, Watch};
use crate::store::{Listed, Store, Trouble};

/// A store that is listed. The objects as they were looked at are returned where they are `wanted`.
pub(super) async fn read(
    store: &Store,
    objects: &dyn ObjectStore,
    wanted: bool,
    watch: &dyn Watch,
) -> Result<(OffloadStore, BTreeMap<String, Listed>)> {
    let mut read = OffloadStore::listed(&store.shown, &store.base);
    let (mut manifests, mut sizes) = (Vec::new(), BTreeMap::new());
    watch.begin("listing", Unit::Objects, None);
    let listing = store.list(objects, |object| {
        watch.advance(1);
        let Listed { key, size, modified, .. } = &object;
        if read.take(ListedObject { key, size: *size, modified: *modified }) {
            manifests.push(object);
        } else if read.payloads.contains_key(key) {
            sizes.insert(object.key, object.size);
        }
    });
    if let Err(trouble) = listing.await {
        // Of a store that showed nothing nothing can be said.
        if manifests.is_empty() && read.payloads.is_empty() {
            return Err(super::unreachable(store, &trouble));
        }
        read.broke_off(trouble.words());
    }
    watch.begin("manifests", Unit::Objects, Some(manifests.len() as u64));
    let asked =
        manifests.iter().enumerate().map(|(number, listed)| async move { (number, store.manifest(objects, listed).await) });
    let mut answers = stream::iter(asked).buffer_unordered(store.limits.in_flight);
    while let Some((number, (held, recorded))) = answers.next().await {
        watch.advance(1);
        read.tell_manifest(number, held, recorded);
    }
    drop(answers);
    drop(manifests);
    let unlisted = read.settle();
    // Those that the listing does not have are asked for too, since it may be older than its manifests.
    let listed = sizes.into_iter().map(|(key, size)| (key, Some(size)));
    let asked: Vec<_> = listed.chain(unlisted.into_iter().map(|key| (key, None))).collect();
    let mut now = BTreeMap::new();
    heads(store, objects, &mut read, asked, watch, |key, object| {
        if wanted {
            now.insert(key, object);
        }
    })
    .await;
    look_again(store, objects, &mut read).await;
    Ok((read, now))
}

/// A store of which one manifest was asked for, with the front of its payload. `Err` with why there is none.
pub(crate) async fn manifest(
    store: &Store,
    objects: &dyn ObjectStore,
    key: &str,
    watch: &dyn Watch,
) -> Result<OffloadStore, String> {
    let listed = store.stat(objects, key).await.map_err(|trouble| trouble.words())?;
    let mut read = OffloadStore { only_manifest: true, ..OffloadStore::listed(&store.shown, &store.base) };
    read.take(ListedObject { key, size: listed.size, modified: listed.modified });
    let (held, recorded) = store.manifest(objects, &listed).await;
    read.tell_manifest(0, held, recorded);
    let asked = read.settle().into_iter().map(|key| (key, None)).collect();
    heads(store, objects, &mut read, asked, watch, |_, _| ()).await;
    look_again(store, objects, &mut read).await;
    Ok(read)
}

/// What the listing had and nobody can get may have been removed in between. Its place is listed once more: what is in there again
/// cannot be judged, and what is not is missing. Of manifests that name what is missing, those that are gone too miss nothing.
async fn look_again(store: &Store, objects: &dyn ObjectStore, read: &mut OffloadStore) {
    let absent = read.payloads.iter().filter(|(_, payload)| payload.listed && payload.read == ObjectRead::Absent);
    let absent: Vec<String> = absent.map(|(key, _)| key.clone()).collect();
    for (key, there) in store.list_again(objects, absent).await {
        let Some(payload) = read.payloads.get_mut(&key) else { continue };
        match there {
            Ok(false) => {}
            Ok(true) => payload.read = ObjectRead::Unreadable("the store lists it again and does not have it (404)".to_owned()),
            Err(trouble) => {
                let why = format!("the store does not have it (404), and could not be asked again: {}", trouble.words());
                payload.read = ObjectRead::Unreadable(why);
            }
        }
    }
    let doubted = read.naming_absent();
    let keys = doubted.into_iter().filter_map(|number| Some((number, read.manifests.get(number)?.key.clone())));
    let keys: Vec<_> = keys.collect();
    let asked = keys.into_iter().map(|(number, key)| async move { (number, store.stands(objects, &key).await) });
    let mut answers = stream::iter(asked).buffer_unordered(store.limits.in_flight);
    while let Some((number, stands)) = answers.next().await {
        match stands {
            Ok(()) => {}
            Err(Trouble::Absent) => read.withdraw(number, REMOVED.to_owned()),
            Err(trouble) => {
                let why = format!("its payload is not there, and whether it still is could not be asked: {}", trouble.words());
                read.withdraw(number, why);
            }
        }
    }
}

/// The fronts of payloads, each with the length that the listing says; `each` gets the objects as they were then.
async fn heads(
    store: &Store,
    objects: &dyn ObjectStore,
    read: &mut OffloadStore,
    mut wanted: Vec<(String, Option<u64>)>,
    watch: &dyn Watch,
    mut each: impl FnMut(String, Listed),
) {
    wanted.retain(|(key, _)| read.path_of(key).is_some());
    watch.begin("payloads", Unit::Objects, Some(wanted.len() as u64));
    let asked = wanted.into_iter().map(|(key, size)| async move {
        let head = store.head(objects, &key, size).await;
        (key, head)
    });
    let mut answers = stream::iter(asked).buffer_unordered(store.limits.in_flight);
    while let Some((key, head)) = answers.next().await {
        watch.advance(1);
        let Some(payload) = read.payloads.get_mut(&key) else { continue };
        (payload.read, payload.recorded) = (head.read, head.recorded);
        if let Some(object) = head.object {
            payload.modified = object.modified;
            each(key, object);
        }
    }
}
