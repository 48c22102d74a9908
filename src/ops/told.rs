//! Files of facts in a comparison, whatever engine they are of: what they leave open, in the same words.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::overtaken::{Seen, overtaken};
use crate::analysis::facts::{Document, FactsError};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::facts::{FRONT, Salt, begins};
use crate::readers::source::Run;
use crate::report::body::compare::NodeTaken;
use crate::types::{UnixMillis, beside, grant};

/// The file that tells of a node.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    /// The file.
    pub file: PathBuf,
    /// When it was begun.
    pub taken_at: UnixMillis,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// Which salt is in its sums.
    pub salt: String,
}

impl Teller {
    /// The row of a report.
    pub fn row(&self, node: &str) -> NodeTaken {
        NodeTaken {
            node: node.to_owned(),
            file: self.file.display().to_string(),
            taken_at: self.taken_at.to_rfc3339(),
            taken_at_ms: self.taken_at,
            tool_version: self.tool_version.clone(),
        }
    }
}

/// A directory that others have as well, with the file that tells of it.
pub(super) struct Named<'n> {
    /// The file.
    pub file: &'n Path,
    /// The directory as the file names it.
    pub dir: &'n str,
}

impl Named<'_> {
    /// The directory with the file in front.
    pub fn whole(&self) -> String {
        format!("{}: {}", self.file.display(), self.dir)
    }

    /// Names the file in front of a path at or below the directory.
    pub fn path(&self, text: &mut String) {
        let below = text.strip_prefix(self.dir.trim_end_matches('/'));
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            *text = format!("{}: {text}", self.file.display());
        }
    }

    /// The same wherever findings name it.
    pub fn findings(&self, findings: &mut [Finding]) {
        for finding in findings {
            finding.group.iter_mut().chain(&mut finding.path).for_each(|text| self.path(text));
        }
    }
}

/// Reads a file of facts; also tells its length.
pub(super) fn read_facts(path: &Path, coverage: &mut Coverage, run: &Run<'_>) -> Result<(Document, u64)> {
    let unsuitable = |error: FactsError| {
        let (problem, hint) = error.words();
        Error::Unsuitable { path: path.to_owned(), problem, hint }
    };
    let file = run.source.open(path)?;
    // Whatever else it is may be very large.
    begins(&file.read_at(0, FRONT)?).map_err(|broken| unsuitable(FactsError::Broken(broken)))?;
    let size = file.now()?.size;
    grant(Document::memory_of(size)).map_err(|over| unsuitable(FactsError::TooLarge(over)))?;
    let bytes = file.read_small(size)?.bytes;
    let document = Document::decode(&bytes).map_err(unsuitable)?;
    let len = bytes.len() as u64;
    coverage.add_file(len);
    coverage.also_left_out(document.left_out.iter().cloned());
    Ok((document, len))
}

/// Files of facts while they are read. One that cannot be taken is left out and named.
#[derive(Default)]
pub(super) struct Files {
    /// Bytes of memory that they take.
    pub held: u64,
    /// Why the first that cannot be taken is left out.
    pub refused: Option<Error>,
    /// Those that were read: one file has many names.
    known: HashSet<PathBuf>,
}

impl Files {
    /// Reads a file; `None` for one that was read before or cannot be taken.
    pub fn take(&mut self, path: &Path, coverage: &mut Coverage, run: &Run<'_>) -> Result<Option<(Document, Teller)>> {
        let (document, len) = match beside(self.held, || read_facts(path, coverage, run)) {
            Ok(read) => read,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                coverage.missing(path.display().to_string(), error.reason());
                self.refused.get_or_insert(error);
                return Ok(None);
            }
        };
        if run.source.real_path(path).is_some_and(|real| !self.known.insert(real)) {
            return Ok(None);
        }
        self.held = self.held.saturating_add(Document::memory_of(len));
        let teller = Teller {
            file: path.to_owned(),
            taken_at: document.taken_at_ms,
            tool_version: document.tool_version.clone(),
            salt: document.salt.clone(),
        };
        Ok(Some((document, teller)))
    }
}

/// The directories that more than one node has by name: those of several machines may.
pub(super) fn shared<'d>(dirs: impl Iterator<Item = &'d str>) -> HashSet<String> {
    let (mut once, mut shared) = (HashSet::new(), HashSet::new());
    for dir in dirs {
        if !once.insert(dir) {
            shared.insert(dir.to_owned());
        }
    }
    shared
}

/// Says of each file whose salt is not the one that counts that its sums are of no use.
pub(super) fn cover_salts<'t>(tellers: impl Iterator<Item = &'t Teller>, salt: &str, coverage: &mut Coverage) {
    let mut named = HashSet::new();
    for teller in tellers.filter(|teller| teller.salt != salt) {
        if named.insert(&teller.file) {
            another_salt(&teller.file, coverage);
        }
    }
}

/// Name of the salt that counts: that of the caller beside a directory. Among themselves files of facts only have to agree.
pub(super) fn salt_of<'t>(mut tellers: impl Iterator<Item = Option<&'t Teller>> + Clone, salt: &Salt) -> String {
    let here = tellers.clone().any(|teller| teller.is_none());
    match tellers.find_map(|teller| teller) {
        Some(first) if !here => first.salt.clone(),
        _ => salt.name(),
    }
}

/// Of each node the one that was written to after its facts were taken, and when; also says so.
pub(super) fn cover_overtaken(nodes: &[(&str, Option<&Teller>, Option<UnixMillis>)], coverage: &mut Coverage) -> Vec<bool> {
    let seen =
        || nodes.iter().map(|(_, teller, written)| Seen { taken: teller.map(|teller| teller.taken_at), written: *written });
    let mut all = Vec::new();
    for (name, teller, _) in nodes {
        let later = teller.and_then(|teller| Some((teller, overtaken(teller.taken_at, seen())?)));
        if let Some((teller, (other, written))) = later {
            moved_on(name, teller.taken_at, nodes.get(other).map_or("another node", |(name, ..)| *name), written, coverage);
        }
        all.push(later.is_some());
    }
    all
}

/// Another node was written to after the facts of one were taken.
pub(super) fn moved_on(name: &str, taken_at: UnixMillis, other: &str, written: UnixMillis, coverage: &mut Coverage) {
    let why = format!("its facts were taken then; {other} was written to until {written}");
    coverage.skipped(format!("what {name} did after {taken_at}"), why);
}

/// What is committed may be on a majority by now, or not: these files do not tell.
pub(super) fn outdated(coverage: &mut Coverage) {
    let why = "facts were taken before another node was written to; take them again closer together, or while nothing is written";
    coverage.missing("whether a majority holds what is committed", why);
}

/// The sums of a file are of no use beside the others.
pub(super) fn another_salt(file: &Path, coverage: &mut Coverage) {
    let why =
        "its sums were made with another salt; make all facts with the same --salt, and give it to compare beside directories";
    coverage.missing(format!("the contents of {}", file.display()), why);
}

/// Why entries could not be compared.
pub(super) const fn apart(other_salt: bool) -> &'static str {
    if other_salt {
        "their sums were made with different salts"
    } else {
        "facts of a long log have one sum for several entries, and these are not whole on both nodes; `ekv-tool compare` of the \
         directories compares each"
    }
}
