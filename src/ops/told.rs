//! Files of facts in a comparison, whatever engine they are of: what they leave open, in the same words.

use std::path::{Path, PathBuf};

use super::overtaken::{Seen, overtaken};
use crate::analysis::{Coverage, Finding};
use crate::formats::facts::Salt;
use crate::report::body::compare::NodeTaken;
use crate::types::UnixMillis;

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
