//! The decoder that all readings share: segments one after another, one running checksum.

use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::formats::layout;
use crate::readers::wal::{Entering, Item, NOWHERE, SegmentScan, Stop, WalScan};
use crate::types::{Crc32c, ServerVersion};

/// How a walk over the log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At the end of the last segment.
    Eof,
    /// In the middle of something; what that means is the reader's decision.
    UnexpectedEof {
        /// Position of the segment.
        segment: usize,
        /// Offset of the frame.
        at: u64,
        /// The error's text.
        text: String,
    },
    /// With an error.
    Failed {
        /// Position of the segment.
        segment: usize,
        /// Offset of the frame.
        at: u64,
        /// The error.
        error: ServerError,
    },
}

/// The last segment after repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repaired {
    /// Its length.
    pub truncate_at: u64,
}

/// Walks the segments from `start` on and hands each item to `visit` with the positions of its
/// segment and its own; `visit` may end the walk with an error.
pub(super) fn walk(
    scan: &WalScan,
    engine: ServerVersion,
    start: usize,
    repaired: Option<Repaired>,
    mut visit: impl FnMut(usize, usize, &Item) -> Result<(), ServerError>,
) -> End {
    let mut running = Crc32c(0);
    let count = scan.segments.len();
    for (position, segment) in scan.segments.iter().enumerate().skip(start) {
        let last = position + 1 == count;
        let repaired = repaired.filter(|_| last);
        if repaired.is_some_and(|repaired| repaired.truncate_at == 0) {
            continue;
        }
        let trace = segment.trace(engine);
        match trace.entering {
            Entering::Nothing => {}
            Entering::Crc(stored) => {
                if running != Crc32c(0) && running != stored {
                    return failed(position, 0, crc_record_mismatch());
                }
            }
            Entering::Data(first) => {
                let computed = first.computed(running);
                if computed != first.stored {
                    if last && first.torn {
                        return unexpected_eof(position, 0);
                    }
                    return failed(position, 0, crc_mismatch(segment, 0, first.stored, computed));
                }
            }
        }
        for (number, item) in trace.items.iter().enumerate() {
            if let Err(error) = visit(position, number, item) {
                return failed(position, item.at(), error);
            }
        }
        running = trace.running.unwrap_or(running);
        if repaired.is_some() {
            continue;
        }
        match &trace.stop {
            Stop::Eof { .. } | Stop::Zero { .. } => {}
            stop => return stopped(segment, position, stop, last),
        }
    }
    End::Eof
}

/// What a decoder reports when it cannot go on.
fn stopped(segment: &SegmentScan, position: usize, stop: &Stop, last: bool) -> End {
    match *stop {
        Stop::Eof { .. } | Stop::Zero { .. } => End::Eof,
        Stop::ShortWord { at, .. } => unexpected_eof(position, at),
        Stop::TooLong { at, word, .. } => {
            let limit = segment.size.cast_signed() - at.cast_signed() - i64::from(word.padding());
            if word.record_len().cast_signed() <= limit {
                // Passes the server's size check and fails in the read that follows.
                return unexpected_eof(position, at);
            }
            let text = format!(
                "unexpected EOF: [wal] max entry size limit exceeded when reading {:?}, recBytes: {}, fileSize({}) - \
                 offset({at}) - padBytes({}) = entryLimit({limit})",
                segment.file.file_name,
                word.record_len(),
                segment.size,
                word.padding(),
            );
            End::UnexpectedEof { segment: position, at, text }
        }
        Stop::BadRecord { at, early_end, torn, .. } if early_end || (torn && last) => unexpected_eof(position, at),
        Stop::BadRecord { at, ref error, .. } => {
            failed(position, at, ServerError::of(&conditions::PROTO, error.clone()).named("proto"))
        }
        Stop::BadCrc { at, torn: true, .. } if last => unexpected_eof(position, at),
        Stop::BadCrc { at, stored, computed, .. } => failed(position, at, crc_mismatch(segment, at, stored, computed)),
        Stop::CrcRecord { at, .. } => failed(position, at, crc_record_mismatch()),
        Stop::NotAFile { reason: NOWHERE } => failed(position, 0, not_opened(segment)),
        Stop::NotAFile { reason } => {
            let text = format!("read wal/{}: {reason}", segment.file.file_name);
            let condition = if reason == "is a directory" { &conditions::IS_A_DIRECTORY } else { &conditions::NOT_A_FILE };
            failed(position, 0, ServerError::of(condition, text).named(reason))
        }
    }
}

/// A segment that is a link to nothing.
pub(super) fn not_opened(segment: &SegmentScan) -> ServerError {
    let error = "[openWALFiles] os.OpenFile failed";
    let path = layout::in_wal(&segment.file.file_name);
    ServerError::of(&conditions::NO_SUCH_FILE, format!("{error} ({path:?}): open {path}: {NOWHERE}")).named(error)
}

const fn failed(segment: usize, at: u64, error: ServerError) -> End {
    End::Failed { segment, at, error }
}

fn unexpected_eof(segment: usize, at: u64) -> End {
    End::UnexpectedEof { segment, at, text: "unexpected EOF".to_owned() }
}

fn crc_record_mismatch() -> ServerError {
    ServerError::plain(&conditions::WAL_CRC_MISMATCH)
}

fn crc_mismatch(segment: &SegmentScan, at: u64, stored: Crc32c, computed: Crc32c) -> ServerError {
    let text = format!(
        "walpb: crc mismatch: expected: {:x} computed: {:x}: in file '{}' at position: {at}",
        stored.0, computed.0, segment.file.file_name
    );
    ServerError::of(&conditions::WAL_CRC_MISMATCH, text)
}
