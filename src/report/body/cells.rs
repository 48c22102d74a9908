//! Cells that several pages about snapshots have.

use crate::analysis::Verdict;
use crate::formats::fsm::FsmHeader;
use crate::report::{Cell, Tone};

/// A verdict in its colour.
pub(super) fn verdict_cell(verdict: Verdict) -> Cell {
    let tone = match verdict {
        Verdict::Clean => Tone::Good,
        Verdict::Damaged => Tone::Bad,
        Verdict::Unknown => Tone::Caution,
    };
    Cell::toned(verdict.name(), tone)
}

/// Version, ceiling and cutover of a clock header.
pub(super) fn header_text(header: FsmHeader) -> String {
    match (header.version, header.ceiling_ms, header.cutover) {
        (version, Some(ceiling), Some(cutover)) => format!("version {version}, ceiling {ceiling}, cutover {cutover}"),
        (version, Some(ceiling), None) => format!("version {version}, ceiling {ceiling}"),
        (_, None, _) => "none".to_owned(),
    }
}
