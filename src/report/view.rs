//! The shape that every body offers and every renderer draws.

use std::fmt::Display;

use super::picture::Picture;
use super::stream::{Align, Cells, Column, Row};
use crate::analysis::Verdict;

/// A part of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// Begins what another command says: what follows is its body.
    Chapter {
        /// The command.
        title: String,
        /// Its verdict.
        verdict: Verdict,
        /// The line behind the verdict.
        headline: String,
    },
    /// Named values, one a line.
    Facts {
        /// Heading; empty for none.
        title: String,
        /// Name and value.
        rows: Vec<(String, Cell)>,
    },
    /// Columns with a heading each.
    Table {
        /// Heading; empty for none.
        title: String,
        /// Headings of the columns.
        columns: Vec<Heading>,
        /// Cells in column order.
        rows: Vec<Vec<Cell>>,
    },
    /// Lines that are shown as they are (hex dumps, pictures); at most 80 columns wide by themselves.
    Text {
        /// Heading; empty for none.
        title: String,
        /// The lines.
        lines: Vec<String>,
    },
    /// Something that is drawn: in text where there is nothing but text.
    Picture(Picture),
    /// A paragraph that is wrapped to the width.
    Note(String),
    /// A paragraph of which a short form is shown unless everything is asked for.
    Fold {
        /// The short form.
        brief: String,
        /// All of it.
        full: String,
    },
}

/// The heading of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// What stands above the column.
    pub name: String,
    /// Where its text stands.
    pub align: Align,
}

impl From<&str> for Heading {
    /// A leading `>` right-aligns the column.
    fn from(text: &str) -> Self {
        match text.strip_prefix('>') {
            Some(name) => Self { name: name.to_owned(), align: Align::Right },
            None => Self { name: text.to_owned(), align: Align::Left },
        }
    }
}

/// A value with a hint of how it is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its colour where there are colours; never the only carrier of meaning.
    pub tone: Tone,
}

/// How a cell is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Look here.
    Caution,
    /// Something is wrong.
    Bad,
    /// Less important than the rest.
    Dim,
}

impl Cell {
    /// A plain cell.
    pub fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), tone: Tone::Plain }
    }

    /// A cell with a tone.
    pub fn toned(text: impl Display, tone: Tone) -> Self {
        Self { text: text.to_string(), tone }
    }

    /// The value, or a dash for knowledge that is absent.
    pub fn option(value: Option<impl Display>) -> Self {
        value.map_or_else(|| Self::toned("-", Tone::Dim), Self::new)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// One thing that was judged by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it belongs to: a group, a node; empty for the whole.
    pub of: String,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub end: CaseEnd,
}

/// What became of a [`Case`]; the text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseEnd {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Failed(String),
    /// It could not be told.
    NotMade(String),
    /// There is nothing to ask.
    NotApplicable(String),
}

impl CaseEnd {
    /// The end that a verdict stands for.
    pub fn of(verdict: Verdict, why: impl FnOnce() -> String) -> Self {
        match verdict {
            Verdict::Clean => Self::Passed,
            Verdict::Damaged => Self::Failed(why()),
            Verdict::Unknown => Self::NotMade(why()),
        }
    }
}

/// One Prometheus series family.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Full name, `ekv_tool_...`.
    pub name: &'static str,
    /// Help text, one line.
    pub help: &'static str,
    /// Gauge or counter.
    pub kind: MetricKind,
    /// Label pairs and value of each sample.
    pub samples: Vec<(Vec<(Label, String)>, f64)>,
}

/// The name of a label. Each means the same in every series, and what the field of that name means in JSON; `docs/metrics.md` lists
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Whether the server version of the forecast is the assumed one: `yes` or `no`.
    Assumed,
    /// The Raft library of the directory: `etcd-raft` or `hashicorp-raft`.
    Backend,
    /// The class of an entry of the log.
    Class,
    /// The code of a finding.
    Code,
    /// The command that was run.
    Command,
    /// The directory that the sample is about: of a group, a node, a store.
    Dir,
    /// The server version of a forecast.
    Engine,
    /// The number of the group.
    GroupId,
    /// How rows that differ are judged.
    Judged,
    /// A level of the store.
    Level,
    /// How something ends: a start, a publish, a restore.
    Outcome,
    /// The table, bucket or queue that space belongs to.
    Owner,
    /// The file, or the folder of a log, that the sample is about.
    Path,
    /// The prefix of the keys in an object store.
    Prefix,
    /// The program of a plan: `publish` or `restore`.
    Program,
    /// The name of a node.
    RaftId,
    /// The part of a node in its group: voter, learner and so on.
    Role,
    /// The severity of findings.
    Severity,
    /// The share of a store's payloads that a run took, `3/50`.
    Shard,
    /// The class of keys that rows belong to.
    Space,
    /// What became of a check, or the state of rows.
    State,
    /// What was asked about: the paths as they were given, with a blank between them.
    Target,
    /// A verdict.
    Verdict,
}

impl Label {
    /// Every label, in the order of the names.
    pub const ALL: [Self; 23] = [
        Self::Assumed,
        Self::Backend,
        Self::Class,
        Self::Code,
        Self::Command,
        Self::Dir,
        Self::Engine,
        Self::GroupId,
        Self::Judged,
        Self::Level,
        Self::Outcome,
        Self::Owner,
        Self::Path,
        Self::Prefix,
        Self::Program,
        Self::RaftId,
        Self::Role,
        Self::Severity,
        Self::Shard,
        Self::Space,
        Self::State,
        Self::Target,
        Self::Verdict,
    ];

    /// The name as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Backend => "backend",
            Self::Class => "class",
            Self::Code => "code",
            Self::Command => "command",
            Self::Dir => "dir",
            Self::Engine => "engine",
            Self::GroupId => "group_id",
            Self::Judged => "judged",
            Self::Level => "level",
            Self::Outcome => "outcome",
            Self::Owner => "owner",
            Self::Path => "path",
            Self::Prefix => "prefix",
            Self::Program => "program",
            Self::RaftId => "raft_id",
            Self::Role => "role",
            Self::Severity => "severity",
            Self::Shard => "shard",
            Self::Space => "space",
            Self::State => "state",
            Self::Target => "target",
            Self::Verdict => "verdict",
        }
    }
}

/// Prometheus metric type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A count.
    Counter,
}

impl Metric {
    /// A gauge without samples yet.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricKind::Gauge, samples: Vec::new() }
    }

    /// Adds a sample.
    #[must_use]
    pub fn sample(mut self, labels: Vec<(Label, String)>, value: f64) -> Self {
        self.samples.push((labels, value));
        self
    }
}

impl Section {
    /// Named values.
    pub fn facts(title: impl Into<String>, rows: Vec<(impl Into<String>, Cell)>) -> Self {
        Self::Facts { title: title.into(), rows: rows.into_iter().map(|(name, cell)| (name.into(), cell)).collect() }
    }

    /// A table; a leading `>` in a column heading right-aligns the column.
    pub fn table(title: impl Into<String>, columns: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Self::Table { title: title.into(), columns: columns.iter().map(|&name| name.into()).collect(), rows }
    }

    /// A table of typed rows.
    pub fn rows<'r, R: Row + 'r>(title: impl Into<String>, rows: impl IntoIterator<Item = &'r R>) -> Self {
        let heading = |column: &Column| Heading { name: column.name.to_owned(), align: column.align };
        let mut cells = Cells::default();
        let row = |row: &R| {
            cells.clear();
            row.cells(&mut cells);
            let tone = cells.tone();
            cells.iter().map(|text| Cell::toned(text, tone)).collect()
        };
        Self::Table {
            title: title.into(),
            columns: R::COLUMNS.iter().map(heading).collect(),
            rows: rows.into_iter().map(row).collect(),
        }
    }

    /// Lines as they are.
    pub fn text(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self::Text { title: title.into(), lines }
    }
}
