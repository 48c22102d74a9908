//! Codes about the Pebble store.

use super::{CodeInfo, Severity};

/// There is no store.
pub static STORE_ABSENT: CodeInfo = CodeInfo {
    code: "store-absent",
    severity: Severity::Info,
    title: "there is no fsm.db",
    meaning: "A start creates an empty store and then fills it from the newest snapshot: a full restore, no loss.",
    decided_by: "The name fsm.db in the group directory.",
    safe: "Where the rest of the directory is as it should be, a start restores the snapshot that it chooses: verify that first.",
    not_safe: "Do not remove snapshots or the Raft log: they are the only copy now.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A backup of an interrupted restore.
pub static STORE_RESTORE_BACKUP: CodeInfo = CodeInfo {
    code: "store-restore-backup",
    severity: Severity::Warning,
    title: "a store that an interrupted restore put aside",
    meaning: "A newer server renames fsm.db before it puts a restored store in its place. If there is no fsm.db and exactly one \
              backup, it renames the backup back at the next start; with several it refuses to start. The server of pull request \
              934 knows nothing of backups and creates an empty store.",
    decided_by: "Names that begin with fsm.db-restore-backup- beside fsm.db.",
    safe: "Keep a copy of the directory. With several backups, find out which one is the newest by its applied index.",
    not_safe: "Do not start an older server on a directory in which only the backup is left.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// Work areas of the newer server.
pub static STORE_SNAPSHOT_ARTIFACT: CodeInfo = CodeInfo {
    code: "store-snapshot-artifact",
    severity: Severity::Info,
    title: "a work area of an interrupted snapshot",
    meaning: "Left by a snapshot in the table format that was being made or received. A newer server removes it when it opens the \
              store; an older one leaves it.",
    decided_by: "Names that begin with fsm.db-sst-checkpoint-, fsm.db-sst-ingest- or fsm.db-sst-receive-.",
    safe: "Nothing needs to be done; it takes space until a newer server starts.",
    not_safe: "Do not remove it while the server is running.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The store cannot be opened for a reason without a code of its own.
pub static STORE_REFUSED: CodeInfo = CodeInfo {
    code: "store-refused",
    severity: Severity::Error,
    title: "the store cannot be opened",
    meaning: "The start ends when it opens the store.",
    decided_by: "What stands in the place of the directory fsm.db, or of a file in it that the server reads.",
    safe: "Put the node's file or directory back, or move fsm.db away to let the node restore from its snapshot.",
    not_safe: "Do not delete anything before there is a copy.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// Someone has the store open.
pub static STORE_IN_USE: CodeInfo = CodeInfo {
    code: "store-in-use",
    severity: Severity::Info,
    title: "a running process holds the store",
    meaning: "The store is live: what was read is a state that existed, and the process has probably moved on since.",
    decided_by: "A lock on fsm.db/LOCK, which was asked about and not taken.",
    safe: "Reading is safe. Stop the node, or read a copy, for an answer that stays true.",
    not_safe: "Do not copy the files one by one while the server is running: they will not fit together.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A marker that cannot be understood.
pub static STORE_MARKER: CodeInfo = CodeInfo {
    code: "store-marker",
    severity: Severity::Error,
    title: "a marker of the store cannot be understood",
    meaning: "The store keeps two facts in file names: which MANIFEST is current and which format version it has. A name that \
              begins with marker. and does not have the form of a marker makes the server refuse the store.",
    decided_by: "Names that begin with marker. in the store directory.",
    safe: "Keep a copy of the directory before any start. The names have the forms marker.manifest.<number>.MANIFEST-<number> and \
           marker.format-version.<number>.<version>; the number of the MANIFEST differs from node to node.",
    not_safe: "Do not rename markers by guess: the wrong MANIFEST opens an old state of the store.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// Unknown or missing format version.
pub static STORE_FORMAT: CodeInfo = CodeInfo {
    code: "store-format",
    severity: Severity::Error,
    title: "the store's format version is missing or not supported",
    meaning: "The server refuses to open the store. Either the marker was lost, or another version of the library wrote it.",
    decided_by: "The marker.format-version file with the largest iteration.",
    safe: "Keep a copy. A lost marker can be put back as an empty file; the store's OPTIONS file says which version it has.",
    not_safe: "Do not remove the store if it is the only copy of the data.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// The marker of the MANIFEST is gone.
pub static STORE_MANIFEST_MARKER: CodeInfo = CodeInfo {
    code: "store-manifest-marker",
    severity: Severity::Error,
    title: "no marker names the current MANIFEST",
    meaning: "The server takes such a directory for a new store: it replays the logs it finds, ignores every table, and removes \
              the tables as left over. What was in the tables is gone after that start.",
    decided_by: "The absence of a marker.manifest file while there are tables or MANIFESTs.",
    safe: "Keep a copy of the directory before any start. With the marker put back the store opens as it was.",
    not_safe: "Do not start the node on it: the start deletes the tables.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// The MANIFEST is not there.
pub static STORE_MANIFEST_MISSING: CodeInfo = CodeInfo {
    code: "store-manifest-missing",
    severity: Severity::Error,
    title: "the current MANIFEST is missing",
    meaning: "Nothing says which tables are live. The server refuses to open the store.",
    decided_by: "The file that the marker names.",
    safe: "Put the file back from a copy, or move fsm.db away: the node then restores its newest snapshot.",
    not_safe: "Do not point the marker at an older MANIFEST: it describes an older state.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The MANIFEST is unreadable from the start.
pub static STORE_MANIFEST_MALFORMED: CodeInfo = CodeInfo {
    code: "store-manifest-malformed",
    severity: Severity::Error,
    title: "the current MANIFEST is unreadable from its first record",
    meaning: "Nothing says which tables are live. The server refuses to open the store.",
    decided_by: "The checksum of the first chunk of the MANIFEST.",
    safe: "Put the file back from a copy, or move fsm.db away: the node then restores its newest snapshot.",
    not_safe: "Do not delete the tables before there is a copy.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// An edit that does not fit.
pub static STORE_MANIFEST_EDIT: CodeInfo = CodeInfo {
    code: "store-manifest-edit",
    severity: Severity::Error,
    title: "the MANIFEST contradicts itself",
    meaning: "A record with a good checksum cannot be applied, or the tables it adds up to overlap where they must not. The server \
              refuses to open the store. Either another program wrote the file, or files were mixed.",
    decided_by: "The decoded edits of the MANIFEST.",
    safe: "Keep a copy; move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not mix files of two stores.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// A hole in the MANIFEST.
pub static STORE_MANIFEST_HOLE: CodeInfo = CodeInfo {
    code: "store-manifest-hole",
    severity: Severity::Error,
    title: "a record of the MANIFEST is damaged",
    meaning: "The server stops reading at the damage and says nothing: it opens an older state of the store if the files of that \
              state are still there, and fails otherwise. Intact records behind the damage, or a last record that has its full length \
              and lacks no sector, prove that this is no torn tail.",
    decided_by: "The checksum of a chunk, and an intact chunk behind it or the end of the file where its length says.",
    safe: "Keep a copy; move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not start the node on it: it would run on old data and delete newer tables.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// The last record of the MANIFEST is unreadable.
pub static STORE_MANIFEST_TAIL: CodeInfo = CodeInfo {
    code: "store-manifest-tail",
    severity: Severity::Info,
    title: "the last record of the MANIFEST is unreadable or gone",
    meaning: "A crash while a record was being written leaves this and loses nothing: the tables and logs of the state before are \
              still there. If a newer table is there and no log holds its data, the record was complete once and data is lost.",
    decided_by: "The end of the last chunk, the tables that no record names, and the logs.",
    safe: "After a crash nothing needs to be done. Otherwise keep a copy and restore from the snapshot.",
    not_safe: "If data is lost, do not start the node before a copy is made: the start deletes the orphaned table.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// Tables beyond what the MANIFEST accounts for.
pub static STORE_SEQUENCE_HIDDEN: CodeInfo = CodeInfo {
    code: "store-sequence-hidden",
    severity: Severity::Error,
    title: "a table holds records that the server would not see",
    meaning: "Each write has a sequence number, and the MANIFEST records how far they were given away. Part of the MANIFEST is \
              unreadable, and what is left says less than a table holds. The server opens the store, reads as of that smaller \
              number, and gives the same numbers to new writes.",
    decided_by: "The largest sequence number of each table against the last one that the MANIFEST and the logs account for.",
    safe: "Keep a copy; move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not start the node on it: new writes and old records would then share numbers.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// Sequence numbers are missing from the logs.
pub static STORE_SEQUENCE_GAP: CodeInfo = CodeInfo {
    code: "store-sequence-gap",
    severity: Severity::Error,
    title: "writes are missing from the store",
    meaning: "Each write has a sequence number, and the numbers of the writes in the logs follow each other. Here some are missing: \
              they are in no log, and the MANIFEST does not account for them in a table. A log or the last records of the MANIFEST are \
              gone, and the server opens the store without noticing. The applied index may say more than the store holds.",
    decided_by: "The sequence number of each record in the logs that count, against the one before it and the last one that the \
                 MANIFEST accounts for.",
    safe: "Keep a copy; put back what is missing, or move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not start the node on it when gate-dryrun says skip: it would serve data with holes.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A log under the name of another.
pub static STORE_LOG_FOREIGN: CodeInfo = CodeInfo {
    code: "store-log-foreign",
    severity: Severity::Error,
    title: "a store log stands under the name of another",
    meaning: "Each record of a log carries the log's number, and a file is used again for another log only when its records are in \
              tables. Here the records of a log that should still count stand in a file with another number: the server takes them \
              for leftovers and silently drops them.",
    decided_by: "The log number in the first unreadable chunk, the smallest log number that the MANIFEST says still counts, and the \
                 absence of a log with that number.",
    safe: "Keep a copy, then give the file its own name back and look again.",
    not_safe: "Do not start the node before: the start removes or reuses the file.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A live table is not there.
pub static STORE_TABLE_MISSING: CodeInfo = CodeInfo {
    code: "store-table-missing",
    severity: Severity::Error,
    title: "a live table is missing",
    meaning: "The MANIFEST names a table file that is not there. The server refuses to open the store.",
    decided_by: "The tables of the version that the MANIFEST adds up to, against the directory.",
    safe: "Put the file back from a copy, or move fsm.db away: the node then restores its newest snapshot.",
    not_safe: "Do not put a file of another node in its place: numbers are the node's own.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// A live table has the wrong size.
pub static STORE_TABLE_SIZE: CodeInfo = CodeInfo {
    code: "store-table-size",
    severity: Severity::Error,
    title: "a live table has another size than recorded",
    meaning: "The file was cut, or something was appended. The server compares sizes and refuses to open the store.",
    decided_by: "The size in the MANIFEST against the size of the file.",
    safe: "Put the file back from a copy, or move fsm.db away: the node then restores its newest snapshot.",
    not_safe: "Do not pad or cut the file to the recorded size.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A damaged place in a table.
pub static STORE_TABLE_DAMAGE: CodeInfo = CodeInfo {
    code: "store-table-damage",
    severity: Severity::Error,
    title: "a table is damaged",
    meaning: "Bytes of a live table changed after it was written. The server ends its process when it reads that place: at the start \
              if it lies on the way to the server's own keys, and a newer server reads every data block at the start.",
    decided_by: "The checksum behind each block of the table, its footer and its handles.",
    safe: "Keep a copy; move fsm.db away to let the node restore its newest snapshot, or take the data from another node.",
    not_safe: "Do not keep running on it: the next read or compaction of that place ends the process.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A table that was not read.
pub static STORE_TABLE_NOT_READ: CodeInfo = CodeInfo {
    code: "store-table-not-read",
    severity: Severity::Warning,
    title: "a table could not be read",
    meaning: "The system refused, or the table is of a kind that this program does not read. Nothing is said about its content.",
    decided_by: "The system's answer, or the format in the table's footer.",
    safe: "Run as the user that owns the data directory.",
    not_safe: "Do not take the report for a clean bill of health.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A line of OPTIONS.
pub static STORE_OPTIONS: CodeInfo = CodeInfo {
    code: "store-options",
    severity: Severity::Error,
    title: "the server refuses its newest OPTIONS file",
    meaning: "The server reads the newest OPTIONS file at every start and refuses the store if a line is no key=value, or names \
              another key order, merge operator or log directory. The data itself is untouched.",
    decided_by: "The lines of the OPTIONS file with the highest number.",
    safe: "Move that OPTIONS file away (keep it): the server opens a store without one and writes a new one.",
    not_safe: "Do not move the MANIFEST or the markers with it.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A record of a log that is no batch.
pub static STORE_LOG_BATCH: CodeInfo = CodeInfo {
    code: "store-log-batch",
    severity: Severity::Error,
    title: "a record of a store log is no write batch",
    meaning: "The record's checksum is good and its content makes no sense, as when files were exchanged. The server refuses to open \
              the store.",
    decided_by: "The decoded record.",
    safe: "Keep a copy; put the right file back, or move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not delete the log if it is the right one: it holds writes that are in no table.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A log that the server refuses.
pub static STORE_LOG_CORRUPT: CodeInfo = CodeInfo {
    code: "store-log-corrupt",
    severity: Severity::Error,
    title: "a store log is damaged where it must not be",
    meaning: "Only the newest log may end in something unreadable. This one may not, and the server refuses to open the store.",
    decided_by: "The checksum of a chunk, and the log's place among the logs that are replayed.",
    safe: "Keep a copy; move fsm.db away to let the node restore its newest snapshot.",
    not_safe: "Do not delete the log to get past the error: its writes would be lost silently.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A hole in the newest log.
pub static STORE_LOG_HOLE: CodeInfo = CodeInfo {
    code: "store-log-hole",
    severity: Severity::Error,
    title: "a record of the newest store log is damaged",
    meaning: "The server takes the damage for the end of the log and says nothing: that write and every one behind it is dropped. \
              Intact records of the same log behind the damage, or a last record that has its full length and lacks no sector, prove \
              that this is no torn tail. The applied index then is older than what the node had confirmed, or missing.",
    decided_by: "The checksum of a chunk, and an intact chunk of the same log behind it, or the end of the log where its length says.",
    safe: "Keep a copy. What was dropped is applied again from the Raft log as far as that reaches back: its first entry must not \
           be above the store's applied index plus one.",
    not_safe: "Do not start the node before a copy is made: the start throws the rest of the log away.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// An unreadable tail of the newest log.
pub static STORE_LOG_TAIL: CodeInfo = CodeInfo {
    code: "store-log-tail",
    severity: Severity::Info,
    title: "the newest store log ends in something unreadable",
    meaning: "What a crash leaves while a batch is being written. The batch was never confirmed, and the server drops it.",
    decided_by: "The last chunk ends early, lacks a sector, or is a bare header; and nothing intact stands behind it.",
    safe: "Nothing needs to be done.",
    not_safe: "Nothing.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// No log at all.
pub static STORE_LOG_MISSING: CodeInfo = CodeInfo {
    code: "store-log-missing",
    severity: Severity::Error,
    title: "the store's log is missing",
    meaning: "A store that was opened once always has a log. Without it the server opens the store all the same and silently loses \
              what had not been moved to a table yet.",
    decided_by: "The absence of any log that counts, while there is an OPTIONS file, which is written after the log was made.",
    safe: "Put the log back from a copy. Otherwise the Raft log makes up for it as far as it reaches back: its first entry must \
           not be above the store's applied index plus one.",
    not_safe: "Do not start the node before looking for the file: the start makes a new log.",
    more: "ekv-tool wal stat DIR",
    never: None,
};

/// A meta value that is too short.
pub static STORE_META_SHORT: CodeInfo = CodeInfo {
    code: "store-meta-short",
    severity: Severity::Warning,
    title: "a value of the store's own keys is too short",
    meaning: "Such a value has eight bytes. A shorter one counts as missing; a missing applied index means a full restore.",
    decided_by: "The length of the newest value of the key.",
    safe: "A start is safe: it restores from the snapshot and writes the key anew.",
    not_safe: "Do not write the key by hand.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A row that the log contradicts.
pub static STORE_NOT_AS_WRITTEN: CodeInfo = CodeInfo {
    code: "store-not-as-written",
    severity: Severity::Error,
    title: "a store does not hold what an entry wrote",
    meaning: "The store is a function of the log: the row of an entry holds what that wrote. Here an entry of the log writes another \
              value into the same version of the key, and none writes what the store has, or a row is missing whose request was \
              applied, as its other rows show; and the checksums are right: it was changed in memory, by a fault of the server, or \
              by hand. Clients of this node read what nobody wrote, and it spreads \
              with every snapshot that is made of the store.",
    decided_by: "The row in the store or the snapshot, and every entry of the logs at hand that writes this version of the key. Values \
                 in envelopes that were not opened decide nothing.",
    safe: "Keep a copy of the directory. Compare the other nodes, and rebuild this one from a snapshot of a node that holds what the \
           entry wrote.",
    not_safe: "Do not make the node the leader, and do not seed another one from it or from its snapshots.",
    more: "ekv-tool history KEY DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &STORE_ABSENT,
    &STORE_RESTORE_BACKUP,
    &STORE_SNAPSHOT_ARTIFACT,
    &STORE_REFUSED,
    &STORE_IN_USE,
    &STORE_MARKER,
    &STORE_FORMAT,
    &STORE_MANIFEST_MARKER,
    &STORE_MANIFEST_MISSING,
    &STORE_MANIFEST_MALFORMED,
    &STORE_MANIFEST_EDIT,
    &STORE_MANIFEST_HOLE,
    &STORE_MANIFEST_TAIL,
    &STORE_SEQUENCE_HIDDEN,
    &STORE_SEQUENCE_GAP,
    &STORE_TABLE_MISSING,
    &STORE_TABLE_SIZE,
    &STORE_TABLE_DAMAGE,
    &STORE_TABLE_NOT_READ,
    &STORE_OPTIONS,
    &STORE_LOG_BATCH,
    &STORE_LOG_CORRUPT,
    &STORE_LOG_HOLE,
    &STORE_LOG_FOREIGN,
    &STORE_LOG_TAIL,
    &STORE_LOG_MISSING,
    &STORE_META_SHORT,
    &STORE_NOT_AS_WRITTEN,
];
