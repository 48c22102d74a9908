//! Offloaded snapshots: what the server's restore makes of each, what it does not look at, and the store as a whole.

mod as_file;
mod known;
mod lone;
mod manifest;
mod newest;
mod payload;
mod plan;
mod store;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;

pub use known::KnownContents;
pub use lone::verify_lone;
pub use plan::{
    ExportedSnapshot, GivenPeers, Leftover, OffloadPlan, PlanOutcome, PlannedManifest, PublishPlan, RestorePlan, Room,
    TakenManifest, judge_plan,
};

use crate::analysis::judge::snapshot::{Examined, RowCounts};
use crate::analysis::server::offload::RestoreForecast;
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::formats::fsm::FsmHeader;
use crate::formats::fsm::body::BodyFormat;
use crate::formats::raftpb::ConfState;
use crate::readers::Depth;
use crate::readers::offload::{ManifestObject, OffloadStore};
use crate::types::{Crc32c, LogIndex, Sha256Sum, Term, UnixMillis};
use newest::{Place, newest};
use store::Prefixes;

/// One manifest with its payload.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VerifiedOffload {
    /// The key of the manifest in its store.
    pub manifest_key: String,
    /// The file.
    pub path: String,
    /// The Raft group; from the key when the manifest cannot be read.
    pub group_id: Option<u64>,
    /// Last entry that the snapshot covers; from the key when the manifest cannot be read.
    pub snapshot_index: Option<LogIndex>,
    /// Its term; from the key when the manifest cannot be read.
    pub snapshot_term: Option<Term>,
    /// The cluster, if it was named.
    pub source_cluster: Option<String>,
    /// When it was published.
    pub created_at: Option<String>,
    /// The same in Unix milliseconds.
    pub created_ms: Option<UnixMillis>,
    /// The members at that entry. A restore does not use them.
    pub conf_state: Option<ConfState>,
    /// What the publisher called its version.
    pub binary_version: Option<String>,
    /// The bytes of the manifest are the ones that the server writes.
    pub as_written: Option<bool>,
    /// The payload.
    pub payload: Option<OffloadPayload>,
    /// What the server's own restore would end with.
    pub restore: RestoreForecast,
    /// Of this manifest and its payload.
    pub verdict: Verdict,
}

/// What a manifest says about its payload, and what the payload is.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OffloadPayload {
    /// Its key.
    pub key: String,
    /// The length that it should have, in bytes.
    pub bytes: u64,
    /// The digest that it should have.
    pub sha256: Sha256Sum,
    /// The checksum of the file that it was taken from; absent when the manifest does not know it.
    pub source_crc32c: Option<Crc32c>,
    /// The length that it has.
    pub found_bytes: Option<u64>,
    /// The digest that it has.
    pub computed_sha256: Option<Sha256Sum>,
    /// The checksum that it has.
    pub computed_crc32c: Option<Crc32c>,
    /// Its clock header.
    pub header: Option<FsmHeader>,
    /// Format of the store payload.
    pub body_format: Option<BodyFormat>,
    /// The applied index among its rows.
    pub applied_index: Option<LogIndex>,
    /// What its rows add up to, when they were walked to the end.
    pub rows: Option<RowCounts>,
}

/// What a store has of one group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OffloadGroup {
    /// What stands before `v1/` in the keys.
    pub prefix: String,
    /// The Raft group.
    pub group_id: u64,
    /// Manifests of the group.
    pub manifests: usize,
    /// Those of them that can be restored.
    pub restorable: usize,
    /// The one with the highest index that can be restored.
    pub newest: Option<NewestOffload>,
    /// Those whose payload was not read, and of which nothing else speaks against a restore.
    pub unread: usize,
    /// The one with the highest index among those that `unread` counts.
    pub newest_unread: Option<NewestOffload>,
}

/// A snapshot that can be restored.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct NewestOffload {
    /// The key of its manifest.
    pub manifest_key: String,
    /// Last entry that it covers.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// When it was published.
    pub created_at: String,
    /// The same in Unix milliseconds.
    pub created_ms: Option<UnixMillis>,
    /// Age at the time of the run, for people.
    #[serde(skip)]
    pub age_ms: Option<u64>,
}

/// A store as a whole.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OffloadStoreView {
    /// The directory.
    pub dir: String,
    /// What the directory itself stands for in the keys of the store; empty for the root of it.
    pub key_base: String,
    /// Manifests in it.
    pub manifests: usize,
    /// Payloads in it.
    pub payloads: usize,
    /// Payloads that no manifest names.
    pub orphans: usize,
    /// Files that writers left unfinished.
    pub temporaries: usize,
    /// Entries that are no objects.
    pub other_entries: usize,
    /// What it has of each group, by prefix and number.
    pub groups: Vec<OffloadGroup>,
}

/// How a store was read, and when.
#[derive(Debug, Clone)]
pub struct OffloadRequest {
    /// How closely payloads were looked at.
    pub depth: Depth,
    /// Only the newest snapshot of each group.
    pub newest: bool,
    /// The time of the run.
    pub now: UnixMillis,
    /// Payloads without a manifest are garbage when they are older than this, in milliseconds.
    pub grace_ms: u64,
    /// What earlier runs read before this time does not count.
    pub since: Option<UnixMillis>,
}

/// Everything that is to be said about a store.
#[derive(Debug, Clone)]
pub struct VerifiedStore {
    /// The manifests, by key.
    pub offloads: Vec<VerifiedOffload>,
    /// The store; `None` when one manifest was named.
    pub store: Option<OffloadStoreView>,
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// The payloads that have to be read to answer the request.
pub fn payloads_wanted(store: &OffloadStore, newest_only: bool) -> BTreeSet<String> {
    if newest_only { newest::payloads(store) } else { store.payloads.keys().cloned().collect() }
}

/// Judges one manifest of a store, whose payload was read.
pub fn verify_manifest(store: &OffloadStore, object: &ManifestObject, request: &OffloadRequest) -> Examined<VerifiedOffload> {
    let mut judge = Judge::over(store, &store.manifests, request);
    let view = judge.manifest(object);
    Examined { view, findings: judge.findings, coverage: judge.coverage }
}

/// Judges a store.
pub fn verify_store(store: OffloadStore, request: &OffloadRequest) -> VerifiedStore {
    verify_store_knowing(store, request, &BTreeMap::new())
}

/// Judges a store of whose payloads some were read by an earlier run: their sums stand in the store, and what is in them in `known`, by
/// key. A manifest is let go as soon as it is judged: of very many, what is said of them takes their room.
pub fn verify_store_knowing(
    mut store: OffloadStore,
    request: &OffloadRequest,
    known: &BTreeMap<String, KnownContents>,
) -> VerifiedStore {
    let manifests = std::mem::take(&mut store.manifests);
    let wanted: Option<HashMap<String, Place>> =
        request.newest.then(|| newest(&manifests).into_iter().map(|(key, place)| (key.to_owned(), place)).collect());
    let of_groups = request.newest.then(|| store::by_group(&manifests));
    let mut judge = Judge { known: Some(known), ..Judge::over(&store, &manifests, request) };
    let mut view = if store.only_manifest {
        judge.coverage.skipped(
            "the rest of the store",
            "one manifest was named; name the directory of the store to have all of it checked",
        );
        None
    } else {
        Some(judge.whole(&manifests, wanted.as_ref().map_or(manifests.len(), HashMap::len)))
    };
    let of_all = (std::mem::take(&mut judge.findings), std::mem::take(&mut judge.coverage));
    let mut offloads = Vec::with_capacity(wanted.as_ref().map_or(manifests.len(), HashMap::len));
    let mut prefixes = Prefixes::default();
    for object in manifests {
        let place = wanted.as_ref().map_or(Some(Place::Newest), |wanted| wanted.get(&object.key).copied());
        let Some(place) = place else { continue };
        let before = judge.findings.len();
        prefixes.add(&object.prefix);
        offloads.push(judge.manifest(&object));
        if place == Place::Above {
            // A restore of the one below goes well; that it is not the newest has to be known.
            let errors = judge.findings.iter_mut().skip(before).filter(|finding| finding.severity == Severity::Error);
            errors.for_each(|finding| finding.weigh(Severity::Warning));
        }
    }
    judge.findings.extend(of_all.0);
    judge.coverage.absorb(of_all.1);
    if let Some(view) = &mut view {
        view.groups = judge.groups(&offloads, &prefixes, of_groups.as_ref());
    }
    VerifiedStore { offloads, store: view, findings: judge.findings, coverage: judge.coverage }
}

/// Parts that were not examined, before they are counted by kind for the first time.
const PARTS: usize = 4096;

/// Collects what is to be said.
struct Judge<'s> {
    store: &'s OffloadStore,
    request: &'s OffloadRequest,
    display: String,
    findings: Vec<Finding>,
    coverage: Coverage,
    /// What an earlier run found in payloads, by key.
    known: Option<&'s BTreeMap<String, KnownContents>>,
    /// Payloads that several manifests name.
    shared: HashSet<&'s str>,
    /// Those of them that were judged, by key.
    payloads: HashMap<&'s str, JudgedPayload>,
    /// Parts that were not examined are counted by kind where there are more than this.
    parts: usize,
    /// Where manifests that were moved say that they lie, as far as one that can be read lies there.
    at_home: HashSet<String>,
    /// A payload with each digest.
    by_digest: HashMap<Sha256Sum, &'s str>,
    /// One that goes by each digest and was not read; asked for where one is missing.
    by_name: OnceCell<HashMap<Sha256Sum, &'s str>>,
}

/// A payload that was named by itself.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LonePayload {
    /// The file.
    pub path: String,
    /// The digest that is its name.
    pub sha256: Sha256Sum,
    /// The digest that it has.
    pub computed_sha256: Option<Sha256Sum>,
    /// The checksum that it has; the footer of the file that a restore makes of it.
    pub computed_crc32c: Option<Crc32c>,
    /// Its length in bytes.
    pub bytes: Option<u64>,
    /// Its clock header.
    pub header: Option<FsmHeader>,
    /// Format of the store payload.
    pub body_format: Option<BodyFormat>,
    /// The applied index among its rows.
    pub applied_index: Option<LogIndex>,
    /// What its rows add up to, when they were walked to the end.
    pub rows: Option<RowCounts>,
    /// Of this payload alone.
    pub verdict: Verdict,
}

/// What came of a payload by itself.
#[derive(Debug, Clone)]
struct JudgedPayload {
    verdict: Verdict,
    applied_index: Option<LogIndex>,
    rows: Option<RowCounts>,
}

impl<'s> Judge<'s> {
    /// Judges what is in the store, whose manifests are these.
    fn over(store: &'s OffloadStore, manifests: &[ManifestObject], request: &'s OffloadRequest) -> Self {
        Self {
            store,
            request,
            display: store.root.display().to_string(),
            findings: Vec::new(),
            coverage: Coverage::default(),
            known: None,
            shared: payload::shared(store, manifests),
            payloads: HashMap::new(),
            parts: PARTS,
            at_home: manifest::at_home(manifests),
            by_digest: payload::by_digest(store),
            by_name: OnceCell::new(),
        }
    }
}

impl Judge<'_> {
    /// The file of a key, as reports show it.
    fn shown(&self, key: &str) -> String {
        match self.store.path_of(key) {
            Some(path) => path.display().to_string(),
            None => key.to_owned(),
        }
    }
}
