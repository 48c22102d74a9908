//! What lies between segments: sequence numbers, names, the running checksum, metadata.

use std::collections::HashMap;

use crate::analysis::judge::codes::wal as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::HardState;
use crate::readers::wal::{Change, Entering, Item, SegmentScan, WalScan};
use crate::types::{Crc32c, LogIndex, ServerVersion};

use super::examine::path_of;

pub(super) fn findings(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut findings = missing(scan, prefix);
    findings.extend(chain(scan, prefix));
    findings.extend(metadata(scan, prefix));
    for broken in &scan.dir.broken {
        let path = if prefix.is_empty() { broken.name.clone() } else { format!("{prefix}/{}", broken.name) };
        let message = "An earlier start repaired the log and kept this copy of what it cut off.";
        findings.push(Finding::new(&codes::BROKEN_COPY, message).at(path));
    }
    findings
}

/// Holes and doubles in the sequence, and a front that is gone too early.
fn missing(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_seq: HashMap<u64, &SegmentScan> = HashMap::new();
    for segment in &scan.segments {
        if let Some(other) = by_seq.insert(segment.seq(), segment) {
            let message = format!("It has the same sequence number as {}; the server reads both.", other.file.file_name);
            findings.push(Finding::new(&codes::NAME_ODD, message).at(path_of(prefix, segment)));
        }
    }
    for (before, after) in scan.segments.iter().zip(scan.segments.iter().skip(1)) {
        if after.seq() > before.seq() && after.seq() - before.seq() > 1 {
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
