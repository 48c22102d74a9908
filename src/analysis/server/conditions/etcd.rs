//! What etcd says about its own files, beside what its library says to everybody.

use super::Condition;

const CHECK: &str = "ekv-tool check DIR";
const REBUILD: &str = "Keep a copy of the whole directory. If the other members are healthy, remove this member from the cluster, empty \
                       its directory and add it again; else restore the cluster from a saved snapshot of the store.";

conditions! {
    list ETCD;

    /// `failed to open database`: bbolt does not open the store.
    pub static ETCD_STORE_OPEN: Condition = Condition {
        name: "etcd: failed to open database",
        says: &["failed to open database"],
        engine: None,
        title: "etcd cannot open its store",
        meaning: "The file member/snap/db is no database, or neither of its two meta pages can be used. etcd opens it before it looks at \
                  anything else, and ends there.",
        decided_by: "The first two pages of member/snap/db.",
        safe: REBUILD,
        not_safe: "Do not delete the file: without it etcd starts only if the whole log is there.",
        more: CHECK,
    };

    /// `snap: snapshot file doesn't exist`: the store is behind the snapshot, or gone.
    pub static ETCD_STORE_BEHIND: Condition = Condition {
        name: "snap: snapshot file doesn't exist",
        says: &[
            "failed to find database snapshot file",
            "snapshot file doesn't exist",
            "failed to recover v3 backend from snapshot",
            "recovering backend from snapshot error",
            "database file * does not match with snapshot",
        ],
        engine: None,
        title: "etcd's store is behind the snapshot, or gone",
        meaning: "The snapshot from which etcd starts covers entries that the store does not hold, and the log need not have them any more. The \
                  store was lost, put back from an older copy, or is another member's.",
        decided_by: "consistent_index in member/snap/db against the index of the snapshot, and whether <index>.snap.db is there.",
        safe: REBUILD,
        not_safe: "Do not take the snapshot files away so that an older one is used: what the log does not hold any more would be \
                   missing from the store without a word.",
        more: CHECK,
    };
}
