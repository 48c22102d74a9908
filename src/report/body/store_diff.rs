//! `store diff`: which rows two stores of a group do not share, and why.

use std::fmt::Write as _;

use serde::Serialize;

use super::store_name::shortened;
use crate::analysis::judge::divergence::{DifferenceKind, DifferenceSums, DivergenceFound, Judged, KeptDifference, Reason};
use crate::formats::kv::{KeyName, KeySpace, decode_value};
use crate::formats::mvcc::StoreKey;
use crate::readers::row_diff::{ComparedRow, SHOWN, Sealing};
use crate::readers::store_diff::DiffedStore;
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{Count, Escaped, HlcTimestamp, LogIndex};

/// Longest value in a page.
const VALUE_IN_PAGE: usize = 160;

/// Two stores beside each other.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreDiffBody {
    /// The first store or payload, then the second; none when they are not of one group and nothing was compared.
    pub sides: Vec<StoreSide>,
    /// True when both are undamaged and were read to their ends, each as of one moment.
    pub complete: bool,
    /// True when every row is known to be the same in both, the stores' own numbers apart.
    pub identical_rows: bool,
    /// Rows that both have alike.
    pub same: u64,
    /// How many of these only one of both seals.
    pub sealed_once: u64,
    /// Rows that differ, by class of keys.
    pub classes: Vec<ClassDifference>,
    /// Rows that differ, by the reason.
    pub reasons: Vec<ReasonCount>,
    /// The first rows that differ: those that must not be there, then those of which that is not known, then all others, each in the order of
    /// their keys.
    pub differences: Vec<StoreDifference>,
    /// Rows that differ and are not listed.
    pub not_listed: u64,
}

/// One of the two stores.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreSide {
    /// The store.
    pub dir: String,
    /// What it says it has applied; `null` when it does not say.
    pub applied_index: Option<LogIndex>,
    /// Its newest commit.
    pub last_commit_ts: Option<u64>,
    /// The same as a time.
    pub last_commit_time: Option<String>,
    /// Of the versions of a key that are this old it need not have more than the newest.
    pub retained_ts: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Views of the store that were read, more than one when a server was compacting meanwhile.
    pub views: u32,
}

/// Rows of one class that differ.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ClassDifference {
    /// What the keys belong to.
    pub space: &'static str,
    /// How many.
    #[serde(flatten)]
    pub sums: DifferenceSums,
}

/// Rows that differ for one reason.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ReasonCount {
    /// The reason.
    pub reason: Reason,
    /// What follows from it.
    pub judged: Judged,
    /// How many.
    pub rows: u64,
}

/// One row that differs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreDifference {
    /// In which of the stores it is.
    pub kind: DifferenceKind,
    /// What the difference is.
    pub judged: Judged,
    /// Why.
    pub reason: Reason,
    /// What the row belongs to.
    pub space: &'static str,
    /// The user key, or the store's own key, escaped.
    pub key: String,
    /// The name that the key belongs to; `null` when there is none.
    pub logical: Option<String>,
    /// What of that name the row holds; `null` when it is all of it, or there is no name.
    pub part: Option<String>,
    /// When the version was committed; `null` for keys without versions.
    pub commit_ts: Option<u64>,
    /// The same as a time.
    pub commit_time: Option<String>,
    /// Index of the entry that wrote it; `null` where the logs do not have it.
    pub entry_index: Option<LogIndex>,
    /// Its term.
    pub entry_term: Option<u64>,
    /// Whether the row of the first store holds what that entry wrote; `null` where that cannot be told.
    pub first_as_written: Option<bool>,
    /// The same of the second.
    pub second_as_written: Option<bool>,
    /// Bytes of the value in the first store, as stored.
    pub first_len: Option<u64>,
    /// Bytes of the value in the second store, as stored.
    pub second_len: Option<u64>,
    /// The value in the first store, escaped; of a long one the beginning. `null` without one, and for what is sealed and not shown.
    pub first_value: Option<String>,
    /// The value in the second store.
    pub second_value: Option<String>,
    /// What the value in the first store says, in words; `null` where its encoding is not known, and for a long one.
    pub first_says: Option<String>,
    /// What the value in the second store says.
    pub second_says: Option<String>,
}

impl StoreSide {
    /// From what was read of a store.
    pub fn new(dir: String, store: &DiffedStore) -> Self {
        let numbers = store.numbers;
        Self {
            dir,
            applied_index: numbers.applied,
            last_commit_ts: numbers.last_commit.map(|ts| ts.0),
            last_commit_time: numbers.last_commit.and_then(|ts| ts.millis().to_rfc3339()),
            retained_ts: numbers.retained.0,
            rows: store.rows,
            views: store.read.views(),
        }
    }
}

impl StoreDifference {
    fn new(kept: &KeptDifference) -> Self {
        let key = kept.key();
        let store_key = StoreKey::of(key);
        let (name, user_key, commit_ts) = match store_key {
            StoreKey::Row(row) => (KeyName::of_user_key(row.user_key), row.user_key, Some(row.commit_ts)),
            _ => (KeyName::of_stored(key), key, None),
        };
        let (first, second) = (kept.first.as_ref(), kept.second.as_ref());
        Self {
            kind: kept.kind,
            judged: kept.reason.judged(),
            reason: kept.reason,
            space: KeySpace::of_store_key(store_key).label(),
            key: Escaped(user_key).to_string(),
            logical: name.text(),
            part: name.part().text(),
            commit_ts: commit_ts.map(|ts| ts.0),
            commit_time: commit_ts.and_then(|ts| ts.millis().to_rfc3339()),
            entry_index: kept.entry.map(|entry| entry.index),
            entry_term: kept.entry.map(|entry| entry.term.0),
            first_as_written: kept.first_as_written,
            second_as_written: kept.second_as_written,
            first_len: first.map(|row| row.value_len),
            second_len: second.map(|row| row.value_len),
            first_value: first.and_then(value_of),
            second_value: second.and_then(value_of),
            first_says: first.and_then(|row| says(row, user_key, commit_ts)),
            second_says: second.and_then(|row| says(row, user_key, commit_ts)),
        }
    }

    fn place(&self) -> &'static str {
        match self.kind {
            DifferenceKind::OnlyFirst => "only in the first",
            DifferenceKind::OnlySecond => "only in the second",
            DifferenceKind::OtherValue => "in both, with other values",
            DifferenceKind::Sealed => "in both, in other envelopes",
        }
    }

    /// The entry in words.
    fn entry(&self) -> Option<String> {
        let mut text = format!("{} of term {}", self.entry_index?, self.entry_term?);
        for (which, as_written) in [("first", self.first_as_written), ("second", self.second_as_written)] {
            // The writing can only fail for want of memory.
            let _ = match as_written {
                Some(true) => write!(text, "; the {which} has what it wrote"),
                Some(false) => write!(text, "; the {which} has not what it wrote"),
                None => Ok(()),
            };
        }
        Some(text)
    }

    /// One row as a page.
    fn section(&self) -> Section {
        let tone = if self.judged == Judged::Diverged { Tone::Bad } else { Tone::Caution };
        let mut rows = vec![("it is", Cell::toned(self.place(), tone)), ("why", Cell::new(self.reason.words()))];
        if let Some(logical) = &self.logical {
            let part = self.part.as_ref().map_or_else(String::new, |part| format!(" {part}"));
            rows.push(("name", Cell::new(format!("{logical}{part}"))));
        }
        rows.push(("class", Cell::new(self.space)));
        if let Some(time) = &self.commit_time {
            rows.push(("committed", Cell::new(time)));
        }
        if let Some(entry) = self.entry() {
            rows.push(("entry", Cell::new(entry)));
        }
        let sides = [
            ("first", self.first_len, &self.first_value, &self.first_says),
            ("second", self.second_len, &self.second_value, &self.second_says),
        ];
        for (which, len, value, says) in sides {
            if let Some(len) = len {
                let text = says.as_ref().or(value.as_ref()).map_or("not shown", String::as_str);
                rows.push((which, Cell::new(format!("{len} bytes: {}", shortened(text, VALUE_IN_PAGE)))));
            }
        }
        Section::facts(&self.key, rows)
    }
}

fn value_of(row: &ComparedRow) -> Option<String> {
    let shown = row.shown.as_ref()?;
    let dots = if shown.len() >= SHOWN { "..." } else { "" };
    Some(format!("{}{dots}", Escaped(shown)))
}

fn says(row: &ComparedRow, user_key: &[u8], commit_ts: Option<HlcTimestamp>) -> Option<String> {
    if row.is_deletion() == Some(true) {
        return Some("deleted".to_owned());
    }
    let shown = row.shown.as_ref().filter(|shown| shown.len() < SHOWN && row.sealing != Sealing::Closed)?;
    commit_ts?;
    decode_value(user_key, shown).map(|decoded| decoded.to_string())
}

impl StoreDiffBody {
    /// From everything that was judged.
    pub fn new(sides: Vec<StoreSide>, complete: bool, same: u64, sealed_once: u64, found: &DivergenceFound) -> Self {
        let total = found.total();
        let differences: Vec<_> = found.kept.iter().map(StoreDifference::new).collect();
        let own_numbers = found.reasons.get(&Reason::OwnNumber).copied().unwrap_or(0);
        Self {
            sides,
            complete,
            identical_rows: complete && total.total() == own_numbers,
            same,
            sealed_once,
            classes: found.classes.iter().map(|(space, sums)| ClassDifference { space, sums: *sums }).collect(),
            reasons: found
                .reasons
                .iter()
                .map(|(reason, rows)| ReasonCount { reason: *reason, judged: reason.judged(), rows: *rows })
                .collect(),
            not_listed: total.total().saturating_sub(differences.len() as u64),
            differences,
        }
    }

    /// Of stores whose groups have nothing to do with each other: no row was compared.
    pub const fn of_strangers() -> Self {
        Self {
            sides: Vec::new(),
            complete: false,
            identical_rows: false,
            same: 0,
            sealed_once: 0,
            classes: Vec::new(),
            reasons: Vec::new(),
            differences: Vec::new(),
            not_listed: 0,
        }
    }

    fn total(&self) -> DifferenceSums {
        let mut total = DifferenceSums::default();
        self.classes.iter().for_each(|class| total.add(&class.sums));
        total
    }

    fn sides_section(&self) -> Vec<Section> {
        let [first, second] = self.sides.as_slice() else { return Vec::new() };
        let pair = |name: &'static str, a: Cell, b: Cell| vec![Cell::new(name), a, b];
        let rows = vec![
            pair("applied index", Cell::option(first.applied_index), Cell::option(second.applied_index)),
            pair("newest commit", Cell::option(first.last_commit_time.as_ref()), Cell::option(second.last_commit_time.as_ref())),
            pair("rows", Cell::new(first.rows), Cell::new(second.rows)),
        ];
        vec![
            Section::facts("", vec![("first", Cell::new(&first.dir)), ("second", Cell::new(&second.dir))]),
            Section::table("", &["", "first", "second"], rows),
        ]
    }
}

impl Body for StoreDiffBody {
    const NAME: &'static str = "store-diff";
    const LINES: &'static [Lines] = &[
        Lines::of("sides", "side"),
        Lines::of("classes", "class"),
        Lines::of("reasons", "reason"),
        Lines::of("differences", "difference"),
    ];

    fn headline(&self) -> String {
        let total = self.total();
        let own = self.reasons.iter().find(|count| count.reason == Reason::OwnNumber).map_or(0, |count| count.rows);
        let same = Count(self.same, "row");
        if self.sides.is_empty() {
            return "no row was compared".to_owned();
        }
        if self.identical_rows {
            return format!("the same {same} in both");
        }
        let mut text = format!("{same} the same in both as far as they were read");
        if self.complete {
            text = format!("{same} the same in both");
        }
        let parts = [
            (total.diverged, "that must not differ"),
            (total.unknown, "of which it is not known whether they may differ"),
            (total.explained, "explained by entries that only one has applied"),
            (total.expected.saturating_sub(own), "of each node's own"),
        ];
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            // The writing can only fail for want of memory.
            let _ = write!(text, ", {count} {what}");
        }
        text
    }

    fn all_clear(&self) -> &'static str {
        if self.identical_rows { "" } else { ": no divergence" }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = self.sides_section();
        if !self.classes.is_empty() {
            let rows = self.classes.iter().map(|class| {
                let sums = class.sums;
                let diverged = if sums.diverged > 0 { Cell::toned(sums.diverged, Tone::Bad) } else { Cell::new(sums.diverged) };
                let counts = [sums.only_first, sums.only_second, sums.other_value + sums.sealed];
                let judged = [sums.explained + sums.expected, sums.unknown];
                let cells = [Cell::new(class.space)].into_iter().chain(counts.map(Cell::new));
                cells.chain(judged.map(Cell::new)).chain([diverged]).collect()
            });
            let columns = ["rows of", ">only first", ">only second", ">other value", ">may be", ">unknown", ">must not"];
            sections.push(Section::table("Rows that differ", &columns, rows.collect()));
            let reasons = self.reasons.iter().map(|count| {
                let tone = match count.judged {
                    Judged::Diverged => Tone::Bad,
                    Judged::Unknown => Tone::Caution,
                    Judged::Explained | Judged::Expected => Tone::Plain,
                };
                vec![Cell::new(count.rows), Cell::toned(count.reason.words(), tone)]
            });
            sections.push(Section::table("Why", &[">rows", "reason"], reasons.collect()));
        }
        let (grave, rest): (Vec<_>, Vec<_>) =
            self.differences.iter().partition(|row| matches!(row.judged, Judged::Diverged | Judged::Unknown));
        sections.extend(grave.into_iter().map(StoreDifference::section));
        if !rest.is_empty() {
            let rows = rest.into_iter().map(|row| {
                let part = row.part.as_ref().map_or_else(String::new, |part| format!(" {part}"));
                let name = row.logical.as_ref().map_or_else(|| row.key.clone(), |name| format!("{name}{part}"));
                vec![
                    Cell::new(row.kind.name()),
                    Cell::option(row.entry_index),
                    Cell::new(name),
                    Cell::option(row.commit_time.as_ref()),
                ]
            });
            let columns = ["what", ">entry", "key", "committed"];
            sections.push(Section::table("The first that may differ", &columns, rows.collect()));
        }
        if self.not_listed > 0 {
            sections.push(Section::Note(format!("... and {} more; --limit shows more", self.not_listed)));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut rows =
            Metric::gauge("ekv_tool_store_diff_rows", "Rows of two stores that differ, by class of keys and what that is.");
        for class in &self.classes {
            let sums = class.sums;
            let judged = [
                ("diverged", sums.diverged),
                ("unknown", sums.unknown),
                ("explained", sums.explained),
                ("expected", sums.expected),
            ];
            for (judged, count) in judged {
                let labels = vec![(Label::Space, class.space.to_owned()), (Label::Judged, judged.to_owned())];
                rows = rows.sample(labels, count as f64);
            }
        }
        let mut applied = Metric::gauge("ekv_tool_store_diff_applied_index", "Applied index of each store.");
        for side in &self.sides {
            if let Some(index) = side.applied_index {
                applied = applied.sample(vec![(Label::Dir, side.dir.clone())], index.0 as f64);
            }
        }
        let same = Metric::gauge("ekv_tool_store_diff_same_rows", "Rows that both stores have alike.");
        vec![rows, applied, same.sample(Vec::new(), self.same as f64)]
    }
}
