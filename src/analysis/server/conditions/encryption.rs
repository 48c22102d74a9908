//! The guards that run before anything is served on a node with encryption, and the key sidecar.

use super::Condition;
use crate::types::ServerVersion;

const SIDECAR: &str = "ekv-tool inspect KEYS.JSON";
const NO_EDIT: &str =
    "Do not edit the sidecar: a wrong epoch or key id leads to a nonce that is used twice, which gives the key away.";

conditions! {
    list ENCRYPTION;

    /// `ErrSidecarPresentWithoutFlag`: there are keys on disk and encryption was not asked for.
    pub static SIDECAR_PRESENT_WITHOUT_FLAG: Condition = Condition {
        name: "ErrSidecarPresentWithoutFlag",
        says: &["sidecar present on disk but --encryption-enabled is not set"],
        engine: None,
        title: "there are keys on disk and encryption was not asked for",
        meaning: "To go on would write clear text beside encrypted values, so the server refuses.",
        decided_by: "The presence of the sidecar file and the command line.",
        safe: "Start with --encryption-enabled and --kekFile, as before.",
        not_safe: "Do not remove the sidecar: the values in the store cannot be read without it.",
        more: SIDECAR,
    };

    /// `ErrKEKRequiredWithFlag`: encryption was asked for without a KEK.
    pub static KEK_REQUIRED_WITH_FLAG: Condition = Condition {
        name: "ErrKEKRequiredWithFlag",
        says: &["--encryption-enabled is set but no kek source"],
        engine: None,
        title: "encryption was asked for without a KEK",
        meaning: "The data keys in the sidecar are wrapped; --kekFile is missing.",
        decided_by: "The command line.",
        safe: "Start with --kekFile.",
        not_safe: "Do not drop --encryption-enabled instead.",
        more: SIDECAR,
    };

    /// `ErrKEKMismatch`: the KEK is not the one that wrapped the keys.
    pub static KEK_MISMATCH: Condition = Condition {
        name: "ErrKEKMismatch",
        says: &["configured kek cannot unwrap one or more wrapped deks"],
        engine: None,
        title: "the KEK is not the one that wrapped the keys",
        meaning: "At least one data key in the sidecar does not open under it: a wrong KEK file, or a damaged wrapped key.",
        decided_by: "keys.*.wrapped in the sidecar against the 32 bytes of the KEK file.",
        safe: "Find the KEK of this cluster. If one key alone does not open, take it from a bootstrap or rotation entry of the log \
               or from another node's sidecar.",
        not_safe: "Do not bootstrap encryption anew over existing data.",
        more: SIDECAR,
    };

    /// `ErrLocalEpochExhausted`: this node has started 65535 times under one key.
    pub static LOCAL_EPOCH_EXHAUSTED: Condition = Condition {
        name: "ErrLocalEpochExhausted",
        says: &["active dek has reached local_epoch=0xffff saturation"],
        engine: None,
        title: "this node has started 65535 times under one key",
        meaning: "The start counter is part of every nonce and may not wrap. The key has to be replaced.",
        decided_by: "local_epoch of the active key in the sidecar.",
        safe: "Rotate the key from another node, then start this one.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };

    /// `ErrUnsupportedFilesystem`: the file system under the sidecar cannot make a rename durable.
    pub static UNSUPPORTED_FILESYSTEM: Condition = Condition {
        name: "ErrUnsupportedFilesystem",
        says: &["filesystem does not support durable directory sync"],
        engine: None,
        title: "the file system under the sidecar cannot make a rename durable",
        meaning: "An fsync of the directory failed. On such a file system (NFS, some FUSE) the start counter could go back after a \
                  power cut.",
        decided_by: "A probe file beside the sidecar.",
        safe: "Put the sidecar on a local file system.",
        not_safe: "Do not continue by way of an older server.",
        more: SIDECAR,
    };

    /// `ErrNodeIDCollision`: two members share the low half of their node ids.
    pub static NODE_ID_COLLISION: Condition = Condition {
        name: "ErrNodeIDCollision",
        says: &["two distinct full_node_id values in the local route-catalog hash to the same 16-bit node_id"],
        engine: None,
        title: "two members share the low half of their node ids",
        meaning: "They would use the same nonces under one key.",
        decided_by: "The node ids of the peers.",
        safe: "Give one of them another raft id before it writes.",
        not_safe: "Do not start both with encryption on.",
        more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    };

    /// `ErrLocalEpochRollback`: the sidecar's start counter is behind what the store has seen.
    pub static LOCAL_EPOCH_ROLLBACK: Condition = Condition {
        name: "ErrLocalEpochRollback",
        says: &[
            "sidecar local_epoch for the active storage dek is at or below the local writer-registry",
            "local_epoch rollback after raft replay",
            "local_epoch rollback guard",
            "encryption startup guard: local_epoch rollback",
        ],
        engine: None,
        title: "the sidecar's start counter is behind what the store has seen",
        meaning: "Either the sidecar is an old copy, or the replay of the bootstrap entry has reset its counter to 0. To go on \
                  would use nonces again.",
        decided_by: "local_epoch in the sidecar against the last epoch in the writer registry of fsm.db.",
        safe: "If the sidecar was restored from a backup, put back the newer one. After a replay: rotate the key from a healthy \
               member, or let this node join again.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };

    /// `ErrSidecarBehindRaftLog`: the sidecar does not reflect an encryption entry that has been applied.
    pub static SIDECAR_BEHIND_RAFT_LOG: Condition = Condition {
        name: "ErrSidecarBehindRaftLog",
        says: &["sidecar raft_applied_index is behind the raftengine's persisted applied index"],
        engine: None,
        title: "the sidecar does not reflect an encryption entry that has been applied",
        meaning: "Between the sidecar's index and the applied index lies an entry that changes keys: the sidecar is older than the \
                  store.",
        decided_by: "raft_applied_index in the sidecar, the applied index, and the entries in between.",
        safe: "Put back the newer sidecar, or take the keys from the entries.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };

    /// The log no longer holds the entries that the sidecar would have to be compared with.
    pub static SIDECAR_GAP: Condition = Condition {
        name: "scan raft entries for encryption-relevant opcodes",
        says: &["scan raft entries (*, *] for encryption-relevant opcodes", "requested index is unavailable due to compaction"],
        engine: None,
        title: "the log no longer holds the entries that the sidecar would have to be compared with",
        meaning: "The sidecar's index moves only with encryption entries. Once a snapshot has compacted the log past it, the check \
                  cannot be made and every start is refused, although nothing is damaged. It is permanent.",
        decided_by: "raft_applied_index in the sidecar against the index of the snapshot that the start uses.",
        safe: "Propose an encryption entry (a key rotation) on a member that runs, and restart members one at a time, well within \
               the snapshot interval. A member that is already refused has to join again.",
        not_safe: "Do not set raft_applied_index to 0 without understanding that it switches the check off.",
        more: "ekv-tool gate-dryrun --sidecar KEYS.JSON DIR",
    };

    /// `ErrEnvelopeCutoverDivergence`: snapshot and sidecar disagree about where sealed entries begin.
    pub static ENVELOPE_CUTOVER_DIVERGENCE: Condition = Condition {
        name: "ErrEnvelopeCutoverDivergence",
        says: &["raft envelope cutover index differs between restored snapshot header and sidecar"],
        engine: Some(ServerVersion::Main),
        title: "snapshot and sidecar disagree about where sealed entries begin",
        meaning: "Both record the cutover index. They belong to different nodes or times.",
        decided_by: "The cutover in the header of the newest .fsm against raft_envelope_cutover_index in the sidecar.",
        safe: "Put the right sidecar in place.",
        not_safe: "Do not edit the index: entries would be taken for clear or sealed wrongly.",
        more: "ekv-tool gate-dryrun --sidecar KEYS.JSON DIR",
    };

    /// `ErrInsecureKEKFile`: the KEK file is readable by others or has a wrong size.
    pub static INSECURE_KEK_FILE: Condition = Condition {
        name: "ErrInsecureKEKFile",
        says: &["kek: file is group/world-accessible", "kek: file * is * bytes, want exactly *", "kek: file"],
        engine: None,
        title: "the KEK file is readable by others or has a wrong size",
        meaning: "It must be a regular file of exactly 32 bytes that only its owner can read. An editor's final newline makes it \
                  33.",
        decided_by: "Mode and size of the KEK file.",
        safe: "chmod 0600, or write the 32 bytes again without newline.",
        not_safe: "Do not generate a new one: the keys in the sidecar open under the old one only.",
        more: SIDECAR,
    };

    /// `sidecar reports raft envelope cutover active`: this server cannot open sealed entries.
    pub static CUTOVER_UNSUPPORTED: Condition = Condition {
        name: "sidecar reports raft envelope cutover active",
        says: &["sidecar reports raft envelope cutover active at index *"],
        engine: Some(ServerVersion::Pr934),
        title: "this server cannot open sealed entries",
        meaning: "The sidecar says that entries above an index are sealed. pr934 never opens any and refuses to start.",
        decided_by: "raft_envelope_cutover_index in the sidecar.",
        safe: "Start server main.",
        not_safe: "Do not set the index to 0.",
        more: SIDECAR,
    };

    /// `raft envelope runtime`: sealed entries do not go with this configuration.
    pub static ENVELOPE_RUNTIME: Condition = Condition {
        name: "raft envelope runtime",
        says: &[
            "active cutover requires active raft dek",
            "active raft envelope sidecar requires active raft dek",
            "active raft envelope sidecar requires exactly one shard group",
            "raft envelope cutover requires exactly one shard group",
        ],
        engine: Some(ServerVersion::Main),
        title: "sealed entries do not go with this configuration",
        meaning: "The raft envelope needs an active raft key in the sidecar and exactly one configured group, group 0 counted.",
        decided_by: "active.raft and raft_envelope_cutover_index in the sidecar; --raftGroups.",
        safe: "Start with the one group, and with the sidecar that has the key.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };

    /// `ErrSidecarVersion`: the sidecar is not JSON of a known version.
    pub static SIDECAR_VERSION: Condition = Condition {
        name: "ErrSidecarVersion",
        says: &["encryption: unsupported sidecar version", "encryption: parse sidecar"],
        engine: None,
        title: "the sidecar is not JSON of a known version",
        meaning: "Version 1 and 2 are read. The file is damaged, empty, or of a newer server.",
        decided_by: "The text of keys.json.",
        safe: "Look for keys.json.tmp beside it and for another node's sidecar; data keys are also in the log, wrapped.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };

    /// `ErrSidecarKey`: the sidecar contradicts itself.
    pub static SIDECAR_KEY: Condition = Condition {
        name: "ErrSidecarKey",
        says: &[
            "errsidecarpurpose",
            "errsidecarreservedkeyid",
            "errsidecaractivekeymissing",
            "errsidecaractivepurposemismatch",
            "encryption: unsupported sidecar key purpose",
            "encryption: sidecar key_id is not a decimal uint32",
            "encryption: sidecar key_id 0 is reserved",
            "encryption: sidecar active key_id has no entry in keys map",
            "encryption: sidecar active key_id references a key with mismatched purpose",
        ],
        engine: None,
        title: "the sidecar contradicts itself",
        meaning: "A key has an impossible name or purpose, or the active key is not among the keys or is for something else. \
                  Nothing protects the file against a changed character; it was edited or damaged.",
        decided_by: "`keys` and `active` in keys.json.",
        safe: "Put back an intact copy of this node's own sidecar.",
        not_safe: "Do not use another node's sidecar as it stands: its local_epoch values are that node's.",
        more: SIDECAR,
    };

    /// `ErrEnvelope`: something that should be sealed cannot be opened.
    pub static ENVELOPE: Condition = Condition {
        name: "ErrEnvelope",
        says: &[
            "errunknownkeyid",
            "errintegrity",
            "encryption: envelope shorter than header+tag",
            "encryption: unknown envelope version",
            "encryption: unknown key_id",
            "encryption: integrity check failed (gcm tag mismatch)",
        ],
        engine: None,
        title: "something that should be sealed cannot be opened",
        meaning: "Too short, of an unknown version, under a key that the sidecar does not have, or not authentic.",
        decided_by: "The 18 bytes of the envelope's header, its tag, and the keys in the sidecar.",
        safe: "Check that sidecar and KEK belong to this node before looking for damage.",
        not_safe: NO_EDIT,
        more: SIDECAR,
    };
}
