//! The store's contents inside a snapshot. Parsed only when a start restores; a start that skips does not look.

use super::Condition;
use crate::types::ServerVersion;

const DEEP: &str = "ekv-tool verify-snapshot --deep DIR";
const SAFE: &str = "Keep a copy. Verify the file: if its checksum is wrong it was damaged on disk; if it is right it was written \
                    this way, and another node's copy of the same snapshot tells whether that was an accident of this node.";
const NOT_SAFE: &str = "Do not restart in the hope that it goes away: the payload is read again at every start that restores.";

conditions! {
    list PAYLOAD;

    /// `truncated snapshot: partial magic header`: the payload ends inside its magic number.
    pub static PARTIAL_MAGIC: Condition = Condition {
        name: "truncated snapshot: partial magic header",
        says: &["truncated snapshot: partial magic header"],
        engine: None,
        title: "the payload ends inside its magic number",
        meaning: "Behind the header there are 1 to 7 bytes. (None at all would be an empty store.)",
        decided_by: "The size of the .fsm minus header and footer.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `unrecognized snapshot format: unknown magic header`: the payload is of a format that this server does not know.
    pub static UNKNOWN_MAGIC: Condition = Condition {
        name: "unrecognized snapshot format: unknown magic header",
        says: &["unrecognized snapshot format: unknown magic header"],
        engine: None,
        title: "the payload is of a format that this server does not know",
        meaning: "The eight bytes behind the header are neither EKVPBBL1 nor EKVMVCC2 (nor, for main, EKVSSTI1). A bundle of \
                  tables (EKVSSTI1) is unknown to pr934.",
        decided_by: "The first eight bytes behind the header of the .fsm.",
        safe: "If it is EKVSSTI1, start server main. Otherwise treat the file as damaged.",
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `ErrSnapshotKeyTooLarge`: a key in the payload claims to be longer than keys can be.
    pub static SNAPSHOT_KEY_TOO_LARGE: Condition = Condition {
        name: "ErrSnapshotKeyTooLarge",
        says: &["mvcc snapshot key too large"],
        engine: None,
        title: "a key in the payload claims to be longer than keys can be",
        meaning: "A length word is damaged, or the reader has lost its place because of damage before it.",
        decided_by: "A key length (8 bytes, little-endian) in the payload, at most 1 MiB and 8 bytes.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `ErrValueTooLarge`: a value in the payload claims to be longer than values can be.
    pub static VALUE_TOO_LARGE: Condition = Condition {
        name: "ErrValueTooLarge",
        says: &["value too large"],
        engine: None,
        title: "a value in the payload claims to be longer than values can be",
        meaning: "A length word is damaged, or the reader has lost its place because of damage before it.",
        decided_by: "A value length (8 bytes, little-endian) in the payload, at most 256 MiB and a little.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `ErrSnapshotVersionCountTooLarge`: a key in the payload claims too many versions.
    pub static SNAPSHOT_VERSION_COUNT_TOO_LARGE: Condition = Condition {
        name: "ErrSnapshotVersionCountTooLarge",
        says: &["mvcc snapshot version count too large"],
        engine: None,
        title: "a key in the payload claims too many versions",
        meaning: "In an EKVMVCC2 payload, a count above 2^20: damage.",
        decided_by: "A version count (8 bytes, little-endian) in the payload.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `ErrInvalidChecksum`: an EKVMVCC2 payload does not match its own checksum.
    pub static INVALID_CHECKSUM: Condition = Condition {
        name: "ErrInvalidChecksum",
        says: &["invalid checksum"],
        engine: None,
        title: "an EKVMVCC2 payload does not match its own checksum",
        meaning: "Payloads of the in-memory store carry a checksum of their own beside the file's.",
        decided_by: "CRC-32 (IEEE) at byte 12 of the payload over everything from byte 16 on.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `unsupported mvcc snapshot version N`: an EKVMVCC2 payload has an unknown version.
    pub static MVCC_VERSION: Condition = Condition {
        name: "unsupported mvcc snapshot version N",
        says: &["unsupported mvcc snapshot version *"],
        engine: None,
        title: "an EKVMVCC2 payload has an unknown version",
        meaning: "Only version 1 exists.",
        decided_by: "Bytes 8 to 11 of the payload, little-endian.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `SST ingest manifest`: the manifest of a table bundle is damaged or contradicts itself.
    pub static SST_MANIFEST: Condition = Condition {
        name: "SST ingest manifest",
        says: &[
            "invalid sst ingest manifest length: *",
            "sst ingest manifest sha-256 mismatch",
            "sst ingest manifest contains trailing json",
            "unsupported sst ingest snapshot version: *",
            "sst ingest snapshot has too many files: *",
            "invalid sst ingest file name *",
            "invalid sst ingest file size for *",
            "invalid sst ingest key bounds for *",
            "overlapping sst ingest key bounds at *",
            "sst ingest total size mismatch: *",
        ],
        engine: Some(ServerVersion::Main),
        title: "the manifest of a table bundle is damaged or contradicts itself",
        meaning: "An EKVSSTI1 payload begins with a manifest that lists its tables. The text says which rule it breaks.",
        decided_by: "Length, SHA-256 and JSON of the manifest at the start of the payload.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `invalid SST ingest SHA-256`: a table in a bundle is not the one that the manifest describes.
    pub static SST_CONTENT: Condition = Condition {
        name: "invalid SST ingest SHA-256",
        says: &["invalid sst ingest sha-256 for *", "sst ingest snapshot contains trailing bytes"],
        engine: Some(ServerVersion::Main),
        title: "a table in a bundle is not the one that the manifest describes",
        meaning: "Its digest differs, or there are bytes behind the last table.",
        decided_by: "SHA-256 of each table in the payload against the manifest.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: DEEP,
    };

    /// `ErrSnapshotBadMagic`: the offline decoder was given a runtime snapshot file.
    pub static SNAPSHOT_BAD_MAGIC: Condition = Condition {
        name: "ErrSnapshotBadMagic",
        says: &["errsnapshotbadmagic", "errsnapshottruncated", "errsnapshotshortvalue"],
        engine: None,
        title: "the offline decoder was given a runtime snapshot file",
        meaning: "elastickv-snapshot-decode expects the store payload at the start of its input. A .fsm begins with a clock \
                  header and ends with a checksum, and holds _meta_ rows that the decoder does not expect: this is no damage.",
        decided_by: "The first eight bytes of the file.",
        safe: "Check the file itself with this tool; it may be perfectly intact.",
        not_safe: "Do not conclude from the decoder's error that the snapshot is damaged.",
        more: "ekv-tool verify-snapshot FILE",
    };
}
