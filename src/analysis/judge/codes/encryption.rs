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
pub const ALL: &[&CodeInfo] = &[&NONCE_REUSED, &EPOCH_BACK, &NODE_PREFIX_SHARED, &OPEN_FAILED];
