//! `offload audit`: what is in a store, and what could be restored from it?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use ekv_tool::Run;
use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::offload::{OffloadRequest, VerifiedStore, payloads_wanted, verify_store_knowing};
use ekv_tool::io::IoOptions;
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::{ListedObject, ObjectRead, OffloadStore};
use ekv_tool::report::Report;
use ekv_tool::types::UnixMillis;
use futures_util::{StreamExt as _, stream};
use object_store::ObjectStore;

use crate::error::{Error, Result};
use crate::join::{join, of_directory};
use crate::parts::Results;
use crate::progress::{Unit, Watch};
use crate::report::audit::{AuditBody, Joined};
use crate::report::own;
use crate::shard::Shard;
use crate::store::{Listed, Reach, Store, Trouble};

/// What the caller wants to know.
#[derive(Debug, Clone, Copy)]
pub struct AuditOptions {
    /// The time of the run.
    pub now: UnixMillis,
    /// Payloads that no manifest names are garbage when they are older than this.
    pub grace: Duration,
    /// Results count only where every row was looked at.
    pub deep: bool,
}

/// A payload may be this old before it is garbage: a publish may still be under way.
pub const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Lists a store, reads its manifests and the fronts of its payloads, and judges it as `ekv-tool verify-snapshot --header-only` judges a
/// directory: with the same code. With the `results` of earlier runs of `offload verify` payloads count as read where nothing has
/// changed since.
pub async fn audit(
    store: &Store,
    results: Option<&Results>,
    options: &AuditOptions,
    watch: &dyn Watch,
) -> Result<Report<AuditBody>> {
    let (mut read, mut now) = match &store.reach {
        Reach::Directory(path) => (directory(path)?, BTreeMap::new()),
        Reach::Objects(objects) => bucket(store, &**objects, watch).await?,
    };
    let mut contents = BTreeMap::new();
    let mut joined = None;
    let mut left_out = Coverage::default();
    if let Some(results) = results {
        let parts = results.read(&store.shown, Shard::WHOLE).await?;
        if matches!(store.reach, Reach::Directory(_)) {
            now = of_directory(&read);
        }
        contents = join(&mut read, &now, &parts.known, options.deep);
        joined = Some(Joined { results: results.shown().to_owned(), parts: parts.parts, payloads: sums_known(&read) });
        left_out = parts.coverage;
    }
    let request = OffloadRequest {
        // What parts hold was asked for: what they do not hold is not known.
        depth: if results.is_some() { Depth::Checksum } else { Depth::Header },
        newest: false,
        now: options.now,
        grace_ms: u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX),
    };
    let VerifiedStore { offloads, store: view, findings, mut coverage } = verify_store_knowing(&read, &request, &contents);
    coverage.absorb(left_out);
    if matches!(store.reach, Reach::Objects(_)) {
        coverage.skipped(
            format!("uploads to {} that were not finished", store.shown),
            "no listing shows them; `aws s3api list-multipart-uploads` does, and a rule of the bucket ends them",
        );
    }
    Ok(own(Report::new(AuditBody::new(offloads, view, joined), findings, coverage)))
}

/// Payloads whose sums are known.
fn sums_known(store: &OffloadStore) -> usize {
    let known = |read: &ObjectRead| matches!(read, ObjectRead::Object(facts) if facts.sums.is_some());
    store.payloads.values().filter(|payload| known(&payload.read)).count()
}

/// A store that is a directory.
fn directory(path: &Path) -> Result<OffloadStore> {
    let run = Run::local();
    let mut store = OffloadStore::read(path, &run)?;
    store.read_payloads(&payloads_wanted(&store, false), Depth::Header, IoOptions::default(), &run)?;
    Ok(store)
}

/// A store that is listed.
async fn bucket(store: &Store, objects: &dyn ObjectStore, watch: &dyn Watch) -> Result<(OffloadStore, BTreeMap<String, Listed>)> {
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
            return Err(unreachable(store, &trouble));
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
    let now = heads(store, objects, &mut read, &sizes, &unlisted, watch).await;
    Ok((read, now))
}

/// The fronts of all payloads, and the objects as they were then. Those that the listing does not have are asked for too, since it may
/// be older than its manifests.
async fn heads(
    store: &Store,
    objects: &dyn ObjectStore,
    read: &mut OffloadStore,
    sizes: &BTreeMap<String, u64>,
    unlisted: &BTreeSet<String>,
    watch: &dyn Watch,
) -> BTreeMap<String, Listed> {
    let mut now = BTreeMap::new();
    let reachable = |key: &&String| read.path_of(key).is_some();
    let wanted: Vec<_> = sizes.keys().chain(unlisted).filter(reachable).cloned().collect();
    watch.begin("payloads", Unit::Objects, Some(wanted.len() as u64));
    let asked = wanted.iter().map(|key| async move { (key, store.head(objects, key, sizes.get(key).copied()).await) });
    let mut answers = stream::iter(asked).buffer_unordered(store.limits.in_flight);
    while let Some((key, head)) = answers.next().await {
        watch.advance(1);
        let Some(payload) = read.payloads.get_mut(key) else { continue };
        (payload.read, payload.recorded) = (head.read, head.recorded);
        if let Some(object) = head.object {
            payload.modified = object.modified;
            now.insert(key.clone(), object);
        }
    }
    now
}

/// Nothing was read.
pub(crate) fn unreachable(store: &Store, trouble: &Trouble) -> Error {
    let hint = match trouble {
        Trouble::Absent => "check the name of the bucket and the endpoint",
        _ => "check endpoint, region and credentials in the environment",
    };
    Error::Store { address: store.shown.clone(), why: trouble.words(), hint }
}
