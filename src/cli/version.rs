//! What `--version` prints: which build it is, and what that build can read.

use std::fmt::Write as _;
use std::sync::LazyLock;

use ekv_tool::formats::facts::SCHEMA;
use ekv_tool::types::ServerVersion;

/// The commit that whoever built the program named, as the scripts in `packaging/` do.
const COMMIT: Option<&str> = option_env!("EKV_TOOL_COMMIT");

/// What is read, and of which kinds: docs/formats has each byte by byte.
const READS: [(&str, &str); 9] = [
    ("logs", "etcd's raft: elastickv, etcd 3.4 to 3.7"),
    ("", "hashicorp/raft: in bbolt, raft-wal and Pebble"),
    ("stores", "Pebble up to format major version 24, tables up to format 8; bbolt"),
    ("snapshots", ".fsm (EKVPBBL1, EKVSSTI1, EKVMVCC2), .snap"),
    ("", "snapshots of hashicorp/raft; archives of consul, nomad, vault, bao"),
    ("offloads", "manifests and payloads of snapshot-offload"),
    ("", "dumps of the logical tools"),
    ("keys", "keys.json, with a key encryption key in a file"),
    ("packed", "gzip, Zstandard, tar"),
];

/// The version with what it knows, after the name of the program.
pub(super) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(text);
    &LONG
}

fn text() -> String {
    let mut text =
        format!("{} ({})\n", env!("CARGO_PKG_VERSION"), COMMIT.map_or_else(no_commit, |commit| format!("commit {commit}")));
    let servers: Vec<_> = ServerVersion::ALL.iter().map(|version| version.name()).collect();
    let servers = format!("elastickv {}", servers.join(", "));
    for (what, which) in [("servers", servers.as_str())].into_iter().chain(READS).chain([("facts", SCHEMA)]) {
        // The writing can only fail for want of memory.
        let _ = write!(text, "\n{what:<10} {which}");
    }
    text
}

fn no_commit() -> String {
    "built from a source tree that did not name its commit".to_owned()
}
