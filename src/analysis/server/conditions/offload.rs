//! Publishing snapshots to an object store and restoring from there.

use super::Condition;

const VERIFY: &str = "ekv-tool verify-snapshot DIR";

conditions! {
    list OFFLOAD;

    /// A manifest was changed after it was published.
    pub static OFFLOAD_MANIFEST_SHA256: Condition = Condition {
        name: "snapshot offload: manifest sha256",
        says: &["manifest sha256 *, expected *"],
        engine: None,
        title: "a manifest was changed after it was published",
        meaning: "The manifest holds the SHA-256 of its own fields, and they have another one now. A field was edited, or bytes changed. The \
                  payload was not looked at and may be intact.",
        decided_by: "manifest_sha256 against SHA-256 over the text that the server would write for the other fields.",
        safe: "Restore another snapshot of the group. Publish this one again under another prefix if a node still has it.",
        not_safe: "Do not put the expected digest into the file: the field that changed stays wrong.",
        more: VERIFY,
    };

    /// A manifest was moved or copied to another key.
    pub static OFFLOAD_MANIFEST_KEY_MISMATCH: Condition = Condition {
        name: "snapshot offload: manifest key mismatch",
        says: &["manifest key mismatch: loaded *, body says *"],
        engine: None,
        title: "a manifest was moved or copied to another key",
        meaning: "The manifest is whole and says that it lies elsewhere: another prefix, another store, or another name. Nothing is damaged.",
        decided_by: "manifest_key in the manifest against the key that was asked for.",
        safe: "Put manifest and payload under the keys that the manifest names, in a store of their own if need be, and restore by that key.",
        not_safe: "Do not edit manifest_key: the manifest's own digest is then wrong.",
        more: VERIFY,
    };

    /// A payload in the store has another length or digest than its manifest says.
    pub static OFFLOAD_PAYLOAD_HEAD_MISMATCH: Condition = Condition {
        name: "snapshot offload: payload head mismatch",
        says: &["payload head mismatch for *"],
        engine: None,
        title: "a payload in the store has another length or digest than its manifest says",
        meaning: "The object was cut or replaced after it was published, or the digest in its metadata is another one. Nothing was downloaded.",
        decided_by: "Length of the object and elastickv-sha256 in its metadata, against payload.bytes and payload.sha256.",
        safe: "Restore another snapshot of the group; look for an older version of the object.",
        not_safe: "Do not change the metadata to make it pass.",
        more: VERIFY,
    };

    /// A payload does not have the digest that its manifest says.
    pub static OFFLOAD_PAYLOAD_SHA256: Condition = Condition {
        name: "snapshot offload: payload sha256",
        says: &["payload * sha256 *, expected *", "payload * downloaded * bytes, expected *"],
        engine: None,
        title: "a payload does not have the digest that its manifest says",
        meaning: "All of it was downloaded, and the bytes are not the ones that were published.",
        decided_by: "SHA-256 over the bytes that arrived against payload.sha256.",
        safe: "Try once more in case the transfer was at fault; then restore another snapshot. Move the damaged object away before the snapshot \
               is published again: a publish does not notice it.",
        not_safe: "Do not restore it by other means: no other check covers those bytes.",
        more: VERIFY,
    };

    /// An object is not in the store, or the node has no snapshot to publish.
    pub static OFFLOAD_OBJECT_NOT_FOUND: Condition = Condition {
        name: "snapshot offload: object not found",
        says: &["snapshot offload: object not found", "no persisted snapshot available"],
        engine: None,
        title: "an object is not in the store, or the node has no snapshot to publish",
        meaning: "In a restore: the manifest or the payload that it names is not there; a payload that is missing was deleted, since it is \
                  written first. In a publish, `no persisted snapshot available` stands for every reason why none can be had: no log, an \
                  unreadable snapshot, an empty one. Damage and emptiness look alike.",
        decided_by: "The key; for a publish, wal/ and snap/ of the group.",
        safe: "Check the key, prefix included. For a publish, look what is wrong with the group directory first.",
        not_safe: "Do not take it for granted that the node is merely young.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// The store already has this snapshot with other content.
    pub static OFFLOAD_ALREADY_EXISTS_WITH_DIFFERENT_CONTENT: Condition = Condition {
        name: "snapshot offload: already exists with different content",
        says: &["manifest object * already exists with different content", "object * already exists with different *"],
        engine: None,
        title: "the store already has this snapshot with other content",
        meaning: "Another publish wrote the same group, index and term. With another --binary-version or --source-cluster the manifests differ \
                  and nothing is damaged; a payload that differs means that two replicas do not agree, or that the object was damaged.",
        decided_by: "All fields of the manifest but the time, against what lies under the key; for a payload, its length and digest.",
        safe: "Verify the store. If what is there can be restored, the snapshot is safe already.",
        not_safe: "Do not delete the older object before it was compared.",
        more: VERIFY,
    };

    /// A manifest says something that no manifest says.
    pub static OFFLOAD_MANIFEST_REFUSED: Condition = Condition {
        name: "snapshot offload: manifest refused",
        says: &[
            "unsupported manifest schema version *",
            "source cluster is required for group 0 manifests",
            "--source-cluster is required when --group-id is 0",
            "snapshot index must be > 0",
            "snapshot term must be > 0",
            "payload key is required",
            "payload byte count must be >= 0",
            "payload sha256 must be 64 lowercase hex characters",
            "manifest key is required",
            "manifest confstate requires voters",
            "manifest sha256 must be 64 lowercase hex characters",
            "conf_state.* contains zero",
            "conf_state.* contains duplicate node *",
            "appears in conf_state.* and conf_state.*",
            "conf_state.learners_next node * is not an outgoing voter",
            "conf_state.auto_leave requires joint consensus",
            "manifest exceeds * bytes",
            "into go struct field manifest.* of type *",
            "into go value of type snapshotoffload.manifest",
        ],
        engine: None,
        title: "a manifest says something that no manifest says",
        meaning: "A field is missing, of another type, or contradicts another one. The program ends with 1 for that, as for a network that \
                  fails: the exit status does not tell damage of a manifest from an error.",
        decided_by: "The fields in the order in which the server judges them; the first that does not fit is named.",
        safe: "Restore another snapshot of the group.",
        not_safe: "Do not edit the manifest: its own digest covers every field.",
        more: VERIFY,
    };

    /// A restore finds its destination taken.
    pub static EXTERNAL_SNAPSHOT_RESTORE_EXISTS: Condition = Condition {
        name: "ErrExternalSnapshotRestoreExists",
        says: &["destination exists: *", "temporary destination exists: *"],
        engine: None,
        title: "a restore finds its destination taken",
        meaning: "The data directory is there already, or <directory>.restore-prep of an earlier restore that ended early. The server never \
                  overwrites either.",
        decided_by: "The name of the destination, with and without .restore-prep.",
        safe: "If no restore is running, move <directory>.restore-prep away: nothing in it is needed. Move an old data directory away, do not \
               delete it before the new one runs.",
        not_safe: "Do not rename .restore-prep to the destination: it may lack its log.",
        more: "ekv-tool inspect DIR",
    };

    /// The newest snapshot of a node cannot be published.
    pub static OFFLOAD_EXPORT_INVALID: Condition = Condition {
        name: "etcd persisted snapshot export: invalid source",
        says: &["snapshot metadata requires non-zero index and term plus confstate: *", "etcd persisted snapshot export: invalid source"],
        engine: None,
        title: "the newest snapshot of a node says too little to be published",
        meaning: "Index, term or members are missing in the .snap file that a start would choose. Nothing was uploaded.",
        decided_by: "Index, term and ConfState in the metadata of the .snap file.",
        safe: "Publish from another node of the group, or after this node has taken its next snapshot.",
        not_safe: "Do not remove the .snap file to have an older one published before it is known what wrote it.",
        more: "ekv-tool snapshot ls DIR",
    };

    /// The peers of a restore are refused.
    pub static OFFLOAD_PEERS_REFUSED: Condition = Condition {
        name: "snapshot offload: peers refused",
        says: &["parse peers: *", "--peers selected zero peers", "--peers is required", "duplicate peer node id *"],
        engine: None,
        title: "the peers that a restore was given are no list of peers",
        meaning: "They are looked at before anything is read: id=address, separated by commas, every id once.",
        decided_by: "The text of --peers.",
        safe: "Write id=host:port for every member that the restored group is to have.",
        not_safe: "Do not leave a peer out to make the list pass: the others would form a group without it.",
        more: "ekv-tool inspect DIR",
    };

    /// A key leads out of the store.
    pub static OFFLOAD_INVALID_OBJECT_KEY: Condition = Condition {
        name: "snapshot offload: invalid object key",
        says: &["invalid object key *"],
        engine: None,
        title: "a key leads out of the store",
        meaning: "After cleaning, the key or the prefix names nothing below the root of the store.",
        decided_by: "The key, trimmed and with . and .. resolved.",
        safe: "Correct --prefix or --manifest-key. In a manifest it means that something else than the publisher wrote it.",
        not_safe: "Do not make the key pass with a link in the store.",
        more: VERIFY,
    };
}
