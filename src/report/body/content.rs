//! Whose content was read, and what a ledger vouches for.

use serde::Serialize;

use crate::readers::content::{Amount, ContentRead};
use crate::report::{Cell, Section, Tone};
use crate::types::{ByteSize, Count, age};

/// What was made of `--ledger`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LedgerUse {
    /// The file, as it was named.
    pub path: String,
    /// How long ago a payload may have been read to be believed; `null`: nothing is believed.
    pub max_age_ms: Option<u64>,
    /// Entries that are young enough, of whatever directories.
    pub believed: u64,
    /// Entries that are too old.
    pub too_old: u64,
    /// Entries of readings later than now, as a clock that was set back leaves them.
    pub in_the_future: u64,
    /// Entries of other versions of this program.
    pub other_tool: u64,
    /// Why the file is not believed at all, where it is not; it is then written anew.
    pub ignored: Option<String>,
    /// Payloads that were entered in this run.
    pub entered: u64,
    /// Why they could not be written, where they could not.
    pub not_written: Option<String>,
}

fn amount(amount: Amount) -> String {
    format!("{}, {}", Count(amount.files, "file"), ByteSize(amount.bytes))
}

/// The lines about both.
pub(super) fn sections(content: Option<&ContentRead>, ledger: Option<&LedgerUse>) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(content) = content {
        let mut rows = vec![("read now".to_owned(), Cell::new(amount(content.read)))];
        let mut add = |name: &str, of: Amount, tone| {
            if of.files > 0 {
                rows.push((name.to_owned(), Cell::toned(amount(of), tone)));
            }
        };
        add("from the ledger", content.from_ledger, Tone::Caution);
        add("out of time", content.out_of_time, Tone::Caution);
        if let Some(sample) = content.sample {
            add("other parts", content.other_sample, Tone::Caution);
            rows.push((
                "sample".to_owned(),
                Cell::new(format_args!("part {} of {}, seed {}", sample.part, sample.parts, sample.seed)),
            ));
        }
        sections.push(Section::facts("Content", rows));
    }
    if let Some(ledger) = ledger {
        sections.push(Section::facts("Ledger", lines(ledger)));
    }
    sections
}

fn lines(ledger: &LedgerUse) -> Vec<(String, Cell)> {
    let mut rows = vec![("file", Cell::new(&ledger.path))];
    match (ledger.max_age_ms, &ledger.ignored) {
        (_, Some(why)) => rows.push(("believed", Cell::toned(format_args!("nothing: {why}"), Tone::Caution))),
        (None, None) => rows.push(("believed", Cell::new("nothing: --max-age was not given"))),
        (Some(max), None) => {
            rows.push(("believed", Cell::new(format_args!("{} of the last {}", Count(ledger.believed, "entry"), age(max)))));
        }
    }
    let passed = [
        (ledger.too_old, "too old"),
        (ledger.in_the_future, "read later than now: the clock was set back"),
        (ledger.other_tool, "of another version of this program"),
    ];
    rows.extend(
        passed
            .iter()
            .filter(|(count, _)| *count > 0 && ledger.max_age_ms.is_some())
            .map(|(count, why)| ("passed over", Cell::new(format_args!("{}: {why}", Count(*count, "entry"))))),
    );
    rows.push(match &ledger.not_written {
        Some(why) => ("entered", Cell::toned(format_args!("nothing: {why}"), Tone::Caution)),
        None => ("entered", Cell::new(Count(ledger.entered, "payload"))),
    });
    rows.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}
