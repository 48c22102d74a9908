//! Which findings only follow from another one.
//!
//! One damaged place shows in many checks. A finding that another finding explains keeps its severity and stays part of the
//! verdict; it only carries the name of its cause, so that a report can put the cause first. Nothing is said to follow from
//! something milder.

use std::collections::HashMap;

use super::codes::{CodeInfo, compare, gate, invariants as rules, snapshot, store, table, wal};
use super::{Finding, Severity};
use crate::types::count_work;

/// Where a cause must lie so that it explains a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Anywhere in the same group.
    Group,
    /// In the same file.
    File,
    /// At the same place of the same file.
    Offset,
    /// Earlier in the log; a finding that is about the log as a whole, or about another file, comes after all of it.
    Before,
    /// In the segment directly before, or missing there.
    SegmentBefore,
}

/// One finding explains others.
struct Rule {
    cause: &'static CodeInfo,
    place: Where,
    derived: &'static [&'static CodeInfo],
}

/// Damaged bytes of the log.
const LOG_BYTES: &[&CodeInfo] = &[
    &wal::RECORD_TYPE_SUSPECT,
    &wal::NOT_A_FILE,
    &wal::SEGMENT_MISSING,
    &wal::SEGMENT_EMPTY,
    &wal::SEGMENT_TRUNCATED,
    &wal::CRC_MISMATCH,
    &wal::RECORD_MALFORMED,
    &wal::RECORD_TYPE_UNKNOWN,
    &wal::DATA_BEYOND_END,
    &wal::METADATA_CONFLICT,
    &wal::CHAIN_BROKEN,
    &wal::PAYLOAD_MALFORMED,
];

/// What records behind damaged bytes, or the lack of them, look like to the rules of Raft.
const AFTER_LOG_BYTES: &[&CodeInfo] = &[
    &rules::LOG_GAP,
    &rules::SNAP_REPLAY_HOLE,
    &rules::LOG_TERM_REGRESS,
    &rules::LOG_OVERWRITES_COMMITTED,
    &rules::LOG_ILLEGAL_REWRITE,
    &rules::LOG_APPEND_BELOW_SNAPSHOT,
    &rules::LOG_ENTRY_MALFORMED,
    &rules::LOG_CONFLICT_TRUNCATION,
    &rules::TERM_ABOVE_CURRENT,
    &rules::HARDSTATE_REGRESS,
    &rules::COMMIT_OUT_OF_RANGE,
    &rules::VOTE_CHANGED_IN_TERM,
    &rules::STABLE_STATE_INVALID,
    &rules::SNAP_LOG_TERM_MISMATCH,
    &rules::SNAP_REGRESS,
    &rules::SNAP_CONFIG_STALE,
    &rules::APPLIED_BEYOND_LOG,
];

/// What a start makes of damage.
const MADE_OF_IT: &[&CodeInfo] =
    &[&gate::START_REFUSED, &gate::REPLAY_HALT, &gate::PAYLOADS_DELETED, &gate::SNAPSHOT_NOT_NEWEST, &gate::OTHER_ENGINE_REFUSES];

/// What is wrong with the bytes of a payload, whoever needs it.
const PAYLOAD_BYTES: &[&CodeInfo] = &[
    &snapshot::FSM_MISSING,
    &snapshot::FSM_TOO_SMALL,
    &snapshot::FSM_BODY_CRC,
    &snapshot::FSM_TOKEN_CRC,
    &snapshot::FSM_HEADER_INVALID,
    &snapshot::FSM_BODY_MALFORMED,
];

/// What the rest of the log looks like when a file too many is read in it.
const OF_A_STRAY: &[&CodeInfo] = &[
    &wal::CHAIN_BROKEN,
    &wal::SEGMENT_MISSING,
    &wal::SEGMENT_TRUNCATED,
    &wal::DATA_BEYOND_END,
    &wal::NAME_ODD,
    &rules::LOG_GAP,
    &rules::SNAP_REPLAY_HOLE,
    &rules::LOG_TERM_REGRESS,
    &rules::LOG_OVERWRITES_COMMITTED,
    &rules::LOG_ILLEGAL_REWRITE,
    &rules::LOG_CONFLICT_TRUNCATION,
    &rules::TERM_ABOVE_CURRENT,
    &rules::HARDSTATE_REGRESS,
    &rules::COMMIT_OUT_OF_RANGE,
    &rules::APPLIED_BEYOND_LOG,
    &gate::START_REFUSED,
];

const RULES: &[Rule] = &[
    Rule { cause: &rules::SNAP_PAYLOAD_SHORT, place: Where::File, derived: PAYLOAD_BYTES },
    Rule {
        cause: &rules::SNAP_IDENTITY_MISMATCH,
        place: Where::File,
        derived: &[&snapshot::SNAP_TORN, &snapshot::SNAP_MALFORMED],
    },
    Rule {
        cause: &wal::RECORD_TYPE_SUSPECT,
        place: Where::Offset,
        derived: &[
            &wal::PAYLOAD_MALFORMED,
            &wal::METADATA_CONFLICT,
            &rules::LOG_ENTRY_MALFORMED,
            &rules::STABLE_STATE_INVALID,
            &rules::CONF_UNDECODABLE,
            &rules::CONF_INVALID,
            &rules::HARDSTATE_REGRESS,
        ],
    },
    // A file too many is read between the others.
    Rule { cause: &wal::SEGMENT_STRAY, place: Where::Group, derived: OF_A_STRAY },
    // A record of another type that passes for a metadata record.
    Rule { cause: &wal::RECORD_TYPE_SUSPECT, place: Where::Before, derived: &[&wal::METADATA_CONFLICT] },
    Rule { cause: &wal::RECORD_TYPE_UNKNOWN, place: Where::Offset, derived: &[&wal::CHAIN_BROKEN] },
    Rule { cause: &rules::LOG_TERM_REGRESS, place: Where::Group, derived: &[&rules::TERM_ABOVE_CURRENT] },
    Rule { cause: &rules::HARDSTATE_REGRESS, place: Where::Group, derived: &[&rules::APPLIED_BEYOND_LOG] },
    Rule {
        cause: &wal::PAYLOAD_MALFORMED,
        place: Where::Offset,
        derived: &[&rules::LOG_ENTRY_MALFORMED, &rules::STABLE_STATE_INVALID],
    },
    Rule {
        cause: &rules::LOG_GAP,
        place: Where::Before,
        derived: &[
            &rules::SNAP_REPLAY_HOLE,
            &rules::LOG_TERM_REGRESS,
            &rules::TERM_ABOVE_CURRENT,
            &rules::COMMIT_OUT_OF_RANGE,
            &rules::APPLIED_BEYOND_LOG,
        ],
    },
    Rule { cause: &rules::LOG_ENTRY_MALFORMED, place: Where::Before, derived: &[&rules::SNAP_REPLAY_HOLE, &rules::LOG_GAP] },
    Rule {
        cause: &rules::COMMIT_OUT_OF_RANGE,
        place: Where::Group,
        derived: &[&rules::APPLIED_BEYOND_LOG, &rules::FSM_AHEAD_OF_LOG, &rules::LOG_CONFLICT_TRUNCATION],
    },
    Rule {
        cause: &rules::LOG_OVERWRITES_COMMITTED,
        place: Where::Offset,
        derived: &[&rules::LOG_CONFLICT_TRUNCATION, &rules::LOG_ILLEGAL_REWRITE],
    },
    Rule { cause: &rules::LOG_ILLEGAL_REWRITE, place: Where::Offset, derived: &[&rules::LOG_CONFLICT_TRUNCATION] },
    Rule { cause: &rules::LOG_APPEND_BELOW_SNAPSHOT, place: Where::Offset, derived: &[&rules::LOG_CONFLICT_TRUNCATION] },
    Rule {
        cause: &rules::SNAP_LOG_TERM_MISMATCH,
        place: Where::Group,
        derived: &[&rules::SNAP_IDENTITY_MISMATCH, &rules::LOG_TERM_REGRESS, &rules::SNAP_REPLAY_HOLE],
    },
    Rule {
        cause: &rules::SNAP_CONFIG_STALE,
        place: Where::Group,
        derived: &[&rules::SNAP_IDENTITY_MISMATCH, &rules::CONF_PEERS_FILE_MISMATCH],
    },
    Rule {
        cause: &rules::SNAP_CONFIG_INDEX_INVALID,
        place: Where::Group,
        derived: &[&rules::SNAP_CONFIG_STALE, &rules::CONF_PEERS_FILE_MISMATCH],
    },
    Rule { cause: &rules::CONF_INVALID, place: Where::Group, derived: &[&rules::CONF_PEERS_FILE_MISMATCH] },
    Rule { cause: &rules::SNAP_IDENTITY_MISMATCH, place: Where::Group, derived: &[&snapshot::FSM_AHEAD_OF_INDEX] },
    Rule { cause: &rules::SNAP_PAYLOAD_SHORT, place: Where::File, derived: &[&snapshot::FSM_AHEAD_OF_INDEX] },
    Rule { cause: &store::STORE_TABLE_SIZE, place: Where::File, derived: &[&store::STORE_TABLE_DAMAGE] },
    Rule { cause: &table::TABLE_FORMAT, place: Where::File, derived: &[&store::STORE_TABLE_NOT_READ] },
    Rule {
        cause: &compare::CROSS_DUPLICATE_IDENTITY,
        place: Where::Group,
        derived: &[
            &compare::CROSS_LOG_MATCHING,
            &compare::CROSS_COMMITTED_DIVERGENCE,
            &compare::CROSS_COMMITTED_LOST,
            &compare::CROSS_SNAPSHOT_DIVERGENCE,
            &compare::CROSS_UNDER_REPLICATED,
            &compare::CROSS_TERM_AHEAD,
        ],
    },
    Rule {
        cause: &compare::CROSS_COMMITTED_DIVERGENCE,
        place: Where::Group,
        // A third node with an older commit differs from the odd one all the same.
        derived: &[&compare::CROSS_LOG_MATCHING, &compare::CROSS_UNDER_REPLICATED],
    },
    Rule { cause: &compare::CROSS_COMMITTED_LOST, place: Where::Group, derived: &[&compare::CROSS_UNDER_REPLICATED] },
];

/// Marks each finding that another one explains with the name of its cause.
pub fn fold(findings: &mut [Finding]) {
    let index = Index::of(findings);
    let causes: Vec<_> = findings.iter().map(|finding| cause_of(finding, findings, &index)).collect();
    for (number, _) in causes.iter().enumerate().filter(|(_, cause)| cause.is_some()) {
        // The cause of the cause, as far as that goes.
        let mut root = number;
        // Causes are not worse than what follows from them, but two may explain each other.
        for _ in 0..RULES.len() {
            match causes.get(root).copied().flatten() {
                Some(next) => root = next,
                None => break,
            }
        }
        if let (Some(code), Some(finding)) = (findings.get(root).map(|cause| cause.code), findings.get_mut(number)) {
            finding.derived_from = Some(code.code);
        }
    }
}

/// Where findings stand in their list.
struct Index<'f> {
    /// Of each group and code, in order.
    by_code: HashMap<(Option<&'f str>, &'static str), Vec<usize>>,
    /// The first damage of each group, as opposed to what is made of it.
    damage: HashMap<Option<&'f str>, usize>,
}

impl<'f> Index<'f> {
    fn of(findings: &'f [Finding]) -> Self {
        let mut index = Self { by_code: HashMap::new(), damage: HashMap::new() };
        for (position, finding) in findings.iter().enumerate() {
            let group = finding.group.as_deref();
            index.by_code.entry((group, finding.code.code)).or_default().push(position);
            if finding.severity == Severity::Error && !MADE_OF_IT.contains(&finding.code) {
                index.damage.entry(group).or_insert(position);
            }
        }
        index
    }

    fn positions(&self, finding: &'f Finding, code: &CodeInfo) -> &[usize] {
        self.by_code.get(&(finding.group.as_deref(), code.code)).map_or(&[], Vec::as_slice)
    }
}

/// The position of the finding that explains this one.
fn cause_of<'f>(finding: &'f Finding, all: &'f [Finding], index: &Index<'f>) -> Option<usize> {
    // A place in the peers file is damage of its own; without one it disagrees with a snapshot.
    if finding.code == &rules::CONF_PEERS_FILE_MISMATCH && finding.offset.is_some() {
        return None;
    }
    let first = |code: &CodeInfo, place: Where, least: Severity| {
        index.positions(finding, code).iter().copied().find(|&position| {
            count_work(1);
            let Some(cause) = all.get(position) else { return false };
            let other = !std::ptr::eq(cause, finding);
            other && cause.severity <= finding.severity.min(least) && lies(cause, finding, place)
        })
    };
    let by_rule = RULES
        .iter()
        .filter(|rule| rule.derived.contains(&finding.code))
        .find_map(|rule| first(rule.cause, rule.place, Severity::Info));
    let by_bytes = || {
        let (own, place) = if finding.code == &wal::CHAIN_BROKEN {
            (true, Where::SegmentBefore)
        } else if AFTER_LOG_BYTES.contains(&finding.code) {
            (false, Where::Before)
        } else {
            return None;
        };
        let codes = LOG_BYTES.iter().filter(|code| !own || **code != &wal::CHAIN_BROKEN);
        codes.filter_map(|code| first(code, place, Severity::Error)).min()
    };
    // What a start makes of damage follows from the damage.
    let by_damage = || {
        let concerned = MADE_OF_IT.contains(&finding.code);
        index.damage.get(&finding.group.as_deref()).copied().filter(|_| concerned)
    };
    // Damaged bytes come first: what the rules find behind them explains nothing.
    by_bytes().or(by_rule).or_else(by_damage)
}

fn lies(cause: &Finding, finding: &Finding, place: Where) -> bool {
    match place {
        Where::Group => true,
        Where::File => cause.path == finding.path,
        Where::Offset => cause.path == finding.path && cause.offset == finding.offset,
        Where::Before => match (in_log(cause), in_log(finding)) {
            (Some(cause), Some(finding)) => cause <= finding,
            (_, None) => true,
            (None, Some(_)) => false,
        },
        Where::SegmentBefore => match (segment(cause), segment(finding)) {
            (Some(before), Some(at)) if cause.code == &wal::SEGMENT_MISSING => before == at,
            (Some(before), Some(at)) => before.checked_add(1) == Some(at),
            _ => false,
        },
    }
}

/// Where in the log: name of the segment, which sorts as the segments do, and offset.
fn in_log(finding: &Finding) -> Option<(&str, u64)> {
    let (_, name) = finding.path.as_deref()?.rsplit_once("wal/")?;
    Some((name, finding.offset.unwrap_or(0)))
}

/// Sequence number of the segment.
fn segment(finding: &Finding) -> Option<u64> {
    u64::from_str_radix(in_log(finding)?.0.split_once('-')?.0, 16).ok()
}
