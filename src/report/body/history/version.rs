//! One version of a key in the report of its history.

use serde::Serialize;

use crate::analysis::history::{
    Content, EntryState, Fate, Leaders, Ledger, NoneBefore, Operation, Origin, Place, Proposer, SHOWN, Settled,
};
use crate::formats::kv::{self, DecodedValue, KeyName, KeySpace, decode_value};
use crate::report::body::store_name::shortened;
use crate::types::{Escaped, HlcTimestamp};

/// One version.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryVersion {
    /// The group that holds it, where the directories' names tell it.
    pub group_id: Option<u64>,
    /// The user key of its row, escaped.
    pub key: String,
    /// What of its name the row holds; `null` when it is all of it, or there is no name.
    pub part: Option<String>,
    /// What the key belongs to.
    pub space: &'static str,
    /// What it does to the row.
    pub operation: Operation,
    /// What kind of request writes it: `raw`, `one-phase`, `prepare`, `commit`, `abort` or `delete-prefix`; `null` without an entry.
    pub request: Option<&'static str>,
    /// What became of it.
    pub fate: Fate,
    /// More about that; `null` when there is nothing more to say.
    pub why: Option<String>,
    /// Index of the entry that writes it; `null` when it was not found: `proposer.how` says where it may be.
    pub index: Option<u64>,
    /// Its term.
    pub term: Option<u64>,
    /// Who proposed the entry.
    pub proposer: Proposer,
    /// When its transaction began; `null` outside of transactions.
    pub start_ts: Option<u64>,
    /// The same number as text.
    pub start_ts_text: Option<String>,
    /// The same as a time.
    pub start_time: Option<String>,
    /// The time in the key of the row: when it was committed, and of locks and intents when their transaction began.
    pub commit_ts: u64,
    /// The same number as text.
    pub commit_ts_text: String,
    /// The same as a time; `null` beyond the calendar.
    pub commit_time: Option<String>,
    /// What it says.
    pub value: HistoryValue,
    /// What was there before.
    pub before: HistoryBefore,
    /// The one node that has it where a server finds it, when several were read.
    pub only_on: Option<String>,
    /// True when places hold different things that should hold the same.
    pub differs: bool,
    /// Every entry that writes it.
    pub entries: Vec<HistoryEntry>,
    /// Where it lies.
    pub places: Vec<HistoryPlace>,
    /// Places that are not listed.
    pub more_places: u64,
}

/// What a version says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryValue {
    /// `live`, `tombstone`, `malformed`, or `unknown` when whether it deletes is not known.
    pub state: &'static str,
    /// When the store lets it expire; `null` for never.
    pub expire_ts: Option<u64>,
    /// The same as a time.
    pub expire_time: Option<String>,
    /// True if it is only known from an envelope of the store.
    pub sealed: bool,
    /// Whether the envelope was opened; `null` for one that is not sealed, or without keys.
    pub opened: Option<bool>,
    /// Bytes of the value; `null` when it is not known.
    pub length: Option<u64>,
    /// The value, escaped; of a long one the beginning. `null` when it is not known or not shown.
    pub text: Option<String>,
    /// The value in hex, with `--raw`; of a very long one the beginning.
    pub hex: Option<String>,
    /// What the value says; `null` where its encoding is not known, with `--raw`, or with the value itself.
    pub decoded: Option<DecodedValue>,
}

/// What a version replaced.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryBefore {
    /// `live`, `deleted`, `absent` when nothing was there, or `unknown` when older versions may be gone.
    pub state: &'static str,
    /// Commit timestamp of what was there; `null` when that is nothing.
    pub commit_ts: Option<u64>,
    /// The same number as text.
    pub commit_ts_text: Option<String>,
    /// The same as a time.
    pub commit_time: Option<String>,
    /// The value, escaped; of a long one the beginning. `null` when there was none, or it is not known or not shown.
    pub text: Option<String>,
    /// What the value said; `null` where that is not known.
    pub decoded: Option<DecodedValue>,
}

/// An entry that writes a version.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryEntry {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What became of it.
    pub state: EntryState,
    /// What it does to the row.
    pub operation: Operation,
    /// The proposer's request id.
    pub request_id: Option<u64>,
    /// The same number as text.
    pub request_id_text: Option<String>,
    /// Why the state machine turns it down on sight; `null` when it does not.
    pub refusal: Option<String>,
}

/// A place where a version lies.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryPlace {
    /// The node.
    pub node: String,
    /// What holds it.
    pub origin: Origin,
    /// The file.
    pub path: String,
    /// Offset of the record, of the block of a table, or of the row of a payload.
    pub offset: Option<u64>,
    /// Level of the table.
    pub level: Option<usize>,
    /// Index of the entry, in a log.
    pub index: Option<u64>,
}

/// What every version is shown with.
pub struct Showing<'a> {
    /// All versions, which others refer to.
    pub all: &'a [Settled],
    /// The files that they lie in.
    pub ledger: &'a Ledger,
    /// Who led each group.
    pub leaders: &'a [Leaders],
    /// Of each group, what is known of an entry that was not found.
    pub without_entry: &'a [String],
    /// Numbers of the groups.
    pub groups: &'a [Option<u64>],
    /// Names of the nodes, and the position of the group of each.
    pub nodes: &'a [(String, usize)],
    /// Values as they are stored.
    pub raw: bool,
}

impl HistoryVersion {
    /// The version at this position.
    pub fn new(at: usize, showing: &Showing<'_>) -> Option<Self> {
        let settled = showing.all.get(at)?;
        let Settled { row, version, states, fate, .. } = settled;
        let fact = settled.fact();
        let place = kv::Place::of_user_key(&row.key);
        let content = version.content();
        let start = fact.and_then(|fact| fact.start_ts);
        let entries = version.entries.iter().zip(states).map(|(entry, state)| HistoryEntry {
            index: entry.index.0,
            term: entry.term.0,
            state: *state,
            operation: entry.operation,
            request_id: entry.request_id,
            request_id_text: entry.request_id.map(|id| id.to_string()),
            refusal: entry.refusal.clone(),
        });
        let leaders = showing.leaders.get(row.group);
        let without = showing.without_entry.get(row.group).map_or("", String::as_str);
        let proposer = leaders.map_or_else(|| Proposer::unknown(String::new()), |leaders| settled.proposer(leaders, without));
        Some(Self {
            group_id: showing.groups.get(row.group).copied().flatten(),
            key: Escaped(&row.key).to_string(),
            part: place.as_ref().and_then(kv::Place::part_in_words),
            space: KeySpace::of_user_key(&row.key).label(),
            operation: settled.operation(),
            request: fact.map(|fact| fact.phase.name()),
            fate: *fate,
            why: why(settled),
            index: fact.map(|fact| fact.index.0),
            term: fact.map(|fact| fact.term.0),
            proposer,
            start_ts: start.map(|ts| ts.0),
            start_ts_text: start.map(|ts| ts.0.to_string()),
            start_time: start.and_then(|ts| ts.millis().to_rfc3339()),
            commit_ts: row.ts.0,
            commit_ts_text: row.ts.0.to_string(),
            commit_time: row.ts.millis().to_rfc3339(),
            value: HistoryValue::of(&row.key, content, showing.raw),
            before: HistoryBefore::of(settled, showing),
            only_on: only_on(settled, showing),
            differs: version.differs(),
            entries: entries.collect(),
            places: version.places.iter().map(|place| HistoryPlace::of(place, showing)).collect(),
            more_places: version.more_places,
        })
    }

    /// When it was written, with its counter.
    pub const fn time(&self) -> HlcTimestamp {
        HlcTimestamp(self.commit_ts)
    }

    /// The entry in words.
    pub fn entry(&self) -> String {
        match (self.index, self.term) {
            (Some(index), Some(term)) => format!("entry {index} of term {term}"),
            _ => "an entry that was not found".to_owned(),
        }
    }

    /// What lies where, in a few words: `log, store n1`; what all of so many nodes have stands without their names.
    pub fn holders(&self, nodes: usize) -> String {
        let mut by_origin: Vec<(&str, Vec<&str>)> = Vec::new();
        for place in &self.places {
            let word = place.origin.name();
            match by_origin.iter_mut().find(|(known, _)| *known == word) {
                Some((_, nodes)) if nodes.contains(&place.node.as_str()) => {}
                Some((_, nodes)) => nodes.push(&place.node),
                None => by_origin.push((word, vec![&place.node])),
            }
        }
        let holder = |(word, holders): &(&str, Vec<&str>)| match holders.len() {
            all if all >= nodes => (*word).to_owned(),
            _ => format!("{word} {}", holders.join(" ")),
        };
        by_origin.iter().map(holder).collect::<Vec<_>>().join(", ")
    }
}

/// More about what became of a version.
fn why(settled: &Settled) -> Option<String> {
    let fact = settled.fact();
    match settled.fate {
        Fate::Refused => fact.and_then(|fact| fact.refusal.clone()),
        Fate::WithoutEffect => Some(match fact.and_then(|fact| fact.repeats) {
            Some(earlier) => format!("the stores have applied its entry and do not hold it: it repeats the attempt of {earlier}"),
            None => "the stores have applied its entry and do not hold it: the state machine turned the request down, as for a conflict; no \
                     other row of it was looked for that would show otherwise"
                .to_owned(),
        }),
        Fate::Compacted => Some("no store that was read holds it any more".to_owned()),
        Fate::Committed => Some("no store has applied it yet; the next start does".to_owned()),
        Fate::Lost if settled.part_of.is_some() => Some("a store holds other rows of its request, and not this one".to_owned()),
        Fate::Lost if settled.version.places.iter().any(|place| place.origin == Origin::Payload) => {
            Some("a snapshot holds it, and a store that has come as far does not".to_owned())
        }
        Fate::Lost => Some("it was committed, and no start reads it any more".to_owned()),
        Fate::Unreachable => Some("no start reads it; whether it was committed is not known".to_owned()),
        Fate::Unknown => Some("what would tell is gone or was not read".to_owned()),
        Fate::Applied | Fate::Uncommitted | Fate::Replaced => None,
    }
}

/// The only node of its group that has it where a server finds it.
fn only_on(settled: &Settled, showing: &Showing<'_>) -> Option<String> {
    let of_group = showing.nodes.iter().filter(|(_, group)| *group == settled.row.group).count();
    let mut holders = settled.version.places.iter().filter(|place| !place.origin.is_aside()).map(|place| place.node);
    let first = holders.next()?;
    let alone = of_group > 1 && holders.all(|node| node == first);
    showing.nodes.get(first).filter(|_| alone).map(|(name, _)| name.clone())
}

impl HistoryValue {
    fn of(user_key: &[u8], content: Option<&Content>, raw: bool) -> Self {
        let unknown = Content::default();
        let content = content.unwrap_or(&unknown);
        let expires = content.expire_at;
        Self {
            state: match (content.malformed, content.deletes) {
                (true, _) => "malformed",
                (false, Some(true)) => "tombstone",
                (false, Some(false)) => "live",
                (false, None) => "unknown",
            },
            expire_ts: expires.map(|at| at.0),
            expire_time: expires.and_then(|at| at.millis().to_rfc3339()),
            sealed: content.sealed,
            opened: content.opened,
            length: content.length,
            text: text(content),
            hex: content.value.as_deref().filter(|_| raw).map(hex),
            decoded: if raw { None } else { decoded(user_key, content) },
        }
    }
}

fn text(content: &Content) -> Option<String> {
    let value = content.value.as_deref()?;
    let shown = value.get(..SHOWN).unwrap_or(value);
    let dots = if content.length.is_some_and(|length| length > shown.len() as u64) { "..." } else { "" };
    Some(format!("{}{dots}", Escaped(shown)))
}

fn decoded(user_key: &[u8], content: &Content) -> Option<DecodedValue> {
    let value = content.value.as_deref().filter(|_| content.whole && content.deletes == Some(false) && !content.malformed)?;
    decode_value(user_key, value)
}

fn hex(value: &[u8]) -> String {
    use std::fmt::Write as _;
    value.iter().fold(String::with_capacity(value.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl HistoryBefore {
    fn of(settled: &Settled, showing: &Showing<'_>) -> Self {
        let none = |state| Self { state, commit_ts: None, commit_ts_text: None, commit_time: None, text: None, decoded: None };
        let before = match settled.before {
            Ok(at) => showing.all.get(at),
            Err(NoneBefore::Absent) => return none("absent"),
            Err(NoneBefore::Unknown) => None,
        };
        let Some(before) = before else { return none("unknown") };
        let content = before.version.content();
        let deletes = content.and_then(|content| content.deletes);
        Self {
            state: match deletes {
                Some(true) => "deleted",
                Some(false) => "live",
                None => "unknown",
            },
            commit_ts: Some(before.row.ts.0),
            commit_ts_text: Some(before.row.ts.0.to_string()),
            commit_time: before.row.ts.millis().to_rfc3339(),
            text: content.filter(|_| deletes != Some(true)).and_then(text),
            decoded: content.filter(|_| !showing.raw).and_then(|content| decoded(&before.row.key, content)),
        }
    }

    /// In words.
    pub fn in_words(&self, width: usize) -> String {
        let at = self.commit_ts.map_or_else(String::new, |ts| format!(" since {}", HlcTimestamp(ts)));
        match self.state {
            "absent" => "nothing".to_owned(),
            "deleted" => format!("deleted{at}"),
            "live" => match shown(self.text.as_deref(), self.decoded.as_ref(), width) {
                Some(value) => format!("{value}{at}"),
                None => format!("a value that is not shown{at}"),
            },
            _ if self.commit_ts.is_some() => format!("something that is not known{at}"),
            _ => "not known: older versions may be gone".to_owned(),
        }
    }
}

/// A value in so many characters: what it says, or else itself.
pub fn shown(text: Option<&str>, decoded: Option<&DecodedValue>, width: usize) -> Option<String> {
    let text = match decoded {
        Some(decoded) => decoded.to_string(),
        None => text?.to_owned(),
    };
    Some(shortened(&text, width))
}

impl HistoryValue {
    /// In words.
    pub fn in_words(&self, width: usize) -> String {
        match (self.state, shown(self.text.as_deref(), self.decoded.as_ref(), width)) {
            ("tombstone", _) => String::new(),
            (_, Some(value)) => value,
            _ if self.sealed && self.opened != Some(true) => "sealed".to_owned(),
            (_, None) => "not known".to_owned(),
        }
    }
}

impl HistoryPlace {
    fn of(place: &Place, showing: &Showing<'_>) -> Self {
        Self {
            node: showing.nodes.get(place.node).map(|(name, _)| name.clone()).unwrap_or_default(),
            origin: place.origin,
            path: showing.ledger.files.get(place.file).cloned().unwrap_or_default(),
            offset: place.offset,
            level: place.level,
            index: place.entry.map(|(index, _)| index.0),
        }
    }
}

/// A row, and how many of its versions there are.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HistoryRow {
    /// The group that holds it, where the directories' names tell it.
    pub group_id: Option<u64>,
    /// The user key, escaped.
    pub key: String,
    /// The key in hex.
    pub key_hex: String,
    /// The name that it belongs to; `null` when there is none.
    pub logical: Option<String>,
    /// What of the name it holds; `null` when it is all of it.
    pub part: Option<String>,
    /// How many versions were found.
    pub versions: u64,
    /// How many of these are listed.
    pub listed: u64,
}

impl HistoryRow {
    /// A row without versions yet.
    pub fn new(group_id: Option<u64>, user_key: &[u8]) -> Self {
        let name = KeyName::of_user_key(user_key);
        Self {
            group_id,
            key: Escaped(user_key).to_string(),
            key_hex: hex(user_key),
            logical: name.text(),
            part: name.part().text(),
            versions: 0,
            listed: 0,
        }
    }

    /// Rank of a row among those of a name: the value itself, its parts, and what is only kept beside it.
    pub fn rank(user_key: &[u8]) -> u8 {
        match kv::Place::of_user_key(user_key) {
            None => 0,
            Some(place) if place.held.is_some() => 3,
            Some(place) if place.part_in_words().is_none() => 0,
            Some(place) if matches!(place.space.label(), "redis-fence" | "redis-ttl") => 2,
            Some(_) => 1,
        }
    }
}
