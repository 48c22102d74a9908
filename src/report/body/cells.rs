//! Cells that several pages have.

use crate::analysis::Verdict;
use crate::analysis::judge::nodes::IndexRange;
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

/// The indexes of a range, or a single one.
pub(super) fn range(range: Option<IndexRange>) -> Cell {
    let text = range.map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") });
    Cell::option(text)
}

/// Version, ceiling and cutover of a clock header.
pub(super) fn header_text(header: FsmHeader) -> String {
    match (header.version, header.ceiling_ms, header.cutover) {
        (version, Some(ceiling), Some(cutover)) => format!("version {version}, ceiling {ceiling}, cutover {cutover}"),
        (version, Some(ceiling), None) => format!("version {version}, ceiling {ceiling}"),
        (_, None, _) => "none".to_owned(),
    }
}
