//! Where the copies of a group are: in directories, or in files of facts.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use crate::analysis::facts::{Document, Engine};
use crate::analysis::judge::facts::GroupFacts;
use crate::analysis::judge::{nodes, unread};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::ops::told::{Named, read_facts};
use crate::readers::source::Run;
use crate::readers::{EntryKind, GroupDir, Unplaced, discover_all};
use crate::types::{UnixMillis, beside};

/// One copy of a group.
pub(super) enum Place {
    /// In a directory.
    Dir(GroupDir),
    /// In a file of facts.
    Facts(Box<TakenGroup>),
}

/// One copy of a group, as a file of facts tells it.
#[derive(Debug, Clone)]
pub struct TakenGroup {
    /// The file.
    pub file: PathBuf,
    /// When it was begun.
    pub taken_at: UnixMillis,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// Which salt is in its sums.
    pub salt: String,
    /// Large payloads and the rows of the store were left out.
    pub is_fast: bool,
    /// What it says.
    pub facts: GroupFacts,
    /// Bytes of memory that it takes from the budget.
    pub memory: u64,
}

/// Something that is a copy of a group.
pub(in crate::ops) trait Copied {
    /// The group's number, where it is known.
    fn group_id(&self) -> Option<u64>;
    /// Raft id of the node.
    fn raft_id(&self) -> &str;
    /// Where it is.
    fn path(&self) -> &Path;
}

impl Copied for GroupDir {
    fn group_id(&self) -> Option<u64> {
        self.group_id
    }

    fn raft_id(&self) -> &str {
        &self.raft_id
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Copied for TakenGroup {
    fn group_id(&self) -> Option<u64> {
        self.facts.group_id
    }

    fn raft_id(&self) -> &str {
        &self.facts.node.raft_id
    }

    fn path(&self) -> &Path {
        Path::new(&self.facts.node.dir)
    }
}

impl Copied for Place {
    fn group_id(&self) -> Option<u64> {
        match self {
            Self::Dir(dir) => dir.group_id,
            Self::Facts(taken) => taken.facts.group_id,
        }
    }

    fn raft_id(&self) -> &str {
        match self {
            Self::Dir(dir) => &dir.raft_id,
            Self::Facts(taken) => &taken.facts.node.raft_id,
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Dir(dir) => &dir.path,
            Self::Facts(taken) => Path::new(&taken.facts.node.dir),
        }
    }
}

impl Place {
    fn display(&self) -> String {
        self.path().display().to_string()
    }
}

/// The copies by group, or why they are not of one.
pub(super) enum Matched {
    Groups(BTreeMap<Option<u64>, Vec<Place>>),
    Mismatch(Box<Finding>),
}

/// What stands at or below all of the paths.
#[derive(Default)]
struct Located {
    places: Vec<Place>,
    unplaced: Vec<Unplaced>,
    /// Of several paths: each of them leads to exactly one group.
    one_each: bool,
    /// Bytes of memory that files of facts take.
    held: u64,
    /// Why a file is none of facts.
    refused: Option<Error>,
}

/// Which copies are of the same group, by the names of the directories.
pub(super) fn match_groups(
    paths: &[PathBuf],
    names: &[(PathBuf, String)],
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<Matched> {
    let Located { mut places, unplaced, one_each, refused, .. } = locate(paths, names, coverage, run)?;
    unread::cover_unplaced(&unplaced, coverage);
    if let (Some(error), true) = (refused, places.len() < 2) {
        // It says what to do.
        return Err(error);
    }
    if places.len() < 2 {
        let alone = "one directory has nothing to be compared with; name several nodes' directories";
        let left_out = unplaced.iter().find(|unplaced| unplaced.needed);
        let why = left_out.map_or_else(String::new, |one| format!(" ({}: {})", one.path.display(), one.why));
        return Err(Error::Usage(format!("{alone}{why}")));
    }
    tell_apart(&mut places);
    if one_each {
        // Whoever names single groups wants just these compared, whatever the layout of each node.
        let numbers: Vec<_> = places.iter().filter_map(|place| Some((place.display(), place.group_id()?))).collect();
        if let Some(finding) = nodes::numbers_differ(&numbers) {
            return Ok(Matched::Mismatch(Box::new(finding)));
        }
        let number = numbers.first().map(|(_, number)| *number);
        return Ok(Matched::Groups(BTreeMap::from([(number, places)])));
    }
    Ok(Matched::Groups(by_group(places)))
}

/// The copies at or below the paths, each once. One that holds nothing is left out with the reason; if none of them holds anything, the
/// first reason is the error.
fn locate(paths: &[PathBuf], names: &[(PathBuf, String)], coverage: &mut Coverage, run: &Run<'_>) -> Result<Located> {
    let mut all = Located { one_each: paths.len() > 1, ..Located::default() };
    let (mut known, mut files, mut failure) = (HashSet::new(), HashSet::new(), None);
    for path in paths {
        let found = if is_file(path, run) {
            beside(all.held, || read_facts(path, coverage, run)).map(|(document, len)| {
                let groups = document.groups.len();
                // One file has many names. A copy of it stands for another node, and is judged as a copied directory is.
                if run.source.real_path(path).is_none_or(|real| files.insert(real)) {
                    all.held = all.held.saturating_add(Document::memory_of(len));
                    all.places.extend(taken(path, document, len));
                }
                groups
            })
        } else {
            discover_all(path, &*run.source).map(|found| {
                let groups = found.groups.len();
                // One directory has many names: `demo` and `demo/n1/group-1` lead to the same group.
                let new = found
                    .groups
                    .into_iter()
                    .filter(|group| run.source.directory_id(&group.path).is_none_or(|id| known.insert(id)));
                let name = names.iter().find(|(named, _)| named == path).map(|(_, name)| name);
                all.places.extend(new.map(|mut dir| {
                    if let Some(name) = name {
                        dir.raft_id.clone_from(name);
                    }
                    Place::Dir(dir)
                }));
                all.unplaced.extend(found.unplaced);
                groups
            })
        };
        match found {
            Ok(groups) => all.one_each &= groups == 1,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                all.one_each = false;
                all.unplaced.push(Unplaced { path: path.clone(), why: error.reason(), needed: true });
                failure = failure.or(Some(error));
            }
        }
    }
    match failure {
        Some(error) if all.places.is_empty() => Err(error),
        failure => Ok(Located { refused: failure.filter(|error| matches!(error, Error::Unsuitable { .. })), ..all }),
    }
}

/// True for what may be a file of facts.
pub fn is_file(path: &Path, run: &Run<'_>) -> bool {
    run.source.kind_at(path) == Some(EntryKind::File)
}

/// Whose nodes a file of facts tells; `None` for one that cannot be read.
pub fn engine_told(path: &Path, run: &Run<'_>) -> Option<Engine> {
    read_facts(path, &mut Coverage::default(), run).ok().map(|(document, _)| document.engine())
}

fn taken(path: &Path, document: Document, len: u64) -> impl Iterator<Item = Place> + '_ {
    let Document { tool_version, taken_at_ms, fast, salt, groups, .. } = document;
    // The first of them stands for the whole file.
    let memory = std::iter::once(Document::memory_of(len)).chain(std::iter::repeat(0));
    groups.into_iter().zip(memory).map(move |(facts, memory)| {
        Place::Facts(Box::new(TakenGroup {
            file: path.to_owned(),
            taken_at: taken_at_ms,
            tool_version: tool_version.clone(),
            salt: salt.clone(),
            is_fast: fast,
            facts,
            memory,
        }))
    })
}

/// Directories of several machines may have one name: then the file is named as well.
fn tell_apart(places: &mut [Place]) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for place in &*places {
        *names.entry(place.display()).or_default() += 1;
    }
    for place in places {
        let shared = names.get(&place.display()).is_some_and(|count| *count > 1);
        if let (Place::Facts(taken), true) = (place, shared) {
            taken.name_file();
        }
    }
}

impl TakenGroup {
    /// Names the file in front of the directory, which others have as well, wherever the facts name it.
    pub(super) fn name_file(&mut self) {
        let facts = &mut self.facts;
        let named = Named { file: &self.file, dir: &facts.node.dir.clone() };
        named.findings(&mut facts.findings);
        named.findings(&mut facts.encryption_findings);
        facts.not_examined.iter_mut().chain(&mut facts.store.not_examined).for_each(|part| named.path(&mut part.what));
        facts.node.dir = named.whole();
    }
}

/// The copies of each group, by the numbers in the names of the directories.
pub(in crate::ops) fn by_group<C: Copied>(copies: Vec<C>) -> BTreeMap<Option<u64>, Vec<C>> {
    let mut groups: BTreeMap<Option<u64>, Vec<C>> = BTreeMap::new();
    for copy in copies {
        groups.entry(copy.group_id()).or_default().push(copy);
    }
    // A node with a single data group keeps it in its own directory; another one may keep the same group as number 1.
    if let (Some(unnumbered), Some(first)) = (groups.get(&None), groups.get(&Some(1)))
        && unnumbered.iter().all(|copy| first.iter().all(|other| other.raft_id() != copy.raft_id()))
        && let Some(unnumbered) = groups.remove(&None)
        && let Some(first) = groups.get_mut(&Some(1))
    {
        first.extend(unnumbered);
        first.sort_by(|a, b| a.path().cmp(b.path()));
    }
    groups
}
