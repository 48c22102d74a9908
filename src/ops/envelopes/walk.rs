//! One reading of everything that can hold an envelope: log, store and payloads of one group after another.

use std::path::Path;

use super::{Source, opening};
use crate::analysis::Coverage;
use crate::analysis::judge::envelopes::Holder;
use crate::crypto::OpenError;
use crate::error::Result;
use crate::formats::envelope::Envelope;
use crate::formats::fsm::FsmName;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::kv::{EntryClass, Payload, classify};
use crate::formats::layout;
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, RowKey, StoreKey};
use crate::io::{EntryKind, IoOptions};
use crate::readers::fsm_file::examine_visiting;
use crate::readers::pebble::{Store, StorePresence};
use crate::readers::pebble_scan::{Scan, separate};
use crate::readers::sealed_rows::SealedValue;
use crate::readers::source::Run;
use crate::readers::wal::{EntryRange, EntryRanges, Item, WalScan};
use crate::readers::{BodyFacts, Examine, FsmFacts};
use crate::types::{Escaped, HlcTimestamp, ServerVersion};

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

/// Shows every envelope with its place. What cannot be read is said once.
pub(super) fn walk(sources: &[Source<'_>], run: &Run<'_>, visit: Visit<'_>, coverage: &mut Coverage) -> Result<()> {
    let mut missing = |what: String, why: &str| {
        if !coverage.not_examined.iter().any(|known| known.what == what) {
            coverage.missing(what, why);
        }
    };
    for (number, source) in sources.iter().enumerate() {
        let group = &source.facts.group;
        if let Some(scan) = &group.log {
            for_each_entry(scan, |index, (segment, offset), payload| {
                // What cannot be an envelope is an entry that nobody sealed, as far as the log tells.
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
            if !rows_of_store(&path.join(&group.store.store.name), number, &name, run, visit)? {
                missing(format!("the envelopes in rows of {name}"), "the store cannot be read to its end");
            }
        }
        if !source.payloads {
            continue;
        }
        for entry in run.source.list(&path.join(layout::PAYLOADS)).unwrap_or_default() {
            if FsmName::parse(&entry.name).is_none() || entry.kind != EntryKind::File {
                continue;
            }
            let shown = format!("{}/fsm-snap/{}", source.name, entry.name);
            let mut rows = PayloadRows::new(visit, number, &shown, opening(source).is_some());
            let file = path.join(layout::PAYLOADS).join(&entry.name);
            let facts = examine_visiting(&file, Examine { crc: false, walk: true }, &IoOptions::default(), run, &mut rows)?;
            let too_large = rows.too_large;
            let whole = matches!(&facts, FsmFacts::File(file)
                if file.payload.as_ref().and_then(|payload| payload.body.as_ref()).is_some_and(BodyFacts::is_complete));
            if !whole {
                missing(format!("the envelopes in rows of {shown}"), "the payload cannot be read to its end");
            } else if too_large > 0 {
                missing(format!("{too_large} sealed values of {shown}"), "opened they take more memory than --memory grants");
            }
        }
    }
    Ok(())
}

/// Every normal entry record of a log, replaced ones too: their nonces are used up all the same.
pub(super) fn for_each_entry(scan: &WalScan, mut visit: impl FnMut(u64, (&str, u64), Payload<'_>)) {
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
fn rows_of_store(store: &Path, source: usize, name: &str, run: &Run<'_>, visit: Visit<'_>) -> Result<bool> {
    let Ok(store) = Store::open(store, run) else { return Ok(false) };
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
    let StoreKey::Row(RowKey { commit_ts: committed, .. }) = StoreKey::of(key) else { return };
    let Ok(header) = RowHeader::decode(value) else { return };
    if header.encryption != Encryption::Sealed {
        if !header.tombstone {
            visit(Seen::Clear { source, key, committed });
        }
        return;
    }
    let place = || Stand { what: format!("Row {}", Escaped(key)), path: name.to_owned(), offset: None };
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
        let place = || Stand { what: format!("Row {}", Escaped(row.key)), path: self.shown.to_owned(), offset: None };
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
