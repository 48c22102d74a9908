//! The run loop: entries that stop it, and payloads that are turned down without stopping it.

use super::Condition;
use crate::types::ServerVersion;

const PLAN: &str = "ekv-tool gate-dryrun --plan DIR";
const HALT_SAFE: &str = "Find out whether the other members stop at the same entry. On all of them: it was proposed that way, and a \
                         server that understands it is needed. On this one alone: its log or its registry is damaged; let it \
                         join again.";
const HALT_NOT_SAFE: &str = "Do not cut the entry out of the log: it is committed, and the other members have applied it.";
const REJECTED_SAFE: &str = "Nothing has to be done: the proposer was told, the entry counts as applied, the store did not move.";
const REJECTED_NOT_SAFE: &str = "Do not take this for the reason of a stopped node; look for another error.";

conditions! {
    list APPLY;

    /// `FSM-requested apply halt`: the state machine refuses an entry and the run loop ends.
    pub static APPLY_HALT: Condition = Condition {
        name: "FSM-requested apply halt",
        says: &["fsm-requested apply halt", "encryption fsm apply requested halt"],
        engine: None,
        title: "the state machine refuses an entry and the run loop ends",
        meaning: "An encryption entry could not be applied. To go on would leave this node with other keys than the rest, so it \
                  stops instead, at this entry, at every start. A node with one voter fails to open; others stay up with the \
                  group shut down.",
        decided_by: "The entry that is being applied, and what the rest of the text says about it.",
        safe: HALT_SAFE,
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrFSMWireMalformed`: an encryption entry is cut or has a wrong length.
    pub static FSM_WIRE_MALFORMED: Condition = Condition {
        name: "ErrFSMWireMalformed",
        says: &["fsmwire: payload is malformed"],
        engine: None,
        title: "an encryption entry is cut or has a wrong length",
        meaning: "Registration, bootstrap and rotation entries have exact layouts; this one does not fit. The words in front say \
                  which field.",
        decided_by: "The payload of the entry, behind tag 03, 04 or 05.",
        safe: HALT_SAFE,
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrFSMWireVersion`: an encryption entry has an unknown version.
    pub static FSM_WIRE_VERSION: Condition = Condition {
        name: "ErrFSMWireVersion",
        says: &["fsmwire: unknown wire version"],
        engine: None,
        title: "an encryption entry has an unknown version",
        meaning: "A newer server proposed it, or its second byte is damaged.",
        decided_by: "The byte behind the tag of the payload; only 01 exists.",
        safe: HALT_SAFE,
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrFSMWireSubtag`: a key rotation entry asks for something this server cannot do.
    pub static FSM_WIRE_SUBTAG: Condition = Condition {
        name: "ErrFSMWireSubtag",
        says: &["fsmwire: unknown rotation sub-tag"],
        engine: None,
        title: "a key rotation entry asks for something this server cannot do",
        meaning: "Sub-tags 02 and 03 are reserved for a newer server, others do not exist.",
        decided_by: "The third byte of the payload of the entry.",
        safe: HALT_SAFE,
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrEncryptionApply`: an encryption entry failed or is of a kind from the future.
    pub static ENCRYPTION_APPLY: Condition = Condition {
        name: "ErrEncryptionApply",
        says: &["encryption: fsm apply failed; halting apply", "unknown encryption opcode *", "no encryptionapplier wired"],
        engine: None,
        title: "an encryption entry failed or is of a kind from the future",
        meaning: "Tags 06 and 07 are reserved; an entry with one stops the node so that it is not silently passed over.",
        decided_by: "The first byte of the payload of the entry.",
        safe: HALT_SAFE,
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `writer-registry local_epoch rollback`: an old registration of a writer is applied again after a newer one.
    pub static REGISTRY_ROLLBACK: Condition = Condition {
        name: "writer-registry local_epoch rollback",
        says: &["writer-registry local_epoch rollback at *"],
        engine: None,
        title: "an old registration of a writer is applied again after a newer one",
        meaning: "Encryption entries do not move the store's applied index, but their rows survive in the store. After two starts \
                  without a write in between, a start that skips the restore applies the older registration over the newer row \
                  and stops there, at every start. Nothing is damaged; the server cannot get past it by itself.",
        decided_by: "Registrations in the log behind the applied index, against the writer registry in fsm.db.",
        safe: "Keep a copy. A start that restores from the newest snapshot (store set aside, snapshot verified) rebuilds the \
               registry from before both registrations.",
        not_safe: "Do not delete registry rows by hand: they are what keeps a nonce from being used twice.",
        more: PLAN,
    };

    /// `ErrWriterUint16Collision`: two nodes share the low half of their node ids.
    pub static WRITER_COLLISION: Condition = Condition {
        name: "ErrWriterUint16Collision",
        says: &["writer registry uint16 collision"],
        engine: None,
        title: "two nodes share the low half of their node ids",
        meaning: "Nonces contain only 16 bits of the node id; the slot belongs to another node, so that this one may not write \
                  under the same key.",
        decided_by: "The registry row of that slot in fsm.db and the node id in the entry.",
        safe: "Give the newer node another raft id.",
        not_safe: "Do not remove the other node's row.",
        more: PLAN,
    };

    /// `removed`: the node applied its own removal; a description, since the server logs nothing.
    pub static OWN_REMOVAL: Condition = Condition {
        name: "removed",
        says: &["this node's own removal is applied"],
        engine: None,
        title: "the node has applied its own removal from the group",
        meaning: "A committed membership change removes this node. Its engine applies the change and stops without an error: the \
                  process lives on with a dead group, and nothing is logged.",
        decided_by: "The membership change in the log, at or below the commit.",
        safe: "Leave the node stopped: it is no member any more. To bring the machine back, let it join as a new member.",
        not_safe: "Do not start it with bootstrap flags, and do not count it as a copy of the data.",
        more: PLAN,
    };

    /// `etcd raft engine is closed`: the only peer in the file applied its own removal before it was up.
    pub static ENGINE_CLOSED: Condition = Condition {
        name: "etcd raft engine is closed",
        says: &["etcd raft engine is closed", "engine is closed"],
        engine: None,
        title: "the group was shut down before it was up",
        meaning: "The start waits for a group that has already stopped: a node that is alone in its peers file applied its own \
                  removal, or a halt came before the first answer.",
        decided_by: "The membership changes behind the snapshot against etcd-raft-peers.bin.",
        safe: "See the entry that stops it. A removed node stays stopped.",
        not_safe: "Do not start it again and again: it ends at the same entry each time.",
        more: PLAN,
    };

    /// `ErrKEKNotConfigured`: a key has to be unwrapped and this node has no KEK.
    pub static KEK_NOT_CONFIGURED: Condition = Condition {
        name: "ErrKEKNotConfigured",
        says: &["kek not configured on this node"],
        engine: None,
        title: "a key has to be unwrapped and this node has no KEK",
        meaning: "A bootstrap or rotation entry brings a wrapped data key; without the key encryption key the node cannot use it \
                  and stops.",
        decided_by: "The command line (--kekFile) and a tag 04 or 05 entry in the log.",
        safe: "Start with --encryption-enabled and --kekFile.",
        not_safe: HALT_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrRaftUnwrapFailed`: a sealed entry cannot be opened.
    pub static RAFT_UNWRAP_FAILED: Condition = Condition {
        name: "ErrRaftUnwrapFailed",
        says: &[
            "raft envelope unwrap failed; halting apply",
            "raftengine/etcd: raft envelope unwrap",
            "entry past raft envelope cutover but no raft cipher wired",
            "raft envelope cutover active but no cipher configured",
        ],
        engine: Some(ServerVersion::Main),
        title: "a sealed entry cannot be opened",
        meaning: "Above the cutover index every proposal is encrypted. This one does not authenticate, its key is not in the \
                  sidecar, or the server runs without keys. An old or foreign sidecar is the usual cause.",
        decided_by: "The envelope in the entry (key id, tag) against the keys of the sidecar; the cutover index in the sidecar.",
        safe: "Check that sidecar and KEK belong to this node. A lost data key can be had again from the log: bootstrap and \
               rotation entries carry it wrapped.",
        not_safe: "Do not edit the cutover index in the sidecar: it decides which entries are taken for sealed.",
        more: "ekv-tool inspect KEYS.JSON",
    };

    /// `ErrInvalidRequest`: a request was turned down.
    pub static INVALID_REQUEST: Condition = Condition {
        name: "ErrInvalidRequest",
        says: &["invalid request"],
        engine: None,
        title: "a request was turned down",
        meaning: "An empty payload or batch, an empty key, or a raw write into a transaction's own keys. Not fatal.",
        decided_by: "The payload of the entry.",
        safe: REJECTED_SAFE,
        not_safe: REJECTED_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrUnknownRequestType`: a request of an unknown kind was turned down.
    pub static UNKNOWN_REQUEST_TYPE: Condition = Condition {
        name: "ErrUnknownRequestType",
        says: &["unknown request type"],
        engine: None,
        title: "a request of an unknown kind was turned down",
        meaning: "Its operation or phase is not one that this server knows. Not fatal.",
        decided_by: "The payload of the entry.",
        safe: REJECTED_SAFE,
        not_safe: REJECTED_NOT_SAFE,
        more: PLAN,
    };

    /// `hlc lease: expected 8 bytes`: a clock lease of a wrong length was turned down.
    pub static LEASE_LENGTH: Condition = Condition {
        name: "hlc lease: expected 8 bytes",
        says: &["hlc lease: expected * bytes, got *"],
        engine: None,
        title: "a clock lease of a wrong length was turned down",
        meaning: "The clock ceiling does not move because of it. Not fatal; the next lease comes within a second.",
        decided_by: "The payload of the entry behind tag 02.",
        safe: REJECTED_SAFE,
        not_safe: REJECTED_NOT_SAFE,
        more: PLAN,
    };

    /// `ErrTxnMetaMissing`: a transaction without usable metadata was turned down.
    pub static TXN_META_MISSING: Condition = Condition {
        name: "ErrTxnMetaMissing",
        says: &[
            "errtxninvalidmeta",
            "errtxncommittsrequired",
            "errtxnprimarykeyrequired",
            "txn meta missing",
            "txn meta invalid",
            "txn commit ts required",
            "txn primary key required",
            "txn meta: *",
        ],
        engine: None,
        title: "a transaction without usable metadata was turned down",
        meaning: "The first mutation of a transaction carries its primary key and timestamps. Here it is missing or does not \
                  decode. Not fatal.",
        decided_by: "The first mutation of the request in the entry.",
        safe: REJECTED_SAFE,
        not_safe: REJECTED_NOT_SAFE,
        more: PLAN,
    };
}
