//! `store meta`: what a store says about itself.

use serde::Serialize;

use crate::analysis::server::store::{StoreOpen, StoreVerdict};
use crate::formats::mvcc::MetaKey;
use crate::formats::pebble::RecordsEnd;
use crate::readers::pebble::{FormatMarker, KeyState, LogFacts, MetaFact, Source, StoreFacts, Writer};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count, Escaped, HlcTimestamp, ServerVersion, UnixMillis};

/// The stores that were asked.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreMetaBody {
    /// One store each, in the order of their paths.
    pub stores: Vec<StoreMeta>,
}

/// One store.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreMeta {
    /// The directory as the caller named it.
    pub dir: String,
    /// True if a server has it open; `null` if the system would not say.
    pub in_use: Option<bool>,
    /// Format major version, from its marker.
    pub format_major_version: Option<u64>,
    /// The current MANIFEST.
    pub manifest: Option<String>,
    /// Table files of the version.
    pub tables: u64,
    /// Their bytes.
    pub table_bytes: u64,
    /// Last sequence number that a start accounts for.
    pub last_sequence: u64,
    /// Logs that a start replays, oldest first.
    pub logs: Vec<LogView>,
    /// The server's own keys.
    pub keys: Vec<MetaView>,
    /// What opening it would do, at either server.
    pub open: Vec<OpenView>,
}

/// A log that a start replays.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LogView {
    /// Its name.
    pub file: String,
    /// Bytes of the file; a recycled one is longer than its log.
    pub size: u64,
    /// Batches replayed.
    pub batches: u64,
    /// Records replayed.
    pub records: u64,
    /// Offset of its end.
    pub end: u64,
    /// `clean`, `unclean` or `corrupt`.
    pub end_state: &'static str,
}

/// One of the server's own keys.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct MetaView {
    /// The key.
    pub key: &'static str,
    /// `present`, `missing`, `deleted`, `short` or `unreadable`.
    pub state: &'static str,
    /// The number.
    pub value: Option<u64>,
    /// The same as a time, for a timestamp.
    pub time: Option<String>,
    /// Sequence number of the record.
    pub sequence: Option<u64>,
    /// The file that holds the record.
    pub file: Option<String>,
    /// Offset of the log record or of the table block.
    pub offset: Option<u64>,
    /// Level of the table; `null` for a log.
    pub level: Option<usize>,
    /// Why it is unreadable.
    pub problem: Option<String>,
}

/// What opening the store would do.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OpenView {
    /// The server version.
    pub engine: ServerVersion,
    /// True if it opens; `null` if what decides it could not be read.
    pub opens: Option<bool>,
    /// The server's error.
    pub error: Option<String>,
}

impl OpenView {
    /// From a forecast.
    pub fn of(engine: ServerVersion, verdict: &StoreVerdict) -> Self {
        let (opens, error) = match &verdict.open {
            StoreOpen::Opens => (Some(true), None),
            StoreOpen::Refused(error) => (Some(false), Some(error.text.clone())),
            StoreOpen::Unknown(why) => (None, Some(why.clone())),
            StoreOpen::NotChecked => (None, None),
        };
        Self { engine, opens, error }
    }
}

impl StoreMeta {
    /// From the facts of one store.
    pub fn of(dir: String, facts: &StoreFacts, open: Vec<OpenView>) -> Self {
        Self {
            dir,
            in_use: match facts.writer {
                Writer::Alive => Some(true),
                Writer::NotSeen => Some(false),
                Writer::Unknown => None,
            },
            format_major_version: match facts.format {
                FormatMarker::Version(version) => Some(version),
                FormatMarker::Missing | FormatMarker::Malformed(_) => None,
            },
            manifest: facts.manifest_facts().map(|manifest| manifest.name.clone()),
            tables: facts.live_tables,
            table_bytes: facts.live_bytes,
            last_sequence: facts.next_seq.0.saturating_sub(1),
            logs: facts.logs.iter().map(LogView::of).collect(),
            keys: facts.meta.iter().map(|meta| MetaView::of(meta, facts)).collect(),
            open,
        }
    }
}

impl LogView {
    fn of(log: &LogFacts) -> Self {
        Self {
            file: log.name.clone(),
            size: log.size,
            batches: log.batches,
            records: log.entries,
            end: log.end.at(),
            end_state: match log.end {
                RecordsEnd::Clean { .. } => "clean",
                RecordsEnd::Unclean { .. } => "unclean",
                RecordsEnd::Corrupt { .. } => "corrupt",
            },
        }
    }
}

impl MetaView {
    fn of(meta: &MetaFact, facts: &StoreFacts) -> Self {
        let mut view = Self {
            key: meta.key.name(),
            state: "missing",
            value: meta.number(),
            time: None,
            sequence: None,
            file: None,
            offset: None,
            level: None,
            problem: None,
        };
        match &meta.state {
            KeyState::Value(found) => {
                view.state = if view.value.is_some() { "present" } else { "short" };
                view.sequence = Some(found.trailer.seq().0);
                (view.file, view.offset, view.level) = place(facts, found.source);
                if view.value.is_none() {
                    view.problem = Some(format!("{} bytes: {}", found.value.len(), Escaped(&found.value)));
                }
            }
            KeyState::Deleted { trailer, source } => {
                view.state = "deleted";
                view.sequence = Some(trailer.seq().0);
                if let Some(source) = source {
                    (view.file, view.offset, view.level) = place(facts, *source);
                }
            }
            KeyState::Absent => {}
            KeyState::Unreadable(damage) => {
                view.state = "unreadable";
                view.file = Some(damage.table.table_name());
                view.level = damage.level;
                view.problem = Some(damage.to_string());
            }
        }
        if meta.key != MetaKey::AppliedIndex {
            view.time = view
                .value
                .map(|value| HlcTimestamp(value).millis())
                // Small numbers are marks, not times.
                .filter(|&millis| millis != UnixMillis(0))
                .and_then(UnixMillis::to_rfc3339);
        }
        view
    }

    /// Value, time and place on one line.
    fn cell(&self) -> Cell {
        let tone = match self.state {
            "present" => Tone::Plain,
            "missing" | "deleted" => Tone::Dim,
            "short" => Tone::Caution,
            _ => Tone::Bad,
        };
        let mut text = match (self.value, &self.problem) {
            (Some(value), _) => value.to_string(),
            (None, Some(problem)) => format!("{}: {problem}", self.state),
            (None, None) => self.state.to_owned(),
        };
        if let Some(time) = &self.time {
            text = format!("{text} = {time}");
        }
        if self.state != "unreadable"
            && let (Some(file), Some(offset)) = (&self.file, self.offset)
        {
            let level = self.level.map_or_else(String::new, |level| format!(", L{level}"));
            text = format!("{text} ({file} at {offset}{level})");
        }
        Cell::toned(text, tone)
    }
}

/// File, offset in it, and level.
pub(super) type Place = (Option<String>, Option<u64>, Option<usize>);

/// File, offset and level of a record.
pub(super) fn place(facts: &StoreFacts, source: Source) -> Place {
    match source {
        Source::Log(place) => {
            let listed = facts.listing.logs.get(&(place.log, place.segment));
            let name = listed.map_or_else(|| format!("{}.log", place.log), |file| file.name.clone());
            (Some(name), Some(place.offset), None)
        }
        Source::Table { table, level, block } => (Some(table.table_name()), Some(block.offset), level),
    }
}

/// A file with the offset of the record or block in it.
pub(super) fn place_cell(file: Option<&str>, offset: Option<u64>, level: Option<usize>) -> Cell {
    match (file, offset, level) {
        (Some(file), Some(offset), Some(level)) => Cell::new(format!("{file} at {offset} (L{level})")),
        (Some(file), Some(offset), None) => Cell::new(format!("{file} at {offset}")),
        (Some(file), None, _) => Cell::new(file),
        (None, ..) => Cell::option(None::<&str>),
    }
}

impl Body for StoreMetaBody {
    const NAME: &'static str = "store-meta";
    const LINES: &'static [Lines] = &[Lines::of("stores", "store")];

    fn headline(&self) -> String {
        match self.stores.as_slice() {
            [store] => {
                let applied = store.keys.iter().find(|key| key.key == MetaKey::AppliedIndex.name());
                match applied.map(|key| (key.state, key.value)) {
                    Some(("present", Some(value))) => format!("applied index {value}"),
                    Some((state, _)) => format!("applied index {state}"),
                    None => "no store".to_owned(),
                }
            }
            stores => Count::of(stores.len(), "store").to_string(),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for store in &self.stores {
            let open = store.open.iter().map(|open| {
                let cell = match (open.opens, &open.error) {
                    (Some(true), _) => Cell::toned("opens it", Tone::Good),
                    (Some(false), Some(error)) => Cell::toned(format!("refuses it: {error}"), Tone::Bad),
                    (_, Some(why)) => Cell::toned(format!("not known: {why}"), Tone::Caution),
                    (_, None) => Cell::option(None::<&str>),
                };
                (open.engine.name().to_owned(), cell)
            });
            let mut facts = vec![
                ("in use", Cell::option(store.in_use.map(|used| if used { "yes, by a running process" } else { "no" }))),
                ("format", Cell::option(store.format_major_version)),
                ("MANIFEST", Cell::option(store.manifest.as_deref())),
                ("tables", Cell::new(format!("{} ({})", store.tables, ByteSize(store.table_bytes)))),
                ("last sequence", Cell::new(store.last_sequence)),
            ]
            .into_iter()
            .map(|(name, cell)| (name.to_owned(), cell))
            .collect::<Vec<_>>();
            facts.extend(open);
            sections.push(Section::facts(store.dir.clone(), facts));
            sections.push(Section::facts("", store.keys.iter().map(|key| (key.key, key.cell())).collect()));
            if !store.logs.is_empty() {
                let rows = store.logs.iter().map(|log| {
                    let tone = match log.end_state {
                        "clean" => Tone::Plain,
                        "unclean" => Tone::Dim,
                        _ => Tone::Bad,
                    };
                    vec![
                        Cell::new(&log.file),
                        Cell::new(ByteSize(log.size)),
                        Cell::new(log.batches),
                        Cell::new(log.records),
                        Cell::new(log.end),
                        Cell::toned(log.end_state, tone),
                    ]
                });
                sections.push(Section::table("", &["log", ">size", ">batches", ">records", ">ends at", "end"], rows.collect()));
            }
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut applied = Metric::gauge("ekv_tool_store_applied_index", "Applied index in the store.");
        let mut bytes = Metric::gauge("ekv_tool_store_table_bytes", "Bytes of the live tables.");
        for store in &self.stores {
            let labels = || vec![(Label::Dir, store.dir.clone())];
            let index = store.keys.iter().find(|key| key.key == MetaKey::AppliedIndex.name()).and_then(|key| key.value);
            if let Some(index) = index {
                applied = applied.sample(labels(), index as f64);
            }
            bytes = bytes.sample(labels(), store.table_bytes as f64);
        }
        vec![applied, bytes]
    }
}
