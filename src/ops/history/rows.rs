//! What the store of a node and its payloads hold of the keys in question.

use std::collections::BTreeMap;
use std::path::Path;

use super::Reader;
use super::wanted::Wanted;
use crate::analysis::Finding;
use crate::analysis::history::{Content, Origin, Place, RowId, SHOWN, StoreState};
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::store::scanned;
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::fsm::FsmName;
use crate::formats::fsm::body::{BodyVisitor, Row, RowVersion};
use crate::formats::kv::Shown;
use crate::formats::layout;
use crate::formats::mvcc::{MetaKey, ROW_HEADER_LEN, RegistryKey, RegistryValue, RowKey, StoreKey, meta_value};
use crate::formats::raftpb::ProtoRules;
use crate::formats::snap;
use crate::io::IoOptions;
use crate::readers::fsm_file::examine_visiting;
use crate::readers::keys::Opener;
use crate::readers::pebble::{Source, StorePresence};
use crate::readers::pebble_scan::{KeyRange, Step, walk_ranges};
use crate::readers::source::Run;
use crate::readers::{BodyFacts, DirEntry, Examine, FsmFacts, PayloadEntry, PayloadFacts, is_payload};
use crate::types::{Count, HlcTimestamp, LogIndex, NodeId, grant};

/// What a store says beside the versions.
pub(super) struct ReadStore {
    pub state: StoreState,
    /// Nodes in the writer registry.
    pub writers: Vec<NodeId>,
    pub findings: Vec<Finding>,
}

/// Reads what the store of the group directory `dir`, which reports call `name`, holds. `None` when there is none, or it cannot be read.
pub(super) fn read_store(reader: &mut Reader<'_>, dir: &Path, name: &str, run: &Run<'_>) -> Result<Option<ReadStore>> {
    let store = format!("{name}/{}", layout::STORE);
    let mut ranges = reader.wanted.ranges();
    ranges.extend(KeyRange::of_prefixes(&[RegistryKey::PREFIX.to_vec(), b"_meta_".to_vec()]));
    let mut read = ReadStore { state: StoreState::default(), writers: Vec::new(), findings: Vec::new() };
    // Files by number: of a log with its segment, of a table without.
    let mut files: BTreeMap<(u64, Option<u64>), usize> = BTreeMap::new();
    let walked = walk_ranges(&dir.join(layout::STORE), &ranges, run, &mut |live| {
        match StoreKey::of(live.key) {
            StoreKey::Row(row) if reader.wanted.matches(row.user_key) => {
                let mut content = Content::of_row(live.value);
                if content.sealed {
                    open(&mut content, live.key, live.value, reader.opener, &mut reader.closed, &store);
                }
                let (origin, number, offset, level) = match live.place {
                    Some(Source::Log(place)) => (Origin::StoreLog, (place.log.0, Some(place.segment)), Some(place.offset), None),
                    Some(Source::Table { table, level, block }) => (Origin::Table, (table.0, None), Some(block.offset), level),
                    None => (Origin::Table, (0, None), None, None),
                };
                let ledger = &mut *reader.ledger;
                let file = *files.entry(number).or_insert_with(|| ledger.file(String::new()));
                let place = Place { node: reader.node, origin, file, offset, level, entry: None, digest: None, as_of: None };
                let id = RowId { group: reader.group, key: row.user_key.to_vec(), ts: row.commit_ts };
                ledger.see_row(id, place, content);
            }
            StoreKey::Row(_) => return reader.wanted.next_place(live.key).map_or(Step::Next, Step::Leap),
            StoreKey::Registry(_) => read.writers.extend(RegistryValue::decode(live.value).map(|value| value.node_id)),
            StoreKey::Meta(MetaKey::AppliedIndex) => read.state.applied = meta_value(live.value).map(LogIndex),
            StoreKey::Meta(MetaKey::LastCommitTs) => read.state.last_commit = meta_value(live.value).map(HlcTimestamp),
            StoreKey::Meta(MetaKey::MinRetainedTs) => read.state.min_retained = meta_value(live.value).map(HlcTimestamp),
            StoreKey::Meta(MetaKey::PendingMinRetainedTs) => {
                read.state.pending_min_retained = meta_value(live.value).map(HlcTimestamp);
            }
            StoreKey::Short(_) => {}
        }
        Step::Next
    });
    let outcome = match walked {
        Ok(outcome) => outcome,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => {
            reader.coverage.missing(store, error.reason());
            return Ok(None);
        }
    };
    match outcome.facts.presence {
        StorePresence::Directory => {}
        StorePresence::Absent => {
            reader.coverage.missing(store, "there is none");
            return Ok(None);
        }
        StorePresence::NotADirectory | StorePresence::Nowhere => {
            reader.coverage.missing(store, "there is something else, or a link to nothing");
            return Ok(None);
        }
    }
    let listing = &outcome.facts.listing;
    for ((number, segment), file) in files {
        let listed = match segment {
            Some(segment) => {
                listing.logs.iter().find(|((log, part), _)| (log.0, *part) == (number, segment)).map(|(_, file)| file)
            }
            None => listing.tables.iter().find(|(table, _)| table.0 == number).map(|(_, file)| file),
        };
        let ending = if segment.is_some() { "log" } else { "sst" };
        let named = listed.map_or_else(|| format!("{number:06}.{ending}"), |file| file.name.clone());
        if let Some(name) = reader.ledger.files.get_mut(file) {
            *name = format!("{store}/{named}");
        }
    }
    let (findings, mut coverage) = scanned(&outcome);
    for part in &mut coverage.not_examined {
        part.what = format!("{name}: {}", part.what);
    }
    read.findings = findings;
    for finding in &mut read.findings {
        finding.path = finding.path.take().map(|path| format!("{name}/{path}"));
    }
    read.state.blocks = outcome.stats.blocks;
    read.state.whole = outcome.stopped.is_none() && coverage.not_examined.iter().all(|part| !part.needed);
    reader.coverage.absorb(coverage);
    Ok(Some(read))
}

/// Opens a sealed row, if there are keys.
fn open(content: &mut Content, key: &[u8], value: &[u8], opener: Option<&Opener>, closed: &mut Closed, place: &str) {
    let Some(opener) = opener else { return };
    match opener.row(key, value) {
        Ok(clear) => content.open(Some(clear.bytes()), opener.shows_values),
        Err(error) => {
            content.open(None, false);
            let envelope = Envelope::decode(value.get(ROW_HEADER_LEN..).unwrap_or_default());
            closed.add(&format!("Row {}", Shown(key)), place.to_owned(), None, envelope.as_ref().ok(), &error);
        }
    }
}

/// Reads every payload among `entries`, which lie in `fsm-snap` of the group directory `dir`. What is not whole is not believed. Returns what
/// was found of each.
pub(super) fn read_payloads(
    reader: &mut Reader<'_>,
    dir: &Path,
    name: &str,
    entries: &[DirEntry],
    run: &Run<'_>,
) -> Result<Vec<PayloadEntry>> {
    let mut read = Vec::new();
    let io = IoOptions { threads: run.threads, ..IoOptions::default() };
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".fsm")) {
        let shown = format!("{name}/{}", layout::in_payloads(&entry.name));
        let path = dir.join(layout::PAYLOADS).join(&entry.name);
        let mut rows = PayloadRows::new(reader.wanted, reader.opener, &shown);
        let facts = examine_visiting(&path, Examine { crc: true, walk: true, usage: false }, &io, run, &mut rows)?;
        let PayloadRows { found, left_out, closed, .. } = rows;
        if is_payload(entry) {
            read.push(PayloadEntry {
                name: entry.name.clone(),
                id: FsmName::parse(&entry.name),
                facts: facts.clone(),
                opened: None,
            });
        }
        let file = match facts {
            FsmFacts::File(file) => file,
            FsmFacts::Unreadable(why) | FsmFacts::Special(why) => {
                reader.coverage.missing(shown, why);
                continue;
            }
            FsmFacts::Absent => {
                reader.coverage.missing(shown, "it was removed meanwhile");
                continue;
            }
            FsmFacts::Directory => {
                reader.coverage.missing(shown, "it is a directory");
                continue;
            }
        };
        reader.coverage.add_file(file.bytes_read);
        let payload = file.payload.as_ref();
        let body = payload.and_then(|payload| payload.body.as_deref());
        let why = if let Some(why) = &file.unread {
            Some(why.clone())
        } else if file.change.is_some() {
            Some("it changed while it was read".to_owned())
        } else if file.footer.is_none_or(|footer| file.computed != Some(footer.0)) {
            Some("it does not have the checksum that it claims; verify-snapshot tells more".to_owned())
        } else if !body.is_some_and(BodyFacts::is_complete) {
            Some("its rows cannot all be read; verify-snapshot --deep tells more".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            reader.coverage.missing(shown, why);
            continue;
        }
        if left_out > 0 {
            let what = format!("{} of {shown}", Count(left_out, "row"));
            reader.coverage.missing(what, "they take more memory than --memory grants");
        }
        let header = payload.and_then(|payload| payload.header.ok()).map_or(0, |header| header.len);
        reader.closed.absorb(closed);
        let as_of = file.applied_index().or_else(|| FsmName::parse(&entry.name).map(|name| name.index));
        believe(reader, found, shown, (Some(header), as_of));
    }
    Ok(read)
}

/// Reads a payload that stands in a `.snap` file, as older servers wrote them; the checksum of the envelope covers it.
pub(super) fn read_payload_in_snap(reader: &mut Reader<'_>, path: &Path, file: String, run: &Run<'_>) {
    let shown = format!("the store payload in {file}");
    let map = match run.source.map(path) {
        Ok(map) => map,
        Err(error) => return reader.coverage.missing(shown, error.reason()),
    };
    let Ok(snapshot) = snap::decode(map.bytes(), ProtoRules::Google) else {
        return reader.coverage.missing(shown, "it changed while it was read");
    };
    let mut rows = PayloadRows::new(reader.wanted, reader.opener, &shown);
    let facts = PayloadFacts::of_visiting(snapshot.data, true, &mut rows);
    let PayloadRows { found, left_out, closed, .. } = rows;
    reader.coverage.add_file(map.bytes().len() as u64);
    if !facts.body.as_deref().is_some_and(BodyFacts::is_complete) {
        return reader.coverage.missing(shown, "its rows cannot all be read; verify-snapshot tells more");
    }
    if left_out > 0 {
        let what = format!("{} of {shown}", Count(left_out, "row"));
        reader.coverage.missing(what, "they take more memory than --memory grants");
    }
    reader.closed.absorb(closed);
    // Where the payload begins in the file depends on the messages around it.
    let applied = facts.body.as_deref().and_then(BodyFacts::applied_index);
    believe(reader, found, file, (None, applied.or(Some(snapshot.metadata.index))));
}

/// Takes in the rows of a payload that is whole; `header` is the length of what stands before them in the file, `as_of` the last entry
/// whose effect they are.
fn believe(reader: &mut Reader<'_>, found: Vec<Found>, shown: String, (header, as_of): (Option<u64>, Option<LogIndex>)) {
    let file = reader.ledger.file(shown);
    for Found { key, ts, at, content } in found {
        let offset = header.map(|header| at.saturating_add(header));
        let (node, origin) = (reader.node, Origin::Payload);
        let place = Place { node, origin, file, offset, level: None, entry: None, digest: None, as_of };
        reader.ledger.see_row(RowId { group: reader.group, key, ts }, place, content);
    }
}

/// A row of a payload that is not believed yet.
struct Found {
    key: Vec<u8>,
    ts: HlcTimestamp,
    at: u64,
    content: Content,
}

/// Gathers the rows in question while a payload is walked.
struct PayloadRows<'w> {
    wanted: &'w Wanted,
    opener: Option<&'w Opener>,
    shown: &'w str,
    closed: Closed,
    found: Vec<Found>,
    memory: u64,
    left_out: u64,
    /// The row that is being shown: its offset, key and version.
    row: Option<(u64, RowVersion)>,
    bare: bool,
    key: Vec<u8>,
    value: Vec<u8>,
    value_len: u64,
    /// Only the beginning of the value is kept.
    cut: bool,
}

/// Bytes that a row takes beside key and value.
const ROW_MEMORY: u64 = 256;

impl<'w> PayloadRows<'w> {
    fn new(wanted: &'w Wanted, opener: Option<&'w Opener>, shown: &'w str) -> Self {
        Self {
            wanted,
            opener,
            shown,
            closed: Closed::default(),
            found: Vec::new(),
            memory: 0,
            left_out: 0,
            row: None,
            bare: false,
            key: Vec::new(),
            value: Vec::new(),
            value_len: 0,
            cut: false,
        }
    }
}

impl BodyVisitor for PayloadRows<'_> {
    fn row(&mut self, row: &Row<'_>) {
        let (user_key, version) = match (row.version, StoreKey::of(row.key)) {
            (Some(version), _) => (row.key, version),
            (None, StoreKey::Row(RowKey { user_key, commit_ts })) => {
                (user_key, RowVersion { commit_ts, tombstone: false, expire_at: HlcTimestamp(0), number: 0 })
            }
            (None, _) => {
                self.row = None;
                return;
            }
        };
        self.row = self.wanted.matches(user_key).then_some((row.at, version));
        if self.row.is_none() {
            return;
        }
        self.bare = row.version.is_some();
        self.key.clear();
        self.key.extend_from_slice(row.key);
        self.value.clear();
        self.value_len = row.value_len;
        // As it is, and what is kept of it.
        self.cut = grant(self.memory.saturating_add(row.value_len.saturating_mul(2)).saturating_add(ROW_MEMORY)).is_err();
    }

    fn value(&mut self, chunk: &[u8]) {
        if self.row.is_none() {
            return;
        }
        let room = if self.cut { (SHOWN + ROW_HEADER_LEN).saturating_sub(self.value.len()) } else { chunk.len() };
        self.value.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
    }

    fn row_end(&mut self) {
        let Some((at, version)) = self.row.take() else { return };
        let mut content = if self.bare {
            Content::of_version(version.tombstone, version.expire_at, &self.value)
        } else {
            Content::of_row(&self.value)
        };
        if self.cut {
            let header = if self.bare || content.malformed { 0 } else { ROW_HEADER_LEN as u64 };
            (content.whole, content.digest, content.length) = (false, None, Some(self.value_len.saturating_sub(header)));
        } else if content.sealed {
            open(&mut content, &self.key, &self.value, self.opener, &mut self.closed, self.shown);
        }
        let key = if self.bare {
            self.key.clone()
        } else {
            RowKey::decode(&self.key).map_or_else(Vec::new, |row| row.user_key.to_vec())
        };
        let taken = ROW_MEMORY + key.len() as u64 + content.memory();
        if grant(self.memory.saturating_add(taken)).is_err() {
            self.left_out += 1;
            return;
        }
        self.memory += taken;
        self.found.push(Found { key, ts: version.commit_ts, at, content });
    }
}
