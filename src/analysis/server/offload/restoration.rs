//! What `elastickv-snapshot-offload restore` would do with a destination, in its order and words.

use std::collections::HashSet;

use super::RestoreForecast;
use super::refusal::Refusal;
use crate::analysis::server::conditions;
use crate::readers::offload::LeftKind;
use crate::types::{NodeId, UnixMillis, go_quoted};

/// A download that is older than this is removed by the next restore, in milliseconds.
const STALE_MS: u64 = 7 * 24 * 3600 * 1000;

/// Bytes of the segment that a restored directory begins its log with.
pub const SEGMENT_BYTES: u64 = 64_000_000;

/// A peer of `--peers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePeer {
    /// Its raft id.
    pub id: String,
    /// The hash of that.
    pub node_id: NodeId,
}

/// The peers in the text of `--peers`, in the order of their node ids.
pub fn parse_peers(text: &str) -> Result<Vec<RestorePeer>, Refusal> {
    let refused = |text: String| Err(Refusal::plain(text, &conditions::OFFLOAD_PEERS_REFUSED));
    if text.trim().is_empty() {
        return refused("--peers is required".to_owned());
    }
    let mut peers = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=').map(|(id, address)| (id.trim(), address.trim())) {
            Some((id, address)) if !id.is_empty() && !address.is_empty() => {
                peers.push(RestorePeer { id: id.to_owned(), node_id: NodeId::of_raft_id(id) });
            }
            _ => return refused(format!("parse peers: {}: etcd raft peer format is invalid", go_quoted(part.as_bytes()))),
        }
    }
    if peers.is_empty() {
        return refused("--peers selected zero peers".to_owned());
    }
    let mut seen = HashSet::new();
    if let Some(twice) = peers.iter().find(|peer| !seen.insert(peer.node_id)) {
        return refused(format!("duplicate peer node id {}", twice.node_id.0));
    }
    peers.sort_by_key(|peer| peer.node_id);
    Ok(peers)
}

/// What stands in the way of a destination, as far as names decide it.
#[derive(Debug, Clone, Copy)]
pub struct Way<'w> {
    /// The destination as the server's texts name it.
    pub destination: &'w str,
    /// Something stands there that the server sees: no link to nothing.
    pub taken: bool,
    /// A link to nothing stands there.
    pub dangling: bool,
    /// `<destination>.restore-prep` stands there.
    pub prepared: bool,
}

/// The first error on the way of a restore, or how its look at manifest and payload ends. `manifest_passes` says that the manifest
/// itself is accepted, so that what `store` refuses is the payload.
pub fn restore_into(way: Way<'_>, store: &RestoreForecast, manifest_passes: bool) -> RestoreForecast {
    let exists = |what: &str, path: &str| RestoreForecast {
        status: Some(1),
        error: Some(format!("{what} exists: {path}: etcd external snapshot restore: destination already exists")),
    };
    if !manifest_passes {
        return store.clone();
    }
    if way.taken {
        return exists("destination", way.destination);
    }
    if !store.is_restored() {
        return store.clone();
    }
    if way.prepared {
        return exists("prepare physical snapshot restore: temporary destination", &format!("{}.restore-prep", way.destination));
    }
    if way.dangling {
        return exists("prepare physical snapshot restore: destination", way.destination);
    }
    store.clone()
}

/// Whether the next restore removes what is left of another one.
pub fn is_removed(kind: LeftKind, modified: Option<UnixMillis>, now: UnixMillis) -> bool {
    kind == LeftKind::Download && modified.is_some_and(|modified| now.0.saturating_sub(modified.0) >= STALE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_refused_as_the_program_does() {
        let refusal = |text: &str| parse_peers(text).unwrap_err().error;
        assert_eq!(refusal(" "), "--peers is required");
        assert_eq!(refusal(","), "--peers selected zero peers");
        assert_eq!(refusal("n1=a,n2"), "parse peers: \"n2\": etcd raft peer format is invalid");
        assert_eq!(refusal("n1=a, =b"), "parse peers: \"=b\": etcd raft peer format is invalid");
        assert_eq!(refusal("n1=a,n1=b"), "duplicate peer node id 626980046172116160");
        // Two peers with one address are taken.
        let ids: Vec<_> = parse_peers("n2=a:1, n1=a:1,").unwrap().into_iter().map(|peer| peer.id).collect();
        assert_eq!(ids.len(), 2);
    }

    #[test]
    fn the_order_is_the_programs() {
        let passed = RestoreForecast { status: Some(0), error: None };
        let bad = RestoreForecast { status: Some(2), error: Some("payload".to_owned()) };
        let free = Way { destination: "d", taken: false, dangling: false, prepared: false };
        let text = |way, store: &RestoreForecast, passes| restore_into(way, store, passes).error.unwrap_or_default();
        assert_eq!(text(free, &passed, true), "");
        let all = Way { taken: true, dangling: true, prepared: true, ..free };
        assert_eq!(text(all, &bad, false), "payload");
        assert!(text(all, &bad, true).starts_with("destination exists: d: "));
        let prepared = Way { taken: false, ..all };
        assert_eq!(text(prepared, &bad, true), "payload");
        assert!(
            text(prepared, &passed, true)
                .starts_with("prepare physical snapshot restore: temporary destination exists: d.restore-prep: ")
        );
    }
}
