//! What became of the faults, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::answer::Command;
use super::harmless::Class;
use super::kind::Kind;

/// What became of a fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// These commands say damaged or unknown, or cannot do their work.
    Found(BTreeSet<Command>),
    /// All say clean, and the forecast of a start is another one.
    Forecast,
    /// All say clean, for a reason.
    Classed(Class),
    /// All say clean, and no rule explains it.
    Missed,
}

/// Counts by kind of file, kind of fault, and fate.
#[derive(Default)]
pub struct Table {
    counts: BTreeMap<(Kind, &'static str), BTreeMap<Fate, u64>>,
    pub missed: Vec<String>,
}

impl Table {
    pub fn add(&mut self, kind: Kind, fault: &'static str, fate: Fate) {
        *self.counts.entry((kind, fault)).or_default().entry(fate).or_default() += 1;
    }

    pub fn absorb(&mut self, other: Self) {
        for ((kind, fault), fates) in other.counts {
            for (fate, count) in fates {
                *self.counts.entry((kind, fault)).or_default().entry(fate).or_default() += count;
            }
        }
        self.missed.extend(other.missed);
    }

    fn sum(fates: &BTreeMap<Fate, u64>, of: impl Fn(&Fate) -> bool) -> u64 {
        fates.iter().filter(|(fate, _)| of(fate)).map(|(_, count)| count).sum()
    }

    /// All faults, and those of them for which `of` holds.
    pub fn total(&self, of: impl Fn(&Fate) -> bool + Copy) -> u64 {
        self.counts.values().map(|fates| Self::sum(fates, of)).sum()
    }

    pub fn markdown(&self) -> String {
        let names = Command::ALL.map(|command| format!("`{}`", command.name())).join(" | ");
        let mut text = format!("| file | fault | all | found | {names} | forecast differs | harmless | cannot be told |\n");
        text.push_str("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for ((kind, fault), fates) in &self.counts {
            let by = Command::ALL.map(|command| {
                let count = Self::sum(fates, |fate| matches!(fate, Fate::Found(found) if found.contains(&command)));
                if command.reads(*kind) { count.to_string() } else { "-".to_owned() }
            });
            let _ = writeln!(
                text,
                "| {} | {fault} | {} | {} | {} | {} | {} | {} |",
                kind.label(),
                Self::sum(fates, |_| true),
                Self::sum(fates, |fate| matches!(fate, Fate::Found(_))),
                by.join(" | "),
                Self::sum(fates, |fate| *fate == Fate::Forecast),
                Self::sum(fates, |fate| matches!(fate, Fate::Classed(Class::Harmless(_)))),
                Self::sum(fates, |fate| matches!(fate, Fate::Classed(Class::Undecidable(_)))),
            );
        }
        let mut classes: BTreeMap<Class, BTreeMap<(Kind, &'static str), u64>> = BTreeMap::new();
        for (row, fates) in &self.counts {
            for (fate, count) in fates {
                if let Fate::Classed(class) = fate {
                    *classes.entry(*class).or_default().entry(*row).or_default() += count;
                }
            }
        }
        for (title, harmless) in [("Harmless", true), ("Cannot be told", false)] {
            let _ = write!(text, "\n| {title}, because | faults | where |\n|---|---:|---|\n");
            for (class, rows) in &classes {
                let (reason, of_title) = match class {
                    Class::Harmless(reason) => (reason, harmless),
                    Class::Undecidable(reason) => (reason, !harmless),
                };
                if of_title {
                    let places: Vec<_> =
                        rows.iter().map(|((kind, fault), count)| format!("{} {fault} {count}", kind.label())).collect();
                    let _ = writeln!(text, "| {reason} | {} | {} |", rows.values().sum::<u64>(), places.join(", "));
                }
            }
        }
        text
    }
}
