//! Codes about `.fsm` and `.snap` files.

use super::{CodeInfo, Severity};

/// The body of a `.fsm` does not match its footer.
pub static FSM_BODY_CRC: CodeInfo = CodeInfo {
    code: "fsm-body-crc",
    severity: Severity::Error,
    title: "snapshot body does not match its checksum",
    meaning: "Bytes of the payload changed after the server wrote the file. A start that uses it is refused with \
              ErrFSMSnapshotFileCRC; a start that has to restore from it has by then already replaced the store.",
    decided_by: "CRC-32C over all bytes but the last four, against the last four (big-endian).",
    safe: "Keep a copy of the directory, then take the same snapshot from another node, or let this node rejoin empty.",
    not_safe: "Do not restart the node on it and do not edit the footer to match.",
    more: "ekv-tool verify-snapshot --deep FILE",
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[&FSM_BODY_CRC];
