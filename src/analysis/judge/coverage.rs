//! What was looked at, and what was not.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::types::count_work;

/// The extent of an examination.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// Files read, in whole or in part.
    pub files: u64,
    /// Bytes that were read and checked.
    pub bytes_examined: u64,
    /// What was left out.
    pub not_examined: Vec<NotExamined>,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotExamined {
    /// The part of the data.
    pub what: String,
    /// The reason.
    pub why: String,
    /// True when the verdict needs it: it is then `unknown` instead of `clean`.
    pub needed: bool,
    /// Further parts of the same kind behind this one, left out for the same reason, which are only counted.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

/// Parts of one kind that are all told one by one; of more, so many that the verdict needs.
const TOLD: usize = 16;
/// Parts of one kind that are told where there are more than that and the verdict does not need them.
const FIRST: usize = 3;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(more: &u64) -> bool {
    *more == 0
}

impl NotExamined {
    /// One part.
    pub fn new(what: impl Into<String>, why: impl Into<String>, needed: bool) -> Self {
        Self { what: what.into(), why: why.into(), needed, more: 0 }
    }

    /// As many parts as this one stands for.
    pub const fn count(&self) -> u64 {
        self.more.saturating_add(1)
    }

    /// The part, with the number of those that are only counted.
    pub fn told(&self) -> Cow<'_, str> {
        match self.more {
            0 => Cow::Borrowed(&self.what),
            more => Cow::Owned(format!("{} ({more} more of this kind)", self.what)),
        }
    }

    /// What is told together: the words before the first one that names a file, a number, an address; the reason; whether it is needed.
    fn kind(&self) -> (&str, &str, bool) {
        let names = |c: char| c == '/' || c == '.' || c.is_ascii_digit();
        let word = self.what.find(names).map_or(self.what.len(), |at| self.what[..at].rfind(' ').map_or(0, |blank| blank + 1));
        (&self.what[..word], &self.why, self.needed)
    }
}

impl Coverage {
    /// Counts one file of which `bytes` were examined.
    pub const fn add_file(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes_examined = self.bytes_examined.saturating_add(bytes);
    }

    /// Something was left out that the caller did not ask for.
    pub fn skipped(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_examined.push(NotExamined::new(what, why, false));
    }

    /// Something that the verdict needs could not be examined.
    pub fn missing(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_examined.push(NotExamined::new(what, why, true));
    }

    /// What the verdict needs and was not looked at.
    pub fn needed(&self) -> impl Iterator<Item = &NotExamined> + Clone {
        self.not_examined.iter().filter(|part| part.needed)
    }

    /// How many parts that is, with those that are only counted.
    pub fn needed_count(&self) -> u64 {
        self.needed().map(NotExamined::count).fold(0, u64::saturating_add)
    }

    /// Keeps the first few parts of a kind of which there are many, in their order; the last one that is kept says how many are behind
    /// it. A store of a hundred thousand payloads leaves as many of them unread, and nobody reads as many lines.
    pub fn cap(&mut self) {
        if self.not_examined.len() <= TOLD {
            return;
        }
        let mut kinds: HashMap<(&str, &str, bool), Vec<usize>> = HashMap::new();
        for (at, part) in self.not_examined.iter().enumerate() {
            kinds.entry(part.kind()).or_default().push(at);
        }
        let many = kinds.into_iter().filter(|(_, places)| places.len() > TOLD);
        let folded: Vec<_> = many.map(|((.., needed), places)| (if needed { TOLD } else { FIRST }, places)).collect();
        let mut left_out = HashSet::new();
        for (kept, places) in folded {
            let (kept, rest) = places.split_at(kept);
            let of = |at: &usize| self.not_examined.get(*at).map_or(0, NotExamined::count);
            let more = rest.iter().map(of).fold(0, u64::saturating_add);
            if let Some(last) = kept.last().and_then(|last| self.not_examined.get_mut(*last)) {
                last.more = last.more.saturating_add(more);
            }
            left_out.extend(rest.iter().copied());
        }
        let mut at = 0..;
        self.not_examined.retain(|_| at.next().is_none_or(|at| !left_out.contains(&at)));
    }

    /// Adds what another look at the same files left out, each part once.
    pub fn also_left_out(&mut self, parts: impl IntoIterator<Item = NotExamined>) {
        let mut known: HashSet<String> = self.not_examined.iter().map(|part| part.what.clone()).collect();
        for part in parts {
            count_work(1);
            if known.insert(part.what.clone()) {
                self.not_examined.push(part);
            }
        }
    }

    /// Forgets what was left out without having been asked for, where that was never the question or is said otherwise.
    pub fn keep_needed(&mut self) {
        self.not_examined.retain(|part| part.needed);
    }

    /// Adds another examination's extent.
    pub fn absorb(&mut self, other: Self) {
        let Self { files, bytes_examined, not_examined } = other;
        self.files = self.files.saturating_add(files);
        self.bytes_examined = self.bytes_examined.saturating_add(bytes_examined);
        self.not_examined.extend(not_examined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_parts_of_one_kind_are_counted_and_few_are_told() {
        let mut coverage = Coverage::default();
        for number in 0..1000 {
            coverage.skipped(format!("payload of my store/p-{number}.fsm"), "only size, footer and header were asked for");
            if number % 50 == 0 {
                coverage.missing(format!("payload of my store/p-{number}.fsm"), "no run has read it as it is now");
            }
        }
        coverage.skipped("the flags of the server", "only size, footer and header were asked for");
        coverage.not_examined[7].more = 5;
        coverage.cap();
        let told: Vec<_> = coverage.not_examined.iter().filter(|part| !part.needed).map(NotExamined::told).collect();
        assert_eq!(
            told,
            [
                "payload of my store/p-0.fsm",
                "payload of my store/p-1.fsm",
                "payload of my store/p-2.fsm (1002 more of this kind)",
                "the flags of the server"
            ]
        );
        assert_eq!((coverage.needed_count(), coverage.needed().count()), (20, 16));
        assert_eq!(coverage.not_examined.iter().map(NotExamined::count).sum::<u64>(), 1000 + 20 + 5 + 1);
        let before = coverage.clone();
        coverage.cap();
        assert_eq!(coverage, before);
        // One that is folded takes what another one has folded.
        for _ in 0..10 {
            coverage.absorb(before.clone());
            coverage.cap();
        }
        assert_eq!(coverage.not_examined.iter().map(NotExamined::count).sum::<u64>(), 11 * 1026);
    }

    #[test]
    fn what_names_nothing_is_a_kind_of_its_own() {
        let kind = |what: &str| NotExamined::new(what, "", true).kind().0.to_owned();
        assert_eq!(kind("the store"), "the store");
        assert_eq!(kind("n1/group-1/fsm.db"), "");
        assert_eq!(kind("rows of the table 000012 in x"), "rows of the table ");
        assert_eq!(kind("payload of s3://b/p"), "payload of ");
        assert_eq!(kind("x\u{e4} \u{e4}1"), "x\u{e4} ");
        assert_eq!(kind(""), "");
    }
}
