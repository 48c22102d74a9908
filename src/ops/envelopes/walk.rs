//! One reading of everything that can hold an envelope: log, store and payloads of one group after another.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{Source, opening};
use crate::analysis::judge::envelopes::Holder;
use crate::analysis::judge::store::scanned;
use crate::analysis::{Coverage, Severity};
use crate::crypto::OpenError;
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::fsm::FsmName;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::kv::{EntryClass, Payload, Shown, classify_above};
use crate::formats::layout;
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, RowKey, StoreKey};
use crate::io::{EntryKind, IoOptions};
use crate::readers::fsm_file::{examine_visiting, examine_with};
use crate::readers::keys::Keys;
use crate::readers::pebble::StorePresence;
use crate::readers::pebble_scan::{self, Live};
use crate::readers::sealed_rows::SealedValue;
use crate::readers::source::Run;
use crate::readers::wal::{EntryRange, EntryRanges, Item, WalScan};
use crate::readers::{BodyFacts, Examine, FsmFacts};
use crate::types::{ByteSize, HlcTimestamp, LogIndex, ServerVersion};

/// An envelope where it stands.
pub(super) struct Sighting<'a> {
    pub source: usize,
    pub holder: Holder,
    pub envelope: Envelope<'a>,
    /// The whole thing, for who opens it.
    pub whole: Whole<'a>,
    pub place: &'a dyn Fn() -> Stand,
}

/// What is sealed, as the cipher takes it.
pub(super) enum Whole<'a> {
    /// The payload of a proposal.
    Entry(&'a [u8]),
    /// A row: its stored key and its value with the header; the value is cut when it was not asked for.
    Row { key: &'a [u8], value: &'a [u8], cut: bool },
}

/// A place in words, and where it is.
pub(super) struct Stand {
    pub what: String,
    pub path: String,
    pub offset: Option<u64>,
}

pub(super) type Visit<'v> = &'v mut dyn FnMut(Seen<'_>);

/// What a walk comes to.
pub(super) enum Seen<'a> {
    Sealed(Sighting<'a>),
    /// Something sealed that is no envelope: no key opens it.
    Broken {
        source: usize,
        place: &'a dyn Fn() -> Stand,
        error: OpenError,
    },
    /// A version in a store that stands in clear text.
    Clear {
        source: usize,
        key: &'a [u8],
        committed: HlcTimestamp,
    },
}

impl Seen<'_> {
    /// The source in which it was met.
    pub(super) const fn source(&self) -> usize {
        match self {
            Self::Sealed(sighting) => sighting.source,
            Self::Broken { source, .. } | Self::Clear { source, .. } => *source,
        }
    }
}

/// A payload whose rows are looked at: one whose bytes have the checksum that they claim. In others a changed bit would be taken
/// for another envelope.
pub(super) struct WholePayload {
    path: PathBuf,
    shown: String,
}

/// The payloads of a source whose rows are looked at. What is left out is said, and leaves the source incomplete.
pub(super) fn whole_payloads(
    source: &Source<'_>,
    run: &Run<'_>,
    coverage: &mut Coverage,
    incomplete: &mut bool,
) -> Result<Vec<WholePayload>> {
    let dir = source.facts.group.dir.path.join(layout::PAYLOADS);
    if source.payloads_up_to == 0 {
        *incomplete = true;
        return Ok(Vec::new());
    }
    let entries = match run.source.list_sized(&dir, &|name| FsmName::parse(name).is_some()) {
        Ok(entries) => entries,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        // That it cannot be listed is said where the snapshots are judged.
        Err(error) => {
            *incomplete |= !error.is_not_found() || run.source.link_target(&dir).is_some();
            return Ok(Vec::new());
        }
    };
    let mut whole = Vec::new();
    for entry in entries.into_iter().filter(|entry| FsmName::parse(&entry.name).is_some() && entry.kind == EntryKind::File) {
        let shown = format!("{}/fsm-snap/{}", source.name, entry.name);
        let what = format!("the envelopes in rows of {shown}");
        if entry.size > source.payloads_up_to {
            *incomplete = true;
            coverage.skipped(what, format!("no payload above {} is read here; check reads it", ByteSize(source.payloads_up_to)));
            continue;
        }
        let path = dir.join(&entry.name);
        let read;
        let facts = match source.facts.group.checked_payload(&entry.name) {
            Some(facts) => facts,
            None => {
                read = examine_with(&path, Examine { crc: true, walk: false, usage: false }, &IoOptions::default(), run)?;
                &read
            }
        };
        match facts {
            FsmFacts::File(file) if file.change.is_none() && file.unread.is_none() => {
                if file.footer.is_some_and(|footer| file.computed == Some(footer.0)) {
                    whole.push(WholePayload { path, shown });
                } else {
                    *incomplete = true;
                    coverage.missing(what, "the payload does not have the checksum that it claims");
                }
            }
            FsmFacts::File(file) if file.left_out.is_some() => {
                *incomplete = true;
                coverage.missing(what, "the content of the payload was not read");
            }
            _ => {
                *incomplete = true;
                coverage.missing(what, "the payload cannot be read to its end");
            }
        }
    }
    Ok(whole)
}

/// One reading of all sources.
pub(super) struct Walk<'w> {
    pub sources: &'w [Source<'w>],
    /// The payloads of each source.
    pub payloads: &'w [Vec<WholePayload>],
    /// Whether whole values are wanted, where there are keys.
    pub whole: bool,
    /// Set for every source that could not be read to its end.
    pub incomplete: &'w mut [bool],
    /// What could not be read is said here, once.
    pub coverage: &'w mut Coverage,
}

impl Walk<'_> {
    fn missing(&mut self, source: usize, what: String, why: impl Into<String>) {
        self.incomplete[source] = true;
        if !self.coverage.not_examined.iter().any(|known| known.what == what) {
            self.coverage.missing(what, why);
        }
    }

    /// Shows every envelope with its place.
    pub(super) fn run(&mut self, run: &Run<'_>, visit: Visit<'_>) -> Result<()> {
        for number in 0..self.sources.len() {
            self.source(number, run, visit)?;
        }
        Ok(())
    }

    fn source(&mut self, number: usize, run: &Run<'_>, visit: Visit<'_>) -> Result<()> {
        let source = &self.sources[number];
        let group = &source.facts.group;
        if let Some(scan) = &group.log {
            let cutover = cutover(source);
            for_each_entry(scan, cutover, |index, (segment, offset), payload| {
                let Payload::Sealed(bytes) = payload else { return };
                let place = || Stand {
                    what: format!("Entry {index}"),
                    path: format!("{}/wal/{segment}", source.name),
                    offset: Some(offset),
                };
                match Envelope::decode(bytes) {
                    Ok(envelope) => {
                        let holder = Holder::Entry { behind_snapshot: index > source.snapshot };
                        let whole = Whole::Entry(bytes);
                        visit(Seen::Sealed(Sighting { source: number, holder, envelope, whole, place: &place }));
                    }
                    Err(error) if cutover.0 > 0 && index > cutover.0 => {
                        visit(Seen::Broken { source: number, place: &place, error: OpenError::of_decoding(&error) });
                    }
                    // As far as the log tells, nobody sealed it.
                    Err(_) => {}
                }
            });
        }
        let path = &group.dir.path;
        if source.rows && group.store.store.presence == StorePresence::Directory {
            let name = format!("{}/{}", source.name, group.store.store.name);
            if let Some(why) = rows_of_store(&path.join(&group.store.store.name), number, &name, run, visit)? {
                self.missing(number, format!("the envelopes in rows of {name}"), why);
            }
        }
        let payloads = self.payloads;
        for WholePayload { path, shown } in &payloads[number] {
            let mut rows = PayloadRows::new(visit, number, shown, self.whole && opening(source).is_some());
            let facts =
                examine_visiting(path, Examine { crc: false, walk: true, usage: false }, &IoOptions::default(), run, &mut rows)?;
            let too_large = rows.too_large;
            let whole = matches!(&facts, FsmFacts::File(file)
                if file.payload.as_ref().and_then(|payload| payload.body.as_deref()).is_some_and(BodyFacts::is_complete));
            if !whole {
                self.missing(number, format!("the envelopes in rows of {shown}"), "the payload cannot be read to its end");
            } else if too_large > 0 {
                let what = format!("{too_large} sealed values of {shown}");
                self.missing(number, what, "opened they take more memory than --memory grants");
            }
        }
        Ok(())
    }
}

/// The raft envelope cutover of the keys at hand, 0 for none.
pub(super) fn cutover(source: &Source<'_>) -> LogIndex {
    source.keys.and_then(Keys::cutover).unwrap_or_default()
}

/// Every normal entry record of a log, replaced ones too: their nonces are used up all the same.
pub(super) fn for_each_entry(scan: &WalScan, cutover: LogIndex, mut visit: impl FnMut(u64, (&str, u64), Payload<'_>)) {
    let version = ServerVersion::NEWEST;
    for (segment, scanned) in scan.segments.iter().enumerate() {
        // The scan has seen the class of every entry, so that most logs need no second look.
        let classes = &scanned.trace(version).classes;
        if classes.get(EntryClass::Sealed) == 0 && classes.get(EntryClass::Encryption) == 0 && cutover.0 == 0 {
            continue;
        }
        for (item, step) in scanned.trace(version).items.iter().enumerate() {
            let Item::Run(run) = step else { continue };
            let Some(span) = run.entries else { continue };
            let range = EntryRanges::of(EntryRange { segment, item, first: span.first, last: span.last, term: span.term });
            for at in range.iter(scan, version) {
                let view = classify_above(cutover, at.index, at.kind, at.data);
                if matches!(view.class, EntryClass::Sealed | EntryClass::Encryption) {
                    visit(at.index.0, (&scanned.file.file_name, at.offset), view.payload);
                }
            }
        }
    }
}

/// Rows of a store; why it could not be read to its end, if it could not.
fn rows_of_store(store: &Path, source: usize, name: &str, run: &Run<'_>, visit: Visit<'_>) -> Result<Option<String>> {
    let mut shown = |live: Live<'_>| {
        row(live.key, live.value, source, name, visit);
        ControlFlow::Continue(())
    };
    match pebble_scan::walk(store, b"", run, &mut shown) {
        Ok(outcome) => {
            let (findings, coverage) = scanned(&outcome);
            let damage = outcome.stopped.map(|(damage, _)| damage.to_string());
            let damage =
                damage.or_else(|| findings.into_iter().find(|one| one.severity == Severity::Error).map(|one| one.message));
            let part = damage.or_else(|| coverage.not_examined.into_iter().find(|part| part.needed).map(|part| part.why));
            Ok(part.map(|why| format!("not all of the store could be read: {why}")))
        }
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Some(format!("the store cannot be read: {}", error.reason()))),
    }
}

fn row(key: &[u8], value: &[u8], source: usize, name: &str, visit: Visit<'_>) {
    let StoreKey::Row(RowKey { commit_ts: committed, .. }) = StoreKey::of(key) else { return };
    let Ok(header) = RowHeader::decode(value) else { return };
    if header.encryption != Encryption::Sealed {
        if !header.tombstone {
            visit(Seen::Clear { source, key, committed });
        }
        return;
    }
    let place = || Stand { what: format!("Row {}", Shown(key)), path: name.to_owned(), offset: None };
    match Envelope::decode(value.get(ROW_HEADER_LEN..).unwrap_or_default()) {
        Ok(envelope) => {
            let whole = Whole::Row { key, value, cut: false };
            visit(Seen::Sealed(Sighting { source, holder: Holder::Row, envelope, whole, place: &place }));
        }
        Err(error) => visit(Seen::Broken { source, place: &place, error: OpenError::of_decoding(&error) }),
    }
}

/// Rows of a payload. Of their values both ends are kept, or when they are opened the whole.
struct PayloadRows<'v> {
    visit: Visit<'v>,
    source: usize,
    shown: &'v str,
    value: SealedValue,
    /// Sealed values that were not opened.
    too_large: u64,
}

impl<'v> PayloadRows<'v> {
    fn new(visit: Visit<'v>, source: usize, shown: &'v str, opens: bool) -> Self {
        Self { visit, source, shown, value: SealedValue::new(opens), too_large: 0 }
    }
}

impl BodyVisitor for PayloadRows<'_> {
    fn row(&mut self, row: &Row<'_>) {
        self.value.start(row);
    }

    fn value(&mut self, chunk: &[u8]) {
        self.value.push(chunk);
    }

    fn row_end(&mut self) {
        self.too_large += u64::from(self.value.is_too_large());
        let Some(row) = self.value.end() else { return };
        let place = || Stand { what: format!("Row {}", Shown(row.key)), path: self.shown.to_owned(), offset: None };
        let source = self.source;
        (self.visit)(match row.envelope() {
            Ok(envelope) => {
                let whole = Whole::Row { key: row.key, value: row.value, cut: row.cut };
                Seen::Sealed(Sighting { source, holder: Holder::PayloadRow, envelope, whole, place: &place })
            }
            Err(error) => Seen::Broken { source, place: &place, error: OpenError::of_decoding(&error) },
        });
    }
}

impl std::fmt::Display for Stand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, path, offset } = self;
        match offset {
            Some(offset) => write!(f, "{what} in {path} at {offset}"),
            None => write!(f, "{what} in {path}"),
        }
    }
}
