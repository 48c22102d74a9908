//! Pictures as data: what is drawn, with the numbers of the body that JSON has. How is for `render::picture`, once in text and once
//! for a page.

/// A part of a body that is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// A log from its first to its last index.
    Log(LogPicture),
    /// Logs beside each other, a line each.
    Lanes(LanesPicture),
    /// The levels of a store over its keys.
    Levels(LevelsPicture),
    /// Who uses the space.
    Space(SpacePicture),
    /// A start, decision by decision.
    Path(PathPicture),
}

/// The log as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPicture {
    /// Whose log it is.
    pub of: String,
    /// What covers ranges of it, in the order of the lines.
    pub tracks: Vec<Track>,
    /// What stands at single indexes.
    pub points: Vec<Points>,
}

/// Ranges of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// What they are.
    pub kind: TrackKind,
    /// The ranges, in order.
    pub spans: Vec<Span>,
}

/// What covers ranges of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// Segments with the entries of them that stand.
    Segments,
    /// Entries of a term.
    Terms,
    /// Indexes that no entry has and no snapshot explains.
    Holes,
}

/// A range of indexes, both ends in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name: of a segment, a term.
    pub label: String,
    /// First index.
    pub first: u64,
    /// Last index.
    pub last: u64,
}

/// Indexes of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// What stands there.
    pub mark: Mark,
    /// Where, in order.
    pub at: Vec<u64>,
}

/// What stands at an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A snapshot.
    Snapshot,
    /// What the store has applied.
    Applied,
    /// What the store must have applied for a restore to be skipped.
    Threshold,
    /// What the last hard state says is committed.
    Commit,
    /// The last entry.
    Last,
}

/// Logs beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanesPicture {
    /// What the lanes are: groups, nodes.
    pub of: String,
    /// True when all lanes have one scale, since they are copies of one log.
    pub one_scale: bool,
    /// The lanes.
    pub lanes: Vec<Lane>,
}

/// One log of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Whose log it is.
    pub name: String,
    /// First entry that a start takes, when it is known; else that behind the snapshot.
    pub first: Option<u64>,
    /// Last entry.
    pub last: Option<u64>,
    /// What stands at single indexes, `Last` left out.
    pub marks: Vec<(Mark, u64)>,
    /// Entries that no other lane has.
    pub only_here: Option<(u64, u64)>,
}

/// The levels of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelsPicture {
    /// The store.
    pub of: String,
    /// How many different keys begin or end a table: positions are ranks among them.
    pub edges: usize,
    /// Levels that have tables.
    pub levels: Vec<LevelLane>,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelLane {
    /// 0 to 6.
    pub level: usize,
    /// Bytes of its tables.
    pub bytes: u64,
    /// Its tables.
    pub tables: Vec<TableSpan>,
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpan {
    /// Its number.
    pub number: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rank of its first key.
    pub from: usize,
    /// Rank of its last key.
    pub to: usize,
}

/// Who uses the space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacePicture {
    /// The store or snapshot.
    pub of: String,
    /// Bytes of all classes.
    pub total: u64,
    /// The classes, largest first.
    pub bars: Vec<Bar>,
}

/// What one class uses, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The class of keys.
    pub name: String,
    /// Rows that live.
    pub live: u64,
    /// Versions that a newer one has replaced.
    pub old: u64,
    /// Deleted and expired rows.
    pub dead: u64,
    /// Sealed rows, and those that cannot be read.
    pub closed: u64,
}

/// A start, decision by decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPicture {
    /// Whose start it is.
    pub of: String,
    /// The decisions, in the order in which they are made.
    pub steps: Vec<Step>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is decided.
    pub name: &'static str,
    /// How, with its numbers.
    pub said: String,
    /// How it goes on.
    pub turn: Turn,
}

/// How a path goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// To the next step.
    On,
    /// To the next step, the long way or with a loss.
    Detour,
    /// Not at all.
    End,
}

impl Bar {
    /// All bytes of the class.
    pub const fn total(&self) -> u64 {
        self.live.saturating_add(self.old).saturating_add(self.dead).saturating_add(self.closed)
    }

    /// What there is, in the order in which it is drawn: its name, the character of the drawing in text, and bytes.
    pub const fn parts(&self) -> [(&'static str, char, u64); 4] {
        [("live", '#', self.live), ("old", '=', self.old), ("dead", '-', self.dead), ("closed", '?', self.closed)]
    }
}

impl Mark {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Applied => "applied",
            Self::Threshold => "threshold",
            Self::Commit => "commit",
            Self::Last => "last",
        }
    }

    /// The letter for it.
    pub const fn letter(self) -> char {
        match self {
            Self::Snapshot => 'S',
            Self::Applied => 'A',
            Self::Threshold => 'T',
            Self::Commit => 'C',
            Self::Last => 'L',
        }
    }
}

impl TrackKind {
    /// The word for several of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Terms => "terms",
            Self::Holes => "holes",
        }
    }

    /// The word for one of it.
    pub const fn one(self) -> &'static str {
        match self {
            Self::Segments => "segment",
            Self::Terms => "term",
            Self::Holes => "hole",
        }
    }
}
