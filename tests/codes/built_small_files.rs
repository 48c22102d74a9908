//! Codes about single files, from files that are written for them.

use super::{Files, Provocation};
use crate::support::log_writer::peers_file;

const fn inspect(
    code: &'static str,
    severity: &'static str,
    name: &'static str,
    offset: Option<u64>,
    files: Files,
) -> Provocation {
    Provocation { code, severity, command: "inspect", files, target: name, path: name, offset }
}

pub const ALL: &[Provocation] = &[
    inspect("file-damaged", "error", "MANIFEST-000001", Some(0), Files::Bytes("MANIFEST-000001", || b"not a record".to_vec())),
    inspect("file-misnamed", "warning", "00000000000000aa.fsm", None, Files::Bytes("00000000000000aa.fsm", || peers(1))),
    inspect("engine-marker", "error", "raft-engine", None, Files::Bytes("raft-engine", || b"hashicorp\n".to_vec())),
    inspect("peers-node-id", "info", "etcd-raft-peers.bin", None, Files::Bytes("etcd-raft-peers.bin", || peers(1))),
    inspect(
        "legacy-state-refused",
        "error",
        "etcd-raft-state.bin",
        Some(4),
        Files::Bytes("etcd-raft-state.bin", || b"EKVR\0\0\0\x63".to_vec()),
    ),
    inspect("sidecar-refused", "error", "keys.json", None, Files::Bytes("keys.json", || b"{\"version\": 3}".to_vec())),
];

/// A list of one member whose node id was chosen by hand.
fn peers(node_id: u64) -> Vec<u8> {
    peers_file(1, &[(node_id, "n1", "host:1")])
}
