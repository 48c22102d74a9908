//! The end of a segment: what stops the server there, and what stands behind.

use std::fmt::Write as _;

use crate::analysis::judge::codes::wal as codes;
use crate::analysis::{Finding, Severity};
use crate::readers::wal::{Beyond, Entering, Item, Stop, Trace};
use crate::types::{LogIndex, ProtobufRuntime};

use super::segment::JudgedSegment;

/// What a disk writes as a whole, in bytes.
const SECTOR: u64 = 512;
/// The head of a segment is shorter than this, and so are the remains of an older one in a reused file.
const LONGEST_HEAD: u64 = 256;

pub(super) fn findings(judged: &JudgedSegment<'_>, trace: &Trace) -> Vec<Finding> {
    let mut findings = Vec::new();
    if matches!(trace.entering, Entering::Nothing) && trace.stop.is_end() && trace.beyond.is_none() {
        let message = "The segment holds no record, and no crash leaves it so: a segment gets its head before it gets its name. The \
                       server passes over it; whatever it held is lost without an error.";
        findings.push(judged.finding(&codes::SEGMENT_EMPTY, message).offset(0));
        return findings;
    }
    if judged.last && lacks_its_head(trace) {
        let message = "The segment ends inside its head, which no crash leaves: a segment gets its head before it gets its name. The \
                       start cuts it off there and goes on; whatever stood behind is lost without an error.";
        findings.push(judged.finding(&codes::SEGMENT_EMPTY, message).offset(trace.stop.at()));
        return findings;
    }
    let torn = stopped(judged, trace, &mut findings);
    if let Some(beyond) = &trace.beyond {
        findings.extend(behind(judged, trace, beyond, torn));
    }
    if judged.segment.seq() == 0 && trace.stop.is_end() && trace.beyond.is_none() && !has_creation_record(trace) {
        let message = "The first segment lacks the snapshot record that a log is created with: it lost its end.";
        findings.push(judged.finding(&codes::SEGMENT_TRUNCATED, message).offset(trace.stop.at()));
    }
    findings
}

/// What ends the segment. True when the server repairs it by cutting the segment there.
fn stopped(judged: &JudgedSegment<'_>, trace: &Trace, findings: &mut Vec<Finding>) -> bool {
    match &trace.stop {
        Stop::Eof { .. } | Stop::Zero { .. } | Stop::NotAFile { .. } => false,
        Stop::ShortWord { at, left } => {
            if judged.last {
                findings.push(torn_tail(judged, *at, *left, "The file ends inside a length word."));
            } else {
                findings.push(truncated(judged, *at, *left, &format!("{left} bytes are left where a length word of 8 is due.")));
            }
            judged.last
        }
        Stop::TooLong { at, word, left } => {
            let whole = 8 + word.record_len() + u64::from(word.padding());
            if !judged.last {
                let message = format!("A frame of {whole} bytes begins {left} bytes before the end of the file.");
                findings.push(
                    truncated(judged, *at, *left, &message).expected(format!("{whole} bytes")).found(format!("{left} bytes")),
                );
            } else if trace.beyond.as_ref().is_some_and(|beyond| beyond.total.records > 0) {
                // What stands behind is the finding.
            } else if !word.is_canonical() || !begins_like_a_record(judged, *at) {
                let message = format!(
                    "What follows is nothing that the server writes, a frame of {whole} bytes where {left} are left. The next start \
                     takes it for a torn write and cuts it off; no record can be read from it."
                );
                let end = trace.beyond.as_ref().map_or(*at, |beyond| beyond.end);
                let severity = if old_head(trace, end) { Severity::Info } else { Severity::Error };
                let finding = judged.finding(&codes::DATA_BEYOND_END, message).range(*at, end.saturating_sub(*at));
                findings.push(finding.severity(severity));
            } else {
                let message = format!("The last frame announces {whole} bytes, but the file ends after {left}.");
                findings.push(torn_tail(judged, *at, *left, &message));
            }
            judged.last
        }
        Stop::BadRecord { at, len, torn: true, .. } | Stop::BadCrc { at, len, torn: true, .. } if judged.last => {
            if trace.beyond.as_ref().is_none_or(|beyond| !beyond.continues) {
                findings.push(torn_tail(judged, *at, *len, "The last record read is incomplete: a whole sector of it is zero."));
            }
            true
        }
        Stop::BadRecord { at, len, error, early_end, .. } => {
            let consequence = if *early_end && judged.last {
                "server pr934 takes it for a torn write and drops everything from here on; server main refuses to start"
            } else {
                "a start that reads it is refused"
            };
            let message = format!("The frame does not hold a record ({error}); {consequence}.");
            findings.push(judged.finding(&codes::RECORD_MALFORMED, message).range(*at, *len));
            *early_end && judged.last && judged.engine.traits().protobuf == ProtobufRuntime::Gogo
        }
        Stop::BadCrc { at, len, kind, stored, computed, .. } => {
            let cause = match next_fits(trace, at + len) {
                Some(true) => "The next record fits the stored value, so the data of this one changed",
                Some(false) => "The next record does not fit the stored value either, so probably the value changed",
                None => "Its data or the value itself changed",
            };
            let message =
                format!("The {} record does not match its checksum. {cause}. A start that reads it is refused.", kind.name());
            findings.push(judged.finding(&codes::CRC_MISMATCH, message).range(*at, *len).expected(stored).found(computed));
            false
        }
        Stop::CrcRecord { at, len, stored, running } => {
            let message = "A crc record inside the segment differs from the checksum of the records before it.";
            findings.push(judged.finding(&codes::CHAIN_BROKEN, message).range(*at, *len).expected(running).found(stored));
            false
        }
    }
}

/// True when reading stops, without an error, before the metadata record that follows the first record of every segment.
fn lacks_its_head(trace: &Trace) -> bool {
    let begins = matches!(trace.entering, Entering::Crc(_) | Entering::Nothing);
    let torn = matches!(
        trace.stop,
        Stop::ShortWord { .. } | Stop::TooLong { .. } | Stop::BadRecord { torn: true, .. } | Stop::BadCrc { torn: true, .. }
    );
    begins
        && (torn || trace.stop.is_end())
        && trace.beyond.is_none()
        && !trace.items.iter().any(|item| !matches!(item, Item::Crc { .. }))
}

/// A log is created with a snapshot record of index 0, all at once.
fn has_creation_record(trace: &Trace) -> bool {
    trace.items.iter().any(|item| matches!(item, Item::Snapshot { snapshot, .. } if snapshot.index.0 == 0))
}

fn begins_like_a_record(judged: &JudgedSegment<'_>, at: u64) -> bool {
    let body = usize::try_from(at).ok().and_then(|at| judged.segment.bytes().get(at..)?.get(8..));
    body.is_some_and(|body| body.is_empty() || body.starts_with(&[0x08]))
}

/// Whether the record right behind a damaged one fits the checksum that the damaged one stores.
fn next_fits(trace: &Trace, behind: u64) -> Option<bool> {
    let first = trace.beyond.as_ref()?.rows.first().filter(|row| row.at == behind)?;
    Some(first.first_fits)
}

fn torn_tail(judged: &JudgedSegment<'_>, at: u64, len: u64, what: &str) -> Finding {
    let rest = if judged.is_set_aside() {
        "A start cut the log off here and kept this copy."
    } else {
        "The next start cuts the segment off here and goes on."
    };
    judged.finding(&codes::TORN_TAIL, format!("{what} {rest}")).range(at, len)
}

fn truncated(judged: &JudgedSegment<'_>, at: u64, left: u64, what: &str) -> Finding {
    let message = format!(
        "{what} The server can only repair the last segment, so a start that reads this one ends with `WAL unrepairable after repair`."
    );
    judged.finding(&codes::SEGMENT_TRUNCATED, message).range(at, left)
}

/// True when what stands behind the head of a segment can be left from an older head: the server reuses the file that an
/// interrupted cut left behind without emptying it.
fn old_head(trace: &Trace, end: u64) -> bool {
    trace.stop.at() > 0 && trace.entries == 0 && end <= LONGEST_HEAD
}

/// What stands behind the stop.
fn behind(judged: &JudgedSegment<'_>, trace: &Trace, beyond: &Beyond, torn: bool) -> Option<Finding> {
    let silent = torn || trace.stop.is_end();
    if !silent {
        // The start is refused there; nothing is lost unnoticed.
        return None;
    }
    let total = &beyond.total;
    let length = beyond.end - beyond.first;
    let mut message = String::new();
    if let Some(record) = &beyond.lost_length_word {
        message.push_str("The record at this place is whole and fits its checksum, but its length word is damaged. ");
        debug_assert_eq!(record.at, beyond.first);
    }
    let severity = if total.records == 0 {
        let _ = write!(message, "{length} bytes stand behind the end of the log. No record can be read from them. ");
        if matches!(trace.stop, Stop::TooLong { .. } | Stop::ShortWord { .. }) {
            // That is what the torn record itself consists of.
            return None;
        }
        if old_head(trace, beyond.end) {
            message.push_str("They may be left from an older head of this file, which is harmless. ");
            Severity::Info
        } else if (judged.last && beyond.zero_sector) || torn {
            message.push_str("A crash in the middle of a large write can leave such bytes. ");
            Severity::Warning
        } else {
            Severity::Error
        }
    } else {
        describe_records(beyond, &mut message);
        if old_head(trace, beyond.end) && total.entries == 0 && total.snapshots == 0 && beyond.lost_length_word.is_none() && !torn
        {
            message.push_str("They are left from an older head of this file, which is harmless. ");
            Severity::Info
        } else if judged.last && one_torn_write(beyond, torn, last_index(judged, trace)) {
            message.push_str("They can be the rest of one write that a crash interrupted, which nobody relied on. ");
            Severity::Warning
        } else {
            Severity::Error
        }
    };
    message.push_str(if judged.is_set_aside() {
        "A start cut them off, and the log does not have them unless they were written again."
    } else if torn {
        "The next start cuts them off together with the record before."
    } else if judged.last {
        "The server does not read them, and the next start overwrites them with zeros."
    } else {
        "The server does not read them."
    });
    let finding = judged.finding(&codes::DATA_BEYOND_END, message).range(beyond.first, length).severity(severity);
    Some(match severity {
        Severity::Error => finding,
        Severity::Warning | Severity::Info => finding
            .advice("Nothing needs to be done if the node stopped in a crash; otherwise keep a copy of the directory first."),
    })
}

fn describe_records(beyond: &Beyond, message: &mut String) {
    let total = &beyond.total;
    let proof = if total.linked { "linked by their checksums" } else { "which no checksum confirms" };
    match total.records {
        1 => message.push_str("One record can still be read there"),
        many => drop(write!(message, "{many} records can still be read there")),
    }
    let _ = write!(message, ", {proof}");
    match total.indexes {
        _ if total.entries == 0 => {}
        (first, _) if total.entries == 1 => drop(write!(message, ": the entry of index {first}")),
        (first, last) => drop(write!(message, ": {} entries between index {first} and {last}", total.entries)),
    }
    if let Some(state) = total.state {
        let _ = write!(message, "; a hard state there says commit {}", state.commit);
        if total.entries > 0 && state.commit >= total.indexes.0 {
            let _ = write!(message, ", so entries up to it were committed");
        }
    }
    message.push_str(". ");
}

/// True when what is found can be the rest of a single write whose sectors did not all reach the disk: a lost sector stands
/// before it, it is not more than one write, and no hard state in it covers the entries in it.
fn one_torn_write(beyond: &Beyond, torn: bool, last: LogIndex) -> bool {
    let total = &beyond.total;
    let covered = total.state.is_some_and(|state| total.entries > 0 && state.commit >= total.indexes.0);
    // A sector can have held nothing of the write but its first length word.
    let word_lost = beyond.lost_length_word.is_some_and(|record| record.at % SECTOR == SECTOR - 8);
    // A snapshot record is written together with the commit that was waiting in memory, and with nothing else.
    let writes_alone = total.snapshots == 0 || (total.snapshots == 1 && total.entries == 0);
    // So does an entry, unless that commit speaks of entries that are gone.
    // A new term that is recorded alone comes behind it as well.
    let one_write = total.states == 1 || (total.states == 2 && total.entries == 0);
    let waited = total.begins_with_state && one_write && total.state.is_some_and(|state| state.commit <= last);
    let lost = (beyond.zero_sector || torn) && !beyond.continues;
    (lost || word_lost) && (!total.several_writes || waited) && writes_alone && !covered
}

/// The last index before the place where reading stops.
fn last_index(judged: &JudgedSegment<'_>, trace: &Trace) -> LogIndex {
    let entries = |item: &Item| match item {
        Item::Run(run) => run.entries.map(|span| span.last),
        _ => None,
    };
    let before = LogIndex(judged.segment.name_index().0.saturating_sub(1));
    trace.items.iter().rev().find_map(entries).unwrap_or(before)
}
