//! The peers file and the members of the group.

use super::Condition;
use crate::types::ServerVersion;

const MORE: &str = "ekv-tool inspect DIR/etcd-raft-peers.bin";
const DAMAGED_SAFE: &str = "Keep a copy. If the member list is known, a start with the right peers on the command line writes \
                            the file anew once the damaged one has been moved away; the snapshot's own membership must \
                            agree with it.";
const DAMAGED_NOT_SAFE: &str = "Do not start a node of a group that lives with --raftBootstrap: where the log is gone too, that begins \
                                a second group.";

conditions! {
    list PEERS;

    /// `invalid etcd raft peers magic`: the peers file does not begin with EKVP.
    pub static PEERS_MAGIC: Condition = Condition {
        name: "invalid etcd raft peers magic",
        says: &["invalid etcd raft peers magic"],
        engine: None,
        title: "the peers file does not begin with EKVP",
        meaning: "etcd-raft-peers.bin is read before everything else; its first four bytes are wrong, so that it is damaged or \
                  another file has its name.",
        decided_by: "Bytes 0 to 3 of etcd-raft-peers.bin.",
        safe: DAMAGED_SAFE,
        not_safe: DAMAGED_NOT_SAFE,
        more: MORE,
    };

    /// `unsupported etcd raft peers version`: the peers file has a version that this server does not read.
    pub static PEERS_VERSION: Condition = Condition {
        name: "unsupported etcd raft peers version",
        says: &["unsupported etcd raft peers version *"],
        engine: None,
        title: "the peers file has a version that this server does not read",
        meaning: "Version 3 is written by server main and read by main only: after one start of main, pr934 refuses the \
                  directory. Any other number is damage.",
        decided_by: "Bytes 4 to 7 of etcd-raft-peers.bin, big-endian.",
        safe: "Version 3: start server main again; a downgrade is not possible. Other numbers: treat the file as damaged.",
        not_safe: "Do not remove the file to force the downgrade: the store's catalog is of the newer kind too, and a start with \
                   --raftBootstrap begins a new group over the data.",
        more: MORE,
    };

    /// `persisted peer count N exceeds limit 1024`: a count or length in the peers file is impossible.
    pub static PEERS_LIMIT: Condition = Condition {
        name: "persisted peer count N exceeds limit 1024",
        says: &[
            "persisted peer count * exceeds limit",
            "persisted bootstrap seed count * exceeds limit",
            "peer id size * exceeds limit",
            "peer address size * exceeds limit",
        ],
        engine: None,
        title: "a count or length in the peers file is impossible",
        meaning: "No group has so many members and no name is so long: the file is damaged at or before that place.",
        decided_by: "The count at byte 16, or the length in front of a raft id or an address.",
        safe: DAMAGED_SAFE,
        not_safe: DAMAGED_NOT_SAFE,
        more: MORE,
    };

    /// `unknown peer suffrage byte`: a flag in the peers file has an impossible value.
    pub static PEERS_FLAG: Condition = Condition {
        name: "unknown peer suffrage byte",
        says: &["unknown peer suffrage byte *", "unknown bootstrap seed active byte *"],
        engine: None,
        title: "a flag in the peers file has an impossible value",
        meaning: "Suffrage is 0 (voter) or 1 (learner), the seed's flag 0 or 1. Another value means damage, often a few bytes \
                  before, where a length went wrong.",
        decided_by: "The byte behind a peer's node id, or behind the list of peers.",
        safe: DAMAGED_SAFE,
        not_safe: DAMAGED_NOT_SAFE,
        more: MORE,
    };

    /// `errClusterMismatch`: the members in the snapshot are not the members in the peers file.
    pub static CLUSTER_MISMATCH: Condition = Condition {
        name: "errClusterMismatch",
        says: &[
            "etcd raft persisted cluster does not match configured peers",
            "expected * voters got *",
            "expected * learners got *",
            "voter[*]=* expected *",
            "learner * not present in peers",
            "joint consensus state is not supported",
        ],
        engine: None,
        title: "the members in the snapshot are not the members in the peers file",
        meaning: "Both are on disk and must agree, unless the peers file is newer than the snapshot. The usual cause is a file \
                  that was copied from another node or another time, or a peers file that was edited.",
        decided_by: "The membership inside the chosen .snap against etcd-raft-peers.bin, and the index in that file (bytes 8 \
                     to 15).",
        safe: "Compare both with a node that runs. If the snapshot is right, put back the peers file that belongs to it.",
        not_safe: "Do not raise the index in the peers file to silence the check: the node would talk to the wrong members.",
        more: "ekv-tool snapshot ls DIR",
    };

    /// `bootstrap seed differs from persisted seed`: the bootstrap members on the command line are not those of the first start.
    pub static BOOTSTRAP_SEED: Condition = Condition {
        name: "bootstrap seed differs from persisted seed",
        says: &["bootstrap seed differs from persisted seed"],
        engine: Some(ServerVersion::Main),
        title: "the bootstrap members on the command line are not those of the first start",
        meaning: "Until its membership changes for the first time, a group remembers the list it was bootstrapped with and \
                  refuses another.",
        decided_by: "The seed at the end of a version 3 peers file, while its flag is 1.",
        safe: "Start with the original list, or without bootstrap flags: a bootstrapped group does not need them.",
        not_safe: "Do not delete the peers file.",
        more: MORE,
    };

    /// `errNoPeersConfigured`: there is no peers file and no list of peers on the command line.
    pub static NO_PEERS_CONFIGURED: Condition = Condition {
        name: "errNoPeersConfigured",
        says: &["etcd raft refuses to self-bootstrap"],
        engine: None,
        title: "there is no peers file and no list of peers on the command line",
        meaning: "The node does not know its group and refuses to begin one of its own. On a node that has run before this \
                  means that etcd-raft-peers.bin, or the whole directory, is missing: often a wrong path or an unmounted disk.",
        decided_by: "The absence of etcd-raft-peers.bin.",
        safe: "Check path and mount first. If only the file is missing, start with the group's real member list.",
        not_safe: "Do not use --raftBootstrap on a node of a group that lives: a lost directory plus a new group of one is a \
                   split brain.",
        more: "ekv-tool inspect DIR",
    };

    /// `errLocalPeerMissing`: this node is not among the members.
    pub static LOCAL_PEER_MISSING: Condition = Condition {
        name: "errLocalPeerMissing",
        says: &["etcd raft local peer is missing from cluster config"],
        engine: None,
        title: "this node is not among the members",
        meaning: "No peer has this node's id, raft id or address. A removed member exits with this at its next start, as it \
                  should. Otherwise the --raftId is another one than before.",
        decided_by: "The peers in etcd-raft-peers.bin against --raftId and the node's address.",
        safe: "If the node was removed, leave it stopped. If the raft id was changed, change it back: it is the name of the \
               node directory.",
        not_safe: "Do not start a removed member with bootstrap flags.",
        more: MORE,
    };

    /// `errPeerIDRequired`: a peer has neither a raft id nor a node id.
    pub static PEER_ID_REQUIRED: Condition = Condition {
        name: "errPeerIDRequired",
        says: &["etcd raft peer id is required"],
        engine: None,
        title: "a peer has neither a raft id nor a node id",
        meaning: "In a file this means zeroed bytes; on the command line an empty name.",
        decided_by: "Node id (8 bytes) and raft id of one peer in etcd-raft-peers.bin, or the flag.",
        safe: DAMAGED_SAFE,
        not_safe: DAMAGED_NOT_SAFE,
        more: MORE,
    };

    /// `errPeerAddressRequired`: a member's address is not known.
    pub static PEER_ADDRESS_REQUIRED: Condition = Condition {
        name: "errPeerAddressRequired",
        says: &["etcd raft peer address is required", "build peer inventory for config change"],
        engine: None,
        title: "a member's address is not known",
        meaning: "From the command line: a peer without address. From `build peer inventory for config change`: server main \
                  applies a membership change whose context does not give the new member's address, and stops there at every \
                  start.",
        decided_by: "The context of the membership change at the index in the text, and the addresses in etcd-raft-peers.bin.",
        safe: "See which entry and which node id it is. Any node that still runs can propose the change again with an address \
               only if a majority can start; otherwise ask for help with the directory as it is.",
        not_safe: "Do not truncate the log in front of the change: it is committed.",
        more: "ekv-tool gate-dryrun --plan DIR",
    };

    /// `errPeerNodeIDConflict`: two peers are one.
    pub static PEER_NODE_ID_CONFLICT: Condition = Condition {
        name: "errPeerNodeIDConflict",
        says: &["etcd raft peer node id collides", "duplicate peer id *"],
        engine: None,
        title: "two peers are one",
        meaning: "The same raft id occurs twice, or two raft ids have one node id: a damaged or edited peers file, or a flag \
                  that names a member twice.",
        decided_by: "Node ids and raft ids in etcd-raft-peers.bin; a node id is the FNV-1a hash of the raft id.",
        safe: DAMAGED_SAFE,
        not_safe: DAMAGED_NOT_SAFE,
        more: MORE,
    };

    /// `errPeerFormatInvalid`: a peer on the command line is not written id=host:port.
    pub static PEER_FORMAT_INVALID: Condition = Condition {
        name: "errPeerFormatInvalid",
        says: &["etcd raft peer format is invalid"],
        engine: None,
        title: "a peer on the command line is not written id=host:port",
        meaning: "The list of members could not be parsed.",
        decided_by: "The command line alone; no file is read.",
        safe: "Correct the list and start again.",
        not_safe: "Do not leave the list away on a node that has no peers file.",
        more: MORE,
    };

    /// `unexpected EOF`: a file ends in the middle of a field.
    pub static UNEXPECTED_EOF: Condition = Condition {
        name: "unexpected EOF",
        says: &["unexpected eof", ": eof", "eof"],
        engine: None,
        title: "a file ends in the middle of a field",
        meaning: "The text alone does not say which file. In the order of a start it is most often the peers file, then the log \
                  (where it means a torn write), then the payload of a snapshot that is being restored, or a membership \
                  change that does not decode.",
        decided_by: "The length of the file that was being read; `EOF` alone means that it ends exactly where a field starts.",
        safe: "Forecast the start: the tool names the file and the offset.",
        not_safe: "Do not append bytes to make a length fit.",
        more: "ekv-tool gate-dryrun DIR",
    };
}
