//! Codes about directories of hashicorp/raft: `raft.db` and `snapshots/`.

use super::{CodeInfo, Severity};

/// The next start of the library fails.
pub static START_FAILS: CodeInfo = CodeInfo {
    code: "hraft-start-fails",
    severity: Severity::Error,
    title: "the next start of the library fails",
    meaning: "hashicorp/raft ends with the quoted error, panic or endless loop before the node serves anything. Every \
              start ends the same way until the cause is gone.",
    decided_by: "The first step of the start, in the library's own order, that the files do not allow; the message \
                 names it.",
    safe: "Do not start this node again before the cause is known: every attempt writes to its stores. Keep a copy of \
           the directory first; `gate-dryrun` says whether a forced recovery would go through.",
    not_safe: "Do not delete files until it starts: what is missing then is missing for good.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The node would start, work, and lose everything behind an old snapshot.
pub static DELAYED_DEATH: CodeInfo = CodeInfo {
    code: "hraft-delayed-death",
    severity: Severity::Error,
    title: "the node would start, work, and lose everything behind an old snapshot",
    meaning: "The newest usable snapshot has a higher term than the node knows. Alone it leads in a lower term: every \
              snapshot that it takes then sorts behind the old one and is ignored or deleted at once, while the log \
              is compacted up to it. The start after that restores the old snapshot and panics, and everything \
              written since is lost.",
    decided_by: "The term in meta.json of the newest usable snapshot, against CurrentTerm in raft.db.",
    safe: "Do not start the node. If it must be saved, restore its stable store (raft.db or stable.dat) from a copy \
           of the same moment first; otherwise empty the directory and let it join again.",
    not_safe: "Do not take a successful start, or successful snapshots, for a sign that it is well.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The node would start and end later.
pub static LATER_FAILURE: CodeInfo = CodeInfo {
    code: "hraft-later-failure",
    severity: Severity::Error,
    title: "the node would start and end later",
    meaning: "The start does not touch the damaged place. The first compaction, vote request, commit or forced \
              recovery does, and ends the process there.",
    decided_by: "The keys and pages that a compaction reads, and the length of the values that a vote request reads.",
    safe: "Do not start the node on these files. Let another member serve, and rebuild this one.",
    not_safe: "Do not take a successful start for a sign that it is well.",
    more: "ekv-tool check DIR",
    never: None,
};

/// What a migration that did not come to its end has left.
pub static MIGRATION_ABORTED: CodeInfo = CodeInfo {
    code: "migration-aborted",
    severity: Severity::Warning,
    title: "what a migration has left",
    meaning: "The tools that carried a node from one generation of its log to the next worked in a directory whose name \
              ends in `.migrating` and gave it its real name at the end. One that still has that name was aborted and \
              may hold a part only. Files of the generation before, beside a directory of the next, are what such a tool \
              read and left.",
    decided_by: "The names: `.migrating`, and `logs.dat` or `stable.dat` beside a directory `raft.db`.",
    safe: "Use the directory that the migration read from: it was only read. Move the aborted one away before the \
           migration is tried again.",
    not_safe: "Do not give an aborted directory its final name by hand: nothing says how much of the node is in it.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// A page of the store is damaged.
pub static PAGE_DAMAGED: CodeInfo = CodeInfo {
    code: "bolt-page-damaged",
    severity: Severity::Error,
    title: "a page of the store is damaged",
    meaning: "The page does not carry its number, its elements point outside of it, its keys are out of order, it is \
              reached twice, or it is not in the file. The library does not look for any of this: it ends with a \
              panic, a memory fault or in an endless loop when it comes by, or loses the entries without a word.",
    decided_by: "The header and the elements of every page that the bucket trees reach.",
    safe: "Do not start the node. Keep a copy, let another member serve, and rebuild this one.",
    not_safe: "Do not run a compaction or a repair tool on the only copy.",
    more: "ekv-tool wal verify DIR",
    never: None,
};

/// One of the two meta pages cannot be used.
pub static META_INVALID: CodeInfo = CodeInfo {
    code: "bolt-meta-invalid",
    severity: Severity::Info,
    title: "one of the two meta pages cannot be used",
    meaning: "The library uses the other one. When the invalid one was the newer, exactly one transaction is lost; a \
              crash during a commit leaves that, and the transaction was never acknowledged then.",
    decided_by: "Magic, version and checksum of pages 0 and 1.",
    safe: "Nothing has to be done after a crash. Without one, compare the last entry with the other members.",
    not_safe: "Do not copy one meta page over the other.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// The freelist of the store is wrong.
pub static FREELIST_INVALID: CodeInfo = CodeInfo {
    code: "bolt-freelist-invalid",
    severity: Severity::Error,
    title: "the freelist of the store is wrong",
    meaning: "The page of free pages is unreadable, or names pages that are in use. The data can be read without it, \
              but the library reads it at every start: it panics, runs out of memory, or writes over live pages.",
    decided_by: "The freelist page, and the pages that the bucket trees reach.",
    safe: "Do not start the node. The entries can be read with `wal dump`; rebuild the node from another member.",
    not_safe: "Do not let anything write to the file.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// The store is shorter than the pages in use.
pub static FILE_SHORT: CodeInfo = CodeInfo {
    code: "bolt-file-short",
    severity: Severity::Error,
    title: "the store is shorter than the pages in use",
    meaning: "The file ends before the high water mark of the meta page: it is a truncated copy, or lost its end. \
              Pages behind the end fault when they are touched.",
    decided_by: "The length of the file, against the high water mark.",
    safe: "Take a whole copy of the file; do not start the node on this one.",
    not_safe: "Do not append zeros to it.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// The store cannot be opened.
pub static STORE_UNUSABLE: CodeInfo = CodeInfo {
    code: "bolt-unusable",
    severity: Severity::Error,
    title: "the store cannot be opened",
    meaning: "Neither meta page can be used, or the file is not one of bbolt, or comes from a big-endian host.",
    decided_by: "Magic, version and checksum of both meta pages.",
    safe: "Do not start the node; keep the file, and rebuild the node from another member.",
    not_safe: "Do not delete the file: an empty place is taken for a new node.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// Entries are missing in the log.
pub static LOG_GAP: CodeInfo = CodeInfo {
    code: "hraft-log-gap",
    severity: Severity::Error,
    title: "entries are missing in the log",
    meaning: "Behind the newest usable snapshot every index must be there; the library panics at the first that is \
              not. A gap at or below the snapshot is only a remark: a received snapshot leaves one.",
    decided_by: "The keys of bucket `logs`, against the index of the snapshot that is restored.",
    safe: "Do not start the node. Keep a copy, and rebuild it from another member.",
    not_safe: "Do not run a forced recovery: it is refused as well.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// An entry does not decode.
pub static ENTRY_UNDECODABLE: CodeInfo = CodeInfo {
    code: "hraft-entry-undecodable",
    severity: Severity::Error,
    title: "an entry does not decode",
    meaning: "The value of a log key is not what the library can read. Behind the snapshot, and as the last key, it \
              ends the start; below the snapshot only a follower that needs it meets it.",
    decided_by: "The MessagePack value of the log key.",
    safe: "Rebuild the node from another member; keep a copy first.",
    not_safe: "Do not delete the key: a gap ends the start too.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// An entry decodes to something that no writer writes.
pub static ENTRY_ODD: CodeInfo = CodeInfo {
    code: "hraft-entry-odd",
    severity: Severity::Error,
    title: "an entry decodes to something that no writer writes",
    meaning: "A field that every writer of its form writes is missing, a no-op or barrier carries data, or the term is 0. \
              The library takes it as it is: what is missing counts as zero. Entries have no checksum, so that this is \
              all that tells of a changed byte.",
    decided_by: "The names and values in the MessagePack map of the log key.",
    safe: "Compare the entry with the other members' (`compare`), and rebuild the node.",
    not_safe: "Do not start the node alone: it would apply and replicate the entry as it stands.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// An entry says another index than its key.
pub static INDEX_MISMATCH: CodeInfo = CodeInfo {
    code: "hraft-index-mismatch",
    severity: Severity::Error,
    title: "an entry says another index than its key",
    meaning: "Nothing in the library compares the two. At the end of the log the node goes on from the wrong place at \
              every start; in the middle the wrong entry is applied.",
    decided_by: "The key of the entry and the index in its value.",
    safe: "Do not start the node: rebuild it from another member.",
    not_safe: "Do not take a successful start for a sign that it is well.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// An entry of a type that the library does not know.
pub static TYPE_UNKNOWN: CodeInfo = CodeInfo {
    code: "hraft-type-unknown",
    severity: Severity::Error,
    title: "an entry of a type that the library does not know",
    meaning: "It is stored and replicated like any other, and ends every process that applies it.",
    decided_by: "The type in the value of the log key.",
    safe: "Do not restart members that run. Take a snapshot at or above the index where that is still possible, or \
           use a build that knows the type.",
    not_safe: "Do not replicate it to further members.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A log key is not eight bytes long.
pub static KEY_ODD: CodeInfo = CodeInfo {
    code: "hraft-key-odd",
    severity: Severity::Error,
    title: "a log key is not eight bytes long",
    meaning: "A shorter key panics as soon as it is the first or the last that is read; a longer one is read by its \
              first eight bytes and then not found.",
    decided_by: "The keys of bucket `logs`.",
    safe: "Do not start the node: rebuild it from another member.",
    not_safe: "Do not wait for the next compaction.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// Terms fall along the log.
pub static TERM_REGRESS: CodeInfo = CodeInfo {
    code: "hraft-term-regress",
    severity: Severity::Error,
    title: "terms fall along the log",
    meaning: "No leader appends an entry of a lower term behind one of a higher. Left over from a truncation that \
              failed halfway, or damage.",
    decided_by: "The terms of neighbouring entries.",
    safe: "Keep a copy, and compare with the other members which history is the group's; rebuild the node.",
    not_safe: "Do not run a forced recovery: it commits everything that is there.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// Entries of an older history stand behind the snapshot.
pub static STALE_SUFFIX: CodeInfo = CodeInfo {
    code: "hraft-stale-suffix",
    severity: Severity::Warning,
    title: "entries of an older history stand behind the snapshot",
    meaning: "A received snapshot has a higher term than entries above it: the store keeps them, the node refuses \
              what the leader sends until they are overwritten. A forced recovery would write a snapshot that sorts \
              behind the received one, with the log deleted.",
    decided_by: "The terms of entries above the newest usable snapshot, against its term.",
    safe: "Let the node join again empty, or let a leader overwrite the entries.",
    not_safe: "Do not run a forced recovery on this node: it succeeds and loses the membership it was to bring.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A membership in the log does not decode.
pub static CONFIGURATION_UNDECODABLE: CodeInfo = CodeInfo {
    code: "hraft-configuration-undecodable",
    severity: Severity::Error,
    title: "a membership in the log does not decode",
    meaning: "An entry of type 5 that does not decode panics every process that starts with it behind its newest \
              usable snapshot; one of type 2 or 3 is an error then. It was stored before it was decoded, so that the \
              node cannot get rid of it.",
    decided_by: "The payload of the entry, read as the library reads it; the offset is that of the byte at which it \
                 gives up.",
    safe: "Do not start members that run with it into a restart. A snapshot at or above the index, or a forced \
           recovery with peers.json, cures it: the recovery decodes no membership.",
    not_safe: "Do not delete the entry: a gap ends the start too.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A membership means something surprising.
pub static CONFIGURATION_ODD: CodeInfo = CodeInfo {
    code: "hraft-configuration-odd",
    severity: Severity::Warning,
    title: "a membership means something surprising",
    meaning: "The library accepts the payload, and reads something out of it that nobody will have meant: no server, \
              no voter, a server twice whose votes count twice, a missing suffrage that makes a voter, a list laid \
              over another. Nobody without voters can ever elect a leader.",
    decided_by: "The payload of the entry or the Configuration in meta.json, read as the library reads it.",
    safe: "Compare with the other members. Where nobody can be elected, a forced recovery with peers.json brings a \
           new membership.",
    not_safe: "Do not add members to such a group.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// Term or vote are missing, malformed or too low.
pub static STABLE_INVALID: CodeInfo = CodeInfo {
    code: "hraft-stable-invalid",
    severity: Severity::Error,
    title: "term or vote are missing, malformed or too low",
    meaning: "A node without its term or vote votes again in terms in which it has voted, and two leaders can be \
              elected in one term. A zero counts as missing: every start writes it when it finds none. Values shorter \
              than eight bytes panic.",
    decided_by: "CurrentTerm, LastVoteTerm and LastVoteCand in bucket `conf`, against the terms in the log and in the \
                 snapshots.",
    safe: "Do not start the node with the log it has: rebuild it, or restore the stable store of the same moment.",
    not_safe: "Do not write a term by hand.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// The recorded vote does not fit.
pub static VOTE_ODD: CodeInfo = CodeInfo {
    code: "hraft-vote-odd",
    severity: Severity::Warning,
    title: "the recorded vote does not fit",
    meaning: "The vote belongs to a term above the node's own, or went to an address that no known membership has. It \
              does not protect against a second vote in lower terms.",
    decided_by: "LastVoteTerm and LastVoteCand, against CurrentTerm and the memberships.",
    safe: "Compare with the other members before the node votes again.",
    not_safe: "Do not delete the vote.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// A finished snapshot cannot be restored.
pub static SNAPSHOT_UNUSABLE: CodeInfo = CodeInfo {
    code: "hraft-snapshot-unusable",
    severity: Severity::Error,
    title: "a finished snapshot cannot be restored",
    meaning: "Under its final name a snapshot is whole unless it was damaged later: meta.json must decode, state.bin \
              must be there and match its checksum, the state machine must take it. The library passes to the next \
              older one, and fails when there is none or the log does not reach back to it.",
    decided_by: "meta.json, and every byte of state.bin against its CRC-64.",
    safe: "Take the snapshot from another member, or let this one take a new one while it runs.",
    not_safe: "Do not delete older snapshots or compact the log until a good one exists.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// An unfinished snapshot was left behind.
pub static SNAPSHOT_LEFTOVER: CodeInfo = CodeInfo {
    code: "hraft-snapshot-leftover",
    severity: Severity::Info,
    title: "an unfinished snapshot was left behind",
    meaning: "A crash while a snapshot is written or received leaves a directory that ends in .tmp. The library never \
              deletes it. One whose checksum is there and matches is complete and only was not renamed.",
    decided_by: "The name of the directory, and the checksum in its meta.json.",
    safe: "Delete it once the node has a newer finished snapshot. A complete one that is newer than all finished ones \
           can be worth keeping.",
    not_safe: "Do not rename it while the node runs.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A snapshot's directory and its id differ.
pub static SNAPSHOT_MISNAMED: CodeInfo = CodeInfo {
    code: "hraft-snapshot-misnamed",
    severity: Severity::Error,
    title: "a snapshot's directory and its id differ",
    meaning: "The library lists what it finds in a directory but opens and deletes the directory that the id names: \
              another snapshot, nothing, or something outside of snapshots/. The misnamed one is never deleted and \
              takes a place for ever.",
    decided_by: "The ID in meta.json, against the directory's name.",
    safe: "Rename the directory to its id while the node is down, or move it away.",
    not_safe: "Do not let the node take snapshots before: the deletion goes to the wrong place.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A snapshot's meta.json says something unusual.
pub static SNAPSHOT_META_ODD: CodeInfo = CodeInfo {
    code: "hraft-snapshot-meta-odd",
    severity: Severity::Warning,
    title: "a snapshot's meta.json says something unusual",
    meaning: "The library accepts it: another length than the file has, a version of 0 by which ids become addresses, \
              a membership index above the snapshot's own by which every later snapshot fails, keys that stand twice.",
    decided_by: "The fields of meta.json.",
    safe: "Compare with the same snapshot of another member.",
    not_safe: "Do not seed another node from it.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// A snapshot and the log have different terms at its index.
pub static SNAPSHOT_LOG_TERM: CodeInfo = CodeInfo {
    code: "hraft-snapshot-log-term",
    severity: Severity::Error,
    title: "a snapshot and the log have different terms at its index",
    meaning: "One of the two belongs to another history.",
    decided_by: "The term in meta.json, against the term of the entry at its index.",
    safe: "Compare with the other members which one is the group's; rebuild this node.",
    not_safe: "Do not delete one of them to make them agree.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// The node would never campaign.
pub static NOT_CAMPAIGNING: CodeInfo = CodeInfo {
    code: "hraft-not-campaigning",
    severity: Severity::Info,
    title: "the node would never campaign",
    meaning: "It starts and waits for a leader for ever: its membership is empty, does not list it, or lists it \
              without a vote.",
    decided_by: "The membership in force after the start, and the node's id.",
    safe: "Nothing has to be done for a node that was removed or has no vote. Otherwise check the id, or bring a new \
           membership with peers.json.",
    not_safe: "Do not count it when you judge whether the group can elect a leader.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A peers.json lies beside the store.
pub static RECOVERY_PENDING: CodeInfo = CodeInfo {
    code: "hraft-recovery-pending",
    severity: Severity::Info,
    title: "a peers.json lies beside the store",
    meaning: "The program that embeds the library takes it for a forced recovery at the next start: it commits every \
              entry that is there, writes a snapshot with the membership of the file, and deletes the log. A file \
              that the library refuses ends the start of most programs.",
    decided_by: "peers.json, read as the library reads it.",
    safe: "Remove it unless the recovery is meant. Run it on one member only, after the others are stopped.",
    not_safe: "Do not start several members with different files.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A snapshot archive cannot be read, or holds other bytes than were written.
pub static ARCHIVE_DAMAGED: CodeInfo = CodeInfo {
    code: "hraft-archive-damaged",
    severity: Severity::Error,
    title: "a snapshot archive is damaged",
    meaning: "The archive that Consul, Nomad, Vault or OpenBao saved ends early, cannot be decompressed, or a member does not \
              have the checksum that was written with it. Every restore refuses it before anything changes, except for a \
              checksum of gzip that Vault and OpenBao do not reach.",
    decided_by: "The CRC-32 and length of the gzip stream, the checksum of every tar header, and the SHA-256 of meta.json and \
                 state.bin in SHA256SUMS.",
    safe: "Take another copy of the archive, or an older snapshot; save a new one from the running cluster.",
    not_safe: "Do not delete other snapshots of that cluster before you have a whole one.",
    more: "ekv-tool verify-snapshot FILE",
    never: None,
};

/// A snapshot archive is whole, and a restore refuses it all the same.
pub static ARCHIVE_REFUSED: CodeInfo = CodeInfo {
    code: "hraft-archive-refused",
    severity: Severity::Error,
    title: "a restore would refuse the snapshot archive",
    meaning: "What stands in the archive can be read, but it is not what the products restore: a member is missing, twice there or \
              none of theirs, a checksum has no line, meta.json does not decode or says another length than state.bin has, or bytes \
              stand behind the end. As a rule somebody packed the archive anew by hand.",
    decided_by: "The members of the tar, the lines of SHA256SUMS and the fields of meta.json, read as the products read them.",
    safe: "Restore from the archive as the product saved it. Where there is only this one, its members can be packed again: \
           meta.json, state.bin and SHA256SUMS in this order, without directories, and compressed with gzip.",
    not_safe: "Do not write checksums anew to make a damaged member fit.",
    more: "ekv-tool verify-snapshot FILE",
    never: None,
};

/// A snapshot archive is not as the products write it.
pub static ARCHIVE_ODD: CodeInfo = CodeInfo {
    code: "hraft-archive-odd",
    severity: Severity::Warning,
    title: "a snapshot archive is not as the products write it",
    meaning: "A restore accepts it, but no product writes it so: another order of the members, an empty member twice, several gzip \
              streams, padding that is not zero, no end, or bytes behind the end that the product does not read.",
    decided_by: "The blocks of the tar and what stands between and behind them.",
    safe: "It can be restored. Find out who packed it anew, or which disk changed it.",
    not_safe: "Do not take its members for those of the moment that meta.json names without asking.",
    more: "ekv-tool verify-snapshot FILE",
    never: None,
};

/// All of them.
pub const ALL: &[&CodeInfo] = &[
    &START_FAILS,
    &DELAYED_DEATH,
    &LATER_FAILURE,
    &MIGRATION_ABORTED,
    &PAGE_DAMAGED,
    &META_INVALID,
    &FREELIST_INVALID,
    &FILE_SHORT,
    &STORE_UNUSABLE,
    &LOG_GAP,
    &ENTRY_UNDECODABLE,
    &ENTRY_ODD,
    &INDEX_MISMATCH,
    &TYPE_UNKNOWN,
    &KEY_ODD,
    &TERM_REGRESS,
    &STALE_SUFFIX,
    &CONFIGURATION_UNDECODABLE,
    &CONFIGURATION_ODD,
    &STABLE_INVALID,
    &VOTE_ODD,
    &SNAPSHOT_UNUSABLE,
    &SNAPSHOT_LEFTOVER,
    &SNAPSHOT_MISNAMED,
    &SNAPSHOT_META_ODD,
    &SNAPSHOT_LOG_TERM,
    &NOT_CAMPAIGNING,
    &RECOVERY_PENDING,
    &ARCHIVE_DAMAGED,
    &ARCHIVE_REFUSED,
    &ARCHIVE_ODD,
];
