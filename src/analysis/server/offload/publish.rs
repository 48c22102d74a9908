//! What `elastickv-snapshot-offload publish` would do with a data directory, in its order and words.

use serde::Serialize;

use super::refusal::{Halted, Refusal};
use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::analysis::server::directory::{defragmentation_leftovers, refuse_hashicorp};
use crate::analysis::server::log::valid_snapshots;
use crate::analysis::server::snapshot::{choose, renames, token_refusal};
use crate::analysis::server::types::Rename;
use crate::formats::fsm::{FOOTER_LEN, FsmName};
use crate::formats::go_time::GoTime;
use crate::formats::layout;
use crate::formats::offload::{Manifest, PayloadDescriptor, Sentinel, cleaned_path, manifest_key, normalize_key, payload_key};
use crate::formats::raftpb::ConfState;
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::readers::offload::{ExportPayload, ExportRead, ExportSource, ExportSums, ManifestObject, ManifestRead, ObjectRead};
use crate::readers::{EntryKind, SnapContent, SnapEntry, SnapReadError, SubDir};
use crate::types::{Crc32c, ServerVersion, Sha256Sum, SnapshotId, go_quoted};

/// The version that comes with the program.
pub const PUBLISHER: ServerVersion = ServerVersion::NEWEST;

/// What every error of the first steps begins with.
const OPEN: &str = "open persisted snapshot export";

/// What the caller of the program says beside the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// `--prefix`, cleaned.
    pub prefix: String,
    /// `--source-cluster`, trimmed.
    pub source_cluster: String,
    /// `--binary-version`, trimmed.
    pub binary_version: String,
}

/// Whether an object is in the store already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectState {
    /// It is not there: a publish writes it.
    Absent,
    /// It is there, and is the one that would be written.
    Same,
    /// Something else has its key.
    Different,
    /// It was not looked for, or could not be read.
    Unknown,
}

/// The search for the snapshot.
#[derive(Debug)]
pub struct Choice<'s> {
    /// Names that get `.broken` appended, as a start does it.
    pub would_rename: Vec<Rename>,
    /// Leftovers of another program that the search removes.
    pub would_delete: Vec<String>,
    /// The snapshot, or why there is none.
    pub chosen: Result<Export<'s>, Halted>,
}

/// The snapshot that is published.
#[derive(Debug, Clone, Copy)]
pub struct Export<'s> {
    /// The `.snap` file.
    pub entry: &'s SnapEntry,
    /// What it says.
    content: &'s SnapContent,
    /// What points at the payload; none when the payload lies in the `.snap` file.
    pub token: Option<SnapshotToken>,
}

impl Export<'_> {
    /// Index and term.
    pub fn id(&self) -> SnapshotId {
        self.content.metadata.id()
    }

    /// The members then.
    pub fn conf_state(&self) -> &ConfState {
        &self.content.metadata.conf_state
    }

    /// The payload, below the data directory.
    pub fn payload(&self) -> String {
        match self.token {
            Some(token) => layout::in_payloads(FsmName::of(token.index)),
            None => layout::in_snap(&self.entry.name),
        }
    }
}

/// The refusal of a directory that has nothing to publish, and of one whose snapshots cannot be read: they look alike.
fn nothing() -> Halted {
    Refusal::of("no persisted snapshot available", Sentinel::NotFound, &conditions::OFFLOAD_OBJECT_NOT_FOUND).into()
}

/// Follows the search of a publish in the directory `dir`, as the server's texts name it.
pub fn choose_export<'s>(source: &'s ExportSource, dir: &str) -> Choice<'s> {
    let mut choice = Choice { would_rename: Vec::new(), would_delete: Vec::new(), chosen: Err(nothing()) };
    if is_hashicorp(source) {
        let why = "the directory is one of hashicorp/raft, which nobody publishes with this program";
        choice.chosen = Err(Halted::Undecided(why.to_owned()));
    } else if source.listing.has_log() {
        choice.chosen = search(source, dir, &mut choice.would_rename, &mut choice.would_delete);
    }
    choice
}

/// A log of another backend, and none of this one.
fn is_hashicorp(source: &ExportSource) -> bool {
    let raft_wal = source.listing.wal.entries().iter().any(|entry| entry.name == layout::WAL_META);
    let there = |name: &str| source.listing.kind(name).is_some_and(|kind| kind != EntryKind::Nowhere);
    raft_wal || !source.listing.has_log() && refuse_hashicorp(there).is_some()
}

fn search<'s>(
    source: &'s ExportSource,
    dir: &str,
    would_rename: &mut Vec<Rename>,
    would_delete: &mut Vec<String>,
) -> Result<Export<'s>, Halted> {
    let undecided = |why: String| Err(Halted::Undecided(why));
    let refused = |error: &ServerError| Halted::from(Refusal::as_start(OPEN, error));
    let Some(scan) = &source.log else { return undecided("the log could not be read".to_owned()) };
    if let Some(segment) = scan.unread() {
        return undecided(format!("the segment {} of the log could not be read", segment.file.file_name));
    }
    let valid = valid_snapshots(scan, PUBLISHER).map_err(|error| refused(&error))?;
    let snap = cleaned_path(&format!("{dir}/{}", layout::SNAP));
    match source.listing.snap {
        SubDir::Listed(_) => {}
        SubDir::Absent => {
            let text = format!("open {snap}: no such file or directory");
            return Err(refused(&ServerError::of(&conditions::NO_SUCH_FILE, text)));
        }
        SubDir::NotADirectory => {
            let text = format!("readdirent {snap}: not a directory");
            return Err(refused(&ServerError::of(&conditions::NOT_A_DIRECTORY, text)));
        }
    }
    let leftovers = defragmentation_leftovers(&source.listing);
    would_delete.extend(leftovers.deletes);
    if let Some(error) = leftovers.abort {
        return Err(refused(&error));
    }
    let choice = choose(&source.snaps, PUBLISHER, valid.eligible());
    would_rename.extend(renames(&source.snaps, &choice));
    if let Some(entry) = choice.uncertain {
        return undecided(match entry.read(PUBLISHER) {
            Err(SnapReadError::Unreadable(why)) if !entry.changed => format!("snap/{} cannot be read: {why}", entry.name),
            _ => format!("snap/{} changed while it was read", entry.name),
        });
    }
    let Some((entry, content)) = choice.chosen.and_then(|entry| Some((entry, entry.read(PUBLISHER).as_ref().ok()?))) else {
        return Err(nothing());
    };
    if content.data == SnapshotData::Empty {
        return Err(nothing());
    }
    let (id, members) = (content.metadata.id(), &content.metadata.conf_state);
    if id.index.0 == 0 || id.term.0 == 0 || *members == ConfState::default() {
        let text = format!(
            "snapshot metadata requires non-zero index and term plus ConfState: index={} term={}: etcd persisted snapshot export: \
             invalid source",
            id.index, id.term
        );
        return Err(refused(&ServerError::of(&conditions::OFFLOAD_EXPORT_INVALID, text)));
    }
    if let Some(error) = token_refusal(content.data) {
        return Err(refused(&error));
    }
    let token = match content.data {
        SnapshotData::Token(token) => Some(token),
        SnapshotData::Empty | SnapshotData::LegacyPayload { .. } | SnapshotData::BadTokenVersion { .. } => None,
    };
    if let Some(token) = token.filter(|token| token.index != id.index) {
        let text = format!(
            "token index {} does not match snapshot metadata index {}: fsm snapshot: token format invalid",
            token.index, id.index
        );
        return Err(refused(&ServerError::of(&conditions::FSM_SNAPSHOT_TOKEN_INVALID, text)));
    }
    Ok(Export { entry, content, token })
}

/// What a publish makes of the payload: its length in bytes and its digests. `dir` as the server's texts name it.
pub fn judge_export(export: &Export<'_>, read: &ExportRead, dir: &str) -> Result<(u64, ExportSums), Halted> {
    let below = export.payload();
    let path = cleaned_path(&format!("{dir}/{below}"));
    let opening = |condition, text: String| Err(Refusal::as_start(OPEN, &ServerError::of(condition, text)).into());
    let payload: &ExportPayload = match read {
        ExportRead::Absent => return opening(&conditions::FSM_SNAPSHOT_NOT_FOUND, "fsm snapshot: file not found".to_owned()),
        ExportRead::Directory => return opening(&conditions::IS_A_DIRECTORY, format!("read {path}: is a directory")),
        ExportRead::Unreadable(why) => return Err(Halted::Undecided(format!("{below}: {why}"))),
        ExportRead::Payload(payload) => payload,
    };
    if let Some(why) = &payload.unread {
        return Err(Halted::Undecided(format!("{below} could not be read to its end: {why}")));
    }
    if payload.change.is_some() {
        return Err(Halted::Undecided(format!("{below} changed while it was read")));
    }
    let Some(token) = export.token else {
        let undecided = || Halted::Undecided(format!("{below} could not be read to its end"));
        return Ok((payload.size, payload.sums.ok_or_else(undecided)?));
    };
    let (Some(footer), Some(sums)) = (payload.footer, payload.sums) else {
        let text = format!("file too small: {} bytes (minimum 4): fsm snapshot: file too small to contain footer", payload.size);
        return opening(&conditions::FSM_SNAPSHOT_TOO_SMALL, text);
    };
    if footer.0 != token.crc32c {
        let text = format!(
            "path={path} footer={} token={}: fsm snapshot: token CRC32C mismatch (metadata corrupt)",
            footer.0, token.crc32c
        );
        return opening(&conditions::FSM_SNAPSHOT_TOKEN_CRC, text);
    }
    if sums.crc32c != token.crc32c {
        let text = format!(
            "exported payload computed={} token={}: fsm snapshot: file CRC32C mismatch (file corrupt)",
            sums.crc32c, token.crc32c
        );
        let error = ServerError::of(&conditions::FSM_SNAPSHOT_FILE_CRC, text);
        return Err(Refusal::as_start("spool persisted snapshot export", &error).into());
    }
    Ok((payload.size.saturating_sub(FOOTER_LEN as u64), sums))
}

/// The key under which a payload is published, or the refusal of the prefix.
pub fn published_payload_key(prefix: &str, digest: Sha256Sum) -> Result<String, Halted> {
    let key = payload_key(prefix, digest);
    if normalize_key(&key).is_none() {
        let text =
            format!("verify existing snapshot payload: head existing object: invalid object key {}", go_quoted(key.as_bytes()));
        return Err(Refusal::of(text, Sentinel::InvalidOptions, &conditions::OFFLOAD_INVALID_OBJECT_KEY).into());
    }
    Ok(key)
}

/// The manifest, but for the time and its own digest, which are set when it is written.
pub fn planned_manifest(
    export: &Export<'_>,
    payload_key: String,
    (bytes, sums): (u64, ExportSums),
    group_id: u64,
    options: &PublishOptions,
) -> Manifest {
    let id = export.id();
    Manifest {
        created_at: GoTime::default(),
        source_cluster: options.source_cluster.clone(),
        group_id,
        snapshot_index: id.index,
        snapshot_term: id.term,
        conf_state: ConfState { unknown_fields: false, ..export.conf_state().clone() },
        payload: PayloadDescriptor {
            key: payload_key,
            bytes,
            sha256: sums.sha256,
            // A payload that lay in the .snap file has no checksum of its own.
            source_crc32c: export.token.map_or(Crc32c(0), |token| token.crc32c),
        },
        binary_version: options.binary_version.clone(),
        manifest_key: manifest_key(&options.prefix, group_id, id.index, id.term),
        manifest_sha256: Sha256Sum([0; 32]),
        lists_nobody: false,
    }
}

/// The program's look at the payload in the store, before it uploads.
pub fn against_payload(key: &str, (bytes, sums): (u64, ExportSums), found: &ObjectRead) -> (ObjectState, Result<(), Halted>) {
    const WHAT: &str = "verify existing snapshot payload";
    let exists = &conditions::OFFLOAD_ALREADY_EXISTS_WITH_DIFFERENT_CONTENT;
    match found {
        ObjectRead::Absent => (ObjectState::Absent, Ok(())),
        ObjectRead::NotRegular => {
            let text = format!("{WHAT}: head existing object: object {key} is not a regular file");
            let refusal = Refusal::of(text, Sentinel::InvalidOptions, exists);
            (ObjectState::Different, Err(refusal.into()))
        }
        ObjectRead::Object(facts) if facts.change.is_none() && facts.unread.is_none() => {
            let different = |what: &str| {
                let text = format!("{WHAT}: object {key} already exists with different {what}");
                (ObjectState::Different, Err(Refusal::of(text, Sentinel::Integrity, exists).into()))
            };
            match facts.sums {
                _ if facts.size != bytes => different("size"),
                Some(found) if found.sha256 != sums.sha256 => different("content"),
                Some(_) => (ObjectState::Same, Ok(())),
                None => (ObjectState::Unknown, Err(Halted::Undecided(format!("the object {key} was not read")))),
            }
        }
        ObjectRead::Object(_) => {
            (ObjectState::Unknown, Err(Halted::Undecided(format!("the object {key} changed while it was read, or could not be"))))
        }
        ObjectRead::Impossible(why) => {
            let text = format!("{WHAT}: head existing object: stat {key}: {why}");
            (ObjectState::Different, Err(Refusal::plain(text, exists).into()))
        }
        ObjectRead::NotAsked => {
            let why = format!("the object {key} lies outside of the directory that was named as the store");
            (ObjectState::Unknown, Err(Halted::Undecided(why)))
        }
        ObjectRead::Unreadable(why) => {
            (ObjectState::Unknown, Err(Halted::Undecided(format!("the object {key} cannot be read: {why}"))))
        }
    }
}

/// The fields in which two manifests of one key are not the same.
pub fn differences(planned: &Manifest, found: &Manifest) -> Vec<&'static str> {
    let fields = [
        ("source_cluster", planned.source_cluster == found.source_cluster),
        ("group_id", planned.group_id == found.group_id),
        ("snapshot_index", planned.snapshot_index == found.snapshot_index),
        ("snapshot_term", planned.snapshot_term == found.snapshot_term),
        ("conf_state", planned.conf_state == found.conf_state),
        ("payload", planned.payload == found.payload),
        ("binary_version", planned.binary_version == found.binary_version),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
}

/// The program's look at the manifest in the store, behind that at the payload.
pub fn against_manifest(planned: &Manifest, found: Option<&ManifestObject>) -> (ObjectState, Result<(), Halted>) {
    const LOAD: &str = "load existing snapshot manifest: ";
    let key = &planned.manifest_key;
    let exists = &conditions::OFFLOAD_ALREADY_EXISTS_WITH_DIFFERENT_CONTENT;
    let Some(found) = found else { return (ObjectState::Absent, Ok(())) };
    let different = |refusal: Refusal| (ObjectState::Different, Err(Halted::from(refusal)));
    let unknown = |why: String| (ObjectState::Unknown, Err(Halted::Undecided(why)));
    match &found.read {
        ManifestRead::Refused(refusal) => different(Refusal::manifest(LOAD, refusal)),
        ManifestRead::NotRegular => {
            let text = format!("head existing snapshot manifest: object {key} is not a regular file");
            different(Refusal::of(text, Sentinel::InvalidOptions, exists))
        }
        ManifestRead::Unreadable(why) => unknown(format!("the manifest {key} in the store cannot be read: {why}")),
        ManifestRead::Unsettled => unknown(format!("the manifest {key} in the store changed every time it was read")),
        ManifestRead::Accepted { manifest, .. } if !manifest.is_at(key) => {
            let text = format!("{LOAD}manifest key mismatch: loaded {key}, body says {}", manifest.manifest_key);
            different(Refusal::of(text, Sentinel::Integrity, &conditions::OFFLOAD_MANIFEST_KEY_MISMATCH))
        }
        ManifestRead::Accepted { manifest, .. } => match (planned.is_same_snapshot(manifest), manifest.lists_nobody) {
            (true, false) => (ObjectState::Same, Ok(())),
            // It takes an empty list that is written out for another value than one that is left out.
            (true, true) => unknown(format!(
                "the manifest {key} in the store says the same, but writes out an empty list of members, as no publisher does"
            )),
            (false, _) => {
                let text = format!("manifest object {key} already exists with different content");
                different(Refusal::of(text, Sentinel::Integrity, exists))
            }
        },
    }
}
