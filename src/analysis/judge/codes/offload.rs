//! Codes about snapshots that were published to an object store.

use super::{CodeInfo, Severity};

const ANOTHER: &str = "Restore another snapshot of the group: the report names the newest that can be restored. Publish again from a node that \
                       still has this one, under another prefix.";
const KEEP: &str = "Do not delete the object: what is left of it may still be needed.";

/// The server refuses a manifest.
pub static OFFLOAD_MANIFEST_REFUSED: CodeInfo = CodeInfo {
    code: "offload-manifest-refused",
    severity: Severity::Error,
    title: "the server's restore refuses a manifest",
    meaning: "The manifest was cut, changed, or written by something else. Its payload may be perfectly intact, but no restore gets as \
              far as the payload.",
    decided_by: "The manifest, in the order in which the server judges it: size, JSON, fields, members, and last its own SHA-256 over \
                 the text that the server would write for it.",
    safe: ANOTHER,
    not_safe: "Do not edit the manifest until it passes: index, term and members in it decide where the restored node joins the log.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// A manifest lies elsewhere than it says.
pub static OFFLOAD_MANIFEST_MOVED: CodeInfo = CodeInfo {
    code: "offload-manifest-moved",
    severity: Severity::Error,
    title: "a manifest was moved or copied to another key, where it cannot be restored",
    meaning: "The manifest is whole: its own SHA-256 is right. But it says that it lies under another key, and the server refuses it \
              where it is. Nothing is damaged.",
    decided_by: "manifest_key in the manifest against the key of the object.",
    safe: "Copy manifest and payload back to the keys in the manifest, in a store of their own if need be, and restore from there.",
    not_safe: "Do not change manifest_key in the file: its digest is then wrong, and it is refused for that.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// The key of a manifest is that of another snapshot.
pub static OFFLOAD_MANIFEST_IDENTITY: CodeInfo = CodeInfo {
    code: "offload-manifest-identity",
    severity: Severity::Error,
    title: "a manifest is filed under another group, index or term than it describes",
    meaning: "The server's restore does not compare the two: it restores this snapshot under the group, index and term in the manifest, \
              whatever the key promises. No publisher writes such a pair.",
    decided_by: "Group, index and term in the key, against those in the manifest.",
    safe: "Trust neither. Take the snapshot of which key and manifest agree.",
    not_safe: "Do not restore it: a node that begins at the wrong index loses entries or applies them twice.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// The bytes of a manifest are not the writer's.
pub static OFFLOAD_MANIFEST_REWRITTEN: CodeInfo = CodeInfo {
    code: "offload-manifest-rewritten",
    severity: Severity::Info,
    title: "a manifest says what it should, in other bytes than its writer wrote",
    meaning: "The server reads the fields and writes them again before it compares the digest, so that it accepts other blanks, another \
              order, unknown fields. Somebody or something has written this file anew.",
    decided_by: "The bytes of the object against the ones that the server writes for the same fields.",
    safe: "It can be restored. Find out what rewrites objects in this store.",
    not_safe: "Do not compare such an object with a digest that the store keeps of it: that one may be of either text.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// A manifest names a payload that is not there.
pub static OFFLOAD_PAYLOAD_MISSING: CodeInfo = CodeInfo {
    code: "offload-payload-missing",
    severity: Severity::Error,
    title: "the payload that a manifest names is not in the store",
    meaning: "Payloads are written before manifests, so that no crash gives this. It was deleted by hand, by a rule that goes by the age \
              of objects (a payload is older than the manifests that share it), or it was left out of a copy.",
    decided_by: "payload.key in the manifest, and the objects of the store.",
    safe: "Look in older versions of the bucket and in the source of the copy. Publishing the same snapshot again puts the payload back; \
           the manifest stays.",
    not_safe: "Do not let a rule expire objects under v1/payloads by age.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A payload has another length than its manifest says.
pub static OFFLOAD_PAYLOAD_SIZE: CodeInfo = CodeInfo {
    code: "offload-payload-size",
    severity: Severity::Error,
    title: "a payload has another length than its manifest says",
    meaning: "The object was cut, lengthened or replaced after it was written. The server's restore refuses it before it reads it.",
    decided_by: "payload.bytes in the manifest against the length of the object.",
    safe: ANOTHER,
    not_safe: KEEP,
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A payload has another digest than it should.
pub static OFFLOAD_PAYLOAD_DIGEST: CodeInfo = CodeInfo {
    code: "offload-payload-digest",
    severity: Severity::Error,
    title: "a payload does not have the SHA-256 that it should have",
    meaning: "The bytes are not the ones that were published. A restore downloads all of it and then refuses it. A publish of the same \
              snapshot to a bucket does not notice as long as the digest in the metadata is right: it goes by that, and writes another \
              manifest over the damaged payload.",
    decided_by: "SHA-256 over the object against payload.sha256 in the manifest, or, where no manifest names it, against its own name.",
    safe: "Restore another snapshot. To publish this one again, move the damaged object away first.",
    not_safe: KEEP,
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// What a bucket keeps beside an object is not its digest.
pub static OFFLOAD_METADATA: CodeInfo = CodeInfo {
    code: "offload-metadata",
    severity: Severity::Error,
    title: "the digest that a bucket keeps beside an object is not that of its manifest",
    meaning: "The publisher writes the SHA-256 of an object into its metadata (elastickv-sha256), and the server's restore goes by it before \
              it reads a byte: another digest is refused, and an object with a text that is no digest cannot be read at all. The bytes may \
              be right. Something else than the publisher wrote the object or its metadata.",
    decided_by: "The metadata elastickv-sha256 of the object against payload.sha256 in the manifest. Metadata that is missing is fine: the \
                 server then sums the bytes.",
    safe: "Have the bytes compared with the manifest. When they are right, copy the object onto itself without this metadata: a restore then \
           takes it.",
    not_safe: "Do not write the digest of the manifest into the metadata before the bytes were compared: a publish takes it for proof.",
    more: "ekv-tool explain offload-payload-digest",
    never: None,
};

/// A manifest names its payload by an unusual key.
pub static OFFLOAD_PAYLOAD_KEY: CodeInfo = CodeInfo {
    code: "offload-payload-key",
    severity: Severity::Warning,
    title: "a manifest names its payload by a key that no publisher chooses",
    meaning: "A payload lies under its own SHA-256, below the prefix of its manifest. The server's restore takes any key. Something \
              else than the publisher made this manifest.",
    decided_by: "payload.key in the manifest against the key that follows from payload.sha256.",
    safe: "It can be restored if the payload is right. Find out who wrote the manifest.",
    not_safe: "Do not clean up by names: what goes by digests takes this payload for garbage.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// The checksum of the source is another one.
pub static OFFLOAD_SOURCE_CRC: CodeInfo = CodeInfo {
    code: "offload-source-crc",
    severity: Severity::Error,
    title: "a payload is not the one that its node's snapshot had",
    meaning: "SHA-256 of payload and manifest agree, but the manifest also holds the checksum of the .fsm file that the payload was \
              taken from, and the payload has another one. The publisher compares the two before it uploads, so that either the manifest \
              was made by something else, or memory failed. The server's restore never looks at this number.",
    decided_by: "payload.source_crc32c in the manifest (0 says nothing) against CRC-32C over the object.",
    safe: "Compare with the footer of the .fsm file of that index on a node. Until then restore another snapshot.",
    not_safe: "Do not take the right SHA-256 alone for proof that this is what the node had.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A payload still has its footer.
pub static OFFLOAD_PAYLOAD_FOOTER: CodeInfo = CodeInfo {
    code: "offload-payload-footer",
    severity: Severity::Error,
    title: "a payload was uploaded with the footer of its file",
    meaning: "The last four bytes are the checksum of the bytes before them: somebody uploaded a .fsm file as it was. A restore accepts \
              it, appends a footer of its own, and the node then finds four bytes behind its data.",
    decided_by: "The last four bytes of the object, big-endian, against CRC-32C over all bytes before them.",
    safe: "Publish the snapshot with the server's own program, which leaves the footer out.",
    not_safe: "Do not restore it.",
    more: "ekv-tool verify-snapshot --deep FILE",
    never: None,
};

/// A payload that nothing names.
pub static OFFLOAD_ORPHAN: CodeInfo = CodeInfo {
    code: "offload-orphan",
    severity: Severity::Warning,
    title: "payloads that no manifest names take space",
    meaning: "A publish that ended between payload and manifest, or was refused at the manifest, leaves its payload. Nothing removes it. \
              A young one may belong to a publish that is under way.",
    decided_by: "The keys in all manifests against the objects under v1/payloads, and when they were last written.",
    safe: "A later publish of the same snapshot uses it. What is older than the time of grace may be deleted, as long as every manifest \
           in the store could be read.",
    not_safe: "Do not delete payloads while a manifest cannot be read: it may name them.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// Unfinished objects.
pub static OFFLOAD_TEMPORARY: CodeInfo = CodeInfo {
    code: "offload-temporary",
    severity: Severity::Info,
    title: "a publish left files that it had not finished",
    meaning: "In a store that is a directory, an object is written under .put-<digits> and then given its name. A publish that ended in \
              between leaves that file. One that has its name too is a second name of a whole object and takes no space.",
    decided_by: "The names, and whether another name leads to the same file.",
    safe: "They may be deleted when no publish is running.",
    not_safe: "Do not rename one to an object's name: it may be cut.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// Several clusters under one prefix.
pub static OFFLOAD_SEVERAL_CLUSTERS: CodeInfo = CodeInfo {
    code: "offload-several-clusters",
    severity: Severity::Warning,
    title: "snapshots of several clusters lie under one prefix",
    meaning: "The cluster is not part of a key. Where two clusters reach the same group, index and term, the second publish fails, and \
              until then a restore by group and index can take the other cluster's data.",
    decided_by: "source_cluster in the manifests under one prefix.",
    safe: "Give every cluster a prefix of its own. Before a restore, read source_cluster in the manifest.",
    not_safe: "Do not restore by group and index alone.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// One snapshot with two payloads.
pub static OFFLOAD_TWO_PAYLOADS: CodeInfo = CodeInfo {
    code: "offload-two-payloads",
    severity: Severity::Warning,
    title: "one snapshot was published with two payloads",
    meaning: "Two manifests of the same cluster, group, index and term name payloads of different content. Replicas that agree give the \
              same bytes: either they do not agree, or the two clusters only have the same name.",
    decided_by: "payload.sha256 of manifests that agree in cluster, group, index and term.",
    safe: "Compare the replicas of the group before either is restored.",
    not_safe: "Do not assume that the newer one is right.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// Index and time go in different directions.
pub static OFFLOAD_ORDER: CodeInfo = CodeInfo {
    code: "offload-order",
    severity: Severity::Info,
    title: "a snapshot was published after one of a higher index",
    meaning: "A replica that lags publishes what it has, and clocks differ: both are ordinary. It matters to whoever takes the newest \
              object for the newest snapshot.",
    decided_by: "created_at against snapshot_index, within a group.",
    safe: "Choose a snapshot by its index.",
    not_safe: "Do not choose a snapshot by its time.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// Two histories under one name.
pub static OFFLOAD_TERM_REGRESS: CodeInfo = CodeInfo {
    code: "offload-term-regress",
    severity: Severity::Warning,
    title: "snapshots of one group do not belong to one history",
    meaning: "In one history a higher index never has a lower term, and no index has two. Here it is so: the group was built anew or \
              restored from an older snapshot at some time, or a second cluster uses the same name.",
    decided_by: "snapshot_term against snapshot_index of the manifests of one cluster and group under one prefix.",
    safe: "Find out at which time the history changed, and restore one from after it.",
    not_safe: "Do not take the highest index for the newest state.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A group has nothing to restore from.
pub static OFFLOAD_NOTHING_RESTORABLE: CodeInfo = CodeInfo {
    code: "offload-nothing-restorable",
    severity: Severity::Error,
    title: "no snapshot of a group in this store can be restored",
    meaning: "There are manifests of the group, and the server would refuse every one of them, or what stands behind it is no snapshot.",
    decided_by: "Every manifest of the group with its payload.",
    safe: "Publish a snapshot of the group now, from a node that is well.",
    not_safe: "Do not count on this store for the group until then.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// Members that a restore does not bring back.
pub static OFFLOAD_MEMBERS: CodeInfo = CodeInfo {
    code: "offload-members",
    severity: Severity::Info,
    title: "the group had learners or was changing its members when the snapshot was taken",
    meaning: "A restore does not use the members in the manifest: every peer that it is given becomes a voter, in one step. Learners and \
              a change that was under way are not brought back.",
    decided_by: "learners, voters_outgoing, learners_next and auto_leave in conf_state.",
    safe: "Decide for each of them whether it belongs into --peers.",
    not_safe: "Do not pass every id of the manifest: a learner would vote.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// A publish would fail.
pub static OFFLOAD_PUBLISH_REFUSED: CodeInfo = CodeInfo {
    code: "offload-publish-refused",
    severity: Severity::Error,
    title: "a publish of this node's snapshot would fail",
    meaning: "The program takes the newest snapshot that the log knows and that can be read. What it says when there is none, and when none \
              can be read, is the same: a young node is not told from a damaged one. What it says of a payload is damage.",
    decided_by: "The snapshot records of the log up to the commit, the .snap files, the payload with its checksum, and what is in the \
                 store under the same keys, in the order in which the program looks at them.",
    safe: "Publish from another node of the group. `ekv-tool check DIR` tells whether this one is damaged or merely young.",
    not_safe: "Do not delete files of the node to have an older snapshot published.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// A restore would fail.
pub static OFFLOAD_RESTORE_REFUSED: CodeInfo = CodeInfo {
    code: "offload-restore-refused",
    severity: Severity::Error,
    title: "a restore into this directory would fail",
    meaning: "The program would end before the directory is there: over the peers, the manifest, the payload, or what an earlier restore has \
              left beside it. Nothing of the store is changed by that.",
    decided_by: "The peers, the manifest and the payload in the store, the destination and <destination>.restore-prep, in the order in which \
                 the program looks at them.",
    safe: "Do what the text says: choose another manifest, move <destination>.restore-prep away when no restore is running.",
    not_safe: "Do not rename <destination>.restore-prep to the destination: it may lack its log.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// A publish changes the directory that it reads.
pub static OFFLOAD_PUBLISH_RENAMES: CodeInfo = CodeInfo {
    code: "offload-publish-renames",
    severity: Severity::Warning,
    title: "a publish would rename snapshot files of the node that cannot be read",
    meaning: "The publish looks for a snapshot as a start does, and like a start it renames every .snap file on its way that it cannot read. \
              A payload whose .snap is renamed is deleted by the next start.",
    decided_by: "The .snap files from the highest name down to the first that can be read and that the log knows.",
    safe: "Copy the .snap file and its payload before anything is published, or publish from another node.",
    not_safe: "Do not publish from a node whose files are still to be examined.",
    more: "ekv-tool snapshot ls DIR",
    never: None,
};

/// A publish or a restore ended early.
pub static OFFLOAD_LEFTOVER: CodeInfo = CodeInfo {
    code: "offload-leftover",
    severity: Severity::Warning,
    title: "a publish or a restore that ended early left files beside a data directory",
    meaning: "Nothing in them is needed, and no node reads them. The server removes downloads that are older than seven days when it \
              restores again; the copies of publishes and <directory>.restore-prep stay for ever, and the latter blocks every restore into \
              that directory.",
    decided_by: "The names: .snapshot-offload-spool, .snapshot-offload-restore-*, and <directory>.restore-prep.",
    safe: "Make sure that no publish and no restore is running, then remove them.",
    not_safe: "Do not remove them while one is running.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// There is not enough space.
pub static OFFLOAD_NO_ROOM: CodeInfo = CodeInfo {
    code: "offload-no-room",
    severity: Severity::Warning,
    title: "a publish or a restore needs more space than is free",
    meaning: "A publish keeps a copy of the payload while it uploads it. A restore keeps a download and a copy of it beside the destination, \
              twice the payload, and the first segment of a log. It ends with `no space left on device` and leaves its files when it is \
              killed.",
    decided_by: "The length of the payload against what the file system says is free. That may be another amount in a moment.",
    safe: "Name another --spool-dir, or another destination, or make room first.",
    not_safe: "Do not make room by deleting snapshots of the node.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// The restored group would have other members.
pub static OFFLOAD_PEERS_DIFFER: CodeInfo = CodeInfo {
    code: "offload-peers-differ",
    severity: Severity::Warning,
    title: "a restore would give the group other voters than it had",
    meaning: "The members in the manifest are not used: every peer that the restore is given becomes a voter, whoever was one. Nodes that are \
              restored with different lists form different groups.",
    decided_by: "The node ids of the peers against conf_state.voters in the manifest.",
    safe: "Restore every node of the group with the same list, and with the members that it is to have.",
    not_safe: "Do not start restored nodes beside nodes of the old group.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// The restored snapshot is older than what stands at the destination.
pub static OFFLOAD_RESTORE_GOES_BACK: CodeInfo = CodeInfo {
    code: "offload-restore-goes-back",
    severity: Severity::Info,
    title: "a restore goes back behind the directory's own snapshot",
    meaning: "The newest snapshot in the store that can be restored is older than the newest one in the directory. Whoever restores it goes back to \
              that moment: what was written since is in the directory that was moved away, and nowhere in the restored one.",
    decided_by: "snapshot_index of the manifest against the newest snapshot in the directory that a publish would take.",
    safe: "Publish the directory's own snapshot first if it is good (`verify-snapshot --newest DIR`), and keep the directory.",
    not_safe: "Do not delete the old directory: it may hold the only copy of the newer entries.",
    more: "ekv-tool offload plan DIR",
    never: None,
};

/// The directory that was named as the store holds other things.
pub static OFFLOAD_NO_STORE: CodeInfo = CodeInfo {
    code: "offload-no-store",
    severity: Severity::Warning,
    title: "the directory that was named as the store holds other things",
    meaning: "Nothing in it is what a publisher writes (v1/groups, v1/payloads), and it is not empty. A publish would not mind: it would begin a store \
              there. It is rather not the directory that was meant.",
    decided_by: "The names in the directory.",
    safe: "Name the directory in which the keys of the store begin, or an empty one for a new store.",
    not_safe: "Do not publish into a directory that belongs to something else.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// The destination is there.
pub static OFFLOAD_DESTINATION_EXISTS: CodeInfo = CodeInfo {
    code: "offload-destination-exists",
    severity: Severity::Info,
    title: "a restore goes into a directory that is not there yet",
    meaning: "The server never restores into a directory that is there, be it empty. The plan tells what follows once it was moved away.",
    decided_by: "What stands at the path of the destination.",
    safe: "Move the directory away, or restore under another name; keep the old one until the new node runs.",
    not_safe: "Do not delete the old directory before that.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &OFFLOAD_MANIFEST_REFUSED,
    &OFFLOAD_MANIFEST_MOVED,
    &OFFLOAD_MANIFEST_IDENTITY,
    &OFFLOAD_MANIFEST_REWRITTEN,
    &OFFLOAD_PAYLOAD_MISSING,
    &OFFLOAD_PAYLOAD_SIZE,
    &OFFLOAD_PAYLOAD_DIGEST,
    &OFFLOAD_METADATA,
    &OFFLOAD_PAYLOAD_KEY,
    &OFFLOAD_SOURCE_CRC,
    &OFFLOAD_PAYLOAD_FOOTER,
    &OFFLOAD_ORPHAN,
    &OFFLOAD_TEMPORARY,
    &OFFLOAD_SEVERAL_CLUSTERS,
    &OFFLOAD_TWO_PAYLOADS,
    &OFFLOAD_ORDER,
    &OFFLOAD_TERM_REGRESS,
    &OFFLOAD_NOTHING_RESTORABLE,
    &OFFLOAD_MEMBERS,
    &OFFLOAD_PUBLISH_REFUSED,
    &OFFLOAD_RESTORE_REFUSED,
    &OFFLOAD_PUBLISH_RENAMES,
    &OFFLOAD_LEFTOVER,
    &OFFLOAD_NO_ROOM,
    &OFFLOAD_PEERS_DIFFER,
    &OFFLOAD_RESTORE_GOES_BACK,
    &OFFLOAD_NO_STORE,
    &OFFLOAD_DESTINATION_EXISTS,
];
