//! Every envelope in log, store and retained payloads of a group, or of one group on several nodes: counted, opened where the keys
//! are at hand, and audited for nonces that were used twice, which needs no key.

use std::path::Path;

use crate::analysis::judge::envelopes::{Counting, EnvelopeCensus, Holder};
use crate::analysis::judge::nonces::{Epochs, Lookup, NonceSet, Suspects, Used, shared_prefixes};
use crate::analysis::server::GateFacts;
use crate::analysis::{Coverage, Finding};
use crate::crypto::{open_raft, open_value};
use crate::error::Result;
use crate::formats::envelope::{Envelope, HEADER_LEN, MIN_LEN, TAG_LEN};
use crate::formats::fsm::FsmName;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::kv::{EncryptionOp, EntryClass, Payload, classify};
use crate::formats::layout;
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, StoreKey};
use crate::io::{EntryKind, IoOptions, Progress, list_dir};
use crate::readers::fsm_file::examine_visiting;
use crate::readers::keys::Keys;
use crate::readers::pebble::{Store, StorePresence};
use crate::readers::pebble_scan::{Scan, separate};
use crate::readers::wal::{EntryRange, EntryRanges, Item, WalScan};
use crate::readers::{Examine, FsmFacts};
use crate::types::{Escaped, ServerVersion};

/// Most parts into which the nonces are divided; each is one more reading of everything.
const MOST_PARTS: u64 = 32;
/// A sealed value of a payload that is larger is counted and not opened.
const OPENED_UP_TO: u64 = 256 << 20;

/// One group's files.
pub(super) struct Source<'a> {
    /// The group directory as reports name it.
    pub name: String,
    /// What was read of it.
    pub facts: &'a GateFacts,
    /// Index of the snapshot that a start takes; 0 for none.
    pub snapshot: u64,
    /// Whether the rows of the store are looked at.
    pub rows: bool,
    /// Whether the rows of payloads are.
    pub payloads: bool,
}

/// What was found in the envelopes of all sources.
#[derive(Default)]
pub(super) struct Audited {
    /// One census a source; none where there is no sign of encryption.
    pub census: Vec<Option<EnvelopeCensus>>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub coverage: Coverage,
}

/// An envelope where it stands.
struct Sighting<'a> {
    source: usize,
    holder: Holder,
    envelope: Envelope<'a>,
    /// The whole thing, for who opens it.
    whole: Whole<'a>,
    place: &'a dyn Fn() -> Stand,
}

/// What is sealed, as the cipher takes it.
enum Whole<'a> {
    /// The payload of a proposal.
    Entry(&'a [u8]),
    /// A row: its stored key and its value with the header; the value is cut when it was not asked for.
    Row { key: &'a [u8], value: &'a [u8], cut: bool },
}

/// A place in words, and where it is.
struct Stand {
    what: String,
    path: String,
    offset: Option<u64>,
}

type Visit<'v> = &'v mut dyn FnMut(Seen<'_>);

enum Seen<'a> {
    Sealed(Sighting<'a>),
    /// A version of the store's that stands in clear text.
    Clear(usize),
}

/// Counts, opens and audits the envelopes of all sources together. Groups without a sign of encryption are not read again.
pub(super) fn audit(sources: &[Source<'_>], progress: &dyn Progress) -> Result<Audited> {
    let mut audited = Audited::default();
    let mut writers = Vec::new();
    let mut encrypted = false;
    for source in sources {
        let (findings, sealed) = entries(source, &mut writers);
        audited.findings.extend(findings);
        encrypted |= sealed || source.facts.keys.is_some();
        writers.extend(source.facts.registry.keys().copied());
    }
    if !encrypted && writers.is_empty() {
        audited.census = sources.iter().map(|_| None).collect();
        return Ok(audited);
    }
    let place = sources.first().map(|source| format!("{}/fsm.db", source.name)).unwrap_or_default();
    audited.findings.extend(shared_prefixes(writers, &place));

    let mut counting: Vec<_> = sources.iter().map(|source| Counting::new(opening(source).is_some())).collect();
    let mut set = NonceSet::new(0, 1);
    let mut first = |seen: Seen<'_>| match seen {
        Seen::Clear(source) => counting[source].clear_row(),
        Seen::Sealed(sighting) => {
            if let Some(used) = Used::of(&sighting.envelope) {
                set.add(&used);
            }
            count(&sources[sighting.source], &mut counting[sighting.source], &sighting);
        }
    };
    walk(sources, progress, &mut first, &mut audited.coverage)?;
    for (source, counting) in sources.iter().zip(counting) {
        let (census, findings) = counting.finish(source.facts.keys.as_deref().and_then(Keys::accepted));
        audited.census.push(Some(census));
        audited.findings.extend(findings);
    }
    match suspects(set, sources, progress, &mut audited.coverage)? {
        None => audited.coverage.missing("the nonces of all envelopes", "there are more than the memory of the audit holds"),
        Some(found) if found.reused > 0 => {
            let mut lookup = Lookup::new(&found.nonces);
            let mut visit = |seen: Seen<'_>| {
                if let Seen::Sealed(sighting) = seen
                    && let Some(used) = Used::of(&sighting.envelope)
                {
                    lookup.add(&used, || (sighting.place)().to_string());
                }
            };
            walk(sources, progress, &mut visit, &mut audited.coverage)?;
            audited.findings.extend(lookup.findings().into_iter().map(|finding| match sources {
                [source] => finding.at(source.name.clone()),
                _ => finding,
            }));
        }
        Some(_) => {}
    }
    Ok(audited)
}

/// Looks at the entries alone: start counters, writers, and whether anything is sealed.
fn entries(source: &Source<'_>, writers: &mut Vec<(u32, u64)>) -> (Vec<Finding>, bool) {
    let mut epochs = Epochs::default();
    let mut sealed = false;
    if let Some(scan) = &source.facts.group.log {
        for_each_entry(scan, |index, _, payload| match payload {
            Payload::Sealed(bytes) => {
                if let Ok(envelope) = Envelope::decode(bytes) {
                    sealed = true;
                    epochs.add(index, &envelope);
                }
            }
            Payload::Encryption(tag, body) => {
                if let Ok(opcode) = EncryptionOp::decode(tag, body) {
                    writers.extend(opcode.rows().map(|row| (row.dek_id, row.full_node_id)));
                }
            }
            _ => {}
        });
    }
    (epochs.findings(&format!("{}/wal", source.name)), sealed)
}

/// The keys that open what is sealed in a source.
fn opening<'s>(source: &Source<'s>) -> Option<&'s Keys> {
    source.facts.keys.as_deref().filter(|keys| keys.opens())
}

fn count(source: &Source<'_>, counting: &mut Counting, sighting: &Sighting<'_>) {
    counting.add(sighting.holder, &sighting.envelope);
    let Some(keys) = opening(source) else { return };
    let opened = match sighting.whole {
        Whole::Entry(payload) => open_raft(&keys.ring, payload),
        Whole::Row { cut: true, .. } => return,
        Whole::Row { key, value, .. } => open_value(&keys.ring, key, value),
    };
    match opened {
        Ok(_) => counting.opened(),
        Err(error) => {
            let Stand { what, path, offset } = (sighting.place)();
            counting.failed(&what, path, offset, &sighting.envelope, &error);
        }
    }
}

/// Nonces that seem to have been used twice. `set` holds those of all envelopes, if they fit; `None` when there are too many.
fn suspects(set: NonceSet, sources: &[Source<'_>], progress: &dyn Progress, coverage: &mut Coverage) -> Result<Option<Suspects>> {
    let Some(mut parts) = set.parts_needed() else { return Ok(Some(set.suspects())) };
    drop(set);
    while parts <= MOST_PARTS {
        if let Some(all) = in_parts(parts, sources, progress, coverage)? {
            return Ok(Some(all));
        }
        parts *= 2;
    }
    Ok(None)
}

/// One reading a part; `None` when a part does not fit.
fn in_parts(parts: u64, sources: &[Source<'_>], progress: &dyn Progress, coverage: &mut Coverage) -> Result<Option<Suspects>> {
    let mut all = Suspects::default();
    for part in 0..parts {
        let mut set = NonceSet::new(part, parts);
        let mut visit = |seen: Seen<'_>| {
            if let Seen::Sealed(sighting) = seen
                && let Some(used) = Used::of(&sighting.envelope)
            {
                set.add(&used);
            }
        };
        walk(sources, progress, &mut visit, coverage)?;
        if set.parts_needed().is_some() {
            return Ok(None);
        }
        all.absorb(set.suspects());
    }
    Ok(Some(all))
}

/// Shows every envelope with its place. What cannot be read is said once.
fn walk(sources: &[Source<'_>], progress: &dyn Progress, visit: Visit<'_>, coverage: &mut Coverage) -> Result<()> {
    let mut missing = |what: String, why: &str| {
        if !coverage.not_examined.iter().any(|known| known.what == what) {
            coverage.missing(what, why);
        }
    };
    for (number, source) in sources.iter().enumerate() {
        let group = &source.facts.group;
        if let Some(scan) = &group.log {
            for_each_entry(scan, |index, (segment, offset), payload| {
                if let Payload::Sealed(bytes) = payload
                    && let Ok(envelope) = Envelope::decode(bytes)
                {
                    let place = || Stand {
                        what: format!("Entry {index}"),
                        path: format!("{}/wal/{segment}", source.name),
                        offset: Some(offset),
                    };
                    let holder = Holder::Entry { behind_snapshot: index > source.snapshot };
                    visit(Seen::Sealed(Sighting { source: number, holder, envelope, whole: Whole::Entry(bytes), place: &place }));
                }
            });
        }
        let path = &group.dir.path;
        if source.rows && group.store.store.presence == StorePresence::Directory {
            let name = format!("{}/{}", source.name, group.store.store.name);
            if !rows_of_store(&path.join(&group.store.store.name), number, &name, visit)? {
                missing(format!("the envelopes in rows of {name}"), "the store cannot be read to its end");
            }
        }
        if !source.payloads {
            continue;
        }
        for entry in list_dir(&path.join(layout::PAYLOADS)).unwrap_or_default() {
            if FsmName::parse(&entry.name).is_none() || entry.kind != EntryKind::File {
                continue;
            }
            let shown = format!("{}/fsm-snap/{}", source.name, entry.name);
            let mut rows = PayloadRows::new(visit, number, &shown, opening(source).is_some());
            let file = path.join(layout::PAYLOADS).join(&entry.name);
            let facts = examine_visiting(&file, Examine { crc: false, walk: true }, &IoOptions::default(), progress, &mut rows)?;
            let (tables, too_large) = (rows.tables, rows.too_large);
            let whole = matches!(&facts, FsmFacts::File(file)
                if file.payload.as_ref().and_then(|payload| payload.body.as_ref()).is_some_and(|body| body.result.is_ok()));
            if !whole {
                missing(format!("the envelopes in rows of {shown}"), "the payload cannot be read to its end");
            } else if tables {
                missing(
                    format!("the envelopes in rows of {shown}"),
                    "the payload is a bundle of tables, whose rows are not looked at",
                );
            } else if too_large > 0 {
                missing(format!("{too_large} sealed values of {shown}"), "they are too large to be opened");
            }
        }
    }
    Ok(())
}

/// Every normal entry record of a log, replaced ones too: their nonces are used up all the same.
fn for_each_entry(scan: &WalScan, mut visit: impl FnMut(u64, (&str, u64), Payload<'_>)) {
    let version = ServerVersion::NEWEST;
    for (segment, scanned) in scan.segments.iter().enumerate() {
        // The scan has seen the class of every entry, so that most logs need no second look.
        let classes = &scanned.trace(version).classes;
        if classes.get(EntryClass::Sealed) == 0 && classes.get(EntryClass::Encryption) == 0 {
            continue;
        }
        for (item, step) in scanned.trace(version).items.iter().enumerate() {
            let Item::Run(run) = step else { continue };
            let Some(span) = run.entries else { continue };
            let range = EntryRanges::of(EntryRange { segment, item, first: span.first, last: span.last, term: span.term });
            for at in range.iter(scan, version) {
                let view = classify(at.kind, at.data);
                if matches!(view.class, EntryClass::Sealed | EntryClass::Encryption) {
                    visit(at.index.0, (&scanned.file.file_name, at.offset), view.payload);
                }
            }
        }
    }
}

/// Rows of a store; false when it cannot be read to its end.
fn rows_of_store(store: &Path, source: usize, name: &str, visit: Visit<'_>) -> Result<bool> {
    let Ok(store) = Store::open(store) else { return Ok(false) };
    let Ok(mut scan) = separate(Scan::new(&store, b""))? else { return Ok(false) };
    loop {
        match separate(scan.next())? {
            Ok(true) => row(scan.key(), scan.value(), source, name, visit),
            Ok(false) => return Ok(true),
            Err(_) => return Ok(false),
        }
    }
}

fn row(key: &[u8], value: &[u8], source: usize, name: &str, visit: Visit<'_>) {
    let StoreKey::Row(_) = StoreKey::of(key) else { return };
    let Ok(header) = RowHeader::decode(value) else { return };
    if header.encryption != Encryption::Sealed {
        if !header.tombstone {
            visit(Seen::Clear(source));
        }
        return;
    }
    let Some(Ok(envelope)) = value.get(ROW_HEADER_LEN..).map(Envelope::decode) else { return };
    let place = || Stand { what: format!("Row {}", Escaped(key)), path: name.to_owned(), offset: None };
    let whole = Whole::Row { key, value, cut: false };
    visit(Seen::Sealed(Sighting { source, holder: Holder::Row, envelope, whole, place: &place }));
}

/// Rows of a payload. Of their values both ends are kept, or when they are opened the whole.
struct PayloadRows<'v> {
    visit: Visit<'v>,
    source: usize,
    shown: &'v str,
    opens: bool,
    key: Vec<u8>,
    head: Vec<u8>,
    tail: Vec<u8>,
    len: u64,
    /// The payload holds tables instead of rows.
    tables: bool,
    /// Sealed values that were not opened.
    too_large: u64,
}

impl<'v> PayloadRows<'v> {
    fn new(visit: Visit<'v>, source: usize, shown: &'v str, opens: bool) -> Self {
        let (key, head, tail) = (Vec::new(), Vec::new(), Vec::new());
        Self { visit, source, shown, opens, key, head, tail, len: 0, tables: false, too_large: 0 }
    }

    fn is_sealed(&self) -> bool {
        RowHeader::decode(&self.head).is_ok_and(|header| header.encryption == Encryption::Sealed)
    }
}

impl BodyVisitor for PayloadRows<'_> {
    fn row(&mut self, row: &Row<'_>) {
        self.key.clear();
        if row.version.is_none() && matches!(StoreKey::of(row.key), StoreKey::Row(_)) {
            self.key.extend_from_slice(row.key);
        }
        self.head.clear();
        self.tail.clear();
        self.len = row.value_len;
    }

    fn value(&mut self, mut chunk: &[u8]) {
        const HEAD: usize = ROW_HEADER_LEN + HEADER_LEN;
        if self.key.is_empty() {
            return;
        }
        let (head, rest) = chunk.split_at(HEAD.saturating_sub(self.head.len()).min(chunk.len()));
        self.head.extend_from_slice(head);
        if self.opens && self.len <= OPENED_UP_TO && self.is_sealed() {
            self.tail.extend_from_slice(rest);
            return;
        }
        chunk = rest;
        self.tail.extend_from_slice(chunk.get(chunk.len().saturating_sub(TAG_LEN)..).unwrap_or_default());
        let spare = self.tail.len().saturating_sub(TAG_LEN);
        self.tail.drain(..spare);
    }

    fn row_end(&mut self) {
        if self.key.is_empty() || self.len < (ROW_HEADER_LEN + MIN_LEN) as u64 || !self.is_sealed() {
            return;
        }
        let mut value = std::mem::take(&mut self.head);
        value.extend_from_slice(&self.tail);
        let cut = value.len() as u64 != self.len;
        self.too_large += u64::from(cut && self.opens);
        if let Some(Ok(envelope)) = value.get(ROW_HEADER_LEN..).map(Envelope::decode) {
            let place = || Stand { what: format!("Row {}", Escaped(&self.key)), path: self.shown.to_owned(), offset: None };
            let whole = Whole::Row { key: &self.key, value: &value, cut };
            let sighting = Sighting { source: self.source, holder: Holder::PayloadRow, envelope, whole, place: &place };
            (self.visit)(Seen::Sealed(sighting));
        }
        self.head = value;
    }

    fn table(&mut self, _file: usize, _chunk: &[u8]) {
        self.tables = true;
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
