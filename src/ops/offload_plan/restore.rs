//! What a restore would do, step by step.

use std::collections::BTreeSet;

use super::Asked;
use crate::analysis::judge::codes;
use crate::analysis::judge::offload::{
    ExportedSnapshot, GivenPeers, Leftover, OffloadRequest, PlanOutcome, RestorePlan, TakenManifest, VerifiedOffload,
    verify_manifest,
};
use crate::analysis::judge::snapshot::Examined;
use crate::analysis::server::conditions;
use crate::analysis::server::offload::{
    PUBLISHER, Refusal, RestoreForecast, RestorePeer, SEGMENT_BYTES, Way, is_removed, parse_peers, restore_into,
};
use crate::analysis::{Coverage, Finding, Verdict};
use crate::error::Result;
use crate::formats::fsm::{FOOTER_LEN, FsmName};
use crate::formats::layout;
use crate::formats::offload::{Manifest, Sentinel, cleaned_path, key_prefix, normalize_key};
use crate::formats::peers::PeersFile;
use crate::formats::snap::SnapName;
use crate::formats::wal::SegmentName;
use crate::io;
use crate::readers::offload::{ExportSource, Left, ManifestObject, OffloadStore, around, leftovers, preparation_of, stands};
use crate::readers::{Depth, SmallFact};
use crate::types::{LogIndex, NodeId, SnapshotId, Term, UnixMillis, go_quoted, in_words};

impl Asked<'_> {
    pub(super) fn restore(
        &self,
        source: Option<&ExportSource>,
        group_id: Option<u64>,
        own: Option<&ExportedSnapshot>,
        store: Option<&mut OffloadStore>,
        findings: &mut Vec<Finding>,
        coverage: &mut Coverage,
    ) -> Result<RestorePlan> {
        let Self { group, run, options, .. } = self;
        let files = &*run.source;
        let destination = cleaned_path(&group.display());
        let way = Way {
            destination: &destination,
            taken: false,
            dangling: files.kind_at(&group.path).is_none() && files.link_target(&group.path).is_some(),
            prepared: preparation_of(&group.path).is_some_and(|prep| stands(&prep, files)),
        };
        let passed = RestoreForecast { status: Some(0), error: None };
        let now = io::now().unwrap_or_default();
        let left = leftovers(&group.path, &self.spool(), files)?;
        let mut plan = RestorePlan {
            outcome: PlanOutcome::NothingThere,
            status: None,
            error: None,
            undecided: None,
            destination: destination.clone(),
            own_snapshot: own.map(|snapshot| snapshot.index),
            refused_now: None,
            manifest: None,
            passed_over: Vec::new(),
            room: self.room(around(&group.path), own.and_then(|snapshot| snapshot.payload_bytes).map(needed)),
            leftovers: left.iter().map(|left| leftover(left, now)).collect(),
            peers: None,
            would_make: Vec::new(),
        };
        if files.kind_at(&group.path).is_some() {
            plan.refused_now = restore_into(Way { taken: true, ..way }, &passed, true).error;
        }
        let given = match &options.peers {
            Some(text) => match parse_peers(text) {
                Ok(peers) => Some(("--peers".to_owned(), peers.into_iter().map(|RestorePeer { node_id, .. }| node_id).collect())),
                Err(refusal) => {
                    (plan.outcome, plan.status, plan.error) = (PlanOutcome::Refused, Some(refusal.status), Some(refusal.error));
                    return Ok(plan);
                }
            },
            None => source.and_then(|source| members(&source.listing.peers)).map(|ids| (layout::PEERS.to_owned(), ids)),
        };
        let Some(store) = store else { return Ok(plan) };
        let taken = match &options.manifest_key {
            Some(key) => self.named_manifest(key, store, &mut plan)?,
            None => self.newest_manifest(group_id, store, &mut plan, findings, coverage)?,
        };
        let Some(Taken { object, examined, chosen_by }) = taken else {
            if plan.outcome == PlanOutcome::NothingThere {
                let (what, why) = nothing_meant(group_id, store);
                if source.is_some() { coverage.skipped(what, why) } else { coverage.missing(what, why) }
            }
            return Ok(plan);
        };
        let view = examined.view;
        let ending = restore_into(way, &view.restore, object.read.manifest().is_some_and(|it| it.is_at(&object.key)));
        plan.outcome = match ending.status {
            Some(0) => PlanOutcome::Done,
            Some(_) => PlanOutcome::Refused,
            None => PlanOutcome::Unknown,
        };
        plan.undecided = (plan.outcome == PlanOutcome::Unknown).then(|| "manifest or payload could not be read".to_owned());
        (plan.status, plan.error) = (ending.status, ending.error);
        findings.extend(examined.findings);
        coverage.absorb(examined.coverage);
        let bytes = view.payload.as_ref().map(|payload| payload.bytes);
        plan.room.needed_bytes = bytes.map(needed);
        if let (Some(index), Some(term)) = (view.snapshot_index, view.snapshot_term) {
            plan.would_make = would_make(index, term);
        }
        if given.is_none() && plan.outcome == PlanOutcome::Done {
            (plan.outcome, plan.status) = (PlanOutcome::Unknown, None);
            plan.undecided =
                Some("a restore demands --peers; none were given, and there is no peers file that can be read".to_owned());
        }
        let snapshot_group = object.read.manifest().map(|manifest| manifest.group_id);
        if let (Some(of_snapshot), Some(of_dir)) = (snapshot_group, self.group.group_id)
            && of_snapshot != of_dir
        {
            let what = format!("whether a snapshot of group {of_snapshot} is meant for {}", self.group.display());
            coverage.missing(what, format!("its name is that of group {of_dir}, and the server compares the two nowhere"));
        }
        plan.peers = self.peers(given, view.conf_state.as_ref().map(|conf| conf.voters.as_slice()), coverage);
        plan.manifest = Some(TakenManifest {
            manifest_key: view.manifest_key,
            chosen_by,
            snapshot_index: view.snapshot_index,
            snapshot_term: view.snapshot_term,
            source_cluster: view.source_cluster,
            created_at: view.created_at,
            payload_bytes: bytes,
            verdict: view.verdict,
        });
        Ok(plan)
    }

    /// The members that a restore would be given, against those of the manifest.
    fn peers(
        &self,
        given: Option<(String, Vec<NodeId>)>,
        voters: Option<&[NodeId]>,
        coverage: &mut Coverage,
    ) -> Option<GivenPeers> {
        let Some((from, ids)) = given else {
            let what = format!("the peers of a restore into {}", self.group.display());
            coverage.skipped(what, "give them with --peers; there is no peers file that can be read");
            return None;
        };
        let voters = voters?;
        let missing = voters.iter().copied().filter(|voter| !ids.contains(voter)).collect();
        let added = ids.iter().copied().filter(|id| !voters.contains(id)).collect();
        Some(GivenPeers { from, ids, missing, added })
    }

    /// The manifest of `--manifest-key`.
    fn named_manifest(&self, key: &str, store: &mut OffloadStore, plan: &mut RestorePlan) -> Result<Option<Taken>> {
        let clean = OffloadStore::key_of(key);
        let Some(object) = store.manifests.iter().find(|it| Some(&it.key) == clean.as_ref()).cloned() else {
            let place = clean.as_deref().and_then(|clean| store.path_of(clean));
            match (normalize_key(key), place) {
                (None, _) => {
                    let condition = &conditions::OFFLOAD_INVALID_OBJECT_KEY;
                    let text = format!("get snapshot manifest: invalid object key {}", go_quoted(key.as_bytes()));
                    refuse(plan, Refusal::of(text, Sentinel::InvalidOptions, condition));
                }
                (Some(_), Some(path)) if !stands(&path, &*self.run.source) => {
                    let condition = &conditions::OFFLOAD_OBJECT_NOT_FOUND;
                    let text = format!("get snapshot manifest: object {key}");
                    refuse(plan, Refusal::of(text, Sentinel::NotFound, condition));
                }
                (Some(_), place) => {
                    plan.outcome = PlanOutcome::Unknown;
                    let why = if place.is_some() {
                        "does not lie where manifests lie"
                    } else {
                        "lies outside of the store that was named"
                    };
                    plan.undecided = Some(format!("{key} {why}"));
                }
            }
            return Ok(None);
        };
        let examined = self.examine(&object, store)?;
        Ok(Some(Taken { object, examined, chosen_by: "--manifest-key" }))
    }

    /// The newest manifest of the group that can be restored; what stands before it is told.
    fn newest_manifest(
        &self,
        group_id: Option<u64>,
        store: &mut OffloadStore,
        plan: &mut RestorePlan,
        findings: &mut Vec<Finding>,
        coverage: &mut Coverage,
    ) -> Result<Option<Taken>> {
        let Some(group_id) = group_id else { return Ok(None) };
        let prefix = self.options.prefix.as_deref().map(key_prefix);
        let cluster = self.options.source_cluster.as_deref().unwrap_or_default().trim();
        let is_meant = |it: &&ManifestObject| {
            let of_cluster = |manifest: &Manifest| cluster.is_empty() || manifest.source_cluster == cluster;
            it.group() == Some(group_id)
                && prefix.as_ref().is_none_or(|prefix| *prefix == it.prefix)
                && it.read.manifest().is_none_or(of_cluster)
        };
        let mut meant: Vec<ManifestObject> = store.manifests.iter().filter(is_meant).cloned().collect();
        let age = |it: &ManifestObject| {
            let named = it.name.map(|name| (name.index, name.term));
            it.read.manifest().map(|manifest| (manifest.snapshot_index, manifest.snapshot_term)).or(named)
        };
        meant.sort_by_key(|it| std::cmp::Reverse(age(it)));
        let clusters: BTreeSet<_> = meant.iter().filter_map(|it| Some(it.read.manifest()?.source_cluster.clone())).collect();
        if let (true, Some(first)) = (clusters.len() > 1, meant.first()) {
            let message = format!(
                "The store has snapshots of group {group_id} of {} clusters; --source-cluster names one.",
                clusters.len()
            );
            findings.push(Finding::new(&codes::offload::OFFLOAD_SEVERAL_CLUSTERS, message).at(&first.key));
        }
        let mut first = None;
        for object in meant {
            let examined = self.examine(&object, store)?;
            let good = examined.view.restore.is_restored() && examined.view.verdict == Verdict::Clean;
            let taken = Taken { object, examined, chosen_by: "the newest of the group that can be restored" };
            if good {
                if let Some(Taken { examined, .. }) = first {
                    let Examined { findings: found, coverage: seen, .. } = examined;
                    findings.extend(found);
                    coverage.absorb(seen);
                }
                return Ok(Some(taken));
            }
            plan.passed_over.push(taken.object.key.clone());
            if first.is_none() {
                first = Some(taken);
            } else {
                findings.extend(taken.examined.findings);
                coverage.absorb(taken.examined.coverage);
            }
        }
        Ok(first.map(|taken| Taken { chosen_by: "the newest of the group, of which none can be restored", ..taken }))
    }

    fn examine(&self, object: &ManifestObject, store: &mut OffloadStore) -> Result<Examined<VerifiedOffload>> {
        let key = object.read.manifest().and_then(|manifest| OffloadStore::key_of(&manifest.payload.key));
        store.read_payloads(&key.into_iter().collect(), Depth::Checksum, self.io, self.run)?;
        let now = io::now().unwrap_or_default();
        let request = OffloadRequest { depth: Depth::Checksum, newest: false, now, grace_ms: 0, since: None };
        Ok(verify_manifest(store, object, &request))
    }
}

/// A manifest, and what came of it.
struct Taken {
    object: ManifestObject,
    examined: Examined<VerifiedOffload>,
    chosen_by: &'static str,
}

/// What is not known where no manifest is the one that is meant, and why.
fn nothing_meant(group_id: Option<u64>, store: &OffloadStore) -> (String, String) {
    const NAMED: usize = 8;
    let what = format!("what a restore from {} would bring back", store.root.display());
    let Some(group) = group_id else {
        let manifests = store.manifests.iter();
        let groups: BTreeSet<_> = manifests.filter_map(ManifestObject::group).collect();
        let named: Vec<_> = groups.iter().take(NAMED).map(u64::to_string).collect();
        let has = match groups.len() {
            0 => "the store has no manifest".to_owned(),
            more if more > NAMED => format!("the store has {more} groups"),
            _ => format!("the store has {} {}", if groups.len() == 1 { "group" } else { "groups" }, in_words(&named)),
        };
        return (
            what,
            format!("the number of the group is not known, and {has}; --group-id or --manifest-key says which is meant"),
        );
    };
    let why = format!("it has no snapshot of group {group}; --group-id, --prefix and --manifest-key say which is meant");
    (what, why)
}

fn refuse(plan: &mut RestorePlan, refusal: Refusal) {
    (plan.outcome, plan.status, plan.error) = (PlanOutcome::Refused, Some(refusal.status), Some(refusal.error));
}

/// A download, a copy of it with a footer, and the first segment of a log.
fn needed(payload: u64) -> u64 {
    payload.saturating_mul(2).saturating_add(FOOTER_LEN as u64).saturating_add(SEGMENT_BYTES)
}

fn would_make(index: LogIndex, term: Term) -> Vec<String> {
    vec![
        layout::PEERS.to_owned(),
        layout::in_payloads(FsmName::of(index)),
        layout::in_snap(SnapName::of(SnapshotId { term, index })),
        layout::in_wal(SegmentName { seq: 0, index: LogIndex(0), canonical: true }),
    ]
}

fn leftover(left: &Left, now: UnixMillis) -> Leftover {
    Leftover {
        path: left.path.display().to_string(),
        kind: left.kind,
        bytes: left.bytes,
        modified_ms: left.modified,
        removed_by_restore: is_removed(left.kind, left.modified, now),
    }
}

/// The node ids in a peers file.
fn members(file: &SmallFact) -> Option<Vec<NodeId>> {
    let SmallFact::Bytes(bytes) = file else { return None };
    let file = PeersFile::decode(bytes, PUBLISHER).ok()?;
    let mut ids: Vec<_> =
        file.peers.iter().map(|peer| if peer.node_id == NodeId(0) { NodeId::of_bytes(peer.id) } else { peer.node_id }).collect();
    ids.sort_unstable();
    Some(ids)
}
