//! Codes about what belongs together in a group's directory, and what does not.

use super::{CodeInfo, Severity};

/// A node that was used has no log.
pub static LOG_GONE: CodeInfo = CodeInfo {
    code: "log-gone",
    severity: Severity::Error,
    title: "the log of a node that has been used is gone",
    meaning: "Something here is written only after the log was created: the peers file at the end of a successful open, snapshots, or \
              a store that has applied entries. So this is no new node. Its vote and the entries that it acknowledged are gone with \
              the log; a start would take it for a new one.",
    decided_by: "No name in wal/ that ends in .wal and no state file from before the log, beside a peers file, a name in snap/, or a \
                 store that records an applied index or a commit.",
    safe: "Do not start the node. Find the missing wal/: a volume that is not mounted, a backup, another path. If it is lost and the \
           group has other voters, remove this member and let it join as a new one, with an empty directory.",
    not_safe: "Do not start it to see what happens, and do not give it an empty directory under its old membership: a member that has \
               forgotten its vote and its entries can break an election.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The store belongs to another log.
pub static STORE_FOREIGN: CodeInfo = CodeInfo {
    code: "store-foreign",
    severity: Severity::Error,
    title: "the store belongs to another log",
    meaning: "A store keeps the timestamp of its newest commit, and every commit comes from an entry of its own log. This one's is no \
              entry's of this log up to the index that it says it has applied, and no snapshot's of it either: fsm.db is of another \
              cluster, another group or another time, and a start would serve its contents as this group's.",
    decided_by: "`_meta_last_commit_ts` in fsm.db, against the commit timestamps of the entries up to `_meta_applied_index` and those at \
                 the front of the payloads in fsm-snap/; only where log and payloads bear each other out.",
    safe: "Do not start the node on this store. Keep a copy, find out where fsm.db came from, and put this group's own back; without \
           it, move fsm.db away, so that a start restores the newest snapshot and replays the log behind it, once both are verified.",
    not_safe: "Do not let it serve reads: they are another group's rows. Do not take a snapshot of it.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A clock that is far ahead.
pub static CLOCK_AHEAD: CodeInfo = CodeInfo {
    code: "clock-ahead",
    severity: Severity::Warning,
    title: "a timestamp lies far in the future",
    meaning: "Leases and the ceilings of snapshots are a few seconds ahead of the clock that they come from (3 or 10 s). The server never \
              gives a timestamp below one that it has seen, so that from then on every commit, and every expiry that is reckoned from \
              it, lies in the future too.",
    decided_by: "Leases in the log, the headers of payloads, the store's newest commit and its retention mark, against now and the time \
                 at which the files were last changed; more than a day ahead counts.",
    safe: "Find the machine whose clock was wrong and set it right before it leads the group again. The timestamps stay: they are \
           unusual, and consistent with each other.",
    not_safe: "Do not set other machines to that time.",
    more: "ekv-tool wal dump --class lease DIR",
    never: None,
};

/// A dangling link.
pub static LINK_TO_NOTHING: CodeInfo = CodeInfo {
    code: "link-to-nothing",
    severity: Severity::Error,
    title: "a link leads to nothing",
    meaning: "Somebody moved a part of the directory elsewhere and left a link, and what it leads to is not there: a volume that is not \
              mounted, or files that were moved on. A start ends there, or takes that part for missing and begins it anew.",
    decided_by: "A symbolic link in the group's directory whose target does not exist.",
    safe: "Do not start the node before the target is back: mount the volume, or correct the link.",
    not_safe: "Do not delete the link: it says where the data was.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[&LOG_GONE, &STORE_FOREIGN, &CLOCK_AHEAD, &LINK_TO_NOTHING];
