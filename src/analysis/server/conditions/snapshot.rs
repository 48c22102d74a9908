//! Choosing a snapshot, its token, the `.fsm` file around the payload.

use super::Condition;

const VERIFY: &str = "ekv-tool verify-snapshot DIR";
const OTHER_COPY: &str = "Keep a copy of the directory. The same snapshot can be had from another node of the group, or this node \
                          can rejoin empty and receive one.";

conditions! {
    list SNAPSHOT;

    /// `ErrFSMSnapshotNotFound`: the payload of the chosen snapshot is not there.
    pub static FSM_SNAPSHOT_NOT_FOUND: Condition = Condition {
        name: "ErrFSMSnapshotNotFound",
        says: &["fsm snapshot: file not found"],
        engine: None,
        title: "the payload of the chosen snapshot is not there",
        meaning: "snap/ names a snapshot whose fsm-snap/<index>.fsm is missing. No crash produces this: a file was deleted, or \
                  the directories were copied at different times (fsm-snap before snap).",
        decided_by: "The index in the token inside the chosen .snap, as sixteen hex digits.",
        safe: "If this is a copy, copy again: first fsm.db, then snap, then fsm-snap, then wal. Otherwise fetch the file from \
               another node and verify it against the token first.",
        not_safe: "Do not delete the .snap in question without checking that an older one still connects to the log; and never \
                   empty snap/: the next start would then delete every .fsm.",
        more: VERIFY,
    };

    /// `ErrFSMSnapshotTooSmall`: the snapshot file is shorter than its footer.
    pub static FSM_SNAPSHOT_TOO_SMALL: Condition = Condition {
        name: "ErrFSMSnapshotTooSmall",
        says: &["fsm snapshot: file too small to contain footer", "file too small: * bytes (minimum 4)"],
        engine: None,
        title: "the snapshot file is shorter than its footer",
        meaning: "A .fsm has at least 4 bytes, its checksum. This one was cut, or never written through.",
        decided_by: "The size of fsm-snap/<index>.fsm.",
        safe: OTHER_COPY,
        not_safe: "Do not replace it by a .fsm of another index: the token's checksum will not match.",
        more: VERIFY,
    };

    /// `ErrFSMSnapshotTokenCRC`: the snapshot file is not the one that its token was written for.
    pub static FSM_SNAPSHOT_TOKEN_CRC: Condition = Condition {
        name: "ErrFSMSnapshotTokenCRC",
        says: &["fsm snapshot: token crc32c mismatch"],
        engine: None,
        title: "the snapshot file is not the one that its token was written for",
        meaning: "The checksum at the end of the .fsm differs from the one inside the .snap. The file is cut, is another file, \
                  or its last four bytes are damaged.",
        decided_by: "The last four bytes of the .fsm (big-endian) against bytes 13 to 16 of the token in the .snap.",
        safe: OTHER_COPY,
        not_safe: "Do not write the expected four bytes to the end: they would vouch for a body that nobody checked.",
        more: VERIFY,
    };

    /// `ErrFSMSnapshotFileCRC`: the body of the snapshot file is damaged.
    pub static FSM_SNAPSHOT_FILE_CRC: Condition = Condition {
        name: "ErrFSMSnapshotFileCRC",
        says: &["fsm snapshot: file crc32c mismatch"],
        engine: None,
        title: "the body of the snapshot file is damaged",
        meaning: "Its checksum does not match the footer, although the footer matches the token. If the start had to restore \
                  from it, the store has by then already been replaced by the damaged contents.",
        decided_by: "CRC-32C over all bytes but the last four, against the last four.",
        safe: OTHER_COPY,
        not_safe: "Do not restart the node on it: each start that restores replaces the store again.",
        more: "ekv-tool verify-snapshot --deep DIR",
    };

    /// `ErrFSMSnapshotTokenInvalid`: the token inside the .snap is not one that this server knows.
    pub static FSM_SNAPSHOT_TOKEN_INVALID: Condition = Condition {
        name: "ErrFSMSnapshotTokenInvalid",
        says: &["fsm snapshot: token format invalid", "unknown version: *: fsm snapshot", "invalid magic: *: fsm snapshot"],
        engine: None,
        title: "the token inside the .snap is not one that this server knows",
        meaning: "The 17 bytes that point at the .fsm begin with EKVT but have another version, or are damaged in a way that the \
                  .snap's own checksum does not catch.",
        decided_by: "The data field of the .snap: EKVT, version 01, index, checksum.",
        safe: "If a newer server wrote it, start that one. Otherwise use a copy of the snapshot from another node.",
        not_safe: "Do not edit the token: the .snap has a checksum of its own.",
        more: "ekv-tool snapshot ls DIR",
    };

    /// `ErrFSMSnapshotTooLarge`: a snapshot is too large to be sent.
    pub static FSM_SNAPSHOT_TOO_LARGE: Condition = Condition {
        name: "ErrFSMSnapshotTooLarge",
        says: &["fsm snapshot: payload exceeds maximum in-memory size limit", "etcd raft snapshot payload exceeds limit"],
        engine: None,
        title: "a snapshot is too large to be sent",
        meaning: "Never at a start: a leader cannot send a payload of this size to a follower in the way it tried.",
        decided_by: "The size of the payload against 1 GiB in memory, or the limit for received payloads (16 GiB by default).",
        safe: "The data is intact. Bring the follower up from a copy instead.",
        not_safe: "Do not delete the snapshot.",
        more: "ekv-tool snapshot stat DIR",
    };

    /// `is a directory`: a directory stands where a file should be.
    pub static IS_A_DIRECTORY: Condition = Condition {
        name: "is a directory",
        says: &["*.fsm: is a directory", ": is a directory"],
        engine: None,
        title: "a directory stands where a file should be",
        meaning: "The server opened a name that belongs to a directory, for example fsm-snap/<index>.fsm.",
        decided_by: "The kind of the entry that the error names.",
        safe: "Move the directory away; then it counts as missing.",
        not_safe: "Do not merge its content into the data directory.",
        more: VERIFY,
    };

    /// `ErrSnapshotHeaderUnknownMagic`: the snapshot's header is of an unknown version.
    pub static SNAPSHOT_HEADER_UNKNOWN_MAGIC: Condition = Condition {
        name: "ErrSnapshotHeaderUnknownMagic",
        says: &["snapshot header: unknown ekvthlc* magic"],
        engine: None,
        title: "the snapshot's header is of an unknown version",
        meaning: "The payload begins with EKVTHLC and then something else than 1 or 2: a newer server wrote it, or that byte is \
                  damaged. Note that this check comes before the body checksum, so that the file may be damaged elsewhere too.",
        decided_by: "Bytes 0 to 7 of the .fsm.",
        safe: OTHER_COPY,
        not_safe: "Do not change the byte: the body checksum covers it.",
        more: VERIFY,
    };

    /// `ErrSnapshotHeaderInvalidLength`: the snapshot's header has an impossible length.
    pub static SNAPSHOT_HEADER_INVALID_LENGTH: Condition = Condition {
        name: "ErrSnapshotHeaderInvalidLength",
        says: &["snapshot header: invalid v2 length prefix"],
        engine: None,
        title: "the snapshot's header has an impossible length",
        meaning: "A version 2 header says how long it is, 16 to 1024 bytes. Another value is damage.",
        decided_by: "Bytes 8 and 9 of the .fsm, big-endian.",
        safe: OTHER_COPY,
        not_safe: "Do not change the bytes: the body checksum covers them.",
        more: VERIFY,
    };

    /// `snapshot header is cut`: the snapshot ends inside its header.
    pub static HEADER_CUT: Condition = Condition {
        name: "snapshot header is cut",
        says: &[
            "v1 header: read magic+ceiling",
            "v2 header: read length prefix",
            "v2 header: read payload",
            "snapshot header: peek",
        ],
        engine: None,
        title: "the snapshot ends inside its header",
        meaning: "The payload has a header's magic and then too few bytes. With a matching checksum such a file was written that \
                  way; otherwise it is cut.",
        decided_by: "The first 26 bytes of the .fsm and its size.",
        safe: OTHER_COPY,
        not_safe: "Do not pad the file.",
        more: VERIFY,
    };

    /// `snap: empty snapshot`: a .snap file is empty or damaged.
    pub static SNAP_UNREADABLE: Condition = Condition {
        name: "snap: empty snapshot",
        says: &["snap: empty snapshot", "snap: crc mismatch", "snap: no available snapshot"],
        engine: None,
        title: "a .snap file is empty or damaged",
        meaning: "A start that reaches such a file renames it to .snap.broken and tries the next older one. A crash while the \
                  file was being written leaves it empty or torn; that is harmless as long as the older one still connects to \
                  the log.",
        decided_by: "The checksum in front of the .snap's data.",
        safe: "Forecast the start: the tool says which snapshot is chosen then, and what its .fsm is worth.",
        not_safe: "Do not rename a .snap.broken back: its .fsm may have been deleted meanwhile.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// `failed to remove orphan fsm snapshot`: an old file could not be deleted.
    pub static DELETION_FAILED: Condition = Condition {
        name: "failed to remove orphan fsm snapshot",
        says: &[
            "failed to remove orphan fsm snapshot",
            "failed to prepare fsm snapshot write",
            "failed to purge old snap files",
            "failed to purge old wal files",
        ],
        engine: None,
        title: "an old file could not be deleted",
        meaning: "A warning only: the server goes on. Space is not given back.",
        decided_by: "The system's answer to the deletion.",
        safe: "Check ownership and file system; nothing is lost.",
        not_safe: "Do not clean fsm-snap/ or wal/ by hand while the server runs.",
        more: "ekv-tool inspect DIR",
    };

    /// A leftover in `snap/` cannot be deleted.
    pub static DEFRAGMENTATION_LEFTOVER: Condition = Condition {
        name: "failed to remove orphaned .snap.db file",
        says: &["failed to remove orphaned .snap.db file"],
        engine: None,
        title: "a leftover in snap/ cannot be deleted",
        meaning: "Names that begin with db.tmp are deleted when a snapshot is chosen. One of them is a directory with content, \
                  belongs to another user, or lies on a file system that does not take writes.",
        decided_by: "The names in snap/ and the system's answer to the deletion.",
        safe: "Move the named entry out of snap/.",
        not_safe: "Do not touch the .snap files beside it.",
        more: "ekv-tool gate-dryrun DIR",
    };
}
