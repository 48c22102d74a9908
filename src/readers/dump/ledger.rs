//! The lines of `CHECKSUMS` against the files that are met.

use super::{DumpFacts, RootFile};
use crate::formats::dump::{CHECKSUMS, LineFault, checksum_lines};
use crate::types::{Sha256Sum, free_budget};

/// A line that the tools do not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1 on.
    pub number: usize,
    /// What it says, as far as it matters.
    pub text: String,
    /// What is wrong.
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineProblem {
    /// It is none.
    Line(LineFault),
    /// Its file is not there.
    Missing,
    /// Its file has another digest.
    Differs {
        /// What it says.
        stated: Sha256Sum,
        /// What the file has.
        computed: Sha256Sum,
    },
    /// A link is on the way to its file.
    Link,
}

/// A file with another digest than it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Its path.
    pub path: String,
    /// What its line says.
    pub stated: Sha256Sum,
    /// What it has.
    pub computed: Sha256Sum,
}

/// One line of the file.
struct Line {
    path: Box<[u8]>,
    sha256: Sha256Sum,
    number: usize,
    seen: bool,
}

/// Compares files with their lines, in whatever order both come.
#[derive(Default)]
pub(super) struct Ledger {
    /// By path.
    lines: Option<Vec<Line>>,
    /// Files that came before the lines.
    early: Vec<(Box<[u8]>, Sha256Sum)>,
    /// Bytes that those take.
    held: u64,
    /// True when some of them were let go.
    dropped: bool,
}

/// The largest `CHECKSUMS` that is held, in bytes: what is made of it takes about three times as much.
pub(super) fn most_lines() -> u64 {
    free_budget() / 4
}

impl Ledger {
    /// Takes the lines.
    pub(super) fn checksums(&mut self, text: &[u8], facts: &mut DumpFacts) {
        let mut lines = Vec::new();
        for (number, raw, line) in checksum_lines(text) {
            match line {
                Ok(line) => lines.push(Line { path: line.path.into(), sha256: line.sha256, number, seen: false }),
                Err(fault) => {
                    let text = String::from_utf8_lossy(raw.get(..raw.len().min(200)).unwrap_or_default()).into_owned();
                    let bad = BadLine { number, text, problem: LineProblem::Line(fault) };
                    first(facts, &bad);
                    facts.bad_lines.push(|| bad);
                }
            }
        }
        facts.lines = lines.len() as u64;
        lines.sort_by(|a, b| (&a.path, a.number).cmp(&(&b.path, b.number)));
        self.lines = Some(lines);
        for (path, sha256) in std::mem::take(&mut self.early) {
            self.file(&path, sha256, facts);
        }
        if self.dropped {
            facts
                .unread
                .push(|| (CHECKSUMS.to_owned(), "files before it were more than is held; --memory holds more".to_owned()));
        }
    }

    /// The lines of a path.
    fn of_path(&mut self, path: &[u8]) -> &mut [Line] {
        let Some(lines) = &mut self.lines else { return &mut [] };
        let from = lines.partition_point(|line| &*line.path < path);
        let to = from + lines.get(from..).unwrap_or_default().partition_point(|line| &*line.path == path);
        lines.get_mut(from..to).unwrap_or_default()
    }

    /// Takes a file with its digest.
    pub(super) fn file(&mut self, path: &[u8], computed: Sha256Sum, facts: &mut DumpFacts) {
        if path == CHECKSUMS.as_bytes() {
            return;
        }
        if self.lines.is_none() {
            let takes = path.len() as u64 + 64;
            if self.held.saturating_add(takes) > most_lines() {
                self.dropped = true;
            } else {
                self.held += takes;
                self.early.push((path.into(), computed));
            }
            return;
        }
        let shown = || String::from_utf8_lossy(path).into_owned();
        let lines = self.of_path(path);
        if lines.is_empty() {
            facts.unlisted.push(shown);
        }
        for line in lines {
            line.seen = true;
            if line.sha256 != computed {
                let stated = line.sha256;
                let bad = BadLine { number: line.number, text: shown(), problem: LineProblem::Differs { stated, computed } };
                first(facts, &bad);
                facts.differing.push(|| Differing { path: shown(), stated, computed });
            }
        }
    }

    /// Takes a file that cannot be compared.
    pub(super) fn unread(&mut self, path: &[u8], why: String, facts: &mut DumpFacts) {
        self.of_path(path).iter_mut().for_each(|line| line.seen = true);
        facts.unread.push(|| (String::from_utf8_lossy(path).into_owned(), why));
    }

    /// Takes a link, which no line may lead through.
    pub(super) fn link(&mut self, path: &[u8], facts: &mut DumpFacts) {
        let below = [path, b"/"].concat();
        for line in self.lines.iter_mut().flatten().filter(|line| &*line.path == path || line.path.starts_with(&below)) {
            line.seen = true;
            let text = String::from_utf8_lossy(path).into_owned();
            let bad = BadLine { number: line.number, text, problem: LineProblem::Link };
            first(facts, &bad);
            facts.bad_lines.push(|| bad);
        }
    }

    /// What no file was met for is missing. `whole`: everything was looked at.
    pub(super) fn finish(self, whole: bool, facts: &mut DumpFacts) {
        if !whole || !matches!(facts.checksums, RootFile::Bytes(_)) {
            return;
        }
        for line in self.lines.into_iter().flatten().filter(|line| !line.seen) {
            let text = String::from_utf8_lossy(&line.path).into_owned();
            first(facts, &BadLine { number: line.number, text: text.clone(), problem: LineProblem::Missing });
            facts.missing.push(|| text);
        }
    }
}

fn first(facts: &mut DumpFacts, bad: &BadLine) {
    if facts.first_bad_line.as_ref().is_none_or(|first| bad.number < first.number) {
        facts.first_bad_line = Some(bad.clone());
    }
}
