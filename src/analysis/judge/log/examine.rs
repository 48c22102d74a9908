//! What is wrong with the bytes of a log, and what is only odd.

use std::collections::HashSet;

use crate::analysis::judge::codes::wal as codes;
use crate::analysis::judge::unread::of_segment;
use crate::analysis::{Coverage, Finding, Severity};
use crate::readers::wal::{Change, Item, NOWHERE, SegmentScan, Stop, Trace, WalScan};
use crate::types::ServerVersion;

use super::segment::{JudgedSegment, path_of};
use super::{ends, seams};

/// Findings about the bytes of a log and what was looked at. Findings name files below `prefix`, for example `n1/wal`.
///
/// A state that an ordinary crash can leave is never an error: a torn last record, zeros to the end of a preallocated
/// segment, a half-written write behind a lost sector, remains of an older header in a reused file. A hole behind which
/// entries are lost is one.
pub fn judge_segments(scan: &WalScan, prefix: &str) -> (Vec<Finding>, Coverage) {
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    let last = scan.segments.len().saturating_sub(1);
    for (position, segment) in scan.segments.iter().enumerate() {
        let path = path_of(prefix, segment);
        let (mut found, mut known) = (Vec::new(), HashSet::new());
        // Bytes that were not seen are no evidence of anything.
        let engines = ServerVersion::ALL.into_iter().rev().filter(|_| !segment.is_unread());
        for engine in engines {
            let trace = segment.trace(engine);
            let judged = JudgedSegment { path: &path, segment, engine, last: position == last };
            for finding in segment_findings(&judged, trace) {
                if known.insert((finding.code.code, finding.offset)) {
                    found.push(finding);
                }
            }
            if !segment.servers_differ() {
                break;
            }
        }
        cover(&mut coverage, &mut found, segment, &path, position == last);
        findings.append(&mut found);
    }
    if scan.unread().is_none() {
        findings.extend(seams::findings(scan, prefix));
    }
    for copy in scan.set_aside.iter().filter(|copy| copy.is_unread()) {
        // Committed entries may stand in it alone.
        let why = of_segment(copy).map_or_else(String::new, |unread| unread.why);
        coverage.missing(path_of(prefix, copy), format!("it cannot be read: {why}"));
    }
    (findings, coverage)
}

/// Says what became of the log after it was read first, where its records were looked at again. To be called last.
pub fn settle(scan: &WalScan, prefix: &str, coverage: &mut Coverage) {
    if let Some((segment, why)) = scan.disturbed() {
        coverage.missing(path_of(prefix, segment), why);
    }
}

fn segment_findings(judged: &JudgedSegment<'_>, trace: &Trace) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !judged.segment.file.name.canonical {
        findings.push(
            judged
                .finding(&codes::NAME_ODD, "The server reads this file as a segment although it would not name one so.")
                .expected(judged.segment.file.name)
                .found(&judged.segment.file.file_name),
        );
    }
    if let Stop::NotAFile { reason } = trace.stop {
        let there = if reason == NOWHERE { "is a link to nothing" } else { reason };
        let message = format!("The name is a segment's, but what stands there {there}. A start that reads it is refused.");
        findings.push(judged.finding(&codes::NOT_A_FILE, message));
        return findings;
    }
    for item in &trace.items {
        match item {
            Item::Unknown { at, kind, more } => {
                let message =
                    format!("The record claims type {kind}. A start that reads it is refused with `unexpected block type`.");
                findings.push(
                    judged
                        .finding(&codes::RECORD_TYPE_UNKNOWN, message)
                        .offset(*at)
                        .expected("a type from 1 to 5")
                        .found(kind)
                        .and_more(*more),
                );
            }
            Item::Malformed { at, kind, error, more } => {
                let message =
                    format!("The checksum fits, but the data is no {} record: {error}. The server panics.", kind.name());
                findings.push(judged.finding(&codes::PAYLOAD_MALFORMED, message).offset(*at).and_more(*more));
            }
            Item::Run(_) | Item::Metadata { .. } | Item::Crc { .. } | Item::Snapshot { .. } => {}
        }
    }
    findings.extend(suspects(judged, trace));
    findings.extend(oddities(judged, trace));
    findings.extend(ends::findings(judged, trace));
    findings
}

/// Records whose content does not suit their type.
fn suspects(judged: &JudgedSegment<'_>, trace: &Trace) -> Vec<Finding> {
    // One among many others of its kind is damage; if most are so, a server wrote them that is newer than this tool.
    let of_kind = trace.entries.max(trace.states).max(1);
    let damage = trace.suspects.len() <= 8 || (trace.suspects.len() as u64) * 2 < of_kind;
    let severity = if damage { Severity::Error } else { Severity::Warning };
    let finding = |suspect: &crate::readers::wal::Suspect| {
        let message = format!(
            "The record's type is {}, but no server writes this content for it. The type is covered by no checksum, so a bit of \
             it has probably changed.",
            suspect.kind.name()
        );
        judged.finding(&codes::RECORD_TYPE_SUSPECT, message).offset(suspect.at).severity(severity)
    };
    trace.suspects.iter().map(finding).collect()
}

/// Bytes that no checksum covers and that change nothing.
fn oddities(judged: &JudgedSegment<'_>, trace: &Trace) -> Vec<Finding> {
    let odd = [
        (trace.odd_padding, "Padding bytes of this frame are not zero."),
        (trace.odd_word, "The length word of this frame has bits set that the server does not write."),
        (trace.odd_layout, "The fields of this record are not laid out as the server writes them, though they say the same."),
    ];
    let finding = |(at, message): (Option<u64>, &str)| at.map(|at| judged.finding(&codes::FRAME_ODD, message).offset(at));
    odd.into_iter().filter_map(finding).collect()
}

/// Counts a segment as examined, or says why it was not.
fn cover(coverage: &mut Coverage, found: &mut Vec<Finding>, segment: &SegmentScan, path: &str, last: bool) {
    match &segment.change {
        None => {}
        Some(Change::Modified) if last => {
            // The node is writing. What ends the log now may be half of what it writes.
            let unsure =
                found.iter().any(|finding| finding.severity != Severity::Warning || finding.code == &codes::DATA_BEYOND_END);
            let stop = segment.trace(ServerVersion::NEWEST).stop.at();
            let at_end = |finding: &Finding| finding.offset.is_some_and(|offset| offset >= stop);
            let before = found.len();
            found.retain(|finding| !at_end(finding));
            if unsure && found.len() < before {
                coverage.missing(format!("{path}, from offset {stop} on"), "the node wrote to it while it was read; try again");
            } else {
                coverage.skipped(format!("{path}, what was appended meanwhile"), "the node wrote to it while it was read");
            }
        }
        Some(Change::Modified) => coverage.missing(path, "it changed while it was read"),
        Some(Change::Faulted) => coverage.missing(path, "it shrank while it was read"),
        Some(Change::Vanished) => coverage.missing(path, "it was removed while the log was read"),
        Some(Change::Unreadable(reason)) => coverage.missing(path, format!("it cannot be read: {reason}")),
    }
    if let Some(at) = segment.trace(ServerVersion::NEWEST).beyond.as_ref().and_then(|beyond| beyond.given_up_at) {
        let why = "what stands behind the end of the log looks like too many records that contain each other";
        coverage.missing(format!("{path}, from offset {at} on"), why);
    }
    if !matches!(segment.change, Some(Change::Vanished | Change::Unreadable(_))) {
        coverage.add_file(segment.size);
    }
}
