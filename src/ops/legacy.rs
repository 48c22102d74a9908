//! The state files from before the log, for a start that finds no log.

use std::path::Path;

use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::analysis::server::legacy::{LegacyLog, LegacyView, StoredEntry};
use crate::analysis::server::peers::decode_refusal;
use crate::error::Result;
use crate::formats::layout;
use crate::formats::legacy::{LegacyError, LegacyState, decode_entries, decode_metadata, decode_state};
use crate::formats::raftpb::ProtoRules;
use crate::readers::source::Source;
use crate::readers::{EntryKind, GroupListing, PayloadFacts};
use crate::types::ServerVersion;

/// Why reading stops before everything was decoded.
type LegacyEnd = LegacyView;

/// Reads the state files in the server's order of preference. `None`: there are none.
pub(super) fn read(
    group: &Path,
    listing: &GroupListing,
    engine: ServerVersion,
    source: &dyn Source,
) -> Result<Option<LegacyView>> {
    let files = Files { group, listing, source };
    let rules = ProtoRules::from(engine);
    let read = if files.there(layout::LEGACY_METADATA) {
        read_split(&files, rules)?
    } else if files.there(layout::LEGACY_STATE) {
        files.decode(layout::LEGACY_STATE, |bytes| {
            let state = decode_state(bytes, rules)?;
            let body = body_of(state.snapshot.data);
            Ok(LegacyLog { body, entries: entries_of(&state), ..without_data(state) })
        })?
    } else {
        return Ok(None);
    };
    Ok(Some(match read {
        Ok(log) => LegacyView::Migrates(Box::new(log)),
        Err(stop) => stop,
    }))
}

/// Metadata, entries and the body of the snapshot in files of their own; only the first has to be there.
fn read_split(files: &Files<'_>, rules: ProtoRules) -> Result<std::result::Result<LegacyLog, LegacyEnd>> {
    let metadata = files.decode(layout::LEGACY_METADATA, |bytes| Ok(without_data(decode_metadata(bytes, rules)?)))?;
    let mut log = match metadata {
        Ok(log) => log,
        Err(stop) => return Ok(Err(stop)),
    };
    if files.there(layout::LEGACY_ENTRIES) {
        let entries = files.decode(layout::LEGACY_ENTRIES, |bytes| {
            Ok(decode_entries(bytes, rules)?.iter().map(|entry| StoredEntry::from(entry.entry)).collect())
        })?;
        match entries {
            Ok(entries) => log.entries = entries,
            Err(stop) => return Ok(Err(stop)),
        }
    }
    if files.there(layout::LEGACY_PAYLOAD) {
        match files.decode(layout::LEGACY_PAYLOAD, |bytes| Ok(body_of(bytes)))? {
            Ok(body) => log.body = body,
            Err(stop) => return Ok(Err(stop)),
        }
    }
    Ok(Ok(log))
}

fn without_data(state: LegacyState<'_>) -> LegacyLog {
    LegacyLog { snapshot: state.snapshot.metadata, hard_state: state.hard_state, ..LegacyLog::default() }
}

/// The entries of the one file that holds everything. A count that promises more than there is stands for empty ones.
fn entries_of(state: &LegacyState<'_>) -> Vec<StoredEntry> {
    let there = state.entries.iter().map(|entry| StoredEntry::from(entry.entry));
    let promised = (0..state.missing_entries).map(|_| StoredEntry::from(crate::formats::raftpb::Entry::default()));
    there.chain(promised).collect()
}

fn body_of(data: &[u8]) -> Option<PayloadFacts> {
    (!data.is_empty()).then(|| PayloadFacts::of(data, true))
}

struct Files<'g> {
    group: &'g Path,
    listing: &'g GroupListing,
    source: &'g dyn Source,
}

impl Files<'_> {
    /// True when a start finds something under that name; a link to nothing is as good as no file.
    fn there(&self, name: &str) -> bool {
        self.listing.kind(name).is_some_and(|kind| kind != EntryKind::Nowhere)
    }

    fn decode<T>(
        &self,
        name: &str,
        decode: impl FnOnce(&[u8]) -> std::result::Result<T, LegacyError>,
    ) -> Result<std::result::Result<T, LegacyEnd>> {
        match self.listing.kind(name) {
            Some(EntryKind::Directory) => {
                let error = ServerError::of(&conditions::IS_A_DIRECTORY, format!("read {name}: is a directory"));
                return Ok(Err(LegacyView::Refused(error)));
            }
            Some(EntryKind::File) => {}
            _ => return Ok(Err(LegacyView::Undecided(format!("{name} is not a regular file")))),
        }
        let file = match self.source.map(&self.group.join(name)) {
            Ok(file) => file,
            Err(error) => return Ok(Err(LegacyView::Undecided(format!("{name} cannot be read: {}", error.reason())))),
        };
        let decoded = decode(file.bytes());
        file.delivered()?;
        Ok(decoded.map_err(|error| LegacyView::Refused(refusal(&error))))
    }
}

fn refusal(error: &LegacyError) -> ServerError {
    match error {
        LegacyError::Frame(error) => decode_refusal(error),
        LegacyError::Message(error) => ServerError::of(&conditions::PROTO, format!("proto: {error}")).named("proto"),
    }
}
