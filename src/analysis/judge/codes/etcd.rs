//! Codes about directories of etcd.

use super::{CodeInfo, Severity};

const CHECK: &str = "ekv-tool check DIR";

/// The log of a member is gone.
pub static LOG_GONE: CodeInfo = CodeInfo {
    code: "etcd-log-gone",
    severity: Severity::Error,
    title: "the log of a member of etcd is gone",
    meaning: "The directory has a store or snapshots, and no segment of a log. etcd takes such a directory for that of a member that has never \
              been: it begins a new log, and the member forgets for whom it voted and what it acknowledged.",
    decided_by: "Nothing that ends in .wal in member/wal, beside member/snap/db or .snap files.",
    safe: "Do not start the member. If the log lies elsewhere (--wal-dir), name that directory; else remove the member from the cluster, empty the \
           directory and add it again, or restore the cluster from a saved snapshot of the store if no majority is left.",
    not_safe: "Do not start it with the old flags: it would answer in elections as if it had never been there.",
    more: CHECK,
    never: None,
};

/// The store does not reach the snapshot of the start.
pub static STORE_BEHIND: CodeInfo = CodeInfo {
    code: "etcd-store-behind",
    severity: Severity::Error,
    title: "the store of a member of etcd is behind the snapshot of its start",
    meaning: "etcd begins with the newest snapshot that its log names and demands that the store holds everything up to there. It does not, and no store \
              that was received from the leader takes its place: the start ends.",
    decided_by: "consistent_index of member/snap/db, the snapshot records of the log, the .snap files, and <index>.snap.db.",
    safe: "Do not start the member. Keep a copy; if the other members are healthy, remove this one, empty its directory and add it again.",
    not_safe: "Do not take the newer .snap files away: a start from an older one would leave out what the log does not hold any more.",
    more: CHECK,
    never: None,
};

/// The store is ahead of the log.
pub static STORE_AHEAD: CodeInfo = CodeInfo {
    code: "etcd-store-ahead",
    severity: Severity::Error,
    title: "the store of a member of etcd is ahead of its log",
    meaning: "The store holds entries that the log does not reach. Entries are on disk before they are applied, so that the log has lost its end or the store \
              came from elsewhere. etcd starts all the same: entries that the leader sends for these indexes are passed over by the store without a word.",
    decided_by: "consistent_index of member/snap/db against the last entry of the log.",
    safe: "Do not start the member. Remove it from the cluster, empty its directory and add it again; with a single member, restore from a saved snapshot \
           of the store, or from a copy of the directory of one moment.",
    not_safe: "Do not take a successful start for a sign that it is well.",
    more: CHECK,
    never: None,
};

/// Keys of the store are none that etcd writes.
pub static STORE_ODD: CodeInfo = CodeInfo {
    code: "etcd-store-odd",
    severity: Severity::Warning,
    title: "the store of a member of etcd holds keys that etcd does not write",
    meaning: "Keys of the bucket of changes are revisions: 17 bytes, or 18 for a deletion. Others are there.",
    decided_by: "The keys of the bucket `key` of member/snap/db.",
    safe: "Compare with the other members (`etcdctl endpoint hashkv`), and keep a copy.",
    not_safe: "Do not defragment or compact the only copy.",
    more: CHECK,
    never: None,
};

/// A committed entry is no request.
pub static REQUEST_MALFORMED: CodeInfo = CodeInfo {
    code: "etcd-request-malformed",
    severity: Severity::Error,
    title: "an entry of the log of etcd is no request",
    meaning: "The checksum fits, but the data is no request of etcd 3. A member that applies the entry ends with a panic, and so does every start that \
              replays it.",
    decided_by: "The data of the entry, as an InternalRaftRequest and as a Request of the v2 store.",
    safe: "Do not start the member with this release before it is known who wrote the entry; compare the entry with another member's \
           log (`compare`).",
    not_safe: "Do not cut the log before it: entries behind it were acknowledged.",
    more: "ekv-tool wal dump --class unknown DIR",
    never: None,
};

/// Files that the member has had are not there.
pub static FILES_GONE: CodeInfo = CodeInfo {
    code: "etcd-files-gone",
    severity: Severity::Error,
    title: "the store or the newest snapshot of a member of etcd is gone",
    meaning: "The log holds entries, and the store that is made before it is not there; or the log records a snapshot whose file is not there. \
              Up to 3.6 a start makes the store again if the log reaches back to its beginning; from 3.7 on it ends if the log records a snapshot.",
    decided_by: "The entries and the snapshot records of the log, member/snap/db and the names in member/snap.",
    safe: "Find out who removed them, and look for them in a backup of the same moment. If the other members are healthy, remove this one, empty its \
           directory and add it again.",
    not_safe: "Do not put a store from another member or another moment in its place.",
    more: CHECK,
    never: None,
};

/// A snapshot of another cluster or another member.
pub static SNAPSHOT_FOREIGN: CodeInfo = CodeInfo {
    code: "etcd-snapshot-foreign",
    severity: Severity::Error,
    title: "a snapshot of a member of etcd is another cluster's",
    meaning: "The members that the snapshot names are not those of the log beside it: the member that wrote the log is none of them. Up to 3.6 a start \
              takes it if the log records a snapshot of the same term and index, and has the other cluster's members from then on.",
    decided_by: "The member's id in the metadata record of the log, and the ConfState of the .snap file.",
    safe: "Keep a copy of the directory, and move the file out of member/snap while the member is stopped, if the forecast without it is good.",
    not_safe: "Do not start the member with it.",
    more: CHECK,
    never: None,
};

/// Something that a crash left beside the snapshots.
pub static LEFTOVER: CodeInfo = CodeInfo {
    code: "etcd-leftover",
    severity: Severity::Info,
    title: "something that no start of etcd uses",
    meaning: "A snapshot that an earlier start put aside, or what a defragmentation or a download that did not end has left.",
    decided_by: "The name: *.snap.broken, db.tmp*, tmp*.",
    safe: "Nothing has to be done. It takes space and may be moved away while the member is stopped.",
    not_safe: "Do not move away `db`, nor a `.snap.db` whose index is above what the store holds.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] =
    &[&LOG_GONE, &STORE_BEHIND, &STORE_AHEAD, &STORE_ODD, &REQUEST_MALFORMED, &FILES_GONE, &SNAPSHOT_FOREIGN, &LEFTOVER];
