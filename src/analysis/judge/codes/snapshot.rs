//! Codes about `.fsm` and `.snap` files.

use super::{CodeInfo, Severity};

const ELSEWHERE: &str =
    "Keep a copy of the directory, then take the same snapshot from another node, or let this node rejoin empty.";

/// The body of a `.fsm` does not match its footer.
pub static FSM_BODY_CRC: CodeInfo = CodeInfo {
    code: "fsm-body-crc",
    severity: Severity::Error,
    title: "snapshot body does not match its checksum",
    meaning: "Bytes of the payload changed after the server wrote the file. A start that uses it is refused with \
              ErrFSMSnapshotFileCRC; a start that has to restore from it has by then already replaced the store.",
    decided_by: "CRC-32C over all bytes but the last four, against the last four (big-endian).",
    safe: ELSEWHERE,
    not_safe: "Do not restart the node on it and do not edit the footer to match.",
    more: "ekv-tool verify-snapshot --deep FILE",
    never: None,
};

/// The footer of a `.fsm` is not the checksum in its token.
pub static FSM_TOKEN_CRC: CodeInfo = CodeInfo {
    code: "fsm-token-crc",
    severity: Severity::Error,
    title: "snapshot file is not the one its token points at",
    meaning: "The .snap file promises a payload with another checksum. Either the payload was cut, lengthened or replaced, or the \
              token is damaged. A start that uses it is refused with ErrFSMSnapshotTokenCRC before anything is changed.",
    decided_by: "The last four bytes of the .fsm file, against bytes 13 to 16 of the token in the .snap file.",
    safe: "Keep a copy of the directory. If the payload's own checksum matches, it is whole and belongs to another token; \
           otherwise take the snapshot from another node, or let this node rejoin empty.",
    not_safe: "Do not edit token or footer to match: nothing then tells whether the payload is the right one.",
    more: "ekv-tool verify-snapshot --deep GROUP-DIR",
    never: None,
};

/// A `.fsm` below four bytes.
pub static FSM_TOO_SMALL: CodeInfo = CodeInfo {
    code: "fsm-too-small",
    severity: Severity::Error,
    title: "snapshot file is too short to have a footer",
    meaning: "Files get their final name only when they are complete, so that this one was cut afterwards. A start that uses it is \
              refused with ErrFSMSnapshotTooSmall.",
    decided_by: "The size of the file: below four bytes.",
    safe: ELSEWHERE,
    not_safe: "Do not pad the file: four zero bytes are a valid, empty snapshot, and the node would start with an empty store.",
    more: "ekv-tool verify-snapshot GROUP-DIR",
    never: None,
};

/// A token without its `.fsm`.
pub static FSM_MISSING: CodeInfo = CodeInfo {
    code: "fsm-missing",
    severity: Severity::Error,
    title: "snapshot file that a token points at is missing",
    meaning: "No crash leaves this behind: whoever deletes a snapshot deletes the .snap file first. A copy that took fsm-snap/ before \
              snap/, or a deletion by hand, does. A start that chooses this snapshot is refused with ErrFSMSnapshotNotFound.",
    decided_by: "The index in the token, and the names in fsm-snap/.",
    safe: "Look for the file in the place the copy came from. When copying a node that runs, copy fsm.db, then snap, then fsm-snap, \
           then wal.",
    not_safe: "Do not delete the .snap file to make the start pass: an older snapshot needs log entries that may be gone.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// Something else than a file under the name of a payload.
pub static FSM_NOT_A_FILE: CodeInfo = CodeInfo {
    code: "fsm-not-a-file",
    severity: Severity::Error,
    title: "something else stands where a snapshot file should be",
    meaning: "A directory, a FIFO or another special file has the name of a payload. A start that uses it fails (a directory), or \
              waits for ever (a FIFO).",
    decided_by: "The kind of the directory entry.",
    safe: "Find out who made it; move it out of fsm-snap/ when no .snap file has its index.",
    not_safe: "Do not start the node while a token points at it.",
    more: "ekv-tool verify-snapshot GROUP-DIR",
    never: None,
};

/// A clock header that cannot be read.
pub static FSM_HEADER_INVALID: CodeInfo = CodeInfo {
    code: "fsm-header-invalid",
    severity: Severity::Error,
    title: "clock header of a snapshot cannot be read",
    meaning: "The payload starts like a clock header of this family, but with a version that no known server reads, or it is cut off, or \
              its length word is out of range. Every start that uses it is refused, also one that would skip the restore.",
    decided_by: "The first 8 bytes of the payload, and the header's length behind them.",
    safe: "If the checksum of the file matches, a newer server may have written it: start that version. Otherwise take the snapshot \
           from another node.",
    not_safe: "Do not cut the header off: the clock would start below timestamps that were already given out.",
    more: "ekv-tool verify-snapshot --deep FILE",
    never: None,
};

/// A store payload that a restore cannot read.
pub static FSM_BODY_MALFORMED: CodeInfo = CodeInfo {
    code: "fsm-body-malformed",
    severity: Severity::Error,
    title: "store payload of a snapshot cannot be restored",
    meaning: "The rows of the payload do not follow their format, or its magic is unknown. A start that skips the restore does not notice; \
              one that restores is refused, and so is every node that receives this snapshot.",
    decided_by: "The bytes behind the clock header, read as a restore reads them: magic, lengths and their limits, inner checksums.",
    safe: "Do not let this be the only snapshot: take one from another node while this one still runs.",
    not_safe: "Do not delete fsm.db of this node: it could not be restored.",
    more: "ekv-tool verify-snapshot --deep FILE",
    never: None,
};

/// Keys out of order.
pub static FSM_ROW_ORDER: CodeInfo = CodeInfo {
    code: "fsm-row-order",
    severity: Severity::Error,
    title: "rows of a snapshot are not in ascending order",
    meaning: "A server writes the rows of a snapshot in strictly ascending key order. These are not, although they can be restored: a key \
              that occurs twice keeps its last value, so that the restored store may differ from the one that was saved.",
    decided_by: "Each key against the one before it, byte by byte.",
    safe: "Compare the snapshot with that of another node at the same index.",
    not_safe: "Do not restore from it before the difference is explained.",
    more: "ekv-tool snapshot stat FILE",
    never: None,
};

/// A row that no server can have written.
pub static FSM_ROW_INVALID: CodeInfo = CodeInfo {
    code: "fsm-row-invalid",
    severity: Severity::Error,
    title: "row of a snapshot cannot be read",
    meaning: "A key is too short for its timestamp, a value too short for its header, or reserved bits are set. A restore copies such a row \
              as it is; reading the key then fails.",
    decided_by: "The length of the key, and the first nine bytes of the value.",
    safe: "Find the same key on another node. A row with reserved bits may have been written by a newer server: start that version.",
    not_safe: "Do not downgrade the node before that is clear.",
    more: "ekv-tool verify-snapshot --deep FILE",
    never: None,
};

/// The payload's own applied index is above its token's.
pub static FSM_AHEAD_OF_INDEX: CodeInfo = CodeInfo {
    code: "fsm-ahead-of-index",
    severity: Severity::Error,
    title: "snapshot holds more than its index says",
    meaning: "The payload contains the effects of entries above the index it is filed under. A node that restores from it (this one after \
              losing its store, or a follower that is sent it) applies those entries a second time, on top of newer contents. It comes \
              about when a membership change is applied again after a start that skipped the restore, or when a cluster is bootstrapped \
              over an existing store.",
    decided_by: "_meta_applied_index among the rows of the payload (or applied_index of its manifest), against the index in its name.",
    safe: "Let the node take another snapshot (it replaces this one), and do not delete fsm.db of a node before that.",
    not_safe: "Do not add a node or move a store away while this is the newest snapshot of the group's leader.",
    more: "ekv-tool gate-dryrun --plan GROUP-DIR",
    never: None,
};

/// A payload whose rows are newer than its front says.
pub static FSM_CLOCK_BEHIND: CodeInfo = CodeInfo {
    code: "fsm-clock-behind",
    severity: Severity::Warning,
    title: "snapshot holds rows newer than its last commit timestamp",
    meaning: "The number at the front of the payload is below the commit timestamp of one of its rows. After a restore, an older server \
              starts its clock from that number and may give a timestamp out twice; a newer one scans the rows and is not affected.",
    decided_by: "Bytes 8 to 15 of the store payload, against the largest commit timestamp in its keys.",
    safe: "Start the newer server version, or restore from another node's snapshot.",
    not_safe: "Do not restore it with the older server.",
    more: "ekv-tool snapshot stat FILE",
    never: None,
};

/// A name in `fsm-snap/` that is not spelled as the server spells it.
pub static FSM_ODD_NAME: CodeInfo = CodeInfo {
    code: "fsm-odd-name",
    severity: Severity::Warning,
    title: "snapshot file has a name that is never opened",
    meaning: "A start opens a payload only under its index in 16 lower-case hex digits. A file with another name is either deleted as an \
              orphan (when its name is still a hex number) or ignored for ever.",
    decided_by: "The file name.",
    safe: "If it is the payload that a token asks for, rename a copy of it to the canonical name.",
    not_safe: "Do not leave the only copy of a payload under such a name: the next start may delete it.",
    more: "ekv-tool verify-snapshot GROUP-DIR",
    never: None,
};

/// A `.snap` that is empty or cut off, as a crash may leave it.
pub static SNAP_TORN: CodeInfo = CodeInfo {
    code: "snap-torn",
    severity: Severity::Warning,
    title: "newest snapshot envelope was not written to its end",
    meaning: "The server writes .snap files directly under their final name, so that a crash may leave the newest one empty or short. The \
              next start renames it to .snap.broken and uses the snapshot before it; nothing is lost.",
    decided_by: "The bytes of the .snap file: none, only zeros, or a message that ends too early; and an intact older one beside it.",
    safe: "Start the node.",
    not_safe: "Do not rename a .snap.broken file back: its payload may be deleted at the start after that.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// A `.snap` that cannot be read.
pub static SNAP_FILE_CRC: CodeInfo = CodeInfo {
    code: "snap-file-crc",
    severity: Severity::Error,
    title: "snapshot envelope does not match its checksum",
    meaning: "Bytes of the .snap file changed after it was written. When a start reaches it, it is renamed to .snap.broken and an older \
              snapshot is used, for which the log must still have every entry.",
    decided_by: "CRC-32C over the inner message, against field 1 of the outer one.",
    safe: "Keep a copy of the directory and look at what the next start would do instead. When the log records the snapshot and its \
           payload is whole, `snapshot rebuild` shows the bytes that the file had.",
    not_safe: "Do not start the node before the forecast says that an older snapshot will do.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// A `.snap` that is no snapshot.
pub static SNAP_MALFORMED: CodeInfo = CodeInfo {
    code: "snap-malformed",
    severity: Severity::Error,
    title: "snapshot envelope cannot be read",
    meaning: "The .snap file is empty, cut off, or not the protobuf message it should be. When a start reaches it, it is renamed to \
              .snap.broken and an older snapshot is used, for which the log must still have every entry.",
    decided_by: "The bytes of the .snap file.",
    safe: "Keep a copy of the directory and look at what the next start would do instead. When the log records the snapshot and its \
           payload is whole, `snapshot rebuild` shows the bytes that the file had.",
    not_safe: "Do not start the node before the forecast says that an older snapshot will do.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// A token of an unknown version.
pub static SNAP_TOKEN_INVALID: CodeInfo = CodeInfo {
    code: "snap-token-invalid",
    severity: Severity::Error,
    title: "snapshot token has a version that no server reads",
    meaning: "The data of the snapshot has the length and the magic of a token, but another version than 1. A start that chooses this \
              snapshot is refused with ErrFSMSnapshotTokenInvalid.",
    decided_by: "The fifth byte of the snapshot's data.",
    safe: "A newer server may have written it: start that version.",
    not_safe: "Do not edit the version byte: the checksum of the .snap file would no longer match.",
    more: "ekv-tool verify-snapshot FILE.snap",
    never: None,
};

/// A payload kept in the `.snap` file itself.
pub static SNAP_LEGACY_PAYLOAD: CodeInfo = CodeInfo {
    code: "snap-legacy-payload",
    severity: Severity::Info,
    title: "snapshot carries its whole payload",
    meaning: "The data of the snapshot is not a token. The server takes it for a payload of an older layout and restores it at every start, \
              without a checksum of its own and without asking whether the store is newer.",
    decided_by: "The length and the first four bytes of the snapshot's data.",
    safe: "Nothing needs to be done: the next snapshot has a token.",
    not_safe: "Do not expect a fast start before that.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// Name and content disagree.
pub static SNAP_IDENTITY_MISMATCH: CodeInfo = CodeInfo {
    code: "snap-identity-mismatch",
    severity: Severity::Error,
    title: "names and contents of a snapshot disagree",
    meaning: "Term and index stand in the name of the .snap file, in its metadata and in its token, and the index in the name of the .fsm \
              file. They are written equal. A start orders snapshots by their names, trusts the metadata, opens the payload that the \
              token names, and protects from deletion the one that the name names.",
    decided_by: "The file name, the metadata and the token of a .snap file.",
    safe: "Move copies made by hand out of snap/ and fsm-snap/. If no copy was made, take the snapshot from another node.",
    not_safe: "Do not start the node while the payload that a token names is not protected by any name: the start deletes it first.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// Payloads without a single envelope.
pub static SNAP_ALL_LOST: CodeInfo = CodeInfo {
    code: "snap-all-lost",
    severity: Severity::Error,
    title: "every snapshot envelope is gone",
    meaning: "fsm-snap/ holds several payloads and snap/ holds no .snap file. Retention removes envelope and payload in pairs, and a crash \
              leaves at most one payload alone, so that the envelopes were deleted or not copied. The next start deletes every payload \
              before it looks at anything else, and is then refused if the log does not begin at its first entry.",
    decided_by: "The names in snap/ and fsm-snap/.",
    safe: "Copy the directory aside and bring snap/ back from where it was lost. What the log records and fsm-snap/ still holds can be \
           made again: `snapshot rebuild` shows the bytes of each file.",
    not_safe: "Do not start the node: the payloads are deleted first.",
    more: "ekv-tool snapshot rebuild GROUP-DIR",
    never: None,
};

/// Leftovers.
pub static SNAP_ORPHAN: CodeInfo = CodeInfo {
    code: "snap-orphan",
    severity: Severity::Info,
    title: "piece of a snapshot that nothing refers to",
    meaning: "A payload without a .snap file, an unfinished or half received one, or an envelope that was put aside. A crash at the right \
              moment leaves these behind. The next start deletes payloads, temporary files and spools; .snap.broken files stay for ever.",
    decided_by: "The names in snap/ and fsm-snap/ alone.",
    safe: "Nothing needs to be done. If snap/ was lost or copied too early, copy fsm-snap/ aside before the next start empties it.",
    not_safe: "Do not start a node whose snap/ is empty while fsm-snap/ is not, unless the payloads are expendable.",
    more: "ekv-tool gate-dryrun GROUP-DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &FSM_BODY_CRC,
    &FSM_TOKEN_CRC,
    &FSM_TOO_SMALL,
    &FSM_MISSING,
    &FSM_NOT_A_FILE,
    &FSM_HEADER_INVALID,
    &FSM_BODY_MALFORMED,
    &FSM_ROW_ORDER,
    &FSM_ROW_INVALID,
    &FSM_AHEAD_OF_INDEX,
    &FSM_CLOCK_BEHIND,
    &FSM_ODD_NAME,
    &SNAP_TORN,
    &SNAP_FILE_CRC,
    &SNAP_MALFORMED,
    &SNAP_TOKEN_INVALID,
    &SNAP_LEGACY_PAYLOAD,
    &SNAP_IDENTITY_MISMATCH,
    &SNAP_ALL_LOST,
    &SNAP_ORPHAN,
];
