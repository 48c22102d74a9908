//! What reports say of a member.

use std::borrow::Cow;

use super::wrote;
use crate::analysis::etcd::{EtcdLogView, EtcdStart, EtcdStoreView, Generation, Judged, operations};
use crate::analysis::server::HardStateView;
use crate::analysis::server::log::{EffectiveLog, valid_snapshots};
use crate::readers::etcd::{EtcdMember, StoreRead};
use crate::report::body::etcd::{EtcdBucket, EtcdSnapshotView, EtcdView};
use crate::types::{EtcdId, LogIndex, ServerVersion, SnapshotId};

/// The page on a member.
pub(super) fn view(member: &EtcdMember, judged: &Judged, starts: Vec<EtcdStart>) -> EtcdView {
    let own = wrote(member);
    let version = own.library();
    let readable = member.log.as_ref().filter(|scan| scan.unread().is_none());
    let valid = readable.and_then(|scan| valid_snapshots(scan, version).ok());
    let snapshots = judged.snapshots.iter().map(|envelope| {
        let id = envelope.index.zip(envelope.term).map(|(index, term)| SnapshotId { term, index });
        let recorded = id.zip(valid.as_ref()).map(|(id, valid)| valid.contains(id));
        EtcdSnapshotView { recorded, envelope: envelope.clone() }
    });
    let owner = member.owner();
    EtcdView {
        dir: member.place.display(),
        member_id: owner.map(|owner| EtcdId(owner.node_id)),
        cluster_id: owner.map(|owner| EtcdId(owner.cluster_id)),
        written_by: member.log.as_ref().and_then(Generation::that_wrote),
        log: log_view(member, version),
        store: store_view(member),
        buckets: match &member.store {
            StoreRead::Read(store) => {
                let bucket =
                    |bucket: &crate::readers::hraft::BucketFact| EtcdBucket { name: bucket.name.clone(), keys: bucket.keys };
                store.survey.buckets.iter().map(bucket).collect()
            }
            StoreRead::NotAsked | StoreRead::Absent | StoreRead::Unreadable(_) => Vec::new(),
        },
        snapshots: snapshots.collect(),
        starts,
        rules: judged.rules.len() as u64,
        taken: None,
    }
}

/// The log, where it was read.
pub(super) fn log_view(member: &EtcdMember, version: ServerVersion) -> Option<EtcdLogView> {
    let scan = member.log.as_ref().filter(|scan| scan.unread().is_none())?;
    let log = EffectiveLog::of(scan, version);
    let operations = operations(scan, &log.entries, version);
    Some(EtcdLogView {
        path: member.wal_path(),
        segments: scan.segments.len() as u64,
        size_bytes: scan.total_bytes(),
        records: log.records,
        entries: log.entries.count(),
        first_index: log.first_index().map(|LogIndex(index)| index),
        last_index: log.last_index().map(|LogIndex(index)| index),
        hard_state: log.hard_state.map(|state| HardStateView { term: state.term.0, vote: state.vote.0, commit: state.commit.0 }),
        snapshot_records: log.snapshots.len() as u64,
        operations: operations.into_iter().map(|(name, count)| (Cow::Borrowed(name), count)).collect(),
    })
}

/// The store, where it was read.
pub(super) fn store_view(member: &EtcdMember) -> Option<EtcdStoreView> {
    let store = member.store.read()?;
    Some(EtcdStoreView {
        path: member.store_path(),
        size_bytes: store.survey.size,
        consistent_index: store.content.consistent_index,
        term: store.content.term,
        storage_version: store.content.storage_version.clone(),
        revision: store.content.revision.map(|revision| revision.main),
        compacted_revision: store.content.compacted.map(|revision| revision.main),
        changes: store.content.changes,
        deletions: store.content.deletions,
        pages: store.survey.reached,
        problems: store.survey.problems.len() as u64 + store.survey.more_problems,
    })
}
