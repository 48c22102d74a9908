//! Small files, and the record files of a store, from their bytes.

use serde_json::json;

use super::{Description, List};
use crate::analysis::hraft::findings::raftwal::judge_segment;
use crate::analysis::judge::codes::files as codes;
use crate::analysis::judge::packed::{NOT_UNPACKED, does_not_unpack, not_opened};
use crate::analysis::judge::store::lone::records_end;
use crate::analysis::server::conditions;
use crate::analysis::server::peers::decode_refusal;
use crate::analysis::{Finding, ServerError};
use crate::formats::detect::{FileKind, store_log_number};
use crate::formats::foreign::{packed_by, resembles};
use crate::formats::kv::classify;
use crate::formats::legacy::{self, LegacyEntry, LegacyError, LegacyState};
use crate::formats::pebble::{Batch, Records, RecordsEnd, StoreFileName, StoreOptions, VersionEdit};
use crate::formats::peers::{Peer, PeersFile, Suffrage};
use crate::formats::raftpb::ProtoRules;
use crate::formats::sidecar::Sidecar;
use crate::formats::unpack::{PackFault, Packing};
use crate::readers::hraft::wal::{SegmentRole, read_segment};
use crate::readers::keys::looks_like_key;
use crate::readers::subject::Subject;
use crate::types::{Escaped, NodeId, ServerVersion};

/// Entries and tables that are listed one by one.
const LISTED: usize = 20;
/// Bytes that are shown of a file that is not understood.
const SHOWN: usize = 64;
/// Bytes that a file of another program is guessed from.
const RESEMBLES: usize = 1 << 16;

pub(super) fn describe(page: &mut Description, kind: FileKind, subject: &Subject, bytes: &[u8]) {
    let in_part = matches!(
        kind,
        FileKind::Unfinished | FileKind::WalReserve | FileKind::Hashicorp | FileKind::ToolJson | FileKind::Unknown
    );
    page.coverage.bytes_examined += if in_part { subject.size.min(SHOWN as u64) } else { subject.size };
    let path = subject.display.as_str();
    match kind {
        FileKind::Peers => peers(page, path, bytes),
        FileKind::LegacyState => legacy_state(page, path, legacy::decode_state(bytes, ProtoRules::Google)),
        FileKind::LegacyMetadata => legacy_state(page, path, legacy::decode_metadata(bytes, ProtoRules::Google)),
        FileKind::LegacyEntries => match legacy::decode_entries(bytes, ProtoRules::Google) {
            Ok(entries) => legacy_entries(page, &entries),
            Err(error) => legacy_refusal(page, path, &error),
        },
        FileKind::Sidecar => sidecar(page, path, bytes),
        FileKind::OffloadManifest => super::offload::manifest(page, path, bytes),
        FileKind::DumpArchive => super::dump::archive(page, path, bytes),
        FileKind::Compressed => compressed(page, path, bytes),
        FileKind::RaftWalSegment => raftwal_segment(page, subject, bytes),
        FileKind::EtcdStore => super::etcd::store(page, path, bytes),
        FileKind::EngineMarker => marker(page, path, bytes),
        FileKind::Manifest => manifest(page, path, bytes),
        FileKind::StoreLog => store_log(page, subject, bytes),
        FileKind::Options => options(page, path, bytes),
        FileKind::StoreMarker => store_marker(page, &subject.name),
        FileKind::Kek => page.plain("usable", subject.size == 32),
        FileKind::Unfinished | FileKind::WalReserve | FileKind::Hashicorp | FileKind::ToolJson | FileKind::Unknown => {
            first_bytes(page, kind, bytes, subject.show_bytes);
        }
        // Kinds with a reader of their own.
        FileKind::OffloadPayload
        | FileKind::HashicorpArchive
        | FileKind::SnapshotPayload
        | FileKind::SnapshotEnvelope
        | FileKind::WalSegment
        | FileKind::Table => {}
    }
}

/// What was compressed and not unpacked: damaged, or by a program whose files are not opened.
fn compressed(page: &mut Description, path: &str, bytes: &[u8]) {
    let packer = Packing::of(bytes).map(Packing::name).or_else(|| packed_by(bytes)).unwrap_or_default();
    page.plain("compressed_with", packer);
    match Packing::of(bytes).map(|packing| PackFault::find(packing, bytes, &mut |_| true)) {
        Some(Ok(Some(fault))) if fault.is_limit => page.coverage.missing(path, fault.words),
        Some(Ok(Some(fault))) => page.findings.push(does_not_unpack(path, &fault)),
        Some(_) => page.coverage.missing(path, NOT_UNPACKED),
        None => page.coverage.missing(path, not_opened(packer)),
    }
}

/// A segment of raft-wal, of which nothing else is known.
fn raftwal_segment(page: &mut Description, subject: &Subject, bytes: &[u8]) {
    let facts = match read_segment(bytes, SegmentRole::Alone) {
        Ok(facts) => facts,
        Err(over) => return page.coverage.missing(subject.display.clone(), over.to_string()),
    };
    if let Ok(header) = facts.header {
        page.plain("first_index", header.base);
        page.plain("id", header.id);
        page.plain("codec", header.codec);
    }
    page.plain("entries", facts.offsets.len());
    page.plain("commits", facts.commits);
    page.fact("complete", facts.complete(), if facts.complete() { "yes" } else { "no: it is the last one, or was" });
    judge_segment(&subject.display, &subject.name, &facts, &mut page.findings);
}

fn peers(page: &mut Description, path: &str, bytes: &[u8]) {
    let file = match PeersFile::decode_any(bytes) {
        Ok(file) => file,
        Err(error) => {
            let said = decode_refusal(&error);
            page.findings.push(refused(&codes::PEERS_REFUSED, path, error.at, &error.kind.to_string(), &said));
            return;
        }
    };
    page.plain("version", file.version);
    page.plain("index", file.index.0);
    let readable: Vec<_> = ServerVersion::ALL.into_iter().filter(|engine| PeersFile::decode(bytes, *engine).is_ok()).collect();
    let names: Vec<_> = readable.iter().map(|engine| engine.name()).collect();
    page.fact("readable_by", json!(names), names.join(", "));
    page.lists.push(List { name: "peers", columns: PEER_COLUMNS, rows: file.peers.iter().map(peer_row).collect() });
    if let Some(seed) = &file.seed {
        page.fact(
            "bootstrap_seed_active",
            seed.active,
            if seed.active { "yes: a start with another list is refused" } else { "no" },
        );
        let rows: Vec<_> = seed.peers.iter().map(peer_row).collect();
        if !rows.is_empty() {
            page.lists.push(List { name: "bootstrap seed", columns: PEER_COLUMNS, rows });
        }
    }
    if file.trailing > 0 {
        page.fact("trailing_bytes", file.trailing, format_args!("{}, which both servers ignore", file.trailing));
    }
    for peer in file.peers.iter().filter(|peer| !peer.id.is_empty() && peer.node_id != NodeId(0)) {
        let hash = NodeId::of_bytes(peer.id);
        if hash != peer.node_id {
            let message = format!("Peer {} is listed with a node id that is not derived from its raft id.", Escaped(peer.id));
            page.findings.push(Finding::new(&codes::PEERS_NODE_ID, message).at(path).expected(hash).found(peer.node_id));
        }
    }
}

const PEER_COLUMNS: &[&str] = &["raft id", "node id", "suffrage", "address"];

fn peer_row(peer: &Peer<'_>) -> Vec<String> {
    let suffrage = match peer.suffrage {
        Suffrage::Voter => "voter",
        Suffrage::Learner => "learner",
    };
    vec![Escaped(peer.id).to_string(), format!("{:016x}", peer.node_id.0), suffrage.to_owned(), Escaped(peer.address).to_string()]
}

fn refused(
    code: &'static crate::analysis::judge::codes::CodeInfo,
    path: &str,
    at: u64,
    problem: &str,
    said: &ServerError,
) -> Finding {
    Finding::new(code, format!("It does not fit its format: {problem}. A start says: {}", said.text)).at(path).offset(at)
}

fn legacy_state(page: &mut Description, path: &str, state: Result<LegacyState<'_>, LegacyError>) {
    let state = match state {
        Ok(state) => state,
        Err(error) => return legacy_refusal(page, path, &error),
    };
    page.plain("term", state.hard_state.term.0);
    page.fact("vote", state.hard_state.vote.0, state.hard_state.vote);
    page.plain("commit", state.hard_state.commit.0);
    page.plain("snapshot_index", state.snapshot.metadata.index.0);
    page.plain("snapshot_term", state.snapshot.metadata.term.0);
    page.plain("snapshot_data_bytes", state.snapshot.data.len());
    if !state.entries.is_empty() || state.missing_entries > 0 {
        legacy_entries(page, &state.entries);
    }
    if state.missing_entries > 0 {
        let message = format!("The count promises {} more entries than the file holds.", state.missing_entries);
        page.findings.push(Finding::new(&codes::LEGACY_REFUSED, message).at(path));
    }
    if state.trailing > 0 {
        page.fact("trailing_bytes", state.trailing, format_args!("{}, which the server ignores", state.trailing));
    }
}

fn legacy_entries(page: &mut Description, entries: &[LegacyEntry<'_>]) {
    page.plain("entries", entries.len());
    let row = |at: &LegacyEntry<'_>| {
        let class = classify(at.entry.kind, at.entry.data).class;
        vec![at.entry.index.to_string(), at.entry.term.to_string(), class.to_string(), at.entry.data.len().to_string()]
    };
    let rows: Vec<_> = entries.iter().take(LISTED).map(row).collect();
    if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
        page.plain("first_index", first.entry.index.0);
        page.plain("last_index", last.entry.index.0);
    }
    page.lists.push(List { name: "first entries", columns: &[">index", ">term", "class", ">bytes"], rows });
}

fn legacy_refusal(page: &mut Description, path: &str, error: &LegacyError) {
    let (problem, said) = match error {
        LegacyError::Frame(frame) => (frame, decode_refusal(frame)),
        LegacyError::Message(message) => (message, ServerError::plain(&conditions::PROTO)),
    };
    page.findings.push(refused(&codes::LEGACY_REFUSED, path, problem.at, &problem.kind.to_string(), &said));
}

fn sidecar(page: &mut Description, path: &str, bytes: &[u8]) {
    let sidecar = match Sidecar::parse(bytes) {
        Ok(sidecar) => sidecar,
        Err(error) => {
            let message = format!("A start with encryption says: {error}");
            page.findings.push(Finding::new(&codes::SIDECAR_REFUSED, message).at(path));
            return;
        }
    };
    page.plain("version", sidecar.version);
    page.plain("raft_applied_index", sidecar.raft_applied_index.0);
    page.plain("storage_envelope_active", sidecar.storage_envelope_active);
    page.plain("storage_envelope_cutover_index", sidecar.storage_envelope_cutover_index.0);
    let cutover = sidecar.raft_envelope_cutover_index.0;
    let meaning = match cutover {
        0 => "0: entries are not sealed".to_owned(),
        index => format!("{index}: entries above it are sealed; pr934 refuses to start"),
    };
    page.fact("raft_envelope_cutover_index", cutover, meaning);
    page.plain("active_storage", sidecar.active_storage);
    page.plain("active_raft", sidecar.active_raft);
    let rows = sidecar.keys.iter().map(|(id, key)| {
        let escaped = |text: &str| Escaped(text.as_bytes()).to_string();
        vec![escaped(id), escaped(&key.purpose), key.local_epoch.to_string(), escaped(&key.created), key.wrapped_len.to_string()]
    });
    let columns = &[">key", "purpose", ">local epoch", "created", ">wrapped bytes"];
    page.lists.push(List { name: "keys", columns, rows: rows.collect() });
}

fn marker(page: &mut Description, path: &str, bytes: &[u8]) {
    let text = Escaped(bytes.trim_ascii()).to_string();
    let known = bytes.trim_ascii().is_empty() || bytes.trim_ascii().eq_ignore_ascii_case(b"etcd");
    page.plain("engine", text.clone());
    if !known {
        let message = "The marker names an engine that the server does not have; every start is refused.";
        page.findings.push(Finding::new(&codes::MARKER_REFUSED, message).at(path).expected("etcd").found(text));
    }
}

fn manifest(page: &mut Description, path: &str, bytes: &[u8]) {
    let mut records = Records::of_manifest(bytes);
    let (mut edits, mut added, mut deleted) = (0_u64, 0_usize, 0_usize);
    let (mut comparer, mut next_file, mut last_seq) = (None, None, None);
    for record in records.by_ref() {
        match VersionEdit::decode(&record.payload) {
            Ok(edit) => {
                edits += 1;
                added += edit.new_tables.len();
                deleted += edit.deleted_tables.len();
                comparer = comparer.or(edit.comparer);
                next_file = edit.next_file.or(next_file);
                last_seq = edit.last_seq.or(last_seq);
            }
            Err(error) => {
                page.damaged(path, record.offset, format!("A version edit does not decode: {error}."));
                break;
            }
        }
    }
    page.plain("edits", edits);
    page.plain("tables_added", added);
    page.plain("tables_deleted", deleted);
    if let Some(comparer) = comparer {
        page.plain("comparer", Escaped(&comparer).to_string());
    }
    if let Some(next) = next_file {
        page.plain("next_file", next.0);
    }
    if let Some(seq) = last_seq {
        page.plain("last_sequence", seq.0);
    }
    ends(page, path, records.end(), bytes);
}

/// How a file of records ends.
fn ends(page: &mut Description, path: &str, end: Option<RecordsEnd>, bytes: &[u8]) {
    let Some(end) = end else { return };
    let at = end.at();
    let Some(defect) = end.defect() else {
        page.fact("end", json!({ "offset": at, "kind": "clean" }), format_args!("clean, at {at}"));
        return;
    };
    let value = json!({ "offset": at, "kind": "defect", "defect": defect.to_string() });
    page.fact("end", value, format_args!("{defect}, at {at}"));
    page.findings.extend(records_end(path, end, bytes, &mut page.coverage));
}

fn store_log(page: &mut Description, subject: &Subject, bytes: &[u8]) {
    let number = store_log_number(&subject.name, bytes);
    let mut records = Records::of_log(bytes, number);
    let (mut batches, mut entries) = (0_u64, 0_u64);
    let mut first = None;
    for record in records.by_ref() {
        match Batch::decode(&record.payload) {
            Ok(batch) => {
                first = first.or(Some(batch.seq.0));
                batches += 1;
                entries += u64::from(batch.count);
            }
            Err(error) => {
                page.damaged(&subject.display, record.offset, format!("A write batch does not decode: {error}."));
                break;
            }
        }
    }
    page.plain("number", number.0);
    page.plain("batches", batches);
    page.plain("entries", entries);
    if let Some(first) = first {
        page.plain("first_sequence", first);
    }
    ends(page, &subject.display, records.end(), bytes);
}

fn options(page: &mut Description, path: &str, bytes: &[u8]) {
    match StoreOptions::parse(bytes) {
        Ok(options) => {
            let optional = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            page.plain("comparer", optional(options.comparer));
            page.plain("merger", optional(options.merger));
            page.plain("format_major_version", optional(options.format_major_version));
            page.plain("disable_wal", options.disable_wal);
        }
        Err(error) => page.damaged(path, error.at, format!("A start refuses the file: {}.", error.text)),
    }
}

fn store_marker(page: &mut Description, name: &str) {
    match StoreFileName::parse(name) {
        StoreFileName::Marker(marker) => {
            page.plain("about", marker.name);
            page.plain("iteration", marker.iteration);
            page.plain("value", marker.value);
        }
        StoreFileName::Lock => page.plain("purpose", "exists for its lock alone"),
        StoreFileName::Current => page.plain("purpose", "left for old programs, never read"),
        _ => {}
    }
}

/// True when there is a word that may be a key, or the half of one, in hex or base64.
fn holds_key_text(bytes: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    bytes.split(|byte| !digit(byte)).any(|word| word.len() > 16)
}

fn first_bytes(page: &mut Description, kind: FileKind, bytes: &[u8], wanted: bool) {
    let note = match kind {
        FileKind::Unfinished => "left by a crash or being written now; a start deletes or ignores it",
        FileKind::WalReserve => "made in advance for the next segment; its content does not matter",
        FileKind::Hashicorp => "its presence in a group directory makes a start refuse the directory",
        FileKind::ToolJson => "of no interest to a start",
        _ => "",
    };
    if !note.is_empty() {
        page.plain("note", note);
    }
    if kind == FileKind::Hashicorp {
        page.coverage
            .skipped("the pages of the file", "only its first bytes were looked at; wal verify reads all of a node's stores");
    }
    if kind == FileKind::Unknown
        && let Some(what) = resembles(bytes.get(..RESEMBLES).unwrap_or(bytes))
    {
        page.plain("looks_like", what);
    }
    if bytes.is_empty() {
        return;
    }
    if matches!(kind, FileKind::Unknown | FileKind::ToolJson) {
        // What nobody knows may be a key, under any name.
        if looks_like_key(bytes) || holds_key_text(bytes.get(..SHOWN).unwrap_or(bytes)) {
            page.plain("content", "never shown: it has the length of a key, or text as long as one");
            return;
        }
        if !wanted {
            page.plain("content", "not shown: it may be a key or a secret; --show-bytes shows its first bytes");
            return;
        }
    }
    let rows = bytes.chunks(16).take(SHOWN / 16).enumerate().map(|(line, chunk)| {
        let hex: Vec<_> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = chunk.iter().map(|&b| if (0x20..0x7f).contains(&b) { char::from(b) } else { '.' }).collect();
        vec![format!("{:04x}", line * 16), hex.join(" "), text]
    });
    page.lists.push(List { name: "first bytes", columns: &["offset", "hex", "text"], rows: rows.collect() });
}
