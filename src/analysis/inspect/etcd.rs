//! Files of a member of etcd, by themselves.

use super::{Description, List};
use crate::analysis::hraft::findings::judge_bolt;
use crate::readers::etcd::EtcdStore;
use crate::readers::wal::WalScan;

/// The store.
pub(super) fn store(page: &mut Description, path: &str, bytes: &[u8]) {
    let store = EtcdStore::of_bytes(bytes);
    judge_bolt(path, &store.survey, &mut page.findings);
    page.fact("consistent_index", store.content.consistent_index, text(store.content.consistent_index));
    page.fact("term", store.content.term, text(store.content.term));
    let revision = store.content.revision.map(|revision| revision.main);
    page.fact("revision", revision, text(revision));
    let compacted = store.content.compacted.map(|revision| revision.main);
    page.fact("compacted_revision", compacted, text(compacted));
    page.plain("changes", store.content.changes);
    page.plain("deletions", store.content.deletions);
    page.plain("pages", store.survey.reached);
    let rows = store.survey.buckets.iter().map(|bucket| vec![bucket.name.clone(), bucket.keys.to_string()]).collect();
    page.lists.push(List { name: "buckets", columns: &["bucket", ">keys"], rows });
    page.coverage.skipped("the log and the snapshots of the member", "check and gate-dryrun take its data directory");
}

/// Whose log a segment is a part of.
pub(super) fn owner(page: &mut Description, scan: &WalScan) {
    if let Some(owner) = scan.owner.etcd() {
        let value =
            serde_json::json!({ "member_id": format!("{:x}", owner.node_id), "cluster_id": format!("{:x}", owner.cluster_id) });
        page.fact("etcd", value, format_args!("member {:x} of cluster {:x}", owner.node_id, owner.cluster_id));
    }
}

fn text(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
