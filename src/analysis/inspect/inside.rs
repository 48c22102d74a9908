//! Directories of one kind of files: what their files say.

use serde_json::json;

use super::{Description, List};
use crate::analysis::server::store::{AppliedIndexState, StoreOpen, open_verdict};
use crate::formats::fsm::FsmName;
use crate::formats::snap::SnapshotData;
use crate::readers::pebble::{GroupStoreFacts, StoreCheck, StoreFacts};
use crate::readers::subject::Inside;
use crate::readers::wal::{Item, WalScan};
use crate::readers::{FsmFacts, SnapDir};
use crate::types::{ByteSize, HlcTimestamp, ServerVersion, escape};

pub(super) fn describe(page: &mut Description, inside: &Inside, name: &str) {
    match inside {
        Inside::Unread => {}
        Inside::Unreadable(why) => page.coverage.missing(name, why.clone()),
        Inside::Log(scan) => log(page, scan),
        Inside::Envelopes(snaps) => envelopes(page, snaps),
        Inside::Payloads(payloads) => self::payloads(page, payloads),
        Inside::Store(store) => self::store(page, store),
        Inside::Offload(store) => super::offload::store(page, store),
    }
}

fn log(page: &mut Description, scan: &WalScan) {
    super::etcd::owner(page, scan);
    let (mut rows, mut state) = (Vec::new(), None);
    for segment in &scan.segments {
        page.coverage.add_file(segment.size);
        let trace = segment.trace(ServerVersion::NEWEST);
        let (mut first, mut last) = (None, None);
        for item in &trace.items {
            let Item::Run(run) = item else { continue };
            if let Some(span) = run.entries {
                first = first.or(Some(span.first.0));
                last = Some(span.last.0);
            }
            state = run.states.map(|span| span.last).or(state);
        }
        let entries = first.zip(last).map_or_else(|| "-".to_owned(), |(first, last)| format!("{first} to {last}"));
        rows.push(vec![segment.seq().to_string(), trace.records.to_string(), entries, ByteSize(segment.size).to_string()]);
    }
    page.plain("segments", scan.segments.len());
    if let Some(state) = state {
        let value = json!({ "term": state.term.0, "vote": state.vote.0, "commit": state.commit.0 });
        page.fact("last_hard_state", value, format_args!("term {}, vote {}, commit {}", state.term, state.vote, state.commit));
    }
    if !rows.is_empty() {
        page.lists.push(List { name: "segments", columns: &[">number", ">records", "entries written", ">size"], rows });
    }
}

fn envelopes(page: &mut Description, snaps: &SnapDir) {
    let rows: Vec<_> = snaps
        .snaps
        .iter()
        .map(|snap| {
            page.coverage.add_file(snap.size);
            let name = escape(&snap.name).into_owned();
            match snap.read(ServerVersion::NEWEST) {
                Ok(content) => {
                    let metadata = &content.metadata;
                    let holds = match content.data {
                        SnapshotData::Token(token) => format!("{:016x}.fsm", token.index.0),
                        SnapshotData::Empty => "nothing".to_owned(),
                        SnapshotData::BadTokenVersion { version } => format!("a token of version {version}"),
                        SnapshotData::LegacyPayload { len } => format!("a payload of {}", ByteSize(len)),
                    };
                    let voters = metadata.conf_state.voters.len();
                    vec![name, metadata.index.to_string(), metadata.term.to_string(), voters.to_string(), holds]
                }
                Err(error) => vec![name, "-".to_owned(), "-".to_owned(), "-".to_owned(), error.to_string()],
            }
        })
        .collect();
    if !rows.is_empty() {
        let columns = &["file", ">index", ">term", ">voters", "points to"];
        page.lists.push(List { name: "snapshots", columns, rows });
    }
}

fn payloads(page: &mut Description, payloads: &[(String, FsmFacts)]) {
    let rows: Vec<_> = payloads
        .iter()
        .map(|(name, facts)| {
            let index = FsmName::parse(name).map_or_else(|| "-".to_owned(), |name| name.index.to_string());
            let mut row = vec![escape(name).into_owned(), index];
            let FsmFacts::File(file) = facts else {
                row.extend(["-", "not a file", "-"].map(str::to_owned));
                return row;
            };
            page.coverage.add_file(file.bytes_read);
            let format = match file.payload.as_ref().map(|payload| (&payload.header, payload.format)) {
                Some((Err(error), _)) => error.to_string(),
                Some((Ok(_), Some(format))) => format.name().to_owned(),
                _ => "too short".to_owned(),
            };
            let footer = file.footer.map_or_else(|| "-".to_owned(), |footer| footer.0.to_string());
            row.extend([ByteSize(file.size).to_string(), format, footer]);
            row
        })
        .collect();
    if !rows.is_empty() {
        let columns = &["file", ">index", ">size", "holds", "states checksum"];
        page.lists.push(List { name: "payloads", columns, rows });
    }
}

fn store(page: &mut Description, store: &StoreFacts) {
    let group = GroupStoreFacts { store: store.clone(), check: StoreCheck::Meta, ..GroupStoreFacts::default() };
    let verdict = open_verdict(&group, ServerVersion::NEWEST);
    page.coverage.files += verdict.coverage.files;
    page.coverage.bytes_examined += verdict.coverage.bytes_examined;
    match &verdict.open {
        StoreOpen::Refused(error) => page.fact("opens", false, format_args!("no: {}", error.text)),
        StoreOpen::Unknown(why) => page.fact("opens", json!(null), format_args!("not known: {why}")),
        StoreOpen::NotChecked | StoreOpen::Opens => page.fact("opens", true, "yes, as far as it says about itself"),
    }
    page.fact("tables", store.live_tables, format_args!("{}, {}", store.live_tables, ByteSize(store.live_bytes)));
    page.plain("logs", store.logs.len());
    match verdict.applied_index {
        AppliedIndexState::Present(applied) => page.plain("applied_index", applied),
        AppliedIndexState::Missing => page.fact("applied_index", json!(null), "not recorded"),
        AppliedIndexState::NotRead | AppliedIndexState::Unreadable => page.fact("applied_index", json!(null), "cannot be read"),
    }
    if let Some(newest) = verdict.last_commit_ts {
        let newest = HlcTimestamp(newest);
        page.fact("newest_write", newest.0, newest.millis());
    }
}
