//! Opening `fsm.db`.

use super::Condition;
use crate::types::ServerVersion;

conditions! {
    list STORE;

    /// `failed to open pebble fsm store for group N`: the store of a group cannot be opened.
    pub static STORE_OPEN: Condition = Condition {
        name: "failed to open pebble fsm store for group N",
        says: &["failed to open pebble fsm store for group *"],
        engine: None,
        title: "the store of a group cannot be opened",
        meaning: "Pebble refused fsm.db. The part behind it says why: a missing or malformed MANIFEST, a table whose size \
                  is not what the MANIFEST says, a format version from the future, or another process that holds the lock.",
        decided_by: "CURRENT or the manifest marker, the MANIFEST, the sizes of the *.sst files, the store's LOCK.",
        safe: "First check that no other server process runs on the directory. Then keep a copy. If a complete snapshot \
               exists, a start without fsm.db restores from it; the tool says whether that snapshot is intact.",
        not_safe: "Do not delete fsm.db before `verify-snapshot` has called the newest snapshot clean and `gate-dryrun` has \
                   shown that the log connects to it: entries up to the snapshot exist nowhere else on this node.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `pebble: malformed manifest file`: the store's MANIFEST is missing or cannot be read.
    pub static STORE_MANIFEST: Condition = Condition {
        name: "pebble: malformed manifest file",
        says: &["malformed manifest file *", "pebble: could not open manifest file *"],
        engine: None,
        title: "the store's MANIFEST is missing or cannot be read",
        meaning: "The MANIFEST lists which tables belong to the store. Without it the tables cannot be put together.",
        decided_by: "Record checksums and version edits in fsm.db/MANIFEST-*, and which one the marker names.",
        safe: "Keep a copy, then let the node restore from a snapshot that was verified, or rejoin from its peers.",
        not_safe: "Do not copy a MANIFEST from another node and do not point the marker at an older one: tables that it \
                   names may be gone, and the applied index goes back.",
        more: "ekv-tool store meta DIR/fsm.db",
    };

    /// `pebble: checksum mismatch`: a table of the store is damaged.
    pub static STORE_TABLE: Condition = Condition {
        name: "pebble: checksum mismatch",
        says: &[
            "pebble/table: invalid table",
            "pebble: *checksum mismatch",
            "block checksum mismatch",
            "pebble: on-disk corruption",
            "background error*corrupt",
        ],
        engine: None,
        title: "a table of the store is damaged",
        meaning: "A block, footer or magic number of an *.sst is not what was written. Pebble ends the process when it reads \
                  such a block. Server main reads every block of the rows when it opens the store, so that it cannot start; \
                  server pr934 starts, and ends when it meets the block.",
        decided_by: "The checksum behind each block of the table, and the footer.",
        safe: "Keep a copy. The rows can be had again from a verified snapshot and the log, or from a peer.",
        not_safe: "Do not delete the one table that is named: the store then lacks rows that it believes to have.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `pebble: object size mismatch`: a table of the store is missing or has another size than the MANIFEST says.
    pub static STORE_OBJECT_SIZE: Condition = Condition {
        name: "pebble: object size mismatch",
        says: &["object size mismatch (*)", "unknown to the objstorage provider: file does not exist"],
        engine: None,
        title: "a table of the store is missing or has another size than the MANIFEST says",
        meaning: "The MANIFEST lists every table with its size; one is not there or was cut. Pebble checks this when it opens the \
                  store, before it reads any row. Often the mark of an incomplete copy.",
        decided_by: "The names and sizes of fsm.db/*.sst against fsm.db/MANIFEST-*.",
        safe: "If this is a copy, copy fsm.db again while the server is stopped. Otherwise keep it and let the node restore from \
               a verified snapshot.",
        not_safe: "Do not put a table of the same number from elsewhere in its place.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `pebble: invalid batch`: a record of the store's own log is damaged.
    pub static STORE_BATCH: Condition = Condition {
        name: "pebble: invalid batch",
        says: &["pebble: invalid batch", "invalid key kind *"],
        engine: None,
        title: "a record of the store's own log is damaged",
        meaning: "The newest writes of the store lie in fsm.db/*.log until they are flushed into tables. A record there has a \
                  right checksum and impossible contents.",
        decided_by: "The write batch in a record of fsm.db/*.log.",
        safe: "Keep a copy. A restore from a verified snapshot and the raft log brings the rows back.",
        not_safe: "Do not delete the log file: the store would open and silently lack its newest writes.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `pebble: invalid OPTIONS`: the store's OPTIONS file is damaged.
    pub static STORE_OPTIONS: Condition = Condition {
        name: "pebble: invalid OPTIONS",
        says: &["invalid key=value syntax: *"],
        engine: None,
        title: "the store's OPTIONS file is damaged",
        meaning: "fsm.db/OPTIONS-* is plain text that Pebble compares with its settings when it opens the store. A line of it is \
                  not text any more. The rows are not concerned.",
        decided_by: "The lines of the newest fsm.db/OPTIONS-*.",
        safe: "Keep a copy. The damage may not be alone: verify the store before anything else.",
        not_safe: "Do not write an OPTIONS file by hand before the tables have been verified.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `pebble: database already exists and is not pristine`: there is a store where an empty one was expected.
    pub static STORE_NOT_PRISTINE: Condition = Condition {
        name: "pebble: database already exists and is not pristine",
        says: &["database already exists and is not pristine"],
        engine: None,
        title: "there is a store where an empty one was expected",
        meaning: "Pebble was asked to create the store, or finds remains of one without the files that would let it open it.",
        decided_by: "The content of fsm.db.",
        safe: "See what is in fsm.db: tables without a MANIFEST mean that an essential file was lost.",
        not_safe: "Do not empty the directory before a snapshot has been verified.",
        more: "ekv-tool store meta DIR/fsm.db",
    };

    /// `pebble: database is locked`: another process has the store open.
    pub static STORE_LOCKED: Condition = Condition {
        name: "pebble: database is locked",
        says: &["lock held by current process", "resource temporarily unavailable", "pebble: database * locked"],
        engine: None,
        title: "another process has the store open",
        meaning: "Pebble locks fsm.db/LOCK for the life of the process. A second server, or one that is still ending, has it.",
        decided_by: "The lock on fsm.db/LOCK, not its content.",
        safe: "Find the process that runs on this directory and decide which of the two is right.",
        not_safe: "Do not delete LOCK: two processes on one store destroy it.",
        more: "ekv-tool inspect DIR",
    };

    /// `cannot recover Pebble store with N restore backups`: fsm.db is missing and there are several backups of it.
    pub static RESTORE_BACKUPS: Condition = Condition {
        name: "cannot recover Pebble store with N restore backups",
        says: &["cannot recover pebble store with * restore backups"],
        engine: Some(ServerVersion::Main),
        title: "fsm.db is missing and there are several backups of it",
        meaning: "A restore renames the old store to fsm.db-restore-backup-* before it puts the new one in place. With one \
                  backup a start takes it back by itself; with several it cannot know which.",
        decided_by: "Names beside fsm.db.",
        safe: "Compare the applied indexes of the backups; the highest that does not exceed the log is the one to keep. Move \
               the others out of the directory.",
        not_safe: "Do not delete backups before their applied indexes have been read.",
        more: "ekv-tool store meta DIR/fsm.db-restore-backup-*",
    };

    /// `remove stale snapshot artifact`: a leftover of a table snapshot cannot be deleted.
    pub static SNAPSHOT_ARTIFACT: Condition = Condition {
        name: "remove stale snapshot artifact",
        says: &["remove stale snapshot artifact *"],
        engine: Some(ServerVersion::Main),
        title: "a leftover of a table snapshot cannot be deleted",
        meaning: "fsm.db-sst-checkpoint-*, -ingest-* and -receive-* are work directories; every start removes them.",
        decided_by: "Names beside fsm.db and the system's answer to the deletion.",
        safe: "Check ownership and free space, then move the named directory away.",
        not_safe: "Do not touch fsm.db itself.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// `initialize distribution catalog`: the shard catalog in the store cannot be read by this server.
    pub static CATALOG: Condition = Condition {
        name: "initialize distribution catalog",
        says: &["initialize distribution catalog", "catalog route record is invalid"],
        engine: None,
        title: "the shard catalog in the store cannot be read by this server",
        meaning: "The catalog rows were written by a newer server. After a downgrade this is the second barrier behind the \
                  version of the peers file.",
        decided_by: "Rows under !dist| in fsm.db, in particular their version byte.",
        safe: "Start the newer server on this directory again.",
        not_safe: "Do not remove the peers file to get past the first barrier: the downgrade does not work, and a start with \
                   --raftBootstrap may begin a new group over the old data.",
        more: "ekv-tool store scan DIR/fsm.db",
    };

    /// `ErrEncryptedValueReservedState`: a row's header has bits that this server does not know.
    pub static ENCRYPTED_VALUE_RESERVED_STATE: Condition = Condition {
        name: "ErrEncryptedValueReservedState",
        says: &["value header carries reserved encryption_state"],
        engine: None,
        title: "a row's header has bits that this server does not know",
        meaning: "Bits 1 to 7 of a value's first byte say how it is encrypted. This row uses a combination that is reserved: \
                  a newer server wrote it, or the byte is damaged.",
        decided_by: "The first byte of the row's value.",
        safe: "If a newer server has run here, start that one. Otherwise compare the row with another node's.",
        not_safe: "Do not treat the value as clear text.",
        more: "ekv-tool store verify --deep DIR/fsm.db",
    };

    /// `encrypted value present but no cipher configured`: the store holds encrypted values and the server was started without keys.
    pub static NO_CIPHER: Condition = Condition {
        name: "encrypted value present but no cipher configured",
        says: &["store: encrypted value present but no cipher configured"],
        engine: None,
        title: "the store holds encrypted values and the server was started without keys",
        meaning: "Reads of those rows fail, and new writes are stored in clear text beside them.",
        decided_by: "Encryption bits of the row, and that no sidecar and KEK were given.",
        safe: "Stop the server and start it with --encryption-enabled, the sidecar and the KEK.",
        not_safe: "Do not let it run on: every write since is in clear text on disk.",
        more: "ekv-tool inspect KEYS.JSON",
    };

    /// `ErrEncryptedReadIntegrity`: an encrypted value does not authenticate.
    pub static ENCRYPTED_READ_INTEGRITY: Condition = Condition {
        name: "ErrEncryptedReadIntegrity",
        says: &["encrypted value failed integrity check"],
        engine: None,
        title: "an encrypted value does not authenticate",
        meaning: "The value, its header, its key or its timestamp is not what was sealed, or the data key is another one.",
        decided_by: "The tag in the last 16 bytes of the value, over the value and the whole row key.",
        safe: "Check with another node whether it reads the same row; if so, let this node restore from a verified snapshot.",
        not_safe: "Do not overwrite the row before the cause is known: with a wrong sidecar every row looks like this.",
        more: "ekv-tool store get DIR/fsm.db KEY",
    };

    /// `ErrRegistryKeyMalformed`: a row of the writer registry is not in its form.
    pub static REGISTRY_KEY_MALFORMED: Condition = Condition {
        name: "ErrRegistryKeyMalformed",
        says: &[
            "errregistryvaluemalformed",
            "encryption: writer registry key is malformed",
            "encryption: writer registry value is malformed",
        ],
        engine: None,
        title: "a row of the writer registry is not in its form",
        meaning: "The registry records which node used which data key in which of its starts. A row has 27 bytes of key and 12 \
                  of value; this one does not.",
        decided_by: "Length and separators of the row under !encryption|writers|.",
        safe: "Compare with another node's store; restore this node from a verified snapshot.",
        not_safe: "Do not delete the row: it is what prevents a nonce from being used twice.",
        more: "ekv-tool store scan DIR/fsm.db",
    };

    /// The store has a format version that this server does not open.
    pub static STORE_FORMAT: Condition = Condition {
        name: "pebble: database written in another format major version",
        says: &[
            "written in unknown format major version *",
            "written in format major version * which is no longer supported",
            "parsing format major version: *",
            "default format major version should not persisted",
        ],
        engine: None,
        title: "the store has a format version that this server does not open",
        meaning: "A newer program has opened the store, or the name of the file marker.format-version.* is damaged. The versions 13 \
                  to 24 can be opened.",
        decided_by: "The number at the end of the name of fsm.db/marker.format-version.*; no bytes of the tables.",
        safe: "If a newer server was started on this directory, start that one. Otherwise see what the tables say: they carry their \
               own versions.",
        not_safe: "Do not rename the marker to a version that suits: a store that really is newer is misread then.",
        more: "ekv-tool store meta DIR/fsm.db",
    };

    /// A marker file of the store has a name that cannot be read.
    pub static STORE_MARKER: Condition = Condition {
        name: "pebble: invalid marker",
        says: &["invalid marker filename: *", "manifest name * is malformed"],
        engine: None,
        title: "a marker file of the store has a name that cannot be read",
        meaning: "Markers are empty files that say everything by their names: marker.<kind>.<iteration>.<value>. This one does not.",
        decided_by: "The names of fsm.db/marker.*.",
        safe: "Verify the store: the tool names the MANIFEST that decodes and whose tables are all there.",
        not_safe: "Do not delete all markers: the store then counts as new, and its tables as leftovers.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// The tables that the MANIFEST lists cannot belong to one store.
    pub static STORE_INCONSISTENT: Condition = Condition {
        name: "pebble: files have overlapping ranges",
        says: &["have overlapping ranges", "overlapping ranges", "has inconsistent bounds", "has inconsistent seqnums", "inconsistent smallest"],
        engine: None,
        title: "the tables that the MANIFEST lists cannot stand beside each other",
        meaning: "Two tables of one level overlap, or the bounds of one contradict each other. The MANIFEST is damaged, or belongs \
                  to another time than the tables.",
        decided_by: "The bounds in fsm.db/MANIFEST-*.",
        safe: "Keep a copy, then let the node restore from a snapshot that was verified.",
        not_safe: "Do not delete one of the two tables.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// The store's own log cannot be read to its end.
    pub static STORE_LOG: Condition = Condition {
        name: "pebble: error when replaying WAL",
        says: &[
            "error when replaying wal",
            "pebble/record: invalid chunk",
            "pebble/record: unexpected eof",
            "pebble/record: zeroed chunk",
            "wal: duplicate logindex for *",
            "stat *.log: no such file or directory",
        ],
        engine: None,
        title: "the store's own log cannot be read to its end",
        meaning: "The newest writes of the store lie in fsm.db/*.log until they are flushed into tables. A chunk in the middle is \
                  damaged although later ones are whole, a log ends early, or one is missing. A torn end of the newest log is no such case: \
                  it is dropped without a word.",
        decided_by: "The chunks of fsm.db/*.log and their checksums, and the numbers that the MANIFEST still needs.",
        safe: "Keep a copy. A restore from a verified snapshot and the raft log brings the rows back.",
        not_safe: "Do not delete the log file: the store would open and silently lack its newest writes.",
        more: "ekv-tool store verify DIR/fsm.db",
    };

    /// `could not open table`: a table of the store cannot be opened.
    pub static STORE_TABLE_OPEN: Condition = Condition {
        name: "pebble: could not open table",
        says: &["could not open table *", "pebble: table * not found"],
        engine: None,
        title: "a table of the store cannot be opened",
        meaning: "The words behind it say why: the file is missing, is too short, or its footer is damaged.",
        decided_by: "fsm.db/<number>.sst: its presence, its size and its last 53 bytes.",
        safe: "Keep a copy. The rows can be had again from a verified snapshot and the log, or from a peer if there is one.",
        not_safe: "Do not put a table of the same number from elsewhere in its place.",
        more: "ekv-tool store verify DIR/fsm.db",
    };
}
