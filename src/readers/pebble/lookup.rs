//! The newest state of one key, found the way a start finds it.

use std::cmp::Reverse;
use std::path::PathBuf;

use super::facts::StoreFacts;
use super::found::{FoundValue, KeyState, Source, TableDamage, TableTrouble};
use super::store::Store;
use crate::formats::pebble::version_edit::LEVELS;
use crate::formats::pebble::{FileNum, KeyKind, SeqNum, Trailer};
use crate::readers::pebble_table::{Table, TableResult, TableView};

/// What the sources visited so far say about a key.
struct Search<'k> {
    key: &'k [u8],
    hidden_below: Option<SeqNum>,
    operands: Vec<Vec<u8>>,
    newest: Option<(Trailer, Source)>,
}

/// One record of a key in one source.
pub(super) struct Candidate {
    pub(super) trailer: Trailer,
    pub(super) value: Vec<u8>,
    pub(super) source: Source,
}

impl Search<'_> {
    fn hide(&mut self, seq: Option<SeqNum>) {
        self.hidden_below = self.hidden_below.max(seq);
    }

    /// Takes the records of one source, newest first; the state if they decide it.
    fn decide(&mut self, candidates: Vec<Candidate>) -> Option<KeyState> {
        for Candidate { trailer, value, source } in candidates {
            // Strictly greater hides; equal does not.
            if self.hidden_below.is_some_and(|seq| seq > trailer.seq()) {
                break;
            }
            match trailer.kind() {
                Some(KeyKind::Set | KeyKind::SetWithDelete) => return Some(self.value(Some(value), trailer, source)),
                Some(KeyKind::Merge) => {
                    self.operands.push(value);
                    self.newest.get_or_insert((trailer, source));
                }
                Some(KeyKind::Delete | KeyKind::SingleDelete | KeyKind::DeleteSized) => {
                    return Some(if self.operands.is_empty() {
                        KeyState::Deleted { trailer, source: Some(source) }
                    } else {
                        self.value(None, trailer, source)
                    });
                }
                _ => {}
            }
        }
        // A range deletion hides the key in every source that is visited later.
        self.hidden_below.map(|seq| self.end(Some(seq)))
    }

    fn value(&mut self, base: Option<Vec<u8>>, trailer: Trailer, source: Source) -> KeyState {
        let mut value = base.unwrap_or_default();
        for operand in self.operands.iter().rev() {
            value.extend_from_slice(operand);
        }
        let (trailer, source) = self.newest.unwrap_or((trailer, source));
        KeyState::Value(FoundValue { value, trailer, source })
    }

    fn end(&mut self, hidden: Option<SeqNum>) -> KeyState {
        match (self.newest, hidden) {
            (Some((trailer, source)), _) => self.value(None, trailer, source),
            (None, Some(seq)) => KeyState::Deleted { trailer: Trailer::new(seq, KeyKind::RangeDelete), source: None },
            (None, None) => KeyState::Absent,
        }
    }
}

impl StoreFacts {
    /// A place in words: file, offset, and level.
    pub fn describe(&self, source: Source) -> String {
        match source {
            Source::Log(place) => {
                let listed = self.listing.logs.get(&(place.log, place.segment));
                let name = listed.map_or_else(|| format!("{}.log", place.log), |file| file.name.clone());
                format!("{name} at {}", place.offset)
            }
            Source::Table { table, level, block } => {
                let level = level.map_or_else(|| "added by a log".to_owned(), |level| format!("level {level}"));
                format!("{} at {} ({level})", table.table_name(), block.offset)
            }
        }
    }
}

impl Store {
    /// The newest state of `key`: logs, then level 0 from the newest table, then one table a level.
    pub fn get(&self, key: &[u8]) -> KeyState {
        let mut search = Search { key, hidden_below: None, operands: Vec::new(), newest: None };
        match self.search(&mut search) {
            Ok(state) => state,
            Err(damage) => KeyState::Unreadable(damage),
        }
    }

    fn search(&self, search: &mut Search<'_>) -> Result<KeyState, TableDamage> {
        search.hide(self.memory.hidden_below(search.key).map(|range| range.seq));
        let mut candidates: Vec<_> = self
            .memory
            .of_key(search.key)
            .map(|entry| Candidate { trailer: entry.trailer, value: entry.value.to_vec(), source: Source::Log(entry.place) })
            .collect();
        for ingested in &self.memory.ingested {
            let view = TableView { seq_override: Some(ingested.seq), ..TableView::default() };
            candidates.extend(self.search_file(search, ingested.table, None, &view)?);
        }
        // Logs and the tables that they add are one source as far as their order goes.
        candidates.sort_by_key(|candidate| Reverse(candidate.trailer));
        if let Some(state) = search.decide(candidates) {
            return Ok(state);
        }
        let Some(version) = self.version() else { return Ok(search.end(None)) };
        let deeper = (1..LEVELS).flat_map(|level| version.level_by_key(level));
        for table in version.level_0_newest_first().into_iter().chain(deeper) {
            if !table.points.as_ref().is_some_and(|points| points.admit(search.key)) {
                continue;
            }
            let Some(view) = TableView::of(table) else {
                let problem = "its keys have a replaced suffix, which the one supported key order rules out".to_owned();
                let trouble = TableTrouble::System(format!("{}: {problem}", table.file().table_name()));
                return Err(TableDamage { table: table.file(), level: Some(table.level), trouble });
            };
            let candidates = self.search_file(search, table.file(), Some(table.level), &view)?;
            if let Some(state) = search.decide(candidates) {
                return Ok(state);
            }
        }
        Ok(search.end(None))
    }

    /// The records of the key in one table, newest first; takes note of its range deletions.
    fn search_file(
        &self,
        search: &mut Search<'_>,
        file: FileNum,
        level: Option<usize>,
        view: &TableView,
    ) -> Result<Vec<Candidate>, TableDamage> {
        let damage = |failure| TableDamage::new(file, level, failure);
        let table = self.open_table(file).map_err(damage)?;
        let visible = |seq: SeqNum| seq < self.facts.next_seq;
        let covering = table.range_dels(view).map_err(damage)?;
        let covering = covering.iter().filter(|span| span.covers(search.key)).map(|span| span.seq);
        search.hide(covering.filter(|&seq| visible(seq)).max());
        let versions = table.versions(view, search.key).map_err(damage)?;
        Ok(versions
            .into_iter()
            .filter(|version| visible(version.trailer.seq()))
            .map(|version| Candidate {
                trailer: Trailer::new(version.trailer.seq(), version.kind),
                value: version.value,
                source: Source::Table { table: file, level, block: version.block },
            })
            .collect())
    }

    /// Where the file of a table stands.
    pub fn table_path(&self, file: FileNum) -> PathBuf {
        let name = self.facts.listing.tables.get(&file).map_or_else(|| file.table_name(), |listed| listed.name.clone());
        self.dir.join(name)
    }

    /// Opens a table.
    pub(in crate::readers) fn open_table(&self, file: FileNum) -> TableResult<Table> {
        Table::open(&self.table_path(file), &*self.source)
    }
}
