//! Opening `fsm.db`.

use super::ServerText;
use crate::types::ServerVersion;

/// Every condition of this file.
pub const ALL: &[ServerText] = &[
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
        name: "pebble: database already exists and is not pristine",
        says: &["database already exists and is not pristine"],
        engine: None,
        title: "there is a store where an empty one was expected",
        meaning: "Pebble was asked to create the store, or finds remains of one without the files that would let it open it.",
        decided_by: "The content of fsm.db.",
        safe: "See what is in fsm.db: tables without a MANIFEST mean that an essential file was lost.",
        not_safe: "Do not empty the directory before a snapshot has been verified.",
        more: "ekv-tool store meta DIR/fsm.db",
    },
    ServerText {
        name: "pebble: database is locked",
        says: &["lock held by current process", "resource temporarily unavailable", "pebble: database * locked"],
        engine: None,
        title: "another process has the store open",
        meaning: "Pebble locks fsm.db/LOCK for the life of the process. A second server, or one that is still ending, has it.",
        decided_by: "The lock on fsm.db/LOCK, not its content.",
        safe: "Find the process that runs on this directory and decide which of the two is right.",
        not_safe: "Do not delete LOCK: two processes on one store destroy it.",
        more: "ekv-tool inspect DIR",
    },
    ServerText {
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
    },
    ServerText {
        name: "remove stale snapshot artifact",
        says: &["remove stale snapshot artifact *"],
        engine: Some(ServerVersion::Main),
        title: "a leftover of a table snapshot cannot be deleted",
        meaning: "fsm.db-sst-checkpoint-*, -ingest-* and -receive-* are work directories; every start removes them.",
        decided_by: "Names beside fsm.db and the system's answer to the deletion.",
        safe: "Check ownership and free space, then move the named directory away.",
        not_safe: "Do not touch fsm.db itself.",
        more: "ekv-tool gate-dryrun DIR",
    },
    ServerText {
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
    },
    ServerText {
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
    },
    ServerText {
        name: "encrypted value present but no cipher configured",
        says: &["store: encrypted value present but no cipher configured"],
        engine: None,
        title: "the store holds encrypted values and the server was started without keys",
        meaning: "Reads of those rows fail, and new writes are stored in clear text beside them.",
        decided_by: "Encryption bits of the row, and that no sidecar and KEK were given.",
        safe: "Stop the server and start it with --encryption-enabled, the sidecar and the KEK.",
        not_safe: "Do not let it run on: every write since is in clear text on disk.",
        more: "ekv-tool inspect KEYS.JSON",
    },
    ServerText {
        name: "ErrEncryptedReadIntegrity",
        says: &["encrypted value failed integrity check"],
        engine: None,
        title: "an encrypted value does not authenticate",
        meaning: "The value, its header, its key or its timestamp is not what was sealed, or the data key is another one.",
        decided_by: "The tag in the last 16 bytes of the value, over the value and the whole row key.",
        safe: "Check with another node whether it reads the same row; if so, let this node restore from a verified snapshot.",
        not_safe: "Do not overwrite the row before the cause is known: with a wrong sidecar every row looks like this.",
        more: "ekv-tool store get DIR/fsm.db KEY",
    },
    ServerText {
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
    },
];
