//! Whether a server accepts the members it finds on disk.

use std::collections::{BTreeMap, BTreeSet};

use super::ServerError;
use super::conditions::{self, Condition};
use crate::formats::peers::{Peer, PeersFile, Suffrage};
use crate::formats::raftpb::ConfState;
use crate::formats::{DecodeError, DecodeErrorKind};
use crate::types::{LogIndex, NodeId, go_quoted};

const LOCAL_MISSING: &str = "etcd raft local peer is missing from cluster config";
const NODE_ID_CONFLICT: &str = "etcd raft peer node id collides";
const CLUSTER_MISMATCH: &str = "etcd raft persisted cluster does not match configured peers";
const NO_PEERS: &str = "etcd raft refuses to self-bootstrap: no persisted peers and no peer list was supplied; pass \
                        --raftBootstrapMembers or --raftBootstrap to start a fresh cluster";

/// The node that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalNode<'a> {
    /// Its raft id, from the name of the node directory or the command line.
    pub raft_id: &'a str,
    /// Its address, where it is known. Without it a peer that matches by address alone is not recognised.
    pub address: Option<&'a str>,
}

impl LocalNode<'_> {
    /// Hash of the raft id.
    pub fn node_id(&self) -> NodeId {
        NodeId::of_raft_id(self.raft_id)
    }
}

/// A member after the server has filled in what was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Node id, never 0.
    pub node_id: NodeId,
    /// Whether it votes.
    pub suffrage: Suffrage,
    /// Raft id, never empty.
    pub id: Vec<u8>,
    /// `host:port`; may be empty.
    pub address: Vec<u8>,
}

/// The refusal of a start that finds no peers file and is given no list of peers.
pub fn no_peers_configured() -> ServerError {
    ServerError::of(&conditions::NO_PEERS_CONFIGURED, NO_PEERS)
}

/// The server's words for a peers file, or one of the persisted state files, that does not decode.
pub fn decode_refusal(error: &DecodeError) -> ServerError {
    match &error.kind {
        DecodeErrorKind::Truncated { available: 0, .. } => ServerError::of(&conditions::UNEXPECTED_EOF, "EOF").named("EOF"),
        DecodeErrorKind::Truncated { .. } => ServerError::plain(&conditions::UNEXPECTED_EOF),
        DecodeErrorKind::BadMagic { what, .. } => named(
            if *what == "etcd raft peers" { &conditions::PEERS_MAGIC } else { &conditions::LEGACY_MAGIC },
            format!("invalid {what} magic"),
            "",
        ),
        DecodeErrorKind::Unknown { what, found } => {
            let (adjective, condition) = match *what {
                "etcd raft peers version" => ("unsupported", &conditions::PEERS_VERSION),
                what if what.ends_with("version") => ("unsupported", &conditions::LEGACY_MAGIC),
                _ => ("unknown", &conditions::PEERS_FLAG),
            };
            named(condition, format!("{adjective} {what}"), &format!(" {found}"))
        }
        DecodeErrorKind::Limit { what, found, limit } => {
            let of_peers = ["peer", "bootstrap seed"].iter().any(|word| what.contains(word));
            let condition = if of_peers { &conditions::PEERS_LIMIT } else { &conditions::LEGACY_LIMIT };
            named(condition, (*what).to_owned(), &format!(" {found} exceeds limit {limit}"))
        }
        DecodeErrorKind::Invalid { what: "peer", detail } => ServerError::of(&conditions::PEER_ID_REQUIRED, detail.clone()),
        kind => named(&conditions::UNEXPECTED_EOF, kind.to_string(), ""),
    }
}

fn named(condition: &'static Condition, name: String, rest: &str) -> ServerError {
    let text = format!("{name}{rest}");
    ServerError::of(condition, text).named(name)
}

/// Fills in what was left out and checks that the local node is a member and that no two members are one. The result is in
/// the order of node ids, with the local node's own id where a peer was recognised as it.
pub fn normalize(local: &LocalNode<'_>, peers: &[Peer<'_>]) -> Result<Vec<Member>, ServerError> {
    let mut members = Vec::new();
    let mut by_node_id: BTreeMap<NodeId, Vec<u8>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut found_local = false;
    for peer in peers {
        let mut member = fill_in(peer);
        if is_local(local, &member) {
            found_local = true;
            if local.node_id() != NodeId(0) {
                member.node_id = local.node_id();
                member.id = local.raft_id.as_bytes().to_vec();
            }
            if let Some(address) = local.address {
                member.address = address.as_bytes().to_vec();
            }
        }
        if let Some(existing) = by_node_id.get(&member.node_id).filter(|existing| **existing != member.id) {
            let detail = format!("{} and {} map to {}", go_quoted(existing), go_quoted(&member.id), member.node_id.0);
            return Err(ServerError::of(&conditions::PEER_NODE_ID_CONFLICT, NODE_ID_CONFLICT).wrapped(&detail));
        }
        if !ids.insert(member.id.clone()) {
            let detail = format!("duplicate peer id {}", go_quoted(&member.id));
            return Err(ServerError::of(&conditions::PEER_NODE_ID_CONFLICT, NODE_ID_CONFLICT).wrapped(&detail));
        }
        by_node_id.insert(member.node_id, member.id.clone());
        members.push(member);
    }
    if !found_local {
        return Err(ServerError::of(&conditions::LOCAL_PEER_MISSING, LOCAL_MISSING));
    }
    members.sort_by_key(|member| member.node_id);
    Ok(members)
}

fn fill_in(peer: &Peer<'_>) -> Member {
    let node_id = match peer.node_id {
        NodeId(0) => NodeId::of_bytes(peer.id),
        given => given,
    };
    let id = match (peer.id, peer.address) {
        (b"", b"") => node_id.0.to_string().into_bytes(),
        (b"", address) => address.to_vec(),
        (id, _) => id.to_vec(),
    };
    Member { node_id, suffrage: peer.suffrage, id, address: peer.address.to_vec() }
}

fn is_local(local: &LocalNode<'_>, member: &Member) -> bool {
    (local.node_id() != NodeId(0) && member.node_id == local.node_id())
        || (!local.raft_id.is_empty() && member.id == local.raft_id.as_bytes())
        || local.address.is_some_and(|address| !address.is_empty() && member.address == address.as_bytes())
}

/// Compares the membership in the chosen snapshot with the members of the peers file. Not done for a start without
/// snapshot, for a membership without voters, and when the file is newer than the snapshot.
pub fn check_conf_state(
    snapshot_index: LogIndex,
    conf_state: &ConfState,
    file_index: Option<LogIndex>,
    members: &[Member],
) -> Result<(), ServerError> {
    let newer = file_index.is_some_and(|index| index > snapshot_index);
    if members.is_empty() || snapshot_index == LogIndex(0) || conf_state.voters.is_empty() || newer {
        return Ok(());
    }
    let mismatch = |detail: String| Err(ServerError::of(&conditions::CLUSTER_MISMATCH, CLUSTER_MISMATCH).wrapped(&detail));
    if conf_state.is_joint() {
        return mismatch("joint consensus state is not supported".to_owned());
    }
    let of = |suffrage| members.iter().filter(move |member| member.suffrage == suffrage).map(|member| member.node_id);
    let voters: Vec<_> = of(Suffrage::Voter).collect();
    if conf_state.voters.len() != voters.len() {
        return mismatch(format!("expected {} voters got {}", voters.len(), conf_state.voters.len()));
    }
    for (position, (found, expected)) in conf_state.voters.iter().zip(&voters).enumerate() {
        if found != expected {
            return mismatch(format!("voter[{position}]={} expected {}", found.0, expected.0));
        }
    }
    let learners: BTreeSet<_> = of(Suffrage::Learner).collect();
    if conf_state.learners.len() != learners.len() {
        return mismatch(format!("expected {} learners got {}", learners.len(), conf_state.learners.len()));
    }
    match conf_state.learners.iter().find(|learner| !learners.contains(learner)) {
        Some(learner) => mismatch(format!("learner {} not present in peers", learner.0)),
        None => Ok(()),
    }
}

/// Everything about the peers that a start checks before it looks at snapshots and the log.
pub fn accept(local: &LocalNode<'_>, file: Option<&PeersFile<'_>>) -> Result<Vec<Member>, ServerError> {
    match file {
        Some(file) if !file.peers.is_empty() => normalize(local, &file.peers),
        // An empty list counts as one that is known, so that the node takes itself for the only member.
        Some(_) => Ok(vec![Member {
            node_id: local.node_id(),
            suffrage: Suffrage::Voter,
            id: local.raft_id.as_bytes().to_vec(),
            address: local.address.unwrap_or_default().as_bytes().to_vec(),
        }]),
        None => Err(no_peers_configured()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::peers::tests::{encode, peer};
    use crate::types::ServerVersion;

    const N1: LocalNode<'_> = LocalNode { raft_id: "n1", address: None };

    fn refusal(result: Result<impl std::fmt::Debug, ServerError>) -> (String, String) {
        let error = result.unwrap_err();
        (error.error.into_owned(), error.text)
    }

    fn members(ids: &[&str]) -> Vec<Member> {
        let peers: Vec<_> = ids.iter().map(|id| peer(id)).collect();
        normalize(&N1, &peers).unwrap()
    }

    fn ids(ids: &[&str]) -> Vec<NodeId> {
        let mut ids: Vec<_> = ids.iter().map(|id| NodeId::of_raft_id(id)).collect();
        ids.sort();
        ids
    }

    #[test]
    fn a_damaged_file_is_refused_in_the_servers_words() {
        let file = encode(2, 1, &[peer("n1")], None);
        let text = |bytes: &[u8]| decode_refusal(&PeersFile::decode(bytes, ServerVersion::Pr934).unwrap_err());
        let changed = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] = byte;
            text(&file)
        };
        assert_eq!(text(&file[..20]).text, "EOF");
        assert_eq!(text(&file[..7]).text, "unexpected EOF");
        assert_eq!(text(&file[..file.len() - 1]).text, "unexpected EOF");
        assert_eq!(changed(0, b'X').text, "invalid etcd raft peers magic");
        let version = changed(7, 3);
        assert_eq!(version.error, "unsupported etcd raft peers version");
        assert_eq!(version.text, "unsupported etcd raft peers version 3");
        assert_eq!(changed(28, 9).text, "unknown peer suffrage byte 9");
        assert_eq!(changed(18, 0x14).text, "persisted peer count 5121 exceeds limit 1024");
        assert_eq!(changed(29, 0x80).text, "peer id size 2147483650 exceeds limit 1048576");
        let nameless = Peer { node_id: NodeId(0), id: b"", ..peer("n1") };
        let error = text(&encode(2, 1, &[nameless], None));
        assert_eq!((error.error.as_ref(), error.text.as_str()), ("errPeerIDRequired", "etcd raft peer id is required"));
    }

    #[test]
    fn the_local_node_must_be_a_member() {
        assert_eq!(refusal(normalize(&N1, &[peer("n2")])), ("errLocalPeerMissing".into(), LOCAL_MISSING.into()));
        let by_address = LocalNode { raft_id: "n9", address: Some("127.0.0.1:7001") };
        assert_eq!(normalize(&by_address, &[peer("n2")]).unwrap()[0].id, b"n9");
        assert_eq!(refusal(accept(&N1, None)).0, "errNoPeersConfigured");
    }

    #[test]
    fn a_wrong_node_id_is_corrected_for_the_local_node_only() {
        let wrong = Peer { node_id: NodeId(77), ..peer("n1") };
        assert_eq!(normalize(&N1, &[wrong]).unwrap(), members(&["n1"]));
        let other = Peer { node_id: NodeId(77), ..peer("n2") };
        let both = normalize(&N1, &[peer("n1"), other]).unwrap();
        assert_eq!(both[0].node_id, NodeId(77));
    }

    #[test]
    fn members_are_one_each() {
        let twice = normalize(&N1, &[peer("n1"), peer("n1")]);
        assert_eq!(refusal(twice).1, "duplicate peer id \"n1\": etcd raft peer node id collides");
        let clash = Peer { node_id: peer("n1").node_id, ..peer("n2") };
        let text = refusal(normalize(&N1, &[clash, peer("n1")])).1;
        assert_eq!(text, "duplicate peer id \"n1\": etcd raft peer node id collides", "the first is taken for the local node");
        let clash = Peer { node_id: NodeId(5), ..peer("n2") };
        let clash_2 = Peer { node_id: NodeId(5), ..peer("n3") };
        let text = refusal(normalize(&N1, &[peer("n1"), clash, clash_2])).1;
        assert_eq!(text, "\"n2\" and \"n3\" map to 5: etcd raft peer node id collides");
    }

    #[test]
    fn what_was_left_out_is_filled_in() {
        let nameless = Peer { node_id: NodeId(5), id: b"", ..peer("n1") };
        let bare = Peer { address: b"", node_id: NodeId(6), ..nameless };
        let hashed = Peer { node_id: NodeId(0), ..peer("n2") };
        let members = normalize(&N1, &[nameless, bare, hashed, peer("n1")]).unwrap();
        let seen: Vec<_> = members.iter().map(|m| (m.node_id, m.id.as_slice())).collect();
        assert_eq!(
            seen,
            [
                (NodeId(5), &b"127.0.0.1:7001"[..]),
                (NodeId(6), b"6"),
                (NodeId::of_raft_id("n1"), b"n1"),
                (NodeId::of_raft_id("n2"), b"n2")
            ]
        );
    }

    #[test]
    fn the_snapshots_members_must_be_the_peers() {
        let check = |conf: &ConfState, members: &[Member]| check_conf_state(LogIndex(10), conf, Some(LogIndex(10)), members);
        let three = members(&["n1", "n2", "n3"]);
        let voters = ConfState { voters: ids(&["n1", "n2", "n3"]), ..ConfState::default() };
        assert_eq!(check(&voters, &three), Ok(()));
        let text = |result| refusal(result).1;
        let tail = "etcd raft persisted cluster does not match configured peers";
        assert_eq!(text(check(&voters, &members(&["n1"]))), format!("expected 1 voters got 3: {tail}"));
        let mut swapped = voters.clone();
        swapped.voters.swap(0, 1);
        let found = swapped.voters[0].0;
        let wanted = swapped.voters[1].0;
        assert_eq!(text(check(&swapped, &three)), format!("voter[0]={found} expected {wanted}: {tail}"));
        let learner = ConfState { learners: vec![NodeId(4)], ..voters.clone() };
        assert_eq!(text(check(&learner, &three)), format!("expected 0 learners got 1: {tail}"));
        let other = Peer { suffrage: Suffrage::Learner, node_id: NodeId(5), ..peer("n5") };
        let with_other = normalize(&N1, &[peer("n1"), peer("n2"), peer("n3"), other]).unwrap();
        assert_eq!(text(check(&learner, &with_other)), format!("learner 4 not present in peers: {tail}"));
        let joint = ConfState { auto_leave: true, ..voters.clone() };
        assert_eq!(text(check(&joint, &three)), format!("joint consensus state is not supported: {tail}"));
    }

    #[test]
    fn the_comparison_is_skipped_where_the_server_skips_it() {
        let one = members(&["n1"]);
        let three = ConfState { voters: ids(&["n1", "n2", "n3"]), ..ConfState::default() };
        assert_eq!(check_conf_state(LogIndex(0), &three, Some(LogIndex(0)), &one), Ok(()));
        assert_eq!(check_conf_state(LogIndex(10), &three, Some(LogIndex(15)), &one), Ok(()));
        assert_eq!(check_conf_state(LogIndex(10), &ConfState::default(), Some(LogIndex(1)), &one), Ok(()));
        assert!(check_conf_state(LogIndex(10), &three, None, &one).is_err());
    }
}
