//! The state files from before the log, for a start that finds no log.

use std::path::Path;

use crate::analysis::ServerError;
use crate::analysis::server::LegacyView;
use crate::analysis::server::peers::decode_refusal;
use crate::analysis::server::snapshot::{Forecast, legacy_restore};
use crate::error::Result;
use crate::formats::legacy::{LegacyError, LegacyState, decode_entries, decode_metadata, decode_state};
use crate::formats::raftpb::ProtoRules;
use crate::io::MappedFile;
use crate::readers::{GroupListing, PayloadFacts};
use crate::types::ServerVersion;

/// Reads the legacy files in the server's order of preference. `None`: there are none.
pub(super) fn read(group: &Path, listing: &GroupListing, engine: ServerVersion) -> Result<Option<LegacyView>> {
    let rules = ProtoRules::from(engine);
    if listing.has("etcd-raft-meta.bin") {
        let meta = MappedFile::open(&group.join("etcd-raft-meta.bin"))?;
        let decoded = decode_metadata(meta.bytes(), rules);
        meta.delivered()?;
        let state = match decoded {
            Ok(state) => state,
            Err(error) => return Ok(Some(LegacyView::Refused(refusal(&error)))),
        };
        let mut last = None;
        if listing.has("etcd-raft-entries.bin") {
            let entries = MappedFile::open(&group.join("etcd-raft-entries.bin"))?;
            let decoded = decode_entries(entries.bytes(), rules);
            entries.delivered()?;
            match decoded {
                Ok(entries) => last = entries.last().map(|entry| entry.entry.index.0),
                Err(error) => return Ok(Some(LegacyView::Refused(refusal(&error)))),
            }
        }
        if !listing.has("etcd-fsm-snapshot.bin") {
            return Ok(Some(view(&state, &[], last, engine)));
        }
        let payload = MappedFile::open(&group.join("etcd-fsm-snapshot.bin"))?;
        let view = view(&state, payload.bytes(), last, engine);
        payload.delivered()?;
        return Ok(Some(view));
    }
    if listing.has("etcd-raft-state.bin") {
        let file = MappedFile::open(&group.join("etcd-raft-state.bin"))?;
        let decoded = decode_state(file.bytes(), rules);
        file.delivered()?;
        return Ok(Some(match decoded {
            Ok(state) => {
                let last = state.entries.last().map(|entry| entry.entry.index.0);
                view(&state, state.snapshot.data, last, engine)
            }
            Err(error) => LegacyView::Refused(refusal(&error)),
        }));
    }
    Ok(None)
}

fn view(state: &LegacyState<'_>, data: &[u8], last: Option<u64>, engine: ServerVersion) -> LegacyView {
    let metadata = &state.snapshot.metadata;
    let restores = metadata.index.0 > 0 && !data.is_empty();
    if restores && let Forecast::Refused(error) = legacy_restore(&PayloadFacts::of(data, true), engine) {
        return LegacyView::Refused(error);
    }
    LegacyView::Migrates {
        snapshot_index: metadata.index.0,
        snapshot_term: metadata.term.0,
        has_data: !data.is_empty(),
        commit: state.hard_state.commit.0,
        term: state.hard_state.term.0,
        last_index: last.unwrap_or(metadata.index.0),
    }
}

fn refusal(error: &LegacyError) -> ServerError {
    match error {
        LegacyError::Frame(error) => decode_refusal(error),
        LegacyError::Message(error) => ServerError::new("proto", format!("proto: {error}")),
    }
}
