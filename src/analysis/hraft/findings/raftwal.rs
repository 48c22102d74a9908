//! Segments of raft-wal, and the list of them.

use std::path::Path;

use crate::analysis::judge::codes::raftwal as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::layout::WAL_META;
use crate::formats::raftwal::{FrameEnd, SegmentInfo, WalFile};
use crate::readers::hraft::wal::{
    CommitFault, Hidden, IndexFault, Removed, RemovedBy, SegmentFacts, SegmentRole, WalLog, WalSegment,
};
use crate::types::Count;

/// Findings of one kind about one segment.
const SHOWN: usize = 20;

/// Judges the log's files.
pub(super) fn judge(log: &WalLog, found: &mut Vec<Finding>) {
    let path = |name: &str| log.path.join(name).display().to_string();
    meta(log, &path(WAL_META), found);
    let last = log.last_index();
    for segment in &log.segments {
        let shown = path(&segment.name);
        match (&segment.file, &segment.info) {
            (None, Some(info)) if info.sealed() => {
                let message = format!("{} with entries {} to {} is not there.", segment.name, info.min, info.max);
                found.push(Finding::new(&codes::SEGMENT_MISSING, message).at(shown.clone()));
            }
            (None, _) => {
                let message = format!("{} is listed and not there yet: the next start makes it, empty.", segment.name);
                found.push(Finding::new(&codes::LEFTOVER, message).at(shown.clone()));
            }
            // What was not read is no finding: it stands among what was not examined.
            (Some(Err(_)), _) if segment.unread => {}
            (Some(Err(reason)), _) => {
                found.push(Finding::new(&codes::SEGMENT_MISSING, format!("It cannot be opened: {reason}.")).at(shown.clone()));
            }
            (Some(Ok(_)), None) => {
                let entries = segment.facts.as_ref().map_or(0, |facts| facts.offsets.len() as u64);
                let beyond = segment
                    .facts
                    .as_ref()
                    .and_then(SegmentFacts::base)
                    .is_some_and(|base| base.saturating_add(entries) > last + 1);
                let message = format!(
                    "No list names it: the next start deletes it, with {}{}.",
                    Count(entries, "entry"),
                    if beyond && entries > 0 { ", some of them behind the end of the log" } else { "" }
                );
                let finding = Finding::new(&codes::LEFTOVER, message);
                let finding = if beyond && entries > 0 {
                    let advice = "Copy the segment before the next start: what it deletes may be the only copy of these entries.";
                    finding.severity(Severity::Warning).advice(advice)
                } else {
                    finding
                };
                found.push(finding.at(shown.clone()));
            }
            (Some(Ok(_)), Some(_)) => {}
        }
        if let Some(facts) = &segment.facts {
            judge_segment(&shown, &segment.name, facts, found);
        }
    }
    for removed in log.removed().iter().filter(|removed| removed.why == RemovedBy::Truncation) {
        found.push(removed_entries(removed).at(path(&removed.segment)));
    }
    if log.unfinished_meta {
        let message = "A crash left it while wal-meta.db was made for the first time: the next start deletes it.";
        found.push(Finding::new(&codes::LEFTOVER, message).at(path("wal-meta.db.tmp")));
    }
}

fn removed_entries(removed: &Removed) -> Finding {
    let term = |term: Option<u64>| term.map_or_else(|| "an unknown term".to_owned(), |term| format!("term {term}"));
    let message = format!(
        "Entries {} ({}) to {} ({}) stand in the segment and were removed from the log.",
        removed.from,
        term(removed.first_term),
        removed.to,
        term(removed.last_term)
    );
    Finding::new(&codes::REMOVED, message)
}

/// The list.
fn meta(log: &WalLog, path: &str, found: &mut Vec<Finding>) {
    let mut invalid = |message: String| found.push(Finding::new(&codes::META_INVALID, message).at(path));
    if log.meta.is_none() {
        if !log.segments.is_empty() {
            invalid(format!(
                "It is missing beside {}. By its version the library makes a new list from their headers, which it refuses for more \
                 than one segment, or an empty one, and deletes them.",
                Count::of(log.segments.len(), "segment")
            ));
        }
        return;
    }
    for name in &log.misnamed {
        invalid(format!(
            "{name} in its directory is called like a segment, but not quite: the library says that the log is corrupt."
        ));
    }
    let empty = log.meta.as_ref().is_some_and(|file| file.bytes().is_empty());
    if empty && any_entries(log) {
        invalid("It is empty beside segments with entries: the library makes an empty database of it, and panics.".to_owned());
    }
    let usable = log.survey.as_ref().is_some_and(|survey| survey.meta().is_some());
    for (name, there) in ["wal-meta", "stable"].iter().zip(log.buckets) {
        if usable && !there {
            invalid(format!("Bucket {name} is missing: the library panics."));
        }
    }
    let state = match &log.state {
        Some(Err(error)) => {
            let message = format!("The list does not decode: {error}.");
            return found.push(Finding::new(&codes::META_INVALID, message).at(path).offset(log.state_at));
        }
        Some(Ok(state)) => state,
        None => {
            if usable && any_entries(log) {
                invalid("There is no list, although there are segments with entries: the next start deletes them.".to_owned());
            }
            return;
        }
    };
    let mut invalid = |message: String| found.push(Finding::new(&codes::META_INVALID, message).at(path).offset(log.state_at));
    // Each change of the list keeps the segment in it to which the next entry goes.
    if state.segments.is_empty() && any_entries(log) {
        invalid("The list is empty, although there are segments with entries: the next start deletes them.".to_owned());
    }
    if state.more > 0 {
        invalid(format!("{} more segments than can be examined.", state.more));
    }
    for (number, info) in state.segments.iter().enumerate() {
        let name = WalFile { base: info.base, id: info.id };
        let last = number + 1 == state.segments.len();
        if info.sealed() {
            if info.index_start == 0 {
                invalid(format!("{name} is sealed and has no index: no entry of it can be read."));
            }
            if info.max < info.min || info.min < info.base {
                invalid(format!("{name} begins at {}, and entries {} to {} of it count.", info.base, info.min, info.max));
            }
        } else if !last {
            invalid(format!("{name} is open and not the last one: the library refuses the log."));
        }
        if info.codec != crate::formats::raftwal::BINARY_CODEC {
            invalid(format!("{name} has codec {}: the library refuses the log, unless it is built with that codec.", info.codec));
        }
        if info.id >= state.next_id {
            invalid(format!("{name} has an id that the next segment ({}) would get as well.", state.next_id));
        }
        // Only the segment that was listed last may not have been made yet.
        let made = log.segments.iter().any(|segment| segment.name == name.to_string() && segment.file.is_some());
        if last && !info.sealed() && !made && info.id.saturating_add(1) != state.next_id {
            invalid(format!(
                "{name}, to which the next entry goes, is not there, and is not the one that was listed last: the next segment gets id {}. \
                 The next start makes it, empty.",
                state.next_id
            ));
        }
        if last && info.sealed() {
            invalid(format!("No segment is open: the next start opens one at index 1 behind {name}."));
        }
        let next = state.segments.get(number + 1);
        if let Some(next) = next.filter(|next| info.sealed() && next.base != info.max.saturating_add(1)) {
            invalid(format!("{name} ends with {}, the next one begins at {}.", info.max, next.base));
        }
    }
}

fn any_entries(log: &WalLog) -> bool {
    log.segments.iter().any(|segment| segment.facts.as_ref().is_some_and(|facts| !facts.offsets.is_empty()))
}

/// Judges one segment by itself.
pub fn judge_segment(path: &str, name: &str, facts: &SegmentFacts, found: &mut Vec<Finding>) {
    let damaged = |message: String, at: u64| Finding::new(&codes::SEGMENT_DAMAGED, message).at(path).offset(at);
    let (info, tail) = match facts.role {
        SegmentRole::Sealed(info) => (Some(info), false),
        SegmentRole::Tail(info) => (Some(info), true),
        // What is not complete was the last one.
        SegmentRole::Alone => (None, !facts.complete()),
    };
    header(name, facts, info.as_ref(), &damaged, found);
    for fault in facts.commit_faults.iter().take(SHOWN) {
        found.push(commit(path, fault, tail && fault.last && facts.hidden.is_none()));
    }
    let more = facts.commit_faults.len().saturating_sub(SHOWN) as u64 + facts.more_commit_faults;
    if more > 0 {
        found.push(damaged(format!("And {} with a wrong checksum.", Count(more, "more commit")), facts.committed));
    }
    index(facts, info.as_ref(), &damaged, found);
    if let Some(at) = facts.odd_at {
        let frames = Count(facts.odd_frames, "frame");
        found.push(damaged(format!("{frames} with other bytes than zero where only zero is written."), at));
    }
    ending(path, facts, tail, found);
}

fn header(
    name: &str,
    facts: &SegmentFacts,
    info: Option<&SegmentInfo>,
    damaged: &dyn Fn(String, u64) -> Finding,
    found: &mut Vec<Finding>,
) {
    let needed = facts.tail.header_counts || matches!(facts.role, SegmentRole::Sealed(_));
    match facts.header {
        Err(fault) if needed => found.push(damaged(format!("There is no header: {fault}."), 0)),
        Err(_) => {}
        Ok(header) => {
            let named = WalFile::parse(name);
            let expected = info.map(|info| WalFile { base: info.base, id: info.id }).or(named);
            let here = WalFile { base: header.base, id: header.id };
            if expected.is_some_and(|expected| expected != here) {
                found.push(damaged(format!("Its header is that of {here}."), 8));
            }
            if let Some(info) = info.filter(|info| info.codec != header.codec) {
                found.push(damaged(format!("Its header says codec {}, the list says {}.", header.codec, info.codec), 24));
            }
        }
    }
}

fn commit(path: &str, fault: &CommitFault, recovered: bool) -> Finding {
    let what = match fault.entries - fault.entries_before {
        0 => "no entry".to_owned(),
        entries => Count(entries, "entry").to_string(),
    };
    let finding = if recovered {
        let message = format!(
            "The last commit, over {what}, does not have its checksum: the next start drops what it covers. After a crash of the machine that \
             is ordinary."
        );
        Finding::new(&codes::TAIL_DROPPED, message).severity(Severity::Warning)
    } else {
        let message = format!("The commit over {what} (bytes {} to {}) does not have its checksum.", fault.from, fault.at);
        Finding::new(&codes::SEGMENT_DAMAGED, message)
    };
    finding.at(path).offset(fault.at).expected(fault.stored).found(fault.computed)
}

fn index(facts: &SegmentFacts, info: Option<&SegmentInfo>, damaged: &dyn Fn(String, u64) -> Finding, found: &mut Vec<Finding>) {
    let Some(index) = facts.index else {
        if let Some(info) = info.filter(|info| info.sealed()) {
            found.push(damaged(
                format!("It is sealed, and there is no index in it; the list has it at {}.", info.index_start),
                facts.end.at(),
            ));
        }
        return;
    };
    match index.fault {
        Some(IndexFault::Count { listed, entries }) => {
            found.push(damaged(
                format!("The index has {}, and {} stand before it.", Count(listed, "offset"), Count(entries, "entry")),
                index.at,
            ));
        }
        Some(IndexFault::Offset { position, listed, at }) => {
            let message = format!("The index has entry number {position} at {listed}, it stands at {at}.");
            found.push(damaged(message, index.at + 4 * position).expected(at).found(listed));
        }
        None => {}
    }
    if let Some(info) = info.filter(|info| info.sealed()) {
        if info.index_start != index.at {
            found.push(damaged(format!("The list has the index at {}, it stands at {}.", info.index_start, index.at), index.at));
        }
        let last = info.base.saturating_add(facts.offsets.len() as u64).saturating_sub(1);
        if info.max > last {
            found.push(damaged(
                format!("The list says that it goes to {}, its entries end with {last}.", info.max),
                facts.end.at(),
            ));
        }
    }
}

/// What stands at the end.
fn ending(path: &str, facts: &SegmentFacts, tail: bool, found: &mut Vec<Finding>) {
    let at = facts.end.at();
    let how = match facts.end {
        FrameEnd::Zero(_) | FrameEnd::File(_) => None,
        FrameEnd::Unknown(_, kind) => Some(format!("a frame of type {kind}, which there is not")),
        FrameEnd::Torn(_) => Some("a frame without a type".to_owned()),
        FrameEnd::Beyond(_, len) => Some(format!("a frame with {len} bytes, more than there are")),
    };
    let behind = facts.behind.filter(|_| how.is_none());
    let dropped = facts.offsets.len() as u64 - facts.committed_entries;
    if !tail {
        let what = how.or_else(|| behind.map(|at| format!("zeros, and behind them other bytes (at {at})")));
        if let Some(what) = what {
            found
                .push(Finding::new(&codes::SEGMENT_DAMAGED, format!("Behind its last frame stands {what}.")).at(path).offset(at));
        } else if dropped > 0 || facts.committed < at {
            let message = format!("It ends without a commit, behind {}.", Count(dropped, "entry"));
            found.push(Finding::new(&codes::SEGMENT_DAMAGED, message).at(path).offset(facts.committed));
        }
        return;
    }
    if let Some(hidden) = &facts.hidden {
        found.push(committed_behind(facts, hidden, how.as_deref()).at(path).offset(hidden.at));
        return;
    }
    if facts.search_given_up {
        let message =
            "Too much behind the last commit looks like a frame: the search for commits that are whole there was given up.";
        found.push(Finding::new(&codes::TAIL_DROPPED, message).severity(Severity::Warning).at(path).offset(facts.committed));
    }
    if dropped > 0 || how.is_some() {
        let mut stand = Count(dropped, "entry").to_string();
        if facts.dropped_odd > 0 {
            stand.push_str(", not all of which decode");
        }
        let message = match &how {
            Some(how) if dropped == 0 => {
                format!("Behind the last commit stands {how}: the next start stops there, and writes over it.")
            }
            Some(how) => format!("Behind the last commit stand {stand}, and {how}: the next start drops that."),
            None => format!("Behind the last commit stand {stand}: the next start drops that."),
        };
        // What was being written is not yet committed; but a changed length can hide commits as well.
        let whole = how.is_none() && behind.is_none() && facts.dropped_odd == 0;
        let severity = if whole { Severity::Info } else { Severity::Warning };
        found.push(Finding::new(&codes::TAIL_DROPPED, message).severity(severity).at(path).offset(facts.committed));
    } else if let Some(behind) = behind {
        let message =
            format!("Behind its end at {at} stand zeros, and then other bytes: frames that the next start does not see.");
        found.push(Finding::new(&codes::TAIL_DROPPED, message).severity(Severity::Warning).at(path).offset(behind));
    }
}

/// Whole commits behind the place where the next start stops.
fn committed_behind(facts: &SegmentFacts, hidden: &Hidden, how: Option<&str>) -> Finding {
    let end = facts.end.at();
    let why = match how {
        // Frames that begin inside of others; why they end says nothing then.
        _ if hidden.at < end => String::new(),
        Some(how) => format!(" At {end} stands {how}."),
        None => format!(" Frames end at {end}, with zeros."),
    };
    let first = facts.base().map(|base| base.saturating_add(facts.tail.entries));
    let lost = match (first, hidden.last_index) {
        (Some(first), Some(last)) if last > first => format!("Entries {first} to {last} are"),
        (Some(first), _) => format!("What stands from entry {first} on is"),
        (None, _) => "They are".to_owned(),
    };
    let message = format!(
        "Committed entries stand behind the place ({}) where the next start stops and writes on, over them: {} with {}.{why} Each commit is \
         begun when the one before is on disk, so that no crash explains it. {lost} lost with that start.",
        hidden.stop,
        Count(hidden.commits, "whole commit"),
        Count(hidden.entries, "entry"),
    );
    Finding::new(&codes::SEGMENT_DAMAGED, message)
}

/// Judges a segment of which nothing else is known.
pub fn lone_segment(path: &Path, segment: &WalSegment) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(facts) = &segment.facts {
        judge_segment(&path.display().to_string(), &segment.name, facts, &mut found);
    }
    found
}
