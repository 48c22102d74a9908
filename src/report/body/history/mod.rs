//! `history`: every version of a key.

mod version;

use serde::Serialize;

pub use version::{HistoryBefore, HistoryEntry, HistoryPlace, HistoryRow, HistoryValue, HistoryVersion, Showing};

use crate::analysis::history::{Fate, KnownBy, Operation};
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::Count;

/// Every version of a key.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct HistoryBody {
    /// The key that was asked for, escaped; of a name its text.
    pub key: String,
    /// The name that was asked for, or that the key belongs to; `null` when there is none.
    pub logical: Option<String>,
    /// True when nothing has the key that was asked for: what follows are the rows that it stands for as a name of redis, or, when a
    /// name was asked for, the key that reads like it.
    pub instead: bool,
    /// How many versions were found.
    pub versions_found: u64,
    /// Groups whose directories are not copies of one group, so that nothing of them is put together and listed.
    pub groups_apart: u64,
    /// How many of these are not listed: the oldest ones.
    pub versions_left_out: u64,
    /// How many rows have versions.
    pub rows_found: u64,
    /// The copies of the groups that were read.
    pub nodes: Vec<HistoryNode>,
    /// The rows of which versions are listed.
    pub rows: Vec<HistoryRow>,
    /// The versions, row by row, each row's in the order of time.
    pub versions: Vec<HistoryVersion>,
    /// Position of the newest version that counts.
    #[serde(skip)]
    pub answer: Option<usize>,
}

/// One node's copy of a group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryNode {
    /// What it is called: as the caller says, else its raft id, and its directory where two have the same.
    pub node: String,
    /// Its group directory.
    pub dir: String,
    /// The group, where the directories' names tell it.
    pub group_id: Option<u64>,
    /// First entry of its log; `null` without one.
    pub first_index: Option<u64>,
    /// Last entry that a start reads.
    pub last_index: Option<u64>,
    /// What is committed by its log; `null` without a log.
    pub commit: Option<u64>,
    /// The last entry whose effect its store holds; `null` when it does not say.
    pub applied: Option<u64>,
    /// Versions that were older than what was visible then may be gone from its store, in the number of a commit timestamp; `null` when
    /// nothing was compacted away.
    pub min_retained_ts: Option<u64>,
    /// Data blocks of its store's tables that were read; `null` without a store.
    pub blocks_read: Option<u64>,
}

/// Characters of a value in the headline, in the answer and in tables.
const IN_HEADLINE: usize = 40;
const IN_ANSWER: usize = 256;
const IN_TABLE: usize = 36;
/// Places of the answer that are listed.
const PLACES: usize = 12;

impl HistoryBody {
    /// What was asked for, and what it stands for when it is something else.
    fn asked(&self) -> String {
        match (&self.logical, self.instead) {
            (Some(name), true) => format!("{}, as {name}", self.key),
            _ => self.key.clone(),
        }
    }

    fn answer(&self) -> Option<&HistoryVersion> {
        self.versions.get(self.answer?)
    }

    /// The newest write in full.
    fn newest(&self, version: &HistoryVersion) -> Section {
        let mut facts: Vec<(&str, Cell)> = Vec::new();
        if let (Some(name), true) = (&self.logical, self.rows.len() > 1 || self.instead) {
            let of = version.part.as_ref().map_or_else(|| name.clone(), |part| format!("{name} {part}"));
            facts.push(("row", Cell::new(format!("{} ({of})", version.key))));
        }
        facts.push(("written", Cell::new(format!("{} (commit timestamp {})", version.time(), version.commit_ts))));
        if let Some(start) = version.start_ts.filter(|start| *start != version.commit_ts) {
            let time = crate::types::HlcTimestamp(start);
            facts.push(("begun", Cell::new(format!("{time} (start timestamp {start})"))));
        }
        let request = version.request.map_or_else(String::new, |request| format!(", {request} request"));
        facts.push(("by", Cell::new(format!("{}{request}", version.entry()))));
        let tone = if version.proposer.certain { Tone::Plain } else { Tone::Caution };
        let proposer = version.proposer.node.as_deref().unwrap_or("not known");
        facts.push(("proposed by", Cell::toned(format!("{proposer}: {}", version.proposer.how), tone)));
        facts.push(("operation", Cell::new(version.operation.name())));
        if version.value.state != "tombstone" {
            facts.push(("value", Cell::new(version.value.in_words(IN_ANSWER))));
        }
        facts.push(("before", Cell::new(version.before.in_words(IN_ANSWER))));
        let state = match &version.why {
            Some(why) => format!("{}: {why}", version.fate.name()),
            None => version.fate.name().to_owned(),
        };
        facts.push(("state", Cell::toned(state, tone_of(version.fate))));
        if let Some(node) = &version.only_on {
            facts.push(("only on", Cell::toned(node, Tone::Caution)));
        }
        if version.differs {
            facts.push(("differs", Cell::toned("places that should hold the same do not", Tone::Bad)));
        }
        for place in version.places.iter().take(PLACES) {
            let at = place.offset.map_or_else(String::new, |offset| format!(" at {offset}"));
            let level = place.level.map_or_else(String::new, |level| format!(" (L{level})"));
            let aside = if place.origin.is_aside() { format!(", {}", place.origin.name()) } else { String::new() };
            facts.push(("lies in", Cell::new(format!("{}{at}{level}{aside}", place.path))));
        }
        let more = (version.places.len().saturating_sub(PLACES) as u64).saturating_add(version.more_places);
        if more > 0 {
            facts.push(("lies in", Cell::new(Count(more, "more place"))));
        }
        Section::facts("Newest write", facts)
    }

    /// The versions of one row.
    fn table(&self, row: &HistoryRow) -> Section {
        let of_row = self.versions.iter().filter(|version| version.group_id == row.group_id && version.key == row.key);
        let nodes = self.nodes.iter().filter(|node| node.group_id == row.group_id).count();
        let cells = of_row.map(|version| {
            let proposer = version
                .proposer
                .node
                .as_ref()
                .map(|node| if version.proposer.certain { node.clone() } else { format!("{node}?") });
            let mut state = version.fate.name().to_owned();
            if let Some(node) = &version.only_on {
                state = format!("{state}, only on {node}");
            }
            if version.differs {
                state.push_str(", differs");
            }
            vec![
                Cell::new(version.time()),
                Cell::new(version.operation.name()),
                Cell::option(version.index),
                Cell::option(version.term),
                Cell::option(proposer),
                Cell::new(version.value.in_words(IN_TABLE)),
                Cell::toned(state, tone_of(version.fate)),
                Cell::new(version.holders(nodes)),
            ]
        });
        let mut name = match (&row.logical, &row.part) {
            (Some(logical), Some(part)) => format!("{} ({logical} {part})", row.key),
            (Some(logical), None) => format!("{} ({logical})", row.key),
            (None, _) => row.key.clone(),
        };
        if let (Some(group), true) = (row.group_id, self.nodes.iter().any(|node| node.group_id != row.group_id)) {
            name = format!("{name} in group {group}");
        }
        let rows: Vec<_> = cells.collect();
        let left_out = row.versions.saturating_sub(row.listed);
        let title = if left_out > 0 { format!("{name}, without {}", Count(left_out, "older version")) } else { name };
        Section::table(title, &["committed", "operation", ">entry", ">term", "proposer", "value", "state", "lies in"], rows)
    }

    fn nodes(&self) -> Section {
        let rows = self.nodes.iter().map(|node| {
            let log = match (node.first_index, node.last_index) {
                (Some(first), Some(last)) => Some(format!("{first} to {last}")),
                _ => None,
            };
            vec![
                Cell::new(&node.node),
                Cell::option(node.group_id),
                Cell::option(log),
                Cell::option(node.commit),
                Cell::option(node.applied),
                Cell::new(&node.dir),
            ]
        });
        Section::table("Read", &["node", ">group", ">entries", ">commit", ">applied", "directory"], rows.collect())
    }
}

const fn tone_of(fate: Fate) -> Tone {
    match fate {
        Fate::Applied => Tone::Good,
        Fate::Compacted | Fate::Replaced | Fate::Refused | Fate::WithoutEffect => Tone::Dim,
        Fate::Committed | Fate::Uncommitted | Fate::Unreachable | Fate::Unknown => Tone::Caution,
        Fate::Lost => Tone::Bad,
    }
}

/// What was done, in the past.
const fn done(operation: Operation) -> &'static str {
    match operation {
        Operation::Put | Operation::Write => "written",
        Operation::Delete => "deleted",
        Operation::DeletePrefix => "deleted with its prefix",
        Operation::Expire => "given an expiry",
        Operation::Lock => "locked",
        Operation::Unlock => "unlocked",
        Operation::Intent => "to be written",
        Operation::Resolve => "resolved",
        Operation::CommitRecord => "committed",
        Operation::RollbackRecord => "rolled back",
    }
}

impl Body for HistoryBody {
    const NAME: &'static str = "history";
    const LINES: &'static [Lines] = &[Lines::of("nodes", "node"), Lines::of("rows", "row"), Lines::of("versions", "version")];

    fn headline(&self) -> String {
        let asked = self.asked();
        let Some(version) = self.answer() else {
            return match self.versions_found {
                0 if self.groups_apart > 0 => {
                    format!("{asked}: the directories are not of one group, and nothing was put together")
                }
                0 => format!("{asked}: no version in what was read"),
                found => format!("{asked}: {}, none of which counts", Count(found, "version")),
            };
        };
        let who = match (&version.proposer.node, version.proposer.known_by) {
            (Some(node), KnownBy::Votes) => format!("probably by {node}"),
            (Some(node), _) => format!("by {node}"),
            (None, _) => "by a node that is not known".to_owned(),
        };
        let entry = match (version.index, version.term) {
            (Some(index), Some(term)) => format!(" (entry {index}, term {term})"),
            _ => String::new(),
        };
        let what = done(version.operation);
        let before = version.before.in_words(IN_HEADLINE);
        format!("{asked}: last {what} {} {who}{entry}; before: {before}", version.time())
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.instead && !self.versions.is_empty() {
            let found = match &self.logical {
                Some(name) => format!("what follows are the rows of {name}"),
                None => "what follows are the versions of the key that reads like it".to_owned(),
            };
            sections.push(Section::Note(format!("Nothing has the key {} as it stands; {found}.", self.key)));
        }
        if let Some(version) = self.answer() {
            sections.push(self.newest(version));
        }
        sections.extend(self.rows.iter().map(|row| self.table(row)));
        let unlisted = self.rows_found.saturating_sub(self.rows.len() as u64);
        if self.versions_left_out > 0 {
            let rows = if unlisted > 0 { format!(", all those of {}", Count(unlisted, "row")) } else { String::new() };
            let left_out = Count(self.versions_left_out, "older version");
            sections.push(Section::Note(format!("... and {left_out}{rows}; --limit shows more.")));
        }
        sections.push(self.nodes());
        sections
    }
}
