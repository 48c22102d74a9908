//! `offload audit`: what is in a store, and what could be restored from it?

mod bucket;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use ekv_tool::Run;
use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::offload::{OffloadRequest, VerifiedStore, payloads_wanted, verify_store_knowing};
use ekv_tool::io::IoOptions;
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::{ObjectRead, OffloadStore};
use ekv_tool::report::Report;
use ekv_tool::types::UnixMillis;

pub(crate) use bucket::manifest as read_manifest;

use crate::error::{Error, Result};
use crate::join::{join, of_directory};
use crate::parts::{Demand, Results};
use crate::progress::{Unit, Watch};
use crate::report::audit::{AuditBody, Joined};
use crate::report::own;
use crate::shard::Shard;
use crate::store::{Reach, Scheme, Store, Trouble};

/// What the caller wants to know.
#[derive(Debug, Clone, Copy)]
pub struct AuditOptions {
    /// The time of the run.
    pub now: UnixMillis,
    /// Payloads that no manifest names are garbage when they are older than this.
    pub grace: Duration,
    /// Results count only where every row was looked at.
    pub deep: bool,
    /// Results count only when they are not older than this.
    pub max_age: Option<Duration>,
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
        Reach::Objects(objects) => bucket::read(store, &**objects, results.is_some(), watch).await?,
    };
    watch.begin("judging", Unit::Objects, None);
    let mut contents = BTreeMap::new();
    let mut joined = None;
    let mut left_out = Coverage::default();
    let demand = Demand { deep: options.deep, now: options.now, max_age: options.max_age };
    if let Some(results) = results {
        let parts = results.read(store, Shard::WHOLE).await?;
        if matches!(store.reach, Reach::Directory(_)) {
            now = of_directory(&read);
        }
        let readings;
        (contents, readings) = join(&mut read, &now, &parts.known, &demand);
        let max_age_ms = options.max_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let payloads = sums_known(&read);
        joined = Some(Joined { results: results.shown().to_owned(), parts: parts.parts, payloads, readings, max_age_ms });
        left_out = parts.coverage;
    }
    let request = OffloadRequest {
        // What parts hold was asked for: what they do not hold is not known.
        depth: if results.is_some() { Depth::Checksum } else { Depth::Header },
        newest: false,
        now: options.now,
        grace_ms: u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX),
        since: demand.since(),
    };
    let VerifiedStore { offloads, store: view, findings, mut coverage } = verify_store_knowing(read, &request, &contents);
    coverage.absorb(left_out);
    if matches!(store.reach, Reach::Objects(_)) {
        coverage.skipped(format!("uploads to {} that were not finished", store.shown), unfinished(store.remote));
    }
    Ok(own(Report::new(AuditBody::new(offloads, view, joined), findings, coverage)))
}

/// What becomes of uploads that nobody has finished.
const fn unfinished(store: Option<Scheme>) -> &'static str {
    match store {
        Some(Scheme::Azure) => "no listing shows blocks that were not committed; Azure removes them after a week",
        Some(Scheme::Gcs) => "no listing shows them; a rule of the bucket with AbortIncompleteMultipartUpload ends them",
        _ => "no listing shows them; `aws s3api list-multipart-uploads` does, and a rule of the bucket ends them",
    }
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

/// Nothing was read.
pub(crate) fn unreachable(store: &Store, trouble: &Trouble) -> Error {
    let (why, hint) = match trouble {
        Trouble::Absent => (trouble.words(), "check the name of the bucket and the endpoint"),
        Trouble::Failed(why) if why.ends_with("(404)") => {
            ("the store has no such bucket (404)".to_owned(), "check the name of the bucket and the endpoint")
        }
        _ => (trouble.words(), "check endpoint, region and credentials in the environment"),
    };
    Error::Store { address: store.shown.clone(), why, hint }
}
