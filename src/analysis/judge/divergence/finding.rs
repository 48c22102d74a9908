//! What judged differences come to: a finding, and what is not known.

use std::fmt::Write as _;

use super::{DifferenceKind, DivergenceFound, Judged, KeptDifference, Reason};
use crate::analysis::judge::codes::compare::NODES_STORES_DIVERGE;
use crate::analysis::judge::codes::store::STORE_NOT_AS_WRITTEN;
use crate::analysis::{Coverage, Finding};
use crate::formats::kv::{KeyName, Shown, WrittenRow};
use crate::formats::mvcc::StoreKey;
use crate::types::{Count, Escaped, HlcTimestamp, LogIndex};

/// Whose two stores they are: what each is called, and where its store lies.
pub type Sides<'a> = [(&'a str, &'a str); 2];

/// The finding about rows that must not differ; `None` when there are none.
pub fn divergence_finding(found: &DivergenceFound, sides: Sides<'_>) -> Option<Finding> {
    let first = found.kept.first().filter(|difference| difference.reason.judged() == Judged::Diverged)?;
    let rows = Count(found.total().diverged, "row");
    let [(one, one_store), (other, other_store)] = sides;
    let (code, what) = if found.reasons.contains_key(&Reason::NoEntry) {
        (&NODES_STORES_DIVERGE, "that must be the same differ")
    } else {
        (&STORE_NOT_AS_WRITTEN, "are not as the entry wrote them that only one has applied")
    };
    let mut message = format!("{rows} of {one} and {other} {what} ({}). The first: ", applied(found, sides));
    let key = named(first.key());
    let committed = WrittenRow::of_stored(first.key()).map(|row| row.commit_ts).and_then(time);
    let committed = committed.map_or_else(String::new, |time| format!(", committed {time},"));
    let not_as_written = first.reason == Reason::NotAsWritten;
    let (place, at_fault) = match first.kind {
        DifferenceKind::OnlyFirst if not_as_written => (format!("is in the store of {one}"), 0),
        DifferenceKind::OnlySecond if not_as_written => (format!("is in the store of {other}"), 1),
        DifferenceKind::OnlyFirst => (format!("is in the store of {one} and not in that of {other}"), 1),
        DifferenceKind::OnlySecond => (format!("is in the store of {other} and not in that of {one}"), 0),
        DifferenceKind::OtherValue | DifferenceKind::Sealed => {
            let second_at_fault = if not_as_written {
                let [a, b] = found.numbers.map(|numbers| numbers.applied);
                b > a
            } else {
                first.first_as_written == Some(true) || first.second_as_written == Some(false)
            };
            (format!("has another value in the store of {one} than in that of {other}"), usize::from(second_at_fault))
        }
    };
    // The writing can only fail for want of memory.
    let _ = write!(message, "{key}{committed} {place}. ");
    let _ = write!(message, "{}", entry_of(first, sides));
    let mut finding = Finding::new(code, message);
    // Without an entry that wrote it, the row itself is what should not be there.
    let (fault, is_alone) = match (first.entry, first.kind) {
        (None, DifferenceKind::OnlyFirst) => (0, false),
        (None, DifferenceKind::OnlySecond) => (1, false),
        _ => (at_fault, true),
    };
    finding.path = Some(if fault == 0 { one_store.to_owned() } else { other_store.to_owned() });
    if let (Some(entry), true) = (first.entry, is_alone) {
        finding.expected = Some(format!("what entry {} of term {} wrote", entry.index, entry.term));
    }
    Some(finding)
}

/// The name that a stored key belongs to, or the key as requests have it.
fn named(stored: &[u8]) -> String {
    let StoreKey::Row(row) = StoreKey::of(stored) else { return Shown(stored).to_string() };
    let name = KeyName::of_user_key(row.user_key);
    match (name.text(), name.part().text()) {
        (Some(name), Some(part)) => format!("{name} ({part})"),
        (Some(name), None) => name,
        (None, _) => Escaped(row.user_key).to_string(),
    }
}

fn entry_of(first: &KeptDifference, [(one, _), (other, _)]: Sides<'_>) -> String {
    let Some(entry) = first.entry else { return "No entry of the logs that are there writes it.".to_owned() };
    let by = format!("Entry {} of term {}", entry.index, entry.term);
    if first.reason == Reason::NotAsWritten && first.kind != DifferenceKind::OtherValue {
        return format!("{by} wrote something else.");
    }
    let lacks = match first.kind {
        DifferenceKind::OnlyFirst => other,
        DifferenceKind::OnlySecond => one,
        DifferenceKind::OtherValue | DifferenceKind::Sealed => {
            return match (first.first_as_written, first.second_as_written) {
                (Some(true), Some(false)) => format!("{by} wrote what {one} has."),
                (Some(false), Some(true)) => format!("{by} wrote what {other} has."),
                (Some(false), Some(false)) => format!("{by} wrote neither of them."),
                _ => format!("{by} wrote it."),
            };
        }
    };
    format!("{by} writes it, and {lacks} has applied that one.")
}

fn applied(found: &DivergenceFound, [(one, _), (other, _)]: Sides<'_>) -> String {
    match found.numbers.map(|numbers| numbers.applied) {
        [Some(a), Some(b)] if a == b => format!("both have applied {a}"),
        [a, b] => format!("{one} has applied {}, {other} {}", index(a), index(b)),
    }
}

fn index(index: Option<LogIndex>) -> String {
    index.map_or_else(|| "an unknown index".to_owned(), |index| index.to_string())
}

fn time(ts: HlcTimestamp) -> Option<String> {
    ts.millis().to_rfc3339()
}

/// Says of which differences it is not known whether they may be there, and whose values were not held against the entries. Values that are sealed are `needed` when they were asked for.
pub fn not_judged(found: &DivergenceFound, sides: Sides<'_>, with_keys: bool, sealed_needed: bool, coverage: &mut Coverage) {
    let [(one, _), (other, _)] = sides;
    if found.not_held > 0 {
        let rows = Count(found.not_held, "row");
        let what = format!("whether {rows} that only one of {one} and {other} has yet are as their entries wrote them");
        let why =
            "the values are sealed, were prepared by transactions before the entries that were read, or are locks and intents";
        coverage.skipped(what, why);
    }
    for (reason, rows) in found.reasons.iter().filter(|(reason, _)| reason.judged() == Judged::Unknown) {
        let what = format!("whether {} of {one} and {other} may differ", Count(*rows, "row"));
        match reason {
            Reason::Sealed => {
                let what = format!("whether the values of {} of {one} and {other} differ", Count(*rows, "sealed row"));
                let why = if with_keys {
                    "their envelopes differ, and not both of them were opened"
                } else {
                    "their envelopes differ, as those of two nodes always do; --sidecar and --kek open them"
                };
                if sealed_needed { coverage.missing(what, why) } else { coverage.skipped(what, why) }
            }
            Reason::EntriesMissing => {
                let first = found.missing_entry.map_or_else(String::new, |index| format!(", {index} among them,"));
                coverage
                    .missing(what, format!("entries between {}{first} could not be read from either log", applied_range(found)));
            }
            other => coverage.missing(what, other.words()),
        }
    }
}

fn applied_range(found: &DivergenceFound) -> String {
    match found.numbers.map(|numbers| numbers.applied) {
        [Some(a), Some(b)] => format!("{} and {}", a.min(b), a.max(b)),
        _ => "the applied indexes".to_owned(),
    }
}
