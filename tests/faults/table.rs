//! What became of the faults, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::harmless::Class;

/// What became of a fault, where the commands `C` were asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate<C> {
    /// These commands say damaged or unknown, or cannot do their work.
    Found(BTreeSet<C>),
    /// All say clean, and the forecast of a start is another one.
    Forecast,
    /// All say clean, for a reason.
    Classed(Class),
    /// All say clean, and no rule explains it.
    Missed,
}

/// Counts by file `F`, kind of fault, and fate.
pub struct Table<F, C> {
    counts: BTreeMap<(F, &'static str), BTreeMap<Fate<C>, u64>>,
    pub missed: Vec<String>,
}

impl<F, C> Default for Table<F, C> {
    fn default() -> Self {
        Self { counts: BTreeMap::new(), missed: Vec::new() }
    }
}

impl<F: Copy + Ord, C: Copy + Ord> Table<F, C> {
    pub fn add(&mut self, file: F, fault: &'static str, fate: Fate<C>) {
        *self.counts.entry((file, fault)).or_default().entry(fate).or_default() += 1;
    }

    pub fn absorb(&mut self, other: Self) {
        for (row, fates) in other.counts {
            for (fate, count) in fates {
                *self.counts.entry(row).or_default().entry(fate).or_default() += count;
            }
        }
        self.missed.extend(other.missed);
    }

    fn sum(fates: &BTreeMap<Fate<C>, u64>, of: impl Fn(&Fate<C>) -> bool) -> u64 {
        fates.iter().filter(|(fate, _)| of(fate)).map(|(_, count)| count).sum()
    }

    /// All faults, and those of them for which `of` holds.
    pub fn total(&self, of: impl Fn(&Fate<C>) -> bool + Copy) -> u64 {
        self.counts.values().map(|fates| Self::sum(fates, of)).sum()
    }

    /// Faults that a command finds.
    pub fn found(&self) -> u64 {
        self.total(|fate| matches!(fate, Fate::Found(_)))
    }

    /// Prints the whole table.
    pub fn print(
        &self,
        commands: &[C],
        name: impl Fn(C) -> &'static str,
        label: impl Fn(F) -> &'static str,
        reads: impl Fn(C, F) -> bool,
    ) {
        let table = self.markdown(commands, name, label, reads);
        eprintln!("{} faults, {} found.\n\n{table}", self.total(|_| true), self.found());
    }

    /// Fails with every fault that no rule explains.
    pub fn assert_none_missed(&mut self) {
        self.missed.sort();
        let shown = self.missed.len().min(500);
        assert!(self.missed.is_empty(), "{} missed:\n{}", self.missed.len(), self.missed[..shown].join("\n"));
    }

    fn markdown(
        &self,
        commands: &[C],
        name: impl Fn(C) -> &'static str,
        label: impl Fn(F) -> &'static str,
        reads: impl Fn(C, F) -> bool,
    ) -> String {
        let names: Vec<_> = commands.iter().map(|command| format!("`{}`", name(*command))).collect();
        let names = names.join(" | ");
        let mut text = format!("| file | fault | all | found | {names} | forecast differs | harmless | cannot be told |\n");
        let _ = writeln!(text, "|---|---|{}", "---:|".repeat(commands.len() + 5));
        for ((file, fault), fates) in &self.counts {
            let by = commands.iter().map(|command| {
                let count = Self::sum(fates, |fate| matches!(fate, Fate::Found(found) if found.contains(command)));
                if reads(*command, *file) { count.to_string() } else { "-".to_owned() }
            });
            let _ = writeln!(
                text,
                "| {} | {fault} | {} | {} | {} | {} | {} | {} |",
                label(*file),
                Self::sum(fates, |_| true),
                Self::sum(fates, |fate| matches!(fate, Fate::Found(_))),
                by.collect::<Vec<_>>().join(" | "),
                Self::sum(fates, |fate| *fate == Fate::Forecast),
                Self::sum(fates, |fate| matches!(fate, Fate::Classed(Class::Harmless(_)))),
                Self::sum(fates, |fate| matches!(fate, Fate::Classed(Class::Undecidable(_)))),
            );
        }
        let mut classes: BTreeMap<Class, BTreeMap<(F, &'static str), u64>> = BTreeMap::new();
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
                        rows.iter().map(|((file, fault), count)| format!("{} {fault} {count}", label(*file))).collect();
                    let _ = writeln!(text, "| {reason} | {} | {} |", rows.values().sum::<u64>(), places.join(", "));
                }
            }
        }
        text
    }
}
