//! Codes about envelopes and their nonces.

use super::{CodeInfo, Severity};

const STOP: &str = "Do not write under this key any more, and do not take it for secret.";

/// One nonce, two ciphertexts.
pub static NONCE_REUSED: CodeInfo = CodeInfo {
    code: "enc-nonce-reused",
    severity: Severity::Error,
    title: "a nonce was used twice under one key",
    meaning: "Two different things were sealed with the same key and nonce. Whoever has both envelopes learns the difference of \
              their plaintexts, and can forge envelopes under this key.",
    decided_by: "Key id, nonce and tag of every envelope in log, store and retained payloads. An envelope that is stored twice is \
                 the same bytes and does not count.",
    safe: "Rotate the key, rewrite what it sealed, and find out which restore, copy or replay set the writer's start counter back.",
    not_safe: STOP,
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// A start counter that went back.
pub static EPOCH_BACK: CodeInfo = CodeInfo {
    code: "enc-epoch-back",
    severity: Severity::Warning,
    title: "a writer's start counter went back",
    meaning: "The start counter is part of every nonce and only ever rises. A node that seals in an earlier start again comes to \
              counters that it has already used.",
    decided_by: "The start counters in the nonces of sealed entries, in the order of the log.",
    safe: "Look for a sidecar that was restored from a backup, and rotate the key.",
    not_safe: "Do not edit the sidecar: a wrong counter leads to a nonce that is used twice.",
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// A counter that began anew within one start.
pub static COUNTER_BACK: CodeInfo = CodeInfo {
    code: "enc-counter-back",
    severity: Severity::Warning,
    title: "a writer began to count anew within one start",
    meaning: "Within one start a writer's counter only rises. One that begins anew comes to nonces that it has already used, \
              whether or not the earlier envelopes are still here.",
    decided_by: "The counters in the nonces of the entries that stand, in the order of their indexes. Proposals on their way at the \
                 same time may overtake each other: up to 1,024 steps back are not told, unless a later term begins at 1.",
    safe: "Find out what let the node start twice with one start counter (a restored sidecar, a copy of the node), and rotate the key.",
    not_safe: STOP,
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// A sidecar that knows fewer starts than the node had.
pub static SIDECAR_BEHIND: CodeInfo = CodeInfo {
    code: "enc-sidecar-behind-envelopes",
    severity: Severity::Error,
    title: "the sidecar's start counter lies behind what the node has sealed",
    meaning: "Every start takes the next number after the sidecar's and begins to count at 1. From a sidecar that was set back, or is \
              another's, it takes a number that it had before, and uses its nonces again. The server notices that only for starts that \
              are in the writer registry.",
    decided_by: "The start counter of every active key in the sidecar, against the highest in envelopes of this node in log, store and \
                 retained payloads.",
    safe: "Put the newest sidecar of this node back. If there is none, rotate the key from another member before this one starts.",
    not_safe: "Do not start the node with this sidecar, and do not edit its start counter.",
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// An envelope of a start that nobody registered.
pub static EPOCH_UNREGISTERED: CodeInfo = CodeInfo {
    code: "enc-epoch-unregistered",
    severity: Severity::Info,
    title: "something was sealed in a start that is not registered",
    meaning: "The writer registry in the store, and the registrations in the log behind it, know the highest start counter of every \
              writer. The guard against a sidecar that was set back holds it against them: it does not notice a return to a start that \
              they do not know. Servers leave it so when a start ends before its registration is applied, and for keys of the log.",
    decided_by: "Key, node and start counter in the nonces of log, store and retained payloads, against the writer registry and the \
                 registrations in the log.",
    safe: "Compare with the other members (`ekv-tool compare`): the registry is the same on all of them. Rotate the key if it is lost.",
    not_safe: "Do not restore an older store or sidecar over this one.",
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// Clear text where everything should be sealed.
pub static CLEAR_AFTER_CUTOVER: CodeInfo = CodeInfo {
    code: "enc-clear-after-cutover",
    severity: Severity::Warning,
    title: "values stand in clear text that were written after the storage cutover",
    meaning: "From the storage cutover on a server with encryption seals every value. Versions that were committed later and are not \
              sealed were written by a server that ran without encryption, or by something else.",
    decided_by: "Commit timestamps of the versions in the store against those of the entries around the cutover, which the log must \
                 still hold.",
    safe: "Write these keys anew on a server with encryption, and find out which start had no encryption flag.",
    not_safe: "Do not take the disk, or a backup of it, for unreadable.",
    more: "ekv-tool check --sidecar KEYS.JSON --kek KEK DIR",
    never: None,
};

/// Two writers whose nonces begin alike.
pub static NODE_PREFIX_SHARED: CodeInfo = CodeInfo {
    code: "enc-node-prefix-shared",
    severity: Severity::Error,
    title: "two writers share a nonce prefix under one key",
    meaning: "Only the low 16 bits of a node id are part of a nonce. Two nodes that share them use the same nonces as soon as they \
              are in starts of the same number.",
    decided_by: "The writer registry in fsm.db, and the writers that bootstrap, rotation and registration entries name.",
    safe: "Remove one of them and let it join under another raft id; rotate the key.",
    not_safe: STOP,
    more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    never: None,
};

/// An envelope that the keys at hand do not open.
pub static OPEN_FAILED: CodeInfo = CodeInfo {
    code: "enc-open-failed",
    severity: Severity::Error,
    title: "something sealed does not open",
    meaning: "The keys in the sidecar do not open an envelope: its key is not among them, or key, nonce, ciphertext and place do not \
              belong together. The server returns the quoted error when it comes to it, and ends over an entry of the log.",
    decided_by: "The envelope's bytes, the entry or row that it stands in, and the keys that the KEK opens.",
    safe: "Check that the sidecar is this node's newest one. If the key is there, take the entry or row from another member.",
    not_safe: "Do not start a member over a sealed entry that does not open, and do not edit the sidecar.",
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &NONCE_REUSED,
    &EPOCH_BACK,
    &COUNTER_BACK,
    &SIDECAR_BEHIND,
    &EPOCH_UNREGISTERED,
    &NODE_PREFIX_SHARED,
    &OPEN_FAILED,
    &CLEAR_AFTER_CUTOVER,
];
