//! Codes about the bytes of the Raft log.

use super::{CodeInfo, Severity};

const VERIFY: &str = "ekv-tool wal verify DIR";
const SHOW: &str = "ekv-tool wal show SEGMENT@OFFSET DIR";
const KEEP: &str = "Copy the whole directory aside before anything starts on it. Then let the node rejoin empty, or restore the log \
                    from a copy that verifies.";
const NO_RESTART: &str = "Do not restart the node on this directory to see what happens, and do not edit or delete segments.";

/// Something stands after the logical end.
pub static DATA_BEYOND_END: CodeInfo = CodeInfo {
    code: "wal-data-beyond-end",
    severity: Severity::Error,
    title: "records stand after the place where the log ends for the server",
    meaning: "The server takes a length word of zero, or a frame that it holds for torn, for the end of the log. What stands \
              behind is not read, no error is raised, and the next start overwrites it with zeros. Entries there are lost, \
              committed ones too.",
    decided_by: "Bytes that are not zero behind the last record that the server reads; records among them are found by their \
                 frames and their checksums.",
    safe: KEEP,
    not_safe: "Do not start the node: the start succeeds, forgets these entries and destroys them.",
    more: VERIFY,
    never: None,
};

/// The log ends in a torn record.
pub static TORN_TAIL: CodeInfo = CodeInfo {
    code: "wal-torn-tail",
    severity: Severity::Info,
    title: "the last record was being written when the node stopped",
    meaning: "An ordinary trace of a crash. The record was not confirmed to anybody. The next start keeps a copy of the segment \
              as *.broken, cuts the record off and goes on.",
    decided_by: "The last segment ends inside a frame, or the last frame does not decode and a whole 512-byte sector of it is \
                 zero.",
    safe: "Nothing needs to be done.",
    not_safe: "Do not cut the segment by hand.",
    more: VERIFY,
    never: None,
};

/// A record does not match its checksum.
pub static CRC_MISMATCH: CodeInfo = CodeInfo {
    code: "wal-crc-mismatch",
    severity: Severity::Error,
    title: "a record does not match its checksum",
    meaning: "Bytes of the record, or its checksum, changed after the server wrote them. A start is refused with \
              `walpb: crc mismatch`.",
    decided_by: "The running CRC-32C over the data of all records so far, against the value that the record stores. If the next \
                 record fits the stored value, the data is damaged; if it does not, the stored value is.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// Two segments do not belong together.
pub static CHAIN_BROKEN: CodeInfo = CodeInfo {
    code: "wal-chain-broken",
    severity: Severity::Error,
    title: "a segment does not continue the one before it",
    meaning: "Each segment begins with the running checksum of the one before. Here it differs: a segment between them is missing, \
              the earlier one lost its end, two were exchanged, or the value itself is damaged. A start that reads both is refused \
              with `walpb: crc mismatch`.",
    decided_by: "The first record of the segment against the last checksum of the one before.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: VERIFY,
    never: None,
};

/// A frame is no record.
pub static RECORD_MALFORMED: CodeInfo = CodeInfo {
    code: "wal-record-malformed",
    severity: Severity::Error,
    title: "a frame does not hold a record",
    meaning: "The frame's length or its first bytes are damaged. A start that reads it is refused with `proto: ...`; in some cases \
              server pr934 takes it for a torn write instead and drops everything from here on.",
    decided_by: "The length word and the protobuf fields of the record.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// A segment that is not the last stops inside a frame.
pub static SEGMENT_TRUNCATED: CodeInfo = CodeInfo {
    code: "wal-segment-truncated",
    severity: Severity::Error,
    title: "a segment that is not the last ends inside a frame",
    meaning: "The segment was cut, or bytes were added to it, or a length word is damaged. The server repairs only the last segment, \
              so a start that reads this one ends with `WAL unrepairable after repair`. A check that merely looks for snapshots stops \
              here without an error and ignores all later segments.",
    decided_by: "The length word against the length of the file.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// A sequence number is missing.
pub static SEGMENT_MISSING: CodeInfo = CodeInfo {
    code: "wal-segment-missing",
    severity: Severity::Error,
    title: "a segment is missing",
    meaning: "Sequence numbers of segments follow each other; only the oldest may have been removed, and only when a snapshot makes \
              them unnecessary. A start that needs the missing one is refused, or ends at a checksum mismatch.",
    decided_by: "The sequence numbers in the names, and the snapshot records in what is left.",
    safe: KEEP,
    not_safe: "Do not rename segments to close the gap.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// Metadata records differ.
pub static METADATA_CONFLICT: CodeInfo = CodeInfo {
    code: "wal-metadata-conflict",
    severity: Severity::Error,
    title: "metadata records differ",
    meaning: "Segments of different logs were mixed, or a record's type was damaged, which no checksum covers. A start is refused \
              with `wal: conflicting metadata found`.",
    decided_by: "The data of metadata records, byte by byte; elastickv writes none.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// A record of an unknown type.
pub static RECORD_TYPE_UNKNOWN: CodeInfo = CodeInfo {
    code: "wal-record-type-unknown",
    severity: Severity::Error,
    title: "a record has a type that no version writes",
    meaning: "The type is covered by no checksum, so one changed bit goes unnoticed until the server looks at it. A start is refused \
              with `unexpected block type`.",
    decided_by: "The type field of the record: 1 to 5 are known.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// A record's data does not fit its type.
pub static PAYLOAD_MALFORMED: CodeInfo = CodeInfo {
    code: "wal-payload-malformed",
    severity: Severity::Error,
    title: "a record's data is not what its type announces",
    meaning: "The checksum over the data fits, so the type of the record changed, which no checksum covers. The server panics when it \
              reads the record (`unmarshal should never fail`).",
    decided_by: "The data as the protobuf message that belongs to the type.",
    safe: KEEP,
    not_safe: NO_RESTART,
    more: SHOW,
    never: None,
};

/// A record's type does not suit its place.
pub static RECORD_TYPE_SUSPECT: CodeInfo = CodeInfo {
    code: "wal-record-type-suspect",
    severity: Severity::Warning,
    title: "a record is probably not of the type that it claims",
    meaning: "The type of a record is covered by no checksum. This one decodes, but its content is none that the server writes for \
              the type, so a bit of the type may have changed. The server believes it.",
    decided_by: "Values that the server never writes: a hard state of all zeros, an entry with index 0, metadata with content.",
    safe: "Look at the record and its neighbours, and compare the log with another member's.",
    not_safe: "Do not take the hard state or the last index for granted.",
    more: SHOW,
    never: None,
};

/// Something that is no file has the name of a segment.
pub static NOT_A_FILE: CodeInfo = CodeInfo {
    code: "wal-not-a-file",
    severity: Severity::Error,
    title: "something that is no file has the name of a segment",
    meaning: "The server opens everything that is called like a segment, and a start is refused when reading it fails.",
    decided_by: "The kind of the directory entry.",
    safe: "Move it out of the log directory while the node is stopped.",
    not_safe: "Do not delete it before its content is known.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// A name that the server would not write.
pub static NAME_ODD: CodeInfo = CodeInfo {
    code: "wal-name-odd",
    severity: Severity::Warning,
    title: "a segment has a name that the server accepts but does not write",
    meaning: "The server's name parser lets more through than it writes, and sorts names as text. Such a file is read as part of the \
              log, perhaps in the wrong place or twice.",
    decided_by: "The file name.",
    safe: "Move copies and renamed files out of the log directory while the node is stopped.",
    not_safe: "Do not keep backups of segments in the log directory.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// A segment without records, or without its head.
pub static SEGMENT_EMPTY: CodeInfo = CodeInfo {
    code: "wal-segment-empty",
    severity: Severity::Error,
    title: "a segment has lost everything that stood in it",
    meaning: "A new segment gets its first records, on the disk, before it gets its name, so that no crash leaves one without \
              them. The server passes over it without an error and forgets what stood there: entries that it had acknowledged, \
              and its vote.",
    decided_by: "The segment is of length zero, begins with a length word of zero, or is the last one and ends inside its head.",
    safe: "Do not start the node on this log: copy the directory aside and look for the segment in a backup or on the disk it was \
           copied from. With other voters, remove this member and add it again as a new one; without, the copy is all there is.",
    not_safe: "Do not conclude from a clean start that the log is complete, and do not delete the empty file.",
    more: VERIFY,
    never: None,
};

/// Uncovered bytes of a frame are not as the server writes them.
pub static FRAME_ODD: CodeInfo = CodeInfo {
    code: "wal-frame-odd",
    severity: Severity::Warning,
    title: "bytes of a frame that no checksum covers are not as the server writes them",
    meaning: "The record itself is good. Its padding is not zero, or unused bits of its length word are set: a sign of a failing \
              disk or memory rather than a loss.",
    decided_by: "Padding bytes and the top byte of the length word.",
    safe: "Check the disk and the memory of the machine.",
    not_safe: "Do not ignore it when it appears on one machine again.",
    more: SHOW,
    never: None,
};

/// A file that is no part of the log has the name of a segment.
pub static SEGMENT_STRAY: CodeInfo = CodeInfo {
    code: "wal-segment-stray",
    severity: Severity::Error,
    title: "a segment does not belong to this log any more",
    meaning: "Two files have one sequence number, or old segments stand in front of a gap behind which the log is whole. The server \
              reads what it finds under the names of segments, so that a file too many makes a whole log look damaged. What else is \
              said about the log follows from it.",
    decided_by: "Sequence numbers in the names, and the checksums that one segment hands to the next.",
    safe: "Move the named file out of wal/ while the node is stopped, and look again: nothing else has to be done.",
    not_safe: "Do not empty the directory because of it: the log is there.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// What repair left behind.
pub static BROKEN_COPY: CodeInfo = CodeInfo {
    code: "wal-broken-copy",
    severity: Severity::Info,
    title: "an earlier start repaired the log and kept a copy of what it cut off",
    meaning: "The server copies the last segment to *.wal.broken before it truncates it. It never reads or deletes the copy. What was \
              cut off is as a rule one torn record; where whole records stood behind it, the copy is the only place that has them.",
    decided_by: "A name in the log directory that ends in .wal.broken, and the entries in it that the log does not have.",
    safe: "Look into the copy with `wal dump` before it is moved away.",
    not_safe: "Do not rename it back.",
    more: "ekv-tool wal dump FILE",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &DATA_BEYOND_END,
    &TORN_TAIL,
    &CRC_MISMATCH,
    &CHAIN_BROKEN,
    &RECORD_MALFORMED,
    &SEGMENT_TRUNCATED,
    &SEGMENT_MISSING,
    &METADATA_CONFLICT,
    &RECORD_TYPE_UNKNOWN,
    &PAYLOAD_MALFORMED,
    &RECORD_TYPE_SUSPECT,
    &NOT_A_FILE,
    &NAME_ODD,
    &SEGMENT_EMPTY,
    &FRAME_ODD,
    &SEGMENT_STRAY,
    &BROKEN_COPY,
];
