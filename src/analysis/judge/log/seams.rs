//! What lies between segments: sequence numbers, names, the running checksum, metadata.

use std::collections::HashMap;

use crate::analysis::judge::codes::wal as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::HardState;
use crate::readers::wal::{Change, Entering, Item, SegmentScan, WalScan};
use crate::types::{Crc32c, LogIndex, ServerVersion};

use super::segment::path_of;

pub(super) fn findings(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut findings = missing(scan, prefix);
    findings.extend(chain(scan, prefix));
    findings.extend(metadata(scan, prefix));
    findings.extend(super::set_aside::findings(scan, prefix));
    findings
}

/// Holes and doubles in the sequence, and a front that is gone too early.
fn missing(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_seq: HashMap<u64, &SegmentScan> = HashMap::new();
    for segment in &scan.segments {
        if let Some(other) = by_seq.insert(segment.seq(), segment) {
            findings.push(twice(scan, other, segment, prefix));
        }
    }
    let put_back = put_back(scan);
    if let Some((count, next)) = put_back {
        for segment in scan.segments.iter().take(count) {
            let message = format!(
                "It stands before a gap: the log goes on with sequence number {}, and a snapshot record allows a start from there. The \
                 server had removed such segments; this one was put back, or its removal failed.",
                next.seq()
            );
            findings.push(Finding::new(&codes::SEGMENT_STRAY, message).at(path_of(prefix, segment)));
        }
    }
    for (before, after) in scan.segments.iter().zip(scan.segments.iter().skip(1)) {
        let explained = put_back.is_some_and(|(_, next)| std::ptr::eq(next, after));
        if after.seq() > before.seq() && after.seq() - before.seq() > 1 && !explained {
            let gap = after.seq() - before.seq() - 1;
            let message = format!("{gap} segments are missing between sequence numbers {} and {}.", before.seq(), after.seq());
            let finding = Finding::new(&codes::SEGMENT_MISSING, message).at(path_of(prefix, after));
            findings.push(finding.expected(before.seq() + 1).found(after.seq()));
        }
    }
    if let Some(first) = scan.segments.first().filter(|first| first.seq() > 0 && !scan.dir.partial)
        && scan.segments.iter().all(|segment| segment.change != Some(Change::Vanished))
        && !front_may_be_gone(scan, first.name_index())
    {
        let message = format!(
            "The log begins with sequence number {}, but no snapshot record in it allows a start there: older segments are only \
             removed when they are not needed any more.",
            first.seq()
        );
        findings.push(Finding::new(&codes::SEGMENT_MISSING, message).at(path_of(prefix, first)).expected(0).found(first.seq()));
    }
    findings
}

/// Two files with one sequence number. The one that does not fit its neighbours is the stray, and of two that fit alike the one
/// whose name the server would not write.
fn twice(scan: &WalScan, first: &SegmentScan, second: &SegmentScan, prefix: &str) -> Finding {
    let same = first.bytes() == second.bytes();
    let stray = match (fits(scan, first), fits(scan, second)) {
        (true, false) => Some(second),
        (false, true) => Some(first),
        _ if first.file.name.canonical != second.file.name.canonical => {
            Some(if first.file.name.canonical { second } else { first })
        }
        _ if same => Some(second),
        _ => None,
    };
    let other = |stray: &SegmentScan| if std::ptr::eq(stray, first) { second } else { first };
    match stray {
        Some(stray) => {
            let what = if same { "the same bytes" } else { "other bytes" };
            let message = format!(
                "It has the sequence number of {} and {what}; the server reads both, one after the other.",
                other(stray).file.file_name
            );
            Finding::new(&codes::SEGMENT_STRAY, message).at(path_of(prefix, stray))
        }
        None => {
            let message = format!(
                "It has the sequence number of {} and other bytes; the server reads both, one after the other. Which of them belongs to \
                 the log does not follow from their neighbours.",
                first.file.file_name
            );
            let advice =
                "Keep a copy of both; the one that was put there last, or whose owner is not the server's, is the stray.";
            Finding::new(&codes::SEGMENT_STRAY, message).at(path_of(prefix, second)).advice(advice)
        }
    }
}

/// True when a segment takes over the checksum of the one before it and hands its own to the one behind it.
fn fits(scan: &WalScan, segment: &SegmentScan) -> bool {
    let near = |seq: Option<u64>| scan.segments.iter().find(|other| Some(other.seq()) == seq);
    let trace = segment.trace(ServerVersion::NEWEST);
    let takes = |segment: &SegmentScan| match segment.trace(ServerVersion::NEWEST).entering {
        Entering::Crc(stored) => Some(stored),
        _ => None,
    };
    let before = near(segment.seq().checked_sub(1)).and_then(|before| before.trace(ServerVersion::NEWEST).running);
    let behind = near(segment.seq().checked_add(1)).and_then(takes);
    let agree = |a: Option<Crc32c>, b: Option<Crc32c>| a.is_none() || b.is_none() || a == b;
    agree(takes(segment), before) && agree(trace.running, behind)
}

/// Segments in front of a gap that nothing needs: how many, and the segment with which the log begins.
fn put_back(scan: &WalScan) -> Option<(usize, &SegmentScan)> {
    if scan.dir.partial {
        return None;
    }
    let gap = scan.segments.windows(2).rposition(|pair| matches!(pair, [a, b] if b.seq() > a.seq() && b.seq() - a.seq() > 1))?;
    let next = scan.segments.get(gap + 1)?;
    front_may_be_gone(scan, next.name_index()).then_some((gap + 1, next))
}

/// True when a committed snapshot record is left from which the log can be read without the removed segments.
fn front_may_be_gone(scan: &WalScan, first: LogIndex) -> bool {
    let items = || scan.segments.iter().flat_map(|segment| &segment.trace(ServerVersion::NEWEST).items);
    let last_state = |state: Option<HardState>, item: &Item| match item {
        Item::Run(run) => run.states.map(|states| states.last).or(state),
        _ => state,
    };
    let commit = items().fold(None, last_state).unwrap_or_default().commit;
    items().any(|item| matches!(item, Item::Snapshot { snapshot, .. } if first <= snapshot.index && snapshot.index <= commit))
}

/// The checksum that each segment takes over from the one before.
fn chain(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut running: Option<Crc32c> = None;
    let mut whole = true;
    for (position, segment) in scan.segments.iter().enumerate() {
        let trace = segment.trace(ServerVersion::NEWEST);
        if let Entering::Data(first) = trace.entering
            && position > 0
        {
            // Repair can empty a last segment, and the server then goes on in it without a head; otherwise each has one.
            let severity = if first.data_len == 0 { Severity::Error } else { Severity::Warning };
            let message =
                "The segment does not begin with a checksum record, so it can only be read together with the one before.";
            findings.push(Finding::new(&codes::CHAIN_BROKEN, message).at(path_of(prefix, segment)).offset(0).severity(severity));
        }
        let before = running.filter(|&running| whole && running != Crc32c(0));
        match (trace.entering, before) {
            (Entering::Crc(stored), Some(before)) if stored != before => {
                let message = "The segment does not continue the one before it: a segment between them is missing, the earlier one \
                               lost its end, they were exchanged, or this value is damaged. A start that reads both is refused.";
                let finding = Finding::new(&codes::CHAIN_BROKEN, message).at(path_of(prefix, segment)).offset(0);
                findings.push(finding.expected(before).found(stored));
            }
            (Entering::Data(first), _) if whole => {
                let before = running.unwrap_or_default();
                let computed = first.computed(before);
                if computed != first.stored {
                    let message =
                        "The segment does not begin with a crc record, and its first record does not match its checksum.";
                    let finding = Finding::new(&codes::CRC_MISMATCH, message).at(path_of(prefix, segment));
                    findings.push(finding.range(0, first.frame_len).expected(first.stored).found(computed));
                }
            }
            _ => {}
        }
        // Behind damage, where the segment would have ended is not known.
        whole = trace.stop.is_end() && segment.change.is_none();
        running = if trace.running.is_some() || !whole { trace.running } else { running };
    }
    findings
}

fn metadata(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut known: Option<Vec<u8>> = None;
    let mut findings = Vec::new();
    for segment in &scan.segments {
        for item in &segment.trace(ServerVersion::NEWEST).items {
            let Item::Metadata { at, data } = item else { continue };
            if known.as_deref().is_some_and(|known| known != data.as_deref().unwrap_or_default()) {
                let message = "This metadata record differs from an earlier one. A start that reads both is refused.";
                findings.push(Finding::new(&codes::METADATA_CONFLICT, message).at(path_of(prefix, segment)).offset(*at));
                return findings;
            }
            known.clone_from(data);
        }
    }
    findings
}
